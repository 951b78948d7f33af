//! What the simulated Sentry remembers.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    hooks::ServiceHook,
    issue::{Issue, NewIssue, Standing, Writer, short_id},
    metric::MetricRule,
    update::{self, Told, Update},
    world::{Integration, Organization, Project, World},
};
use crate::{http::Request, ids::Ids};

/// As long as an installation's token lives (Sentry, Sentry App: code exchange).
const EIGHT_HOURS_MS: i64 = 8 * 3_600_000;

/// On whose behalf a call was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Without a token that is good.
    Nobody,
    /// With the token of this person, by id.
    User(u64),
    /// With the token of the internal integration of this organization, by id.
    Integration(u64),
    /// With the token of this installation of a Sentry App, by UUID.
    Installation(String),
}

/// One call of the REST API.
#[derive(Clone, Debug)]
pub struct Call {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// On whose behalf.
    pub caller: Caller,
    /// The body, where it was JSON and the caller is known; other bodies carry credentials.
    pub body: Option<Value>,
    /// The status of the answer.
    pub status: u16,
}

impl Call {
    pub(super) fn new(request: &Request, caller: Caller, status: u16) -> Self {
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        Self {
            method: request.method.to_string(),
            path: format!("{}{query}", request.path),
            body: serde_json::from_slice(&request.body).ok().filter(|_| caller != Caller::Nobody),
            caller,
            status,
        }
    }
}

/// A token pair that is good.
pub(super) struct Token {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) caller: Caller,
    /// The OAuth application or Sentry App it was issued to.
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_ms: i64,
}

impl Token {
    /// The token of an internal integration.
    pub(super) fn of(integration: &Integration) -> Self {
        Self {
            access: integration.token.clone(),
            refresh: None,
            caller: Caller::Integration(integration.organization),
            client_id: integration.app_uuid.clone(),
            scopes: integration.scopes.clone(),
            expires_ms: i64::MAX,
        }
    }
}

/// One installation of a Sentry App.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    pub(super) uuid: String,
    pub(super) client_id: String,
    pub(super) organization: u64,
    pub(super) installed: bool,
    /// The grant code and its end, until it is exchanged.
    pub(super) code: Option<(String, i64)>,
}

pub(super) struct State {
    pub(super) world: World,
    pub(super) issues: Vec<Issue>,
    pub(super) tokens: Vec<Token>,
    pub(super) installations: Vec<Installation>,
    /// How long their tokens live.
    pub(super) installation_token_ms: i64,
    /// How integrations and apps are set up.
    pub(super) setup: super::apps::Setup,
    /// Whether lost tokens of installations are given anew for a signature.
    pub(super) recovers_tokens: bool,
    /// The numbers of the signatures that were used.
    pub(super) signatures: Vec<String>,
    pub(super) oauth: super::oauth::Memory,
    pub(super) calls: Vec<Call>,
    pub(super) metric_rules: Vec<MetricRule>,
    /// The organization of each metric alert that there ever was.
    pub(super) incidents: Vec<u64>,
    pub(super) hooks: Vec<ServiceHook>,
    pub(super) has_no_hooks: bool,
    releases: HashMap<u64, Vec<String>>,
    last_note: u64,
}

impl State {
    pub(super) fn new(world: World) -> Self {
        let integrations = world.integrations.iter().map(Token::of);
        Self {
            tokens: integrations.collect(),
            world,
            issues: Vec::new(),
            installations: Vec::new(),
            installation_token_ms: EIGHT_HOURS_MS,
            setup: super::apps::Setup::default(),
            recovers_tokens: false,
            signatures: Vec::new(),
            oauth: super::oauth::Memory::default(),
            calls: Vec::new(),
            metric_rules: Vec::new(),
            incidents: Vec::new(),
            hooks: Vec::new(),
            has_no_hooks: false,
            releases: HashMap::new(),
            last_note: 0,
        }
    }

    pub(super) fn token(&self, access: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.access == access)
    }

    pub(super) fn releases(&self, project: u64) -> &[String] {
        self.releases.get(&project).map_or(&[], Vec::as_slice)
    }

    pub(super) fn issue(&self, id: u64) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.id == id)
    }

    pub(super) fn installation(&self, uuid: &str) -> Option<&Installation> {
        self.installations.iter().find(|installation| installation.uuid == uuid)
    }

    /// The organization of a project that the world holds.
    pub(super) fn organization_of(&self, project: u64) -> Option<&Organization> {
        self.world.organization_by_id(self.world.project_by_id(project)?.organization)
    }

    pub(super) fn new_note_id(&mut self) -> u64 {
        self.last_note += 1;
        self.last_note
    }

    pub(super) fn raise(&mut self, project: &Project, new: NewIssue, ids: &Ids, now_ms: i64) -> u64 {
        let number = self.issues.iter().filter(|issue| issue.project == project.id).count() as u64 + 1;
        self.release(project.id, new.release.as_deref());
        let id = 1000 + self.issues.len() as u64;
        let mut issue = Issue {
            id,
            project: project.id,
            short_id: short_id(&project.slug, number),
            new,
            standing: Standing { status: "unresolved", substatus: Some("new"), details: serde_json::Map::new() },
            assignee: None,
            priority: "high".to_owned(),
            count: 1,
            first_seen_ms: now_ms,
            last_seen_ms: now_ms,
            event_id: ids.hex32(),
            firsts: Vec::new(),
            notes: Vec::new(),
        };
        issue.keep_first();
        self.issues.push(issue);
        id
    }

    /// Changes an issue and says what others hear of it.
    pub(super) fn update(&mut self, id: u64, update: Update, base: &str) -> Vec<Told> {
        let writer = Writer { world: &self.world, base };
        let issue = self.issues.iter_mut().find(|issue| issue.id == id);
        issue.map(|issue| update::apply(issue, update, writer)).unwrap_or_default()
    }

    fn release(&mut self, project: u64, version: Option<&str>) {
        let known = self.releases.entry(project).or_default();
        known.extend(version.filter(|version| !known.iter().any(|old| old == version)).map(str::to_owned));
    }
}
