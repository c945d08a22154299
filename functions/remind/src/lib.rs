//! What time asks for: people are reminded of what they were asked, and what nobody answered expires.
//!
//! Each reminder and each expiry is a commit under the approval's version, with an event whose ID
//! names the occasion. So running twice, late or not at all for a while does no harm: what was missed
//! is one reminder, not many.

use domain::approval::{Approval, ApprovalExpired, ApprovalReminded, Due};
use domain::{Condition, Event};
use events::{Envelope, Traceparent};
use jiff::Timestamp;
use journal::{Commit, Committed, EntryOutcome, JournalEntry, JournalError};
use runtime::{Context, PartOfRun};
use serde::Serialize;

/// Open approvals of a tenant read in one run, longest due first; the next run takes the rest.
const MOST_DUE: usize = 500;
/// Others that may write the same approval.
const MOST_ROUNDS: usize = 20;

/// What came of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reminded {
    /// The tenant.
    pub tenant: String,
    /// Reminders given.
    pub reminded: usize,
    /// Approvals that expired.
    pub expired: usize,
    /// Why some could not be dealt with; the next run tries again.
    pub failures: Vec<String>,
}

impl PartOfRun for Reminded {
    fn name(&self) -> &str {
        &self.tenant
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }
}

/// Reminds of every approval that is due, of every tenant. One that fails does not keep the others.
///
/// # Errors
/// When the tenants can't be listed.
pub async fn remind_all(context: &Context) -> Result<Vec<Reminded>, String> {
    let mut all = Vec::new();
    for tenant in context.tenants().await? {
        let mut came = Reminded { tenant: tenant.clone(), ..Reminded::default() };
        let listed = context.journal.due_approvals(&tenant, context.clock.now(), MOST_DUE).await;
        match listed {
            Err(error) => came.failures.push(error.to_string()),
            Ok(due) => {
                for approval in due {
                    remind_of(context, &tenant, &approval, &mut came).await;
                }
            }
        }
        let Reminded { reminded, expired, failures, .. } = &came;
        tracing::info!(tenant, reminded, expired, failed = failures.len(), "reminded");
        all.push(came);
    }
    Ok(all)
}

async fn remind_of(context: &Context, tenant: &str, approval: &Approval, came: &mut Reminded) {
    match what_is_due(context, tenant, approval).await {
        Ok(Due::Nothing) => {}
        Ok(Due::Reminder(_)) => came.reminded += 1,
        Ok(Due::Expiry(_)) => came.expired += 1,
        Err(error) => {
            tracing::error!(approval = %approval.approval, reason = %error, "not reminded");
            came.failures.push(format!("{}: {error}", approval.approval));
        }
    }
}

/// Does what is due of one approval, as the table itself has it, and says what it was.
async fn what_is_due(context: &Context, tenant: &str, listed: &Approval) -> Result<Due, JournalError> {
    let (journal, subject) = (&context.journal, listed.engagement.as_str());
    for _ in 0..MOST_ROUNDS {
        let now = context.clock.now();
        let known = journal.approval_of(tenant, subject, &listed.approval).await?;
        let due = known.body.map_or(Due::Nothing, |approval| approval.due(now));
        let (next, told, which, release) = match &due {
            Due::Nothing => return Ok(due),
            Due::Reminder(next) => {
                let which = format!("{}|{}", next.approval, next.reminders);
                (next, Event::from(ApprovalReminded::from(next.as_ref())), which, None)
            }
            Due::Expiry(next) => {
                let released = Condition::ApprovalSettled(next.approval.clone());
                let told = Event::from(ApprovalExpired::from(next.as_ref()));
                (next, told, next.approval.to_string(), Some(released))
            }
        };
        let told = announced(context, tenant, subject, &which, now, told);
        let entry = JournalEntry::of(&told, EntryOutcome::Applied, summary(next, &due), now);
        let mut commit = Commit::default()
            .entry(tenant, &entry)?
            .write(journal.write_approval(tenant, next, known.version, now)?)
            .emit([told]);
        commit.release.extend(release);
        match journal.commit(commit).await? {
            Committed::Done => return Ok(due),
            // Somebody decided, another run was faster, or another event began to wait: look again.
            Committed::Rejected(_) | Committed::Contended => {}
        }
    }
    Err(JournalError::Contended(subject.to_owned()))
}

fn announced(
    context: &Context,
    tenant: &str,
    subject: &str,
    which: &str,
    now: Timestamp,
    told: Event,
) -> Envelope {
    Envelope::scheduled(tenant, context.function, which, subject, now, told, Traceparent::start())
}

fn summary(next: &Approval, due: &Due) -> String {
    match due {
        Due::Reminder(_) => {
            let (owner, n) = (next.asked_of.as_str(), next.reminders);
            format!("{owner} was reminded of {} {} for the {n}. time", next.what, next.approval)
        }
        Due::Nothing | Due::Expiry(_) => next.summary(),
    }
}
