//! A workflow is stopped at one of its steps and taken back, with whatever may go wrong on the way back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::invoice::InvoiceStatus;
use domain::problem::ProblemCode;
use events::Envelope;
use journal::Item;
use runtime::Handler;
use workflow::{Purpose, Workflow};

use crate::deal::Deal;
use crate::engine::{Aim, Call, Fault, Place, Sim, Target, open};
use crate::history::{quiet, within_a_runtime};
use crate::invariants::{Ledger, change_order, must, withdrawal};
use crate::script;
use crate::senders;
use crate::world::{EPOCH, Queue, World};

/// Minutes after which a workflow that should have stopped has not.
const MOST_MINUTES: u32 = 600;
/// Attempts at taking a run back, as its queue would make them.
const MOST_ATTEMPTS: u32 = 40;

/// What came of taking a run back.
#[derive(Debug, Clone)]
pub struct TakenBack {
    /// What does not hold.
    pub broken: Vec<String>,
    /// The calls of the longest process that took back.
    pub calls: Vec<Call>,
    /// How often something aimed at went wrong on the way back.
    pub hits: u32,
    /// The history in words, where it was asked for.
    pub trace: Vec<String>,
}

/// The function that runs a workflow. A workflow that is missing here does not compile.
#[must_use]
pub const fn function_of(workflow: Workflow) -> &'static str {
    match workflow {
        Workflow::Activation => "quote-approved",
        Workflow::Invoice => "invoice-requested",
        Workflow::InvoiceStatus => "invoice-posted",
        Workflow::Payment => "payment-received",
        Workflow::ChangeOrder => "change-order-approved",
        Workflow::CreditMemo => "credit-memo-requested",
        Workflow::CreditMemoStatus => "credit-memo-issued",
    }
}

fn handler_of(workflow: Workflow) -> Box<dyn Handler> {
    match workflow {
        Workflow::Activation => Box::new(quote_approved::QuoteApproved),
        Workflow::Invoice => Box::new(invoice_requested::InvoiceRequested),
        Workflow::InvoiceStatus => Box::new(invoice_posted::InvoicePosted),
        Workflow::Payment => Box::new(payment_received::PaymentReceived),
        Workflow::ChangeOrder => Box::new(change_order_approved::ChangeOrderApproved),
        Workflow::CreditMemo => Box::new(credit_memo_requested::CreditMemoRequested),
        Workflow::CreditMemoStatus => Box::new(credit_memo_issued::CreditMemoIssued),
    }
}

/// Stops a workflow at a step that is refused for good, then takes it back while `then` goes wrong.
#[must_use]
pub fn take_back(workflow: Workflow, refused: Place, then: Vec<Aim>, traced: bool) -> TakenBack {
    within_a_runtime(async move {
        let sim = Sim::quiet(EPOCH.parse().expect("a timestamp"), traced);
        let function = function_of(workflow);
        sim.aim(vec![Aim { function, at: Target::Place(refused), fault: Fault::Refused, times: u32::MAX }]);
        let world = World::new(Arc::clone(&sim)).await;
        let (master, begun) = (Arc::clone(&world), Arc::new(std::sync::Mutex::new((0, 0))));
        let at = Arc::clone(&begun);
        sim.spawn(async move {
            match workflow {
                Workflow::ChangeOrder => Box::pin(refuse_change_order(master, refused, then, at)).await,
                _ => Box::pin(stop_and_take_back(master, workflow, then, at)).await,
            }
        });
        let mut broken = match sim.run().await {
            Ok(()) => world.complaints(),
            Err(endless) => vec![endless],
        };
        broken.extend(left_behind(&world, workflow));
        let (processes, hits) = *open(&begun);
        let back = sim.calls().into_iter().skip(processes).filter(|(name, _)| *name == function);
        let calls = back.map(|(_, calls)| calls).max_by_key(Vec::len).unwrap_or_default();
        TakenBack { broken, calls, hits: sim.hits() - hits, trace: sim.trace() }
    })
}

async fn stop_and_take_back(
    world: Arc<World>,
    workflow: Workflow,
    then: Vec<Aim>,
    begun: Arc<std::sync::Mutex<(usize, u32)>>,
) {
    let deal = Deal::fixed();
    open(&world.books).quotes.insert(deal.quote.deal.clone(), deal.quote.clone());
    senders::approved(&world, &deal.quote.deal);
    if !Box::pin(stops(&world, &deal, workflow)).await {
        world.complain(format!("{} never stopped", workflow.as_str()));
        return;
    }
    Box::pin(quiet(&world)).await;
    *open(&begun) = (world.sim.calls().len(), world.sim.hits());
    world.sim.aim(then);
    match workflow {
        Workflow::Activation => script::ask_for_withdrawal(&world, &deal),
        Workflow::Invoice
        | Workflow::InvoiceStatus
        | Workflow::Payment
        | Workflow::ChangeOrder
        | Workflow::CreditMemo
        | Workflow::CreditMemoStatus => Box::pin(undo(&world, workflow)).await,
    }
    Box::pin(quiet(&world)).await;
    Box::pin(once_more(&world, workflow)).await;
}

/// A change order takes itself back when a system refuses it: what goes wrong then, goes wrong in the
/// processes that carried it out.
async fn refuse_change_order(
    world: Arc<World>,
    refused: Place,
    then: Vec<Aim>,
    begun: Arc<std::sync::Mutex<(usize, u32)>>,
) {
    let deal = Deal::fixed();
    open(&world.books).quotes.insert(deal.quote.deal.clone(), deal.quote.clone());
    senders::approved(&world, &deal.quote.deal);
    Box::pin(quiet(&world)).await;
    *open(&begun) = (world.sim.calls().len(), world.sim.hits());
    let function = function_of(Workflow::ChangeOrder);
    // Once: what is taken back goes to the same place.
    let refusal = Aim { function, at: Target::Place(refused), fault: Fault::Refused, times: 1 };
    world.sim.aim([vec![refusal], then].concat());
    script::sign_change_order(&world, deal.change_order.as_ref().unwrap_or(&deal.quote));
    Box::pin(quiet(&world)).await;
    Box::pin(once_more(&world, Workflow::ChangeOrder)).await;
}

/// The event comes again: nothing may change.
async fn once_more(world: &Arc<World>, workflow: Workflow) {
    let before = counts(world);
    for event in events_of(world, workflow) {
        world.take(event);
    }
    Box::pin(quiet(world)).await;
    if counts(world) != before {
        world.complain(format!("{:?} became {:?} when the event came again", before, counts(world)));
    }
}

/// Plays the deal until the workflow waits for a person.
async fn stops(world: &Arc<World>, deal: &Deal, workflow: Workflow) -> bool {
    let (mut reported, mut asked) = (false, false);
    for _ in 0..MOST_MINUTES {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if runs(world, workflow).iter().any(|run| run.text("status") == Some("held")) {
            return true;
        }
        if !reported && open(&world.books).project_of(&deal.engagement).is_some() {
            script::report_all(world, deal);
            reported = true;
        }
        world.poll();
        match workflow {
            // Nobody pays, so that there is something to be set off.
            Workflow::CreditMemo | Workflow::CreditMemoStatus => {
                asked = asked || script::credit::ask_for_the_first(world, &deal.engagement).await;
            }
            _ => script::pay_in_full(world),
        }
    }
    false
}

/// Takes a run back as an operator's function does, however often it dies.
async fn undo(world: &Arc<World>, workflow: Workflow) {
    let Some(event) = events_of(world, workflow).into_iter().next() else { return };
    for _ in 0..MOST_ATTEMPTS {
        let (tell, told) = tokio::sync::oneshot::channel();
        let (process, event) = (Arc::clone(world), event.clone());
        world.sim.spawn(async move {
            let mut context = process.context(function_of(workflow));
            context.purpose = Purpose::Undo("asked for in a rehearsal".into());
            let answers = handler_of(workflow).handle(&context, vec![event]).await;
            let _ = tell.send(answers.into_iter().all(|(_, outcome)| outcome.is_ok()));
        });
        if told.await == Ok(true) {
            return;
        }
        world.sim.wait(60, 240).await;
    }
    world.complain(format!("{} can't be taken back", workflow.as_str()));
}

fn events_of(world: &World, workflow: Workflow) -> Vec<Envelope> {
    let taken = open(&world.taken);
    let drives = |e: &&Envelope| {
        Queue::of(&e.event).is_some_and(|q| q.function() == function_of(workflow))
            && !matches!(e.event, domain::Event::WithdrawalRequested(_))
    };
    taken.values().filter(drives).cloned().collect()
}

fn runs(world: &World, workflow: Workflow) -> Vec<Item> {
    let of = |i: &Item| i.text("kind") == Some("workflow") && i.text("workflow") == Some(workflow.as_str());
    world.table.matching(of)
}

/// How many records of ours the products hold.
fn counts(world: &World) -> [usize; 10] {
    let books = open(&world.books);
    let in_use = books.projects.iter().filter(|row| !row.archived).count();
    [
        books.accounts.len(),
        books.plans.len(),
        in_use,
        books.tasks.len() + books.milestones.len() + books.rate_cards.len() + books.assignments.len(),
        books.invoices.len(),
        books.invoices.values().filter(|i| i.number.is_some()).count(),
        books.bookings.len(),
        books.credits.len(),
        books.credits.values().filter(|c| c.number.is_some()).count(),
        books.credits.values().filter(|c| c.set_off.is_positive()).count(),
    ]
}

/// Nothing is left behind that nobody knows of.
fn left_behind(world: &World, workflow: Workflow) -> Vec<String> {
    let mut broken = Vec::new();
    let items = world.table.items();
    let told: BTreeSet<String> = items
        .iter()
        .filter(|i| i.text("kind") == Some("exception") && i.text("status") == Some("open"))
        .filter(|i| i.text("code") == Some(ProblemCode::WithdrawalIncomplete.as_str()))
        .filter_map(|i| i.text("detail").map(str::to_owned))
        .collect();
    let deal = Deal::fixed();
    let ledger = Ledger::of(&items, &deal.engagement);
    let active = ledger.engagement.as_ref().is_some_and(|e| e.status.as_str() == "active");
    if workflow == Workflow::Activation && active {
        // Too late to be taken back: somebody is told, and the run still waits for its correction.
        let refused =
            ledger.kind("exception").any(|e| e.text("code") == Some(ProblemCode::IllegalEvent.as_str()));
        must(&mut broken, refused, || "nobody is told that the engagement is active".into());
        return broken;
    }
    if workflow == Workflow::Activation {
        broken.extend(withdrawal::broken(world, &deal, &ledger));
    }
    if workflow == Workflow::ChangeOrder {
        broken.extend(change_order::none_or_all(world, &deal, &ledger));
        if ledger.engagement.as_ref().is_some_and(|e| e.contract.version > 1) {
            // In force: what is left is to show it, which waits for its correction.
            return broken;
        }
    }
    for run in runs(world, workflow) {
        let (id, status) = (run.text("run").unwrap_or_default(), run.text("status").unwrap_or_default());
        let ends = status == "compensated" || (status == "held" && !told.is_empty());
        must(&mut broken, ends, || format!("run {id} is {status}"));
        let steps = ledger.kind("step").filter(|s| s.text("workflow") == Some(workflow.as_str()));
        for step in steps.filter(|s| s.text("run") == Some(id) && s.text("system").is_some()) {
            let (name, state) =
                (step.text("step").unwrap_or_default(), step.text("state").unwrap_or_default());
            let known = match state {
                "undone" | "refused" => true,
                "done" => told.iter().any(|t| t.contains(&format!("{name}: "))),
                _ => false,
            };
            must(&mut broken, known, || format!("step {name} is {state}, and nobody is told"));
        }
    }
    released(&mut broken, world, workflow, &ledger);
    for (invoice, made) in &open(&world.books).invoices {
        let draft = made.number.is_none();
        must(&mut broken, workflow != Workflow::Invoice || !draft, || {
            format!("draft {invoice} is left in the ERP")
        });
    }
    broken
}

/// What was taken back holds no line any more: those of an invoice are ready again, and those of a credit memo stay
/// billed and may be credited by another.
fn released(broken: &mut Vec<String>, world: &World, workflow: Workflow, ledger: &Ledger) {
    let ended = runs(world, workflow).iter().all(|run| run.text("status") == Some("compensated"));
    if workflow == Workflow::Invoice && ended {
        for invoice in &ledger.invoices {
            let held = ledger.lines.iter().any(|l| l.invoice.as_deref() == Some(invoice.invoice.as_str()));
            let withdrawn = invoice.status == InvoiceStatus::Withdrawn;
            must(broken, withdrawn && !held, || format!("{} still holds lines", invoice.invoice));
        }
    }
    if workflow == Workflow::CreditMemo && ended {
        for memo in ledger.kind("credit-memo") {
            let over = memo.text("status") == Some("rejected");
            must(broken, over, || format!("a credit memo is {:?}", memo.text("status")));
        }
        must(broken, open(&world.books).credits.is_empty(), || "a draft is left in the ERP".into());
        let billed = ledger.lines.iter().all(|line| line.invoice.is_some());
        must(broken, billed, || "a line was released".into());
    }
}
