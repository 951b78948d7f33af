#![no_main]
//! See `checks::zoom_webhook`.

#[path = "../checks.rs"]
#[allow(dead_code)] // Each target uses one of them.
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::zoom_webhook(data));
