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
        content.linked(notice)
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
        let limit = self.limit_in_words();
        let now = match (&self.value, &self.description) {
            (Some(value), _) => format!("Now {}", value.with(self.unit.as_deref())),
            (None, Some(description)) => line(description, LINE_MAX / 2),
            (None, None) => return limit.map_or_else(String::new, |limit| format!("Limit {limit}")),
        };
        limit.map_or_else(|| now.clone(), |limit| format!("{now} (limit {limit})"))
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
        let limit = self.limit.as_ref()?;
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
