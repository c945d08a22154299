//! From a request to an invoice whose lines are fixed.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::{BillableLine, LineStatus};
use domain::engagement::Engagement;
use domain::event::InvoiceRequested as Requested;
use domain::id::derive;
use domain::invoice::{Invoice, InvoiceGenerated, InvoiceStatus};
use domain::invoicing::{Chosen, Header, Release, choose};
use domain::{Event, TenantConfig};
use events::Envelope;
use jiff::Timestamp;
use journal::{Commit, EntryOutcome, JournalEntry, JournalError, Key, LINES_AN_INVOICE, LineRecord};
use runtime::Context;
use workflow::StepError;

use crate::deposits::{Drawn, draw};

/// Writers that may meet at one invoice.
const MOST_ROUNDS: usize = 10;
/// Type of the entry of an invoice whose lines were fixed: no event of the bus has it.
const FIXED: &str = "q2c.invoice.lines-fixed.v1";

/// What a request comes to.
pub(crate) enum Collected {
    /// The invoice, its lines fixed; it may own none.
    Invoice(Box<Invoice>),
    /// Nothing, for a reason; its lines wait.
    Nothing {
        /// The reason.
        why: String,
        /// The invoice of lines that need another header, which is asked for all the same.
        beside: Option<Box<Requested>>,
    },
}

/// The invoice with the lines that its request chooses. Lines are taken only while it is collecting: once it
/// went to the ERP, a late line waits for the next invoice.
pub(crate) async fn collect(
    context: &Context,
    event: &Envelope,
    engagement: &Engagement,
    config: &TenantConfig,
    requested: &Requested,
) -> Result<Collected, StepError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    let id = &engagement.engagement;
    for _ in 0..MOST_ROUNDS {
        let known = journal.invoice(tenant, id, &requested.invoice).await?;
        if let Some(fixed) = known.body.as_ref().filter(|i| i.status != InvoiceStatus::Collecting) {
            return Ok(Collected::Invoice(Box::new(fixed.clone())));
        }
        let version = known.body.as_ref().map(|begun| begun.contract_version).or(requested.contract_version);
        let terms = terms(context, tenant, engagement, version).await?;
        let commit = if known.body.is_some() {
            let chosen = chosen(context, tenant, &terms, requested).await?;
            let take: Vec<Key> =
                chosen.take.iter().map(|l| Key::line(tenant, id.as_str(), l.as_str())).collect();
            let now = context.clock.now();
            let collected = journal.collect_these(tenant, id, known, &take, now).await?;
            let Some(taken) = collected.body.filter(Invoice::is_collecting) else { continue };
            let Drawn { invoice, writes } = draw(context, tenant, engagement, taken, now).await?;
            let Some(fixed) = invoice.fix_lines() else { continue };
            let fixed = released(fixed, engagement, config, now);
            let mut commit = fix(context, event, &fixed, collected.version, chosen, now)?;
            commit.writes.extend(writes);
            commit
        } else {
            if let Some(least) = requested.minimum
                && let Chosen { too_little: Some(sum), beside, .. } =
                    chosen(context, tenant, &terms, requested).await?
            {
                let why = format!("{sum} is ready, less than the policy's {least}");
                return Ok(Collected::Nothing { why, beside: beside.map(Box::new) });
            }
            let fresh = Invoice::request(&terms, requested.invoice.clone(), requested.reason.clone());
            Commit::default()
                .write(journal.write_invoice(tenant, id, &fresh, known.version, context.clock.now())?)
                .write(journal.write_owner(tenant, requested.invoice.as_str(), id, event.id)?)
        };
        // Whatever came of it, the invoice is read again: it goes nowhere before its lines are fixed.
        let _ = journal.commit(commit).await?;
    }
    Err(JournalError::Contended(requested.invoice.to_string()).into())
}

/// The engagement with the version of the contract that the invoice is of: one that was begun keeps its own, whatever
/// came into force since.
async fn terms(
    context: &Context,
    tenant: &str,
    engagement: &Engagement,
    version: Option<u32>,
) -> Result<Engagement, JournalError> {
    let mut terms = engagement.clone();
    if let Some(version) = version.filter(|v| *v != engagement.contract.version) {
        let kept = context.journal.contract(tenant, &engagement.engagement, version).await?;
        terms.contract =
            kept.ok_or_else(|| JournalError::Decision(format!("contract version {version} is not kept")))?;
    }
    Ok(terms)
}

/// What the invoice takes of the lines that are ready.
async fn chosen(
    context: &Context,
    tenant: &str,
    terms: &Engagement,
    requested: &Requested,
) -> Result<Chosen, JournalError> {
    let ready = ready(context, tenant, terms, requested).await?;
    let mine = (terms.contract.version, Header::of(&terms.contract));
    let mut headers = BTreeMap::from([mine.clone()]);
    let versions: BTreeSet<u32> = ready.iter().map(|l| l.contract_version).collect();
    for version in versions {
        if headers.contains_key(&version) {
            continue;
        }
        // A version that nobody kept is from before versions were.
        if let Some(contract) = context.journal.contract(tenant, &terms.engagement, version).await? {
            headers.insert(version, Header::of(&contract));
        }
    }
    choose(requested, (mine.0, &mine.1), &headers, &ready).map_err(|e| JournalError::Decision(e.to_string()))
}

/// The lines that must be found even while the index lags behind the table, and those that it shows.
async fn ready(
    context: &Context,
    tenant: &str,
    terms: &Engagement,
    requested: &Requested,
) -> Result<Vec<BillableLine>, JournalError> {
    let (journal, id) = (&context.journal, terms.engagement.as_str());
    let named: BTreeSet<_> = requested.lines.iter().collect();
    let is_ready = |record: &LineRecord| record.status == LineStatus::Ready;
    let known = journal.lines(tenant, id, named.iter().copied()).await?;
    let mut ready: Vec<BillableLine> = known.into_iter().filter(is_ready).map(|r| r.line).collect();
    let listed = journal.ready_lines(tenant, id, LINES_AN_INVOICE).await?;
    ready.extend(listed.into_iter().filter(|l| !named.contains(&l.line)));
    Ok(ready)
}

/// The drafted invoice as its policy lets it go on.
fn released(fixed: Invoice, engagement: &Engagement, config: &TenantConfig, now: Timestamp) -> Invoice {
    let by_hand = config.invoicing.policy_of(engagement, config).release == Release::Manual;
    if by_hand && fixed.bills_nothing().is_none() { fixed.held_by_policy(now) } else { fixed }
}

/// The commit that fixes an invoice's lines, tells of it, and asks for another of what did not fit.
fn fix(
    context: &Context,
    event: &Envelope,
    fixed: &Invoice,
    version: u64,
    chosen: Chosen,
    now: Timestamp,
) -> Result<Commit, JournalError> {
    let (tenant, subject) = (event.tenant.as_str(), event.subject.as_str());
    let id = subject.to_owned().try_into().map_err(|e| JournalError::Decision(format!("{e}")))?;
    let write = context.journal.write_invoice(tenant, &id, fixed, version, now)?;
    let generated = fixed.bills_nothing().is_none().then(|| InvoiceGenerated {
        invoice: fixed.invoice.clone(),
        line_count: fixed.line_count,
        untaxed: fixed.untaxed,
        held: fixed.is_held(),
    });
    let told = generated.map(Event::from).into_iter().chain(chosen.beside.map(Event::from));
    let told = told.map(|e| event.concluded(context.function, subject, &fixed.invoice, e));
    let told: Vec<Envelope> = told.collect();
    if told.is_empty() {
        return Ok(Commit::default().write(write));
    }
    let entry = JournalEntry {
        event_id: derive(&[tenant, FIXED, fixed.invoice.as_str()]),
        event_type: FIXED.into(),
        summary: format!("{} has {} lines of {}", fixed.invoice, fixed.line_count, fixed.untaxed),
        ..JournalEntry::of(event, EntryOutcome::Applied, "", now)
    };
    Ok(Commit::default().entry(tenant, &entry)?.write(write).emit(told))
}
