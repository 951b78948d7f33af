//! What people can type. One table holds every command; parsing, `help` and the documentation all come from it.

mod address;
mod filters;
mod words;

use address::Pasted;
pub use filters::{FILTERS, FilterProblem, Key};
use words::{Word, split};

use crate::Filter;

/// Longer lines are read up to here: nobody types a name of a thousand characters.
const LONGEST_LINE: usize = 1_000;

/// A command, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// What can I type?
    Help {
        /// About one thing.
        topic: Option<Topic>,
    },
    /// Send a project's issues here.
    Connect {
        /// The organization as typed.
        org: String,
        /// The project as typed.
        project: String,
        /// What may post.
        filter: Filter,
    },
    /// Stop one project, or all of them.
    Disconnect {
        /// Which; `None` is every one of the channel.
        project: Option<(String, String)>,
    },
    /// What does this channel get?
    Configure,
    /// What does this channel get of one project, or: that it gets something else.
    ConfigureOne {
        /// The organization as typed.
        org: String,
        /// The project as typed.
        project: String,
        /// What may post from now on; `None` only asks.
        filter: Option<Filter>,
    },
    /// What do the channels of the account get?
    ConfigureAll,
    /// Is this channel well?
    Status,
    /// Who am I here and at Sentry?
    Whoami,
    /// Forget my Sentry account.
    Unlink,
}

/// What help explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A command.
    Command(&'static Spec),
    /// What can be filtered by.
    Filters,
}

/// A row of the table. Two rows are equal when their names are.
#[derive(Debug)]
pub struct Spec {
    /// The word that people type.
    pub name: &'static str,
    /// What follows it.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it does, for `help <command>` and the documentation.
    pub details: &'static str,
    /// Lines that work, without the slash command itself.
    pub examples: &'static [&'static str],
    parse: fn(&[Word]) -> Result<Command, Problem>,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Spec {}

/// Every command, in the order in which help lists them.
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "connect",
        arguments: "<org> <project> [filters]",
        summary: "send a project's issues here",
        details: "Names may be slugs or display names, in any case; names with spaces go in quotes. \
                  A pasted address of a Sentry page works too. Filters say what may post, see \"configure\". If you have not \
                  linked a Sentry account yet, you get a direct message with a link first.",
        examples: &[
            "connect acme checkout",
            "connect \"My Org\" \"Web App\"",
            "connect acme/checkout level:warning -title:timeout",
        ],
        parse: connect,
    },
    Spec {
        name: "configure",
        arguments: "[all | <org> <project> [filters | none]]",
        summary: "what this channel gets; another filter for a project",
        details: "Shows this channel's projects with their filters. With \"all\": the channels of this Zoom account; \
                  managers see every one, others those in which they have used the bot and, where it may read Zoom's \
                  directory, those that they belong to. With a project and filters: these say from now on what may post; \
                  \"none\" goes back to the default. The answer carries \"Undo\" for ten minutes. key:a,b means any of these, several keys mean all of them, -key:a means none of these. A \
                  message that is there is brought up to date whatever the filters say.",
        examples: &[
            "configure",
            "configure all",
            "configure acme checkout event:new,regressed level:fatal",
            "configure acme checkout -title:\"connection reset\"",
            "configure acme checkout none",
        ],
        parse: configure,
    },
    Spec {
        name: "disconnect",
        arguments: "[<org> <project>]",
        summary: "stop one project; without names, all of this channel's",
        details: "Takes effect at once and never needs Sentry to answer. The answer carries \"Undo\" for ten minutes. Cards \
                  that are here stay, and their buttons keep working.",
        examples: &["disconnect acme checkout", "disconnect"],
        parse: disconnect,
    },
    Spec {
        name: "status",
        arguments: "",
        summary: "whether this channel's messages come through",
        details: "Shows when Sentry was last heard of, what waits to be sent here and what could not be, and whether an \
                  organization is silent for longer than usual.",
        examples: &["status"],
        parse: |rest| alone("status", rest, Command::Status),
    },
    Spec {
        name: "whoami",
        arguments: "",
        summary: "who you are here and at Sentry",
        details: "Shows your Zoom user, the Sentry account you have linked, and whether you may manage this account.",
        examples: &["whoami"],
        parse: |rest| alone("whoami", rest, Command::Whoami),
    },
    Spec {
        name: "unlink",
        arguments: "",
        summary: "forget your Sentry account",
        details: "Deletes your Sentry tokens here and revokes them at Sentry. Channels you connected keep working.",
        examples: &["unlink"],
        parse: |rest| alone("unlink", rest, Command::Unlink),
    },
    Spec {
        name: "help",
        arguments: "[<command> | filters]",
        summary: "this list, or details and examples of one command",
        details: "Lists what can be typed, or explains one command or the filters.",
        examples: &["help", "help connect", "help filters"],
        parse: help,
    },
];

/// Why a line was not understood: a value, so that the answer can point and suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// Characters before the place in question, in [`CommandError::line`].
    pub at: usize,
    /// The line as it was read.
    pub line: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No such command.
    Unknown {
        /// What was typed.
        word: String,
        /// The nearest command.
        nearest: Option<&'static Spec>,
    },
    /// The organization is there, the project is not.
    MissingProject {
        /// Which command.
        command: &'static str,
        /// The organization as typed.
        org: String,
    },
    /// Neither is there.
    MissingNames {
        /// Which command.
        command: &'static str,
    },
    /// More words than names: probably a name with spaces.
    TooManyWords {
        /// Which command.
        command: &'static str,
        /// How many followed it.
        count: usize,
        /// Characters of the line before the first one too many.
        at: usize,
    },
    /// A word that this command does not take.
    Unexpected {
        /// Which command.
        command: &'static str,
        /// What was typed.
        word: String,
        /// Characters of the line before it.
        at: usize,
    },
    /// A filter that cannot be.
    Filter {
        /// What was typed.
        word: String,
        /// Why it cannot.
        problem: FilterProblem,
        /// What may be meant.
        suggestion: Option<String>,
        /// Characters of the line before it.
        at: usize,
    },
}

/// Reads a line. `name` is the slash command's name: people repeat it in the bot's own chat, and then it is skipped.
/// An empty line asks for help.
///
/// # Errors
/// Where the line is not understood; nothing happens then.
pub fn parse(line: &str, name: &str) -> Result<Command, CommandError> {
    let line: String = line.chars().take(LONGEST_LINE).collect();
    let words = split(&line);
    let words = without_prefix(&words, name);
    let Some((first, rest)) = words.split_first() else { return Ok(Command::Help { topic: None }) };
    let parsed = match find(&first.text) {
        Some(spec) => (spec.parse)(rest),
        None => Err(Problem::Unknown { word: first.text.clone(), nearest: nearest(&first.text) }),
    };
    parsed.map_err(|problem| CommandError { at: problem.place(first, rest, &line), problem, line: line.trim().into() })
}

/// Whether a line begins with a command's word, or asks for help by being empty: everything else that is said while a
/// code is awaited counts as a try.
pub fn begins_with_command(line: &str, name: &str) -> bool {
    let line: String = line.chars().take(LONGEST_LINE).collect();
    let words = split(&line);
    without_prefix(&words, name).first().is_none_or(|first| {
        find(&first.text).is_some() || COMING.iter().any(|word| word.eq_ignore_ascii_case(&first.text))
    })
}

/// Command words that are not built yet: no code looks like them.
const COMING: [&str; 5] = ["test", "mute", "unmute", "why", "mentions"];

fn without_prefix<'a>(mut words: &'a [Word], name: &str) -> &'a [Word] {
    while let Some((first, rest)) = words.split_first()
        && first.text.strip_prefix('/').unwrap_or(&first.text).eq_ignore_ascii_case(name)
    {
        words = rest;
    }
    words
}

fn find(word: &str) -> Option<&'static Spec> {
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
    COMMANDS.iter().find(|spec| spec.name.eq_ignore_ascii_case(word))
}

fn nearest(word: &str) -> Option<&'static Spec> {
    let word = word.to_lowercase();
    closest(&word, COMMANDS.iter().map(|spec| (spec.name, spec)))
}

/// The candidate whose name is nearest to `wanted`, if any is near enough to be meant.
pub(crate) fn closest<'a, T>(wanted: &str, candidates: impl Iterator<Item = (&'a str, T)>) -> Option<T> {
    let wanted = wanted.to_lowercase();
    candidates
        .map(|(name, value)| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), value))
        .filter(|(distance, _)| *distance <= (wanted.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, value)| value)
}

// === the commands' own words ===

fn connect(rest: &[Word]) -> Result<Command, Problem> {
    let (names, filters) = filters::apart(rest);
    let (org, project) = self::names("connect", &names)?;
    Ok(Command::Connect { org, project, filter: filters::read(&filters)? })
}

fn disconnect(rest: &[Word]) -> Result<Command, Problem> {
    let all: Vec<_> = rest.iter().collect();
    let project = if rest.is_empty() { None } else { Some(names("disconnect", &all)?) };
    Ok(Command::Disconnect { project })
}

fn configure(rest: &[Word]) -> Result<Command, Problem> {
    const NONE: &str = "none";
    match rest {
        [] => return Ok(Command::Configure),
        [all] if all.text.eq_ignore_ascii_case("all") => return Ok(Command::ConfigureAll),
        _ => {}
    }
    let (mut names, filters) = filters::apart(rest);
    let is_none = |word: &&Word| !word.is_quoted && word.text.eq_ignore_ascii_case(NONE);
    let resets = filters.is_empty() && names.len() > 1 && names.last().is_some_and(is_none);
    if resets {
        names.pop();
    }
    let (org, project) = self::names("configure", &names)?;
    let filter = if filters.is_empty() && !resets { None } else { Some(filters::read(&filters)?) };
    Ok(Command::ConfigureOne { org, project, filter })
}

fn help(rest: &[Word]) -> Result<Command, Problem> {
    let Some(topic) = rest.first() else { return Ok(Command::Help { topic: None }) };
    match find(&topic.text) {
        Some(spec) => Ok(Command::Help { topic: Some(Topic::Command(spec)) }),
        None if ["filter", "filters"].iter().any(|word| word.eq_ignore_ascii_case(&topic.text)) => {
            Ok(Command::Help { topic: Some(Topic::Filters) })
        }
        None => Err(Problem::Unknown { word: topic.text.clone(), nearest: nearest(&topic.text) }),
    }
}

fn alone(command: &'static str, rest: &[Word], meant: Command) -> Result<Command, Problem> {
    match rest.first() {
        None => Ok(meant),
        Some(word) => Err(Problem::Unexpected { command, word: word.text.clone(), at: word.at }),
    }
}

/// `<org> <project>`, or both in one word: `org/project`, or the address of a page that is about both.
fn names(command: &'static str, rest: &[&Word]) -> Result<(String, String), Problem> {
    if let [one] = rest
        && let Some(Pasted { org: Some(org), project }) = address::read(&one.text)
    {
        return project.map(|project| (org.clone(), project)).ok_or(Problem::MissingProject { command, org });
    }
    match rest {
        [] => Err(Problem::MissingNames { command }),
        [one] => match one.text.split_once('/') {
            Some((org, project)) if !org.is_empty() && !project.is_empty() && !project.contains('/') => {
                Ok((org.into(), project.into()))
            }
            _ => Err(Problem::MissingProject { command, org: one.text.trim_matches('/').into() }),
        },
        [org, project] => Ok((org.text.clone(), project.text.clone())),
        [_, _, extra, ..] => Err(Problem::TooManyWords { command, count: rest.len(), at: extra.at }),
    }
}

impl Problem {
    /// Characters before the place in question: the word that is wrong, or the end of a line that is too short.
    fn place(&self, first: &Word, rest: &[Word], line: &str) -> usize {
        let skipped = line.chars().take_while(|c| c.is_whitespace()).count();
        let at = match self {
            Self::Unknown { word, .. } => rest.iter().find(|w| w.text == *word).unwrap_or(first).at,
            Self::MissingProject { .. } | Self::MissingNames { .. } => line.trim_end().chars().count(),
            Self::TooManyWords { at, .. } | Self::Unexpected { at, .. } | Self::Filter { at, .. } => *at,
        };
        at.saturating_sub(skipped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Result<Command, CommandError> {
        parse(line, "sentry")
    }

    fn connect_acme_checkout() -> Result<Command, CommandError> {
        Ok(Command::Connect { org: "acme".into(), project: "checkout".into(), filter: Filter::default() })
    }

    #[test]
    fn every_example_of_the_table_is_understood() {
        for example in COMMANDS.iter().flat_map(|spec| spec.examples) {
            assert!(read(example).is_ok(), "{example}");
        }
    }

    #[test]
    fn case_slashes_and_a_repeated_command_do_not_matter() {
        for line in [
            "connect acme checkout",
            "  CONNECT acme/checkout ",
            "/sentry connect acme checkout",
            "sentry /Sentry Connect “acme“ “checkout“",
        ] {
            assert_eq!(read(line), connect_acme_checkout(), "{line}");
        }
    }

    #[test]
    fn a_pasted_address_names_both() {
        for line in [
            "connect https://acme.sentry.io/projects/checkout/",
            "connect <https://sentry.example.com/organizations/acme/projects/checkout/?statsPeriod=14d>",
            "connect https://sentry.io/settings/acme/projects/checkout/.",
        ] {
            assert_eq!(read(line), connect_acme_checkout(), "{line}");
        }
        let error = read("connect https://acme.sentry.io/issues/42/").unwrap_err();
        assert_eq!(error.problem, Problem::MissingProject { command: "connect", org: "acme".into() });
    }

    #[test]
    fn an_empty_line_asks_for_help() {
        for line in ["", "   ", "/sentry", "\u{200b}"] {
            assert_eq!(read(line), Ok(Command::Help { topic: None }), "{line:?}");
        }
    }

    #[test]
    fn a_misspelt_command_points_at_itself_and_suggests() {
        let error = read("  conect acme checkout").unwrap_err();
        assert_eq!(error.at, 0);
        assert!(matches!(error.problem, Problem::Unknown { nearest: Some(spec), .. } if spec.name == "connect"));
        let error = read("help conect").unwrap_err();
        assert_eq!(error.at, 5);
    }

    #[test]
    fn nonsense_suggests_nothing() {
        assert!(matches!(read("xyzzy").unwrap_err().problem, Problem::Unknown { nearest: None, .. }));
    }

    #[test]
    fn a_missing_project_points_behind_the_line() {
        let error = read("connect acme").unwrap_err();
        assert_eq!(error.at, 12);
        assert_eq!(error.problem, Problem::MissingProject { command: "connect", org: "acme".into() });
    }

    #[test]
    fn a_name_with_spaces_and_no_quotes_is_not_guessed_at() {
        let error = read("connect My Org Web").unwrap_err();
        assert_eq!(error.problem, Problem::TooManyWords { command: "connect", count: 3, at: 15 });
        assert_eq!(error.at, 15);
    }

    #[test]
    fn filters_stand_anywhere_behind_the_command() {
        let expected = Filter { level: crate::Level::Fatal, ..Filter::default() };
        for line in [
            "connect acme web level:fatal",
            "connect level:fatal acme/web",
            "connect acme LEVEL:Fatal web",
            "connect acme level: fatal web",
        ] {
            let Ok(Command::Connect { filter, .. }) = read(line) else { panic!("{line}") };
            assert_eq!(filter, expected, "{line}");
        }
        let error = read("connect acme web levl:fatal").unwrap_err();
        assert_eq!(error.at, 17);
    }

    #[test]
    fn configure_asks_about_a_project_or_changes_it() {
        let one = |filter| Ok(Command::ConfigureOne { org: "acme".into(), project: "web".into(), filter });
        assert_eq!(read("configure acme web"), one(None));
        assert_eq!(read("configure acme/web None"), one(Some(Filter::default())));
        assert_eq!(
            read("configure acme \"none\""),
            Ok(Command::ConfigureOne { org: "acme".into(), project: "none".into(), filter: None })
        );
        assert_eq!(read("configure ALL"), Ok(Command::ConfigureAll));
        assert!(read("configure web").is_err());
    }

    #[test]
    fn a_word_too_many_is_said_of_the_command_that_does_not_take_it() {
        for line in ["status now", "whoami now", "unlink now"] {
            let error = read(line).unwrap_err();
            let Problem::Unexpected { command, .. } = error.problem else { panic!("{line}") };
            assert!(line.starts_with(command), "{line}");
        }
    }

    #[test]
    fn disconnect_without_names_means_all() {
        assert_eq!(read("disconnect"), Ok(Command::Disconnect { project: None }));
    }

    #[test]
    fn a_code_does_not_begin_with_a_command() {
        assert!(!begins_with_command("482 913", "sentry"));
        for line in ["/sentry help", "CONNECT x", "status", "", "/sentry"] {
            assert!(begins_with_command(line, "sentry"), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_the_grammar_panic(line in "\\PC{0,200}") {
            if let Err(error) = read(&line) {
                prop_assert!(error.at <= error.line.chars().count());
            }
        }
    }
}
