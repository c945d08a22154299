//! Deposits: an amount that is billed once and drawn down by later invoices of the engagement.
//!
//! A deposit is a liability: it is owed back until it is drawn. So it earns no revenue when it is billed, and its
//! drawdown takes none away: the lines of work earn as they do without one. It is no part of the contract's value,
//! as it pays in advance for what is sold beside it.
//!
//! What was drawn is kept with the invoice that bills the deposit. Whatever changes what is left (its posting, its
//! payment, a credit memo, a drawdown) writes that invoice under its version, so of two at once one reads again.

mod draw;

pub use draw::{BilledDeposit, DepositBalance, Drawing, InvoiceDeposits, drawdown_line};

use std::fmt;

use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, Evidence, billable};
use crate::contract::Contract;
use crate::decision::{Decision, Effects};
use crate::engagement::Engagement;
use crate::event::BillingReady;
use crate::id::{EngagementId, InvoiceId, LineId};
use crate::invoicing::{InvoicePolicy, asked_by};
use crate::money::Money;
use crate::problem::{Problem, ProblemCode};
use crate::recurring::{ChargeDue, ChargePeriod};

/// Deposits of one contract at most: an invoice that draws on all of them is fixed by one commit.
pub const MOST_DEPOSITS: usize = 10;
/// The day that stands for no day: before any history, so that it is due at once.
const AT_ONCE: Date = date(1970, 1, 1);

/// From when on a deposit may be drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrawnWhen {
    /// Once its invoice is posted, paid or not: the customer owes both, so what he owes in sum is right.
    Posted,
    /// Once nothing of its invoice is open any more. What is expected of a deposit: it is not taken off
    /// anything before the money is there.
    #[default]
    Paid,
}

impl DrawnWhen {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// On which terms a deposit was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositTerms {
    /// Key, unique in the contract, milestones and charges included, and the same in each of its versions.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Service it is billed as: what the ERP posts to the account of customers' deposits.
    pub service: String,
    /// The CRM's quote line.
    pub quote_line: String,
    /// How much, before tax, in the contract's currency.
    pub amount: Money,
    /// The day on which it is billed; none means as soon as the engagement is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Date>,
    /// From when on it may be drawn.
    #[serde(default, skip_serializing_if = "DrawnWhen::is_default")]
    pub drawn_when: DrawnWhen,
    /// Most of what an invoice bills that is drawn for it, in percent; none means all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub share_percent: Option<Decimal>,
}

/// Where a drawdown came from, and where it goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnFrom {
    /// The line of the deposit.
    pub line: LineId,
    /// The invoice that bills it.
    pub invoice: InvoiceId,
}

impl DepositTerms {
    /// The same, without what may differ between versions of the contract: which quote line says it, and its name.
    #[must_use]
    pub fn agreed(&self) -> Self {
        Self { quote_line: String::new(), name: String::new(), ..self.clone() }
    }

    /// What falls due, as the only period of a charge would. `at_once` stands for the day of what has none.
    #[must_use]
    pub(crate) fn falling_due(&self, at_once: Option<Date>) -> ChargePeriod {
        let day = self.due_on.or(at_once).unwrap_or(AT_ONCE);
        ChargePeriod {
            index: 0,
            from: day,
            until: day.tomorrow().unwrap_or(day),
            due_on: day,
            amount: self.amount,
            prorated: None,
        }
    }
}

impl fmt::Display for DepositTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.amount)?;
        if let Some(day) = self.due_on {
            write!(f, " on {day}")?;
        }
        if self.drawn_when == DrawnWhen::Posted {
            write!(f, ", drawn before it is paid")?;
        }
        match self.share_percent {
            Some(share) => write!(f, ", {} % of an invoice at most", share.normalize()),
            None => Ok(()),
        }
    }
}

impl Contract {
    /// The deposit of a key.
    #[must_use]
    pub fn deposit(&self, key: &str) -> Option<&DepositTerms> {
        self.deposits.iter().find(|terms| terms.key == key)
    }
}

/// The line of a deposit; the same deposit is always the same line.
#[must_use]
pub fn deposit_line(engagement: &EngagementId, key: &str) -> LineId {
    LineId::derive(&[engagement.as_str(), "deposit", key])
}

/// Decides on a deposit that fell due, told on a day: bills it, once, and asks for an invoice.
#[must_use]
pub(crate) fn deposit_due(
    state: Option<&Engagement>,
    terms: &DepositTerms,
    due: &ChargeDue,
    told_on: Date,
) -> Decision {
    let engagement = match billable(state) {
        Ok(engagement) => engagement,
        Err(decision) => return decision,
    };
    let day = terms.due_on.unwrap_or(due.due_on);
    if due.period != 0 || day > told_on {
        let detail =
            format!("part {} of deposit {}, due on {day}, was told on {told_on}", due.period, terms.key);
        return Decision::Hold(Problem::new(ProblemCode::IllegalEvent, detail));
    }
    let line = BillableLine::sold(
        &engagement.contract,
        deposit_line(&engagement.engagement, &terms.key),
        (&terms.quote_line, &terms.service),
        (terms.amount, day),
        Evidence::Deposit { deposit: terms.key.clone(), name: terms.name.clone() },
    );
    let mut events = vec![BillingReady { line: line.line.clone(), amount: line.amount }.into()];
    events.extend(asked_by(engagement, &InvoicePolicy::default(), &line).map(Into::into));
    Decision::apply(Effects {
        // Unchanged: the write keeps a change order from coming into force between reading and billing.
        state: Some(engagement.clone()),
        summary: format!("deposit {} {}: {}", terms.key, terms.name, terms.amount),
        events,
        lines: vec![line],
        ..Effects::default()
    })
}
