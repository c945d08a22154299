//! Splitting the sold package into what each system needs to know of it: no rekeying.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::schedule::{kept_back_for_ever, milestones};
use crate::contract::{BillingMethod, ChargeTiming, Milestone, Rate, RecurringCharge};
use crate::deposit::{DepositTerms, MOST_DEPOSITS};
use crate::expense::ExpenseTerms;
use crate::money::Money;
use crate::problem::{Problem, ProblemCode};
use crate::quote::{Quote, QuoteLine};
use crate::retainer::{Grant, RetainerTerms, Rollover};
use crate::statement_of_work::findings;
use crate::usage::{MOST_MONTHS, UsageTerms, UsageTier};

/// Longest term of a recurring charge: fifty years of months.
const LONGEST_TERM: u32 = 600;

/// What a quote sells, by the way it is billed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Package {
    /// The fixed-fee part.
    pub(crate) milestones: Vec<Milestone>,
    /// The time-and-materials part.
    pub(crate) rates: Vec<Rate>,
    /// The recurring part.
    pub(crate) recurring: Vec<RecurringCharge>,
    /// How expenses are passed on.
    pub(crate) expenses: Option<ExpenseTerms>,
    /// What the fees of retainers buy.
    pub(crate) retainers: Vec<RetainerTerms>,
    /// What is metered.
    pub(crate) usage: Vec<UsageTerms>,
    /// What is paid in advance.
    pub(crate) deposits: Vec<DepositTerms>,
}

/// Splits the sold lines into billing schedule, rate card and recurring charges.
pub(crate) fn split(quote: &Quote) -> Result<Package, Vec<Problem>> {
    let mut problems = findings(quote);
    let (mut package, mut keys) = (Package::default(), BTreeSet::new());
    if quote.lines.is_empty() && quote.pending.is_empty() {
        problems.push(Problem::new(
            ProblemCode::BillingModelInvalid,
            format!("quote {} sells nothing", quote.number),
        ));
    }
    for line in &quote.lines {
        let taken = match line.billing_method {
            Some(BillingMethod::FixedFee) => milestones(line).and_then(|billed| {
                billed.iter().try_for_each(|m| unique(&mut keys, line, &m.key))?;
                package.milestones.extend(billed);
                Ok(())
            }),
            Some(BillingMethod::TimeAndMaterials) => rate(line).map(|r| package.rates.push(r)),
            Some(BillingMethod::Recurring) => charge(line).and_then(|c| {
                unique(&mut keys, line, &c.key)?;
                package.retainers.extend(retainer(line, &c)?);
                package.recurring.push(c);
                Ok(())
            }),
            Some(BillingMethod::PassThroughExpense) => expenses(line).and_then(|terms| {
                // An expense names no line: with two sets of terms nobody knows which of them is meant.
                match package.expenses.replace(terms) {
                    None => Ok(()),
                    Some(_) => Err(invalid(line, "is a further line of expenses; one quote has one")),
                }
            }),
            Some(BillingMethod::Usage) => usage(line).and_then(|terms| {
                unique(&mut keys, line, &terms.key)?;
                package.usage.push(terms);
                Ok(())
            }),
            Some(BillingMethod::Deposit) => deposit(line).and_then(|terms| {
                unique(&mut keys, line, &terms.key)?;
                package.deposits.push(terms);
                Ok(())
            }),
            None => Err(invalid(line, "does not say how it is billed")),
        };
        problems.extend(taken.err());
    }
    problems.extend(package.milestones.iter().filter_map(|m| kept_back_for_ever(m, &package.milestones)));
    problems.extend(metered_twice(quote, &package.usage));
    problems.extend(retained_twice(quote, &package));
    if package.deposits.len() > MOST_DEPOSITS {
        let count = package.deposits.len();
        let detail = format!("quote {} has {count} deposits; {MOST_DEPOSITS} is most", quote.number);
        problems.push(Problem::new(ProblemCode::BillingModelInvalid, detail));
    }
    if problems.is_empty() { Ok(package) } else { Err(problems) }
}

fn unique(keys: &mut BTreeSet<String>, line: &QuoteLine, key: &str) -> Result<(), Problem> {
    if keys.insert(key.to_owned()) { Ok(()) } else { Err(invalid(line, &format!("repeats `{key}`"))) }
}

fn rate(line: &QuoteLine) -> Result<Rate, Problem> {
    Ok(Rate {
        role: line.role.clone().ok_or_else(|| invalid(line, "names no role for its rate"))?,
        person: line.person.clone(),
        service: line.service.clone(),
        quote_line: line.line.clone(),
        hourly: line.unit_price,
        effective_from: line.effective_from,
        effective_until: None,
    })
}

fn charge(line: &QuoteLine) -> Result<RecurringCharge, Problem> {
    let lacks = |what: &str| invalid(line, &format!("does not say {what}"));
    let terms = line.recurrence.as_ref().ok_or_else(|| lacks("how it recurs"))?;
    let term =
        line.quantity.to_u32().filter(|n| line.quantity.is_integer() && (1..=LONGEST_TERM).contains(n));
    let charge = RecurringCharge {
        key: terms.key.clone().ok_or_else(|| lacks("the key of its charge"))?,
        name: line.name.clone(),
        service: line.service.clone(),
        quote_line: line.line.clone(),
        fee: line.unit_price,
        period: terms.period.ok_or_else(|| lacks("how long a period is"))?,
        starts_on: terms.starts_on.ok_or_else(|| lacks("on which day its first period starts"))?,
        term: term.ok_or_else(|| invalid(line, &format!("has a term of {} periods", line.quantity)))?,
        timing: terms.timing.unwrap_or(match terms.retainer {
            Some(_) => ChargeTiming::Advance,
            None => ChargeTiming::Arrears,
        }),
        aligned: terms.aligned,
        ends_on: terms.ends_on,
    };
    charge.value().map_err(|e| invalid(line, &e.to_string()))?;
    match charge.last_day() {
        None => Err(invalid(line, "reaches beyond the calendar")),
        Some(last) if last < charge.starts_on => {
            Err(invalid(line, &format!("ends on {last}, before it starts on {}", charge.starts_on)))
        }
        Some(_) => Ok(charge),
    }
}

/// What the fee of a charge buys, where it is a retainer.
fn retainer(line: &QuoteLine, charge: &RecurringCharge) -> Result<Option<RetainerTerms>, Problem> {
    let Some(offer) = line.recurrence.as_ref().and_then(|r| r.retainer.as_ref()) else { return Ok(None) };
    let currency = charge.fee.currency();
    let sound = |price: &Money| price.is_positive() && price.currency() == currency;
    let grant = match (offer.hours, offer.amount) {
        (Some(hours), None) => {
            let minutes = hours.checked_mul(60.into()).filter(Decimal::is_integer);
            let minutes = minutes.and_then(|m| m.to_u32()).filter(|m| *m > 0);
            Grant::Time {
                minutes: minutes.ok_or_else(|| invalid(line, &format!("retains {hours} hours")))?,
                overage_rate: offer
                    .overage_rate
                    .filter(sound)
                    .ok_or_else(|| invalid(line, "does not say what an hour beyond its retainer costs"))?,
            }
        }
        (None, Some(amount)) if sound(&amount) && offer.overage_rate.is_none() => Grant::Amount { amount },
        _ => return Err(invalid(line, "retains neither hours with a rate beyond them nor an amount alone")),
    };
    let rollover = match (offer.rollover_periods, offer.rollover_most) {
        (None | Some(0), None) => None,
        (Some(periods), most) if periods > 0 => {
            // Of hours, minutes are kept.
            let most = most.map(|most| match grant {
                Grant::Time { .. } => most.checked_mul(60.into()).unwrap_or(most),
                Grant::Amount { .. } => most,
            });
            let fits = |most: &Decimal| {
                !most.is_sign_negative()
                    && match grant {
                        Grant::Time { .. } => most.is_integer(),
                        Grant::Amount { .. } => Money::exact(*most, currency).is_ok(),
                    }
            };
            if let Some(odd) = most.filter(|most| !fits(most)) {
                return Err(invalid(line, &format!("lets {odd} roll over")));
            }
            Some(Rollover { periods, most: most.map(|most| most.normalize()) })
        }
        _ => return Err(invalid(line, "says how much rolls over and not for how many periods")),
    };
    Ok(Some(RetainerTerms { charge: charge.key.clone(), grant, roles: offer.roles.clone(), rollover }))
}

/// An entry names a role and a day: with two retainers for both nobody knows from which it is drawn.
fn retained_twice(quote: &Quote, package: &Package) -> Vec<Problem> {
    let mut found = Vec::new();
    let charge = |terms: &RetainerTerms| package.recurring.iter().find(|c| c.key == terms.charge);
    for (n, one) in package.retainers.iter().enumerate() {
        for other in package.retainers.iter().skip(n + 1).filter(|other| one.shares_a_role(other)) {
            let (Some(a), Some(b)) = (charge(one), charge(other)) else { continue };
            let ends_after = |c: &RecurringCharge, day| c.last_day().is_none_or(|last| day <= last);
            if ends_after(a, b.starts_on) && ends_after(b, a.starts_on) {
                let detail = format!(
                    "quote {} retains a role on one day by {} and by {}",
                    quote.number, one.charge, other.charge
                );
                found.push(Problem::new(ProblemCode::BillingModelInvalid, detail));
            }
        }
    }
    found
}

fn expenses(line: &QuoteLine) -> Result<ExpenseTerms, Problem> {
    let offer = line.expenses.clone().unwrap_or_default();
    let markup_percent = offer.markup_percent.unwrap_or_default();
    if markup_percent.is_sign_negative() && !markup_percent.is_zero() {
        return Err(invalid(line, &format!("has a markup of {markup_percent} %")));
    }
    let sound = |cap: &Money| cap.is_positive() && cap.currency() == line.unit_price.currency();
    if let Some(cap) = offer.cap.filter(|cap| !sound(cap)) {
        return Err(invalid(line, &format!("has a cap on expenses of {cap}")));
    }
    Ok(ExpenseTerms {
        service: line.service.clone(),
        quote_line: line.line.clone(),
        markup_percent: markup_percent.normalize(),
        cap: offer.cap,
        categories: offer.categories,
    })
}

fn usage(line: &QuoteLine) -> Result<UsageTerms, Problem> {
    let lacks = |what: &str| invalid(line, &format!("does not say {what}"));
    let offer = line.usage.as_ref().ok_or_else(|| lacks("what of it is metered"))?;
    let term = line.quantity.to_u32().filter(|_| line.quantity.is_integer());
    let tier = |t: &UsageTier| UsageTier {
        up_to: t.up_to.map(|end| end.normalize()),
        unit_price: t.unit_price.normalize(),
    };
    let terms = UsageTerms {
        key: offer.key.clone().ok_or_else(|| lacks("the key of its usage"))?,
        name: line.name.clone(),
        meter: offer.meter.clone().ok_or_else(|| lacks("which meter is counted"))?,
        service: line.service.clone(),
        quote_line: line.line.clone(),
        tiers: offer.tiers.iter().map(tier).collect(),
        allowance: offer.allowance.unwrap_or_default().normalize(),
        starts_on: offer.starts_on.ok_or_else(|| lacks("on which day its first month starts"))?,
        term: term.ok_or_else(|| invalid(line, &format!("has a term of {} months", line.quantity)))?,
    };
    match terms.flaw() {
        Some(flaw) => Err(invalid(line, &flaw)),
        None => Ok(terms),
    }
}

fn deposit(line: &QuoteLine) -> Result<DepositTerms, Problem> {
    let offer = line.deposit.clone().unwrap_or_default();
    let amount = line.unit_price.times(line.quantity).map_err(|e| invalid(line, &e.to_string()))?;
    let sound = |share: &Decimal| *share > Decimal::ZERO && *share <= Decimal::ONE_HUNDRED;
    if let Some(odd) = offer.share_percent.filter(|share| !sound(share)) {
        return Err(invalid(line, &format!("is drawn for {odd} % of an invoice")));
    }
    Ok(DepositTerms {
        key: offer.key.ok_or_else(|| invalid(line, "does not say the key of its deposit"))?,
        name: line.name.clone(),
        service: line.service.clone(),
        quote_line: line.line.clone(),
        amount,
        due_on: line.planned_on,
        drawn_when: offer.drawn_when.unwrap_or_default(),
        share_percent: offer.share_percent.map(|share| share.normalize()),
    })
}

/// A record names a meter and a day: with two terms for both nobody knows which of them are meant.
fn metered_twice(quote: &Quote, usage: &[UsageTerms]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (n, one) in usage.iter().enumerate() {
        for other in usage.iter().skip(n + 1).filter(|other| one.overlaps(other)) {
            let detail = format!(
                "quote {} sells `{}` on one day by {} and by {}",
                quote.number, one.meter, one.key, other.key
            );
            found.push(Problem::new(ProblemCode::BillingModelInvalid, detail));
        }
    }
    let months = usage.iter().fold(0_u32, |sum, terms| sum.saturating_add(terms.term));
    if months > MOST_MONTHS {
        let detail = format!("quote {} sells {months} months of usage; {MOST_MONTHS} is most", quote.number);
        found.push(Problem::new(ProblemCode::BillingModelInvalid, detail));
    }
    found
}

pub(super) fn invalid(line: &QuoteLine, what: &str) -> Problem {
    Problem::new(ProblemCode::BillingModelInvalid, format!("quote line {} ({}) {what}", line.line, line.name))
}
