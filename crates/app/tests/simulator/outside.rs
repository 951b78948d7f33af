//! What was observed of the chat and of Sentry.

use zentry_domain::{AccountId, Actor, Address, CredentialId, MessageId, Notice, Secret};

use crate::cast::{is_of_storm, issue_of_card};
use crate::checks::{self, is_said_below};
use crate::people;
use crate::ports::Watched;
use crate::record::{Record, Said, Sent};

impl Record {
    // === what the chat was told ===

    pub(crate) fn posting(&mut self, world: &Watched, to: &Address, notice: &Notice) {
        self.must(people::accounts_are_apart(world, to, notice));
        self.must(checks::only_connected_channels_hear_of_a_project(self, world, to, notice));
    }

    pub(crate) fn editing(&mut self, world: &Watched, to: &Address, message: &MessageId, notice: &Notice) {
        self.count("edits");
        if notice.head.starts_with("First in ") {
            self.count("firsts");
        }
        self.must(people::accounts_are_apart(world, to, notice));
        self.offered(to, message, notice);
    }

    pub(crate) fn posted(&mut self, world: &Watched, to: &Address, notice: &Notice, is_known: bool) {
        let id = MessageId::new(format!("message-{}", self.posts + 1));
        if world.chat.message(&id).is_none() {
            return;
        }
        self.posts += 1;
        self.offered(to, &id, notice);
        let stands_for_a_storm = is_of_storm(&notice.head);
        if stands_for_a_storm || issue_of_card(&notice.head).is_some() {
            self.count(if stands_for_a_storm { "storms" } else { "cards" });
            self.cards.insert(id.clone(), if is_known { Sent::InFlight } else { Sent::Unknown });
            self.sent_to.insert((to.account.clone(), to.to.key()), world.now());
            self.told_of(world, to, &id, notice);
        } else if let Some(card) = to.reply_to.as_ref().filter(|_| is_said_below(notice)) {
            self.count("said below");
            self.must(checks::is_said_below_once(self.below.get(card), notice));
            let said = is_known.then(|| notice.head.clone());
            self.below.insert(card.clone(), said);
        } else if notice.head.starts_with("TEST") {
            // No answer of which the store knows the words.
            self.count("tests");
        } else {
            let said = self.said(to, notice);
            said.posted += 1;
            said.unknown += u64::from(!is_known);
        }
        if !is_known {
            self.count("lost answers");
        }
    }

    /// What an edit shows may be said below once more when the next one is refused.
    pub(crate) fn edited(&mut self, message: &MessageId, is_taken: bool) {
        if is_taken {
            self.below.remove(message);
        }
    }

    fn offered(&mut self, to: &Address, id: &MessageId, notice: &Notice) {
        self.buttons.extend(notice.buttons.iter().map(|button| (to.clone(), id.clone(), button.press.clone())));
        let links = notice.lines.iter().filter_map(|line| line.link.as_deref()?.split_once("/link/"));
        self.addresses.extend(links.map(|(_, token)| (to.clone(), Secret::new(token))));
    }

    pub(crate) fn said(&mut self, to: &Address, notice: &Notice) -> &mut Said {
        let only = to.visible_to.as_ref().map_or_else(String::new, |user| user.to_string());
        self.words.entry((to.account.clone(), to.to.key(), only, notice.plain().head)).or_default()
    }

    // === what Sentry was told ===

    pub(crate) fn inactive_grants_are_not_used(&mut self, by: &Actor) {
        self.must(people::inactive_grants_are_not_used(self, by));
    }

    pub(crate) fn granted(&mut self, account: &AccountId, credential: &CredentialId, user: usize) {
        self.count("grants");
        self.grants.insert(credential.clone(), (account.clone(), user));
    }

    pub(crate) fn revoked(&mut self, credential: &CredentialId, is_over: bool) {
        if is_over {
            self.grants.remove(credential);
        }
    }
}
