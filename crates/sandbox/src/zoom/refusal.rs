//! The refusals that Zoom documents, as answers.

use serde_json::json;

use crate::http::Answer;

/// A refused call: status, Zoom's code and text, and the precise reason, which only the wire's log shows.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: u32,
    message: &'static str,
    why: String,
}

impl Refusal {
    fn new(status: u16, code: u32, message: &'static str, why: impl Into<String>) -> Self {
        Self { status, code, message, why: why.into() }
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

    pub(super) fn too_fast() -> Self {
        let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
        Self::new(429, 429, message, "over the rate limit")
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        Self::new(404, 404, "API endpoint not found.", format!("there is no such endpoint: {path}"))
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = json!({ "code": refusal.code, "message": refusal.message, "result": false });
        let answer = Self::json(refusal.status, &body);
        let throttled = refusal.status == 429;
        let answer = if throttled { answer.with("x-ratelimit-type", "QPS").with("retry-after", "1") } else { answer };
        answer.because(refusal.why)
    }
}
