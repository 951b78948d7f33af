use std::fmt;
use std::io;

use crate::address::Refusal;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no answer. The variants say what may be done next; none carries a query, a header or a body.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No byte of the request left this process: the name did not resolve, nobody listens, TLS failed, the time was
    /// used up before. The call may be repeated.
    #[error("the request was not sent")]
    NotSent(#[source] Cause),
    /// Bytes of the request were sent and no whole answer came back: the peer may or may not have acted. This
    /// includes a kept connection that had died unnoticed.
    #[error("the request was sent, but its outcome is unknown")]
    Unknown(#[source] Cause),
    /// The address filter refuses this address. Repeating is pointless until the settings or the address change.
    #[error("calling {host} is forbidden: {why}")]
    Forbidden {
        /// The host of the URL.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The peer answered, with more than the request accepts.
    #[error("the answer is larger than {cap} bytes")]
    TooLarge {
        /// The limit, in bytes.
        cap: usize,
    },
    /// [`HttpClient::close`](crate::HttpClient::close) was called; nothing was sent.
    #[error("the HTTP client is closed")]
    Closed,
}

/// What went wrong, and with which host.
pub struct Cause {
    host: String,
    timed_out: bool,
    error: BoxError,
}

/// Why an [`HttpClient`](crate::HttpClient) could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The user agent is no header value.
    #[error("the user agent is empty or has characters that a header cannot carry")]
    UserAgent,
    /// The further roots are no PEM file with certificates.
    #[error("the file of further root certificates is not PEM with at least one certificate")]
    Roots,
    /// The proxy is not usable.
    #[error("the outbound proxy must be http:// or https:// with a host")]
    Proxy,
    /// A sender thread could not be started.
    #[error("cannot start the threads for calls out")]
    Threads(#[source] io::Error),
}

impl Cause {
    pub(crate) fn new(host: &str, timed_out: bool, error: impl Into<BoxError>) -> Self {
        Self { host: host.to_owned(), timed_out, error: error.into() }
    }

    /// The host that was called.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether a time limit ended the call.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.timed_out
    }
}

// `error` is part of the text, hence not also a `source`: a chain of causes would say it twice.
impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.error)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({self})")
    }
}

impl From<Refusal> for HttpError {
    fn from(Refusal { host, why }: Refusal) -> Self {
        Self::Forbidden { host, why }
    }
}
