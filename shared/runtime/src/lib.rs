//! What every function needs: settings, clients, secrets, batches, logs and metrics.
//!
//! A function's `main.rs` names its handler and calls [`serve_queue`]; everything between
//! the Lambda service and the handler is here, once.

mod aws;
mod billable;
mod bus;
mod connect;
mod context;
mod credit;
mod customer_search;
mod engagement_status;
mod failure;
#[cfg(feature = "fake")]
pub mod fake;
mod flow;
mod outgoing;
mod queue;
mod repeated;
mod revenue;
mod scheduled;
mod settings;
mod settle;
mod status;
mod telemetry;

pub use aws::{Clients, OnDemand};
pub use billable::{Standing, commit_billable, ready_events, recheck};
pub use bus::{Bus, EventBridgeBus, PublishError, entry_of};
pub use connect::{ConfiguredConnections, Connect, ConnectError, SecretSource, reported};
pub use context::Context;
pub use credit::{Credited, Posting, record_credit};
pub use customer_search::{Placed, Searched, place};
pub use engagement_status::show_engagement;
pub use failure::{Failure, Outcome};
pub use flow::{BILLING_PLAN, DEAL, PROJECT, Systems, begin, conclude, conclude_telling, each, still_held};
pub use outgoing::{MessageQueue, SqsQueue};
pub use queue::{Handler, Received, handle_batch, parse_record, retry_delay, serve_queue};
pub use repeated::taken_before;
pub use revenue::Telling;
pub use scheduled::{PartOfRun, verdict};
pub use settings::Settings;
pub use settle::settle_all_but;
pub use status::{follow_through, show_collections};
pub use telemetry::{count_event, flush as flush_telemetry, init as init_telemetry, time_application};
