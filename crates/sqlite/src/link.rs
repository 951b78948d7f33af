//! Attempts to link: written and read. What is in the browser only, the code, is sealed here, and with it who signed in
//! and the grant.

use rusqlite::{Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zentry_domain::{
    AccountId, CredentialId, Digest, Identity, Link, Pending, Person, Place, Revision, Secret, Stage, Timestamp,
};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, owner_of, place, revision, stored, to_json};

/// What [`Db::read_link`] reads.
pub(crate) const LINK: &str =
    "SELECT id, key, account, expires, revision, stage, state, cookie, sealed, body, offered, again FROM link";

#[derive(Serialize)]
struct BodyRef<'a> {
    person: &'a Person,
    place: &'a Place,
    then: &'a Pending,
}

#[derive(Deserialize)]
struct Body {
    person: Person,
    place: Place,
    then: Pending,
}

/// What an attempt that awaits its code holds.
#[derive(Serialize, Deserialize)]
struct Awaited {
    code: String,
    tries_left: u8,
    identity: Identity,
    credential: CredentialId,
}

impl Db {
    /// A new attempt is revision 1; every later one finds the row at the revision before.
    pub(crate) fn put_link(&self, link: &Link) -> Result<(), Fault> {
        let Link { id, person, place, then, expires, stage, offered, again, revision } = link;
        let (state, cookie) = match stage {
            Stage::AtSentry { state, cookie } => (Some(state.0), Some(cookie.0)),
            _ => (None, None),
        };
        let row = params![
            id.0,
            person.account.as_str(),
            person.user.as_str(),
            expires.0,
            stored(revision.0),
            word(stage),
            state,
            cookie,
            self.seal_held(link)?,
            to_json(&BodyRef { person, place, then })?,
            offered.0,
            again
        ];
        let changed = if *revision == Revision::default().next() {
            self.change(
                "INSERT INTO link
                 (key, account, user, expires, revision, stage, state, cookie, sealed, body, offered, again)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                row,
            )?
        } else {
            self.change(
                "UPDATE link SET account = ?2, user = ?3, expires = ?4, revision = ?5, stage = ?6, state = ?7,
                 cookie = ?8, sealed = ?9, body = ?10, offered = ?11, again = ?12 WHERE key = ?1 AND revision = ?5 - 1",
                row,
            )?
        };
        if changed == 1 { Ok(()) } else { Err(Fault::Conflict) }
    }

    fn seal_held(&self, link: &Link) -> Result<Option<Vec<u8>>, Fault> {
        let (owner, row) = (owner_of(&link.person.account), link.id.to_hex());
        let place = place("link", &owner, &row);
        match &link.stage {
            Stage::Exchanging { credential } => self.seal_json(place, credential).map(Some),
            Stage::AwaitingCode { code, tries_left, identity, credential } => {
                let awaited = Awaited {
                    code: code.expose().into(),
                    tries_left: *tries_left,
                    identity: identity.clone(),
                    credential: credential.clone(),
                };
                self.seal_json(place, &awaited).map(Some)
            }
            Stage::Offered | Stage::AtSentry { .. } | Stage::Ended => Ok(None),
        }
    }

    /// Reads a row of [`LINK`].
    pub(crate) fn read_link(&self, row: &Row<'_>) -> Result<Link, Fault> {
        let n: i64 = row.get(0)?;
        let id = Digest(row.get(1)?);
        let body: Body = from_json("link", n, &row.get::<_, String>(9)?)?;
        Ok(Link {
            id,
            person: body.person,
            place: body.place,
            then: body.then,
            expires: Timestamp(row.get(3)?),
            stage: self.read_stage(n, id, row)?,
            offered: Timestamp(row.get(10)?),
            again: row.get(11)?,
            revision: revision(row.get(4)?),
        })
    }

    fn read_stage(&self, n: i64, id: Digest, row: &Row<'_>) -> Result<Stage, Fault> {
        let stage: String = row.get(5)?;
        Ok(match stage.as_str() {
            "offered" => Stage::Offered,
            "at_sentry" => Stage::AtSentry { state: Digest(row.get(6)?), cookie: Digest(row.get(7)?) },
            "exchanging" => Stage::Exchanging { credential: self.open_held(id, row)? },
            "awaiting_code" => {
                let Awaited { code, tries_left, identity, credential } = self.open_held(id, row)?;
                Stage::AwaitingCode { code: Secret::new(code), tries_left, identity, credential }
            }
            "ended" => Stage::Ended,
            unknown => return Err(Fault::corrupt("link", n, "stage", format!("no stage is called {unknown:?}"))),
        })
    }

    fn open_held<T: DeserializeOwned>(&self, id: Digest, row: &Row<'_>) -> Result<T, Fault> {
        let owner = owner_of(&AccountId::new(row.get::<_, String>(2)?));
        let sealed: Vec<u8> = row.get(8)?;
        self.open_json(place("link", &owner, &id.to_hex()), &sealed)
    }
}

fn word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Offered => "offered",
        Stage::AtSentry { .. } => "at_sentry",
        Stage::Exchanging { .. } => "exchanging",
        Stage::AwaitingCode { .. } => "awaiting_code",
        Stage::Ended => "ended",
    }
}
