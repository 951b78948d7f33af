//! Health and metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zentry_ingress::{Ops, serve_ops};

use crate::client::{PATIENCE, Request};

struct Told(Arc<AtomicBool>);

#[async_trait]
impl Ops for Told {
    fn ready(&self) -> Result<(), String> {
        if self.0.load(Ordering::Relaxed) { Ok(()) } else { Err("draining".to_owned()) }
    }

    async fn metrics(&self) -> String {
        "zentry_dead_jobs 0\n".into()
    }
}

async fn served(is_ready: Arc<AtomicBool>) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let at = listener.local_addr().expect("bound");
    let (stop, stopped) = watch::channel(false);
    (at, stop, tokio::spawn(serve_ops(listener, Arc::new(Told(is_ready)), stopped)))
}

#[tokio::test]
async fn a_process_that_is_not_ready_is_still_alive() {
    let is_ready = Arc::new(AtomicBool::new(true));
    let (at, _stop, _served) = served(Arc::clone(&is_ready)).await;
    let ready = Request::get("/readyz").send(at).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));
    is_ready.store(false, Ordering::Relaxed);
    let draining = Request::get("/readyz").send(at).await;
    assert_eq!((draining.status, draining.body.as_str()), (503, "not ready: draining\n"));
    assert_eq!(Request::get("/healthz").send(at).await.status, 200);
}

#[tokio::test]
async fn metrics_are_in_the_text_format_of_prometheus() {
    let (at, _stop, _served) = served(Arc::new(AtomicBool::new(true))).await;
    let metrics = Request::get("/metrics").send(at).await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(metrics.body, "zentry_dead_jobs 0\n");
}

#[tokio::test]
async fn there_is_nothing_else_and_nothing_to_change() {
    let (at, _stop, _served) = served(Arc::new(AtomicBool::new(true))).await;
    assert_eq!(Request::get("/").send(at).await.status, 404);
    assert_eq!(Request::post("/metrics").send(at).await.status, 405);
    assert_eq!(Request::new("HEAD", "/healthz").send(at).await.status, 200);
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let (_at, stop, served) = served(Arc::new(AtomicBool::new(true))).await;
    stop.send(true).expect("it listens");
    timeout(PATIENCE, served).await.expect("in time").expect("ended");
}
