//! See `attacks::letters`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| attacks::letters::run(data));
