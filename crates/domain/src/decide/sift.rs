//! What may post only where Sentry says that its occurrence fits a filter.

use super::Core;
use super::change::{Crowds, card_in, gathered, is_told, suppressed};
use crate::{
    Admission, Candidate, Card, Change, Decision, Job, Lane, NewJob, Occurrence, Place, Roundup, RowChange,
    Subscription, Suppression, Timestamp, Verdict,
};

/// What is known of the candidates once Sentry was asked.
#[derive(Clone, Debug, Default)]
pub struct Sifted {
    /// The latest occurrence; `None` where Sentry could not say.
    pub occurrence: Option<Occurrence>,
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// Their cards as they are now.
    pub cards: Vec<Card>,
    /// The subscriptions to the issue's project.
    pub subscriptions: Vec<Subscription>,
}

impl Sifted {
    fn card(&self, candidate: &Candidate) -> Option<&Card> {
        let is_it = |card: &&Card| card.handle == candidate.card && card.content.place.account == candidate.account;
        self.cards.iter().find(is_it)
    }

    fn subscription(&self, card: &Card) -> Option<&Subscription> {
        let content = &card.content;
        self.subscriptions.iter().find(|s| s.place.is_same(&content.place) && s.project.id == content.project.id)
    }

    /// Where Sentry could not say, what is posted needlessly does less harm than what is kept back.
    fn verdict(&self, subscription: &Subscription) -> Verdict {
        match &self.occurrence {
            None => Verdict::Unsaid,
            Some(told) => subscription.filter.refuses_occurrence(told).map_or(Verdict::Fits, Verdict::LeftOut),
        }
    }

    /// A card of which it is known that it may post.
    fn fitting(&self, card: &Card, now: Timestamp) -> Card {
        let untold = Occurrence::default();
        card.after_occurrence(self.occurrence.as_ref().unwrap_or(&untold), now)
    }

    /// Where a card is about to be opened: whose crowd matters.
    pub fn opens(&self, now: Timestamp) -> Vec<&Place> {
        let opens = |candidate: &Candidate| {
            let card = self.card(candidate).filter(|card| card.is_unopened() || card.listed.is_some())?;
            let may_open = |s: &&Subscription| s.muted(now).is_none() && !is_left_out(self.verdict(s));
            self.subscription(card).filter(may_open).map(|s| &s.place)
        };
        self.candidates.iter().filter_map(opens).collect()
    }
}

impl Core<'_> {
    /// The subscriptions in whose channels `change` would post a message if Sentry says so: whether a storm is on matters.
    pub fn asks<'s>(&self, change: &Change, subscribers: &'s [Subscription], cards: &[Card]) -> Vec<&'s Subscription> {
        let is_unposted = |s: &Subscription| card_in(s, cards).is_none_or(|card| card.message.is_none());
        let asks = |s: &&Subscription| s.admission(change) == Admission::Asks && is_unposted(s);
        self.wanting(change, subscribers).into_iter().filter(asks).collect()
    }

    /// A new card that may post if Sentry says so. While a storm is on, its card lists it unasked: in a flood a question
    /// for each issue would be refused anyway, and Sentry would be called most when it suffers most. No storm begins
    /// before it was asked, so that what is left out makes none.
    pub(super) fn ask_about(&self, subscription: &Subscription, card: Card, crowds: &Crowds) -> Decision {
        match self.storm_on(subscription, crowds) {
            Some(storm) => suppressed(Suppression::Storm).and(RowChange::put_card(unasked(card, storm))),
            None => {
                let card = card.unopened();
                Decision::job(self.sift(&card, false)).and(RowChange::put_card(card))
            }
        }
    }

    /// A card that was never posted may be if Sentry says so; what lists it goes on to until then. `kept` keeps what it says and counts it as suppressed.
    pub(super) fn ask_about_unposted(
        &self,
        subscription: &Subscription,
        (card, newest): (&Card, &Card),
        kept: impl Fn(Suppression) -> Decision,
        crowds: &Crowds,
    ) -> Decision {
        let mute = subscription.muted(self.now).map(|mute| &mute.roundup);
        if mute.is_some() && mute == card.listed.as_ref() {
            return kept(Suppression::Muted);
        }
        match self.storm_on(subscription, crowds) {
            Some(storm) if card.listed.as_ref() == Some(&storm.handle) => kept(Suppression::Storm),
            Some(storm) => suppressed(Suppression::Storm)
                .and(RowChange::put_card(unasked(newest.opened_after(card, self.now), storm))),
            None => {
                let changes = (newest != card).then(|| RowChange::put_card(newest.clone()));
                let told = card.listed.is_some() && is_told(subscription, crowds);
                Decision { changes: changes.into_iter().collect(), jobs: vec![self.sift(card, told)] }
            }
        }
    }

    /// The storm whose card lists what is not asked about; a muted channel's own card tells of what it holds.
    fn storm_on<'c>(&self, subscription: &Subscription, crowds: &'c Crowds) -> Option<&'c Roundup> {
        let place = &subscription.place;
        let crowd = crowds.get(&(place.account.clone(), place.channel.clone()))?;
        crowd.storm.as_ref().filter(|_| subscription.muted(self.now).is_none())
    }

    /// The job that asks Sentry whether `card` may be posted. Two of one card are two: each is a notice of its own.
    pub(super) fn sift(&self, card: &Card, told: bool) -> NewJob {
        let (project, issue) = (card.content.project.clone(), card.content.issue_id.clone());
        let account = card.content.place.account.clone();
        let cards = vec![Candidate { account, card: card.handle.clone(), seen: card.message.clone(), told }];
        NewJob { unless_waiting: false, ..self.job(Lane::sift(&project.id), Job::Sift { project, issue, cards }) }
    }

    /// Sentry was asked: what fits is posted, and everything is counted. `crowds` tells of the places of [`Sifted::opens`].
    pub fn sifted(&self, sifted: &Sifted, crowds: &Crowds) -> Decision {
        let each = sifted.candidates.iter().map(|candidate| self.sifted_one(sifted, candidate, crowds));
        each.fold(Decision::nothing(), Decision::with)
    }

    fn sifted_one(&self, sifted: &Sifted, candidate: &Candidate, crowds: &Crowds) -> Decision {
        let Some(card) = sifted.card(candidate) else { return suppressed(Suppression::Deauthorized) };
        let Some(subscription) = sifted.subscription(card) else {
            // A message that is there is brought up to date all the same.
            let is_there = card.message.is_some() && card.message == candidate.seen;
            return if is_there { Decision::job(self.show(card)) } else { suppressed(Suppression::Disconnected) };
        };
        let verdict = sifted.verdict(subscription);
        let decision = match &candidate.seen {
            // It was posted, or posted anew, meanwhile.
            seen if *seen != card.message => suppressed(Suppression::Merged),
            None if is_left_out(verdict) => suppressed(Suppression::Filtered),
            None => self.sifted_unposted(sifted, (card, subscription), candidate.told, crowds),
            Some(_) if is_left_out(verdict) || !card.is_open() => Decision::job(self.show(card)),
            Some(_) => self.sifted_anew(&sifted.fitting(card, self.now), subscription),
        };
        decision.and(self.trace(card, verdict))
    }

    fn sifted_unposted(
        &self,
        sifted: &Sifted,
        (card, subscription): (&Card, &Subscription),
        was_told: bool,
        crowds: &Crowds,
    ) -> Decision {
        let mute = subscription.muted(self.now).map(|mute| &mute.roundup);
        match &card.listed {
            Some(listed) if mute == Some(listed) => suppressed(Suppression::Muted),
            Some(listed) if self.storm_on(subscription, crowds).is_some_and(|storm| storm.handle == *listed) => {
                suppressed(Suppression::Storm)
            }
            // What lists it told of it while Sentry was asked.
            Some(_) if !was_told && is_told(subscription, crowds) => suppressed(Suppression::Merged),
            None if !card.is_unopened() => self.put(sifted.fitting(card, self.now)),
            _ => self.open(subscription, sifted.fitting(card, self.now), crowds),
        }
    }

    /// An issue that came back is posted anew; while the channel is muted, what tells of it then has it.
    fn sifted_anew(&self, card: &Card, subscription: &Subscription) -> Decision {
        match subscription.muted(self.now) {
            Some(mute) => gathered(card.clone(), mute).then(self.show(card).uncounted()),
            None => {
                let (account, handle) = (card.content.place.account.clone(), card.handle.clone());
                self.put(card.clone()).and(RowChange::Repost { account, card: handle })
            }
        }
    }
}

fn is_left_out(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::LeftOut(_))
}

/// Listed unasked: it may be none that the channel wants, and so does not prolong the storm.
fn unasked(card: Card, storm: &Roundup) -> Card {
    Card { opened: storm.began, ..card }.listed_in(&storm.handle)
}

/// However many channels ask, Sentry is asked once.
pub(super) fn one_reading(decision: Decision) -> Decision {
    let mut jobs: Vec<NewJob> = Vec::new();
    for job in decision.jobs {
        let asked = jobs.iter_mut().find(|known| known.lane == job.lane).map(|known| &mut known.job);
        match (asked, job.job) {
            (Some(Job::Sift { cards, .. }), Job::Sift { cards: more, .. }) => cards.extend(more),
            (_, new) => jobs.push(NewJob { job: new, ..job }),
        }
    }
    Decision { jobs, ..decision }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roundup::{Cause, Crowd, Scene};
    use crate::{ChangeKind, Filter, Handle, MessageId, Mute, Refusal, Revision, Roundup, Terms, sample};

    const NOW: Timestamp = Timestamp(1_000_000);

    fn in_production() -> Subscription {
        let environment = Terms { any: vec!["production".into()], none: Vec::new() };
        Subscription { filter: Filter { environment, ..Filter::default() }, ..sample::subscription() }
    }

    fn of(environment: &str) -> Option<Occurrence> {
        Some(Occurrence { environment: Some(environment.into()), ..Occurrence::default() })
    }

    fn changed(kind: ChangeKind, occurrence: Option<Occurrence>, cards: &[Card], crowds: &Crowds) -> Decision {
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        let mut change = Change { occurrence: occurrence.map(Box::new), ..sample::change(kind) };
        change.issue.environment = None;
        core.changed(&change, &[in_production()], cards, crowds)
    }

    fn sifted(decision: &Decision, cards: &[Card], occurrence: Option<Occurrence>, crowds: &Crowds) -> Decision {
        let candidates = vec![candidate(decision).expect("Sentry is asked")];
        let sifted = Sifted { occurrence, candidates, cards: cards.to_vec(), subscriptions: vec![in_production()] };
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        core.sifted(&sifted, crowds)
    }

    fn candidate(decision: &Decision) -> Option<Candidate> {
        decision.jobs.iter().find_map(|job| match &job.job {
            Job::Sift { cards, .. } => cards.first().cloned(),
            _ => None,
        })
    }

    fn verdict(decision: &Decision) -> Verdict {
        let traced = decision.changes.iter().find_map(|change| match change {
            RowChange::Trace(trace) => Some(trace.verdict),
            _ => None,
        });
        traced.expect("a trace")
    }

    fn crowded(opened: u64, storm: Option<Roundup>) -> Crowds {
        let place = sample::ops();
        Crowds::from([((place.account, place.channel), Crowd { opened, storm, is_told: false })])
    }

    fn storm() -> Roundup {
        let scene = Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Storm };
        Roundup::begin(Handle::new("s"), scene, NOW)
    }

    fn card(decision: &Decision) -> Card {
        let put = decision.changes.iter().find_map(|change| match change {
            RowChange::PutCard(card) => Some(Card::clone(card)),
            _ => None,
        });
        put.expect("a card")
    }

    fn counts(decision: &Decision, reason: Suppression) -> bool {
        decision.changes.contains(&RowChange::Count { reason, notices: 1 })
    }

    fn shows(decision: &Decision) -> bool {
        decision.jobs.iter().any(|job| matches!(job.job, Job::Show { .. }) && job.counted)
    }

    fn quiet() -> Crowds {
        Crowds::new()
    }

    #[test]
    fn an_issue_of_which_no_environment_is_told_waits_for_what_sentry_says() {
        let asked = changed(ChangeKind::New, None, &[], &quiet());
        assert!(!shows(&asked) && card(&asked).is_unopened());
        let posted = sifted(&asked, &[card(&asked)], of("production"), &quiet());
        assert!(shows(&posted));
        let card = card(&posted);
        assert_eq!((card.opened, card.revision), (NOW, Revision(2)));
        assert!(card.notice().head.contains("[checkout · production]"), "{}", card.notice().head);
    }

    #[test]
    fn what_does_not_fit_is_counted_as_filtered_and_stays_unposted() {
        let asked = changed(ChangeKind::New, None, &[], &quiet());
        let left_out = sifted(&asked, &[card(&asked)], of("staging"), &quiet());
        assert!(counts(&left_out, Suppression::Filtered) && left_out.jobs.is_empty());
        assert_eq!(verdict(&left_out), Verdict::LeftOut(Refusal::Environment));
        assert_eq!(verdict(&asked), Verdict::Asked);
    }

    #[test]
    fn where_sentry_cannot_say_it_is_posted() {
        let asked = changed(ChangeKind::New, None, &[], &quiet());
        let posted = sifted(&asked, &[card(&asked)], None, &quiet());
        assert!(shows(&posted) && verdict(&posted) == Verdict::Unsaid);
    }

    #[test]
    fn while_a_channel_is_muted_what_fits_is_told_of_when_that_ends() {
        let mute = Mute { until: NOW + std::time::Duration::from_secs(60), roundup: Handle::new("mute") };
        let muted = Subscription { mute: Some(mute), ..in_production() };
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        let asked = core.changed(&sample::change(ChangeKind::New), std::slice::from_ref(&muted), &[], &quiet());
        let candidate = candidate(&asked).expect("Sentry is asked");
        let known = |occurrence| Sifted {
            occurrence,
            candidates: vec![candidate.clone()],
            cards: vec![card(&asked)],
            subscriptions: vec![muted.clone()],
        };
        let fits = core.sifted(&known(of("production")), &quiet());
        assert!(counts(&fits, Suppression::Muted) && fits.jobs.is_empty());
        assert_eq!(card(&fits).listed, Some(Handle::new("mute")));
        assert!(counts(&core.sifted(&known(of("staging")), &quiet()), Suppression::Filtered));
        assert!(known(None).opens(NOW).is_empty());
    }

    #[test]
    fn an_alert_from_production_posts_the_card_of_an_issue_from_staging() {
        let card = card(&changed(ChangeKind::New, None, &[], &quiet()));
        let cards = std::slice::from_ref(&card);
        let alert = || ChangeKind::Alert { rule: "any".into(), page: None };
        let staging = changed(alert(), of("staging"), cards, &quiet());
        assert!(staging.jobs.iter().all(|job| matches!(job.job, Job::Refresh { .. })), "nobody need be asked");
        let production = changed(alert(), of("production"), cards, &quiet());
        assert!(shows(&production) && !self::card(&production).is_unopened());
    }

    #[test]
    fn an_issue_that_comes_back_is_posted_anew_only_where_it_fits() {
        let new = changed(ChangeKind::New, of("production"), &[], &quiet());
        let posted = Card { message: Some(MessageId::new("m")), shown: Revision(1), ..card(&new) };
        let resolved = posted.after(&sample::change(ChangeKind::Resolved), NOW).expect("resolved");
        let asked = changed(ChangeKind::Regressed, None, std::slice::from_ref(&resolved), &quiet());
        assert!(!shows(&asked), "its old message is not edited yet");
        let back = card(&asked);
        let anew = |decision: &Decision| decision.changes.iter().any(|c| matches!(c, RowChange::Repost { .. }));
        for (occurrence, is_anew) in [(of("production"), true), (of("staging"), false), (None, true)] {
            let decision = sifted(&asked, std::slice::from_ref(&back), occurrence, &quiet());
            assert!(shows(&decision) && anew(&decision) == is_anew, "{decision:?}");
        }
        let elsewhere = Card { message: Some(MessageId::new("another")), ..back };
        let decision = sifted(&asked, &[elsewhere], of("production"), &quiet());
        assert!(counts(&decision, Suppression::Merged) && !anew(&decision), "it was posted anew meanwhile");
    }

    #[test]
    fn only_what_fits_brings_a_storm_and_in_one_nobody_is_asked() {
        let asked = changed(ChangeKind::New, None, &[], &crowded(6, None));
        assert!(!asked.changes.iter().any(|change| matches!(change, RowChange::PutRoundup(_))));
        let cards = [card(&asked)];
        let left_out = sifted(&asked, &cards, of("staging"), &crowded(6, None));
        assert!(!left_out.changes.iter().any(|change| matches!(change, RowChange::PutRoundup(_))));
        let begins = sifted(&asked, &cards, of("production"), &crowded(6, None));
        assert!(begins.changes.iter().any(|change| matches!(change, RowChange::PutRoundup(_))));
        assert!(counts(&begins, Suppression::Storm) && card(&begins).listed.is_some());

        let listed = changed(ChangeKind::New, None, &[], &crowded(0, Some(storm())));
        assert!(listed.jobs.is_empty() && counts(&listed, Suppression::Storm));
        assert_eq!(card(&listed).listed, Some(Handle::new("s")));
        assert_eq!(card(&listed).opened, storm().began, "it may be none that is wanted, and prolongs no storm");
    }

    #[test]
    fn what_another_card_told_of_while_sentry_was_asked_is_not_told_again() {
        let asked = changed(ChangeKind::New, None, &[], &quiet());
        let listed = card(&asked).opened_after(&card(&asked), NOW).listed_in(&Handle::new("gap"));
        let cards = std::slice::from_ref(&listed);
        let place = sample::ops();
        let told = |is_told| {
            let crowd = Crowd { opened: 0, storm: None, is_told };
            Crowds::from([((place.account.clone(), place.channel.clone()), crowd)])
        };
        let again = changed(ChangeKind::Escalating, None, cards, &told(false));
        let meanwhile = sifted(&again, &[listed_in(&again, &listed)], of("production"), &told(true));
        assert!(counts(&meanwhile, Suppression::Merged) && meanwhile.jobs.is_empty());
        let alone = sifted(&again, &[listed_in(&again, &listed)], of("production"), &told(false));
        assert!(shows(&alone) && card(&alone).listed.is_none());
        let long_after = changed(ChangeKind::Escalating, None, cards, &told(true));
        assert!(shows(&sifted(&long_after, &[listed_in(&long_after, &listed)], of("production"), &told(true))));
        let left_out = sifted(&again, &[listed_in(&again, &listed)], of("staging"), &told(false));
        assert!(counts(&left_out, Suppression::Filtered), "it stays where it is listed");
    }

    /// The card after a decision that keeps it listed.
    fn listed_in(decision: &Decision, before: &Card) -> Card {
        let put = decision.changes.iter().any(|change| matches!(change, RowChange::PutCard(_)));
        let card = if put { card(decision) } else { before.clone() };
        assert_eq!(card.listed, before.listed);
        card
    }

    #[test]
    fn however_many_channels_ask_sentry_is_asked_once() {
        let place = Place { channel: crate::ChannelId::new("dev@conference.x"), ..sample::ops() };
        let subscribers = [in_production(), Subscription { place, ..in_production() }];
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        let asked = core.changed(&sample::change(ChangeKind::New), &subscribers, &[], &quiet());
        let [NewJob { job: Job::Sift { cards, .. }, counted: false, .. }] = &asked.jobs[..] else {
            panic!("{asked:?}")
        };
        assert_eq!(cards.len(), 2);
    }

    #[test]
    fn what_is_gone_meanwhile_is_counted_and_not_posted() {
        let asked = changed(ChangeKind::New, None, &[], &quiet());
        assert!(counts(&sifted(&asked, &[], of("production"), &quiet()), Suppression::Deauthorized));
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        let card = card(&asked);
        let candidates =
            vec![Candidate { account: sample::ops().account, card: card.handle.clone(), seen: None, told: false }];
        let gone = Sifted { candidates, cards: vec![card], ..Sifted::default() };
        assert!(counts(&core.sifted(&gone, &quiet()), Suppression::Disconnected));
        let message = Some(MessageId::new("m"));
        let there = Card { message: message.clone(), ..gone.cards[0].clone() };
        let candidates = vec![Candidate { seen: message, ..gone.candidates[0].clone() }];
        let gone = Sifted { candidates, cards: vec![there], ..Sifted::default() };
        assert!(shows(&core.sifted(&gone, &quiet())), "its message is edited all the same");
    }
}
