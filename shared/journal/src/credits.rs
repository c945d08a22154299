//! Credit memos, what somebody changed by hand beside them, and the lines that they release.

use domain::Condition;
use domain::billing::{BillableLine, LineStatus};
use domain::credit_memo::{CreditMemo, ManualAdjustment};
use domain::deposit::DrawnFrom;
use domain::id::{CreditMemoId, EngagementId, InvoiceId, LineId, derive};
use domain::invoice::{Invoice, InvoiceStatus};
use domain::money::Money;
use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

use crate::commit::{Commit, Committed, Write};
use crate::deposits::drawn_by;
use crate::entry::{EntryOutcome, JournalEntry};
use crate::key::Key;
use crate::ledger::{LINES_A_PAGE, Versioned, json, ready_key};
use crate::store::Item;
use crate::{Journal, JournalError};

/// Others that may write an invoice while it is withdrawn.
const MOST_ROUNDS: usize = 20;
/// Type of the entry of an invoice that was withdrawn: no event of the bus has it.
const WITHDRAWN: &str = "q2c.invoice.withdrawn.v1";

impl Journal {
    /// A credit memo.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn credit_memo(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        credit_memo: &CreditMemoId,
    ) -> Result<Versioned<CreditMemo>, JournalError> {
        let key = Key::credit_memo(tenant, engagement.as_str(), credit_memo.as_str());
        Versioned::read(self.store.get(&key).await?.as_ref(), "credit_memo")
    }

    /// Every credit memo of an invoice, granted or not. A decision on them holds only while the invoice
    /// keeps the version that was read before: whatever is added raises it.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn credit_memos_of(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
    ) -> Result<Vec<CreditMemo>, JournalError> {
        let pk = Key::partition(tenant, engagement.as_str());
        let items = self.store.query(&pk, "credit-memo#", usize::MAX).await?;
        let of = |item: &&Item| item.text("invoice") == Some(invoice.as_str());
        items.iter().filter(of).map(Item::body).collect()
    }

    /// The write of a credit memo's new state.
    ///
    /// # Errors
    /// Never for a well-formed credit memo.
    pub fn write_credit_memo(
        &self,
        tenant: &str,
        memo: &CreditMemo,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::credit_memo(tenant, memo.engagement.as_str(), memo.credit_memo.as_str());
        let item = Item::new(&key, "credit-memo", tenant, memo)?.with("recorded_at", now.to_string());
        Ok(Write::Replace { item, expected })
    }

    /// The writes that release the whole lines of a credit memo. Each happens only while the line is owned by the
    /// memo's invoice, so that of all that would release it one does.
    ///
    /// # Errors
    /// Never for a well-formed credit memo.
    pub fn release_lines(
        &self,
        tenant: &str,
        memo: &CreditMemo,
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let engagement = memo.engagement.as_str();
        let by = Some(memo.credit_memo.as_str());
        memo.released()
            .map(|line| {
                let status = (memo.releases_to(line), by);
                release((tenant, engagement), &memo.invoice, line, status, now)
            })
            .collect()
    }

    /// The write of what somebody changed by hand. `cause` is the event that told it.
    ///
    /// # Errors
    /// Never for a well-formed adjustment.
    pub fn write_adjustment(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        adjustment: &ManualAdjustment,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::adjustment(tenant, engagement.as_str(), adjustment.adjustment.as_str());
        let item = Item::new(&key, "adjustment", tenant, adjustment)?.with("recorded_at", now.to_string());
        Ok(Write::Insert { item, cause })
    }

    /// Withdraws an invoice that the ERP never posted: the lines that it still owns are ready again, page by page,
    /// and last the invoice is withdrawn, deposits have again what it drew, and what waits for its posting is told again.
    /// Repeating it after a crash goes on where it stopped.
    ///
    /// # Errors
    /// When the table can't be reached, or others keep writing the invoice.
    pub async fn withdraw_invoice(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        for _ in 0..MOST_ROUNDS {
            let known = self.invoice(tenant, engagement, invoice).await?;
            // What is withdrawn, owns nothing, or is in the books stays as it is.
            let on_its_way =
                |i: &Invoice| matches!(i.status, InvoiceStatus::Collecting | InvoiceStatus::Drafted);
            let Some(body) = known.body.filter(on_its_way) else { return Ok(()) };
            let next = body.withdraw().map_err(|e| JournalError::Decision(e.to_string()))?;
            let lines = self.invoice_lines(tenant, engagement, invoice).await?;
            if !self.release_owned(tenant, engagement, invoice, &lines, now).await? {
                continue;
            }
            let mut commit = Commit::default()
                .entry(tenant, &withdrawn_entry(tenant, engagement, invoice, now))?
                .write(self.write_invoice(tenant, engagement, &next, known.version, now)?);
            // Whoever waits for its posting hears that there will be none.
            commit.release.push(Condition::InvoicePosted(invoice.clone()));
            let drawn: Vec<(DrawnFrom, Money)> = lines.iter().filter_map(drawn_by).collect();
            let given: Vec<(&DrawnFrom, Money)> =
                drawn.iter().map(|(from, amount)| (from, *amount)).collect();
            commit.writes.extend(self.give_back(tenant, engagement, &given, now).await?);
            for line in lines.iter().filter(|line| drawn_by(line).is_some()) {
                let (place, status) = ((tenant, engagement.as_str()), (LineStatus::Withdrawn, None));
                commit = commit.write(release(place, invoice, &line.line, status, now)?);
            }
            if let Committed::Done = self.commit(commit).await? {
                return Ok(());
            }
        }
        Err(JournalError::Contended(invoice.to_string()))
    }

    /// Releases those lines that an invoice still owns. Gives whether all of it happened.
    async fn release_owned(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
        lines: &[BillableLine],
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        for page in lines.chunks(LINES_A_PAGE) {
            let keys: Vec<Key> =
                page.iter().map(|l| Key::line(tenant, engagement.as_str(), l.line.as_str())).collect();
            let mut commit = Commit::default();
            for item in self.store.get_many(&keys).await? {
                if item.text("invoice") == Some(invoice.as_str()) {
                    let line: BillableLine = item.body()?;
                    if drawn_by(&line).is_some() {
                        continue;
                    }
                    let place = (tenant, engagement.as_str());
                    commit =
                        commit.write(release(place, invoice, &line.line, (LineStatus::Ready, None), now)?);
                }
            }
            if commit.writes.is_empty() {
                continue;
            }
            match self.commit(commit).await? {
                Committed::Done => {}
                Committed::Rejected(_) | Committed::Contended => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// Only an owned line names its invoice, so the condition is both: that it is invoiced, and by this one.
fn release(
    (tenant, engagement): (&str, &str),
    invoice: &InvoiceId,
    line: &LineId,
    (status, by): (LineStatus, Option<&str>),
    now: Timestamp,
) -> Result<Write, JournalError> {
    let mut set = Map::from_iter([("status".to_owned(), json(status)?)]);
    if let Some(by) = by {
        set.insert("credit_memo".into(), by.into());
    }
    if status == LineStatus::Ready {
        set.insert("status_key".into(), ready_key(tenant, engagement).into());
        set.insert("status_at".into(), now.to_string().into());
    }
    Ok(Write::When {
        key: Key::line(tenant, engagement, line.as_str()),
        field: ("invoice", invoice.to_string()),
        set,
        remove: vec!["invoice"],
    })
}

/// That an invoice was withdrawn.
fn withdrawn_entry(
    tenant: &str,
    engagement: &EngagementId,
    invoice: &InvoiceId,
    now: Timestamp,
) -> JournalEntry {
    JournalEntry {
        event_id: derive(&[tenant, WITHDRAWN, invoice.as_str()]),
        event_type: WITHDRAWN.into(),
        body_hash: String::new(),
        subject: engagement.to_string(),
        occurred_at: now,
        recorded_at: now,
        correlation_id: engagement.to_string(),
        causation_id: None,
        outcome: EntryOutcome::Applied,
        summary: format!("{invoice} withdrawn: its lines are ready again"),
    }
}
