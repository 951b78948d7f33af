//! What Sentry tells us: an issue, and what happened to it.

use serde::{Deserialize, Serialize};

use crate::{
    FirstIn, InstallationId, IssueId, Metric, OrgSlug, ProjectId, ProjectSlug, Release, Remark, Tag, Timestamp,
};

/// How bad it is. Ordered: `Warning < Error`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// `sample` or `debug`.
    Debug,
    /// `info`.
    Info,
    /// `warning`.
    Warning,
    /// `error`, and every level that Sentry did not name or that we do not know.
    #[default]
    Error,
    /// `fatal`.
    Fatal,
}

impl Level {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Fatal];

    /// Reads Sentry's word; an unknown one counts as [`Level::Error`], as Sentry's own integrations have it.
    pub fn from_word(word: &str) -> Self {
        match word {
            "sample" | "debug" => Self::Debug,
            "info" => Self::Info,
            "warning" => Self::Warning,
            "fatal" => Self::Fatal,
            _ => Self::Error,
        }
    }

    /// Sentry's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// Whether somebody has dealt with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has.
    #[default]
    Unresolved,
    /// Done with.
    Resolved,
    /// Put away (`ignored` on the wire).
    Archived,
}

/// A project as Sentry knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Project {
    /// Its organization.
    pub org: OrgSlug,
    /// The organization's display name; the slug again where Sentry did not say.
    pub org_name: String,
    /// The number that outlives a change of slug.
    pub id: ProjectId,
    /// Its slug, unique in the organization.
    pub slug: ProjectSlug,
    /// Its display name; not unique.
    pub name: String,
}

impl Project {
    /// How people see it: `acme / checkout`.
    pub fn label(&self) -> String {
        format!("{} / {}", self.org, self.slug)
    }
}

/// An organization as Sentry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its slug.
    pub slug: OrgSlug,
    /// Its display name.
    pub name: String,
}

/// Where an issue is found at Sentry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssueRef {
    /// The organization that it belongs to.
    pub org: OrgSlug,
    /// Its number.
    pub id: IssueId,
}

/// An issue as far as a card shows it. What a webhook does not carry is `None`, never made up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// `WEB-7`.
    pub short_id: Option<String>,
    /// `TypeError: x is undefined`; may be long and hold line breaks.
    pub title: String,
    /// Where in the code.
    pub culprit: Option<String>,
    /// The innermost frame of the application itself, of the event that told us: `checkout/pay.py:88 in charge_card`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// Those of the tags of that event that cards may show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(Tag, String)>,
    /// How many values a channel's privacy setting keeps from it.
    #[serde(skip_serializing_if = "crate::subscription::is_default")]
    pub hidden: u8,
    /// How bad.
    pub level: Option<Level>,
    /// Whether somebody has dealt with it.
    pub status: Option<Status>,
    /// Events so far.
    pub events: Option<u64>,
    /// People affected so far.
    pub users: Option<u64>,
    /// The release of the event that told us.
    pub release: Option<String>,
    /// The environment of the event that told us.
    pub environment: Option<String>,
    /// First occurrence.
    pub first_seen: Option<Timestamp>,
    /// Whose it is.
    pub assignee: Option<Assignee>,
    /// In what it was resolved, where that is no single moment and Sentry says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// The page to open in a browser: always on the configured Sentry, whatever the payload said.
    pub url: Option<String>,
}

impl Issue {
    /// Takes over what `newer` knows and keeps what it does not say.
    pub fn update(&mut self, newer: &Self) {
        fn keep<T: Clone>(slot: &mut Option<T>, newer: &Option<T>) {
            if newer.is_some() {
                slot.clone_from(newer);
            }
        }
        if !newer.title.is_empty() {
            self.title.clone_from(&newer.title);
        }
        keep(&mut self.level, &newer.level);
        keep(&mut self.status, &newer.status);
        keep(&mut self.short_id, &newer.short_id);
        keep(&mut self.culprit, &newer.culprit);
        keep(&mut self.frame, &newer.frame);
        if !newer.tags.is_empty() {
            self.tags.clone_from(&newer.tags);
        }
        keep(&mut self.events, &newer.events);
        keep(&mut self.users, &newer.users);
        keep(&mut self.release, &newer.release);
        keep(&mut self.environment, &newer.environment);
        keep(&mut self.first_seen, &newer.first_seen);
        // Not every payload tells the number of whoever it names.
        if !self.is_still_of(newer) || newer.assignee.as_ref().is_some_and(Assignee::is_known) {
            keep(&mut self.assignee, &newer.assignee);
        }
        keep(&mut self.url, &newer.url);
    }

    /// Whether it is whose it is in `other`, as far as both say.
    pub(crate) fn is_still_of(&self, other: &Self) -> bool {
        match (&self.assignee, &other.assignee) {
            (Some(one), Some(another)) if !(one.is_known() && another.is_known()) => one.name() == another.name(),
            (Some(one), Some(another)) => one.is_same(another),
            (one, another) => one == another,
        }
    }
}

/// Whose an issue is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignee {
    /// Sentry said that it is nobody's.
    Nobody,
    /// Somebody's of whom Sentry said nothing but the display name.
    Somebody(String),
    /// A person's.
    User {
        /// Their number at Sentry.
        id: String,
        /// Their display name.
        name: String,
    },
    /// A team's.
    Team {
        /// Its number at Sentry.
        id: String,
        /// Its name.
        name: String,
    },
}

impl Assignee {
    /// Whether more is known than a name.
    fn is_known(&self) -> bool {
        matches!(self, Self::User { .. } | Self::Team { .. })
    }

    /// Whether it is the same person or team; names change.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User { id, .. }, Self::User { id: same, .. })
            | (Self::Team { id, .. }, Self::Team { id: same, .. }) => id == same,
            (one, another) => one == another,
        }
    }

    /// Their display name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Somebody(name) | Self::User { name, .. } | Self::Team { name, .. } => Some(name),
        }
    }
}

/// Until when an archived issue stays away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Archive {
    /// Until it happens much more often.
    UntilEscalating,
    /// Until something that Sentry was told, which it does not say further.
    UntilCondition,
    /// Until it has happened so many times more.
    Events(u64),
    /// Until then.
    Until(Timestamp),
    /// For ever.
    Forever,
    /// Sentry did not say.
    Untold,
}

impl Archive {
    /// Whether `then` tells of nothing else: Sentry says it more or less precisely, and by its own clock.
    pub(crate) fn is_still(self, then: Self) -> bool {
        match (self, then) {
            (_, Self::Untold) | (Self::Until(_), Self::Until(_)) => true,
            (Self::Events(_) | Self::Until(_), Self::UntilCondition) => true,
            // Old servers count down.
            (Self::Events(now), Self::Events(then)) => then <= now,
            (now, then) => now == then,
        }
    }
}

/// In what an issue was resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// In a release that is known only by its place.
    In(Release),
    /// In a release, by its name.
    Release(String),
    /// In a commit.
    Commit,
}

/// Which project a webhook speaks of, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectKey {
    /// The organization, if the payload or a known installation names it.
    pub org: Option<OrgSlug>,
    /// The project's number; decides alone where it is known.
    pub id: Option<ProjectId>,
    /// The project's slug; decides together with the organization where there is no number.
    pub slug: Option<ProjectSlug>,
}

impl ProjectKey {
    /// Whether this names `project`: by number where there is one, so that a renamed slug is followed and a reused
    /// one is not mistaken.
    pub fn names(&self, project: &Project) -> bool {
        match (&self.id, &self.slug, &self.org) {
            (Some(id), _, _) => *id == project.id,
            (None, Some(slug), Some(org)) => *slug == project.slug && *org == project.org,
            _ => false,
        }
    }
}

/// Something happened to an issue, or a metric alert is on, is over, or moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The installation that told us, if the sender names one.
    pub installation: Option<InstallationId>,
    /// Which project. Of a metric alert only the organization: see [`Change::concerns`].
    pub project: ProjectKey,
    /// Which issue, or which metric alert.
    pub issue_id: IssueId,
    /// The issue as the webhook shows it.
    pub issue: Issue,
    /// The occurrence that told us, where the webhook carries one.
    pub occurrence: Option<Box<Occurrence>>,
    /// What happened.
    pub kind: ChangeKind,
    /// Who did it, by display name, where it was a person.
    pub by: Option<String>,
}

impl Change {
    /// Whether it changes nothing of the issue.
    pub(crate) fn is_remark(&self) -> bool {
        matches!(self.kind, ChangeKind::Remark(_))
    }

    /// The environment of the single event that the webhook carries.
    pub fn seen_in(&self) -> Option<&str> {
        let is_of_event = matches!(self.kind, ChangeKind::Alert { .. } | ChangeKind::Seen);
        let occurrence = || self.occurrence.as_ref()?.environment.as_deref();
        self.issue.environment.as_deref().or_else(occurrence).filter(|name| is_of_event && !name.is_empty())
    }

    /// Whether it is about an issue, of which Sentry can be asked, and not about a metric alert.
    pub fn is_of_issue(&self) -> bool {
        !matches!(self.kind, ChangeKind::Metric(_))
    }

    /// Whether it is about `project`, among others perhaps. A metric alert names its projects by their slugs alone.
    pub fn concerns(&self, project: &Project) -> bool {
        match &self.kind {
            ChangeKind::Metric(told) => {
                self.project.org.as_ref() == Some(&project.org) && told.projects.contains(&project.slug)
            }
            _ => self.project.names(project),
        }
    }
}

/// One occurrence of an issue, as far as filters ask for it. Nothing of it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrence {
    /// Where it happened; `None` where it was in no environment.
    pub environment: Option<String>,
    /// In which release.
    pub release: Option<String>,
    /// Its tags, in Sentry's order; keys are not unique.
    pub tags: Vec<(String, String)>,
}

/// What can happen to an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Seen for the first time.
    New,
    /// Came back after it was resolved.
    Regressed,
    /// Happens much more often than before.
    Escalating,
    /// An alert rule fired; its name.
    Alert {
        /// The rule's name. Sentry sends no number with it (Sentry, event_alert).
        rule: String,
        /// Where it is found among the project's rules.
        page: Option<String>,
    },
    /// Somebody resolved it.
    Resolved,
    /// Somebody archived it.
    Archived {
        /// Until when.
        until: Archive,
    },
    /// Somebody reopened it.
    Reopened,
    /// It was given to somebody, or to nobody; [`Issue::assignee`] says to whom.
    Assigned,
    /// It happened once more.
    Seen,
    /// Known from one environment, it is new in another.
    FirstIn(Box<FirstIn>),
    /// Somebody said something about it.
    Remark(Box<Remark>),
    /// No issue: a metric alert tells how it is. Its title, environment and page are those of the [`Change::issue`].
    Metric(Box<Metric>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> Project {
        Project {
            org: OrgSlug::new("acme"),
            org_name: "Acme Inc.".into(),
            id: ProjectId::new("3"),
            slug: ProjectSlug::new("checkout"),
            name: "Checkout".into(),
        }
    }

    #[test]
    fn a_renamed_project_is_followed_by_its_number() {
        let key =
            ProjectKey { id: Some(ProjectId::new("3")), slug: Some(ProjectSlug::new("pay")), ..ProjectKey::default() };
        assert!(key.names(&checkout()));
    }

    #[test]
    fn a_slug_alone_names_no_project() {
        let slug = Some(ProjectSlug::new("checkout"));
        assert!(!ProjectKey { slug: slug.clone(), ..ProjectKey::default() }.names(&checkout()));
        assert!(ProjectKey { slug, org: Some(OrgSlug::new("acme")), id: None }.names(&checkout()));
    }

    #[test]
    fn an_update_keeps_what_the_newer_one_does_not_say() {
        let mut issue = Issue { events: Some(12), title: "Boom".into(), ..Issue::default() };
        issue.update(&Issue { status: Some(Status::Resolved), ..Issue::default() });
        assert_eq!((issue.events, issue.title.as_str(), issue.status), (Some(12), "Boom", Some(Status::Resolved)));
    }
}
