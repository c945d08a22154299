//! Deposits: billed once, drawn down by later invoices, given back by credit memos. Figures are computed by hand and
//! shown.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod any_order;
mod credited;
mod drawn;
mod sold;
mod world;
