//! Whatever a power cut leaves of what was not synced, the store opens and holds everything that was acknowledged:
//! images of the files rebuilt from the system calls of the real binary. Ignored, aloud, where no process may be traced.

use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use zentry_domain::{Facts, IssueId, Journal};
use zentry_seal::Keyring;
use zentry_sqlite::Sqlite;
use zentry_test_support::oracle::{self, Recording};
use zentry_test_support::trace::{self, What};
use zentry_test_support::{Dice, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const KEYS: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Deliveries of a trace: enough for the write-ahead log to be moved into the file and begun anew.
const DELIVERIES: usize = 250;
/// Images of a round.
const IMAGES: usize = 50;

fn main() -> ExitCode {
    let unavailable = trace::unavailable();
    if let Some(why) = &unavailable {
        eprintln!("ignored: {why}");
    }
    let trials = vec![
        Trial::test("every_crash_image_opens_and_holds_what_was_acknowledged", all_rounds),
        Trial::test("a_disk_that_only_says_that_it_has_synced_is_found_out", a_lying_disk),
    ];
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(unavailable.is_some())).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn all_rounds() -> Result<(), Failed> {
    let mut dice = Dice::thrown();
    let runtime = tokio::runtime::Runtime::new()?;
    let (mut images, mut found) = (0, 0);
    // One trace for ten rounds of images.
    for traced in (0..rounds()).step_by(10) {
        let recording = runtime.block_on(oracle::record(ZENTRY, DELIVERIES, &mut dice));
        for at in moments(&recording, IMAGES * (rounds() - traced).min(10), &mut dice) {
            let image = runtime.block_on(one_image(&recording, at, &mut dice));
            found += image.unwrap_or_else(|why| panic!("the power was cut at {at}: {why}"));
            images += 1;
        }
    }
    println!("{images} images, every one opened; {found} acknowledged deliveries looked for in them, 0 lost");
    Ok(())
}

/// The images would show a loss: where nothing counts as synced, something acknowledged is missing.
fn a_lying_disk() -> Result<(), Failed> {
    let mut dice = Dice::thrown();
    let runtime = tokio::runtime::Runtime::new()?;
    let mut recording = runtime.block_on(oracle::record(ZENTRY, DELIVERIES, &mut dice));
    recording.trace.0.retain(|call| !matches!(call.what, What::Sync(_)));
    let mut image = |_| runtime.block_on(one_image(&recording, recording.end() / 2, &mut dice));
    assert!((0..IMAGES).map(&mut image).any(|image| image.is_err()), "every image of a lying disk was whole");
    Ok(())
}

/// Half of them right before or after a sync, spread over all of those; half anywhere.
fn moments(recording: &Recording, count: usize, dice: &mut Dice) -> Vec<usize> {
    let (syncs, first) = (recording.syncs(), dice.below(count));
    let at_sync = (0..count / 2).map(|n| syncs[(first + n * 2 * syncs.len() / count) % syncs.len()]);
    let mut moments: Vec<_> = at_sync.collect();
    moments.extend((moments.len()..count).map(|_| dice.below(recording.end() + 1)));
    moments
}

/// Cuts the power at a moment, opens what is left, and returns how many acknowledged deliveries were found in it.
async fn one_image(recording: &Recording, at: usize, dice: &mut Dice) -> Result<usize, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("zentry.db");
    recording.cut(at, dice, &database);
    let sqlite = Sqlite::open(&database, Keyring::parse(KEYS)?)?;
    sqlite.check().await?;

    let store = sqlite.store();
    let before: Vec<_> = oracle::acknowledged(&recording.trace).into_iter().filter(|answer| answer.at <= at).collect();
    for answer in &before {
        if store.cards_of(&IssueId::new(answer.title.issue().to_string())).await?.len() != 1 {
            return Err(format!("{} was acknowledged at {} and is lost", answer.title, answer.at).into());
        }
    }
    let ledger = store.ledger().await?;
    let ended = ledger.delivered + ledger.suppressed.values().sum::<u64>();
    let adds_up = ledger.accepted == ended + ledger.pending + ledger.dead;
    if !adds_up || ledger.accepted < recording.noticed + before.len() as u64 {
        return Err(format!("{} were acknowledged: {ledger:?}", before.len()).into());
    }
    sqlite.close().await;
    Ok(before.len())
}
