//! No answer leaves the process before what it promises is on stable storage: shown by the system calls of the real
//! binary. Ignored, aloud, where no process may be traced.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use zentry_test_support::trace::{Trace, What};
use zentry_test_support::{Dice, oracle, rounds, trace};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Deliveries of a round: enough for the write-ahead log to be moved into the file and begun anew.
const DELIVERIES: usize = 250;

fn main() -> ExitCode {
    let unavailable = trace::unavailable();
    if let Some(why) = &unavailable {
        eprintln!("ignored: {why}");
    }
    let trial = Trial::test("no_answer_leaves_before_its_delivery_is_on_stable_storage", all_rounds);
    libtest_mimic::run(&Arguments::from_args(), vec![trial.with_ignored_flag(unavailable.is_some())]).exit_code()
}

fn all_rounds() -> Result<(), Failed> {
    let mut dice = Dice::thrown();
    let runtime = tokio::runtime::Runtime::new()?;
    let mut answers = 0;
    for _ in 0..rounds() {
        let recording = runtime.block_on(oracle::record(ZENTRY, DELIVERIES, &mut dice));
        let database = recording.database.display().to_string();
        let complaints = oracle::left_too_early(&recording.trace, &database);
        assert!(complaints.is_empty(), "{} left too early: {complaints:#?}", complaints.len());
        let seen = oracle::acknowledged(&recording.trace).len();
        let without_syncs = recording.trace.0.into_iter().filter(|call| !matches!(call.what, What::Sync(_)));
        let missed = oracle::left_too_early(&Trace(without_syncs.collect()), &database);
        assert_eq!(missed.len(), seen, "the oracle does not notice that nothing was synced");
        answers += seen;
    }
    assert!(answers >= DELIVERIES * rounds(), "the oracle saw only {answers} answers");
    println!("{answers} answers, 0 left before the sync");
    Ok(())
}
