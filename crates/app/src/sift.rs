//! What may post only where Sentry says that its latest occurrence fits a filter.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zentry_domain::decide::{Crowds, Found, Sifted};
use zentry_domain::ports::{StoreError, TrackerError};
use zentry_domain::roundup::Crowd;
use zentry_domain::{
    Candidate, Decision, Failure, IssueId, IssueRef, Occurrence, OrgSlug, Project, ProjectKey, Subscription, Timestamp,
};

use crate::App;
use crate::perform::{Effect, Setback};

/// A Sentry that did not answer is asked for no further occurrence for so long: each question may take half a minute, and
/// everything that waits behind it would wait as long again.
const SILENT_FOR: Duration = Duration::from_secs(60);
/// At most so many occurrences are read each time an organization is asked what changed.
const READINGS: usize = 50;

/// The organizations whose occurrences could not be read, and since when.
#[derive(Debug, Default)]
pub(crate) struct Silent(Mutex<HashMap<OrgSlug, Timestamp>>);

impl Silent {
    fn since(&self, org: &OrgSlug, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(org.clone(), now);
    }

    /// A clock that was set back ends it.
    fn is_silent(&self, org: &OrgSlug, now: Timestamp) -> bool {
        let silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get(org).is_some_and(|since| *since <= now && now.since(*since) < SILENT_FOR)
    }
}

impl App {
    /// Asks Sentry for the latest occurrence of an issue, where it matters to one of the candidates.
    pub(crate) async fn sift(
        &self,
        project: &Project,
        issue: &IssueId,
        candidates: &[Candidate],
    ) -> Result<Effect, Setback> {
        if self.silent.is_silent(&project.org, self.now()) || self.are_listed_anyway(candidates).await? {
            return Ok(Effect::Sifted(None));
        }
        Ok(Effect::Sifted(self.read_latest(project, issue).await?))
    }

    /// Whether each would be listed by a storm that is on in its channel.
    async fn are_listed_anyway(&self, candidates: &[Candidate]) -> Result<bool, StoreError> {
        for Candidate { account, card, seen, .. } in candidates {
            let Some(card) = self.ports.facts.card(account, card).await? else { continue };
            let (channel, project) = (&card.content.place.channel, &card.content.project.id);
            let here = self.ports.facts.subscriptions_in(account, channel).await?;
            let is_muted = here.iter().any(|s| s.project.id == *project && s.muted(self.now()).is_some());
            if seen.is_some() || is_muted || self.ports.facts.storm_in(account, channel).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What follows from what Sentry said; `None` where it could not say.
    pub(crate) async fn sifted(
        &self,
        project: &Project,
        candidates: &[Candidate],
        occurrence: Option<&Occurrence>,
    ) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        let key = ProjectKey { id: Some(project.id.clone()), ..ProjectKey::default() };
        let mut known = Sifted {
            occurrence: occurrence.cloned(),
            candidates: candidates.to_vec(),
            cards: Vec::new(),
            subscriptions: facts.subscribers(&key).await?,
        };
        for Candidate { account, card, .. } in candidates {
            known.cards.extend(facts.card(account, card).await?);
        }
        let mut crowds = Crowds::new();
        for place in known.opens(self.now()) {
            let crowd = Crowd { is_told: self.is_told(place, &known.cards).await?, ..self.crowd(place).await? };
            crowds.insert((place.account.clone(), place.channel.clone()), crowd);
        }
        Ok(self.core().sifted(&known, &crowds))
    }

    /// Sentry could not be asked, three times: the cards are posted, and so are the next ones without a question.
    pub(crate) async fn could_not_sift(
        &self,
        project: &Project,
        candidates: &[Candidate],
        failure: &Failure,
    ) -> Result<Decision, StoreError> {
        tracing::warn!(
            project = project.label(),
            ?failure,
            "Sentry does not say in which environment an issue is; its cards are posted whatever their filters say of that"
        );
        self.silent.since(&project.org, self.now());
        self.sifted(project, candidates, None).await
    }

    /// Adds the latest occurrence to each new issue for which a filter needs it. The rest, beyond what is read at once or
    /// after Sentry could not say, is told of unread.
    pub(crate) async fn with_occurrences(
        &self,
        mut fresh: Vec<Found>,
        subscriptions: &[Subscription],
    ) -> Result<Vec<Found>, Setback> {
        let mut left = READINGS;
        for found in fresh.iter_mut().filter(|found| found.asks(subscriptions)) {
            // What has a card was told of, or left out.
            if left > 0 && self.ports.facts.cards_of(&found.id).await?.is_empty() {
                left -= 1;
                match self.read_latest(&found.project, &found.id).await {
                    Ok(occurrence) => found.occurrence = occurrence,
                    Err(setback) => {
                        let (project, failure) = (found.project.label(), setback.failure);
                        tracing::warn!(
                            project,
                            ?failure,
                            "Sentry does not say where its new issues are; they are told of unread"
                        );
                        left = 0;
                    }
                }
            }
        }
        Ok(fresh)
    }

    /// Asks Sentry for the latest occurrence of an issue: see [`App::readers`].
    async fn read_latest(&self, project: &Project, issue: &IssueId) -> Result<Option<Occurrence>, Setback> {
        let at = IssueRef { org: project.org.clone(), id: issue.clone() };
        for actor in self.readers(project).await? {
            match self.ports.tracker.latest(&actor, &at).await {
                Ok(Some(occurrence)) => return Ok(Some(occurrence)),
                Ok(None) | Err(TrackerError::Unauthorized | TrackerError::Refused { .. } | TrackerError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
