//! A small HTTP/1.1 server on loopback, and the requests and answers it speaks in.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use crate::clock::linger;

const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// One request as it came in, its body read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of one parameter of the query.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        value_of(&self.query_pairs(), name)
    }

    pub(crate) fn query_pairs(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The fields of a form body; none where the body is anything else.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        if self.media_type() != "application/x-www-form-urlencoded" {
            return Vec::new();
        }
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The content type without its parameters, lower case; empty where there is none.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The parts of the path between slashes, percent-decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        let parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
    }

    /// Name and secret of `Authorization: Basic …`.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let decoded = data_encoding::BASE64.decode(encoded.as_bytes()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        text.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned()))
    }

    /// The token of `Authorization: Bearer …`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

/// The first value under `name`.
pub(crate) fn value_of(pairs: &[(String, String)], name: &str) -> Option<String> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// One answer, with the reason for it that only the wire's log shows.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) verdict: String,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), verdict: String::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(crate) fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "text/html; charset=utf-8", body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), verdict: String::new() }
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::empty(302).with("location", location)
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn because(mut self, verdict: impl Into<String>) -> Self {
        self.verdict = verdict.into();
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers.
    Now(Answer),
    /// Answers after this much real time.
    Late(Answer, Duration),
    /// Answers with one byte of the body at a time, this far apart.
    Drip(Answer, Duration),
    /// Answers with the first half of the body and closes the connection.
    Cut(Answer),
    /// Answers, and goes on with this many blanks; without end where it is `None`.
    Flood(Answer, Option<u64>),
    /// Closes the connection without a word.
    Close,
    /// Keeps the connection and says nothing.
    Hang,
}

/// A bound port of 127.0.0.1 that nobody serves yet.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    base: String,
}

impl Bound {
    /// Binds a free port.
    pub(crate) async fn new() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, base })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Answers every request with what `handler` says.
    pub(crate) fn serve<H>(self, handler: H) -> Server
    where
        H: Fn(&Request) -> Reply + Send + Sync + 'static,
    {
        Server(tokio::spawn(accept(self.listener, Arc::new(handler))))
    }
}

/// A running server; dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept<H>(listener: TcpListener, handler: Arc<H>)
where
    H: Fn(&Request) -> Reply + Send + Sync + 'static,
{
    // Owned here, so that aborting this task also ends every connection.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let handler = Arc::clone(&handler);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&handler), request));
            // A client that goes away is no error of ours.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer<H>(handler: Arc<H>, request: hyper::Request<Incoming>) -> Result<hyper::Response<Outgoing>, io::Error>
where
    H: Fn(&Request) -> Reply,
{
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return respond(Answer::empty(StatusCode::PAYLOAD_TOO_LARGE.as_u16()), Rest::Nothing);
    };
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.to_bytes(),
    };
    match handler(&request) {
        Reply::Now(answer) => respond(answer, Rest::Nothing),
        Reply::Drip(answer, every) => respond(answer, Rest::Bytewise { every, pause: None }),
        Reply::Cut(answer) => respond(answer, Rest::Broken),
        Reply::Flood(answer, blanks) => respond(answer, Rest::Blanks(blanks)),
        Reply::Close => Err(io::Error::other("closed on purpose")),
        Reply::Hang => std::future::pending().await,
        Reply::Late(answer, after) => {
            linger(after).await;
            respond(answer, Rest::Nothing)
        }
    }
}

fn respond(answer: Answer, rest: Rest) -> Result<hyper::Response<Outgoing>, io::Error> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Outgoing::new(answer.body, rest)).map_err(io::Error::other)
}

/// A body on its way out.
struct Outgoing {
    left: Bytes,
    /// As the head announces it; `None` where it has no end.
    size: Option<u64>,
    rest: Rest,
}

/// What becomes of a body.
enum Rest {
    /// It is sent at once, and nothing after it.
    Nothing,
    /// It is sent one byte at a time.
    Bytewise { every: Duration, pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>> },
    /// Its first half is sent, and then the connection breaks.
    Broken,
    /// It is sent at once, and so many blanks after it; without end where it is `None`.
    Blanks(Option<u64>),
}

impl Outgoing {
    fn new(body: Bytes, rest: Rest) -> Self {
        let length = body.len() as u64;
        let size = if let Rest::Blanks(blanks) = rest { blanks.map(|blanks| length + blanks) } else { Some(length) };
        let left = if matches!(rest, Rest::Broken) { body.slice(..body.len() / 2) } else { body };
        Self { left, size, rest }
    }

    /// What follows once the body itself is sent.
    fn after(&mut self) -> Option<Result<Bytes, io::Error>> {
        const BLANKS: &[u8] = &[b' '; 64 * 1024];
        match &mut self.rest {
            Rest::Nothing | Rest::Bytewise { .. } => None,
            Rest::Broken => Some(Err(io::Error::other("cut off on purpose"))),
            Rest::Blanks(None) => Some(Ok(Bytes::from_static(BLANKS))),
            Rest::Blanks(Some(0)) => None,
            Rest::Blanks(Some(left)) => {
                let now = (*left).min(BLANKS.len() as u64);
                *left -= now;
                Some(Ok(Bytes::from_static(&BLANKS[..usize::try_from(now).unwrap_or_default()])))
            }
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(self.after().map(|more| more.map(Frame::data)));
        }
        let mut length = self.left.len();
        if let Rest::Bytewise { every, pause } = &mut self.rest {
            let waited = pause.get_or_insert_with(|| Box::pin(linger(*every)));
            if waited.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            *pause = None;
            length = 1;
        }
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && matches!(self.rest, Rest::Nothing | Rest::Bytewise { .. })
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
