//! What became of each thing that Sentry told, and who changed what.

use rusqlite::params;
use zentry_domain::{AccountId, AuditEntry, ChannelId, IssueId, IssueName, Timestamp, Trace};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, to_json};

const TRACES: &str = "SELECT id, issue, short, at, told, verdict FROM trace
    WHERE account = ?1 AND channel = ?2 AND issue = ?3 ORDER BY id DESC LIMIT ?4";
const OF_SHORT: &str = "SELECT issue FROM trace WHERE account = ?1 AND channel = ?2 AND short = ?3 LIMIT 1";

impl Db {
    pub(crate) fn put_trace(&self, trace: &Trace) -> Result<(), Fault> {
        self.change(
            "INSERT INTO trace (account, channel, issue, short, at, told, verdict) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                trace.account.as_str(),
                trace.channel.key(),
                trace.issue.as_str(),
                trace.short_id.as_ref().map(|short| short.to_uppercase()),
                trace.at.0,
                trace.told.as_ref().map(to_json).transpose()?,
                to_json(&trace.verdict)?
            ],
        )
        .map(drop)
    }

    pub(crate) fn traces(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueName,
        limit: i64,
    ) -> Result<Vec<Trace>, Fault> {
        let key = (account.as_str(), channel.key());
        let number = match issue {
            IssueName::Number(id) => Some(id.as_str().to_owned()),
            IssueName::Short(short) => {
                self.first(OF_SHORT, (key.0, &key.1, short.to_uppercase()), |row| Ok(row.get(0)?))?
            }
        };
        let Some(number) = number else { return Ok(Vec::new()) };
        self.all(TRACES, (key.0, &key.1, number, limit), |row| {
            let id: i64 = row.get(0)?;
            let told = row.get::<_, Option<String>>(4)?.map(|told| from_json("trace", id, &told)).transpose()?;
            Ok(Trace {
                account: account.clone(),
                channel: channel.clone(),
                issue: IssueId::new(row.get::<_, String>(1)?),
                short_id: row.get(2)?,
                at: Timestamp(row.get(3)?),
                told,
                verdict: from_json("trace", id, &row.get::<_, String>(5)?)?,
            })
        })
    }

    pub(crate) fn put_audit(&self, entry: &AuditEntry) -> Result<(), Fault> {
        let AuditEntry { account, at, actor, action, object, result } = entry;
        self.change(
            "INSERT INTO audit (account, at, actor, action, object, result) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (account.as_str(), at.0, actor, action, object, result),
        )
        .map(drop)
    }

    pub(crate) fn audit(&self) -> Result<Vec<AuditEntry>, Fault> {
        self.all("SELECT account, at, actor, action, object, result FROM audit ORDER BY id", [], |row| {
            Ok(AuditEntry {
                account: AccountId::new(row.get::<_, String>(0)?),
                at: Timestamp(row.get(1)?),
                actor: row.get(2)?,
                action: row.get(3)?,
                object: row.get(4)?,
                result: row.get(5)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [TRACES, OF_SHORT] {
            db.assert_indexed(sql);
        }
    }
}
