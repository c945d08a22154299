//! Lines that became ready: what is recognised on the day on which it was earned.

use std::collections::BTreeMap;

use domain::billing::BillableLine;
use domain::contract::Contract;
use domain::engagement::Engagement;
use domain::id::{EngagementId, LineId};
use domain::problem::ProblemCode;
use domain::revenue::{Element, RevenueEarned, Source, earned_by_line, source};
use domain::{Problem, TenantConfig};
use events::Envelope;
use futures::StreamExt;
use futures::future::join_all;
use journal::{Commit, Committed, EntryOutcome, Item, JournalEntry, JournalError};
use runtime::{Context, Failure, Outcome};
use std::sync::Arc;
use uuid::Uuid;

use crate::{MOST_ROUNDS, engagement_of, pause, schedule, told_nothing};

/// What lines of one engagement are told with, read once.
pub(crate) struct Setting {
    pub(crate) engagement: Engagement,
    pub(crate) contracts: BTreeMap<u32, Contract>,
    pub(crate) config: Arc<TenantConfig>,
}

impl Setting {
    /// Reads the engagement and the contract versions that priced its lines.
    pub(crate) async fn read(
        context: &Context,
        tenant: &str,
        id: &EngagementId,
        lines: &[BillableLine],
    ) -> Result<Self, Failure> {
        let known = context.journal.engagement(tenant, id.as_str()).await?.body;
        let engagement = known.ok_or_else(|| Failure::new(format!("{id} is not there")))?;
        let mut contracts = BTreeMap::new();
        for line in lines {
            let version = line.contract_version;
            if contracts.contains_key(&version) {
                continue;
            }
            // An engagement from before versions were kept has the one in force.
            let in_force = Some(&engagement.contract).filter(|c| c.version == version).cloned();
            let contract = match in_force {
                Some(contract) => Some(contract),
                None => context.journal.contract(tenant, id, version).await?,
            };
            contracts.extend(contract.map(|contract| (version, contract)));
        }
        Ok(Self { engagement, contracts, config: context.connect.tenant(tenant).await? })
    }

    /// The version of the contract that priced a line.
    pub(crate) fn contract(&self, line: &BillableLine) -> Result<&Contract, Failure> {
        let version = line.contract_version;
        let unknown = || Failure::new(format!("contract version {version} was not kept"));
        self.contracts.get(&version).ok_or_else(unknown)
    }

    /// The last month that is closed in the books of a contract's legal entity.
    pub(crate) fn closed_until(&self, contract: &Contract) -> Option<domain::revenue::AccountingPeriod> {
        self.config.closed_until(&contract.legal_entity)
    }
}

/// Takes the lines of one engagement.
pub(crate) async fn take(
    context: &Context,
    ready: &[(&Envelope, &LineId)],
) -> Vec<(Uuid, Result<Outcome, Failure>)> {
    let Some((first, _)) = ready.first() else { return vec![] };
    let read = async {
        let id = engagement_of(first)?;
        let wanted: Vec<LineId> = ready.iter().map(|(_, line)| (*line).clone()).collect();
        let lines = context.journal.lines(&first.tenant, id.as_str(), &wanted).await?;
        let lines: Vec<BillableLine> = lines.into_iter().map(|known| known.line).collect();
        let setting = Setting::read(context, &first.tenant, &id, &lines).await?;
        Ok::<_, Failure>((lines, setting))
    };
    match read.await {
        Err(failure) => failure.of_each(ready.iter().map(|(event, _)| event.id)),
        Ok((lines, setting)) => {
            let told = ready.iter().map(|(event, id)| {
                let line = lines.iter().find(|line| line.line == **id);
                let setting = &setting;
                async move { (event.id, tell(context, event, setting, line.ok_or(*id)).await) }
            });
            // What comes late is one exception for them all: one after the other they do not meet at it.
            if setting.config.accounting_periods.is_empty() {
                join_all(told).await
            } else {
                futures::stream::iter(told).then(|one| one).collect().await
            }
        }
    }
}

async fn tell(
    context: &Context,
    event: &Envelope,
    setting: &Setting,
    line: Result<&BillableLine, &LineId>,
) -> Result<Outcome, Failure> {
    let line = line.map_err(|id| Failure::new(format!("line {id} is not there")))?;
    let Some(contract) = setting.contracts.get(&line.contract_version) else {
        let detail = format!(
            "line {} is of contract version {}, which was not kept",
            line.line, line.contract_version
        );
        let problem = Problem::new(ProblemCode::IllegalEvent, detail).with_stake(line.amount);
        context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
        return Ok(Outcome::Held);
    };
    if let Some(told) = earned_by_line(&setting.engagement, contract, line, setting.closed_until(contract)) {
        return Ok(keep(context, event, &told).await?);
    }
    let element = Element::of(line);
    let Some(treatment) = contract.revenue.get(&line.service) else {
        let why = format!("{element}: the contract says nothing of how {} is recognised", line.service);
        return Ok(told_nothing(context, event, &why).await?);
    };
    match source(*treatment, &element) {
        // A milestone that nobody planned a day for is due in its schedule when it is completed.
        Source::Schedule => schedule::take(context, event).await,
        Source::Invoice => {
            Ok(told_nothing(context, event, &format!("{element} is recognised when it is billed")).await?)
        }
        Source::Never => {
            let why = format!("{element} is owed until it is drawn, and earns nothing");
            Ok(told_nothing(context, event, &why).await?)
        }
        Source::Line => Ok(told_nothing(context, event, &format!("{element}: nothing was earned")).await?),
    }
}

/// Keeps the revenue of a line, which is also the entry of its event; in a closed month with the exception.
async fn keep(context: &Context, event: &Envelope, told: &RevenueEarned) -> Result<Outcome, JournalError> {
    let (journal, tenant) = (&context.journal, event.tenant.as_str());
    for round in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let summary = format!("{} of {} earned in {}", told.amount, told.element, told.period);
        let entry = JournalEntry::of(event, EntryOutcome::Applied, summary, now);
        let late = journal.late_revenue(context.function, event, &[told], now).await?;
        let mut commit =
            Commit::default().write(journal.write_revenue(tenant, told, Some(&entry), event.id, now)?);
        commit.writes.extend(late.writes);
        let announced = event.concluded(context.function, &event.subject, 0, told.clone().into());
        match journal.commit(commit.emit([announced]).emit(late.raised)).await? {
            Committed::Done => return Ok(Outcome::Applied),
            Committed::Rejected(rejections) => {
                if let Some(first) = rejections.into_iter().find(|r| r.position == 0) {
                    return repeated(context, event, first.current).await;
                }
            }
            Committed::Contended => {}
        }
        pause(round).await;
    }
    Err(JournalError::Contended(event.subject.clone()))
}

/// A line that was told before: the same event with another content is a conflict, all else a duplicate.
async fn repeated(
    context: &Context,
    event: &Envelope,
    current: Option<Item>,
) -> Result<Outcome, JournalError> {
    let current = current.unwrap_or_default();
    if current.text("event_id") != Some(event.id.to_string().as_str()) {
        // Told already with what takes it back, which was quicker.
        return told_nothing(context, event, "its revenue was told already").await;
    }
    if current.text("body_hash") == Some(event.body_hash().as_str()) {
        return Ok(Outcome::Duplicate);
    }
    let detail = format!("{} {} came with another content", event.event.type_name(), event.id);
    let problem = Problem::new(ProblemCode::EventConflict, detail);
    context.journal.raise(context.function, event, problem, vec![], context.clock.now()).await?;
    Ok(Outcome::Held)
}
