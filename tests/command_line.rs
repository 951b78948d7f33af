//! The command line itself: what it says of itself, and how it ends.

use std::process::{Command, Output};

fn zentry(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zentry")).args(words).env_clear().output().expect("the binary starts")
}

/// What a command that succeeds prints; it says nothing else.
fn done(words: &[&str]) -> String {
    let output = zentry(words);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{words:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_version_names_commit_and_build_on_one_line() {
    let version = done(&["--version"]);
    let rest = version.strip_prefix(concat!("zentry ", env!("CARGO_PKG_VERSION"), " (commit ")).expect(&version);
    let (commit, build) = rest.split_once(", ").expect(&version);
    assert!(commit == "unknown" || commit.len() >= 7 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
    assert!(build.contains(" build for ") && build.ends_with(")\n"), "{version}");
    assert_eq!(done(&["-V"]), version);
}

#[test]
fn help_teaches_by_examples_and_goes_to_standard_output() {
    let help = done(&["dead", "replay", "--help"]);
    assert!(help.contains("Examples:\n  zentry dead replay"), "{help}");
    // Nothing but text where it is no terminal.
    assert!(!help.contains('\u{1b}'), "{help}");
    let nothing = zentry(&[]);
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(64), 0));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("zentry sandbox"));
}

#[test]
fn each_shell_completes_commands_and_flags() {
    for (shell, words) in [("bash", "complete"), ("zsh", "#compdef zentry"), ("fish", "complete -c zentry")] {
        let script = done(&["completions", shell]);
        for word in [words, "replay", "public-url"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(zentry(&["completions", "csh"]).status.code(), Some(64));
}
