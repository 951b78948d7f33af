//! Between rows and the domain's values.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zentry_domain::{AccountId, Lane, Owner, Revision};
use zentry_seal::Place;

use crate::db::Db;
use crate::error::Fault;

/// Where a sealed value lives. Almost every table has one such column, of one name.
pub(crate) fn place<'a>(table: &'a str, owner: &'a str, row: &'a str) -> Place<'a> {
    Place { owner, table, row, column: "sealed" }
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|source| Fault::Corrupt { at: "a value to be stored".into(), source: source.into() })
}

/// Reads the JSON in `table`, `row`, column `body`.
pub(crate) fn from_json<T: DeserializeOwned>(table: &str, row: impl Display, json: &str) -> Result<T, Fault> {
    serde_json::from_str(json).map_err(|source| Fault::corrupt(table, row, "body", source))
}

impl Db {
    pub(crate) fn seal_json(&self, place: Place<'_>, value: &impl Serialize) -> Result<Vec<u8>, Fault> {
        Ok(self.keys.seal(place, to_json(value)?.as_bytes()))
    }

    pub(crate) fn open_json<T: DeserializeOwned>(&self, place: Place<'_>, sealed: &[u8]) -> Result<T, Fault> {
        let opened = self.keys.open(place, sealed).map_err(|source| unreadable(place, source))?;
        serde_json::from_slice(&opened).map_err(|source| unreadable(place, source))
    }
}

pub(crate) fn unreadable(place: Place<'_>, source: impl Into<zentry_domain::ports::BoxError>) -> Fault {
    Fault::corrupt(place.table, place.row, place.column, source)
}

/// How an account is spelled as an owner.
pub(crate) fn owner_of(account: &AccountId) -> String {
    Owner::Zoom(account.clone()).to_string()
}

/// Reads what `Owner` displays.
fn owner(text: &str) -> Option<Owner> {
    match text.split_once(':')? {
        ("zoom", account) => Some(Owner::Zoom(AccountId::new(account))),
        ("sentry", installation) => Some(Owner::Sentry(installation.into())),
        _ => None,
    }
}

/// The lane that `row` of `table` names.
pub(crate) fn read_lane(table: &str, row: i64, text: &str, name: String) -> Result<Lane, Fault> {
    let owner = owner(text).ok_or_else(|| Fault::corrupt(table, row, "owner", format!("{text:?} is no owner")))?;
    Ok(Lane { owner, name })
}

/// SQLite counts with a sign. Nothing here counts that far.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

pub(crate) fn revision(stored: i64) -> Revision {
    Revision(count(stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_was_written() {
        for known in [Owner::Zoom(AccountId::new("a:b")), Owner::Sentry(String::new())] {
            assert_eq!(owner(&known.to_string()), Some(known));
        }
        assert_eq!(owner("nobody"), None);
        assert_eq!(owner("slack:acc"), None);
    }
}
