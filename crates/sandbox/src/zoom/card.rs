//! Which message contents Zoom takes (Zoom, chatbot message content).
//!
//! The error of a check is a sentence for the author of the card: where, and what is wrong there.

use serde_json::{Map, Value};

type Checked = Result<(), String>;
type Check = fn(&str, &Value) -> Checked;

/// The longest text, in characters (Zoom, message limits).
const TEXT: usize = 4096;
const BUTTON_TEXT: usize = 40;
const CELL: usize = 256;
const OPTIONS: usize = 100;
const BUTTONS: usize = 5;

/// The properties of one kind of object.
struct Shape {
    required: &'static [(&'static str, Check)],
    optional: &'static [(&'static str, Check)],
}

impl Shape {
    fn check(&self, at: &str, value: &Value) -> Checked {
        let map = object(at, value)?;
        if let Some((name, _)) = self.required.iter().find(|(name, _)| !map.contains_key(*name)) {
            return Err(format!("{at}: {name} is missing"));
        }
        map.iter().try_for_each(|(name, value)| {
            let known = self.required.iter().chain(self.optional).find(|(known, _)| known == name);
            let (_, check) = known.ok_or_else(|| format!("{at}: there is no property {name}"))?;
            check(&format!("{at}.{name}"), value)
        })
    }
}

/// Checks the `content` of a message.
pub(super) fn check(content: &Value) -> Checked {
    CONTENT.check("content", content)?;
    match content.get("head").or(content.get("body")) {
        Some(_) => Ok(()),
        None => Err("content: has neither head nor body".to_owned()),
    }
}

const CONTENT: Shape = Shape { required: &[], optional: &[("settings", settings), ("head", head), ("body", body)] };

fn settings(at: &str, value: &Value) -> Checked {
    const SETTINGS: Shape = Shape {
        required: &[],
        optional: &[
            ("default_sidebar_color", color),
            ("is_split_sidebar", boolean),
            ("form", boolean),
            ("form_id", string),
        ],
    };
    SETTINGS.check(at, value)
}

fn head(at: &str, value: &Value) -> Checked {
    const HEAD: Shape = Shape { required: &[("text", text)], optional: &[("style", style), ("sub_head", sub_head)] };
    HEAD.check(at, value)
}

fn sub_head(at: &str, value: &Value) -> Checked {
    const SUB_HEAD: Shape = Shape { required: &[("text", text)], optional: &[("style", style)] };
    SUB_HEAD.check(at, value)
}

fn style(at: &str, value: &Value) -> Checked {
    const STYLE: Shape = Shape { required: &[], optional: &[("color", color), ("bold", boolean), ("italic", boolean)] };
    STYLE.check(at, value)
}

fn body(at: &str, value: &Value) -> Checked {
    each(at, value, component)
}

/// What a section may hold: the items that the documentation lists before it.
fn section_item(at: &str, value: &Value) -> Checked {
    match kind(at, value)? {
        "message" | "fields" | "actions" | "select" | "attachments" => component(at, value),
        other => Err(format!("{at}: a section cannot hold a {other}")),
    }
}

fn component(at: &str, value: &Value) -> Checked {
    let kind = kind(at, value)?;
    let shape = core_shape(kind).or_else(|| further_shape(kind));
    shape.ok_or_else(|| format!("{at}: there is no component of type {kind}"))?.check(at, value)?;
    if kind == "select" { options_or_source(at, value) } else { Ok(()) }
}

fn kind<'v>(at: &str, value: &'v Value) -> Result<&'v str, String> {
    object(at, value)?.get("type").and_then(Value::as_str).ok_or_else(|| format!("{at}: type is missing"))
}

fn core_shape(kind: &str) -> Option<Shape> {
    Some(match kind {
        "message" => Shape {
            required: &[("type", string), ("text", text)],
            optional: &[("style", style), ("editable", boolean), ("link", address), ("is_markdown_support", boolean)],
        },
        "fields" => Shape { required: &[("type", string), ("items", fields)], optional: &[] },
        "actions" => Shape { required: &[("type", string), ("items", buttons)], optional: &[("limit", integer)] },
        "select" => Shape {
            required: &[("type", string), ("text", text)],
            optional: &[("select_items", options), ("selected_item", option), ("static_source", source)],
        },
        "attachments" => Shape {
            required: &[("type", string), ("resource_url", address), ("img_url", address)],
            optional: &[("information", information)],
        },
        "section" => Shape {
            required: &[("type", string), ("sections", section_items)],
            optional: &[
                ("sidebar_color", color),
                ("footer", text),
                ("footer_icon", address),
                ("ts", integer),
                ("layout", layout),
            ],
        },
        "divider" => Shape { required: &[("type", string)], optional: &[("style", divider_style)] },
        _ => return None,
    })
}

/// The documented components beside the core ones; what is inside them is not looked at.
fn further_shape(kind: &str) -> Option<Shape> {
    Some(match kind {
        "progress_bar" => Shape { required: &[("type", string), ("value", percentage)], optional: &[] },
        "alert" => Shape {
            required: &[("type", string), ("text", text)],
            optional: &[("level", string), ("closable", boolean)],
        },
        "file" => Shape {
            required: &[("type", string), ("title", anything)],
            optional: &[("icon_url", address), ("description", anything)],
        },
        "images" => Shape { required: &[("type", string), ("images", array)], optional: &[("cur_index", integer)] },
        "video" => Shape {
            required: &[("type", string), ("title", anything), ("video_url", address)],
            optional: &[
                ("action_id", string),
                ("title_url", address),
                ("thumbnail_url", address),
                ("author_name", string),
                ("provider_name", string),
                ("provider_icon_url", address),
            ],
        },
        "plain_text_input" => Shape {
            required: &[("type", string), ("action_id", string)],
            optional: &[
                ("text", string),
                ("value", string),
                ("placeholder", string),
                ("multiline", boolean),
                ("min_length", integer),
                ("max_length", integer),
            ],
        },
        "datepicker" => {
            Shape { required: &[("type", string), ("action_id", string)], optional: &[("initial_date", string)] }
        }
        "timepicker" => {
            Shape { required: &[("type", string), ("action_id", string)], optional: &[("initial_time", string)] }
        }
        "radio_buttons" => Shape {
            required: &[("type", string), ("options", array), ("action_id", string)],
            optional: &[("initial_option", option)],
        },
        "checkboxes" => Shape {
            required: &[("type", string), ("options", array), ("action_id", string)],
            optional: &[("style", anything)],
        },
        "page" => Shape { required: &[("type", string), ("pages", array)], optional: &[("cur_page", integer)] },
        _ => return None,
    })
}

fn section_items(at: &str, value: &Value) -> Checked {
    each(at, value, section_item)
}

fn fields(at: &str, value: &Value) -> Checked {
    const FIELD: Shape =
        Shape { required: &[("key", cell), ("value", cell)], optional: &[("short", boolean), ("editable", boolean)] };
    each(at, value, |at, value| FIELD.check(at, value))
}

fn buttons(at: &str, value: &Value) -> Checked {
    const BUTTON: Shape = Shape {
        required: &[("text", button_text), ("value", filled)],
        optional: &[("style", button_style), ("submit", boolean), ("action", string), ("dialog", anything)],
    };
    at_most(at, value, BUTTONS)?;
    each(at, value, |at, value| BUTTON.check(at, value))
}

fn options(at: &str, value: &Value) -> Checked {
    at_most(at, value, OPTIONS)?;
    each(at, value, option)
}

fn option(at: &str, value: &Value) -> Checked {
    const OPTION: Shape = Shape { required: &[("text", text), ("value", filled)], optional: &[] };
    OPTION.check(at, value)
}

fn options_or_source(at: &str, value: &Value) -> Checked {
    match (value.get("select_items"), value.get("static_source")) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        _ => Err(format!("{at}: needs either select_items or static_source")),
    }
}

fn information(at: &str, value: &Value) -> Checked {
    const TITLED: Shape = Shape { required: &[], optional: &[("title", label), ("description", label)] };
    TITLED.check(at, value)
}

fn label(at: &str, value: &Value) -> Checked {
    const LABEL: Shape = Shape { required: &[("text", text)], optional: &[] };
    LABEL.check(at, value)
}

fn divider_style(at: &str, value: &Value) -> Checked {
    const STYLE: Shape = Shape { required: &[], optional: &[("bold", boolean), ("dotted", boolean), ("color", color)] };
    STYLE.check(at, value)
}

fn each(at: &str, value: &Value, check: fn(&str, &Value) -> Checked) -> Checked {
    let items = value.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| format!("{at}: is not a list with something in it"))?;
    items.iter().enumerate().try_for_each(|(index, item)| check(&format!("{at}[{index}]"), item))
}

fn at_most(at: &str, value: &Value, most: usize) -> Checked {
    let count = value.as_array().map_or(0, Vec::len);
    if count <= most { Ok(()) } else { Err(format!("{at}: {count} items, at most {most}")) }
}

fn object<'v>(at: &str, value: &'v Value) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{at}: is not an object"))
}

fn holds(at: &str, good: bool, what: &str) -> Checked {
    if good { Ok(()) } else { Err(format!("{at}: is not {what}")) }
}

fn long(at: &str, value: &Value, most: usize) -> Checked {
    filled(at, value)?;
    let length = value.as_str().unwrap_or_default().chars().count();
    if length <= most { Ok(()) } else { Err(format!("{at}: {length} characters, at most {most}")) }
}

fn text(at: &str, value: &Value) -> Checked {
    long(at, value, TEXT)
}

fn button_text(at: &str, value: &Value) -> Checked {
    long(at, value, BUTTON_TEXT)
}

fn cell(at: &str, value: &Value) -> Checked {
    long(at, value, CELL)
}

fn filled(at: &str, value: &Value) -> Checked {
    holds(at, value.as_str().is_some_and(|text| !text.is_empty()), "a text with something in it")
}

fn string(at: &str, value: &Value) -> Checked {
    holds(at, value.is_string(), "a text")
}

fn boolean(at: &str, value: &Value) -> Checked {
    holds(at, value.is_boolean(), "true or false")
}

fn integer(at: &str, value: &Value) -> Checked {
    holds(at, value.is_i64() || value.is_u64(), "a whole number")
}

fn percentage(at: &str, value: &Value) -> Checked {
    holds(at, value.as_u64().is_some_and(|value| value <= 100), "a whole number from 0 to 100")
}

fn array(at: &str, value: &Value) -> Checked {
    holds(at, value.is_array(), "a list")
}

fn anything(_: &str, _: &Value) -> Checked {
    Ok(())
}

fn color(at: &str, value: &Value) -> Checked {
    let digits = value.as_str().and_then(|text| text.strip_prefix('#'));
    let good = digits.is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    holds(at, good, "a colour such as #E03E2F")
}

fn address(at: &str, value: &Value) -> Checked {
    let url = value.as_str().and_then(|text| url::Url::parse(text).ok());
    holds(at, url.is_some_and(|url| matches!(url.scheme(), "http" | "https")), "an http or https address")
}

fn button_style(at: &str, value: &Value) -> Checked {
    one_of(at, value, &["Primary", "Default", "Danger", "Disabled"])
}

fn layout(at: &str, value: &Value) -> Checked {
    one_of(at, value, &["horizontal", "vertical"])
}

fn source(at: &str, value: &Value) -> Checked {
    one_of(at, value, &["members", "channels"])
}

fn one_of(at: &str, value: &Value, names: &[&str]) -> Checked {
    holds(at, value.as_str().is_some_and(|name| names.contains(&name)), &format!("one of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refused(content: &Value, why: &str) {
        assert_eq!(check(content).unwrap_err(), why);
    }

    fn with(component: Value) -> Value {
        json!({ "body": [component] })
    }

    #[test]
    fn the_documented_alert_card_is_taken() {
        let card = json!({
            "settings": { "default_sidebar_color": "#E03E2F" },
            "head": { "text": "New issue in my-project", "sub_head": { "text": "production" } },
            "body": [
                { "type": "section", "sidebar_color": "#E03E2F", "sections": [
                    { "type": "message", "text": "TypeError", "link": "https://sentry.io/organizations/o/issues/1/" },
                    { "type": "fields", "items": [{ "key": "Level", "value": "error", "short": true }] }
                ], "footer": "Sentry", "footer_icon": "https://bot.example.com/icon.png", "ts": 1_740_440_972_844_i64 },
                { "type": "actions", "items": [{ "text": "Resolve", "value": "r:8f2c", "style": "Primary" }] },
                { "type": "divider", "style": { "bold": true } },
                { "type": "select", "text": "Level", "selected_item": { "text": "Error", "value": "e" },
                  "select_items": [{ "text": "Error", "value": "e" }] }
            ]
        });
        check(&card).unwrap();
    }

    #[test]
    fn what_is_unknown_or_missing_is_refused_with_its_place() {
        refused(&json!({}), "content: has neither head nor body");
        refused(&json!({ "title": "x" }), "content: there is no property title");
        refused(&with(json!({ "type": "button" })), "content.body[0]: there is no component of type button");
        refused(&with(json!({ "type": "message" })), "content.body[0]: text is missing");
        refused(
            &with(json!({ "type": "message", "text": "x", "bold": true })),
            "content.body[0]: there is no property bold",
        );
        refused(
            &with(json!({ "type": "message", "text": "x", "link": "javascript:alert(1)" })),
            "content.body[0].link: is not an http or https address",
        );
        refused(
            &with(json!({ "type": "section", "sections": [{ "type": "section", "sections": [] }] })),
            "content.body[0].sections[0]: a section cannot hold a section",
        );
    }

    #[test]
    fn every_limit_is_kept_to_the_character() {
        check(&with(json!({ "type": "message", "text": "é".repeat(4096) }))).unwrap();
        refused(
            &with(json!({ "type": "message", "text": "é".repeat(4097) })),
            "content.body[0].text: 4097 characters, at most 4096",
        );
        refused(
            &with(json!({ "type": "actions", "items": [{ "text": "x".repeat(41), "value": "v" }] })),
            "content.body[0].items[0].text: 41 characters, at most 40",
        );
        refused(
            &with(json!({ "type": "fields", "items": [{ "key": "k", "value": "x".repeat(257) }] })),
            "content.body[0].items[0].value: 257 characters, at most 256",
        );
        let button = json!({ "text": "x", "value": "v" });
        refused(
            &with(json!({ "type": "actions", "items": vec![button.clone(); 6] })),
            "content.body[0].items: 6 items, at most 5",
        );
        refused(
            &with(json!({ "type": "select", "text": "t", "select_items": vec![button; 101] })),
            "content.body[0].select_items: 101 items, at most 100",
        );
    }

    #[test]
    fn a_list_needs_options_or_a_source_and_not_both() {
        refused(
            &with(json!({ "type": "select", "text": "t" })),
            "content.body[0]: needs either select_items or static_source",
        );
        check(&with(json!({ "type": "select", "text": "t", "static_source": "members" }))).unwrap();
    }

    #[test]
    fn an_empty_value_is_refused_and_a_blank_one_taken() {
        refused(
            &with(json!({ "type": "fields", "items": [{ "key": "k", "value": "" }] })),
            "content.body[0].items[0].value: is not a text with something in it",
        );
        check(&with(json!({ "type": "fields", "items": [{ "key": "k", "value": " " }] }))).unwrap();
    }
}
