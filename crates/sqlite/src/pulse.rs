//! What was lately heard, and from whom.

use std::time::Duration;

use rusqlite::Row;
use zentry_domain::{CLOSE_TOGETHER, IssueId, NewJob, OrgSlug, Pulse, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::row::count;

pub(crate) const HEARD: &str = "SELECT at FROM heard WHERE issue = ?1";
const PULSE: &str = "SELECT org, last, usual, reconciled, told FROM pulse WHERE org = ?1";
const PULSES: &str = "SELECT org, last, usual, reconciled, told FROM pulse ORDER BY last DESC LIMIT ?1";

impl Db {
    pub(crate) fn heard(
        &self,
        org: &OrgSlug,
        issue: &IssueId,
        again: Option<&NewJob>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let pulse = self.pulse(org)?.unwrap_or_else(|| Pulse::silent(org.clone())).beat(now);
        self.put_pulse(&pulse)?;
        let before = self.first(HEARD, [issue.as_str()], |row| Ok(Timestamp(row.get(0)?)))?;
        let sql = "INSERT INTO heard (issue, at) VALUES (?1, ?2) ON CONFLICT (issue) DO UPDATE SET at = excluded.at";
        self.change(sql, (issue.as_str(), now.0))?;
        let is_close = before.is_some_and(|at| now.since(at) < CLOSE_TOGETHER);
        again.filter(|_| is_close).map_or(Ok(()), |again| self.enqueue(again, now))
    }

    pub(crate) fn reconciled(&self, org: &OrgSlug, until: Timestamp, told: bool) -> Result<(), Fault> {
        let pulse = self.pulse(org)?.unwrap_or_else(|| Pulse::silent(org.clone()));
        self.put_pulse(&Pulse { reconciled: pulse.reconciled.max(Some(until)), told, ..pulse })
    }

    pub(crate) fn pulse(&self, org: &OrgSlug) -> Result<Option<Pulse>, Fault> {
        self.first(PULSE, [org.as_str()], read_pulse)
    }

    pub(crate) fn pulses(&self, limit: usize) -> Result<Vec<Pulse>, Fault> {
        self.all(PULSES, [i64::try_from(limit).unwrap_or(i64::MAX)], read_pulse)
    }

    fn put_pulse(&self, pulse: &Pulse) -> Result<(), Fault> {
        let usual = pulse.usual.map(|usual| i64::try_from(usual.as_millis()).unwrap_or(i64::MAX));
        self.change(
            "INSERT INTO pulse (org, last, usual, reconciled, told) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (org) DO UPDATE SET last = excluded.last, usual = excluded.usual,
             reconciled = excluded.reconciled, told = excluded.told",
            (pulse.org.as_str(), pulse.last.map(|at| at.0), usual, pulse.reconciled.map(|at| at.0), pulse.told),
        )
        .map(drop)
    }
}

fn read_pulse(row: &Row<'_>) -> Result<Pulse, Fault> {
    Ok(Pulse {
        org: OrgSlug::new(row.get::<_, String>(0)?),
        last: row.get::<_, Option<i64>>(1)?.map(Timestamp),
        usual: row.get::<_, Option<i64>>(2)?.map(|ms| Duration::from_millis(count(ms))),
        reconciled: row.get::<_, Option<i64>>(3)?.map(Timestamp),
        told: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [HEARD, PULSE] {
            db.assert_indexed(sql);
        }
    }
}
