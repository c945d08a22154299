//! What happened to an engagement, oldest first.

use domain::billing::BillableLine;
use domain::billing_event::BillingEventType;
use domain::id::EngagementId;
use jiff::Timestamp;
use runtime::Context;
use serde_json::{Value, json};

use super::{MOST_LISTED, fields};
use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// How the sort keys of billable lines begin.
const LINES: &str = "line#";

/// What is shown of each kind of item: the beginning of its sort key, and its fields.
const SHOWN: &[(&str, &[&str])] = &[
    ("journal#", &["event_id", "event_type", "occurred_at", "causation_id", "outcome", "summary"]),
    ("step#", &["workflow", "run", "step", "state", "system", "external_id", "summary"]),
    ("statement-of-work#", &["statement", "status", "approval", "contract_version"]),
    (
        LINES,
        &[
            "line",
            "statement",
            "quote_line",
            "contract_version",
            "service",
            "amount",
            "earned_on",
            "status",
            "invoice",
            "hold",
            "credit_memo",
        ],
    ),
    (
        "revenue#",
        &[
            "revenue",
            "element",
            "quote_line",
            "contract_version",
            "amount",
            "earned_on",
            "period",
            "line",
            "late",
            "reverses",
        ],
    ),
    (
        "invoice#",
        &["invoice", "status", "number", "untaxed", "total", "applied", "credited", "contested", "hold"],
    ),
    ("usage#", &["usage", "record", "terms", "contract_version", "month", "rated", "line", "summary"]),
    (
        "drawdown#",
        &[
            "drawdown",
            "entry",
            "retainer",
            "contract_version",
            "period",
            "quantity",
            "overage",
            "line",
            "summary",
        ],
    ),
    (
        "credit-memo#",
        &[
            "hold",
            "credit_memo",
            "invoice",
            "status",
            "number",
            "untaxed",
            "total",
            "set_off",
            "parts",
            "rebill",
            "reason",
            "requested_by",
            "dispute",
        ],
    ),
    (
        "dispute#",
        &[
            "dispute",
            "invoice",
            "dispute_kind",
            "lines",
            "contested",
            "status",
            "reason",
            "requested_by",
            "resolution",
        ],
    ),
    ("adjustment#", &["adjustment", "invoices", "connection", "record", "number", "untaxed", "total"]),
    (
        "payment#",
        &[
            "payment",
            "status",
            "received_at",
            "received",
            "applied",
            "unapplied",
            "kept",
            "returned",
            "invoice",
        ],
    ),
    ("parked#", &["condition"]),
    ("exception#", &["exception", "status", "code", "owner", "detail", "resolved_at"]),
];

/// The timeline.
pub(super) async fn of(context: &Context, caller: &Caller, id: &EngagementId) -> Result<Value, ApiError> {
    let (mut entries, mut truncated) = (Vec::new(), false);
    for (prefix, names) in SHOWN {
        let items = context.journal.listed(&caller.tenant, id.as_str(), prefix, MOST_LISTED + 1).await?;
        truncated |= items.len() > MOST_LISTED;
        for item in items.iter().take(MOST_LISTED) {
            let mut entry = fields(item, names);
            if *prefix == LINES {
                let line: BillableLine = item.body()?;
                entry.insert("billing_event".into(), json!(BillingEventType::from(&line)));
            }
            entry.insert("kind".into(), item.text("kind").unwrap_or_default().into());
            entry.insert("recorded_at".into(), item.text("recorded_at").unwrap_or_default().into());
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return Err(ApiError::new(Kind::NotFound, "there is no such engagement"));
    }
    // As moments and not as texts: a text with a fraction of a second sorts before one without.
    entries.sort_by_key(|entry| entry["recorded_at"].as_str().and_then(|t| t.parse::<Timestamp>().ok()));
    Ok(json!({"engagement": id, "entries": entries, "truncated": truncated}))
}
