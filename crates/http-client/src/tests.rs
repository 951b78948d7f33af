//! The client against servers on loopback that misbehave.

mod tls;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use ureq::config::Config;
use ureq::unversioned::resolver::ResolvedSocketAddrs;
use ureq::unversioned::transport::NextTimeout;

use super::*;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

/// A server that handles one connection. The receiver gets what the handler returns, if anybody ever connects.
fn serve<T: Send + 'static>(handle: impl FnOnce(TcpStream) -> T + Send + 'static) -> (Url, Receiver<T>) {
    serve_at("127.0.0.1:0", handle)
}

fn serve_at<T: Send + 'static>(
    address: &str,
    handle: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Url, Receiver<T>) {
    let listener = TcpListener::bind(address).unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let (result, results) = mpsc::channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let _ = result.send(handle(stream));
    });
    (base.parse().unwrap(), results)
}

/// A server that reads one request, gives `answer` and closes.
fn answering(answer: impl Into<Vec<u8>>) -> (Url, Receiver<String>) {
    let answer = answer.into();
    serve(move |mut stream| {
        let request = read_request(&mut stream);
        let _ = stream.write_all(&answer);
        request
    })
}

/// Head and body of a request; empty when the peer closed.
fn read_request(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return String::new(),
        }
    }
    let head = String::from_utf8(request).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn config(allowed: &Url) -> HttpConfig {
    let allow = Allowance::loopback(allowed).into_iter().collect();
    HttpConfig { allow, senders: 2, waiting: 1, ..HttpConfig::new("zentry-test/1") }
}

fn client(allowed: &Url) -> HttpClient {
    HttpClient::new(config(allowed)).unwrap()
}

fn get(url: &Url) -> Request {
    Request::new("test", Method::GET, url.clone())
}

fn post(url: &Url) -> Request {
    Request::new("test", Method::POST, url.clone()).body("{}")
}

/// An address at which nobody listens.
fn vacant() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()
}

/// A resolver that knows one answer for every name; without one, no name exists.
#[derive(Debug)]
struct Answers(Vec<SocketAddr>);

impl Resolver for Answers {
    fn resolve(&self, uri: &http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut answer = self.empty();
        match uri.authority().unwrap().as_str().parse() {
            Ok(literal) => answer.push(literal),
            Err(_) => self.0.iter().for_each(|address| answer.push(*address)),
        }
        if answer.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(answer) }
    }
}

fn address(url: &Url) -> SocketAddr {
    let ip: IpAddr = url.host_str().unwrap().parse().unwrap();
    SocketAddr::new(ip, url.port().unwrap())
}

/// A resolver that never hears an answer: it gives up when its time is up, and tells how long that was.
#[derive(Debug)]
struct Hangs(mpsc::Sender<Duration>);

impl Resolver for Hangs {
    fn resolve(&self, _: &http::Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let _ = self.0.send(*timeout.after);
        Err(ureq::Error::Timeout(timeout.reason))
    }
}

#[tokio::test]
async fn any_status_is_an_answer_with_its_headers_and_body() {
    for status in [200, 204, 304, 400, 401, 404, 429, 500, 503] {
        let body = if matches!(status, 204 | 304) { "" } else { "why" };
        let (url, _) =
            answering(format!("HTTP/1.1 {status} X\r\nRetry-After: 7\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let answer = client(&url).send(post(&url)).await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers[header::RETRY_AFTER], "7");
        assert_eq!(answer.body, body.as_bytes());
    }
}

#[tokio::test]
async fn the_request_arrives_as_it_was_meant() {
    let (url, requests) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let target = url.join("/v2/im?to=a%20b").unwrap();
    let request = Request::new("test", Method::PUT, target)
        .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer t"))
        .body("{\"a\":1}");
    client(&url).send(request).await.unwrap();

    let seen = requests.recv_timeout(LONG).unwrap().to_ascii_lowercase();
    assert!(seen.starts_with("put /v2/im?to=a%20b http/1.1\r\n"), "{seen}");
    for line in ["authorization: bearer t", "user-agent: zentry-test/1", "content-length: 7"] {
        assert!(seen.contains(&format!("{line}\r\n")), "{seen}");
    }
    assert!(seen.ends_with("\r\n\r\n{\"a\":1}"), "{seen}");
    assert!(!seen.contains("accept-encoding"), "{seen}");
}

#[tokio::test]
async fn a_request_without_a_body_announces_none_where_none_is_usual() {
    for (method, announced) in [(Method::GET, false), (Method::DELETE, false), (Method::POST, true)] {
        let (url, requests) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        client(&url).send(Request::new("test", method.clone(), url.clone())).await.unwrap();
        let seen = requests.recv_timeout(LONG).unwrap();
        assert_eq!(seen.contains("content-length: 0"), announced, "{method}: {seen}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (elsewhere, visits) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for status in [301, 302, 303, 307, 308] {
        let (url, _) =
            answering(format!("HTTP/1.1 {status} X\r\nLocation: {elsewhere}\r\nContent-Length: 4\r\n\r\nmove"));
        let mut config = config(&url);
        config.allow.extend(Allowance::loopback(&elsewhere));
        let answer = HttpClient::new(config).unwrap().send(post(&url)).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (status, b"move".as_slice()));
    }
    assert_eq!(visits.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let url = vacant();
    let error = client(&url).send(post(&url)).await.unwrap_err();
    let HttpError::NotSent(cause) = error else { panic!("{error:?}") };
    assert_eq!((cause.host(), cause.is_timeout()), ("127.0.0.1", false));
}

#[tokio::test]
async fn an_unknown_name_is_not_sent_even_after_a_call_on_the_same_thread_was() {
    let (url, _) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let config = HttpConfig { senders: 1, ..config(&url) };
    let client = HttpClient::with_resolver(config, Answers(Vec::new())).unwrap();
    assert_eq!(client.send(post(&url)).await.unwrap().status, 200);

    let error = client.send(post(&"https://nowhere.example/?token=s3cret".parse().unwrap())).await.unwrap_err();
    let HttpError::NotSent(cause) = error else { panic!("{error:?}") };
    assert_eq!(cause.to_string(), "nowhere.example: host not found");
}

#[tokio::test]
async fn a_failed_tls_handshake_is_not_sent_although_bytes_went_out() {
    let (base, hellos) = serve(|mut stream| {
        let mut hello = [0; 6];
        stream.read_exact(&mut hello).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        hello
    });
    let mut url = base.clone();
    url.set_scheme("https").unwrap();
    let error = client(&base).send(post(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent(_)), "{error:?}");
    assert_eq!(hellos.recv_timeout(LONG).unwrap()[0], 22, "the server saw a TLS handshake");
}

#[tokio::test]
async fn a_close_after_the_request_was_read_is_unknown() {
    for partial in
        ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "rubbish\r\n\r\n"]
    {
        let (url, requests) = answering(partial);
        let error = client(&url).send(post(&url)).await.unwrap_err();
        assert!(matches!(error, HttpError::Unknown(_)), "{partial:?}: {error:?}");
        assert!(requests.recv_timeout(LONG).unwrap().ends_with("{}"));
    }
}

#[tokio::test]
async fn a_kept_connection_is_used_again_and_its_death_is_unknown() {
    let (url, requests) = serve(|mut stream| {
        for _ in 0..2 {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
        read_request(&mut stream)
    });
    let client = client(&url);
    for _ in 0..2 {
        assert_eq!(client.send(post(&url)).await.unwrap().body, b"ok");
    }
    let error = client.send(post(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Unknown(_)), "{error:?}");
    assert!(requests.recv_timeout(LONG).unwrap().starts_with("POST"));
}

#[tokio::test]
async fn silence_is_ended_by_the_deadline_and_unknown() {
    let (hold, held) = mpsc::channel::<()>();
    let (url, _) = serve(move |mut stream| {
        read_request(&mut stream);
        let _ = held.recv_timeout(LONG);
    });
    let began = now();
    let error = client(&url).send(post(&url).deadline(SHORT)).await.unwrap_err();
    assert!(began.elapsed() < SHORT * 10);
    let HttpError::Unknown(cause) = error else { panic!("{error:?}") };
    assert!(cause.is_timeout(), "{cause}");
    drop(hold);
}

#[tokio::test]
async fn a_slow_drip_is_ended_by_the_total_deadline() {
    let (head, body) = ("HTTP/1.1 200 OK\r\nX-Pad: ", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for prefix in [head, body] {
        let (stop, stopped) = mpsc::channel::<()>();
        let (url, _) = serve(move |mut stream| {
            read_request(&mut stream);
            stream.write_all(prefix.as_bytes()).unwrap();
            while stopped.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                if stream.write_all(b"x").is_err() {
                    break;
                }
            }
        });
        let began = now();
        let error = client(&url).send(get(&url).deadline(SHORT)).await.unwrap_err();
        assert!(began.elapsed() < SHORT * 10);
        assert!(matches!(&error, HttpError::Unknown(cause) if cause.is_timeout()), "{error:?}");
        drop(stop);
    }
}

#[tokio::test]
async fn a_body_may_fill_the_cap_and_not_a_byte_more() {
    let (cap, long) = (1000, "x".repeat(1001));
    for (length, framing) in
        [(1000, "sized"), (1001, "sized"), (1000, "chunked"), (1001, "chunked"), (1000, "close"), (1001, "close")]
    {
        let body = &long[..length];
        let (url, _) = answering(match framing {
            "sized" => format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"),
            "chunked" => {
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
            }
            _ => format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}"),
        });
        match client(&url).send(get(&url).cap(cap)).await {
            Ok(answer) => assert_eq!((answer.body.len(), length), (cap, cap), "{framing}"),
            Err(HttpError::TooLarge { cap: named }) => assert_eq!((named, length), (cap, 1001), "{framing}"),
            Err(error) => panic!("{framing} {length}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_default_cap() {
    let (url, _) = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let error = client(&url).send(get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { cap: 262_144 }), "{error:?}");
}

#[tokio::test]
async fn too_large_a_head_is_refused() {
    let (url, _) = answering(format!("HTTP/1.1 200 OK\r\nX-Pad: {}\r\n\r\n", "x".repeat(17 * 1024)));
    let error = client(&url).send(get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { cap: 16_384 }), "{error:?}");
}

#[tokio::test]
async fn loopback_and_plain_http_are_closed_unless_that_very_address_is_allowed() {
    let (url, visits) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let strict = HttpClient::new(HttpConfig::new("zentry-test/1")).unwrap();
    let mut tls = url.clone();
    tls.set_scheme("https").unwrap();
    for refused in [&url, &tls, &"http://api.zoom.us/".parse().unwrap()] {
        let error = strict.send(get(refused)).await.unwrap_err();
        assert!(matches!(error, HttpError::Forbidden { .. }), "{refused}: {error:?}");
    }
    assert_eq!(visits.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(client(&url).send(get(&url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_name_that_is_looked_up_for_more_than_three_seconds_is_not_sent() {
    let (asked, times) = mpsc::channel();
    let client = HttpClient::with_resolver(HttpConfig::new("zentry-test/1"), Hangs(asked)).unwrap();
    let url = "https://api.example/x?token=s3cret".parse().unwrap();
    let error = client.send(post(&url).deadline(LONG)).await.unwrap_err();
    assert!(matches!(&error, HttpError::NotSent(cause) if cause.is_timeout()), "{error:?}");
    assert!(times.recv_timeout(LONG).unwrap() <= Duration::from_secs(3));
}

#[tokio::test]
async fn a_name_that_resolves_to_a_closed_address_is_forbidden_and_never_connected_to() {
    let (base, visits) = serve(drop);
    let resolver = Answers(vec![address(&base), "10.0.0.1:443".parse().unwrap()]);
    let client = HttpClient::with_resolver(HttpConfig::new("zentry-test/1"), resolver).unwrap();
    let url = "https://rebind.example/x?token=s3cret".parse().unwrap();
    let error = client.send(post(&url)).await.unwrap_err();

    assert!(matches!(&error, HttpError::Forbidden { host, .. } if host == "rebind.example"), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    assert_eq!(visits.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn of_a_mixed_dns_answer_only_the_open_address_is_connected_to() {
    // Loopback stands for the private addresses of a network: one opened for the host, the other not.
    let (open, open_visits) = serve_at("127.0.0.1:0", drop);
    let (closed, closed_visits) = serve_at("127.0.0.2:0", drop);
    let answer = Answers(vec![address(&closed), address(&open)]);
    let mut config = HttpConfig::new("zentry-test/1");
    config.allow = vec![Allowance::host("sentry.example", vec!["127.0.0.1/32".parse().unwrap()])];
    let client = HttpClient::with_resolver(config, answer).unwrap();

    let error = client.send(post(&"https://sentry.example/".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent(_)), "the server hung up in the handshake: {error:?}");
    assert_eq!(open_visits.recv_timeout(LONG), Ok(()));
    assert_eq!(closed_visits.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn what_fails_at_or_behind_a_proxy_before_the_request_is_not_sent() {
    for answer in ["HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", ""] {
        let (proxy, requests) = answering(answer);
        let mut config = HttpConfig::new("zentry-test/1");
        config.proxy = Some(proxy);
        let client = HttpClient::new(config).unwrap();
        let url = "https://api.example/v2?token=s3cret".parse().unwrap();
        let error = client.send(post(&url)).await.unwrap_err();

        assert!(matches!(error, HttpError::NotSent(_)), "{answer:?}: {error:?}");
        let seen = requests.recv_timeout(LONG).unwrap();
        assert!(seen.starts_with("CONNECT api.example:443 HTTP/1.1"), "{seen}");
        assert!(!seen.contains("s3cret"));
    }
}

#[tokio::test]
async fn allowed_loopback_goes_past_the_proxy() {
    let (url, _) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let config = HttpConfig { proxy: Some(vacant()), ..config(&url) };
    let answer = HttpClient::new(config).unwrap().send(get(&url)).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn those_who_wait_are_served_while_all_senders_hang() {
    let (hold, held) = mpsc::channel::<()>();
    let (slow, _) = serve(move |mut stream| {
        read_request(&mut stream);
        let _ = held.recv_timeout(LONG);
    });
    let (quick, _) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let mut config = HttpConfig { senders: 1, ..config(&slow) };
    config.allow.extend(Allowance::loopback(&quick));
    let client = HttpClient::new(config).unwrap();

    let hanging = client.send(get(&slow));
    let crowd = async {
        let busy = client.send(get(&quick).deadline(SHORT)).await.unwrap_err();
        assert!(matches!(&busy, HttpError::NotSent(cause) if cause.is_timeout()), "{busy:?}");
        let awaited = client.send(get(&quick).urgency(Urgency::Awaited)).await.unwrap();
        assert_eq!(awaited.status, 200);
        drop(hold);
    };
    let (hung, ()) = tokio::join!(hanging, crowd);
    assert!(matches!(hung, Err(HttpError::Unknown(_))), "{hung:?}");
}

#[tokio::test]
async fn a_closed_client_sends_nothing() {
    let (url, visits) = serve(drop);
    let client = client(&url);
    client.close();
    let error = client.clone().send(get(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Closed));
    assert_eq!(visits.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let refused = |change: fn(&mut HttpConfig)| {
        let mut config = HttpConfig::new("zentry-test/1");
        change(&mut config);
        HttpClient::new(config).unwrap_err()
    };
    assert!(matches!(refused(|c| c.user_agent.clear()), ConfigError::UserAgent));
    assert!(matches!(refused(|c| c.user_agent = "a\nb".to_owned()), ConfigError::UserAgent));
    assert!(matches!(refused(|c| c.ca_pem = Some(b"not PEM".to_vec())), ConfigError::Roots));
    assert!(matches!(refused(|c| c.ca_pem = Some(Vec::new())), ConfigError::Roots));
    assert!(matches!(refused(|c| c.proxy = "socks5://p.example:1080".parse().ok()), ConfigError::Proxy));
}

#[test]
fn debug_of_the_settings_hides_the_password_of_the_proxy() {
    let mut config = HttpConfig::new("zentry-test/1");
    config.proxy = "http://ana:s3cret@proxy.example:3128".parse().ok();
    let text = format!("{config:?}");
    assert!(text.contains("proxy.example") && !text.contains("s3cret"), "{text}");
}

#[test]
fn every_outcome_has_one_of_the_published_labels() {
    let answer = |status| Ok(Response { status, headers: http::HeaderMap::new(), body: Vec::new() });
    let cause = |timed_out| Cause::new("api.example", timed_out, "x");
    for (outcome, expected) in [
        (answer(200), "2xx"),
        (answer(302), "refused"),
        (answer(404), "4xx"),
        (answer(429), "429"),
        (answer(503), "5xx"),
        (Err(HttpError::NotSent(cause(true))), "timeout"),
        (Err(HttpError::Unknown(cause(true))), "timeout"),
        (Err(HttpError::NotSent(cause(false))), "refused"),
        (Err(HttpError::Unknown(cause(false))), "refused"),
    ] {
        assert_eq!(label(&outcome), expected);
    }
}
