//! What a sender of webhooks is answered, and what is counted.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Reply, Request};
use crate::world::{CAP, World, until};

fn signed(body: &str) -> Request {
    Request::post("/zoom/events").header("X-Signature", "good").body(body)
}

#[tokio::test]
async fn every_delivery_gets_its_answer_and_is_counted_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let world = World::start().await;
    for (body, status) in [
        ("say help", 200),
        ("say help", 200),
        ("change unsubscribed", 200),
        ("nothing", 200),
        ("challenge abc", 200),
        ("{", 200),
    ] {
        assert_eq!(signed(body).send(world.at).await.status, status, "{body}");
    }
    assert_eq!(Request::post("/zoom/events").body("say hi").send(world.at).await.status, 401);
    assert_eq!(signed(&"x".repeat(CAP + 1)).send(world.at).await.status, 413);
    world.store.set_down(true);
    assert_eq!(signed("say again").send(world.at).await.status, 500);

    let rendered = recorder.handle().render();
    for (outcome, count) in [
        ("kept", 1),
        ("repeat", 1),
        ("ignored", 3),
        ("unreadable", 1),
        ("unsigned", 1),
        ("too_large", 1),
        ("failed", 1),
    ] {
        let line = format!("zentry_deliveries_total{{source=\"zoom\",outcome=\"{outcome}\"}} {count}");
        assert!(rendered.lines().any(|found| found == line), "{line} in {rendered}");
    }
    assert!(rendered.contains("zentry_delivery_seconds_count{source=\"zoom\"} 9"), "{rendered}");
}

#[tokio::test]
async fn a_kept_delivery_is_in_the_store_when_it_is_answered() {
    let world = World::start().await;
    assert_eq!(signed("say help").send(world.at).await.status, 200);
    assert_eq!(world.store.waiting().len(), 1);
    assert_eq!(signed("say help").send(world.at).await.status, 200);
    assert_eq!(world.store.waiting().len(), 1, "a repeat changes nothing");
}

#[tokio::test]
async fn a_challenge_is_answered_with_its_json() {
    let world = World::start().await;
    let reply = signed("challenge abc").send(world.at).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.body, "{\"plainToken\":\"abc\"}");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_signature_the_answer_is_the_same() {
    let world = World::start().await;
    let post = || Request::post("/zoom/events").body("say help");
    let refused = [
        post().send(world.at).await,
        post().header("X-Signature", "bad").send(world.at).await,
        post().header("X-Signature", "good").header("X-Signature", "good").send(world.at).await,
    ];
    for reply in refused {
        let names: Vec<_> = reply.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((reply.status, reply.body.as_str()), (401, ""));
        assert_eq!(names, ["connection", "content-length", "date"]);
        assert_eq!(reply.header("connection"), Some("close"));
    }
    assert!(world.store.waiting().is_empty());
}

#[tokio::test]
async fn a_refused_sender_loses_its_connection_though_it_would_keep_it() {
    let world = World::limited(|limits| limits.header = Duration::from_secs(3600)).await;
    let mut stream = TcpStream::connect(world.at).await.expect("connected");
    stream.write_all(&Request::post("/zoom/events").body("say help").bytes()).await.expect("sent");
    assert_eq!(Reply::read(&mut stream).await.expect("answered").status, 401);
}

#[tokio::test]
async fn an_oversize_body_is_refused_before_it_is_sent() {
    let world = World::start().await;
    let announced = Request::post("/zoom/events").header("Content-Length", &(CAP + 1).to_string());
    assert_eq!(announced.send(world.at).await.status, 413);
}

#[tokio::test]
async fn an_oversize_body_that_does_not_say_so_is_refused_once_it_is_too_long() {
    let world = World::start().await;
    let chunked = |size| Request::post("/zoom/events").header("X-Signature", "good").chunked(&vec![b'x'; size]);
    assert_eq!(chunked(CAP).send(world.at).await.status, 200);
    assert_eq!(chunked(CAP + 1).send(world.at).await.status, 413);
    assert_eq!(chunked(100 * CAP).send(world.at).await.status, 413, "and the answer arrives");
}

#[tokio::test]
async fn what_finds_no_room_is_shed_with_500_and_room_comes_back() {
    let world = World::limited(|limits| limits.body_bytes = 100).await;
    assert_eq!(signed(&"x".repeat(101)).send(world.at).await.status, 500);
    for _ in 0..3 {
        assert_eq!(signed(&"x".repeat(100)).send(world.at).await.status, 200);
    }
}

#[tokio::test]
async fn other_methods_and_unknown_paths_are_refused() {
    let world = World::start().await;
    let wrong = Request::get("/zoom/events").send(world.at).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    for path in ["/zoom/event", "/zoom/events/", "/sentry/hooks/abc", "/sentry/webhook"] {
        assert_eq!(Request::post(path).body("say help").send(world.at).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_sender_that_hangs_up_early_does_not_undo_its_delivery() {
    let world = World::start().await;
    world.gate.shut();
    let mut stream = TcpStream::connect(world.at).await.expect("connected");
    stream.write_all(&signed("say help").bytes()).await.expect("sent");
    world.gate.has_been_reached().await;
    drop(stream);
    // The server has seen the end of the connection once it takes another one.
    assert_eq!(Request::get("/").send(world.at).await.status, 200);
    world.gate.open();
    until(|| !world.store.waiting().is_empty()).await;
}
