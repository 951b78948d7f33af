//! Queueing, leasing, settling, and what was given up.

use std::time::Duration;

use rusqlite::{Row, params};
use zentry_domain::ports::{BoxError, LaneLease, Leased};
use zentry_domain::{Job, JobId, Lane, NewJob, Outcome, Queued, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::lease::Memory;
use crate::row::{owner, place, to_json};

/// Jobs of one lease at most, so that a long lane does not hold its worker.
const JOBS_A_LEASE: u32 = 20;
/// How long a lane is left alone whose first job cannot be read: the others must go on.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(3600);

const EQUAL: &str = "SELECT 1 FROM outbox JOIN lane ON lane.id = outbox.lane
    WHERE lane.owner = ?1 AND lane.name = ?2 AND plain = ?3";
const SEALED: &str = "SELECT job, plain, sealed FROM outbox JOIN lane ON lane.id = outbox.lane
    WHERE lane.owner = ?1 AND lane.name = ?2 AND sealed IS NOT NULL";
const DUE: &str = "SELECT id, owner, name FROM lane WHERE due <= ?1 ORDER BY due, id";
const NEXT_DUE: &str = "SELECT id, owner, name, due FROM lane WHERE due > ?1 ORDER BY due";
const FIRST_JOBS: &str =
    "SELECT job, plain, sealed, attempts, unknown, since, due FROM outbox WHERE lane = ?1 ORDER BY seq LIMIT ?2";
const HEAD: &str = "SELECT lane.id, seq, job FROM outbox JOIN lane ON lane.id = outbox.lane
    WHERE lane.owner = ?1 AND lane.name = ?2 ORDER BY seq LIMIT 1";

/// A job given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its name.
    pub id: JobId,
    /// Where it queued.
    pub lane: Lane,
    /// What it was.
    pub job: Job,
    /// Why it was given up.
    pub why: String,
    /// Failed attempts before that.
    pub attempts: u32,
    /// When it was committed.
    pub since: Timestamp,
    /// When it was given up.
    pub at: Timestamp,
}

/// A lane that is due.
struct Due {
    id: i64,
    lane: Lane,
}

/// The first job of a lane.
struct Head {
    lane: i64,
    seq: i64,
}

impl Db {
    // === queueing ===

    /// Puts `new` at the end of its lane.
    pub(crate) fn enqueue(&self, new: &NewJob, now: Timestamp) -> Result<(), Fault> {
        let owner = new.lane.owner.to_string();
        let json = to_json(&new.job)?;
        if new.unless_waiting && self.is_waiting(&owner, new, &json)? {
            return Ok(());
        }
        let due = new.due.unwrap_or(now).0;
        // A lane that is there already falls due with its first job, which is another one.
        self.change(
            "INSERT INTO lane (owner, name, due)
             VALUES (?1, ?2, max(?3, coalesce((SELECT until FROM pause WHERE owner = ?1), ?3)))
             ON CONFLICT DO NOTHING",
            (&owner, &new.lane.name, due),
        )?;
        let sealed = |db: &Self| db.keys.seal(place("outbox", &owner, new.id.as_str()), json.as_bytes());
        let (plain, sealed) = if new.job.is_confidential() { (None, Some(sealed(self))) } else { (Some(&json), None) };
        self.change(
            "INSERT INTO outbox (lane, job, plain, sealed, since, due)
             SELECT id, ?3, ?4, ?5, ?6, ?7 FROM lane WHERE owner = ?1 AND name = ?2",
            params![owner, new.lane.name, new.id.as_str(), plain, sealed, now.0, due],
        )?;
        Ok(())
    }

    /// Whether an equal job is in the lane. A sealed one looks different each time, so those are opened.
    fn is_waiting(&self, owner: &str, new: &NewJob, json: &str) -> Result<bool, Fault> {
        if !new.job.is_confidential() {
            return self.finds(EQUAL, (owner, &new.lane.name, json));
        }
        let jobs = self.all(SEALED, (owner, &new.lane.name), |row| self.read_job(owner, row))?;
        Ok(jobs.contains(&new.job))
    }

    /// Reads job id, plain and sealed from the first three columns.
    fn read_job(&self, owner: &str, row: &Row<'_>) -> Result<Job, Fault> {
        let id: String = row.get(0)?;
        match (row.get::<_, Option<String>>(1)?, row.get::<_, Option<Vec<u8>>>(2)?) {
            (None, Some(sealed)) => self.open_json(place("outbox", owner, &id), &sealed),
            (plain, _) => serde_json::from_str(&plain.unwrap_or_default())
                .map_err(|source| Fault::corrupt("outbox", id, "plain", source)),
        }
    }

    // === leasing ===

    pub(crate) fn lease(
        &self,
        memory: &mut Memory,
        limit: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, Fault> {
        let mut lanes = Vec::new();
        for Due { id, lane } in self.due_lanes(memory, limit, now)? {
            let jobs = self.first_jobs(id, &lane, now)?;
            if !jobs.is_empty() {
                let epoch = memory.take(&lane, until);
                lanes.push(LaneLease { lane, epoch, until, jobs });
            }
        }
        Ok(Leased { next_due: self.next_due(memory, now)?, lanes })
    }

    fn due_lanes(&self, memory: &Memory, limit: usize, now: Timestamp) -> Result<Vec<Due>, Fault> {
        let mut statement = self.conn.prepare_cached(DUE)?;
        let mut rows = statement.query([now.0])?;
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(row) = rows.next()?
        {
            let (id, lane) = (row.get(0)?, read_lane("lane", row.get(0)?, row.get(1)?, row.get(2)?)?);
            if memory.is_free(&lane, now) {
                due.push(Due { id, lane });
            }
        }
        Ok(due)
    }

    /// When the earliest free lane falls due that is not due yet.
    fn next_due(&self, memory: &Memory, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let mut statement = self.conn.prepare_cached(NEXT_DUE)?;
        let mut rows = statement.query([now.0])?;
        while let Some(row) = rows.next()? {
            if memory.is_free(&read_lane("lane", row.get(0)?, row.get(1)?, row.get(2)?)?, now) {
                return Ok(Some(Timestamp(row.get(3)?)));
            }
        }
        Ok(None)
    }

    /// The lane's first jobs that are due and can be read. If the very first cannot, the lane is left alone for a while.
    fn first_jobs(&self, id: i64, lane: &Lane, now: Timestamp) -> Result<Vec<Queued>, Fault> {
        let owner = lane.owner.to_string();
        let read = |row: &Row<'_>| {
            let due: i64 = row.get(6)?;
            Ok((due <= now.0).then(|| self.read_queued(&owner, row)))
        };
        let found = self.all(FIRST_JOBS, (id, JOBS_A_LEASE), read)?;
        let mut jobs = Vec::new();
        for queued in found.into_iter().map_while(|due| due) {
            match queued {
                Ok(queued) => jobs.push(queued),
                Err(Fault::Corrupt { at, source }) => {
                    if jobs.is_empty() {
                        self.put_aside(id, &at, &source, now)?;
                    }
                    break;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(jobs)
    }

    fn read_queued(&self, owner: &str, row: &Row<'_>) -> Result<Queued, Fault> {
        Ok(Queued {
            id: JobId::new(row.get::<_, String>(0)?),
            job: self.read_job(owner, row)?,
            attempts: row.get(3)?,
            unknown: row.get(4)?,
            since: Timestamp(row.get(5)?),
        })
    }

    fn put_aside(&self, lane: i64, at: &str, source: &BoxError, now: Timestamp) -> Result<(), Fault> {
        tracing::error!(at, error = %source, "a queued job cannot be read; its lane waits an hour, the others go on");
        self.change("UPDATE lane SET due = ?2 WHERE id = ?1", (lane, (now + UNREADABLE_PAUSE).0)).map(drop)
    }

    // === settling ===

    /// Ends the first job of `lane`, which must be `job`. The caller has checked the lease.
    pub(crate) fn settle(
        &self,
        memory: &mut Memory,
        lane: &Lane,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let head = self.head(lane, job)?;
        match outcome {
            Outcome::Retry { at } => {
                self.change("UPDATE outbox SET attempts = attempts + 1, due = ?2 WHERE seq = ?1", (head.seq, at.0))?;
                self.refresh(head.lane)
            }
            Outcome::Unknown { at } => {
                self.change("UPDATE outbox SET unknown = 1, due = ?2 WHERE seq = ?1", (head.seq, at.0))?;
                self.refresh(head.lane)
            }
            Outcome::Throttled { until } => self.pause(lane, *until),
            Outcome::Done(decision) => {
                self.take_off(&head)?;
                self.apply(memory, decision, now)
            }
            Outcome::Dead { why, then } => {
                self.bury(lane, &head, why, now)?;
                self.take_off(&head)?;
                self.apply(memory, then, now)
            }
            Outcome::Suppressed { .. } => self.take_off(&head),
        }
    }

    /// The lane's first job, if it is `job`: any other was settled before, or purged.
    fn head(&self, lane: &Lane, job: &JobId) -> Result<Head, Fault> {
        let first = self.first(HEAD, (lane.owner.to_string(), &lane.name), |row| {
            Ok((Head { lane: row.get(0)?, seq: row.get(1)? }, row.get::<_, String>(2)?))
        })?;
        first.filter(|(_, first)| first == job.as_str()).map(|(head, _)| head).ok_or(Fault::Fenced)
    }

    /// The lane falls due with its first job, and not before its owner's pause has ended.
    fn refresh(&self, lane: i64) -> Result<(), Fault> {
        self.change(
            "UPDATE lane SET due = max(
                 (SELECT due FROM outbox WHERE lane = ?1 ORDER BY seq LIMIT 1),
                 coalesce((SELECT until FROM pause WHERE owner = lane.owner), 0))
             WHERE id = ?1",
            [lane],
        )
        .map(drop)
    }

    /// Lets all lanes of the lane's owner wait, also those that are not there yet.
    fn pause(&self, lane: &Lane, until: Timestamp) -> Result<(), Fault> {
        let owner = lane.owner.to_string();
        self.change(
            "INSERT INTO pause (owner, until) VALUES (?1, ?2)
             ON CONFLICT (owner) DO UPDATE SET until = max(until, excluded.until)",
            (&owner, until.0),
        )?;
        self.change("UPDATE lane SET due = max(due, ?2) WHERE owner = ?1", (&owner, until.0)).map(drop)
    }

    fn take_off(&self, head: &Head) -> Result<(), Fault> {
        self.change("DELETE FROM outbox WHERE seq = ?1", [head.seq])?;
        let emptied = "DELETE FROM lane WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE lane = ?1)";
        if self.change(emptied, [head.lane])? == 0 { self.refresh(head.lane) } else { Ok(()) }
    }

    // === what was given up ===

    fn bury(&self, lane: &Lane, head: &Head, why: &str, now: Timestamp) -> Result<(), Fault> {
        let owner = lane.owner.to_string();
        let queued = self.first(
            "SELECT job, plain, sealed, attempts, unknown, since FROM outbox WHERE seq = ?1",
            [head.seq],
            |row| self.read_queued(&owner, row),
        )?;
        let Queued { id, job, attempts, since, .. } = queued.ok_or(Fault::Fenced)?;
        let sealed = self.seal_json(place("dead", &owner, id.as_str()), &job)?;
        self.change(
            "INSERT OR REPLACE INTO dead (job, owner, lane, sealed, attempts, since, at, why)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![id.as_str(), owner, lane.name, sealed, attempts, since.0, now.0, why],
        )?;
        Ok(())
    }

    pub(crate) fn dead_letters(&self) -> Result<Vec<DeadLetter>, Fault> {
        let sql = "SELECT seq, owner, lane, job, sealed, attempts, since, at, why FROM dead ORDER BY seq";
        self.all(sql, [], |row| {
            let (owner, id): (String, String) = (row.get(1)?, row.get(3)?);
            let sealed: Vec<u8> = row.get(4)?;
            Ok(DeadLetter {
                job: self.open_json(place("dead", &owner, &id), &sealed)?,
                id: JobId::new(id),
                lane: read_lane("dead", row.get(0)?, owner, row.get(2)?)?,
                why: row.get(8)?,
                attempts: row.get(5)?,
                since: Timestamp(row.get(6)?),
                at: Timestamp(row.get(7)?),
            })
        })
    }
}

fn read_lane(table: &str, row: i64, text: String, name: String) -> Result<Lane, Fault> {
    let owner = owner(&text).ok_or_else(|| Fault::corrupt(table, row, "owner", format!("{text:?} is no owner")))?;
    Ok(Lane { owner, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [EQUAL, SEALED, DUE, NEXT_DUE, FIRST_JOBS, HEAD] {
            db.assert_indexed(sql);
        }
    }
}
