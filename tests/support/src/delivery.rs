//! Deliveries written down as the simulated Sentry sends them, and sent by hand.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zentry_sandbox::sentry::{Project, Sentry};

use crate::Town;

/// Signs as Sentry does.
#[derive(Clone)]
pub struct Signer {
    sentry: Sentry,
    secret: String,
}

/// An issue that Sentry has just seen for the first time.
#[derive(Clone, Copy, Debug)]
pub struct NewIssue<'a> {
    /// Where.
    pub project: &'a Project,
    /// Its id.
    pub id: u64,
    /// What it is called.
    pub title: &'a str,
    /// How many events it has.
    pub events: u64,
}

impl Signer {
    /// With the secret of the town's integration.
    pub fn of(town: &Town) -> Self {
        Self { sentry: town.sandbox.sentry.clone(), secret: town.cast.integration.client_secret.clone() }
    }

    /// The request that tells of a new issue (Sentry, issue webhooks).
    pub fn created(&self, issue: &NewIssue<'_>) -> Vec<u8> {
        let NewIssue { id, title, events, project: Project { id: project, slug, .. } } = issue;
        let body = format!(
            r#"{{"action":"created","installation":{{"uuid":"a8e5d37a-696c-4c54-adb5-b3f28d64c7de"}},"data":{{"issue":{{
"id":"{id}","shortId":"LOAD-{id}","title":"{title}","culprit":"app/main in run","level":"error","status":"unresolved",
"statusDetails":{{}},"substatus":"new","platform":"javascript","type":"error","issueType":"error",
"issueCategory":"error","project":{{"id":"{project}","name":"{slug}","slug":"{slug}","platform":"javascript"}},
"metadata":{{"type":"{title}","value":"","filename":"app/main.js","function":"run"}},"assignedTo":null,
"priority":"high","count":"{events}","userCount":1,"firstSeen":"2026-08-01T10:00:00Z",
"lastSeen":"2026-08-01T10:00:00Z","web_url":"https://sentry.example.com/organizations/acme/issues/{id}/"}}}},
"actor":{{"type":"application","id":"sentry","name":"Sentry"}}}}"#
        );
        self.sentry.written_down("issue", body, &self.secret)
    }
}

/// Sends a request and reads the status of its answer.
pub(crate) async fn exchange(stream: &mut TcpStream, raw: &[u8]) -> io::Result<u16> {
    stream.write_all(raw).await?;
    let answer = read_message(stream).await?;
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads one HTTP/1.1 message whose length its header says.
async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let Some(end) = message.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&message[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if message.len() >= end + 4 + length.unwrap_or(0_usize) {
                return Ok(message);
            }
        }
        if stream.read_buf(&mut message).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
