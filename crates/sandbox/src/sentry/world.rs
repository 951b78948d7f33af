//! Who and what exists in the simulated Sentry.

use crate::ids::{sha256_hex, uuid};

/// Every scope that the server knows (Sentry, API scopes). There is no hierarchy: `event:write` does not imply
/// `event:read`, as on servers of some years ago.
pub(super) const SCOPES: &[&str] = &[
    "alerts:read",
    "alerts:write",
    "event:admin",
    "event:read",
    "event:write",
    "member:admin",
    "member:read",
    "member:write",
    "org:admin",
    "org:integrations",
    "org:read",
    "org:write",
    "project:admin",
    "project:read",
    "project:releases",
    "project:write",
    "team:admin",
    "team:read",
    "team:write",
];

/// What a person may do in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads, and changes issues.
    Member,
    /// Also administers projects and teams.
    Admin,
    /// Everything but the organization itself.
    Manager,
    /// Everything.
    Owner,
}

impl Role {
    pub(super) fn may(self, scope: &str) -> bool {
        const MEMBER: [&str; 8] = [
            "alerts:read",
            "alerts:write",
            "event:read",
            "event:write",
            "member:read",
            "org:read",
            "project:read",
            "team:read",
        ];
        const ADMIN: [&str; 7] = [
            "event:admin",
            "org:integrations",
            "project:admin",
            "project:releases",
            "project:write",
            "team:admin",
            "team:write",
        ];
        match self {
            Self::Member => MEMBER.contains(&scope),
            Self::Admin => MEMBER.contains(&scope) || ADMIN.contains(&scope),
            Self::Manager => scope != "org:admin",
            Self::Owner => true,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Numeric id.
    pub id: u64,
    /// Slug.
    pub slug: String,
    /// Display name.
    pub name: String,
}

/// A project of one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Numeric id.
    pub id: u64,
    /// The organization's id.
    pub organization: u64,
    /// Slug, unique in its organization.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// The platform of its code.
    pub platform: String,
}

/// A team of one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Numeric id.
    pub id: u64,
    /// The organization's id.
    pub organization: u64,
    /// Slug.
    pub slug: String,
    /// The ids of its projects.
    pub projects: Vec<u64>,
    /// The ids of its members.
    pub members: Vec<u64>,
}

/// A person with a Sentry account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Numeric id.
    pub id: u64,
    /// Display name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// An internal integration: installed by being made, its token never ends. No `Debug`: it holds secrets.
#[derive(Clone)]
pub struct Integration {
    /// The organization's id.
    pub organization: u64,
    /// Display name.
    pub name: String,
    /// Bearer token.
    pub token: String,
    /// Client secret, which signs webhooks.
    pub client_secret: String,
    /// What the token may do.
    pub scopes: Vec<String>,
    pub(super) installation: String,
    pub(super) app_uuid: String,
}

impl Integration {
    /// Made of its name, and of something that nobody else has.
    pub(super) fn slug(&self) -> String {
        format!("{}-{}", self.name.to_lowercase(), &self.app_uuid[..6])
    }
}

/// A Sentry App, to be installed in organizations. No `Debug`: it holds secrets.
#[derive(Clone)]
pub struct SentryApp {
    /// Slug.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Client id.
    pub client_id: String,
    /// Client secret, which signs webhooks and exchanges grants.
    pub client_secret: String,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// Whether Sentry has published it: only then are failed webhooks sent again.
    pub published: bool,
    /// Whether an installation stays pending until the app confirms it.
    pub verify_install: bool,
    /// Where the browser goes after an install.
    pub redirect_url: Option<String>,
}

impl SentryApp {
    pub(super) fn uuid(&self) -> String {
        uuid(&sha256_hex(&format!("app {}", self.slug)))
    }
}

/// An OAuth application by which people link accounts. No `Debug`: it holds secrets.
#[derive(Clone)]
pub struct OAuthApp {
    /// Display name.
    pub name: String,
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: String,
    /// Where codes may be sent, compared whole; a loopback address without port stands for every port.
    pub redirect_uris: Vec<String>,
}

/// Everything that exists before the story begins.
#[derive(Clone, Default)]
pub struct World {
    pub(super) organizations: Vec<Organization>,
    pub(super) projects: Vec<Project>,
    pub(super) teams: Vec<Team>,
    pub(super) users: Vec<User>,
    pub(super) memberships: Vec<(u64, u64, Role)>,
    pub(super) integrations: Vec<Integration>,
    pub(super) apps: Vec<SentryApp>,
    pub(super) oauth_apps: Vec<OAuthApp>,
    last_id: u64,
}

impl World {
    /// A Sentry with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an organization with one team of the same slug, to which every later project and member belongs.
    pub fn organization(&mut self, slug: &str, name: &str) -> Organization {
        let organization = Organization { id: self.new_id(), slug: slug.to_owned(), name: name.to_owned() };
        let team = Team {
            id: self.new_id(),
            organization: organization.id,
            slug: slug.to_owned(),
            projects: Vec::new(),
            members: Vec::new(),
        };
        self.organizations.push(organization.clone());
        self.teams.push(team);
        organization
    }

    /// Adds a project to an organization and to its first team.
    pub fn project(&mut self, organization: &Organization, slug: &str, name: &str) -> Project {
        let project = Project {
            id: self.new_id(),
            organization: organization.id,
            slug: slug.to_owned(),
            name: name.to_owned(),
            platform: "javascript".to_owned(),
        };
        self.projects.push(project.clone());
        let first_team = self.teams.iter_mut().find(|team| team.organization == organization.id);
        first_team.into_iter().for_each(|team| team.projects.push(project.id));
        project
    }

    /// Adds a further team with these projects and members.
    pub fn team(&mut self, organization: &Organization, slug: &str, projects: &[&Project], members: &[&User]) -> Team {
        let team = Team {
            id: self.new_id(),
            organization: organization.id,
            slug: slug.to_owned(),
            projects: projects.iter().map(|project| project.id).collect(),
            members: members.iter().map(|user| user.id).collect(),
        };
        self.teams.push(team.clone());
        team
    }

    /// Adds a person who belongs to no organization yet.
    pub fn user(&mut self, name: &str, email: &str) -> User {
        let user = User { id: self.new_id(), name: name.to_owned(), email: email.to_owned() };
        self.users.push(user.clone());
        user
    }

    /// Makes a person a member of an organization and of its first team.
    pub fn join(&mut self, user: &User, organization: &Organization, role: Role) {
        self.memberships.push((user.id, organization.id, role));
        let first_team = self.teams.iter_mut().find(|team| team.organization == organization.id);
        first_team.into_iter().for_each(|team| team.members.push(user.id));
    }

    /// Adds an internal integration with the scopes that the bot asks its operator for.
    pub fn integration(&mut self, organization: &Organization, token: &str, client_secret: &str) -> Integration {
        let scopes = ["event:read", "event:write", "member:read", "org:read", "project:read", "team:read"];
        let integration = Integration {
            organization: organization.id,
            name: "Zentry".to_owned(),
            token: token.to_owned(),
            client_secret: client_secret.to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            installation: uuid(&sha256_hex(&format!("installation {}", organization.slug))),
            app_uuid: uuid(&sha256_hex(&format!("integration {}", organization.slug))),
        };
        self.integrations.push(integration.clone());
        integration
    }

    /// Adds a Sentry App, installed nowhere.
    pub fn sentry_app(&mut self, app: SentryApp) {
        self.apps.push(app);
    }

    /// Adds an OAuth application.
    pub fn oauth_app(&mut self, app: OAuthApp) {
        self.oauth_apps.push(app);
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn organization_by_id(&self, id: u64) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }

    pub(super) fn project_by_id(&self, id: u64) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    pub(super) fn user_by_id(&self, id: u64) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(super) fn team_by_id(&self, id: u64) -> Option<&Team> {
        self.teams.iter().find(|team| team.id == id)
    }

    pub(super) fn role(&self, user: u64, organization: u64) -> Option<Role> {
        let found = self.memberships.iter().find(|(member, of, _)| (*member, *of) == (user, organization));
        found.map(|(_, _, role)| *role)
    }

    /// Whether an issue of this project may be assigned to this person.
    pub(super) fn is_on_project(&self, user: u64, project: u64) -> bool {
        self.teams.iter().any(|team| team.projects.contains(&project) && team.members.contains(&user))
    }
}
