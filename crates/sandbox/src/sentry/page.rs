//! The pages that a person sees at the simulated Sentry.

use askama::Template;

use super::world::User;
use crate::http::Answer;

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in | Sentry</title></head>
<body><h1>Sign in to Sentry</h1>
{% for user in users %}<form method="post" action="/auth/login/">
<input type="hidden" name="next" value="{{ next }}"><input type="hidden" name="user" value="{{ user.id }}">
<button type="submit">{{ user.email }}</button></form>
{% endfor %}</body></html>"#
)]
struct Login<'a> {
    users: &'a [User],
    next: &'a str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Approve | Sentry</title></head>
<body><h1>{{ app }}</h1>
<p>{{ app }} wants to act for <strong id="account">{{ email }}</strong>.</p>
<ul>{% for scope in scopes %}<li>{{ scope }}</li>{% endfor %}</ul>
<form method="post" action="/oauth/authorize/">
<input type="hidden" name="csrfmiddlewaretoken" value="{{ consent }}"><input type="hidden" name="op" value="approve">
<button type="submit">Approve</button></form>
<form method="post" action="/oauth/authorize/">
<input type="hidden" name="csrfmiddlewaretoken" value="{{ consent }}"><input type="hidden" name="op" value="deny">
<button type="submit">Deny</button></form></body></html>"#
)]
struct Consent<'a> {
    app: &'a str,
    email: &'a str,
    scopes: &'a [String],
    consent: &'a str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Error | Sentry</title></head>
<body><h1>Sorry</h1><p>{{ why }}</p></body></html>"#
)]
struct Error<'a> {
    why: &'a str,
}

pub(super) fn login(users: &[User], next: &str) -> Answer {
    render(200, &Login { users, next })
}

pub(super) fn consent(app: &str, email: &str, scopes: &[String], consent: &str) -> Answer {
    render(200, &Consent { app, email, scopes, consent })
}

pub(super) fn error(status: u16, why: &str) -> Answer {
    render(status, &Error { why }).because(why)
}

fn render(status: u16, page: &impl Template) -> Answer {
    match page.render() {
        Ok(text) => Answer::html(status, text).with("cache-control", "no-store"),
        Err(error) => Answer::empty(500).because(error.to_string()),
    }
}
