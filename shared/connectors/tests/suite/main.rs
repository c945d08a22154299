//! The connectors from outside: signatures, translations, and calls to products played by a mock.

#![allow(clippy::expect_used, reason = "helpers of tests aren't seen as tests")]

mod deposits;
mod docusign;
mod expenses;
mod hubspot;
mod hubspot_companies;
mod kantata;
mod kantata_changes;
mod kantata_staffing;
mod signatures;
mod stripe;
mod support;
mod tryton_changes;
mod tryton_credits;
mod tryton_customers;
mod tryton_inbound;
mod tryton_money;
mod tryton_set_up;
mod usage;
