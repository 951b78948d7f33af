//! Filters as people type them: `level:warning -title:timeout event:new,alert`. The grammar is that of the interface, section 5.

use std::collections::BTreeMap;

use super::words::Word;
use super::{Problem, closest};
use crate::Level;
use crate::filter::{Filter, Kind, Terms};

/// What can be filtered by. One table: the grammar, its suggestions and the documentation come from it.
pub const FILTERS: &[Key] = &[
    Key {
        name: "event",
        values: "new, regressed, escalating, alert, resolved, archived, assigned, comment, seer, error, all",
        meaning: "what may post a message here; alert is that of an issue or of a metric, error is every event; without it new, regressed, escalating and alert",
        also: &["events", "type", "on"],
    },
    Key {
        name: "level",
        values: "debug, info, warning, error, fatal",
        meaning: "this level and above; without it error; -level: leaves out just that one; a metric alert has no level and passes",
        also: &["levels", "severity", "lvl"],
    },
    Key {
        name: "title",
        values: "any words",
        meaning: "a part of the title, in any case; quotes hold words together",
        also: &["titles", "message", "text"],
    },
    Key {
        name: "env",
        values: "names of environments",
        meaning: "the environment of the alert's event or of the metric alert's rule, or else of the issue's latest event: a \
                  whole name in any case, with * at either end for anything; where Sentry cannot say, it is posted",
        also: &["environment", "environments", "envs"],
    },
    Key {
        name: "tag",
        values: "key=value",
        meaning: "a tag of that event, compared like env:; the same key again, or tag:key=a,b, means any of these values, and \
                  every key must fit; tag:key=* means that there is one; a metric alert has no tags",
        also: &["tags", "tagged"],
    },
];

/// A row of the table.
#[derive(Debug)]
pub struct Key {
    /// The word before the colon.
    pub name: &'static str,
    /// What may follow it.
    pub values: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// What people write instead; suggested, never guessed.
    also: &'static [&'static str],
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterProblem {
    /// Nothing is filtered by that.
    UnknownKey,
    /// Not a value of this key; these are.
    UnknownValue(&'static str),
    /// Nothing follows the colon; these may.
    NoValue(&'static str),
    /// Nothing would ever be posted.
    NothingLeft,
}

/// The names, and the filters. What follows a comma or a colon and a space belongs to the filter before it.
pub(super) fn apart(words: &[Word]) -> (Vec<&Word>, Vec<Word>) {
    let (mut names, mut filters) = (Vec::new(), Vec::<Word>::new());
    let mut goes_on = false;
    for word in words {
        match filters.last_mut().filter(|_| goes_on && !is_filter(word)) {
            Some(filter) => {
                filter.text = format!("{} {}", filter.text, word.text);
                filter.parts.extend(word.parts.iter().cloned());
                goes_on = word.goes_on;
            }
            None if is_filter(word) => {
                filters.push(word.clone());
                goes_on = word.goes_on;
            }
            None => {
                names.push(word);
                goes_on = false;
            }
        }
    }
    (names, filters)
}

/// Whether a word is a filter: `key:value`, but neither a quoted name nor an address.
fn is_filter(word: &Word) -> bool {
    let Some((key, value)) = without_sign(&word.text).1.split_once(':') else { return false };
    !word.is_quoted && !key.is_empty() && key.chars().all(char::is_alphanumeric) && !value.starts_with("//")
}

/// Reads filters; none at all are the default.
pub(super) fn read(words: &[Word]) -> Result<Filter, Problem> {
    let mut read = Read::default();
    for word in words {
        read.word(word).map_err(|(problem, suggestion)| problem_at(word, problem, suggestion))?;
    }
    let filter = read.filter();
    match words.last() {
        Some(last) if filter.admits_nothing() => Err(problem_at(last, FilterProblem::NothingLeft, None)),
        _ => Ok(filter),
    }
}

fn problem_at(word: &Word, problem: FilterProblem, suggestion: Option<String>) -> Problem {
    Problem::Filter { word: word.text.clone(), problem, suggestion, at: word.at }
}

/// Filters read so far.
#[derive(Default)]
struct Read {
    events: Vec<Kind>,
    not_events: Vec<Kind>,
    levels: Vec<Level>,
    except_levels: Vec<Level>,
    title: Terms,
    environment: Terms,
    tags: BTreeMap<String, Terms>,
}

impl Read {
    fn word(&mut self, word: &Word) -> Result<(), (FilterProblem, Option<String>)> {
        let (sign, rest) = without_sign(&word.parts[0]);
        let (typed, first) = rest.split_once(':').unwrap_or((rest, ""));
        let values = || std::iter::once(first).chain(word.parts[1..].iter().map(String::as_str)).map(str::trim);
        let Some(key) = FILTERS.iter().find(|key| key.name.eq_ignore_ascii_case(typed)) else {
            let suggestion =
                meant(typed).map(|key| format!("{sign}{}:{}", key.name, values().collect::<Vec<_>>().join(",")));
            return Err((FilterProblem::UnknownKey, suggestion));
        };
        if values().all(str::is_empty) {
            return Err((FilterProblem::NoValue(key.values), None));
        }
        let mut tag = None;
        for value in values().filter(|value| !value.is_empty()) {
            let known = match key.name {
                "tag" => self.tag(&mut tag, !sign.is_empty(), value),
                name => self.value(name, !sign.is_empty(), value),
            };
            known.map_err(|near| {
                let mended = |near| values().map(|other| if other == value { near } else { other }).collect::<Vec<_>>();
                let suggestion = near.map(|near| format!("{sign}{}:{}", key.name, mended(near).join(",")));
                (FilterProblem::UnknownValue(key.values), suggestion)
            })?;
        }
        Ok(())
    }

    /// One value of a known key. Where it is none of its values: the nearest.
    fn value(&mut self, key: &str, is_excluded: bool, value: &str) -> Result<(), Option<&'static str>> {
        match key {
            "event" => {
                let list = if is_excluded { &mut self.not_events } else { &mut self.events };
                if value.eq_ignore_ascii_case("all") {
                    list.extend(Kind::ALL);
                } else {
                    list.push(one_of(value, &Kind::ALL, |kind| kind.word())?);
                }
            }
            "level" => {
                let list = if is_excluded { &mut self.except_levels } else { &mut self.levels };
                list.push(one_of(value, &Level::ALL, |level| level.word())?);
            }
            "env" => self.environment.add(is_excluded, value),
            _ => self.title.add(is_excluded, value),
        }
        Ok(())
    }

    /// `key=value`, or a further value of the `tag` before it.
    fn tag(&mut self, tag: &mut Option<String>, is_excluded: bool, typed: &str) -> Result<(), Option<&'static str>> {
        let value = match (typed.split_once('='), &tag) {
            (Some((key, value)), _) => {
                *tag = Some(key.trim().to_lowercase()).filter(|key| !key.is_empty());
                value.trim()
            }
            (None, Some(_)) => typed,
            (None, None) => return Err(None),
        };
        match tag {
            Some(key) if !value.is_empty() => self.tags.entry(key.clone()).or_default().add(is_excluded, value),
            _ => return Err(None),
        }
        Ok(())
    }

    fn filter(self) -> Filter {
        let default = Filter::default();
        let wanted = if self.events.is_empty() { default.events } else { self.events };
        let events = Kind::ALL.into_iter().filter(|kind| wanted.contains(kind) && !self.not_events.contains(kind));
        let level = self.levels.iter().copied().min().unwrap_or(default.level);
        let mut except_levels = self.except_levels;
        except_levels.retain(|excepted| *excepted >= level);
        except_levels.sort_unstable();
        except_levels.dedup();
        let Self { title, environment, tags, .. } = self;
        Filter { events: events.collect(), level, except_levels, title, environment, tags }
    }
}

/// The minus of a filter that leaves out, and the rest. Chat clients make a dash of it.
fn without_sign(text: &str) -> (&'static str, &str) {
    text.strip_prefix(['-', '–', '—', '−']).map_or(("", text), |rest| ("-", rest))
}

/// The value that `typed` is, in any case; else the nearest one's word.
fn one_of<T: Copy>(typed: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Result<T, Option<&'static str>> {
    let is = all.iter().copied().find(|one| word(*one).eq_ignore_ascii_case(typed));
    is.ok_or_else(|| closest(typed, all.iter().map(|one| (word(*one), word(*one)))))
}

/// The key that somebody means who typed another word.
fn meant(typed: &str) -> Option<&'static Key> {
    closest(
        typed,
        FILTERS
            .iter()
            .flat_map(|key| std::iter::once((key.name, key)).chain(key.also.iter().map(move |word| (*word, key)))),
    )
}

#[cfg(test)]
mod tests {
    use super::super::words::split;
    use super::*;

    fn filter(line: &str) -> Result<Filter, Problem> {
        let words = split(line);
        let (names, filters) = apart(&words);
        assert!(names.is_empty(), "{line}");
        read(&filters)
    }

    fn problem(line: &str) -> (FilterProblem, Option<String>) {
        match filter(line) {
            Err(Problem::Filter { problem, suggestion, .. }) => (problem, suggestion),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_kind_of_event_is_listed_where_people_look_for_it() {
        let listed: Vec<_> = FILTERS[0].values.split(", ").collect();
        let kinds = Kind::ALL.iter().map(|kind| kind.word()).chain(["all"]);
        assert_eq!(listed, kinds.collect::<Vec<_>>());
    }

    #[test]
    fn without_filters_the_default_holds() {
        assert_eq!(filter(""), Ok(Filter::default()));
    }

    #[test]
    fn values_of_one_key_mean_any_however_they_are_written() {
        let expected = Filter { events: vec![Kind::New, Kind::Resolved], ..Filter::default() };
        for line in [
            "event:new,resolved",
            "event:resolved event:NEW",
            "EVENT:\"new\",'resolved'",
            "event:new,,resolved,",
            "event: new, resolved",
        ] {
            assert_eq!(filter(line).as_ref(), Ok(&expected), "{line}");
        }
    }

    #[test]
    fn what_is_left_out_is_taken_from_the_default_where_nothing_else_is_named() {
        let no_alerts = filter("-event:alert").expect("read");
        assert_eq!(no_alerts.events, [Kind::New, Kind::Regressed, Kind::Escalating]);
        let all_but_one = filter("event:all –event:assigned").expect("read");
        assert_eq!(all_but_one.events.len(), Kind::ALL.len() - 1);
    }

    #[test]
    fn a_level_means_itself_and_above_and_without_means_just_that_one() {
        let filter = filter("level:fatal,info -level:warning").expect("read");
        assert_eq!((filter.level, filter.except_levels), (Level::Info, vec![Level::Warning]));
        let only_without = self::filter("-level:fatal").expect("read");
        assert_eq!((only_without.level, only_without.except_levels), (Level::Error, vec![Level::Fatal]));
    }

    #[test]
    fn titles_keep_their_words_together() {
        let filter = filter("title:\"pool, exhausted\",disk -title:Test").expect("read");
        assert_eq!(
            filter.title,
            Terms { any: vec!["pool, exhausted".into(), "disk".into()], none: vec!["Test".into()] }
        );
    }

    #[test]
    fn environments_and_tags_are_kept_as_they_were_typed() {
        let read =
            filter("env:production,stag* -env:dev tag:Browser=chrome*,firefox -tag:browser=\"Head less\" tag:os=x=y");
        let read = read.expect("read");
        let terms = |any: &[&str], none: &[&str]| {
            let owned = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
            Terms { any: owned(any), none: owned(none) }
        };
        assert_eq!(read.environment, terms(&["production", "stag*"], &["dev"]));
        let tags = [("browser", terms(&["chrome*", "firefox"], &["Head less"])), ("os", terms(&["x=y"], &[]))];
        assert_eq!(read.tags, tags.into_iter().map(|(key, terms)| (key.to_owned(), terms)).collect());
    }

    #[test]
    fn a_tag_without_its_key_or_value_is_told_what_it_takes() {
        for line in ["tag:browser", "-tag:browser", "tag:=chrome", "tag:browser=", "tag:chrome,browser=x"] {
            assert_eq!(problem(line), (FilterProblem::UnknownValue("key=value"), None), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_pointed_at_with_what_may_be_meant() {
        assert_eq!(problem("severity:fatal"), (FilterProblem::UnknownKey, Some("level:fatal".into())));
        assert_eq!(problem("-lvel:fatal"), (FilterProblem::UnknownKey, Some("-level:fatal".into())));
        assert_eq!(problem("xyzzy:1"), (FilterProblem::UnknownKey, None));
        assert_eq!(problem("level:eror").1, Some("level:error".into()));
        assert_eq!(problem("event:new,regresed").1, Some("event:new,regressed".into()));
        assert_eq!(problem("enviroment:prod").1, Some("env:prod".into()));
        assert_eq!(problem("-environment:dev,qa").1, Some("-env:dev,qa".into()));
        assert_eq!(problem("event:").0, FilterProblem::NoValue(FILTERS[0].values));
        assert_eq!(problem("level:new -event:all").0, FilterProblem::UnknownValue(FILTERS[1].values));
    }

    #[test]
    fn filters_that_let_nothing_through_are_refused() {
        for line in [
            "-event:all",
            "event:new -event:new",
            "level:fatal -level:fatal",
            "env:prod -env:Prod",
            "tag:browser=chrome,bot1 -tag:browser=c*,bot*",
        ] {
            assert_eq!(problem(line).0, FilterProblem::NothingLeft, "{line}");
        }
    }

    #[test]
    fn names_and_addresses_are_no_filters() {
        for line in ["\"level:error\"", "https://acme.sentry.io/", "acme", "a/b:c", ":x"] {
            assert!(!split(line).iter().any(is_filter), "{line}");
        }
    }
}
