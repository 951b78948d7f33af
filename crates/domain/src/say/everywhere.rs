//! Every channel of an account, for whoever looks after many.

use super::lists::row;
use super::name;
use crate::decide::{Care, SaidFacts, is_in};
use crate::text::{counted, line};
use crate::{Act, Group, Notice, Offered, Place, Subscription, Timestamp};

/// So many are on a page.
const ROWS: usize = 10;

/// One page of one group of what the asker may see.
pub fn configure_all(
    here: &Place,
    visible: &[Subscription],
    facts: &SaidFacts,
    (group, page): (Group, u16),
    now: Timestamp,
) -> Notice {
    let of = |group| visible.iter().filter(|s| is_in(group, s, &facts.care, now)).collect::<Vec<_>>();
    let shown = of(group);
    let begin = (usize::from(page) * ROWS).min(shown.len());
    let rows: Vec<_> = shown[begin..].iter().take(ROWS).collect();
    let notice = Notice::text(head(visible)).line(counts(|group| of(group).len()));
    let notice = rows.iter().zip(begin + 1..).fold(notice, |notice, (subscription, number)| {
        let care = facts.care.iter().find(|care| care.place.is_same(&subscription.place));
        notice.line(format!("{number} · {}", whole_row(subscription, care, here, now)))
    });
    let notice = match (visible, rows.len()) {
        ([], _) => notice.line("Nothing is connected in a channel in which I know you. In a channel, type connect."),
        (_, 0) => notice.line("Nothing here."),
        (_, some) => notice.line(format!("Showing {}–{} of {}.", begin + 1, begin + some, shown.len())),
    };
    let notice = match facts.everywhere.len() > visible.len() {
        true => notice.line("These are the channels in which I know you. Managers see all of them."),
        false => notice,
    };
    with_buttons(notice, (group, page), shown.len(), |group| of(group).len())
}

fn head(visible: &[Subscription]) -> String {
    let mut places: Vec<_> = visible.iter().map(|s| s.place.channel.key()).collect();
    places.sort();
    places.dedup();
    format!("{} in {}", counted(visible.len() as u64, "subscription"), counted(places.len() as u64, "channel"))
}

fn counts(of: impl Fn(Group) -> usize) -> String {
    let each =
        [Group::Care, Group::Noisy, Group::Muted, Group::All].map(|group| format!("{} {}", word(group), of(group)));
    each.join(" · ")
}

fn word(group: Group) -> &'static str {
    match group {
        Group::Care => "needs care",
        Group::Noisy => "noisy",
        Group::Muted => "muted",
        Group::All => "all",
    }
}

fn whole_row(subscription: &Subscription, care: Option<&Care>, here: &Place, now: Timestamp) -> String {
    let place = &subscription.place;
    let label = match place.direct && !place.is_same(here) {
        true => format!("{}'s own chat", name(&subscription.by)),
        false => place.label(),
    };
    let paused = care.and_then(|care| care.paused.as_ref());
    let why = match (paused, care) {
        (Some(pause), _) => {
            format!(" · failing since {}: {}", pause.since.when(now, subscription.settings.zone), line(&pause.why, 80))
        }
        (None, Some(care)) if care.missing => " · webhooks are missing".into(),
        (None, Some(care)) if care.is_noisy() => format!(" · {} a week", counted(care.week, "message")),
        _ => String::new(),
    };
    format!("{label} · {}{why}", row(subscription, now))
}

fn with_buttons(notice: Notice, (group, page): (Group, u16), shown: usize, of: impl Fn(Group) -> usize) -> Notice {
    let others = [Group::Care, Group::Noisy, Group::Muted, Group::All].into_iter();
    let others = others.filter(|other| *other != group && of(*other) > 0);
    let notice = others.fold(notice, |notice, other| {
        let label = super::capital(&format!("{} {}", word(other), of(other)));
        notice.suggest(label, Offered::All { group: other, page: 0 })
    });
    let is_last = (usize::from(page) + 1) * ROWS >= shown;
    let notice = match (is_last, page) {
        (false, _) => notice.suggest("Next page", Offered::All { group, page: page + 1 }),
        (true, 0) => notice,
        (true, _) => notice.suggest("First page", Offered::All { group, page: 0 }),
    };
    if shown == 0 {
        return notice;
    }
    let acts = [(Act::Mute, "Mute for a day"), (Act::Unmute, "Unmute"), (Act::Remove, "Disconnect")];
    let acts = acts.map(|(act, what)| (format!("{what} ({shown})"), Offered::Bulk { group, act }));
    notice.menu("All of this group", acts, None)
}

/// Many were changed at once.
pub fn done_in_many(act: Act, subscriptions: usize, places: usize) -> Notice {
    let done = match act {
        Act::Mute => "Muted for a day",
        Act::Unmute => "Unmuted",
        Act::Remove => "Disconnected",
    };
    let (subscriptions, places) = (counted(subscriptions as u64, "subscription"), counted(places as u64, "channel"));
    Notice::text(format!("{done}: {subscriptions} in {places}.")).line("Each channel was told, and can take it back.")
}
