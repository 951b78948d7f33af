//! The blocking call itself: ureq with every limit set, a resolver that filters, and a witness of what was sent.
//!
//! `ureq::unversioned` is outside of semantic versioning, which is why the workspace pins ureq to one version.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ureq::config::Config;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport};
use ureq::{Agent, AsSendBody, Body, Proxy};

use crate::address::{Filter, Refusal, Way};
use crate::{Cause, ConfigError, HttpConfig, HttpError, Request, Response};

const RESOLVE: Duration = Duration::from_secs(3);
/// TCP and TLS together, over all addresses of a name.
const CONNECT: Duration = Duration::from_secs(3);
const SEND: Duration = Duration::from_secs(3);
const RECV_RESPONSE: Duration = Duration::from_secs(8);
const RECV_BODY: Duration = Duration::from_secs(5);
const MAX_IDLE_AGE: Duration = Duration::from_secs(10);
const MAX_IDLE_PER_HOST: usize = 4;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The agent of a client. Fails where a setting cannot be used.
pub(crate) fn agent(config: &HttpConfig, resolver: impl Resolver) -> Result<Agent, ConfigError> {
    if config.user_agent.is_empty() || http::HeaderValue::from_str(&config.user_agent).is_err() {
        return Err(ConfigError::UserAgent);
    }
    let filter = Filter::new(config.allow.clone(), config.proxy.as_ref());
    let settings = settings(config)?;
    Ok(Agent::with_parts(settings, Witness(DefaultConnector::new()), Filtered { resolver, filter }))
}

fn settings(config: &HttpConfig) -> Result<Config, ConfigError> {
    let tls = TlsConfig::builder().root_certs(roots(config.ca_pem.as_deref())?).build();
    Ok(Agent::config_builder()
        .user_agent(&config.user_agent)
        .tls_config(tls)
        .https_only(true)
        .proxy(proxy(config)?)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_resolve(Some(RESOLVE))
        .timeout_connect(Some(CONNECT))
        .timeout_send_request(Some(SEND))
        .timeout_send_body(Some(SEND))
        .timeout_recv_response(Some(RECV_RESPONSE))
        .timeout_recv_body(Some(RECV_BODY))
        .max_response_header_size(MAX_HEADER_BYTES)
        .max_idle_connections(config.senders + config.waiting)
        .max_idle_connections_per_host(MAX_IDLE_PER_HOST)
        .max_idle_age(MAX_IDLE_AGE)
        .build())
}

fn roots(further: Option<&[u8]>) -> Result<RootCerts, ConfigError> {
    let Some(pem) = further else { return Ok(RootCerts::WebPki) };
    let mut own = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| ConfigError::Roots)? {
            own.push(certificate);
        }
    }
    if own.is_empty() {
        return Err(ConfigError::Roots);
    }
    let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    Ok(public.map(|der| Certificate::from_der(der)).chain(own).into())
}

fn proxy(config: &HttpConfig) -> Result<Option<Proxy>, ConfigError> {
    let Some(url) = &config.proxy else { return Ok(None) };
    // ureq would panic on a SOCKS proxy, whose support is not compiled in.
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConfigError::Proxy);
    }
    Proxy::new(url.as_str()).map(Some).map_err(|_| ConfigError::Proxy)
}

/// Performs one call on this thread and sorts its failure.
pub(crate) fn call(agent: &Agent, request: &Request, way: Way, time: Duration) -> Result<Response, HttpError> {
    SENT.set(false);
    exchange(agent, request, way, time).map_err(|error| sort(error, SENT.get(), request))
}

fn exchange(agent: &Agent, request: &Request, way: Way, time: Duration) -> Result<Response, ureq::Error> {
    let mut outgoing = http::Request::builder().method(&request.method).uri(request.url.as_str()).body(())?;
    outgoing.headers_mut().extend(request.headers.clone());
    let answer = if has_body(request) {
        run(agent, outgoing.map(|()| request.body.as_slice()), way, time)?
    } else {
        run(agent, outgoing, way, time)?
    };
    let (parts, body) = answer.into_parts();
    // One byte more, because ureq's limit already fails when it is reached.
    let body = body.into_with_config().limit(request.cap as u64 + 1).read_to_vec()?;
    Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body })
}

/// Methods that usually have no body must not announce an empty one.
fn has_body(request: &Request) -> bool {
    !request.body.is_empty() || !matches!(request.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS)
}

fn run(
    agent: &Agent,
    outgoing: http::Request<impl AsSendBody>,
    way: Way,
    time: Duration,
) -> Result<http::Response<Body>, ureq::Error> {
    let limits = agent.configure_request(outgoing).timeout_global(Some(time));
    let limits = match way {
        Way::Outside => limits,
        Way::Loopback => limits.https_only(false).proxy(None),
    };
    agent.run(limits.build())
}

fn sort(error: ureq::Error, sent: bool, request: &Request) -> HttpError {
    let error = match error {
        ureq::Error::Other(other) => match other.downcast::<Refusal>() {
            Ok(refusal) => return (*refusal).into(),
            Err(other) => ureq::Error::Other(other),
        },
        ureq::Error::BodyExceedsLimit(_) => return HttpError::TooLarge { cap: request.cap },
        ureq::Error::LargeResponseHeader(_, cap) => return HttpError::TooLarge { cap },
        error => error,
    };
    let cause = cause(error, request.host());
    if sent { HttpError::Unknown(cause) } else { HttpError::NotSent(cause) }
}

fn cause(error: ureq::Error, host: &str) -> Cause {
    let timed_out = match &error {
        ureq::Error::Timeout(_) => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::TimedOut,
        _ => false,
    };
    match error {
        // The texts of these two repeat the whole address, with its query.
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => {
            Cause::new(host, false, "the address cannot be called")
        }
        error => Cause::new(host, timed_out, error),
    }
}

/// Lets through only the addresses that the filter keeps. It is asked on every call, for the proxy's name too.
#[derive(Debug)]
struct Filtered<R> {
    resolver: R,
    filter: Filter,
}

impl<R: Resolver> Resolver for Filtered<R> {
    fn resolve(
        &self,
        uri: &http::Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let answer = self.resolver.resolve(uri, config, timeout)?;
        let answer: Vec<SocketAddr> = answer.iter().copied().collect();
        let host = uri.host().unwrap_or_default();
        let default = if uri.scheme() == Some(&http::uri::Scheme::HTTP) { 80 } else { 443 };
        let kept = self
            .filter
            .keep(host, uri.port_u16().unwrap_or(default), &answer)
            .map_err(|refusal| ureq::Error::Other(refusal.into()))?;
        if kept.len() < answer.len() {
            tracing::debug!(host, closed = answer.len() - kept.len(), "left out closed addresses of a DNS answer");
        }
        let mut addresses = self.empty();
        kept.into_iter().for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

thread_local! {
    /// Whether the call on this thread has handed bytes of its request to a connection. A call never changes threads.
    static SENT: Cell<bool> = const { Cell::new(false) };
}

/// Opens connections as ureq does, and notes when a request begins to leave over one.
///
/// ureq's errors do not tell: "reset" may come from a TLS handshake or after a request.
#[derive(Debug)]
struct Witness(DefaultConnector);

impl Connector<()> for Witness {
    type Out = Watched;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Watched>, ureq::Error> {
        // All calls have one TLS configuration. Only as the agent's own does ureq keep it, and with it the sessions.
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        let connected = self.0.connect(&details, chained);
        // What went to a proxy so far was not the request.
        SENT.set(false);
        Ok(connected?.map(Watched))
    }
}

#[derive(Debug)]
struct Watched(Box<dyn Transport>);

impl Transport for Watched {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        // Before, not after: an error does not say how much was written.
        SENT.set(true);
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}
