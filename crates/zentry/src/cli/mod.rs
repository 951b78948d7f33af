//! The command line.

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
