//! A card as plain lines of text, for transcripts and for the errors of tests.

use std::fmt;

use serde_json::Value;

use super::message::{Message, button, list, select, string};

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl Message {
    /// What a person sees, line by line: `[ Resolve ]` is a button, `[ Archive v ]` a drop-down list.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = head(&self.content["head"]);
        lines.extend(list(&self.content["body"]).iter().flat_map(component));
        if self.is_edited() {
            lines.push("(edited)".to_owned());
        }
        if let Some(person) = &self.visible_to {
            lines.push(format!("(only {} sees this)", person.name));
        }
        lines
    }
}

fn head(head: &Value) -> Vec<String> {
    let texts = [&head["text"], &head["sub_head"]["text"]];
    texts.into_iter().filter_map(Value::as_str).flat_map(str::lines).map(str::to_owned).collect()
}

fn component(value: &Value) -> Vec<String> {
    match value["type"].as_str().unwrap_or_default() {
        "message" => message(value),
        "fields" => list(&value["items"]).iter().map(field).collect(),
        "actions" => vec![list(&value["items"]).iter().map(pressable).collect::<Vec<_>>().join("  ")],
        "select" => vec![choice(value)],
        "section" => section(value),
        "divider" => vec!["----".to_owned()],
        "attachments" => {
            vec![format!("{} ({})", string(&value["information"]["title"]["text"]), string(&value["resource_url"]))]
        }
        other => vec![format!("<{other}>")],
    }
}

fn message(value: &Value) -> Vec<String> {
    let mut lines: Vec<_> = string(&value["text"]).lines().map(str::to_owned).collect();
    if let (Some(last), Some(link)) = (lines.last_mut(), value["link"].as_str()) {
        *last = format!("{last} <{link}>");
    }
    lines
}

fn field(item: &Value) -> String {
    format!("{}: {}", string(&item["key"]), string(&item["value"]))
}

fn pressable(item: &Value) -> String {
    let button = button(item);
    let disabled = if button.style == "Disabled" { " (disabled)" } else { "" };
    format!("[ {}{disabled} ]", button.text)
}

fn choice(value: &Value) -> String {
    let select = select(value);
    match select.selected {
        Some(selected) => format!("[ {}: {selected} v ]", select.text),
        None => format!("[ {} v ]", select.text),
    }
}

fn section(value: &Value) -> Vec<String> {
    let mut lines: Vec<_> = list(&value["sections"]).iter().flat_map(component).collect();
    lines.extend(value["footer"].as_str().map(str::to_owned));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::zoom::world::{Person, Place};

    #[test]
    fn a_card_reads_as_a_person_sees_it() {
        let jane = Person { account: "A1".into(), user_id: "U1".into(), name: "Jane Dev".into() };
        let message = Message {
            id: "m".into(),
            place: Place::from(&jane),
            content: json!({
                "head": { "text": "New issue in checkout", "sub_head": { "text": "production" } },
                "body": [
                    { "type": "section", "sections": [
                        { "type": "message", "text": "TypeError", "link": "https://sentry.example.com/1/" },
                        { "type": "fields", "items": [{ "key": "Level", "value": "error" }] }
                    ], "footer": "CHECKOUT-1" },
                    { "type": "divider" },
                    { "type": "actions", "items": [
                        { "text": "Resolve", "value": "r" }, { "text": "Undo", "value": "u", "style": "Disabled" }
                    ] },
                    { "type": "select", "text": "Archive", "select_items": [{ "text": "Forever", "value": "f" }] }
                ]
            }),
            history: vec![json!({})],
            markdown: false,
            visible_to: Some(jane.clone()),
            reply_to: None,
            on_behalf_of: jane,
            sent_ms: 0,
            unfurls: None,
            deleted: false,
        };
        let expected = "New issue in checkout\nproduction\nTypeError <https://sentry.example.com/1/>\nLevel: error\n\
            CHECKOUT-1\n----\n[ Resolve ]  [ Undo (disabled) ]\n[ Archive v ]\n(edited)\n(only Jane Dev sees this)";
        assert_eq!(message.to_string(), expected);
        assert_eq!(message.buttons().len(), 2);
        assert_eq!(message.selects()[0].options[0].1, "f");
    }
}
