//! What follows from a performed job: decided from its result and from fresh facts, without any call outside, so that it
//! can be decided again when a row has moved on.

use std::time::Duration;

use zentry_domain::decide::{Joining, OUTAGE, TestFacts};
use zentry_domain::job::next;
use zentry_domain::ports::StoreError;
use zentry_domain::{
    Answer, Card, Connect, Decision, Digest, Failure, Issue, Job, Join, LinkedPerson, MessageId, Notice, Outcome,
    Person, Place, Queued, Revision, RowChange, Suppression, Tell, Test, Verdict, say,
};

use crate::App;
use crate::perform::{Effect, Performed, Setback};

/// At most so many of an account's managers hear that a message was given up.
const MANAGERS_TOLD: usize = 3;
/// How often a place that refuses is probed.
const PROBE_EVERY: Duration = Duration::from_secs(3_600);

impl App {
    /// What follows from what a job came to.
    ///
    /// # Errors
    /// Where the facts cannot be read.
    pub(crate) async fn conclude(&self, queued: &Queued, performed: &Performed) -> Result<Outcome, StoreError> {
        match performed {
            Ok(effect) => self.succeeded(queued, effect).await,
            Err(setback) => self.failed(queued, setback).await,
        }
    }

    async fn succeeded(&self, queued: &Queued, effect: &Effect) -> Result<Outcome, StoreError> {
        Ok(match (&queued.job, effect) {
            (_, Effect::Posted { card, message }) => {
                let trace = self.core().trace(card, Verdict::Posted);
                self.shown(queued, card, Some(message), Some(trace)).await?
            }
            (_, Effect::Edited(card)) => self.shown(queued, card, card.message.as_ref(), None).await?,
            (_, Effect::SaidBelow(card)) => Outcome::Done(self.said_below(card).await?),
            // The message was deleted in the chat: the card is posted anew.
            (_, Effect::Lost(card)) => Outcome::Done(self.is_at(card, None, Revision(0))),
            (_, Effect::AsShown(card) | Effect::Listed(card)) => self.suppressed(Suppression::Merged, card, None),
            (_, Effect::Unwanted(card)) => {
                self.suppressed(Suppression::Disconnected, card, Some(Verdict::Disconnected))
            }
            (_, Effect::NoCard) => Outcome::Suppressed { reason: Suppression::Deauthorized, then: Decision::nothing() },
            (Job::Test(test), Effect::Said) => Outcome::Done(self.tested(queued, test, None).await?),
            (Job::Unfurl(unfurl), Effect::Unfurled) => Outcome::Done(self.core().unfurled(unfurl)),
            (Job::Connect(wish), Effect::Found(found, reach)) => {
                let here = self.ports.facts.subscriptions_in(&wish.place.account, &wish.place.channel).await?;
                let wholes = self.ports.facts.wholes_in(&wish.place.account, &wish.place.channel).await?;
                Outcome::Done(self.core().looked_up(wish, found, &here, &wholes, reach))
            }
            (Job::Join(join), Effect::Joining(joining)) => Outcome::Done(self.joined(join, joining.as_ref()).await?),
            (_, Effect::Roles(linked, manages)) => Outcome::Done(self.core().roles_read(linked, manages.clone())),
            (Job::Install { installation, .. }, Effect::Installed(org)) => {
                Outcome::Done(self.installed(installation, org.as_ref()).await?)
            }
            (Job::Update(update), Effect::Updated(issue)) => {
                let cards = self.ports.facts.cards_of(&update.issue.id).await?;
                Outcome::Done(self.core().updated(update, &cards, issue))
            }
            (Job::Update(update), Effect::DoneBefore) => {
                let card = self.ports.facts.card(&update.by.account, &update.card).await?;
                Outcome::Done(self.core().updated_before(card.as_ref()))
            }
            (Job::Tell(tell), Effect::Described(issue)) => Outcome::Done(self.told(tell, issue.clone()).await?),
            (Job::AskWhom(ask), Effect::Assignable(card, assignees)) => {
                Outcome::Done(self.core().choose_assignee(ask, card, assignees))
            }
            (Job::Refresh { issue: id, .. } | Job::Reread { issue: id }, Effect::Read { project, issue, seen, at }) => {
                let cards = self.ports.facts.cards_of(id).await?;
                // Something came in while Sentry was being asked: whether it answered before or after that nobody knows.
                let moved_on = cards != *seen || self.ports.facts.heard(id).await?.is_some_and(|heard| heard >= *at);
                let mut decision = match moved_on {
                    true => Decision::job(self.core().refresh(project, id)),
                    false => self.core().refreshed(project, &cards, issue),
                };
                decision.jobs.extend(self.again(queued, &cards));
                Outcome::Done(decision)
            }
            (Job::Reread { issue }, Effect::Unread) => {
                let cards = self.ports.facts.cards_of(issue).await?;
                Outcome::Done(self.again(queued, &cards).map_or_else(Decision::nothing, Decision::job))
            }
            (Job::Reread { issue }, Effect::NotYet(at)) => {
                Outcome::Done(Decision::job(self.core().reread_at(issue, *at)))
            }
            (Job::Sift { project, cards, .. }, Effect::Sifted(occurrence)) => {
                Outcome::Done(self.sifted(project, cards, occurrence.as_ref()).await?)
            }
            (Job::AskFirst(ask), Effect::First(said)) => Outcome::Done(self.first(queued, ask, said).await?),
            (_, Effect::Reconciled { reading, cards }) => self.catch_up(reading, cards).await?,
            (Job::Reconcile { org }, Effect::Crowded) => Outcome::Done(self.ask_in_turn(org)),
            (Job::Reconcile { org }, Effect::Due) => Outcome::Done(self.ask_later(org).await?),
            (_, Effect::Left { stranded }) => Outcome::Done(self.core().hooks_stranded(stranded)),
            (_, Effect::Tended(tended)) => Outcome::Done(self.hooks_tended(tended).await?),
            (_, Effect::DirectoryRead(reading)) => Outcome::Done(self.directory_read(reading).await?),
            (Job::ReadDirectory { account }, Effect::Crowded) => Outcome::Done(self.read_directory_in_turn(account)),
            (_, Effect::RoundupShown { roundup, message, said }) => {
                let shown = self.core().roundup_shown(roundup, message.clone(), said.clone());
                let was_sent = roundup.message != *message || roundup.said.as_ref() != Some(said);
                let place = &roundup.scene.place;
                Outcome::Done(if was_sent { shown.with(self.resumed(place).await?) } else { shown })
            }
            (_, Effect::Early(roundup)) => Outcome::Done(self.core().roundup_later(roundup)),
            (_, Effect::UnwantedRoundup(roundup)) => {
                Outcome::Suppressed { reason: Suppression::Disconnected, then: self.core().roundup_lost(roundup) }
            }
            (Job::ShowLater { account, card }, Effect::Due) => {
                let card = self.ports.facts.card(account, card).await?;
                Outcome::Done(card.map_or_else(Decision::nothing, |card| self.core().show_by_now(&card)))
            }
            (Job::ExpireLink { link }, Effect::Due) => Outcome::Done(self.expired(link).await?),
            (Job::Sweep, Effect::Due) => Outcome::Done(self.core().sweep()),
            _ => Outcome::Done(Decision::nothing()),
        })
    }

    /// What was said about an issue, with as much as is known of it. A card may have come meanwhile.
    async fn told(&self, tell: &Tell, issue: Option<Issue>) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        let here = facts.subscriptions_in(&tell.place.account, &tell.place.channel).await?;
        if !here.iter().any(|s| s.project.id == tell.project.id) {
            return Ok(Decision::nothing());
        }
        let cards = facts.cards_of(&tell.issue).await?;
        let card = cards.iter().find(|card| card.content.place.is_same(&tell.place));
        let page = || Some(self.ports.tracker.issue_page(&tell.project, &tell.issue));
        let unread = || Issue { url: page(), ..Issue::default() };
        let issue = issue.or_else(|| card.map(|card| card.content.issue.clone())).unwrap_or_else(unread);
        let settings = facts.settings(&tell.place.account, &tell.place.channel).await?;
        Ok(self.core().tell_of(tell, card, &issue, settings))
    }

    /// A project joins, unless somebody was faster or does not want it any more.
    async fn joined(&self, join: &Join, joining: Option<&Joining>) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        let Place { account, channel, .. } = &join.place;
        let here = facts.subscriptions_in(account, channel).await?;
        let is_apart = facts.is_apart(account, channel, &join.project).await?;
        let Some(whole) = self.whole(join).await?.filter(|_| !is_apart) else { return Ok(Decision::nothing()) };
        let there = here.into_iter().find(|s| s.project.id == join.project);
        let Some(joining) = joining else {
            return Ok(if there.is_some() { Decision::nothing() } else { self.core().not_joined(join) });
        };
        let Some(change) = self.core().joins_with(joining, &join.issue) else {
            return Ok(if there.is_some() { Decision::nothing() } else { self.core().joined(&whole, joining) });
        };
        let is_new = there.is_none();
        let subscription = there.unwrap_or_else(|| self.core().subscription_of(&whole, joining));
        let cards = facts.cards_of(&join.issue).await?;
        let crowds = self.crowds(&change, std::slice::from_ref(&subscription), &cards).await?;
        let joined = if is_new { self.core().joined(&whole, joining) } else { Decision::nothing() };
        Ok(joined.with(self.core().changed(&change, &[subscription], &cards, &crowds)))
    }

    async fn tested(&self, queued: &Queued, test: &Test, failed: Option<&str>) -> Result<Decision, StoreError> {
        let (facts, Place { account, channel, .. }) = (&self.ports.facts, &test.place);
        let here = facts.subscriptions_in(account, channel).await?;
        let status = self.status_of(&test.place, &here).await?;
        let storm = facts.storm_in(account, channel).await?.is_some();
        Ok(self.core().tested(test, queued.since, failed, &TestFacts { here, status, storm }))
    }

    /// The message shows what the card said when it was read; a place that was paused is not any more.
    async fn shown(
        &self,
        queued: &Queued,
        card: &Card,
        message: Option<&MessageId>,
        trace: Option<RowChange>,
    ) -> Result<Outcome, StoreError> {
        let mut decision = self.is_at(card, message.cloned(), card.revision);
        decision.changes.extend(trace);
        decision.jobs.extend(self.core().reread(std::slice::from_ref(card)));
        if let (None, Some(message)) = (&card.message, message) {
            decision = decision.with(self.called(card, message).await?);
        }
        let place = &card.content.place;
        // It failed for long, and so everything behind it has waited as long.
        if self.now().since(queued.since) >= OUTAGE {
            let waits = self.ports.facts.waiting_cards(&place.account, &place.channel).await?;
            if waits > 2 {
                decision = decision.with(self.core().back_after_outage(card, queued.since));
            }
        }
        Ok(Outcome::Done(decision.with(self.resumed(place).await?)))
    }

    /// Where the issue stands was said under the message, which takes no edit: that is kept, or it would be said again.
    async fn said_below(&self, card: &Card) -> Result<Decision, StoreError> {
        let now = self.ports.facts.card(&card.content.place.account, &card.handle).await?;
        let said = now.and_then(|now| now.said_below(card));
        let shown = said.as_ref().filter(|said| said.revision == card.revision.next()).unwrap_or(card);
        let mut decision = self.is_at(shown, card.message.clone(), shown.revision);
        decision.changes.splice(0..0, said.clone().map(RowChange::put_card));
        decision.jobs.extend(self.core().reread(std::slice::from_ref(card)));
        Ok(decision.with(self.resumed(&card.content.place).await?))
    }

    /// Whose the issue is that has just been posted is called, where they and the channel want it.
    async fn called(&self, card: &Card, message: &MessageId) -> Result<Decision, StoreError> {
        let (facts, core, account) = (&self.ports.facts, self.core(), &card.content.place.account);
        let Some(sentry_user) = core.calls(card) else { return Ok(Decision::nothing()) };
        let Some(LinkedPerson { person, .. }) = facts.linked_as(account, sentry_user).await? else {
            return Ok(Decision::nothing());
        };
        let is_wanted = facts.wants_mentions(account, &person.user).await?;
        Ok(if is_wanted { core.call(card, message, &person) } else { Decision::nothing() })
    }

    /// Something was sent to a place: if it was paused it is not any more.
    async fn resumed(&self, place: &Place) -> Result<Decision, StoreError> {
        let was_paused = self.ports.facts.paused(&place.account, &place.channel).await?.is_some();
        let (account, channel) = (place.account.clone(), place.channel.clone());
        let resume = Decision::nothing().and(RowChange::Resume { account, channel });
        Ok(if was_paused { resume } else { Decision::nothing() })
    }

    /// The card's message shows this revision; the store shows it again where it has moved on.
    fn is_at(&self, card: &Card, message: Option<MessageId>, revision: Revision) -> Decision {
        Decision::nothing().and(RowChange::CardShown {
            account: card.content.place.account.clone(),
            card: card.handle.clone(),
            seen: card.message.clone(),
            message,
            revision,
            again: self.core().show(card).uncounted(),
        })
    }

    /// Nothing was sent; but where the card has moved on since it was read, that is still to be shown.
    fn suppressed(&self, reason: Suppression, card: &Card, verdict: Option<Verdict>) -> Outcome {
        let mut then = self.is_at(card, card.message.clone(), card.revision);
        then.changes.extend(verdict.map(|verdict| self.core().trace(card, verdict)));
        Outcome::Suppressed { reason, then }
    }

    async fn expired(&self, link: &Digest) -> Result<Decision, StoreError> {
        let link = self.ports.facts.link(link).await?;
        Ok(link.map_or_else(Decision::nothing, |link| self.core().link_expired(&link)))
    }

    // === failures ===

    /// The ladder decides; a job whose author waits tells them instead of becoming a dead letter.
    async fn failed(&self, queued: &Queued, setback: &Setback) -> Result<Outcome, StoreError> {
        let failure = &setback.failure;
        if *failure == Failure::Gone
            && let Some((place, by)) = self.goes_to(&queued.job).await?
        {
            return self.refused_there(queued, &place, &by).await;
        }
        match next(queued, failure, self.now(), self.ports.random.unit()) {
            Ok(outcome) => {
                tracing::warn!(job.id = %queued.id, job.kind = queued.job.kind(), ?failure, "a job did not succeed; it will be tried again");
                Ok(outcome)
            }
            Err(why) => self.given_up(queued, setback, why).await,
        }
    }

    /// Where a card goes, and on whose behalf.
    async fn goes_to(&self, job: &Job) -> Result<Option<(Place, Person)>, StoreError> {
        Ok(match job {
            Job::Show { account, card } => {
                self.ports.facts.card(account, card).await?.map(|card| (card.content.place, card.content.by))
            }
            Job::ShowRoundup { account, roundup } => {
                self.ports.facts.roundup(account, roundup).await?.map(|roundup| (roundup.scene.place, roundup.scene.by))
            }
            _ => None,
        })
    }

    /// Nothing can be sent to a card's place: it is paused, whoever set it up is told once, nothing is deleted, and the
    /// waiting card itself is the probe, once an hour.
    async fn refused_there(&self, queued: &Queued, place: &Place, by: &Person) -> Result<Outcome, StoreError> {
        if self.ports.facts.paused(&place.account, &place.channel).await?.is_none() {
            let here = self.ports.facts.subscriptions_in(&place.account, &place.channel).await?;
            self.ports.store.commit(&[], &self.core().paused(place, by, &here), self.now()).await?;
            self.work.notify_one();
        }
        let as_if_down = Failure::Unavailable("the destination refuses".into());
        match next(queued, &as_if_down, self.now(), 1.0) {
            Ok(_) => Ok(Outcome::Retry { at: self.now() + PROBE_EVERY }),
            Err(why) => Ok(Outcome::Dead { then: self.told_of(queued, &why).await?, why }),
        }
    }

    async fn given_up(&self, queued: &Queued, setback: &Setback, why: String) -> Result<Outcome, StoreError> {
        let failure = &setback.failure;
        Ok(match (&queued.job, failure) {
            (Job::Test(test), _) => Outcome::Done(self.tested(queued, test, Some(&why)).await?),
            (Job::Connect(wish), _) => {
                Outcome::Done(self.core().connect_failed(wish, self.why_not_connected(wish, failure, queued)))
            }
            (Job::Update(update), _) => {
                let card = self.ports.facts.card(&update.by.account, &update.card).await?;
                Outcome::Done(self.core().not_updated(update, card.as_ref(), &why_not_updated(failure, queued)))
            }
            (Job::Tell(tell), _) => Outcome::Done(self.told(tell, None).await?),
            (Job::AskWhom(ask), _) => Outcome::Done(self.core().not_assignable(ask, &why_not_updated(failure, queued))),
            (Job::Answer(Answer { otherwise: Some(otherwise), .. }), Failure::Gone | Failure::Refused(_)) => {
                // The same notice, said elsewhere: in the ledger it is merged into that one.
                let then = Decision::job(self.core().answer_instead(otherwise));
                Outcome::Suppressed { reason: Suppression::Merged, then }
            }
            (Job::Forget { account, credential }, _) => {
                let abandoned = self.ports.tracker.abandon(account, credential).await;
                let why = if abandoned.is_ok() { format!("{why}; deleted here") } else { why };
                Outcome::Dead { why, then: Decision::nothing() }
            }
            (Job::Leave { account, credential, hooks }, _) => {
                tracing::warn!(why, "what an account that left has at Sentry could not be ended; it is forgotten here");
                Outcome::Done(self.not_left(account, credential, hooks).await)
            }
            // It was never good, or was too old: Sentry takes it no more.
            (Job::Install { installation, .. }, Failure::Gone | Failure::Refused(_)) => {
                Outcome::Done(self.not_installed(installation, &why).await?)
            }
            (Job::Sift { project, cards, .. }, _) => Outcome::Done(self.could_not_sift(project, cards, failure).await?),
            (Job::Unfurl(_), _) => {
                tracing::info!(job.id = %queued.id, why, "nothing is shown of an issue whose address was posted");
                Outcome::Done(Decision::nothing())
            }
            // It is told of, but not as new there.
            (Job::AskFirst(_), _) => Outcome::Done(Decision::nothing()),
            // The next delivery, or the next reading, brings the card up to date, and the project in.
            (Job::Join(_) | Job::ReadRoles { .. } | Job::Refresh { .. }, _) => Outcome::Done(Decision::nothing()),
            (Job::Reread { issue }, _) => {
                let cards = self.ports.facts.cards_of(issue).await?;
                Outcome::Done(self.core().reread_soon(&cards).map_or_else(Decision::nothing, Decision::job))
            }
            (Job::ReadDirectory { account }, _) => {
                tracing::warn!(%account, why, "a directory could not be read; it is read again later");
                Outcome::Done(self.core().read_directory_later(account))
            }
            (Job::TendHooks, _) => {
                tracing::warn!(why, "hooks in projects at Sentry could not be looked at; that is done again later");
                Outcome::Done(self.core().tend_hooks_later())
            }
            (Job::Reconcile { org }, _) => {
                tracing::warn!(%org, why, "Sentry could not be asked for what no webhook told of; it is asked again later");
                Outcome::Done(self.ask_later(org).await?)
            }
            (Job::ShowRoundup { account, roundup }, _) => {
                let roundup = self.ports.facts.roundup(account, roundup).await?;
                let lost = roundup.map_or_else(Decision::nothing, |roundup| self.core().roundup_lost(&roundup));
                let then = lost.with(self.told_of(queued, &why).await?);
                Outcome::Dead { why, then }
            }
            (Job::Show { account, card }, _) => {
                // What changed meanwhile was left to this job. It may fare better.
                let card = self.ports.facts.card(account, card).await?;
                let trace = card.as_ref().map(|card| self.core().trace(card, Verdict::GivenUp));
                let newer = card.filter(|card| setback.shown.is_some_and(|shown| shown < card.revision));
                let again = newer.map(|card| Decision::job(self.core().show(&card).uncounted()));
                let mut then = again.unwrap_or_default().with(self.told_of(queued, &why).await?);
                then.changes.extend(trace);
                Outcome::Dead { why, then }
            }
            _ => Outcome::Dead { why, then: Decision::nothing() },
        })
    }

    /// Whoever connected a channel and the account's managers are told of the first of its cards that is given up, once a day: the
    /// operator may be asleep.
    async fn told_of(&self, queued: &Queued, why: &str) -> Result<Decision, StoreError> {
        const DAY: Duration = Duration::from_secs(24 * 3_600);
        let Some((place, by)) = self.goes_to(&queued.job).await? else { return Ok(Decision::nothing()) };
        let failed = self.ports.facts.failed_since(&place.account, &place.channel, self.now() - DAY).await?;
        if failed > 0 {
            return Ok(Decision::nothing());
        }
        let mut told = self.managers_of(&place.account).await?;
        told.retain(|manager| manager.user != by.user);
        told.truncate(MANAGERS_TOLD);
        told.insert(0, by);
        let each = told.iter().map(|person| self.core().card_given_up(&place, person, &queued.id, why));
        Ok(each.fold(Decision::nothing(), Decision::with))
    }

    fn why_not_connected(&self, wish: &Connect, failure: &Failure, queued: &Queued) -> Notice {
        match (failure, &wish.identity) {
            (Failure::Refused(why), _) => say::sentry_refused(wish, why),
            (Failure::Unauthorized, Some(identity)) => say::failed(&self.deployment, identity.label()),
            (Failure::Unauthorized, None) => say::integration_refused(),
            _ => say::sentry_down(wish, queued.attempts + 1),
        }
    }
}

fn why_not_updated(failure: &Failure, queued: &Queued) -> String {
    match failure {
        Failure::Refused(why) => why.clone(),
        Failure::Gone => "Sentry does not show this issue to you, or it is gone.".into(),
        Failure::Unauthorized => "your Sentry link no longer works. Type unlink, then press again.".into(),
        _ => format!("Sentry is not answering ({} tries). Press again later.", queued.attempts + 1),
    }
}
