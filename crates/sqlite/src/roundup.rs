//! Cards that stand for many.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Params, Row, params};
use zentry_domain::roundup::{Gathering, Shared};
use zentry_domain::{AccountId, ChannelId, Handle, Lane, MessageId, Roundup, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{count, from_json, to_json};

/// In a storm thousands are opened; nobody needs to know how many exactly.
pub(crate) const OPENED: &str = "SELECT count(*) FROM
    (SELECT 1 FROM card WHERE account = ?1 AND channel = ?2 AND opened >= ?3 LIMIT 1024)";
pub(crate) const ON: &str = "WHERE account = ?1 AND channel = ?2 AND ended IS NULL";
pub(crate) const OF_HANDLE: &str = "WHERE account = ?1 AND handle = ?2";
pub(crate) const ROUNDUP: &str = "SELECT id, handle, began, ended, message, said, scene FROM roundup";
/// What a roundup says of its cards, in one pass and counted here: SQLite would sort all the bodies in memory to do so, and
/// read each of them several times. What they share comes last, in the order of [`SHARED`].
pub(crate) const HELD: &str = "SELECT id, message IS NULL, json_extract(body, '$.issue.status'),
    json_extract(body, '$.issue.events'), json_extract(body, '$.project.slug'), json_extract(body, '$.issue.release'),
    json_extract(body, '$.issue.environment'), json_extract(body, '$.issue.culprit')
    FROM card WHERE account = ?1 AND roundup = ?2";
const BODY: &str = "SELECT body FROM card WHERE id = ?1";

pub(crate) const GATHER: &str = "UPDATE card SET roundup = ?4, revision = revision + 1
    WHERE account = ?1 AND message IS NULL AND roundup IS NULL AND handle IN
    (SELECT json_extract(plain, '$.card') FROM outbox
     WHERE lane = (SELECT id FROM lane WHERE owner = ?2 AND name = ?3) AND json_extract(plain, '$.job') = 'show')";

const SHARED: [Shared; 4] = [Shared::Project, Shared::Release, Shared::Environment, Shared::Culprit];
/// The first of the columns that hold it.
const FIRST_SHARED: usize = 4;

/// Most events first, unknown ones last, of equally many the one that came first.
type Rank = (bool, Reverse<i64>, i64);

#[derive(Default)]
struct Counted {
    issues: u64,
    open: u64,
    fresh: u64,
    settled: u64,
    events: u64,
    worst: BTreeSet<Rank>,
    shared: [BTreeMap<String, u64>; 4],
}

impl Counted {
    fn add(&mut self, row: &Row<'_>, top: usize) -> Result<(), Fault> {
        let (id, is_fresh): (i64, bool) = (row.get(0)?, row.get(1)?);
        let is_settled = matches!(text(row, 2)?, Some("resolved" | "archived"));
        let events: Option<i64> = row.get(3)?;
        self.issues += 1;
        self.open += u64::from(!is_settled);
        self.fresh += u64::from(is_fresh);
        self.settled += u64::from(is_settled && !is_fresh);
        self.events += count(events.unwrap_or_default());
        self.worst.insert((events.is_none(), Reverse(events.unwrap_or_default()), id));
        if self.worst.len() > top {
            self.worst.pop_last();
        }
        for (column, counts) in (FIRST_SHARED..).zip(&mut self.shared) {
            let Some(value) = text(row, column)? else { continue };
            match counts.get_mut(value) {
                Some(n) => *n += 1,
                None => drop(counts.insert(value.to_owned(), 1)),
            }
        }
        Ok(())
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r str>, Fault> {
    Ok(row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?)
}

impl Db {
    /// Conflicts where another storm is on in the channel: the index says so.
    pub(crate) fn put_roundup(&self, roundup: &Roundup) -> Result<(), Fault> {
        let place = &roundup.scene.place;
        self.change(
            "INSERT INTO roundup (account, handle, channel, began, ended, message, said, scene)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (account, handle) DO UPDATE
             SET ended = excluded.ended, message = excluded.message, said = excluded.said",
            params![
                place.account.as_str(),
                roundup.handle.as_str(),
                place.channel.key(),
                roundup.began.0,
                roundup.ended.map(|at| at.0),
                roundup.message.as_ref().map(MessageId::as_str),
                roundup.said,
                to_json(&roundup.scene)?
            ],
        )
        .map(drop)
    }

    /// Lists what waits to be posted in a channel behind one card.
    pub(crate) fn gather(&self, account: &AccountId, channel: &ChannelId, roundup: &Handle) -> Result<(), Fault> {
        let lane = Lane::cards(account, channel);
        self.change(GATHER, (account.as_str(), lane.owner.to_string(), lane.name, roundup.as_str())).map(drop)
    }

    pub(crate) fn roundup(&self, which: &str, params: impl Params) -> Result<Option<Roundup>, Fault> {
        self.first(&format!("{ROUNDUP} {which}"), params, read_roundup)
    }

    pub(crate) fn gathering(&self, account: &str, roundup: &str, top: usize) -> Result<Gathering, Fault> {
        let mut counted = Counted::default();
        let mut statement = self.conn.prepare_cached(HELD)?;
        let mut rows = statement.query((account, roundup))?;
        while let Some(row) = rows.next()? {
            counted.add(row, top)?;
        }
        let mut worst = Vec::new();
        for (.., id) in counted.worst {
            worst.extend(self.first(BODY, [id], |row| from_json("card", id, &row.get::<_, String>(0)?))?);
        }
        // Of equally frequent values the first in the alphabet.
        let most = |(kind, counts): (_, BTreeMap<_, _>)| {
            let (value, n) = counts.into_iter().min_by_key(|(_, n)| Reverse(*n))?;
            Some((kind, value, n))
        };
        Ok(Gathering {
            issues: counted.issues,
            open: counted.open,
            fresh: counted.fresh,
            settled: counted.settled,
            events: counted.events,
            top: worst,
            shared: SHARED.into_iter().zip(counted.shared).filter_map(most).collect(),
        })
    }
}

fn read_roundup(row: &Row<'_>) -> Result<Roundup, Fault> {
    Ok(Roundup {
        handle: Handle::new(row.get::<_, String>(1)?),
        began: Timestamp(row.get(2)?),
        ended: row.get::<_, Option<i64>>(3)?.map(Timestamp),
        message: row.get::<_, Option<String>>(4)?.map(MessageId::new),
        said: row.get(5)?,
        scene: from_json("roundup", row.get::<_, i64>(0)?, &row.get::<_, String>(6)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [HELD, BODY, GATHER] {
            db.assert_indexed(sql);
        }
        // What is counted of it; the count itself scans at most a thousand rows of that.
        let (_, counted) = OPENED.split_once('(').and_then(|(_, rest)| rest.split_once('(')).expect("a query in it");
        db.assert_indexed(counted.trim_end_matches(')'));
        for which in [ON, OF_HANDLE] {
            db.assert_indexed(&format!("{ROUNDUP} {which}"));
        }
    }
}
