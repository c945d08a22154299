//! From delivered work to billable lines.

mod correction;
pub mod hold;
mod milestone;
pub mod model;
pub mod readiness;
pub mod score;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Accounting, Contract, Rate};
use crate::decision::{Condition, Decision, Effects};
use crate::engagement::{Engagement, EngagementStatus};
use crate::event::BillingReady;
use crate::expense::Expense;
use crate::id::{InvoiceId, LineId};
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};
use crate::recurring::Proration;
use crate::retainer;
use crate::transition::Status;
use crate::usage::{UsageMonth, UsageRecord};
use crate::work::{MilestoneCompletion, TimeEntry};

pub(crate) use correction::without;
pub use correction::{Adjusted, Corrected, Correction, correct};
pub use milestone::milestone_completed;

/// Where a line stands. Ownership by an invoice is taken by a conditional write on the line itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineStatus {
    /// May be invoiced; owned by nobody.
    Ready,
    /// Waits for a correction or for a person; owned by nobody.
    Held,
    /// Owned by exactly one invoice.
    Invoiced,
    /// Was billed and credited, and is not billed again.
    Credited,
    /// Will not be billed.
    WrittenOff,
    /// A drawdown whose invoice was taken back before the ERP posted it: the deposit has it again.
    Withdrawn,
}

impl Status for LineStatus {
    const OBJECT: &'static str = "a billable line";
    const ALL: &'static [Self] =
        &[Self::Ready, Self::Held, Self::Invoiced, Self::Credited, Self::WrittenOff, Self::Withdrawn];

    fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Held => "held",
            Self::Invoiced => "invoiced",
            Self::Credited => "credited",
            Self::WrittenOff => "written-off",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What a credit memo releases is ready again, where it is to be billed anew.
    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Ready => &[Self::Held, Self::Invoiced, Self::WrittenOff],
            Self::Held => &[Self::Ready, Self::WrittenOff],
            Self::Invoiced => &[Self::Ready, Self::Credited, Self::Withdrawn],
            Self::Credited | Self::WrittenOff | Self::Withdrawn => &[],
        }
    }
}

/// What a line was earned by, traceable to the quote line and to the PSA's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Evidence {
    /// An approved time entry.
    Time {
        /// The entry.
        entry: TimeEntry,
        /// The rate in force on the day worked.
        hourly: Money,
    },
    /// A completed milestone.
    Milestone {
        /// The completion.
        completion: MilestoneCompletion,
        /// Its name.
        name: String,
    },
    /// An approved expense.
    Expense {
        /// The expense.
        expense: Expense,
        /// Percent that was added to its cost.
        markup_percent: Decimal,
    },
    /// A period of a recurring charge that fell due.
    Charge {
        /// Key of the charge.
        charge: String,
        /// Its name.
        name: String,
        /// Number of the period, from 0.
        period: u32,
        /// Its first day.
        from: Date,
        /// The first day after it.
        until: Date,
        /// Its part of the whole period; none where it is whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prorated: Option<Proration>,
    },
    /// An approved time entry that is beyond what a retainer had left.
    Overage {
        /// The entry.
        entry: TimeEntry,
        /// Key of the charge that is the retainer's fee.
        retainer: String,
        /// Its name.
        name: String,
        /// Number of the period in which it was worked, from 0.
        period: u32,
        /// How much is beyond it by the entry: minutes, or an amount.
        #[schemars(with = "String")]
        overage: Decimal,
    },
    /// A record of usage: what its month costs more, or less, by it.
    Usage {
        /// The record.
        record: UsageRecord,
        /// Key of the terms.
        terms: String,
        /// Their name.
        name: String,
        /// The month that it belongs to.
        month: UsageMonth,
        /// What the month came to before tax without it.
        before: Money,
        /// What it comes to with it.
        after: Money,
    },
    /// A deposit that fell due.
    Deposit {
        /// Key of the deposit.
        deposit: String,
        /// Its name.
        name: String,
    },
    /// What the line's invoice draws of a deposit: its amount is below nothing.
    Drawdown {
        /// Key of the deposit.
        deposit: String,
        /// Its name.
        name: String,
        /// The line of the deposit.
        of: LineId,
        /// The invoice that billed it.
        billed_by: InvoiceId,
    },
    /// An entry that was changed after it was billed: the difference.
    Adjustment {
        /// The line that the entry became first.
        of: LineId,
        /// What the entry is now; what it was where it is not billable any more.
        by: Box<Evidence>,
        /// What the lines of the entry came to.
        before: Money,
        /// What they come to with this one.
        after: Money,
    },
}

impl Evidence {
    /// What was delivered: of an adjustment, what it adjusts.
    #[must_use]
    pub fn delivered(&self) -> &Self {
        match self {
            Self::Adjustment { by, .. } => by.delivered(),
            own => own,
        }
    }
}

/// One approved entry, milestone, expense or period of a charge, priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BillableLine {
    /// Derived from the source record, so that one entry can only ever be one line.
    pub line: LineId,
    /// The CRM's quote line that sold it.
    pub quote_line: String,
    /// Version of the contract that priced it.
    pub contract_version: u32,
    /// The statement of work that sold it; none where the quote is one statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Service code.
    pub service: String,
    /// Before tax.
    pub amount: Money,
    /// The day it was earned.
    pub earned_on: Date,
    /// What earned it.
    pub evidence: Evidence,
    /// How it is posted, where the catalog or the posting rules say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
    /// Whether a subcontractor did the work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subcontracted: bool,
    /// Key of the milestone of which this releases what was kept back, by the completion of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases: Option<String>,
}

impl BillableLine {
    /// A line of what a contract's quote line sold (the CRM's line and its service), for so much, earned
    /// on a day.
    #[must_use]
    pub fn sold(
        contract: &Contract,
        line: LineId,
        (quote_line, service): (&str, &str),
        (amount, earned_on): (Money, Date),
        evidence: Evidence,
    ) -> Self {
        Self {
            line,
            quote_line: quote_line.to_owned(),
            contract_version: contract.version,
            statement: contract.statement_of(quote_line).map(str::to_owned),
            service: service.to_owned(),
            amount,
            earned_on,
            evidence,
            accounting: contract.accounting.get(service).cloned(),
            subcontracted: false,
            releases: None,
        }
    }
}

/// The line of a PSA record; the same record is always the same line.
#[must_use]
pub fn line_of(connection: &str, kind: &str, record: &str) -> LineId {
    LineId::derive(&[connection, kind, record])
}

/// Price of an entry: minutes at the hourly rate, rounded to the minor unit once.
///
/// # Errors
/// When the amount overflows.
pub fn price(hourly: Money, minutes: u32) -> Result<Money, MoneyError> {
    // Divided last: an hour's 60th part is no finite decimal, and cutting it first loses exact halves.
    let product = hourly.amount().checked_mul(Decimal::from(minutes)).ok_or(MoneyError::Overflow)?;
    Ok(Money::rounded(product / Decimal::from(60), hourly.currency()))
}

/// Decides on an approved time entry.
#[must_use]
pub fn time_approved(state: Option<&Engagement>, entry: &TimeEntry) -> Decision {
    let engagement = match billable(state) {
        Ok(engagement) => engagement,
        Err(decision) => return decision,
    };
    if !entry.billable || entry.minutes == 0 {
        return Decision::NoEffect(format!("entry {} is not billable", entry.entry));
    }
    if let Some(decision) = retainer::drawn(engagement, entry) {
        return decision;
    }
    let contract = &engagement.contract;
    let Some(rate) = contract.rate_card.of(&entry.person, &entry.role, entry.worked_on) else {
        return Decision::Hold(Problem::new(
            ProblemCode::NoRateInForce,
            format!(
                "entry {} of {}: no rate for role `{}` on {} in contract version {}",
                entry.entry, entry.person, entry.role, entry.worked_on, contract.version
            ),
        ));
    };
    match price_within_ceiling(engagement, entry, rate) {
        Err(problem) => Decision::Hold(problem),
        Ok((amount, state)) => {
            let line = BillableLine::sold(
                contract,
                line_of(&entry.connection, "time", &entry.entry),
                (&rate.quote_line, &rate.service),
                (amount, entry.worked_on),
                Evidence::Time { entry: entry.clone(), hourly: rate.hourly },
            );
            Decision::apply(Effects {
                state,
                summary: format!(
                    "{} min by {} on {} at {} = {amount}",
                    entry.minutes, entry.person, entry.worked_on, rate.hourly
                ),
                events: vec![BillingReady { line: line.line.clone(), amount }.into()],
                lines: vec![line],
                ..Effects::default()
            })
        }
    }
}

/// The entry's price and, where the contract has a ceiling, the state with that much of it used.
fn price_within_ceiling(
    engagement: &Engagement,
    entry: &TimeEntry,
    rate: &Rate,
) -> Result<(Money, Option<Engagement>), Problem> {
    let amount = price(rate.hourly, entry.minutes).map_err(|e| broken(entry, &e))?;
    let state = within_ceiling(engagement, entry, amount)?;
    Ok((amount, state.map(|billed| Engagement { time_billed: Some(billed), ..engagement.clone() })))
}

fn broken(entry: &TimeEntry, error: &MoneyError) -> Problem {
    Problem::new(ProblemCode::IllegalEvent, format!("entry {}: {error}", entry.entry))
}

/// What is billed by time with so much more of an entry; none where the contract has no ceiling.
pub(crate) fn within_ceiling(
    engagement: &Engagement,
    entry: &TimeEntry,
    amount: Money,
) -> Result<Option<Money>, Problem> {
    let (Some(ceiling), Some(billed)) = (engagement.contract.time_ceiling, engagement.time_billed) else {
        return Ok(None);
    };
    let after = billed.plus(amount).map_err(|e| broken(entry, &e))?;
    if after.exceeds(ceiling).map_err(|e| broken(entry, &e))? {
        return Err(Problem::new(
            ProblemCode::CeilingExceeded,
            format!(
                "entry {}: {billed} of {ceiling} is billed; {amount} more would exceed the ceiling",
                entry.entry
            ),
        )
        .with_stake(amount));
    }
    Ok(Some(after))
}

/// The engagement where work on it may be billed; otherwise what becomes of the work.
pub(crate) fn billable(state: Option<&Engagement>) -> Result<&Engagement, Decision> {
    let early = Err(Decision::Park(Condition::EngagementActive));
    let Some(engagement) = state else { return early };
    match engagement.status {
        EngagementStatus::Active => Ok(engagement),
        EngagementStatus::Held | EngagementStatus::Activating => early,
        EngagementStatus::Withdrawn => Err(Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("work on {}, which was withdrawn", engagement.engagement),
        ))),
    }
}
