//! Splits a command line into words. Chat clients replace quotes, add no-break spaces and leave quotes open; all of that
//! is understood.

use crate::text::is_invisible;

/// A word, and where it began: so that an error can point at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Characters before it in the line as read.
    pub(crate) at: usize,
    /// It began with a quote, and so is a name and nothing else.
    pub(crate) is_quoted: bool,
    /// It ended with a comma or a colon: the next word may belong to it.
    pub(crate) goes_on: bool,
    /// Its text between the commas that are not in quotes: the values of `title:disk,"a, b"`.
    pub(crate) parts: Vec<String>,
}

/// A comma in quotes while a word is read. Control characters never come from outside: they are left out before.
const QUOTED_COMMA: char = '\u{1}';

/// The words of `line`: separated by white space, or enclosed in quotes of any kind. A quote that is never closed ends
/// with the line; an opening one inside a quoted word ends it and begins the next (`“My Org> “Web App>`). A value may be
/// quoted behind its key: `title:"a b"`.
pub(crate) fn split(line: &str) -> Vec<Word> {
    let mut reader = Reader::default();
    let mut before = ' ';
    for (at, c) in line.chars().enumerate() {
        if !is_invisible(c) || c.is_whitespace() {
            reader.read(at, c, before);
            before = c;
        }
    }
    reader.end_word();
    reader.words
}

#[derive(Default)]
struct Reader {
    words: Vec<Word>,
    word: Option<Begun>,
    /// What closes the quoted word or value being read.
    closing: Option<Quote>,
}

/// A word being read.
struct Begun {
    text: String,
    at: usize,
    /// It began with a quote.
    is_quoted: bool,
    /// A value in it is quoted.
    has_quoted_value: bool,
}

impl Begun {
    fn new(at: usize, is_quoted: bool) -> Self {
        Self { text: String::new(), at, is_quoted, has_quoted_value: false }
    }

    /// Whether a value comes next: `title:`, `-tag:browser=`, `title:disk,`.
    fn awaits_value(&self) -> bool {
        let key = self.text.trim_start_matches('-').split(':').next().unwrap_or_default();
        let is_key = !self.is_quoted && key.len() < self.text.len() && key.chars().all(char::is_alphanumeric);
        is_key && self.text.ends_with([':', ',', '='])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Double,
    Single,
}

impl Reader {
    fn read(&mut self, at: usize, c: char, before: char) {
        let has_quoted_value = self.word.as_ref().is_some_and(|word| word.has_quoted_value);
        match (self.closing, quote(c)) {
            (Some(open), Some(found)) if open == found && has_quoted_value => self.closing = None,
            (Some(open), Some(found)) if open == found => {
                self.end_word();
                // An opening mark where a closing one was due begins the next word.
                self.closing = is_opening(c).then_some(found);
                self.word = is_opening(c).then(|| Begun::new(at, true));
            }
            (Some(_), _) => self.push(at, if c == ',' && has_quoted_value { QUOTED_COMMA } else { c }),
            (None, Some(found)) if self.begins_value() => self.closing = Some(found),
            (None, Some(found)) if self.begins_quote(found, before) => {
                self.end_word();
                self.closing = Some(found);
                self.word = Some(Begun::new(at, true));
            }
            (None, _) if c.is_whitespace() => self.end_word(),
            (None, _) => self.push(at, c),
        }
    }

    /// Whether a quote here begins a value, and that it does.
    fn begins_value(&mut self) -> bool {
        let awaiting = self.word.as_mut().filter(|word| word.awaits_value());
        awaiting.map(|word| word.has_quoted_value = true).is_some()
    }

    /// A single quote inside a word is an apostrophe: `Bob's`.
    fn begins_quote(&self, found: Quote, before: char) -> bool {
        found == Quote::Double || before.is_whitespace() || self.word.is_none()
    }

    fn push(&mut self, at: usize, c: char) {
        self.word.get_or_insert_with(|| Begun::new(at, false)).text.push(c);
    }

    fn end_word(&mut self) {
        let was_open = self.closing.take().is_some();
        let Some(Begun { text, at, is_quoted, has_quoted_value }) = self.word.take() else { return };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Placeholders copied from a help page keep their brackets (<org>), and sentences their punctuation.
        let text = text.trim_matches(['<', '>']);
        let goes_on = !is_quoted && text.ends_with([',', ':']);
        let text = match (was_open, has_quoted_value) {
            (true, _) => text,
            (false, true) => text.trim_end_matches(','),
            (false, false) => text.trim_matches(['<', '>', ',', ';']).trim_end_matches(['.', '!']),
        };
        if !text.is_empty() {
            let plain = |text: &str| text.replace(QUOTED_COMMA, ",");
            let parts = text.split(',').map(plain).collect();
            self.words.push(Word { text: plain(text), at, is_quoted, goes_on, parts });
        }
    }
}

fn quote(c: char) -> Option<Quote> {
    match c {
        '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '″' => Some(Quote::Double),
        '\'' | '‘' | '’' | '‚' | '‛' | '`' => Some(Quote::Single),
        _ => None,
    }
}

fn is_opening(c: char) -> bool {
    matches!(c, '“' | '„' | '‟' | '«' | '‘' | '‚' | '‛')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn straight_curly_and_single_quotes_hold_a_name_together() {
        for line in [r#"connect "My Org" "Web App""#, "connect “My Org” “Web App”", "connect 'My Org' ‘Web App’"]
        {
            assert_eq!(texts(line), ["connect", "My Org", "Web App"], "{line}");
        }
    }

    #[test]
    fn a_quote_left_open_ends_with_the_line_or_at_the_next_one() {
        assert_eq!(texts("connect \"My Org"), ["connect", "My Org"]);
        assert_eq!(texts("connect “My Org> “Web App>"), ["connect", "My Org", "Web App"]);
    }

    #[test]
    fn an_apostrophe_is_not_a_quote() {
        assert_eq!(texts("connect Bob's web"), ["connect", "Bob's", "web"]);
    }

    #[test]
    fn no_break_and_zero_width_spaces_do_what_they_look_like() {
        assert_eq!(texts("connect\u{a0}acme\u{200b} we\u{200b}b"), ["connect", "acme", "web"]);
    }

    #[test]
    fn stray_punctuation_around_a_word_is_dropped() {
        assert_eq!(texts("connect <acme>, checkout."), ["connect", "acme", "checkout"]);
        assert_eq!(texts("connect acme.io v1.2"), ["connect", "acme.io", "v1.2"]);
        assert_eq!(texts("connect \"Acme Inc.\" web"), ["connect", "Acme Inc.", "web"]);
    }

    #[test]
    fn a_word_knows_where_it_began() {
        let word = &split("  connect \"My Org\"")[1];
        assert_eq!((word.text.as_str(), word.at), ("My Org", 10));
    }

    #[test]
    fn a_value_may_be_quoted_behind_its_key() {
        let parts = |line: &str| split(line).into_iter().map(|word| word.parts).collect::<Vec<_>>();
        assert_eq!(parts("title:\"pool, exhausted\""), [["title:pool, exhausted"]]);
        assert_eq!(parts("-title:disk,“a b” x"), [vec!["-title:disk", "a b"], vec!["x"]]);
        assert_eq!(parts("tag:browser='Head less', level:fatal"), [["tag:browser=Head less"], ["level:fatal"]]);
        assert_eq!(parts("title:\"never closed x:y"), [["title:never closed x:y"]]);
        assert_eq!(parts("say:\"a\"\"b c\""), [["say:a"], ["b c"]]);
    }
}
