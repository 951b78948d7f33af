//! Whatever somebody types is answered: the grammar returns a value for every line, and what is said of it is clean and short.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use zentry_domain::command::{COMMANDS, CommandError, FILTERS, Topic, begins_with_command, parse};
use zentry_domain::{Deployment, Notice, Policy, say, text};

/// More corrections than a line has words and values.
const CORRECTIONS: usize = 1_000;
/// What an error repeats: at most two pieces of eighty UTF-16 units, among our own words.
const REPEATED: usize = 2 * 80;
const OUR_WORDS: usize = 150;
/// What a card takes of any text, and of a button's (UTF-16 units).
const TEXT_MAX: usize = 4_000;
const LABEL_MAX: usize = 40;

/// Words that mean something, nearly mean something, or are put together of both.
const WORDS: [&str; 28] = [
    "/sentry",
    "sentry",
    "conect",
    "Stauts",
    "hlep",
    "filters",
    "acme",
    "acme/checkout",
    "*",
    "all",
    "none",
    "2h",
    "14 days",
    "99999999999999999999d",
    "levl:fatal",
    "level:eror,warnin",
    "-title:\"a, b\"",
    "–event:new,resolvd",
    "tag:=",
    "tag:a=b,c",
    "env:*prod*",
    ":",
    "CHECKOUT-7",
    "0123456789abcdef0123456789ABCDEF",
    "https://acme.sentry.io/issues/42/?project=3#x",
    "<https://sentry.io/settings/acme/projects/web/|the web>",
    "http://[::1",
    "://|",
];
/// Pieces that are meant to be shown otherwise than they are.
const TRICKS: [&str; 24] = [
    "\0",
    "\r\n",
    "\u{7f}",
    "\u{9b}31m",
    "\u{1b}[2J",
    "\u{85}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\u{ad}",
    "\u{e0041}",
    "\u{1bca0}",
    "\u{1d173}",
    "\u{e0100}",
    "\u{fff9}",
    "e\u{301}\u{489}",
    "👨\u{200d}👩\u{200d}👧",
    "𝒞",
    "<!all>",
    "*x*_y_~z~`",
    "|>",
    "\\",
];
const BETWEEN: [&str; 16] =
    [" ", " ", " ", "", "\u{a0}", "\t", "\n", ",", ": ", "/", "\"", "'", "“", "’", "«", "\u{2003}\u{200b}"];

fn piece() -> impl Strategy<Value = String> {
    let known: Vec<_> = COMMANDS.iter().map(|spec| spec.name).chain(FILTERS.iter().map(|key| key.name)).collect();
    prop_oneof![
        4 => select(known).prop_map(str::to_owned),
        4 => select(&WORDS[..]).prop_map(str::to_owned),
        3 => select(&TRICKS[..]).prop_map(str::to_owned),
        2 => vec(any::<char>(), 0..12).prop_map(String::from_iter),
        2 => select(&WORDS[..]).prop_map(|word| format!("{word} {word}")),
        1 => (select(&TRICKS[..]), 1..1_200_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let pieces = vec((piece(), select(&BETWEEN[..])), 0..10);
    pieces.prop_map(|pieces| pieces.into_iter().flat_map(|(piece, between)| [piece, between.to_owned()]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_is_understood_or_the_error_points_into_it_in_clean_short_words(line in line()) {
        let _ = begins_with_command(&line, "sentry");
        if let Err(error) = parse(&line, "sentry") {
            prop_assert!(error.at <= error.line.chars().count(), "{error:?}");
            let notice = say::not_understood(&deployment(), &error);
            is_clean(&notice)?;
            for text in texts(&notice) {
                prop_assert!(units(text) <= REPEATED + OUR_WORDS, "{text:?}");
            }
        }
    }

    #[test]
    fn corrections_go_on_from_where_they_are_and_come_to_an_end(line in line()) {
        let mut last = parse(&line, "sentry").err();
        for _ in 0..CORRECTIONS {
            let Some((error, corrected)) = last.and_then(with_correction) else { return Ok(()) };
            prop_assert!(corrected != error.line, "{error:?}");
            last = parse(&corrected, "sentry").err();
            let at = last.as_ref().map_or(usize::MAX, |error| error.at);
            prop_assert!(at >= error.at, "{error:?}, and then {last:?}");
        }
        prop_assert!(false, "there is always one more");
    }

    #[test]
    fn a_word_that_is_cut_off_at_the_end_of_a_long_line_is_not_corrected_for_ever(hidden in 990..1_005_usize) {
        let line = format!("{}help", "\u{202e} ".repeat(hidden / 2));
        let corrected = parse(&line, "sentry").err().and_then(with_correction);
        prop_assert!(corrected.is_none_or(|(_, corrected)| parse(&corrected, "sentry").err().and_then(with_correction).is_none()));
    }

    #[test]
    fn any_text_becomes_one_clean_line_within_its_limit(raw in line(), max in 1..200_usize) {
        let clean = text::line(&raw, max);
        prop_assert!(!clean.chars().any(is_hidden), "{clean:?}");
        prop_assert!(units(&clean) <= max, "{clean:?}");
        prop_assert_eq!(text::line(&clean, max), clean);
    }
}

#[test]
fn every_topic_of_help_is_clean_and_fits_a_card() {
    let topics = COMMANDS.iter().map(Topic::Command).chain([Topic::Filters]);
    for notice in topics.map(|topic| say::help_topic(&deployment(), topic)) {
        is_clean(&notice).expect("a clean topic");
    }
}

fn with_correction(error: CommandError) -> Option<(CommandError, String)> {
    let corrected = error.corrected()?;
    Some((error, corrected))
}

fn is_clean(notice: &Notice) -> Result<(), TestCaseError> {
    for text in texts(notice) {
        prop_assert!(!text.chars().any(is_hidden), "{text:?}");
        prop_assert!(units(text) <= TEXT_MAX, "{text:?}");
    }
    for suggestion in &notice.suggestions {
        prop_assert!(units(&suggestion.label) <= LABEL_MAX, "{suggestion:?}");
    }
    Ok(())
}

fn texts(notice: &Notice) -> impl Iterator<Item = &str> {
    let lines = notice.lines.iter().map(|line| line.text.as_str());
    let labels = notice.suggestions.iter().map(|suggestion| suggestion.label.as_str());
    std::iter::once(notice.head.as_str()).chain(lines).chain(labels)
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Controls, and what Unicode lets be ignored by default; but for U+FE00 to U+FE0F, without which an emoji is none.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn deployment() -> Deployment {
    Deployment {
        command: "sentry".into(),
        public_url: "https://bot.example.com".into(),
        policy: Policy::Anyone,
        managers: Vec::new(),
        allowed_orgs: None,
        linking: true,
        integration_org: None,
        storm_budget: 0,
        sentry_url: "https://sentry.example.com".into(),
        install_url: None,
        service_hooks: false,
    }
}
