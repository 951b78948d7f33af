//! The documentation says what the program does.

use std::fmt::Write;
use std::path::PathBuf;

use zentry_domain::command::{COMMANDS, FILTERS};

fn docs(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).join(file)
}

/// `docs/COMMANDS.md`, as the table has it. Run with `ZENTRY_BLESS=1` to write it after a change of the table.
fn commands() -> String {
    let mut text = String::from(
        "# Commands\n\nIn a channel, each follows `/sentry` (or what `ZENTRY_COMMAND` says); in the bot's own chat the slash command \
         may be left out.\nNames of commands, organizations and projects may be typed in any case; names with spaces go in quotes, \
         straight or curly.\n",
    );
    for spec in COMMANDS {
        let usage = format!("{} {}", spec.name, spec.arguments);
        let _ = write!(text, "\n## `{}`\n\n{}. {}\n\n", usage.trim(), capital(spec.summary), spec.details);
        for example in spec.examples {
            let _ = writeln!(text, "    /sentry {example}");
        }
    }
    text.push_str(
        "\n## Filters\n\n`key:a,b` and the same key again mean *any* of these; different keys mean *all* of them; `-key:a` means \
         *none* of these. Filters say what\nmay post a message; one that is there is brought up to date whatever they say.\n\n\
         | key | values | meaning |\n|---|---|---|\n",
    );
    for key in FILTERS {
        let _ = writeln!(text, "| `{}:` | {} | {} |", key.name, key.values, key.meaning);
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[test]
fn the_commands_are_documented_as_the_table_has_them() {
    let path = docs("COMMANDS.md");
    if option_env!("ZENTRY_BLESS").is_some() {
        std::fs::write(&path, commands()).expect("written");
    }
    let written = std::fs::read_to_string(&path).expect("docs/COMMANDS.md is there");
    assert_eq!(written, commands(), "run this test with ZENTRY_BLESS=1");
}

#[test]
fn every_setting_of_the_program_is_documented() {
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_zentry")).args(["serve", "--help"]).output().expect("runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let operations = std::fs::read_to_string(docs("OPERATIONS.md")).expect("docs/OPERATIONS.md is there");
    let settings: Vec<_> =
        help.split(|c: char| !c.is_ascii_uppercase() && c != '_').filter(|w| w.starts_with("ZENTRY_")).collect();
    assert!(settings.len() > 20, "{settings:?}");
    for setting in settings {
        // A secret's may also name a file.
        let setting = setting.trim_end_matches("_FILE");
        assert!(operations.contains(&format!("`{setting}")), "{setting} is not in docs/OPERATIONS.md");
    }
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let root = docs("..");
    for file in [
        "README.md",
        "SECURITY.md",
        "docs/SUMMARY.md",
        "docs/ARCHITECTURE.md",
        "docs/ADAPTERS.md",
        "docs/OPERATIONS.md",
        "docs/SANDBOX.md",
        "docs/SECURITY.md",
        "docs/decisions/README.md",
    ] {
        let path = root.join(file);
        let text = std::fs::read_to_string(&path).expect(file);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let link = link.split('#').next().unwrap_or_default();
            if !link.is_empty() && !link.starts_with("http") {
                assert!(path.parent().expect("a folder").join(link).exists(), "{file} links to {link}");
            }
        }
    }
}

#[test]
fn every_threat_names_a_test_and_every_test_that_is_named_is_there() {
    let security = std::fs::read_to_string(docs("SECURITY.md")).expect("docs/SECURITY.md is there");
    let named = |text: &str| -> Vec<(String, String)> {
        let quoted = text.split('`').skip(1).step_by(2).filter_map(|word| word.split_once(".rs::"));
        quoted.map(|(file, test)| (format!("{file}.rs"), test.to_owned())).collect()
    };
    let (_, threats) = security.split_once("## Threats").expect("a table of threats");
    let rows: Vec<_> = threats.lines().skip_while(|line| !line.starts_with("|---")).skip(1).collect();
    let rows: Vec<_> = rows.into_iter().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20, "{rows:#?}");
    for row in rows {
        assert!(!named(row).is_empty(), "no test: {row}");
    }
    for (file, test) in named(&security) {
        let source = std::fs::read_to_string(docs("..").join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(&format!("fn {test}(")), "{file} has no test {test}");
    }
}
