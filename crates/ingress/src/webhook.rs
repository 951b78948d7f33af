//! Deliveries: read whole, verified, decided, committed, and only then answered.
//!
//! Both senders take a 4xx as final, so only what no repeat could mend is answered with one; 400, 429 and 503 never are.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use tracing::Instrument;
use zentry_app::{Accepted, App};
use zentry_domain::Event;
use zentry_domain::ports::{Delivery, DeliveryKey, Header, Headers, HookError, Received, Rejected};

use crate::answer::{self, Answer};
use crate::limit::{Unread, read_body};
use crate::pages::Note;
use crate::{Door, HookDoor, Public};

/// Takes one delivery in.
///
/// # Errors
/// Where it did not come whole.
pub(crate) async fn deliver(public: &Public, door: &Door, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let tally = Tally::begin(door.source);
    take_in(public, door, request, tally).instrument(tracing::info_span!("accept", source = door.source)).await
}

/// Takes in what one hook sends. An address that was never ours, or is not any more, is none.
///
/// # Errors
/// Where it did not come whole.
pub(crate) async fn deliver_hook(
    public: &Public,
    door: &HookDoor,
    token: &str,
    request: Request<Incoming>,
) -> Result<Answer, hyper::Error> {
    let tally = Tally::begin(door.source);
    take_in_hook(public, door, token, request, tally)
        .instrument(tracing::info_span!("accept", source = door.source))
        .await
}

async fn take_in_hook(
    public: &Public,
    door: &HookDoor,
    token: &str,
    request: Request<Incoming>,
    tally: Tally,
) -> Result<Answer, hyper::Error> {
    let hook = match public.app.hook(token).await {
        Ok(Some(hook)) if !hook.is_stranded => hook,
        Ok(_) => {
            let page = public.frame.page(StatusCode::NOT_FOUND, &Note::not_found(&public.frame));
            return Ok(tally.end("unsigned", answer::closed(page)));
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "nobody can say now which hook sends this");
            return Ok(tally.end("failed", answer::closing(StatusCode::INTERNAL_SERVER_ERROR)));
        }
    };
    let (head, body) = request.into_parts();
    let body = match read_body(body, door.cap, &public.room).await {
        Ok(body) => body,
        Err(unread) => return not_whole(unread, tally),
    };
    if hook.ended.is_some() {
        tracing::debug!("dropped what a hook sends that nobody needs any more");
        return Ok(tally.end("ignored", answer::empty(StatusCode::OK)));
    }
    let delivery = Delivery { headers: &View(&head.headers), body: &body.bytes };
    let received = match door.webhook.receive(&hook, &delivery).await {
        Ok(received) => Ok(received),
        Err(HookError::Rejected(rejected)) => Err(rejected),
        Err(error @ HookError::Unavailable(_)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "nobody can say now whether a hook sent this");
            return Ok(tally.end("failed", answer::empty(StatusCode::INTERNAL_SERVER_ERROR)));
        }
    };
    Ok(answered(public, door.source, received, &body.bytes, tally).await)
}

async fn take_in(
    public: &Public,
    door: &Door,
    request: Request<Incoming>,
    tally: Tally,
) -> Result<Answer, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = match read_body(body, door.cap, &public.room).await {
        Ok(body) => body,
        Err(unread) => return not_whole(unread, tally),
    };
    let delivery = Delivery { headers: &View(&head.headers), body: &body.bytes };
    let received = door.webhook.receive(&delivery, public.clock.now());
    Ok(answered(public, door.source, received, &body.bytes, tally).await)
}

/// A body that was not read whole.
fn not_whole(unread: Unread, tally: Tally) -> Result<Answer, hyper::Error> {
    match unread {
        Unread::TooLarge => Ok(tally.end("too_large", answer::closing(StatusCode::PAYLOAD_TOO_LARGE))),
        Unread::NoRoom => {
            tracing::warn!("shed a delivery: the bodies under way take all the room there is for them");
            Ok(tally.end("failed", answer::closing(StatusCode::INTERNAL_SERVER_ERROR)))
        }
        Unread::Broken(error) => Err(error),
    }
}

/// What follows from a delivery that was read whole, and its answer.
async fn answered(
    public: &Public,
    source: &'static str,
    received: Result<Received, Rejected>,
    body: &[u8],
    tally: Tally,
) -> Answer {
    match received {
        Err(rejected) => {
            tracing::debug!(why = rejected.0, "refused a delivery");
            tally.end("unsigned", answer::closing(StatusCode::UNAUTHORIZED))
        }
        Ok(Received::Challenge(json)) => tally.end("ignored", answer::body(StatusCode::OK, "application/json", json)),
        Ok(Received::Ignored(what)) => {
            tracing::debug!(what, "ignored a delivery");
            tally.end("ignored", answer::empty(StatusCode::OK))
        }
        Ok(Received::Unreadable(why)) => {
            tracing::warn!(why, "an authentic delivery cannot be read; its sender may speak a newer format");
            unreadable(&public.app, source, body, tally).await
        }
        Ok(Received::Event { keys, event }) => accept(&public.app, keys, event, tally).await,
    }
}

/// In a task of its own: a sender that hangs up early does not stop half-way what is being committed.
async fn accept(app: &Arc<App>, keys: Vec<DeliveryKey>, event: Box<Event>, tally: Tally) -> Answer {
    let app = Arc::clone(app);
    let accepted = async move {
        let (outcome, status) = match app.accept(&keys, &event).await {
            Ok(Accepted::Kept) => ("kept", StatusCode::OK),
            Ok(Accepted::Repeat) => ("repeat", StatusCode::OK),
            Ok(Accepted::Ignored) => ("ignored", StatusCode::OK),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "a delivery could not be stored and its sender was told so; look at the store");
                ("failed", StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        tally.end(outcome, answer::empty(status))
    };
    tokio::spawn(accepted.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a delivery could not be decided: a bug in the bot");
        tally.end("failed", answer::empty(StatusCode::INTERNAL_SERVER_ERROR))
    })
}

/// Kept, so that a mend can be tried on it; where it cannot be kept, the sender keeps it.
async fn unreadable(app: &App, source: &str, body: &[u8], tally: Tally) -> Answer {
    match app.keep_unreadable(source, body).await {
        Ok(_) => tally.end("unreadable", answer::empty(StatusCode::OK)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an unreadable delivery could not be kept");
            tally.end("failed", answer::empty(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

/// hyper's headers, looked up where they are.
struct View<'a>(&'a HeaderMap);

impl Headers for View<'_> {
    fn get(&self, name: &str) -> Header<'_> {
        let mut found = self.0.get_all(name).iter();
        match (found.next(), found.next()) {
            (None, _) => Header::Missing,
            (Some(value), None) => Header::One(value.as_bytes()),
            (Some(_), Some(_)) => Header::Doubled,
        }
    }
}

/// Counts and times one delivery.
#[derive(Clone, Copy)]
struct Tally {
    source: &'static str,
    began: Instant,
}

impl Tally {
    #[expect(clippy::disallowed_methods, reason = "measures a duration for a metric")]
    fn begin(source: &'static str) -> Self {
        Self { source, began: Instant::now() }
    }

    fn end(self, outcome: &'static str, answer: Answer) -> Answer {
        metrics::counter!("zentry_deliveries_total", "source" => self.source, "outcome" => outcome).increment(1);
        metrics::histogram!("zentry_delivery_seconds", "source" => self.source).record(self.began.elapsed());
        answer
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_header_is_missing_there_once_or_doubled() {
        let mut headers = HeaderMap::new();
        headers.insert("x-once", HeaderValue::from_static("1"));
        headers.append("x-twice", HeaderValue::from_static("1"));
        headers.append("x-twice", HeaderValue::from_static("1"));
        let view = View(&headers);
        assert_eq!(view.get("x-never"), Header::Missing);
        assert_eq!(view.get("x-once"), Header::One(b"1"));
        assert_eq!(view.get("x-twice"), Header::Doubled);
    }
}
