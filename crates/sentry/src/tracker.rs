//! Sentry as an issue tracker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use zentry_domain::ports::TrackerError;
use zentry_domain::{
    AccountId, Action, Actor, Assignee, Clock, CredentialId, HookId, HookKind, Identity, InstallationId, Issue,
    IssueId, IssueRef, Occurrence, OrgSlug, Organization, Project, ProjectSlug, Release, Secret, Timestamp, Tracker,
    Vault, text,
};
use zentry_http_client::HttpClient;

use crate::SentryConfig;
use crate::address::{Site, issue_id, org_slug};
use crate::answer::{Failure, json};
use crate::api::{Api, Call};
use crate::hook;
use crate::installation::{Installations, Shown};
use crate::oauth::{NoGrant, Oauth, User};
use crate::token::{Grant, Grants, Issuers, key, key_of};
use crate::wire;

/// A browser waits: all calls of a callback together.
const CALLBACK: Duration = Duration::from_secs(5);
/// Nobody waits.
const IN_PEACE: Duration = Duration::from_secs(10);
/// Of a hundred issues each. Whoever missed more than that has one card for a thousand.
const ISSUE_PAGES: usize = 10;
/// Of how many organizations somebody's role is read.
const ORGS: usize = 20;
/// Of a hundred members each.
const MEMBER_PAGES: usize = 10;
/// In UTF-16 units.
const REASON_MAX: usize = 300;

/// Reads and updates issues at Sentry, as a linked person, as the internal integration, or as an installation.
///
/// A refresh of a grant ends the tokens before it. So a call should be awaited to its end: dropped between Sentry's
/// answer and the vault, it would lose the new pair, and the person had to link anew.
pub struct SentryTracker {
    pub(crate) api: Api,
    pub(crate) oauth: Option<Arc<Oauth>>,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
}

impl SentryTracker {
    /// Calls nobody.
    pub fn new(config: SentryConfig, http: HttpClient, vault: Arc<dyn Vault>, clock: Arc<dyn Clock>) -> Self {
        let site = Site::new(&config.base);
        let oauth = config.oauth.map(|app| Arc::new(Oauth::new(app, site.clone(), http.clone())));
        let secrets = config.client_secrets;
        let app = config.app.map(|app| Installations::new(app.client_id, secrets, site.clone(), http.clone()));
        let grants = Grants::new(Arc::clone(&vault), Arc::clone(&clock), Issuers { oauth: oauth.clone(), app });
        Self { api: Api::new(site, config.integration, grants, http, Arc::clone(&clock)), oauth, vault, clock }
    }
}

#[async_trait]
impl Tracker for SentryTracker {
    async fn organizations(&self, actor: &Actor) -> Result<Vec<Organization>, TrackerError> {
        if let Actor::Integration { org } | Actor::Installation { org, .. } = actor {
            return self.own_organization(actor, org).await;
        }
        let mut found: Vec<Organization> = Vec::new();
        for organization in self.api.organizations(actor).await?.iter().filter_map(wire::Organization::known) {
            if !found.iter().any(|known| known.slug == organization.slug) {
                found.push(organization);
            }
        }
        Ok(found)
    }

    async fn projects(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Project>, TrackerError> {
        Ok(unseen(self.list_projects(actor, org).await)?.unwrap_or_default())
    }

    async fn manages(&self, actor: &Actor, identity: &Identity) -> Result<Vec<OrgSlug>, TrackerError> {
        let mut managed = Vec::new();
        for org in self.organizations(actor).await?.into_iter().take(ORGS) {
            let members = unseen(self.members(actor, &org.slug).await)?.unwrap_or_default();
            if members.iter().any(|member| member.is(identity) && member.manages()) {
                managed.push(org.slug);
            }
        }
        Ok(managed)
    }

    async fn project(&self, actor: &Actor, org: &str, project: &str) -> Result<Option<Project>, TrackerError> {
        // Slugs are lower case, but for some of old (Sentry, slugs).
        let (lower_org, lower_project) = (org.to_ascii_lowercase(), project.to_ascii_lowercase());
        let found = unseen(self.one_project(actor, org, project).await)?;
        if found.is_some() || (lower_org == org && lower_project == project) {
            return Ok(found);
        }
        Ok(unseen(self.one_project(actor, &lower_org, &lower_project).await)?)
    }

    async fn issue(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Issue>, TrackerError> {
        Ok(unseen(self.read(actor, issue).await)?)
    }

    async fn issue_in_project(
        &self,
        actor: &Actor,
        issue: &IssueRef,
    ) -> Result<Option<(ProjectSlug, Issue)>, TrackerError> {
        let read = unseen(self.read_raw(actor, issue).await)?;
        let project = read.as_ref().and_then(|read| read.project(None).slug);
        Ok(project.zip(read.map(|read| read.shown(&self.api.site, Some(&issue.org)))))
    }

    async fn latest(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Occurrence>, TrackerError> {
        Ok(unseen(self.read_event(actor, issue, "latest", None).await)?.and_then(|read| read.told()))
    }

    async fn first_in(
        &self,
        actor: &Actor,
        issue: &IssueRef,
        environment: &str,
    ) -> Result<Option<(Timestamp, Occurrence)>, TrackerError> {
        let read = unseen(self.read_event(actor, issue, "oldest", Some(environment)).await)?;
        // A server that does not know the parameter answers with the first event of all.
        let is_there = |told: &Occurrence| told.environment.as_deref() == Some(environment);
        Ok(read.and_then(|read| read.at().zip(read.told().filter(is_there))))
    }

    async fn issues_since(
        &self,
        actor: &Actor,
        project: &Project,
        since: Timestamp,
    ) -> Result<Option<Vec<(IssueId, Issue)>>, TrackerError> {
        Ok(unseen(self.list_issues(actor, project, since).await)?)
    }

    async fn assignees(&self, actor: &Actor, project: &Project) -> Result<Vec<Assignee>, TrackerError> {
        let members: Vec<wire::Member> = unseen(self.of_project(actor, project, "members").await)?.unwrap_or_default();
        let teams: Vec<wire::Team> = unseen(self.of_project(actor, project, "teams").await)?.unwrap_or_default();
        Ok(teams.iter().filter_map(wire::Team::assignee).chain(wire::people(&members)).collect())
    }

    async fn update(&self, actor: &Actor, issue: &IssueRef, action: &Action) -> Result<Issue, TrackerError> {
        match self.change(actor, issue, action).await {
            Err(Failure::Forbidden(said)) => Err(TrackerError::Refused { why: forbidden(actor, &issue.org, &said) }),
            changed => Ok(changed?),
        }
    }

    async fn make_hook(
        &self,
        actor: &Actor,
        project: &Project,
        kind: HookKind,
        url: &str,
    ) -> Result<HookId, TrackerError> {
        Ok(self.api.make_hook(&*self.vault, actor, project, (kind, url)).await?)
    }

    async fn drop_hook(&self, actor: Option<&Actor>, project: &Project, hook: &HookId) -> Result<(), TrackerError> {
        if let Some(actor) = actor {
            self.api.delete_hook(actor, project, hook).await?;
        }
        Ok(hook::forget(&*self.vault, hook).await.map_err(Failure::from)?)
    }

    /// Where no OAuth application is configured nobody can link: then it is Sentry's front page.
    fn issue_page(&self, project: &Project, issue: &IssueId) -> String {
        self.api.site.issue_page(&project.org, issue, Some(&project.id))
    }

    fn rules_page(&self, project: &Project) -> String {
        self.api.site.rules_page(&project.org, &project.id)
    }

    fn authorize_url(&self, state: &Secret) -> String {
        match &self.oauth {
            Some(oauth) => oauth.authorize_url(state),
            None => self.api.site.at(&[]).into(),
        }
    }

    async fn link(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        code: &Secret,
        state: &Secret,
    ) -> Result<Identity, TrackerError> {
        let Some(oauth) = &self.oauth else {
            return Err(TrackerError::Refused { why: "this bot has no OAuth application at Sentry".into() });
        };
        let began = self.clock.now();
        let left = || CALLBACK.saturating_sub(self.clock.now().since(began));
        let (grant, identity) = oauth.exchange(code, state, began, CALLBACK).await.map_err(not_granted)?;
        let kept = async {
            let identity = match identity {
                Some(identity) => identity,
                None => self.who(&grant, left()).await?,
            };
            self.api.grants.keep(&key(account, credential), &grant).await?;
            Ok::<_, Failure>(identity)
        };
        match kept.await {
            Ok(identity) => Ok(identity),
            Err(failure) => {
                // Nobody here could ever use it or end it.
                if let Err(cause) = self.api.grants.revoke(&grant, left()).await {
                    tracing::warn!(
                        error = &cause as &dyn std::error::Error,
                        "a grant could neither be kept nor revoked; its person can end it at Sentry under Authorized \
                         Applications"
                    );
                }
                Err(failure.into())
            }
        }
    }

    async fn unlink(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        Ok(self.api.grants.forget(&key(account, credential), IN_PEACE).await?)
    }

    async fn install(&self, installation: &InstallationId, code: &Secret) -> Result<Option<OrgSlug>, TrackerError> {
        self.api.grants.begin(installation, code).await.map_err(not_granted)?;
        match self.confirm(installation).await {
            Err(Failure::NotFound) => {
                self.api.grants.abandon(&key_of(installation)).await?;
                Err(TrackerError::Gone)
            }
            confirmed => Ok(confirmed?),
        }
    }

    async fn abandon(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        self.api.grants.abandon(&key(account, credential)).await?;
        tracing::warn!(
            %account, %credential,
            "a grant was given up without being revoked; its person can end it at Sentry under Authorized Applications"
        );
        Ok(())
    }
}

impl SentryTracker {
    /// The one organization of the integration, or of an installation. Its token may not be allowed to read its name.
    async fn own_organization(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Organization>, TrackerError> {
        let configured = self.api.integration_in(org).filter(|_| matches!(actor, Actor::Integration { .. }));
        let org = configured.map_or(org, |own| &own.org);
        match self.api.organization(actor, org).await {
            Ok(shown) => Ok(vec![shown.known().unwrap_or_else(|| unnamed(org))]),
            Err(Failure::Forbidden(_)) => Ok(vec![unnamed(org)]),
            Err(Failure::NotFound) => Ok(configured.map(|own| unnamed(&own.org)).into_iter().collect()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Takes note of an installation (Sentry, verify install).
    async fn confirm(&self, installation: &InstallationId) -> Result<Option<OrgSlug>, Failure> {
        let url = self.api.site.api(&["sentry-app-installations", installation.as_str()]);
        let call = Call::put(url, r#"{"status":"installed"}"#.into()).in_background();
        let answer = self.api.send_granted(&key_of(installation), call).await?;
        Ok(json::<Shown>(&answer)?.org())
    }

    /// Who belongs to an organization (Sentry, endpoints: members).
    async fn members(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<wire::Member>, Failure> {
        let home = self.api.home(actor, org).await?;
        let mut url = home.api(&["organizations", org.as_str(), "members"]);
        url.query_pairs_mut().append_pair("per_page", "100");
        self.api.pages(actor, Call::get(url).in_background(), MEMBER_PAGES).await
    }

    /// The members or the teams of a project (Sentry, endpoints: project members, project teams).
    async fn of_project<T: DeserializeOwned>(
        &self,
        actor: &Actor,
        project: &Project,
        what: &str,
    ) -> Result<Vec<T>, Failure> {
        let home = self.api.home(actor, &project.org).await?;
        let mut url = home.api(&["projects", project.org.as_str(), project.slug.as_str(), what]);
        url.query_pairs_mut().append_pair("per_page", "100");
        self.api.pages(actor, Call::get(url), MEMBER_PAGES).await
    }

    async fn list_projects(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Project>, Failure> {
        let organization = match self.api.organization(actor, org).await {
            Ok(shown) => shown.known().unwrap_or_else(|| unnamed(org)),
            Err(Failure::Forbidden(_)) => unnamed(org),
            Err(failure) => return Err(failure),
        };
        let home = self.api.home(actor, org).await?;
        let listed = self.api.list(actor, home.api(&["organizations", org.as_str(), "projects"])).await?;
        Ok(listed.iter().filter_map(|project: &wire::Project| project.accessible(&organization)).collect())
    }

    async fn one_project(&self, actor: &Actor, org: &str, project: &str) -> Result<Project, Failure> {
        // A number would be taken for an id.
        let (Some(org), Some(project)) = (org_slug(org), org_slug(project)) else { return Err(Failure::NotFound) };
        let home = self.api.home(actor, &org).await?;
        let found: wire::Project = self.api.get(actor, home.api(&["projects", org.as_str(), project.as_str()])).await?;
        let organization = found.organization.as_ref().and_then(wire::Organization::known);
        found.accessible(&organization.unwrap_or_else(|| unnamed(&org))).ok_or(Failure::NotFound)
    }

    async fn read(&self, actor: &Actor, issue: &IssueRef) -> Result<Issue, Failure> {
        Ok(self.read_raw(actor, issue).await?.shown(&self.api.site, Some(&issue.org)))
    }

    async fn read_raw(&self, actor: &Actor, issue: &IssueRef) -> Result<wire::Issue, Failure> {
        let mut url = self.address(actor, issue, &[]).await?;
        url.query_pairs_mut().append_pair("collapse", "stats").append_pair("collapse", "tags");
        let call = Call::get(url).in_background();
        let read: wire::Issue = json(&self.api.send(actor, call).await?)?;
        match read.id() {
            Some(_) => Ok(read),
            None => Err(Failure::unavailable("Sentry answered with something that is no issue")),
        }
    }

    async fn read_event(
        &self,
        actor: &Actor,
        issue: &IssueRef,
        which: &str,
        environment: Option<&str>,
    ) -> Result<wire::Occurrence, Failure> {
        let mut url = self.address(actor, issue, &["events", which]).await?;
        if let Some(environment) = environment {
            url.query_pairs_mut().append_pair("environment", environment);
        }
        let read: wire::Occurrence = json(&self.api.send(actor, Call::get(url).in_background()).await?)?;
        match read.is_one() {
            true => Ok(read),
            false => Err(Failure::unavailable("Sentry answered with something that is no event")),
        }
    }

    async fn change(&self, actor: &Actor, issue: &IssueRef, action: &Action) -> Result<Issue, Failure> {
        let url = self.address(actor, issue, &[]).await?;
        let put = |body: Value| self.api.send(actor, Call::put(url.clone(), body.to_string()));
        let cannot_say = || Failure::Invalid("nobody but a person or a team can be given an issue".into());
        let (body, for_old_servers) = bodies(action).ok_or_else(cannot_say)?;
        let answer = match put(body).await {
            Err(Failure::Invalid(said)) if said.contains("substatus") => put(for_old_servers).await?,
            answer => answer?,
        };
        // Some versions answer with less than the issue, or with nothing.
        let changed = if answer.body.is_empty() { wire::Issue::default() } else { json(&answer)? };
        if changed.is_whole() {
            return Ok(changed.shown(&self.api.site, Some(&issue.org)));
        }
        let read = self.read(actor, issue).await?;
        is_done(&read, action)
            .then_some(read)
            .ok_or_else(|| Failure::unavailable("Sentry took the change, but does not show it"))
    }

    /// Search takes a time without an offset for UTC, and by itself looks only for what is unresolved and recent (Sentry,
    /// search; backfill after downtime).
    async fn list_issues(
        &self,
        actor: &Actor,
        project: &Project,
        since: Timestamp,
    ) -> Result<Vec<(IssueId, Issue)>, Failure> {
        let home = self.api.home(actor, &project.org).await?;
        let mut url = home.api(&["organizations", project.org.as_str(), "issues"]);
        url.query_pairs_mut()
            .append_pair("project", project.id.as_str())
            .append_pair("query", &format!("firstSeen:>{}", since.second()))
            .append_pair("statsPeriod", "14d")
            .append_pair("sort", "new")
            .append_pair("limit", "100");
        let issues: Vec<wire::Issue> = self.api.pages(actor, Call::get(url).in_background(), ISSUE_PAGES).await?;
        // A search that is not understood is ignored by some servers: what was not asked for is left out here, too.
        let asked = |issue: &&wire::Issue| issue.project(None).id.is_none_or(|id| id == project.id);
        let shown = |issue: &wire::Issue| Some((issue.id()?, issue.shown(&self.api.site, Some(&project.org))));
        let issues = issues.iter().filter(asked).filter_map(shown);
        Ok(issues.filter(|(_, issue)| issue.first_seen.is_none_or(|at| at > since)).collect())
    }

    async fn address(&self, actor: &Actor, issue: &IssueRef, below: &[&str]) -> Result<Url, Failure> {
        let id = issue_id(issue.id.as_str()).ok_or(Failure::NotFound)?;
        let home = self.api.home(actor, &issue.org).await?;
        Ok(home.api(&[&["organizations", issue.org.as_str(), "issues", id.as_str()], below].concat()))
    }

    /// Who approved, where the token endpoint did not say.
    async fn who(&self, grant: &Grant, deadline: Duration) -> Result<Identity, Failure> {
        let call = Call { deadline, ..Call::get(self.api.site.api(&["auth"])) };
        let unknown = || Failure::unavailable("Sentry does not say who approved");
        match self.api.send_with(&grant.access, call).await {
            Ok(answer) => json::<User>(&answer)?.identity().ok_or_else(unknown),
            Err(failure @ (Failure::Unavailable(_) | Failure::Throttled(_))) => Err(failure),
            Err(_) => Err(unknown()),
        }
    }
}

/// What is not there and what may not be seen are the same to the asker.
fn unseen<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(seen) => Ok(Some(seen)),
        Err(Failure::NotFound | Failure::Forbidden(_) | Failure::NoFeature) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn not_granted(reason: NoGrant) -> TrackerError {
    match reason {
        NoGrant::Refused => {
            TrackerError::Refused { why: "Sentry does not accept this code; it works once, for ten minutes".into() }
        }
        NoGrant::Failed(failure) => failure.into(),
    }
}

fn unnamed(org: &OrgSlug) -> Organization {
    Organization { slug: org.clone(), name: org.as_str().to_owned() }
}

fn forbidden(actor: &Actor, org: &OrgSlug, said: &str) -> String {
    let who = match actor {
        Actor::Person { .. } => "your Sentry role",
        Actor::Integration { .. } | Actor::Installation { .. } => "the Sentry integration",
    };
    let why = format!("{who} may not change issues in {org}");
    text::line(&if said.is_empty() { why } else { format!("{why}: {said}") }, REASON_MAX)
}

/// Whether the issue is where the action would bring it.
fn is_done(read: &Issue, action: &Action) -> bool {
    match action {
        Action::Assign(to) => read.assignee.as_ref().is_some_and(|now| now.is_same(to)),
        _ => read.status == action.status(),
    }
}

/// What is sent for an action: now, and to servers that know no substatus yet, from before 2023 (Sentry, update an issue).
/// `None` where it cannot be said.
fn bodies(action: &Action) -> Option<(Value, Value)> {
    let same = |body: Value| (body.clone(), body);
    let archived = |substatus: &str, details: Value| {
        let body = json!({ "status": "ignored", "substatus": substatus, "statusDetails": details });
        (body, json!({ "status": "ignored", "statusDetails": details }))
    };
    let met = "archived_until_condition_met";
    Some(match action {
        Action::Resolve => same(json!({ "status": "resolved" })),
        Action::ResolveIn(Release::Next) => {
            same(json!({ "status": "resolved", "statusDetails": { "inNextRelease": true } }))
        }
        Action::ResolveIn(Release::Current) => {
            same(json!({ "status": "resolved", "statusDetails": { "inRelease": "latest" } }))
        }
        Action::Archive => archived("archived_until_escalating", json!({})),
        Action::ArchiveUntil(limit) => match (limit.time(), limit.events()) {
            (Some(time), _) => archived(met, json!({ "ignoreDuration": time.as_secs() / 60 })),
            (_, Some(events)) => archived(met, json!({ "ignoreCount": events })),
            _ => archived("archived_forever", json!({})),
        },
        Action::Reopen => (
            json!({ "status": "unresolved", "substatus": "ongoing", "statusDetails": {} }),
            json!({ "status": "unresolved", "statusDetails": {} }),
        ),
        Action::Assign(Assignee::Nobody) => same(json!({ "assignedTo": "" })),
        Action::Assign(Assignee::User { id, .. }) => same(json!({ "assignedTo": format!("user:{id}") })),
        Action::Assign(Assignee::Team { id, .. }) => same(json!({ "assignedTo": format!("team:{id}") })),
        Action::Assign(Assignee::Somebody(_)) => return None,
    })
}
