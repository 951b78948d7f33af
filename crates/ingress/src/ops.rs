//! Health and metrics, for those who run the bot; never public.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::answer::{self, Answer};
use crate::limit::Limits;
use crate::serve::serve;

const PLAIN: &str = "text/plain; charset=utf-8";
/// Prometheus's text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4";
/// Probes and scrapers are few.
const CONNECTIONS: usize = 64;

/// What the operations listener tells.
#[async_trait]
pub trait Ops: Send + Sync {
    /// Whether deliveries should be sent here now.
    ///
    /// # Errors
    /// Why not, in one line.
    fn ready(&self) -> Result<(), String>;

    /// The metrics in Prometheus's text format, as they are now.
    async fn metrics(&self) -> String;
}

/// Serves `/healthz`, `/readyz` and `/metrics` until `stop` holds `true` or its sender is gone.
pub async fn serve_ops(listener: TcpListener, ops: Arc<dyn Ops>, stop: watch::Receiver<bool>) {
    let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
    let answer = move |request: Request<Incoming>| {
        let ops = Arc::clone(&ops);
        async move { Ok(tell(&*ops, request.method(), request.uri().path()).await) }
    };
    serve(listener, limits, None, stop, answer).await;
}

async fn tell(ops: &dyn Ops, method: &Method, path: &str) -> Answer {
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return answer::body(StatusCode::NOT_FOUND, PLAIN, "there are /healthz, /readyz and /metrics\n");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return answer::closing(StatusCode::METHOD_NOT_ALLOWED);
    }
    match path {
        "/metrics" => answer::body(StatusCode::OK, PROMETHEUS, ops.metrics().await),
        "/readyz" => match ops.ready() {
            Ok(()) => answer::body(StatusCode::OK, PLAIN, "ready\n"),
            Err(why) => answer::body(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("not ready: {why}\n")),
        },
        _ => answer::body(StatusCode::OK, PLAIN, "alive\n"),
    }
}
