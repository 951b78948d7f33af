//! One message of the bot, as Zoom keeps it.

use serde_json::Value;

use super::world::{Person, Place};

/// A message that the bot has sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// The opaque id that Zoom gave it.
    pub id: String,
    /// Where it is.
    pub place: Place,
    /// The content as it now is.
    pub content: Value,
    /// The contents it had before, oldest first.
    pub history: Vec<Value>,
    /// Whether its text is read as markdown.
    pub markdown: bool,
    /// The only person who sees it; everybody where none.
    pub visible_to: Option<Person>,
    /// The message whose thread it is in.
    pub reply_to: Option<String>,
    /// The person on whose behalf it was sent.
    pub on_behalf_of: Person,
    /// When it was sent, in milliseconds since the Unix epoch by the sandbox's clock.
    pub sent_ms: i64,
    /// The address of which it shows more, beside a message of a person: then it cannot be edited.
    pub unfurls: Option<String>,
    pub(super) deleted: bool,
}

/// A button on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it says.
    pub text: String,
    /// What it sends back.
    pub value: String,
    /// `Primary`, `Default`, `Danger` or `Disabled`; empty where the card names none.
    pub style: String,
}

/// A drop-down list on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// What it says.
    pub text: String,
    /// Text and value of each option.
    pub options: Vec<(String, String)>,
    /// The text of the option chosen at first.
    pub selected: Option<String>,
}

impl Message {
    /// Whether it has been edited.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        !self.history.is_empty()
    }

    /// Whether this person sees it.
    #[must_use]
    pub fn is_seen_by(&self, viewer: &Person) -> bool {
        let inside = match &self.place {
            Place::Channel(channel) => channel.account == viewer.account,
            Place::Direct(person) => person == viewer,
        };
        inside && !self.deleted && self.visible_to.as_ref().is_none_or(|only| only == viewer)
    }

    /// The buttons, in order.
    #[must_use]
    pub fn buttons(&self) -> Vec<Button> {
        let actions = self.components().filter(|component| component["type"] == "actions");
        actions.flat_map(|component| list(&component["items"])).map(button).collect()
    }

    /// The drop-down lists, in order.
    #[must_use]
    pub fn selects(&self) -> Vec<Select> {
        self.components().filter(|component| component["type"] == "select").map(select).collect()
    }

    /// The names of the fields into which something can be typed, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let items = self.components().filter(|component| component["type"] == "fields");
        let items = items.flat_map(|component| list(&component["items"]));
        items.filter(|item| item["editable"] == true).map(|item| string(&item["key"])).collect()
    }

    /// The addresses that lines open when they are pressed, in order.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        self.components().filter_map(|component| component["link"].as_str()).map(str::to_owned).collect()
    }

    /// The items of the body, those inside sections included.
    pub(super) fn components(&self) -> impl Iterator<Item = &Value> {
        list(&self.content["body"]).iter().flat_map(|component| {
            let inside = list(&component["sections"]);
            std::iter::once(component).chain(inside)
        })
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn button(item: &Value) -> Button {
    Button { text: string(&item["text"]), value: string(&item["value"]), style: string(&item["style"]) }
}

pub(super) fn select(component: &Value) -> Select {
    let options = list(&component["select_items"]).iter();
    Select {
        text: string(&component["text"]),
        options: options.map(|option| (string(&option["text"]), string(&option["value"]))).collect(),
        selected: component["selected_item"]["text"].as_str().map(str::to_owned),
    }
}
