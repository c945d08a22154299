//! The other systems: one trait per role, one module per product.
//!
//! A connector translates and nothing else: no vendor's JSON type leaves its module, and no
//! business decision is made in one. Signature verification, idempotency and time-outs have
//! no default: a connector that leaves one out does not compile.

pub mod connection;
pub mod error;
mod http;
pub mod inbound;
pub mod operation;
pub mod registry;
pub mod role;

mod docusign;
mod hubspot;
mod kantata;
mod signature;
mod standard_webhooks;
mod stripe;
mod tryton;

#[cfg(test)]
mod testing;

pub use connection::{Connection, ConnectionConfig, Credentials, Product};
pub use error::{CallError, CallErrorKind};
pub use operation::{Idempotency, Operation, Performs};
