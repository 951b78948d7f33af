//! Hooks of ours in projects at Sentry.

use rusqlite::{Params, Row, params};
use zentry_domain::{AccountId, Digest, Hook, HookId, HookKind, NewJob, Revision, Timestamp, UserId};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, revision, to_json};

pub(crate) const OF_TOKEN: &str = "WHERE token = ?1";
pub(crate) const LIVE: &str = "WHERE ended IS NULL ORDER BY token";
pub(crate) const OLD: &str = "DELETE FROM hook WHERE ended < ?1";
pub(crate) const FORGET_MAKER: &str = "UPDATE hook SET maker = NULL, maker_user = NULL WHERE maker = ?1";
const HOOK: &str = "SELECT token, id, kind, body, maker, maker_user, ended, stranded FROM hook";

impl Db {
    pub(crate) fn put_hook(&self, hook: &Hook) -> Result<(), Fault> {
        let (account, user) = hook.by.as_ref().map(|(account, user)| (account.as_str(), user.as_str())).unzip();
        let ended = hook.ended.map(|at| at.0);
        self.change(
            "INSERT OR REPLACE INTO hook (token, id, kind, body, maker, maker_user, ended, stranded)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                hook.token.0,
                hook.id.as_str(),
                hook.kind.word(),
                to_json(&hook.project)?,
                account,
                user,
                ended,
                hook.is_stranded
            ],
        )
        .map(drop)
    }

    pub(crate) fn end_hook(&self, token: &Digest, at: Timestamp, is_stranded: bool) -> Result<(), Fault> {
        let sql = "UPDATE hook SET ended = ?2, stranded = ?3 WHERE token = ?1";
        self.change(sql, (&token.0, at.0, is_stranded)).map(drop)
    }

    pub(crate) fn wish_for_hooks(&self) -> Result<(), Fault> {
        self.change(
            "INSERT INTO meta (name, value) VALUES ('hook_wishes', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
            [],
        )
        .map(drop)
    }

    pub(crate) fn hook_wishes(&self) -> Result<Revision, Fault> {
        let wishes = self.first("SELECT value FROM meta WHERE name = 'hook_wishes'", [], |row| Ok(row.get(0)?))?;
        Ok(wishes.map(revision).unwrap_or_default())
    }

    pub(crate) fn tend_if_behind(&self, seen: Revision, again: &NewJob, now: Timestamp) -> Result<(), Fault> {
        if self.hook_wishes()? == seen { Ok(()) } else { self.enqueue(again, now) }
    }

    pub(crate) fn hooks(&self, which: &str, params: impl Params) -> Result<Vec<Hook>, Fault> {
        self.all(&format!("{HOOK} {which}"), params, read)
    }
}

fn read(row: &Row<'_>) -> Result<Hook, Fault> {
    let (id, kind): (String, String) = (row.get(1)?, row.get(2)?);
    let kind = HookKind::named(&kind)
        .ok_or_else(|| Fault::corrupt("hook", &id, "kind", format!("no kind is called {kind:?}")))?;
    let project = from_json("hook", &id, &row.get::<_, String>(3)?)?;
    let by: (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    Ok(Hook {
        id: HookId::new(id),
        token: Digest(row.get(0)?),
        kind,
        project,
        by: by.0.zip(by.1).map(|(account, user)| (AccountId::new(account), UserId::new(user))),
        ended: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        is_stranded: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        db.assert_indexed(&format!("{HOOK} {OF_TOKEN}"));
        for sql in [OLD, FORGET_MAKER] {
            db.assert_indexed(sql);
        }
    }
}
