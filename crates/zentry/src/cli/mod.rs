//! The command line.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod dead;
pub(crate) mod doctor;
mod examples;
pub(crate) mod init;
pub(crate) mod keys;
mod letter;
pub(crate) mod manifest;
mod output;
#[cfg(feature = "sandbox")]
mod play;
#[cfg(test)]
mod reference;
#[cfg(feature = "sandbox")]
pub(crate) mod sandbox;
pub(crate) mod subscriptions;

use clap::{Parser, Subcommand};

use crate::settings::Settings;

/// Which program this is, and how it was built.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("ZENTRY_COMMIT"),
    ", ",
    env!("ZENTRY_PROFILE"),
    " build for ",
    env!("ZENTRY_TARGET"),
    ")"
);

/// The Sentry chatbot for Zoom Team Chat.
#[derive(Debug, Parser)]
#[command(name = "zentry", version = VERSION, about, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = examples::ALL)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the bot. Every setting is a flag or an environment variable; secrets are variables only.
    #[command(after_help = examples::serve())]
    Serve(Box<Settings>),
    /// Run the bot against a simulated Zoom and a simulated Sentry. Needs no configuration and no account.
    #[command(after_help = examples::SANDBOX)]
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Arguments),
    /// Set it up: asks, prints what both consoles need, makes a key, writes an environment file, and checks everything once
    #[command(after_help = examples::INIT)]
    Init(Box<init::Arguments>),
    /// Check the whole loop between Zoom, Sentry and the bot, hop by hop; each line names the field to change. Ends with 0 only
    /// if nothing is red.
    #[command(after_help = examples::DOCTOR)]
    Doctor(Box<doctor::Arguments>),
    /// Print what is entered in Zoom's or in Sentry's console, as JSON. Needs ZENTRY_PUBLIC_URL, and no secret.
    #[command(after_help = examples::MANIFEST)]
    Manifest(Box<manifest::Arguments>),
    /// What channels are connected to: a table, and a file that is reviewed before it is carried out
    #[command(after_help = examples::SUBSCRIPTIONS)]
    Subscriptions(subscriptions::Arguments),
    /// Dead letters: what was given up, to be replayed or dropped. Works while the bot runs and while it does not.
    #[command(after_help = examples::DEAD)]
    Dead(dead::Arguments),
    /// Who changed what, the oldest first: when, where, and what came of it. Works while the bot runs and while it does not.
    #[command(after_help = examples::AUDIT)]
    Audit(audit::Arguments),
    /// Write a sealed copy of the store to FILE, and check it. Works while the bot runs and while it does not.
    #[command(after_help = examples::BACKUP)]
    Backup(backup::Arguments),
    /// Put the backup FILE in the store's place. What was waiting in it is held. Stop the bot first.
    #[command(after_help = examples::RESTORE)]
    Restore(backup::Arguments),
    /// Sealing keys.
    #[command(after_help = examples::KEYS)]
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = examples::COMPLETIONS)]
    Completions(completions::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Every command with its words, subcommands too.
    fn commands(command: &clap::Command, words: &str) -> Vec<(String, clap::Command)> {
        let own = std::iter::once((words.to_owned(), command.clone()));
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        own.chain(below.flat_map(|below| commands(below, &format!("{words} {}", below.get_name())))).collect()
    }

    #[test]
    fn every_help_ends_with_examples_of_its_own_command_that_are_understood() {
        let all = commands(&Cli::command(), "zentry");
        assert!(all.len() > 12, "{}", all.len());
        for (words, mut command) in all {
            let help = command.render_long_help().to_string();
            let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{words} has no examples"));
            let lines: Vec<_> =
                examples.lines().filter(|line| line.contains("zentry ") && !line.starts_with("   ")).collect();
            assert!(!lines.is_empty(), "{words}");
            for line in lines {
                let line = &line[line.find("zentry").expect("the name")..];
                assert!(line.starts_with(&words), "{line} is shown for {words}");
                assert!(
                    Cli::try_parse_from(line.split(" >").next().unwrap_or_default().split_whitespace()).is_ok(),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn the_version_says_of_which_commit_it_is() {
        let version = Cli::command().render_version();
        assert!(version.starts_with(concat!("zentry ", env!("CARGO_PKG_VERSION"), " (commit ")), "{version}");
        assert_eq!(version.lines().count(), 1);
    }
}
