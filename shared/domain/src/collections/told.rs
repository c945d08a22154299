//! What was told of an invoice's collections, and when somebody must look again.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Collections, CollectionsStatus, Exposure};
use crate::id::{EngagementId, InvoiceId};
use crate::invoice::Invoice;

/// What was told of a posted invoice's collections. Whatever changes the invoice asks to look at it at once; the
/// calendar does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldCollections {
    /// The invoice.
    pub invoice: InvoiceId,
    /// Changes that were told.
    pub changes: u32,
    /// The latest day, of the business, on which it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
    /// What was told last; none before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Collections>,
    /// When to look at it; none while nothing can change by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<Timestamp>,
}

impl ToldCollections {
    /// Of an invoice of which nothing was told.
    #[must_use]
    pub const fn new(invoice: InvoiceId) -> Self {
        Self { invoice, changes: 0, as_of: None, stands: None, look_at: None }
    }

    /// The same, to be looked at from a moment on: the invoice has changed.
    #[must_use]
    pub fn to_be_looked_at(&self, now: Timestamp) -> Self {
        let look_at = Some(self.look_at.map_or(now, |known| known.min(now)));
        Self { look_at, ..self.clone() }
    }

    /// What becomes of it on a day of the business, by payment terms of so many days, and when to look again. Where
    /// the invoice stands otherwise than was told, it counts as told, and one more change.
    ///
    /// A day before one on which it was looked at already is that day: of two clocks the later one counts, so that
    /// nothing is told back and forth.
    #[must_use]
    pub fn on(&self, invoice: &Invoice, days: Option<u16>, today: Date, zone: &TimeZone) -> Self {
        let today = self.as_of.map_or(today, |known| known.max(today));
        let stands = Collections::of(invoice, days, today);
        let look_at =
            stands.changes_on().and_then(|day| day.to_zoned(zone.clone()).ok()).map(|at| at.timestamp());
        let same = self.stands.as_ref().is_some_and(|told| stands.is_as(told));
        if same {
            return Self { as_of: Some(today), look_at, ..self.clone() };
        }
        let (changes, invoice) = (self.changes + 1, self.invoice.clone());
        Self { invoice, changes, as_of: Some(today), stands: Some(stands), look_at }
    }

    /// The event that tells what it has become; none where nothing is to be told.
    #[must_use]
    pub fn told_after(
        &self,
        before: &Self,
        engagement: &EngagementId,
        exposure: Option<Exposure>,
    ) -> Option<CollectionsChanged> {
        let stands = self.stands.clone().filter(|_| self.changes > before.changes)?;
        Some(CollectionsChanged {
            engagement: engagement.clone(),
            invoice: self.invoice.clone(),
            change: self.changes,
            was: before.stands.as_ref().map(|told| told.status),
            collections: stands,
            exposure,
        })
    }
}

/// Where an invoice stands with collections has changed: it fell due, into another group of an ageing report, was
/// paid, credited or contested, or is open again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectionsChanged {
    /// Its engagement.
    pub engagement: EngagementId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// Counts the changes of this invoice, from 1.
    pub change: u32,
    /// Where it stood, as it was told before; none the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<CollectionsStatus>,
    /// Where it stands: status, what is open and contested, with tax, since when, and in which group.
    pub collections: Collections,
    /// What the engagement's invoices come to with it, and the risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
}
