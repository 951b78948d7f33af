//! What the real binary prints for both consoles.

use std::process::Command;

use serde_json::{Value, json};

fn manifest(words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zentry"));
    let output = command.arg("manifest").args(words).env_clear().output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Every field with its kind, so that nothing is missing and nothing is there that Zoom does not know.
fn fields(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| fields(value, &format!("{at}.{key}"))).collect(),
        Value::Array(items) if items.iter().any(Value::is_object) => fields(&items[0], &format!("{at}[]")),
        Value::Array(_) => vec![format!("{at}[]")],
        Value::Bool(_) => vec![format!("{at}?")],
        _ => vec![at.to_owned()],
    }
}

#[test]
fn zooms_manifest_has_every_field_of_its_template_and_our_addresses() {
    let zoom = manifest(&["zoom", "--public-url", "https://bot.example.com/zentry/", "--command", "/alerts"]);
    let mut found = fields(&zoom, "");
    found.sort();
    let mut template: Vec<_> = include_str!("zoom_manifest.txt").lines().map(str::to_owned).collect();
    template.sort();
    assert_eq!(found, template);

    let oauth = &zoom["oauth_information"];
    assert_eq!(oauth["usage"], "ADMIN_MANAGEMENT");
    assert_eq!(oauth["production_redirect_uri"], "https://bot.example.com/zentry/zoom/callback");
    assert_eq!(oauth["oauth_allow_list"], json!(["https://bot.example.com/zentry/zoom/callback"]));
    assert_eq!(oauth["scopes"], json!([{ "scope": "imchat:bot", "optional": false }]));
    let chat = &zoom["features"]["team_chat_subscription"]["slash_command"];
    assert_eq!(chat["command"], "alerts");
    assert_eq!(chat["production_message_url"], "https://bot.example.com/zentry/zoom/events");
    assert_eq!(chat["development_message_url"], chat["production_message_url"]);
    assert_eq!(chat["trust_domain_list"], json!([{ "domain": "sentry.io", "unfurling": true }]));
    let hints: Vec<_> =
        chat["command_hints"].as_array().expect("hints").iter().map(|hint| &hint["usage_hint"]).collect();
    assert_eq!(hints[0], "help");
    assert!(hints.contains(&&json!("connect <org> <project | *> [filters]")), "{hints:?}");
    assert_eq!(zoom["features"]["domain_allow_list"][0]["domain"], "bot.example.com");
}

#[test]
fn the_directory_asks_zoom_for_more_and_nothing_else_does() {
    let scopes = |words: &[&str]| {
        let zoom = manifest(&[&["zoom", "--public-url", "https://bot.example.com"], words].concat());
        let scopes = zoom["oauth_information"]["scopes"].as_array().expect("scopes").clone();
        scopes.iter().map(|scope| scope["scope"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(scopes(&["--zoom-directory", "off"]).len(), 1);
    let with = scopes(&["--zoom-directory", "on"]);
    assert_eq!(with.len(), 5);
    let operations = include_str!("../docs/OPERATIONS.md");
    for scope in with {
        assert!(operations.contains(&format!("`{scope}`")), "{scope} is explained");
    }
}

#[test]
fn sentrys_settings_fit_an_internal_integration_or_a_sentry_app() {
    let own = manifest(&["sentry", "--public-url", "https://bot.example.com", "--sentry-org", "acme"]);
    assert_eq!(own["isInternal"], true);
    assert_eq!(own["webhookUrl"], "https://bot.example.com/sentry/webhook");
    assert_eq!(own["scopes"], json!(["event:read", "event:write", "org:read", "project:read"]));
    assert_eq!(own["events"], json!(["issue", "comment", "seer"]));
    assert_eq!((&own["isAlertable"], own.get("redirectUrl")), (&json!(true), None));

    let app = manifest(&["sentry", "--public-url", "https://bot.example.com", "--sentry-app-slug", "zentry"]);
    assert_eq!((&app["isInternal"], &app["verifyInstall"]), (&json!(false), &json!(true)));
    assert_eq!(app["redirectUrl"], "https://bot.example.com/sentry/setup");
    assert_eq!(app["scopes"], json!(["event:read", "org:read", "project:read"]));
    assert!(app["name"].as_str().expect("a name").len() <= 57 && !app["author"].as_str().expect("one").is_empty());
}

#[test]
fn a_manifest_needs_the_public_address_and_says_so() {
    for (words, setting) in [
        (&["zoom"][..], "ZENTRY_PUBLIC_URL is missing"),
        (&["sentry", "--public-url", "http://bot.example.com"], "ZENTRY_PUBLIC_URL must begin with https://"),
        (&["zoom", "--public-url", "https://bot.example.com", "--command", "two words"], "ZENTRY_COMMAND must be"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zentry"));
        let output = command.arg("manifest").args(words).env_clear().output().expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(64), 0), "{said}");
        assert!(said.starts_with(&format!("zentry: {setting}")), "{said}");
    }
}
