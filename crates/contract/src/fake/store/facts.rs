//! Reading.

use async_trait::async_trait;
use zentry_domain::ports::StoreError;
use zentry_domain::{
    Account, AccountId, Card, ChannelId, Digest, Facts, Handle, InstallationId, IssueId, Link, LinkedPerson, OrgSlug,
    ProjectKey, Stage, Subscription, UserId,
};

use super::FakeStore;

#[async_trait]
impl Facts for FakeStore {
    async fn subscriptions_in(
        &self,
        account: &AccountId,
        channel: &ChannelId,
    ) -> Result<Vec<Subscription>, StoreError> {
        let mut found =
            all(&self.up()?.rows.subscriptions, |s| s.place.account == *account && s.place.channel == *channel);
        found.sort_by_key(|s| s.since);
        Ok(found)
    }

    async fn subscriptions_of(&self, account: &AccountId) -> Result<Vec<Subscription>, StoreError> {
        let mut found = all(&self.up()?.rows.subscriptions, |s| s.place.account == *account);
        found.sort_by_key(|s| (s.place.channel.key(), s.since));
        Ok(found)
    }

    async fn subscribers(&self, project: &ProjectKey) -> Result<Vec<Subscription>, StoreError> {
        Ok(all(&self.up()?.rows.subscriptions, |s| project.names(&s.project)))
    }

    async fn cards_of(&self, issue: &IssueId) -> Result<Vec<Card>, StoreError> {
        Ok(all(&self.up()?.rows.cards, |card| card.content.issue_id == *issue))
    }

    async fn card(&self, account: &AccountId, handle: &Handle) -> Result<Option<Card>, StoreError> {
        let mine = |card: &&Card| card.content.place.account == *account && card.handle == *handle;
        Ok(self.up()?.rows.cards.iter().find(mine).cloned())
    }

    async fn link(&self, id: &Digest) -> Result<Option<Link>, StoreError> {
        Ok(self.up()?.rows.links.iter().find(|link| link.id == *id).cloned())
    }

    async fn link_at_sentry(&self, state: &Digest) -> Result<Option<Link>, StoreError> {
        let at_sentry = |link: &&Link| matches!(&link.stage, Stage::AtSentry { state: known, .. } if known == state);
        Ok(self.up()?.rows.links.iter().find(at_sentry).cloned())
    }

    async fn open_link(&self, account: &AccountId, user: &UserId) -> Result<Option<Link>, StoreError> {
        let open =
            |link: &&Link| link.person.account == *account && link.person.user == *user && link.stage != Stage::Ended;
        Ok(self.up()?.rows.links.iter().rfind(open).cloned())
    }

    async fn linked(&self, account: &AccountId, user: &UserId) -> Result<Option<LinkedPerson>, StoreError> {
        let theirs = |linked: &&LinkedPerson| linked.person.account == *account && linked.person.user == *user;
        Ok(self.up()?.rows.people.iter().find(theirs).cloned())
    }

    async fn installation(&self, id: &InstallationId) -> Result<Option<OrgSlug>, StoreError> {
        Ok(self.up()?.rows.installations.iter().find(|(known, _)| known == id).map(|(_, org)| org.clone()))
    }

    async fn is_installed(&self, org: &OrgSlug) -> Result<bool, StoreError> {
        Ok(self.up()?.rows.installations.iter().any(|(_, known)| known == org))
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.up()?.rows.accounts.iter().find(|known| known.id == *id).cloned())
    }

    async fn channels_known_to(&self, account: &AccountId, user: &UserId) -> Result<Vec<ChannelId>, StoreError> {
        let theirs = all(&self.up()?.rows.presence, |(of, who, _)| of == account && who == user);
        Ok(theirs.into_iter().map(|(_, _, channel)| channel).collect())
    }
}

fn all<T: Clone>(rows: &[T], wanted: impl Fn(&T) -> bool) -> Vec<T> {
    rows.iter().filter(|row| wanted(row)).cloned().collect()
}
