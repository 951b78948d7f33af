//! A metric alert, as its webhook tells it. Unlike an issue it is in snake case all the way down (Sentry, metric_alert).

use serde::Deserialize;
use zentry_domain::{Alarm, Amount, Issue, IssueId, Metric, Occurrence, OrgSlug, ProjectSlug, Side, text};

use crate::address::{self, Site};
use crate::wire::{TEXT_MAX, Text, lenient};

/// In UTF-16 units.
const UNIT_MAX: usize = 60;
const WORDS_MAX: usize = 5;

/// What an action says of the alert; `None` for an unknown one. Its `status` may say otherwise and is not read.
pub(crate) fn alarm(action: &str) -> Option<Alarm> {
    Some(match action {
        "critical" => Alarm::Critical,
        "warning" => Alarm::Warning,
        "resolved" => Alarm::Resolved,
        "open" => Alarm::Open,
        _ => return None,
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct MetricAlert {
    id: Text,
    identifier: Text,
    organization_id: Text,
    title: Text,
    #[serde(deserialize_with = "lenient")]
    projects: Option<Vec<Text>>,
    status_method: Text,
    date_started: Text,
    date_closed: Text,
    #[serde(deserialize_with = "lenient")]
    alert_rule: Option<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    id: Text,
    name: Text,
    #[serde(deserialize_with = "lenient")]
    projects: Option<Vec<Text>>,
    environment: Text,
    time_window: Text,
    threshold_type: Text,
    resolve_threshold: Text,
    comparison_delta: Text,
    #[serde(deserialize_with = "lenient")]
    triggers: Option<Vec<Trigger>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trigger {
    label: Text,
    alert_threshold: Text,
}

impl MetricAlert {
    /// What its card is known by. People know it by its identifier, but that is counted in each organization from 1.
    pub(crate) fn key(&self) -> Option<IssueId> {
        let slug = |text: &'_ Text| text.get().filter(|text| address::is_slug(text)).map(str::to_owned);
        let in_organization = || {
            // No id holds a slash.
            Some(format!("{}/{}", slug(&self.organization_id).unwrap_or_default(), slug(&self.identifier)?))
        };
        slug(&self.id).or_else(in_organization).map(|number| IssueId::of_alert(&number))
    }

    /// The name of its rule, which is told once more behind the state; old servers call the alert itself otherwise.
    pub(crate) fn title(&self, described: &Text) -> Option<String> {
        let in_description = || {
            let told = described.get()?;
            let (state, name) = told.split_once(": ")?;
            alarm(&state.to_ascii_lowercase()).map(|_| text::cut(name, TEXT_MAX))
        };
        let name = self.rule().and_then(|rule| rule.name.kept());
        name.or_else(in_description).or_else(|| self.title.kept()).or_else(|| described.kept())
    }

    /// What it has in common with an issue.
    pub(crate) fn shown(&self, alarm: Alarm) -> Issue {
        Issue {
            short_id: self.identifier().map(Metric::short_id),
            status: Some(alarm.status()),
            environment: self.rule().and_then(|rule| rule.environment.kept()),
            ..Issue::default()
        }
    }

    /// Where it can be looked at.
    pub(crate) fn page(&self, site: &Site, org: &OrgSlug) -> Option<String> {
        let rule = self.rule()?.id.get().filter(|id| address::is_slug(id))?;
        Some(site.alert_page(org, rule, self.identifier()))
    }

    /// What filters ask for: the environment that the rule is about, and no tags. Without its rule that is not known.
    pub(crate) fn occurrence(&self) -> Option<Occurrence> {
        let environment = self.rule()?.environment.kept();
        Some(Occurrence { environment, ..Occurrence::default() })
    }

    pub(crate) fn metric(&self, alarm: Alarm, description: &Text) -> Metric {
        let (value, unit) = description.get().and_then(measured).unzip();
        Metric {
            alarm,
            projects: self.projects(),
            description: description.kept(),
            value,
            unit: unit.flatten(),
            limit: self.rule().and_then(|rule| rule.limit(alarm)),
            side: self.rule().and_then(Rule::side).filter(|_| self.moved_by_itself()),
            window: self.rule().and_then(|rule| rule.time_window.number()),
            started: self.date_started.time(),
            ended: self.date_closed.time(),
            ..Metric::default()
        }
    }

    fn rule(&self) -> Option<&Rule> {
        self.alert_rule.as_ref()
    }

    fn identifier(&self) -> Option<&str> {
        self.identifier.get().filter(|identifier| address::is_slug(identifier))
    }

    fn projects(&self) -> Vec<ProjectSlug> {
        let slugs = |told: &Option<Vec<Text>>| -> Vec<_> {
            let slugs = told.iter().flatten().filter_map(Text::get).filter(|slug| address::is_slug(slug));
            slugs.map(ProjectSlug::new).collect()
        };
        let told = slugs(&self.projects);
        if told.is_empty() { self.rule().map(|rule| slugs(&rule.projects)).unwrap_or_default() } else { told }
    }

    /// Somebody may also have ended the alert (1), or changed its rule (2): then the number is not back.
    fn moved_by_itself(&self) -> bool {
        const BY_THE_RULE: u64 = 3;
        self.status_method.number().is_none_or(|method| method == BY_THE_RULE)
    }
}

impl Rule {
    fn side(&self) -> Option<Side> {
        match self.threshold_type.number()? {
            0 => Some(Side::Above),
            1 => Some(Side::Below),
            _ => None,
        }
    }

    /// The limit that was passed. It is over where the rule says so, or else within the first of its limits.
    /// Where it is compared with an earlier time, the limit is a change that no number tells.
    fn limit(&self, alarm: Alarm) -> Option<Amount> {
        if self.comparison_delta.get().is_some() {
            return None;
        }
        let of = |label: &str| {
            let trigger = self.triggers.iter().flatten().find(|trigger| trigger.label.get() == Some(label))?;
            Amount::parse(trigger.alert_threshold.get()?)
        };
        match alarm {
            Alarm::Critical => of("critical"),
            Alarm::Warning => of("warning"),
            Alarm::Open => None,
            Alarm::Resolved => {
                let told = self.resolve_threshold.get().and_then(Amount::parse);
                told.or_else(|| of("warning")).or_else(|| of("critical"))
            }
        }
    }
}

/// The number that a description begins with, and what it counts: 120 and `events` of `120 events in the last 5 minutes`.
/// `None` where it is not clear what is meant: then its own words are shown.
fn measured(description: &str) -> Option<(Amount, Option<String>)> {
    // A second line tells what is filtered by.
    let first = description.lines().next()?;
    let said = first.split_once(" in the last ").map_or(first, |(said, _)| said).trim();
    let end = said.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',' | '-')).unwrap_or(said.len());
    let (number, rest) = said.split_at(end);
    let value = Amount::parse(&without_commas(number)?)?;
    let is_apart = rest.is_empty() || rest.starts_with([' ', '%']);
    let attached: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
    if !is_apart && !is_unit(&attached) {
        return None;
    }
    let unit = text::line(rest, UNIT_MAX);
    let is_short = unit.split(' ').count() <= WORDS_MAX && !unit.ends_with('…');
    is_short.then(|| (value, (!unit.is_empty()).then_some(unit)))
}

/// Whether it may follow a number without a space.
fn is_unit(word: &str) -> bool {
    ["ns", "us", "µs", "μs", "ms", "s", "min", "h", "d", "B", "kB", "KB", "MB", "GB", "x"].contains(&word)
}

/// `1,200` as `1200`; `None` where the comma is something else.
fn without_commas(number: &str) -> Option<String> {
    let whole = number.split('.').next().unwrap_or_default();
    let mut groups = whole.split(',').skip(1);
    groups.all(|group| group.len() == 3).then(|| number.replace(',', ""))
}
