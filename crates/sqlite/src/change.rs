//! What a decision changes.

use rusqlite::params;
use zentry_domain::{
    Account, AccountId, Card, ChannelId, Decision, Handle, LinkedPerson, MessageId, NewJob, Owner, Pause, Person,
    Place, ProjectId, Revision, RowChange, Subscription, Timestamp, UserId,
};

use crate::db::Db;
use crate::error::Fault;
use crate::lease::Memory;
use crate::row::{revision, stored, to_json};

impl Db {
    /// Applies `decision`. After an error the savepoint undoes what it did until then.
    pub(crate) fn apply(&self, memory: &mut Memory, decision: &Decision, now: Timestamp) -> Result<(), Fault> {
        for change in &decision.changes {
            self.apply_change(change, now)?;
            memory.is_untidy |=
                matches!(change, RowChange::PurgeAccount(_) | RowChange::LetAccountGo { .. } | RowChange::Sweep { .. });
        }
        decision.jobs.iter().try_for_each(|job| self.enqueue(job, now))
    }

    fn apply_change(&self, change: &RowChange, now: Timestamp) -> Result<(), Fault> {
        match change {
            RowChange::Subscribe(subscription) => self.subscribe(subscription, now),
            RowChange::Unsubscribe { account, channel, project } => {
                self.change(
                    "DELETE FROM subscription WHERE account = ?1 AND channel = ?2 AND project = ?3",
                    (account.as_str(), channel.key(), project.as_str()),
                )?;
                self.channel_changed(account, channel, now)
            }
            RowChange::PutWhole(whole) => {
                self.put_whole(whole)?;
                self.channel_changed(&whole.place.account, &whole.place.channel, now)
            }
            RowChange::DropWhole { account, channel, org } => {
                self.drop_whole(account, channel, org)?;
                self.channel_changed(account, channel, now)
            }
            RowChange::LeaveOut { account, channel, project } => self.leave_out(account, channel, project),
            RowChange::PutFilter { account, channel, project, filter } => {
                self.put_in((account, channel, project), "$.filter", &to_json(filter)?, now)
            }
            RowChange::PutSettings { account, channel, settings } => {
                self.put_settings(account, channel, *settings)?;
                self.channel_changed(account, channel, now)
            }
            RowChange::PutMute { account, channel, project, mute } => {
                self.put_in((account, channel, project), "$.mute", &to_json(mute)?, now)
            }
            RowChange::PutCard(card) => self.put_card(card),
            RowChange::CardShown { account, card, seen, message, revision, again } => {
                self.card_shown((account, card), (seen.as_ref(), message.as_ref()), *revision, again, now)
            }
            RowChange::ShowIfBehind { account, card, again } => self.show_if_behind(account, card, again, now),
            RowChange::Heard { org, issue, again } => self.heard(org, issue, again.as_ref(), now),
            RowChange::Reconciled { org, until, told } => self.reconciled(org, *until, *told),
            RowChange::Gather { account, channel, roundup } => self.gather(account, channel, roundup),
            RowChange::PutRoundup(roundup) => self.put_roundup(roundup),
            RowChange::EndRoundup { account, roundup, at } => self
                .change(
                    "UPDATE roundup SET ended = ?3 WHERE account = ?1 AND handle = ?2",
                    (account.as_str(), roundup.as_str(), at.0),
                )
                .map(drop),
            RowChange::Repost { account, card } => self
                .change(
                    "UPDATE card SET message = NULL, shown = 0 WHERE account = ?1 AND handle = ?2",
                    (account.as_str(), card.as_str()),
                )
                .map(drop),
            RowChange::Trace(trace) => self.put_trace(trace),
            RowChange::Audit(entry) => self.put_audit(entry),
            RowChange::Count { reason, notices } => self.suppressed_at_once(*reason, *notices),
            RowChange::Forsake { account, channel, org } => self.forsake(account, channel, org),
            RowChange::ClearLane(lane) => self.clear_lane(lane),
            // It concerns the keys, which the commit writes.
            RowChange::RememberForEver => Ok(()),
            RowChange::KeepUnreadable { source, body } => self.keep_unreadable(source, body, now),
            RowChange::Replay(job) => self.replay(job, now),
            RowChange::DropDead(job) => self.drop_dead(job),
            RowChange::Pause(pause) => self.pause(pause),
            RowChange::Resume { account, channel } => self
                .change("DELETE FROM pause WHERE account = ?1 AND channel = ?2", (account.as_str(), channel.key()))
                .map(drop),
            RowChange::TryNow { account, channel } => self.try_now(account, channel, now),
            RowChange::Shared { account, channel, message, links, at } => {
                self.share((account, channel), message, *links, *at)
            }
            RowChange::Unfurled { account, channel, issue, at } => self.unfurl((account, channel), issue, *at),
            RowChange::WishForHooks => self.wish_for_hooks(),
            RowChange::TendIfBehind { seen, again } => self.tend_if_behind(*seen, again, now),
            RowChange::PutHook(hook) => self.put_hook(hook),
            RowChange::EndHook { token, at, is_stranded } => self.end_hook(token, *at, *is_stranded),
            RowChange::Sighted(sighted) => self.sight(sighted),
            RowChange::PutOffer(offer) => self.put_offer(offer),
            RowChange::PutUndo(undo) => self.put_undo(undo),
            RowChange::DropUndo { account, undo } => self.drop_undo(account, undo),
            RowChange::PutLink(link) => self.put_link(link),
            RowChange::DropLink(id) => self.change("DELETE FROM link WHERE key = ?1", [&id.0]).map(drop),
            RowChange::LinkPerson(linked) => self.link_person(linked),
            RowChange::PutMentions { account, user, on } => self.put_mentions(account, user, *on),
            RowChange::PutRoles { linked } => self.put_roles(linked),
            RowChange::UnlinkPerson { account, user } => self
                .change("DELETE FROM person WHERE account = ?1 AND user = ?2", (account.as_str(), user.as_str()))
                .map(drop),
            RowChange::PutAccount(account) => self.put_account(account),
            RowChange::PurgeAccount(account) => {
                self.remember_purge(account, now)?;
                self.purge(account, &[])
            }
            RowChange::LetAccountGo { account, grants } => {
                self.remember_purge(account, now)?;
                self.purge(account, grants)
            }
            RowChange::PutInstallation { installation, org } => {
                self.change("DELETE FROM removed WHERE installation = ?1", [installation.as_str()])?;
                self.change(
                    "INSERT INTO installation (id, org) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET org = excluded.org",
                    (installation.as_str(), org.as_str()),
                )
                .map(drop)
            }
            RowChange::RemoveInstallation(installation) => {
                self.change("DELETE FROM installation WHERE id = ?1", [installation.as_str()])?;
                let owner = Owner::of_installation(installation).to_string();
                self.change("DELETE FROM credential WHERE owner = ?1", [owner])?;
                let remember = "INSERT OR IGNORE INTO removed (installation) VALUES (?1)";
                self.change(remember, [installation.as_str()]).map(drop)
            }
            RowChange::Saw { place, person } => self.saw(place, person, now),
            RowChange::Directory(change) => self.directory(change, now),
            RowChange::ClockSetBack { by } => self.clock_set_back(*by, now),
            RowChange::Sweep { now } => self.sweep(*now),
        }
    }

    fn channel_changed(&self, account: &AccountId, channel: &ChannelId, now: Timestamp) -> Result<(), Fault> {
        self.change(
            "INSERT INTO channel (account, channel, changed) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, channel) DO UPDATE SET changed = excluded.changed",
            (account.as_str(), channel.key(), now.0),
        )
        .map(drop)
    }

    fn subscribe(&self, new: &Subscription, now: Timestamp) -> Result<(), Fault> {
        let settings = self.channel_settings(&new.place.account, &new.place.channel)?;
        let new = &Subscription { settings, ..new.clone() };
        let Subscription { place, project, since, .. } = new;
        self.change(
            "INSERT INTO subscription (account, channel, project, org, slug, since, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                place.account.as_str(),
                place.channel.key(),
                project.id.as_str(),
                project.org.as_str(),
                project.slug.as_str(),
                since.0,
                to_json(new)?
            ],
        )?;
        self.take_in(&place.account, &place.channel, &project.id)?;
        self.channel_changed(&place.account, &place.channel, now)
    }

    /// Replaces one thing that a subscription says.
    fn put_in(
        &self,
        (account, channel, project): (&AccountId, &ChannelId, &ProjectId),
        path: &str,
        json: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let changed = self.change(
            "UPDATE subscription SET body = json_set(body, ?4, json(?5))
             WHERE account = ?1 AND channel = ?2 AND project = ?3",
            (account.as_str(), channel.key(), project.as_str(), path, json),
        )?;
        if changed == 0 { Ok(()) } else { self.channel_changed(account, channel, now) }
    }

    /// A new card is revision 1, and somebody wants it; every later one finds the row at the revision before.
    fn put_card(&self, card: &Card) -> Result<(), Fault> {
        let (account, channel) = (card.content.place.account.as_str(), card.content.place.channel.key());
        let (handle, issue) = (card.handle.as_str(), card.content.issue_id.as_str());
        let (revision, body) = (stored(card.revision.0), to_json(&card.content)?);
        let roundup = card.listed.as_ref().map(Handle::as_str);
        let message = card.message.as_ref().map(MessageId::as_str);
        let changed = if card.revision == Revision::default().next() {
            self.change(
                "INSERT INTO card (account, handle, channel, issue, revision, message, shown, opened, roundup, body)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS
                 (SELECT 1 FROM subscription WHERE account = ?1 AND channel = ?3 AND project = ?11)",
                params![
                    account,
                    handle,
                    channel,
                    issue,
                    revision,
                    message,
                    stored(card.shown.0),
                    card.opened.0,
                    roundup,
                    body,
                    card.content.project.id.as_str()
                ],
            )?
        } else {
            self.change(
                "UPDATE card SET channel = ?3, issue = ?4, revision = ?5, body = ?6, roundup = ?7, opened = ?9
                 WHERE account = ?1 AND handle = ?2 AND revision = ?5 - 1 AND message IS ?8",
                params![account, handle, channel, issue, revision, body, roundup, message, card.opened.0],
            )?
        };
        if changed == 1 { Ok(()) } else { Err(Fault::Conflict) }
    }

    fn card_shown(
        &self,
        (account, card): (&AccountId, &Handle),
        (seen, message): (Option<&MessageId>, Option<&MessageId>),
        shown: Revision,
        again: &NewJob,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let id = |message: Option<&MessageId>| message.map(|id| id.as_str().to_owned());
        let newest = self.first(
            "UPDATE card SET message = iif(message IS ?5, ?3, message), shown = iif(message IS ?5, ?4, shown)
             WHERE account = ?1 AND handle = ?2 RETURNING revision, message IS ?3 AND shown = ?4",
            params![account.as_str(), card.as_str(), id(message), stored(shown.0), id(seen)],
            |row| Ok((revision(row.get(0)?), row.get::<_, bool>(1)?)),
        )?;
        match newest {
            Some((newest, is_taken)) if newest != shown || !is_taken => self.enqueue(again, now),
            _ => Ok(()),
        }
    }

    fn show_if_behind(&self, account: &AccountId, card: &Handle, again: &NewJob, now: Timestamp) -> Result<(), Fault> {
        let sql = "SELECT 1 FROM card WHERE account = ?1 AND handle = ?2 AND (message IS NULL OR shown <> revision)";
        if self.finds(sql, (account.as_str(), card.as_str()))? { self.enqueue(again, now) } else { Ok(()) }
    }

    fn link_person(&self, linked: &LinkedPerson) -> Result<(), Fault> {
        self.change(
            "INSERT INTO person (account, user, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, user) DO UPDATE SET body = excluded.body",
            (linked.person.account.as_str(), linked.person.user.as_str(), to_json(linked)?),
        )?;
        Ok(())
    }

    fn put_mentions(&self, account: &AccountId, user: &UserId, on: bool) -> Result<(), Fault> {
        let sql = match on {
            true => "DELETE FROM unmentioned WHERE account = ?1 AND user = ?2",
            false => "INSERT OR IGNORE INTO unmentioned (account, user) VALUES (?1, ?2)",
        };
        self.change(sql, (account.as_str(), user.as_str())).map(drop)
    }

    fn put_roles(&self, linked: &LinkedPerson) -> Result<(), Fault> {
        self.change(
            "UPDATE person SET body = ?3 WHERE account = ?1 AND user = ?2 AND body ->> '$.credential' = ?4",
            (linked.person.account.as_str(), linked.person.user.as_str(), to_json(linked)?, linked.credential.as_str()),
        )
        .map(drop)
    }

    fn put_account(&self, account: &Account) -> Result<(), Fault> {
        self.change(
            "INSERT INTO account (id, installer, since) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET installer = excluded.installer, since = excluded.since",
            (account.id.as_str(), account.installer.as_ref().map(|user| user.as_str()), account.since.map(|at| at.0)),
        )?;
        Ok(())
    }

    fn saw(&self, place: &Place, person: &Person, at: Timestamp) -> Result<(), Fault> {
        let (account, channel) = (place.account.as_str(), place.channel.key());
        if let Some(name) = &place.name {
            self.name_channel(&place.account, &place.channel, name)?;
        }
        // Guests have no number: what one of them knows must not be known to all.
        if !person.is_guest() {
            self.change(
                "INSERT INTO presence (account, user, channel, jid, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET jid = excluded.jid, at = excluded.at, body = excluded.body",
                (account, person.user.as_str(), &channel, place.channel.as_str(), at.0, to_json(person)?),
            )?;
        }
        Ok(())
    }

    /// The first one stays: it says since when.
    fn pause(&self, pause: &Pause) -> Result<(), Fault> {
        let Pause { account, channel, since, why } = pause;
        self.change(
            "INSERT OR IGNORE INTO pause (account, channel, jid, since, why) VALUES (?1, ?2, ?3, ?4, ?5)",
            (account.as_str(), channel.key(), channel.as_str(), since.0, why),
        )?;
        Ok(())
    }
}
