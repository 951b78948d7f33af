//! What a person sees of the simulated Sentry: its issues, as its own pages list them.

use tokio::sync::futures::Notified;

use super::{
    Sentry,
    issue::{Assignee, Issue, Writer},
    state::State,
    world::{Organization, Project, User},
};

/// One issue, as its page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its id.
    pub id: u64,
    /// `WEB-7`.
    pub short_id: String,
    /// `Type: value` for an error.
    pub title: String,
    /// Where it happened; may be empty.
    pub culprit: String,
    /// `error`, `fatal`, …
    pub level: String,
    /// Slug of its organization.
    pub organization: String,
    /// Slug of its project.
    pub project: String,
    /// `unresolved`, `resolved` or `ignored`.
    pub status: &'static str,
    /// `new`, `regressed`, `escalating`, …; of an open or archived issue.
    pub substatus: Option<&'static str>,
    /// Who has it.
    pub assignee: Option<String>,
    /// How often it happened.
    pub count: u64,
    /// Where its latest event happened.
    pub environment: Option<String>,
    /// The release of its latest event.
    pub release: Option<String>,
    /// What people said about it, oldest first.
    pub comments: Vec<Comment>,
    /// When it last happened, in milliseconds since the Unix epoch.
    pub last_seen_ms: i64,
    /// Its page.
    pub url: String,
}

/// What somebody said about an issue.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Who.
    pub author: String,
    /// What.
    pub text: String,
}

impl Sentry {
    /// Every issue, oldest first.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let core = self.core();
        core.state.read(|state| state.issues.iter().map(|issue| state.shown(issue, &core.base)).collect())
    }

    pub(crate) fn changed(&self) -> Notified<'_> {
        self.core().state.changed()
    }

    /// The projects of each organization.
    #[must_use]
    pub fn projects(&self) -> Vec<(Organization, Vec<Project>)> {
        self.core().state.read(|state| {
            let of = |organization: &Organization| {
                let projects = state.world.projects.iter();
                projects.filter(|project| project.organization == organization.id).cloned().collect()
            };
            state.world.organizations.iter().map(|organization| (organization.clone(), of(organization))).collect()
        })
    }

    /// Everybody with an account.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        self.core().state.read(|state| state.world.users.clone())
    }
}

impl State {
    pub(super) fn shown(&self, issue: &Issue, base: &str) -> Shown {
        let name = |id: u64| self.world.user_by_id(id).map(|user| user.name.clone());
        let assignee = issue.assignee.and_then(|assignee| match assignee {
            Assignee::User(id) => name(id),
            Assignee::Team(id) => Some(format!("#{}", self.world.team_by_id(id)?.slug)),
        });
        let comments = issue.notes.iter().map(|note| Comment {
            author: note.author.and_then(name).unwrap_or_else(|| "the integration".to_owned()),
            text: note.text.clone(),
        });
        Shown {
            id: issue.id,
            short_id: issue.short_id.clone(),
            title: issue.new.title.clone(),
            culprit: issue.new.culprit.clone(),
            level: issue.new.level.clone(),
            organization: self.organization_of(issue.project).map(|found| found.slug.clone()).unwrap_or_default(),
            project: self.world.project_by_id(issue.project).map(|found| found.slug.clone()).unwrap_or_default(),
            status: issue.standing.status,
            substatus: issue.standing.substatus,
            assignee,
            count: issue.count,
            environment: issue.new.environment.clone(),
            release: issue.new.release.clone(),
            comments: comments.collect(),
            last_seen_ms: issue.last_seen_ms,
            url: Writer { world: &self.world, base }.web_url(issue),
        }
    }
}

/// The issue of a page `/organizations/{slug}/issues/{id}/`, whatever follows.
pub(super) fn issue_of(path: &str) -> Option<u64> {
    let mut parts = path.split('/').skip(3);
    (parts.next()? == "issues").then(|| parts.next()?.parse().ok()).flatten()
}
