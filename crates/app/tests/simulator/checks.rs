//! The laws. Each says in a sentence what must be, looks at what was observed and at what is there, and says how it was
//! broken.

use std::time::Duration;

use zentry_contract::fake::FakeMessage;
use zentry_domain::ports::LaneLease;
use zentry_domain::{
    AccountId, Address, Card, Change, ChangeKind, Decision, Event, Facts, Handle, IssueId, Job, Journal, Lane,
    MessageId, Notice, Outcome, Owner, Place, ProjectId, Queued, job,
};

use crate::cast::{self, Cast};
use crate::people;
use crate::ports::Watched;
use crate::record::{Record, Sent, feed};

/// A law is kept, or how it is broken.
pub(crate) type Verdict = Result<(), String>;

pub(crate) fn holds(is_kept: bool, law: &str, how: impl FnOnce() -> String) -> Verdict {
    if is_kept { Ok(()) } else { Err(format!("{law}: {}", how())) }
}

// === what is accepted ===

/// A delivery is committed once a day, however often it comes.
pub(crate) fn repeats_change_nothing(record: &Record, world: &Watched, number: usize) -> Verdict {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let before = record.deliveries[number].committed;
    holds(before.is_none_or(|at| world.latest().since(at) >= DAY), "repeats change nothing", || {
        format!("delivery {number} was committed at {before:?} and now")
    })
}

/// Whoever says something is answered, or something is on its way that answers.
pub(crate) fn who_speaks_is_answered(event: &Event, decision: &Decision) -> Verdict {
    let is_answered = !matches!(event, Event::Said(_)) || !decision.jobs.is_empty();
    holds(is_answered, "who speaks is answered", || format!("{event:?}"))
}

/// A change is in the card of every channel that was connected all the while, and will be shown, from the moment at which
/// it is accepted.
pub(crate) fn accepted_changes_are_in_their_cards(
    record: &Record,
    world: &Watched,
    change: &Change,
    begun: u64,
) -> Verdict {
    for heard in record.hearing(world, change, begun) {
        let admits = heard.admits(change);
        let Some(card) = card_in(world, &heard.place, &change.issue_id) else {
            holds(!admits, "accepted changes are in their cards", || format!("no card in {:?}", heard.place))?;
            continue;
        };
        if !admits && record.opened[&card.handle] > begun {
            continue;
        }
        // Two that were decided on at once may be committed in either order: then Sentry is asked.
        let tells = change.issue.events.is_none()
            || card.content.issue.events == change.issue.events
            || will_be_read(world, &change.issue_id);
        // Whatever else lists it, a card with a message of its own is kept up to date.
        let waits = match card.listed.as_ref().filter(|_| card.message.is_none()) {
            Some(storm) if admits => is_told_of(world, &heard.place.account, storm, change),
            Some(_) => true,
            None => card.is_shown() || card.message.is_none() && !admits || will_be_shown(world, &card.handle),
        };
        holds(tells && waits, "accepted changes are in their cards", || format!("{change:?} is not in {card:?}"))?;
    }
    Ok(())
}

/// A change that is ignored concerns nobody who was connected.
pub(crate) fn what_is_ignored_concerns_nobody(record: &Record, world: &Watched, event: &Event, begun: u64) -> Verdict {
    let Event::Changed(change) = event else { return Ok(()) };
    // Nobody knows of what project it is, where no card does.
    if matches!(change.kind, ChangeKind::Remark(_)) {
        return Ok(());
    }
    let heard = record.hearing(world, change, begun);
    holds(heard.is_empty(), "what is ignored concerns nobody", || format!("{change:?} for {heard:?}"))
}

/// What was accepted is delivered, suppressed for a reason, waiting, or given up.
pub(crate) fn the_ledger_adds_up(world: &Watched) -> Verdict {
    let ledger = world.read(world.store.ledger());
    holds(ledger.adds_up(), "the ledger adds up", || format!("{ledger:?}"))
}

// === cards ===

/// A new message is a card's where it had none; no edit brings back one that was replaced; none is lost in silence; and
/// what another card stands for gets none.
pub(crate) fn a_card_has_one_message(
    record: &Record,
    before: Option<&Card>,
    after: Option<&Card>,
    outcome: &Outcome,
) -> Verdict {
    let (Some(before), Some(after)) = (before, after) else { return Ok(()) };
    let is_so = match &after.message {
        Some(_) if after.listed.is_some() && before.message.is_none() => false,
        Some(id) if record.cards.get(id) == Some(&Sent::InFlight) => before.message.is_none(),
        Some(id) => before.message.as_ref() == Some(id),
        None => before.message.is_none() || matches!(outcome, Outcome::Done(_)),
    };
    holds(is_so, "a card has one message", || format!("{before:?} becomes {after:?}"))
}

/// Where Zoom takes no edit, each state is said once under the card, and again only where it is not known whether it was.
pub(crate) fn is_said_below_once(before: Option<&Option<String>>, notice: &Notice) -> Verdict {
    let is_new = before.is_none_or(|said| said.as_ref() != Some(&notice.head));
    holds(is_new, "a state is said once under a card", || notice.head.clone())
}

/// Said under a card that could not be edited.
pub(crate) fn is_said_below(notice: &Notice) -> bool {
    notice.head.ends_with("(I could not update the card above).")
}

/// Where a row says that its message shows it, the message does, or what is said under it: none is older than its row.
pub(crate) fn what_is_called_shown_is_shown(record: &Record, world: &Watched, card: Option<&Card>) -> Verdict {
    let Some((card, id)) = card.filter(|card| card.is_shown()).and_then(|card| Some((card, card.message.as_ref()?)))
    else {
        return Ok(());
    };
    let message = world.chat.message(id);
    let is_below = |reply: &FakeMessage| reply.to.reply_to.as_ref() == Some(id) && is_said_below(&reply.notice);
    let is_said_below = card.content.said_below && world.chat.messages().iter().any(is_below);
    let is_so = is_said_below || message.as_ref().map_or(record.lost.contains(id), |message| says(message, card));
    holds(is_so, "what is called shown is shown", || format!("{message:?} is not {:?}", card.notice()))
}

/// At the end every posted card shows its row, and every card that was to be posted was, unless it was given up.
fn cards_show_their_rows(record: &Record, world: &Watched) -> Verdict {
    for card in cast::issues().iter().flat_map(|issue| world.read(world.store.cards_of(issue))) {
        if world.store.dead().iter().any(|dead| dead.job.as_ref().is_some_and(|job| shows(job, &card.handle))) {
            continue;
        }
        let since = record.connected.get(&feed(&card.content.place, &card.content.project.id));
        let is_connected = world
            .read(world.store.subscriptions_in(&card.content.place.account, &card.content.place.channel))
            .iter()
            .any(|s| s.project.id == card.content.project.id);
        let is_due = is_connected && card.listed.is_none() && record.admitted.get(&card.handle) > since;
        let is_so = if card.message.is_some() { card.is_shown() } else { !is_due };
        holds(is_so, "cards show their rows", || format!("{card:?}"))?;
        what_is_called_shown_is_shown(record, world, Some(&card))?;
    }
    Ok(())
}

/// A message of a card is the store's, unless its answer was lost, the process died, its job was cleared away, or two workers
/// were at it at once.
fn no_message_is_forgotten(record: &Record, world: &Watched) -> Verdict {
    let is_known = |id: &MessageId| {
        let to = world.chat.message(id).map(|message| message.to);
        to.is_some_and(|to| !record.is_overtaken(&to.account, &to.to.key()))
    };
    let in_flight = record.cards.iter().filter(|(_, sent)| **sent == Sent::InFlight);
    let forgotten: Vec<_> = in_flight.filter(|(id, _)| is_known(id)).collect();
    holds(forgotten.is_empty(), "no message is forgotten", || format!("{forgotten:?}"))
}

/// A project is heard of only where it was connected when its lane's work began; a storm, where anything was.
pub(crate) fn only_connected_channels_hear_of_a_project(
    record: &Record,
    world: &Watched,
    to: &Address,
    notice: &Notice,
) -> Verdict {
    let issue = cast::issue_of_card(&notice.head);
    if issue.is_none() && !cast::is_of_storm(&notice.head) {
        return Ok(());
    }
    let project = issue.map(|issue| cast::project_of(&cast::issues()[issue]).id);
    let is_meant = |other: &ProjectId| project.as_ref().is_none_or(|project| project == other);
    let lane = if issue.is_some() { Lane::cards(&to.account, &to.to) } else { Lane::roundups(&to.account, &to.to) };
    let begun = record.leases.get(&lane);
    let here = world.read(world.store.subscriptions_in(&to.account, &to.to));
    let has_just_ended = record.ended.iter().any(|((account, channel, project), at)| {
        *account == to.account && *channel == to.to.key() && is_meant(project) && Some(at) > begun
    });
    let is_overtaken = record.is_overtaken(&to.account, &to.to.key());
    let is_so = here.iter().any(|s| is_meant(&s.project.id)) || has_just_ended || is_overtaken;
    holds(is_so, "only connected channels hear of a project", || format!("{notice:?} in {}", to.to))
}

/// At the end every storm is over.
fn every_storm_ends(world: &Watched) -> Verdict {
    let on = |place: &Place| world.read(world.store.storm_in(&place.account, &place.channel));
    let on: Vec<_> = Cast::places().iter().filter_map(on).collect();
    holds(on.is_empty(), "every storm ends", || format!("{on:?}"))
}

/// Where cards are sent again, a place is not called paused.
fn where_cards_arrive_nothing_is_paused(record: &Record, world: &Watched) -> Verdict {
    for place in Cast::places() {
        let paused = world.read(world.store.paused(&place.account, &place.channel));
        let sent = record.sent_to.get(&(place.account.clone(), place.channel.key()));
        let is_stale = paused.as_ref().is_some_and(|pause| sent.is_some_and(|at| *at > pause.since));
        holds(!is_stale, "where cards arrive nothing is paused", || format!("{paused:?}, sent at {sent:?}"))?;
    }
    Ok(())
}

// === order, answers, what is given up ===

/// The jobs of a lane end in the order in which they were queued, unless a message is suspected of being poisonous.
pub(crate) fn a_lane_keeps_its_order(record: &Record, lease: &LaneLease, queued: &Queued) -> Verdict {
    const SUSPECTED_AFTER: u32 = 5;
    let order = record.queued.get(&queued.id).copied().unwrap_or_default();
    let last = record.last_ended.get(&lease.lane).copied().unwrap_or_default();
    let is_so = order >= last || queued.attempts + 1 >= SUSPECTED_AFTER;
    holds(is_so, "a lane keeps its order", || format!("{queued:?} of {:?} ends after a later one", lease.lane))
}

/// A result comes too late only where its job was cleared away: by an account that left, with wishes to connect; or where its lane was
/// taken over.
pub(crate) fn only_cleared_jobs_lose_their_lease(record: &Record, lane: &Lane) -> Verdict {
    let left = record.purged.keys().any(|account| lane.owner == Owner::Zoom(account.clone()));
    let is_overtaken = record.overtaken.contains(lane);
    holds(left || is_overtaken || lane.name.starts_with("connects/"), "only cleared jobs lose their lease", || {
        format!("{lane:?}")
    })
}

/// What is said is said once, but for lost answers and for what was under way when the process died.
fn answers_are_said_once(record: &Record) -> Verdict {
    for (words, said) in
        record.words.iter().filter(|((account, channel, ..), _)| !record.is_overtaken(account, channel))
    {
        let is_so = said.posted == said.settled + said.unknown;
        holds(is_so, "answers are said once", || format!("{words:?}: {said:?}"))?;
    }
    Ok(())
}

/// What is given up was refused, stayed unconfirmed, or is three days old.
pub(crate) fn what_is_given_up_has_a_reason(record: &Record, world: &Watched, queued: &Queued, why: &str) -> Verdict {
    let happened = |what| record.counts.contains_key(what);
    let is_old = world.now().since(queued.since) >= job::GIVE_UP_AFTER;
    let is_so = is_old
        || why.starts_with("refused: ") && happened("refusals")
        || why == "unconfirmed" && queued.unknown && happened("unknowns")
        || why.starts_with("the destination is gone") && happened("closings");
    holds(is_so, "what is given up has a reason", || format!("{why}: {queued:?}"))
}

// === the end ===

/// What must be so once all is well and nothing is due any more.
pub(crate) fn at_the_end(record: &Record, world: &Watched) -> Vec<String> {
    let ledger = world.read(world.store.ledger());
    let verdicts = [
        holds(ledger.pending == 0, "nothing is pending at the end", || format!("{ledger:?}")),
        cards_show_their_rows(record, world),
        every_storm_ends(world),
        no_message_is_forgotten(record, world),
        where_cards_arrive_nothing_is_paused(record, world),
        answers_are_said_once(record),
        people::no_grant_is_left_behind(record, world),
        people::purged_accounts_stay_away(record, world),
    ];
    verdicts.into_iter().filter_map(Result::err).collect()
}

/// The card of an issue in a place.
pub(crate) fn card_in(world: &Watched, place: &Place, issue: &IssueId) -> Option<Card> {
    let here = |card: &Card| card.content.place.account == place.account && card.content.place.channel == place.channel;
    world.read(world.store.cards_of(issue)).into_iter().find(here)
}

fn will_be_shown(world: &Watched, card: &Handle) -> bool {
    world.store.waiting().iter().any(|(_, job)| shows(job, card))
        || world.store.dead().iter().any(|dead| dead.job.as_ref().is_some_and(|job| shows(job, card)))
}

/// Whether the card that stands for an issue speaks of it: it will be looked at again, or all that is new is the issue.
fn is_told_of(world: &Watched, account: &AccountId, storm: &Handle, change: &Change) -> bool {
    let looks = |job: &Job| matches!(job, Job::ShowRoundup { roundup: shown, .. } if shown == storm);
    world.read(world.store.roundup(account, storm)).is_some_and(|storm| {
        let was_told = change.kind == ChangeKind::New && storm.message.is_some();
        was_told || world.store.waiting().iter().any(|(_, job)| looks(job))
    })
}

fn will_be_read(world: &Watched, issue: &IssueId) -> bool {
    let reads = |job: &Job| matches!(job, Job::Refresh { issue: read, .. } if read == issue);
    world.store.waiting().iter().any(|(_, job)| reads(job))
}

fn shows(job: &Job, handle: &Handle) -> bool {
    match job {
        Job::Show { card, .. } | Job::ShowLater { card, .. } => card == handle,
        Job::Sift { cards, .. } => cards.iter().any(|candidate| candidate.card == *handle),
        _ => false,
    }
}

/// As the card has it, or the same as plain text.
fn says(message: &FakeMessage, card: &Card) -> bool {
    let notice = card.notice();
    message.notice == notice || message.notice == notice.plain()
}
