//! Whether an answer left before what it promises was on stable storage, judged by a trace alone.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::trace::{self, Trace, What};
use crate::{Dice, Ledger, Load, Title, Town, titles_in};

/// A header in front of each page of the write-ahead log (SQLite, WAL format).
const FRAME_HEADER: usize = 24;

/// A bot that ran traced, under load, from an orderly start to an orderly end.
pub struct Recording {
    /// What it did.
    pub trace: Trace,
    /// The database.
    pub database: PathBuf,
    /// The files of the store as they were at its start: what follows the database's name, and the content.
    pub before: Vec<(&'static str, Vec<u8>)>,
    /// Notices in the ledger at its start.
    pub noticed: u64,
    _town: Town,
}

/// Lets a bot run traced until so many deliveries are acknowledged and their cards posted.
pub async fn record(program: &str, deliveries: usize, dice: &mut Dice) -> Recording {
    let (mut town, mut load) = Load::town(program, dice).await;
    town.start();
    load.connect(&town).await;
    let noticed = Ledger::settled(&town).await.accepted;
    town.stop();
    let (database, file) = (town.folder().join("zentry.db"), town.folder().join("trace"));
    let before = vec![("", std::fs::read(&database).expect("the database"))];

    trace::into(&mut town.setup, &file);
    town.start();
    let process = town.bot().expect("it runs").id();
    let mut running = load.run();
    running.until(|tally| tally.acknowledged >= deliveries).await;
    running.stop().await;
    load.verdict(&town, 0).await;
    assert_eq!(town.stop().code(), Some(0), "an orderly end");
    Recording { trace: trace::of_ended(process, &file).await, database, before, noticed, _town: town }
}

/// A delivery that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Which.
    pub title: Title,
    /// When the first byte of the answer left.
    pub at: usize,
}

/// The deliveries that were acknowledged, in order.
pub fn acknowledged(trace: &Trace) -> Vec<Acknowledged> {
    let mut asked: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut all = Vec::new();
    for call in &trace.0 {
        match &call.what {
            What::Received(connection, bytes) => asked.entry(connection).or_default().extend(bytes),
            What::Sent(connection, bytes) if bytes.starts_with(b"HTTP/1.1 ") => {
                let asked = asked.remove(connection.as_str()).unwrap_or_default();
                if bytes.starts_with(b"HTTP/1.1 2") && asked.starts_with(b"POST /sentry/webhook ") {
                    let title = titles_in(&asked).next().expect("every delivery has a title");
                    all.push(Acknowledged { title, at: call.began });
                }
            }
            _ => {}
        }
    }
    all
}

/// Every answer that left before its delivery was on stable storage: in a transaction of the write-ahead log whose last
/// page was written, and then synced, before the answer began to leave.
pub fn left_too_early(trace: &Trace, database: &str) -> Vec<String> {
    let synced = synced(trace, &format!("{database}-wal"));
    let complaint = |answer: &Acknowledged| match synced.get(&answer.title) {
        None => Some(format!("{} was acknowledged and never synced", answer.title)),
        Some(at) if *at < answer.at => None,
        Some(at) => Some(format!("{} was acknowledged at {} and synced at {at}", answer.title, answer.at)),
    };
    acknowledged(trace).iter().filter_map(complaint).collect()
}

/// When each title was on stable storage.
fn synced(trace: &Trace, log: &str) -> HashMap<Title, usize> {
    let (mut open, mut committed, mut synced) = (Vec::new(), HashMap::<Title, usize>::new(), HashMap::new());
    let mut is_last_page = false;
    for call in &trace.0 {
        match &call.what {
            What::Write(path, _, bytes) if path == log && bytes.len() == FRAME_HEADER => {
                // The size of the database after the commit, in the last frame of a transaction; 0 in the others.
                is_last_page = bytes[4..8] != [0; 4];
            }
            What::Write(path, _, page) if path == log => {
                open.extend(titles_in(page));
                if std::mem::take(&mut is_last_page) {
                    for title in open.drain(..) {
                        committed.entry(title).or_insert(call.ended);
                    }
                }
            }
            What::Sync(path) if path == log => {
                for (title, _) in committed.iter().filter(|(_, written)| **written < call.began) {
                    synced.entry(*title).or_insert(call.ended);
                }
            }
            _ => {}
        }
    }
    synced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Call;

    const LOG: &str = "z.db-wal";

    /// One delivery: received, written as the last page of a transaction, synced, answered.
    fn honest() -> Vec<What> {
        let header = |size: u8| [0, 0, 0, 3, 0, 0, 0, size].into_iter().chain([0; 16]).collect();
        let connection = || "TCP:[127.0.0.1:80->127.0.0.1:9".to_owned();
        vec![
            What::Received(connection(), b"POST /sentry/webhook HTTP/1.1\r\n\r\n".to_vec()),
            What::Received(connection(), b"{\"title\":\"Load 01-000001\"}".to_vec()),
            What::Write(LOG.into(), 32, header(0)),
            What::Write(LOG.into(), 56, b"..Load 01-000001..".to_vec()),
            What::Write(LOG.into(), 4152, header(9)),
            What::Write(LOG.into(), 4176, b"the last page".to_vec()),
            What::Sync(LOG.into()),
            What::Sent(connection(), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ]
    }

    fn complaints(calls: Vec<What>) -> Vec<String> {
        let calls = calls.into_iter().enumerate().map(|(now, what)| Call { began: now, ended: now, what });
        left_too_early(&Trace(calls.collect()), "z.db")
    }

    #[test]
    fn an_answer_after_the_sync_is_honest() {
        assert_eq!(complaints(honest()), [""; 0]);
    }

    #[test]
    fn an_answer_without_or_before_its_sync_is_found() {
        let mut never = honest();
        never.remove(6);
        assert_eq!(complaints(never), ["Load 01-000001 was acknowledged and never synced"]);
        let mut late = honest();
        late.swap(6, 7);
        assert_eq!(complaints(late), ["Load 01-000001 was acknowledged at 6 and synced at 7"]);
        let mut another = honest();
        another[6] = What::Sync("z.db".into());
        assert_eq!(complaints(another).len(), 1, "another file");
    }

    #[test]
    fn a_sync_before_the_end_of_the_transaction_is_no_sync_of_it() {
        for place in [3, 4, 5] {
            let mut early = honest();
            let sync = early.remove(6);
            early.insert(place, sync);
            assert_eq!(complaints(early).len(), 1, "{place}");
        }
    }

    #[test]
    fn a_sync_that_began_before_the_last_write_ended_does_not_cover_it() {
        let mut calls: Vec<_> =
            honest().into_iter().enumerate().map(|(now, what)| Call { began: now, ended: now, what }).collect();
        calls[6].began = 5;
        assert_eq!(left_too_early(&Trace(calls), "z.db").len(), 1);
    }

    #[test]
    fn what_was_refused_promises_nothing() {
        let mut refused = honest();
        refused.remove(6);
        let last = refused.last_mut().unwrap();
        *last =
            What::Sent("TCP:[127.0.0.1:80->127.0.0.1:9".into(), b"HTTP/1.1 500 Internal Server Error\r\n\r\n".to_vec());
        assert_eq!(complaints(refused), [""; 0]);
    }
}
