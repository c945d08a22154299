//! Structured logs, and metrics in CloudWatch's embedded metric format.

use std::sync::OnceLock;

use events::Envelope;
use jiff::Timestamp;
use metrics_cloudwatch_embedded::Collector;
use tracing_subscriber::filter::LevelFilter;

use crate::settings::Settings;

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts logging (JSON, level from `LOG_LEVEL`) and metrics.
pub fn init(settings: &Settings) {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        // At trace, libraries write whole messages and items: what they carry is no log's business.
        .with_max_level(level.unwrap_or(LevelFilter::INFO).min(LevelFilter::DEBUG))
        .try_init();
    let built = metrics_cloudwatch_embedded::Builder::new()
        .cloudwatch_namespace(settings.metrics_namespace.clone())
        .with_dimension("function", settings.function)
        .init();
    if let Ok(collector) = built {
        let _ = COLLECTOR.set(collector);
    }
}

/// Counts an event by type and outcome, with the time from its occurrence to its commit, and
/// writes the line that says what became of it. No personal data: identifiers only.
pub fn count_event(function: &'static str, event: &Envelope, outcome: &'static str, now: Timestamp) {
    let event_type = event.event.type_name();
    let latency = now.duration_since(event.time).as_millis();
    metrics::counter!("Events", "event_type" => event_type, "outcome" => outcome).increment(1);
    let millis = u32::try_from(latency.max(0)).unwrap_or(u32::MAX);
    metrics::histogram!("OccurrenceToCommit", "event_type" => event_type).record(f64::from(millis));
    tracing::info!(
        function,
        event_id = %event.id,
        event_type,
        subject = event.subject,
        correlation_id = event.correlationid,
        trace_id = event.traceparent.as_ref().map(events::Traceparent::trace_id),
        tenant = event.tenant,
        outcome,
        latency_ms = millis,
        "event"
    );
}

/// Records how long it took from the receipt of a payment to its application to an invoice, in milliseconds.
pub fn time_application(received_at: Timestamp, applied_at: Timestamp) {
    let took = applied_at.duration_since(received_at).as_millis();
    let millis = u32::try_from(took.max(0)).unwrap_or(u32::MAX);
    metrics::histogram!("ReceiptToApplication").record(f64::from(millis));
}

/// Writes the metrics of one invocation.
pub fn flush() {
    if let Some(collector) = COLLECTOR.get() {
        let _ = collector.flush(std::io::stdout());
    }
}
