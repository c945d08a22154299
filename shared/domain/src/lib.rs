//! What the business decides, and nothing else: no I/O, no clock, no AWS.
//!
//! A function reads state, calls into this crate and commits what comes back. Every
//! rule about money, status and ownership is here, so that it can be tested by example
//! and by property, by the million, without a cloud.

pub mod activation;
pub mod approval;
pub mod billing;
pub mod billing_event;
pub mod cash;
pub mod change_order;
pub mod collections;
pub mod consistency;
pub mod contract;
pub mod credit_memo;
pub mod customer;
pub mod customer_match;
pub mod decision;
pub mod delivery;
pub mod deposit;
pub mod dispute;
pub mod engagement;
pub mod event;
pub mod expense;
pub mod figures;
pub mod id;
pub mod invoice;
pub mod invoicing;
pub mod money;
pub mod ownership;
pub mod payment;
pub mod policy;
pub mod problem;
pub mod quote;
pub mod recurring;
pub mod retainer;
pub mod revenue;
pub mod routing;
#[cfg(feature = "sample")]
pub mod sample;
pub mod setup;
pub mod staffing;
pub mod statement_of_work;
pub mod transition;
pub mod usage;
pub mod work;
pub mod write_off;

pub use contract::Contract;
pub use decision::{Condition, Decision, Effects};
pub use engagement::{Engagement, EngagementStatus};
pub use event::Event;
pub use money::{Currency, Money};
pub use policy::TenantConfig;
pub use problem::{Owner, Problem};
pub use transition::{IllegalTransition, Status};
