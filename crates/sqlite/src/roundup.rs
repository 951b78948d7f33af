//! Cards that stand for many.

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
pub(crate) const SUMS: &str = "SELECT count(*),
    coalesce(sum(coalesce(json_extract(body, '$.issue.status'), '') NOT IN ('resolved', 'archived')), 0),
    coalesce(sum(message IS NULL), 0),
    coalesce(sum(message IS NOT NULL AND coalesce(json_extract(body, '$.issue.status'), '') IN ('resolved', 'archived')), 0),
    coalesce(sum(json_extract(body, '$.issue.events')), 0)
    FROM card WHERE account = ?1 AND roundup = ?2";
pub(crate) const TOP: &str = "SELECT id, body FROM card WHERE account = ?1 AND roundup = ?2
    ORDER BY json_extract(body, '$.issue.events') DESC NULLS LAST, id LIMIT ?3";
pub(crate) const FREQUENT: &str = "SELECT json_extract(body, ?3) AS value, count(*) AS n FROM card
    WHERE account = ?1 AND roundup = ?2 AND value IS NOT NULL GROUP BY value ORDER BY n DESC, value LIMIT 1";

pub(crate) const GATHER: &str = "UPDATE card SET roundup = ?4, revision = revision + 1
    WHERE account = ?1 AND message IS NULL AND roundup IS NULL AND handle IN
    (SELECT json_extract(plain, '$.card') FROM outbox
     WHERE lane = (SELECT id FROM lane WHERE owner = ?2 AND name = ?3) AND json_extract(plain, '$.job') = 'show')";

/// What issues can have in common, and where it stands in a card's body.
const SHARED: [(Shared, &str); 4] = [
    (Shared::Project, "$.project.slug"),
    (Shared::Release, "$.issue.release"),
    (Shared::Environment, "$.issue.environment"),
    (Shared::Culprit, "$.issue.culprit"),
];

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
        let read_sums = |row: &Row<'_>| {
            Ok([count(row.get(0)?), count(row.get(1)?), count(row.get(2)?), count(row.get(3)?), count(row.get(4)?)])
        };
        let [issues, open, fresh, settled, events] =
            self.first(SUMS, (account, roundup), read_sums)?.unwrap_or_default();
        let limit = i64::try_from(top).unwrap_or(i64::MAX);
        let read = |row: &Row<'_>| from_json("card", row.get::<_, i64>(0)?, &row.get::<_, String>(1)?);
        let mut shared = Vec::new();
        for (kind, path) in SHARED {
            let found = self.first(FREQUENT, (account, roundup, path), |row| Ok((row.get(0)?, count(row.get(1)?))))?;
            shared.extend(found.map(|(value, n)| (kind, value, n)));
        }
        Ok(Gathering {
            issues,
            open,
            fresh,
            settled,
            events,
            top: self.all(TOP, (account, roundup, limit), read)?,
            shared,
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
        for sql in [SUMS, TOP, FREQUENT, GATHER] {
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
