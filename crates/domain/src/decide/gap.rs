//! What was missed: found by asking Sentry, or kept back by a chat platform that was down.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Core;
use crate::roundup::{Cause, Missed, Scene};
use crate::{
    AccountId, Address, Admission, Card, Change, ChangeKind, Content, Decision, Handle, Issue, IssueId, Job, Lane,
    NewJob, Occurrence, OrgSlug, Person, Project, ProjectKey, Pulse, Revision, Roundup, RowChange, Status,
    Subscription, Timestamp, Verdict, say,
};

/// A channel that could not be reached for longer than this is told of what waited by one card.
pub const OUTAGE: Duration = Duration::from_secs(15 * 60);

/// So far back is asked for what nobody could read.
const UNREAD: Duration = Duration::from_secs(24 * 3_600);

/// What Sentry says of an organization's issues.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which organization.
    pub org: OrgSlug,
    /// Since when new issues were asked for.
    pub from: Timestamp,
    /// Until when: webhooks of later ones may still be on their way.
    pub until: Timestamp,
    /// Somebody could read each of the projects.
    pub complete: bool,
    /// The bot was started within that time, or refused deliveries: then nothing is wrong with the webhooks.
    pub ours: bool,
    /// The issues first seen since then.
    pub fresh: Vec<Found>,
    /// How issues are that have cards.
    pub known: Vec<(IssueId, Issue)>,
}

/// An issue that Sentry names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its project.
    pub project: Project,
    /// Its number.
    pub id: IssueId,
    /// How it is.
    pub issue: Issue,
    /// Its latest occurrence, where that was asked for and Sentry could say: see [`Found::asks`].
    pub occurrence: Option<Occurrence>,
}

impl Found {
    /// Whether somebody's filter needs its latest occurrence to decide.
    pub fn asks(&self, subscriptions: &[Subscription]) -> bool {
        let change = as_change(self);
        subscriptions.iter().any(|s| self.admission(s, &change) == Admission::Asks)
    }

    /// Whether a channel is to be told of it. What Sentry could not say does not keep it back.
    fn is_wanted(&self, subscription: &Subscription, change: &Change) -> bool {
        self.admission(subscription, change) != Admission::Refused
    }

    fn admission(&self, subscription: &Subscription, change: &Change) -> Admission {
        let is_theirs = subscription.project.id == self.project.id && is_since(self, subscription);
        if is_theirs { subscription.admission(change) } else { Admission::Refused }
    }
}

/// What is known here of the issues that Sentry named, and of whom to tell.
#[derive(Clone, Debug, Default)]
pub struct GapFacts {
    /// The subscriptions to the organization's projects.
    pub subscriptions: Vec<Subscription>,
    /// The cards of all those issues.
    pub cards: Vec<Card>,
    /// Those of them that have moved on since: they know better than the reading.
    pub moved_on: HashSet<Handle>,
    /// The issues of which a webhook told.
    pub heard: HashSet<IssueId>,
    /// Who is told when webhooks do not arrive.
    pub caretakers: Vec<Person>,
}

impl Core<'_> {
    /// The job that asks Sentry what changed in `org`.
    pub fn reconcile(&self, org: &OrgSlug) -> NewJob {
        self.job(Lane::reconcile(org), Job::Reconcile { org: org.clone() })
    }

    /// Sentry need not be asked now, or could not be.
    pub fn reconcile_later(&self, pulse: &Pulse) -> Decision {
        Decision::job(self.reconcile(&pulse.org).at(pulse.look_again(self.now)))
    }

    /// Fills what was missed: one card a channel for issues that were never told of and for those that came back, and every
    /// other card says what Sentry says. Where webhooks did not arrive, whoever can mend that is told once.
    pub fn reconciled(&self, reading: &Reading, pulse: &Pulse, facts: &GapFacts) -> Decision {
        let told = by_place(&facts.subscriptions).into_iter().map(|here| self.caught_up(reading, &here, facts));
        let decision = told.fold(Decision::nothing(), Decision::with);
        let missed = missed(reading, facts);
        let tell = !missed.is_empty() && !reading.ours && !pulse.told;
        let alarm = if tell { self.alarm(pulse, &missed, &facts.caretakers) } else { Decision::nothing() };
        // What nobody could read is asked for again, for a day: then somebody would have mended it.
        // Where the clock was set back it may have been asked from a time that is still to come.
        let unread = reading.from.max(reading.until - UNREAD).min(reading.until);
        let until = if reading.complete { reading.until } else { unread };
        let org = reading.org.clone();
        let again = self.reconcile_later(&Pulse { reconciled: Some(until), ..pulse.clone() });
        // It is over when webhooks come again and nothing is missing: one without the other proves nothing.
        let came = pulse.last.is_some_and(|last| last > reading.from);
        let told = if missed.is_empty() { pulse.told && !came } else { pulse.told || tell };
        decision.with(alarm).and(RowChange::Reconciled { org, until, told }).with(again)
    }

    /// Brings one channel up to date with a reading.
    fn caught_up(&self, reading: &Reading, here: &[&Subscription], facts: &GapFacts) -> Decision {
        let place = &here[0].place;
        let is_here = |card: &&Card| card.content.place.is_same(place);
        let cards: Vec<_> = facts.cards.iter().filter(is_here).collect();
        let fresh = self.fresh_cards(reading, here, &cards);
        let is_news = |card: &Card| card.message.is_some() && status(card) == Some(Status::Unresolved);
        let mute = |card: &Card| here.iter().find(|s| s.project.id == card.content.project.id)?.muted(self.now);
        let changed = self.changed_cards(reading, &cards, facts).into_iter().map(|card| match mute(&card) {
            Some(mute) if is_news(&card) => card.listed_in(&mute.roundup),
            _ => card,
        });
        let changed: Vec<_> = changed.collect();
        let (fresh, muted): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|card| card.listed.is_none());
        let muted = muted.into_iter().flat_map(|card| [self.trace(&card, Verdict::Muted), RowChange::put_card(card)]);
        let muted = Decision { changes: muted.collect(), jobs: Vec::new() };
        if fresh.is_empty() && !changed.iter().any(|card| is_news(card) && mute(card).is_none()) {
            return changed.into_iter().fold(muted, |all, card| all.with(self.put_again(card)));
        }
        let from = fresh.iter().filter_map(|card| card.content.issue.first_seen).min().unwrap_or(reading.from);
        let why = if reading.ours { Missed::Ours } else { Missed::Untold };
        let cause = Cause::Gap { from, until: self.now, why };
        let (gap, begun) = self.gap(Scene { place: place.clone(), by: here[0].by.clone(), cause });
        let caught_up = |card: &Card| self.trace(card, Verdict::CaughtUp);
        let fresh = fresh.into_iter().flat_map(|card| [caught_up(&card), RowChange::put_card(card.listed_in(&gap))]);
        let fresh = Decision { changes: fresh.collect(), jobs: Vec::new() }.with(muted);
        // A card that a storm stands for stays there, and what is muted is told of later.
        let is_told = |card: &Card| card.message.is_some() && mute(card).is_none();
        let list = |card: Card| if is_told(&card) { card.listed_in(&gap) } else { card };
        let changed = changed.into_iter().map(list);
        changed.fold(begun.with(fresh), |all, card| all.with(self.put_again(card)))
    }

    /// The issues that nobody here was told of, as cards. Also where some webhook told of them: that of their beginning was
    /// lost, or the filter admits them only by now.
    fn fresh_cards(&self, reading: &Reading, here: &[&Subscription], cards: &[&Card]) -> Vec<Card> {
        let settled = reading.fresh.iter().filter(|found| is_settled(found, reading));
        let unknown = settled.filter(|found| !cards.iter().any(|card| card.content.issue_id == found.id));
        let open = |found: &Found| {
            let change = as_change(found);
            let subscription = here.iter().find(|s| found.is_wanted(s, &change))?;
            let handle = Handle::new(self.random.hex128());
            // It was to be opened then, and is no sign of a storm now.
            let opened = found.issue.first_seen.unwrap_or(self.now);
            let card = Card { opened, ..Card::open(handle, subscription, &change, self.now) };
            let as_it_is = card.after_reading(&found.issue, self.now);
            let card = as_it_is.map_or(card, |now| Card { revision: Revision::default().next(), ..now });
            Some(match subscription.muted(self.now) {
                Some(mute) => card.listed_in(&mute.roundup),
                None => card,
            })
        };
        unknown.filter_map(open).collect()
    }

    /// The cards that say of their issue another status than Sentry, as they should be.
    fn changed_cards(&self, reading: &Reading, cards: &[&Card], facts: &GapFacts) -> Vec<Card> {
        let read = |card: &&Card| {
            let now = reading.known.iter().find(|(id, _)| *id == card.content.issue_id);
            let after = card.after_reading(&now?.1, self.now)?;
            (after.content.standing != card.content.standing).then_some(after)
        };
        cards.iter().filter(|card| !facts.moved_on.contains(&card.handle)).filter_map(read).collect()
    }

    /// A channel can be reached again after it could not since `from`: one card stands for all that waits.
    pub fn back_after_outage(&self, card: &Card, from: Timestamp) -> Decision {
        let Content { place, by, .. } = &card.content;
        let cause = Cause::Gap { from, until: self.now, why: Missed::Undelivered };
        let (roundup, begun) = self.gap(Scene { place: place.clone(), by: by.clone(), cause });
        begun.and(RowChange::Gather { account: place.account.clone(), channel: place.channel.clone(), roundup })
    }

    /// One card for what was missed.
    fn gap(&self, scene: Scene) -> (Handle, Decision) {
        let gap =
            Roundup { ended: Some(self.now), ..Roundup::begin(Handle::new(self.random.hex128()), scene, self.now) };
        let show = self.show_roundup(&gap);
        (gap.handle.clone(), Decision::job(show).and(RowChange::PutRoundup(gap)))
    }

    /// Each account's people are told of what that account missed, and of nobody else's.
    fn alarm(&self, pulse: &Pulse, missed: &HashMap<&AccountId, usize>, caretakers: &[Person]) -> Decision {
        let tell = |person: &Person| {
            let notice = say::webhooks_missing(pulse, *missed.get(&person.account)?, self.now);
            Some(self.answer(Address::direct(person), notice))
        };
        Decision { changes: Vec::new(), jobs: caretakers.iter().filter_map(tell).collect() }
    }
}

/// The subscriptions of each channel, in the order of the first.
fn by_place(subscriptions: &[Subscription]) -> Vec<Vec<&Subscription>> {
    let mut places: Vec<Vec<&Subscription>> = Vec::new();
    let mut known = HashMap::new();
    for subscription in subscriptions {
        let at = *known.entry((&subscription.place.account, &subscription.place.channel)).or_insert(places.len());
        if at == places.len() {
            places.push(Vec::new());
        }
        places[at].push(subscription);
    }
    places
}

/// Of how many issues that Sentry names each account should have been told, and no webhook told of them.
fn missed<'f>(reading: &Reading, facts: &'f GapFacts) -> HashMap<&'f AccountId, usize> {
    let has_card = |found: &Found| facts.cards.iter().any(|card| card.content.issue_id == found.id);
    // What is older was judged by the reading before: another filter may admit it only by now.
    let is_new = |found: &&Found| is_settled(found, reading) && found.issue.first_seen > Some(reading.from);
    let unheard = reading.fresh.iter().filter(is_new).filter(|found| !facts.heard.contains(&found.id));
    let mut missed = HashMap::new();
    for found in unheard.filter(|found| !has_card(found)) {
        let change = as_change(found);
        let wanting = facts.subscriptions.iter().filter(|s| found.is_wanted(s, &change));
        let accounts: HashSet<_> = wanting.map(|s| &s.place.account).collect();
        accounts.into_iter().for_each(|account| *missed.entry(account).or_default() += 1);
    }
    missed
}

/// Whether its webhook has come by now, or will not.
fn is_settled(found: &Found, reading: &Reading) -> bool {
    found.issue.first_seen.is_some_and(|at| at <= reading.until)
}

/// Whether it is younger than the subscription.
fn is_since(found: &Found, subscription: &Subscription) -> bool {
    found.issue.first_seen.is_some_and(|at| at > subscription.since)
}

/// What the webhook would have told.
fn as_change(found: &Found) -> Change {
    let Project { org, id, slug, .. } = found.project.clone();
    let mut issue = found.issue.clone();
    if let Some(Occurrence { environment, release, .. }) = found.occurrence.clone() {
        issue.update(&Issue { environment, release, ..Issue::default() });
    }
    Change {
        installation: None,
        project: ProjectKey { org: Some(org), id: Some(id), slug: Some(slug) },
        issue_id: found.id.clone(),
        issue,
        occurrence: found.occurrence.clone().map(Box::new),
        kind: ChangeKind::New,
        by: None,
    }
}

fn status(card: &Card) -> Option<Status> {
    card.content.issue.status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Decision, MessageId, sample};

    const SINCE: Timestamp = Timestamp(1_767_323_045_000);
    const NOW: Timestamp = Timestamp(SINCE.0 + 7_200_000);

    fn found(id: &str, minutes: i64) -> Found {
        let first_seen = Some(Timestamp(SINCE.0 + minutes * 60_000));
        let issue = Issue { first_seen, ..sample::change(ChangeKind::New).issue };
        Found { project: sample::project("checkout"), id: IssueId::new(id), issue, occurrence: None }
    }

    fn reading(fresh: Vec<Found>) -> Reading {
        let org = sample::project("checkout").org;
        let until = Timestamp(NOW.0 - 60_000);
        Reading { org, from: SINCE, until, complete: true, ours: false, fresh, known: Vec::new() }
    }

    fn facts() -> GapFacts {
        let subscription = Subscription { since: SINCE, ..sample::subscription() };
        GapFacts { subscriptions: vec![subscription], caretakers: vec![sample::ana()], ..GapFacts::default() }
    }

    fn decide(reading: &Reading, facts: &GapFacts) -> Decision {
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        core.reconciled(reading, &Pulse::silent(reading.org.clone()), facts)
    }

    fn listed(decision: &Decision) -> Vec<&Card> {
        let put = decision.changes.iter().filter_map(|change| match change {
            RowChange::PutCard(card) => Some(card.as_ref()),
            _ => None,
        });
        put.filter(|card| card.listed.is_some()).collect()
    }

    fn catch_ups(decision: &Decision) -> Vec<Cause> {
        let put = decision.changes.iter().filter_map(|change| match change {
            RowChange::PutRoundup(roundup) => Some(roundup.scene.cause),
            _ => None,
        });
        put.collect()
    }

    fn alarms(decision: &Decision) -> Vec<&Answer> {
        let said = decision.jobs.iter().filter_map(|job| match &job.job {
            Job::Answer(answer) => Some(answer),
            _ => None,
        });
        said.collect()
    }

    fn posted(found: &Found, status: Status) -> Card {
        let mut card = Card::open(Handle::new("h"), &sample::subscription(), &as_change(found), NOW);
        card.message = Some(MessageId::new("m"));
        let as_it_is = card.after_reading(&Issue { status: Some(status), ..found.issue.clone() }, NOW);
        as_it_is.unwrap_or(card)
    }

    #[test]
    fn what_no_webhook_told_of_is_listed_by_one_card() {
        let decision = decide(&reading(vec![found("7", 60), found("8", 30)]), &facts());
        let from = Timestamp(SINCE.0 + 30 * 60_000);
        assert_eq!(catch_ups(&decision), [Cause::Gap { from, until: NOW, why: Missed::Untold }]);
        assert_eq!(listed(&decision).len(), 2);
        assert!(!decision.jobs.iter().any(|job| matches!(job.job, Job::Show { .. })), "no card of their own");
    }

    #[test]
    fn what_no_webhook_told_of_is_listed_only_where_its_latest_occurrence_fits() {
        let mut facts = facts();
        facts.subscriptions[0].filter.environment.any = vec!["production".into()];
        let of = |id, environment: &str| {
            let occurrence = Occurrence { environment: Some(environment.into()), ..Occurrence::default() };
            Found { occurrence: Some(occurrence), ..found(id, 60) }
        };
        assert!(found("7", 60).asks(&facts.subscriptions) && !found("7", -60).asks(&facts.subscriptions));
        let decision = decide(&reading(vec![of("7", "production"), of("8", "staging"), found("9", 60)]), &facts);
        let listed: Vec<_> = listed(&decision).into_iter().map(|card| card.content.issue_id.as_str()).collect();
        assert_eq!(listed, ["7", "9"], "where Sentry cannot say it is listed");
    }

    #[test]
    fn what_has_arrived_is_not_told_again() {
        let carded = found("8", 60);
        let facts = GapFacts { cards: vec![posted(&carded, Status::Unresolved)], ..facts() };
        let decision = decide(&reading(vec![carded]), &facts);
        assert_eq!((catch_ups(&decision), listed(&decision)), (vec![], vec![]));
        assert!(alarms(&decision).is_empty());
    }

    #[test]
    fn an_issue_of_which_only_later_webhooks_told_is_listed_and_alarms_nobody() {
        let assigned = found("7", 60);
        let facts = GapFacts { heard: HashSet::from([assigned.id.clone()]), ..facts() };
        let decision = decide(&reading(vec![assigned]), &facts);
        assert_eq!(listed(&decision).len(), 1);
        assert!(alarms(&decision).is_empty());
    }

    #[test]
    fn what_is_older_than_the_subscription_or_may_still_come_is_not_missed() {
        let decision = decide(&reading(vec![found("7", -1), found("8", 120)]), &facts());
        assert_eq!(catch_ups(&decision), []);
    }

    #[test]
    fn what_the_filter_does_not_admit_is_not_missed() {
        let mut quiet = found("7", 60);
        quiet.issue.level = Some(crate::Level::Info);
        let decision = decide(&reading(vec![quiet]), &facts());
        assert_eq!((catch_ups(&decision), alarms(&decision)), (vec![], vec![]));
    }

    #[test]
    fn a_card_that_lies_is_put_right_without_a_word() {
        let known = found("7", 60);
        let resolved = Issue { status: Some(Status::Resolved), ..known.issue.clone() };
        let reading = Reading { known: vec![(known.id.clone(), resolved)], ..reading(vec![]) };
        let facts = GapFacts { cards: vec![posted(&known, Status::Unresolved)], ..facts() };
        let decision = decide(&reading, &facts);
        assert_eq!(catch_ups(&decision), []);
        assert!(decision.jobs.iter().any(|job| matches!(job.job, Job::Show { .. })), "it is edited");
    }

    #[test]
    fn an_issue_that_came_back_unnoticed_is_news() {
        let known = found("7", 60);
        let reading = Reading { known: vec![(known.id.clone(), known.issue.clone())], ..reading(vec![]) };
        let facts = GapFacts { cards: vec![posted(&known, Status::Resolved)], ..facts() };
        let decision = decide(&reading, &facts);
        assert_eq!((catch_ups(&decision).len(), listed(&decision).len()), (1, 1));
    }

    #[test]
    fn a_card_that_has_moved_on_since_sentry_was_asked_knows_better() {
        let known = found("7", 60);
        let card = posted(&known, Status::Archived);
        let reading = Reading { known: vec![(known.id.clone(), known.issue.clone())], ..reading(vec![known]) };
        let facts = GapFacts { moved_on: HashSet::from([card.handle.clone()]), cards: vec![card], ..facts() };
        let decision = decide(&reading, &facts);
        assert_eq!((catch_ups(&decision), listed(&decision)), (vec![], vec![]));
    }

    #[test]
    fn whoever_can_mend_it_is_told_once_and_not_of_our_own_restart() {
        let missed = || reading(vec![found("7", 60)]);
        let decision = decide(&missed(), &facts());
        let told = alarms(&decision);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].notice.head, "No events from acme have ever arrived.");
        assert!(decision.changes.iter().any(|change| matches!(change, RowChange::Reconciled { told: true, .. })));

        let restarted = Reading { ours: true, ..missed() };
        assert!(alarms(&decide(&restarted, &facts())).is_empty());
        let known = Pulse { told: true, ..Pulse::silent(missed().org) };
        let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
        assert!(alarms(&core.reconciled(&missed(), &known, &facts())).is_empty());
    }

    #[test]
    fn an_account_is_not_told_of_what_another_missed() {
        let elsewhere = |account: &str, project: &str| {
            let place = crate::Place { account: AccountId::new(account), ..sample::ops() };
            Subscription { place, project: sample::project(project), since: SINCE, ..sample::subscription() }
        };
        let caretaker = |account: &str| Person { account: AccountId::new(account), ..sample::ana() };
        let facts = GapFacts {
            subscriptions: vec![elsewhere("one", "checkout"), elsewhere("two", "web")],
            caretakers: vec![caretaker("one"), caretaker("two")],
            ..GapFacts::default()
        };
        let decision = decide(&reading(vec![found("7", 60)]), &facts);
        let told: Vec<_> = alarms(&decision).into_iter().map(|answer| answer.to.account.as_str()).collect();
        assert_eq!(told, ["one"]);
    }

    #[test]
    fn what_nobody_could_read_is_asked_for_again() {
        let incomplete = Reading { complete: false, ..reading(vec![found("7", 60)]) };
        let decision = decide(&incomplete, &facts());
        assert_eq!(listed(&decision).len(), 1, "what could be read is told");
        assert_eq!(read_until(&decision), Some(SINCE));
    }

    #[test]
    fn what_nobody_could_read_is_never_said_to_be_read_until_a_time_to_come() {
        let set_back = Reading { complete: false, from: NOW + UNREAD, ..reading(Vec::new()) };
        assert_eq!(read_until(&decide(&set_back, &facts())), Some(set_back.until));
    }

    fn read_until(decision: &Decision) -> Option<Timestamp> {
        decision.changes.iter().find_map(|change| match change {
            RowChange::Reconciled { until, .. } => Some(*until),
            _ => None,
        })
    }

    #[test]
    fn an_alarm_is_over_when_webhooks_come_again_and_nothing_is_missing() {
        let told_after = |last: Option<Timestamp>, missed: Vec<Found>| {
            let pulse = Pulse { told: true, last, ..Pulse::silent(sample::project("checkout").org) };
            let core = Core { deployment: &sample::deployment(), now: NOW, random: &sample::Counting::default() };
            let decision = core.reconciled(&reading(missed), &pulse, &facts());
            assert!(alarms(&decision).is_empty());
            decision.changes.iter().any(|change| matches!(change, RowChange::Reconciled { told: true, .. }))
        };
        let lately = Some(Timestamp(NOW.0 - 60_000));
        assert!(told_after(None, vec![]), "nothing came");
        assert!(told_after(lately, vec![found("7", 60)]), "something is missing");
        assert!(!told_after(lately, vec![]));
    }

    #[test]
    fn each_channel_gets_one_card_for_all_its_projects() {
        let web = Subscription { project: sample::project("web"), since: SINCE, ..sample::subscription() };
        let facts = GapFacts { subscriptions: vec![facts().subscriptions.remove(0), web], ..facts() };
        let theirs = Found { project: sample::project("web"), ..found("8", 50) };
        let decision = decide(&reading(vec![found("7", 60), theirs]), &facts);
        assert_eq!((catch_ups(&decision).len(), listed(&decision).len()), (1, 2));
    }
}
