//! `/api/0/…`: who calls, what they may reach, and which call it is (Sentry, REST API).

use http::Method;
use serde_json::{Map, Value};

use super::{
    issue::{Issue, Writer},
    refusal::{bad_request, expired_token, forbidden, invalid_token, no_credentials, no_page, not_found, not_json},
    state::{Caller, State},
    webhook::Hook,
    world::{Organization, Project},
};
use crate::{
    http::{Answer, Request},
    ids::Ids,
};

/// Who calls, and what their token says they may do.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) caller: Caller,
    scopes: Vec<String>,
}

/// One call in progress.
pub(super) struct Rest<'c> {
    pub(super) state: &'c mut State,
    pub(super) request: &'c Request,
    pub(super) base: &'c str,
    pub(super) ids: &'c Ids,
    pub(super) now_ms: i64,
    pub(super) session: Option<Session>,
    /// What others hear of it.
    pub(super) fired: Vec<Hook>,
}

impl Rest<'_> {
    /// Answers the call; the error is the answer too, of a call that was refused.
    pub(super) fn answer(&mut self) -> Result<Answer, Answer> {
        if !self.request.path.ends_with('/') {
            return Err(no_page("the path does not end with a slash"));
        }
        let segments = self.request.segments();
        let segments: Vec<_> = segments.iter().skip(2).map(String::as_str).collect();
        // The one call that carries its credentials in the body.
        if let (&Method::POST, ["sentry-app-installations", uuid, "authorizations"]) =
            (&self.request.method, &segments[..])
        {
            return self.authorize_installation(uuid);
        }
        self.session = Some(self.authenticate()?);
        self.routed(&segments)
    }

    fn routed(&mut self, segments: &[&str]) -> Result<Answer, Answer> {
        match (self.request.method.as_str(), segments) {
            ("GET", ["auth"]) => self.who_am_i(),
            ("GET", ["organizations"]) => self.organizations(),
            ("GET", ["organizations", org]) => self.one_organization(org),
            ("GET", ["organizations", org, "projects"]) => self.projects(org),
            ("GET", ["organizations", org, "members"]) => self.members(org),
            ("GET", ["organizations", org, "issues"]) => self.search(org),
            ("GET", ["organizations", org, "shortids", id]) => self.by_short_id(org, id),
            ("GET", ["organizations", org, "issues", id]) => self.one_issue(org, id),
            ("PUT", ["organizations", org, "issues", id]) => self.update_issue(org, id),
            ("GET", ["organizations", org, "issues", id, "events", "latest"]) => self.latest_event(org, id),
            ("GET", ["organizations", org, "issues", id, "events", "oldest"]) => self.oldest_event(org, id),
            ("GET", ["organizations", org, "issues", id, "notes" | "comments"]) => self.notes(org, id),
            ("POST", ["organizations", org, "issues", id, "notes" | "comments"]) => self.add_note(org, id),
            ("GET", ["organizations", org, "sentry-app-installations"]) => self.installations(org),
            ("GET", ["sentry-apps", slug]) => self.one_app(slug),
            ("GET", ["sentry-app-installations", uuid]) => self.one_installation(uuid),
            ("PUT", ["sentry-app-installations", uuid]) => self.confirm_installation(uuid),
            ("DELETE", ["sentry-app-installations", uuid]) => self.delete_installation(uuid),
            ("GET", ["projects", org, project]) => self.one_project(org, project),
            ("GET", ["projects", org, project, "hooks"]) => self.hooks(org, project),
            ("POST", ["projects", org, project, "hooks"]) => self.make_hook(org, project),
            ("GET", ["projects", org, project, "hooks", id]) => self.one_hook(org, project, id),
            ("PUT", ["projects", org, project, "hooks", id]) => self.change_hook(org, project, id),
            ("DELETE", ["projects", org, project, "hooks", id]) => self.delete_hook(org, project, id),
            ("GET", ["projects", org, project, "members"]) => self.project_members(org, project),
            ("GET", ["projects", org, project, "teams"]) => self.project_teams(org, project),
            _ => Err(no_page(format!("there is no {} {}", self.request.method, self.request.path))),
        }
    }

    fn authenticate(&self) -> Result<Session, Answer> {
        let access = self.request.bearer().ok_or_else(no_credentials)?;
        let token = self.state.token(access).ok_or_else(invalid_token)?;
        if token.expires_ms <= self.now_ms {
            return Err(expired_token());
        }
        Ok(Session { caller: token.caller.clone(), scopes: token.scopes.clone() })
    }

    pub(super) fn caller(&self) -> Caller {
        self.session.as_ref().map_or(Caller::Nobody, |session| session.caller.clone())
    }

    /// Whether the caller belongs to this organization: what they do not belong to does not exist for them.
    pub(super) fn reaches(&self, organization: u64) -> bool {
        match self.caller() {
            Caller::Nobody => false,
            Caller::User(user) => self.state.world.role(user, organization).is_some(),
            Caller::Integration(own) => own == organization,
            Caller::Installation(uuid) => {
                self.state.installation(&uuid).is_some_and(|installation| installation.organization == organization)
            }
        }
    }

    /// An organization by slug or id, for a caller who has one of these scopes there.
    pub(super) fn organization(&self, named: &str, scopes: &[&str]) -> Result<Organization, Answer> {
        let by_name = |organization: &&Organization| organization.slug == named || organization.id.to_string() == named;
        let found = self.state.world.organizations.iter().find(by_name);
        let found = found.filter(|organization| self.reaches(organization.id)).cloned();
        let found = found.ok_or_else(|| not_found(format!("no organization {named} for this caller")))?;
        self.permit(Some(found.id), scopes)?;
        Ok(found)
    }

    /// A project by slug or id, for a caller who has one of these scopes in its organization.
    pub(super) fn project(&self, organization: &str, named: &str, scopes: &[&str]) -> Result<Project, Answer> {
        let organization = self.organization(organization, scopes)?;
        let by_name = |project: &&Project| {
            project.organization == organization.id && (project.slug == named || project.id.to_string() == named)
        };
        let found = self.state.world.projects.iter().find(by_name).cloned();
        found.ok_or_else(|| not_found(format!("no project {named} in {}", organization.slug)))
    }

    /// An issue by id or short id, for a caller who has one of these scopes.
    pub(super) fn issue(&self, organization: &str, named: &str, scopes: &[&str]) -> Result<&Issue, Answer> {
        let organization = self.organization(organization, scopes)?;
        let by_name = |issue: &&Issue| {
            let inside = self.state.organization_of(issue.project).is_some_and(|of| of.id == organization.id);
            inside && (issue.id.to_string() == named || issue.short_id.eq_ignore_ascii_case(named))
        };
        let found = self.state.issues.iter().find(by_name);
        found.ok_or_else(|| not_found(format!("no issue {named} in {}", organization.slug)))
    }

    /// The token must have one of these scopes, and a person's role in the organization must allow it too.
    pub(super) fn permit(&self, organization: Option<u64>, scopes: &[&str]) -> Result<(), Answer> {
        let session = self.session.as_ref().ok_or_else(no_credentials)?;
        let role = match (&session.caller, organization) {
            (Caller::User(user), Some(organization)) => self.state.world.role(*user, organization),
            _ => None,
        };
        let good =
            |scope: &&str| session.scopes.iter().any(|held| held == scope) && role.is_none_or(|role| role.may(scope));
        if scopes.iter().any(good) { Ok(()) } else { Err(forbidden(format!("needs {}", scopes.join(" or ")))) }
    }

    /// The body as a JSON object.
    pub(super) fn body(&self) -> Result<Map<String, Value>, Answer> {
        if self.request.media_type() != "application/json" {
            return Err(not_json(&self.request.media_type()));
        }
        match serde_json::from_slice(&self.request.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(bad_request("Invalid data. Expected a dictionary.")),
            Err(error) => Err(bad_request(&format!("JSON parse error - {error}"))),
        }
    }

    pub(super) fn writer(&self) -> Writer<'_> {
        Writer { world: &self.state.world, base: self.base }
    }

    /// One page of `items`, with the `Link` header by which the others are found (Sentry, pagination).
    pub(super) fn page(&self, items: &[Value], size_parameter: &str) -> Result<Answer, Answer> {
        let size = match self.request.query_value(size_parameter).map(|size| size.parse()) {
            None => 100,
            Some(Ok(size @ 1..=100)) => size,
            Some(_) => return Err(bad_request(&format!("Invalid {size_parameter} value. Must be between 1 and 100."))),
        };
        let offset = self.request.query_value("cursor").map_or(Some(0), |cursor| offset(&cursor));
        let offset = offset.ok_or_else(|| bad_request("Invalid cursor parameter."))?;
        let page: Vec<_> = items.iter().skip(offset).take(size).cloned().collect();
        let previous = self.link("previous", offset > 0, &format!("0:{}:1", offset.saturating_sub(size)));
        let next = self.link("next", offset + size < items.len(), &format!("0:{}:0", offset + size));
        Ok(Answer::json(200, &Value::Array(page)).with("link", format!("{previous}, {next}")))
    }

    fn link(&self, relation: &str, results: bool, cursor: &str) -> String {
        let kept = self.request.query_pairs().into_iter().filter(|(name, _)| name != "cursor");
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let address = format!("{}{}?{query}&cursor={cursor}", self.base, self.request.path);
        format!("<{address}>; rel=\"{relation}\"; results=\"{results}\"; cursor=\"{cursor}\"")
    }
}

/// A cursor is `value:offset:is_previous`.
fn offset(cursor: &str) -> Option<usize> {
    let parts: Vec<_> = cursor.split(':').collect();
    match parts[..] {
        ["0", offset, "0" | "1"] => offset.parse().ok(),
        _ => None,
    }
}
