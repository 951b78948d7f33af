//! Which changes of a project a channel wants to hear of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::line;
use crate::{Alarm, Change, ChangeKind, Level, Occurrence, Refusal};

/// Longest part of a title, longest environment, tag and value that is shown back.
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
    /// Environments: whole names in any case, `*` at either end for the rest.
    #[serde(default, skip_serializing_if = "Terms::is_empty")]
    pub environment: Terms,
    /// Values of tags, likewise, by the tag's key in lower case. All of the keys must fit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Terms>,
}

/// What a filter says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may post.
    Given,
    /// It may post where its occurrence fits, of which the webhook says nothing: see [`Filter::refuses_occurrence`].
    Asks,
    /// It may not post.
    Refused,
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
    /// `comment`.
    Comment,
    /// `seer`.
    Seer,
    /// `error`: every event.
    Error,
}

impl Default for Filter {
    /// New, regressed, escalating and alerts, of level error and above.
    fn default() -> Self {
        Self {
            events: vec![Kind::New, Kind::Regressed, Kind::Escalating, Kind::Alert],
            level: Level::Error,
            except_levels: Vec::new(),
            title: Terms::default(),
            environment: Terms::default(),
            tags: BTreeMap::new(),
        }
    }
}

impl Filter {
    /// What of it does not want `change`. A change that does not tell a level counts as an error; a metric alert has none. An occurrence that it
    /// carries decides, and no later one does: what fires in production posts, although the issue began in staging.
    pub fn refuses(&self, change: &Change) -> Option<Refusal> {
        let level = change.issue.level.unwrap_or_default();
        let is_wanted = Kind::of(&change.kind).is_some_and(|kind| self.events.contains(&kind));
        match () {
            () if !is_wanted => Some(Refusal::Event),
            // It tells nothing of the issue, and what people say is wanted or not.
            () if change.is_remark() => None,
            () if change.is_of_issue() && !self.admits_level(level) => Some(Refusal::Level(level)),
            () if !self.title.fit(&change.issue.title) => Some(Refusal::Title),
            () => change.occurrence.as_ref().and_then(|occurrence| self.refuses_occurrence(occurrence)),
        }
    }

    /// Whether `change` may post a card.
    pub fn admission(&self, change: &Change) -> Admission {
        match (self.refuses(change), &change.occurrence) {
            (Some(_), _) => Admission::Refused,
            (None, None) if self.asks() && change.is_of_issue() && !change.is_remark() => Admission::Asks,
            (None, _) => Admission::Given,
        }
    }

    /// What of it does not want the environment or the tags of an occurrence.
    pub fn refuses_occurrence(&self, occurrence: &Occurrence) -> Option<Refusal> {
        let tagged = |key: &String| -> Vec<_> {
            let tags = occurrence.tags.iter().filter(|(tag, _)| tag.to_lowercase() == *key);
            tags.map(|(_, value)| value.as_str()).collect()
        };
        let environment: Vec<_> = occurrence.environment.iter().map(String::as_str).collect();
        match () {
            () if !self.environment.fit_one_of(&environment) => Some(Refusal::Environment),
            () if !self.tags.iter().all(|(key, terms)| terms.fit_one_of(&tagged(key))) => Some(Refusal::Tag),
            () => None,
        }
    }

    fn asks(&self) -> bool {
        !self.environment.is_empty() || !self.tags.is_empty()
    }

    /// Whether no change at all could post a card.
    pub fn admits_nothing(&self) -> bool {
        self.events.is_empty()
            || !Level::ALL.into_iter().any(|level| self.admits_level(level))
            || std::iter::once(&self.environment).chain(self.tags.values()).any(Terms::leave_nothing)
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
            Level::Debug => "all levels".into(),
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
        words.extend(self.title.typed(|part| format!("title:{}", quoted(part))));
        words.extend(self.environment.typed(|name| format!("env:{}", quoted(name))));
        for (key, values) in &self.tags {
            words.extend(values.typed(|value| match quoted(key) == *key {
                true => format!("tag:{key}={}", quoted(value)),
                false => format!("tag:{}", quoted(&format!("{key}={value}"))),
            }));
        }
        words.join(" ")
    }

    /// All of it in plain words: `new issues, alerts; error and above; title without "test"`.
    pub fn in_words(&self) -> String {
        let words = [self.events_in_words(), self.level_in_words()].into_iter().chain(self.details_in_words());
        words.collect::<Vec<_>>().join("; ")
    }

    /// In plain words, whatever else matters: `environment production`, `title with "disk"`, `tag browser chrome*`.
    pub fn details_in_words(&self) -> Vec<String> {
        let environment =
            (!self.environment.is_empty()).then(|| format!("environment {}", self.environment_in_words()));
        environment.into_iter().chain(self.title_in_words()).chain(self.tags_in_words()).collect()
    }

    /// In plain words: `all`, or `production or stag*, not dev`.
    pub fn environment_in_words(&self) -> String {
        if self.environment.is_empty() { "all".into() } else { self.environment.patterns_in_words() }
    }

    /// In plain words, where titles matter: `title with "disk" or "pool", without "test"`.
    pub fn title_in_words(&self) -> Option<String> {
        self.title.in_words().map(|words| format!("title {words}"))
    }

    /// In plain words, one for each tag that matters: `tag browser chrome* or firefox`.
    pub fn tags_in_words(&self) -> Vec<String> {
        let tag = |(key, terms): (&String, &Terms)| format!("tag {} {}", line(key, SHOWN), terms.patterns_in_words());
        self.tags.iter().map(tag).collect()
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
    /// One more that must not, or one that may be there.
    pub(crate) fn add(&mut self, is_excluded: bool, term: &str) {
        let list = if is_excluded { &mut self.none } else { &mut self.any };
        list.push(term.to_owned());
    }

    /// Each as somebody would type it, with a minus before those that must not be there.
    fn typed(&self, word: impl Fn(&str) -> String) -> Vec<String> {
        let any = self.any.iter().map(|term| word(term));
        any.chain(self.none.iter().map(|term| format!("-{}", word(term)))).collect()
    }

    fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether `text` holds one of these and none of those, in any case.
    fn fit(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let is_in = |part: &String| text.contains(&part.to_lowercase());
        (self.any.is_empty() || self.any.iter().any(is_in)) && !self.none.iter().any(is_in)
    }

    /// Whether one of `values` is like one of these, and none is like any of those.
    fn fit_one_of(&self, values: &[&str]) -> bool {
        let is_there = |pattern: &String| values.iter().any(|value| is_like(pattern, value));
        (self.any.is_empty() || self.any.iter().any(is_there)) && !self.none.iter().any(is_there)
    }

    /// Whether each of these is one of those.
    fn leave_nothing(&self) -> bool {
        !self.any.is_empty() && self.any.iter().all(|wanted| self.none.iter().any(|none| is_like(none, wanted)))
    }

    /// `production or stag*, not dev or test`.
    fn patterns_in_words(&self) -> String {
        let shown = |patterns: &[String]| {
            let patterns: Vec<_> = patterns.iter().map(|pattern| line(pattern, SHOWN)).collect();
            patterns.join(" or ")
        };
        let any = (!self.any.is_empty()).then(|| shown(&self.any));
        let none = (!self.none.is_empty()).then(|| format!("not {}", shown(&self.none)));
        [any, none].into_iter().flatten().collect::<Vec<_>>().join(", ")
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

/// Whether `value` is `pattern`, in any case; a `*` at either end of the pattern stands for anything.
fn is_like(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.to_lowercase(), value.to_lowercase());
    let (begins, rest) = pattern.strip_prefix('*').map_or((true, pattern.as_str()), |rest| (false, rest));
    match (begins, rest.strip_suffix('*')) {
        (true, None) => value == rest,
        (true, Some(start)) => value.starts_with(start),
        (false, None) => value.ends_with(rest),
        (false, Some(part)) => value.contains(part),
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::New,
        Self::Regressed,
        Self::Escalating,
        Self::Alert,
        Self::Resolved,
        Self::Archived,
        Self::Assigned,
        Self::Comment,
        Self::Seer,
        Self::Error,
    ];

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
            Self::Comment => "comment",
            Self::Seer => "seer",
            Self::Error => "error",
        }
    }

    /// What a change is; `None` for one that never posts a card: an issue that somebody opens again by hand.
    pub(crate) fn of(change: &ChangeKind) -> Option<Self> {
        match change {
            ChangeKind::New => Some(Self::New),
            ChangeKind::Regressed => Some(Self::Regressed),
            ChangeKind::Escalating => Some(Self::Escalating),
            ChangeKind::FirstIn(_) => Some(Self::New),
            ChangeKind::Alert { .. } => Some(Self::Alert),
            ChangeKind::Resolved => Some(Self::Resolved),
            ChangeKind::Archived { .. } => Some(Self::Archived),
            ChangeKind::Assigned => Some(Self::Assigned),
            ChangeKind::Seen => Some(Self::Error),
            ChangeKind::Remark(remark) => Some(remark.what.kind()),
            ChangeKind::Metric(told) if told.alarm == Alarm::Resolved => Some(Self::Resolved),
            ChangeKind::Metric(_) => Some(Self::Alert),
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
            Self::Comment => "comments",
            Self::Seer => "what Seer finds",
            Self::Error => "every event",
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

    fn admits(filter: &Filter, change: &Change) -> bool {
        filter.admission(change) == Admission::Given
    }

    fn occurrence(environment: Option<&str>, tags: &[(&str, &str)]) -> Occurrence {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Occurrence { environment: environment.map(str::to_owned), release: None, tags: tags.collect() }
    }

    fn terms(any: &[&str], none: &[&str]) -> Terms {
        let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        Terms { any: owned(any), none: owned(none) }
    }

    #[test]
    fn by_default_new_errors_post_and_warnings_do_not() {
        let filter = Filter::default();
        assert!(admits(&filter, &change(ChangeKind::New, Level::Error)));
        assert!(admits(&filter, &change(ChangeKind::Alert { rule: "r".into(), page: None }, Level::Fatal)));
        assert!(!admits(&filter, &change(ChangeKind::New, Level::Warning)));
    }

    #[test]
    fn resolving_posts_a_card_only_where_it_is_asked_for() {
        let resolved = change(ChangeKind::Resolved, Level::Fatal);
        assert!(!admits(&Filter::default(), &resolved));
        assert!(admits(&Filter { events: vec![Kind::Resolved], ..Filter::default() }, &resolved));
    }

    #[test]
    fn a_level_that_is_left_out_does_not_post_and_those_around_it_do() {
        let filter = Filter { level: Level::Info, except_levels: vec![Level::Warning], ..Filter::default() };
        let posts = |level| admits(&filter, &change(ChangeKind::New, level));
        assert_eq!(Level::ALL.map(posts), [false, true, false, true, true]);
        assert_eq!(filter.level_in_words(), "info and above without warning");
    }

    #[test]
    fn titles_are_compared_by_their_parts_in_any_case() {
        let title = Terms { any: vec!["Disk".into(), "ÄRGER".into()], none: vec!["test".into()] };
        let filter = Filter { title, ..Filter::default() };
        let posts = |title: &str| {
            let titled = change(ChangeKind::New, Level::Error);
            admits(&filter, &Change { issue: Issue { title: title.into(), ..titled.issue }, ..titled })
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
            environment: terms(&["prod*", "a b"], &["dev"]),
            tags: BTreeMap::from([
                ("browser".to_owned(), terms(&["chrome 1", "*x"], &["bot*"])),
                ("user agent".to_owned(), terms(&["curl"], &[])),
            ]),
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
    fn environments_are_compared_whole_in_any_case_but_for_a_star_at_either_end() {
        let posts = |any: &[&str], none: &[&str], environment| {
            let filter = Filter { environment: terms(any, none), ..Filter::default() };
            filter.refuses_occurrence(&occurrence(environment, &[])).is_none()
        };
        assert!(posts(&["Production"], &[], Some("production")) && !posts(&["production"], &[], Some("preproduction")));
        assert!(posts(&["*prod*"], &[], Some("preproduction")) && posts(&["qa", "prod*"], &[], Some("prod-eu")));
        assert!(posts(&["*-eu"], &[], Some("prod-eu")) && !posts(&["*-eu"], &[], Some("prod-eu-2")));
        assert!(!posts(&["prod*"], &["*-eu"], Some("prod-eu")));
        assert!(!posts(&["*"], &[], None) && posts(&["*"], &[], Some("x")), "it is there");
        assert!(posts(&[], &["staging"], None) && !posts(&[], &["staging"], Some("staging")));
    }

    #[test]
    fn one_value_of_a_tag_and_all_of_the_tags_must_fit() {
        let tags = [("browser", terms(&["chrome*", "firefox"], &["*headless"])), ("customer", terms(&["acme"], &[]))];
        let tags = tags.into_iter().map(|(key, terms)| (key.to_owned(), terms)).collect();
        let filter = Filter { tags, ..Filter::default() };
        let posts = |tags: &[(&str, &str)]| filter.refuses_occurrence(&occurrence(None, tags)).is_none();
        assert!(posts(&[("Browser", "Chrome 121"), ("customer", "acme"), ("os", "x")]));
        assert!(!posts(&[("browser", "Chrome 121")]) && !posts(&[("customer", "acme")]));
        assert!(!posts(&[("browser", "chrome headless"), ("customer", "acme")]));
        assert_eq!(filter.tags_in_words()[0], "tag browser chrome* or firefox, not *headless");
    }

    #[test]
    fn sentry_is_asked_only_where_everything_else_fits_and_the_webhook_does_not_say() {
        let filter = Filter { environment: terms(&["production"], &[]), ..Filter::default() };
        let new = change(ChangeKind::New, Level::Error);
        assert_eq!(filter.admission(&new), Admission::Asks);
        assert_eq!(filter.admission(&change(ChangeKind::New, Level::Info)), Admission::Refused);
        assert_eq!(filter.admission(&change(ChangeKind::Resolved, Level::Error)), Admission::Refused);
        let told =
            |environment| Change { occurrence: Some(Box::new(occurrence(Some(environment), &[]))), ..new.clone() };
        assert_eq!(filter.admission(&told("production")), Admission::Given);
        assert_eq!(filter.admission(&told("staging")), Admission::Refused);
    }

    #[test]
    fn a_metric_alert_has_no_level_and_no_tags_but_a_title_and_perhaps_an_environment() {
        let metric = |alarm| crate::sample::change(ChangeKind::Metric(Box::new(crate::sample::metric(alarm, "3"))));
        let posts = |filter: &Filter| admits(filter, &metric(Alarm::Critical));
        assert!(posts(&Filter::default()) && posts(&Filter { level: Level::Fatal, ..Filter::default() }));
        assert!(!posts(&Filter { events: vec![Kind::New], ..Filter::default() }));
        assert!(posts(&Filter { title: terms(&["Latency"], &[]), ..Filter::default() }));
        assert!(!posts(&Filter { title: terms(&[], &["p95"]), ..Filter::default() }));
        assert!(!admits(&Filter::default(), &metric(Alarm::Resolved)), "nobody was told that it began");
        assert!(admits(&Filter { events: vec![Kind::Resolved], ..Filter::default() }, &metric(Alarm::Resolved)));

        let production = Filter { environment: terms(&["production"], &[]), ..Filter::default() };
        let of = |occurrence: Option<Occurrence>| {
            production.admission(&Change { occurrence: occurrence.map(Box::new), ..metric(Alarm::Warning) })
        };
        assert_eq!(of(Some(occurrence(Some("production"), &[]))), Admission::Given);
        assert_eq!(of(Some(occurrence(None, &[]))), Admission::Refused, "its rule is about none");
        assert_eq!(of(None), Admission::Given, "nobody can be asked");
        let tagged = |terms| Filter { tags: BTreeMap::from([("browser".to_owned(), terms)]), ..Filter::default() };
        assert!(!posts(&tagged(terms(&["chrome"], &[]))) && posts(&tagged(terms(&[], &["bot"]))));
    }

    #[test]
    fn what_a_filter_says_is_told_in_plain_words() {
        let tags = BTreeMap::from([("browser".to_owned(), terms(&[], &["bot*"]))]);
        let environment = terms(&["production", "stag*"], &["dev"]);
        let filter = Filter { environment, tags, title: terms(&["disk"], &[]), ..Filter::default() };
        let words = "environment production or stag*, not dev; title with \"disk\"; tag browser not bot*";
        assert!(filter.in_words().ends_with(words), "{}", filter.in_words());
        assert_eq!(Filter::default().environment_in_words(), "all");
    }

    #[test]
    fn the_default_is_stored_as_it_always_was() {
        let stored = r#"{"events":["new","regressed","escalating","alert"],"level":"error"}"#;
        assert_eq!(serde_json::to_string(&Filter::default()).expect("json"), stored);
        assert_eq!(serde_json::from_str::<Filter>(stored).expect("a filter"), Filter::default());
    }
}
