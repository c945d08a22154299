//! Moments in which work is in flight, each by what is stored then.

use domain::Event;

use crate::deal::Deal;
use crate::engine::{Aim, Fault, Place, Target, open};
use crate::world::{Queue, World};

use super::deals::{
    changed, cheap, contested, corrected, credited, credited_by_hand, flawed, of_little, of_time_alone,
    small, supplied, supported, told_of_little, unchanged, with_a_ceiling, with_support, withdrawn,
    written_off,
};

/// A moment of a deal.
pub(super) struct Scenario {
    /// Its file.
    pub(super) name: &'static str,
    /// What is in flight.
    pub(super) in_flight: &'static str,
    /// The deal that is played.
    pub(super) deal: fn() -> Deal,
    /// In how many parts its invoices are paid.
    pub(super) paid_in: i64,
    /// Whether somebody looks what becomes of its invoices.
    pub(super) ages: bool,
    /// What goes wrong, from when on.
    pub(super) aims: fn() -> Vec<Aim>,
    pub(super) aim_when: fn(&World) -> bool,
    /// When it stands.
    pub(super) stands: fn(&World) -> bool,
}

impl Scenario {
    /// Nothing goes wrong.
    const fn new(name: &'static str, in_flight: &'static str, stands: fn(&World) -> bool) -> Self {
        let aims: fn() -> Vec<Aim> = Vec::new;
        Self { name, in_flight, deal: unchanged, paid_in: 1, ages: false, aims, aim_when: |_| true, stands }
    }
}

/// All names, as files are called.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name).collect()
}

pub(super) fn of(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

fn aim(function: &'static str, at: Target, fault: Fault, times: u32) -> Vec<Aim> {
    vec![Aim { function, at, fault, times }]
}

/// Activation dies in the middle, once its project can be seen.
fn activation_dies() -> Vec<Aim> {
    aim("quote-approved", Target::Place(Place::CreateRateCard), Fault::CrashAfter, 2)
}

fn one_was_posted(world: &World) -> bool {
    world.books_show(|books| books.invoices.values().any(|invoice| invoice.number.is_some()))
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        deal: flawed,
        ..Scenario::new("quote-held", "a quote did not pass its checks and is not corrected yet", |w| {
            w.run_is("activation", "held")
                && w.has("exception", "status", "open")
                && w.count("state", "kind", "state") == 0
        })
    },
    Scenario {
        deal: cheap,
        ..Scenario::new("approval-waits", "a price below the policy waits for somebody to allow it", |w| {
            w.run_is("activation", "held")
                && w.has("approval", "status", "requested")
                && w.parked("approval-settled") > 0
                && w.count("state", "kind", "state") == 0
        })
    },
    Scenario {
        deal: cheap,
        aims: || aim("approval-decided", Target::Place(Place::TableWrite), Fault::CrashAfter, 1),
        ..Scenario::new(
            "approval-given",
            "somebody allowed a price, and the function that took it died; what waited is not on the bus yet",
            |w| {
                w.has("approval", "status", "approved")
                    && w.parked("approval-settled") > 0
                    && w.waiting(Queue::ApprovalDecided) > 0
                    && w.waiting(Queue::QuoteApproved) == 0
                    && w.count("state", "kind", "state") == 0
            },
        )
    },
    Scenario::new(
        "activation-project-made",
        "activation died after the PSA made the project and before the step was recorded as done",
        |w| w.step_is("activation", "project", "started") && w.books_show(|b| !b.projects.is_empty()),
    ),
    Scenario {
        aims: || aim("quote-approved", Target::Place(Place::CreateProject), Fault::Unavailable, 1),
        aim_when: |w| w.step_is("activation", "project", "started"),
        ..Scenario::new(
            "activation-waits-for-psa",
            "the PSA was out of reach when the project was to be made; the message comes again",
            |w| w.step_is("activation", "project", "waiting") && w.waiting(Queue::QuoteApproved) > 0,
        )
    },
    Scenario {
        aims: || aim("quote-approved", Target::Place(Place::CreateRateCard), Fault::Refused, 1),
        aim_when: |w| w.step_is("activation", "rate-card", "started"),
        ..Scenario::new(
            "activation-held",
            "the PSA refused the rate card; the run is held and an exception waits for a person",
            |w| {
                w.run_is("activation", "held")
                    && w.step_is("activation", "rate-card", "refused")
                    && w.has("exception", "status", "open")
                    && w.waiting(Queue::QuoteApproved) == 0
            },
        )
    },
    Scenario::new(
        "activation-not-announced",
        "the engagement is active; its events are in the stream and the CRM does not show it yet",
        |w| {
            w.has("state", "status", "active")
                && w.run_is("activation", "running")
                && !w.took(|e| matches!(e, Event::EngagementActivated(_)))
        },
    ),
    Scenario {
        aims: activation_dies,
        deal: withdrawn,
        ..Scenario::new(
            "withdrawal-half-way",
            "two steps of an activation were undone and the others were not",
            |w| w.count("step", "state", "undone") == 2 && w.run_is("activation", "running"),
        )
    },
    Scenario {
        aims: activation_dies,
        deal: withdrawn,
        ..Scenario::new(
            "withdrawal-not-journalled",
            "everything was taken back; the withdrawal is not in the journal yet",
            |w| w.run_is("activation", "compensated") && w.has("state", "status", "activating"),
        )
    },
    Scenario {
        deal: changed,
        ..Scenario::new(
            "change-order-half-way",
            "a change order is in the billing plan and not yet in the project",
            |w| {
                w.step_is("change-order", "billing-plan", "done")
                    && w.step_is("change-order", "budget", "started")
            },
        )
    },
    Scenario {
        deal: Deal::of_two_statements,
        ..Scenario::new(
            "statement-of-work-half-way",
            "a further statement of work is in the billing plan and not yet in the project",
            |w| {
                w.step_is("change-order", "billing-plan", "done")
                    && w.step_is("change-order", "budget", "started")
                    && w.has("statement-of-work", "status", "drafted")
            },
        )
    },
    Scenario {
        aims: || aim("change-order-approved", Target::Place(Place::SetRateCard), Fault::Refused, 1),
        deal: changed,
        ..Scenario::new(
            "change-order-taken-back",
            "the PSA refused a part of a change order; some of its steps were undone and the others were not",
            |w| w.count("step", "state", "undone") == 2 && w.run_is("change-order", "running"),
        )
    },
    Scenario {
        aims: activation_dies,
        deal: with_a_ceiling,
        ..Scenario::new("time-parked", "time was approved before its engagement is active", |w| {
            w.parked("engagement-active") > 0 && w.has("state", "status", "activating")
        })
    },
    Scenario {
        aims: activation_dies,
        deal: with_a_ceiling,
        ..Scenario::new(
            "time-released",
            "the engagement is active; what waited for it was put on the bus and not yet removed",
            |w| {
                w.parked("engagement-active") > 0
                    && w.has("state", "status", "active")
                    && w.waiting(Queue::TimeApproved) + w.waiting(Queue::MilestoneCompleted) > 0
            },
        )
    },
    Scenario {
        aims: || aim("time-approved", Target::Place(Place::TableWrite), Fault::CrashAfter, 1),
        ..Scenario::new(
            "time-billed-message-left",
            "an entry is a line; its message is still in the queue and comes again",
            |w| w.has("line", "status", "ready") && w.waiting(Queue::TimeApproved) > 0,
        )
    },
    Scenario {
        deal: supplied,
        ..Scenario::new(
            "supplied-work-billed",
            "an entry is a line with its charge and cost beside it; its message is still in the queue",
            |w| w.count("charge", "kind", "charge") > 0 && w.waiting(Queue::TimeApproved) > 0,
        )
    },
    Scenario {
        deal: || of_time_alone().spent(),
        ..Scenario::new(
            "expense-billed-message-left",
            "expenses are lines and use up their cap; their messages are still in the queue and come again",
            |w| w.count("line", "service", "EXPENSES") > 0 && w.waiting(Queue::ExpenseApproved) > 0,
        )
    },
    Scenario {
        deal: || of_time_alone().retained(),
        ..Scenario::new(
            "time-drawn-message-left",
            "time is drawn from a retainer, and a line of what is beyond it; messages are still in the queue",
            |w| w.count("drawdown", "kind", "drawdown") > 0 && w.waiting(Queue::TimeApproved) > 0,
        )
    },
    Scenario {
        deal: || Deal { time: vec![], ..of_time_alone() }.metered(),
        ..Scenario::new(
            "usage-counted-message-left",
            "usage is counted in its month; messages are still in the queue and come again, a correction among them",
            |w| w.count("usage", "kind", "usage") > 0 && w.waiting(Queue::UsageRecorded) > 0,
        )
    },
    Scenario {
        deal: supported,
        ..Scenario::new(
            "charges-told",
            "two periods of a charge were told to be due and none of them is billed yet",
            |w| {
                w.count("charge-period", "charge", "S7") == 2
                    && w.count("line", "kind", "line") == 0
                    && w.waiting(Queue::ChargeDue) > 0
            },
        )
    },
    Scenario {
        deal: with_a_ceiling,
        ..Scenario::new(
            "invoice-collecting",
            "lines are ready and an invoice was begun that took none of them yet",
            |w| w.has("invoice", "status", "collecting") && w.has("line", "status", "ready"),
        )
    },
    Scenario::new("invoice-page-taken", "an invoice took a page of lines and may still take more", |w| {
        w.has("invoice", "status", "collecting") && w.has("line", "status", "invoiced")
    }),
    Scenario::new("invoice-made", "the ERP made an invoice; the step is not recorded as done", |w| {
        w.step_is("invoice", "create", "started") && w.books_show(|b| !b.invoices.is_empty())
    }),
    Scenario::new("invoice-posted", "the ERP posted an invoice; nobody heard of it yet", |w| {
        one_was_posted(w)
            && w.has("invoice", "status", "submitted")
            && !w.took(|e| matches!(e, Event::InvoicePosted(_)))
    }),
    Scenario {
        deal: of_time_alone,
        ..Scenario::new(
            "customer-change-waiting",
            "a customer is kept, and the CRM's report of a change of it is in its queue",
            |w| w.count("customer", "kind", "customer") == 1 && w.waiting(Queue::RecordChanged) > 0,
        )
    },
    Scenario {
        deal: told_of_little,
        ..Scenario::new(
            "project-change-waiting",
            "roles are on the project, and the PSA's report of where it stands is in its queue",
            |w| {
                w.count("delivery", "kind", "delivery") == 1
                    && w.has("state", "status", "active")
                    && w.waiting(Queue::RecordChanged) > 0
            },
        )
    },
    Scenario {
        deal: of_time_alone,
        ..Scenario::new(
            "assignments-made",
            "activation put roles on the project; the step is not recorded as done",
            |w| {
                w.step_is("activation", "assignments", "started")
                    && w.books_show(|b| !b.assignments.is_empty())
            },
        )
    },
    Scenario {
        deal: with_support,
        ..Scenario::new(
            "revenue-told-message-left",
            "a line's revenue is told and its message is still in the queue; a schedule waits for its first month",
            |w| {
                w.count("recognition", "kind", "recognition") == 1
                    && w.count("revenue", "kind", "revenue") > 0
                    && w.waiting(Queue::RevenueEarned) > 0
            },
        )
    },
    Scenario::new("status-half-shown", "an invoice is shown in the PSA and not yet in the CRM", |w| {
        w.books_show(|b| !b.shown.is_empty() && !b.deals.values().any(|d| d.contains_key("invoice")))
            && w.has("invoice", "status", "posted")
    }),
    Scenario {
        aims: || aim("invoice-posted", Target::Number(0), Fault::CrashBefore, 3),
        ..Scenario::new("payment-parked", "an invoice was paid before it was read back as posted", |w| {
            w.parked("invoice-posted") > 0 && w.waiting(Queue::InvoicePosted) > 0
        })
    },
    Scenario {
        deal: small,
        paid_in: 2,
        ..Scenario::new(
            "payment-applied",
            "a payment of a half is applied in the journal and not booked in the ERP",
            |w| {
                w.has("invoice", "status", "part-paid")
                    && w.books_show(|b| b.bookings.is_empty())
                    && w.waiting(Queue::PaymentReceived) > 0
            },
        )
    },
    Scenario {
        deal: small,
        ..Scenario::new("payment-booked", "the ERP booked a payment; the step is not recorded as done", |w| {
            w.has("invoice", "status", "paid")
                && w.run_is("payment", "running")
                && w.count("step", "workflow", "payment") == 1
                && w.has("step", "state", "started")
                && w.books_show(|b| !b.bookings.is_empty())
        })
    },
    Scenario {
        deal: written_off,
        aims: || aim("write-off-requested", Target::Place(Place::TableWrite), Fault::CrashAfter, 1),
        ..Scenario::new(
            "written-off-message-left",
            "a line is written off; the message that asked for it is still in the queue and comes again",
            |w| w.has("line", "status", "written-off") && w.waiting(Queue::WriteOffRequested) > 0,
        )
    },
    Scenario {
        deal: contested,
        aims: || aim("dispute-requested", Target::Place(Place::TableWrite), Fault::CrashAfter, 1),
        ..Scenario::new(
            "contested-message-left",
            "an invoice is contested; the message that told it is still in the queue and comes again",
            |w| w.has("dispute", "status", "open") && w.waiting(Queue::DisputeRequested) > 0,
        )
    },
    Scenario {
        deal: of_little,
        ages: true,
        ..Scenario::new(
            "collections-told-message-left",
            "what has become of an invoice was told; the message is still in the queue, and nothing shows it yet",
            |w| {
                w.has("collections-change", "kind", "collections-change")
                    && w.waiting(Queue::InvoicePosted) > 0
            },
        )
    },
    Scenario {
        deal: corrected,
        ..Scenario::new(
            "corrected-line-ready",
            "an entry was corrected after it was billed; the difference is a line that no invoice has taken",
            |w| w.count("correction", "kind", "correction") > 0 && w.has("line", "status", "ready"),
        )
    },
    Scenario {
        deal: credited,
        ..Scenario::new(
            "credit-memo-waiting",
            "finance asked for a credit memo; the event is in its queue",
            |w| w.waiting(Queue::CreditMemoRequested) > 0,
        )
    },
    Scenario {
        deal: credited,
        aims: || aim("credit-memo-requested", Target::Place(Place::PostCreditMemo), Fault::Silent, 1),
        ..Scenario::new(
            "credit-memo-posted",
            "the ERP posted a credit memo and says so; it is not taken off the invoice, nor is the step recorded",
            |w| {
                w.has("credit-memo", "status", "approved")
                    && w.step_is("credit-memo", "post", "started")
                    && w.waiting(Queue::CreditMemoIssued) > 0
            },
        )
    },
    Scenario {
        deal: credited_by_hand,
        ..Scenario::new("credit-by-hand", "a credit note by hand is recorded and waits for finance", |w| {
            w.has("adjustment", "connection", "tryton-us")
        })
    },
    Scenario {
        aims: || aim("publish-outbox", Target::Place(Place::Bus), Fault::Unavailable, 20),
        aim_when: |w| w.has("line", "status", "ready"),
        ..Scenario::new(
            "outbox-refused",
            "the bus refused what a commit left to be sent; it waits in the retry queue and nowhere else",
            |w| w.waiting(Queue::OutboxRetry) > 0 && open(&w.stream).is_empty(),
        )
    },
    Scenario {
        aims: || aim("invoice-requested", Target::Number(0), Fault::CrashBefore, 1_000),
        ..Scenario::new(
            "dead-letter",
            "the request of an invoice was given up and is not yet kept as an exception",
            |w| w.waiting(Queue::DeadLetters) > 0,
        )
    },
    Scenario {
        aims: || aim("invoice-requested", Target::Number(0), Fault::CrashBefore, 1_000),
        ..Scenario::new(
            "dead-letter-kept",
            "the request of an invoice was given up and waits for a person",
            |w| w.waiting(Queue::DeadLetters) == 0 && w.has("exception", "stage", "dead-letter"),
        )
    },
];
