//! Reading users and channels with the grant of whoever installed the bot (Zoom, reading users and channels).
//!
//! How the records look is documented in part only. So whatever may be missing is: what is not said gives nobody a right.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Method, header};
use serde_json::Value;
use url::Url;
use zentry_domain::ports::{DirectoryError, Page, Profile};
use zentry_domain::{AccountId, ChannelId, Clock, Directory, Rank, Secret, UserId, Vault, text};
use zentry_http_client::{HttpClient, Request, Response, Urgency};

use crate::answer::{Failure, Kind, Verb, verdict};
use crate::grant::{Grant, Grants, NoToken};
use crate::oauth::{NoGrant, Oauth};
use crate::rate::Rate;
use crate::wire::{self, Fields};
use crate::{ZoomChat, ZoomConfig};

/// So many at once: far below what Zoom allows, so that a page is never too large to be read.
const PAGE_SIZE: &str = "100";
const NAME_MAX: usize = 200;
const TOKEN_MAX: usize = 1_000;
/// A person waits for what their token says of them.
const ME_PATIENCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

/// What each call needs to be allowed, as the Marketplace lists it. Where only one's own account is asked about, the scope
/// without `:admin` is enough.
const LIST_CHANNELS: &str = "team_chat:read:list_user_channels:admin";
const READ_CHANNEL: &str = "team_chat:read:channel:admin";
const LIST_MEMBERS: &str = "team_chat:read:list_members:admin";
const READ_USER: &str = "user:read:user:admin";

/// Zoom's directory of accounts. Its calls have their turns among those of the chat.
pub struct ZoomDirectory {
    http: HttpClient,
    clock: Arc<dyn Clock>,
    rate: Arc<Rate>,
    api: Url,
    oauth: Arc<Oauth>,
    grants: Grants,
    /// What was complained of once.
    complaints: Mutex<HashSet<(AccountId, &'static str)>>,
}

/// One call.
struct Call {
    url: Url,
    /// What it needs.
    scope: &'static str,
    urgency: Urgency,
    patience: Duration,
}

impl ZoomDirectory {
    /// Shares the account's turns with `chat`, which is the same app. Calls nobody yet. `redirect_uri` is where browsers come
    /// back to from installing, exactly as registered. The grants are sealed in `vault`.
    pub fn new(chat: &ZoomChat, config: &ZoomConfig, redirect_uri: String, vault: Arc<dyn Vault>) -> Self {
        let (http, clock) = (chat.http.clone(), Arc::clone(&chat.clock));
        let oauth = Arc::new(Oauth {
            http: http.clone(),
            endpoint: wire::under(&config.oauth, &["oauth", "token"]),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            redirect_uri,
        });
        let grants = Grants::new(vault, Arc::clone(&clock), Arc::clone(&oauth));
        let rate = Arc::clone(&chat.rate);
        Self { http, clock, rate, api: config.api.clone(), oauth, grants, complaints: Mutex::default() }
    }

    fn call(&self, path: &[&str], scope: &'static str) -> Call {
        let url = wire::under(&self.api, &[&["v2"], path].concat());
        Call { url, scope, urgency: Urgency::Queued, patience: PATIENCE }
    }

    /// Makes the call; once more with another token where the first is refused.
    async fn read(&self, account: &AccountId, call: Call) -> Result<Value, DirectoryError> {
        let bearer = self.grants.bearer(account, None).await?;
        self.rate.turn(account).await?;
        let mut response = self.send(&call, &bearer).await?;
        if response.status == 401 && scope_code(&response).is_none() {
            let fresh = self.grants.bearer(account, Some(&bearer)).await?;
            self.rate.turn(account).await?;
            response = self.send(&call, &fresh).await?;
        }
        self.body(account, &call, &response)
    }

    async fn send(&self, call: &Call, bearer: &HeaderValue) -> Result<Response, Failure> {
        let request = Request::new("zoom", Method::GET, call.url.clone())
            .header(header::AUTHORIZATION, bearer.clone())
            .urgency(call.urgency)
            .deadline(call.patience);
        let sent = self.http.send(request).await;
        sent.map_err(|error| Failure::of_transport(Verb::Read, &error))
    }

    fn body(&self, account: &AccountId, call: &Call, response: &Response) -> Result<Value, DirectoryError> {
        let Err(failure) = verdict(Verb::Read, response, self.clock.now()) else {
            let unreadable = |why| DirectoryError::Unavailable(format!("Zoom's answer: {why}").into());
            return wire::read(&response.body).map_err(unreadable);
        };
        if scope_code(response).is_some() {
            self.complain(account, call.scope, response);
            return Err(DirectoryError::Refused(failure.why.into()));
        }
        match response.status {
            // A page that stands in front of Zoom says nothing of what was asked for.
            404 if names_what_is_missing(response) => Err(DirectoryError::Gone),
            // The token was renewed a moment ago: it is not the grant that has ended.
            401 => Err(DirectoryError::Unavailable(failure.why.into())),
            _ => Err(failure.into()),
        }
    }

    /// Says once for each account what is missing, by its name.
    fn complain(&self, account: &AccountId, scope: &'static str, response: &Response) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.insert((account.clone(), scope)) {
            let named = named_scopes(response).unwrap_or_else(|| scope.to_owned());
            tracing::error!(
                %account,
                scope = named,
                "Zoom does not let this be read of the directory: add the scope to the app in the Marketplace, then let an \
                 administrator open /zoom/install again. Everything goes on without it"
            );
        }
    }

    /// Whose token it is: who gave it, and to which account they belong.
    async fn me(&self, grant: &Grant) -> Result<Value, DirectoryError> {
        let urgent =
            Call { urgency: Urgency::Awaited, patience: ME_PATIENCE, ..self.call(&["users", "me"], READ_USER) };
        let bearer = crate::token::header_value("Bearer", grant.access.expose());
        let bearer =
            bearer.ok_or_else(|| DirectoryError::Unavailable("the token cannot be sent in a header".into()))?;
        let response = self.send(&urgent, &bearer).await?;
        if scope_code(&response).is_some() {
            tracing::error!(
                scope = READ_USER,
                "Zoom does not say whose directory this is: add the scope to the app in the Marketplace, then open \
                 /zoom/install again"
            );
        }
        self.body(&AccountId::new(""), &urgent, &response)
    }

    async fn page(
        &self,
        account: &AccountId,
        mut call: Call,
        after: Option<&str>,
    ) -> Result<(Value, Option<String>), DirectoryError> {
        call.url
            .query_pairs_mut()
            .append_pair("page_size", PAGE_SIZE)
            .extend_pairs(after.map(|token| ("next_page_token", token)));
        let body = self.read(account, call).await?;
        let next = Some(Fields::of(&body).text("next_page_token"));
        let next = next.filter(|token| (1..=TOKEN_MAX).contains(&token.len()) && after != Some(token.as_str()));
        Ok((body, next))
    }
}

#[async_trait]
impl Directory for ZoomDirectory {
    async fn enroll(&self, code: &Secret) -> Result<AccountId, DirectoryError> {
        let grant = self.oauth.exchange(code, self.clock.now()).await?;
        let me = self.me(&grant).await?;
        let (account, user) = (Fields::of(&me).text("accountId"), Fields::of(&me).text("id"));
        if account.is_empty() || user.is_empty() {
            return Err(DirectoryError::Refused("Zoom does not say to which account the token belongs".into()));
        }
        let account = AccountId::new(account);
        let grant = Grant { user, ..grant };
        // Whoever sees less must not take the place of whoever sees more.
        let is_administrator = rank_of(&account, &me) == Rank::Administrator;
        let stays = |earlier: &Grant| !is_administrator && earlier.user != grant.user;
        if !self.grants.keep(&account, &grant, stays).await? {
            let why = "an ordinary member's grant does not take the place of the one that is there";
            return Err(DirectoryError::Refused(why.into()));
        }
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.retain(|(of, _)| *of != account);
        Ok(account)
    }

    async fn channels(
        &self,
        account: &AccountId,
        after: Option<&str>,
    ) -> Result<Page<(ChannelId, String)>, DirectoryError> {
        let call = self.call(&["chat", "users", "me", "channels"], LIST_CHANNELS);
        let (body, next) = self.page(account, call, after).await?;
        let listed = objects(&body, "channels").filter_map(|channel| Some((jid_of(channel)?, name_of(channel))));
        Ok(Page { items: listed.collect(), next })
    }

    async fn name(&self, account: &AccountId, channel: &ChannelId) -> Result<String, DirectoryError> {
        let call = self.call(&["chat", "channels", id_of(channel)], READ_CHANNEL);
        Ok(name_of(Fields::of(&self.read(account, call).await?)))
    }

    async fn members(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        after: Option<&str>,
    ) -> Result<Page<UserId>, DirectoryError> {
        let call = self.call(&["chat", "channels", id_of(channel), "members"], LIST_MEMBERS);
        let (body, next) = self.page(account, call, after).await?;
        // Whoever is no user of the account is listed without an id.
        let users =
            objects(&body, "members").filter(|member| !member.flag("isExternal")).map(|member| member.text("id"));
        Ok(Page { items: users.filter(|id| !id.is_empty()).map(UserId::new).collect(), next })
    }

    async fn profile(&self, account: &AccountId, user: &UserId) -> Result<Profile, DirectoryError> {
        match self.read(account, self.call(&["users", user.as_str()], READ_USER)).await {
            Ok(record) => Ok(Profile { rank: rank_of(account, &record), name: called(Fields::of(&record)) }),
            // Whoever is no user of the account: Zoom lists people of other accounts in none but their own.
            Err(DirectoryError::Gone) => Ok(Profile { rank: Rank::Guest, name: String::new() }),
            Err(error) => Err(error),
        }
    }
}

// === reading answers ===

fn objects<'a>(body: &'a Value, list: &str) -> impl Iterator<Item = Fields<'a>> {
    body[list].as_array().into_iter().flatten().map(Fields::of)
}

fn name_of(channel: Fields<'_>) -> String {
    text::line(&channel.text("name"), NAME_MAX)
}

/// What Zoom shows of somebody.
fn called(user: Fields<'_>) -> String {
    text::line(&user.text("displayName"), NAME_MAX)
}

fn jid_of(channel: Fields<'_>) -> Option<ChannelId> {
    let (jid, id) = (channel.text("jid"), channel.text("id"));
    match (jid.is_empty(), id.is_empty()) {
        (false, _) => Some(ChannelId::new(jid)),
        (true, false) => Some(ChannelId::new(format!("{id}@conference.xmpp.zoom.us"))),
        (true, true) => None,
    }
}

/// The channel's id is what its JID begins with (Zoom, JIDs).
fn id_of(channel: &ChannelId) -> &str {
    channel.as_str().split('@').next().unwrap_or_default()
}

/// Owner and administrator are the roles 0 and 1, whatever an account calls its others.
fn rank_of(account: &AccountId, record: &Value) -> Rank {
    let record = Fields::of(record);
    let home = record.text("accountId");
    if !home.is_empty() && home != account.as_str() {
        return Rank::Guest;
    }
    match (record.text("roleId").as_str(), record.text("roleName").to_ascii_lowercase().as_str()) {
        ("0" | "1", _) | ("", "owner" | "admin") => Rank::Administrator,
        _ => Rank::Member,
    }
}

/// Zoom itself does not know what was asked for. Its gateway, which does not know the address, says 404.
fn names_what_is_missing(response: &Response) -> bool {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    body["code"].as_i64().is_some_and(|code| code != 404)
}

/// The code by which Zoom says that the token does not hold a scope: two have been seen.
fn scope_code(response: &Response) -> Option<i64> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    let says_so = || body["message"].as_str().is_some_and(|message| message.contains("does not contain scopes"));
    body["code"].as_i64().filter(|code| (400..500).contains(&response.status) && (*code == 4711 || says_so()))
}

/// The scopes that Zoom names itself.
fn named_scopes(response: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    let (_, rest) = body["message"].as_str()?.split_once('[')?;
    let (named, _) = rest.split_once(']')?;
    let is_scope = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b':' | b'_' | b',' | b' ');
    (!named.is_empty() && named.len() <= NAME_MAX && named.bytes().all(is_scope)).then(|| named.to_owned())
}

// === errors ===

impl From<Failure> for DirectoryError {
    fn from(Failure { kind, why }: Failure) -> Self {
        match kind {
            Kind::Throttled(after) => Self::Throttled { after },
            Kind::Gone | Kind::MessageGone | Kind::Refused => Self::Refused(why.into()),
            Kind::Unauthorized | Kind::Unavailable | Kind::Unknown => Self::Unavailable(why.into()),
        }
    }
}

impl From<NoToken> for DirectoryError {
    fn from(error: NoToken) -> Self {
        match error {
            NoToken::Ended => Self::Unauthorized,
            NoToken::Failed(failure) => failure.into(),
        }
    }
}

impl From<NoGrant> for DirectoryError {
    fn from(error: NoGrant) -> Self {
        match error {
            NoGrant::Refused => Self::Refused("Zoom does not accept the code".into()),
            NoGrant::Failed(failure) => failure.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_record_does_not_say_gives_nobody_a_right() {
        let account = AccountId::new("acc");
        for (record, expected) in [
            (json!({ "role_id": "0", "role_name": "Owner" }), Rank::Administrator),
            (json!({ "account_id": "acc", "role_id": 1 }), Rank::Administrator),
            (json!({ "role_name": "Admin" }), Rank::Administrator),
            (json!({ "role_id": "2", "role_name": "Admin" }), Rank::Member),
            (json!({ "role_id": "rAbc", "role_name": "Auditor" }), Rank::Member),
            (json!({ "account_id": "acc" }), Rank::Member),
            (json!({ "account_id": "other", "role_id": "0" }), Rank::Guest),
            (json!({}), Rank::Member),
            (json!(null), Rank::Member),
        ] {
            assert_eq!(rank_of(&account, &record), expected, "{record}");
        }
    }

    #[test]
    fn a_missing_scope_is_named_as_zoom_names_it() {
        let response = |status, code, message: &str| Response {
            status,
            headers: HeaderMap::new(),
            body: json!({ "code": code, "message": message }).to_string().into(),
        };
        let named = response(400, 4711, "Invalid access token, does not contain scopes:[user:read:user:admin].");
        assert_eq!(named_scopes(&named).as_deref(), Some("user:read:user:admin"));
        assert!(scope_code(&named).is_some());
        assert!(scope_code(&response(400, 104, "Invalid access token, does not contain scopes:[a:b]")).is_some());
        assert!(scope_code(&response(401, 124, "Invalid access token.")).is_none());
        assert_eq!(named_scopes(&response(400, 4711, "no scope")), None);
        assert_eq!(named_scopes(&response(400, 4711, "scopes:[<b>x</b>]")), None);
    }

    #[test]
    fn a_channel_without_a_jid_is_known_by_its_id() {
        let of = |channel: Value| jid_of(Fields::of(&channel));
        let jid = ChannelId::new("c1@conference.xmpp.zoom.us");
        assert_eq!(of(json!({ "id": "c1" })), Some(jid.clone()));
        assert_eq!(of(json!({ "id": "x", "jid": "C1@conference.xmpp.zoom.us" })), Some(jid.clone()));
        assert_eq!(of(json!({ "name": "ops" })), None);
        assert_eq!(id_of(&jid), "c1");
    }
}
