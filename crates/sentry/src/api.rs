//! Calls of Sentry's API on somebody's behalf: which credential, which region, how many pages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde::de::DeserializeOwned;
use url::Url;
use zentry_domain::ports::CredentialKey;
use zentry_domain::{Actor, Clock, OrgSlug, Secret};
use zentry_http_client::{HttpClient, Request, Response, Urgency};

use crate::Integration;
use crate::address::{Site, org_slug};
use crate::answer::{Failure, accepted, json, next_page};
use crate::token::{Grants, key, key_of};
use crate::wire;

/// Sentry's own clients stop here too.
const PAGES: usize = 50;
/// A page of a hundred projects with all their teams is large, and so is an issue with all that ever happened to it.
const ANSWER_MAX: usize = 8 * 1024 * 1024;

/// One call, without the credential, so that it can be made again with another.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<String>,
    pub(crate) urgency: Urgency,
    pub(crate) deadline: Duration,
}

impl Call {
    /// A person waits for most of what is asked: it does not queue behind background work.
    pub(crate) fn get(url: Url) -> Self {
        let deadline = Duration::from_secs(10);
        Self { method: Method::GET, url, body: None, urgency: Urgency::Awaited, deadline }
    }

    /// Nobody waits for it.
    pub(crate) fn in_background(self) -> Self {
        Self { urgency: Urgency::Queued, ..self }
    }

    pub(crate) fn post(url: Url, body: String) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(url) }
    }

    pub(crate) fn delete(url: Url) -> Self {
        Self { method: Method::DELETE, ..Self::get(url) }.in_background()
    }

    pub(crate) fn put(url: Url, body: String) -> Self {
        Self { method: Method::PUT, body: Some(body), ..Self::get(url) }
    }
}

/// Sentry's API.
pub(crate) struct Api {
    pub(crate) site: Site,
    pub(crate) grants: Grants,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    integration: Option<Integration>,
    // Only organizations that Sentry has shown to somebody get in here, and only on Sentry's own cloud.
    regions: Mutex<HashMap<OrgSlug, Site>>,
}

impl Api {
    pub(crate) fn new(
        site: Site,
        integration: Option<Integration>,
        grants: Grants,
        http: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { site, grants, http, clock, integration, regions: Mutex::default() }
    }

    /// Makes a call with what the actor has. A grant that is refused is refreshed, once.
    pub(crate) async fn send(&self, actor: &Actor, call: Call) -> Result<Response, Failure> {
        match actor {
            Actor::Integration { org } => self.send_as_integration(org, call).await,
            Actor::Person { account, credential } => self.send_granted(&key(account, credential), call).await,
            Actor::Installation { installation, .. } => self.send_granted(&key_of(installation), call).await,
        }
    }

    /// Makes a call with a grant.
    pub(crate) async fn send_granted(&self, key: &CredentialKey, call: Call) -> Result<Response, Failure> {
        let token = self.grants.access(key).await?;
        match self.send_with(&token, call.clone()).await {
            Err(Failure::Unauthorized) => self.send_with(&self.grants.renew(key, &token).await?, call).await,
            answer => answer,
        }
    }

    async fn send_as_integration(&self, org: &OrgSlug, call: Call) -> Result<Response, Failure> {
        let own = self.integration_in(org).ok_or(Failure::NotFound)?;
        let answer = self.send_with(&own.token.get(), call).await;
        if let Err(Failure::Unauthorized) = answer {
            tracing::error!(org = %own.org, "Sentry does not accept the integration's token: check ZENTRY_SENTRY_TOKEN");
        }
        answer
    }

    /// Makes a call with a token.
    pub(crate) async fn send_with(&self, token: &Secret, call: Call) -> Result<Response, Failure> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| Failure::unavailable("the token holds characters that no header can carry"))?;
        let mut request = Request::new("sentry", call.method, call.url)
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .urgency(call.urgency)
            .deadline(call.deadline)
            .cap(ANSWER_MAX);
        if let Some(body) = call.body {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        }
        accepted(self.http.send(request).await?, self.clock.now())
    }

    /// One thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, actor: &Actor, url: Url) -> Result<T, Failure> {
        json(&self.send(actor, Call::get(url)).await?)
    }

    /// All pages of a list that somebody waits for.
    pub(crate) async fn list<T: DeserializeOwned>(&self, actor: &Actor, mut url: Url) -> Result<Vec<T>, Failure> {
        url.query_pairs_mut().append_pair("per_page", "100");
        self.pages(actor, Call::get(url), PAGES).await
    }

    /// The first pages of a list: so many that one longer is cut short, which the log says.
    pub(crate) async fn pages<T: DeserializeOwned>(
        &self,
        actor: &Actor,
        first: Call,
        pages: usize,
    ) -> Result<Vec<T>, Failure> {
        let (mut items, mut call) = (Vec::new(), first.clone());
        for _ in 0..pages {
            let answer = self.send(actor, call).await?;
            items.append(&mut json(&answer)?);
            let Some(cursor) = next_page(&answer.headers) else { return Ok(items) };
            call = first.clone();
            call.url.query_pairs_mut().append_pair("cursor", &cursor);
        }
        tracing::warn!(path = first.url.path(), pages, "a list at Sentry is longer than we read; its end is missing");
        Ok(items)
    }

    /// The integration, where `org` is its organization.
    pub(crate) fn integration_in(&self, org: &OrgSlug) -> Option<&Integration> {
        self.integration.as_ref().filter(|own| own.org.as_str().eq_ignore_ascii_case(org.as_str()))
    }

    /// An organization, as the actor sees it.
    pub(crate) async fn organization(&self, actor: &Actor, org: &OrgSlug) -> Result<wire::Organization, Failure> {
        let slug = reachable(actor, org.as_str())?;
        let mut url = self.site.api(&["organizations", slug.as_str()]);
        url.query_pairs_mut().append_pair("detailed", "0");
        let found: wire::Organization = self.get(actor, url).await?;
        self.remember(org, &found);
        Ok(found)
    }

    /// Every organization that the actor sees, in every region.
    pub(crate) async fn organizations(&self, actor: &Actor) -> Result<Vec<wire::Organization>, Failure> {
        let mut found = self.list(actor, self.site.api(&["organizations"])).await?;
        // Whether the cloud's list has those of all regions depends on the day.
        for region in self.regions_of(actor).await {
            match self.list::<wire::Organization>(actor, region.api(&["organizations"])).await {
                Ok(mut theirs) => found.append(&mut theirs),
                Err(failure) => tracing::warn!(
                    error = &failure as &dyn std::error::Error,
                    "the organizations of one of Sentry's regions could not be listed"
                ),
            }
        }
        for organization in &found {
            if let Some(known) = organization.known() {
                self.remember(&known.slug, organization);
            }
        }
        Ok(found)
    }

    /// Where an organization's data lives. Self-hosted, that is the one Sentry there is.
    pub(crate) async fn home(&self, actor: &Actor, org: &OrgSlug) -> Result<Site, Failure> {
        reachable(actor, org.as_str())?;
        if !self.site.is_cloud() {
            return Ok(self.site.clone());
        }
        let known = self.regions().get(org).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        match self.organization(actor, org).await {
            // The call that this is for will say what is the matter.
            Ok(_) | Err(Failure::NotFound | Failure::Forbidden(_)) => {
                Ok(self.regions().get(org).unwrap_or(&self.site).clone())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn regions_of(&self, actor: &Actor) -> Vec<Site> {
        if !self.site.is_cloud() {
            return Vec::new();
        }
        match self.get::<wire::Regions>(actor, self.site.api(&["users", "me", "regions"])).await {
            Ok(list) => list.regions.iter().filter_map(|region| self.site.region(region.url.get()?)).collect(),
            Err(failure) => {
                tracing::debug!(error = &failure as &dyn std::error::Error, "Sentry names no regions");
                Vec::new()
            }
        }
    }

    fn remember(&self, org: &OrgSlug, shown: &wire::Organization) {
        if !self.site.is_cloud() {
            return;
        }
        let region = shown.region().and_then(|claimed| self.site.region(claimed));
        self.regions().insert(org.clone(), region.unwrap_or_else(|| self.site.clone()));
    }

    fn regions(&self) -> MutexGuard<'_, HashMap<OrgSlug, Site>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slug, if it is one and not beyond the one organization that an integration or an installation acts for.
fn reachable(actor: &Actor, org: &str) -> Result<OrgSlug, Failure> {
    let slug = org_slug(org).ok_or(Failure::NotFound)?;
    match actor {
        Actor::Integration { org: own } | Actor::Installation { org: own, .. }
            if !own.as_str().eq_ignore_ascii_case(org) =>
        {
            Err(Failure::NotFound)
        }
        _ => Ok(slug),
    }
}

#[cfg(test)]
mod tests {
    use zentry_contract::fake::{FakeClock, FakeVault};
    use zentry_contract::sample::START;
    use zentry_domain::{AccountId, CredentialId};
    use zentry_http_client::HttpConfig;

    use super::*;
    use crate::token::Issuers;

    fn api(base: &str) -> Api {
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::at(START));
        let grants = Grants::new(Arc::new(FakeVault::default()), Arc::clone(&clock), Issuers::default());
        let http = HttpClient::new(HttpConfig::new("test/1")).expect("a client");
        Api::new(Site::new(&base.parse().expect("an address")), None, grants, http, clock)
    }

    /// Where the calls for acme go, once Sentry has said that it lives at `claimed`.
    async fn home_after(base: &str, claimed: &str) -> String {
        let (api, acme) = (api(base), OrgSlug::new("acme"));
        let shown = format!(r#"{{"slug":"acme","links":{{"regionUrl":"{claimed}"}}}}"#);
        api.remember(&acme, &serde_json::from_str(&shown).expect("an organization"));
        let ana = Actor::Person { account: AccountId::new("acc"), credential: CredentialId::new("c") };
        api.home(&ana, &acme).await.expect("a home").at(&[]).into()
    }

    #[tokio::test]
    async fn calls_go_to_the_region_of_an_organization() {
        assert_eq!(home_after("https://sentry.io", "https://de.sentry.io").await, "https://de.sentry.io/");
        assert_eq!(home_after("https://sentry.io", "").await, "https://sentry.io/");
    }

    #[tokio::test]
    async fn no_answer_sends_our_tokens_to_a_foreign_host() {
        assert_eq!(home_after("https://sentry.io", "https://evil.example").await, "https://sentry.io/");
        let own = "https://sentry.example.com";
        assert_eq!(home_after(own, "https://de.sentry.io").await, "https://sentry.example.com/");
    }
}
