//! What a power cut may leave of the store's files, rebuilt from a trace.

use std::path::Path;

use crate::Dice;
use crate::oracle::Recording;
use crate::trace::{Call, What};

/// The files of a store: what follows the database's name.
const FILES: [&str; 3] = ["", "-wal", "-journal"];
/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

impl Recording {
    /// The moments right before and right after each sync of one of the store's files.
    pub fn syncs(&self) -> Vec<usize> {
        let files = FILES.map(|file| self.path(file));
        let is_ours = |call: &&Call| matches!(&call.what, What::Sync(path) if files.contains(path));
        self.trace.0.iter().filter(is_ours).flat_map(|call| [call.ended - 1, call.ended]).collect()
    }

    /// The last moment.
    pub fn end(&self) -> usize {
        self.trace.0.iter().map(|call| call.ended).max().unwrap_or_default()
    }

    /// Writes what the disk may hold where the power is cut at a moment: everything that was synced, and of the rest what
    /// the dice say: nothing, all, its beginning, or any part of it in any order, each piece whole or torn.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn cut(&self, at: usize, dice: &mut Dice, into: &Path) {
        for file in FILES {
            if let Some(content) = self.file_after_cut(file, at, dice) {
                std::fs::write(format!("{}{file}", into.display()), content).expect("written");
            }
        }
    }

    fn file_after_cut(&self, file: &'static str, at: usize, dice: &mut Dice) -> Option<Vec<u8>> {
        let path = self.path(file);
        let before = self.before.iter().find(|(name, _)| *name == file).map(|(_, content)| content.clone());
        let mut remains = Remains {
            content: before,
            loose: Vec::new(),
            safe: self.synced(&path, at),
            listed: self.synced(&self.folder(), at),
        };
        for call in self.trace.0.iter().filter(|call| call.began <= at && call.what.changes(&path)) {
            remains.take(call, dice);
        }
        let mut content = remains.content?;
        survivors(remains.loose, dice).iter().for_each(|what| apply(&mut content, what));
        Some(content)
    }

    /// When the last sync of `path` began that had returned by then; what ended before is safe.
    fn synced(&self, path: &str, at: usize) -> usize {
        let of_path = |call: &&Call| call.ended <= at && matches!(&call.what, What::Sync(of) if of == path);
        self.trace.0.iter().filter(of_path).map(|call| call.began).max().unwrap_or_default()
    }

    fn path(&self, file: &str) -> String {
        format!("{}{file}", self.database.display())
    }

    fn folder(&self) -> String {
        self.database.parent().unwrap_or(Path::new("/")).display().to_string()
    }
}

/// What is left of one file.
struct Remains {
    /// What was synced; nothing where the file is not there.
    content: Option<Vec<u8>>,
    /// What was done since.
    loose: Vec<What>,
    /// When the last sync of the file began.
    safe: usize,
    /// When the last sync of its folder began.
    listed: usize,
}

impl Remains {
    fn take(&mut self, call: &Call, dice: &mut Dice) {
        match &call.what {
            // An entry of the folder is the folder's to sync. Until then the disk has it or not.
            What::Create(_) if self.content.is_none() => {
                self.content = (call.ended < self.listed || dice.one_in(2)).then(Vec::new);
            }
            What::Remove(_) if call.ended < self.listed || dice.one_in(2) => {
                self.content = None;
                self.loose.clear();
            }
            what @ (What::Write(..) | What::Truncate(..)) => match &mut self.content {
                Some(content) if call.ended < self.safe => apply(content, what),
                Some(_) => self.loose.push(what.clone()),
                // The disk never knew of the file.
                None => {}
            },
            _ => {}
        }
    }
}

/// What the disk has of writes that were not synced, in the order in which it has them.
fn survivors(mut loose: Vec<What>, dice: &mut Dice) -> Vec<What> {
    match dice.below(5) {
        0 => Vec::new(),
        1 => loose,
        2 if !loose.is_empty() => {
            loose.truncate(1 + dice.below(loose.len()));
            if let Some(What::Write(_, _, bytes)) = loose.last_mut() {
                tear(bytes, dice);
            }
            loose
        }
        3 => loose.into_iter().filter(|_| dice.one_in(2)).collect(),
        _ => {
            (1..loose.len()).rev().for_each(|last| loose.swap(last, dice.below(last + 1)));
            loose.retain(|_| !dice.one_in(3));
            for what in &mut loose {
                if let (What::Write(_, _, bytes), true) = (what, dice.one_in(4)) {
                    tear(bytes, dice);
                }
            }
            loose
        }
    }
}

/// Leaves only the beginning: whole sectors, or, on a worse disk, any bytes.
fn tear(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let kept = dice.below(bytes.len() + 1);
    bytes.truncate(if dice.one_in(2) { kept } else { kept / SECTOR * SECTOR });
}

fn apply(content: &mut Vec<u8>, what: &What) {
    let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    match what {
        What::Write(_, offset, bytes) => {
            let (start, end) = (place(*offset), place(*offset) + bytes.len());
            content.resize(content.len().max(end), 0);
            content[start..end].copy_from_slice(bytes);
        }
        What::Truncate(_, length) => content.resize(place(*length), 0),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: u64, bytes: &[u8]) -> What {
        What::Write("z.db".into(), offset, bytes.to_vec())
    }

    #[test]
    fn what_was_written_is_where_it_was_written() {
        let mut content = b"abc".to_vec();
        for what in [write(1, b"XY"), write(5, b"Z"), What::Truncate("z.db".into(), 7)] {
            apply(&mut content, &what);
        }
        assert_eq!(content, b"aXY\0\0Z\0");
    }

    #[test]
    fn a_power_cut_drops_tears_and_reorders() {
        let all: Vec<_> = (0..8).map(|n| write(n * 600, &[7; 600])).collect();
        let mut dice = Dice::of(1);
        let cuts: Vec<_> = (0..200).map(|_| survivors(all.clone(), &mut dice)).collect();
        let offset = |what: &What| if let What::Write(_, offset, _) = what { *offset } else { 0 };
        let length = |what: &What| if let What::Write(_, _, bytes) = what { bytes.len() } else { 0 };
        assert!(cuts.contains(&Vec::new()) && cuts.contains(&all));
        assert!(cuts.iter().any(|cut| cut.iter().any(|what| length(what) < 600)), "torn");
        assert!(cuts.iter().any(|cut| !cut.is_sorted_by_key(offset)), "reordered");
        assert!(cuts.iter().any(|cut| cut.first().is_some_and(|first| offset(first) > 0)), "a hole");
    }
}
