//! See `attacks::messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| attacks::messages::run(data));
