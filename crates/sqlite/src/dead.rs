//! What was given up.

use rusqlite::{Row, params};
use zentry_domain::{DeadLetter, Job, JobId, Lane, NewJob, Queued, Suppression, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::outbox::Ending;
use crate::row::{place, read_lane};

const LETTER: &str = "SELECT seq, owner, lane, job, sealed, attempts, since, at, why, counted FROM dead";
const OLDEST_FIRST: &str = "ORDER BY seq";
const OF_NAME: &str = "WHERE job = ?1";
const DROP: &str = "DELETE FROM dead WHERE job = ?1 RETURNING counted";

impl Db {
    /// Keeps a job that ends as a dead letter, in place of an earlier one of its name.
    pub(crate) fn bury(&self, lane: &Lane, ending: &Ending, why: &str, now: Timestamp) -> Result<(), Fault> {
        let Queued { id, job, attempts, since, .. } = self.queued(lane, ending)?;
        self.drop_dead(&id)?;
        let owner = lane.owner.to_string();
        let sealed = self.seal_json(place("dead", &owner, id.as_str()), &job)?;
        self.change(
            "INSERT INTO dead (job, owner, lane, sealed, attempts, since, at, why, counted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![id.as_str(), owner, lane.name, sealed, attempts, since.0, now.0, why, ending.counted],
        )?;
        Ok(())
    }

    /// Queues a dead letter anew. The ledger has accepted it long ago.
    pub(crate) fn replay(&self, job: &JobId, now: Timestamp) -> Result<(), Fault> {
        let found = self.first(&format!("{LETTER} {OF_NAME}"), [job.as_str()], |row| {
            Ok((self.read_letter(row)?, self.read_dead_job(row)?, row.get::<_, bool>(9)?))
        })?;
        let Some((DeadLetter { id, lane, .. }, job, counted)) = found else { return Ok(()) };
        if self.waits(&id)? {
            return Ok(());
        }
        self.change("DELETE FROM dead WHERE job = ?1", [id.as_str()])?;
        self.put_last(&NewJob { id, lane, job, due: None, unless_waiting: false, counted }, now)
    }

    pub(crate) fn drop_dead(&self, job: &JobId) -> Result<(), Fault> {
        self.remove_as(Suppression::Held, DROP, [job.as_str()])
    }

    pub(crate) fn dead_letters(&self) -> Result<Vec<DeadLetter>, Fault> {
        self.all(&format!("{LETTER} {OLDEST_FIRST}"), [], |row| self.read_letter(row))
    }

    pub(crate) fn dead_letter(&self, id: &JobId) -> Result<Option<DeadLetter>, Fault> {
        self.first(&format!("{LETTER} {OF_NAME}"), [id.as_str()], |row| self.read_letter(row))
    }

    /// Reads a row of [`LETTER`]. One that does not open any more is listed with the others, so that it can be dropped.
    fn read_letter(&self, row: &Row<'_>) -> Result<DeadLetter, Fault> {
        let (owner, id): (String, String) = (row.get(1)?, row.get(3)?);
        let job = match self.read_dead_job(row) {
            Err(Fault::Corrupt { at, source }) => {
                tracing::error!(at, error = %source, "a dead letter cannot be read; it can only be dropped");
                None
            }
            job => Some(job?),
        };
        Ok(DeadLetter {
            job,
            id: JobId::new(id),
            lane: read_lane("dead", row.get(0)?, &owner, row.get(2)?)?,
            why: row.get(8)?,
            attempts: row.get(5)?,
            since: Timestamp(row.get(6)?),
            at: Timestamp(row.get(7)?),
        })
    }

    fn read_dead_job(&self, row: &Row<'_>) -> Result<Job, Fault> {
        let (owner, id): (String, String) = (row.get(1)?, row.get(3)?);
        self.open_json(place("dead", &owner, &id), &row.get::<_, Vec<u8>>(4)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [&format!("{LETTER} {OF_NAME}"), DROP] {
            db.assert_indexed(sql);
        }
    }
}
