//! Periods that fall due: told once each, and billed once each.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ChargePeriod;
use crate::billing::{BillableLine, Evidence, billable};
use crate::contract::{ChargeTiming, Contract, RecurringCharge};
use crate::decision::{Decision, Effects};
use crate::deposit::deposit_due;
use crate::engagement::Engagement;
use crate::event::BillingReady;
use crate::id::{EngagementId, LineId};
use crate::invoicing::{InvoicePolicy, asked_by};
use crate::money::MoneyError;
use crate::problem::{Problem, ProblemCode};

/// A period of a recurring charge is due, or a deposit (its only period): it is to be billed. Days are those of the business's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChargeDue {
    /// The engagement.
    pub engagement: EngagementId,
    /// Key of the charge, or of the deposit, in the contract.
    pub charge: String,
    /// Number of the period, from 0.
    pub period: u32,
    /// Its first day.
    pub from: Date,
    /// The first day after it.
    pub until: Date,
    /// The day on which it fell due.
    pub due_on: Date,
}

/// Which periods of an engagement's charges were told of, and when the next one is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeCalendar {
    /// The engagement.
    pub engagement: EngagementId,
    /// The day on which the next period is due; none where none will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Date>,
    /// By key of the charge, the number of the first period that nobody was told of. One that was told of is
    /// never told of again, whatever becomes of the charge.
    #[serde(default)]
    pub next: BTreeMap<String, u32>,
}

impl ChargeCalendar {
    /// The calendar of an engagement that nobody was told anything of.
    #[must_use]
    pub fn new(engagement: EngagementId) -> Self {
        Self { engagement, due_on: None, next: BTreeMap::new() }
    }

    /// The same under a version of the contract.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn under(mut self, contract: &Contract) -> Result<Self, MoneyError> {
        let charges = contract.recurring.iter().map(|charge| &charge.key);
        for key in charges.chain(contract.deposits.iter().map(|deposit| &deposit.key)) {
            self.next.entry(key.clone()).or_insert(0);
        }
        self.due_on = self.coming(contract, None)?.into_iter().map(|(_, period)| period.due_on).min();
        Ok(self)
    }

    /// The periods that are due on a day and that nobody was told of, the longest overdue first and so many
    /// at most, with the calendar after they were told.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn tell(
        &self,
        contract: &Contract,
        today: Date,
        most: usize,
    ) -> Result<(Vec<ChargeDue>, Self), MoneyError> {
        let mut due = self.coming(contract, Some(today))?;
        due.retain(|(_, period)| period.due_on <= today);
        due.sort_by(|(a, p), (b, q)| (p.due_on, a, p.index).cmp(&(q.due_on, b, q.index)));
        due.truncate(most);
        let mut after = self.clone();
        for (key, period) in &due {
            after.next.insert((*key).to_owned(), period.index.saturating_add(1));
        }
        let told = due.into_iter().map(|(key, period)| ChargeDue {
            engagement: self.engagement.clone(),
            charge: key.to_owned(),
            period: period.index,
            from: period.from,
            until: period.until,
            due_on: period.due_on,
        });
        Ok((told.collect(), after.under(contract)?))
    }

    /// The periods that nobody was told of, and the deposits, by key. `at_once` is the day of a deposit that has none.
    fn coming<'a>(
        &self,
        contract: &'a Contract,
        at_once: Option<Date>,
    ) -> Result<Vec<(&'a str, ChargePeriod)>, MoneyError> {
        let mut coming = Vec::new();
        for charge in &contract.recurring {
            let next = self.next.get(&charge.key).copied().unwrap_or(0);
            let periods = charge.periods()?.into_iter().filter(|period| period.index >= next);
            coming.extend(periods.map(|period| (charge.key.as_str(), period)));
        }
        let untold = contract.deposits.iter().filter(|d| self.next.get(&d.key).is_none_or(|next| *next == 0));
        coming.extend(untold.map(|deposit| (deposit.key.as_str(), deposit.falling_due(at_once))));
        Ok(coming)
    }
}

/// The line of a period of a charge; the same period is always the same line.
#[must_use]
pub fn charge_line(engagement: &EngagementId, charge: &str, period: u32) -> LineId {
    LineId::derive(&[engagement.as_str(), "charge", charge, &period.to_string()])
}

/// Decides on a period that fell due, told on a day: bills it as the contract in force has it, and asks for an
/// invoice of all that is ready. The fee of a period that has begun is the same in each later version.
#[must_use]
pub fn charge_due(state: Option<&Engagement>, due: &ChargeDue, told_on: Date) -> Decision {
    let engagement = match billable(state) {
        Ok(engagement) => engagement,
        Err(decision) => return decision,
    };
    let (contract, key) = (&engagement.contract, &due.charge);
    let illegal = |why: String| {
        Decision::Hold(Problem::new(
            ProblemCode::IllegalEvent,
            format!("period {} of charge {key}: {why}", due.period),
        ))
    };
    if due.engagement != engagement.engagement {
        return illegal(format!("is {}'s, and was told of {}", due.engagement, engagement.engagement));
    }
    if let Some(deposit) = contract.deposit(key) {
        return deposit_due(state, deposit, due, told_on);
    }
    let Some(charge) = contract.recurring_charge(key) else {
        return Decision::NoEffect(format!("contract version {} has no charge {key}", contract.version));
    };
    let period = match charge.period_at(due.period) {
        Err(error) => return illegal(error.to_string()),
        Ok(Some(period)) => period,
        Ok(None) => {
            return Decision::NoEffect(format!(
                "charge {key} ends before its period {} in contract version {}",
                due.period, contract.version
            ));
        }
    };
    if period.due_on > told_on {
        return illegal(format!("is due on {} and was told on {told_on}", period.due_on));
    }
    if period.amount.is_zero() {
        return Decision::NoEffect(format!("period {} of charge {key} comes to nothing", due.period));
    }
    billed(engagement, charge, &period)
}

fn billed(engagement: &Engagement, charge: &RecurringCharge, period: &ChargePeriod) -> Decision {
    let (key, amount) = (charge.key.as_str(), period.amount);
    let earned_on = match charge.timing {
        ChargeTiming::Advance => period.from,
        ChargeTiming::Arrears => period.last_day(),
    };
    let line = BillableLine::sold(
        &engagement.contract,
        charge_line(&engagement.engagement, key, period.index),
        (&charge.quote_line, &charge.service),
        (amount, earned_on),
        Evidence::Charge {
            charge: key.to_owned(),
            name: charge.name.clone(),
            period: period.index,
            from: period.from,
            until: period.until,
            prorated: period.prorated,
        },
    );
    let mut events = vec![BillingReady { line: line.line.clone(), amount }.into()];
    events.extend(asked_by(engagement, &InvoicePolicy::default(), &line).map(Into::into));
    let reason = format!("charge {key} {}, {} to {}", charge.name, period.from, period.last_day());
    Decision::apply(Effects {
        // Unchanged: the write keeps a change order from coming into force between reading and billing.
        state: Some(engagement.clone()),
        summary: format!("{reason}: {amount}"),
        events,
        lines: vec![line],
        ..Effects::default()
    })
}
