//! A backup takes the store's place. What was waiting in it waits for a decision, and who was purged since stays so.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Row};
use zentry_domain::{Answer, Card, Decision, Job, JobId, Lane, NewJob, Outcome, Timestamp, say};
use zentry_seal::Keyring;

use crate::Sqlite;
use crate::backup::{BackupError, check, file, rows, take_copy, unpack};
use crate::db::Db;
use crate::deleted::Deleted;
use crate::error::{Fault, Loss};
use crate::lease::Memory;
use crate::open;
use crate::row::read_lane;
use crate::scratch::{Progress, Scratch, beside};

/// Why a job is a dead letter that was waiting in a backup.
const HELD: &str = "held after a restore";

const WAITING: &str = "SELECT job, plain, sealed, lane.id, owner, name
    FROM outbox JOIN lane ON lane.id = outbox.lane ORDER BY seq";
/// No two restores make the same store: `instance` says which one it is, `restores` how often that happened.
const ANEW: &str = "INSERT INTO meta (name, value) VALUES ('instance', random()), ('restores', 1)
    ON CONFLICT (name) DO UPDATE SET value = iif(name = 'restores', value + 1, excluded.value)";

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, where it says so.
    pub made: Option<Timestamp>,
    /// Jobs that were waiting in it: dead letters now, for nobody knows whether they were performed later.
    pub held: u64,
    /// Accounts in it that were purged later, and were purged again.
    pub purged: u64,
    /// The store that was there before.
    pub kept: Option<PathBuf>,
}

impl Sqlite {
    /// Puts the backup `from` in the place of the store at `path`, which is kept as `<path>.before-restore`. Blocks.
    ///
    /// Before it does so it proves the backup: seal, schema (an older one is brought up to date), soundness, keys. What was
    /// waiting in it to be sent becomes a dead letter, and every account that `<path>.deleted` names is purged from it.
    ///
    /// # Errors
    /// [`BackupError`], for the operator to read; [`crate::OpenError::Locked`] while a process serves the store.
    pub fn restore(
        path: &Path,
        keys: Keyring,
        from: &Path,
        now: Timestamp,
        progress: &mut Progress<'_>,
    ) -> Result<Restored, BackupError> {
        let _lock = open::lock(path)?;
        let kept = beside(path, ".before-restore");
        if kept.exists() {
            return Err(BackupError::Kept { path: kept });
        }
        let mut copy = take_copy(path)?;
        let keys = Arc::new(keys);
        unpack(&keys, File::open(from).map_err(file(from))?, from, &mut copy, "unpacking", progress)?;
        let restored = make_ready(&copy, path, &keys, now)?;
        let (kept, held) = set_aside(path, &kept)?;
        copy.become_file(path).map_err(file(path))?;
        drop(held);
        Ok(Restored { kept, ..restored })
    }
}

/// Does to the copy everything that must be done before anything of it is sent.
fn make_ready(copy: &Scratch, store: &Path, keys: &Arc<Keyring>, now: Timestamp) -> Result<Restored, BackupError> {
    let deleted = Deleted::beside(store).map_err(file(&beside(store, ".deleted")))?;
    let (db, _) = open::alone(copy.path(), keys)?;
    check(&db, store)?;
    let restored = in_one(&db, |db| {
        let purged = deleted.as_ref().map_or(Ok(0), |deleted| db.purge_again(deleted))?;
        let made = db.made()?;
        let held = db.hold_waiting(made, now)?;
        // The job that would have ended it is held too: the channel would stay silent.
        db.change("UPDATE roundup SET ended = ?1 WHERE ended IS NULL", [now.0])?;
        db.change(ANEW, [])?;
        Ok(Restored { made, held, purged, kept: None })
    });
    let restored = restored.map_err(rows(store))?;
    db.into_one_file().map_err(rows(store))?;
    Ok(restored)
}

/// Whole or not at all. Where it fails the copy is thrown away.
fn in_one<T>(db: &Db, work: impl FnOnce(&Db) -> Result<T, Fault>) -> Result<T, Fault> {
    db.conn.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(db)?;
    db.conn.execute_batch("COMMIT")?;
    Ok(done)
}

impl Db {
    /// Makes a dead letter of whatever was waiting to reach somebody. The store's own upkeep, and the end of grants and of
    /// attempts to link, may go on: doing that twice does no harm. So may what cannot be read, for it cannot be sent either.
    /// Each channel whose cards are held is told so, once.
    fn hold_waiting(&self, made: Option<Timestamp>, now: Timestamp) -> Result<u64, Fault> {
        let read = |row: &Row<'_>| {
            let (id, owner): (String, String) = (row.get(0)?, row.get(4)?);
            let job = match self.read_job(&owner, row) {
                Err(Fault::Corrupt { .. }) => return Ok(None),
                job => job?,
            };
            let lane = read_lane("lane", row.get(3)?, &owner, row.get(5)?)?;
            Ok(reaches_somebody(&job).then_some((lane, JobId::new(id), job)))
        };
        let waiting: Vec<(Lane, JobId, Job)> = self.all(WAITING, [], read)?.into_iter().flatten().collect();
        let held = Outcome::Dead { why: HELD.into(), then: Decision::nothing() };
        for (lane, id, _) in &waiting {
            self.settle(&mut Memory::beside(), lane, id, &held, now)?;
        }
        for (card, cards) in self.cards_held(waiting.iter().map(|(_, _, job)| job))? {
            let answer = Answer {
                to: card.address(),
                notice: say::held_back(made, cards, card.content.settings.zone),
                replaces: None,
                otherwise: None,
            };
            let id =
                self.first("SELECT lower(hex(randomblob(16)))", [], |row| Ok(JobId::new(row.get::<_, String>(0)?)))?;
            let lane = Lane::answers(&answer.to.account, &answer.to.to);
            let (id, job) = (id.unwrap_or_else(|| JobId::new("summary")), Job::Answer(answer));
            self.enqueue(&NewJob { id, lane, job, due: None, unless_waiting: false, counted: true }, now)?;
        }
        Ok(waiting.len() as u64)
    }

    /// Of each channel one of the cards that wait to be shown, and how many do.
    fn cards_held<'j>(&self, waiting: impl Iterator<Item = &'j Job>) -> Result<Vec<(Card, u64)>, Fault> {
        let mut held: Vec<(Card, u64)> = Vec::new();
        for job in waiting {
            let cards = match job {
                Job::Show { account, card } => vec![(account, card)],
                Job::Sift { cards, .. } => cards.iter().map(|one| (&one.account, &one.card)).collect(),
                _ => continue,
            };
            for (account, card) in cards {
                let Some(card) = self.card(account, card)? else { continue };
                match held.iter_mut().find(|(known, _)| known.content.place == card.content.place) {
                    Some((_, cards)) => *cards += 1,
                    None => held.push((card, 1)),
                }
            }
        }
        Ok(held)
    }

    pub(crate) fn made(&self) -> Result<Option<Timestamp>, Fault> {
        self.first("SELECT value FROM meta WHERE name = 'backed_up'", [], |row| Ok(Timestamp(row.get(0)?)))
    }

    /// Gives back free pages, and leaves nothing in a log beside the file.
    fn into_one_file(self) -> Result<(), Fault> {
        let mut vacuum = self.conn.prepare("PRAGMA incremental_vacuum")?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        drop(pages);
        drop(vacuum);
        let busy = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
        if busy {
            return Err(Fault::Unavailable("somebody else has opened the copy".into()));
        }
        self.conn.close().map_err(|(_, error)| error.into())
    }
}

fn reaches_somebody(job: &Job) -> bool {
    !matches!(
        job,
        Job::Forget { .. }
            | Job::Leave { .. }
            | Job::TendHooks
            | Job::ExpireLink { .. }
            | Job::Reconcile { .. }
            | Job::Reread { .. }
            | Job::ReadDirectory { .. }
            | Job::Sweep
    )
}

/// Gives the store a second name, under which it stays. While the connection lives nobody else opens it.
fn set_aside(store: &Path, kept: &Path) -> Result<(Option<PathBuf>, Option<Connection>), BackupError> {
    if !store.exists() {
        return Ok((None, None));
    }
    // SQLite throws a log away that it cannot make sense of. It may be what somebody wants to look at.
    let (log, kept_log) = (beside(store, "-wal"), beside(kept, "-wal"));
    if log.exists() {
        std::fs::hard_link(&log, &kept_log).map_err(file(&kept_log))?;
    }
    let held = into_one_file(store).map(Some).or_else(|error| match Loss::of(&error).disk {
        // It may well be damaged: that is what backups are for.
        Some(fault) if fault.is_fatal() => Ok(None),
        _ => Err(BackupError::Busy { path: store.into() }),
    });
    if !matches!(held, Ok(None)) {
        remove(&kept_log)?;
    }
    let held = held?;
    std::fs::hard_link(store, kept).map_err(file(kept))?;
    remove(&log)?;
    remove(&beside(store, "-shm"))?;
    Ok((Some(kept.into()), held))
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(path)(error)),
        _ => Ok(()),
    }
}

/// Moves the write-ahead log into the file and keeps everybody else out. A log that is left behind would be taken for the
/// restored store's.
fn into_one_file(store: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(store)?;
    // Refused while another command has the file open.
    conn.pragma_update(None, "journal_mode", "delete")?;
    conn.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_restore_makes_another_store() {
        let (_dir, db) = open::blank();
        let meta = |name: &str| {
            db.first("SELECT value FROM meta WHERE name = ?1", [name], |row| Ok(row.get::<_, i64>(0)?)).unwrap()
        };
        db.change(ANEW, []).unwrap();
        let first = (meta("instance"), meta("restores"), meta("starts"));
        db.change(ANEW, []).unwrap();
        assert_ne!(meta("instance"), first.0);
        assert_eq!((first.1, meta("restores")), (Some(1), Some(2)));
        assert_eq!(meta("starts"), first.2);
    }
}
