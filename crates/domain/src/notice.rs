//! What to say. How it is drawn is the chat adapter's business; no markup enters here.

use serde::{Deserialize, Serialize};

use crate::text::distinct;
use crate::{Action, Handle, Level, Offered, Suggestion, UserJid};

/// As much as a button or an option shows.
pub(crate) const LABEL: usize = 40;

/// One message: a head that stands alone on a phone, lines, and what can be pressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notice {
    /// Who is called by it: their name stands before the head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mention: Option<Mention>,
    /// The first line; its first word is the state or the result.
    pub head: String,
    /// What follows, one line each.
    pub lines: Vec<Line>,
    /// What can be pressed.
    pub buttons: Vec<Button>,
    /// The colour beside it, where it speaks of an issue.
    pub tone: Option<Tone>,
    /// What can be chosen from lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selects: Vec<Select>,
    /// What can be typed into it: the name of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Lists to be, once it is sent.
    #[serde(skip)]
    pub menus: Vec<Menu>,
    /// Buttons to be, once it is sent.
    #[serde(skip)]
    pub suggestions: Vec<Suggestion>,
}

/// Somebody who is called by a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// Who.
    pub jid: UserJid,
    /// Their name in the chat.
    pub name: String,
}

/// One line of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it says. Never markup.
    pub text: String,
    /// The page that the whole line opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The colour beside a notice. It repeats what the words say, never adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// An open issue of this level.
    Open(Level),
    /// Resolved.
    Resolved,
    /// Archived.
    Archived,
}

/// Something to press.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What pressing it means.
    pub press: Press,
    /// The one that most people want.
    #[serde(default)]
    pub primary: bool,
}

/// A list to choose one of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Select {
    /// What it is about.
    pub label: String,
    /// What can be chosen.
    pub options: Vec<SelectOption>,
    /// Which of them is chosen now.
    pub chosen: Option<usize>,
}

/// One option of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectOption {
    /// What it says.
    pub label: String,
    /// What choosing it means.
    pub press: Press,
}

/// A list that becomes a [`Select`] when its message is sent: see [`Notice::menu`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// What it is about.
    pub label: String,
    /// What can be chosen.
    pub options: Vec<Suggestion>,
    /// Which of them is chosen now.
    pub chosen: Option<usize>,
}

/// What a press means: the handle of a card and one of a closed set of actions. It carries no facts, so that a forged
/// or stale value can say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// Which card.
    pub card: Handle,
    /// What is chosen.
    pub choice: Choice,
}

/// What can be chosen on a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Do something about the issue at Sentry.
    Act(Action),
    /// Show to whom the issue can be given.
    Assign,
    /// List what is behind a storm's card.
    ShowAll,
    /// Take a change of the channel's connections back.
    Undo,
    /// End a mute.
    Unmute,
    /// Mute for an hour more.
    MuteLonger,
    /// What the message offers under this number.
    Offered(u8),
}

impl Choice {
    /// Every choice but those that are numbered, for adapters that spell them.
    pub fn all() -> impl Iterator<Item = Self> {
        let acts = Action::RESOLVING.into_iter().chain(Action::ARCHIVING).chain([("", Action::Reopen)]);
        let others = [Self::Assign, Self::ShowAll, Self::Undo, Self::Unmute, Self::MuteLonger];
        acts.map(|(_, action)| Self::Act(action)).chain(others)
    }

    /// The word of those that are numbered; the number follows it.
    pub const OFFERED: &str = "do";

    /// The word that stands for it in a button's value.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Act(action) => action.word(),
            Self::Assign => "assign",
            Self::ShowAll => "list",
            Self::Undo => "undo",
            Self::Unmute => "unmute",
            Self::MuteLonger => "longer",
            Self::Offered(_) => Self::OFFERED,
        }
    }

    /// Reads [`Choice::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|choice| choice.word() == word)
    }
}

impl Notice {
    /// A notice of one line.
    pub fn text(head: impl Into<String>) -> Self {
        Self { head: head.into(), ..Self::default() }
    }

    /// The same without anything that could keep it from being drawn: its words, and where its lines lead.
    #[must_use]
    pub fn plain(&self) -> Self {
        let mut words = vec![self.head.clone()];
        words.extend(self.lines.iter().filter(|line| line.link.is_none()).map(|line| line.text.clone()));
        words.extend(self.lines.iter().filter_map(|line| line.link.clone()));
        Self::text(words.join(" · "))
    }

    /// Whether it is one line of text already.
    pub fn is_plain(&self) -> bool {
        self.lines.is_empty() && self.buttons.is_empty() && self.selects.is_empty() && self.field.is_none()
    }

    /// Adds a button that runs a command for whoever presses it.
    #[must_use]
    pub fn offer(self, label: impl Into<String>, line: impl Into<String>) -> Self {
        self.suggest(label, Offered::Line(line.into()))
    }

    /// Adds a list of which whoever chooses gets something done. No two of its options read alike.
    #[must_use]
    pub fn menu<L: Into<String>>(
        mut self,
        label: &str,
        options: impl IntoIterator<Item = (L, Offered)>,
        chosen: impl Into<Option<usize>>,
    ) -> Self {
        let (labels, what): (Vec<String>, Vec<_>) =
            options.into_iter().map(|(label, what)| (label.into(), what)).unzip();
        let labels = distinct(&labels, LABEL);
        let options = labels.into_iter().zip(what).map(|(label, what)| Suggestion { label, what }).collect();
        self.menus.push(Menu { label: label.into(), options, chosen: chosen.into() });
        self
    }

    /// Adds a field into which something can be typed.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// Adds a button that does something for whoever presses it.
    #[must_use]
    pub fn suggest(mut self, label: impl Into<String>, what: Offered) -> Self {
        self.suggestions.push(Suggestion { label: label.into(), what });
        self
    }

    /// Adds a button.
    #[must_use]
    pub fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, text: impl Into<String>) -> Self {
        self.lines.push(Line { text: text.into(), link: None });
        self
    }

    /// Adds a line that opens `url`.
    #[must_use]
    pub fn link(mut self, text: impl Into<String>, url: impl Into<String>) -> Self {
        self.lines.push(Line { text: text.into(), link: Some(url.into()) });
        self
    }
}
