//! The page's own little server: files, the state, changes as they happen, and deeds.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use askama::Template;
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{
    BodyExt, Either, Full, Limited,
    channel::{Channel, Sender},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::{Stage, deed, outage::Weather, story, view};
use crate::clock::linger;

type Answer = Response<Either<Full<Bytes>, Channel<Bytes>>>;

/// No deed is longer.
const BODY_LIMIT: usize = 64 * 1024;
/// Changes that come within this time are told together.
const GATHER: Duration = Duration::from_millis(40);
/// How long nothing may be said before whoever listens is shown that the line is open.
const QUIET: Duration = Duration::from_secs(15);
/// Nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Embedded, so that the binary is all there is.
const FILES: &[(&str, &str, &str)] = &[
    ("/assets/page.css", CSS, include_str!("../../assets/page.css")),
    ("/assets/zoom.css", CSS, include_str!("../../assets/zoom.css")),
    ("/assets/sentry-half.css", CSS, include_str!("../../assets/sentry-half.css")),
    ("/assets/page.js", SCRIPT, include_str!("../../assets/page.js")),
    ("/assets/draw.js", SCRIPT, include_str!("../../assets/draw.js")),
    ("/assets/card.js", SCRIPT, include_str!("../../assets/card.js")),
    ("/assets/zoom.js", SCRIPT, include_str!("../../assets/zoom.js")),
    ("/assets/sentry.js", SCRIPT, include_str!("../../assets/sentry.js")),
    ("/assets/wire.js", SCRIPT, include_str!("../../assets/wire.js")),
    ("/assets/icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

#[derive(Template)]
#[template(path = "page/index.html")]
struct Index {
    stories: &'static [story::Card],
    weathers: [(Weather, &'static str); 5],
}

/// Answers every connection until it is ended.
pub(super) async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    // Owned here, so that ending this also ends every connection.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            linger(GATHER).await;
            continue;
        };
        let stage = Arc::clone(&stage);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let stage = Arc::clone(&stage);
                async move { Ok::<_, Infallible>(secured(answer(&stage, request).await)) }
            });
            // A browser that goes away is no error of ours.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(stage: &Arc<Stage>, request: hyper::Request<Incoming>) -> Answer {
    if !is_local(&request) {
        return refused(StatusCode::FORBIDDEN, "this address is not the sandbox's own");
    }
    let path = request.uri().path();
    let viewer = viewer(request.uri().query().unwrap_or_default());
    match (request.method(), path) {
        (&Method::GET, "/") => index(),
        (&Method::GET, "/api/state") => of_json(StatusCode::OK, &Value::Object(view::whole(stage, &viewer))),
        (&Method::GET, "/events") => events(Arc::clone(stage), viewer),
        (&Method::POST, "/api/do") => done(stage, request).await,
        (&Method::GET, path) => match FILES.iter().find(|(name, _, _)| *name == path) {
            Some((_, kind, content)) => whole(StatusCode::OK, kind, *content),
            None => refused(StatusCode::NOT_FOUND, "there is no such page"),
        },
        _ => refused(StatusCode::METHOD_NOT_ALLOWED, "not with this method"),
    }
}

/// Other sites must neither read the page nor do anything with it: a browser names the address that it was given, which for
/// a name that somebody else controls is no address of this machine, and says where a form came from.
fn is_local(request: &hyper::Request<Incoming>) -> bool {
    let of = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(host) = of(header::HOST) else { return false };
    let is_same = of(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == Some(host));
    is_own_name(host) && is_same
}

/// Whether this is a name, with or without a port, that nobody else can give to an address of this machine.
pub(super) fn is_own_name(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn viewer(query: &str) -> String {
    let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "as");
    named.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn index() -> Answer {
    match (Index { stories: story::CARDS, weathers: Weather::NAMED }).render() {
        Ok(html) => whole(StatusCode::OK, "text/html; charset=utf-8", html),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn done(stage: &Arc<Stage>, request: hyper::Request<Incoming>) -> Answer {
    // A form of another site cannot send this type without asking first.
    let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !is_json {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "deeds are JSON");
    }
    let Ok(body) = Limited::new(request.into_body(), BODY_LIMIT).collect().await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "that is too much");
    };
    let deed = match serde_json::from_slice(&body.to_bytes()) {
        Ok(deed) => deed,
        Err(error) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    };
    // In a task of its own: whoever asked may go away, and it is done all the same.
    let carried_out = tokio::spawn(deed::carry_out(Arc::clone(stage), deed)).await;
    match carried_out {
        Ok(Ok(note)) => of_json(StatusCode::OK, &json!({ "ok": true, "note": note })),
        Ok(Err(why)) => of_json(StatusCode::OK, &json!({ "ok": false, "note": why })),
        Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "the sandbox failed at that"),
    }
}

/// Server-sent events: each part of the state, first as it is, then whenever it is different.
fn events(stage: Arc<Stage>, viewer: String) -> Answer {
    let (sender, body) = Channel::new(8);
    tokio::spawn(async move { tell(&stage, &viewer, sender).await });
    let mut answer = Response::new(Either::Right(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer
}

async fn tell(stage: &Stage, viewer: &str, mut sender: Sender<Bytes>) -> Option<()> {
    let mut told: Vec<String> = vec![String::new(); view::PARTS.len()];
    loop {
        let heard = view::changed(stage);
        for ((name, part), told) in view::PARTS.iter().zip(&mut told) {
            let now = part(stage, viewer).to_string();
            if now != *told {
                sender.send_data(format!("event: {name}\ndata: {now}\n\n").into()).await.ok()?;
                *told = now;
            }
        }
        if tokio::time::timeout(QUIET, heard).await.is_err() {
            sender.send_data(Bytes::from_static(b": still here\n\n")).await.ok()?;
        }
        linger(GATHER).await;
    }
}

fn of_json(status: StatusCode, value: &Value) -> Answer {
    whole(status, "application/json", value.to_string())
}

fn refused(status: StatusCode, why: &str) -> Answer {
    of_json(status, &json!({ "ok": false, "note": why }))
}

fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn secured(mut answer: Answer) -> Answer {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    answer.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}
