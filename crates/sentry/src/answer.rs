//! What Sentry's answers mean: for the caller, and for people.

use std::time::Duration;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use zentry_domain::ports::{BoxError, TrackerError, VaultError};
use zentry_domain::{Timestamp, text};
use zentry_http_client::{HttpError, Response};

/// In UTF-16 units.
const REASON_MAX: usize = 200;

/// Why a call did not succeed; the text, where there is one, is Sentry's, one clean line, maybe empty.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("the credential is not accepted")]
    Unauthorized,
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The plan, or this Sentry, does not have it: no role could help.
    #[error("there is no such feature")]
    NoFeature,
    #[error("not found")]
    NotFound,
    #[error("not accepted: {0}")]
    Invalid(String),
    #[error("too many calls")]
    Throttled(Option<Duration>),
    #[error("unavailable")]
    Unavailable(#[source] BoxError),
    /// Our own address filter is closed there.
    #[error("{0}")]
    Closed(String),
}

impl Failure {
    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(why.into().into())
    }
}

impl From<Failure> for TrackerError {
    fn from(failure: Failure) -> Self {
        let refused = |said: String, otherwise: &str| {
            let why = if said.is_empty() { otherwise.to_owned() } else { format!("Sentry says: {said}") };
            Self::Refused { why }
        };
        match failure {
            Failure::Unauthorized => Self::Unauthorized,
            Failure::NotFound => Self::Gone,
            Failure::NoFeature => Self::NoFeature,
            Failure::Throttled(after) => Self::Throttled { after },
            Failure::Unavailable(cause) => Self::Unavailable(cause),
            Failure::Forbidden(said) => refused(said, "Sentry does not allow it"),
            Failure::Invalid(said) => refused(said, "Sentry does not accept it"),
            Failure::Closed(why) => Self::Refused { why },
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Forbidden { host, why } => Self::Closed(text::line(
                &format!(
                    "calling {host} is forbidden: {why}; the operator can open it with ZENTRY_ALLOW_PRIVATE_SENTRY"
                ),
                REASON_MAX * 2,
            )),
            // Every call that changes something may be repeated, so "maybe" is as good as "no".
            other => Self::Unavailable(other.into()),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// The answer, if it is a success.
pub(crate) fn accepted(answer: Response, now: Timestamp) -> Result<Response, Failure> {
    match answer.status {
        200..=299 => Ok(answer),
        401 => Err(Failure::Unauthorized),
        403 if lacks_feature(&answer.body) => Err(Failure::NoFeature),
        403 => Err(Failure::Forbidden(said(&answer.body))),
        404 | 410 => Err(Failure::NotFound),
        429 => Err(Failure::Throttled(pause(&answer.headers, now))),
        300..=399 => Err(Failure::unavailable(format!(
            "Sentry answered {}, a redirect: ZENTRY_SENTRY_URL may be another address than Sentry's own",
            answer.status
        ))),
        408 | 500.. => Err(Failure::unavailable(format!("Sentry answered {}", answer.status))),
        _ => Err(Failure::Invalid(said(&answer.body))),
    }
}

/// Its `detail` is a list there, and says little (Sentry, errors).
fn lacks_feature(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.get("error_type").and_then(Value::as_str) == Some("unavailable_feature")
}

/// The body as what is expected. A proxy's page comes with status 200 too.
pub(crate) fn json<T: DeserializeOwned>(answer: &Response) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let kind = header(&answer.headers, "content-type").unwrap_or("no content type");
        let kind = text::line(kind, 60);
        let (line, column) = (error.line(), error.column());
        Failure::unavailable(format!(
            "Sentry answered {} with {kind} that is not the expected JSON (line {line}, column {column}); \
             is there a proxy or a log-in page in front of it?",
            answer.status
        ))
    })
}

/// What Sentry says to people: `detail` as a string, an object or a list, errors by field, or bare text. Pages are not
/// for people.
pub(crate) fn said(body: &[u8]) -> String {
    let words = match serde_json::from_slice::<Value>(body) {
        Ok(value) => spoken(&value),
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    if words.starts_with('<') { String::new() } else { text::line(&words, REASON_MAX) }
}

fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => joined(list.iter().map(spoken)),
        Value::Object(map) => match map.get("detail").or_else(|| map.get("message")).or_else(|| map.get("error")) {
            Some(inner) => spoken(inner),
            None => joined(map.iter().map(|(field, inner)| format!("{field}: {}", spoken(inner)))),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// How long to wait: until the window ends, which Sentry tells in seconds since 1970 (Sentry, rate limits), or what a
/// proxy in front of it says.
fn pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let until = |at: Timestamp| at.since(now);
    if let Some(reset) = header(headers, "x-sentry-rate-limit-reset").and_then(|value| value.parse::<f64>().ok()) {
        return Some(until(Timestamp((reset * 1_000.0) as i64)));
    }
    let after = header(headers, "retry-after")?;
    let date = || jiff::fmt::rfc2822::parse(after).ok().map(|date| until(Timestamp(date.timestamp().as_millisecond())));
    after.parse().ok().map(Duration::from_secs).or_else(date)
}

/// The cursor of the next page, verbatim, if there is one:
/// `<url>; rel="next"; results="true"; cursor="0:100:0"` (Sentry, pagination).
pub(crate) fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    // An address may hold a comma, and stray semicolons have been seen: the brackets are what can be relied upon.
    let links = links.flat_map(|value| value.split('<').skip(1));
    let attributes = links.filter_map(|link| Some(link.split_once('>')?.1));
    let next = attributes.map(|list| move |name| attribute(list, name)).find(|of| of("rel") == Some("next"))?;
    next("cursor").filter(|cursor| !cursor.is_empty() && next("results") == Some("true")).map(str::to_owned)
}

fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let pairs = list.split([';', ',']).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(found, _)| found.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        list.iter().map(entry).collect()
    }

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: headers(&[("content-type", "text/html")]), body: body.into() }
    }

    #[test]
    fn every_spelling_of_a_reason_becomes_one_line() {
        for (body, expected) in [
            (
                r#"{"detail":"You do not have permission to perform this action."}"#,
                "You do not have permission to perform this action.",
            ),
            (r#"{"detail":{"code":"sso-required","message":"Must login via SSO","extra":{}}}"#, "Must login via SSO"),
            (
                r#"{"error_type":"unavailable_feature","detail":["You do not have that feature enabled"]}"#,
                "You do not have that feature enabled",
            ),
            (
                r#"{"substatus":["\"ongoing\" is not a valid choice."]}"#,
                "substatus: \"ongoing\" is not a valid choice.",
            ),
            (r#"["one","two"]"#, "one; two"),
            (r#""too fast""#, "too fast"),
            (r#"{"error":"gone"}"#, "gone"),
            ("plain\n text\u{202e}", "plain text"),
            ("<!DOCTYPE html><title>502</title>", ""),
            ("{}", ""),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes()), expected, "{body}");
        }
        assert!(said("x".repeat(100_000).as_bytes()).len() <= 3 * REASON_MAX);
    }

    #[test]
    fn a_reset_in_the_future_is_waited_for() {
        for (list, expected) in [
            (&[("x-sentry-rate-limit-reset", "1767323052")][..], Some(7)),
            (&[("x-sentry-rate-limit-reset", "1767323052.0"), ("retry-after", "99")], Some(7)),
            (&[("x-sentry-rate-limit-reset", "5")], Some(0)),
            (&[("retry-after", "30")], Some(30)),
            (&[("retry-after", "Fri, 02 Jan 2026 03:05:05 GMT")], Some(60)),
            (&[("retry-after", "soon")], None),
            (&[("x-sentry-rate-limit-reset", "NaN")], Some(0)),
            (&[], None),
        ] {
            let Err(Failure::Throttled(after)) = accepted(Response { headers: headers(list), ..answer(429, "") }, NOW)
            else {
                panic!("throttled")
            };
            assert_eq!(after, expected.map(Duration::from_secs), "{list:?}");
        }
    }

    #[test]
    fn only_a_next_page_with_results_is_fetched() {
        let previous = r#"<https://sentry.io/api/0/x/?cursor=0:0:1>; rel="previous"; results="true"; cursor="0:0:1""#;
        for (next, expected) in [
            (r#"<https://sentry.io/api/0/x/?a=1,2>; rel="next"; results="true"; cursor="0:100:0""#, Some("0:100:0")),
            (r#"<https://sentry.io/api/0/x/>; rel="next"; results="false"; cursor="0:100:0""#, None),
            (r#"<x>; results="true"; cursor="1767:100:0"; rel="next";"#, Some("1767:100:0")),
            (r#"<x>;rel=next;results=true;cursor=1:2:3;"#, Some("1:2:3")),
            (r#"<x>; rel="next"; results="true""#, None),
            ("", None),
        ] {
            for list in [
                headers(&[("link", &format!("{previous}, {next}"))]),
                headers(&[("link", &format!("{previous};, {next}"))]),
            ] {
                assert_eq!(next_page(&list).as_deref(), expected, "{next}");
            }
        }
    }

    #[test]
    fn what_no_role_could_get_is_told_from_what_this_one_may_not() {
        let lacking = r#"{"error_type":"unavailable_feature","detail":["You do not have that feature enabled"]}"#;
        assert!(matches!(accepted(answer(403, lacking), NOW), Err(Failure::NoFeature)));
        for body in [r#"{"detail":"You do not have permission"}"#, r#"["unavailable_feature"]"#, "<html>", ""] {
            assert!(matches!(accepted(answer(403, body), NOW), Err(Failure::Forbidden(_))), "{body}");
        }
    }

    #[test]
    fn a_page_with_status_200_is_no_answer() {
        let failure = json::<Vec<u8>>(&answer(200, "<html>Please log in</html>")).unwrap_err();
        let Failure::Unavailable(cause) = failure else { panic!("{failure}") };
        assert!(cause.to_string().contains("text/html"), "{cause}");
        assert!(!cause.to_string().contains("Please"), "{cause}");
    }

    #[test]
    fn a_closed_address_names_the_setting_that_opens_it() {
        let error = HttpError::Forbidden { host: "sentry.example.com".into(), why: "10.0.0.1 is closed".into() };
        let TrackerError::Refused { why } = Failure::from(error).into() else { panic!("refused") };
        assert!(why.contains("ZENTRY_ALLOW_PRIVATE_SENTRY"), "{why}");
    }
}
