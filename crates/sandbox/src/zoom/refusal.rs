//! The refusals that Zoom documents, as answers.

use serde_json::json;

use crate::http::Answer;

/// A refused call: status, Zoom's code and text, and the precise reason, which only the wire's log shows.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: u32,
    message: &'static str,
    /// Said instead of the message.
    named: Option<String>,
    why: String,
}

impl Refusal {
    fn new(status: u16, code: u32, message: &'static str, why: impl Into<String>) -> Self {
        Self { status, code, message, named: None, why: why.into() }
    }

    pub(super) fn bad_body(why: impl Into<String>) -> Self {
        Self::new(400, 7001, "Invalid Request Body format.", why)
    }

    pub(super) fn no_token() -> Self {
        Self::new(401, 7010, "Missing Authorization header.", "no bearer token")
    }

    pub(super) fn unknown_token() -> Self {
        Self::new(401, 7010, "Invalid Authorization token.", "the token was never issued")
    }

    pub(super) fn expired_token() -> Self {
        Self::new(401, 124, "Invalid access token.", "the token has expired")
    }

    pub(super) fn wrong_robot(jid: &str) -> Self {
        let message = "No Chatbot can be found with the given robot_jid value.";
        Self::new(403, 7003, message, format!("robot_jid {jid} is not this app's"))
    }

    pub(super) fn not_authorized(why: impl Into<String>) -> Self {
        Self::new(403, 7004, "Not authorized.", why)
    }

    pub(super) fn unknown_destination(why: impl Into<String>) -> Self {
        let message = "No channel or user can be found with the given to_jid value.";
        Self::new(403, 7004, message, why)
    }

    pub(super) fn unknown_message(id: &str) -> Self {
        Self::new(404, 8001, "Invalid message_id value.", format!("there is no message {id}"))
    }

    pub(super) fn unknown_unfurl(trigger: &str) -> Self {
        Self::new(404, 8002, "Invalid unfurl_id.", format!("nothing can be shown under {trigger}, or not any more"))
    }

    pub(super) fn too_fast() -> Self {
        let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
        Self::new(429, 429, message, "over the rate limit")
    }

    pub(super) fn no_access_token() -> Self {
        Self::new(401, 124, "Invalid access token.", "no bearer token")
    }

    pub(super) fn missing_scope(scope: &str) -> Self {
        let message = "Invalid access token, does not contain scopes.";
        Self::new(400, 4711, message, format!("the token does not hold {scope}")).naming(scope)
    }

    pub(super) fn no_such_user(id: &str) -> Self {
        Self::new(404, 1001, "User does not exist.", format!("there is no user {id} in the account"))
    }

    pub(super) fn no_such_channel(id: &str) -> Self {
        Self::new(404, 4130, "Channel does not exist.", format!("there is no channel {id}"))
    }

    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self::new(400, 300, "Validation Failed.", why)
    }

    pub(super) fn ended_page() -> Self {
        let message = "The next page token is either invalid or has expired.";
        Self::new(400, 300, message, "the token of the page is not good any more")
    }

    /// Names the scope that is missing, both as users and as administrators hold it.
    fn naming(self, scope: &str) -> Self {
        let named = format!("Invalid access token, does not contain scopes:[{scope}, {scope}:admin].");
        Self { named: Some(named), ..self }
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        Self::new(404, 404, "API endpoint not found.", format!("there is no such endpoint: {path}"))
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = json!({ "code": refusal.code, "message": refusal.named.as_deref().unwrap_or(refusal.message), "result": false });
        let answer = Self::json(refusal.status, &body);
        let throttled = refusal.status == 429;
        let answer = if throttled { answer.with("x-ratelimit-type", "QPS").with("retry-after", "1") } else { answer };
        answer.because(refusal.why)
    }
}

/// A code or refresh token that is not accepted: two shapes of the answer are documented (Zoom, OAuth errors).
pub(super) fn refuse_grant(by_code: bool, code: u32, why: &str) -> Answer {
    let body = match by_code {
        true => json!({ "code": code, "message": "The token or code is not accepted." }),
        false => json!({ "reason": "Invalid Token!", "error": "invalid_grant" }),
    };
    Answer::json(if by_code { 401 } else { 400 }, &body).because(why)
}
