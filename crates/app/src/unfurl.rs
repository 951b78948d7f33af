//! Showing more of an issue whose address somebody posted.

use zentry_domain::decide::SharedFacts;
use zentry_domain::ports::{StoreError, TrackerError};
use zentry_domain::{Actor, Decision, Failure, Place, Shared, Unfurl, say};

use crate::App;
use crate::directory::as_listed;
use crate::perform::{Effect, Setback};

impl App {
    pub(crate) async fn decide_shared(&self, shared: &Shared) -> Result<Decision, StoreError> {
        let (facts, account, user) = (&self.ports.facts, &shared.by.account, &shared.by.user);
        // Most people who post an address have linked nothing, and nothing more is looked up for them.
        if shared.by.is_guest() || facts.linked(account, user).await?.is_none() {
            return Ok(Decision::nothing());
        }
        let listed = self.listed(&shared.by, false).await?;
        let shared = &Shared { by: as_listed(&shared.by, listed.rank), ..shared.clone() };
        let issue = self.core().posted(shared);
        let last = match &issue {
            Some(issue) => facts.unfurled(account, &shared.place.channel, &issue.id).await?,
            None => None,
        };
        Ok(self.core().shared(shared, &SharedFacts { is_linked: true, issue, last }).with(listed.ask))
    }

    /// Shows more of an issue, as far as whoever posted its address may see it and its place wants it shown.
    pub(crate) async fn unfurl(&self, unfurl: &Unfurl) -> Result<Effect, Setback> {
        let (facts, Place { account, channel, .. }) = (&self.ports.facts, &unfurl.place);
        let links = match &unfurl.message {
            Some(message) => facts.links_in(account, channel, message).await?,
            None => 1,
        };
        let last = facts.unfurled(account, channel, &unfurl.issue.id).await?;
        let linked = facts.linked(account, &unfurl.by.user).await?;
        let Some(linked) = linked.filter(|_| self.core().may_unfurl(links, last)) else { return Ok(Effect::Due) };
        let actor = Actor::person(&linked);
        let read = self.ports.tracker.issue_in_project(&actor, &unfurl.issue).await.map_err(of_sentry)?;
        let Some((project, issue)) = read else { return Ok(Effect::Due) };
        let privacy = facts.settings(account, channel).await?.privacy;
        let notice = say::unfurled(&project, issue, privacy);
        self.ports.chat.unfurl(&unfurl.by, &unfurl.trigger, &notice).await?;
        Ok(Effect::Unfurled)
    }
}

/// The job is a message too: what Sentry asks of us must not hold up the account's messages to Zoom.
fn of_sentry(error: TrackerError) -> Setback {
    match error {
        TrackerError::Throttled { .. } => Setback::from(Failure::Unavailable("Sentry: too many calls".into())),
        error => error.into(),
    }
}
