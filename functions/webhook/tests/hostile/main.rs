//! The webhook against hostile input, from API Gateway's event to the table and the bus.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests aren't seen as tests")]

#[allow(dead_code, unreachable_pub, reason = "shared with the fuzz targets")]
#[path = "../../../../tests/fuzz/src/lib.rs"]
mod attacks;
mod bus;
mod deliveries;
// The journal's own tests share it and say what it is allowed.
#[path = "../../../../shared/journal/tests/common/mod.rs"]
mod emulator;
mod items;
mod limits;
mod messages;
#[path = "../../../../shared/connectors/tests/hostile/mutation.rs"]
mod mutation;
mod replay;
