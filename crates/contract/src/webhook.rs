//! What every [`Webhook`] promises.

use zentry_domain::ports::{Delivery, DeliveryKey, Header, Headers, Received, Rejected};
use zentry_domain::{Timestamp, Webhook};

/// What the suite needs beside the port: to sign as the vendor does.
pub trait Bench {
    /// The webhook under test, made with [`Bench::secrets`].
    fn webhook(&self) -> &dyn Webhook;

    /// The secrets that it accepts; at least two, as during a rotation.
    fn secrets(&self) -> Vec<String>;

    /// The headers with which the vendor sends `body`, signed with `secret` at `at`.
    fn sign(&self, secret: &str, body: &[u8], at: Timestamp) -> HeaderList;

    /// The lower-case name of the header that carries the signature.
    fn signature_header(&self) -> &'static str;

    /// Lower-case names of headers that the signature does not cover and that the vendor sends.
    fn unsigned_headers(&self) -> Vec<&'static str>;

    /// Bodies that are events, each another one.
    fn samples(&self) -> Vec<Vec<u8>>;

    /// Well-formed bodies that the vendor may send and that mean nothing to us.
    fn unknown(&self) -> Vec<Vec<u8>>;

    /// The time of the suite.
    fn now(&self) -> Timestamp {
        crate::sample::START
    }
}

/// Headers in memory, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderList(Vec<(String, Vec<u8>)>);

impl HeaderList {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more header; the name in lower case.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Without any header of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(found, _)| found != name);
        self
    }
}

impl Headers for HeaderList {
    fn get(&self, name: &str) -> Header<'_> {
        let mut found = self.0.iter().filter(|(found, _)| found == name);
        match (found.next(), found.next()) {
            (None, _) => Header::Missing,
            (Some((_, value)), None) => Header::One(value),
            (Some(_), Some(_)) => Header::Doubled,
        }
    }
}

/// Runs every case against the bench that the expression makes.
#[macro_export]
macro_rules! webhook_suite {
    ($bench:expr) => {
        $crate::webhook_suite! { @each $bench;
            an_authentic_event_is_accepted,
            each_of_several_secrets_is_accepted,
            a_wrong_secret_is_refused,
            every_single_byte_change_of_the_body_is_refused,
            a_longer_or_shorter_body_is_refused,
            a_signature_that_is_not_spelled_exactly_is_refused,
            a_missing_signature_is_refused,
            a_doubled_signature_is_refused,
            the_signature_of_another_body_is_refused,
            an_authentic_body_that_cannot_be_read_is_unreadable,
            a_reason_quotes_nothing_of_the_body,
            the_same_body_twice_gives_the_same_keys_whatever_the_headers_say,
            different_bodies_give_different_keys,
            unknown_events_are_ignored,
            junk_and_deep_nesting_never_panic,
        }
    };
    (@each $bench:expr; $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::webhook::$case(&$bench);
            }
        )*
    };
}

// === who may speak ===

/// What the vendor signed is an event with at least one key.
pub fn an_authentic_event_is_accepted(bench: &impl Bench) {
    for body in bench.samples() {
        assert!(!keys(bench, &body).is_empty(), "{}", lossy(&body));
    }
}

/// A secret can be changed without losing a delivery.
pub fn each_of_several_secrets_is_accepted(bench: &impl Bench) {
    assert!(bench.secrets().len() > 1, "the suite needs a rotation");
    let body = sample(bench);
    for secret in bench.secrets() {
        let received = receive(bench, &bench.sign(&secret, &body, bench.now()), &body);
        assert!(matches!(received, Ok(Received::Event { .. })), "{received:?}");
    }
}

/// Not a foreign secret, not a part of ours, not ours twice.
pub fn a_wrong_secret_is_refused(bench: &impl Bench) {
    let ours = secret(bench);
    let wrong = ["another-secret".to_owned(), ours[1..].to_owned(), format!("{ours}{ours}"), ours.to_uppercase() + "X"];
    for secret in wrong {
        let body = sample(bench);
        assert_refused(bench, &bench.sign(&secret, &body, bench.now()), &body, "wrong secret");
    }
}

/// Every other value of every byte.
pub fn every_single_byte_change_of_the_body_is_refused(bench: &impl Bench) {
    let body = sample(bench);
    let headers = sign(bench, &body);
    for at in 0..body.len() {
        for change in 1..=u8::MAX {
            let mut forged = body.clone();
            forged[at] ^= change;
            assert_refused(bench, &headers, &forged, "changed byte");
        }
    }
}

/// Not a byte more, not a byte less, wherever.
pub fn a_longer_or_shorter_body_is_refused(bench: &impl Bench) {
    let body = sample(bench);
    let headers = sign(bench, &body);
    for at in 0..=body.len() {
        let mut longer = body.clone();
        longer.insert(at, b' ');
        assert_refused(bench, &headers, &longer, "inserted byte");
        assert_refused(bench, &headers, &body[..at.min(body.len() - 1)], "truncated body");
    }
    for at in 0..body.len() {
        let mut shorter = body.clone();
        shorter.remove(at);
        assert_refused(bench, &headers, &shorter, "removed byte");
    }
}

/// One signature is one string: no other case, no prefix, no part, nothing around it.
pub fn a_signature_that_is_not_spelled_exactly_is_refused(bench: &impl Bench) {
    let (body, name) = (sample(bench), bench.signature_header());
    let headers = sign(bench, &body);
    let right = headers.get(name).one().expect("a signature").to_vec();
    for end in 0..right.len() {
        assert_refused(bench, &respelled(bench, &headers, &right[..end]), &body, "truncated signature");
        let mut changed = right.clone();
        changed[end] ^= 1;
        assert_refused(bench, &respelled(bench, &headers, &changed), &body, "changed signature");
    }
    let around = |before: &str, after: &str| [before.as_bytes(), &right, after.as_bytes()].concat();
    let wrong = [
        right.to_ascii_uppercase(),
        right.repeat(2),
        around("v0=", ""),
        around("sha256=", ""),
        around(" ", ""),
        around("", " "),
        around("", "\n"),
        around("", "0"),
        around("", "00"),
        around("0", ""),
        around("", ","),
        around("", "\u{e9}"),
        vec![0xff; right.len()],
        b"0".repeat(right.len()),
    ];
    for signature in wrong {
        assert_refused(bench, &respelled(bench, &headers, &signature), &body, &lossy(&signature));
    }
}

/// No signature, no event.
pub fn a_missing_signature_is_refused(bench: &impl Bench) {
    let body = sample(bench);
    let headers = sign(bench, &body).without(bench.signature_header());
    assert_refused(bench, &headers, &body, "missing signature");
}

/// Two readers could take different ones of two: neither is believed, even where both are right.
pub fn a_doubled_signature_is_refused(bench: &impl Bench) {
    let (body, name) = (sample(bench), bench.signature_header());
    let headers = sign(bench, &body);
    let right = headers.get(name).one().expect("a signature").to_vec();
    assert_refused(bench, &headers.clone().with(name, right), &body, "doubled signature");
    assert_refused(bench, &headers.with(name, "0"), &body, "second signature");
}

/// A signature cannot be carried over.
pub fn the_signature_of_another_body_is_refused(bench: &impl Bench) {
    let samples = bench.samples();
    for (body, other) in samples.iter().zip(samples.iter().skip(1)) {
        assert_refused(bench, &sign(bench, other), body, "signature of another body");
    }
}

// === what is said ===

/// What is authentic is never refused: its sender would take the refusal as final.
pub fn an_authentic_body_that_cannot_be_read_is_unreadable(bench: &impl Bench) {
    let bodies: [&[u8]; 8] =
        [b"", b" ", b"{", b"null", b"[]", b"\"text\"", b"\xff\xfe{}", b"{\"action\":\"\xc3\x28\",\"event\":\"x\"}"];
    for body in bodies {
        let received = accepted(bench, body);
        assert!(matches!(received, Received::Unreadable(_)), "{}: {received:?}", lossy(body));
    }
}

/// Reasons go to the log, where nothing of a body may go.
pub fn a_reason_quotes_nothing_of_the_body(bench: &impl Bench) {
    let mut bodies: Vec<Vec<u8>> = [
        r#""hunter2""#,
        r#"{"event":hunter2}"#,
        r#"{"hunter2":"hunter2"}"#,
        r#"{"event":{"hunter2":1},"action":{"hunter2":1},"payload":"hunter2","data":"hunter2"}"#,
        r#"{"event":"hunter2","action":"hunter2","payload":{"hunter2":1},"data":{"hunter2":1}}"#,
    ]
    .map(|body| body.as_bytes().to_vec())
    .into();
    bodies
        .extend(bench.samples().iter().map(|body| lossy(body).replacen(":{", ":\"hunter2\",\"x\":{", 1).into_bytes()));
    for body in bodies {
        if let Received::Unreadable(why) = accepted(bench, &body) {
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}

/// A repeat is recognised by what is signed: its sender, or a forger, may change every other header.
pub fn the_same_body_twice_gives_the_same_keys_whatever_the_headers_say(bench: &impl Bench) {
    for body in bench.samples() {
        let first = keys(bench, &body);
        let later = bench.now() + std::time::Duration::from_secs(60);
        let mut headers = bench.sign(&secret(bench), &body, later);
        for name in bench.unsigned_headers() {
            headers = headers.without(name).with(name, "something-else");
        }
        let again = keys_of(receive(bench, &headers, &body).expect("accepted"));
        assert_eq!(first, again, "{}", lossy(&body));
    }
}

/// Nothing is swallowed because it resembles something else.
pub fn different_bodies_give_different_keys(bench: &impl Bench) {
    let keys: Vec<_> = bench.samples().iter().map(|body| keys(bench, body)).collect();
    for (at, one) in keys.iter().enumerate() {
        for other in &keys[at + 1..] {
            assert!(one.iter().all(|key| !other.contains(key)));
        }
    }
}

/// Vendors add events; none of them is an error.
pub fn unknown_events_are_ignored(bench: &impl Bench) {
    for body in bench.unknown() {
        let received = accepted(bench, &body);
        assert!(matches!(received, Received::Ignored(_)), "{}: {received:?}", lossy(&body));
    }
}

/// Whatever was signed is answered, however broken.
pub fn junk_and_deep_nesting_never_panic(bench: &impl Bench) {
    let mut bodies = vec![
        b"[".repeat(100_000),
        b"{\"a\":".repeat(50_000),
        b"{\"event\":".repeat(1_000),
        br#"{"event":1e999,"action":1e999}"#.to_vec(),
        format!("{{\"event\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes(),
        (0..=u8::MAX).collect(),
        br#"{"event":"\ud800","action":"\udc00\ud800"}"#.to_vec(),
    ];
    for body in bench.samples() {
        bodies.extend((0..body.len()).map(|end| body[..end].to_vec()));
        bodies.extend(mutilated(&body));
        let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        bodies.push(lossy(&body).replacen('{', &format!("{{\"deep\":{nested},"), 1).into_bytes());
    }
    for body in bodies {
        accepted(bench, &body);
    }
}

/// The body with every value of it in turn replaced by one of another kind.
fn mutilated(body: &[u8]) -> Vec<Vec<u8>> {
    let text = lossy(body);
    let values: Vec<_> = text.match_indices("\":").map(|(at, _)| at + 2).collect();
    let kinds = ["null,\"x\":", "true,\"x\":", "-1,\"x\":", "1e40,\"x\":", "\"\",\"x\":", "{},\"x\":", "[[]],\"x\":"];
    let spoil = |at: &usize| kinds.map(|kind| format!("{}{kind}{}", &text[..*at], &text[*at..]).into_bytes());
    values.iter().flat_map(spoil).collect()
}

// === the cases' own words ===

fn sample(bench: &impl Bench) -> Vec<u8> {
    bench.samples().into_iter().min_by_key(Vec::len).expect("a sample")
}

fn secret(bench: &impl Bench) -> String {
    bench.secrets().into_iter().next().expect("a secret")
}

fn sign(bench: &impl Bench, body: &[u8]) -> HeaderList {
    bench.sign(&secret(bench), body, bench.now())
}

fn respelled(bench: &impl Bench, headers: &HeaderList, signature: &[u8]) -> HeaderList {
    let name = bench.signature_header();
    headers.clone().without(name).with(name, signature)
}

fn receive(bench: &impl Bench, headers: &HeaderList, body: &[u8]) -> Result<Received, Rejected> {
    bench.webhook().receive(&Delivery { headers, body }, bench.now())
}

fn accepted(bench: &impl Bench, body: &[u8]) -> Received {
    receive(bench, &sign(bench, body), body).expect("an authentic body is never refused")
}

fn keys(bench: &impl Bench, body: &[u8]) -> Vec<DeliveryKey> {
    keys_of(accepted(bench, body))
}

fn keys_of(received: Received) -> Vec<DeliveryKey> {
    match received {
        Received::Event { keys, .. } => keys,
        other => panic!("not an event: {other:?}"),
    }
}

fn assert_refused(bench: &impl Bench, headers: &HeaderList, body: &[u8], what: &str) {
    let received = receive(bench, headers, body);
    assert!(received.is_err(), "{what}: {received:?}");
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
