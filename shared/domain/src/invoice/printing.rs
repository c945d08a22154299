//! The printed lines of an invoice, assembled from the billable lines that it owns.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, Evidence};
use crate::contract::Accounting;
use crate::id::LineId;
use crate::money::{Currency, Money, MoneyError};
use crate::work::TimeEntry;

/// Unit of an invoice line's quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A fee: quantity 1 at the amount.
    Fee,
    /// Hours at an hourly rate.
    Hour,
}

/// A line as it is printed on the invoice. `quantity × unit_price` is exactly `amount`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceLine {
    /// Position, from 1.
    pub position: u32,
    /// What is billed.
    pub description: String,
    /// Unit of the quantity.
    pub unit: Unit,
    /// Quantity.
    #[schemars(with = "String")]
    pub quantity: Decimal,
    /// Price of one unit.
    pub unit_price: Money,
    /// Before tax.
    pub amount: Money,
    /// The billable lines in it: the way back to entries, milestones and the quote.
    pub lines: Vec<LineId>,
    /// How it is posted, where the contract says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
}

/// How one billable line is printed.
enum Printed<'a> {
    /// As a line of its own, in the order of these words.
    Alone(String),
    /// Summed with other time of the same service, role, rate and posting.
    Time(&'a TimeEntry, Money),
    /// Summed with other usage of the same month, where it bills something.
    Usage(UsedIn<'a>, Decimal),
}

/// What usage must have in common to be printed as one line: first and last day of the month, name, meter and posting.
type UsedIn<'a> = (Date, Date, &'a str, &'a str, Option<&'a Accounting>);

impl Printed<'_> {
    fn of(line: &BillableLine) -> Printed<'_> {
        match &line.evidence {
            Evidence::Time { entry, hourly } => Printed::Time(entry, *hourly),
            Evidence::Adjustment { by, before, after, .. } => {
                Printed::Alone(format!("Correction, {}: {before} becomes {after}", delivered(by)))
            }
            // What takes something back stands alone: what is billed can then be credited to its full amount.
            taken @ Evidence::Usage { .. } if line.amount.amount() < Decimal::ZERO => {
                Printed::Alone(format!("Correction, {}", delivered(taken)))
            }
            Evidence::Usage { record, name, month, .. } => {
                let last = month.until.yesterday().unwrap_or(month.until);
                let used_in =
                    (month.from, last, name.as_str(), record.meter.as_str(), line.accounting.as_ref());
                Printed::Usage(used_in, record.quantity)
            }
            alone => Printed::Alone(delivered(alone)),
        }
    }
}

/// What was delivered, in words for the customer.
fn delivered(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Time { entry, .. } => format!("{} {}, {}", entry.role, entry.person, entry.worked_on),
        Evidence::Milestone { name, completion } => format!("{} {name}", completion.milestone),
        Evidence::Expense { expense, .. } => {
            format!("{}, {}, {}", expense.category, expense.incurred_on, expense.person)
        }
        Evidence::Charge { name, from, until, prorated, .. } => {
            let last = until.yesterday().unwrap_or(*until);
            let part = prorated.map(|p| format!(", {} of {} days", p.days, p.of)).unwrap_or_default();
            format!("{name}, {from} to {last}{part}")
        }
        Evidence::Overage { name, entry, .. } => {
            format!("{name}, beyond it: {} {}, {}", entry.role, entry.person, entry.worked_on)
        }
        Evidence::Usage { name, record, .. } => {
            format!("{name}, {}: {} {}", record.used_on, record.quantity, record.meter)
        }
        Evidence::Deposit { name, .. } => name.clone(),
        Evidence::Drawdown { name, .. } => format!("{name}, drawn down"),
        Evidence::Adjustment { by, .. } => delivered(by),
    }
}

/// What time must have in common to be printed as one line: service, role, rate and posting.
type TimeKey<'a> = (&'a str, &'a str, Decimal, Option<&'a Accounting>);

/// Assembles the printed lines: milestones and what else stands alone a line each, usage summed by its month, time
/// summed by service, role, rate and posting.
///
/// Hours are shown as quantity × rate only where that product is exactly the sum of the
/// entries' own amounts; where rounding each entry makes a difference, the line is a fee of
/// the exact sum, so that the invoice always equals the lines it owns.
///
/// # Errors
/// When the amounts overflow or mix currencies.
pub fn assemble(currency: Currency, owned: &[BillableLine]) -> Result<Vec<InvoiceLine>, MoneyError> {
    let mut alone = Vec::new();
    let mut time: BTreeMap<TimeKey<'_>, Worked<'_>> = BTreeMap::new();
    let mut usage: BTreeMap<UsedIn<'_>, Used<'_>> = BTreeMap::new();
    for line in owned {
        match Printed::of(line) {
            Printed::Alone(description) => alone.push((description, line)),
            Printed::Time(entry, hourly) => {
                let key =
                    (line.service.as_str(), entry.role.as_str(), hourly.amount(), line.accounting.as_ref());
                time.entry(key).or_default().add(entry, line);
            }
            Printed::Usage(month, quantity) => usage.entry(month).or_default().push((quantity, line)),
        }
    }
    alone.sort_by(|a, b| a.0.cmp(&b.0));
    let mut printed: Vec<InvoiceLine> = alone
        .into_iter()
        .map(|(description, line)| InvoiceLine {
            accounting: line.accounting.clone(),
            ..fee(description, line.amount, vec![line.line.clone()])
        })
        .collect();
    for (month, used) in usage {
        printed.push(usage_line(currency, month, &used)?);
    }
    for ((service, role, rate, accounting), worked) in time {
        let line = time_line(currency, service, role, Money::rounded(rate, currency), &worked)?;
        printed.push(InvoiceLine { accounting: accounting.cloned(), ..line });
    }
    for (position, line) in (1..).zip(&mut printed) {
        line.position = position;
    }
    Ok(printed)
}

/// Usage that is printed as one line.
type Used<'a> = Vec<(Decimal, &'a BillableLine)>;

/// Records that cost nothing more have no line, so the quantity is said only to be that of the lines.
fn usage_line(
    currency: Currency,
    (first, last, name, meter, accounting): UsedIn<'_>,
    used: &[(Decimal, &BillableLine)],
) -> Result<InvoiceLine, MoneyError> {
    let amount = Money::total(currency, used.iter().map(|(_, line)| line.amount))?;
    let sum = |sum: Decimal, (quantity, _): &(Decimal, &BillableLine)| sum.checked_add(*quantity);
    let quantity = used.iter().try_fold(Decimal::ZERO, sum).ok_or(MoneyError::Overflow)?.normalize();
    let description = format!("{name}, {first} to {last}: {quantity} {meter}");
    let ids = used.iter().map(|(_, line)| line.line.clone()).collect();
    Ok(InvoiceLine { accounting: accounting.cloned(), ..fee(description, amount, ids) })
}

/// Time that is printed as one line.
#[derive(Default)]
struct Worked<'a> {
    minutes: u64,
    lines: Vec<&'a BillableLine>,
}

impl<'a> Worked<'a> {
    fn add(&mut self, entry: &TimeEntry, line: &'a BillableLine) {
        self.minutes = self.minutes.saturating_add(u64::from(entry.minutes));
        self.lines.push(line);
    }
}

fn time_line(
    currency: Currency,
    service: &str,
    role: &str,
    hourly: Money,
    worked: &Worked<'_>,
) -> Result<InvoiceLine, MoneyError> {
    let Worked { minutes, lines } = worked;
    let amount = Money::total(currency, lines.iter().map(|l| l.amount))?;
    let hours = (Decimal::from(*minutes) / Decimal::from(60)).round_dp(2).normalize();
    let first = lines.iter().map(|l| l.earned_on).min();
    let last = lines.iter().map(|l| l.earned_on).max();
    let days = match (first, last) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(day), _) => day.to_string(),
        (None, _) => String::new(),
    };
    let ids = lines.iter().map(|l| l.line.clone()).collect();
    let description = format!("{service} {role}, {days}");
    let exact = Decimal::from(*minutes) == hours * Decimal::from(60);
    if exact && hourly.times(hours)? == amount {
        return Ok(InvoiceLine {
            position: 0,
            description,
            unit: Unit::Hour,
            quantity: hours,
            unit_price: hourly,
            amount,
            lines: ids,
            accounting: None,
        });
    }
    Ok(fee(format!("{description}, {hours} h at {hourly}"), amount, ids))
}

fn fee(description: String, amount: Money, lines: Vec<LineId>) -> InvoiceLine {
    InvoiceLine {
        position: 0,
        description,
        unit: Unit::Fee,
        quantity: Decimal::ONE,
        unit_price: amount,
        amount,
        lines,
        accounting: None,
    }
}
