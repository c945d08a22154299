//! What telling an engagement's revenue schedule looks at, read once.

use std::collections::BTreeMap;

use domain::Contract;
use domain::billing::{Evidence, line_of};
use domain::engagement::{Engagement, EngagementStatus};
use domain::id::EngagementId;
use domain::revenue::{Planned, Recognition, RevenueSchedule};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::{JournalError, LineRecord, Versioned};

use crate::context::Context;

/// An engagement's schedule in force and how far it was told.
pub struct Telling {
    engagement: Engagement,
    schedule: RevenueSchedule,
    earlier: Vec<Contract>,
    completed_on: BTreeMap<String, Date>,
    /// How far it was told, as it is stored.
    pub stored: Versioned<Recognition>,
}

impl Telling {
    /// Reads it; none where the engagement is not active, or its contract version has no schedule.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn read(
        context: &Context,
        tenant: &str,
        id: &EngagementId,
    ) -> Result<Option<Self>, JournalError> {
        let journal = &context.journal;
        // First, so that whoever writes by an engagement that has changed since does not meet its expectation.
        let stored = journal.recognition(tenant, id).await?;
        let known = journal.engagement(tenant, id.as_str()).await?.body;
        let Some(engagement) = known.filter(|e| e.status == EngagementStatus::Active) else {
            return Ok(None);
        };
        let version = engagement.contract.version;
        let Some(schedule) = journal.revenue_schedule(tenant, id, version).await? else { return Ok(None) };
        let (earlier, completed_on) = (Vec::new(), BTreeMap::new());
        let mut read = Self { engagement, schedule, earlier, completed_on, stored };
        if read.planned().unknown(&read.recognition()) {
            read.earlier = journal.contracts_before(tenant, id, version).await?;
        }
        let undated = read.planned().undated();
        let completed =
            undated.into_iter().filter(|key| read.engagement.completed_milestones.contains_key(*key));
        let lines: Vec<_> = completed.map(|key| line_of(id.as_str(), "milestone", key)).collect();
        if !lines.is_empty() {
            for LineRecord { line, .. } in journal.lines(tenant, id.as_str(), &lines).await? {
                if let Evidence::Milestone { completion, .. } = line.evidence {
                    read.completed_on.insert(completion.milestone, line.earned_on);
                }
            }
        }
        Ok(Some(read))
    }

    /// What telling looks at.
    #[must_use]
    pub fn planned(&self) -> Planned<'_> {
        Planned {
            engagement: &self.engagement,
            schedule: &self.schedule,
            earlier: &self.earlier,
            completed_on: &self.completed_on,
        }
    }

    /// How far it was told; nothing where that was never stored.
    #[must_use]
    pub fn recognition(&self) -> Recognition {
        let stored = self.stored.body.clone();
        stored.unwrap_or_else(|| Recognition::new(self.engagement.engagement.clone()))
    }

    /// Code of the legal entity that sells.
    #[must_use]
    pub fn legal_entity(&self) -> &str {
        &self.engagement.contract.legal_entity
    }

    /// The moment from which a schedule has something to tell.
    #[must_use]
    pub fn due_at(recognition: &Recognition, zone: &TimeZone) -> Option<Timestamp> {
        recognition.next.map(|period| period.over_at(zone))
    }
}
