//! How a notice is drawn (Zoom, chatbot message content).
//!
//! Only `head`, `message`, `section`, `select` and `actions` are used: the component types that every client draws. Texts go out
//! with markdown off and every text is one clean line, so nothing in it can become markup, a mention or a second line. The one
//! exception is a message that calls somebody: it is one line of our own words, escaped.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use url::Url;
use zentry_domain::{Level, Line, Notice, Tone, text};

use crate::button;

/// Zoom publishes no limits for this endpoint; above 4096 it has been seen to refuse.
const TEXT_MAX: usize = 4_000;
const HEAD_MAX: usize = 1_000;
const LABEL_MAX: usize = 40;
const BUTTONS_MAX: usize = 5;
const OPTIONS_MAX: usize = 50;
const LINK_MAX: usize = 2_000;
/// Bytes of JSON: a request of 20 kB, less its addresses.
const CONTENT_MAX: usize = 19_000;
/// Bytes of the section around the lines and of the ellipsis after them.
const FRAME: usize = 150;

/// The content of a message.
#[derive(Debug, Serialize)]
pub(crate) struct Content {
    /// Whether its texts are Markdown: where somebody is called.
    #[serde(skip)]
    pub(crate) is_markdown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    head: Head,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    body: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Settings {
    default_sidebar_color: &'static str,
}

#[derive(Debug, Serialize)]
struct Head {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Item {
    Message {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
    Section {
        sidebar_color: &'static str,
        sections: Vec<Self>,
    },
    Select {
        text: String,
        select_items: Vec<Choice>,
        #[serde(skip_serializing_if = "Option::is_none")]
        selected_item: Option<Choice>,
    },
    Actions {
        items: Vec<Button>,
    },
    Fields {
        items: Vec<Field>,
    },
}

/// What can be typed.
#[derive(Debug, Serialize)]
struct Field {
    key: String,
    value: &'static str,
    editable: bool,
}

#[derive(Debug, Serialize)]
struct Button {
    text: String,
    value: String,
    style: Style,
}

/// One option of a drop-down list.
#[derive(Clone, Debug, Serialize)]
struct Choice {
    text: String,
    value: String,
}

#[derive(Debug, Serialize)]
enum Style {
    Primary,
    Default,
}

/// Draws a notice; a tone makes it a card with a coloured bar.
pub(crate) fn content(notice: &Notice) -> Content {
    let color = notice.tone.map(color);
    let settings = color.map(|default_sidebar_color| Settings { default_sidebar_color });
    let head = Head { text: head(notice) };
    let mut content = Content { is_markdown: notice.mention.is_some(), settings, head, body: Vec::new() };
    let actions = actions(notice);
    let selects: Vec<_> = notice.selects.iter().map(select).collect();
    let field = notice.field.as_deref().map(field);
    let room = CONTENT_MAX.saturating_sub(size(&content) + size(&selects) + size(&actions) + size(&field) + FRAME);
    // A message that calls somebody is its head alone: nothing else may be read as markup.
    let lines = if content.is_markdown { Vec::new() } else { fitting(&notice.lines, room) };
    match color {
        Some(sidebar_color) if !lines.is_empty() => content.body.push(Item::Section { sidebar_color, sections: lines }),
        _ => content.body.extend(lines),
    }
    content.body.extend(field);
    // On a card the press that most people want comes before the other ways to do it.
    match color {
        Some(_) => content.body.extend(actions.into_iter().chain(selects)),
        None => content.body.extend(selects.into_iter().chain(actions)),
    }
    content
}

/// The first line. Where somebody is called it is Markdown: their name is no markup, and what follows is escaped (Zoom,
/// Markdown dialect).
fn head(notice: &Notice) -> String {
    let Some(mention) = &notice.mention else { return filled(&notice.head, HEAD_MAX) };
    let bare = |text: &str| text.replace(['<', '>', '|', '!', '\\'], "");
    let (jid, name) =
        (bare(&text::line(mention.jid.as_str(), LABEL_MAX * 4)), bare(&text::line(&mention.name, LABEL_MAX)));
    format!("<!{jid}|{name}> {}", escaped(&filled(&notice.head, HEAD_MAX / 2)))
}

/// So that nothing in it is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '\\' | '*' | '_' | '~' | '`' | '<' | '>') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

fn select(select: &zentry_domain::Select) -> Item {
    let choice = |option: &zentry_domain::SelectOption| Choice {
        text: filled(&option.label, LABEL_MAX),
        value: button::value(&option.press),
    };
    let select_items: Vec<_> = select.options.iter().take(OPTIONS_MAX).map(choice).collect();
    let selected_item = select.chosen.and_then(|chosen| select_items.get(chosen)).cloned();
    Item::Select { text: filled(&select.label, LABEL_MAX), select_items, selected_item }
}

/// A blank is Zoom's own word for an empty value.
fn field(name: &str) -> Item {
    Item::Fields { items: vec![Field { key: filled(name, LABEL_MAX), value: " ", editable: true }] }
}

fn actions(notice: &Notice) -> Option<Item> {
    let button = |button: &zentry_domain::Button| Button {
        text: filled(&button.label, LABEL_MAX),
        value: button::value(&button.press),
        style: if button.primary { Style::Primary } else { Style::Default },
    };
    let items: Vec<_> = notice.buttons.iter().take(BUTTONS_MAX).map(button).collect();
    (!items.is_empty()).then_some(Item::Actions { items })
}

/// The first lines, as many as `room` bytes hold, and an ellipsis for the others.
fn fitting(lines: &[Line], room: usize) -> Vec<Item> {
    let mut left = room;
    let mut fitted = Vec::with_capacity(lines.len());
    for line in lines {
        let item = Item::Message { text: filled(&line.text, TEXT_MAX), link: line.link.as_deref().and_then(link) };
        // One more for the comma.
        let Some(rest) = left.checked_sub(size(&item) + 1) else {
            fitted.push(Item::Message { text: "…".into(), link: None });
            break;
        };
        left = rest;
        fitted.push(item);
    }
    fitted
}

/// Zoom refuses empty texts; a blank is its own word for one.
fn filled(raw: &str, max: usize) -> String {
    let clean = text::line(raw, max);
    if clean.is_empty() { " ".into() } else { clean }
}

/// An address that a client may open and that cannot end where Zoom's own link syntax does.
fn link(raw: &str) -> Option<String> {
    const FORBIDDEN: &AsciiSet = &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'|');
    let url = Url::parse(raw).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let link = utf8_percent_encode(url.as_str(), FORBIDDEN).to_string();
    (link.len() <= LINK_MAX).then_some(link)
}

fn color(tone: Tone) -> &'static str {
    match tone {
        Tone::Open(Level::Fatal) => "#FA4747",
        Tone::Open(Level::Error) => "#E03E2F",
        Tone::Open(Level::Warning) => "#FFC227",
        Tone::Open(Level::Info) => "#2788CE",
        Tone::Open(Level::Debug) => "#FBE14F",
        Tone::Archived => "#EDEEEF",
        Tone::Resolved => "#4DC771",
    }
}

fn size(part: &impl Serialize) -> usize {
    serde_json::to_vec(part).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use zentry_contract::sample;
    use zentry_domain::Choice::Offered;
    use zentry_domain::{Card, ChangeKind, Handle, Press};

    use super::*;

    fn drawn(notice: &Notice) -> Value {
        serde_json::to_value(content(notice)).unwrap()
    }

    /// A card of the issue that every suite shares.
    fn card() -> Card {
        let subscription = sample::subscription(sample::ops(), sample::project("checkout"), sample::ana());
        let mut change = sample::change(ChangeKind::New);
        change.issue.culprit = Some("checkout/pay.py in charge_card".into());
        change.issue.events = Some(3);
        Card::open(Handle::new("00112233445566778899aabbccddeeff"), &subscription, &change, sample::START)
    }

    fn hostile() -> Notice {
        let mut notice =
            Notice::text("\u{202e}<!all>\n*bold*").line("").link("a\tb", "https://e.example/?q=<a|b>\u{a0}c");
        notice = notice.link("script", "javascript:alert(1)").link("no page", "not an address");
        notice
    }

    fn choosing() -> Notice {
        let option = |label: &str, number| zentry_domain::SelectOption {
            label: label.into(),
            press: Press { card: Handle::new("00112233445566778899aabbccddeeff"), choice: Offered(number) },
        };
        let select = |label: &str, options, chosen| zentry_domain::Select { label: label.into(), options, chosen };
        let density = select("Density", vec![option("compact", 0), option("standard", 1)], Some(1));
        let events = select("Events", vec![option("alerts", 0)], None);
        let notice = Notice::text("Settings of #ops").line("Everyone here is told.");
        Notice { selects: vec![density, events], ..notice }
    }

    #[test]
    fn only_a_message_that_calls_somebody_is_markdown_and_nothing_in_it_is_markup() {
        let mention =
            |jid: &str, name: &str| zentry_domain::Mention { jid: zentry_domain::UserJid::new(jid), name: name.into() };
        let called = Notice { mention: Some(mention("u1@xmpp.zoom.us", "Ana")), ..Notice::text("it *came* back") };
        let drawn = content(&called.line("a line"));
        assert!(drawn.is_markdown);
        let json = serde_json::to_value(&drawn).unwrap();
        assert_eq!(json, serde_json::json!({"head": {"text": "<!u1@xmpp.zoom.us|Ana> it \\*came\\* back"}}));

        let hostile = Notice { mention: Some(mention("u1>|<!all", "A|> <!all> x")), ..Notice::text("<!all> `x`") };
        let json = serde_json::to_value(content(&hostile)).unwrap();
        assert_eq!(json["head"]["text"], "<!u1all|A all x> \\<!all\\> \\`x\\`");
        assert!(!content(&Notice::text("<!all>")).is_markdown);
    }

    #[test]
    fn every_kind_of_notice_is_drawn_as_its_golden_file_says() {
        let resolved = card().after(&sample::change(ChangeKind::Resolved), sample::START).expect("a changed card");
        let lines = Notice::text("Connected acme / checkout").line("Level: error and above").line("See: help filters");
        let link = Notice::text("Link your Sentry account").link("Link Sentry", "https://bot.example.com/link/t");
        let table = [
            ("plain", Notice::text("I do not know that command."), include_str!("../tests/cards/plain.json")),
            ("lines", lines, include_str!("../tests/cards/lines.json")),
            ("link", link, include_str!("../tests/cards/link.json")),
            ("issue", card().notice(), include_str!("../tests/cards/issue.json")),
            ("resolved", resolved.notice(), include_str!("../tests/cards/resolved.json")),
            ("select", choosing(), include_str!("../tests/cards/select.json")),
            ("hostile", hostile(), include_str!("../tests/cards/hostile.json")),
        ];
        for (name, notice, golden) in table {
            let golden: Value = serde_json::from_str(golden).expect(name);
            let drawn = drawn(&notice);
            assert_eq!(drawn, golden, "{name}.json should be\n{drawn:#}");
        }
    }

    /// What stays of a card without its texts.
    fn shape(drawn: &Value) -> Value {
        let without = |(key, value): (&String, &Value)| {
            let value = if key == "text" { Value::String(String::new()) } else { shape(value) };
            (key.clone(), value)
        };
        match drawn {
            Value::Array(items) => items.iter().map(shape).collect(),
            Value::Object(fields) => Value::Object(fields.iter().map(without).collect()),
            other => other.clone(),
        }
    }

    #[test]
    fn whatever_strangers_write_a_card_has_the_same_parts_values_and_links() {
        let written = |string: &str| {
            let mut notice = card().notice().line(string).link(string, "https://sentry.example.com/issues/42/");
            notice.head = string.into();
            notice.lines.iter_mut().for_each(|line| line.text = string.into());
            notice.buttons.iter_mut().for_each(|button| button.label = string.into());
            notice.selects = choosing().selects;
            for select in &mut notice.selects {
                select.label = string.into();
                select.options.iter_mut().for_each(|option| option.label = string.into());
            }
            notice
        };
        let hostile: Vec<String> = serde_json::from_str(include_str!("../../../tests/hostile.json")).unwrap();
        let harmless = content(&written("harmless"));
        for string in &hostile {
            let drawn = content(&written(string));
            assert!(!drawn.is_markdown);
            let json = serde_json::to_value(&drawn).unwrap();
            assert_eq!(shape(&json), shape(&serde_json::to_value(&harmless).unwrap()), "{string:?}");
            // Where it is called, neither its name nor its number is more than one mention.
            let jid = zentry_domain::UserJid::new(string.as_str());
            let called =
                Notice { mention: Some(zentry_domain::Mention { jid, name: string.clone() }), ..Notice::text(string) };
            let json = serde_json::to_value(content(&called)).unwrap();
            let head = json["head"]["text"].as_str().unwrap();
            let bare = head.replace("\\<", "").replace("\\>", "");
            assert_eq!((bare.matches("<!").count(), bare.matches('>').count()), (1, 1), "{string:?}: {head}");
            assert!(head.starts_with("<!") && json.get("body").is_none(), "{string:?}: {head}");
        }
    }

    #[test]
    fn every_tone_has_its_colour() {
        let table = [
            (Tone::Open(Level::Fatal), "#FA4747"),
            (Tone::Open(Level::Error), "#E03E2F"),
            (Tone::Open(Level::Warning), "#FFC227"),
            (Tone::Open(Level::Info), "#2788CE"),
            (Tone::Open(Level::Debug), "#FBE14F"),
            (Tone::Archived, "#EDEEEF"),
            (Tone::Resolved, "#4DC771"),
        ];
        for (tone, color) in table {
            let drawn = drawn(&Notice { tone: Some(tone), ..Notice::text("head").line("line") });
            assert_eq!(drawn["settings"]["default_sidebar_color"], color);
            assert_eq!(drawn["body"][0]["sidebar_color"], color);
        }
    }

    #[test]
    fn an_empty_text_becomes_a_blank() {
        let drawn = drawn(&Notice::text("\u{200b}").line(""));
        assert_eq!((&drawn["head"]["text"], &drawn["body"][0]["text"]), (&" ".into(), &" ".into()));
    }

    #[test]
    fn no_text_is_longer_than_its_limit() {
        let long = "😀".repeat(9_000);
        let mut notice = Notice::text(&long).line(&long);
        notice.buttons = card().notice().buttons;
        notice.buttons[0].label = long;
        let drawn = drawn(&notice);
        let units = |text: &Value| text.as_str().map(|text| text.encode_utf16().count());
        assert_eq!(units(&drawn["head"]["text"]), Some(999));
        assert_eq!(units(&drawn["body"][0]["text"]), Some(3_999));
        assert_eq!(units(&drawn["body"][1]["items"][0]["text"]), Some(39));
    }

    #[test]
    fn no_message_is_larger_than_its_limit() {
        let wide = "漢\"\\".repeat(2_000);
        for (text, count) in [(wide.as_str(), 1), (&wide, 2), (&wide, 500), ("short", 5_000), ("", 5_000)] {
            let line = Line { text: text.into(), link: Some(format!("https://e.example/{}", "x".repeat(text.len()))) };
            let mut notice = card().notice();
            notice.head = wide.clone();
            notice.lines = vec![line; count];
            let json = serde_json::to_vec(&content(&notice)).unwrap();
            assert!(json.len() <= CONTENT_MAX, "{count} lines are {} bytes", json.len());
            let drawn = drawn(&notice);
            assert!(drawn["body"][0]["sections"][0]["text"].as_str().is_some_and(|shown| shown != "…"));
            assert_eq!(drawn["body"][1]["items"].as_array().map(Vec::len), Some(3), "the buttons stay");
        }
    }

    #[test]
    fn the_lines_that_are_left_out_are_not_hidden() {
        let notice = (0..5_000).fold(Notice::text("head"), |notice, n| notice.line(n.to_string()));
        let drawn = drawn(&notice);
        let lines = drawn["body"].as_array().unwrap();
        assert_eq!((&lines[0]["text"], &lines[lines.len() - 1]["text"]), (&"0".into(), &"…".into()));
    }
}
