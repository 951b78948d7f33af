//! Webhooks on their way to the bot: sent, timed, and sent again.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use url::Url;

use crate::{
    client::{NoAnswer, Outbound, exchange},
    clock::{Clock, Stopwatch, milliseconds},
    wire::{Service, Wire},
};

/// What became of one webhook request.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The status of the answer; none where there was none in time.
    pub status: Option<u16>,
    /// How long the answer really took.
    pub took: Duration,
    /// The body of the answer; bytes that are no UTF-8 are replaced.
    pub body: String,
    /// Why there was no answer.
    pub failure: Option<String>,
}

impl Delivery {
    /// Whether the receiver said that it has it: any 2xx in time.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether a sender would try again: no answer in time, or a 5xx. A 4xx is final at both services.
    #[must_use]
    pub fn worth_a_retry(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }

    pub(crate) fn undeliverable(why: &str) -> Self {
        Self { status: None, took: Duration::ZERO, body: String::new(), failure: Some(why.to_owned()) }
    }
}

/// How a delivery made by hand is signed.
#[derive(Clone, Debug)]
pub enum Signing {
    /// As the service signs, now.
    Proper,
    /// Rightly, but with a time stamp of this many Unix seconds.
    At(i64),
    /// With these values in the headers, whatever they are.
    Forged {
        /// The value of the time stamp's header.
        timestamp: String,
        /// The value of the signature's header.
        signature: String,
    },
    /// Without the signature's header.
    Unsigned,
    /// With these headers for time stamp and signature, in this order; a name may come twice.
    Headers(Vec<(String, String)>),
}

/// One webhook request, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) about: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Parcel {
    /// The bytes that go over the wire to this address.
    pub(crate) fn written_to(&self, to: &Url) -> Vec<u8> {
        let authority = &to[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = format!("POST {} HTTP/1.1\r\nHost: {authority}\r\n", to.path());
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut request = request.into_bytes();
        request.extend_from_slice(&self.body);
        request
    }
}

/// How a service sends: to where, with what patience.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) service: Service,
    pub(crate) clock: Clock,
    pub(crate) wire: Wire,
    pub(crate) patience: Duration,
}

impl Post {
    /// Sends one parcel once.
    pub(crate) async fn send(&self, to: Option<&Url>, parcel: &Parcel) -> Delivery {
        let Some(url) = to else {
            return Delivery::undeliverable("the sandbox does not know the bot's address yet");
        };
        let request = Outbound {
            method: Method::POST,
            url: url.clone(),
            headers: parcel.headers.clone(),
            body: parcel.body.clone(),
        };
        let watch = Stopwatch::start();
        let delivery = judged(exchange(request, self.patience).await, watch.read());
        self.wire.sent(self.service, &self.clock, url.path(), &parcel.about, &delivery);
        delivery
    }

    /// Sends again after each of `waits`, counted from the attempt before, until one attempt is not worth another.
    /// `again` gives the parcel of the next attempt and where it goes: the bot may have moved meanwhile.
    pub(crate) async fn insist(&self, waits: &[Duration], again: impl Fn() -> (Option<Url>, Parcel)) {
        let mut last_ms = self.clock.now_ms();
        for (wait, attempt) in waits.iter().zip(2..) {
            self.clock.until(last_ms + milliseconds(*wait)).await;
            last_ms = self.clock.now_ms();
            let (to, mut parcel) = again();
            parcel.about = format!("{}, attempt {attempt}", parcel.about);
            if !self.send(to.as_ref(), &parcel).await.worth_a_retry() {
                return;
            }
        }
    }
}

fn judged(answer: Result<crate::http::Answer, NoAnswer>, took: Duration) -> Delivery {
    match answer {
        Ok(answer) => Delivery {
            status: Some(answer.status),
            took,
            body: String::from_utf8_lossy(&answer.body).into_owned(),
            failure: None,
        },
        Err(error) => Delivery { took, ..Delivery::undeliverable(&error.to_string()) },
    }
}
