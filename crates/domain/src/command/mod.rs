//! What people can type. One table holds every command; parsing, `help` and the documentation all come from it.

mod address;
mod duration;
mod filters;
mod words;

use std::time::Duration;

use address::Pasted;
pub(crate) use address::issue_page;
pub use duration::DurationProblem;
pub use filters::{FILTERS, FilterProblem, Key};
use words::{Word, split};

use crate::{CHOOSE, Filter, IssueId, IssueName, JobId, Metric};

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
        /// Organization and project as typed.
        named: (String, String),
        /// What may post from now on; `None` only asks.
        filter: Option<Filter>,
    },
    /// What do the channels of the account get?
    ConfigureAll,
    /// Post nothing for a while.
    Mute {
        /// For how long: between five minutes and fourteen days.
        time: Duration,
        /// Which project; `None` is every one of the channel.
        project: Option<(String, String)>,
    },
    /// Call me where an issue is mine, or do not.
    Mentions {
        /// Whether.
        on: bool,
    },
    /// Post again.
    Unmute {
        /// Which project; `None` is every one of the channel.
        project: Option<(String, String)>,
    },
    /// Is this channel well?
    Status,
    /// Do messages come through?
    Test,
    /// Why is there a message, or none?
    Why(Asked),
    /// Who am I here and at Sentry?
    Whoami,
    /// Forget my Sentry account.
    Unlink,
}

/// What somebody asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An issue.
    Issue(IssueName),
    /// A message that was given up.
    Letter(JobId),
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
        arguments: "<org> <project | *> [filters]",
        summary: "send a project's issues here",
        details: "Names may be slugs or display names, in any case; names with spaces go in quotes. \
                  A pasted address of a Sentry page works too. \"*\" is every project that you may see, also those to come; \"?\" is a list to choose from. Filters say what may post, see \"configure\". If you have not \
                  linked a Sentry account yet, you get a direct message with a link first.",
        examples: &[
            "connect acme checkout",
            "connect \"My Org\" \"Web App\"",
            "connect acme/checkout level:warning -title:timeout",
            "connect acme *",
            "connect acme ?",
        ],
        parse: connect,
    },
    Spec {
        name: "configure",
        arguments: "[all | <org> <project | *> [filters | none]]",
        summary: "what this channel gets; another filter for a project",
        details: "Shows this channel's projects with their filters, and buttons to change them: \"Edit\" has lists of levels and \
                  events; \"Channel settings\" says where changes are told (on the card, in its thread, in the channel), how \
                  much a card says (compact, standard, full), what of an issue's words it shows (full, no message, class \
                  only) and in which time zone the clock is told. With \"all\": the channels of this Zoom account, in groups (what needs care, what is noisy, what is muted), each \
                  of which can be muted, unmuted or disconnected at once; managers see every channel, others those in \
                  which they have used the bot and, where it may read Zoom's directory, those that they belong to. With a \
                  project (or * for all of an organization) and filters: these say from now on what may post; \"none\" \
                  goes back to the default. The answer carries \"Undo\" for ten minutes. key:a,b means any of these, \
                  several keys mean all of them, -key:a means none of these. A \
                  message that is there is brought up to date whatever the filters say.",
        examples: &[
            "configure",
            "configure all",
            "configure acme checkout event:new,regressed level:fatal",
            "configure acme checkout -title:\"connection reset\"",
            "configure acme checkout env:production -tag:browser=bot*",
            "configure acme checkout none",
        ],
        parse: configure,
    },
    Spec {
        name: "disconnect",
        arguments: "[<org> <project | *>]",
        summary: "stop one project; without names, all of this channel's",
        details: "Takes effect at once and never needs Sentry to answer. The answer carries \"Undo\" for ten minutes. Cards \
                  that are here stay, and their buttons keep working.",
        examples: &["disconnect acme checkout", "disconnect"],
        parse: disconnect,
    },
    Spec {
        name: "mute",
        arguments: "<duration> [<org> <project | *>]",
        summary: "post nothing for a while; without names, of all of this channel's",
        details: "A duration is a number and m, h or d, from 5m to 14d. Messages that are here are still brought up to date. When \
                  it is over, one message says what came meanwhile. The answer carries \"Unmute\", \"+1 h\" and, for ten \
                  minutes, \"Undo\".",
        examples: &["mute 2h", "mute 30m acme checkout"],
        parse: mute,
    },
    Spec {
        name: "unmute",
        arguments: "[<org> <project | *>]",
        summary: "post again before a mute is over",
        details: "Without names it concerns all of this channel's projects. One message says what came meanwhile.",
        examples: &["unmute", "unmute acme checkout"],
        parse: |rest| Ok(Command::Unmute { project: some_names("unmute", &rest.iter().collect::<Vec<_>>())? }),
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
        name: "test",
        arguments: "",
        summary: "whether a message comes through, hop by hop",
        details: "Posts a card that is marked TEST behind whatever waits for this channel, and says how each hop went: the command, \
                  the filters, the limit on new cards, Zoom. It also says when Sentry's webhooks were last heard of.",
        examples: &["test"],
        parse: |rest| alone("test", rest, Command::Test),
    },
    Spec {
        name: "why",
        arguments: "<issue link | short id>",
        summary: "why an issue has a message here, or none",
        details: "Shows what Sentry told of the issue, or of a metric alert, within 14 days, what this channel's filters made of \
                  it, and when it was posted. The number of a message that was given up works too.",
        examples: &["why CHECKOUT-7", "why https://acme.sentry.io/issues/42/"],
        parse: why,
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
        name: "mentions",
        arguments: "on | off",
        summary: "whether you are called where an issue is yours",
        details: "Where an issue that is assigned to you comes back, or is fatal, its message calls you by name, in every channel that \
                  wants it: \"Channel settings\" has a switch, too. You are known by the Sentry account that you have linked, never by \
                  your name.",
        examples: &["mentions off", "mentions on"],
        parse: mentions,
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

impl CommandError {
    /// The line as it was probably meant, if what is wrong can be said better.
    pub fn corrected(&self) -> Option<String> {
        let (word, meant) = match &self.problem {
            Problem::Unknown { word, nearest: Some(spec) } => (word, spec.name),
            Problem::Filter { word, suggestion: Some(suggestion), .. } => (word, suggestion.as_str()),
            _ => return None,
        };
        let before: String = self.line.chars().take(self.at).collect();
        let rest: String = self.line.chars().skip(self.at).collect();
        // Words that were read otherwise than they stand there are not put together again.
        let rest = rest.strip_prefix(word.as_str()).filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
        // A longer one would be cut before its end, and read as it was.
        Some(format!("{before}{meant}{rest}")).filter(|line| line.chars().count() <= LONGEST_LINE)
    }
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
    /// No issue is named, or what is named is none.
    NoIssue {
        /// Characters of the line before what is none.
        at: Option<usize>,
    },
    /// Neither on nor off.
    OnOrOff {
        /// Characters of the line before what is neither.
        at: Option<usize>,
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
    /// For how long?
    Duration {
        /// Which command.
        command: &'static str,
        /// What is wrong.
        problem: DurationProblem,
        /// Characters of the line before what may have been meant.
        at: Option<usize>,
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
    let words = without_labels(split(&line), &line);
    let words = without_prefix(&words, name);
    let Some((first, rest)) = words.split_first() else { return Ok(Command::Help { topic: None }) };
    let parsed = match find(&first.text) {
        Some(spec) => (spec.parse)(rest),
        None => Err(Problem::Unknown { word: first.text.clone(), nearest: nearest(&first.text) }),
    };
    parsed.map_err(|problem| CommandError { at: problem.place(first, rest, &line), problem, line: line.trim().into() })
}

/// Reads filters alone, as they follow the names of `connect`; none at all are the default.
///
/// # Errors
/// Where they are not understood, or a word is none.
pub fn parse_filters(line: &str) -> Result<Filter, CommandError> {
    let words = split(line);
    let (names, filters) = filters::apart(&words);
    let filter = match names.first() {
        Some(word) => Err(Problem::Filter {
            word: word.text.clone(),
            problem: FilterProblem::UnknownKey,
            suggestion: None,
            at: word.at,
        }),
        None => filters::read(&filters),
    };
    filter.map_err(|problem| {
        let at = if let Problem::Filter { at, .. } = &problem { *at } else { 0 };
        CommandError { at, problem, line: line.trim().into() }
    })
}

/// Whether a line begins with a command's word, or asks for help by being empty: everything else that is said while a
/// code is awaited counts as a try.
pub fn begins_with_command(line: &str, name: &str) -> bool {
    let line: String = line.chars().take(LONGEST_LINE).collect();
    let words = split(&line);
    without_prefix(&words, name).first().is_none_or(|first| find(&first.text).is_some())
}

/// Chat clients write a link as `<address|words that are shown>`: what is shown is nobody's argument.
fn without_labels(words: Vec<Word>, line: &str) -> Vec<Word> {
    let mut shown_until = 0;
    let mut is_meant = |word: &Word| {
        let is_meant = word.at >= shown_until;
        if is_meant && word.text.contains("://") && word.text.contains('|') {
            shown_until = line.chars().skip(word.at).position(|c| c == '>').map_or(0, |end| word.at + end);
        }
        is_meant
    };
    words.into_iter().filter(|word| is_meant(word)).collect()
}

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
    let (org, project) = match &names[..] {
        [one] if one.text == CHOOSE => (CHOOSE.into(), CHOOSE.into()),
        names => self::names("connect", names)?,
    };
    Ok(Command::Connect { org, project, filter: filters::read(&filters)? })
}

fn disconnect(rest: &[Word]) -> Result<Command, Problem> {
    Ok(Command::Disconnect { project: some_names("disconnect", &rest.iter().collect::<Vec<_>>())? })
}

fn mute(rest: &[Word]) -> Result<Command, Problem> {
    let (time, names) = duration::apart("mute", rest)?;
    Ok(Command::Mute { time, project: some_names("mute", &names)? })
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
    let named = self::names("configure", &names)?;
    let filter = if filters.is_empty() && !resets { None } else { Some(filters::read(&filters)?) };
    Ok(Command::ConfigureOne { named, filter })
}

fn why(rest: &[Word]) -> Result<Command, Problem> {
    match rest {
        [] => Err(Problem::NoIssue { at: None }),
        [one] => match asked(&one.text) {
            Some(asked) => Ok(Command::Why(asked)),
            None => Err(Problem::NoIssue { at: Some(one.at) }),
        },
        [_, extra, ..] => Err(Problem::Unexpected { command: "why", word: extra.text.clone(), at: extra.at }),
    }
}

/// The page, number or short id of an issue or of a metric alert, or the number of a dead letter.
fn asked(word: &str) -> Option<Asked> {
    const LETTER: usize = 32;
    if let Some(alert) = address::alert(word) {
        return Some(Asked::Issue(IssueName::Short(Metric::short_id(alert))));
    }
    let word = match word.contains("://") {
        true => address::issue(word)?,
        false => word.trim_matches(|c: char| c.is_ascii_punctuation()),
    };
    let is_plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    match word {
        "" => None,
        letter if letter.len() == LETTER && letter.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Some(Asked::Letter(JobId::new(letter.to_ascii_lowercase())))
        }
        number if number.bytes().all(|b| b.is_ascii_digit()) => {
            Some(Asked::Issue(IssueName::Number(IssueId::new(number))))
        }
        short if short.contains('-') && is_plain(short) => Some(Asked::Issue(IssueName::Short(short.to_uppercase()))),
        _ => None,
    }
}

fn mentions(rest: &[Word]) -> Result<Command, Problem> {
    match rest {
        [] => Err(Problem::OnOrOff { at: None }),
        [word] if word.text.eq_ignore_ascii_case("on") => Ok(Command::Mentions { on: true }),
        [word] if word.text.eq_ignore_ascii_case("off") => Ok(Command::Mentions { on: false }),
        [word, ..] => Err(Problem::OnOrOff { at: Some(word.at) }),
    }
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

/// [`names`], or none at all.
fn some_names(command: &'static str, rest: &[&Word]) -> Result<Option<(String, String)>, Problem> {
    if rest.is_empty() { Ok(None) } else { names(command, rest).map(Some) }
}

/// `<org> <project>`, or both in one word: `org/project`, or the address of a page that is about both.
fn names(command: &'static str, rest: &[&Word]) -> Result<(String, String), Problem> {
    if let [one] = rest
        && let Some(Pasted { org: Some(org), project }) = address::read(&one.text)
    {
        return project.map(|project| (org.clone(), project)).ok_or(Problem::MissingProject { command, org });
    }
    // `acme / checkout` is how our own messages write it.
    let words: Vec<_> = rest.iter().filter(|word| word.is_quoted || !bare(word).is_empty()).collect();
    match words[..] {
        [] => Err(Problem::MissingNames { command }),
        [one] => match one.text.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>()[..] {
            [org, project] => Ok((org.into(), project.into())),
            _ => Err(Problem::MissingProject { command, org: bare(one).into() }),
        },
        [org, project] => Ok((bare(org).into(), bare(project).into())),
        [_, _, extra, ..] => Err(Problem::TooManyWords { command, count: words.len(), at: extra.at }),
    }
}

/// A name without the slash or the colon that stands between two of them.
fn bare(word: &Word) -> &str {
    if word.is_quoted { &word.text } else { word.text.trim_matches('/').trim_end_matches(':') }
}

impl Problem {
    /// Characters before the place in question: the word that is wrong, or the end of a line that is too short.
    fn place(&self, first: &Word, rest: &[Word], line: &str) -> usize {
        let skipped = line.chars().take_while(|c| c.is_whitespace()).count();
        let at = match self {
            Self::Unknown { word, .. } if first.text == *word => first.at,
            Self::Unknown { word, .. } => rest.iter().find(|w| w.text == *word).unwrap_or(first).at,
            Self::MissingProject { .. }
            | Self::MissingNames { .. }
            | Self::Duration { at: None, .. }
            | Self::NoIssue { at: None }
            | Self::OnOrOff { at: None } => line.trim_end().chars().count(),
            Self::Duration { at: Some(at), .. } | Self::NoIssue { at: Some(at) } | Self::OnOrOff { at: Some(at) } => {
                *at
            }
            Self::TooManyWords { at, .. } | Self::Unexpected { at, .. } | Self::Filter { at, .. } => *at,
        };
        at.saturating_sub(skipped)
    }
}

#[cfg(test)]
mod tests {
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
            "connect <https://acme.sentry.io/projects/checkout/|the Checkout project>",
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
        assert_eq!(error.corrected().as_deref(), Some("connect acme checkout"));
        let error = read("help conect").unwrap_err();
        assert_eq!((error.at, error.corrected().as_deref()), (5, Some("help connect")));
        let error = read("conect acme conect").unwrap_err();
        assert_eq!((error.at, error.corrected().as_deref()), (0, Some("connect acme conect")));
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
        assert_eq!(error.corrected().as_deref(), Some("connect acme web level:fatal"));
        let error = read("configure acme/web -event:new,resolvd,alert title:x").unwrap_err();
        assert_eq!(error.corrected().as_deref(), Some("configure acme/web -event:new,resolved,alert title:x"));
    }

    #[test]
    fn configure_asks_about_a_project_or_changes_it() {
        let one = |filter| Ok(Command::ConfigureOne { named: ("acme".into(), "web".into()), filter });
        assert_eq!(read("configure acme web"), one(None));
        assert_eq!(read("configure acme/web None"), one(Some(Filter::default())));
        assert_eq!(
            read("configure acme \"none\""),
            Ok(Command::ConfigureOne { named: ("acme".into(), "none".into()), filter: None })
        );
        assert_eq!(read("configure ALL"), Ok(Command::ConfigureAll));
        assert!(read("configure web").is_err());
    }

    #[test]
    fn a_word_too_many_is_said_of_the_command_that_does_not_take_it() {
        for line in ["status now", "whoami now", "unlink now", "test now"] {
            let error = read(line).unwrap_err();
            let Problem::Unexpected { command, .. } = error.problem else { panic!("{line}") };
            assert!(line.starts_with(command), "{line}");
        }
    }

    #[test]
    fn an_issue_is_named_by_its_page_its_number_or_its_short_id() {
        let number = Ok(Command::Why(Asked::Issue(IssueName::Number(IssueId::new("42")))));
        let short = Ok(Command::Why(Asked::Issue(IssueName::Short("WEB-API-1K2".into()))));
        for line in [
            "why 42",
            "why #42",
            "WHY https://acme.sentry.io/issues/42/?project=3",
            "why <https://sentry.example.com/sub/organizations/acme/issues/42/events/latest/|the issue>",
        ] {
            assert_eq!(read(line), number, "{line}");
        }
        for line in ["why web-api-1k2", "why \"WEB-API-1K2\".", "why https://acme.sentry.io/issues/WEB-API-1K2"] {
            assert_eq!(read(line), short, "{line}");
        }
        let alert = Ok(Command::Why(Asked::Issue(IssueName::Short("ALERT-31".into()))));
        let page = "https://acme.sentry.io/alerts/rules/details/7/?alert=31";
        for line in ["why alert-31".to_owned(), format!("why {page}"), format!("why <{page}&referrer=x|ALERT-31>")] {
            assert_eq!(read(&line), alert, "{line}");
        }
        let letter = "0123456789ABCDEF0123456789abcdef";
        let asked = Asked::Letter(JobId::new(letter.to_lowercase()));
        assert_eq!(read(&format!("why {letter}")), Ok(Command::Why(asked)));
        let rules = "why https://acme.sentry.io/alerts/rules/?alert=";
        for line in ["why", "why checkout", "why https://acme.sentry.io/projects/checkout/", "why ---", rules] {
            assert!(matches!(read(line).unwrap_err().problem, Problem::NoIssue { .. }), "{line}");
        }
    }

    #[test]
    fn disconnect_without_names_means_all() {
        assert_eq!(read("disconnect"), Ok(Command::Disconnect { project: None }));
    }

    #[test]
    fn names_are_read_as_our_own_messages_and_browsers_write_them() {
        for line in [
            "connect acme / checkout",
            "connect acme/ checkout",
            "connect acme /checkout",
            "connect acme//checkout",
            "connect /acme/checkout/",
            "connect acme.sentry.io/projects/checkout/",
            "connect ACME.sentry.io/settings/projects/checkout",
            "connect sentry.io/organizations/acme/projects/checkout/?project=3",
        ] {
            let read = parse(line, "sentry");
            let Ok(Command::Connect { org, project, .. }) = &read else { panic!("{line}: {read:?}") };
            assert_eq!((org.to_lowercase().as_str(), project.as_str()), ("acme", "checkout"), "{line}");
        }
    }

    #[test]
    fn a_code_does_not_begin_with_a_command() {
        assert!(!begins_with_command("482 913", "sentry"));
        for line in ["/sentry help", "CONNECT x", "status", "", "/sentry"] {
            assert!(begins_with_command(line, "sentry"), "{line:?}");
        }
    }
}
