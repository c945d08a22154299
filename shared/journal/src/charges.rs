//! When an engagement's recurring charges are due, and which of their periods were told.

use domain::billing::BillableLine;
use domain::id::{EngagementId, LineId};
use domain::recurring::{ChargeCalendar, ChargeDue};
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

fn due_key(tenant: &str) -> String {
    format!("tenant#{tenant}#charge-calendar")
}

impl Journal {
    /// An engagement's calendar of charges, with its version.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn charge_calendar(
        &self,
        tenant: &str,
        engagement: &str,
    ) -> Result<Versioned<ChargeCalendar>, JournalError> {
        let item = self.store.get(&Key::charge_calendar(tenant, engagement)).await?;
        Versioned::read(item.as_ref(), "engagement")
    }

    /// The write that puts a calendar in the place of the one that was read at a version (0: none yet). It is
    /// listed by the day on which something is due, and not at all where nothing will be.
    ///
    /// # Errors
    /// Never for a well-formed calendar.
    pub fn write_charge_calendar(
        &self,
        tenant: &str,
        calendar: &ChargeCalendar,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::charge_calendar(tenant, calendar.engagement.as_str());
        let item = Item::new(&key, "charge-calendar", tenant, calendar)?.with("recorded_at", now.to_string());
        let item = match calendar.due_on {
            Some(day) => item.with("status_key", due_key(tenant)).with("status_at", day.to_string()),
            None => item,
        };
        Ok(Write::Replace { item, expected })
    }

    /// Calendars on which something is due on a day, the longest overdue first. As the index shows them: it
    /// may lag.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn charges_due(
        &self,
        tenant: &str,
        today: Date,
        most: usize,
    ) -> Result<Vec<ChargeCalendar>, JournalError> {
        let items = self.store.by_status(&due_key(tenant), most).await?;
        let all: Vec<ChargeCalendar> = items.iter().map(Item::body).collect::<Result<_, _>>()?;
        Ok(all.into_iter().take_while(|c| c.due_on.is_some_and(|day| day <= today)).collect())
    }

    /// The write that keeps that a period was told. Once: it must not exist.
    ///
    /// # Errors
    /// Never for a well-formed period.
    pub fn write_told_charge(
        &self,
        tenant: &str,
        told: &ChargeDue,
        event: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::told_charge(tenant, told.engagement.as_str(), &told.charge, told.period);
        let item = Item::new(&key, "charge-period", tenant, told)?
            .with("event", event.to_string())
            .with("recorded_at", now.to_string());
        Ok(Write::Insert { item, cause: event })
    }

    /// A line, whether it is invoiced or not.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn line(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        line: &LineId,
    ) -> Result<Option<BillableLine>, JournalError> {
        let key = Key::line(tenant, engagement.as_str(), line.as_str());
        self.store.get(&key).await?.map(|item| item.body()).transpose()
    }
}
