//! The reads port: each verb is one indexed query.

use async_trait::async_trait;
use rusqlite::{Params, Row};
use zentry_domain::ports::StoreError;
use zentry_domain::roundup::Gathering;
use zentry_domain::{
    Account, AccountId, Card, ChannelId, ChannelSettings, CredentialId, DeadLetter, Digest, Facts, Handle, Hook,
    InstallationId, IssueId, IssueName, JobId, Lane, Link, LinkedPerson, MessageId, Offer, OrgSlug, Owner, Pause,
    Person, ProjectId, ProjectKey, Pulse, Revision, Roundup, Sighting, Subscription, Timestamp, Trace, Undo, UserId,
    Whole,
};

use crate::SqliteStore;
use crate::db::Db;
use crate::error::Fault;
use crate::link::LINK;
use crate::row::{count, from_json, revision};
use crate::{hook, pulse, roundup, unfurl, whole};

const SUBSCRIPTION: &str = "SELECT id, body FROM subscription";
const IN_CHANNEL: &str = "WHERE account = ?1 AND channel = ?2 ORDER BY since, id";
const OF_ACCOUNT: &str = "WHERE account = ?1 ORDER BY channel, since, id";
const TO_PROJECT: &str = "WHERE project = ?1 ORDER BY id";
const TO_SLUG: &str = "WHERE org = ?1 AND slug = ?2 ORDER BY id";
const TO_ORG: &str = "WHERE org = ?1 ORDER BY since, id";
const ORGS: &str = "SELECT DISTINCT org FROM subscription";
const IN_CHANNEL_SINCE: &str =
    "WHERE account = ?1 AND channel = ?2 AND opened >= ?3 ORDER BY opened DESC, id DESC LIMIT ?4";
const WAITING: &str = "SELECT count(*) FROM (SELECT 1 FROM outbox
    WHERE lane = (SELECT id FROM lane WHERE owner = ?1 AND name = ?2) LIMIT 1024)";
const FAILED: &str = "SELECT count(*) FROM dead WHERE owner = ?1 AND lane IN (?2, ?3, ?4) AND at >= ?5";
const CARD: &str = "SELECT id, handle, revision, message, shown, body, opened, roundup FROM card";
const OF_ISSUE: &str = "WHERE issue = ?1 ORDER BY id";
const OF_HANDLE: &str = "WHERE account = ?1 AND handle = ?2";
const OPEN: &str = "WHERE account = ?1 AND user = ?2 AND stage <> 'ended'";
const AGAIN: &str = "SELECT count(*) FROM link WHERE account = ?1 AND user = ?2 AND again = 1 AND offered >= ?3";
const PEOPLE: &str = "SELECT user, body FROM presence WHERE account = ?1 AND channel = ?2 ORDER BY at DESC, user";
const CHANNELS: &str = "SELECT jid FROM presence WHERE account = ?1 AND user = ?2";
const SEEN: &str = "SELECT user, body FROM presence WHERE account = ?1 AND user = ?2 LIMIT 1";
const LINKED_AS: &str =
    "SELECT id, body FROM person WHERE account = ?1 AND body ->> '$.identity.id' = ?2 ORDER BY user LIMIT 1";
const PAUSED: &str = "SELECT jid, since, why FROM pause WHERE account = ?1 AND channel = ?2";

#[async_trait]
impl Facts for SqliteStore {
    async fn subscriptions_in(
        &self,
        account: &AccountId,
        channel: &ChannelId,
    ) -> Result<Vec<Subscription>, StoreError> {
        let key = (account.as_str().to_owned(), channel.key());
        self.read(move |db| db.subscriptions(IN_CHANNEL, key)).await
    }

    async fn subscriptions_of(&self, account: &AccountId) -> Result<Vec<Subscription>, StoreError> {
        let account = [account.as_str().to_owned()];
        self.read(move |db| db.subscriptions(OF_ACCOUNT, account)).await
    }

    async fn subscribers(&self, project: &ProjectKey) -> Result<Vec<Subscription>, StoreError> {
        let key = project.clone();
        self.read(move |db| match (key.id, key.org, key.slug) {
            (Some(id), _, _) => db.subscriptions(TO_PROJECT, [id.as_str()]),
            (None, Some(org), Some(slug)) => db.subscriptions(TO_SLUG, (org.as_str(), slug.as_str())),
            _ => Ok(Vec::new()),
        })
        .await
    }

    async fn settings(&self, account: &AccountId, channel: &ChannelId) -> Result<ChannelSettings, StoreError> {
        let (account, channel) = (account.clone(), channel.clone());
        self.read(move |db| db.channel_settings(&account, &channel)).await
    }

    async fn wholes_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Vec<Whole>, StoreError> {
        let key = (account.as_str().to_owned(), channel.key());
        self.read(move |db| db.wholes(whole::IN_CHANNEL, key)).await
    }

    async fn wholes_of(&self, org: &OrgSlug) -> Result<Vec<Whole>, StoreError> {
        let org = [org.as_str().to_owned()];
        self.read(move |db| db.wholes(whole::OF_ORG, org)).await
    }

    async fn is_apart(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        project: &ProjectId,
    ) -> Result<bool, StoreError> {
        let key = (account.as_str().to_owned(), channel.key(), project.as_str().to_owned());
        self.read(move |db| db.finds(whole::APART, key)).await
    }

    async fn subscriptions_to(&self, org: &OrgSlug) -> Result<Vec<Subscription>, StoreError> {
        let org = [org.as_str().to_owned()];
        self.read(move |db| db.subscriptions(TO_ORG, org)).await
    }

    async fn subscribed_orgs(&self) -> Result<Vec<OrgSlug>, StoreError> {
        self.read(move |db| db.all(ORGS, [], |row| Ok(OrgSlug::new(row.get::<_, String>(0)?)))).await
    }

    async fn pulse(&self, org: &OrgSlug) -> Result<Option<Pulse>, StoreError> {
        let org = org.clone();
        self.read(move |db| db.pulse(&org)).await
    }

    async fn changed(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Timestamp>, StoreError> {
        let key = (account.as_str().to_owned(), channel.key());
        let sql = "SELECT changed FROM channel WHERE account = ?1 AND channel = ?2";
        self.read(move |db| db.first(sql, key, |row| Ok(Timestamp(row.get(0)?)))).await
    }

    async fn waiting_cards(&self, account: &AccountId, channel: &ChannelId) -> Result<u64, StoreError> {
        let lane = Lane::cards(account, channel);
        self.read(move |db| {
            Ok(db
                .first(WAITING, (lane.owner.to_string(), lane.name), |row| Ok(count(row.get(0)?)))?
                .unwrap_or_default())
        })
        .await
    }

    async fn failed_since(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let [cards, roundup, answers] = Lane::of_channel(account, channel);
        let key = (cards.owner.to_string(), cards.name, roundup.name, answers.name, since.0);
        let failed = self.read(move |db| db.first(FAILED, key, |row| Ok(count(row.get(0)?)))).await?;
        Ok(failed.unwrap_or_default())
    }

    async fn cards_in(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Card>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let key = (account.as_str().to_owned(), channel.key(), since.0, limit);
        self.read(move |db| db.all(&format!("{CARD} {IN_CHANNEL_SINCE}"), key, read_card)).await
    }

    async fn cards_of(&self, issue: &IssueId) -> Result<Vec<Card>, StoreError> {
        let issue = [issue.as_str().to_owned()];
        self.read(move |db| db.all(&format!("{CARD} {OF_ISSUE}"), issue, read_card)).await
    }

    async fn card(&self, account: &AccountId, handle: &Handle) -> Result<Option<Card>, StoreError> {
        let key = (account.clone(), handle.clone());
        self.read(move |db| db.card(&key.0, &key.1)).await
    }

    async fn heard(&self, issue: &IssueId) -> Result<Option<Timestamp>, StoreError> {
        let issue = [issue.as_str().to_owned()];
        self.read(move |db| db.first(pulse::HEARD, issue, |row| Ok(Timestamp(row.get(0)?)))).await
    }

    async fn opened_since(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let key = (account.as_str().to_owned(), channel.key(), since.0);
        let opened = self.read(move |db| db.first(roundup::OPENED, key, |row| Ok(count(row.get(0)?)))).await?;
        Ok(opened.unwrap_or_default())
    }

    async fn storm_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Roundup>, StoreError> {
        let key = (account.as_str().to_owned(), channel.key());
        self.read(move |db| db.roundup(roundup::ON, key)).await
    }

    async fn roundup(&self, account: &AccountId, handle: &Handle) -> Result<Option<Roundup>, StoreError> {
        let key = (account.as_str().to_owned(), handle.as_str().to_owned());
        self.read(move |db| db.roundup(roundup::OF_HANDLE, key)).await
    }

    async fn gathering(&self, account: &AccountId, roundup: &Handle, top: usize) -> Result<Gathering, StoreError> {
        let (account, roundup) = (account.as_str().to_owned(), roundup.as_str().to_owned());
        Ok(self.0.readers.read_long(move |db| db.gathering(&account, &roundup, top)).await?)
    }

    async fn traces(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueName,
        limit: usize,
    ) -> Result<Vec<Trace>, StoreError> {
        let (account, channel, issue) = (account.clone(), channel.clone(), issue.clone());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |db| db.traces(&account, &channel, &issue, limit)).await
    }

    async fn dead_letter(&self, account: &AccountId, id: &JobId) -> Result<Option<DeadLetter>, StoreError> {
        let (owner, id) = (Owner::Zoom(account.clone()), id.clone());
        let letter = self.read(move |db| db.dead_letter(&id)).await?;
        Ok(letter.filter(|letter| letter.lane.owner == owner))
    }

    async fn offer(&self, account: &AccountId, handle: &Handle) -> Result<Option<Offer>, StoreError> {
        let (account, handle) = (account.clone(), handle.clone());
        self.read(move |db| db.offer(&account, &handle)).await
    }

    async fn undo(&self, account: &AccountId, handle: &Handle) -> Result<Option<Undo>, StoreError> {
        let (account, handle) = (account.clone(), handle.clone());
        self.read(move |db| db.undo(&account, &handle)).await
    }

    async fn link(&self, id: &Digest) -> Result<Option<Link>, StoreError> {
        let id = [id.0];
        self.read(move |db| db.link("WHERE key = ?1", id)).await
    }

    async fn link_at_sentry(&self, state: &Digest) -> Result<Option<Link>, StoreError> {
        let state = [state.0];
        self.read(move |db| db.link("WHERE state = ?1", state)).await
    }

    async fn open_link(&self, account: &AccountId, user: &UserId) -> Result<Option<Link>, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned());
        self.read(move |db| db.link(OPEN, key)).await
    }

    async fn linked(&self, account: &AccountId, user: &UserId) -> Result<Option<LinkedPerson>, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned());
        let sql = "SELECT id, body FROM person WHERE account = ?1 AND user = ?2";
        self.read(move |db| {
            db.first(sql, key, |row| from_json("person", row.get::<_, i64>(0)?, &row.get::<_, String>(1)?))
        })
        .await
    }

    async fn linked_as(&self, account: &AccountId, sentry_user: &str) -> Result<Option<LinkedPerson>, StoreError> {
        let key = (account.as_str().to_owned(), sentry_user.to_owned());
        self.read(move |db| {
            db.first(LINKED_AS, key, |row| from_json("person", row.get::<_, i64>(0)?, &row.get::<_, String>(1)?))
        })
        .await
    }

    async fn wants_mentions(&self, account: &AccountId, user: &UserId) -> Result<bool, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned());
        self.read(move |db| Ok(!db.finds("SELECT 1 FROM unmentioned WHERE account = ?1 AND user = ?2", key)?)).await
    }

    async fn links_in(&self, account: &AccountId, channel: &ChannelId, message: &MessageId) -> Result<u64, StoreError> {
        let key = (account.as_str().to_owned(), channel.key(), message.as_str().to_owned());
        self.read(move |db| db.links_in(key)).await
    }

    async fn unfurled(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = (account.as_str().to_owned(), channel.key(), issue.as_str().to_owned());
        self.read(move |db| db.first(unfurl::UNFURLED, key, |row| Ok(Timestamp(row.get(0)?)))).await
    }

    async fn sightings(&self, issue: &IssueId) -> Result<Vec<Sighting>, StoreError> {
        let issue = issue.clone();
        self.read(move |db| db.sightings(&issue)).await
    }

    async fn tells_where(&self, org: &OrgSlug, project: &ProjectId) -> Result<bool, StoreError> {
        let (org, project) = (org.clone(), project.clone());
        self.read(move |db| db.tells_where(&org, &project)).await
    }

    async fn installation(&self, id: &InstallationId) -> Result<Option<OrgSlug>, StoreError> {
        let id = [id.as_str().to_owned()];
        let sql = "SELECT org FROM installation WHERE id = ?1";
        self.read(move |db| db.first(sql, id, |row| Ok(OrgSlug::new(row.get::<_, String>(0)?)))).await
    }

    async fn was_removed(&self, id: &InstallationId) -> Result<bool, StoreError> {
        let id = [id.as_str().to_owned()];
        self.read(move |db| db.finds("SELECT 1 FROM removed WHERE installation = ?1", id)).await
    }

    async fn installations_of(&self, org: &OrgSlug) -> Result<Vec<InstallationId>, StoreError> {
        let org = [org.as_str().to_owned()];
        let sql = "SELECT id FROM installation WHERE org = ?1";
        self.read(move |db| db.all(sql, org, |row| Ok(InstallationId::new(row.get::<_, String>(0)?)))).await
    }

    async fn hook(&self, token: &Digest) -> Result<Option<Hook>, StoreError> {
        let token = token.0;
        Ok(self.read(move |db| db.hooks(hook::OF_TOKEN, [token])).await?.pop())
    }

    async fn hooks(&self) -> Result<Vec<Hook>, StoreError> {
        self.read(|db| db.hooks(hook::LIVE, [])).await
    }

    async fn grants_of(&self, account: &AccountId) -> Result<Vec<CredentialId>, StoreError> {
        let account = account.as_str().to_owned();
        self.read(move |db| {
            let active = "SELECT body ->> '$.credential' FROM person WHERE account = ?1";
            let mut grants = db.all(active, [&account], |row| Ok(CredentialId::new(row.get::<_, String>(0)?)))?;
            let links = db.all(&format!("{LINK} WHERE account = ?1"), [&account], |row| db.read_link(row))?;
            grants.extend(links.iter().filter_map(Link::credential).cloned());
            Ok(grants)
        })
        .await
    }

    async fn hook_wishes(&self) -> Result<Revision, StoreError> {
        self.read(Db::hook_wishes).await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            db.first("SELECT installer, since FROM account WHERE id = ?1", [id.as_str()], |row| {
                let installer = row.get::<_, Option<String>>(0)?.map(UserId::new);
                Ok(Account { id: id.clone(), installer, since: row.get::<_, Option<i64>>(1)?.map(Timestamp) })
            })
        })
        .await
    }

    async fn links_again(&self, account: &AccountId, user: &UserId, since: Timestamp) -> Result<usize, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned(), since.0);
        let sent = self.read(move |db| db.first(AGAIN, key, |row| Ok(count(row.get(0)?)))).await?;
        Ok(usize::try_from(sent.unwrap_or_default()).unwrap_or(usize::MAX))
    }

    async fn people_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Vec<Person>, StoreError> {
        let key = (account.as_str().to_owned(), channel.key());
        self.read(move |db| {
            db.all(PEOPLE, key, |row| from_json("presence", row.get::<_, String>(0)?, &row.get::<_, String>(1)?))
        })
        .await
    }

    async fn acquaintance(&self, account: &AccountId, user: &UserId) -> Result<Option<Person>, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned());
        self.read(move |db| {
            db.first(SEEN, key, |row| from_json("presence", row.get::<_, String>(0)?, &row.get::<_, String>(1)?))
        })
        .await
    }

    async fn paused(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Pause>, StoreError> {
        let (account, channel) = (account.clone(), channel.key());
        self.read(move |db| {
            db.first(PAUSED, (account.as_str(), channel), |row| {
                Ok(Pause {
                    account: account.clone(),
                    channel: ChannelId::new(row.get::<_, String>(0)?),
                    since: Timestamp(row.get(1)?),
                    why: row.get(2)?,
                })
            })
        })
        .await
    }

    async fn channels_known_to(&self, account: &AccountId, user: &UserId) -> Result<Vec<ChannelId>, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned());
        self.read(move |db| db.all(CHANNELS, key, |row| Ok(ChannelId::new(row.get::<_, String>(0)?)))).await
    }
}

impl SqliteStore {
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Db) -> Result<T, Fault> + Send + 'static,
    {
        Ok(self.0.readers.read(work).await?)
    }
}

impl Db {
    pub(crate) fn subscriptions(&self, which: &str, params: impl Params) -> Result<Vec<Subscription>, Fault> {
        self.all(&format!("{SUBSCRIPTION} {which}"), params, |row| {
            from_json("subscription", row.get::<_, i64>(0)?, &row.get::<_, String>(1)?)
        })
    }

    pub(crate) fn installed_orgs(&self) -> Result<Vec<OrgSlug>, Fault> {
        self.all("SELECT DISTINCT org FROM installation", [], |row| Ok(OrgSlug::new(row.get::<_, String>(0)?)))
    }

    pub(crate) fn person_at(&self, jid: &str) -> Result<Option<Person>, Fault> {
        let sql = "SELECT user, body FROM presence WHERE lower(body ->> '$.jid') = ?1 ORDER BY at DESC LIMIT 1";
        self.first(sql, [jid], |row| from_json("presence", row.get::<_, String>(0)?, &row.get::<_, String>(1)?))
    }

    pub(crate) fn card(&self, account: &AccountId, handle: &Handle) -> Result<Option<Card>, Fault> {
        self.first(&format!("{CARD} {OF_HANDLE}"), (account.as_str(), handle.as_str()), read_card)
    }

    fn link(&self, which: &str, params: impl Params) -> Result<Option<Link>, Fault> {
        self.first(&format!("{LINK} {which}"), params, |row| self.read_link(row))
    }
}

fn read_card(row: &Row<'_>) -> Result<Card, Fault> {
    Ok(Card {
        handle: Handle::new(row.get::<_, String>(1)?),
        content: from_json("card", row.get::<_, i64>(0)?, &row.get::<_, String>(5)?)?,
        revision: revision(row.get(2)?),
        message: row.get::<_, Option<String>>(3)?.map(MessageId::new),
        shown: revision(row.get(4)?),
        opened: Timestamp(row.get(6)?),
        listed: row.get::<_, Option<String>>(7)?.map(Handle::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [IN_CHANNEL, OF_ACCOUNT, TO_PROJECT, TO_SLUG, TO_ORG] {
            db.assert_indexed(&format!("{SUBSCRIPTION} {sql}"));
        }
        for sql in [OF_ISSUE, OF_HANDLE, IN_CHANNEL_SINCE] {
            db.assert_indexed(&format!("{CARD} {sql}"));
        }
        for sql in ["WHERE key = ?1", "WHERE state = ?1", OPEN] {
            db.assert_indexed(&format!("{LINK} {sql}"));
        }
        for sql in [
            AGAIN,
            PEOPLE,
            CHANNELS,
            SEEN,
            PAUSED,
            FAILED,
            LINKED_AS,
            unfurl::LINKS,
            unfurl::UNFURLED,
            crate::sighting::SIGHTINGS,
            crate::sighting::TELLS_WHERE,
        ] {
            db.assert_indexed(sql);
        }
    }
}
