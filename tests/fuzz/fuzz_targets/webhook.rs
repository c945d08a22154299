//! See `attacks::webhook`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| attacks::webhook::run(data));
