//! The laws that concern people, their accounts, and their grants.

use zentry_domain::{AccountId, Actor, Address, Event, Facts, LinkedPerson, Notice, Owner, Place, link};

use crate::cast::{self, Cast};
use crate::checks::{Verdict, holds};
use crate::ports::Watched;
use crate::record::Record;

/// Nothing of one account is said in another one's place: neither who is there, nor what can be pressed.
pub(crate) fn accounts_are_apart(world: &Watched, to: &Address, notice: &Notice) -> Verdict {
    let others = Cast::accounts().into_iter().filter(|account| *account != to.account);
    for other in others {
        let is_theirs = Cast::places().iter().any(|place| place.account == other && place.channel == to.to)
            || Cast::people().iter().any(|p| p.account == other && p.jid == to.on_behalf_of);
        let told = Cast::words_of(&other)
            .into_iter()
            .find(|word| notice.head.contains(word) || notice.lines.iter().any(|line| line.text.contains(word)));
        let pressed = notice.buttons.iter().map(|button| &button.press.card).any(|handle| {
            world.read(world.store.card(&other, handle)).is_some()
                || world.read(world.store.roundup(&other, handle)).is_some()
        });
        let is_so = !is_theirs && told.is_none() && !pressed;
        holds(is_so, "accounts are apart", || format!("{notice:?} to {to:?} is of {other}"))?;
    }
    Ok(())
}

/// A person is linked only because they themselves sent, in their own chat and in time, the code that a browser was shown
/// in which the account was signed in that is linked.
pub(crate) fn only_the_right_code_links(
    record: &Record,
    world: &Watched,
    linked: &LinkedPerson,
    event: Option<&Event>,
) -> Verdict {
    let Some(Event::Said(said)) = event else { return Err(format!("only the right code links: {event:?}")) };
    let own_chat = Place::direct(&linked.person);
    let is_theirs = said.by.account == linked.person.account
        && said.by.user == linked.person.user
        && said.place.direct
        && said.place.channel == own_chat.channel;
    let is_right = record.awaited.get(&linked.credential).is_some_and(|(code, identity, expires)| {
        link::code_digits(&said.text) == code.expose() && *identity == linked.identity && world.now() < *expires
    });
    let is_granted = record
        .grants
        .get(&linked.credential)
        .is_none_or(|(account, user)| *account == linked.person.account && cast::users()[*user] == linked.identity);
    holds(is_theirs && is_right && is_granted, "only the right code links", || format!("{said:?} links {linked:?}"))
}

/// Nobody acts at Sentry with a grant that no code has made active.
pub(crate) fn inactive_grants_are_not_used(record: &Record, by: &Actor) -> Verdict {
    let is_so = match by {
        Actor::Person { credential, .. } => record.linked.contains(credential),
        Actor::Integration { .. } | Actor::Installation { .. } => true,
    };
    holds(is_so, "inactive grants are not used", || format!("{by:?}"))
}

/// At the end, when no code is awaited any more, every grant that is alive at Sentry is somebody's link. But for those that
/// an account took with it, also those that it got as it left if the store was down just then, and those that Sentry would
/// not revoke.
pub(crate) fn no_grant_is_left_behind(record: &Record, world: &Watched) -> Verdict {
    let linked: Vec<_> = Cast::people()
        .iter()
        .filter_map(|person| world.read(world.store.linked(&person.account, &person.user)))
        .map(|linked| linked.credential)
        .collect();
    let went = |account| record.purged.contains_key(account) && record.counts.contains_key("outages");
    let forgotten =
        record.grants.iter().filter(|(credential, (account, _))| !linked.contains(credential) && !went(account));
    let left: Vec<_> = forgotten.collect();
    holds(left.is_empty(), "no grant is left behind", || format!("{left:?}"))
}

/// When an account leaves, everything of it goes, also what waits and what was given up.
pub(crate) fn nothing_of_a_purged_account_stays(world: &Watched, account: &AccountId) -> Verdict {
    let (store, owner) = (&world.store, Owner::Zoom(account.clone()));
    let mut left: Vec<String> = Vec::new();
    left.extend(world.read(store.subscriptions_of(account)).iter().map(|s| format!("{s:?}")));
    let cards = cast::issues().into_iter().flat_map(|issue| world.read(store.cards_of(&issue)));
    left.extend(cards.filter(|card| card.content.place.account == *account).map(|card| format!("{card:?}")));
    left.extend(store.waiting().iter().filter(|(lane, _)| lane.owner == owner).map(|job| format!("{job:?}")));
    left.extend(store.dead().iter().filter(|dead| dead.lane.owner == owner).map(|dead| format!("{dead:?}")));
    left.extend(world.read(store.account(account)).map(|account| format!("{account:?}")));
    for person in Cast::people().iter().filter(|person| person.account == *account) {
        left.extend(world.read(store.linked(account, &person.user)).map(|linked| format!("{linked:?}")));
        left.extend(world.read(store.open_link(account, &person.user)).map(|link| format!("{link:?}")));
        let known = world.read(store.channels_known_to(account, &person.user));
        left.extend(known.iter().map(|channel| format!("{person:?} in {channel}")));
    }
    for place in Cast::places().iter().filter(|place| place.account == *account) {
        left.extend(world.read(store.paused(account, &place.channel)).map(|pause| format!("{pause:?}")));
        left.extend(world.read(store.storm_in(account, &place.channel)).map(|storm| format!("{storm:?}")));
    }
    holds(left.is_empty(), "nothing of a purged account stays", || left.join("\n  "))
}

/// The same at the end, where nobody of the account has done anything since.
pub(crate) fn purged_accounts_stay_away(record: &Record, world: &Watched) -> Verdict {
    for (account, at) in &record.purged {
        if record.active.get(account).is_none_or(|active| active < at) {
            nothing_of_a_purged_account_stays(world, account)?;
        }
    }
    Ok(())
}
