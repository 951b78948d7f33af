//! The refusals that Sentry documents, as answers.

use serde_json::{Value, json};

use crate::http::Answer;

fn detail(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({ "detail": text }))
}

pub(super) fn no_credentials() -> Answer {
    detail(401, "Authentication credentials were not provided.").because("no bearer token")
}

pub(super) fn invalid_token() -> Answer {
    detail(401, "Invalid token").because("the token was never issued, was replaced, or was revoked")
}

pub(super) fn expired_token() -> Answer {
    detail(401, "Token expired").because("the token has expired")
}

pub(super) fn unauthorized(text: &str) -> Answer {
    detail(401, text).because(text)
}

pub(super) fn forbidden(why: impl Into<String>) -> Answer {
    detail(403, "You do not have permission to perform this action.").because(why)
}

/// What the plan or the installation does not have; `detail` is a list here.
pub(super) fn no_feature(name: &str) -> Answer {
    let body = json!({ "error_type": "unavailable_feature", "detail": ["You do not have that feature enabled"] });
    Answer::json(403, &body).because(format!("the feature {name} is off"))
}

/// One answer for what does not exist and for what the caller may not see.
pub(super) fn not_found(why: impl Into<String>) -> Answer {
    detail(404, "The requested resource does not exist").because(why)
}

/// A path that no view answers: a page, not JSON.
pub(super) fn no_page(why: impl Into<String>) -> Answer {
    Answer::html(404, "<!DOCTYPE html><html><title>Page Not Found</title><h1>Page Not Found</h1></html>").because(why)
}

pub(super) fn not_json(media_type: &str) -> Answer {
    detail(415, &format!("Unsupported media type \"{media_type}\" in request."))
        .because("the body is not JSON by its header")
}

pub(super) fn bad_request(text: &str) -> Answer {
    detail(400, text).because(text)
}

/// One field of a body that does not pass.
pub(super) fn invalid(field: &str, text: &str) -> Answer {
    let mut body = serde_json::Map::new();
    body.insert(field.to_owned(), json!([text]));
    Answer::json(400, &Value::Object(body)).because(format!("{field}: {text}"))
}
