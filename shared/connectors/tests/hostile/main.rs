//! The connectors against hostile input: whatever the bytes are, no panic, nothing believed that was
//! not signed, and whatever comes out is sound. The same, guided by coverage: `python3 -m tests.fuzz`.

#![allow(clippy::expect_used, reason = "helpers of tests aren't seen as tests")]

mod answers;
mod bodies;
mod limits;
mod mutation;
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz targets and the webhook's tests")]
#[path = "../../../../tests/fuzz/src/products.rs"]
mod products;
mod refused;
mod requests;
#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz targets and the webhook's tests")]
#[path = "../../../../tests/fuzz/src/signing.rs"]
mod signing;
