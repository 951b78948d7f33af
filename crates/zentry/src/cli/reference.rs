//! The references of commands and settings in the documentation, made of the command line itself.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Command, CommandFactory};

use super::Cli;
use crate::settings::SECRETS;

/// What builds and tests read, beside the settings.
const OTHERS: [&str; 5] = ["ZENTRY_BLESS", "ZENTRY_COMMIT", "ZENTRY_PICTURES", "ZENTRY_PROOF", "ZENTRY_SEED"];

/// Flags that are settings of `serve`, and something of its own where a command has only them.
const OWN: [&str; 2] = ["listen", "store"];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every command with its words, subcommands too.
fn commands(command: &Command, words: &str) -> Vec<(String, Command)> {
    let own = std::iter::once((words.to_owned(), command.clone()));
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    own.chain(below.flat_map(|below| commands(below, &format!("{words} {}", below.get_name())))).collect()
}

/// Flag, variable and meaning of every setting that is no secret.
fn plain() -> Vec<(String, String, String)> {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("serve").clone();
    let setting = |arg: &clap::Arg| {
        let variable = arg.get_env()?.to_str()?.to_owned();
        Some((arg.get_long()?.to_owned(), variable, arg.get_help().map(ToString::to_string).unwrap_or_default()))
    };
    serve.get_arguments().filter_map(setting).collect()
}

/// `docs/SETTINGS.md`.
fn settings() -> String {
    let mut text = String::from(
        "# Settings\n\nEach is an environment variable and, unless it is a secret, a flag of the commands that need it; the flag wins. An empty \
         variable counts\nas unset. [Operations](OPERATIONS.md) says more about most of them.\n\n| variable | flag | meaning |\n|---|---|---|\n",
    );
    for (flag, variable, meaning) in plain() {
        let _ = writeln!(text, "| `{variable}` | `--{flag}` | {} |", meaning.replace('|', "\\|"));
    }
    text.push_str(
        "\n## Secrets\n\nA secret is never a flag: it comes from its variable, or from the file that the same name with `_FILE` names (one newline at its \
         end is\ndropped). Both at once are refused. They are read again at SIGHUP.\n\n| variable | meaning |\n|---|---|\n",
    );
    for (variable, meaning) in SECRETS {
        let _ = writeln!(text, "| `{variable}` | {meaning} |");
    }
    text
}

/// `docs/CLI.md`.
fn command_line() -> String {
    let mut text = String::from(
        "# Command line\n\nEvery command and its own flags; settings as flags are in [Settings](SETTINGS.md). Results go to standard output, everything else \
         to\nstandard error. Exit codes: 0 done, 1 right values but the world refuses, 64 a setting or the usage is wrong.\n",
    );
    let settings: BTreeSet<_> = plain().into_iter().map(|(flag, ..)| flag).collect();
    for (words, mut command) in commands(&Cli::command(), "zentry").into_iter().skip(1) {
        // As it is called, and not as a settings-laden usage line would have it.
        let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
        let _ = write!(text, "\n## `{words}`\n\n{}\n", about.trim_end_matches('.').to_owned() + ".");
        let help = command.render_long_help().to_string();
        let own = command.get_arguments().filter(|arg| {
            let long = arg.get_long().unwrap_or_default();
            !["help", "version"].contains(&long)
                && (!settings.contains(long) || OWN.contains(&long) && words != "zentry serve")
        });
        let own: Vec<_> = own
            .filter(|arg| !arg.get_long().is_some_and(|long| OWN.contains(&long)) || !settings_of(&command))
            .collect();
        if !own.is_empty() {
            text.push('\n');
        }
        for arg in own {
            let name = match arg.get_long() {
                Some(long) => format!("--{long}"),
                None => arg.get_id().as_str().to_uppercase(),
            };
            let _ = writeln!(text, "* `{name}`: {}", arg.get_help().map(ToString::to_string).unwrap_or_default());
        }
        if let Some((_, examples)) = help.split_once("Examples:\n") {
            let examples: Vec<_> = examples.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
            let _ = writeln!(text, "\n{}", examples.join("\n"));
        }
    }
    text
}

/// Whether a command takes every setting.
fn settings_of(command: &Command) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some("public-url"))
}

#[test]
fn the_references_are_as_the_command_line_has_them() {
    for (file, text) in [("docs/SETTINGS.md", settings()), ("docs/CLI.md", command_line())] {
        let path = root().join(file);
        if option_env!("ZENTRY_BLESS").is_some() {
            std::fs::write(&path, &text).expect("written");
        }
        let written = std::fs::read_to_string(&path).expect(file);
        assert!(written == text, "{file}: run this test with ZENTRY_BLESS=1");
    }
}

/// The documents, by name.
fn documents() -> Vec<(String, String)> {
    let folders = [root(), root().join("docs"), root().join("docs/decisions")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder").flatten());
    let texts = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "md"));
    texts.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("text"))).collect()
}

#[test]
fn every_setting_that_the_documents_name_exists_and_every_one_is_named() {
    let mut known: BTreeSet<String> = plain().into_iter().map(|(_, variable, _)| variable).collect();
    for (secret, _) in SECRETS {
        known.extend([secret.to_owned(), format!("{secret}_FILE")]);
    }
    let mut named = BTreeSet::new();
    for (file, text) in documents() {
        let words = text.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
        for word in words.filter(|word| word.starts_with("ZENTRY_")) {
            assert!(known.contains(word) || OTHERS.contains(&word), "{file} names {word}, which is no setting");
            named.insert(word.to_owned());
        }
    }
    let unnamed: Vec<_> = known.iter().filter(|word| !word.ends_with("_FILE") && !named.contains(*word)).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[test]
fn every_command_that_the_documents_name_exists_with_its_flags_and_every_one_is_named() {
    let all = commands(&Cli::command(), "zentry");
    let mut named = BTreeSet::new();
    for (file, text) in documents() {
        let spans = text.split('`').skip(1).step_by(2).chain(text.lines().filter_map(|line| line.strip_prefix("    ")));
        for span in spans.filter_map(|span| span.trim_start().strip_prefix("zentry ")) {
            let mut words = "zentry".to_owned();
            for word in span.split_whitespace() {
                let longer = format!("{words} {word}");
                if !all.iter().any(|(words, _)| *words == longer) {
                    break;
                }
                words = longer;
            }
            let first = span.split_whitespace().next().unwrap_or_default();
            assert!(words != "zentry" || first.starts_with('-'), "{file} names `zentry {span}`, which is no command");
            // Its own, those of the commands above it that it takes too, and those of what is below it.
            let related =
                all.iter().filter(|(known, _)| words.starts_with(known.as_str()) || known.starts_with(&words));
            let flags: BTreeSet<_> =
                related.flat_map(|(_, command)| command.get_arguments().filter_map(clap::Arg::get_long)).collect();
            for flag in
                span.split(|c: char| c.is_whitespace() || "[]()=".contains(c)).filter_map(|w| w.strip_prefix("--"))
            {
                let is_builtin = ["help", "version"].contains(&flag);
                assert!(flags.contains(flag) || is_builtin, "{file} names --{flag} in `zentry {span}`");
            }
            named.insert(words);
        }
    }
    let unnamed: Vec<_> = all.iter().map(|(words, _)| words).filter(|words| !named.contains(*words)).collect();
    assert!(unnamed.len() <= 1, "{unnamed:?}");
}
