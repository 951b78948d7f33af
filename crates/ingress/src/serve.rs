//! The listeners: take a connection, hold it to its limits, let it end well.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::util::BoxCloneService;
use tower::{ServiceBuilder, ServiceExt as _};

use crate::answer::Answer;
use crate::limit::Limits;
use crate::origin::Peer;
use crate::{Public, Tls};

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How long, and how far, an unread rest is read away behind an answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 16 * 1024 * 1024;
/// Out of file handles: waiting is all there is to do.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The service behind one connection.
type Service = BoxCloneService<Request<Incoming>, Answer, io::Error>;

/// Serves the public routes, over TLS where `tls` is given, until `stop` holds `true` or its sender is gone; then lets
/// the requests under way finish, drops what takes longer than [`Limits::stop`], and returns.
pub async fn serve_public(
    listener: TcpListener,
    public: Arc<Public>,
    tls: Option<Arc<Tls>>,
    stop: watch::Receiver<bool>,
) {
    let limits = public.limits;
    let answer = move |request| {
        let public = Arc::clone(&public);
        async move { public.answer(request).await }
    };
    serve(listener, limits, tls, stop, answer).await;
}

/// Serves what `answer` says. An `Err` closes the connection without an answer.
pub(crate) async fn serve<F, A>(
    listener: TcpListener,
    limits: Limits,
    tls: Option<Arc<Tls>>,
    mut stop: watch::Receiver<bool>,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Answer, hyper::Error>> + Send + 'static,
{
    let service: Service =
        ServiceBuilder::new().boxed_clone().map_err(io::Error::other).timeout(limits.request).service_fn(answer);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    while let Some((slot, stream, peer)) = select! {
        biased;
        () = stopped(&mut stop) => None,
        next = next_connection(&listener, &slots) => next,
    } {
        while connections.try_join_next().is_some() {}
        let service = BoxCloneService::new(service.clone().map_request(move |request| from(peer, request)));
        let (tls, stop) = (tls.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, tls, limits, service, stop).await;
            drop(slot);
        });
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.stop, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "stopped before every request was answered");
    }
}

/// The next connection with the slot that it occupies.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(tokio::sync::OwnedSemaphorePermit, TcpStream, Peer)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Some((slot, stream, Peer(peer.ip()))),
            // It was gone before we took it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; raise the limit of open files");
                // There is no event to wait for: only the pause itself ends this.
                let _ = timeout(ACCEPT_PAUSE, std::future::pending::<()>()).await;
            }
        }
    }
}

fn from(peer: Peer, mut request: Request<Incoming>) -> Request<Incoming> {
    request.extensions_mut().insert(peer);
    request
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Where the sender is gone nobody could say so any more: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    service: Service,
    stop: watch::Receiver<bool>,
) {
    // Answers are small and written once; a failure here costs a delay and nothing else.
    let _ = stream.set_nodelay(true);
    match tls {
        None => converse(stream, limits, service, stop).await,
        Some(tls) => match timeout(limits.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, limits, service, stop).await,
            Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

/// Answers the requests of one connection, until either side ends it.
async fn converse<IO>(io: IO, limits: Limits, service: Service, mut stop: watch::Receiver<bool>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
    let ended = select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        _ = timeout(limits.connection, stopped(&mut stop)) => None,
    };
    let ended = match ended {
        Some(ended) => Ok(ended),
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            timeout(limits.request, poll_fn(|cx| connection.poll_without_shutdown(cx))).await
        }
    };
    match ended {
        Ok(Ok(())) => part(connection.into_parts().io.into_inner(), &stop).await,
        // hyper has answered 400 or 431 by itself.
        Ok(Err(error)) if error.is_parse() => part(connection.into_parts().io.into_inner(), &stop).await,
        Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "closed a connection"),
        Err(_) => tracing::debug!("closed a connection that took no answer"),
    }
}

/// Closes our side, then reads away what is still coming: closing on unread bytes would reset the connection, and the
/// sender of an oversize body would never see why.
async fn part<IO>(mut io: IO, stop: &watch::Receiver<bool>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let parting = async {
        io.shutdown().await?;
        if !*stop.borrow() {
            tokio::io::copy(&mut io.take(LINGER_BYTES), &mut tokio::io::sink()).await?;
        }
        io::Result::Ok(())
    };
    // The answer is out already; what goes wrong from here on concerns nobody.
    let _ = timeout(LINGER, parting).await;
}
