//! Approvals: what a person is asked for, listed by when it is due while it is open.

use domain::approval::{Approval, ApprovalStatus};
use domain::decision::Condition;
use domain::id::ApprovalId;
use jiff::Timestamp;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

/// Open approvals given up together with one commit; an engagement has one or two.
const MOST_SUPERSEDED: usize = 10;

/// Open approvals that are given up: to be committed together with what makes them superfluous.
#[derive(Debug, Clone, Default)]
pub struct Superseded {
    /// The writes.
    pub writes: Vec<Write>,
    /// What holds from then on, for whatever waited.
    pub release: Vec<Condition>,
}

/// Where the `by-status` index lists a tenant's open approvals, by when they are due.
fn open_key(tenant: &str) -> String {
    format!("tenant#{tenant}#approval#requested")
}

impl Journal {
    /// An approval.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn approval_of(
        &self,
        tenant: &str,
        engagement: &str,
        approval: &ApprovalId,
    ) -> Result<Versioned<Approval>, JournalError> {
        let key = Key::approval(tenant, engagement, approval.as_str());
        Versioned::read(self.store.get(&key).await?.as_ref(), "approval")
    }

    /// The write of an approval as it is now; open, it is listed by when it is due.
    ///
    /// # Errors
    /// Never for a well-formed approval.
    pub fn write_approval(
        &self,
        tenant: &str,
        approval: &Approval,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::approval(tenant, approval.engagement.as_str(), approval.approval.as_str());
        let item = Item::new(&key, "approval", tenant, approval)?.with("recorded_at", now.to_string());
        let item = match approval.status {
            ApprovalStatus::Requested => {
                item.with("status_key", open_key(tenant)).with("status_at", approval.due_at().to_string())
            }
            ApprovalStatus::Approved
            | ApprovalStatus::Rejected
            | ApprovalStatus::Expired
            | ApprovalStatus::Superseded => item,
        };
        Ok(Write::Replace { item, expected })
    }

    /// Gives up the open approvals of an engagement, or those of one kind.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn supersede_approvals(
        &self,
        tenant: &str,
        engagement: &str,
        what: Option<&str>,
        why: &str,
        now: Timestamp,
    ) -> Result<Superseded, JournalError> {
        let pk = Key::partition(tenant, engagement);
        let mut given_up = Superseded::default();
        for item in self.store.query(&pk, "approval#", usize::MAX).await? {
            let known: Approval = item.body()?;
            if what.is_some_and(|what| what != known.what) || given_up.writes.len() == MOST_SUPERSEDED {
                continue;
            }
            if let Some(next) = known.supersede(why, now) {
                given_up.writes.push(self.write_approval(tenant, &next, item.version(), now)?);
                given_up.release.push(Condition::ApprovalSettled(next.approval));
            }
        }
        Ok(given_up)
    }

    /// The open approvals of a tenant that the index shows as due, longest due first. The index may
    /// lag: each is to be read again.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn due_approvals(
        &self,
        tenant: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Approval>, JournalError> {
        let mut due = Vec::new();
        for item in self.store.by_status(&open_key(tenant), most).await? {
            let known: Approval = item.body()?;
            if known.due_at() <= now {
                due.push(known);
            }
        }
        Ok(due)
    }
}
