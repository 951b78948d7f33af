//! Queueing, leasing and settling.

use std::time::Duration;

use rusqlite::{Row, params};
use zentry_domain::ports::{ASKING, BoxError, LaneLease, Leased};
use zentry_domain::{
    AccountId, ChannelId, Job, JobId, Lane, NewJob, OrgSlug, Outcome, ProjectId, Queued, Suppression, Timestamp,
};

use crate::db::Db;
use crate::error::Fault;
use crate::lease::Memory;
use crate::row::{place, read_lane, to_json};

/// Jobs of one lease at most, so that a long lane does not hold its worker.
const JOBS_A_LEASE: u32 = 20;
/// How long a lane is left alone whose first job cannot be read: the others must go on.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(3600);

const EQUAL: &str = "SELECT lane.id, seq FROM outbox JOIN lane ON lane.id = outbox.lane
    WHERE lane.owner = ?1 AND lane.name = ?2 AND plain = ?3 ORDER BY seq LIMIT 1";
const SEALED: &str = "SELECT job, plain, sealed, lane.id, seq FROM outbox JOIN lane ON lane.id = outbox.lane
    WHERE lane.owner = ?1 AND lane.name = ?2 AND sealed IS NOT NULL ORDER BY seq";
const WAITS: &str = "SELECT 1 FROM outbox WHERE job = ?1";
const DUE_MESSAGES: &str = "SELECT id, owner, name FROM lane WHERE due <= ?1 AND owner GLOB 'zoom:*' ORDER BY due, id";
const DUE_QUESTIONS: &str =
    "SELECT id, owner, name FROM lane WHERE due <= ?1 AND owner GLOB 'sentry:*' ORDER BY due, id";
const NEXT_DUE: &str = "SELECT id, owner, name, due FROM lane WHERE due > ?1 ORDER BY due";
const FIRST_JOBS: &str =
    "SELECT job, plain, sealed, attempts, unknown, since, due FROM outbox WHERE lane = ?1 ORDER BY seq LIMIT ?2";
const OF_NAME: &str = "SELECT lane.id, seq, counted FROM outbox JOIN lane ON lane.id = outbox.lane
    WHERE job = ?1 AND lane.owner = ?2 AND lane.name = ?3";
const OF_SEQ: &str = "SELECT job, plain, sealed, attempts, unknown, since FROM outbox WHERE seq = ?1";
/// Lanes of messages alone are held up by their owner's throttle: see [`Lane::is_of_messages`].
const REFRESH: &str = "UPDATE lane SET due = max(
        (SELECT due FROM outbox WHERE lane = ?1 ORDER BY seq LIMIT 1),
        coalesce((SELECT until FROM throttle WHERE owner = lane.owner
            AND (name GLOB 'cards/*' OR name GLOB 'roundups/*' OR name GLOB 'mutes/*' OR name GLOB 'answers/*')), 0))
    WHERE id = ?1";
const HOLD_UP: &str = "UPDATE lane SET due = max(due, ?2) WHERE owner = ?1
    AND (name GLOB 'cards/*' OR name GLOB 'roundups/*' OR name GLOB 'mutes/*' OR name GLOB 'answers/*')";
const LANE: &str = "SELECT id FROM lane WHERE owner = ?1 AND name = ?2";
const FORSAKE: &str = "DELETE FROM outbox WHERE lane = ?1 AND json_extract(plain, '$.job') = 'show'
    AND json_extract(plain, '$.card') IN (SELECT handle FROM card WHERE account = ?2 AND channel = ?3
        AND message IS NULL AND json_extract(body, '$.project.org') = ?4) RETURNING counted";
const CONNECTED: &str = "SELECT project FROM subscription WHERE account = ?1 AND channel = ?2 AND org = ?3";
const OF_LANE: &str = "SELECT job, plain, sealed, seq FROM outbox WHERE lane = ?1 ORDER BY seq";
const CLEAR: &str = "DELETE FROM outbox WHERE lane = (SELECT id FROM lane WHERE owner = ?1 AND name = ?2)
    RETURNING counted";

/// A lane that is due.
struct Due {
    id: i64,
    lane: Lane,
}

/// A job of a lane that is being settled.
pub(crate) struct Ending {
    lane: i64,
    seq: i64,
    pub(crate) counted: bool,
}

impl Db {
    // === queueing ===

    /// Puts `new` at the end of its lane, unless an equal job waits there and it is content with that.
    pub(crate) fn enqueue(&self, new: &NewJob, now: Timestamp) -> Result<(), Fault> {
        self.accepted(u64::from(new.counted))?;
        if new.unless_waiting && self.brings_forward(new, now)? {
            return self.suppressed(Suppression::Merged, u64::from(new.counted));
        }
        self.put_last(new, now)
    }

    pub(crate) fn put_last(&self, new: &NewJob, now: Timestamp) -> Result<(), Fault> {
        let owner = new.lane.owner.to_string();
        let json = to_json(&new.job)?;
        let due = new.due.unwrap_or(now).0;
        // A lane that is there already falls due with its first job, which is another one.
        self.change(
            "INSERT INTO lane (owner, name, due)
             VALUES (?1, ?2, max(?3, coalesce((SELECT until FROM throttle WHERE owner = ?1 AND ?4), ?3)))
             ON CONFLICT DO NOTHING",
            (&owner, &new.lane.name, due, new.lane.is_of_messages()),
        )?;
        let sealed = |db: &Self| db.keys.seal(place("outbox", &owner, new.id.as_str()), json.as_bytes());
        let (plain, sealed) = if new.job.is_confidential() { (None, Some(sealed(self))) } else { (Some(&json), None) };
        self.change(
            "INSERT INTO outbox (lane, job, plain, sealed, since, due, counted)
             SELECT id, ?3, ?4, ?5, ?6, ?7, ?8 FROM lane WHERE owner = ?1 AND name = ?2",
            params![owner, new.lane.name, new.id.as_str(), plain, sealed, now.0, due, new.counted],
        )?;
        Ok(())
    }

    /// Whether an equal job is in the lane. It then falls due with the earlier of both.
    fn brings_forward(&self, new: &NewJob, now: Timestamp) -> Result<bool, Fault> {
        let Some((lane, seq)) = self.equal(new)? else { return Ok(false) };
        let due = new.due.unwrap_or(now).0;
        // A job that has failed waits for a reason: another wish for it does not shorten that.
        let sql = "UPDATE outbox SET due = ?2 WHERE seq = ?1 AND due > ?2 AND attempts = 0 AND unknown = 0";
        if self.change(sql, (seq, due))? > 0 {
            self.refresh(lane)?;
        }
        Ok(true)
    }

    /// Lane and place of the job that is equal. A sealed one looks different each time, so those are opened.
    fn equal(&self, new: &NewJob) -> Result<Option<(i64, i64)>, Fault> {
        let (owner, name) = (new.lane.owner.to_string(), &new.lane.name);
        if !new.job.is_confidential() {
            return self.first(EQUAL, (owner, name, to_json(&new.job)?), |row| Ok((row.get(0)?, row.get(1)?)));
        }
        let read = |row: &Row<'_>| Ok((self.read_job(&owner, row)?, (row.get(3)?, row.get(4)?)));
        let jobs = self.all(SEALED, (&owner, name), read)?;
        Ok(jobs.into_iter().find(|(job, _)| *job == new.job).map(|(_, place)| place))
    }

    pub(crate) fn waits(&self, job: &JobId) -> Result<bool, Fault> {
        self.finds(WAITS, [job.as_str()])
    }

    pub(crate) fn clear_lane(&self, lane: &Lane) -> Result<(), Fault> {
        let key = (lane.owner.to_string(), &lane.name);
        self.remove_as(Suppression::Disconnected, CLEAR, (&key.0, key.1))?;
        self.change("DELETE FROM lane WHERE owner = ?1 AND name = ?2", key).map(drop)
    }

    pub(crate) fn forsake(&self, account: &AccountId, channel: &ChannelId, org: &OrgSlug) -> Result<(), Fault> {
        let lane = Lane::cards(account, channel);
        let owner = lane.owner.to_string();
        if let Some(id) = self.first(LANE, (&owner, &lane.name), |row| Ok(row.get::<_, i64>(0)?))? {
            let of_org = (id, account.as_str(), channel.key(), org.as_str());
            self.remove_as(Suppression::Deauthorized, FORSAKE, of_org)?;
            self.tidy(id)?;
        }
        let of_org = (account.as_str(), channel.key(), org.as_str());
        let projects = self.all(CONNECTED, of_org, |row| Ok(ProjectId::new(row.get::<_, String>(0)?)))?;
        projects.iter().try_for_each(|project| self.forsake_asked(account, channel, &Lane::sift(project)))
    }

    /// What of a channel waits in `lane` for Sentry to be asked is not asked about.
    fn forsake_asked(&self, account: &AccountId, channel: &ChannelId, lane: &Lane) -> Result<(), Fault> {
        let owner = lane.owner.to_string();
        let Some(id) = self.first(LANE, (&owner, &lane.name), |row| Ok(row.get::<_, i64>(0)?))? else { return Ok(()) };
        let waiting = self.all(OF_LANE, [id], |row| Ok((self.read_job(&owner, row)?, row.get::<_, i64>(3)?)))?;
        for (job, seq) in waiting {
            let Job::Sift { project, issue, cards } = job else { continue };
            let asked = cards.len();
            let mut left = Vec::new();
            for candidate in cards {
                let card = if candidate.account == *account { self.card(account, &candidate.card)? } else { None };
                let is_there = card.is_some_and(|card| card.content.place.channel == *channel);
                if candidate.seen.is_some() || !is_there {
                    left.push(candidate);
                }
            }
            self.suppressed_at_once(Suppression::Deauthorized, (asked - left.len()) as u64)?;
            if left.is_empty() {
                self.change("DELETE FROM outbox WHERE seq = ?1", [seq])?;
            } else {
                let job = to_json(&Job::Sift { project, issue, cards: left })?;
                self.change("UPDATE outbox SET plain = ?2 WHERE seq = ?1", (seq, job))?;
            }
        }
        self.tidy(id)
    }

    pub(crate) fn try_now(&self, account: &AccountId, channel: &ChannelId, now: Timestamp) -> Result<(), Fault> {
        for lane in Lane::of_channel(account, channel) {
            let key = (lane.owner.to_string(), &lane.name);
            let Some(id) = self.first(LANE, (&key.0, key.1), |row| Ok(row.get::<_, i64>(0)?))? else { continue };
            self.change("UPDATE outbox SET due = min(due, ?2) WHERE lane = ?1 AND attempts > 0", (id, now.0))?;
            self.refresh(id)?;
        }
        Ok(())
    }

    /// Reads job id, plain and sealed from the first three columns.
    pub(crate) fn read_job(&self, owner: &str, row: &Row<'_>) -> Result<Job, Fault> {
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
        memory.may_lease()?;
        let mut lanes = Vec::new();
        let questions = limit.min(ASKING.saturating_sub(memory.asking(now)));
        let mut due = self.due_lanes(memory, DUE_QUESTIONS, questions, now)?;
        due.extend(self.due_lanes(memory, DUE_MESSAGES, limit - due.len(), now)?);
        for Due { id, lane } in due {
            let jobs = self.first_jobs(id, &lane, now)?;
            if !jobs.is_empty() {
                let epoch = memory.take(&lane, until);
                lanes.push(LaneLease { lane, epoch, until, jobs });
            }
        }
        Ok(Leased { next_due: self.next_due(memory, now)?, lanes })
    }

    fn due_lanes(&self, memory: &Memory, which: &str, limit: usize, now: Timestamp) -> Result<Vec<Due>, Fault> {
        let mut statement = self.conn.prepare_cached(which)?;
        let mut rows = statement.query([now.0])?;
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(row) = rows.next()?
        {
            let (id, lane) = (row.get(0)?, read_lane("lane", row.get(0)?, &row.get::<_, String>(1)?, row.get(2)?)?);
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
            if memory.is_free(&read_lane("lane", row.get(0)?, &row.get::<_, String>(1)?, row.get(2)?)?, now) {
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

    /// Ends `job` of `lane`. The caller has checked the lease.
    pub(crate) fn settle(
        &self,
        memory: &mut Memory,
        lane: &Lane,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let ending = self.ending(lane, job)?;
        let counted = u64::from(ending.counted);
        match outcome {
            Outcome::Retry { at } => {
                self.change("UPDATE outbox SET attempts = attempts + 1, due = ?2 WHERE seq = ?1", (ending.seq, at.0))?;
                self.refresh(ending.lane)
            }
            Outcome::Unknown { at } => {
                self.change("UPDATE outbox SET unknown = 1, due = ?2 WHERE seq = ?1", (ending.seq, at.0))?;
                self.refresh(ending.lane)
            }
            Outcome::Throttled { until } => self.throttle(lane, *until),
            Outcome::Done(then) => {
                self.take_off(&ending)?;
                self.delivered(counted)?;
                self.apply(memory, then, now)
            }
            Outcome::Dead { why, then } => {
                self.bury(lane, &ending, why, now)?;
                self.take_off(&ending)?;
                self.apply(memory, then, now)
            }
            Outcome::Suppressed { reason, then } => {
                self.take_off(&ending)?;
                self.suppressed(*reason, counted)?;
                self.apply(memory, then, now)
            }
        }
    }

    /// `job`, if it is still in `lane`: it was settled before, or the lane was cleared.
    fn ending(&self, lane: &Lane, job: &JobId) -> Result<Ending, Fault> {
        let found = self.first(OF_NAME, (job.as_str(), lane.owner.to_string(), &lane.name), |row| {
            Ok(Ending { lane: row.get(0)?, seq: row.get(1)?, counted: row.get(2)? })
        })?;
        found.ok_or(Fault::Fenced)
    }

    /// The whole of a job that is being settled.
    pub(crate) fn queued(&self, lane: &Lane, ending: &Ending) -> Result<Queued, Fault> {
        let owner = lane.owner.to_string();
        self.first(OF_SEQ, [ending.seq], |row| self.read_queued(&owner, row))?.ok_or(Fault::Fenced)
    }

    /// The lane falls due with its first job, and not before its owner's throttle has ended.
    fn refresh(&self, lane: i64) -> Result<(), Fault> {
        self.change(REFRESH, [lane]).map(drop)
    }

    /// Lets all lanes of messages of the lane's owner wait, also those that are not there yet.
    fn throttle(&self, lane: &Lane, until: Timestamp) -> Result<(), Fault> {
        let owner = lane.owner.to_string();
        self.change(
            "INSERT INTO throttle (owner, until) VALUES (?1, ?2)
             ON CONFLICT (owner) DO UPDATE SET until = max(until, excluded.until)",
            (&owner, until.0),
        )?;
        self.change(HOLD_UP, (&owner, until.0)).map(drop)
    }

    pub(crate) fn clock_set_back(&self, by: Duration, now: Timestamp) -> Result<(), Fault> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        for sql in [
            "UPDATE outbox SET due = due - ?1 WHERE due > ?2",
            "UPDATE lane SET due = due - ?1 WHERE due > ?2",
            "UPDATE throttle SET until = until - ?1 WHERE until > ?2",
            "UPDATE card SET opened = opened - ?1 WHERE opened > ?2",
            "UPDATE roundup SET began = began - ?1 WHERE began > ?2",
            "UPDATE roundup SET ended = ended - ?1 WHERE ended > ?2",
            // The end of a mute.
            "UPDATE subscription SET body = json_set(body, '$.mute.until', body ->> '$.mute.until' - ?1)
             WHERE body ->> '$.mute.until' > ?2",
            "UPDATE heard SET at = at - ?1 WHERE at > ?2",
            "UPDATE sighting SET at = at - ?1 WHERE at > ?2",
            "UPDATE unfurled SET at = at - ?1 WHERE at > ?2",
            "UPDATE pulse SET last = last - ?1 WHERE last > ?2",
            "UPDATE pulse SET reconciled = reconciled - ?1 WHERE reconciled > ?2",
        ] {
            self.change(sql, (by, now.0))?;
        }
        Ok(())
    }

    fn take_off(&self, ending: &Ending) -> Result<(), Fault> {
        self.change("DELETE FROM outbox WHERE seq = ?1", [ending.seq])?;
        self.tidy(ending.lane)
    }

    /// A lane without jobs goes; any other falls due with its first.
    fn tidy(&self, lane: i64) -> Result<(), Fault> {
        let emptied = "DELETE FROM lane WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE lane = ?1)";
        if self.change(emptied, [lane])? == 0 { self.refresh(lane) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [
            EQUAL,
            SEALED,
            WAITS,
            DUE_MESSAGES,
            DUE_QUESTIONS,
            NEXT_DUE,
            FIRST_JOBS,
            OF_NAME,
            OF_SEQ,
            REFRESH,
            LANE,
            FORSAKE,
            CONNECTED,
            OF_LANE,
            CLEAR,
        ] {
            db.assert_indexed(sql);
        }
    }
}
