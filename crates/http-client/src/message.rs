use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

/// Longest time for one call where the request names none.
const DEADLINE: Duration = Duration::from_secs(10);
/// Largest body of an answer, in bytes, where the request names none.
const CAP: usize = 256 * 1024;

/// Whose turn a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Background work.
    Queued,
    /// A person waits for the answer; senders are kept free for this.
    Awaited,
}

/// A call to make.
///
/// `Debug` shows neither the query, nor header values, nor the body.
#[derive(Clone)]
pub struct Request {
    pub(crate) service: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) urgency: Urgency,
    pub(crate) deadline: Duration,
    pub(crate) cap: usize,
}

/// What the peer answered, whatever the status.
///
/// `Debug` shows neither header values nor the body: an answer may carry a token.
#[derive(Clone)]
pub struct Response {
    /// HTTP status; redirects are not followed, so 3xx arrives here.
    pub status: u16,
    /// All headers, 16 KiB at most.
    pub headers: HeaderMap,
    /// The whole body, within the request's cap.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and body, queued, with 10 s and an answer of at most 256 KiB.
    /// `service` is the label under which the call is counted.
    #[must_use]
    pub fn new(service: &'static str, method: Method, url: Url) -> Self {
        Self {
            service,
            method,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            urgency: Urgency::Queued,
            deadline: DEADLINE,
            cap: CAP,
        }
    }

    /// Sets a header; every value is treated as a secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets whose turn it is.
    #[must_use]
    pub fn urgency(mut self, urgency: Urgency) -> Self {
        self.urgency = urgency;
        self
    }

    /// Sets the time for everything together: waiting for a sender, resolving, connecting, sending and receiving.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the largest accepted body of the answer, in bytes.
    #[must_use]
    pub fn cap(mut self, cap: usize) -> Self {
        self.cap = cap;
        self
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // A request with user information is refused, but may be printed before.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        f.debug_struct("Request")
            .field("service", &self.service)
            .field("method", &self.method)
            .field("url", &url.as_str())
            .field("headers", &Names(&self.headers))
            .field("body", &Bytes(self.body.len()))
            .field("urgency", &self.urgency)
            .field("deadline", &self.deadline)
            .field("cap", &self.cap)
            .finish()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &Names(&self.headers))
            .field("body", &Bytes(self.body.len()))
            .finish()
    }
}

struct Names<'a>(&'a HeaderMap);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

struct Bytes(usize);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn debug_shows_no_secret_of_a_request_or_an_answer() {
        let url = "https://ana:s3cret@sentry.example/api/0/x?token=s3cret#s3cret";
        let request = Request::new("sentry", Method::POST, url.parse().unwrap())
            .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"))
            .body("client_secret=s3cret");
        let answer = Response { status: 200, headers: request.headers.clone(), body: request.body.clone() };

        let text = format!("{request:?} {answer:?}");
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains(r#"url: "https://sentry.example/api/0/x""#), "{text}");
        assert!(text.contains(r#"headers: ["authorization"], body: 20 bytes"#), "{text}");
    }

    #[test]
    fn header_values_are_marked_as_secret_for_whoever_gets_them_next() {
        let request = Request::new("zoom", Method::GET, "https://api.zoom.us".parse().unwrap())
            .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"));
        assert!(request.headers[header::AUTHORIZATION].is_sensitive());
    }
}
