//! What happens outside: deals are won, work is done, customers pay.

pub(crate) mod credit;
mod dispute;
mod project;
mod usage;
mod write_off;

use std::sync::Arc;

use connectors::inbound::{Subject, Translated};
use domain::Event;
use domain::event::{InvoiceRequested, WithdrawalRequested};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::Invoice;
use domain::money::Money;
use domain::quote::Quote;
use domain::sample;
use events::{Envelope, Traceparent};
use jiff::SignedDuration;

use crate::deal::{Deal, Price, cheap};
use crate::engine::{Fault, Place, open};
use crate::products::{Books, Change, ErpInvoice, Fate, Received};
use crate::senders;
use crate::world::{TENANT, World};

pub(crate) use dispute::{contest, contest_once, decide};
pub(crate) use usage::record;
pub(crate) use write_off::{revise, write_off};

/// How often somebody looks whether a project is there.
const LOOKS: u32 = 2_000;

/// Plays a deal from its approval to its last invoice.
pub(crate) async fn play(world: Arc<World>, deal: Deal) {
    let sim = Arc::clone(&world.sim);
    sim.wait(0, 3_600).await;
    let mut quote = deal.quote.clone();
    if deal.flawed {
        quote.customer.tax_registration = None;
    }
    if deal.price == Price::Refused {
        quote = cheap(&sim, quote);
    }
    open(&world.books).quotes.insert(quote.deal.clone(), quote);
    senders::approved(&world, &deal.quote.deal);
    if deal.flawed || deal.price == Price::Refused {
        sim.wait(600, 14_400).await;
        // Not one write anywhere before every check has passed, or a person allowed what did not.
        if is_anywhere(&world, &deal.engagement) {
            world.complain(format!("{} was set up although its quote is flawed", deal.engagement));
        }
        open(&world.books).quotes.insert(deal.quote.deal.clone(), deal.quote.clone());
        senders::approved(&world, &deal.quote.deal);
    }
    if sim.one_in(5) {
        sim.wait(0, 7_200).await;
        senders::approved(&world, &deal.quote.deal);
    }
    if deal.withdrawn {
        Box::pin(withdraw(&world, &deal)).await;
        return;
    }
    if !set_up(&world, &deal.engagement).await {
        world.complain(format!("{} has no project", deal.engagement));
        return;
    }
    let changing = {
        let (world, deal) = (Arc::clone(&world), deal.clone());
        async move { change(&world, &deal).await }
    };
    // Finance takes off what is billed while work goes on.
    let crediting = async {
        if !world.sim.is_quiet() {
            credit::ask(&world, &deal).await;
        }
    };
    tokio::join!(deliver(&world, &deal), changing, project::tell(&world, &deal), crediting);
    if deal.reported {
        // What the CRM owns of a customer, and what it does not.
        let company = &deal.quote.customer.company;
        let email = format!("payables-{}@globex.example", deal.quote.deal);
        senders::company_changed(&world, company, "q2c_billing_email", &email);
        senders::company_changed(&world, company, "name", "Globex Renamed");
    }
    sim.wait(600, 7_200).await;
    request_invoice(&world, &deal.engagement, "the end of the month");
    if world.sim.is_quiet() && deal.credits > 0 {
        credit::ask_and_wait(&world, &deal).await;
    }
}

/// The customer signs a change order while work goes on; now and then it is approved twice.
async fn change(world: &Arc<World>, deal: &Deal) {
    let Some(order) = &deal.change_order else { return };
    world.sim.wait(0, 7_200).await;
    sign_change_order(world, order);
    if world.sim.one_in(5) {
        world.sim.wait(0, 3_600).await;
        senders::approved(world, &deal.quote.deal);
    }
}

/// A further version of the quote is approved.
pub(crate) fn sign_change_order(world: &Arc<World>, order: &Quote) {
    open(&world.books).quotes.insert(order.deal.clone(), order.clone());
    senders::approved(world, &order.deal);
}

/// Somebody withdraws the deal while it is being set up, or too late; some time was worked already.
async fn withdraw(world: &Arc<World>, deal: &Deal) {
    world.sim.wait(0, 60).await;
    if open(&world.books).project_of(&deal.engagement).is_some() {
        for entry in deal.time.iter().take(2) {
            report(world, deal, Event::TimeApproved(entry.clone()));
        }
    }
    ask_for_withdrawal(world, deal);
}

/// Somebody asks for a deal to be withdrawn.
pub(crate) fn ask_for_withdrawal(world: &Arc<World>, deal: &Deal) {
    let (now, trace) = (world.sim.now(), Traceparent::start());
    let event = WithdrawalRequested {
        engagement: deal.engagement.clone(),
        requested_by: "sales-operations".into(),
        reason: "the customer changed his mind".into(),
    };
    let (delivery, subject) = (format!("withdraw:{}", deal.engagement), deal.engagement.as_str());
    world.take(Envelope::reported(TENANT, "console", &delivery, subject, now, event.into(), trace));
}

/// Whether a product holds anything of an engagement.
fn is_anywhere(world: &World, engagement: &EngagementId) -> bool {
    let books = open(&world.books);
    books.plans.contains_key(engagement) || books.project_of(engagement).is_some()
}

/// Waits for a project to be there: whoever works starts as soon as he sees one.
async fn set_up(world: &World, engagement: &EngagementId) -> bool {
    for _ in 0..LOOKS {
        if open(&world.books).project_of(engagement).is_some() {
            return true;
        }
        world.sim.wait(1, 300).await;
    }
    false
}

/// All work is done and approved at once.
pub(crate) fn report_all(world: &Arc<World>, deal: &Deal) {
    for key in &deal.completed {
        report(world, deal, Event::MilestoneCompleted(sample::completion(key)));
    }
    for entry in &deal.time {
        report(world, deal, Event::TimeApproved(entry.clone()));
    }
    for expense in &deal.expenses {
        report(world, deal, Event::ExpenseApproved(expense.clone()));
    }
    for entry in &deal.retained {
        report(world, deal, Event::TimeApproved(entry.clone()));
    }
    for used in &deal.usage {
        record(world, deal, used);
    }
}

/// Work is done and approved over some hours, in any order.
async fn deliver(world: &Arc<World>, deal: &Deal) {
    let mut work: Vec<Event> = deal.time.iter().cloned().map(Event::TimeApproved).collect();
    work.extend(deal.completed.iter().map(|key| Event::MilestoneCompleted(sample::completion(key))));
    work.extend(deal.expenses.iter().cloned().map(Event::ExpenseApproved));
    work.extend(deal.retained.iter().cloned().map(Event::TimeApproved));
    work.extend(deal.usage.iter().cloned().map(Event::UsageRecorded));
    while !work.is_empty() {
        let next = usize::try_from(world.sim.below(work.len() as u64)).unwrap_or(0);
        let done = work.swap_remove(next);
        if let (Event::ExpenseApproved(expense), true) = (&done, world.sim.one_in(4)) {
            // Its report was touched after it was approved: the log tells the same expense under another name.
            tell(world, deal, format!("expense:{}:touched", expense.expense), done.clone());
        }
        if let Event::TimeApproved(entry) = &done
            && deal.retained.contains(entry)
            && world.sim.one_in(4)
        {
            tell(world, deal, format!("time_entry:{}:touched", entry.entry), done.clone());
        }
        match &done {
            Event::UsageRecorded(used) => usage::record_in_disorder(world, deal, used),
            _ => report(world, deal, done),
        }
        if world.sim.one_in(3) {
            world.sim.wait(0, 3_600).await;
        }
    }
}

/// An entry of the PSA's log, which shows it some minutes later.
pub(crate) fn report(world: &World, deal: &Deal, event: Event) {
    let record = match &event {
        Event::ExpenseApproved(expense) => format!("expense:{}:approved", expense.expense),
        Event::TimeApproved(entry) => format!("time_entry:{}:{}:approved", entry.entry, entry.minutes),
        Event::MilestoneCompleted(done) => format!("story:{}:{}:accepted", deal.quote.deal, done.milestone),
        Event::RecordChanged(told) => format!("{}:{}:{}", told.object, told.record, told.changed_at),
        other => other.type_name().to_owned(),
    };
    tell(world, deal, record, event);
}

fn tell(world: &World, deal: &Deal, record: String, event: Event) {
    let at = world.sim.now();
    let lag = if world.sim.strikes(Fault::Lags, Place::ReadChanges) { world.sim.below(900) } else { 0 };
    let shown_at =
        at.saturating_add(SignedDuration::from_secs(i64::try_from(lag).unwrap_or(0))).unwrap_or(at);
    world.sim.note(|| format!("work is reported: {record}, shown at {shown_at}"));
    let subject = Subject::Engagement(deal.engagement.clone());
    let change = Translated { delivery: record, subject, occurred_at: at, event };
    open(&world.books).work.push(Change { at, shown_at, change });
}

/// Somebody asks for an invoice of whatever is ready.
pub(crate) fn request_invoice(world: &Arc<World>, engagement: &EngagementId, reason: &str) {
    let invoice = InvoiceId::derive(&[engagement.as_str(), "by hand", reason]);
    let event = InvoiceRequested::of(invoice, vec![], reason.to_owned());
    let (now, trace) = (world.sim.now(), Traceparent::start());
    let delivery = format!("request:{engagement}:{reason}");
    world.take(Envelope::reported(
        TENANT,
        "console",
        &delivery,
        engagement.as_str(),
        now,
        event.into(),
        trace,
    ));
}

/// Customers pay what was posted: most in full, some in parts, some too much, some several at once, some without a
/// number that anybody knows; some of it goes back later. What is open again because it did is paid in the end, when
/// nothing goes wrong any more. Gives whether anything was paid now.
pub(crate) fn pay(world: &Arc<World>, calm: bool) -> bool {
    let posted = unpaid(world, calm);
    if let ([(one, first), (other, second), ..], true) = (posted.as_slice(), !calm && world.sim.one_in(3)) {
        let cents = first.minor_units().unwrap_or(0) + second.minor_units().unwrap_or(0);
        let intent = receive(world, cents, Some(&format!("{one}, {other}")), fate(world, cents));
        senders::told_afterwards(world, &intent);
        return true;
    }
    for (number, total) in &posted {
        let cents = total.minor_units().unwrap_or(0);
        let part = 1 + i64::try_from(world.sim.below(cents.unsigned_abs().saturating_sub(1))).unwrap_or(0);
        let little = little(world);
        let parts: Vec<(i64, Option<&str>)> = match world.sim.below(if calm { 1 } else { 12 }) {
            0 if calm => vec![(cents, Some(number))],
            0 | 1 => vec![(part, Some(number)), (cents - part, Some(number))],
            2 => vec![(cents + part, Some(number))],
            3 => vec![(cents, Some("INV-unheard-of")), (cents, Some(number))],
            4 => vec![(part, None), (cents, Some(number))],
            5 => vec![(cents - little, Some(number))],
            6 => vec![(part, Some(number)), (cents - part + little, Some(number))],
            _ => vec![(cents, Some(number))],
        };
        for (cents, number) in parts.into_iter().filter(|(cents, _)| *cents > 0) {
            let fate = if calm { Fate::None } else { fate(world, cents) };
            let intent = receive(world, cents, number, fate);
            senders::told_afterwards(world, &intent);
        }
    }
    !posted.is_empty()
}

/// By how many cents somebody pays short, or too much: where there is a tolerance, often within it.
fn little(world: &World) -> i64 {
    let most = world.config().payment_tolerances.first().and_then(|t| t.amount.minor_units().ok());
    1 + i64::try_from(world.sim.below(most.unwrap_or(200).unsigned_abs())).unwrap_or(0)
}

/// What becomes of a payment: mostly nothing.
fn fate(world: &World, cents: i64) -> Fate {
    let part = 1 + i64::try_from(world.sim.below(cents.unsigned_abs())).unwrap_or(0);
    match world.sim.below(12) {
        0 => Fate::Refunded(part, false),
        1 => Fate::Refunded(cents, world.sim.one_in(3)),
        2 => {
            Fate::Disputed([None, Some(true), Some(false)][usize::try_from(world.sim.below(3)).unwrap_or(0)])
        }
        3 => Fate::Bounced,
        _ => Fate::None,
    }
}

/// Pays whatever was posted, in full and once.
pub(crate) fn pay_in_full(world: &Arc<World>) {
    for (number, total) in unpaid(world, false) {
        receive(world, total.minor_units().unwrap_or(0), Some(&number), Fate::None);
    }
}

/// What was posted and nobody paid for yet, or (in the calm) what is open again: the number and what is open of each.
/// What was written off as too little is open in the ERP, and nobody asks for it.
fn unpaid(world: &World, calm: bool) -> Vec<(String, Money)> {
    let settled =
        world.table.matching(|i| i.text("kind") == Some("invoice") && i.0.contains_key("small_difference"));
    let settled: Vec<Invoice> = settled.iter().filter_map(|i| i.body().ok()).collect();
    let is_settled = |number: &str| {
        let known = settled.iter().find(|i| i.number.as_deref() == Some(number));
        known.is_some_and(|i| i.open().is_ok_and(Money::is_zero))
    };
    let books = open(&world.books);
    let unpaid = |i: &ErpInvoice| {
        let number = i.number.clone()?;
        let asked = i.open().is_positive() && !(calm && is_settled(&number));
        (asked && (calm || !named(&books, &number))).then(|| (number, i.open()))
    };
    books.invoices.values().filter_map(unpaid).collect()
}

fn named(books: &Books, number: &str) -> bool {
    let names = |r: &Received| r.number.as_deref().is_some_and(|text| text.split(", ").any(|n| n == number));
    books.received.values().any(names)
}

/// Somebody pays. Gives the payment product's ID of it.
pub(crate) fn receive(world: &Arc<World>, cents: i64, number: Option<&str>, fate: Fate) -> String {
    let intent = {
        let mut books = open(&world.books);
        let intent = format!("pi_{}", books.number());
        let amount = Money::from_minor_units(cents, sample::usd("0").currency()).expect("an amount");
        let received = Received { amount, number: number.map(str::to_owned), fate };
        books.received.insert(intent.clone(), received);
        intent
    };
    senders::paid(world, &intent, cents, number);
    intent
}
