//! Hostile strings in place of every name and title, from Sentry's and Zoom's webhooks to the cards at Zoom: each message has
//! the parts, values and links that it has with a harmless one.

use serde_json::{Value, json};
use zentry_test_support::sandbox::sentry::NewIssue;
use zentry_test_support::sandbox::zoom::Message;
use zentry_test_support::sandbox::{Cast, Signing};
use zentry_test_support::{Dice, PATIENCE, Town, kept, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// One string a line.
const HOSTILE: &str = include_str!("hostile.json");
const HARMLESS: &str = "harmless";
/// Strings that a round tries.
const A_ROUND: usize = 32;
/// What is typed under each name; each is answered.
const COMMANDS: [&str; 7] = ["whoami", "status", "configure", "why WEB-1", "mute 1h", "unmute", "connect acme nothing"];

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_string_changes_no_message_but_its_words() {
    let mut hostile: Vec<String> = serde_json::from_str(HOSTILE).expect("a list of strings");
    let mut dice = Dice::thrown();
    (1..hostile.len()).rev().for_each(|last| hostile.swap(last, dice.below(last + 1)));
    hostile.truncate(rounds() * A_ROUND);

    let (cast, zoom, sentry) = Cast::assemble();
    let mut town = Town::of(ZENTRY, cast, zoom, sentry).await;
    for setting in ["ZENTRY_STORM_BUDGET", "ZENTRY_ZOOM_RATE"] {
        town.setup.settings.insert(setting.into(), "0".into());
    }
    town.start();
    town.jane_types("connect acme web event:all").await;
    town.jane_sees("Connected: acme / web").await;
    // The first card has no predecessor, so that the second is what the others are compared with.
    told(&town, HARMLESS).await;
    let expected = told(&town, HARMLESS).await;
    assert_eq!(expected.len(), COMMANDS.len() + 3);
    for string in &hostile {
        let shapes = told(&town, string).await;
        for (n, (shape, expected)) in shapes.iter().zip(&expected).enumerate() {
            assert_eq!(shape, expected, "message {n} with {string:?}");
        }
    }
    println!("{} strings through {} messages each", hostile.len(), expected.len());
}

/// What every message looks like that somebody or something of this name brings about.
async fn told(town: &Town, string: &str) -> Vec<Value> {
    let mut shapes = Vec::new();
    for command in COMMANDS {
        let before = messages(town).len();
        kept(town.sandbox.zoom.deliver_raw(typed(town, command, string), Signing::Proper).await);
        let mut answers = vec![shape(&next(town, before).await)];
        if command == "unmute" {
            // It is answered, and what came meanwhile is told, in whichever order.
            answers.push(shape(&next(town, before + 1).await));
            answers.sort_by_key(Value::to_string);
        }
        shapes.append(&mut answers);
    }
    let before = messages(town).len();
    let new = NewIssue {
        culprit: string.into(),
        environment: Some(string.into()),
        release: Some(string.into()),
        tags: vec![("browser".into(), string.into()), ("os".into(), string.into())],
        ..NewIssue::error(string)
    };
    let issue = town.sandbox.sentry.raise(&town.cast.web, new).await;
    kept(issue.delivery);
    let card = next(town, before).await;
    kept(town.sandbox.sentry.alert(issue.issue, string).await);
    kept(town.sandbox.sentry.comment(issue.issue, &town.cast.max, string).await);
    let comment = next(town, before + 1).await;
    kept(town.sandbox.sentry.resolve(issue.issue, &town.cast.max).await);
    let resolved = |messages: &[Message]| {
        let card = messages.iter().find(|message| message.id == card.id)?;
        card.content["settings"]["default_sidebar_color"].eq("#4DC771").then(|| card.clone())
    };
    let seen = town.sandbox.zoom.wait_until(&town.cast.alerts, &town.cast.jane, "resolved", PATIENCE, resolved).await;
    shapes.push(shape(&comment));
    shapes.push(shape(&seen.unwrap_or_else(|error| panic!("with {string:?}: {error}\n{}", town.log()))));
    shapes
}

fn messages(town: &Town) -> Vec<Message> {
    town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane)
}

/// The message after so many.
async fn next(town: &Town, before: usize) -> Message {
    let more = |messages: &[Message]| messages.get(before).cloned();
    let seen = town.sandbox.zoom.wait_until(&town.cast.alerts, &town.cast.jane, "one more", PATIENCE, more).await;
    seen.unwrap_or_else(|error| panic!("{error}\nthe bot wrote:\n{}", town.log()))
}

/// A command of somebody who calls herself and her channel so.
fn typed(town: &Town, command: &str, name: &str) -> String {
    let (jane, now) = (&town.cast.jane, town.sandbox.clock.now_ms());
    json!({ "event": "bot_notification", "event_ts": now, "payload": {
        "accountId": jane.account, "channelName": name, "cmd": command, "robotJid": town.cast.zoom_app.bot_jid,
        "timestamp": now, "toJid": town.cast.alerts.jid(), "triggerId": format!("{command}-{name}-{now}"),
        "userId": jane.user_id, "userJid": jane.jid(), "userName": name, "userStatus": "authorized",
    }})
    .to_string()
}

/// A message without its texts and without what is another for every card: numbers and handles.
fn shape(message: &Message) -> Value {
    assert!(!message.markdown, "{message}");
    stripped(&message.content)
}

fn stripped(value: &Value) -> Value {
    let without = |(key, value): (&String, &Value)| {
        let value = match (key.as_str(), value) {
            ("text", Value::String(_)) => Value::String(String::new()),
            ("link" | "value", Value::String(text)) => Value::String(unnumbered(text)),
            (_, value) => stripped(value),
        };
        (key.clone(), value)
    };
    match value {
        Value::Array(items) => items.iter().map(stripped).collect(),
        Value::Object(fields) => Value::Object(fields.iter().map(without).collect()),
        other => other.clone(),
    }
}

fn unnumbered(text: &str) -> String {
    let handle = text.split_once('.').filter(|(handle, _)| handle.len() == 32);
    let text = handle.map_or_else(|| text.to_owned(), |(_, rest)| format!("….{rest}"));
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>().replace("00", "0")
}
