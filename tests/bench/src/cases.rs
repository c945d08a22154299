//! Each kind of event, alone and in batches, in engagements of every size.

use domain::engagement::Engagement;
use domain::event::Event;
use domain::id::InvoiceId;
use events::Envelope;
use invoice_posted::InvoicePosted;
use invoice_requested::InvoiceRequested;
use journal::{Item, Key, Store};
use milestone_completed::MilestoneCompleted;
use payment_received::PaymentReceived;
use publish_outbox::publish;
use serde_json::{Value, json};
use time_approved::TimeApproved;

use crate::counting::{CountingQueue, Tally};
use crate::world::{TENANT, World, engagement, milestone, time};

/// Entries that lie in an engagement before it is measured.
const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// More than any measurement bills.
const CEILING: &str = "90000000.00";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Time,
    TimeUnderCeiling,
    Milestone,
    Request,
    Posting,
    Payment,
    Publication,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Time,
        Self::TimeUnderCeiling,
        Self::Milestone,
        Self::Request,
        Self::Posting,
        Self::Payment,
        Self::Publication,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Time => "time-approved",
            Self::TimeUnderCeiling => "time-approved, ceiling",
            Self::Milestone => "milestone-completed",
            Self::Request => "invoice-requested",
            Self::Posting => "invoice-posted",
            Self::Payment => "payment-received",
            Self::Publication => "publish-outbox",
        }
    }
}

/// How the events of a batch are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Single,
    TenOfOne,
    TenOfTen,
}

impl Shape {
    const ALL: [Self; 3] = [Self::Single, Self::TenOfOne, Self::TenOfTen];

    const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::TenOfOne => "ten of one engagement",
            Self::TenOfTen => "ten of ten engagements",
        }
    }

    /// Engagements, and events of each.
    const fn spread(self) -> (usize, usize) {
        match self {
            Self::Single => (1, 1),
            Self::TenOfOne => (1, 10),
            Self::TenOfTen => (10, 1),
        }
    }
}

/// Counts everything.
pub(crate) async fn count() -> Value {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for shape in Shape::ALL {
            let (events, used) = Box::pin(measure(kind, shape, 0)).await;
            rows.push(json!({"kind": kind.name(), "shape": shape.name(), "events": events, "used": used}));
        }
    }
    let mut growth = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|k| *k != Kind::Publication) {
        for entries in SIZES {
            let (events, used) = Box::pin(measure(kind, Shape::Single, entries)).await;
            growth.push(json!({"kind": kind.name(), "entries": entries, "events": events, "used": used}));
        }
    }
    json!({"events": rows, "growth": growth})
}

/// Sets the stage, handles one batch, and says of how many events it was and what it used.
async fn measure(kind: Kind, shape: Shape, entries: usize) -> (usize, Tally) {
    let world = World::warm("bench").await;
    let (engagements, each) = shape.spread();
    let ceiling = (kind == Kind::TimeUnderCeiling).then_some(CEILING);
    // The contract of the played deal, unless ten of its milestones are to be completed.
    let milestones = each.max(2);
    let engagements: Vec<Engagement> =
        (0..engagements).map(|deal| engagement(123 + deal, milestones, ceiling)).collect();
    for engagement in &engagements {
        world.activate(engagement).await;
        fill(&world, engagement, entries).await;
    }
    let mut events = Vec::new();
    for engagement in &engagements {
        events.extend(Box::pin(stage(&world, kind, engagement, each)).await);
    }
    world.counter.take();
    match kind {
        Kind::Time | Kind::TimeUnderCeiling => world.handle("time-approved", &TimeApproved, &events).await,
        Kind::Milestone => world.handle("milestone-completed", &MilestoneCompleted, &events).await,
        Kind::Request => world.handle("invoice-requested", &InvoiceRequested, &events).await,
        Kind::Posting => world.handle("invoice-posted", &InvoicePosted, &events).await,
        Kind::Payment => world.handle("payment-received", &PaymentReceived, &events).await,
        Kind::Publication => return publication(&world, &events).await,
    }
    (events.len(), world.counter.take())
}

/// Everything that happens before the events of a kind do, and these events.
async fn stage(world: &World, kind: Kind, engagement: &Engagement, events: usize) -> Vec<Envelope> {
    let numbers = 1..=events;
    match kind {
        Kind::Time | Kind::TimeUnderCeiling | Kind::Publication => {
            numbers.map(|_| time(engagement)).collect()
        }
        Kind::Milestone => numbers.map(|n| milestone(engagement, n)).collect(),
        Kind::Request => {
            let mut requests = Vec::new();
            for number in numbers {
                requests.extend(request(world, engagement, number).await);
            }
            requests
        }
        Kind::Posting => {
            let mut postings = Vec::new();
            for number in numbers {
                let invoice = submitted(world, engagement, number).await;
                postings.push(world.posting(&invoice).await);
            }
            postings
        }
        Kind::Payment => {
            let mut payments = Vec::new();
            for number in numbers {
                let invoice = submitted(world, engagement, number).await;
                let posting = world.posting(&invoice).await;
                world.handle("invoice-posted", &InvoicePosted, &[posting]).await;
                payments.push(world.payment(&invoice).await);
            }
            payments
        }
    }
}

/// Five approved entries and a completed milestone; what the milestone asks for.
async fn request(world: &World, engagement: &Engagement, number: usize) -> Option<Envelope> {
    let entries: Vec<Envelope> = (0..5).map(|_| time(engagement)).collect();
    world.handle("time-approved", &TimeApproved, &entries).await;
    world.outgoing();
    let completion = milestone(engagement, number);
    world.handle("milestone-completed", &MilestoneCompleted, &[completion]).await;
    world.outgoing().into_iter().find(|e| matches!(e.event, Event::InvoiceRequested(_)))
}

/// An invoice of a milestone and five entries that the ERP has posted.
async fn submitted(world: &World, engagement: &Engagement, number: usize) -> InvoiceId {
    let request = request(world, engagement, number).await.expect("a request");
    let Event::InvoiceRequested(requested) = &request.event else { unreachable!("it is a request") };
    let invoice = requested.invoice.clone();
    world.handle("invoice-requested", &InvoiceRequested, &[request]).await;
    invoice
}

/// Fills an engagement with entries that were invoiced long ago.
async fn fill(world: &World, engagement: &Engagement, entries: usize) {
    if entries == 0 {
        return;
    }
    world.handle("time-approved", &TimeApproved, &[time(engagement)]).await;
    let pk = Key::partition(TENANT, engagement.engagement.as_str());
    let mut line = world.table.query(&pk, "line#", 1).await.expect("a query").remove(0);
    for gone in ["status_key", "status_at"] {
        line.0.remove(gone);
    }
    let line = line.with("status", "invoiced").with("invoice", format!("inv_{:032x}", 1));
    let others = (1..entries).map(|number| {
        let id = format!("lin_{number:032x}");
        line.clone().with("sk", format!("line#{id}")).with("line", id)
    });
    world.table.fill(others.chain([line.clone()]));
    world.outgoing();
}

/// Publishes what the commits of events left in the outbox, as one batch of the stream.
async fn publication(world: &World, events: &[Envelope]) -> (usize, Tally) {
    world.outgoing();
    world.handle("time-approved", &TimeApproved, events).await;
    let inserted = world.table.drain_stream();
    let record = |item: &Item| {
        let text = |name: &str| json!({"S": item.text(name)});
        let image = json!({"pk": text("pk"), "outbox": text("outbox"), "release": text("release")});
        json!({"eventSource": "aws:dynamodb", "eventName": "INSERT",
               "dynamodb": {"SequenceNumber": "1", "NewImage": image}})
    };
    let batch = json!({"Records": inserted.iter().map(record).collect::<Vec<_>>()});
    world.counter.take();
    let queue = CountingQueue(world.counter.clone());
    publish(&world.function("publish-outbox"), &queue, batch).await.expect("a publication");
    (events.len(), world.counter.take())
}
