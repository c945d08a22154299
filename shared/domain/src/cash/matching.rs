//! Which invoice a payment that matches none may be for: suggestions for a person, never a decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numbers_in;
use crate::id::{CustomerId, EngagementId, InvoiceId};
use crate::money::Money;

/// Suggestions that a person is shown.
const MOST: usize = 5;
/// Shortest run of digits that tells one invoice from another.
const FEWEST_DIGITS: usize = 3;

/// An invoice with something open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its engagement.
    pub engagement: EngagementId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// Its number.
    pub number: String,
    /// Who owes it.
    pub customer: CustomerId,
    /// What is open.
    pub open: Money,
}

/// Why an invoice is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Exactly what was paid is open.
    ExactAmount,
    /// The number is the same but for case, blanks and punctuation.
    SameNumber,
    /// The number's digits are the same: its prefix is missing or another.
    SameDigits,
    /// Two neighbouring digits are swapped.
    SwappedDigits,
    /// One digit is another.
    OneDigitOff,
    /// The payment product names this customer.
    SameCustomer,
}

impl Reason {
    /// What it adds to the score. Number and amount together outweigh anything alone.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::SameNumber => 60,
            Self::ExactAmount => 50,
            Self::SameDigits => 45,
            Self::SwappedDigits => 30,
            Self::OneDigitOff => 20,
            Self::SameCustomer => 15,
        }
    }
}

/// An invoice that a payment may be for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    /// Its engagement.
    pub engagement: EngagementId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// Its number.
    pub number: String,
    /// What is open on it.
    pub open: Money,
    /// Sum of the reasons' weights.
    pub score: u32,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// The invoices that unapplied cash may be for, the likeliest first. Another currency is never suggested, and
/// nothing without a reason is. Where the payment is matched, its customer's invoices alone may be paid.
#[must_use]
pub fn suggestions(
    unapplied: Money,
    named: Option<&str>,
    customer: Option<&CustomerId>,
    matched: bool,
    candidates: &[Candidate],
) -> Vec<Suggestion> {
    let numbers = numbers_in(named.unwrap_or_default());
    let mut found: Vec<Suggestion> = candidates
        .iter()
        .filter(|c| c.open.currency() == unapplied.currency() && c.open.is_positive())
        .filter(|c| !matched || customer == Some(&c.customer))
        .filter_map(|c| {
            let mut reasons: Vec<Reason> = Vec::new();
            reasons.extend(numbers.iter().filter_map(|n| alike(n, &c.number)).max_by_key(|r| r.weight()));
            reasons.extend((c.open == unapplied).then_some(Reason::ExactAmount));
            reasons.extend((customer == Some(&c.customer)).then_some(Reason::SameCustomer));
            let score = reasons.iter().map(|r| r.weight()).sum();
            (score > 0).then(|| Suggestion {
                engagement: c.engagement.clone(),
                invoice: c.invoice.clone(),
                number: c.number.clone(),
                open: c.open,
                score,
                reasons,
            })
        })
        .collect();
    found.sort_by(|a, b| {
        b.score.cmp(&a.score).then_with(|| a.number.cmp(&b.number)).then(a.invoice.cmp(&b.invoice))
    });
    found.dedup_by(|a, b| a.invoice == b.invoice);
    found.truncate(MOST);
    found
}

/// How a number that a payer wrote is like an invoice's.
#[must_use]
pub fn alike(written: &str, number: &str) -> Option<Reason> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (ours, theirs) = (plain(number), plain(written));
    if theirs.is_empty() {
        return None;
    }
    if ours == theirs {
        return Some(Reason::SameNumber);
    }
    let digits = |text: &str| -> Vec<char> { text.chars().filter(char::is_ascii_digit).collect() };
    let (ours, theirs) = (digits(&ours), digits(&theirs));
    if theirs.len() < FEWEST_DIGITS {
        return None;
    }
    // A payer who leaves out the prefix may leave out the year in it, too.
    if ours.ends_with(&theirs) {
        return Some(Reason::SameDigits);
    }
    if ours.len() != theirs.len() {
        return None;
    }
    let off: Vec<usize> = (0..ours.len()).filter(|i| ours.get(*i) != theirs.get(*i)).collect();
    match off.as_slice() {
        [_] => Some(Reason::OneDigitOff),
        [a, b] if a + 1 == *b && ours.get(*a) == theirs.get(*b) && ours.get(*b) == theirs.get(*a) => {
            Some(Reason::SwappedDigits)
        }
        _ => None,
    }
}
