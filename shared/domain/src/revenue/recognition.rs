//! What the schedule tells when a month is over: for each element what is planned up to that month, less
//! what was told before.
//!
//! What was told is kept as one sum an element. So a month that is told late, twice or under a former
//! schedule never makes the sum differ from the schedule in force: what a change order moved in a month that
//! was told already is told with the next one. So is what a credit memo or a write-off takes off of it: the
//! schedule then plans that much less, of the months that it concerns, also where they were told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::earned::{Element, RevenueEarned, RevenueEvidence, Source, engine_of, source};
use super::period::{AccountingPeriod, LatePosting};
use super::reversal::{TakenOff, at_least_nothing};
use super::{RevenueEntry, RevenueSchedule};
use crate::contract::{Contract, RevenueTreatment};
use crate::engagement::Engagement;
use crate::id::{EngagementId, RevenueId};
use crate::money::{Money, MoneyError};

/// How far the revenue schedule of an engagement was told. Bounded by the elements of its contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recognition {
    /// The engagement.
    pub engagement: EngagementId,
    /// The last month of which all was told; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_through: Option<AccountingPeriod>,
    /// What was told of each element, by its key; signed, before tax.
    pub told: BTreeMap<String, Money>,
    /// The month that is told next, when it is over; none where nothing is left to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<AccountingPeriod>,
    /// The element up to which the next month was told already, where its elements did not fit one commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What was taken off by credit memos and write-offs, by line; and what was taken off invoices as a whole, by
    /// element. Bounded by the lines that entries of the schedule become.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken_off: BTreeMap<String, TakenOff>,
}

/// What telling looks at.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// The engagement as it is, with the contract in force.
    pub engagement: &'a Engagement,
    /// The schedule of that contract version.
    pub schedule: &'a RevenueSchedule,
    /// Earlier versions of the contract, the oldest first: terms of what is not sold any more.
    pub earlier: &'a [Contract],
    /// Days on which milestones were completed, by key: an entry that nobody planned a day for is due then.
    pub completed_on: &'a BTreeMap<String, Date>,
}

/// Terms of an element: what it is, who sold it and how it is recognised.
struct Terms<'a> {
    contract: &'a Contract,
    element: Element,
    quote_line: &'a str,
    service: &'a str,
    treatment: RevenueTreatment,
}

impl<'a> Planned<'a> {
    /// The terms of an element in the latest version that has it; none where the schedule does not tell it.
    fn terms(&self, key: &str) -> Option<Terms<'a>> {
        let versions = std::iter::once(&self.engagement.contract).chain(self.earlier.iter().rev());
        let terms = versions.into_iter().find_map(|contract| {
            let element = Element::of_key(contract, key)?;
            let (quote_line, service) = match (contract.milestone(key), contract.recurring_charge(key)) {
                (Some(milestone), _) => (&milestone.quote_line, &milestone.service),
                (None, charge) => charge.map(|c| (&c.quote_line, &c.service))?,
            };
            let treatment = *contract.revenue.get(service)?;
            Some(Terms { contract, element, quote_line, service, treatment })
        })?;
        (source(terms.treatment, &terms.element) == Source::Schedule).then_some(terms)
    }

    /// Entries that the schedule tells, each with the day on which it is due.
    fn dated(&self) -> impl Iterator<Item = (&'a RevenueEntry, Date)> {
        let told = |entry: &&RevenueEntry| self.terms(&entry.element).is_some();
        let due = |entry: &'a RevenueEntry| {
            let day = entry.planned_on.or_else(|| self.completed_on.get(&entry.element).copied())?;
            Some((entry, day))
        };
        self.schedule.entries.iter().filter(told).filter_map(due)
    }

    /// What is planned of an element, with the days.
    fn entries(&self, key: &str) -> Vec<(Date, Money)> {
        self.dated().filter(|(e, _)| e.element == key).map(|(e, day)| (day, e.amount)).collect()
    }

    /// Keys whose terms only an earlier version of the contract has.
    #[must_use]
    pub fn unknown(&self, recognition: &Recognition) -> bool {
        let scheduled = self.schedule.entries.iter().map(|e| e.element.as_str());
        let told = recognition.told.keys().map(String::as_str);
        scheduled.chain(told).any(|key| Element::of_key(&self.engagement.contract, key).is_none())
    }

    /// Milestones without a planned day that the schedule tells: they are due when they are completed.
    #[must_use]
    pub fn undated(&self) -> BTreeSet<&'a str> {
        let undated = self.schedule.entries.iter().filter(|e| e.planned_on.is_none());
        undated.filter(|e| self.terms(&e.element).is_some()).map(|e| e.element.as_str()).collect()
    }
}

fn planned(
    entries: &[(Date, Money)],
    through: Option<AccountingPeriod>,
    nothing: Money,
) -> Result<Money, MoneyError> {
    let over = entries.iter().filter(|(day, _)| through.is_none_or(|t| AccountingPeriod::of(*day) <= t));
    Money::total(nothing.currency(), over.map(|(_, amount)| *amount))
}

impl Recognition {
    /// An engagement of which nothing was told.
    #[must_use]
    pub fn new(engagement: EngagementId) -> Self {
        Self {
            engagement,
            told_through: None,
            told: BTreeMap::new(),
            next: None,
            after: None,
            taken_off: BTreeMap::new(),
        }
    }

    /// The same, with more taken off. What is taken off of the same line adds up.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn take_off(mut self, taken_off: &[(String, TakenOff)]) -> Result<Self, MoneyError> {
        for (of, taken) in taken_off {
            match self.taken_off.get_mut(of) {
                Some(known) => known.amount = known.amount.plus(taken.amount)?,
                None => {
                    self.taken_off.insert(of.clone(), taken.clone());
                }
            }
        }
        Ok(self)
    }

    /// What of an element falls away of its months up to one (of all, without one), where so much is planned of
    /// it by day: never more than that.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn falls_away(
        &self,
        key: &str,
        entries: &[(Date, Money)],
        through: Option<AccountingPeriod>,
        nothing: Money,
    ) -> Result<Money, MoneyError> {
        let mut away = nothing;
        for taken in self.taken_off.values().filter(|taken| taken.element == key) {
            away = away.plus(taken.up_to(entries, through)?)?;
        }
        let planned = at_least_nothing(planned(entries, through, nothing)?);
        Ok(if away.exceeds(planned)? { planned } else { away })
    }

    /// What is to be told of an element up to a month: what is planned, less what falls away.
    fn up_to(
        &self,
        planned_of: Planned<'_>,
        key: &str,
        period: AccountingPeriod,
    ) -> Result<Money, MoneyError> {
        let (entries, nothing) =
            (planned_of.entries(key), Money::zero(planned_of.engagement.contract.currency));
        let away = self.falls_away(key, &entries, Some(period), nothing)?;
        planned(&entries, Some(period), nothing)?.minus(away)
    }

    /// The same, knowing which month is told next by a schedule.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn planned(mut self, planned: Planned<'_>) -> Result<Self, MoneyError> {
        self.next = self.due(planned)?;
        Ok(self)
    }

    fn due(&self, planned: Planned<'_>) -> Result<Option<AccountingPeriod>, MoneyError> {
        // A month that was told in part is told to its end first.
        if self.after.is_some() {
            return Ok(self.next);
        }
        let months = planned.dated().map(|(_, day)| AccountingPeriod::of(day));
        let Some(through) = self.told_through else { return Ok(months.min()) };
        // What a change order moved in months that were told is told with the month after them.
        for key in self.keys(planned) {
            if self.up_to(planned, &key, through)? != self.told_of(&key, planned) {
                return Ok(Some(through.next()));
            }
        }
        Ok(months.filter(|month| *month > through).min())
    }

    fn keys(&self, planned: Planned<'_>) -> BTreeSet<String> {
        let scheduled = planned.dated().map(|(entry, _)| entry.element.clone());
        let told = self.told.keys().filter(|key| planned.terms(key).is_some());
        scheduled.chain(told.cloned()).collect()
    }

    fn told_of(&self, key: &str, planned: Planned<'_>) -> Money {
        self.told.get(key).copied().unwrap_or(Money::zero(planned.engagement.contract.currency))
    }

    /// Tells the month that is next: at most so many events, and how far the schedule is told then. Where more
    /// are left, the month stays the next one.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn tell(
        &self,
        planned: Planned<'_>,
        closed_until: Option<AccountingPeriod>,
        most: usize,
    ) -> Result<(Self, Vec<RevenueEarned>), MoneyError> {
        let Some(period) = self.due(planned)? else {
            return Ok((Self { next: None, ..self.clone() }, Vec::new()));
        };
        let (mut next, mut events) = (self.clone(), Vec::new());
        let left = self.keys(planned).into_iter().filter(|key| self.after.as_ref().is_none_or(|a| key > a));
        for key in left {
            let amount = self.up_to(planned, &key, period)?.minus(self.told_of(&key, planned))?;
            let Some(terms) = planned.terms(&key).filter(|_| !amount.is_zero()) else { continue };
            if events.len() == most {
                next.next = Some(period);
                return Ok((next, events));
            }
            next.told.insert(key.clone(), self.told_of(&key, planned).plus(amount)?);
            events.push(self.event(planned, &terms, (period, amount), closed_until));
            next.after = Some(key);
        }
        (next.told_through, next.after) = (Some(period), None);
        next.next = next.due(planned)?;
        Ok((next, events))
    }

    fn event(
        &self,
        planned: Planned<'_>,
        terms: &Terms<'_>,
        (period, amount): (AccountingPeriod, Money),
        closed_until: Option<AccountingPeriod>,
    ) -> RevenueEarned {
        let (engagement, key, version) =
            (planned.engagement, terms.element.key(), planned.schedule.contract_version);
        let days = planned.dated().filter(|(e, _)| e.element == key).map(|(_, day)| day);
        let last = days.filter(|day| AccountingPeriod::of(*day) == period).max();
        let parts = [self.engagement.as_str(), "schedule", key, &period.to_string()];
        RevenueEarned {
            revenue: RevenueId::derive(&parts),
            engagement: self.engagement.clone(),
            legal_entity: engagement.contract.legal_entity.clone(),
            element: terms.element.clone(),
            quote_line: terms.quote_line.to_owned(),
            service: terms.service.to_owned(),
            treatment: terms.treatment,
            contract_version: version,
            statement: terms.contract.statement_of(terms.quote_line).map(str::to_owned),
            amount,
            earned_on: last.unwrap_or_else(|| period.last_day()),
            period,
            line: None,
            evidence: RevenueEvidence::Schedule { contract_version: version },
            late: LatePosting::of(period, closed_until),
            revenue_engine: engine_of(engagement),
            accounting: terms.contract.accounting.get(terms.service).cloned(),
            reverses: None,
        }
    }
}
