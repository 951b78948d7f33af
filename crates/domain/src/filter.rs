//! Which changes of a project a channel wants to hear of.

use serde::{Deserialize, Serialize};

use crate::text::line;
use crate::{Change, ChangeKind, Level, Refusal};

/// Longest part of a title that is shown back.
const SHOWN: usize = 40;

/// What may post a card. A card that is there is always brought up to date, whatever the filter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The kinds of change that may post.
    pub events: Vec<Kind>,
    /// The lowest level that may post.
    pub level: Level,
    /// Levels above it that may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_levels: Vec<Level>,
    /// Parts of titles, in any case.
    #[serde(default, skip_serializing_if = "Terms::is_empty")]
    pub title: Terms,
}

/// Any of these, if there are any, and none of those.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// One of them is there; no matter where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<String>,
    /// None of them is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub none: Vec<String>,
}

/// The kinds of change, as people name them in a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `new`.
    New,
    /// `regressed`.
    Regressed,
    /// `escalating`.
    Escalating,
    /// `alert`.
    Alert,
    /// `resolved`.
    Resolved,
    /// `archived`.
    Archived,
    /// `assigned`.
    Assigned,
}

impl Default for Filter {
    /// New, regressed, escalating and alerts, of level error and above.
    fn default() -> Self {
        Self {
            events: vec![Kind::New, Kind::Regressed, Kind::Escalating, Kind::Alert],
            level: Level::Error,
            except_levels: Vec::new(),
            title: Terms::default(),
        }
    }
}

impl Filter {
    /// Whether `change` may post a card. A change that does not tell a level counts as an error.
    pub fn admits(&self, change: &Change) -> bool {
        self.refuses(change).is_none()
    }

    /// What of it does not want `change`.
    pub fn refuses(&self, change: &Change) -> Option<Refusal> {
        let level = change.issue.level.unwrap_or_default();
        let is_wanted = Kind::of(&change.kind).is_some_and(|kind| self.events.contains(&kind));
        match () {
            () if !is_wanted => Some(Refusal::Event),
            () if !self.admits_level(level) => Some(Refusal::Level(level)),
            () if !self.title.fit(&change.issue.title) => Some(Refusal::Title),
            () => None,
        }
    }

    /// Whether no change at all could post a card.
    pub fn admits_nothing(&self) -> bool {
        self.events.is_empty() || !Level::ALL.into_iter().any(|level| self.admits_level(level))
    }

    fn admits_level(&self, level: Level) -> bool {
        level >= self.level && !self.except_levels.contains(&level)
    }

    /// In plain words, for people: `new issues, issues that come back, alerts`.
    pub fn events_in_words(&self) -> String {
        let words: Vec<_> = self.events.iter().map(|kind| kind.in_words()).collect();
        words.join(", ")
    }

    /// In plain words: `error and above`, `info and above without warning`.
    pub fn level_in_words(&self) -> String {
        let from = match self.level {
            Level::Debug => "all".into(),
            Level::Fatal => "fatal only".into(),
            level => format!("{} and above", level.word()),
        };
        let except: Vec<_> = self.except_levels.iter().map(|level| level.word()).collect();
        if except.is_empty() { from } else { format!("{from} without {}", except.join(", ")) }
    }

    /// As somebody would type it: `event:new level:fatal -title:"a b"`; nothing for the default.
    pub fn typed(&self) -> String {
        let default = Self::default();
        let mut words = Vec::new();
        if self.events != default.events {
            words.push(format!("event:{}", list(self.events.iter().map(|kind| kind.word()))));
        }
        if self.level != default.level {
            words.push(format!("level:{}", self.level.word()));
        }
        if !self.except_levels.is_empty() {
            words.push(format!("-level:{}", list(self.except_levels.iter().map(|level| level.word()))));
        }
        words.extend(self.title.any.iter().map(|part| format!("title:{}", quoted(part))));
        words.extend(self.title.none.iter().map(|part| format!("-title:{}", quoted(part))));
        words.join(" ")
    }

    /// All of it in plain words: `new issues, alerts; error and above; title without "test"`.
    pub fn in_words(&self) -> String {
        let words = [Some(self.events_in_words()), Some(self.level_in_words()), self.title_in_words()];
        words.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// In plain words, where titles matter: `title with "disk" or "pool", without "test"`.
    pub fn title_in_words(&self) -> Option<String> {
        self.title.in_words().map(|words| format!("title {words}"))
    }
}

fn list<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

/// A name or a value as it is typed: in quotes where it would come apart without them.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '/' | '@');
    let is_word = text.chars().all(is_plain) && !text.ends_with('.') && !text.is_empty();
    match text.contains('"') {
        _ if is_word => text.into(),
        true => format!("'{}'", text.replace('\'', "")),
        false => format!("\"{text}\""),
    }
}

impl Terms {
    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether `text` holds one of these and none of those, in any case.
    fn fit(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let is_in = |part: &String| text.contains(&part.to_lowercase());
        (self.any.is_empty() || self.any.iter().any(is_in)) && !self.none.iter().any(is_in)
    }

    fn in_words(&self) -> Option<String> {
        let quoted = |parts: &[String]| {
            let parts: Vec<_> = parts.iter().map(|part| format!("\"{}\"", line(part, SHOWN))).collect();
            parts.join(" or ")
        };
        let any = (!self.any.is_empty()).then(|| format!("with {}", quoted(&self.any)));
        let none = (!self.none.is_empty()).then(|| format!("without {}", quoted(&self.none)));
        let words: Vec<_> = [any, none].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::New, Self::Regressed, Self::Escalating, Self::Alert, Self::Resolved, Self::Archived, Self::Assigned];

    /// The word for it in a filter.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Regressed => "regressed",
            Self::Escalating => "escalating",
            Self::Alert => "alert",
            Self::Resolved => "resolved",
            Self::Archived => "archived",
            Self::Assigned => "assigned",
        }
    }

    /// What a change is; `None` for one that never posts a card: an issue that somebody opens again by hand.
    pub(crate) fn of(change: &ChangeKind) -> Option<Self> {
        match change {
            ChangeKind::New => Some(Self::New),
            ChangeKind::Regressed => Some(Self::Regressed),
            ChangeKind::Escalating => Some(Self::Escalating),
            ChangeKind::Alert { .. } => Some(Self::Alert),
            ChangeKind::Resolved => Some(Self::Resolved),
            ChangeKind::Archived { .. } => Some(Self::Archived),
            ChangeKind::Assigned => Some(Self::Assigned),
            ChangeKind::Reopened => None,
        }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::New => "new issues",
            Self::Regressed => "issues that come back",
            Self::Escalating => "issues that escalate",
            Self::Alert => "alerts",
            Self::Resolved => "resolved issues",
            Self::Archived => "archived issues",
            Self::Assigned => "assignments",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issue, IssueId, ProjectKey};

    fn change(kind: ChangeKind, level: Level) -> Change {
        Change {
            installation: None,
            project: ProjectKey::default(),
            issue_id: IssueId::new("1"),
            issue: Issue { level: Some(level), ..Issue::default() },
            occurrence: None,
            kind,
            by: None,
        }
    }

    #[test]
    fn by_default_new_errors_post_and_warnings_do_not() {
        let filter = Filter::default();
        assert!(filter.admits(&change(ChangeKind::New, Level::Error)));
        assert!(filter.admits(&change(ChangeKind::Alert { rule: "r".into() }, Level::Fatal)));
        assert!(!filter.admits(&change(ChangeKind::New, Level::Warning)));
    }

    #[test]
    fn resolving_posts_a_card_only_where_it_is_asked_for() {
        let resolved = change(ChangeKind::Resolved, Level::Fatal);
        assert!(!Filter::default().admits(&resolved));
        assert!(Filter { events: vec![Kind::Resolved], ..Filter::default() }.admits(&resolved));
    }

    #[test]
    fn a_level_that_is_left_out_does_not_post_and_those_around_it_do() {
        let filter = Filter { level: Level::Info, except_levels: vec![Level::Warning], ..Filter::default() };
        let posts = |level| filter.admits(&change(ChangeKind::New, level));
        assert_eq!(Level::ALL.map(posts), [false, true, false, true, true]);
        assert_eq!(filter.level_in_words(), "info and above without warning");
    }

    #[test]
    fn titles_are_compared_by_their_parts_in_any_case() {
        let title = Terms { any: vec!["Disk".into(), "ÄRGER".into()], none: vec!["test".into()] };
        let filter = Filter { title, ..Filter::default() };
        let posts = |title: &str| {
            let titled = change(ChangeKind::New, Level::Error);
            filter.admits(&Change { issue: Issue { title: title.into(), ..titled.issue }, ..titled })
        };
        assert!(posts("no disk left") && posts("ärger"));
        assert!(!posts("TimeoutError") && !posts("disk of a Test"));
        let words = "title with \"Disk\" or \"ÄRGER\", without \"test\"";
        assert_eq!(filter.title_in_words().as_deref(), Some(words));
    }

    #[test]
    fn what_is_typed_again_means_the_same() {
        let title = Terms { any: vec!["disk".into(), "a, \"b\" c".into()], none: vec!["x:y.".into()] };
        let filter = Filter {
            events: vec![Kind::New, Kind::Resolved],
            level: Level::Info,
            except_levels: vec![Level::Warning],
            title,
        };
        for filter in [filter, Filter::default()] {
            let line = format!("connect acme web {}", filter.typed());
            let Ok(crate::command::Command::Connect { filter: read, .. }) = crate::command::parse(&line, "sentry")
            else {
                panic!("{line}")
            };
            assert_eq!(read, filter, "{line}");
        }
    }

    #[test]
    fn the_default_is_stored_as_it_always_was() {
        let stored = r#"{"events":["new","regressed","escalating","alert"],"level":"error"}"#;
        assert_eq!(serde_json::to_string(&Filter::default()).expect("json"), stored);
        assert_eq!(serde_json::from_str::<Filter>(stored).expect("a filter"), Filter::default());
    }
}
