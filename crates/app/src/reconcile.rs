//! Asking Sentry what no webhook told of: after a start, every hour, and when an organization is silent.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use zentry_domain::decide::{Found, GapFacts, Reading};
use zentry_domain::ports::{ASKING, StoreError, TrackerError};
use zentry_domain::{
    Actor, Card, Decision, Issue, IssueId, OrgSlug, Outcome, Person, Project, ProjectKey, Pulse, Subscription,
    Timestamp,
};

use crate::App;
use crate::perform::{Effect, Setback};

/// Webhooks of what happened less than this ago may still be on their way; not those from before the start, nobody took them.
const SETTLED: Duration = Duration::from_secs(60);
/// The first question is asked so long after a start, when everything else has come up.
const AFTER_START: Duration = Duration::from_secs(2);
/// The clocks here and at Sentry may differ; what was heard of before is not told again.
const OVERLAP: Duration = Duration::from_secs(5 * 60);
/// No further back, however long the bot was away: Sentry searches as far (Sentry, search), and nobody would read it.
const FURTHEST: Duration = Duration::from_secs(14 * 24 * 3_600);
/// Cards of so many days are read again, the newest of each channel first.
const READ_AGAIN: Duration = Duration::from_secs(30 * 24 * 3_600);
/// At most so many issues are read again each time, one call each.
const READINGS: usize = 50;
/// At most so many cards are compared with them: one issue may have one in each of thousands of channels.
const CARDS: usize = 10_000;
/// At most so many grants are tried to read a project.
const READERS: usize = 3;
/// At most so many people of an account are told that webhooks do not arrive.
const CARETAKERS: usize = 5;
/// After a start the organizations are not asked all at once: so far apart on average, and all within the longest time.
const APART: Duration = Duration::from_secs(2);
const WITHIN: Duration = Duration::from_secs(3_600);
/// So many are queued in one commit, so that a delivery never waits for all of them.
const AT_ONCE: usize = 256;
/// Organizations asked at the same time: half of what may be asked at all (`ports::ASKING`), so that single issues are read too.
pub(crate) const ASKED: usize = ASKING / 2;
/// How long one waits for its turn that found so many before it.
const TURN: Duration = Duration::from_secs(60);

impl App {
    /// Queues the question for every organization that somebody is connected to; one that waits already comes earlier.
    pub(crate) async fn begin_reconciling(&self) -> Result<(), StoreError> {
        let (now, orgs) = (self.now(), self.ports.facts.subscribed_orgs().await?);
        let spread = APART.saturating_mul(u32::try_from(orgs.len()).unwrap_or(u32::MAX)).min(WITHIN);
        for orgs in orgs.chunks(AT_ONCE) {
            let jobs = orgs.iter().map(|org| {
                let wait = AFTER_START + spread.mul_f64(self.ports.random.unit());
                self.core().reconcile(org).at(now + wait)
            });
            let decision = Decision { changes: Vec::new(), jobs: jobs.collect() };
            self.ports.store.commit(&[], &decision, now).await?;
        }
        Ok(())
    }

    /// Asks Sentry what is new in an organization, and how the issues of its cards are.
    pub(crate) async fn ask_what_changed(&self, org: &OrgSlug) -> Result<Effect, Setback> {
        let subscriptions = self.ports.facts.subscriptions_to(org).await?;
        let pulse = self.pulse(org).await?;
        let Some(oldest) = subscriptions.iter().map(|s| s.since).min() else { return Ok(Effect::Due) };
        if !pulse.is_due(self.started, self.now()) {
            return Ok(Effect::Due);
        }
        let Ok(_turn) = self.asking.try_acquire() else { return Ok(Effect::Crowded) };
        let since = pulse.read_until(self.now()).unwrap_or(oldest);
        let from = (since - OVERLAP).max(self.now() - FURTHEST);
        let ours = since < self.started || self.refused.is_since(since);
        let until = (self.now() - SETTLED).max(self.started.min(self.now()));
        let (fresh, complete) = self.fresh(&subscriptions, from).await?;
        let fresh = self.with_occurrences(fresh, &subscriptions).await?;
        let (known, cards) = self.as_they_are(&self.newest(&subscriptions).await?).await?;
        let reading = Reading { org: org.clone(), from: since, until, complete, ours, fresh, known };
        Ok(Effect::Reconciled { reading: Box::new(reading), cards })
    }

    /// What follows from the answer. `seen` are the cards as they were when Sentry was asked.
    pub(crate) async fn catch_up(&self, reading: &Reading, seen: &[Card]) -> Result<Outcome, StoreError> {
        let facts = &self.ports.facts;
        let subscriptions = facts.subscriptions_to(&reading.org).await?;
        let pulse = self.pulse(&reading.org).await?;
        let mut known = GapFacts { subscriptions, ..GapFacts::default() };
        for found in &reading.fresh {
            known.cards.extend(facts.cards_of(&found.id).await?);
            known.heard.extend(facts.heard(&found.id).await?.map(|_| found.id.clone()));
        }
        let of_fresh: HashSet<_> = known.cards.iter().map(|card| card.handle.clone()).collect();
        for card in seen.iter().filter(|card| !of_fresh.contains(&card.handle)) {
            known.cards.extend(facts.card(&card.content.place.account, &card.handle).await?);
        }
        let seen: HashMap<_, _> = seen.iter().map(|card| (&card.handle, card.revision)).collect();
        let moved_on = |card: &&Card| seen.get(&card.handle) != Some(&card.revision);
        known.moved_on = known.cards.iter().filter(moved_on).map(|card| card.handle.clone()).collect();
        known.caretakers = self.caretakers(&known.subscriptions).await?;
        metrics::counter!("zentry_reconciled_total").increment(1);
        Ok(Outcome::Done(self.core().reconciled(reading, &pulse, &known)))
    }

    /// Sentry was not asked, or did not answer: it is asked later, while anybody is connected.
    pub(crate) async fn ask_later(&self, org: &OrgSlug) -> Result<Decision, StoreError> {
        if self.ports.facts.subscriptions_to(org).await?.is_empty() {
            return Ok(Decision::nothing());
        }
        Ok(self.core().reconcile_later(&self.pulse(org).await?))
    }

    /// Too many others are being asked about.
    pub(crate) fn ask_in_turn(&self, org: &OrgSlug) -> Decision {
        let wait = TURN.mul_f64(0.5 + self.ports.random.unit() / 2.0);
        Decision::job(self.core().reconcile(org).at(self.now() + wait))
    }

    async fn pulse(&self, org: &OrgSlug) -> Result<Pulse, StoreError> {
        Ok(self.ports.facts.pulse(org).await?.unwrap_or_else(|| Pulse::silent(org.clone())))
    }

    /// The new issues of every project, and whether somebody could read each of them.
    async fn fresh(&self, subscriptions: &[Subscription], from: Timestamp) -> Result<(Vec<Found>, bool), Setback> {
        let (mut found, mut complete) = (Vec::new(), true);
        for project in projects(subscriptions) {
            match self.fresh_in(project, from).await? {
                Some(issues) => found.extend(issues),
                None => {
                    tracing::warn!(
                        project = project.label(),
                        "nobody can be asked for this project at Sentry: whoever connected it has no working link. What no \
                         webhook tells of it is not found until somebody who sees it there links and connects"
                    );
                    complete = false;
                }
            }
        }
        Ok((found, complete))
    }

    async fn fresh_in(&self, project: &Project, from: Timestamp) -> Result<Option<Vec<Found>>, Setback> {
        for actor in self.readers(project).await? {
            match self.ports.tracker.issues_since(&actor, project, from).await {
                Ok(Some(issues)) => {
                    let named = |(id, issue)| Found { project: project.clone(), id, issue, occurrence: None };
                    return Ok(Some(issues.into_iter().map(named).collect()));
                }
                // Not theirs to see, or their link no longer works: somebody else may.
                Ok(None) | Err(TrackerError::Unauthorized | TrackerError::Refused { .. } | TrackerError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// The issues of the newest cards in these channels.
    async fn newest(&self, subscriptions: &[Subscription]) -> Result<Vec<Card>, StoreError> {
        let since = self.now() - READ_AGAIN;
        let (mut newest, mut places): (Vec<Card>, _) = (Vec::new(), HashSet::new());
        for subscription in subscriptions {
            let place = &subscription.place;
            if !places.insert((&place.account, &place.channel)) {
                continue;
            }
            let here = self.ports.facts.cards_in(&place.account, &place.channel, since, READINGS).await?;
            let is_of_it =
                |card: &Card| card.content.is_of_issue() && card.content.project.org == subscription.project.org;
            newest.extend(here.into_iter().filter(is_of_it));
            // An organization may be connected to thousands of channels.
            newest.sort_by_key(|card| Reverse(card.opened));
            let mut issues = HashSet::new();
            newest.retain(|card| issues.insert(card.content.issue_id.clone()));
            newest.truncate(READINGS);
        }
        Ok(newest)
    }

    /// How Sentry says that those issues are, and all their cards as they were before it was asked.
    async fn as_they_are(&self, newest: &[Card]) -> Result<(Vec<(IssueId, Issue)>, Vec<Card>), Setback> {
        let (mut read, mut cards) = (Vec::new(), Vec::new());
        for Card { content, .. } in newest {
            let of_issue = self.ports.facts.cards_of(&content.issue_id).await?;
            if cards.len() + of_issue.len() > CARDS {
                break;
            }
            cards.extend(of_issue);
            let issue = self.read_issue(&content.project, &content.issue_id).await?;
            read.extend(issue.map(|issue| (content.issue_id.clone(), issue)));
        }
        Ok((read, cards))
    }

    /// Asks Sentry how an issue is: as the integration or an installation, else as somebody who connected its project.
    pub(crate) async fn read_issue(&self, project: &Project, issue: &IssueId) -> Result<Option<Issue>, Setback> {
        let at = zentry_domain::IssueRef { org: project.org.clone(), id: issue.clone() };
        for actor in self.readers(project).await? {
            match self.ports.tracker.issue(&actor, &at).await {
                Ok(Some(issue)) => return Ok(Some(issue)),
                Ok(None) | Err(TrackerError::Unauthorized | TrackerError::Refused { .. } | TrackerError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// As whom Sentry is asked about a project: as the integration, else as the installation in its organization, else as
    /// somebody who connected it.
    pub(crate) async fn readers(&self, project: &Project) -> Result<Vec<Actor>, StoreError> {
        if self.deployment.integration_org.as_ref() == Some(&project.org) {
            return Ok(vec![Actor::Integration { org: project.org.clone() }]);
        }
        let key = ProjectKey { id: Some(project.id.clone()), ..ProjectKey::default() };
        let mut readers = self.installations_in(&project.org).await?;
        for subscription in self.ports.facts.subscribers(&key).await? {
            let by = &subscription.by;
            let reader = self.ports.facts.linked(&by.account, &by.user).await?.map(|linked| Actor::person(&linked));
            readers.extend(reader.filter(|reader| !readers.contains(reader)));
            if readers.len() >= READERS {
                break;
            }
        }
        Ok(readers)
    }

    async fn installations_in(&self, org: &OrgSlug) -> Result<Vec<Actor>, StoreError> {
        if self.deployment.install_url.is_none() {
            return Ok(Vec::new());
        }
        let known = self.ports.facts.installations_of(org).await?.into_iter();
        Ok(known.map(|installation| Actor::Installation { installation, org: org.clone() }).collect())
    }

    /// Whoever can mend it, in each account: its managers as far as they were ever seen, else who connected the projects.
    async fn caretakers(&self, subscriptions: &[Subscription]) -> Result<Vec<Person>, StoreError> {
        let (mut told, mut accounts) = (Vec::new(), HashSet::new());
        for subscription in subscriptions {
            let account = &subscription.place.account;
            if !accounts.insert(account) {
                continue;
            }
            let mut here = self.managers_of(account).await?;
            if here.is_empty() {
                here = subscriptions.iter().filter(|s| s.place.account == *account).map(|s| s.by.clone()).collect();
            }
            let mut users = HashSet::new();
            told.extend(here.into_iter().filter(|person| users.insert(person.user.clone())).take(CARETAKERS));
        }
        Ok(told)
    }
}

/// Each project once.
fn projects(subscriptions: &[Subscription]) -> impl Iterator<Item = &Project> {
    let mut known = HashSet::new();
    subscriptions.iter().map(|s| &s.project).filter(move |project| known.insert(&project.id))
}
