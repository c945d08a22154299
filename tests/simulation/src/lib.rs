//! The whole product in one thread, against a world that fails in every way it may.
//!
//! The real handlers, journal and workflows run over a table with DynamoDB's conditions (held
//! equal to the emulator by a test of `journal`), and over a bus, queues, clocks and products
//! that a seed drives. When all is quiet again, the journal is held against the products' own
//! books. The same seed gives the same history: `make simulate SEED=…`.
#![allow(clippy::expect_used)] // A simulator that can't go on should say so at once.

mod approver;
mod cashier;
mod command_line;
mod controller;
mod deal;
mod engine;
pub mod failures;
mod history;
mod invariants;
mod operator;
mod products;
pub mod recording;
mod script;
mod senders;
mod world;

pub use command_line::command_line;
pub use engine::{Aim, Call, Fault, Place, Tally, Target};
pub use history::{Outcome, Rehearsal, play, rehearse};
