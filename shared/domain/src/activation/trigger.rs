//! What begins an activation: which announcements a tenant lets begin one, and which must all have
//! come before.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::problem::{Problem, ProblemCode};
use crate::quote::Quote;

/// Something announced of a deal that may begin its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Its quote was approved.
    QuoteApproved,
    /// The opportunity was won.
    OpportunityWon,
    /// Its contract was approved and is active.
    ContractActivated,
    /// Its statement of work was approved.
    SowApproved,
    /// Everybody has signed.
    SignatureCompleted,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 5] = [
        Self::QuoteApproved,
        Self::OpportunityWon,
        Self::ContractActivated,
        Self::SowApproved,
        Self::SignatureCompleted,
    ];

    /// The signal as configuration and summaries write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QuoteApproved => "quote-approved",
            Self::OpportunityWon => "opportunity-won",
            Self::ContractActivated => "contract-activated",
            Self::SowApproved => "sow-approved",
            Self::SignatureCompleted => "signature-completed",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signal and the deal it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger<'a> {
    /// What was announced.
    pub signal: Signal,
    /// The CRM connection that has the deal.
    pub connection: &'a str,
    /// The CRM's ID of the deal.
    pub deal: &'a str,
}

impl<'a> Trigger<'a> {
    /// What an event announces of a deal; none where it is about something else.
    #[must_use]
    pub fn of(event: &'a Event) -> Option<Self> {
        let (signal, connection, deal) = match event {
            Event::QuoteApproved(e) => (Signal::QuoteApproved, &e.connection, &e.deal),
            Event::OpportunityWon(e) => (Signal::OpportunityWon, &e.connection, &e.deal),
            Event::ContractActivated(e) => (Signal::ContractActivated, &e.connection, &e.deal),
            Event::SowApproved(e) => (Signal::SowApproved, &e.connection, &e.deal),
            Event::SignatureCompleted(e) => (Signal::SignatureCompleted, &e.connection, &e.deal),
            _ => return None,
        };
        Some(Self { signal, connection, deal })
    }
}

/// What begins an activation. Without a word of it, an approved quote does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivationPolicy {
    /// Signals of which one must have come.
    #[serde(default = "quote_approved")]
    pub triggers: BTreeSet<Signal>,
    /// Signals that must all have come, in any order; the last one to come begins.
    #[serde(default)]
    pub requires: BTreeSet<Signal>,
}

fn quote_approved() -> BTreeSet<Signal> {
    BTreeSet::from([Signal::QuoteApproved])
}

impl Default for ActivationPolicy {
    fn default() -> Self {
        Self { triggers: quote_approved(), requires: BTreeSet::new() }
    }
}

/// What follows from a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The activation begins, or goes on where it has begun.
    Begins,
    /// Others must come first; they are named, for people.
    Waits(String),
    /// The tenant does not begin anything with it; why, for people.
    Ignored(String),
}

impl ActivationPolicy {
    /// What follows from a signal, after those that were seen before. Whatever the order and however
    /// often each comes, the same set of signals begins the same activation.
    #[must_use]
    pub fn decide(&self, seen: &BTreeSet<Signal>, signal: Signal) -> Verdict {
        if !self.triggers.contains(&signal) && !self.requires.contains(&signal) {
            return Verdict::Ignored(format!("{signal} is no trigger of this tenant"));
        }
        let came = |s: &Signal| *s == signal || seen.contains(s);
        let missing: Vec<&str> = self.requires.iter().filter(|s| !came(s)).map(|s| s.as_str()).collect();
        if !missing.is_empty() {
            return Verdict::Waits(format!("waits for {}", missing.join(", ")));
        }
        if self.triggers.iter().any(came) {
            return Verdict::Begins;
        }
        let any: Vec<&str> = self.triggers.iter().map(|s| s.as_str()).collect();
        Verdict::Waits(format!("waits for one of {}", any.join(", ")))
    }

    /// What must hold of the deal when an activation begins with a signal.
    #[must_use]
    pub fn claimed(&self, signal: Signal) -> BTreeSet<Signal> {
        self.requires.iter().copied().chain([signal]).collect()
    }
}

/// What was announced and the CRM, asked for the deal, does not hold (any more). The quote's own
/// approval is one of the checks, and a signature is nothing that the CRM knows of.
#[must_use]
pub fn unconfirmed(quote: &Quote, claimed: &BTreeSet<Signal>) -> Option<Problem> {
    let asked = [Signal::OpportunityWon, Signal::ContractActivated, Signal::SowApproved];
    let holds = &quote.opportunity.standing;
    let unheld: Vec<&str> =
        asked.iter().filter(|s| claimed.contains(s) && !holds.contains(s)).map(|s| s.as_str()).collect();
    (!unheld.is_empty()).then(|| {
        let stage = quote.opportunity.stage.as_deref().unwrap_or("none");
        Problem::new(
            ProblemCode::QuoteNotApproved,
            format!(
                "deal {} was announced as {}, but the CRM does not hold it so; its stage is `{stage}`",
                quote.deal,
                unheld.join(", ")
            ),
        )
    })
}
