//! Changes that can be taken back.

use zentry_domain::{AccountId, Handle, Timestamp, Undo};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, to_json};

const UNDO: &str = "SELECT expires, place, body FROM undo WHERE account = ?1 AND handle = ?2";
const DROP: &str = "DELETE FROM undo WHERE account = ?1 AND handle = ?2";

impl Db {
    pub(crate) fn put_undo(&self, undo: &Undo) -> Result<(), Fault> {
        self.change(
            "INSERT INTO undo (account, handle, expires, place, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                undo.place.account.as_str(),
                undo.handle.as_str(),
                undo.expires.0,
                to_json(&undo.place)?,
                to_json(&undo.what)?,
            ),
        )
        .map(drop)
    }

    /// Conflicts where somebody else was faster.
    pub(crate) fn drop_undo(&self, account: &AccountId, undo: &Handle) -> Result<(), Fault> {
        match self.change(DROP, (account.as_str(), undo.as_str()))? {
            0 => Err(Fault::Conflict),
            _ => Ok(()),
        }
    }

    pub(crate) fn undo(&self, account: &AccountId, handle: &Handle) -> Result<Option<Undo>, Fault> {
        self.first(UNDO, (account.as_str(), handle.as_str()), |row| {
            Ok(Undo {
                handle: handle.clone(),
                place: from_json("undo", handle, &row.get::<_, String>(1)?)?,
                expires: Timestamp(row.get(0)?),
                what: from_json("undo", handle, &row.get::<_, String>(2)?)?,
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
        for sql in [UNDO, DROP] {
            db.assert_indexed(sql);
        }
    }
}
