//! Where an engagement stands in money: contracted, earned, billed, deferred, unbilled, receivable, paid,
//! backlog and forecast, each a figure of its own.
//!
//! Nothing is kept of them: they are worked out of lines, invoices, revenue events and the schedule, which the
//! same events change. Amounts are before tax, in the contract's currency; receivable and paid are of
//! invoices and include tax.

mod forecast;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, LineStatus};
use crate::contract::{Contract, RevenueTreatment};
use crate::credit_memo::CreditMemo;
use crate::id::InvoiceId;
use crate::invoice::Invoice;
use crate::money::{Money, MoneyError};
use crate::revenue::{
    AccountingPeriod, Element, Recognition, RevenueEarned, RevenueSchedule, at_least_nothing,
};

use forecast::{forecast, is_scheduled, planned_less};

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
    /// Every credit memo, posted or not.
    pub credit_memos: &'a [CreditMemo],
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
    /// What posted invoices are short of and was written off as small differences, with tax.
    pub small_differences: Money,
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
    /// How it is recognised; none of a deposit, and where the contract does not say and the ERP's own rules decide.
    pub treatment: Option<RevenueTreatment>,
    /// What the customer has committed to; none for time and expenses, which are billed as they come.
    pub contracted: Option<Money>,
    /// Everything that may be, or was, billed: `not_billed` and `billed`.
    pub billable: Money,
    /// Lines that are on no posted invoice: ready, held, or on one that is still made.
    pub not_billed: Money,
    /// Lines on posted invoices, less what credit memos took off them.
    pub billed: Money,
    /// What credit memos took off for good: of the price, or whole lines that are not billed again.
    pub credited: Money,
    /// What they took off to be billed anew: it is in `not_billed` or in `billed` again.
    pub rebilled: Money,
    /// Lines that were written off before they were billed.
    pub written_off: Money,
    /// Revenue that was told, less what was taken back; none without a treatment.
    pub earned: Option<Money>,
    /// Billed beyond what was earned; none without a treatment.
    pub deferred: Option<Money>,
    /// Earned beyond what was billed (the contract asset); none without a treatment.
    pub unbilled: Option<Money>,
    /// Contracted, not earned yet, and neither credited for good nor written off; none for time and expenses, or without a treatment.
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
    /// Lines on posted invoices, less what credit memos took off them.
    pub billed: Money,
    /// What credit memos took off for good.
    pub credited: Money,
    /// What they took off to be billed anew.
    pub rebilled: Money,
    /// Lines that were written off before they were billed.
    pub written_off: Money,
    /// Of those billed, lines whose revenue the ERP's own rules decide.
    pub billed_without_treatment: Money,
    /// Revenue that was told.
    pub earned: Money,
    /// Billed beyond what was earned, element by element.
    pub deferred: Money,
    /// Earned beyond what was billed, element by element.
    pub unbilled: Money,
    /// Contracted, not earned yet, and neither credited for good nor written off.
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
    let (mut elements, stands) = (Vec::new(), stands(&books)?);
    for (element, service) in &services {
        let stands = stands.get(element).copied().unwrap_or_else(|| Stands::nothing(nothing));
        elements.push(of_element(&books, element, service, stands)?);
    }
    let sum = |of: &dyn Fn(&ElementFigures) -> Option<Money>| {
        Money::total(books.contract.currency, elements.iter().filter_map(of))
    };
    let untreated = |e: &ElementFigures| Some(e.billed).filter(|_| e.deferred.is_none());
    let total = Totals {
        contracted: sum(&|e| e.contracted)?,
        billable: sum(&|e| Some(e.billable))?,
        not_billed: sum(&|e| Some(e.not_billed))?,
        billed: sum(&|e| Some(e.billed))?,
        credited: sum(&|e| Some(e.credited))?,
        rebilled: sum(&|e| Some(e.rebilled))?,
        written_off: sum(&|e| Some(e.written_off))?,
        billed_without_treatment: sum(&untreated)?,
        earned: sum(&|e| e.earned)?,
        deferred: sum(&|e| e.deferred)?,
        unbilled: sum(&|e| e.unbilled)?,
        backlog: sum(&|e| e.backlog)?,
    };
    let posted = books.invoices.iter().filter(|i| i.is_posted());
    let (mut receivable, mut paid, mut small_differences) = (nothing, nothing, nothing);
    for invoice in posted {
        receivable = receivable.plus(invoice.open()?)?;
        paid = paid.plus(invoice.applied)?;
        small_differences = small_differences.plus(invoice.written_off())?;
    }
    let mut gone = BTreeMap::new();
    for e in elements.iter().filter(|e| e.element.is_planned()) {
        let stands = stands.get(&e.element).copied().unwrap_or_else(|| Stands::nothing(nothing));
        let away = falls_away(&books, &e.element, (e.contracted.unwrap_or(nothing), stands))?;
        gone.insert(e.element.key(), away);
    }
    let forecast = forecast(&books, &gone)?;
    Ok(Figures { forecast, elements, total, receivable, paid, small_differences })
}

/// Every element with its service: what is sold, and what else was billed or earned.
fn services(books: &Books<'_>) -> BTreeMap<Element, String> {
    let contract = books.contract;
    let milestones = contract.milestones.iter().map(|m| (Element::Milestone(m.key.clone()), &m.service));
    let charges = contract.recurring.iter().map(|c| (Element::Charge(c.key.clone()), &c.service));
    let lines = books.lines.iter().map(|l| (Element::of(&l.line), &l.line.service));
    let earned = books.earned.iter().map(|e| (e.element.clone(), &e.service));
    // What is in force comes last and counts.
    let deposits = contract.deposits.iter().map(|d| (Element::Deposit(d.key.clone()), &d.service));
    let all = earned.chain(lines).chain(milestones).chain(charges).chain(deposits);
    all.map(|(element, service)| (element, service.clone())).collect()
}

/// What the lines of an element come to, by where they stand. Together they are all of its lines, but for
/// `rebilled`, which is of lines that stand elsewhere again.
#[derive(Clone, Copy)]
struct Stands {
    billed: Money,
    not_billed: Money,
    credited: Money,
    rebilled: Money,
    written_off: Money,
}

impl Stands {
    const fn nothing(nothing: Money) -> Self {
        Self {
            billed: nothing,
            not_billed: nothing,
            credited: nothing,
            rebilled: nothing,
            written_off: nothing,
        }
    }
}

fn stands(books: &Books<'_>) -> Result<BTreeMap<Element, Stands>, MoneyError> {
    let nothing = Stands::nothing(Money::zero(books.contract.currency));
    let posted: BTreeSet<&InvoiceId> =
        books.invoices.iter().filter(|i| i.is_posted()).map(|i| &i.invoice).collect();
    let (mut all, mut elements) = (BTreeMap::new(), BTreeMap::new());
    for StandingLine { line, status, invoice } in books.lines {
        let element = Element::of(line);
        elements.insert(&line.line, element.clone());
        let stands = all.entry(element).or_insert(nothing);
        let on_a_posted_one = invoice.as_ref().is_some_and(|i| posted.contains(i));
        match status {
            LineStatus::Invoiced if on_a_posted_one => stands.billed = stands.billed.plus(line.amount)?,
            LineStatus::Invoiced | LineStatus::Ready | LineStatus::Held => {
                stands.not_billed = stands.not_billed.plus(line.amount)?;
            }
            LineStatus::WrittenOff => stands.written_off = stands.written_off.plus(line.amount)?,
            // It never was on an invoice that anybody saw.
            LineStatus::Withdrawn => {}
            // On an invoice that was posted, less what its credit memos say.
            LineStatus::Credited => stands.billed = stands.billed.plus(line.amount)?,
        }
    }
    let memos = || books.credit_memos.iter().filter(|memo| memo.status.is_posted());
    for memo in memos() {
        for part in &memo.parts {
            let Some(line) = &part.line else { continue };
            let Some(stands) = elements.get(line).and_then(|element| all.get_mut(element)) else { continue };
            let anew = |m: &CreditMemo| m.invoice == memo.invoice && m.bills_anew(line);
            if memos().any(anew) {
                stands.rebilled = stands.rebilled.plus(part.amount)?;
            } else {
                stands.credited = stands.credited.plus(part.amount)?;
                stands.billed = stands.billed.minus(part.amount)?;
            }
        }
        for share in &memo.shares {
            let stands = all.entry(share.element.clone()).or_insert(nothing);
            stands.credited = stands.credited.plus(share.amount)?;
            stands.billed = stands.billed.minus(share.amount)?;
        }
    }
    Ok(all)
}

/// What of an element will not be earned any more, by credit memos and write-offs. What a change order took out of the
/// contract after it was billed is not contracted, and does not fall away again.
fn falls_away(
    books: &Books<'_>,
    element: &Element,
    (contracted, stands): (Money, Stands),
) -> Result<Money, MoneyError> {
    if element.is_planned() && is_scheduled(books, element.key()) {
        return planned_less(books, element.key(), None);
    }
    let away = stands.credited.plus(stands.written_off)?;
    let lines = stands.billed.plus(stands.not_billed)?.plus(away)?;
    let dropped = at_least_nothing(lines.minus(contracted)?);
    Ok(at_least_nothing(away.minus(dropped)?))
}

fn of_element(
    books: &Books<'_>,
    element: &Element,
    service: &str,
    stands: Stands,
) -> Result<ElementFigures, MoneyError> {
    let currency = books.contract.currency;
    let nothing = Money::zero(currency);
    let Stands { billed, not_billed, credited, rebilled, written_off } = stands;
    let told: Vec<&RevenueEarned> = books.earned.iter().filter(|e| e.element == *element).collect();
    let in_force = books.contract.revenue.get(service).copied();
    let is_deposit = matches!(element, Element::Deposit(_));
    let treatment = in_force.or_else(|| told.first().map(|e| e.treatment)).filter(|_| !is_deposit);
    let earned = Money::total(currency, told.iter().map(|e| e.amount))?;
    let beyond = |one: Money, other: Money| -> Result<Money, MoneyError> {
        let difference = one.minus(other)?;
        Ok(if difference.is_positive() { difference } else { nothing })
    };
    let contracted = contracted(books.contract, element)?;
    let away = falls_away(books, element, (contracted.unwrap_or(nothing), stands))?;
    let backlog = contracted.map(|c| c.minus(earned)?.minus(away)).transpose()?;
    // What is left of a deposit is deferred, however its service would be recognised.
    let known = |figure: Money| (is_deposit || treatment.is_some()).then_some(figure);
    Ok(ElementFigures {
        element: element.clone(),
        service: service.to_owned(),
        treatment,
        contracted,
        billable: billed.plus(not_billed)?,
        not_billed,
        billed,
        credited,
        rebilled,
        written_off,
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
        Element::Role(_) | Element::Expense(_) | Element::Usage(_) | Element::Deposit(_) => None,
    })
}
