//! Every message as people read it, in `tests/messages.md`, and what holds for all of them.
//!
//! A new message needs a line in one of the modules below. `ZENTRY_BLESS=1 cargo test -p zentry-domain` writes the file;
//! read what changed in it before it is committed.

mod assign;
mod cards;
mod changes;
mod errors;
mod injection;
mod linking;
mod lists;
mod mentions;
mod metric;
mod remark;
mod rules;
mod storms;
mod unfurl;
mod why;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::{Menu, Notice, Select, Suggestion, Tone};

/// The messages of one source file.
struct Group {
    title: &'static str,
    /// Below `src`, without `.rs`.
    source: &'static str,
    messages: Vec<Message>,
}

/// One message, in the variants that matter.
struct Message {
    function: &'static str,
    when: &'static str,
    variants: Vec<(String, Notice)>,
}

fn said<S: Into<String>>(
    function: &'static str,
    when: &'static str,
    variants: impl IntoIterator<Item = (S, Notice)>,
) -> Message {
    Message { function, when, variants: variants.into_iter().map(|(what, notice)| (what.into(), notice)).collect() }
}

/// A message without variants.
fn plainly(function: &'static str, when: &'static str, notice: Notice) -> Message {
    said(function, when, [("always", notice)])
}

fn all() -> Vec<Group> {
    let group = |title, source, messages| Group { title, source, messages };
    vec![
        group("Connecting and disconnecting", "say/mod", changes::connections()),
        group("Every project of an organization", "say/whole", changes::whole()),
        group("Muting", "say/muting", changes::muting()),
        group("Settings and filters", "say/panel", changes::panel()),
        group("To whom an issue goes", "say/assign", assign::messages()),
        group("What is said about issues", "say/remark", remark::messages()),
        group("An issue's address that somebody posts", "say/unfurl", unfurl::messages()),
        group("Calling people", "say/mentions", mentions::messages()),
        group("Linking a Sentry account", "say/linking", linking::messages()),
        group("Help and lists", "say/lists", lists::messages()),
        group("Many channels at once", "say/everywhere", lists::everywhere()),
        group("Why there is a message, or none", "say/why", why::messages()),
        group("What does not work", "say/errors", errors::messages()),
        group("Cards", "content", cards::messages()),
        group("Metric alerts", "metric", metric::messages()),
        group("A test's card", "decide/test", cards::test_card()),
        group("One card for many", "roundup", storms::messages()),
    ]
}

/// Where each notice stands, and the notice.
fn notices() -> Vec<(String, Notice)> {
    let mut notices = Vec::new();
    for Group { source, messages, .. } in all() {
        for Message { function, variants, .. } in messages {
            notices
                .extend(variants.into_iter().map(|(what, notice)| (format!("{source}::{function}, {what}"), notice)));
        }
    }
    notices
}

const LEGEND: &str = "\
# Every message

Written by `ZENTRY_BLESS=1 cargo test -p zentry-domain`, compared by every other run. Do not edit it by hand.

`→` is where a line leads, `[…]` a button, `[*…*]` the one that most people want, `▾` a list with `●` at what is chosen,
`▌` the colour beside the message, `@` somebody who is called. What strangers wrote is hostile in the variants that say so.
";

fn written() -> String {
    let mut text = LEGEND.to_owned();
    for Group { title, source, messages } in all() {
        write!(text, "\n## {title} (`{source}.rs`)\n").unwrap();
        for Message { function, when, variants } in messages {
            write!(text, "\n### {when} (`{function}`)\n").unwrap();
            for (what, notice) in variants {
                write!(text, "\n{what}:\n\n```text\n{}\n```\n", drawn(&notice)).unwrap();
            }
        }
    }
    text
}

fn drawn(notice: &Notice) -> String {
    let called = notice.mention.as_ref().map(|mention| format!("@{} ", mention.name)).unwrap_or_default();
    let mut lines: Vec<_> = vec![format!("{called}{}", notice.head)];
    lines.extend(notice.lines.iter().map(|line| match &line.link {
        Some(link) => format!("{} → {link}", line.text),
        None => line.text.clone(),
    }));
    lines.extend(lists(notice).into_iter().map(|(label, options, chosen)| {
        let sign = |at| if Some(at) == chosen { "●" } else { "○" };
        let options: Vec<_> = options.iter().enumerate().map(|(at, label)| format!("{} {label}", sign(at))).collect();
        format!("▾ {label}: {}", options.join("  "))
    }));
    let buttons: Vec<_> = buttons(notice).into_iter().map(|label| format!("[{label}]")).collect();
    lines.extend((!buttons.is_empty()).then(|| buttons.join(" ")));
    lines.extend(notice.tone.map(|tone| match tone {
        Tone::Open(level) => format!("▌ {}", level.word()),
        Tone::Resolved => "▌ resolved".into(),
        Tone::Archived => "▌ archived".into(),
    }));
    lines.join("\n")
}

/// The buttons' labels in the order in which they are shown.
fn buttons(notice: &Notice) -> Vec<String> {
    let suggested = notice.suggestions.iter().map(|Suggestion { label, .. }| label.clone());
    let others = notice.buttons.iter().map(|b| if b.primary { format!("*{}*", b.label) } else { b.label.clone() });
    suggested.chain(others).collect()
}

/// The lists: label, options and which of them is chosen.
fn lists(notice: &Notice) -> Vec<(String, Vec<String>, Option<usize>)> {
    let menu = |Menu { label, options, chosen }: &Menu| {
        (label.clone(), options.iter().map(|option| option.label.clone()).collect(), *chosen)
    };
    let select = |Select { label, options, chosen }: &Select| {
        (label.clone(), options.iter().map(|option| option.label.clone()).collect(), *chosen)
    };
    notice.menus.iter().map(menu).chain(notice.selects.iter().map(select)).collect()
}

#[test]
fn every_message_reads_as_it_did_when_somebody_last_looked() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages.md");
    let now = written();
    if option_env!("ZENTRY_BLESS").is_some() {
        std::fs::write(&path, &now).expect("written");
    }
    let then = std::fs::read_to_string(&path).expect("tests/messages.md is there");
    let differs = then.lines().zip(now.lines()).find(|(then, now)| then != now);
    assert!(differs.is_none() && then == now, "a message has changed; ZENTRY_BLESS=1 accepts it: {differs:?}");
}

#[test]
fn no_message_goes_without_a_snapshot() {
    let shown: BTreeSet<_> = all()
        .iter()
        .flat_map(|group| group.messages.iter().map(|message| format!("{}::{}", group.source, message.function)))
        .collect();
    let written = functions_that_say_something(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(written.len() > 60, "the sources were read: {written:?}");
    let missing: Vec<_> = written.difference(&shown).collect();
    assert!(missing.is_empty(), "not in a module of say/snapshots: {missing:?}");
    let gone: Vec<_> = shown.difference(&written).collect();
    assert!(gone.is_empty(), "snapshots of what is not said any more: {gone:?}");
}

/// The functions of this crate that others may call and that give a notice, as `say/why::why`.
fn functions_that_say_something(src: &Path) -> BTreeSet<String> {
    // They make notices of what they are given, or of another one here.
    const NOT_SAYING: [&str; 2] = ["notice", "card"];
    let mut functions = BTreeSet::new();
    for path in sources(src) {
        let name = path.strip_prefix(src).expect("below it").with_extension("").display().to_string();
        if NOT_SAYING.contains(&name.as_str()) || name.contains("snapshots") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a source is text");
        functions.extend(notice_functions(&source).into_iter().map(|function| format!("{name}::{function}")));
    }
    functions
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The names of a source's functions that are not private and whose result is, or holds, a notice.
fn notice_functions(source: &str) -> Vec<String> {
    let source = source.replace("pub(crate) fn ", "pub fn ").replace("pub(super) fn ", "pub fn ");
    let says = |declared: &&str| {
        let signature = declared.split(['{', ';']).next().unwrap_or_default();
        let result = signature.rsplit_once("->").map_or("", |(_, result)| result.trim());
        ["Notice", "Option<Notice>", "Vec<Notice>"].contains(&result)
    };
    let name = |declared: &str| declared.split(['(', '<']).next().unwrap_or_default().to_owned();
    source.split("pub fn ").skip(1).filter(says).map(name).collect()
}

#[test]
fn a_new_function_that_says_something_is_found() {
    let source = "pub fn a(x: u8) -> Notice { }\npub(crate) fn b<T>(\n    f: impl Fn() -> T,\n) -> Option<Notice> {}\n\
                  fn c() -> Notice {}\npub fn d() -> String { }\npub fn e(n: &Notice) {}";
    assert_eq!(notice_functions(source), ["a", "b"]);
}

#[test]
fn no_two_options_of_a_list_read_alike() {
    for (at, notice) in notices() {
        for (label, options, _) in lists(&notice) {
            let different: BTreeSet<_> = options.iter().collect();
            assert!(different.len() == options.len(), "{at}: {label}: {options:?}");
        }
    }
}
