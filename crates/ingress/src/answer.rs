//! Answers, and the headers that every one of a kind carries.

use askama::Template;
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::Site;
use crate::pages::Note;

/// Nothing inline: an injected script or style is never run, and no other site frames a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'self'";
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// A whole answer.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}

/// Without a body, and the connection's last.
pub(crate) fn closing(status: StatusCode) -> Answer {
    closed(empty(status))
}

/// `answer` as the connection's last.
pub(crate) fn closed(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// With a body of this type.
pub(crate) fn body(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = empty(status);
    *answer.body_mut() = Full::new(body.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// What all pages have around them.
pub(crate) struct Frame {
    /// The path of the public address, without a slash at the end.
    pub(crate) base: String,
    /// The slash command's name without the slash.
    pub(crate) command: String,
    is_https: bool,
    policy: HeaderValue,
    link_policy: HeaderValue,
}

impl Frame {
    pub(crate) fn new(site: &Site) -> Self {
        Self {
            base: site.public_url.path().trim_end_matches('/').to_owned(),
            command: site.command.clone(),
            is_https: site.public_url.scheme() == "https",
            policy: HeaderValue::from_static(POLICY),
            link_policy: link_policy(&site.sentry_origins),
        }
    }

    /// A page.
    pub(crate) fn page(&self, status: StatusCode, page: &impl Template) -> Answer {
        match page.render() {
            Ok(html) => self.guarded(body(status, "text/html; charset=utf-8", html)),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
                self.guarded(empty(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }

    /// The page whose form is answered with a redirect to Sentry, which Chromium holds against the page's policy.
    pub(crate) fn link_page(&self, page: &impl Template) -> Answer {
        let mut answer = self.page(StatusCode::OK, page);
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, self.link_policy.clone());
        answer
    }

    /// On to another address, with GET.
    pub(crate) fn see_other(&self, address: &str) -> Answer {
        let Ok(location) = HeaderValue::try_from(address) else {
            tracing::error!("a redirect leads to an address that is none; check the addresses in the settings");
            return self.page(StatusCode::INTERNAL_SERVER_ERROR, &Note::failed(self));
        };
        let mut answer = empty(StatusCode::SEE_OTHER);
        answer.headers_mut().insert(LOCATION, location);
        self.guarded(answer)
    }

    /// 405, naming what would work.
    pub(crate) fn not_allowed(&self, allow: &'static str) -> Answer {
        let mut answer = closed(self.page(StatusCode::METHOD_NOT_ALLOWED, &Note::not_allowed(self)));
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        answer
    }

    /// A file that browsers may keep for an hour.
    pub(crate) fn asset(&self, content_type: &'static str, content: &'static str) -> Answer {
        let mut answer = body(StatusCode::OK, content_type, content);
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        self.secured(answer)
    }

    fn guarded(&self, mut answer: Answer) -> Answer {
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        self.secured(answer)
    }

    fn secured(&self, mut answer: Answer) -> Answer {
        let headers = answer.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.is_https {
            headers.insert(STRICT_TRANSPORT_SECURITY, TWO_YEARS);
        }
        answer
    }
}

/// The policy with Sentry's origins beside `'self'`. What would end the directive is left out: it is no origin.
fn link_policy(origins: &[String]) -> HeaderValue {
    let is_source = |origin: &&String| origin.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b';' | b','));
    let policy = origins.iter().filter(is_source).fold(POLICY.to_owned(), |policy, origin| policy + " " + origin);
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_cannot_add_a_directive() {
        let policy = link_policy(&["https://sentry.io".into(), "x; script-src *".into(), "y,z".into()]);
        assert_eq!(policy, format!("{POLICY} https://sentry.io"));
    }
}
