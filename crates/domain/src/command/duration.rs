//! Durations as people type them: `90m`, `2h`, `3 days`.

use std::time::Duration;

use super::Problem;
use super::words::Word;
use crate::{LONGEST_MUTE, SHORTEST_MUTE};

/// What is wrong with a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationProblem {
    /// There is none.
    Missing,
    /// Less than five minutes.
    TooShort,
    /// More than fourteen days.
    TooLong,
}

/// The duration that stands first or last, and the other words.
pub(super) fn apart<'w>(command: &'static str, rest: &'w [Word]) -> Result<(Duration, Vec<&'w Word>), Problem> {
    let words: Vec<_> = rest.iter().collect();
    let (time, first, names) = at_either_end(&words).ok_or(Problem::Duration {
        command,
        problem: DurationProblem::Missing,
        at: rest.first().map(|word| word.at),
    })?;
    let wrong = |problem| Err(Problem::Duration { command, problem, at: Some(first.at) });
    match time {
        time if time < SHORTEST_MUTE => wrong(DurationProblem::TooShort),
        time if time > LONGEST_MUTE => wrong(DurationProblem::TooLong),
        time => Ok((time, names)),
    }
}

fn at_either_end<'w>(words: &[&'w Word]) -> Option<(Duration, &'w Word, Vec<&'w Word>)> {
    for length in [2, 1] {
        for begin in [0, words.len().saturating_sub(length)] {
            let Some(candidate) = words.get(begin..begin + length) else { continue };
            let text: String = candidate.iter().map(|word| word.text.as_str()).collect();
            if candidate.iter().all(|word| !word.is_quoted)
                && let Some(time) = read(&text)
            {
                let others = words[..begin].iter().chain(&words[begin + length..]).copied();
                return Some((time, candidate[0], others.collect()));
            }
        }
    }
    None
}

/// A number and its unit. A number too great for one is simply too long.
fn read(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    if number.is_empty() {
        return None;
    }
    let seconds = match unit.to_lowercase().trim_end_matches('.') {
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 24 * 3_600,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::super::words::split;
    use super::*;

    fn typed(line: &str) -> Result<(u64, Vec<String>), Problem> {
        let words = split(line);
        let (time, names) = apart("mute", &words)?;
        Ok((time.as_secs() / 60, names.into_iter().map(|word| word.text.clone()).collect()))
    }

    fn problem(line: &str) -> DurationProblem {
        let Err(Problem::Duration { problem, .. }) = typed(line) else { panic!("{line}") };
        problem
    }

    #[test]
    fn a_duration_stands_before_or_behind_the_names() {
        let acme_web = || vec!["acme".to_owned(), "web".to_owned()];
        assert_eq!(typed("90m acme web"), Ok((90, acme_web())));
        assert_eq!(typed("acme web 2H"), Ok((120, acme_web())));
        assert_eq!(typed("3 days acme web"), Ok((4_320, acme_web())));
        assert_eq!(typed("5min"), Ok((5, Vec::new())));
        assert_eq!(typed("14d"), Ok((20_160, Vec::new())));
    }

    #[test]
    fn a_quoted_name_is_no_duration() {
        assert_eq!(typed("2h acme \"2h\""), Ok((120, vec!["acme".into(), "2h".into()])));
        assert_eq!(problem("acme \"2h\""), DurationProblem::Missing);
    }

    #[test]
    fn nothing_is_muted_for_ever_or_for_no_time() {
        assert_eq!(problem("acme web"), DurationProblem::Missing);
        assert_eq!(problem(""), DurationProblem::Missing);
        assert_eq!(problem("forever"), DurationProblem::Missing);
        assert_eq!(problem("4m"), DurationProblem::TooShort);
        assert_eq!(problem("0d"), DurationProblem::TooShort);
        assert_eq!(problem("337h"), DurationProblem::TooLong);
        assert_eq!(problem("99999999999999999999999d acme"), DurationProblem::TooLong);
    }
}
