//! What Zoom's events mean, in every spelling that has been seen.

use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::{Value, json};
use zentry_contract::sample::START;
use zentry_contract::webhook::HeaderList;
use zentry_domain::ports::{Delivery, Received};
use zentry_domain::{
    Account, AccountId, Action, ChannelId, Choice, Event, Handle, MessageId, Person, Press, Pressed, Said, Secret,
    Shared, Timestamp, TriggerId, UserId, UserJid, Webhook,
};
use zentry_zoom::{ZoomConfig, ZoomWebhook};

const HANDLE: &str = "00112233445566778899aabbccddeeff";

fn receive(body: &str) -> Received {
    let config = ZoomConfig {
        client_id: "client".into(),
        client_secret: Secret::new("client-secret").into(),
        bot_jid: "v1bot@xmpp.zoom.us".into(),
        secret_tokens: vec![Secret::new("secret")].into(),
        api: "https://api.zoom.us".parse().expect("an address"),
        oauth: "https://zoom.us".parse().expect("an address"),
        rate: None,
    };
    let stamp = (START.0 / 1_000).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let tag = hmac::sign(&key, format!("v0:{stamp}:{body}").as_bytes());
    let headers = HeaderList::new()
        .with("x-zm-request-timestamp", stamp)
        .with("x-zm-signature", format!("v0={}", HEXLOWER.encode(tag.as_ref())));
    let delivery = Delivery { headers: &headers, body: body.as_bytes() };
    ZoomWebhook::new(&config).receive(&delivery, START).expect("an authentic delivery")
}

fn event(body: &Value) -> Event {
    match receive(&body.to_string()) {
        Received::Event { event, .. } => *event,
        other => panic!("not an event: {other:?}"),
    }
}

fn said(body: &Value) -> Said {
    match event(body) {
        Event::Said(said) => said,
        other => panic!("not a command: {other:?}"),
    }
}

fn pressed(body: &Value) -> Pressed {
    match event(body) {
        Event::Pressed(pressed) => pressed,
        other => panic!("not a press: {other:?}"),
    }
}

/// A command with some fields of its payload replaced; null takes one away.
fn command(fields: Value) -> Value {
    let payload = json!({
        "accountId": "acc", "channelName": "ops", "cmd": "help", "robotJid": "v1bot@xmpp.zoom.us",
        "timestamp": 1_740_440_972_844_i64, "toJid": "abc@conference.xmpp.zoom.us", "triggerId": "t1",
        "userId": "KdYK", "userJid": "kdyk@xmpp.zoom.us", "userName": "Jane Dev",
    });
    json!({ "event": "bot_notification", "payload": replaced(payload, fields) })
}

fn mention(fields: Value, message: Value) -> Value {
    let object = json!({
        "message_id": "m", "type": "to_channel", "channel_id": "abc", "channel_name": "ops", "message": "@Sentry help",
        "timestamp": 1_740_440_972_844_i64,
    });
    let payload = json!({
        "account_id": "acc", "operator": "jane@example.com", "operator_id": "KdYK", "by_external_user": false,
        "object": replaced(object, message),
    });
    json!({ "event": "team_chat.app_mention", "payload": replaced(payload, fields) })
}

fn press(event: &str, fields: Value) -> Value {
    let payload = json!({
        "accountId": "acc", "channelName": "ops", "messageId": "m", "timestamp": 1_740_440_972_844_i64,
        "toJid": "abc@conference.xmpp.zoom.us", "userId": "KdYK", "userJid": "kdyk@xmpp.zoom.us", "userName": "Jane Dev",
    });
    json!({ "event": event, "payload": replaced(payload, fields) })
}

fn replaced(mut object: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().expect("fields") {
        object[name] = value.clone();
    }
    object.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    object
}

fn jane() -> Person {
    Person {
        account: AccountId::new("acc"),
        user: UserId::new("KdYK"),
        jid: UserJid::new("kdyk@xmpp.zoom.us"),
        name: "Jane Dev".into(),
    }
}

// === commands ===

#[test]
fn a_command_says_who_where_what_and_when() {
    let said = said(&command(json!({ "cmd": "connect “my org” x" })));
    assert_eq!(said.by, jane());
    assert_eq!(said.place.account, AccountId::new("acc"));
    assert_eq!(said.place.channel, ChannelId::new("abc@conference.xmpp.zoom.us"));
    assert_eq!((said.place.name.as_deref(), said.place.direct), (Some("ops"), false));
    assert_eq!((said.text.as_str(), said.at), ("connect “my org” x", Some(Timestamp(1_740_440_972_844))));
}

#[test]
fn a_bare_command_has_an_empty_text() {
    for fields in [json!({ "cmd": null }), json!({ "cmd": "" }), json!({ "cmd": [] })] {
        assert_eq!(said(&command(fields)).text, "");
    }
}

#[test]
fn every_form_of_to_jid_finds_the_place() {
    let channel = Some("abc@conference.xmpp.zoom.us");
    let table = [
        ("abc@conference.xmpp.zoom.us", channel),
        ("abc@conference.xmppdev.zoom.us", Some("abc@conference.xmppdev.zoom.us")),
        ("kdyk@xmpp.zoom.us/abc@conference.xmpp.zoom.us", channel),
        ("abc@conference.xmpp.zoom.us/kdyk@xmpp.zoom.us", channel),
        ("kdyk@xmpp.zoom.us/robot_v1bot@xmpp.zoom.us", None),
        ("kdyk@xmpp.zoom.us", None),
        ("v1bot@xmpp.zoom.us", None),
        ("", None),
    ];
    for (to_jid, channel) in table {
        let place = said(&command(json!({ "toJid": to_jid }))).place;
        assert_eq!(place.direct, channel.is_none(), "{to_jid}");
        assert_eq!(place.channel.as_str(), channel.unwrap_or("kdyk@xmpp.zoom.us"), "{to_jid}");
        assert_eq!(place.name.as_deref(), channel.map(|_| "ops"), "{to_jid}");
    }
    assert!(said(&command(json!({ "toJid": null }))).place.direct);
}

#[test]
fn snake_case_and_numbers_are_read_too() {
    let body = json!({ "event": "bot_notification", "payload": {
        "account_id": 7, "user_id": 8, "user_name": "Jane Dev", "to_jid": "abc@conference.xmpp.zoom.us",
        "channel_name": "ops", "cmd": "help", "timestamp": "1740440972844", "unknown": { "deep": [1, 2, { "a": null }] },
    } });
    let said = said(&body);
    assert_eq!((said.by.account, said.by.user.as_str()), (AccountId::new("7"), "8"));
    assert_eq!((said.place.name.as_deref(), said.at), (Some("ops"), Some(Timestamp(1_740_440_972_844))));
}

#[test]
fn a_missing_jid_follows_from_the_user() {
    assert_eq!(said(&command(json!({ "userJid": null }))).by, jane());
}

#[test]
fn people_of_other_accounts_are_guests() {
    let nobody = said(&command(json!({ "userId": "" })));
    let external = said(&command(json!({ "byExternalUser": true })));
    let mentioning = said(&mention(json!({ "by_external_user": true }), json!({})));
    for guest in [nobody.by, external.by, mentioning.by] {
        assert!(guest.is_guest());
        assert_eq!(guest.jid.as_str(), "kdyk@xmpp.zoom.us");
    }
}

#[test]
fn names_are_cleaned() {
    let said = said(&command(json!({ "userName": "\u{202e}Jane\n Dev", "channelName": " o\u{200b}ps " })));
    assert_eq!((said.by.name.as_str(), said.place.name.as_deref()), ("Jane Dev", Some("ops")));
}

#[test]
fn a_command_cut_within_an_emoji_is_not_lost() {
    let body = command(json!({ "cmd": "help EMOJI" })).to_string().replace("EMOJI", r"\ud83d");
    let Received::Event { event, .. } = receive(&body) else { panic!("lost: {body}") };
    assert!(matches!(*event, Event::Said(Said { text, .. }) if text == "help \u{fffd}"));
}

#[test]
fn a_command_of_no_account_or_from_nowhere_is_unreadable() {
    for fields in [json!({ "accountId": null }), json!({ "toJid": "", "userJid": null, "userId": null })] {
        let received = receive(&command(fields).to_string());
        assert!(matches!(received, Received::Unreadable(_)), "{received:?}");
    }
}

// === mentions ===

#[test]
fn a_mention_is_a_command_without_the_name() {
    let table = [
        (json!({ "message": "@Sentry help" }), "help"),
        (json!({ "message": " @Sentry   connect a b " }), "connect a b"),
        (json!({ "message": "@Sentry" }), ""),
        (json!({ "message": "help" }), "help"),
        (json!({ "message": "@Sentry Bot help", "robot_name": "Sentry Bot" }), "help"),
        (json!({ "message": "status @Sentry Bot", "robot_name": "Sentry Bot" }), "status"),
        (json!({ "message": "@Other help", "robot_name": "Sentry" }), "help"),
    ];
    for (message, text) in table {
        assert_eq!(said(&mention(json!({}), message.clone())).text, text, "{message}");
    }
}

#[test]
fn a_mention_happens_in_its_channel() {
    let by_id = said(&mention(json!({}), json!({})));
    assert_eq!(by_id.place.channel.as_str(), "abc@conference.xmpp.zoom.us");
    assert_eq!((by_id.place.name.as_deref(), by_id.at), (Some("ops"), Some(Timestamp(1_740_440_972_844))));
    assert_eq!(by_id.by, Person { name: "jane".into(), ..jane() });
    let by_jid = said(&mention(json!({ "operator_jid": "j@x" }), json!({ "to_jid": "d@conference.xmpp.zoom.us" })));
    assert_eq!((by_jid.place.channel.as_str(), by_jid.by.jid.as_str()), ("d@conference.xmpp.zoom.us", "j@x"));
}

// === posted addresses ===

/// An address posted in a channel, with some fields of the payload and of its object replaced.
fn share(fields: Value, object: Value) -> Value {
    let posted = json!({
        "type": "to_channel", "channel_id": "abc", "channel_name": "ops", "link": "https://sentry.io/x", "trigger_id": "TR1",
        "message_id": "m", "date_time": "2023-10-10T05:08:10Z", "timestamp": 1_696_914_490_157_i64,
    });
    let payload = json!({
        "account_id": "acc", "operator": "jane@example.com", "operator_id": "KdYK", "operator_member_id": "M1",
        "by_external_user": false, "object": replaced(posted, object),
    });
    let response_url = "https://evil.example/v2/im/chat/users/KdYK/unfurls/TR1";
    json!({ "event": "team_chat.link_shared", "response_url": response_url, "payload": replaced(payload, fields) })
}

fn shared(body: &Value) -> Shared {
    match event(body) {
        Event::Shared(shared) => shared,
        other => panic!("not a posted address: {other:?}"),
    }
}

#[test]
fn a_posted_address_says_who_where_what_and_under_which_id_more_is_shown() {
    let shared = shared(&share(json!({}), json!({})));
    assert_eq!(shared.by, Person { name: "jane".into(), ..jane() });
    assert_eq!(shared.place.channel.as_str(), "abc@conference.xmpp.zoom.us");
    assert_eq!((shared.place.name.as_deref(), shared.place.direct), (Some("ops"), false));
    assert_eq!((shared.message, shared.trigger), (Some(MessageId::new("m")), TriggerId::new("TR1")));
    assert_eq!(shared.links, ["https://sentry.io/x"]);
}

#[test]
fn addresses_of_a_message_come_apart_or_together() {
    let links = |object: Value| shared(&share(json!({}), object)).links;
    assert_eq!(links(json!({ "link": ["a", "b"] })), ["a", "b"]);
    assert_eq!(links(json!({ "link": null, "links": ["a", 7, "b"] })), ["a", "b"]);
    assert_eq!(shared(&share(json!({}), json!({ "message_id": null }))).message, None);
}

#[test]
fn what_two_people_write_to_one_another_is_a_place_of_its_own() {
    let to = |operator: &str, contact: &str| {
        let object = json!({ "type": "to_contact", "channel_id": null, "channel_name": null, "contact_id": contact });
        shared(&share(json!({ "operator_id": operator }), object)).place
    };
    assert_eq!(to("KdYK", "B2"), to("B2", "kdyk"));
    assert_ne!(to("KdYK", "B2"), to("KdYK", "C3"));
    assert!(!to("KdYK", "B2").direct, "it is not the bot's own chat");
}

#[test]
fn people_of_other_accounts_post_as_guests_and_nothing_is_shown_to_them() {
    for fields in [json!({ "operator_id": "" }), json!({ "by_external_user": true }), json!({ "operator_id": null })] {
        assert!(shared(&share(fields, json!({}))).by.is_guest());
    }
    let outside = json!({ "type": "to_contact", "channel_id": null, "contact_id": "", "contact_member_id": "M9" });
    assert!(matches!(receive(&share(json!({}), outside).to_string()), Received::Ignored(_)));
}

#[test]
fn a_posted_address_that_nothing_can_be_shown_of_is_ignored() {
    for object in [
        json!({ "link": null }),
        json!({ "link": "" }),
        json!({ "trigger_id": null }),
        json!({ "trigger_id": "" }),
        json!({ "trigger_id": ".." }),
        json!({ "trigger_id": "a b" }),
        json!({ "trigger_id": "é" }),
        json!({ "trigger_id": "x".repeat(257) }),
        json!({ "channel_id": null }),
    ] {
        let received = receive(&share(json!({}), object.clone()).to_string());
        assert!(matches!(received, Received::Ignored(_)), "{object}: {received:?}");
    }
    let nobodys = receive(&share(json!({ "account_id": null }), json!({})).to_string());
    assert!(matches!(nobodys, Received::Unreadable(_)), "{nobodys:?}");
}

// === presses ===

#[test]
fn a_button_and_an_option_say_the_same_under_either_event() {
    let value = format!("{HANDLE}.archive");
    for event in ["interactive_message_actions", "interactive_message_select"] {
        for fields in [
            json!({ "actionItem": { "text": "Archive", "value": value } }),
            json!({ "selectedItems": [{ "value": value }] }),
            json!({ "action_item": { "value": value }, "selected_items": [] }),
        ] {
            let pressed = pressed(&press(event, fields));
            assert_eq!(pressed.press, Some(Press { card: Handle::new(HANDLE), choice: Choice::Act(Action::Archive) }));
            assert_eq!((pressed.by, pressed.place.direct), (jane(), false));
        }
    }
}

#[test]
fn what_is_typed_into_a_field_comes_with_its_message() {
    let original = json!({ "head": { "text": "To whom?" }, "body": [
        { "type": "fields", "items": [{ "key": "Find a name", "value": " ", "editable": true }] },
        { "type": "select", "text": "People", "select_items": [{ "text": "Ana", "value": format!("{HANDLE}.do.0") }] },
    ] });
    let beside = Some(Press { card: Handle::new(HANDLE), choice: Choice::Offered(0) });
    for (original, beside) in
        [(original, beside), (json!({ "body": [{ "value": "mute:42" }] }), None), (Value::Null, None)]
    {
        for item in ["fieldEditItem", "field_edit_item", "editItem"] {
            let field = json!({ "key": "Find a name", "currentValue": " ", "newValue": "jo" });
            let fields = json!({ item: field, "original": original, "messageId": "m1" });
            let typed = match event(&press("interactive_message_fields_editable", fields)) {
                Event::Typed(typed) => typed,
                other => panic!("nothing was typed: {other:?}"),
            };
            assert_eq!((typed.text.as_str(), &typed.beside, &typed.by), ("jo", &beside, &jane()));
            assert_eq!(typed.message, Some(MessageId::new("m1")));
        }
    }
}

#[test]
fn a_foreign_value_is_a_press_of_nothing() {
    for fields in [
        json!({ "actionItem": { "value": "mute:42" } }),
        json!({ "actionItem": {} }),
        json!({ "selectedItems": [] }),
        json!({ "selectedItems": "x" }),
        json!({}),
    ] {
        assert_eq!(pressed(&press("interactive_message_actions", fields)).press, None);
    }
}

#[test]
fn a_press_in_the_bots_own_chat_is_direct() {
    let fields = json!({ "toJid": "kdyk@xmpp.zoom.us/robot_v1bot@xmpp.zoom.us", "channelName": "Jane Dev" });
    let place = pressed(&press("interactive_message_actions", fields)).place;
    assert_eq!((place.channel.as_str(), place.name, place.direct), ("kdyk@xmpp.zoom.us", None, true));
}

// === installations ===

#[test]
fn whoever_installs_the_bot_is_remembered() {
    let body = press("bot_installed", json!({}));
    let since = Some(Timestamp(body["payload"]["timestamp"].as_i64().expect("a time")));
    let account = Account { id: AccountId::new("acc"), installer: Some(UserId::new("KdYK")), since };
    assert_eq!(event(&body), Event::Installed { account, by: jane() });
    let nobody = press("bot_installed", json!({ "userId": "" }));
    assert!(matches!(event(&nobody), Event::Installed { account: Account { installer: None, .. }, .. }));
}

#[test]
fn a_removal_counts_if_it_is_ours() {
    let removal = |client: Value| {
        let payload = replaced(
            json!({ "account_id": "acc", "user_id": "U1", "signature": "827e",
                "deauthorization_time": "2020-06-17T12:53:28.632Z" }),
            json!({ "client_id": client }),
        );
        json!({ "event": "app_deauthorized", "payload": payload })
    };
    for ours in [json!("client"), json!(null)] {
        let at = Some(Timestamp(1_592_398_408_632));
        assert_eq!(event(&removal(ours)), Event::Deauthorized { account: AccountId::new("acc"), at });
    }
    let foreign = receive(&removal(json!("another")).to_string());
    assert!(matches!(foreign, Received::Ignored(_)), "{foreign:?}");
}
