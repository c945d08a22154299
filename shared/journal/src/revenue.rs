//! Revenue events, how far schedules were told, and what was told of closed months.

use std::collections::BTreeMap;

use domain::Contract;
use domain::event::{Event, ExceptionRaised};
use domain::id::{EngagementId, ExceptionId, InvoiceId};
use domain::problem::{Problem, ProblemCode};
use domain::revenue::{AccountingPeriod, Recognition, RevenueEarned};
use events::Envelope;
use jiff::Timestamp;
use uuid::Uuid;

use crate::batch::as_entry;
use crate::commit::Write;
use crate::entry::JournalEntry;
use crate::exception::{Exception, ExceptionStatus};
use crate::key::Key;
use crate::ledger::{LinePage, Versioned};
use crate::store::Item;
use crate::{Journal, JournalError};

/// Which flow raises that revenue is late, whichever function told it.
const STAGE: &str = "revenue";

/// What a commit has to carry where it tells revenue of closed months.
#[derive(Debug, Default)]
pub struct Late {
    /// The exceptions, one for each month, under the versions that were read.
    pub writes: Vec<Write>,
    /// What announces those that were not open.
    pub raised: Vec<Envelope>,
}

fn due_key(tenant: &str) -> String {
    format!("tenant#{tenant}#recognition")
}

fn period_key(tenant: &str, period: AccountingPeriod) -> String {
    format!("tenant#{tenant}#revenue#{period}")
}

impl Journal {
    /// The lines that an invoice took, page by page.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn invoice_pages(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
    ) -> Result<Vec<LinePage>, JournalError> {
        let pk = Key::partition(tenant, engagement.as_str());
        let pages = self.store.query(&pk, &format!("invoice-page#{invoice}#"), usize::MAX).await?;
        pages.iter().map(Item::body).collect()
    }

    /// Every version of the contract before one, the oldest first.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn contracts_before(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        version: u32,
    ) -> Result<Vec<Contract>, JournalError> {
        let pk = Key::partition(tenant, engagement.as_str());
        let kept = self.store.query(&pk, "contract#", usize::MAX).await?;
        let kept: Vec<Contract> = kept.iter().map(Item::body).collect::<Result<_, _>>()?;
        Ok(kept.into_iter().filter(|contract| contract.version < version).collect())
    }

    /// The write of a revenue event, once. It is listed under the month in which it should be posted, in the
    /// order in which it was recorded. With `entry` it is also the entry of the event that it follows from.
    ///
    /// # Errors
    /// Never for a well-formed event.
    pub fn write_revenue(
        &self,
        tenant: &str,
        told: &RevenueEarned,
        entry: Option<&JournalEntry>,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::revenue(tenant, told.engagement.as_str(), told.revenue.as_str());
        let item = Item::new(&key, "revenue", tenant, told)?
            .with("recorded_at", now.to_string())
            .with("status_key", period_key(tenant, told.post_in()))
            // Of one length, so that texts sort as moments do.
            .with("status_at", format!("{now:.9}#{}", told.revenue));
        Ok(Write::Insert { item: entry.map_or(item.clone(), |entry| as_entry(item, entry)), cause })
    }

    /// What the commit that tells `told` has to carry where months are closed: one exception for each month
    /// of the engagement, with the sum that came late since it was opened.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn late_revenue(
        &self,
        function: &str,
        event: &Envelope,
        told: &[&RevenueEarned],
        now: Timestamp,
    ) -> Result<Late, JournalError> {
        let mut months: BTreeMap<AccountingPeriod, Vec<&RevenueEarned>> = BTreeMap::new();
        for revenue in told.iter().filter(|revenue| revenue.late.is_some()) {
            months.entry(revenue.period).or_default().push(revenue);
        }
        let mut late = Late::default();
        for (period, told) in months {
            self.late_month(function, event, (period, &told), now, &mut late).await?;
        }
        Ok(late)
    }

    async fn late_month(
        &self,
        function: &str,
        event: &Envelope,
        (period, told): (AccountingPeriod, &[&RevenueEarned]),
        now: Timestamp,
        late: &mut Late,
    ) -> Result<(), JournalError> {
        let Some(first) = told.first() else { return Ok(()) };
        let (tenant, engagement, month) =
            (event.tenant.as_str(), first.engagement.as_str(), period.to_string());
        let cause = [engagement, "late-revenue", month.as_str()];
        let id = ExceptionId::derive(&cause);
        let known = self.store.get(&Key::exception(tenant, engagement, id.as_str())).await?;
        let before: Option<Exception> = known.as_ref().map(Item::body).transpose()?;
        let open = before.filter(|e| e.status == ExceptionStatus::Open);
        let mut stake = open.as_ref().and_then(|e| e.problem.at_stake);
        for revenue in told {
            let sum = stake.map_or(Ok(revenue.amount), |sum| sum.plus(revenue.amount));
            stake = Some(sum.map_err(|e| JournalError::Decision(e.to_string()))?);
        }
        let detail = format!(
            "revenue of {engagement} for {period} was told after {} had closed that month; it should be posted in {}",
            first.legal_entity,
            first.post_in()
        );
        let mut problem = Problem::new(ProblemCode::RevenueLate, detail);
        problem.at_stake = stake;
        let payload = serde_json::to_string(event).map_err(|e| JournalError::Decision(e.to_string()))?;
        let since = open.as_ref().map_or(now, |e| e.recorded_at);
        let exception = Exception::open(&cause, problem.clone(), STAGE, engagement, payload, since);
        let expected = known.as_ref().map_or(0, Item::version);
        late.writes.push(Write::Replace { item: exception.item(tenant, engagement)?, expected });
        if open.is_none() {
            let raised: Event = ExceptionRaised { exception: id.clone(), problem }.into();
            // Opened again after it was settled, it is another announcement.
            late.raised.push(event.concluded(function, engagement, format!("{id}:{expected}"), raised));
        }
        Ok(())
    }

    /// How far an engagement's schedule was told.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn recognition(
        &self,
        tenant: &str,
        engagement: &EngagementId,
    ) -> Result<Versioned<Recognition>, JournalError> {
        let item = self.store.get(&Key::recognition(tenant, engagement.as_str())).await?;
        Versioned::read(item.as_ref(), "engagement")
    }

    /// The write of how far a schedule was told. It is listed by the moment at which the next month is over,
    /// while there is one to tell.
    ///
    /// # Errors
    /// Never for a well-formed one.
    pub fn write_recognition(
        &self,
        tenant: &str,
        recognition: &Recognition,
        due_at: Option<Timestamp>,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::recognition(tenant, recognition.engagement.as_str());
        let item = Item::new(&key, "recognition", tenant, recognition)?.with("recorded_at", now.to_string());
        let item = match due_at {
            Some(at) => item.with("status_key", due_key(tenant)).with("status_at", at.to_string()),
            None => item,
        };
        Ok(Write::Replace { item, expected })
    }

    /// Engagements of which a month may be told at a moment, the longest overdue first. As the index shows
    /// them: it may lag.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn recognitions_due(
        &self,
        tenant: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<EngagementId>, JournalError> {
        let listed = self.store.by_status(&due_key(tenant), most).await?;
        let is_due = |item: &&Item| {
            item.text("status_at").and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at <= now)
        };
        let due = listed.iter().take_while(is_due).map(|item| item.body::<Recognition>());
        due.map(|recognition| recognition.map(|r| r.engagement)).collect()
    }

    /// Revenue events that are to be posted in a month, of all engagements, in the order in which they were
    /// recorded, after a text that an earlier page ended with. As the index shows them: it may lag.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn revenue_of_period(
        &self,
        tenant: &str,
        period: AccountingPeriod,
        after: &str,
        most: usize,
    ) -> Result<Vec<Item>, JournalError> {
        Ok(self.store.by_status_after(&period_key(tenant, period), after, most).await?)
    }
}
