//! What Zoom's answers mean (Zoom, chatbot errors; Zoom, rate limits).

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use zentry_domain::job::LONGEST_WAIT;
use zentry_domain::ports::ChatError;
use zentry_domain::{Timestamp, text};
use zentry_http_client::{HttpError, Response};

/// Nobody is served by coming back sooner.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const EXPLANATION_MAX: usize = 200;

/// Which call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Post,
    Edit,
    Delete,
    /// Show more of an address.
    Unfurl,
    /// A new token.
    Token,
    /// Something of the directory.
    Read,
}

/// Why a call failed. Unlike [`ChatError`] it can be told to everybody who waited for the same call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// For the operator: what happened and what to do. Where Zoom answered, it begins with status and code, such as
    /// `Zoom answered 403/7004`, by which answers of one kind are told apart.
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The destination.
    Gone,
    /// The message to edit or delete, or the address to show more of.
    MessageGone,
    Refused,
    Throttled(Option<Duration>),
    Unauthorized,
    Unavailable,
    Unknown,
}

impl Failure {
    pub(crate) fn new(kind: Kind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into() }
    }

    /// The call went out and no verdict came back. Whatever may be repeated is then merely unavailable.
    pub(crate) fn unheard(verb: Verb, why: impl Into<String>) -> Self {
        Self::new(if verb == Verb::Post { Kind::Unknown } else { Kind::Unavailable }, why)
    }

    pub(crate) fn of_transport(verb: Verb, error: &HttpError) -> Self {
        match error {
            HttpError::NotSent(cause) => Self::new(Kind::Unavailable, format!("{error}: {cause}")),
            HttpError::Unknown(cause) => Self::unheard(verb, format!("{error}: {cause}")),
            HttpError::TooLarge { .. } => Self::unheard(verb, error.to_string()),
            HttpError::Forbidden { .. } => {
                Self::new(Kind::Refused, format!("{error}; check ZENTRY_ZOOM_API and ZENTRY_ZOOM_OAUTH"))
            }
            HttpError::Closed => Self::new(Kind::Unavailable, error.to_string()),
        }
    }
}

impl From<Failure> for ChatError {
    fn from(Failure { kind, why }: Failure) -> Self {
        match kind {
            Kind::Gone => Self::Gone(why.into()),
            Kind::MessageGone => Self::MessageGone(why.into()),
            Kind::Refused => Self::Refused(why.into()),
            Kind::Throttled(after) => Self::Throttled { after },
            Kind::Unauthorized => Self::Unauthorized(why.into()),
            Kind::Unavailable => Self::Unavailable(why.into()),
            Kind::Unknown => Self::Unknown(why.into()),
        }
    }
}

/// Whether the call was carried out, by status and by the code in the body.
pub(crate) fn verdict(verb: Verb, response: &Response, now: Timestamp) -> Result<(), Failure> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = body["code"].as_i64();
    let kind = match (response.status, code) {
        (200..=299, _) => return Ok(()),
        (429, _) => Kind::Throttled(retry_after(&response.headers, now)),
        (401, _) => Kind::Unauthorized,
        (400..=499, _) if verb == Verb::Token => Kind::Unauthorized,
        (400..=499, Some(7004)) => Kind::Gone,
        (404, Some(8001)) if verb != Verb::Post => Kind::MessageGone,
        (404, Some(8002)) => Kind::MessageGone,
        // Not carried out: the request did not arrive in time.
        (408, _) => Kind::Unavailable,
        (400..=499, _) => Kind::Refused,
        // 5xx; and whatever stands in front of Zoom may redirect for a while.
        _ => Kind::Unavailable,
    };
    Err(Failure::new(kind, explanation(verb, response, &body, code)))
}

fn explanation(verb: Verb, response: &Response, body: &Value, code: Option<i64>) -> String {
    let said = |name: &str| body[name].as_str().map(|said| text::line(said, EXPLANATION_MAX));
    let mut why = format!("Zoom answered {}", response.status);
    if let Some(code) = code {
        why.push_str(&format!("/{code}"));
    }
    for said in [said("message"), said("reason"), said("error")].into_iter().flatten() {
        why.push_str(&format!(": {said}"));
    }
    if let Some(id) = response.headers.get("x-zm-trackingid").and_then(|id| id.to_str().ok()) {
        why.push_str(&format!(" (tracking id {})", text::line(id, EXPLANATION_MAX)));
    }
    match (verb, code) {
        (Verb::Token, _) => why.push_str("; check ZENTRY_ZOOM_CLIENT_ID and ZENTRY_ZOOM_CLIENT_SECRET"),
        (_, Some(7002 | 7003)) => {
            why.push_str("; check that ZENTRY_ZOOM_BOT_JID belongs to the same app, development or production, as ZENTRY_ZOOM_CLIENT_ID");
        }
        _ => {}
    }
    why
}

/// When to come back. `Retry-After` has been seen as seconds, as an HTTP date and, on the daily limit, as an ISO-8601
/// instant; `X-RateLimit-Reset` is Unix seconds. Any of them may be missing (Zoom, rate limits).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = value("retry-after").and_then(|raw| seconds(raw).or_else(|| Some(moment(raw)?.since(now))));
    let reset = || {
        let at: i64 = value("x-ratelimit-reset")?.parse().ok()?;
        Some(Timestamp(at.saturating_mul(1_000)).since(now))
    };
    let wait = asked.or_else(reset).map(|wait| wait.max(SHORTEST_WAIT));
    if let Some(hours) = wait.filter(|wait| *wait > LONGEST_WAIT).map(|wait| wait.as_secs() / 3_600) {
        tracing::error!(
            hours,
            "Zoom asks to be left alone for more than a day: it is asked again after a day, and until then nothing is sent \
             to this account; look at the app's limits in the Marketplace, or ask Zoom's support"
        );
    }
    wait
}

/// A number of seconds; a negative one is none at all.
fn seconds(raw: &str) -> Option<Duration> {
    let seconds: f64 = raw.parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok().filter(|_| seconds.is_finite())
}

fn moment(raw: &str) -> Option<Timestamp> {
    let http_date = || {
        let date = jiff::fmt::rfc2822::parse(raw).ok()?;
        Some(Timestamp(date.timestamp().as_millisecond()))
    };
    Timestamp::parse(raw).or_else(http_date)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use zentry_contract::sample::START;
    use zentry_domain::{AccountId, Handle, Job, JobId, Outcome, Queued, job};

    use super::*;

    fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value"))
        });
        Response { status, headers: headers.collect(), body: body.into() }
    }

    fn kind(verb: Verb, status: u16, body: &str) -> Option<Kind> {
        verdict(verb, &response(status, &[], body), START).err().map(|failure| failure.kind)
    }

    fn coded(verb: Verb, status: u16, code: i64) -> Failure {
        let body = format!(r#"{{"code":{code},"message":"…","result":false}}"#);
        verdict(verb, &response(status, &[], &body), START).expect_err("an error")
    }

    #[test]
    fn every_documented_error_has_its_meaning() {
        use Kind::{Gone, MessageGone, Refused, Throttled, Unauthorized, Unavailable};
        let table = [
            (Verb::Post, 400, 7001, Refused),
            (Verb::Post, 400, 300, Refused),
            (Verb::Post, 401, 7010, Unauthorized),
            (Verb::Post, 401, 124, Unauthorized),
            (Verb::Post, 403, 7003, Refused),
            (Verb::Post, 403, 7004, Gone),
            (Verb::Post, 404, 7002, Refused),
            (Verb::Post, 404, 8001, Refused),
            (Verb::Edit, 404, 8001, MessageGone),
            (Verb::Unfurl, 404, 8002, MessageGone),
            (Verb::Unfurl, 400, 7001, Refused),
            (Verb::Unfurl, 401, 7010, Unauthorized),
            (Verb::Delete, 404, 8001, MessageGone),
            (Verb::Edit, 403, 7004, Gone),
            (Verb::Delete, 403, 7004, Gone),
            (Verb::Post, 429, 429, Throttled(None)),
            (Verb::Post, 500, 0, Unavailable),
            (Verb::Token, 400, 4702, Unauthorized),
            (Verb::Token, 401, 4738, Unauthorized),
            (Verb::Token, 429, 429, Throttled(None)),
            (Verb::Token, 503, 0, Unavailable),
        ];
        for (verb, status, code, expected) in table {
            let failure = coded(verb, status, code);
            assert_eq!(failure.kind, expected, "{verb:?} {status}/{code}");
            assert!(failure.why.starts_with(&format!("Zoom answered {status}/{code}: ")), "{}", failure.why);
        }
    }

    #[test]
    fn an_answer_without_a_code_is_judged_by_its_status() {
        let table = [
            (200, None),
            (201, None),
            (204, None),
            (302, Some(Kind::Unavailable)),
            (401, Some(Kind::Unauthorized)),
            (403, Some(Kind::Refused)),
            (404, Some(Kind::Refused)),
            (408, Some(Kind::Unavailable)),
            (413, Some(Kind::Refused)),
            (502, Some(Kind::Unavailable)),
            (504, Some(Kind::Unavailable)),
        ];
        for (status, expected) in table {
            assert_eq!(kind(Verb::Post, status, "<html>"), expected, "{status}");
        }
    }

    #[test]
    fn a_wrong_bot_jid_names_the_setting_to_change() {
        for (status, code) in [(403, 7003), (404, 7002)] {
            let answer = response(status, &[("x-zm-trackingid", "v=2.0;rid=WEB_1")], &format!(r#"{{"code":{code}}}"#));
            let why = verdict(Verb::Post, &answer, START).unwrap_err().why;
            assert!(why.contains("ZENTRY_ZOOM_BOT_JID") && why.contains("WEB_1"), "{why}");
        }
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        // The suite begins at 2026-01-02T03:04:05Z.
        type Row = (&'static [(&'static str, &'static str)], Option<u64>);
        let table: [Row; 16] = [
            (&[], None),
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", "0")], Some(1)),
            (&[("retry-after", "-30")], Some(1)),
            (&[("retry-after", "2099")], Some(2_099)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "1e400")], None),
            (&[("retry-after", "2026-01-02T03:05:05Z")], Some(60)),
            (&[("retry-after", "2026-01-02T04:04:05+01:00")], Some(1)),
            (&[("retry-after", "2026-01-01T00:00:00Z")], Some(1)),
            (&[("retry-after", "Fri, 02 Jan 2026 03:04:15 GMT")], Some(10)),
            (&[("retry-after", "Thu, 01 Jan 2026 03:04:15 GMT")], Some(1)),
            (&[("x-ratelimit-reset", "1767323054")], Some(9)),
            (&[("retry-after", "soon"), ("x-ratelimit-reset", "1767323054")], Some(9)),
            (&[("retry-after", "7"), ("x-ratelimit-reset", "1767323054")], Some(7)),
        ];
        for (headers, expected) in table {
            let asked = retry_after(&response(429, headers, "").headers, START);
            assert_eq!(asked, expected.map(Duration::from_secs), "{headers:?}");
        }
    }

    #[test]
    fn in_whichever_form_it_is_asked_nobody_comes_back_earlier_nor_much_later() {
        let card = Queued {
            id: JobId::new("j"),
            job: Job::Show { account: AccountId::new("a"), card: Handle::new("h") },
            attempts: 0,
            unknown: false,
            since: START,
        };
        // To the second, for a day on: each form in steps of its own.
        for wait in (1..86_400).step_by(97) {
            let at = Timestamp(START.0 + 1_000 * wait);
            let civil = jiff::Timestamp::from_millisecond(at.0).expect("a moment");
            let date = civil.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            for (header, value) in [
                ("retry-after", wait.to_string()),
                ("retry-after", date),
                ("retry-after", civil.to_string()),
                ("x-ratelimit-reset", (at.0 / 1_000).to_string()),
            ] {
                let answer = response(429, &[(header, &value)], "");
                let Err(Failure { kind: Kind::Throttled(after), .. }) = verdict(Verb::Post, &answer, START) else {
                    panic!("{header}: {value} is no throttle");
                };
                for jitter in [0.0, 0.3, 1.0] {
                    let failure = zentry_domain::Failure::Throttled { after };
                    let Ok(Outcome::Throttled { until }) = job::next(&card, &failure, START, jitter) else {
                        panic!("{header}: {value} is not waited for");
                    };
                    let latest = at.0 + 100 * wait + 5_000;
                    assert!(
                        (at.0..=latest).contains(&until.0),
                        "{header}: {value}: {} s",
                        until.since(START).as_secs()
                    );
                }
            }
        }
    }
}
