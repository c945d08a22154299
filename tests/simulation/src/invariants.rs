//! What must hold when everything has come to its end. Each rule reads the table and the
//! products' books, and nothing that the functions say of themselves.

mod approvals;
mod cash;
pub(crate) mod change_order;
mod charges;
mod collections;
mod corrections;
mod credits;
mod delivery;
mod deposits;
mod disputes;
mod events;
mod expenses;
mod holds;
mod money;
mod records;
mod retainers;
mod revenue;
mod small;
mod supply;
mod usage;
pub(crate) mod withdrawal;
mod work;
mod write_off;

use domain::billing::BillableLine;
use domain::engagement::{Engagement, EngagementStatus};
use domain::id::EngagementId;
use domain::invoice::Invoice;
use journal::{Item, Key, Store};
use rust_decimal::Decimal;

use crate::deal::Deal;
use crate::engine::open;
use crate::world::{TENANT, World};

/// A line with where it stands.
pub(crate) struct Line {
    pub(crate) line: BillableLine,
    pub(crate) invoice: Option<String>,
    pub(crate) status: Option<String>,
}

impl Line {
    /// Whether it will never be billed, by somebody's decision.
    pub(crate) fn is_written_off(&self) -> bool {
        self.status.as_deref() == Some("written-off")
    }
}

/// The items of an engagement, read once.
pub(crate) struct Ledger {
    pub(crate) engagement: Option<Engagement>,
    pub(crate) lines: Vec<Line>,
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) items: Vec<Item>,
}

impl Ledger {
    pub(crate) fn of(all: &[Item], engagement: &EngagementId) -> Self {
        let partition = Key::partition(TENANT, engagement.as_str());
        let items: Vec<Item> = all.iter().filter(|i| i.text("pk") == Some(&partition)).cloned().collect();
        let kind = |kind: &'static str| items.iter().filter(move |i| i.text("kind") == Some(kind));
        Self {
            engagement: kind("state").find_map(|i| i.body().ok()),
            lines: kind("line")
                .filter_map(|i| {
                    let text = |name| i.text(name).map(str::to_owned);
                    Some(Line { line: i.body().ok()?, invoice: text("invoice"), status: text("status") })
                })
                .collect(),
            invoices: kind("invoice").filter_map(|i| i.body().ok()).collect(),
            items,
        }
    }

    /// Whether what nobody invoiced comes to more than nothing.
    pub(crate) fn has_something_to_bill(&self) -> bool {
        let ready = self.lines.iter().filter(|l| l.status.as_deref() == Some("ready"));
        is_something(ready.map(|l| &l.line))
    }

    /// Items of a kind.
    pub(crate) fn kind(&self, kind: &str) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |i| i.text("kind") == Some(kind))
    }
}

/// Whether an engagement has lines that nobody invoiced and that come to more than nothing.
pub(crate) async fn has_ready_lines(world: &World, engagement: &EngagementId) -> bool {
    let partition = Key::partition(TENANT, engagement.as_str());
    let lines = world.table.query(&partition, "line#", usize::MAX).await.expect("a table in memory");
    let ready = lines.iter().filter(|line| line.text("status") == Some("ready"));
    let ready: Vec<BillableLine> = ready.filter_map(|line| line.body().ok()).collect();
    is_something(ready.iter())
}

fn is_something<'a>(lines: impl Iterator<Item = &'a BillableLine>) -> bool {
    lines.map(|line| line.amount.amount()).sum::<Decimal>() > Decimal::ZERO
}

/// Everything that does not hold.
pub(crate) fn broken(world: &World, deals: &[Deal]) -> Vec<String> {
    let mut broken = Vec::new();
    let items = world.table.items();
    for deal in deals {
        let ledger = Ledger::of(&items, &deal.engagement);
        let is_withdrawn = ledger.engagement.as_ref().is_none_or(|e| e.status == EngagementStatus::Withdrawn);
        if deal.withdrawn && is_withdrawn {
            let found = withdrawal::broken(world, deal, &ledger);
            broken
                .extend(found.into_iter().map(|what| format!("withdrawn deal {}: {what}", deal.quote.deal)));
            continue;
        }
        let mut found = records::broken(world, deal, &ledger, &items);
        found.extend(approvals::broken(deal, &ledger));
        found.extend(work::broken(world, deal, &ledger));
        found.extend(expenses::broken(world, deal, &ledger));
        found.extend(charges::broken(world, deal, &ledger));
        found.extend(usage::broken(world, deal, &ledger));
        found.extend(retainers::broken(world, deal, &ledger));
        found.extend(deposits::broken(world, &ledger));
        found.extend(change_order::broken(world, deal, &ledger));
        found.extend(delivery::broken(world, deal, &ledger));
        found.extend(supply::broken(deal, &ledger));
        found.extend(holds::broken(&ledger));
        found.extend(write_off::broken(&ledger));
        found.extend(corrections::broken(&ledger));
        found.extend(money::broken(world, &ledger));
        found.extend(collections::broken(world, deal, &ledger));
        found.extend(revenue::broken(&ledger));
        found.extend(credits::broken(world, &ledger));
        found.extend(disputes::broken(world, deal, &ledger));
        broken.extend(found.into_iter().map(|what| format!("deal {}: {what}", deal.quote.deal)));
    }
    broken.extend(cash::broken(world, &items));
    broken.extend(small::broken(world, &items));
    broken.extend(events::broken(world, deals, &items));
    broken
}

/// Everything of value: what is owed, billed and paid, in the table and in the products' books.
pub(crate) fn worth(world: &World) -> Vec<String> {
    let items = world.table.items();
    let kinds = [
        "line",
        "usage",
        "drawdown",
        "write-off",
        "correction",
        "charge",
        "cost",
        "invoice",
        "invoice-page",
        "delivery",
        "credit-memo",
        "dispute",
        "dispute-evidence",
        "adjustment",
    ];
    let valued = items.iter().filter(|i| i.text("kind").is_some_and(|kind| kinds.contains(&kind)));
    let books = open(&world.books);
    let mut worth: Vec<String> = valued.map(|item| format!("{item:?}")).collect();
    // A payment that was recorded before receipts were gets its receipt by a replay: its amounts stay.
    let cash = |i: &Item| {
        ["payment", "received", "applied", "unapplied", "kept", "returned"].map(|name| i.0.get(name).cloned())
    };
    let payments = items.iter().filter(|i| i.text("kind") == Some("payment"));
    worth.extend(payments.map(|i| format!("{} {:?}", i.key(), cash(i))));
    let unmatched = items.iter().filter(|i| i.text("kind") == Some("receipt") && i.text("home").is_none());
    worth.extend(unmatched.map(|item| format!("{item:?}")));
    worth.extend(books.invoices.iter().map(|(id, invoice)| format!("{id} {invoice:?}")));
    worth.extend(books.credits.iter().map(|(id, credit)| format!("{id} {credit:?}")));
    worth.extend(books.bookings.iter().map(|(id, booking)| format!("{id} {booking:?}")));
    worth.extend(books.plans.iter().map(|(id, plan)| format!("{id} {plan}")));
    worth.extend(books.projects.iter().map(|row| format!("{row:?}")));
    worth.extend(books.assignments.iter().map(|row| format!("{row:?}")));
    worth.extend(books.accounts.iter().map(|account| format!("{account:?}")));
    worth
}

/// Notes what does not hold.
pub(crate) fn must(broken: &mut Vec<String>, holds: bool, what: impl FnOnce() -> String) {
    if !holds {
        broken.push(what());
    }
}
