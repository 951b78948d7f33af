//! What no webhook told of, as far as it was observed, and the laws of it.

use std::collections::BTreeMap;
use std::time::Duration;

use zentry_domain::roundup::Cause;
use zentry_domain::{
    AccountId, Action, Actor, Address, Admission, Card, Change, ChangeKind, Decision, Facts, Handle, IssueId, Job,
    Lane, MessageId, Notice, OrgSlug, Outcome, Project, ProjectId, ProjectKey, Queued, RowChange, Status, Subscription,
    Timestamp, Tracker,
};

use crate::cast;
use crate::checks::{self, Verdict, holds};
use crate::ports::{Watched, at_once};
use crate::record::{Record, Sent, feed};

/// Sentry is asked every hour, and what is younger than a minute is left for the next time.
pub(crate) const AN_HOUR_AND_A_BIT: Duration = Duration::from_secs(3_600 + 120);

/// What happened at Sentry and in the channels. Instants are those of the record.
#[derive(Default)]
pub(crate) struct Gaps {
    started: Timestamp,
    /// When issues first happened.
    first: BTreeMap<IssueId, (Timestamp, u64)>,
    /// The deliveries that tell of an issue, in the order in which it happened, and when they were last accepted.
    tellings: BTreeMap<IssueId, Vec<(usize, Option<u64>)>>,
    /// When something was last accepted that is more than that the issue is new.
    news: BTreeMap<(AccountId, String, IssueId), u64>,
    told: BTreeMap<(AccountId, String, IssueId), Vec<Told>>,
    heard: BTreeMap<OrgSlug, u64>,
    alarmed: BTreeMap<OrgSlug, u64>,
    /// When Sentry last listed a project's issues, and when a reading went without that.
    listed: BTreeMap<ProjectId, u64>,
    unlisted: BTreeMap<ProjectId, u64>,
}

/// A channel was told of an issue, by a message that was decided on after an instant.
struct Told {
    begun: u64,
    message: MessageId,
    by_its_own: bool,
}

// === what is observed ===

impl Gaps {
    /// An account that comes back may be told again of what it was told before it left.
    pub(crate) fn forget(&mut self, account: &AccountId) {
        self.told.retain(|(of, ..), _| of != account);
    }
}

impl Record {
    pub(crate) fn started(&mut self, now: Timestamp) {
        self.gaps.started = now;
    }

    /// Nobody knows any more what was before what.
    pub(crate) fn clock_set_back(&mut self) {
        self.count("clocks set back");
        self.sent_to.clear();
        self.gaps.told.clear();
    }

    pub(crate) fn happened(&mut self, change: &Change, number: usize, now: Timestamp) {
        let instant = self.instant();
        self.gaps.tellings.entry(change.issue_id.clone()).or_default().push((number, None));
        if change.issue.first_seen == Some(now) {
            self.gaps.first.entry(change.issue_id.clone()).or_insert((now, instant));
        }
    }

    /// A webhook told of a change.
    pub(crate) fn heard_of(&mut self, world: &Watched, change: &Change, number: usize) {
        let now = self.instant();
        self.gaps.heard.insert(cast::project_of(&change.issue_id).org, now);
        let tellings = self.gaps.tellings.entry(change.issue_id.clone()).or_default();
        tellings.iter_mut().filter(|(known, _)| *known == number).for_each(|(_, at)| *at = Some(now));
        let key = ProjectKey { id: Some(cast::project_of(&change.issue_id).id), ..ProjectKey::default() };
        let subscribers = world.read(world.store.subscribers(&key));
        let is_card = !matches!(change.kind, ChangeKind::New | ChangeKind::Remark(_));
        for s in subscribers.iter().filter(|s| is_card && s.admission(change) != Admission::Refused) {
            self.gaps.news.insert((s.place.account.clone(), s.place.channel.key(), change.issue_id.clone()), now);
        }
    }

    /// Something was done to an issue for somebody here; Sentry tells nobody else of it.
    pub(crate) fn done(&mut self, issue: &IssueId) {
        self.gaps.tellings.entry(issue.clone()).or_default().push((usize::MAX, None));
    }

    pub(crate) fn has_listed(&mut self, project: &Project) {
        let now = self.instant();
        self.gaps.listed.insert(project.id.clone(), now);
    }

    /// A message tells of issues for the first time.
    pub(crate) fn told_of(&mut self, world: &Watched, to: &Address, id: &MessageId, notice: &Notice) {
        let (lane, issues) = match cast::issue_of_card(&notice.head) {
            Some(issue) => (Lane::cards(&to.account, &to.to), vec![cast::issues()[issue].clone()]),
            None if cast::is_catch_up(&notice.head) => {
                self.count("catch-ups");
                self.must(catch_ups_tell_something(notice));
                // As plain text it has no button, by which it is known here.
                let handle = notice.buttons.first().map(|button| button.press.card.clone());
                let behind = handle.map(|handle| untold_behind(world, &to.account, &handle)).unwrap_or_default();
                (Lane::roundups(&to.account, &to.to), behind)
            }
            None => return,
        };
        let begun = self.leases.get(&lane).copied().unwrap_or_default();
        let by_its_own = lane == Lane::cards(&to.account, &to.to);
        for issue in issues {
            self.must(nobody_is_told_twice(self, to, &issue, by_its_own, notice));
            let told = Told { begun, message: id.clone(), by_its_own };
            self.gaps.told.entry((to.account.clone(), to.to.key(), issue)).or_default().push(told);
        }
    }

    /// What followed from a reading.
    pub(crate) fn reconciled(&mut self, world: &Watched, queued: &Queued, outcome: &Outcome) {
        let (Job::Reconcile { org }, Outcome::Done(then)) = (&queued.job, outcome) else { return };
        if !then.changes.iter().any(|change| matches!(change, RowChange::Reconciled { .. })) {
            return;
        }
        self.count("readings");
        let (now, begun) = (self.instant(), self.leases.get(&Lane::reconcile(org)).copied().unwrap_or_default());
        for s in world.read(world.store.subscriptions_to(org)) {
            if self.gaps.listed.get(&s.project.id).is_none_or(|at| *at < begun) {
                self.gaps.unlisted.insert(s.project.id.clone(), now);
            }
        }
        self.must(what_was_heard_is_not_caught_up_with(self, world, then));
        self.must(what_may_still_come_is_waited_for(self, world, then));
        if then.jobs.iter().any(|job| matches!(job.job, Job::Answer(_))) {
            self.count("alarms");
            self.must(people_are_alarmed_once_a_silence(self, org));
            self.must(a_restart_alarms_nobody(self, org));
            self.gaps.alarmed.insert(org.clone(), now);
        }
    }
}

/// The issues behind a roundup that have no message of their own.
fn untold_behind(world: &Watched, account: &AccountId, roundup: &Handle) -> Vec<IssueId> {
    let is_behind = |card: &Card| {
        card.content.place.account == *account && card.listed.as_ref() == Some(roundup) && card.message.is_none()
    };
    let cards = cast::issues().into_iter().flat_map(|issue| world.read(world.store.cards_of(&issue)));
    cards.filter(is_behind).map(|card| card.content.issue_id).collect()
}

// === the laws ===

/// A catch-up card stands for something.
fn catch_ups_tell_something(notice: &Notice) -> Verdict {
    let is_empty = notice.plain().head.contains(" · 0 issues");
    holds(!is_empty, "catch-ups tell something", || format!("{notice:?}"))
}

/// Nobody is told of an issue by a catch-up card and by a message of its own, unless something new happened to it, or it is
/// not known whether the first message arrived.
fn nobody_is_told_twice(record: &Record, to: &Address, issue: &IssueId, by_its_own: bool, notice: &Notice) -> Verdict {
    let key = (to.account.clone(), to.to.key(), issue.clone());
    let news = record.gaps.news.get(&key).copied().unwrap_or_default();
    let twice = record.gaps.told.get(&key).into_iter().flatten().find(|told| {
        let is_known = !record.lost.contains(&told.message) && record.cards.get(&told.message) != Some(&Sent::Unknown);
        is_known && news <= told.begun && !(told.by_its_own && by_its_own)
    });
    let twice = twice.filter(|_| !record.is_overtaken(&to.account, &to.to.key()));
    holds(twice.is_none(), "nobody is told twice", || format!("{issue} in {}: {notice:?}", to.to))
}

/// Where every webhook came, in order, no reading has anything to tell.
fn what_was_heard_is_not_caught_up_with(record: &Record, world: &Watched, then: &Decision) -> Verdict {
    let gap = |change: &RowChange| match change {
        RowChange::PutRoundup(gap) if matches!(gap.scene.cause, Cause::Gap { .. }) => Some(gap.handle.clone()),
        _ => None,
    };
    let gaps: Vec<_> = then.changes.iter().filter_map(gap).collect();
    for change in &then.changes {
        let RowChange::PutCard(card) = change else { continue };
        let tellings = record.gaps.tellings.get(&card.content.issue_id).into_iter().flatten();
        let accepted: Vec<_> = tellings.map(|(_, at)| *at).collect();
        // Who was being connected at that very moment is told by the reading alone.
        let since = record.connected.get(&feed(&card.content.place, &card.content.project.id));
        let is_heard = !accepted.is_empty()
            && accepted.iter().all(|at| at.is_some() && *at > since.copied())
            && accepted.is_sorted();
        let presses = |job: &Job| matches!(job, Job::Update(update) if update.issue.id == card.content.issue_id);
        let is_under_way = world.store.waiting().iter().any(|(_, job)| presses(job));
        // Whether an issue is younger than its subscription nobody knows any more where the clock was set back.
        let is_fresh = card.message.is_none() && !record.counts.contains_key("clocks set back");
        let is_news = card.listed.as_ref().is_some_and(|listed| gaps.contains(listed));
        let is_news = is_news && (is_fresh || card.message.is_some() && card.is_done(&Action::Reopen));
        holds(!is_heard || is_under_way || !is_news, "what was heard is not caught up with", || format!("{card:?}"))?;
    }
    Ok(())
}

/// The webhook of an issue may take a minute; one that was sent before the process began comes no more.
fn what_may_still_come_is_waited_for(record: &Record, world: &Watched, then: &Decision) -> Verdict {
    const ON_ITS_WAY: Duration = Duration::from_secs(60);
    for change in &then.changes {
        let RowChange::PutCard(card) = change else { continue };
        let is_fresh = card.message.is_none() && card.opened == world.now();
        let first = record.gaps.first.get(&card.content.issue_id).filter(|_| is_fresh);
        let is_so = first.is_none_or(|(at, _)| *at <= record.gaps.started || world.now().since(*at) >= ON_ITS_WAY);
        holds(is_so, "what may still come is waited for", || format!("{first:?}, now {:?}: {card:?}", world.now()))?;
    }
    Ok(())
}

fn people_are_alarmed_once_a_silence(record: &Record, org: &OrgSlug) -> Verdict {
    let (alarmed, heard) = (record.gaps.alarmed.get(org), record.gaps.heard.get(org));
    holds(alarmed.is_none() || heard > alarmed, "people are alarmed once a silence", || {
        format!("{org}: at {alarmed:?}, heard at {heard:?}")
    })
}

/// Where all that no webhook told of happened before the process began, the gap was ours.
fn a_restart_alarms_nobody(record: &Record, org: &OrgSlug) -> Verdict {
    let unheard = record.gaps.first.iter().filter(|(issue, _)| {
        let tellings = record.gaps.tellings.get(issue).into_iter().flatten();
        cast::project_of(issue).org == *org && tellings.map(|(_, at)| at).any(Option::is_none)
    });
    // What Sentry did not list when it was asked first is found later.
    let is_late = |issue: &IssueId| record.gaps.unlisted.contains_key(&cast::project_of(issue).id);
    let times: Vec<_> = unheard.map(|(issue, (at, _))| (*at, is_late(issue))).collect();
    let is_so = times.iter().any(|(at, is_late)| *at >= record.gaps.started || *is_late);
    let is_so = is_so || record.counts.contains_key("clocks set back");
    holds(is_so, "a restart alarms nobody", || format!("started at {:?}, missed {times:?}", record.gaps.started))
}

/// What must be so once an hour and a bit has passed in which Sentry answered.
pub(crate) fn at_the_end(record: &Record, world: &Watched) -> Vec<String> {
    let verdicts = [what_nobody_told_of_is_caught_up_with(record, world), cards_say_what_sentry_says(world)];
    verdicts.into_iter().filter_map(Result::err).collect()
}

/// An issue of a connected project is in a card of the channel, its own or one that stands for many, that was posted or
/// given up. Of a project that Sentry would not list nobody knows.
fn what_nobody_told_of_is_caught_up_with(record: &Record, world: &Watched) -> Verdict {
    if record.counts.contains_key("clocks set back") {
        return Ok(());
    }
    for (issue, (at, instant)) in &record.gaps.first {
        let project = cast::project_of(issue);
        let found = world.tracker.issue_now(issue).unwrap_or_default();
        let change = Change {
            installation: None,
            project: ProjectKey::default(),
            issue_id: issue.clone(),
            issue: found,
            occurrence: None,
            kind: ChangeKind::New,
            by: None,
        };
        let hears = |s: &Subscription| {
            let since = record.connected.get(&feed(&s.place, &s.project.id));
            s.since < *at && since.is_some_and(|since| since < instant) && s.admits(&change)
        };
        let is_unlisted = record.gaps.unlisted.get(&project.id).is_some_and(|at| at > instant);
        let key = ProjectKey { id: Some(project.id.clone()), ..ProjectKey::default() };
        for s in world.read(world.store.subscribers(&key)).iter().filter(|s| !is_unlisted && hears(s)) {
            let card = checks::card_in(world, &s.place, issue);
            let is_so = card.as_ref().is_some_and(|card| is_told(world, card));
            holds(is_so, "what nobody told of is caught up with", || {
                format!("{issue} of {at:?} in {}: {card:?}", s.place.channel)
            })?;
        }
    }
    Ok(())
}

fn is_told(world: &Watched, card: &Card) -> bool {
    let account = &card.content.place.account;
    let behind = card.listed.as_ref().and_then(|roundup| world.read(world.store.roundup(account, roundup)));
    let is_given_up = world.store.dead().iter().any(|dead| match &dead.job {
        Some(Job::Show { card: shown, .. }) => *shown == card.handle,
        Some(Job::ShowRoundup { roundup, .. }) => Some(roundup) == card.listed.as_ref(),
        _ => false,
    });
    card.message.is_some() || behind.is_some_and(|roundup| roundup.message.is_some()) || is_given_up
}

/// Where the channel is still connected and somebody can read the issue. What was left out is read again by nobody.
fn cards_say_what_sentry_says(world: &Watched) -> Verdict {
    for card in cast::issues().iter().flat_map(|issue| world.read(world.store.cards_of(issue))) {
        let (place, project) = (&card.content.place, &card.content.project);
        let here = world.read(world.store.subscriptions_in(&place.account, &place.channel));
        if card.is_unopened() || !here.iter().any(|s| s.project.org == project.org) {
            continue;
        }
        let said = readers(world, project)
            .iter()
            .find_map(|by| at_once(world.tracker.issue(by, &card.issue())).ok().flatten()?.status);
        let is_so = said.is_none_or(|said| {
            card.is_done(&match said {
                Status::Resolved => Action::Resolve,
                Status::Archived => Action::Archive,
                Status::Unresolved => Action::Reopen,
            })
        });
        holds(is_so, "cards say what Sentry says", || format!("{said:?}, but {card:?}"))?;
    }
    Ok(())
}

/// As whom Sentry may be asked of a project.
fn readers(world: &Watched, project: &Project) -> Vec<Actor> {
    let key = ProjectKey { id: Some(project.id.clone()), ..ProjectKey::default() };
    let by = world.read(world.store.subscribers(&key)).into_iter().map(|s| s.by);
    let people = by.filter_map(|by| world.read(world.store.linked(&by.account, &by.user)));
    let mut readers: Vec<_> = people.map(|linked| Actor::person(&linked)).collect();
    if world.integration.as_ref() == Some(&project.org) {
        readers = vec![Actor::Integration { org: project.org.clone() }];
    }
    readers
}
