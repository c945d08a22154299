//! A step that a person takes: a flow asks, ends its attempt, and goes on with the answer.
//!
//! The question is an item of the engagement's, written once and fenced like any step. The event that
//! drives the run is parked with it; whoever answers, or lets the time run out, releases it, and the
//! repeated run finds the answer. An answer never changes, so it needs no step of its own.

use domain::approval::{Approval, ApprovalRequested, ApprovalRule, ApprovalStatus, Request};
use domain::decision::Condition;
use domain::event::Event;
use domain::id::{ApprovalId, EngagementId};
use events::Envelope;
use journal::{Commit, Committed, JournalError, LeaseError, Versioned, parking};

use crate::error::StepError;
use crate::run::Run;

/// Others that may write the same approval while it is being asked for.
const MOST_ROUNDS: usize = 20;
/// How often the same content may be asked for again after it was given up.
const MOST_ASKED: u32 = 100;
/// What is said of an approval in whose place another is asked for.
const ASKED_ANEW: &str = "it was asked for again with other content";

/// What a flow asks for, and of whom.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The function that asks.
    pub function: &'a str,
    /// The event that drives the run, and brings the answer.
    pub event: &'a Envelope,
    /// What is asked for.
    pub request: &'a Request,
    /// Who is asked, and for how long.
    pub rule: &'a ApprovalRule,
}

/// What a person, or the time, answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The flow may go on.
    Granted(Approval),
    /// It may not: rejected, or not answered in time.
    Denied(Approval),
}

impl Run {
    /// Asks a person, once for the same content, and gives the answer where there is one. An earlier
    /// question of the same kind that is still open is given up.
    ///
    /// # Errors
    /// [`StepError::AwaitsApproval`] ends the attempt until there is an answer.
    pub async fn approval(&self, asking: Asking<'_>) -> Result<Answer, StepError> {
        let (tenant, subject) = (self.lease.tenant.as_str(), self.lease.subject.as_str());
        let engagement = EngagementId::try_from(subject.to_owned())
            .map_err(|e| JournalError::Decision(format!("only an engagement waits for an approval: {e}")))?;
        for _ in 0..MOST_ROUNDS {
            self.may_begin("approval")?;
            self.still_holds()?;
            let (round, approval) = self.current(&engagement, asking.request).await?;
            // In this order: what is parked while the approval is open is released by its answer.
            let condition = Condition::ApprovalSettled(approval.clone());
            let waits = self.journal.is_parked(asking.event, &condition).await?;
            let known = self.journal.approval_of(tenant, subject, &approval).await?;
            let commit = match known.body {
                Some(found) => match found.status {
                    ApprovalStatus::Approved => return Ok(Answer::Granted(found)),
                    ApprovalStatus::Rejected | ApprovalStatus::Expired => return Ok(Answer::Denied(found)),
                    ApprovalStatus::Superseded => continue,
                    ApprovalStatus::Requested if waits => {
                        return Err(StepError::AwaitsApproval { approval, asked_of: found.asked_of });
                    }
                    ApprovalStatus::Requested => self.wait_too(asking, &found, known.version)?,
                },
                None => self.ask(asking, &engagement, round, &known).await?,
            };
            match self.journal.commit(commit.write(self.fence())).await? {
                Committed::Done => {
                    return Err(StepError::AwaitsApproval { approval, asked_of: asking.rule.asked_of });
                }
                Committed::Rejected(r) if self.was_fenced_off(&r) => {
                    return Err(LeaseError::Superseded.into());
                }
                Committed::Rejected(_) | Committed::Contended => {}
            }
        }
        Err(JournalError::Contended(subject.to_owned()).into())
    }

    /// The latest question of this content: the first that was not given up.
    async fn current(
        &self,
        engagement: &EngagementId,
        request: &Request,
    ) -> Result<(u32, ApprovalId), StepError> {
        for round in 0..MOST_ASKED {
            let id = request.id(engagement, round);
            let known = self.journal.approval_of(&self.lease.tenant, engagement.as_str(), &id).await?;
            if known.body.is_none_or(|a| a.status != ApprovalStatus::Superseded) {
                return Ok((round, id));
            }
        }
        let what = format!("{} of {engagement} was asked for {MOST_ASKED} times", request.what);
        Err(JournalError::Decision(what).into())
    }

    /// Another event of the same run waits for the same answer.
    fn wait_too(&self, asking: Asking<'_>, found: &Approval, version: u64) -> Result<Commit, StepError> {
        let (tenant, subject, now) = (&self.lease.tenant, &self.lease.subject, self.clock.now());
        let condition = Condition::ApprovalSettled(found.approval.clone());
        let touch = journal::Write::Touch {
            key: journal::Key::approval(tenant, subject, found.approval.as_str()),
            kind: "approval",
            expected: version,
        };
        Ok(Commit::default().write(parking(asking.event, &condition, now)?).write(touch))
    }

    /// The question, in the place of those of its kind that are still open.
    async fn ask(
        &self,
        asking: Asking<'_>,
        engagement: &EngagementId,
        round: u32,
        known: &Versioned<Approval>,
    ) -> Result<Commit, StepError> {
        let (tenant, subject, now) =
            (self.lease.tenant.as_str(), self.lease.subject.as_str(), self.clock.now());
        let approval = Approval::request(engagement, asking.request, asking.rule, round, now);
        let given_up = if asking.request.replaces_earlier() {
            self.journal.supersede_approvals(tenant, subject, Some(&approval.what), ASKED_ANEW, now).await?
        } else {
            journal::Superseded::default()
        };
        let condition = Condition::ApprovalSettled(approval.approval.clone());
        let told: Event = ApprovalRequested::from(&approval).into();
        let mut commit = Commit::default()
            .write(parking(asking.event, &condition, now)?)
            .write(self.journal.write_approval(tenant, &approval, known.version, now)?)
            .emit([asking.event.concluded(asking.function, subject, &approval.approval, told)]);
        commit.writes.extend(given_up.writes);
        commit.release.extend(given_up.release);
        Ok(commit)
    }
}
