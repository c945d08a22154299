//! Where an engagement stands in money: contracted, earned, billed, deferred, unbilled, receivable, paid,
//! backlog and forecast, each a figure of its own.
//!
//! Nothing is kept of them: they are worked out of lines, invoices, revenue events and the schedule, which the
//! same events change. Amounts are before tax, in the contract's currency; receivable and paid are of
//! invoices and include tax.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, LineStatus};
use crate::contract::{Contract, RevenueTreatment};
use crate::id::InvoiceId;
use crate::invoice::Invoice;
use crate::money::{Money, MoneyError};
use crate::revenue::{
    AccountingPeriod, Element, Recognition, RevenueEarned, RevenueSchedule, Source, source,
};

/// A line with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingLine {
    /// The line.
    pub line: BillableLine,
    /// Where it stands.
    pub status: LineStatus,
    /// The invoice that owns it.
    pub invoice: Option<InvoiceId>,
}

/// What figures are worked out of.
#[derive(Debug, Clone, Copy)]
pub struct Books<'a> {
    /// The contract in force.
    pub contract: &'a Contract,
    /// Every line.
    pub lines: &'a [StandingLine],
    /// Every invoice.
    pub invoices: &'a [Invoice],
    /// Every revenue event.
    pub earned: &'a [RevenueEarned],
    /// The schedule of the contract in force, where one was kept.
    pub schedule: Option<&'a RevenueSchedule>,
    /// How far it was told.
    pub recognition: Option<&'a Recognition>,
}

/// Where an engagement stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Each element of the contract, and each that something was billed or earned of.
    pub elements: Vec<ElementFigures>,
    /// The same added up.
    pub total: Totals,
    /// What is owed of posted invoices, with tax.
    pub receivable: Money,
    /// Cash applied to invoices.
    pub paid: Money,
    /// Revenue that is still planned, by month; what has no day comes last.
    pub forecast: Vec<Forecast>,
}

/// Where one element stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ElementFigures {
    /// The element.
    pub element: Element,
    /// Its service.
    pub service: String,
    /// How it is recognised; none where the contract does not say, and the ERP's own rules decide.
    pub treatment: Option<RevenueTreatment>,
    /// What the customer has committed to; none for time and expenses, which are billed as they come.
    pub contracted: Option<Money>,
    /// Everything that may be, or was, billed: `not_billed` and `billed`.
    pub billable: Money,
    /// Lines that are on no posted invoice: ready, held, or on one that is still made.
    pub not_billed: Money,
    /// Lines on posted invoices.
    pub billed: Money,
    /// Revenue that was told; none without a treatment.
    pub earned: Option<Money>,
    /// Billed beyond what was earned; none without a treatment.
    pub deferred: Option<Money>,
    /// Earned beyond what was billed (the contract asset); none without a treatment.
    pub unbilled: Option<Money>,
    /// Contracted and not earned yet; none for time and expenses, or without a treatment.
    pub backlog: Option<Money>,
}

/// Figures of all elements together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// What the customer has committed to.
    pub contracted: Money,
    /// Everything that may be, or was, billed.
    pub billable: Money,
    /// Lines that are on no posted invoice.
    pub not_billed: Money,
    /// Lines on posted invoices.
    pub billed: Money,
    /// Of those, lines whose revenue the ERP's own rules decide.
    pub billed_without_treatment: Money,
    /// Revenue that was told.
    pub earned: Money,
    /// Billed beyond what was earned, element by element.
    pub deferred: Money,
    /// Earned beyond what was billed, element by element.
    pub unbilled: Money,
    /// Contracted and not earned yet.
    pub backlog: Money,
}

/// Revenue that is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// The month; none for what nobody planned a day for.
    pub period: Option<AccountingPeriod>,
    /// How much, before tax.
    pub amount: Money,
}

/// Works the figures out.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn figures(books: Books<'_>) -> Result<Figures, MoneyError> {
    let nothing = Money::zero(books.contract.currency);
    let services = services(&books);
    let mut elements = Vec::new();
    for (element, service) in &services {
        elements.push(of_element(&books, element, service)?);
    }
    let sum = |of: &dyn Fn(&ElementFigures) -> Option<Money>| {
        Money::total(books.contract.currency, elements.iter().filter_map(of))
    };
    let untreated = |e: &ElementFigures| Some(e.billed).filter(|_| e.treatment.is_none());
    let total = Totals {
        contracted: sum(&|e| e.contracted)?,
        billable: sum(&|e| Some(e.billable))?,
        not_billed: sum(&|e| Some(e.not_billed))?,
        billed: sum(&|e| Some(e.billed))?,
        billed_without_treatment: sum(&untreated)?,
        earned: sum(&|e| e.earned)?,
        deferred: sum(&|e| e.deferred)?,
        unbilled: sum(&|e| e.unbilled)?,
        backlog: sum(&|e| e.backlog)?,
    };
    let posted = books.invoices.iter().filter(|i| i.is_posted());
    let (mut receivable, mut paid) = (nothing, nothing);
    for invoice in posted {
        receivable = receivable.plus(invoice.open()?)?;
        paid = paid.plus(invoice.applied)?;
    }
    Ok(Figures { forecast: forecast(&books)?, elements, total, receivable, paid })
}

/// Every element with its service: what is sold, and what else was billed or earned.
fn services(books: &Books<'_>) -> BTreeMap<Element, String> {
    let contract = books.contract;
    let milestones = contract.milestones.iter().map(|m| (Element::Milestone(m.key.clone()), &m.service));
    let charges = contract.recurring.iter().map(|c| (Element::Charge(c.key.clone()), &c.service));
    let lines = books.lines.iter().map(|l| (Element::of(&l.line), &l.line.service));
    let earned = books.earned.iter().map(|e| (e.element.clone(), &e.service));
    // What is in force comes last and counts.
    let all = earned.chain(lines).chain(milestones).chain(charges);
    all.map(|(element, service)| (element, service.clone())).collect()
}

fn of_element(books: &Books<'_>, element: &Element, service: &str) -> Result<ElementFigures, MoneyError> {
    let currency = books.contract.currency;
    let nothing = Money::zero(currency);
    let posted: BTreeSet<&InvoiceId> =
        books.invoices.iter().filter(|i| i.is_posted()).map(|i| &i.invoice).collect();
    let (mut billed, mut not_billed) = (nothing, nothing);
    for standing in books.lines.iter().filter(|l| Element::of(&l.line) == *element) {
        let on_a_posted_one = standing.invoice.as_ref().is_some_and(|i| posted.contains(i));
        match standing.status {
            LineStatus::Invoiced if on_a_posted_one => billed = billed.plus(standing.line.amount)?,
            LineStatus::Invoiced | LineStatus::Ready | LineStatus::Held => {
                not_billed = not_billed.plus(standing.line.amount)?;
            }
            LineStatus::Credited | LineStatus::WrittenOff => {}
        }
    }
    let told: Vec<&RevenueEarned> = books.earned.iter().filter(|e| e.element == *element).collect();
    let in_force = books.contract.revenue.get(service).copied();
    let treatment = in_force.or_else(|| told.first().map(|e| e.treatment));
    let earned = Money::total(currency, told.iter().map(|e| e.amount))?;
    let beyond = |one: Money, other: Money| -> Result<Money, MoneyError> {
        let difference = one.minus(other)?;
        Ok(if difference.is_positive() { difference } else { nothing })
    };
    let contracted = contracted(books.contract, element)?;
    let backlog = contracted.map(|c| c.minus(earned)).transpose()?;
    let known = |figure: Money| treatment.map(|_| figure);
    Ok(ElementFigures {
        element: element.clone(),
        service: service.to_owned(),
        treatment,
        contracted,
        billable: billed.plus(not_billed)?,
        not_billed,
        billed,
        earned: known(earned),
        deferred: known(beyond(billed, earned)?),
        unbilled: known(beyond(earned, billed)?),
        backlog: backlog.and_then(known),
    })
}

/// What the customer has committed to of an element; nothing of what is not sold any more.
fn contracted(contract: &Contract, element: &Element) -> Result<Option<Money>, MoneyError> {
    let nothing = Money::zero(contract.currency);
    Ok(match element {
        Element::Milestone(key) => Some(contract.milestone(key).map_or(nothing, |m| m.amount)),
        Element::Charge(key) => Some(match contract.recurring_charge(key) {
            Some(charge) => charge.value()?,
            None => nothing,
        }),
        Element::Role(_) | Element::Expense(_) | Element::Usage(_) => None,
    })
}

/// What the schedule still plans: of each element its entries, less what was earned. What the schedule tells is
/// over up to the month that was told last; of all else what was earned comes off the earliest entries.
fn forecast(books: &Books<'_>) -> Result<Vec<Forecast>, MoneyError> {
    let Some(schedule) = books.schedule else { return Ok(Vec::new()) };
    let nothing = Money::zero(books.contract.currency);
    // Undated entries sort behind all months.
    let mut planned: BTreeMap<(bool, Option<AccountingPeriod>), Money> = BTreeMap::new();
    let mut add = |period: Option<AccountingPeriod>, amount: Money| -> Result<(), MoneyError> {
        let sum = planned.entry((period.is_none(), period)).or_insert(nothing);
        *sum = sum.plus(amount)?;
        Ok(())
    };
    let keys: BTreeSet<&str> = schedule.entries.iter().map(|e| e.element.as_str()).collect();
    let told = |e: &&RevenueEarned| e.element.is_planned();
    let keys = keys.into_iter().chain(books.earned.iter().filter(told).map(|e| e.element.key()));
    for key in keys.collect::<BTreeSet<_>>() {
        let of_key = books.earned.iter().filter(told).filter(|e| e.element.key() == key);
        let mut left = Money::total(books.contract.currency, of_key.map(|e| e.amount))?;
        let through = books.recognition.and_then(|r| r.told_through).filter(|_| is_scheduled(books, key));
        let mut entries: Vec<_> = schedule.entries.iter().filter(|e| e.element == key).collect();
        entries.sort_by_key(|e| (e.planned_on.is_none(), e.planned_on));
        for entry in entries {
            let period = entry.planned_on.map(AccountingPeriod::of);
            let over = period.is_some_and(|p| through.is_some_and(|through| p <= through));
            let covers = left.is_positive() && (through.is_none() || period.is_none());
            if over || (covers && !entry.amount.exceeds(left)?) {
                left = left.minus(entry.amount)?;
            } else if covers {
                add(period, entry.amount.minus(left)?)?;
                left = nothing;
            } else {
                add(period, entry.amount)?;
            }
        }
        // What a change order moved in months that were told is told with the next month.
        if !left.is_zero() {
            add(through.map(AccountingPeriod::next), nothing.minus(left)?)?;
        }
    }
    let shown = planned.into_iter().filter(|(_, amount)| !amount.is_zero());
    Ok(shown.map(|((_, period), amount)| Forecast { period, amount }).collect())
}

/// Whether the schedule tells an element's revenue, as far as the contract or an event says.
fn is_scheduled(books: &Books<'_>, key: &str) -> bool {
    let sold = Element::of_key(books.contract, key).and_then(|element| {
        let milestone = books.contract.milestone(key).map(|m| &m.service);
        let service = milestone.or_else(|| books.contract.recurring_charge(key).map(|c| &c.service))?;
        Some((*books.contract.revenue.get(service)?, element))
    });
    let told = || {
        let event = books.earned.iter().find(|e| e.element.key() == key && e.element.is_planned());
        event.map(|e| (e.treatment, e.element.clone()))
    };
    let known = sold.or_else(told);
    // Of what was dropped before anything was told, the schedule alone knows.
    known.is_none_or(|(treatment, element)| source(treatment, &element) == Source::Schedule)
}
