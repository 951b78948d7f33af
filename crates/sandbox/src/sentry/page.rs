//! The pages that a person sees at the simulated Sentry.

use askama::Template;

use super::{shown::Shown, world::User};
use crate::http::Answer;

/// Where the pages find how they look.
pub(super) const STYLE_PATH: &str = "/_static/sentry.css";
const STYLE: &str = include_str!("../../assets/sentry.css");
/// Nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "sentry/login.html")]
struct Login<'a> {
    users: &'a [User],
    next: &'a str,
}

#[derive(Template)]
#[template(path = "sentry/consent.html")]
struct Consent<'a> {
    app: &'a str,
    email: &'a str,
    scopes: &'a [String],
    consent: &'a str,
    again: &'a str,
}

#[derive(Template)]
#[template(path = "sentry/issue.html")]
struct IssuePage<'a> {
    issue: &'a Shown,
}

#[derive(Template)]
#[template(path = "sentry/error.html")]
struct Error<'a> {
    why: &'a str,
}

pub(super) fn login(users: &[User], next: &str) -> Answer {
    render(200, &Login { users, next })
}

/// `again` is where this page is asked for anew, as an address within an address.
pub(super) fn consent(app: &str, email: &str, scopes: &[String], consent: &str, again: &str) -> Answer {
    render(200, &Consent { app, email, scopes, consent, again })
}

pub(super) fn issue(issue: &Shown) -> Answer {
    render(200, &IssuePage { issue })
}

pub(super) fn missing() -> Answer {
    error(404, "The simulated Sentry has no such page; it has those of its issues.")
}

pub(super) fn error(status: u16, why: &str) -> Answer {
    render(status, &Error { why }).because(why)
}

pub(super) fn style() -> Answer {
    Answer::new(200, "text/css; charset=utf-8", STYLE)
}

fn render(status: u16, page: &impl Template) -> Answer {
    match page.render() {
        Ok(text) => {
            Answer::html(status, text).with("cache-control", "no-store").with("content-security-policy", POLICY)
        }
        Err(error) => Answer::empty(500).because(error.to_string()),
    }
}
