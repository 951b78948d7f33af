//! The shapes of Zoom's JSON, both ways.

use serde::Serialize;
use serde_json::error::Category;
use serde_json::{Map, Value};
use url::Url;
use zentry_domain::{Address, Timestamp};

use crate::card::Content;

/// The longest id that is put into a path, in bytes.
const SEGMENT_MAX: usize = 256;

// === out ===

/// The body of a send.
#[derive(Debug, Serialize)]
pub(crate) struct NewMessage<'a> {
    #[serde(flatten)]
    edit: Edit<'a>,
    to_jid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    visible_to_user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a str>,
}

/// The body of an edit, which replaces the content whole.
#[derive(Debug, Serialize)]
pub(crate) struct Edit<'a> {
    robot_jid: &'a str,
    account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_jid: Option<&'a str>,
    /// Only where somebody is called: no text from outside is in such a message (Zoom, Markdown dialect).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_markdown_support: bool,
    content: Content,
}

/// What is shown beside an address, whose content is JSON within JSON (Zoom, link unfurling).
#[derive(Debug, Serialize)]
pub(crate) struct Unfurl {
    content: String,
}

impl Unfurl {
    pub(crate) fn new(content: &Content) -> serde_json::Result<Self> {
        Ok(Self { content: serde_json::to_string(content)? })
    }
}

impl<'a> NewMessage<'a> {
    pub(crate) fn new(bot_jid: &'a str, to: &'a Address, content: Content) -> Self {
        Self {
            edit: Edit::new(bot_jid, to, content),
            to_jid: to.to.as_str(),
            visible_to_user: to.visible_to.as_ref().and_then(|user| filled(user.as_str())),
            reply_to: to.reply_to.as_ref().and_then(|message| filled(message.as_str())),
        }
    }
}

impl<'a> Edit<'a> {
    pub(crate) fn new(bot_jid: &'a str, to: &'a Address, content: Content) -> Self {
        let user_jid = filled(to.on_behalf_of.as_str());
        let is_markdown_support = content.is_markdown;
        Self { robot_jid: bot_jid, account_id: to.account.as_str(), user_jid, is_markdown_support, content }
    }
}

pub(crate) fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `base` with more path segments, each percent-encoded; a path in `base` is kept.
pub(crate) fn under(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Whether `id` may stand in a path: an empty one, or one of dots, would be another path.
pub(crate) fn is_segment(id: &str) -> bool {
    (1..=SEGMENT_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) && id.bytes().any(|b| b != b'.')
}

// === in ===

/// Reads a body as JSON. The error is a reason that quotes nothing of it.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).or_else(|error| {
        // JavaScript writes half a surrogate pair where it cuts a text in the middle of an emoji. Strict JSON readers
        // refuse the whole body for it.
        serde_json::from_slice(&without_lone_surrogates(body)).map_err(|_| reason(&error))
    })
}

fn reason(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "the JSON ends too early",
        Category::Syntax | Category::Data | Category::Io => "not readable as JSON",
    };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

/// Replaces every escape of half a surrogate pair by U+FFFD, in place: both have six bytes.
fn without_lone_surrogates(body: &[u8]) -> Vec<u8> {
    let mut repaired = body.to_vec();
    let mut at = 0;
    while at < body.len() {
        at += match (body[at], unit(&body[at..])) {
            (b'\\', None) => 2,
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(&body[at + 6..]), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                repaired[at..at + 6].copy_from_slice(br"\uFFFD");
                6
            }
            (b'\\', Some(_)) => 6,
            _ => 1,
        };
    }
    repaired
}

/// The UTF-16 unit of the escape `\uXXXX` with which the bytes begin.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(br"\u")?.get(..4)?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().filter(|_| is_hex)
}

/// An object of a webhook, read tolerantly: chatbot events spell their fields `accountId`, others `account_id`; ids
/// come as strings and as numbers; fields are added and left out. What is missing or of another kind reads as empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(Option<&'a Map<String, Value>>);

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        Self(value.as_object())
    }

    /// The field of this camelCase name, whichever way it is spelled.
    fn value(self, name: &str) -> Option<&'a Value> {
        let fields = self.0?;
        fields.get(name).or_else(|| fields.get(&snake_case(name)))
    }

    pub(crate) fn text(self, name: &str) -> String {
        match self.value(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
            _ => String::new(),
        }
    }

    pub(crate) fn flag(self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value == true || value == "true")
    }

    /// Milliseconds since 1970.
    pub(crate) fn time(self, name: &str) -> Option<Timestamp> {
        self.text(name).parse().ok().map(Timestamp)
    }

    pub(crate) fn object(self, name: &str) -> Self {
        Self(self.value(name).and_then(Value::as_object))
    }

    /// The texts of a list, or the one text that is there instead.
    pub(crate) fn texts(self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Some(self.text(name)).filter(|text| !text.is_empty()).into_iter().collect(),
        }
    }

    /// Every text called `value` in what is called `name`, wherever in it.
    pub(crate) fn values(self, name: &str) -> Vec<&'a str> {
        let mut left: Vec<&Value> = self.value(name).into_iter().collect();
        let mut values = Vec::new();
        while let Some(next) = left.pop() {
            match next {
                Value::Array(items) => left.extend(items.iter().rev()),
                Value::Object(fields) => {
                    values.extend(fields.get("value").and_then(Value::as_str));
                    left.extend(fields.values().rev());
                }
                _ => {}
            }
        }
        values
    }

    /// The first object of a list.
    pub(crate) fn first(self, name: &str) -> Self {
        Self(self.value(name).and_then(|list| list.get(0)).and_then(Value::as_object))
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn half_a_surrogate_pair_does_not_lose_the_body() {
        let table = [
            (r#"{"cmd":"\ud800"}"#, "\u{fffd}"),
            (r#"{"cmd":"a\uDC00b"}"#, "a\u{fffd}b"),
            (r#"{"cmd":"\ud83d\ude00 \ud83d"}"#, "😀 \u{fffd}"),
            (r#"{"cmd":"\ud83d\ud83d\ude00"}"#, "\u{fffd}😀"),
            (r#"{"cmd":"\\ud800 \ud800"}"#, "\\ud800 \u{fffd}"),
            (r#"{"cmd":"\ud83dA"}"#, "\u{fffd}A"),
        ];
        for (body, cmd) in table {
            assert_eq!(read(body.as_bytes()), Ok(json!({ "cmd": cmd })), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_fine_is_not_repaired() {
        let body = r#"{"cmd":"\\ud800 \ud83d\ude00"}"#;
        assert_eq!(without_lone_surrogates(body.as_bytes()), body.as_bytes());
        assert_eq!(read(body.as_bytes()), Ok(json!({ "cmd": "\\ud800 😀" })));
    }

    #[test]
    fn both_spellings_and_both_kinds_of_ids_are_read() {
        for payload in [json!({ "accountId": "7" }), json!({ "account_id": "7" }), json!({ "accountId": 7 })] {
            assert_eq!(Fields::of(&payload).text("accountId"), "7", "{payload}");
        }
        for payload in [json!({}), json!(null), json!({ "accountId": null }), json!({ "accountId": [7] })] {
            assert_eq!(Fields::of(&payload).text("accountId"), "", "{payload}");
        }
    }

    #[test]
    fn a_path_in_a_base_is_kept_and_segments_are_encoded() {
        for (base, expected) in [
            ("https://api.zoom.us", "https://api.zoom.us/v2/a%2Fb%3Fc%25"),
            ("https://api.zoom.us/", "https://api.zoom.us/v2/a%2Fb%3Fc%25"),
            ("https://gate.example/zoom", "https://gate.example/zoom/v2/a%2Fb%3Fc%25"),
        ] {
            assert_eq!(under(&base.parse().unwrap(), &["v2", "a/b?c%"]).as_str(), expected);
        }
    }
}
