//! Who takes too much of us is cut off, and who stops us is not kept waiting.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{PATIENCE, Reply, Request};
use crate::world::World;

const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(3600);

async fn connected(world: &World, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(world.at).await.expect("connected");
    stream.write_all(first).await.expect("sent");
    stream
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let world = World::limited(|limits| limits.header = SOON).await;
    let mut silent = connected(&world, b"").await;
    assert!(Reply::read(&mut silent).await.is_none());
}

#[tokio::test]
async fn a_connection_whose_headers_never_end_is_closed() {
    let world = World::limited(|limits| limits.header = SOON).await;
    let mut slow = connected(&world, b"GET / HTTP/1.1\r\nHost: bot.exa").await;
    assert!(Reply::read(&mut slow).await.is_none());
}

#[tokio::test]
async fn a_connection_that_idles_after_an_answer_is_closed() {
    let world = World::limited(|limits| limits.header = SOON).await;
    let mut idle = connected(&world, &Request::get("/").bytes()).await;
    assert_eq!(Reply::read(&mut idle).await.expect("answered").status, 200);
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let world = World::limited(|limits| limits.request = SOON).await;
    let delivery = Request::post("/zoom/events").header("Content-Length", "100");
    let mut slow = connected(&world, &delivery.bytes()).await;
    assert!(Reply::read(&mut slow).await.is_none(), "closed without an answer: no 4xx that a sender takes as final");
}

#[tokio::test]
async fn a_connection_is_used_only_so_long_and_its_last_request_is_answered() {
    let world = World::limited(|limits| (limits.connection, limits.header) = (SOON, LATE)).await;
    let mut stream = connected(&world, &Request::get("/").bytes()).await;
    assert_eq!(Reply::read(&mut stream).await.expect("answered").status, 200);
}

#[tokio::test]
async fn more_headers_than_anybody_sends_are_refused() {
    let world = World::start().await;
    let many = (0..100).fold(Request::get("/"), |request, n| request.header(&format!("X-{n}"), "1"));
    assert_eq!(many.send(world.at).await.status, 431);
    let long = Request::get("/").header("X-Long", &"x".repeat(64 * 1024));
    assert_eq!(long.send(world.at).await.status, 431);
}

#[tokio::test]
async fn at_the_limit_a_new_connection_waits_until_another_ends() {
    let world = World::limited(|limits| limits.connections = 1).await;
    let mut first = connected(&world, &Request::get("/").bytes()).await;
    first.read_exact(&mut [0; 12]).await.expect("answered");
    let mut second = connected(&world, &Request::get("/").header("Connection", "close").bytes()).await;
    assert!(timeout(SOON, second.read_u8()).await.is_err(), "it waits");
    drop(first);
    assert!(timeout(PATIENCE, second.read_u8()).await.expect("in time").is_ok(), "its turn has come");
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish_and_takes_no_other() {
    let world = World::limited(|limits| limits.stop = LATE).await;
    world.gate.shut();
    let delivery = Request::post("/zoom/events").header("X-Signature", "good").body("say help");
    let mut under_way = connected(&world, &delivery.bytes()).await;
    world.gate.has_been_reached().await;
    world.stop.send(true).expect("it listens");
    while TcpStream::connect(world.at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(timeout(SOON, under_way.readable()).await.is_err(), "neither answered nor closed");
    world.gate.open();
    assert_eq!(Reply::read(&mut under_way).await.expect("answered").status, 200);
    timeout(PATIENCE, world.served).await.expect("in time").expect("ended");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let world = World::limited(|limits| limits.stop = SOON).await;
    world.gate.shut();
    let delivery = Request::post("/zoom/events").header("X-Signature", "good").body("say help");
    let mut under_way = connected(&world, &delivery.bytes()).await;
    world.gate.has_been_reached().await;
    world.stop.send(true).expect("it listens");
    timeout(PATIENCE, world.served).await.expect("in time").expect("ended");
    assert!(Reply::read(&mut under_way).await.is_none());
}
