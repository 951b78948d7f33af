//! The accounts that were purged, in a file of their own beside the store (`<store>.deleted`): a backup is older than the
//! purges that come after it, and must not bring those accounts back.
//!
//! Its first line holds a salt. Each further line is one purge: its number, when it was, and the account's fingerprint. The
//! store counts its purges, and so every copy of it knows which of them it has seen: an account that was purged, came
//! back and is in a later backup stays.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zentry_domain::{AccountId, Timestamp};
use zentry_seal::{fingerprint, new_salt};

use crate::db::Db;
use crate::error::Fault;
use crate::open::private;
use crate::scratch::{beside, sync_folder};
use crate::upkeep::OF_ACCOUNT;

const TITLE: &str = "zentry deleted 1 ";
/// Those of an account, whose column `owner` names it.
const OF_OWNER: [&str; 4] = ["lane", "dead", "throttle", "credential"];

/// The list as it is on disk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    salt: String,
    purges: Vec<Purge>,
    /// The last line is whole.
    is_whole: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Purge {
    number: i64,
    fingerprint: String,
}

impl Deleted {
    /// The list beside `store`; `None` where nothing was ever purged.
    pub(crate) fn beside(store: &Path) -> io::Result<Option<Self>> {
        let path = path(store);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::read(&text).map(Some).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{} is no list of deleted accounts", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (title, lines) = text.split_once('\n')?;
        let salt = title.strip_prefix(TITLE)?.to_owned();
        // A line that is not whole was never acknowledged: its process died while it wrote.
        let purges = lines.lines().filter_map(Purge::read).collect();
        Some(Self { salt, purges, is_whole: text.ends_with('\n') })
    }

    /// Whether `account` was purged after the purge of this number.
    fn names(&self, account: &AccountId, seen: i64) -> bool {
        let fingerprint = fingerprint(&self.salt, account.as_str());
        self.purges.iter().any(|purge| purge.number > seen && purge.fingerprint == fingerprint)
    }
}

impl Purge {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (number, _when, fingerprint) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        (fingerprint.len() == 64).then(|| Self { number, fingerprint: fingerprint.to_owned() })
    }
}

impl Db {
    /// Writes down that `account` is purged, before it is: on stable storage when this returns.
    pub(crate) fn remember_purge(&self, account: &AccountId, now: Timestamp) -> Result<(), Fault> {
        let number = self.first(
            "INSERT INTO meta (name, value) VALUES ('purges', 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            [],
            |row| Ok(row.get(0)?),
        )?;
        let store = PathBuf::from(self.conn.path().unwrap_or_default());
        let written = append(&store, number.unwrap_or_default(), account, now);
        written.map_err(|error| {
            Fault::Unavailable(format!("an account cannot be purged, for {}: {error}", path(&store).display()).into())
        })
    }

    /// Purges every account that was purged since this copy of the store was made, and says how many there were.
    pub(crate) fn purge_again(&self, deleted: &Deleted) -> Result<u64, Fault> {
        let seen = "SELECT value FROM meta WHERE name = 'purges'";
        let seen = self.first(seen, [], |row| Ok(row.get(0)?))?.unwrap_or_default();
        let mut purged = 0;
        for account in self.accounts()?.iter().filter(|account| deleted.names(account, seen)) {
            self.purge(account, &[])?;
            purged += 1;
        }
        // Numbers go on from here, or the next backup would take a later purge for one that it has seen.
        let last = deleted.purges.iter().map(|purge| purge.number).max().unwrap_or_default();
        self.change(
            "INSERT INTO meta (name, value) VALUES ('purges', ?1)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            [last],
        )?;
        Ok(purged)
    }

    /// Every account that has a row anywhere.
    fn accounts(&self) -> Result<Vec<AccountId>, Fault> {
        let of_account = OF_ACCOUNT.iter().map(|table| format!("SELECT account FROM {table}"));
        let of_owner =
            OF_OWNER.iter().map(|table| format!("SELECT substr(owner, 6) FROM {table} WHERE owner LIKE 'zoom:%'"));
        let all: Vec<_> = of_account.chain(of_owner).chain(["SELECT id FROM account".to_owned()]).collect();
        self.all(&all.join(" UNION "), [], |row| Ok(AccountId::new(row.get::<_, String>(0)?)))
    }
}

fn path(store: &Path) -> PathBuf {
    beside(store, ".deleted")
}

fn append(store: &Path, number: i64, account: &AccountId, now: Timestamp) -> io::Result<()> {
    let list = match Deleted::beside(store)? {
        Some(list) => list,
        None => begin(store)?,
    };
    let end_of_the_last = if list.is_whole { "" } else { "\n" };
    let line = format!("{end_of_the_last}{number} {now} {}\n", fingerprint(&list.salt, account.as_str()));
    let mut file = OpenOptions::new().append(true).open(path(store))?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

/// Makes the list, whole or not at all: without its salt it would say nothing.
fn begin(store: &Path) -> io::Result<Deleted> {
    let (path, salt) = (path(store), new_salt());
    let new = beside(&path, ".new");
    let mut file = private(&new)?;
    file.set_len(0)?;
    file.write_all(format!("{TITLE}{salt}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    sync_folder(&path)?;
    Ok(Deleted { salt, purges: Vec::new(), is_whole: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn account(name: &str) -> AccountId {
        AccountId::new(name)
    }

    #[test]
    fn a_purge_is_known_by_its_number_and_not_by_the_accounts_name() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("z.db");
        assert_eq!(Deleted::beside(&store).unwrap(), None);
        append(&store, 1, &account("a"), NOW).unwrap();
        append(&store, 2, &account("b"), NOW).unwrap();

        let list = Deleted::beside(&store).unwrap().unwrap();
        assert!(list.names(&account("a"), 0) && !list.names(&account("a"), 1));
        assert!(list.names(&account("b"), 1) && !list.names(&account("c"), 0));
        let text = std::fs::read_to_string(path(&store)).unwrap();
        assert!(text.lines().nth(1).unwrap().starts_with("1 2026-01-02T03:04:05Z "), "{text}");
    }

    #[test]
    fn a_line_that_was_cut_short_harms_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("z.db");
        append(&store, 1, &account("a"), NOW).unwrap();
        append(&store, 2, &account("b"), NOW).unwrap();
        let text = std::fs::read_to_string(path(&store)).unwrap();
        std::fs::write(path(&store), &text[..text.len() - 20]).unwrap();

        append(&store, 2, &account("c"), NOW).unwrap();
        let list = Deleted::beside(&store).unwrap().unwrap();
        assert!(list.names(&account("a"), 0) && !list.names(&account("b"), 0) && list.names(&account("c"), 0));
    }

    #[test]
    fn a_file_that_is_no_list_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("z.db");
        std::fs::write(path(&store), "something else\n").unwrap();
        let error = append(&store, 1, &account("a"), NOW).unwrap_err();
        assert!(error.to_string().contains("is no list of deleted accounts"), "{error}");
        assert_eq!(std::fs::read_to_string(path(&store)).unwrap(), "something else\n");
    }

    #[test]
    fn every_table_that_names_an_account_is_looked_through() {
        let (_dir, db) = crate::open::blank();
        let tables = "SELECT m.name, c.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c
             WHERE m.type = 'table' AND c.name IN ('account', 'owner')";
        let tables: Vec<(String, String)> = db.all(tables, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert!(tables.len() > 8, "{tables:?}");
        for (table, column) in tables {
            let known = if column == "account" { &OF_ACCOUNT[..] } else { &OF_OWNER[..] };
            assert!(known.contains(&table.as_str()), "{table}.{column}");
        }
    }
}
