//! A person's approval inside a flow: asked for, reminded of, given or refused, or timed out.
//!
//! What is asked is fixed by its content: an approval of one price says nothing about another. Once
//! an approval has an answer, the answer never changes.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ApprovalId, EngagementId};
use crate::money::Money;
use crate::problem::Owner;
use crate::transition::Status;

/// A price or rate below the pricing policy.
pub const PRICE_BELOW_POLICY: &str = "price-below-policy";
/// Something is taken off a posted invoice.
pub const CREDIT_MEMO: &str = "credit-memo";

/// Who approves a kind of thing, and how long there is for it. A kind without a rule can't be approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// The kind, such as [`PRICE_BELOW_POLICY`].
    pub what: String,
    /// The function of the firm that decides.
    pub asked_of: Owner,
    /// Hours between one reminder and the next.
    pub remind_after_hours: u32,
    /// Hours after which nobody answered counts as no.
    pub expires_after_hours: u32,
}

/// What a flow wants to have approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The kind, as the rules name it.
    pub what: String,
    /// Stands for everything that is approved with it, such as a hash: other content is another approval.
    pub content: String,
    /// What a person must know to decide.
    pub detail: String,
    /// The money that waits, where it is known.
    pub at_stake: Option<Money>,
}

impl Request {
    /// The ID of the approval. `round` counts how often the same content was asked for and given up
    /// again before it was answered.
    #[must_use]
    pub fn id(&self, engagement: &EngagementId, round: u32) -> ApprovalId {
        let round = round.to_string();
        ApprovalId::derive(&[engagement.as_str(), &self.what, &self.content, &round])
    }

    /// Whether it takes the place of an earlier question of its kind that is still open. Of a price there is one at
    /// a time; credit memos stand beside each other.
    #[must_use]
    pub fn replaces_earlier(&self) -> bool {
        self.what != CREDIT_MEMO
    }
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalStatus {
    /// Waits for its owner.
    Requested,
    /// Somebody said yes.
    Approved,
    /// Somebody said no.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// It is not needed any more: what it was asked for has changed.
    Superseded,
}

impl ApprovalStatus {
    /// The status as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }
}

impl Status for ApprovalStatus {
    const OBJECT: &'static str = "an approval";
    const ALL: &'static [Self] =
        &[Self::Requested, Self::Approved, Self::Rejected, Self::Expired, Self::Superseded];

    fn name(self) -> &'static str {
        self.as_str()
    }

    /// What is answered stays answered; being reminded is staying requested.
    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Requested => &[Self::Approved, Self::Rejected, Self::Expired, Self::Superseded],
            Self::Approved | Self::Rejected | Self::Expired | Self::Superseded => &[],
        }
    }
}

/// What somebody decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

impl Verdict {
    /// The status that an approval has after it.
    #[must_use]
    pub const fn status(self) -> ApprovalStatus {
        match self {
            Self::Approved => ApprovalStatus::Approved,
            Self::Rejected => ApprovalStatus::Rejected,
        }
    }
}

/// Why a decision is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody of another function decided.
    #[error("{approval} is decided by {}, not by {}", asked_of.as_str(), role.as_str())]
    WrongRole {
        /// The approval.
        approval: ApprovalId,
        /// Who was asked.
        asked_of: Owner,
        /// Who answered.
        role: Owner,
    },
    /// It was too late: no answer in time is a no.
    #[error("{approval} expired at {expired_at}")]
    TooLate {
        /// The approval.
        approval: ApprovalId,
        /// When it ended.
        expired_at: Timestamp,
    },
    /// It has another answer already, or is not needed any more.
    #[error("{approval} is {} already and can't become {}", from.as_str(), to.as_str())]
    Settled {
        /// The approval.
        approval: ApprovalId,
        /// Where it stands.
        from: ApprovalStatus,
        /// What was decided now.
        to: ApprovalStatus,
    },
}

/// What time asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// Its owner is to be reminded; the approval as it is after that.
    Reminder(Box<Approval>),
    /// It has expired; the approval as it is after that.
    Expiry(Box<Approval>),
}

/// An approval and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Derived from the engagement, what is asked and its content.
    pub approval: ApprovalId,
    /// The engagement that waits for it.
    pub engagement: EngagementId,
    /// The kind, as the rules name it.
    pub what: String,
    /// Stands for what is approved with it.
    pub content: String,
    /// What a person must know to decide.
    pub detail: String,
    /// The money that waits, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Money>,
    /// Who decides.
    pub asked_of: Owner,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Hours between one reminder and the next.
    pub remind_every_hours: u32,
    /// When the next reminder is due.
    pub remind_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// Reminders so far.
    pub reminders: u32,
    /// Who decided: a user or role of the firm, not a person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When it was answered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Approval {
    /// An approval that is asked for now.
    #[must_use]
    pub fn request(
        engagement: &EngagementId,
        request: &Request,
        rule: &ApprovalRule,
        round: u32,
        now: Timestamp,
    ) -> Self {
        Self {
            approval: request.id(engagement, round),
            engagement: engagement.clone(),
            what: request.what.clone(),
            content: request.content.clone(),
            detail: request.detail.clone(),
            at_stake: request.at_stake,
            asked_of: rule.asked_of,
            requested_at: now,
            remind_every_hours: rule.remind_after_hours,
            remind_at: after(now, rule.remind_after_hours, 1),
            expires_at: after(now, rule.expires_after_hours, 1),
            status: ApprovalStatus::Requested,
            reminders: 0,
            decided_by: None,
            decided_at: None,
            reason: None,
        }
    }

    /// The approval after somebody decided it; none where the same was decided before.
    ///
    /// # Errors
    /// [`Refusal`]; the approval stays as it is.
    pub fn decide(&self, decided: &ApprovalDecided, now: Timestamp) -> Result<Option<Self>, Refusal> {
        let (approval, to) = (self.approval.clone(), decided.verdict.status());
        if decided.role != self.asked_of {
            return Err(Refusal::WrongRole { approval, asked_of: self.asked_of, role: decided.role });
        }
        let over = self.status == ApprovalStatus::Requested && now >= self.expires_at;
        if over || self.status == ApprovalStatus::Expired {
            return Err(Refusal::TooLate { approval, expired_at: self.expires_at });
        }
        if !self.status.may_become(to) {
            return Err(Refusal::Settled { approval, from: self.status, to });
        }
        if self.status == to {
            return Ok(None);
        }
        let answer = (Some(decided.decided_by.clone()), decided.reason.clone());
        Ok(Some(self.settled(to, answer.0, answer.1, now)))
    }

    /// What time asks for now. Looking late is looking once: reminders that were missed are not made up for.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Due {
        if self.status != ApprovalStatus::Requested || now < self.due_at() {
            return Due::Nothing;
        }
        if now >= self.expires_at {
            let why = format!("{} did not answer in time", self.asked_of.as_str());
            return Due::Expiry(Box::new(self.settled(ApprovalStatus::Expired, None, why, now)));
        }
        let every = i64::from(self.remind_every_hours).max(1) * 3_600;
        let passed = now.duration_since(self.requested_at).as_secs() / every;
        let remind_at = after(self.requested_at, self.remind_every_hours.max(1), passed + 1);
        Due::Reminder(Box::new(Self { reminders: self.reminders + 1, remind_at, ..self.clone() }))
    }

    /// When time asks for something next.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.remind_at.min(self.expires_at)
    }

    /// The approval given up, because what it was asked for has changed; none where it has an answer.
    #[must_use]
    pub fn supersede(&self, why: &str, now: Timestamp) -> Option<Self> {
        (self.status == ApprovalStatus::Requested)
            .then(|| self.settled(ApprovalStatus::Superseded, None, why.to_owned(), now))
    }

    fn settled(&self, status: ApprovalStatus, by: Option<String>, reason: String, now: Timestamp) -> Self {
        Self { status, decided_by: by, decided_at: Some(now), reason: Some(reason), ..self.clone() }
    }

    /// One line for people: what was asked, and what came of it.
    #[must_use]
    pub fn summary(&self) -> String {
        let by = self.decided_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let why = self.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{} {} is {}{by}{why}", self.what, self.approval, self.status.as_str())
    }
}

fn after(time: Timestamp, hours: u32, times: i64) -> Timestamp {
    let span = SignedDuration::from_hours(i64::from(hours).saturating_mul(times));
    time.saturating_add(span).unwrap_or(time)
}

/// Somebody is asked to approve something; a flow waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRequested {
    /// The approval; the decision names it.
    pub approval: ApprovalId,
    /// The engagement that waits.
    pub engagement: EngagementId,
    /// The kind, as the tenant's rules name it.
    pub what: String,
    /// What a person must know to decide.
    pub detail: String,
    /// The money that waits, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Money>,
    /// Who decides.
    pub asked_of: Owner,
    /// From then on it is refused.
    pub expires_at: Timestamp,
}

/// Somebody decides on an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalDecided {
    /// The approval.
    pub approval: ApprovalId,
    /// Yes or no.
    pub verdict: Verdict,
    /// Who decided: a user or role of the firm, not a person's name.
    pub decided_by: String,
    /// The function of the firm in which they decided; must be the one that was asked.
    pub role: Owner,
    /// Why, for the audit.
    pub reason: String,
}

/// An approval still waits for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalReminded {
    /// The approval.
    pub approval: ApprovalId,
    /// The engagement that waits.
    pub engagement: EngagementId,
    /// The kind, as the tenant's rules name it.
    pub what: String,
    /// What a person must know to decide.
    pub detail: String,
    /// The money that waits, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<Money>,
    /// Who decides.
    pub asked_of: Owner,
    /// Which reminder this is, counted from 1.
    pub reminders: u32,
    /// From then on it is refused.
    pub expires_at: Timestamp,
}

/// Nobody answered in time, which counts as no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalExpired {
    /// The approval.
    pub approval: ApprovalId,
    /// The engagement that waited.
    pub engagement: EngagementId,
    /// The kind, as the tenant's rules name it.
    pub what: String,
    /// Who was asked.
    pub asked_of: Owner,
    /// When the time was over.
    pub expired_at: Timestamp,
}

impl From<&Approval> for ApprovalRequested {
    fn from(a: &Approval) -> Self {
        Self {
            approval: a.approval.clone(),
            engagement: a.engagement.clone(),
            what: a.what.clone(),
            detail: a.detail.clone(),
            at_stake: a.at_stake,
            asked_of: a.asked_of,
            expires_at: a.expires_at,
        }
    }
}

impl From<&Approval> for ApprovalReminded {
    fn from(a: &Approval) -> Self {
        Self {
            approval: a.approval.clone(),
            engagement: a.engagement.clone(),
            what: a.what.clone(),
            detail: a.detail.clone(),
            at_stake: a.at_stake,
            asked_of: a.asked_of,
            reminders: a.reminders,
            expires_at: a.expires_at,
        }
    }
}

impl From<&Approval> for ApprovalExpired {
    fn from(a: &Approval) -> Self {
        Self {
            approval: a.approval.clone(),
            engagement: a.engagement.clone(),
            what: a.what.clone(),
            asked_of: a.asked_of,
            expired_at: a.expires_at,
        }
    }
}
