//! The command line.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod dead;
mod letter;
mod output;
#[cfg(feature = "sandbox")]
mod play;
#[cfg(feature = "sandbox")]
pub(crate) mod sandbox;

use clap::{Parser, Subcommand};

use crate::settings::Settings;

/// The Sentry chatbot for Zoom Team Chat.
#[derive(Debug, Parser)]
#[command(name = "zentry", version, about, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the bot. Every setting is a flag or an environment variable; secrets are variables only.
    Serve(Box<Settings>),
    /// Run the bot against a simulated Zoom and a simulated Sentry. Needs no configuration and no account.
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Arguments),
    /// Dead letters: what was given up, to be replayed or dropped. Works while the bot runs and while it does not.
    Dead(dead::Arguments),
    /// Who changed what, the oldest first: when, where, and what came of it. Works while the bot runs and while it does not.
    Audit(audit::Arguments),
    /// Write a sealed copy of the store to FILE, and check it. Works while the bot runs and while it does not.
    Backup(backup::Arguments),
    /// Put the backup FILE in the store's place. What was waiting in it is held. Stop the bot first.
    Restore(backup::Arguments),
    /// Sealing keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Print a new sealing key, ready for ZENTRY_KEYS.
    New {
        /// The key's name, by which sealed values remember it.
        #[arg(long, default_value = "k1")]
        id: String,
    },
}
