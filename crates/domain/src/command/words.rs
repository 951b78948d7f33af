//! Splits a command line into words. Chat clients replace quotes, add no-break spaces and leave quotes open; all of that
//! is understood.

use crate::text::is_invisible;

/// A word, and where it began: so that an error can point at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Characters before it in the line as read.
    pub(crate) at: usize,
}

/// The words of `line`: separated by white space, or enclosed in quotes of any kind. A quote that is never closed ends
/// with the line; an opening one inside a quoted word ends it and begins the next (`“My Org> “Web App>`).
pub(crate) fn split(line: &str) -> Vec<Word> {
    let mut reader = Reader { words: Vec::new(), word: None, closing: None };
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

struct Reader {
    words: Vec<Word>,
    word: Option<Word>,
    /// What closes the quoted word being read.
    closing: Option<Quote>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Double,
    Single,
}

impl Reader {
    fn read(&mut self, at: usize, c: char, before: char) {
        match (self.closing, quote(c)) {
            (Some(open), Some(found)) if open == found => {
                self.end_word();
                // An opening mark where a closing one was due begins the next word.
                self.closing = is_opening(c).then_some(found);
                self.word = is_opening(c).then(|| Word { text: String::new(), at });
            }
            (Some(_), _) => self.push(at, c),
            (None, Some(found)) if self.begins_quote(found, before) => {
                self.end_word();
                self.closing = Some(found);
                self.word = Some(Word { text: String::new(), at });
            }
            (None, _) if c.is_whitespace() => self.end_word(),
            (None, _) => self.push(at, c),
        }
    }

    /// A single quote inside a word is an apostrophe: `Bob's`.
    fn begins_quote(&self, found: Quote, before: char) -> bool {
        found == Quote::Double || before.is_whitespace() || self.word.is_none()
    }

    fn push(&mut self, at: usize, c: char) {
        self.word.get_or_insert_with(|| Word { text: String::new(), at }).text.push(c);
    }

    fn end_word(&mut self) {
        let quoted = self.closing.take().is_some();
        if let Some(mut word) = self.word.take() {
            let text = word.text.split_whitespace().collect::<Vec<_>>().join(" ");
            // Placeholders copied from a help page keep their brackets (<org>), and sentences their punctuation.
            let text = text.trim_matches(['<', '>']);
            let text = if quoted { text } else { text.trim_matches(['<', '>', ',', ';']).trim_end_matches(['.', '!']) };
            text.clone_into(&mut word.text);
            if !word.text.is_empty() {
                self.words.push(word);
            }
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
        assert_eq!(split("  connect \"My Org\"")[1], Word { text: "My Org".into(), at: 10 });
    }
}
