//! Payments: applied, given back, disputed, suggested.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod any_order;
mod applying;
mod credited;
mod small;
mod suggested;
mod world;
