//! The tracker over a simulated Sentry.

pub(crate) mod vault;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Method, header};
use zentry_contract::tracker::{Fault, WORLD};
use zentry_contract::webhook::HeaderList;
use zentry_domain::{
    AccountId, Actor, Clock, CredentialId, HookId, HookKind, HookWebhook, Identity, InstallationId, IssueId, IssueRef,
    Occurrence, OrgSlug, Project, ProjectId, ProjectSlug, Secret, Timestamp, Tracker, Vault,
};
use zentry_http_client::{Allowance, HttpClient, HttpConfig, Request};
use zentry_sandbox::browser::Browser;
use zentry_sandbox::sentry::{self, NewIssue, OAuthApp, Role, Sentry, World};
use zentry_sandbox::{Fault as Broken, Signing, Wire};
use zentry_sentry::{Integration, OauthApp, SentryApp, SentryConfig, SentryHooks, SentryTracker};

use vault::Watched;

/// The path, at Sentry itself, to which browsers come back: a page that is not there, but an address to read.
const REDIRECT: &str = "came-back";

const LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);
const INSTALLATION_LIFE: Duration = Duration::from_secs(8 * 3_600);

pub(crate) struct Bench {
    pub(crate) sentry: Sentry,
    pub(crate) tracker: SentryTracker,
    hooks: SentryHooks,
    pub(crate) vault: Arc<Watched>,
    config: SentryConfig,
    http: HttpClient,
    clock: zentry_sandbox::Clock,
    wire: Wire,
    browser: Browser,
    projects: Vec<sentry::Project>,
    organizations: Vec<sentry::Organization>,
    users: Vec<sentry::User>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let (clock, wire) = (zentry_sandbox::Clock::real(), Wire::new());
        let mut world = World::new();
        let (mut organizations, mut projects, mut users) = (Vec::new(), Vec::new(), Vec::new());
        for (slug, member, count) in WORLD {
            let name = if slug == "acme" { "Acme Inc." } else { slug };
            let organization = world.organization(slug, name);
            projects.extend((0..count).map(|n| world.project(&organization, &format!("service-{n}"), "A service")));
            let user = world.user(member, &format!("{}@example.com", member.to_lowercase()));
            world.join(&user, &organization, Role::Member);
            users.push(user);
            organizations.push(organization);
        }
        world.integration(&organizations[0], "integration-token", "client-secret");
        world.oauth_app(oauth_app());
        world.sentry_app(sentry_app());
        let sentry = Sentry::start(world, &clock, &wire).await.expect("a free port");
        let redirect_uri = format!("{}/{REDIRECT}", sentry.base());
        sentry.allow_redirect(&redirect_uri);
        let config = config(sentry.base(), redirect_uri);
        let vault = Arc::new(Watched::default());
        let mut http = HttpConfig::new("zentry-tests/1");
        http.allow = vec![Allowance::loopback(&config.base).expect("loopback")];
        let http = HttpClient::new(http).expect("a client");
        let now = Arc::new(SandboxClock(clock.clone()));
        let tracker = SentryTracker::new(config.clone(), http.clone(), Arc::clone(&vault) as Arc<dyn Vault>, now);
        let hooks = SentryHooks::new(&config, Arc::clone(&vault) as Arc<dyn Vault>);
        let browser = Browser::new(&clock, &wire);
        Self { sentry, tracker, hooks, vault, config, http, clock, wire, browser, projects, organizations, users }
    }

    /// Ana, linked, and an issue that she sees.
    pub(crate) async fn ana_and_an_issue(&self) -> (Actor, IssueRef) {
        let issue = zentry_contract::tracker::Bench::issue(self, &self.known_projects("acme")[0]).await;
        (self.link("Ana", "first").await, issue)
    }

    /// The app is installed in acme, and an issue there.
    pub(crate) async fn installation_and_an_issue(&self) -> (Actor, IssueRef) {
        let issue = zentry_contract::tracker::Bench::issue(self, &self.known_projects("acme")[0]).await;
        let (installation, code) = zentry_contract::tracker::Bench::install(self, "acme").await;
        self.tracker.install(&installation, &code).await.expect("installed");
        (Actor::Installation { installation, org: OrgSlug::new("acme") }, issue)
    }

    /// The answer with an installation's next tokens does not arrive. Of the two client secrets Sentry takes the second.
    pub(crate) fn lose_the_next_tokens(&self) {
        self.sentry.faults().next(Broken::Late(Duration::ZERO));
        self.sentry.faults().next(Broken::Close { carried_out: true });
    }

    /// An installation's token has so many minutes left.
    pub(crate) fn let_pass_until_minutes_of_an_installation_are_left(&self, minutes: u64) {
        self.clock.advance(INSTALLATION_LIFE - Duration::from_secs(60 * minutes));
    }

    pub(crate) async fn link(&self, name: &str, credential: &str) -> Actor {
        let (account, credential, state) = (AccountId::new("acc"), CredentialId::new(credential), Secret::new("state"));
        let code = self.come_back(&self.tracker.authorize_url(&state), self.user(name)).await;
        self.tracker.link(&account, &credential, &code, &state).await.expect("linked");
        Actor::Person { account, credential }
    }

    pub(crate) fn let_pass_until_minutes_are_left(&self, minutes: u64) {
        self.clock.advance(LIFE - Duration::from_secs(60 * minutes));
    }

    /// So much time passes that grants need a refresh, but `spared`, which was refreshed meanwhile.
    pub(crate) async fn expire_but(&self, spared: &Actor) {
        self.clock.advance(LIFE - Duration::from_secs(60));
        let token = self.vault.grant(spared);
        let refreshed = self.post_token(token["refresh"].as_str().expect("a refresh token")).await;
        let kept = serde_json::json!({ "access": refreshed["access_token"], "refresh": refreshed["refresh_token"] });
        self.vault.overwrite(spared, &kept.to_string()).await;
    }

    /// The same tracker, but nobody has allowed it to call a loopback address.
    pub(crate) fn without_allowance(&self) -> SentryTracker {
        let http = HttpClient::new(HttpConfig::new("zentry-tests/1")).expect("a client");
        let clock = Arc::new(SandboxClock(self.clock.clone()));
        SentryTracker::new(self.config.clone(), http, Arc::clone(&self.vault) as Arc<dyn Vault>, clock)
    }

    fn user(&self, name: &str) -> &sentry::User {
        self.users.iter().find(|user| user.name == name).expect("a person of the world")
    }

    fn known_projects(&self, org: &str) -> Vec<Project> {
        let organization = self.organizations.iter().find(|found| found.slug == org).expect("an organization");
        let known = |project: &sentry::Project| Project {
            org: OrgSlug::new(org),
            org_name: organization.name.clone(),
            id: ProjectId::new(project.id.to_string()),
            slug: ProjectSlug::new(&project.slug),
            name: project.name.clone(),
        };
        self.projects.iter().filter(|project| project.organization == organization.id).map(known).collect()
    }

    async fn come_back(&self, address: &str, user: &sentry::User) -> Secret {
        self.sentry.log_in(user);
        let consent = self.browser.open(address).await.expect("the consent page");
        let back = self.browser.press(&consent, "Approve").await.expect("a way back");
        let code = back.url.query_pairs().find(|(name, _)| name == "code").expect("a code").1;
        Secret::new(code)
    }

    fn broken(&self, fault: Fault) -> Broken {
        match fault {
            Fault::Down => Broken::status(503),
            Fault::Lost => Broken::Close { carried_out: true },
            Fault::Throttled { after } => {
                let ends = |after: Duration| (self.clock.now_ms() + after.as_millis() as i64) / 1_000;
                Broken::sentry_throttled(after.map(ends))
            }
            Fault::Forbidden => Broken::Answer {
                status: 403,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: r#"{"detail":"You do not have permission to perform this action."}"#.to_owned(),
            },
        }
    }

    async fn post_token(&self, refresh: &str) -> serde_json::Value {
        let body =
            format!("grant_type=refresh_token&refresh_token={refresh}&client_id=the-client&client_secret=the-secret");
        let url = format!("{}/oauth/token/", self.sentry.base()).parse().expect("an address");
        let request = Request::new("test", Method::POST, url)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(body);
        serde_json::from_slice(&self.http.send(request).await.expect("an answer").body).expect("tokens")
    }

    async fn is_accepted(&self, token: &str, of: &Identity) -> bool {
        let url = format!("{}/api/0/auth/", self.sentry.base()).parse().expect("an address");
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token");
        let request = Request::new("test", Method::GET, url).header(header::AUTHORIZATION, bearer);
        let answer = self.http.send(request).await.expect("an answer");
        let user: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        answer.status == 200 && user["id"] == of.id.as_str()
    }
}

#[async_trait]
impl zentry_contract::tracker::Bench for Bench {
    fn tracker(&self) -> &dyn Tracker {
        &self.tracker
    }

    fn projects_of(&self, org: &str) -> Vec<Project> {
        self.known_projects(org)
    }

    fn identity(&self, name: &str) -> Identity {
        let user = self.user(name);
        Identity { id: user.id.to_string(), name: user.name.clone(), email: user.email.clone() }
    }

    async fn issue(&self, project: &Project) -> IssueRef {
        let found = self.projects.iter().find(|found| found.id.to_string() == project.id.as_str()).expect("a project");
        let raised = self.sentry.raise(found, NewIssue::error("TimeoutError: pool exhausted")).await;
        IssueRef { org: project.org.clone(), id: IssueId::new(raised.issue.to_string()) }
    }

    async fn happens(&self, issue: &IssueRef, occurrence: &Occurrence) {
        let id = issue.id.as_str().parse().expect("a number");
        let Occurrence { environment, release, tags } = occurrence;
        self.sentry.happen_in(id, environment.as_deref(), release.as_deref(), tags);
    }

    async fn approve(&self, address: &str, user: &Identity) -> Secret {
        self.come_back(address, self.user(&user.name)).await
    }

    fn promote(&self, user: &Identity, org: &str, is_manager: bool) {
        let role = if is_manager { Role::Manager } else { Role::Member };
        let organization = self.organizations.iter().find(|found| found.slug == org).expect("an organization");
        self.sentry.join(self.user(&user.name), organization, role);
    }

    async fn revoke(&self, user: &Identity) {
        self.sentry.revoke(self.user(&user.name));
    }

    async fn install(&self, org: &str) -> (InstallationId, Secret) {
        let organization = self.organizations.iter().find(|found| found.slug == org).expect("an organization");
        let installed = self.sentry.install("zentry", organization, &self.users[0]).await.expect("the app is there");
        (InstallationId::new(installed.uuid), Secret::new(installed.code))
    }

    async fn uninstall(&self, installation: &InstallationId) {
        self.sentry.uninstall(installation.as_str(), &self.users[0]).await;
    }

    fn is_confirmed(&self, installation: &InstallationId) -> bool {
        self.sentry.is_pending(installation.as_str()) == Some(false)
    }

    async fn grants_of(&self, user: &Identity) -> usize {
        let mut alive = 0;
        for token in self.vault.tokens() {
            alive += usize::from(self.is_accepted(&token, user).await);
        }
        alive
    }

    async fn expire(&self) {
        self.clock.advance(LIFE + Duration::from_secs(1));
    }

    async fn refreshes(&self) -> usize {
        let entries = self.wire.entries();
        let gives = |path: &str| path == "/oauth/token/" || path.ends_with("/authorizations/");
        let given = |status: Option<u16>| matches!(status, Some(200 | 201));
        entries.iter().filter(|entry| gives(&entry.path) && given(entry.status)).count() - self.vault.first_saves()
    }

    async fn fail_next(&self, fault: Fault) {
        self.sentry.faults().next(self.broken(fault));
    }

    async fn fail_next_revocation(&self, fault: Fault) {
        self.sentry.oauth_faults().next(self.broken(fault));
    }
}

#[async_trait]
impl zentry_contract::hook::Bench for Bench {
    fn hooks(&self) -> &dyn HookWebhook {
        &self.hooks
    }

    fn hooks_in(&self, project: &Project) -> Vec<(HookId, HookKind, String)> {
        let here = self.sentry.hooks().into_iter().filter(|hook| hook.project.to_string() == project.id.as_str());
        let known = |hook: sentry::ServiceHook| {
            let mut kinds = [HookKind::Alert, HookKind::Event].into_iter();
            let kind = kinds.find(|kind| hook.events == [kind.event()]).expect("one kind of event");
            (HookId::new(hook.id.clone()), kind, hook.url)
        };
        here.map(known).collect()
    }

    fn set_feature(&self, can_be_had: bool) {
        self.sentry.set_hooks(can_be_had);
    }

    fn sends(&self, hook: &HookId, issue: &IssueRef) -> (HeaderList, Vec<u8>) {
        let hook = self.sentry.hooks().into_iter().find(|known| known.id == hook.as_str()).expect("it is there");
        let body = self.sentry.hook_body(issue.id.as_str().parse().expect("a number"));
        let (headers, body) = self.sentry.hook_request(&hook, body, Signing::Proper);
        let with = |list: HeaderList, (name, value): (String, String)| list.with(&name.to_ascii_lowercase(), value);
        (headers.into_iter().fold(HeaderList::new(), with), body.to_vec())
    }

    fn headers(&self) -> [&'static str; 2] {
        ["x-servicehook-guid", "x-servicehook-signature"]
    }
}

fn oauth_app() -> OAuthApp {
    OAuthApp {
        name: "Zentry".to_owned(),
        client_id: "the-client".to_owned(),
        client_secret: "the-secret".to_owned(),
        redirect_uris: Vec::new(),
    }
}

fn sentry_app() -> sentry::SentryApp {
    let scopes = ["event:read", "org:read", "project:read"];
    sentry::SentryApp {
        slug: "zentry".to_owned(),
        name: "Zentry".to_owned(),
        client_id: "the-app".to_owned(),
        client_secret: "app-secret".to_owned(),
        scopes: scopes.map(str::to_owned).to_vec(),
        published: true,
        verify_install: true,
        redirect_url: None,
    }
}

fn config(base: &str, redirect_uri: String) -> SentryConfig {
    SentryConfig {
        base: base.parse().expect("an address"),
        client_secrets: vec![Secret::new("client-secret"), Secret::new("app-secret")].into(),
        integration: Some(Integration { org: OrgSlug::new("acme"), token: Secret::new("integration-token").into() }),
        oauth: Some(OauthApp {
            client_id: "the-client".into(),
            client_secret: Secret::new("the-secret").into(),
            redirect_uri,
            service_hooks: true,
        }),
        app: Some(SentryApp { client_id: "the-app".into(), slug: "zentry".into() }),
    }
}

/// The tracker keeps Sentry's time.
struct SandboxClock(zentry_sandbox::Clock);

#[async_trait]
impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now_ms())
    }

    async fn sleep_until(&self, until: Timestamp) {
        self.0.until(until.0).await;
    }
}
