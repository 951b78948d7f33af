//! What has served its time, and what goes with an account.

use std::time::Duration;

use zentry_domain::decide::UNFURL_PAUSE;
use zentry_domain::link::LINK_MEMORY;
use zentry_domain::ports::CredentialKey;
use zentry_domain::{AccountId, CredentialId, Suppression, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::hook;
use crate::row::{owner_of, to_json};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long a repeat of a delivery is recognised.
const KEYS_KEPT: Duration = DAY;
const UNREADABLE_KEPT: Duration = DAY.saturating_mul(7);
const TRACES_KEPT: Duration = DAY.saturating_mul(14);
const SIGHTINGS_KEPT: Duration = DAY.saturating_mul(180);
const DEAD_KEPT: Duration = DAY.saturating_mul(30);
/// How long what a hook sends is dropped that nobody needs any more, and that may still be there at Sentry.
const HOOKS_KEPT: Duration = DAY.saturating_mul(30);

/// Those of an account, whose columns `account` name it.
pub(crate) const OF_ACCOUNT: [&str; 22] = [
    "subscription",
    "channel",
    "settings",
    "whole",
    "apart",
    "undo",
    "shared",
    "unfurled",
    "offer",
    "card",
    "roundup",
    "link",
    "person",
    "unmentioned",
    "presence",
    "pause",
    "trace",
    "audit",
    "directory",
    "directory_channel",
    "directory_member",
    "directory_rank",
];
const WAITING_OF_OWNER: &str =
    "DELETE FROM outbox WHERE lane IN (SELECT id FROM lane WHERE owner = ?1) RETURNING counted";
const DEAD_OF_OWNER: &str = "DELETE FROM dead WHERE owner = ?1 RETURNING counted";
const OLD_KEYS: &str = "DELETE FROM delivery WHERE at < ?1";
const OLD_HEARD: &str = "DELETE FROM heard WHERE at < ?1";
// Of organizations to which nobody is connected any more.
const OLD_PULSES: &str =
    "DELETE FROM pulse WHERE NOT EXISTS (SELECT 1 FROM subscription WHERE subscription.org = pulse.org)";
// An inactive grant must be revoked before its attempt is forgotten.
const OLD_LINKS: &str = "DELETE FROM link WHERE expires < ?1 AND stage NOT IN ('exchanging', 'awaiting_code')";
const OLD_UNREADABLE: &str = "DELETE FROM unreadable WHERE at < ?1";
const LEFT_OUT: &str = "DELETE FROM card WHERE opened = 0 AND issue > '' AND message IS NULL AND roundup IS NULL
    AND NOT EXISTS (SELECT 1 FROM trace
        WHERE trace.account = card.account AND trace.channel = card.channel AND trace.issue = card.issue)";
const OLD_TRACES: &str = "DELETE FROM trace WHERE at < ?1";
const OLD_SHARED: &str = "DELETE FROM shared WHERE at <= ?1";
const OLD_UNFURLED: &str = "DELETE FROM unfurled WHERE at <= ?1";
// Of organizations to which nobody is connected any more, too.
const OLD_SIGHTINGS: &str = "DELETE FROM sighting WHERE at < ?1";
const FOREIGN_SIGHTINGS: &str = "DELETE FROM sighting WHERE org NOT IN (SELECT org FROM subscription)";
const OLD_DEAD: &str = "DELETE FROM dead WHERE at < ?1 RETURNING counted";

impl Db {
    /// All but the grants that stay until they are revoked.
    pub(crate) fn purge(&self, account: &AccountId, grants: &[CredentialId]) -> Result<(), Fault> {
        for table in OF_ACCOUNT {
            self.change(&format!("DELETE FROM {table} WHERE account = ?1"), [account.as_str()])?;
        }
        self.change(hook::FORGET_MAKER, [account.as_str()])?;
        self.change("DELETE FROM account WHERE id = ?1", [account.as_str()])?;
        let owner = owner_of(account);
        for removal in [WAITING_OF_OWNER, DEAD_OF_OWNER] {
            self.remove_as(Suppression::Deauthorized, removal, [&owner])?;
        }
        for table in ["lane", "throttle"] {
            self.change(&format!("DELETE FROM {table} WHERE owner = ?1"), [&owner])?;
        }
        let stay: Vec<_> = grants.iter().map(|grant| CredentialKey::of_person(account, grant).name).collect();
        let sql = "DELETE FROM credential WHERE owner = ?1 AND name NOT IN (SELECT value FROM json_each(?2))";
        self.change(sql, (&owner, to_json(&stay)?))?;
        Ok(())
    }

    pub(crate) fn sweep(&self, now: Timestamp) -> Result<(), Fault> {
        self.change(OLD_KEYS, [(now - KEYS_KEPT).0])?;
        self.change(OLD_HEARD, [(now - KEYS_KEPT).0])?;
        self.change("DELETE FROM offer WHERE expires <= ?1", [now.0])?;
        self.change(OLD_TRACES, [(now - TRACES_KEPT).0])?;
        self.change(LEFT_OUT, [])?;
        self.change("DELETE FROM undo WHERE expires <= ?1", [now.0])?;
        for sql in [OLD_SHARED, OLD_UNFURLED] {
            self.change(sql, [(now - UNFURL_PAUSE).0])?;
        }
        self.sweep_directory(now)?;
        self.change(OLD_PULSES, [])?;
        self.change(OLD_SIGHTINGS, [(now - SIGHTINGS_KEPT).0])?;
        self.change(FOREIGN_SIGHTINGS, [])?;
        self.change(OLD_LINKS, [(now - LINK_MEMORY).0])?;
        self.change(OLD_UNREADABLE, [(now - UNREADABLE_KEPT).0])?;
        self.change(hook::OLD, [(now - HOOKS_KEPT).0])?;
        self.change("DELETE FROM throttle WHERE until < ?1", [now.0])?;
        self.remove_as(Suppression::Held, OLD_DEAD, [(now - DEAD_KEPT).0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [
            WAITING_OF_OWNER,
            DEAD_OF_OWNER,
            OLD_KEYS,
            OLD_HEARD,
            OLD_LINKS,
            OLD_UNREADABLE,
            LEFT_OUT,
            OLD_TRACES,
            OLD_SHARED,
            OLD_UNFURLED,
            OLD_SIGHTINGS,
            OLD_DEAD,
        ] {
            db.assert_indexed(sql);
        }
        for table in OF_ACCOUNT {
            db.assert_indexed(&format!("DELETE FROM {table} WHERE account = ?1"));
        }
    }
}
