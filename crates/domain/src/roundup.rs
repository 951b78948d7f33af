//! One card that stands for many, names the worst and what they share. There are three causes. In a storm more new issues come
//! than anybody can read, and the card counts them until it calms. After a gap it tells what was missed, after a mute what came meanwhile. Nothing is lost:
//! the issues' own cards are kept and listed behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::say::some_of;
use crate::text::{counted, line};
use crate::{
    Address, Button, Card, Choice, Content, Handle, Level, MessageId, Notice, Person, Place, Press, Status, Timestamp,
    Tone, Zone,
};

/// The window in which new cards are counted against the budget; a storm is over when one passes under it.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How often its card is edited at most.
pub const EDIT_EVERY: Duration = Duration::from_secs(10);
/// How many of the worst it names.
pub const TOP: usize = 5;
/// How many are listed to whoever asks.
pub const LISTED: usize = 50;

const SHARED_BY: u64 = 2;
const NAME: usize = 80;

/// One storm, or one gap, in one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roundup {
    /// What its button carries.
    pub handle: Handle,
    /// Where, and on whose behalf its card is sent.
    pub scene: Scene,
    /// When it began.
    pub began: Timestamp,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// The message that shows it, once posted.
    pub message: Option<MessageId>,
    /// What the message says.
    pub said: Option<String>,
}

/// How crowded a channel is with new cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// New cards within the window before this one.
    pub opened: u64,
    /// The storm that is on.
    pub storm: Option<Roundup>,
    /// Another card stands for the issue, and was posted.
    pub is_told: bool,
}

/// Where a storm is, and on whose behalf its card is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// The channel.
    pub place: Place,
    /// Who connected the project whose issue began it.
    pub by: Person,
    /// Why one card stands for many.
    #[serde(default)]
    pub cause: Cause,
}

/// Why one card stands for many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// They came too fast.
    #[default]
    Storm,
    /// They did not come when they should have.
    Gap {
        /// Since when.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
        /// What kept them away.
        why: Missed,
    },
    /// Somebody muted them. It is over when the mute is.
    Mute,
}

/// What kept messages away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// The bot was restarted meanwhile, or refused deliveries because it could not store them.
    Ours,
    /// Sentry's webhooks did not arrive.
    Untold,
    /// The chat platform took no messages.
    Undelivered,
}

impl Missed {
    fn words(self) -> &'static str {
        match self {
            Self::Ours => "I was not there to take them",
            Self::Untold => "Sentry's webhooks did not arrive",
            Self::Undelivered => "Zoom took no messages",
        }
    }
}

/// What a storm holds, as the store counts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathering {
    /// Issues in it.
    pub issues: u64,
    /// Those of them that nobody has dealt with.
    pub open: u64,
    /// Those that nobody was told of before: they have no message of their own.
    pub fresh: u64,
    /// Those with a message of their own that somebody has dealt with.
    pub settled: u64,
    /// Events of all of them.
    pub events: u64,
    /// The worst of them: most events first, at most as many as were asked for.
    pub top: Vec<Content>,
    /// What many of them have in common, with how many: for each kind the most frequent value.
    pub shared: Vec<(Shared, String, u64)>,
}

/// What issues can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// The project.
    Project,
    /// The release.
    Release,
    /// The environment.
    Environment,
    /// Where in the code.
    Culprit,
}

/// One thing that an issue says of itself.
type Value = fn(&Content) -> Option<&str>;

impl Gathering {
    /// Counts a storm's cards: what a store computes its own way.
    pub fn of<'c>(cards: impl Iterator<Item = &'c Card>, top: usize) -> Self {
        let cards: Vec<_> = cards.collect();
        let is_settled = |card: &&&Card| card.message.is_some() && !is_open(&card.content);
        let mut all: Vec<_> = cards.iter().map(|card| &card.content).collect();
        // Stable: of equally many events the one that came first.
        all.sort_by_key(|content| std::cmp::Reverse(content.issue.events));
        let kinds: [(Shared, Value); 4] = [
            (Shared::Project, |content| Some(content.project.slug.as_str())),
            (Shared::Release, |content| content.issue.release.as_deref()),
            (Shared::Environment, |content| content.issue.environment.as_deref()),
            (Shared::Culprit, |content| content.issue.culprit.as_deref()),
        ];
        let frequent = |(kind, value): (Shared, Value)| {
            let (value, n) = most_frequent(all.iter().filter_map(|content| value(content)))?;
            Some((kind, value.to_owned(), n))
        };
        Self {
            issues: all.len() as u64,
            open: all.iter().filter(|content| is_open(content)).count() as u64,
            fresh: cards.iter().filter(|card| card.message.is_none()).count() as u64,
            settled: cards.iter().filter(is_settled).count() as u64,
            events: all.iter().filter_map(|content| content.issue.events).sum(),
            shared: kinds.into_iter().filter_map(frequent).collect(),
            top: all.into_iter().take(top).cloned().collect(),
        }
    }
}

fn is_open(content: &Content) -> bool {
    !matches!(content.issue.status, Some(Status::Resolved | Status::Archived))
}

/// The most frequent value, of equally frequent ones the first in the alphabet.
fn most_frequent<'v>(values: impl Iterator<Item = &'v str>) -> Option<(&'v str, u64)> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts.into_iter().min_by_key(|(_, n)| std::cmp::Reverse(*n))
}

impl Roundup {
    /// A storm that begins now.
    pub fn begin(handle: Handle, scene: Scene, now: Timestamp) -> Self {
        Self { handle, scene, began: now, ended: None, message: None, said: None }
    }

    /// The storm as it stands when so many new cards came within the window: over, once that is under the budget.
    #[must_use]
    pub fn at(&self, opened: u64, budget: u64, now: Timestamp) -> Self {
        let calm = budget == 0 || opened < budget && now.since(self.began) >= WINDOW;
        Self { ended: self.ended.or(calm.then_some(now)), ..self.clone() }
    }

    /// Where its card goes.
    pub fn address(&self) -> Address {
        Address::everyone(&self.scene.place, &self.scene.by)
    }

    /// Whether its time to tell has not come: a mute is told of when it ends.
    pub fn is_early(&self, now: Timestamp) -> bool {
        self.scene.cause == Cause::Mute && self.ended.is_some_and(|over| now < over)
    }

    /// What its card says. `back` are the projects whose mute it ends.
    pub fn notice(&self, holds: &Gathering, back: &[String], now: Timestamp, zone: Zone) -> Notice {
        match self.scene.cause {
            Cause::Mute => self.after_mute(back, holds),
            Cause::Storm => self.in_storm(holds, now),
            Cause::Gap { from, until, why } => self.after_gap((from, until), why, holds, zone),
        }
    }

    fn after_gap(&self, (from, until): (Timestamp, Timestamp), why: Missed, holds: &Gathering, zone: Zone) -> Notice {
        let (from, until) = match from.day(zone) == until.day(zone) {
            true => (zone.strftime(from, "%H:%M"), until.clock(zone)),
            false => (zone.strftime(from, "%-d %b %H:%M"), until.day_and_clock(zone)),
        };
        let head = format!("Catching up · I missed messages from {from} to {until} ({})", why.words());
        let back = holds.issues.saturating_sub(holds.fresh + holds.settled);
        let kinds = [(holds.fresh, "new"), (holds.settled, "resolved"), (back, "came back")];
        let kinds: Vec<_> = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
        let notice = Notice { head, tone: Some(Tone::Open(Level::Warning)), ..Notice::default() };
        let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
        let notice = notice.line(format!("{} changed{kinds}.", counted(holds.issues, "issue")));
        let notice = worst(holds).into_iter().fold(notice, Notice::line);
        Notice { buttons: vec![self.show_button(format!("Show {}", holds.issues))], ..notice }
    }

    fn after_mute(&self, back: &[String], holds: &Gathering) -> Notice {
        let are_many = back.len() > 1;
        let back = if back.is_empty() {
            String::new()
        } else {
            format!("Back on: {}. ", some_of(back.iter().map(String::as_str)))
        };
        let Some(worst) = holds.top.first() else {
            let they_were = if are_many { "they were" } else { "it was" };
            return Notice::text(format!("{back}Nothing came while {they_were} muted."));
        };
        let title = line(&worst.issue.title, NAME);
        let events = worst.issue.events.map_or_else(String::new, |n| format!(" ({})", counted(n, "event")));
        let issues = counted(holds.issues, "issue");
        let head = format!("{back}While muted: {issues}, {} still open, worst: {title}{events}.", holds.open);
        Notice::text(head).button(self.show_button(format!("Show {}", holds.issues)))
    }

    fn show_button(&self, label: String) -> Button {
        let press = Press { card: self.handle.clone(), choice: Choice::ShowAll };
        Button { label, press, primary: false }
    }

    fn in_storm(&self, holds: &Gathering, now: Timestamp) -> Notice {
        let length = minutes(self.ended.unwrap_or(now).since(self.began));
        let project = shared(holds, Shared::Project).map_or_else(String::new, |(slug, _)| format!("[{slug}] "));
        let head = match self.ended {
            None => format!("Storm · {project}{} in {length}", counted(holds.issues, "new issue")),
            Some(_) => format!(
                "Storm over · {project}{} in {length}; {} still open",
                counted(holds.issues, "issue"),
                holds.open
            ),
        };
        let mut notice = Notice { head, tone: Some(Tone::Open(Level::Fatal)), ..Notice::default() };
        for text in [in_common(holds), worst(holds)].into_iter().flatten() {
            notice = notice.line(text);
        }
        if self.ended.is_none() {
            notice = notice.line("Single cards are paused until it calms. Nothing is lost.");
        }
        notice.buttons = vec![self.show_button("Show all".into())];
        notice
    }

    /// The issues behind its card, for one person.
    pub fn list(&self, holds: &Gathering) -> Notice {
        let head = match holds.issues {
            all if all > holds.top.len() as u64 => {
                format!("{} of {}, the worst first", holds.top.len(), counted(all, "issue"))
            }
            all => counted(all, "issue"),
        };
        holds.top.iter().fold(Notice::text(head), |notice, content| {
            let text = row(content);
            match &content.issue.url {
                Some(url) => notice.link(text, url),
                None => notice.line(text),
            }
        })
    }
}

fn row(content: &Content) -> String {
    let issue = &content.issue;
    let state = match issue.status {
        Some(Status::Resolved) => "resolved · ",
        Some(Status::Archived) => "archived · ",
        Some(Status::Unresolved) | None => "",
    };
    let events = issue.events.map_or_else(String::new, |n| format!(" · {}", counted(n, "event")));
    format!("{state}[{}] {}{events}", content.project.slug, line(&issue.title, 2 * NAME))
}

fn shared(holds: &Gathering, what: Shared) -> Option<(&str, u64)> {
    holds.shared.iter().find(|(kind, _, n)| *kind == what && *n >= SHARED_BY).map(|(_, value, n)| (value.as_str(), *n))
}

fn in_common(holds: &Gathering) -> Option<String> {
    let mut parts = Vec::new();
    for (kind, name) in [(Shared::Release, "release"), (Shared::Environment, "environment"), (Shared::Culprit, "")] {
        if let Some((value, n)) = shared(holds, kind) {
            parts.push(format!("{n} of {} share {name} {}", holds.issues, line(value, NAME)).replace("  ", " "));
        }
    }
    (holds.events > 0).then(|| parts.push(counted(holds.events, "event")));
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn worst(holds: &Gathering) -> Option<String> {
    let named = holds.top.iter().take(TOP).map(|content| {
        let title = line(&content.issue.title, NAME);
        let short = title.split(':').next().unwrap_or_default().to_owned();
        content.issue.events.map_or_else(|| short.clone(), |n| format!("{short} {n}"))
    });
    let mut named: Vec<_> = named.collect();
    if named.is_empty() {
        return None;
    }
    let more = holds.issues.saturating_sub(named.len() as u64);
    if more > 0 {
        named.push(format!("…{more} more"));
    }
    Some(format!("Top: {}", named.join(" · ")))
}

fn minutes(length: Duration) -> String {
    match length.as_secs() {
        0..60 => "under a minute".into(),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Card, ChangeKind, sample};

    const BEGAN: Timestamp = Timestamp(1_767_323_045_000);

    fn storm() -> Roundup {
        Roundup::begin(Handle::new("s"), scene(Cause::Storm), BEGAN)
    }

    fn scene(cause: Cause) -> Scene {
        Scene { place: sample::ops(), by: sample::ana(), cause }
    }

    fn content(title: &str, events: u64) -> Content {
        let mut change = sample::change(ChangeKind::New);
        change.issue.title = title.into();
        change.issue.events = Some(events);
        Card::open(Handle::new("h"), &sample::subscription(), &change, BEGAN).content
    }

    fn gathering() -> Gathering {
        Gathering {
            issues: 38,
            open: 6,
            fresh: 38,
            settled: 0,
            events: 1_900,
            top: vec![content("TimeoutError: pool exhausted", 812), content("ConnectionReset", 440)],
            shared: vec![
                (Shared::Project, "api".into(), 38),
                (Shared::Release, "2.4.1".into(), 31),
                (Shared::Culprit, "once".into(), 1),
            ],
        }
    }

    #[test]
    fn it_counts_names_the_worst_and_says_what_they_share() {
        let notice = storm().notice(&gathering(), &[], BEGAN + Duration::from_secs(250), Zone::UTC);
        assert_eq!(notice.head, "Storm · [api] 38 new issues in 4 min");
        assert_eq!(notice.lines[0].text, "31 of 38 share release 2.4.1 · 1.9k events");
        assert_eq!(notice.lines[1].text, "Top: TimeoutError 812 · ConnectionReset 440 · …36 more");
    }

    #[test]
    fn when_it_is_over_it_says_what_is_still_open() {
        let over = Roundup { ended: Some(BEGAN + Duration::from_secs(1_020)), ..storm() };
        assert_eq!(
            over.notice(&gathering(), &[], BEGAN, Zone::UTC).head,
            "Storm over · [api] 38 issues in 17 min; 6 still open"
        );
    }

    #[test]
    fn after_a_gap_it_says_since_when_why_and_what_changed() {
        let cause = Cause::Gap { from: BEGAN, until: BEGAN + Duration::from_secs(5_280), why: Missed::Untold };
        let gap = Roundup { ended: Some(BEGAN), scene: scene(cause), ..storm() };
        let notice = gap.notice(&Gathering { issues: 7, fresh: 4, settled: 2, ..gathering() }, &[], BEGAN, Zone::UTC);
        let head = "Catching up · I missed messages from 03:04 to 04:32 UTC (Sentry's webhooks did not arrive)";
        assert_eq!(notice.head, head);
        assert_eq!(notice.lines[0].text, "7 issues changed: 4 new, 2 resolved, 1 came back.");
        assert_eq!(notice.buttons[0].label, "Show 7");
    }

    #[test]
    fn a_gap_of_more_than_a_day_names_the_days() {
        let until = BEGAN + Duration::from_secs(30 * 3_600);
        let cause = Cause::Gap { from: BEGAN, until, why: Missed::Ours };
        let notice = Roundup { scene: scene(cause), ..storm() }.notice(&gathering(), &[], BEGAN, Zone::UTC);
        assert!(notice.head.contains("from 2 Jan 03:04 to 3 Jan 09:04 UTC"), "{}", notice.head);
    }

    #[test]
    fn what_is_behind_it_is_listed_with_links() {
        let list = storm().list(&gathering());
        assert_eq!(list.head, "2 of 38 issues, the worst first");
        assert!(list.lines.iter().all(|line| line.link.is_some()));
    }
}
