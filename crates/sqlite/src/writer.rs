//! The one thread that writes.
//!
//! It never waits for company: it takes what is there, and the next batch gathers while this one goes to the disk. Each
//! task of a batch has a savepoint of its own, so that one that conflicts leaves no trace and spoils nothing. Nobody is
//! told anything before the commit is on stable storage.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::db::Db;
use crate::error::{DiskFault, Fault, Loss};
use crate::health::Health;
use crate::lease::Memory;
use crate::open::Opened;

/// Tasks that may wait. More than that and we are overloaded: the sender of a delivery keeps it and tries again.
const QUEUE: usize = 1024;
/// Tasks in one transaction.
const BATCH: usize = 512;
/// Pages that gather in the write-ahead log before they are moved into the file.
const PAGES_A_CHECKPOINT: i64 = 1000;
/// Free pages given back at a time, so that nobody waits long for it.
const PAGES_GIVEN_BACK: u32 = 4096;

/// The way to the thread.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    health: Arc<Health>,
}

enum Message {
    Task(Box<dyn Task>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(crate) fn start(opened: Opened) -> std::io::Result<Self> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let health = Arc::new(Health::default());
        let Opened { db, memory, lock } = opened;
        let desk = Desk { db, memory, health: Arc::clone(&health), is_stuck: false, lock };
        thread::Builder::new().name("zentry-sqlite".into()).spawn(move || desk.work(inbox))?;
        Ok(Self { queue, health })
    }

    pub(crate) fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Whether work is taken: the disk has not failed, and the file is open.
    pub(crate) fn is_well(&self) -> bool {
        self.health.broken().is_none() && !self.queue.is_closed()
    }

    /// Runs `work` in a transaction, waiting for a place in the queue. What it did is on stable storage when this
    /// returns `Ok`; after an `Err` it has left no trace.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Db, &mut Memory) -> Result<T, Fault> + Send + 'static,
    {
        let (task, answer) = Work::new(work);
        self.queue.send(Message::Task(task)).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// As [`Writer::run`], but refused at once where the queue is full.
    pub(crate) async fn run_unless_busy<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Db, &mut Memory) -> Result<T, Fault> + Send + 'static,
    {
        let (task, answer) = Work::new(work);
        self.queue.try_send(Message::Task(task)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Fault::Unavailable(format!("{QUEUE} writes are waiting already").into())
            }
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Returns when the file is closed and unlocked. Everything that was in the queue before is done.
    pub(crate) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.queue.send(Message::Close(closed)).await.is_ok() {
            // An error says the same: the thread has ended.
            let _ = done.await;
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("health", &self.health).finish_non_exhaustive()
    }
}

fn stopped() -> Fault {
    Fault::Unavailable("the store is closed".into())
}

// === tasks ===

/// What somebody waits for.
trait Task: Send {
    /// Does it, inside a savepoint.
    fn run(&mut self, db: &Db, memory: &mut Memory) -> Ran;
    /// Tells who waits: what came of it, or why the whole batch is lost.
    fn answer(self: Box<Self>, lost: Option<&str>);
}

/// What to do with what a task wrote.
enum Ran {
    Keep,
    Undo,
    /// The disk failed under it: nothing of the batch can be kept.
    Lose(Loss),
}

struct Work<T, F> {
    work: Option<F>,
    result: Option<Result<T, Fault>>,
    waiting: oneshot::Sender<Result<T, Fault>>,
}

impl<T, F> Work<T, F> {
    fn new(work: F) -> (Box<Self>, oneshot::Receiver<Result<T, Fault>>) {
        let (waiting, answer) = oneshot::channel();
        (Box::new(Self { work: Some(work), result: None, waiting }), answer)
    }
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnOnce(&Db, &mut Memory) -> Result<T, Fault> + Send,
{
    fn run(&mut self, db: &Db, memory: &mut Memory) -> Ran {
        let Some(work) = self.work.take() else { return Ran::Undo };
        let result = work(db, memory);
        let ran = match &result {
            Ok(_) => Ran::Keep,
            Err(fault) => fault.of_disk().map_or(Ran::Undo, Ran::Lose),
        };
        self.result = Some(result);
        ran
    }

    fn answer(self: Box<Self>, lost: Option<&str>) {
        let result = match (lost, self.result) {
            (None, Some(result)) => result,
            (why, _) => Err(Fault::Unavailable(why.unwrap_or("the store is closed").into())),
        };
        // Who gave up waiting needs no answer.
        let _ = self.waiting.send(result);
    }
}

// === the thread ===

struct Desk {
    db: Db,
    memory: Memory,
    health: Arc<Health>,
    /// The last upkeep failed.
    is_stuck: bool,
    /// Whoever has it tends the write-ahead log: nobody beside makes the process that serves wait for that.
    lock: Option<File>,
}

impl Desk {
    fn work(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = inbox.blocking_recv()
        {
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Task(task) => batch.push(task),
                    Message::Close(closed) => closing = Some(closed),
                }
                next = if closing.is_none() && batch.len() < BATCH { inbox.try_recv().ok() } else { None };
            }
            self.commit(batch);
            self.tidy_up();
        }
        // Before anybody is told: from then on nothing is taken.
        drop(inbox);
        self.close();
        if let Some(closed) = closing {
            let _ = closed.send(());
        }
    }

    fn commit(&mut self, mut batch: Vec<Box<dyn Task>>) {
        let before = self.memory.clone();
        let lost = match self.health.broken() {
            Some(why) => Some(why),
            None => self.attempt(&mut batch).err().map(|loss| self.lose(before, loss)),
        };
        for task in batch {
            task.answer(lost.as_deref());
        }
    }

    fn attempt(&mut self, batch: &mut [Box<dyn Task>]) -> Result<(), Loss> {
        self.say("BEGIN IMMEDIATE")?;
        for task in batch {
            self.say("SAVEPOINT task")?;
            match task.run(&self.db, &mut self.memory) {
                Ran::Keep => {}
                Ran::Undo => self.say("ROLLBACK TO task")?,
                Ran::Lose(loss) => return Err(loss),
            }
            self.say("RELEASE task")?;
        }
        self.say("COMMIT")
    }

    fn say(&self, sql: &str) -> Result<(), Loss> {
        let said = self.db.conn.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        said.map(drop).map_err(|error| Loss::of(&error))
    }

    /// The batch is lost: everything is as it was before it, in memory too.
    fn lose(&mut self, before: Memory, loss: Loss) -> String {
        self.memory = before;
        // SQLite has rolled back by itself after some errors; then there is nothing left to roll back.
        let rolled_back = self.db.conn.is_autocommit() || self.say("ROLLBACK").is_ok();
        match loss.disk.filter(|fault| fault.is_fatal()) {
            Some(fault) => self.health.break_down(fault, &loss.why),
            None if !rolled_back => self.health.break_down(DiskFault::Broken, &loss.why),
            None => loss.why,
        }
    }

    // === upkeep ===

    /// When the waiters have been told.
    fn tidy_up(&mut self) {
        if self.health.broken().is_some() || self.lock.is_none() {
            return;
        }
        let tidied = if std::mem::take(&mut self.memory.is_untidy) { self.wipe() } else { self.checkpoint_if_long() };
        let was_stuck = std::mem::replace(&mut self.is_stuck, tidied.is_err());
        let Err(error) = tidied else { return };
        match Loss::of(&error) {
            Loss { disk: Some(fault), why } if fault.is_fatal() => drop(self.health.break_down(fault, &why)),
            // Once, and not with every batch while the disk is full.
            Loss { why, .. } if !was_stuck => {
                tracing::warn!(
                    why,
                    "the write-ahead log grows: it cannot be moved into the store; this is tried again"
                );
            }
            Loss { .. } => {}
        }
    }

    fn checkpoint_if_long(&self) -> rusqlite::Result<()> {
        let waiting = self.checkpoint("NOOP")?;
        if waiting >= PAGES_A_CHECKPOINT { self.checkpoint("PASSIVE").map(drop) } else { Ok(()) }
    }

    /// Leaves nothing of deleted rows in free pages, nor in the write-ahead log.
    fn wipe(&self) -> rusqlite::Result<()> {
        let give_back = format!("PRAGMA incremental_vacuum({PAGES_GIVEN_BACK})");
        let mut statement = self.db.conn.prepare(&give_back)?;
        let mut pages = statement.query([])?;
        // It gives back one page a step.
        while pages.next()?.is_some() {}
        self.checkpoint("TRUNCATE").map(drop)
    }

    /// Returns how many pages of the write-ahead log are not in the file yet.
    fn checkpoint(&self, mode: &str) -> rusqlite::Result<i64> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        self.db.conn.prepare_cached(&sql)?.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
    }

    fn close(self) {
        let is_ours = self.health.broken().is_none() && self.lock.is_some();
        if is_ours && let Err(fault) = self.db.let_keys_go() {
            tracing::warn!(?fault, "`zentry keys rotate` believes that this process still runs, until the next start");
        }
        if is_ours && let Err(error) = self.checkpoint("TRUNCATE") {
            tracing::warn!(%error, "the write-ahead log stays beside the store; the next start reads it");
        }
        // In this order: nobody may come in before the file is closed.
        drop(self.db);
        drop(self.lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;
    use zentry_seal::{Keyring, new_key};

    fn writer(dir: &tempfile::TempDir) -> Writer {
        let keys = Arc::new(Keyring::parse(&format!("k1:{}", *new_key())).unwrap());
        Writer::start(crate::open::open(&dir.path().join("z.db"), &keys).unwrap()).unwrap()
    }

    fn put(name: &'static str) -> impl FnOnce(&Db, &mut Memory) -> Result<(), Fault> + Send + 'static {
        move |db, _| db.change("INSERT INTO meta (name, value) VALUES (?1, 1)", [name]).map(drop)
    }

    async fn has(writer: &Writer, name: &'static str) -> bool {
        writer.run(move |db, _| db.finds("SELECT 1 FROM meta WHERE name = ?1", [name])).await.unwrap()
    }

    #[tokio::test]
    async fn a_failed_task_leaves_no_trace_and_spoils_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let (one, other, bad) = tokio::join!(
            writer.run(put("one")),
            writer.run(put("other")),
            writer.run(|db, memory| {
                put("bad")(db, memory)?;
                put("one")(db, memory)
            }),
        );
        assert!(one.is_ok() && other.is_ok());
        assert!(matches!(bad, Err(Fault::Conflict)), "{bad:?}");
        assert!(has(&writer, "one").await && has(&writer, "other").await && !has(&writer, "bad").await);
    }

    #[tokio::test]
    async fn a_full_disk_refuses_until_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let limit =
            |pages: u32| move |db: &Db, _: &mut Memory| Ok(db.conn.pragma_update(None, "max_page_count", pages)?);
        let fill = |db: &Db, _: &mut Memory| {
            db.change("INSERT INTO delivery (key, at) VALUES (zeroblob(1000000), 1)", []).map(drop)
        };
        writer.run(limit(1)).await.unwrap();
        let (full, small) = tokio::join!(writer.run(fill), writer.run(put("small")));
        assert!(matches!(full, Err(Fault::Unavailable(_))), "{full:?}");
        // Whether it came into the same batch or the next, it is there exactly if it was acknowledged.
        assert_eq!(has(&writer, "small").await, small.is_ok());

        assert!(writer.is_well());
        writer.run(limit(1_000_000)).await.unwrap();
        writer.run(fill).await.unwrap();
    }

    #[tokio::test]
    async fn a_lease_of_a_lost_batch_was_never_given() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let lane = zentry_domain::Lane::upkeep();
        let (now, until) = (zentry_domain::Timestamp(0), zentry_domain::Timestamp(30_000));
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let full = || Fault::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None));
        // While the first task holds the thread, the other two gather to one batch.
        let held = writer.run(move |_, _| gate.recv().map_err(|_| Fault::Fenced));
        let taken = lane.clone();
        let leased = writer.run(move |_, memory| Ok(memory.take(&taken, until)));
        let failed = writer.run(move |_, _| Err::<(), _>(full()));
        let (_, leased, failed, ()) = tokio::join!(held, leased, failed, async { go.send(()).unwrap() });
        assert!(leased.is_err() && failed.is_err());
        assert!(writer.run(move |_, memory| Ok(memory.is_free(&lane, now))).await.unwrap());
    }

    #[tokio::test]
    async fn after_a_fault_of_the_disk_nothing_is_acknowledged_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let failed = writer
            .run(|db, memory| {
                put("unsure")(db, memory)?;
                Err::<(), _>(Fault::Sqlite(rusqlite::Error::SqliteFailure(
                    ffi::Error::new(ffi::SQLITE_IOERR_FSYNC),
                    None,
                )))
            })
            .await;
        assert!(matches!(&failed, Err(Fault::Unavailable(why)) if why.to_string().contains("restarted")), "{failed:?}");
        assert!(!writer.is_well());
        let later = writer.run(put("later")).await;
        assert!(matches!(&later, Err(Fault::Unavailable(why)) if why.to_string().contains("restarted")), "{later:?}");

        writer.close().await;
        let writer = self::writer(&dir);
        assert!(!has(&writer, "unsure").await && !has(&writer, "later").await);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_deliveries_and_lets_our_own_work_wait() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (busy, is_busy) = oneshot::channel();
        let first = writer.run(move |_, _| {
            let _ = busy.send(());
            gate.recv().map_err(|_| Fault::Fenced)
        });
        let rest = async {
            is_busy.await.unwrap();
            for _ in 0..QUEUE {
                writer.queue.try_send(Message::Task(Work::new(|_: &Db, _: &mut Memory| Ok(())).0)).ok().unwrap();
            }
            let refused = writer.run_unless_busy(put("refused")).await;
            assert!(matches!(refused, Err(Fault::Unavailable(_))), "{refused:?}");
            tokio::join!(writer.run(put("waits")), async { go.send(()).unwrap() }).0
        };
        let (first, waited) = tokio::join!(first, rest);
        assert!(first.is_ok() && waited.is_ok());
        assert!(has(&writer, "waits").await && !has(&writer, "refused").await);
    }

    #[tokio::test]
    async fn a_long_log_is_moved_into_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(&dir);
        let fill = |db: &Db, _: &mut Memory| {
            db.change("INSERT INTO delivery (key, at) VALUES (randomblob(8000000), 1)", []).map(drop)
        };
        writer.run(fill).await.unwrap();
        // The next task runs after the upkeep of the first.
        assert!(!has(&writer, "anything").await);
        assert!(std::fs::metadata(dir.path().join("z.db")).unwrap().len() > 8_000_000);
    }
}
