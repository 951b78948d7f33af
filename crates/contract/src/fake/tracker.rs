//! An issue tracker in memory.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use zentry_domain::ports::{Delivery, DeliveryKey, HookError, Received, Rejected, TrackerError};
use zentry_domain::{
    AccountId, Action, Actor, Assignee, Change, ChangeKind, CredentialId, Event, Fix, Hook, HookId, HookKind,
    HookWebhook, Identity, InstallationId, Issue, IssueId, IssueRef, Occurrence, OrgSlug, Organization, Project,
    ProjectId, ProjectKey, ProjectSlug, Secret, Status, Timestamp, Tracker,
};

use crate::tracker::Fault;
use crate::webhook::HeaderList;

const AUTHORIZE: &str = "https://sentry.example.com/oauth/authorize/?state=";

/// A tracker that keeps organizations, projects, issues, members and grants in memory, and does as it is told.
///
/// A person signs in with [`FakeTracker::approve`], which plays the browser: it takes the address that
/// [`Tracker::authorize_url`] gave and returns the code that would come back.
#[derive(Debug, Default)]
pub struct FakeTracker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    organizations: Vec<Organization>,
    members: HashSet<(String, OrgSlug)>,
    /// To whom the issues of an organization can be given.
    people: Vec<(OrgSlug, Assignee)>,
    managers: HashSet<(String, OrgSlug)>,
    projects: Vec<Project>,
    issues: HashMap<IssueId, (OrgSlug, Issue)>,
    latest: HashMap<IssueId, Occurrence>,
    /// The first occurrence of an issue in each environment, and when it was.
    firsts: HashMap<(IssueId, String), (Timestamp, Occurrence)>,
    /// How often the latest occurrence of an issue was asked for.
    latest_asked: usize,
    /// How often it was asked how an issue is.
    issues_asked: usize,
    /// Of the issues that a project lists.
    listed: HashMap<IssueId, Project>,
    integration: Option<OrgSlug>,
    installations: Vec<Installed>,
    codes: HashMap<String, Code>,
    codes_made: usize,
    grants: Vec<Grant>,
    // Our side: which grant lies in the vault under which name.
    vault: HashMap<(AccountId, CredentialId), usize>,
    refreshes: usize,
    faults: VecDeque<Fault>,
    hooks: Vec<FakeHook>,
    hooks_made: usize,
    // Our side: whose secrets lie in the vault.
    secrets: HashSet<HookId>,
    has_no_hooks: bool,
}

#[derive(Debug)]
struct Code {
    state: String,
    user: Identity,
}

#[derive(Debug)]
struct Installed {
    id: InstallationId,
    org: OrgSlug,
    /// Until it is exchanged.
    code: Option<String>,
    /// Whether the token is fresh, once there is one.
    grant: Option<bool>,
}

#[derive(Debug)]
struct Grant {
    user: Identity,
    alive: bool,
    fresh: bool,
}

impl FakeTracker {
    /// An empty tracker without integration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an organization, unless it is there.
    pub fn add_organization(&self, slug: &OrgSlug, name: &str) {
        let mut state = self.state();
        if !state.organizations.iter().any(|org| org.slug == *slug) {
            state.organizations.push(Organization { slug: slug.clone(), name: name.into() });
        }
    }

    /// Makes a person a member of an organization, who sees all of it and may change its issues.
    pub fn add_member(&self, org: &OrgSlug, user: &Identity) {
        let mut state = self.state();
        if state.members.insert((user.id.clone(), org.clone())) {
            state.people.push((org.clone(), Assignee::User { id: user.id.clone(), name: user.name.clone() }));
        }
    }

    /// Somebody manages an organization, or does not any more.
    pub fn set_manager(&self, org: &OrgSlug, user: &Identity, is_manager: bool) {
        let key = (user.id.clone(), org.clone());
        let mut state = self.state();
        if is_manager {
            state.managers.insert(key)
        } else {
            state.managers.remove(&key)
        };
    }

    /// Adds a project, and its organization where that is not there.
    pub fn add_project(&self, project: &Project) {
        self.add_organization(&project.org, &project.org_name);
        self.state().projects.push(project.clone());
    }

    /// Adds an issue to an organization, or replaces it.
    pub fn add_issue(&self, at: &IssueRef, issue: Issue) {
        self.state().issues.insert(at.id.clone(), (at.org.clone(), issue));
    }

    /// Adds an issue that its project lists.
    pub fn list_issue(&self, project: &Project, id: &IssueId, issue: Issue) {
        self.add_issue(&IssueRef { org: project.org.clone(), id: id.clone() }, issue);
        self.state().listed.insert(id.clone(), project.clone());
    }

    /// An issue happens once more, like this.
    pub fn happens(&self, id: &IssueId, occurrence: Occurrence) {
        let mut state = self.state();
        if let Some(environment) = occurrence.environment.clone() {
            state.firsts.entry((id.clone(), environment)).or_insert((Timestamp(0), occurrence.clone()));
        }
        state.latest.insert(id.clone(), occurrence);
    }

    /// An issue happened first in that environment then, like this.
    pub fn happened_first(&self, id: &IssueId, environment: &str, at: Timestamp, occurrence: Occurrence) {
        self.state().firsts.insert((id.clone(), environment.to_owned()), (at, occurrence));
    }

    /// How often the latest occurrence of an issue was asked for.
    pub fn latest_asked(&self) -> usize {
        self.state().latest_asked
    }

    /// How often it was asked how an issue is.
    pub fn issues_asked(&self) -> usize {
        self.state().issues_asked
    }

    /// Adds a team to whose members and to which the issues of an organization can be given.
    pub fn add_team(&self, org: &OrgSlug, id: &str, name: &str) {
        self.state().people.push((org.clone(), Assignee::Team { id: id.into(), name: name.into() }));
    }

    /// The integration belongs to this organization.
    pub fn integrate(&self, org: &OrgSlug) {
        self.state().integration = Some(org.clone());
    }

    /// Somebody installs the app in an organization: the installation, and the code that comes with it.
    pub fn install_app(&self, org: &OrgSlug) -> (InstallationId, Secret) {
        let mut state = self.state();
        let n = state.installations.len() + 1;
        let (id, code) = (InstallationId::new(format!("00000000-0000-4000-8000-{n:012}")), format!("c0de{n:028}"));
        let installation = Installed { id: id.clone(), org: org.clone(), code: Some(code.clone()), grant: None };
        state.installations.push(installation);
        (id, Secret::new(code))
    }

    /// Somebody removes the app from an organization.
    pub fn uninstall_app(&self, id: &InstallationId) {
        self.state().installations.retain(|installation| installation.id != *id);
    }

    /// Whether the app has taken note of an installation.
    pub fn is_confirmed(&self, id: &InstallationId) -> bool {
        let state = self.state();
        state.installations.iter().any(|installation| installation.id == *id && installation.grant.is_some())
    }

    /// The issue as it now is.
    pub fn issue_now(&self, id: &IssueId) -> Option<Issue> {
        self.state().issues.get(id).map(|(_, issue)| issue.clone())
    }

    /// `user` opens `address`, signs in and approves: the code that the browser brings back.
    pub fn approve(&self, address: &str, user: &Identity) -> Secret {
        let mut state = self.state();
        state.codes_made += 1;
        let code = format!("code-{}", state.codes_made);
        let belongs = Code { state: address.strip_prefix(AUTHORIZE).unwrap_or_default().into(), user: user.clone() };
        state.codes.insert(code.clone(), belongs);
        Secret::new(code)
    }

    /// A grant of `user`, as if the person had signed in and approved.
    pub fn grant(&self, account: &AccountId, credential: &CredentialId, user: &Identity) {
        self.state().give(account, credential, user);
    }

    /// How many grants of a person are alive at the tracker, whether or not our side still has them.
    pub fn grants_of(&self, user: &Identity) -> usize {
        self.state().grants.iter().filter(|grant| grant.alive && grant.user.id == user.id).count()
    }

    /// The person revokes all their grants, on the tracker's own page.
    pub fn revoke(&self, user: &Identity) {
        let mut state = self.state();
        state.grants.iter_mut().filter(|grant| grant.user.id == user.id).for_each(|grant| grant.alive = false);
    }

    /// So much time passes that every grant needs a refresh.
    pub fn expire(&self) {
        let mut state = self.state();
        state.grants.iter_mut().for_each(|grant| grant.fresh = false);
        state
            .installations
            .iter_mut()
            .flat_map(|installation| &mut installation.grant)
            .for_each(|fresh| *fresh = false);
    }

    /// How many refreshes there were.
    pub fn refreshes(&self) -> usize {
        self.state().refreshes
    }

    /// Lets the next call that no earlier fault waits for go wrong like this, also one that revokes.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Whether anybody can have hooks.
    pub fn set_hooks(&self, can_be_had: bool) {
        self.state().has_no_hooks = !can_be_had;
    }

    /// The hooks that there are in a project, whether or not our side still knows them.
    pub fn hooks_in(&self, project: &ProjectId) -> Vec<FakeHook> {
        self.state().hooks.iter().filter(|hook| hook.project == *project).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tracker for FakeTracker {
    async fn organizations(&self, actor: &Actor) -> Result<Vec<Organization>, TrackerError> {
        self.state().called(|state| {
            let sees = state.seen_by(actor)?;
            Ok(state.organizations.iter().filter(|org| sees.contains(&org.slug)).cloned().collect())
        })
    }

    async fn manages(&self, actor: &Actor, identity: &Identity) -> Result<Vec<OrgSlug>, TrackerError> {
        self.state().called(|state| {
            let sees = state.seen_by(actor)?;
            let managed = state.organizations.iter().map(|org| &org.slug).filter(|org| sees.contains(org));
            let is_manager = |org: &&OrgSlug| state.managers.contains(&(identity.id.clone(), (*org).clone()));
            Ok(managed.filter(is_manager).cloned().collect())
        })
    }

    async fn projects(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Project>, TrackerError> {
        self.state().called(|state| {
            let sees = state.seen_by(actor)?;
            let here = |project: &&Project| project.org == *org && sees.contains(&project.org);
            Ok(state.projects.iter().filter(here).cloned().collect())
        })
    }

    async fn project(&self, actor: &Actor, org: &str, project: &str) -> Result<Option<Project>, TrackerError> {
        self.state().called(|state| {
            let sees = state.seen_by(actor)?;
            let named = |found: &&Project| {
                found.org.as_str().eq_ignore_ascii_case(org) && found.slug.as_str().eq_ignore_ascii_case(project)
            };
            Ok(state.projects.iter().find(named).filter(|found| sees.contains(&found.org)).cloned())
        })
    }

    async fn issue(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Issue>, TrackerError> {
        self.state().issues_asked += 1;
        self.state().called(|state| Ok(state.find(actor, issue)?.map(|issue| issue.clone())))
    }

    async fn issue_in_project(
        &self,
        actor: &Actor,
        issue: &IssueRef,
    ) -> Result<Option<(ProjectSlug, Issue)>, TrackerError> {
        self.state().called(|state| {
            let Some(found) = state.find(actor, issue)?.map(|issue| issue.clone()) else { return Ok(None) };
            let listed = state.listed.get(&issue.id);
            let project = listed.or_else(|| state.projects.iter().find(|project| project.org == issue.org));
            Ok(project.map(|project| (project.slug.clone(), found)))
        })
    }

    async fn latest(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Occurrence>, TrackerError> {
        self.state().latest_asked += 1;
        self.state().called(|state| {
            let is_seen = state.find(actor, issue)?.is_some();
            Ok(state.latest.get(&issue.id).filter(|_| is_seen).cloned())
        })
    }

    async fn first_in(
        &self,
        actor: &Actor,
        issue: &IssueRef,
        environment: &str,
    ) -> Result<Option<(Timestamp, Occurrence)>, TrackerError> {
        self.state().called(|state| {
            let is_seen = state.find(actor, issue)?.is_some();
            Ok(state.firsts.get(&(issue.id.clone(), environment.to_owned())).filter(|_| is_seen).cloned())
        })
    }

    async fn issues_since(
        &self,
        actor: &Actor,
        project: &Project,
        since: Timestamp,
    ) -> Result<Option<Vec<(IssueId, Issue)>>, TrackerError> {
        self.state().called(|state| {
            if !state.seen_by(actor)?.contains(&project.org) {
                return Ok(None);
            }
            let of_project = state.listed.iter().filter(|(_, listed)| listed.id == project.id);
            let issues = of_project.filter_map(|(id, _)| Some((id.clone(), state.issues.get(id)?.1.clone())));
            let mut issues: Vec<_> = issues.filter(|(_, issue)| issue.first_seen > Some(since)).collect();
            issues.sort_by_key(|(id, issue)| (Reverse(issue.first_seen), id.to_string()));
            Ok(Some(issues))
        })
    }

    async fn assignees(&self, actor: &Actor, project: &Project) -> Result<Vec<Assignee>, TrackerError> {
        self.state().called(|state| {
            let is_seen = state.seen_by(actor)?.contains(&project.org);
            Ok(if is_seen { state.assignees(&project.org) } else { Vec::new() })
        })
    }

    async fn update(&self, actor: &Actor, issue: &IssueRef, action: &Action) -> Result<Issue, TrackerError> {
        self.state().called(|state| {
            let known = state.assignees(&issue.org);
            let issue = state.find(actor, issue)?.ok_or(TrackerError::Gone)?;
            issue.fix = match action {
                Action::ResolveIn(release) => Some(Fix::In(*release)),
                _ => None,
            };
            match action {
                Action::Assign(to) if *to != Assignee::Nobody && !known.contains(to) => {
                    return Err(TrackerError::Refused { why: "they do not belong to the project".into() });
                }
                Action::Assign(to) => issue.assignee = Some(to.clone()),
                _ => issue.status = action.status(),
            }
            Ok(issue.clone())
        })
    }

    async fn make_hook(
        &self,
        actor: &Actor,
        project: &Project,
        kind: HookKind,
        url: &str,
    ) -> Result<HookId, TrackerError> {
        self.state().called(|state| {
            if !state.seen_by(actor)?.contains(&project.org) {
                return Err(TrackerError::Gone);
            }
            if state.has_no_hooks {
                return Err(TrackerError::NoFeature);
            }
            state.may_have_hooks(actor, project)?;
            if let Some(there) = state.hooks.iter().find(|hook| hook.project == project.id && hook.url == url) {
                state.secrets.insert(there.id.clone());
                return Ok(there.id.clone());
            }
            state.hooks_made += 1;
            let id = HookId::new(format!("hook-{}", state.hooks_made));
            let (project, url) = (project.id.clone(), url.to_owned());
            state.hooks.push(FakeHook { id: id.clone(), project, kind, url });
            state.secrets.insert(id.clone());
            Ok(id)
        })
    }

    async fn drop_hook(&self, actor: Option<&Actor>, project: &Project, hook: &HookId) -> Result<(), TrackerError> {
        let Some(actor) = actor else {
            self.state().secrets.remove(hook);
            return Ok(());
        };
        self.state().called(|state| {
            let is_seen = state.seen_by(actor)?.contains(&project.org);
            if is_seen && state.may_have_hooks(actor, project).is_ok() {
                state.hooks.retain(|known| known.id != *hook);
            }
            state.secrets.remove(hook);
            Ok(())
        })
    }

    fn issue_page(&self, project: &Project, issue: &IssueId) -> String {
        format!("https://sentry.example.com/organizations/{}/issues/{issue}/", project.org)
    }

    fn rules_page(&self, project: &Project) -> String {
        format!("https://sentry.example.com/organizations/{}/alerts/rules/?project={}", project.org, project.id)
    }

    fn authorize_url(&self, state: &Secret) -> String {
        format!("{AUTHORIZE}{}", state.expose())
    }

    async fn link(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        code: &Secret,
        state: &Secret,
    ) -> Result<Identity, TrackerError> {
        self.state().called(|tracker| {
            let refused = || TrackerError::Refused { why: "the code is not accepted".into() };
            let code = tracker.codes.remove(code.expose()).ok_or_else(refused)?;
            if code.state != state.expose() {
                return Err(refused());
            }
            tracker.give(account, credential, &code.user);
            Ok(code.user)
        })
    }

    async fn unlink(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        let mut state = self.state();
        let name = (account.clone(), credential.clone());
        let Some(grant) = state.vault.get(&name).copied() else { return Ok(()) };
        let ended = state.called(|state| {
            state.grants[grant].alive = false;
            Ok(())
        });
        // What the tracker never revokes is gone here too.
        if matches!(ended, Ok(()) | Err(TrackerError::Refused { .. })) {
            state.vault.remove(&name);
            return Ok(());
        }
        ended
    }

    async fn install(&self, installation: &InstallationId, code: &Secret) -> Result<Option<OrgSlug>, TrackerError> {
        self.state().called(|state| {
            let found = state.installations.iter_mut().find(|found| found.id == *installation);
            let found = found.ok_or(TrackerError::Gone)?;
            if found.grant.is_none() {
                let is_it = found.code.as_deref() == Some(code.expose());
                found
                    .code
                    .take_if(|_| is_it)
                    .ok_or(TrackerError::Refused { why: "the code is not accepted".into() })?;
                found.grant = Some(true);
            }
            Ok(Some(found.org.clone()))
        })
    }

    async fn abandon(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        self.state().vault.remove(&(account.clone(), credential.clone()));
        Ok(())
    }
}

/// What a hook of this tracker sends: its number and its secret in headers, and the number of an issue as the body.
#[async_trait]
impl HookWebhook for FakeTracker {
    async fn receive(&self, hook: &Hook, delivery: &Delivery<'_>) -> Result<Received, HookError> {
        let header = |name| delivery.headers.get(name).one().and_then(|value| std::str::from_utf8(value).ok());
        let is_it = header(FakeHook::NAME) == Some(hook.id.as_str());
        let body = String::from_utf8_lossy(delivery.body).into_owned();
        let signed = header(FakeHook::SIGNATURE) == Some(&FakeHook::signature(&hook.id, &body));
        if !is_it || !signed || !self.state().secrets.contains(&hook.id) {
            return Err(Rejected("it is not this hook's").into());
        }
        let Some((issue, times)) = body.split_once('*') else { return Ok(Received::Unreadable("no event".into())) };
        let events = times.parse().ok();
        let kind = match hook.kind {
            HookKind::Alert => ChangeKind::Alert { rule: "unnamed".into(), page: None },
            HookKind::Event if events == Some(1) => ChangeKind::New,
            HookKind::Event => ChangeKind::Seen,
        };
        let Project { org, id, slug, .. } = hook.project.clone();
        let change = Change {
            installation: None,
            project: ProjectKey { org: Some(org), id: Some(id), slug: Some(slug) },
            issue_id: IssueId::new(issue),
            issue: Issue {
                title: "TimeoutError: pool exhausted".into(),
                status: Some(Status::Unresolved),
                events,
                ..Issue::default()
            },
            occurrence: None,
            kind,
            by: None,
        };
        let mut key = [0; 32];
        let told = format!("{}|{body}", hook.id);
        key.iter_mut().zip(told.bytes()).for_each(|(key, byte)| *key = byte);
        Ok(Received::Event { keys: vec![DeliveryKey(key)], event: Box::new(Event::Changed(change)) })
    }
}

/// A hook as the tracker knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeHook {
    /// Its number.
    pub id: HookId,
    /// Where it is.
    pub project: ProjectId,
    /// What it tells of.
    pub kind: HookKind,
    /// Where it sends.
    pub url: String,
}

impl FakeHook {
    /// The header that names a hook.
    pub const NAME: &str = "x-fake-hook";
    /// The header that proves it.
    pub const SIGNATURE: &str = "x-fake-signature";

    /// What proves that a hook sends this body.
    pub fn signature(hook: &HookId, body: &str) -> String {
        format!("{hook} says {body}")
    }

    /// What a hook sends of an issue that happened so many times.
    pub fn says(&self, issue: &IssueId, times: u64) -> (HeaderList, String) {
        let body = format!("{issue}*{times}");
        let headers = HeaderList::new().with(Self::NAME, self.id.as_str());
        (headers.with(Self::SIGNATURE, Self::signature(&self.id, &body)), body)
    }
}

impl State {
    /// Whether the person behind a grant may change a project.
    fn may_have_hooks(&self, actor: &Actor, project: &Project) -> Result<(), TrackerError> {
        let refused = || TrackerError::Refused { why: "you may not change the project".into() };
        let Actor::Person { account, credential } = actor else { return Err(refused()) };
        let grant = self.vault.get(&(account.clone(), credential.clone())).map(|at| &self.grants[*at]);
        let is_manager = grant.is_some_and(|g| self.managers.contains(&(g.user.id.clone(), project.org.clone())));
        is_manager.then_some(()).ok_or_else(refused)
    }

    fn assignees(&self, org: &OrgSlug) -> Vec<Assignee> {
        self.people.iter().filter(|(of, _)| of == org).map(|(_, assignee)| assignee.clone()).collect()
    }

    /// Takes one call, unless a fault waits for it.
    fn called<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T, TrackerError>) -> Result<T, TrackerError> {
        match self.faults.pop_front() {
            None => call(self),
            Some(Fault::Down) => Err(TrackerError::Unavailable("503".into())),
            Some(Fault::Lost) => {
                // Carried out; only the answer does not arrive.
                drop(call(self));
                Err(TrackerError::Unavailable("no answer".into()))
            }
            Some(Fault::Throttled { after }) => Err(TrackerError::Throttled { after }),
            Some(Fault::Forbidden) => Err(TrackerError::Refused { why: "you may not do this".into() }),
        }
    }

    fn give(&mut self, account: &AccountId, credential: &CredentialId, user: &Identity) {
        self.vault.insert((account.clone(), credential.clone()), self.grants.len());
        self.grants.push(Grant { user: user.clone(), alive: true, fresh: true });
    }

    /// The organizations that an actor sees; refreshes a person's grant where it has expired.
    fn seen_by(&mut self, actor: &Actor) -> Result<HashSet<OrgSlug>, TrackerError> {
        let (account, credential) = match actor {
            Actor::Integration { org } => {
                return Ok(self.integration.iter().filter(|own| *own == org).cloned().collect());
            }
            Actor::Installation { installation, org } => return self.seen_by_installation(installation, org),
            Actor::Person { account, credential } => (account, credential),
        };
        let at = self.vault.get(&(account.clone(), credential.clone())).ok_or(TrackerError::Unauthorized)?;
        let grant = self.grants.get_mut(*at).filter(|grant| grant.alive).ok_or(TrackerError::Unauthorized)?;
        if !std::mem::replace(&mut grant.fresh, true) {
            self.refreshes += 1;
        }
        let theirs = self.members.iter().filter(|(user, _)| *user == grant.user.id);
        Ok(theirs.map(|(_, org)| org.clone()).collect())
    }

    fn seen_by_installation(&mut self, id: &InstallationId, org: &OrgSlug) -> Result<HashSet<OrgSlug>, TrackerError> {
        let found = self.installations.iter_mut().find(|installation| installation.id == *id);
        let found = found.ok_or(TrackerError::Unauthorized)?;
        let fresh = found.grant.as_mut().ok_or(TrackerError::Unauthorized)?;
        if !std::mem::replace(fresh, true) {
            self.refreshes += 1;
        }
        Ok(Some(found.org.clone()).into_iter().filter(|own| own == org).collect())
    }

    fn find(&mut self, actor: &Actor, at: &IssueRef) -> Result<Option<&mut Issue>, TrackerError> {
        let sees = self.seen_by(actor)?;
        let found = self.issues.get_mut(&at.id).filter(|(org, _)| *org == at.org && sees.contains(org));
        Ok(found.map(|(_, issue)| issue))
    }
}
