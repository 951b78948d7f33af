//! How much a stranger may take of us: time, connections, bytes.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The first bytes of a body that are made room for before they come.
const FIRST_BYTES: usize = 16 * 1024;

/// What one listener grants. The default is what production grants.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first look for a request to the end of its headers; so also how long a connection idles.
    pub header: Duration,
    /// From the end of the headers to the answer.
    pub request: Duration,
    /// The TLS handshake.
    pub handshake: Duration,
    /// How long a connection is used; the request under way then is the last.
    pub connection: Duration,
    /// How long requests under way may take once the listener is told to stop.
    pub stop: Duration,
    /// Connections at once. At the limit new ones wait until one ends.
    pub connections: usize,
    /// Bytes of bodies held at once, over all connections. What does not fit is shed with 500.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(5),
            request: Duration::from_secs(10),
            handshake: Duration::from_secs(5),
            connection: Duration::from_secs(300),
            stop: Duration::from_secs(2),
            connections: 2048,
            body_bytes: 64 * 1024 * 1024,
        }
    }
}

/// A body, and the room that it takes until it is dropped.
pub(crate) struct Held<'a> {
    pub(crate) bytes: Vec<u8>,
    _room: SemaphorePermit<'a>,
}

/// Why a body was not read.
pub(crate) enum Unread {
    /// It is larger than its cap, or says so.
    TooLarge,
    /// All room is taken.
    NoRoom,
    /// It did not come whole: there is nobody left to answer.
    Broken(hyper::Error),
}

/// Reads `body` whole, at most `cap` bytes of it, and takes `room` as the bytes come: what a request only announces
/// costs nothing.
pub(crate) async fn read_body(mut body: Incoming, cap: usize, room: &Semaphore) -> Result<Held<'_>, Unread> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > cap {
        return Err(Unread::TooLarge);
    }
    let mut bytes = Vec::with_capacity(announced.min(FIRST_BYTES));
    let mut taken = take(room, 0)?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else { continue };
        if data.len() > cap - bytes.len() {
            return Err(Unread::TooLarge);
        }
        taken.merge(take(room, data.len())?);
        bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes, _room: taken })
}

fn take(room: &Semaphore, bytes: usize) -> Result<SemaphorePermit<'_>, Unread> {
    let permits = u32::try_from(bytes).map_err(|_| Unread::NoRoom)?;
    room.try_acquire_many(permits).map_err(|_| Unread::NoRoom)
}
