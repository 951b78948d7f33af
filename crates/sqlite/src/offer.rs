//! What the buttons of messages do that offer commands.

use zentry_domain::{AccountId, Handle, Offer, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, to_json};

const OFFER: &str = "SELECT expires, place, body FROM offer WHERE account = ?1 AND handle = ?2";

impl Db {
    pub(crate) fn put_offer(&self, offer: &Offer) -> Result<(), Fault> {
        let Offer { handle, place, expires, what } = offer;
        self.change(
            "INSERT INTO offer (account, handle, expires, place, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            (place.account.as_str(), handle.as_str(), expires.0, to_json(place)?, to_json(what)?),
        )
        .map(drop)
    }

    pub(crate) fn offer(&self, account: &AccountId, handle: &Handle) -> Result<Option<Offer>, Fault> {
        self.first(OFFER, (account.as_str(), handle.as_str()), |row| {
            Ok(Offer {
                handle: handle.clone(),
                place: from_json("offer", handle, &row.get::<_, String>(1)?)?,
                expires: Timestamp(row.get(0)?),
                what: from_json("offer", handle, &row.get::<_, String>(2)?)?,
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
        db.assert_indexed(OFFER);
    }
}
