//! What holds for every message.

use super::{buttons, lists, notices};
use crate::{Notice, text};

/// As much as a message of the chat platform holds.
const LONGEST: usize = 4_000;
/// As much as a button or an option shows.
const LONGEST_LABEL: usize = 40;
/// As many buttons as a message holds.
const MOST_BUTTONS: usize = 5;

fn texts(notice: &Notice) -> Vec<&str> {
    std::iter::once(notice.head.as_str()).chain(notice.lines.iter().map(|line| line.text.as_str())).collect()
}

fn labels(notice: &Notice) -> Vec<String> {
    let options = lists(notice).into_iter().flat_map(|(label, options, _)| std::iter::once(label).chain(options));
    let buttons = buttons(notice).into_iter().map(|label| label.trim_matches('*').to_owned());
    options.chain(buttons).collect()
}

/// Each text of each message, with where it stands.
fn each_text(rule: impl Fn(&str) -> bool, what: &str) {
    let broken: Vec<_> = notices()
        .iter()
        .flat_map(|(at, notice)| {
            let labels = labels(notice);
            let all = texts(notice).into_iter().chain(labels.iter().map(String::as_str));
            all.filter(|text| !rule(text))
                .map(|text| format!("{at}: {:?}", text.chars().take(300).collect::<String>()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "{what}:\n{}", broken.join("\n"));
}

#[test]
fn nothing_is_empty_or_longer_than_a_message_shows() {
    each_text(|text| !text.trim().is_empty() && text.encode_utf16().count() <= LONGEST, "empty, or too long");
}

#[test]
fn nothing_that_strangers_write_turns_hides_or_breaks_what_is_said() {
    each_text(|text| !text.chars().any(text::is_invisible), "control, direction or zero-width characters");
}

#[test]
fn nothing_shouts_or_apologizes() {
    let sorry = ["oops", "sorry", "whoops", "unfortunately"];
    each_text(
        |text| !text.contains('!') && !sorry.iter().any(|word| text.to_lowercase().starts_with(word)),
        "an exclamation mark, or an apology",
    );
}

#[test]
fn no_message_has_more_buttons_than_are_shown_or_a_label_that_is_cut_off() {
    for (at, notice) in notices() {
        let count = notice.buttons.len() + notice.suggestions.len();
        assert!(count <= MOST_BUTTONS, "{at}: {count} buttons");
        for label in labels(&notice) {
            assert!(label.encode_utf16().count() <= LONGEST_LABEL, "{at}: {label}");
        }
    }
}

#[test]
fn no_two_buttons_or_options_read_the_same() {
    for (at, notice) in notices() {
        let mut labels = buttons(&notice);
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), notice.buttons.len() + notice.suggestions.len(), "{at}: {labels:?}");
    }
}

#[test]
fn every_time_of_day_says_in_which_zone_it_is() {
    each_text(|text| clocks_without_zone(text).is_empty(), "a time without its zone");
    assert_eq!(clocks_without_zone("from 03:04 to 04:32 UTC, typed 14:02:11 UTC"), Vec::<&str>::new());
    assert_eq!(clocks_without_zone("until 14:02."), ["14:02."]);
}

/// What begins with a time of day that is not followed by a zone of these snapshots, nor by the other end of a span that is.
fn clocks_without_zone(text: &str) -> Vec<&str> {
    let words: Vec<_> = text.split(' ').collect();
    let is_clock = |word: &str| {
        let digits = |at: usize| word.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        [0, 1, 3, 4].into_iter().all(digits) && word.as_bytes()[2] == b':'
    };
    let is_zoned = |at: usize| {
        let follows = |n: usize, what: &str| words.get(at + n).is_some_and(|word| word.starts_with(what));
        let zone_follows = |n: usize| follows(n, "UTC") || follows(n, "CET");
        zone_follows(1) || follows(1, "to") && (zone_follows(3) || zone_follows(5))
    };
    (0..words.len()).filter(|at| is_clock(words[*at]) && !is_zoned(*at)).map(|at| words[at]).collect()
}

#[test]
fn one_of_a_thing_is_no_plural_and_no_space_is_doubled() {
    each_text(|text| !text.contains("  ") && text.trim() == text, "a space too many");
    let is_plural = |word: &str| word.trim_end_matches(|c: char| !c.is_alphanumeric()).ends_with('s');
    let is_wrong = |pair: &[&str]| pair[0] == "1" && is_plural(pair[1]) || pair[1].starts_with("trys");
    each_text(|text| !text.split(' ').collect::<Vec<_>>().windows(2).any(is_wrong), "a wrong plural");
}

#[test]
fn no_full_stop_is_doubled_or_ends_a_list_of_nothing() {
    each_text(|text| !text.contains("..") && !text.contains(": ."), "two full stops");
}
