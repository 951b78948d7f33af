#![no_main]
//! See `checks::grammar`.

#[path = "../checks.rs"]
#[allow(dead_code)] // Each target uses one of them.
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::grammar(data));
