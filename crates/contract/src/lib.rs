//! The suites that every adapter must pass, and the fakes that pass them.
//!
//! A case is a plain `pub async fn case(bench: &impl Bench)` whose name is the promise it checks. Each suite has one
//! macro that lists its cases once and emits a test for each, to be invoked once per adapter:
//!
//! ```text
//! zentry_contract::store_suite!(my_bench());
//! ```
//!
//! A *bench* is what a suite needs beside the port itself: a way to cause and to see what the port alone cannot, such as
//! a vendor that answers 500. The fakes implement it directly; an adapter's `tests/contract.rs` implements it over the
//! simulated vendor. So the fake that the app is tested with and the adapter that production runs obey one text.

pub mod chat;
pub mod directory;
pub mod fake;
pub mod hook;
pub mod sample;
pub mod store;
pub mod tracker;
pub mod vault;
pub mod webhook;
