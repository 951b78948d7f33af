//! Attempts to link: written and read. What is in the browser only, the code, is sealed here, and with it who signed in.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use zentry_domain::{CredentialId, Digest, Identity, Link, Pending, Person, Place, Revision, Secret, Stage, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, owner_of, place, revision, stored, to_json};

/// What [`Db::read_link`] reads.
pub(crate) const LINK: &str =
    "SELECT id, key, account, expires, revision, stage, state, cookie, sealed, body FROM link";

#[derive(Serialize)]
struct BodyRef<'a> {
    person: &'a Person,
    place: &'a Place,
    then: &'a Pending,
    resent: &'a [Timestamp],
}

#[derive(Deserialize)]
struct Body {
    person: Person,
    place: Place,
    then: Pending,
    resent: Vec<Timestamp>,
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
        let Link { id, person, place, then, expires, stage, resent, revision } = link;
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
            self.seal_awaited(link)?,
            to_json(&BodyRef { person, place, then, resent })?
        ];
        let changed = if *revision == Revision::default().next() {
            self.change(
                "INSERT INTO link (key, account, user, expires, revision, stage, state, cookie, sealed, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                row,
            )?
        } else {
            self.change(
                "UPDATE link SET account = ?2, user = ?3, expires = ?4, revision = ?5, stage = ?6, state = ?7,
                 cookie = ?8, sealed = ?9, body = ?10 WHERE key = ?1 AND revision = ?5 - 1",
                row,
            )?
        };
        if changed == 1 { Ok(()) } else { Err(Fault::Conflict) }
    }

    fn seal_awaited(&self, link: &Link) -> Result<Option<Vec<u8>>, Fault> {
        let Stage::AwaitingCode { code, tries_left, identity, credential } = &link.stage else { return Ok(None) };
        let awaited = Awaited {
            code: code.expose().into(),
            tries_left: *tries_left,
            identity: identity.clone(),
            credential: credential.clone(),
        };
        let (owner, row) = (owner_of(&link.person.account), link.id.to_hex());
        self.seal_json(place("link", &owner, &row), &awaited).map(Some)
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
            resent: body.resent,
            revision: revision(row.get(4)?),
        })
    }

    fn read_stage(&self, n: i64, id: Digest, row: &Row<'_>) -> Result<Stage, Fault> {
        let stage: String = row.get(5)?;
        Ok(match stage.as_str() {
            "offered" => Stage::Offered,
            "at_sentry" => Stage::AtSentry { state: Digest(row.get(6)?), cookie: Digest(row.get(7)?) },
            "exchanging" => Stage::Exchanging,
            "awaiting_code" => {
                let owner = owner_of(&zentry_domain::AccountId::new(row.get::<_, String>(2)?));
                let sealed: Vec<u8> = row.get(8)?;
                let awaited: Awaited = self.open_json(place("link", &owner, &id.to_hex()), &sealed)?;
                let Awaited { code, tries_left, identity, credential } = awaited;
                Stage::AwaitingCode { code: Secret::new(code), tries_left, identity, credential }
            }
            "ended" => Stage::Ended,
            unknown => return Err(Fault::corrupt("link", n, "stage", format!("no stage is called {unknown:?}"))),
        })
    }
}

fn word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Offered => "offered",
        Stage::AtSentry { .. } => "at_sentry",
        Stage::Exchanging => "exchanging",
        Stage::AwaitingCode { .. } => "awaiting_code",
        Stage::Ended => "ended",
    }
}
