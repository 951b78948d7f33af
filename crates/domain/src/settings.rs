//! How a channel wants its cards.

use serde::{Deserialize, Serialize};

use crate::text::counted;
use crate::{Issue, Tag, Tags, Zone};

/// What a channel has set for all of its cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelSettings {
    /// Where it is told that something has changed.
    pub updates: Updates,
    /// How much a card says.
    pub density: Density,
    /// What of an issue's words a card shows, and the bot keeps.
    pub privacy: Privacy,
    /// Who is called by a new message.
    pub mentions: Mentions,
    /// In which the clock is told.
    pub zone: Zone,
    /// Which tags of an event a card shows, where it tells any.
    #[serde(skip_serializing_if = "crate::subscription::is_default")]
    pub tags: Tags,
}

/// Where a channel is told that the issue of a card has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Updates {
    /// On the card alone.
    #[default]
    Edit,
    /// On the card, and by a reply to it.
    Thread,
    /// On the card, and by a new message.
    Channel,
}

/// How much a card says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    /// One line.
    Compact,
    /// A few.
    #[default]
    Standard,
    /// Everything that is known.
    Full,
}

/// What of an issue's words a card shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// All of them.
    #[default]
    Full,
    /// No message: only what kind of error it is, and where in the code.
    NoMessage,
    /// Only what kind of error it is.
    ClassOnly,
}

/// Who is called by a new message, beside whoever reads the channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mentions {
    /// Whose the issue is, where it came back or is fatal.
    #[default]
    Assignee,
    /// Nobody.
    Nobody,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Where changes are told.
    Updates(Updates),
    /// How much a card says.
    Density(Density),
    /// What of an issue's words it shows.
    Privacy(Privacy),
    /// Who is called.
    Mentions(Mentions),
    /// In which the clock is told.
    Zone(Zone),
    /// Whether a tag is shown.
    Tag {
        /// Which.
        tag: Tag,
        /// Whether.
        on: bool,
    },
}

impl ChannelSettings {
    /// With one of them set.
    #[must_use]
    pub fn with(mut self, setting: Setting) -> Self {
        match setting {
            Setting::Updates(updates) => self.updates = updates,
            Setting::Density(density) => self.density = density,
            Setting::Privacy(privacy) => self.privacy = privacy,
            Setting::Mentions(mentions) => self.mentions = mentions,
            Setting::Zone(zone) => self.zone = zone,
            Setting::Tag { tag, on } => self.tags = self.tags.with(tag, on),
        }
        self
    }

    /// In plain words.
    pub fn in_words(&self) -> String {
        format!(
            "Updates: {}. Density: {}. Text: {}. Mentions: {}. Time zone: {}. Tags: {}.",
            self.updates.in_words(),
            self.density.in_words(),
            self.privacy.in_words(),
            self.mentions.in_words(),
            self.zone.in_words(),
            self.tags.in_words()
        )
    }
}

impl Updates {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Edit, Self::Thread, Self::Channel];

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Edit => "edit the card",
            Self::Thread => "edit the card and reply to it",
            Self::Channel => "edit the card and post in the channel",
        }
    }
}

impl Density {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Compact, Self::Standard, Self::Full];

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }
}

impl Mentions {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Assignee, Self::Nobody];

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Assignee => "the assignee",
            Self::Nobody => "nobody",
        }
    }
}

impl Privacy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::NoMessage, Self::ClassOnly];

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NoMessage => "no message",
            Self::ClassOnly => "class only",
        }
    }

    /// What is said where something is hidden.
    pub(crate) fn hides(self, values: u8) -> String {
        match (self, values) {
            (Self::Full, _) => String::new(),
            (_, 0) => "Messages are hidden by this channel's privacy setting.".into(),
            (_, values) => format!("{} hidden by this channel's privacy setting.", counted(values.into(), "value")),
        }
    }

    /// The issue without what must not be shown, and so is not kept either.
    #[must_use]
    pub fn redact(self, issue: Issue) -> Issue {
        let class = class_of(&issue.title).to_owned();
        let is_cut = class.len() < issue.title.trim().len();
        let others = [
            issue.culprit.is_some(),
            issue.frame.is_some(),
            issue.release.is_some(),
            issue.assignee.as_ref().is_some_and(|assignee| assignee.name().is_some()),
            issue.fix.is_some(),
        ];
        let others = others.map(u8::from).into_iter().sum::<u8>() + u8::try_from(issue.tags.len()).unwrap_or_default();
        let removed = u8::from(is_cut) + if self == Self::ClassOnly { others } else { 0 };
        // What was removed before is not there to be counted again.
        let hidden = issue.hidden.max(removed);
        match self {
            Self::Full => Issue { hidden: 0, ..issue },
            Self::NoMessage => Issue { title: class, hidden, ..issue },
            Self::ClassOnly => Issue {
                title: class,
                culprit: None,
                frame: None,
                tags: Vec::new(),
                release: None,
                assignee: None,
                fix: None,
                hidden,
                ..issue
            },
        }
    }
}

/// The kind of error that a title names: `TimeoutError` of `TimeoutError: pool exhausted`. A title that is all message
/// names none.
fn class_of(title: &str) -> &str {
    let class = title.split(':').next().unwrap_or_default().trim();
    let is_name = !class.is_empty() && class.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
    if is_name { class } else { "Issue" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Assignee;

    fn issue(title: &str) -> Issue {
        Issue {
            title: title.into(),
            culprit: Some("pay.py in charge".into()),
            release: Some("2.4.1".into()),
            assignee: Some(Assignee::Somebody("Ben".into())),
            ..Issue::default()
        }
    }

    #[test]
    fn only_the_class_of_a_title_is_left_where_messages_are_private() {
        for (title, class) in [
            ("TimeoutError: user ana@acme.io", "TimeoutError"),
            ("java.lang.NullPointerException", "java.lang.NullPointerException"),
            ("card 4111 1111 declined: no", "Issue"),
            ("Payment of ana@acme.io failed", "Issue"),
            ("ana@acme.io", "Issue"),
            ("", "Issue"),
        ] {
            assert_eq!(Privacy::NoMessage.redact(issue(title)).title, class, "{title}");
        }
        assert_eq!(Privacy::NoMessage.redact(issue("a: b")).culprit, issue("").culprit);
        let bare = Privacy::ClassOnly.redact(issue("a: b"));
        assert_eq!((bare.culprit, bare.release, bare.assignee), (None, None, None));
        assert_eq!(Privacy::Full.redact(issue("a: b")), issue("a: b"));
    }

    #[test]
    fn what_is_hidden_is_counted_once() {
        assert_eq!(Privacy::NoMessage.redact(issue("a: b")).hidden, 1);
        assert_eq!(Privacy::NoMessage.redact(issue("TimeoutError")).hidden, 0);
        let bare = Privacy::ClassOnly.redact(issue("a: b"));
        assert_eq!(bare.hidden, 4);
        assert_eq!(Privacy::ClassOnly.redact(bare).hidden, 4);
    }
}
