//! Logs go to standard error; results go to standard output.
//!
//! What is logged goes through a bounded queue: where nobody reads the log the bot goes on, and lines are dropped and counted.

use std::io::{IsTerminal, Write};
use std::sync::mpsc;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::exit::Failure;

/// Lines that may wait for whoever reads the log.
const LINES: usize = 4096;
/// How long the last lines may take at the end.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    pub(crate) filter: String,
    pub(crate) json: bool,
}

/// Where everything goes that is said on standard error.
#[derive(Default)]
pub(crate) struct Log(Option<(NonBlocking, WorkerGuard)>);

impl Log {
    /// Starts logging, once per process. From here on nothing may be written to standard error but through this: whoever
    /// did would wait for the reader.
    ///
    /// # Errors
    /// [`Failure::Setting`] where the filter makes no sense.
    pub(crate) fn start(&mut self, config: &LogConfig) -> Result<Lost, Failure> {
        let (queue, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(LINES)
            .thread_name("zentry-log")
            .finish(std::io::stderr());
        init(config, queue.clone())?;
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a bug in the bot: this should never happen")));
        let lost = Lost(queue.error_counter());
        self.0 = Some((queue, guard));
        Ok(lost)
    }

    /// Says one line, behind whatever is logged.
    pub(crate) fn say(&mut self, line: &str) {
        match &mut self.0 {
            // In one piece, as the queue counts it.
            Some((queue, _)) => drop(queue.write_all(format!("{line}\n").as_bytes())),
            None => eprintln!("{line}"),
        }
    }

    /// Waits until everything is written, but not for long.
    pub(crate) fn end(self) {
        let Some((_, guard)) = self.0 else { return };
        let (written, all) = mpsc::channel();
        // In a thread of its own: it writes to standard output where the queue is full, and nobody may read that either.
        std::thread::spawn(move || {
            drop(guard);
            let _ = written.send(());
        });
        let _ = all.recv_timeout(LAST_LINES);
    }
}

/// Logs at once: for commands that an operator runs and looks at.
///
/// # Errors
/// [`Failure::Setting`] where the filter makes no sense.
pub(crate) fn at_once(config: &LogConfig) -> Result<(), Failure> {
    init(config, std::io::stderr)
}

fn init(config: &LogConfig, to: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|error| Failure::Setting(format!("ZENTRY_LOG: {error}; try info or zentry_app=debug,info")))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(to);
    let started = if config.json { logs.json().try_init() } else { logs.try_init() };
    // Logging that runs already, as in the sandbox's own tests, is as good.
    drop(started);
    Ok(())
}

/// Counts the lines that nobody will read.
#[derive(Clone, Debug)]
pub(crate) struct Lost(ErrorCounter);

impl Lost {
    pub(crate) fn lines(&self) -> u64 {
        self.0.dropped_lines() as u64
    }
}
