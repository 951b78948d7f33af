//! Says of which commit the binary is made.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=ZENTRY_COMMIT");
    println!("cargo::rustc-env=ZENTRY_COMMIT={}", given().or_else(checked_out).unwrap_or_else(|| "unknown".into()));
    for (name, variable) in [("ZENTRY_TARGET", "TARGET"), ("ZENTRY_PROFILE", "PROFILE")] {
        println!("cargo::rustc-env={name}={}", variable_of_cargo(variable).unwrap_or_else(|| "unknown".into()));
    }
}

/// Whoever builds without a checkout, as in an image, names it.
fn given() -> Option<String> {
    variable_of_cargo("ZENTRY_COMMIT").filter(|commit| commit.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

/// What is checked out, where this is a checkout of ours and not a folder within somebody else's.
fn checked_out() -> Option<String> {
    (git(&["rev-parse", "--show-prefix"])? == "crates/zentry/").then_some(())?;
    for log in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", log])?;
        // Of a file that is not there Cargo would think that it changes with every build.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[expect(clippy::disallowed_methods, reason = "this is how Cargo speaks to a build script")]
fn variable_of_cargo(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
