//! A client that sends exactly the bytes that a test asks for.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Within which everything that should happen must have happened.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A request under construction; the last of its connection unless it says otherwise.
pub(crate) struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { head: format!("{method} {path} HTTP/1.1\r\nHost: bot.example.com\r\n"), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn body(self, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let request = self.header("Content-Length", &body.len().to_string());
        Self { body: body.to_vec(), ..request }
    }

    /// In pieces of at most 8 KiB, without saying how much there will be.
    pub(crate) fn chunked(self, body: &[u8]) -> Self {
        let mut chunks = Vec::new();
        for piece in body.chunks(8 * 1024) {
            chunks.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            chunks.extend_from_slice(piece);
            chunks.extend_from_slice(b"\r\n");
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        let request = self.header("Transfer-Encoding", "chunked");
        Self { body: chunks, ..request }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Sends it over a connection of its own, and reads until the server closes that.
    pub(crate) async fn send(self, to: SocketAddr) -> Reply {
        let mut stream = TcpStream::connect(to).await.expect("the listener listens");
        let bytes = self.header("Connection", "close").bytes();
        stream.write_all(&bytes).await.expect("the server takes it all, though it may read only a part");
        Reply::read(&mut stream).await.expect("an answer")
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// Everything until the server closes the connection; `None` where that is nothing.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut bytes = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection ends");
        if bytes.is_empty() {
            return None;
        }
        ended.expect("whole");
        Some(Self::parse(&String::from_utf8(bytes).expect("text")))
    }

    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let headers = lines.map(|line| line.split_once(": ").expect("a header"));
        Self {
            status: status.parse().expect("a number"),
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }

    /// What stands between `before` and the next `after`.
    pub(crate) fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("{before} in {}", self.body));
        rest.split_once(after).unwrap_or_else(|| panic!("{after} in {rest}")).0
    }

    /// The page as it reads: without tags, white space folded.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for part in self.between("<main>", "</main>").split('<') {
            text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
