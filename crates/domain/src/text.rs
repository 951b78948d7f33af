//! Text from outside, made harmless. Titles, names and comments are written by strangers: whoever knows a public DSN
//! chooses them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;

/// One line without control, direction and zero-width characters, white space folded, cut at a grapheme border to
/// `max` UTF-16 units with `…` at the end where something was cut.
pub fn line(raw: &str, max: usize) -> String {
    let mut clean = String::with_capacity(raw.len().min(max * 2));
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !is_invisible(*c)).collect();
        if word.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(&word);
        if clean.len() > max * 8 {
            break;
        }
    }
    cut(&clean, max)
}

/// Labels of one list, each as [`line()`] makes it and no two of them the same: where they begin alike their ends are shown, too,
/// and what is alike has a number.
pub fn distinct(raw: &[String], max: usize) -> Vec<String> {
    // Nobody tells longer ones apart anyway.
    const WHOLE: usize = 400;
    let whole: Vec<_> = raw.iter().map(|label| line(label, WHOLE)).collect();
    let mut labels: Vec<_> = whole.iter().map(|label| cut(label, max)).collect();
    let mut known = HashMap::<String, usize>::new();
    for label in &labels {
        *known.entry(label.clone()).or_default() += 1;
    }
    for (label, whole) in labels.iter_mut().zip(&whole).filter(|(label, _)| known[*label] > 1) {
        *label = cut_within(whole, max);
    }
    let mut taken = HashSet::new();
    for label in &mut labels {
        if label.is_empty() {
            "unnamed".clone_into(label);
        }
        let alone = label.clone();
        for number in 2_u32.. {
            if taken.insert(label.clone()) {
                break;
            }
            let number = format!(" ({number})");
            *label = cut(&alone, max.saturating_sub(number.len())) + &number;
        }
    }
    labels
}

/// As [`cut`], but leaves the end, and less than a half of the beginning.
fn cut_within(text: &str, max: usize) -> String {
    let units = text.encode_utf16().count();
    if units <= max {
        return text.to_owned();
    }
    let mut end = text.len();
    let mut room = max / 2;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        let units = grapheme.encode_utf16().count();
        if units > room {
            break;
        }
        room -= units;
        end = at;
    }
    let left = text[end..].encode_utf16().count();
    cut(&text[..end], max - left) + &text[end..]
}

/// Cuts at a grapheme border so that at most `max` UTF-16 units are left, the ellipsis included.
pub fn cut(text: &str, max: usize) -> String {
    if text.encode_utf16().count() <= max {
        return text.to_owned();
    }
    let mut room = max.saturating_sub(1);
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let units = grapheme.encode_utf16().count();
        if units > room {
            break;
        }
        room -= units;
        end = at + grapheme.len();
    }
    format!("{}…", text[..end].trim_end())
}

/// Characters that show nothing themselves but change what is shown around them, or hide something in it: controls, and what
/// Unicode lets be ignored by default. U+FE00 to U+FE0F stay: without them some emoji are drawn as letters.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
        || c.is_control()
}

/// `n` with its noun: `1 event`, `2 events`.
pub fn counted(n: u64, noun: &str) -> String {
    let n_text = match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => short(n, 1_000, "k"),
        _ => short(n, 1_000_000, "M"),
    };
    format!("{n_text} {noun}{}", if n == 1 { "" } else { "s" })
}

/// How long something lasts, in its largest unit: `9 days`.
pub(crate) fn lasting(length: Duration) -> String {
    match length.as_secs() / 60 {
        0 => "a minute".into(),
        minutes @ 1..60 => counted(minutes, "minute"),
        minutes @ 60..1_440 => counted(minutes / 60, "hour"),
        minutes => counted(minutes / 1_440, "day"),
    }
}

fn short(n: u64, unit: u64, suffix: &str) -> String {
    let tenths = n / (unit / 10);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{suffix}"),
        (whole, tenth) => format!("{whole}.{tenth}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_overrides_and_controls_are_dropped() {
        assert_eq!(line("a\u{202e}b\u{0007}\n\t c\u{200b}d", 100), "ab cd");
    }

    #[test]
    fn nothing_is_hidden_in_a_text_and_an_emoji_stays_one() {
        assert_eq!(line("a\u{e0100}b\u{1bca0}c\u{1d173}d\u{180b}", 100), "abcd");
        assert_eq!(line("❤\u{fe0f}", 100), "❤\u{fe0f}");
    }

    #[test]
    fn a_family_is_not_cut_apart() {
        let family = "👨‍👩‍👧";
        let cut = cut(&format!("ab{family}"), 4);
        assert_eq!(cut, "ab…");
    }

    #[test]
    fn numbers_are_exact_below_a_thousand() {
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(999, "event"), "999 events");
        assert_eq!(counted(1_240, "event"), "1.2k events");
        assert_eq!(counted(2_000_000, "user"), "2M users");
    }

    #[test]
    fn labels_that_begin_alike_show_their_ends_and_equal_ones_are_numbered() {
        let long = |end: &str| format!("a-team-that-gives-its-projects-very-long-names-{end}");
        let labels =
            [long("api"), long("web"), "Ben".into(), "Ben".into(), "Ben (2)".into(), "\u{200b}".into(), String::new()];
        let told = distinct(&labels, 40);
        assert!(told[0].ends_with("-names-api") && told[1].ends_with("-names-web"), "{told:?}");
        assert_eq!(told[2..], ["Ben", "Ben (2)", "Ben (2) (2)", "unnamed", "unnamed (2)"]);
    }

    #[test]
    fn whatever_the_labels_are_they_are_different_and_no_longer_than_allowed() {
        let pieces =
            ["", "a", "Ü", "👩‍👩‍👧", "\u{202e}", " ", "-", "…", "(2)", "very-long-piece-of-a-name-of-something", "é"];
        let mut state = 7_u64;
        let mut dice = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap_or_default() % sides
        };
        for _ in 0..2_000 {
            let label =
                |dice: &mut dyn FnMut(usize) -> usize| (0..dice(6)).map(|_| pieces[dice(pieces.len())]).collect();
            let labels: Vec<String> = (0..=dice(50)).map(|_| label(&mut dice)).collect();
            let told = distinct(&labels, 40);
            let different: HashSet<_> = told.iter().collect();
            assert_eq!(different.len(), labels.len(), "{told:?}");
            assert!(told.iter().all(|label| !label.is_empty() && label.encode_utf16().count() <= 40), "{told:?}");
        }
    }
}
