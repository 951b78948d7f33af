//! One HTTP/1.1 exchange over a fresh connection to a plain-http address.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{net::TcpStream, task::JoinHandle};
use url::Url;

use crate::http::Answer;

const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// Why no answer came.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// Nothing came within this time, connecting included.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The connection was closed or garbled before the answer was whole.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Sends `request` and reads the whole answer within `limit` of real time. Redirects are not followed.
pub(crate) async fn exchange(request: Outbound, limit: Duration) -> Result<Answer, NoAnswer> {
    tokio::time::timeout(limit, talk(request)).await.unwrap_or(Err(NoAnswer::TimedOut(limit)))
}

async fn talk(request: Outbound) -> Result<Answer, NoAnswer> {
    let stream = connect(&request.url).await?;
    let (mut sender, connection) =
        http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let _connection = Background(tokio::spawn(async move { drop(connection.await) }));
    let response = sender.send_request(build(request)?).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|e| NoAnswer::Broken(e.to_string()))?;
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Ok(Answer {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: body.to_bytes(),
        verdict: String::new(),
    })
}

async fn connect(url: &Url) -> Result<TcpStream, NoAnswer> {
    if url.scheme() != "http" {
        return Err(NoAnswer::Unreachable(format!("{url} is not a plain http address")));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(80);
    TcpStream::connect((host, port)).await.map_err(|e| NoAnswer::Unreachable(e.to_string()))
}

fn build(request: Outbound) -> Result<hyper::Request<Full<Bytes>>, NoAnswer> {
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let mut built = hyper::Request::new(Full::new(request.body));
    *built.method_mut() = request.method;
    *built.uri_mut() = target.parse().map_err(|e: http::uri::InvalidUri| NoAnswer::Broken(e.to_string()))?;
    let authority = request.url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    for (name, value) in std::iter::once(("host".to_owned(), authority)).chain(request.headers) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| NoAnswer::Broken(e.to_string()))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|e| NoAnswer::Broken(e.to_string()))?;
        built.headers_mut().append(name, value);
    }
    Ok(built)
}

fn broken(error: hyper::Error) -> NoAnswer {
    NoAnswer::Broken(error.to_string())
}

/// Ends the connection's task with the exchange it served.
struct Background(JoinHandle<()>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Bound, Reply, Server};

    async fn server_that(reply: Reply) -> (String, Server) {
        let bound = Bound::new().await.unwrap();
        (bound.base().to_owned(), bound.serve(move |_| reply.clone()))
    }

    fn get(base: &str) -> Outbound {
        Outbound { method: Method::GET, url: Url::parse(base).unwrap(), headers: Vec::new(), body: Bytes::new() }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_whole_answer_is_read() {
        let (base, _server) = server_that(Reply::Now(Answer::html(201, "hello"))).await;
        let answer = exchange(get(&base), SECOND).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"hello"[..]));
    }

    #[tokio::test]
    async fn silence_is_told_from_a_closed_connection_and_from_a_closed_port() {
        let (base, silent) = server_that(Reply::Hang).await;
        let moment = Duration::from_millis(50);
        assert!(matches!(exchange(get(&base), moment).await, Err(NoAnswer::TimedOut(_))));
        let (rude, _server) = server_that(Reply::Close).await;
        assert!(matches!(exchange(get(&rude), SECOND).await, Err(NoAnswer::Broken(_))));
        drop(silent);
        tokio::task::yield_now().await;
        assert!(matches!(exchange(get(&base), SECOND).await, Err(NoAnswer::Unreachable(_))));
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_or_has_no_end_is_none() {
        let (cut, _one) = server_that(Reply::Cut(Answer::html(200, "half of this"))).await;
        assert!(matches!(exchange(get(&cut), SECOND).await, Err(NoAnswer::Broken(_))));
        let (endless, _two) = server_that(Reply::Flood(Answer::html(200, "hello"), None)).await;
        assert!(matches!(exchange(get(&endless), SECOND).await, Err(NoAnswer::Broken(_))));
    }

    #[tokio::test]
    async fn what_goes_on_after_an_answer_is_as_long_as_announced() {
        let (base, _server) = server_that(Reply::Flood(Answer::html(200, "hello"), Some(100_000))).await;
        let answer = exchange(get(&base), SECOND).await.unwrap();
        assert_eq!((&answer.body[..6], answer.body.len()), (&b"hello "[..], 100_005));
    }

    #[tokio::test]
    async fn a_dripping_answer_arrives_in_the_end() {
        let (base, _server) = server_that(Reply::Drip(Answer::html(200, "slow"), Duration::from_millis(2))).await;
        assert_eq!(&exchange(get(&base), SECOND).await.unwrap().body[..], b"slow");
    }
}
