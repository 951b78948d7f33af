//! What happens at the simulated Sentry, and what the bot did there.

use std::iter;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    Sentry,
    issue::{NewIssue, Note, Standing, Writer},
    metric::NewMetricRule,
    state::{Call, Caller, Installation, Token},
    update::{Update, standing_of},
    webhook::{Actor, Hook},
    world::{Integration, Organization, Project, Role, Team, User},
};
use crate::deliver::{Delivery, Signing};

/// A grant lives for ten minutes.
const GRANT_LIFE_MS: i64 = 600_000;

/// A new issue and what became of its webhook.
#[derive(Clone, Debug)]
pub struct Raised {
    /// The issue's id.
    pub issue: u64,
    /// `issue.created`.
    pub delivery: Delivery,
}

/// A new installation of a Sentry App.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The installation's UUID.
    pub uuid: String,
    /// The grant code, good once and for ten minutes.
    pub code: String,
    /// Where the browser goes now, where the app has a redirect address.
    pub setup_url: Option<String>,
    /// `installation.created`.
    pub delivery: Delivery,
}

impl Sentry {
    /// An application raises a new issue; `issue.created` is sent.
    pub async fn raise(&self, project: &Project, new: NewIssue) -> Raised {
        let core = self.core();
        let (issue, hook) = core.state.change(|state| {
            let issue = state.raise(project, new, &core.ids, core.clock.now_ms());
            (issue, state.created_hook(issue, &core.base))
        });
        Raised { issue, delivery: core.fire(hook).await }
    }

    /// One more event of an issue that is open; nobody is told.
    pub fn happen_again(&self, issue: u64) {
        let core = self.core();
        core.state.change(|state| {
            state.issues.iter_mut().filter(|found| found.id == issue).for_each(|found| {
                found.count += 1;
                found.last_seen_ms = core.clock.now_ms();
                found.event_id = core.ids.hex32();
                found.keep_first();
            });
        });
    }

    /// One more event of an issue, in another environment and release and with other tags; nobody is told.
    pub fn happen_in(&self, issue: u64, environment: Option<&str>, release: Option<&str>, tags: &[(String, String)]) {
        self.core().state.change(|state| {
            state.issues.iter_mut().filter(|found| found.id == issue).for_each(|found| {
                found.new.environment = environment.map(str::to_owned);
                found.new.release = release.map(str::to_owned);
                found.new.tags = tags.to_vec();
            });
        });
        self.happen_again(issue);
    }

    /// A person resolves an issue at Sentry.
    pub async fn resolve(&self, issue: u64, by: &User) -> Delivery {
        self.change(issue, Actor::User(by.clone()), standing("resolved", None, "now")).await
    }

    /// A person archives an issue until it escalates.
    pub async fn archive(&self, issue: u64, by: &User) -> Delivery {
        let archived = standing("ignored", Some("archived_until_escalating"), "");
        self.change(issue, Actor::User(by.clone()), archived).await
    }

    /// A person reopens an issue.
    pub async fn unresolve(&self, issue: u64, by: &User) -> Delivery {
        self.change(issue, Actor::User(by.clone()), standing("unresolved", Some("ongoing"), "")).await
    }

    /// A resolved issue happens again.
    pub async fn regress(&self, issue: u64) -> Delivery {
        self.happen_again(issue);
        self.change(issue, Actor::Sentry, standing("unresolved", Some("regressed"), "")).await
    }

    /// An archived issue happens more than it used to.
    pub async fn escalate(&self, issue: u64) -> Delivery {
        self.happen_again(issue);
        self.change(issue, Actor::Sentry, standing("unresolved", Some("escalating"), "")).await
    }

    /// A person assigns an issue to a person.
    pub async fn assign(&self, issue: u64, by: &User, to: &User) -> Delivery {
        let assignee = Some(Some(super::issue::Assignee::User(to.id)));
        self.change(issue, Actor::User(by.clone()), Update { assignee, ..Update::default() }).await
    }

    /// A person assigns an issue to a team.
    pub async fn assign_team(&self, issue: u64, by: &User, to: &Team) -> Delivery {
        let assignee = Some(Some(super::issue::Assignee::Team(to.id)));
        self.change(issue, Actor::User(by.clone()), Update { assignee, ..Update::default() }).await
    }

    /// An alert rule fires for the latest event of an issue.
    pub async fn alert(&self, issue: u64, rule: &str) -> Delivery {
        let core = self.core();
        core.fire(core.state.read(|state| state.alert_hook(issue, rule, &core.base))).await
    }

    /// One more event of an issue, of which an organization that asked for every event is told.
    pub async fn error(&self, issue: u64) -> Delivery {
        self.happen_again(issue);
        let core = self.core();
        core.fire(core.state.read(|state| state.error_hook(issue, &core.base))).await
    }

    /// A rule of the newest servers fires because of an activity, such as `SET_ESCALATING`.
    pub async fn activity_alert(&self, issue: u64, rule: &str, activity: &str) -> Delivery {
        let core = self.core();
        core.fire(core.state.read(|state| state.activity_hook(issue, rule, activity, &core.base))).await
    }

    /// Sentry's analysis of an issue comes to `root_cause_completed`, `solution_completed`, `coding_completed` or `pr_created`,
    /// in these words, or begins one of these.
    pub async fn analyse(&self, issue: u64, action: &str, words: &str) -> Delivery {
        let core = self.core();
        core.fire(core.state.read(|state| state.seer_hook(issue, action, words))).await
    }

    /// Somebody makes a metric alert rule about these projects, all of one organization; `None` without projects.
    pub fn metric_rule(&self, projects: &[&Project], new: NewMetricRule) -> Option<u64> {
        let core = self.core();
        core.state.change(|state| state.metric_rule(projects, new, core.clock.now_ms()))
    }

    /// The number of a metric alert rule reaches `value`, by which the rule comes to `critical`, `warning`, `open` or
    /// `resolved`. After that a new alert is another one.
    pub async fn measure(&self, rule: u64, action: &str, value: &str) -> Delivery {
        let core = self.core();
        let hook = core.state.change(|state| state.metric_hook(rule, action, value, &core.base, core.clock.now_ms()));
        core.fire(hook).await
    }

    /// A person comments on an issue.
    pub async fn comment(&self, issue: u64, by: &User, text: &str) -> Delivery {
        let core = self.core();
        let hook = core.state.change(|state| {
            let (id, at_ms) = (state.new_note_id(), core.clock.now_ms());
            let note = Note { id, author: Some(by.id), text: text.to_owned(), at_ms };
            state.comment(issue, note, &Actor::User(by.clone()))
        });
        core.fire(hook).await
    }

    /// A person installs a Sentry App in an organization; `None` where there is no such app.
    pub async fn install(&self, app_slug: &str, organization: &Organization, by: &User) -> Option<Installed> {
        let core = self.core();
        let (uuid, code) = (core.ids.uuid(), core.ids.hex32());
        let (setup_url, hook) = core.state.change(|state| {
            let app = state.world.apps.iter().find(|app| app.slug == app_slug)?.clone();
            state.installations.push(Installation {
                uuid: uuid.clone(),
                client_id: app.client_id,
                organization: organization.id,
                installed: !app.verify_install,
                code: Some((code.clone(), core.clock.now_ms() + GRANT_LIFE_MS)),
            });
            let query = format!("?code={code}&installationId={uuid}&orgSlug={}", organization.slug);
            let setup_url = app.redirect_url.map(|address| address + &query);
            Some((setup_url, state.installation_hook(&uuid, "created", Actor::User(by.clone()))))
        })?;
        let delivery = core.fire(hook).await;
        Some(Installed { uuid, code, setup_url, delivery })
    }

    /// A person uninstalls a Sentry App; its tokens are dead before the webhook is sent.
    pub async fn uninstall(&self, uuid: &str, by: &User) -> Delivery {
        let core = self.core();
        let hook = core.state.change(|state| state.uninstall(uuid, Actor::User(by.clone())));
        core.fire(hook).await
    }

    /// Whether an installation waits for its app to confirm it; `None` where there is none.
    #[must_use]
    pub fn is_pending(&self, uuid: &str) -> Option<bool> {
        self.core().state.read(|state| Some(!state.installation(uuid)?.installed))
    }

    /// Tokens of installations live so long from now on, instead of eight hours.
    pub fn shorten_installation_tokens(&self, life: Duration) {
        let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        self.core().state.change(|state| state.installation_token_ms = life);
    }

    /// Browsers go to this address after installing any app.
    pub fn redirect_installs(&self, address: &str) {
        self.core().state.change(|state| {
            state.world.apps.iter_mut().for_each(|app| app.redirect_url = Some(address.to_owned()));
        });
    }

    /// Somebody ticks in the settings what webhooks tell of. It is told to whoever asks; what is sent does not change.
    pub fn subscribe(&self, resources: &[&str]) {
        let events = resources.iter().map(|resource| (*resource).to_owned()).collect();
        self.core().state.change(|state| state.setup.events = events);
    }

    /// Sentry tells whoever asks that it has stopped sending.
    pub fn say_disabled(&self) {
        self.core().state.change(|state| state.setup.is_disabled = true);
    }

    /// Somebody changes what internal integrations may do, and so what their tokens may.
    pub fn permit_integrations(&self, scopes: &[&str]) {
        let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.core().state.change(|state| {
            state.world.integrations.iter_mut().for_each(|own| own.scopes.clone_from(&scopes));
            let own = state.tokens.iter_mut().filter(|token| matches!(token.caller, Caller::Integration(_)));
            own.for_each(|token| token.scopes.clone_from(&scopes));
        });
    }

    /// Organizations have the feature by which an app gets lost tokens of its installations anew. At first they do not.
    pub fn recover_tokens(&self) {
        self.core().state.change(|state| state.recovers_tokens = true);
    }

    /// Sends a webhook of any resource and action to all receivers in an organization.
    pub async fn send_webhook(
        &self,
        organization: &Organization,
        resource: &str,
        action: &str,
        data: Value,
        actor: Actor,
    ) -> Delivery {
        let to = self.core().state.read(|state| state.receivers(organization.id));
        let hook = Hook { to, resource: resource.to_owned(), action: action.to_owned(), data, actor };
        self.core().fire(Some(hook)).await
    }

    /// Sends these bytes once, signed as told with this client secret.
    pub async fn deliver_raw(
        &self,
        resource: &str,
        body: impl Into<Bytes>,
        client_secret: &str,
        signing: Signing,
    ) -> Delivery {
        let parcel = self.core().parcel("raw", resource, body.into(), client_secret, signing);
        self.core().send_and_remember(&parcel).await
    }

    /// The request that [`Self::deliver_raw`] would send, signed properly, to be sent by hand: a load is then not measured
    /// by how fast this Sentry is. Empty where the bot's address is not known.
    #[must_use]
    pub fn written_down(&self, resource: &str, body: impl Into<Bytes>, client_secret: &str) -> Vec<u8> {
        let parcel = self.core().parcel("raw", resource, body.into(), client_secret, Signing::Proper);
        self.core().webhook.read(|to| to.as_ref().map(|to| parcel.written_to(to))).unwrap_or_default()
    }

    /// Sends the last delivery again, byte for byte, headers included; `None` where there was none.
    pub async fn redeliver_last(&self) -> Option<Delivery> {
        let parcel = self.core().last.read(Clone::clone)?;
        Some(self.core().send_and_remember(&parcel).await)
    }

    /// Whoever opens a browser without a session is this person from now on.
    pub fn log_in(&self, user: &User) {
        self.core().state.change(|state| state.oauth.logged_in = Some(user.id));
    }

    /// Takes back [`Self::log_in`]: a browser without a session is asked who it is.
    pub fn log_out(&self) {
        self.core().state.change(|state| state.oauth.logged_in = None);
    }

    /// How many tokens of a person are good.
    #[must_use]
    pub fn tokens_of(&self, user: &User) -> usize {
        let them = Caller::User(user.id);
        self.core().state.read(|state| state.tokens.iter().filter(|token| token.caller == them).count())
    }

    /// A person withdraws every authorization they gave: their tokens are dead, and they are asked again.
    pub fn revoke(&self, user: &User) {
        self.core().state.change(|state| {
            state.tokens.retain(|token| token.caller != Caller::User(user.id));
            state.oauth.approvals.retain(|(of, _, _)| *of != user.id);
        });
    }

    /// A person becomes a member, or has another role from now on.
    pub fn join(&self, user: &User, organization: &Organization, role: Role) {
        self.core().state.change(|state| {
            state.world.memberships.retain(|(member, of, _)| (*member, *of) != (user.id, organization.id));
            state.world.join(user, organization, role);
        });
    }

    /// A person leaves an organization: it does not exist for them from now on.
    pub fn leave(&self, user: &User, organization: &Organization) {
        self.core().state.change(|state| {
            state.world.memberships.retain(|(member, of, _)| (*member, *of) != (user.id, organization.id));
        });
    }

    /// The token of an integration is good or not from now on: somebody made a new one, and took it back.
    pub fn honour_token(&self, integration: &Integration, is_good: bool) {
        self.core().state.change(|state| {
            state.tokens.retain(|token| token.access != integration.token);
            state.tokens.extend(is_good.then(|| Token::of(integration)));
        });
    }

    /// Signs webhooks of an organization's integrations with another client secret from now on.
    pub fn rotate_client_secret(&self, organization: &Organization, client_secret: &str) {
        self.core().state.change(|state| {
            let here = state.world.integrations.iter_mut().filter(|found| found.organization == organization.id);
            here.for_each(|found| client_secret.clone_into(&mut found.client_secret));
        });
    }

    /// Gives a project another slug; its id stays.
    pub fn rename_project(&self, project: &Project, slug: &str) {
        self.core().state.change(|state| {
            let projects = state.world.projects.iter_mut().filter(|found| found.id == project.id);
            projects.for_each(|found| slug.clone_into(&mut found.slug));
        });
    }

    /// Lets every OAuth application send people back to this address too.
    pub fn allow_redirect(&self, redirect_uri: &str) {
        self.core().state.change(|state| {
            state.world.oauth_apps.iter_mut().for_each(|app| app.redirect_uris.push(redirect_uri.to_owned()));
        });
    }

    /// The issue as the REST API would show it now.
    #[must_use]
    pub fn issue(&self, id: u64) -> Option<Value> {
        let core = self.core();
        core.state.read(|state| {
            let writer = Writer { world: &state.world, base: &core.base };
            Some(writer.rest_issue(state.issue(id)?))
        })
    }

    /// Every token that is good now: integrations', people's and installations'.
    #[must_use]
    pub fn tokens_given(&self) -> Vec<String> {
        self.core().state.read(|state| {
            let tokens = state.tokens.iter();
            tokens.flat_map(|token| iter::once(token.access.clone()).chain(token.refresh.clone())).collect()
        })
    }

    /// Every call of the REST API that was carried out or refused, oldest first. Calls that met a fault which kept them
    /// from being carried out are on the wire's log only.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.core().state.read(|state| state.calls.clone())
    }

    /// Waits at most `limit` of real time for a call that `wanted` accepts, and answers the first.
    ///
    /// # Errors
    /// The calls that there were instead, for a person to read.
    pub async fn wait_for_call(
        &self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Call) -> bool,
    ) -> Result<Call, NotCalled> {
        let first = |calls: &[Call]| calls.iter().find(|call| wanted(call)).cloned();
        let found = self.core().state.until(limit, |state| first(&state.calls)).await;
        let shown = |call: &Call| format!("\n  {} {} {} by {:?}", call.method, call.path, call.status, call.caller);
        found.ok_or_else(|| NotCalled { what: what.to_owned(), calls: self.calls().iter().map(shown).collect() })
    }

    async fn change(&self, issue: u64, actor: Actor, change: Update) -> Delivery {
        let core = self.core();
        let hook = core.state.change(|state| {
            let told = state.update(issue, change, &core.base);
            state.issue_hooks(issue, told, &actor, &core.base).pop()
        });
        core.fire(hook).await
    }
}

fn standing(status: &'static str, substatus: Option<&'static str>, resolution: &'static str) -> Update {
    let standing: Standing = standing_of(status, substatus, Map::new());
    Update { standing: Some((standing, resolution)), ..Update::default() }
}

/// A call that was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("{what}: the bot did not call; it called{}", if calls.is_empty() { " nothing" } else { calls })]
pub struct NotCalled {
    what: String,
    calls: String,
}
