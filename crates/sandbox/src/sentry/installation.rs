//! Installations of a Sentry App: grant exchange, refresh, confirmation (Sentry, Sentry App installation).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::{
    apps,
    refusal::{forbidden, invalid, not_found, unauthorized},
    rest::Rest,
    state::{Caller, Installation, State, Token},
    webhook::Actor,
    world::SentryApp,
};
use crate::{clock::rfc3339, http::Answer, ids::hmac_base64};

/// Asks for tokens with a signature instead of the last refresh token.
const BY_SIGNATURE: &str = "urn:sentry:params:oauth:grant-type:jwt-bearer";

impl Rest<'_> {
    /// Exchanges a grant, or refreshes a token.
    pub(super) fn authorize_installation(&mut self, uuid: &str) -> Result<Answer, Answer> {
        let body = self.body()?;
        let field = |name| required(&body, name);
        let by_signature = body.get("grant_type").and_then(Value::as_str) == Some(BY_SIGNATURE);
        let app = if by_signature { self.signer()? } else { self.client(&body)? };
        let grant_type = field("grant_type")?;
        let installation = self.state.installation(uuid).ok_or_else(|| not_found("no such installation"))?;
        if installation.client_id != app.client_id {
            return Err(unauthorized("Forbidden grant"));
        }
        match grant_type.as_str() {
            "authorization_code" => self.exchange(uuid, &field("code")?, &app),
            "refresh_token" => self.refresh(uuid, &field("refresh_token")?, &app),
            BY_SIGNATURE => self.recover(uuid, &app),
            _ => Err(Answer::json(403, &json!({ "detail": "Invalid grant_type" }))),
        }
    }

    /// The app that names itself in the body.
    fn client(&self, body: &Map<String, Value>) -> Result<SentryApp, Answer> {
        let named = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let (client_id, secret) = (named("client_id"), named("client_secret"));
        let known = |app: &&SentryApp| app.client_id == client_id && app.client_secret == secret;
        let app = self.state.world.apps.iter().find(known).cloned();
        app.ok_or_else(|| unauthorized("Invalid Client ID / Secret pair"))
    }

    /// The app that has signed the JSON web token in the header, which is good once and for an hour at most.
    fn signer(&mut self) -> Result<SentryApp, Answer> {
        let refused = || unauthorized("Could not validate JWT");
        let token = self.request.bearer().ok_or_else(|| unauthorized("Header is in invalid form"))?;
        let (signed, tag) = token.rsplit_once('.').ok_or_else(refused)?;
        let (head, claims) = signed.split_once('.').ok_or_else(refused)?;
        let head = decoded(head).ok_or_else(refused)?;
        let claims = decoded(claims).ok_or_else(refused)?;
        let issuer = claims["iss"].as_str().unwrap_or_default();
        let app = self.state.world.apps.iter().find(|app| app.client_id == issuer).cloned();
        let app = app.ok_or_else(|| unauthorized("JWT is not valid for this application"))?;
        let (now, from, until) = (self.now_ms / 1_000, claims["iat"].as_i64(), claims["exp"].as_i64());
        let is_now =
            from.is_some_and(|from| from <= now) && until.is_some_and(|until| now < until && until <= now + 3_600);
        let number = claims["jti"].as_str().filter(|number| !number.is_empty() && claims["sub"] == claims["iss"]);
        let number = number.ok_or_else(refused)?.to_owned();
        let is_signed = head["alg"] == "HS256" && tag == hmac_base64(&app.client_secret, signed);
        if !is_now || !is_signed || self.state.signatures.contains(&number) {
            return Err(refused());
        }
        self.state.signatures.push(number);
        Ok(app)
    }

    fn exchange(&mut self, uuid: &str, code: &str, app: &SentryApp) -> Result<Answer, Answer> {
        let now_ms = self.now_ms;
        let installation = self.state.installations.iter_mut().find(|installation| installation.uuid == uuid);
        let grant = installation.and_then(|installation| installation.code.take_if(|(known, _)| known == code));
        match grant {
            None => Err(unauthorized("Could not find grant for given code")),
            Some((_, end)) if end <= now_ms => Err(unauthorized("Grant has already expired")),
            Some(_) => Ok(self.issue_token(uuid, app)),
        }
    }

    fn refresh(&mut self, uuid: &str, refresh: &str, app: &SentryApp) -> Result<Answer, Answer> {
        let of = Caller::Installation(uuid.to_owned());
        let old = |token: &Token| token.caller == of && token.refresh.as_deref() == Some(refresh);
        let before = self.state.tokens.len();
        self.state.tokens.retain(|token| !old(token));
        if self.state.tokens.len() == before {
            return Err(unauthorized("Given refresh token does not exist"));
        }
        Ok(self.issue_token(uuid, app))
    }

    /// New tokens for lost ones, where the organization has the feature.
    fn recover(&mut self, uuid: &str, app: &SentryApp) -> Result<Answer, Answer> {
        if !self.state.recovers_tokens {
            return Err(Answer::json(
                403,
                &json!({ "detail": "Manual token refresh is not enabled for this organization" }),
            ));
        }
        let of = Caller::Installation(uuid.to_owned());
        let before = self.state.tokens.len();
        self.state.tokens.retain(|token| token.caller != of);
        if self.state.tokens.len() == before {
            return Err(unauthorized("Installation does not have a token"));
        }
        Ok(self.issue_token(uuid, app))
    }

    fn issue_token(&mut self, uuid: &str, app: &SentryApp) -> Answer {
        let token = Token {
            access: self.ids.hex64(),
            refresh: Some(self.ids.hex64()),
            caller: Caller::Installation(uuid.to_owned()),
            client_id: app.client_id.clone(),
            scopes: app.scopes.clone(),
            expires_ms: self.now_ms + self.state.installation_token_ms,
        };
        let body = json!({
            "id": "38",
            "token": token.access,
            "refreshToken": token.refresh,
            "dateCreated": rfc3339(self.now_ms),
            "expiresAt": rfc3339(token.expires_ms),
            "scopes": token.scopes,
            "state": null,
            "application": null,
        });
        self.state.tokens.push(token);
        Answer::json(201, &body)
    }

    pub(super) fn installations(&self, organization: &str) -> Result<Answer, Answer> {
        let organization = self.organization(organization, &["org:read", "org:integrations"])?;
        let here = self.state.installations.iter().filter(|installation| installation.organization == organization.id);
        let internal = self.state.world.integrations.iter().filter(|own| own.organization == organization.id);
        let internal = internal.map(|own| apps::installed(own, &organization.slug));
        let here: Vec<_> = internal.chain(here.map(|installation| described(self.state, installation))).collect();
        self.page(&here, "per_page")
    }

    pub(super) fn one_installation(&self, uuid: &str) -> Result<Answer, Answer> {
        let installation = self.reachable(uuid)?;
        self.permit(Some(installation.organization), &["org:read", "org:integrations"])?;
        Ok(Answer::json(200, &described(self.state, installation)))
    }

    /// The app says that it has taken note of its installation. Any token of that app may, whatever its scopes.
    pub(super) fn confirm_installation(&mut self, uuid: &str) -> Result<Answer, Answer> {
        let body = self.body()?;
        let own = self.reachable(uuid)?.client_id.clone();
        if self.app_of_caller().as_deref() != Some(own.as_str()) {
            return Err(forbidden("only the app itself confirms its installation"));
        }
        if required(&body, "status")? != "installed" {
            return Err(invalid("status", "Invalid value for status. Valid values: installed"));
        }
        let installation = self.state.installations.iter_mut().find(|installation| installation.uuid == uuid);
        installation.into_iter().for_each(|installation| installation.installed = true);
        Ok(Answer::json(200, &described(self.state, self.reachable(uuid)?)))
    }

    pub(super) fn delete_installation(&mut self, uuid: &str) -> Result<Answer, Answer> {
        let installation = self.reachable(uuid)?.clone();
        if self.app_of_caller().is_none_or(|app| app != installation.client_id) {
            self.permit(Some(installation.organization), &["org:integrations", "org:write", "org:admin"])?;
        }
        self.fired.extend(self.state.uninstall(uuid, Actor::App));
        Ok(Answer::empty(204))
    }

    fn reachable(&self, uuid: &str) -> Result<&Installation, Answer> {
        let found = self.state.installation(uuid).filter(|installation| self.reaches(installation.organization));
        found.ok_or_else(|| not_found("no such installation for this caller"))
    }

    fn app_of_caller(&self) -> Option<String> {
        match self.caller() {
            Caller::Installation(uuid) => Some(self.state.installation(&uuid)?.client_id.clone()),
            _ => None,
        }
    }
}

/// One part of a JSON web token.
fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
}

fn required(body: &Map<String, Value>, name: &str) -> Result<String, Answer> {
    let value = body.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| invalid(name, "This field is required."))
}

/// The installation object; the code only while there is a grant.
pub(super) fn described(state: &State, installation: &Installation) -> Value {
    let app = state.world.apps.iter().find(|app| app.client_id == installation.client_id);
    let organization = state.world.organization_by_id(installation.organization);
    let mut value = json!({
        "app": { "uuid": app.map(SentryApp::uuid), "slug": app.map(|app| &app.slug) },
        "organization": { "slug": organization.map(|organization| &organization.slug) },
        "uuid": installation.uuid,
        "status": if installation.installed { "installed" } else { "pending" },
    });
    if let Some((code, _)) = &installation.code {
        value["code"] = code.as_str().into();
    }
    value
}
