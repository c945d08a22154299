//! The milestones that a fee is billed in: one, or several by percent.

use rust_decimal::Decimal;

use super::package::invalid;
use crate::contract::Milestone;
use crate::money::Money;
use crate::problem::{Problem, ProblemCode};
use crate::quote::{QuoteLine, ScheduledPart};

/// The milestones of a line. Parts by percent are rounded each; the last has what is left, so that they
/// add up to the line.
pub(crate) fn milestones(line: &QuoteLine) -> Result<Vec<Milestone>, Problem> {
    let fee = line.unit_price.times(line.quantity).map_err(|e| invalid(line, &e.to_string()))?;
    let milestone = |key: &str, name: &str, planned_on, amount| Milestone {
        key: key.to_owned(),
        name: name.to_owned(),
        service: line.service.clone(),
        quote_line: line.line.clone(),
        amount,
        planned_on,
        // What releases the rest keeps nothing back itself.
        holdback: line.holdback.clone().filter(|holdback| holdback.until != key),
    };
    if line.schedule.is_empty() {
        let key = line.milestone.as_ref().ok_or_else(|| invalid(line, "names no milestone"))?;
        return Ok(vec![milestone(key, &line.name, line.planned_on, fee)]);
    }
    let amounts = amounts(line, fee)?;
    let of = |(part, amount): (&ScheduledPart, Money)| {
        milestone(&part.milestone, &part.name, part.planned_on, amount)
    };
    Ok(line.schedule.iter().zip(amounts).map(of).collect())
}

fn amounts(line: &QuoteLine, fee: Money) -> Result<Vec<Money>, Problem> {
    let broken = |e: crate::money::MoneyError| invalid(line, &e.to_string());
    let all: Decimal = line.schedule.iter().map(|part| part.percent).sum();
    if all != Decimal::ONE_HUNDRED || line.schedule.iter().any(|part| part.percent <= Decimal::ZERO) {
        return Err(invalid(line, &format!("is billed in parts of {} % together", all.normalize())));
    }
    let mut left = fee;
    let mut amounts = Vec::new();
    for (part, following) in line.schedule.iter().zip((0..line.schedule.len()).rev()) {
        let amount = if following == 0 { left } else { fee.percent(part.percent).map_err(broken)? };
        left = left.minus(amount).map_err(broken)?;
        if !amount.is_positive() {
            return Err(invalid(line, &format!("leaves {amount} for milestone {}", part.milestone)));
        }
        amounts.push(amount);
    }
    Ok(amounts)
}

/// A holdback that no milestone of the contract would release, or that is no part of its amount.
pub(super) fn kept_back_for_ever(milestone: &Milestone, all: &[Milestone]) -> Option<Problem> {
    let holdback = milestone.holdback.as_ref()?;
    let released = all.iter().any(|m| m.key == holdback.until && m.key != milestone.key);
    let in_part = holdback.percent > Decimal::ZERO && holdback.percent < Decimal::ONE_HUNDRED;
    (!released || !in_part).then(|| {
        Problem::new(
            ProblemCode::BillingModelInvalid,
            format!(
                "milestone {} keeps {} % back until `{}`, which {}",
                milestone.key,
                holdback.percent.normalize(),
                holdback.until,
                if released { "is no part of it" } else { "is no other milestone of the contract" }
            ),
        )
    })
}
