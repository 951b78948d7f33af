//! The real binary as a child process.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, PipeReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Starting takes a fraction of a second; a machine that is busy building may take longer.
const START: Duration = Duration::from_secs(30);

/// `zentry serve`, running.
pub struct Bot {
    child: Child,
    log: Arc<Mutex<String>>,
}

/// How `zentry serve` is started: its environment, and nothing else of ours.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The binary.
    pub program: PathBuf,
    /// Its settings.
    pub settings: BTreeMap<String, String>,
    /// What it is started through, with its arguments: a tracer, or a shell that sets limits. Empty: nothing.
    pub through: Vec<String>,
}

impl Setup {
    /// The command, with exactly these settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let through = self.through.iter().map(OsStr::new);
        let mut words = through.chain([self.program.as_os_str()]).chain(arguments.iter().map(OsStr::new));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().envs(&self.settings).stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it says that it is ready.
    ///
    /// # Panics
    /// Where it ends instead; with what it wrote.
    pub fn start(&self) -> Bot {
        let (bot, lines) = self.launch();
        loop {
            match lines.recv_timeout(START) {
                Ok(line) if line.contains("ready") => return bot,
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {
                    panic!("the bot did not become ready:\n{}", bot.log())
                }
            }
        }
    }

    /// Starts it and waits for nothing; the lines that it writes come one by one.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn launch(&self) -> (Bot, Receiver<String>) {
        let mut command = self.command(&["serve"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let (log, lines) = follow(&mut child);
        (Bot { child, log }, lines)
    }

    /// Starts it where nobody ever reads what it writes.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start_unread(&self) -> Unread {
        let mut command = self.command(&["serve"]);
        let (unread, written) = std::io::pipe().expect("a pipe");
        // Both into one, as with `2>&1 |`.
        let stdout = written.try_clone().expect("a second end");
        let child = command.stdout(stdout).stderr(written).spawn().expect("the binary starts");
        Unread { bot: Bot { child, log: Arc::default() }, _unread: unread }
    }

    /// Runs an operator's command to its end.
    ///
    /// # Panics
    /// Where it cannot be run, or writes anything but text.
    pub fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("the binary starts");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs it to its end, which must come soon: its exit code and what it wrote to standard error.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub fn refused(&self) -> (i32, String) {
        let output = self.command(&["serve"]).output().expect("the binary starts");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its results.
    pub stdout: String,
    /// Whatever else it said.
    pub stderr: String,
}

impl Ran {
    /// Its results, of a command that has succeeded and said nothing else.
    ///
    /// # Panics
    /// Where it has not.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// The one line that it said, of a command that has failed with this code and printed no result.
    ///
    /// # Panics
    /// Where it has not.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        self.stderr
    }
}

/// A bot whose log nobody reads.
pub struct Unread {
    /// It.
    pub bot: Bot,
    _unread: PipeReader,
}

/// Collects what the child writes, so that it never blocks, and passes each line on.
fn follow(child: &mut Child) -> (Arc<Mutex<String>>, Receiver<String>) {
    let log = Arc::new(Mutex::new(String::new()));
    let (sender, lines) = channel();
    let (kept, stderr) = (Arc::clone(&log), child.stderr.take().expect("standard error is piped"));
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut log = kept.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
            // Once it is ready nobody listens any more.
            let _ = sender.send(line);
        }
    });
    (log, lines)
}

impl Bot {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it ever had, in bytes.
    ///
    /// # Panics
    /// Where it does not run any more, or the system does not tell.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let read = |line: &str| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok();
        let kilobytes: Option<u64> = status.lines().find_map(read);
        1024 * kilobytes.unwrap_or_else(|| panic!("no VmHWM:\n{status}"))
    }

    /// What it has written to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends it a signal: `TERM`, `HUP`.
    ///
    /// # Panics
    /// Where it does not run any more.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success(), "the bot was not running any more:\n{}", self.log());
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub fn terminate(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// Where it cannot be waited for.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// Ends it without asking (SIGKILL).
    ///
    /// # Panics
    /// Where it cannot be ended.
    pub fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the bot wrote:\n{}", self.log());
        }
    }
}

/// A port that nobody listens on, and that no other test of this process was given: the kernel may name one again as soon
/// as it is let go.
///
/// # Panics
/// Where the machine has none left.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        if GIVEN.lock().expect("not poisoned").insert(port) {
            return port;
        }
    }
}
