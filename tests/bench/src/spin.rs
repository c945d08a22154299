//! One handler over and over: for instruction counts, and for the CPU time of our own code.

use std::sync::Arc;

use domain::engagement::Engagement;
use events::Envelope;
use journal::memory::MemoryStore;
use journal::{Expect, Op, Store};
use milestone_completed::MilestoneCompleted;
use runtime::{Handler, Settings, handle_batch};
use serde_json::{Value, json};
use time_approved::TimeApproved;

use crate::counting::Counter;
use crate::frozen::Frozen;
use crate::world::{World, engagement, messages, milestone, time};

/// Events between two looks at the clock: it moves in steps of some milliseconds.
const EVENTS_A_SAMPLE: usize = 2_000;

/// What is handled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Case {
    /// An approved entry by itself.
    TimeAlone,
    /// Ten approved entries of one engagement.
    TimeBatch,
    /// The same under a contract with a ceiling.
    CeilingBatch,
    /// A completed milestone by itself.
    MilestoneAlone,
}

impl Case {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::TimeAlone, Self::TimeBatch, Self::CeilingBatch, Self::MilestoneAlone];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TimeAlone => "time-alone",
            Self::TimeBatch => "time-batch",
            Self::CeilingBatch => "ceiling-batch",
            Self::MilestoneAlone => "milestone-alone",
        }
    }

    /// The function that handles it.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::TimeAlone | Self::TimeBatch | Self::CeilingBatch => "time-approved",
            Self::MilestoneAlone => "milestone-completed",
        }
    }

    /// Events in one batch.
    pub(crate) const fn batch(self) -> usize {
        match self {
            Self::TimeAlone | Self::MilestoneAlone => 1,
            Self::TimeBatch | Self::CeilingBatch => 10,
        }
    }

    /// The engagement that its events are about.
    pub(crate) fn engagement(self) -> Engagement {
        // One with a ceiling and one without lie in the same table.
        match self {
            Self::CeilingBatch => engagement(124, 2, Some("90000000.00")),
            Self::TimeAlone | Self::TimeBatch | Self::MilestoneAlone => engagement(123, 2, None),
        }
    }

    /// The next event.
    pub(crate) fn event(self, engagement: &Engagement) -> Envelope {
        match self {
            Self::TimeAlone | Self::TimeBatch | Self::CeilingBatch => time(engagement),
            Self::MilestoneAlone => milestone(engagement, 1),
        }
    }

    fn handler(self) -> Box<dyn Handler> {
        match self {
            Self::TimeAlone | Self::TimeBatch | Self::CeilingBatch => Box::new(TimeApproved),
            Self::MilestoneAlone => Box::new(MilestoneCompleted),
        }
    }
}

/// Handles so many events, from Lambda's bytes to the response, logs and metrics included.
pub(crate) async fn spin(name: &str, events: usize) -> Value {
    let case = *Case::ALL.iter().find(|c| c.name() == name).expect("a known case");
    runtime::init_telemetry(&settings(case.function()));
    let table = Arc::new(MemoryStore::new());
    let frozen = Arc::new(Frozen(Arc::clone(&table)));
    let world = World::over(case.function(), frozen, Counter::default(), Arc::clone(&table)).await;
    let engagement = case.engagement();
    let seed = World::warm(case.function()).await;
    seed.activate(&engagement).await;
    for item in seed.table.items() {
        table.write(vec![Op::Put { item, expect: Expect::Anything }]).await.expect("a copy");
    }
    let handler = case.handler();
    // Made before and handled again and again, so that twice the events differ by handling alone.
    let batches: Vec<String> = (0..EVENTS_A_SAMPLE / case.batch())
        .map(|_| {
            let events: Vec<Envelope> = (0..case.batch()).map(|_| case.event(&engagement)).collect();
            messages(&events).to_string()
        })
        .collect();
    let rounds = events.div_ceil(EVENTS_A_SAMPLE);
    let mut samples = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let before = cpu_nanoseconds();
        for batch in &batches {
            let batch = serde_json::from_str(batch).expect("a batch");
            let (response, _) = handle_batch(&world.context, handler.as_ref(), batch).await;
            assert!(response.batch_item_failures.is_empty());
            let answer = serde_json::to_string(&response).expect("a response");
            assert!(!answer.is_empty());
            runtime::flush_telemetry();
        }
        samples.extend(cpu_nanoseconds().zip(before).map(|(after, before)| after - before));
    }
    samples.sort_unstable();
    json!({"case": name, "events": rounds * EVENTS_A_SAMPLE, "events_a_sample": EVENTS_A_SAMPLE,
           "cpu_nanoseconds_a_sample": samples.get(samples.len() / 2)})
}

/// Time that this thread has spent on a processor; none where the kernel does not tell.
fn cpu_nanoseconds() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn settings(function: &'static str) -> Settings {
    Settings {
        function,
        table: "table".into(),
        bus: "bus".into(),
        region: "us-east-1".into(),
        endpoint: None,
        queue_url: None,
        outbox_retry_queue_url: None,
        extra_ca_bundle: None,
        lease_seconds: 130,
        metrics_namespace: "QuoteToCash".into(),
    }
}
