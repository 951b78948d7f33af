//! What the operating system was asked to do, as `strace` saw it: what was written where, what was synced, what was sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Setup;

/// How long the tracer may take to write down the end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was traced, in the order in which it was seen.
#[derive(Clone, Debug, Default)]
pub struct Trace(pub Vec<Call>);

/// One system call that succeeded. Two calls overlap where neither ended before the other began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it was made; each moment is later than those of lines before.
    pub began: usize,
    /// When it returned.
    pub ended: usize,
    /// What it did.
    pub what: What,
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Bytes went into a file, at an offset.
    Write(String, u64, Vec<u8>),
    /// A file was cut or stretched to this length.
    Truncate(String, u64),
    /// A file's content, or a folder's entries, went to stable storage.
    Sync(String),
    /// A file is there from now on, if it was not before.
    Create(String),
    /// A file is there no more.
    Remove(String),
    /// Bytes came over a connection.
    Received(String, Vec<u8>),
    /// Bytes went out over a connection.
    Sent(String, Vec<u8>),
}

impl What {
    /// Whether this changes the file.
    pub fn changes(&self, file: &str) -> bool {
        match self {
            Self::Write(path, ..) | Self::Truncate(path, _) | Self::Create(path) | Self::Remove(path) => path == file,
            Self::Sync(_) | Self::Received(..) | Self::Sent(..) => false,
        }
    }
}

/// Why nothing can be traced on this machine, if nothing can.
pub fn unavailable() -> Option<String> {
    let tried = Command::new("strace").args(["-D", "-f", "-o", "/dev/null", "true"]).stdin(Stdio::null()).output();
    match tried {
        Err(error) => Some(format!("strace cannot be run: {error}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("strace may not trace here: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Lets the bot be traced from its next start on, into this file. The bot stays our child, and the tracer its own.
pub fn into(setup: &mut Setup, file: &Path) {
    const CALLS: &str = "trace=openat,unlink,pwrite64,ftruncate,fsync,fdatasync,write,writev,sendto,sendmsg,recvfrom";
    let words =
        ["strace", "-D", "-f", "--seccomp-bpf", "-xx", "-yy", "-s", "1048576", "-e", CALLS, "-e", "signal=none", "-o"];
    setup.through = words.map(str::to_owned).into_iter().chain([file.display().to_string()]).collect();
    // The tracer itself is looked for there.
    setup.settings.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
}

/// Waits until the trace of a process that has ended is whole, and reads it.
///
/// # Panics
/// Where there is none.
pub async fn of_ended(process: u32, file: &Path) -> Trace {
    let process = process.to_string();
    let is_end = |line: &str| {
        let mut words = line.split_whitespace();
        words.next() == Some(&process) && words.next() == Some("+++")
    };
    let ended = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while !end_of(file).expect("a trace").lines().any(is_end) {
            look.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the tracer ends with the bot");
    Trace::read(&std::fs::read_to_string(file).expect("a trace"))
}

/// The last few lines.
fn end_of(file: &Path) -> io::Result<String> {
    const ENOUGH: u64 = 4096;
    let (mut file, mut end) = (File::open(file)?, Vec::new());
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
    file.read_to_end(&mut end)?;
    Ok(text(&end))
}

impl Trace {
    /// Reads what `strace -f -xx -yy` has written. Calls that failed did nothing and are left out.
    pub fn read(text: &str) -> Self {
        let mut calls = Vec::new();
        let mut unfinished = HashMap::new();
        for (now, line) in text.lines().enumerate() {
            let Some((process, line)) = line.split_once(' ') else { continue };
            let line = line.trim_start();
            if let Some(begun) = line.strip_suffix("<unfinished ...>") {
                unfinished.insert(process, (now, begun));
            } else if let Some((_, rest)) = line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>")) {
                let Some((began, begun)) = unfinished.remove(process) else { continue };
                calls.extend(call(&format!("{begun}{rest}")).map(|what| Call { began, ended: now, what }));
            } else {
                calls.extend(call(line).map(|what| Call { began: now, ended: now, what }));
            }
        }
        Self(calls)
    }
}

/// Reads `name(arguments) = result`.
fn call(line: &str) -> Option<What> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result: u64 = result.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    let strings = strings(arguments);
    if name == "openat" {
        return arguments.contains("O_CREAT").then(|| What::Create(text(&strings.concat())));
    }
    if name == "unlink" {
        return Some(What::Remove(text(&strings.concat())));
    }
    let file = behind(arguments)?;
    let last = || arguments.rsplit(", ").next()?.trim_end().parse().ok();
    let bytes =
        |length: u64| strings.concat().into_iter().take(usize::try_from(length).unwrap_or(usize::MAX)).collect();
    let is_connection = file.starts_with("TCP");
    Some(match name {
        "pwrite64" => What::Write(file, last()?, bytes(result)),
        "ftruncate" => What::Truncate(file, last()?),
        "fsync" | "fdatasync" => What::Sync(file),
        "recvfrom" if is_connection => What::Received(file, bytes(result)),
        "write" | "writev" | "sendto" | "sendmsg" if is_connection => What::Sent(file, bytes(result)),
        _ => return None,
    })
}

/// What is behind the descriptor that comes first: `11<path>`, `12<TCP:[here->there]>`.
fn behind(arguments: &str) -> Option<String> {
    let (_, named) = arguments.split_once('<')?;
    match named.starts_with("TCP") {
        true => Some(named[..named.find("]>")?].to_owned()),
        false => Some(text(&unescaped(&named[..named.find('>')?]))),
    }
}

/// The quoted arguments.
fn strings(arguments: &str) -> Vec<Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(unescaped).collect()
}

/// Two hexadecimal digits behind `\x` each.
fn unescaped(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    hex.as_bytes().chunks_exact(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, usize, What)> {
        Trace::read(text).0.into_iter().map(|call| (call.began, call.ended, call.what)).collect()
    }

    #[test]
    fn files_are_known_by_their_names_and_connections_by_their_ends() {
        let calls = read(concat!(
            r#"7 openat(AT_FDCWD<\x2f>, "\x2f\x61", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 16<\x2f\x61>"#,
            "\n",
            r#"7 pwrite64(16<\x2f\x61>, "\x00\x41\xff", 3, 4096) = 2"#,
            "\n",
            r"8 fdatasync(16<\x2f\x61>) = 0",
            "\n",
            r"8 ftruncate(16<\x2f\x61>, 512) = 0",
            "\n",
            r#"8 writev(12<TCP:[127.0.0.1:80->127.0.0.1:9]>, [{iov_base="\x48", iov_len=1}, {iov_base="\x49", iov_len=1}], 2) = 2"#,
            "\n",
            r#"8 unlink("\x2f\x61") = 0"#,
        ));
        assert_eq!(
            calls,
            [
                (0, 0, What::Create("/a".into())),
                (1, 1, What::Write("/a".into(), 4096, vec![0, 0x41])),
                (2, 2, What::Sync("/a".into())),
                (3, 3, What::Truncate("/a".into(), 512)),
                (4, 4, What::Sent("TCP:[127.0.0.1:80->127.0.0.1:9".into(), b"HI".to_vec())),
                (5, 5, What::Remove("/a".into())),
            ]
        );
    }

    #[test]
    fn a_call_that_others_interrupt_lasts_until_it_is_resumed() {
        let calls = read(concat!(
            r#"7 pwrite64(16<\x2f\x61>, "\x41", 1, 0 <unfinished ...>"#,
            "\n",
            "8 fsync(5<\\x2f\\x62> <unfinished ...>\n",
            "7 <... pwrite64 resumed>) = 1\n",
            "8 <... fsync resumed>) = 0\n",
        ));
        assert_eq!(calls, [(0, 2, What::Write("/a".into(), 0, b"A".to_vec())), (1, 3, What::Sync("/b".into()))]);
    }

    #[test]
    fn what_failed_did_nothing() {
        let calls = read(concat!(
            r#"7 pwrite64(16<\x2f\x61>, "\x41", 1, 0) = -1 ENOSPC (No space left on device)"#,
            "\n7 fsync(16<\\x2f\\x61>) = -1 EIO (Input/output error)\n7 +++ exited with 0 +++\n",
        ));
        assert_eq!(calls, []);
    }
}
