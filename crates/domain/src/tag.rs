//! The tags of an event that cards may show.

use serde::{Deserialize, Serialize};

use crate::Occurrence;
use crate::text::line;

/// As much of a value as is shown.
const VALUE_MAX: usize = 60;

/// A tag that cards may show: those that Sentry's own libraries set, and nothing that names a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tag {
    /// `browser`
    Browser,
    /// `os`
    Os,
    /// `device`
    Device,
    /// `runtime`
    Runtime,
    /// `server_name`
    ServerName,
    /// `transaction`
    Transaction,
    /// `url`
    Url,
    /// `handled`
    Handled,
    /// `mechanism`
    Mechanism,
    /// `logger`
    Logger,
}

impl Tag {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Browser,
        Self::Os,
        Self::Device,
        Self::Runtime,
        Self::ServerName,
        Self::Transaction,
        Self::Url,
        Self::Handled,
        Self::Mechanism,
        Self::Logger,
    ];

    /// Its key at Sentry.
    pub fn key(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Os => "os",
            Self::Device => "device",
            Self::Runtime => "runtime",
            Self::ServerName => "server_name",
            Self::Transaction => "transaction",
            Self::Url => "url",
            Self::Handled => "handled",
            Self::Mechanism => "mechanism",
            Self::Logger => "logger",
        }
    }

    /// Those of an occurrence, with their values; of several with one key the first.
    pub(crate) fn of(occurrence: &Occurrence) -> Vec<(Self, String)> {
        let value = |tag: Self| occurrence.tags.iter().find(|(key, _)| key == tag.key()).map(|(_, value)| (tag, value));
        Self::ALL.into_iter().filter_map(value).map(|(tag, value)| (tag, line(value, VALUE_MAX))).collect()
    }
}

/// Some of the tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Tag>", into = "Vec<Tag>")]
pub struct Tags(u16);

impl Tags {
    /// Whether this one is among them.
    pub fn has(self, tag: Tag) -> bool {
        self.0 & (1 << tag as u16) != 0
    }

    /// With this one among them, or without.
    #[must_use]
    pub fn with(self, tag: Tag, on: bool) -> Self {
        let bit = 1 << tag as u16;
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }

    /// In plain words: `browser, os`, or `none`.
    pub fn in_words(self) -> String {
        let keys: Vec<_> = Vec::<Tag>::from(self).into_iter().map(Tag::key).collect();
        if keys.is_empty() { "none".into() } else { keys.join(", ") }
    }
}

impl From<Vec<Tag>> for Tags {
    fn from(tags: Vec<Tag>) -> Self {
        tags.into_iter().fold(Self::default(), |all, tag| all.with(tag, true))
    }
}

impl From<Tags> for Vec<Tag> {
    fn from(tags: Tags) -> Self {
        Tag::ALL.into_iter().filter(|tag| tags.has(*tag)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_stored_by_name_and_switched_one_by_one() {
        let browser = Tags::default().with(Tag::Browser, true);
        let both = browser.with(Tag::Logger, true);
        assert_eq!((both.in_words().as_str(), browser.has(Tag::Logger)), ("browser, logger", false));
        assert_eq!(both.with(Tag::Logger, false), browser);
        assert_eq!(Tags::default().in_words(), "none");
        let stored = serde_json::to_string(&both).expect("stored");
        assert_eq!(stored, r#"["browser","logger"]"#);
        assert_eq!(serde_json::from_str::<Tags>(&stored).expect("read"), both);
    }

    #[test]
    fn the_first_of_several_values_is_shown_and_what_nobody_may_choose_is_not_kept() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let tags = vec![pair("user", "id:7"), pair("os", "a"), pair("os", "b"), pair("browser", "c")];
        let kept = Tag::of(&Occurrence { tags, ..Occurrence::default() });
        assert_eq!(kept, [(Tag::Browser, "c".to_owned()), (Tag::Os, "a".to_owned())]);
    }
}
