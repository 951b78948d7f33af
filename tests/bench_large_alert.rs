//! How long an alert with a large event takes to be verified, read, decided on and stored, beside a small one.
//!
//! `cargo bench -p zentry --bench large_alert` prints the medians of alternating deliveries over HTTP, each with a body of its
//! own, from the first byte sent to the answer; the answer comes once it is stored.

use std::time::Duration;

use zentry_test_support::sandbox::Signing;
use zentry_test_support::sandbox::sentry::Project;
use zentry_test_support::{Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const EACH: usize = 200;
const LARGE: usize = 256 * 1_024;

#[tokio::main]
async fn main() {
    let town = Town::with_integration(ZENTRY).await;
    kept(town.jane_types("connect acme web").await);
    town.jane_sees("Connected: acme / web").await;
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for n in 0..EACH {
        small.push(delivered(&town, &alert(&town.cast.web, 2 * n, 0)).await);
        large.push(delivered(&town, &alert(&town.cast.web, 2 * n + 1, LARGE)).await);
    }
    let (small, large) = (median(small), median(large));
    println!("an alert of 3 kB: {small:.2?}; of {} kB: {large:.2?}; ratio {:.2}", LARGE / 1_024, ratio(large, small));
}

async fn delivered(town: &Town, body: &str) -> Duration {
    let secret = &town.cast.integration.client_secret;
    kept(town.sandbox.sentry.deliver_raw("event_alert", body.to_owned(), secret, Signing::Proper).await).took
}

/// An alert whose event has a stack trace of at least so many bytes (Sentry, event object).
fn alert(project: &Project, number: usize, bytes: usize) -> String {
    let (issue, Project { id: project, slug, .. }) = (10_000 + number, project);
    let frame = |n: usize| {
        format!(
            r#"{{"filename":"app/module_{n}.py","function":"run_{n}","lineno":{n},"colno":7,"in_app":{},"module":"app.module_{n}",
"abs_path":"/srv/app/module_{n}.py","context_line":"    return self.pool.acquire(timeout={n})","pre_context":["def run(self):","    \"\"\"Waits.\"\"\""],
"post_context":["","class Next:"],"vars":{{"self":"<Pool object at 0x7f{n:06x}>","timeout":"{n}","retries":[1,2,3]}}}}"#,
            n.is_multiple_of(3)
        )
    };
    let size = frame(1_000).len() + 1;
    let frames = (0..=bytes / size).map(frame).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"action":"triggered","installation":{{"uuid":"a8e5d37a-696c-4c54-adb5-b3f28d64c7de"}},"data":{{
"triggered_rule":"Page on new errors","event":{{"event_id":"{number:032x}","project":{project},"platform":"python","type":"error",
"level":"error","title":"TimeoutError: pool exhausted","culprit":"app/pool.py in acquire","message":"","release":"2.4.1",
"environment":"production","tags":[["environment","production"],["level","error"],["release","2.4.1"]],
"exception":{{"values":[{{"type":"TimeoutError","value":"pool exhausted","stacktrace":{{"frames":[{frames}]}}}}]}},
"metadata":{{"type":"TimeoutError","value":"pool exhausted"}},
"url":"https://sentry.example.com/api/0/projects/acme/{slug}/events/{number:032x}/",
"web_url":"https://sentry.example.com/organizations/acme/issues/{issue}/events/{number:032x}/",
"issue_url":"https://sentry.example.com/api/0/organizations/acme/issues/{issue}/","issue_id":"{issue}"}}}},
"actor":{{"type":"application","id":"sentry","name":"Sentry"}}}}"#
    )
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
