//! A metric alert: a rule about a number, and how far from its limit the number is.
//!
//! It is no issue: nobody resolves, archives or assigns it, and Sentry is not asked how it is. Beyond that its card is like
//! any other, see [`Standing::Metric`](crate::Standing::Metric).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::say::{some_of, span};
use crate::text::line;
use crate::{Content, Density, Level, Notice, Privacy, ProjectSlug, Status, Timestamp, Tone, Zone};

/// So many of the latest numbers make the curve.
const CURVE: usize = 24;
const LINE_MAX: usize = 300;

/// How loud a metric alert is. Ordered: `Warning < Critical`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// The number is back where it should be.
    Resolved,
    /// It is on; Sentry did not say how bad it is.
    #[default]
    Open,
    /// The first limit is passed.
    Warning,
    /// The last limit is passed.
    Critical,
}

impl Alarm {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Resolved => "Resolved",
            Self::Open => "Alert",
            Self::Warning => "Warning",
            Self::Critical => "Critical",
        }
    }

    /// What becomes of an issue is told in the same words.
    pub fn status(self) -> Status {
        if self == Self::Resolved { Status::Resolved } else { Status::Unresolved }
    }

    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Resolved => Tone::Resolved,
            Self::Open => Tone::Open(Level::Error),
            Self::Warning => Tone::Open(Level::Warning),
            Self::Critical => Tone::Open(Level::Fatal),
        }
    }
}

/// On which side of the limit it should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Above it.
    Above,
    /// Below it.
    Below,
}

/// What a metric alert tells of itself. What Sentry did not say is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// How loud it is.
    pub alarm: Alarm,
    /// The projects that its rule is about; on a card only those that its channel is connected to.
    pub projects: Vec<ProjectSlug>,
    /// What happens, in Sentry's words: `120 events in the last 5 minutes`.
    pub description: Option<String>,
    /// The number now.
    pub value: Option<Amount>,
    /// What it counts: `events`, `s`, `% failure rate`.
    pub unit: Option<String>,
    /// The limit that it passed, or is back within.
    pub limit: Option<Amount>,
    /// On which side of the limit it should not be; only where it is the number that moved, and nobody ended the alert by hand.
    pub side: Option<Side>,
    /// Over how many minutes it is measured.
    pub window: Option<u64>,
    /// Since when the alert is on.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// When something was last told of it.
    pub heard: Timestamp,
    /// The latest numbers, the newest last.
    pub values: Vec<Amount>,
}

/// A number as Sentry wrote it: `3.4`, `2.0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(String);

impl Amount {
    /// Reads a decimal; digits behind the point that nobody reads are rounded away.
    pub fn parse(text: &str) -> Option<Self> {
        const LONGEST: usize = 24;
        let is_decimal = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
        let is_whole = text.ends_with(|c: char| c.is_ascii_digit()) && text.len() <= LONGEST;
        let number: f64 = text.parse().ok().filter(|_| is_decimal && is_whole)?;
        let places = text.split_once('.').map_or(0, |(_, places)| places.len());
        let kept = if number.abs() < 1.0 { 4 } else { 2 };
        if places <= kept {
            return Some(Self(text.into()));
        }
        let rounded = format!("{number:.kept$}");
        Some(Self(rounded.trim_end_matches('0').trim_end_matches('.').into()))
    }

    /// How much it is.
    fn number(&self) -> f64 {
        self.0.parse().unwrap_or_default()
    }

    fn with(&self, unit: Option<&str>) -> String {
        match unit {
            Some(unit) if unit.starts_with('%') => format!("{}{unit}", self.0),
            Some(unit) => format!("{} {unit}", self.0),
            None => self.0.clone(),
        }
    }
}

impl Metric {
    /// What people call the alert of this number in its organization: Sentry has no other short name for it.
    pub fn short_id(identifier: &str) -> String {
        format!("ALERT-{identifier}")
    }

    /// As it is after `told`: what stays the same while it is on is kept where that does not say it.
    pub(crate) fn after(&self, told: &Self, now: Timestamp) -> Self {
        let mut values: Vec<_> = self.values.iter().chain(&told.value).cloned().collect();
        values.drain(..values.len().saturating_sub(CURVE));
        let ended = (told.alarm == Alarm::Resolved).then(|| told.ended.unwrap_or(now));
        Self {
            window: told.window.or(self.window),
            started: told.started.or(self.started),
            ended,
            heard: now,
            values,
            ..told.clone()
        }
    }

    /// Without what must not be shown, and so is not kept either. Its title is the name of a rule, which colleagues wrote.
    pub(crate) fn redacted(self, privacy: Privacy) -> Self {
        match privacy {
            Privacy::Full | Privacy::NoMessage => self,
            Privacy::ClassOnly => Self { description: None, unit: None, ..self },
        }
    }

    /// What its card says: the first line of [`Content::head`], and then how it is.
    pub(crate) fn notice(&self, content: &Content) -> Notice {
        let zone = content.settings.zone;
        let mut notice = Notice { head: content.head(), tone: Some(self.alarm.tone()), ..Notice::default() };
        let texts = match content.settings.density {
            Density::Compact => {
                notice.head = content.head_with(self.briefly(zone));
                Vec::new()
            }
            Density::Standard => vec![self.facts(zone), self.curve(), self.hidden(content)],
            Density::Full => {
                vec![self.facts(zone), self.curve(), self.in_full(), self.whose(content), self.hidden(content)]
            }
        };
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            notice = notice.line(text);
        }
        content.link_page(&mut notice);
        notice
    }

    /// The projects, as they stand in the head.
    pub(crate) fn projects_in_words(&self) -> String {
        some_of(self.projects.iter().map(ProjectSlug::as_str))
    }

    /// How it is: `Now 3.4 s (limit 2.0 s) · last 10 min · started 14:20 UTC`.
    pub(crate) fn facts(&self, zone: Zone) -> String {
        let mut parts = vec![self.briefly(zone)];
        if self.alarm != Alarm::Resolved {
            // Its own words say so themselves.
            let window = self.window.filter(|_| self.value.is_some());
            parts.extend(
                window.map(|minutes| format!("last {}", length(Duration::from_secs(minutes.saturating_mul(60))))),
            );
            parts.extend(self.started.map(|at| format!("started {}", at.when(self.heard, zone))));
        }
        parts.retain(|part| !part.is_empty());
        line(&parts.join(" · "), LINE_MAX)
    }

    /// How it is, in the fewest words: `Now 3.4 s (limit 2.0 s)`.
    fn briefly(&self, zone: Zone) -> String {
        if self.alarm == Alarm::Resolved {
            return self.over(zone);
        }
        match (&self.value, &self.description, self.limit_in_words()) {
            (Some(value), _, limit) => {
                let limit = limit.map_or_else(String::new, |limit| format!(" (limit {limit})"));
                format!("Now {}{limit}", value.with(self.unit.as_deref()))
            }
            // Whether the limit is one of that is not clear.
            (None, Some(description), _) => line(description, LINE_MAX / 2),
            (None, None, Some(limit)) => format!("Limit {limit}"),
            (None, None, None) => String::new(),
        }
    }

    /// How it ended: `back under 2.0 s at 14:48 UTC (28 min)`.
    fn over(&self, zone: Zone) -> String {
        let at = self.ended.unwrap_or(self.heard);
        let how = match (self.side, self.limit_in_words()) {
            (Some(Side::Above), Some(limit)) => format!("back under {limit}"),
            (Some(Side::Below), Some(limit)) => format!("back over {limit}"),
            _ => "over".into(),
        };
        let started = self.started.filter(|started| *started <= at);
        let lasted = started.map_or_else(String::new, |started| format!(" ({})", length(at.since(started))));
        format!("{how} at {}{lasted}", at.when(self.heard, zone))
    }

    /// The limit, with the first word of what is counted: `100 events` where there are `120 events affected`.
    fn limit_in_words(&self) -> Option<String> {
        // Sentry writes every limit with a point: beside a whole number that says nothing.
        let is_whole = self.value.as_ref().is_none_or(|value| !value.0.contains('.'));
        let limit = self.limit.as_ref().map(|limit| match limit.0.strip_suffix(".0").filter(|_| is_whole) {
            Some(whole) => Amount(whole.into()),
            None => limit.clone(),
        })?;
        let unit = self.unit.as_deref().and_then(|unit| unit.split(' ').next());
        // What a function gives is no unit, and one event is no plural.
        let unit = unit.filter(|unit| !unit.contains('(') && (limit.0 != "1" || !unit.ends_with('s')));
        Some(limit.with(unit))
    }

    /// The latest numbers as a line of bars, where there is anything to compare.
    fn curve(&self) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let numbers: Vec<_> = self.values.iter().map(Amount::number).collect();
        let (Some(least), Some(most), true) =
            (numbers.iter().copied().reduce(f64::min), numbers.iter().copied().reduce(f64::max), numbers.len() > 1)
        else {
            return String::new();
        };
        let range = most - least;
        let bar = |number: &f64| match range > 0.0 {
            // Within 0 and 7: it is a part of the range.
            true => BARS[(((number - least) / range) * 7.0).round() as usize],
            false => BARS[3],
        };
        numbers.iter().map(bar).collect()
    }

    fn in_full(&self) -> String {
        // Without a number it was said already.
        let description = self.description.as_deref().filter(|_| self.value.is_some() || self.alarm == Alarm::Resolved);
        description.map_or_else(String::new, |description| line(description, LINE_MAX))
    }

    fn whose(&self, content: &Content) -> String {
        let (org, by) = (&content.project.org_name, line(&content.by.name, 80));
        line(&format!("Metric alert of {org} · connected by {by}"), LINE_MAX)
    }

    fn hidden(&self, content: &Content) -> String {
        match content.settings.privacy {
            Privacy::Full | Privacy::NoMessage => String::new(),
            Privacy::ClassOnly => "Description hidden by this channel's privacy setting.".into(),
        }
    }
}

/// `10 min`, `3 h 5 min`, `3 days`.
fn length(time: Duration) -> String {
    match time.as_secs() / 60 {
        minutes @ 120..2_880 if minutes % 60 > 0 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => span(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Card, ChangeKind, ChannelSettings, Handle, Subscription, sample};

    const AT: Timestamp = Timestamp(1_767_323_045_000);

    fn facts(metric: &Metric) -> String {
        Metric::default().after(metric, AT).facts(Zone::UTC)
    }

    fn amount(text: &str) -> Option<Amount> {
        Some(Amount::parse(text).expect("a number"))
    }

    #[test]
    fn what_is_not_known_is_left_out_and_nothing_else() {
        let whole = sample::metric(Alarm::Critical, "3.4");
        assert_eq!(facts(&whole), "Now 3.4 s (limit 2.0 s) · last 10 min · started 02:50 UTC");
        let unread = Metric { value: None, unit: None, ..whole.clone() };
        for (metric, said) in [
            (Metric { limit: None, ..whole.clone() }, "Now 3.4 s · last 10 min · started 02:50 UTC"),
            (Metric { unit: None, ..whole.clone() }, "Now 3.4 (limit 2.0) · last 10 min · started 02:50 UTC"),
            (Metric { window: None, started: None, ..whole.clone() }, "Now 3.4 s (limit 2.0 s)"),
            (unread.clone(), "3.4 s in the last 10 minutes · started 02:50 UTC"),
            (Metric { description: None, ..unread.clone() }, "Limit 2 · started 02:50 UTC"),
            (Metric { projects: whole.projects.clone(), ..Metric::default() }, ""),
        ] {
            assert_eq!(facts(&metric), said);
        }
    }

    #[test]
    fn how_it_ended_is_said_only_as_far_as_it_is_known() {
        let ended = Some(AT - Duration::from_secs(60));
        let whole = Metric { ended, ..sample::metric(Alarm::Resolved, "1.2") };
        assert_eq!(facts(&whole), "back under 2.0 s at 03:03 UTC (13 min)");
        for (metric, said) in [
            (Metric { side: Some(Side::Below), ..whole.clone() }, "back over 2.0 s at 03:03 UTC (13 min)"),
            (Metric { side: None, ..whole.clone() }, "over at 03:03 UTC (13 min)"),
            (Metric { limit: None, ..whole.clone() }, "over at 03:03 UTC (13 min)"),
            (Metric { ended: None, started: None, ..whole.clone() }, "back under 2.0 s at 03:04 UTC"),
            (Metric { started: Some(AT), ..whole.clone() }, "back under 2.0 s at 03:03 UTC"),
            (
                Metric { started: Some(AT - Duration::from_secs(11_100)), ..whole.clone() },
                "back under 2.0 s at 03:03 UTC (3 h 4 min)",
            ),
        ] {
            assert_eq!(facts(&metric), said);
        }
    }

    #[test]
    fn a_limit_is_said_in_what_is_counted_where_that_is_a_unit() {
        let limit = |unit: &str, limit: &str| {
            Metric { unit: Some(unit.into()), limit: amount(limit), ..Metric::default() }.limit_in_words()
        };
        assert_eq!(limit("users affected", "100").as_deref(), Some("100 users"));
        assert_eq!(limit("% sessions crash free rate", "99.5").as_deref(), Some("99.5%"));
        assert_eq!(limit("p95(transaction.duration)", "2000").as_deref(), Some("2000"));
        assert_eq!(limit("events", "1").as_deref(), Some("1"));
        assert_eq!(limit("events", "100.0").as_deref(), Some("100 events"));
    }

    #[test]
    fn the_curve_has_the_latest_numbers_and_begins_with_the_second() {
        let told = |value: u32| Metric { value: amount(&value.to_string()), ..Metric::default() };
        let curve = |values: &[u32]| {
            values.iter().fold(Metric::default(), |metric, value| metric.after(&told(*value), AT)).curve()
        };
        assert_eq!((curve(&[]), curve(&[5])), (String::new(), String::new()));
        assert_eq!(curve(&[1, 2, 2, 3, 5, 7, 8]), "▁▂▂▃▅▇█");
        assert_eq!(curve(&[4, 4, 4]), "▄▄▄");
        let many: Vec<_> = (1..100).collect();
        assert_eq!(curve(&many).chars().count(), 24);
        let silent = told(3).after(&Metric::default(), AT);
        assert_eq!(silent.value, None, "an old number is not the one of now");
    }

    #[test]
    fn where_only_the_class_is_shown_the_description_is_not_even_kept() {
        let settings = |privacy| ChannelSettings { privacy, ..ChannelSettings::default() };
        let card = |privacy| {
            let subscription = Subscription { settings: settings(privacy), ..sample::subscription() };
            let told = sample::metric(Alarm::Warning, "1.6");
            Card::open(Handle::new("h"), &subscription, &sample::change(ChangeKind::Metric(Box::new(told))), AT)
        };
        let hidden = card(Privacy::ClassOnly);
        assert!(!format!("{:?}", hidden.content).contains("in the last"), "{:?}", hidden.content);
        assert!(hidden.notice().head.ends_with("p95 latency above 2 s"), "a colleague's words");
        let later = sample::change(ChangeKind::Metric(Box::new(sample::metric(Alarm::Warning, "1.7"))));
        let later = hidden.after(&later, AT).expect("another number");
        assert!(!format!("{:?}", later.content).contains("in the last"), "{:?}", later.content);
        assert_eq!(card(Privacy::NoMessage).notice(), card(Privacy::Full).notice());
    }

    #[test]
    fn no_number_is_made_up() {
        for text in ["", "-", ".", "1.", "1e9", "inf", "NaN", "1,000", "0x10", "9999999999999999999999999"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
        for (text, kept) in [("2.0", "2.0"), ("100", "100"), ("1.999", "2"), ("-0.12345", "-0.1235"), ("3.456", "3.46")]
        {
            assert_eq!(Amount::parse(text), Some(Amount(kept.into())), "{text}");
        }
    }
}
