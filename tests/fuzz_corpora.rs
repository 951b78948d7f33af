//! The corpora of the fuzz targets, each entry as it is and changed at random: `fuzz/` itself needs a nightly compiler.

use std::fs;
use std::path::PathBuf;

use zentry_test_support::{Dice, rounds};

#[path = "../fuzz/checks.rs"]
mod checks;

/// Changed entries a round, for each entry.
const CHANGED: usize = 20;
type Check = fn(&[u8]);
const TARGETS: [(&str, Check); 5] = [
    ("grammar", checks::grammar),
    ("zoom_webhook", checks::zoom_webhook),
    ("sentry_webhook", checks::sentry_webhook),
    ("envelope", checks::envelope),
    ("retry_after", checks::retry_after),
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("an entry is read")).collect()
}

#[test]
fn whatever_is_in_the_corpora_or_near_it_is_taken_or_refused_in_order() {
    let mut dice = Dice::thrown();
    for (name, check) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() > 10, "{name} has {} entries", corpus.len());
        corpus.iter().for_each(|entry| check(entry));
        for _ in 0..rounds() * CHANGED {
            for entry in &corpus {
                check(&changed(entry, &corpus, &mut dice));
            }
        }
    }
}

#[test]
fn every_fuzz_target_is_replayed_here() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets"));
    let files = fs::read_dir(folder).expect("the targets").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> =
        files.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    let mut known: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

/// As a fuzzer would: bytes turned, put in, left out, taken from elsewhere, repeated.
fn changed(entry: &[u8], corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut changed = entry.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(changed.len() + 1);
        match dice.below(6) {
            0 if at < changed.len() => changed[at] ^= 1 << dice.below(8),
            1 if at < changed.len() => drop(changed.remove(at)),
            2 => changed.insert(at, *one_of(b"\0\xff\"{}[]:,\\ \n0-9eE%", dice)),
            3 => changed.truncate(at),
            4 => {
                let other = one_of(corpus, dice);
                let (from, to) = (dice.below(other.len() + 1), dice.below(other.len() + 1));
                changed.splice(at..at, other[from.min(to)..from.max(to)].iter().copied());
            }
            _ => {
                let end = (at + dice.below(64)).min(changed.len());
                let piece = changed[at..end].to_vec();
                changed.splice(at..at, piece.repeat(dice.below(8)));
            }
        }
    }
    changed
}

fn one_of<'a, T>(all: &'a [T], dice: &mut Dice) -> &'a T {
    &all[dice.below(all.len())]
}
