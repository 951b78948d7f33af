//! Subscriptions as operators see and change them: the real binary, beside the running bot.

use serde_json::{Value, json};
use zentry_test_support::Town;

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const HEADER: &str = "account  channel  channel_name  org  project  filters  state  by  since  last_delivery\n";

fn list(town: &Town) -> Vec<Value> {
    serde_json::from_str(&town.setup.run(&["subscriptions", "list", "--json"]).done()).expect("an array")
}

/// Writes a file and returns its name.
fn file(town: &Town, text: &str) -> String {
    let path = town.folder().join("subscriptions.toml");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

/// One `[[subscription]]` of the channel of the story.
fn entry(town: &Town, project: &str, more: &str) -> String {
    let (account, channel) = (&town.cast.jane.account, town.cast.alerts.jid());
    format!(
        "[[subscription]]\naccount = {account:?}\nchannel = {channel:?}\norg = \"acme\"\nproject = {project:?}\n{more}\n"
    )
}

fn projects(town: &Town) -> Vec<String> {
    list(town).iter().map(|row| row["project"].as_str().expect("a slug").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_connected_is_listed_with_its_state_beside_the_running_bot() {
    let town = Town::with_integration(ZENTRY).await;
    assert_eq!(town.setup.run(&["subscriptions", "list"]).done(), HEADER);
    assert_eq!(list(&town), [] as [Value; 0]);

    town.jane_types("connect acme web level:warning -title:\"out of\"").await;
    town.jane_sees("Connected: acme / web").await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    town.jane_types("mute 2h acme checkout").await;
    town.jane_sees("Muted").await;
    town.error_in(&town.cast.web, "TimeoutError").await;
    town.jane_sees("New · [web] TimeoutError").await;

    let rows = list(&town);
    let (web, checkout) = (&rows[0], &rows[1]);
    let mut keys: Vec<_> = web.as_object().expect("an object").keys().cloned().collect();
    let mut columns: Vec<_> = HEADER.split_whitespace().map(str::to_owned).collect();
    keys.sort();
    columns.sort();
    assert_eq!(keys, columns);
    assert_eq!((&web["org"], &web["project"], &web["state"]), (&json!("acme"), &json!("web"), &json!("on")));
    assert_eq!(web["filters"], "level:warning -title:\"out of\"");
    assert_eq!((&web["account"], &web["channel_name"]), (&json!(town.cast.jane.account), &json!("checkout-alerts")));
    assert!(web["by"].as_str().expect("a name").starts_with("Jane Dev ("), "{web}");
    assert!(web["last_delivery"].is_string() && checkout["last_delivery"].is_null(), "{rows:?}");
    assert!(checkout["state"].as_str().expect("words").starts_with("muted until 20"), "{checkout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_changes_nothing_and_an_edited_one_is_shown_then_carried_out_and_followed() {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;

    let exported = town.setup.run(&["subscriptions", "export"]).done();
    assert_eq!(exported.matches("[[subscription]]").count(), 2, "{exported}");
    let whole = file(&town, &exported);
    for words in [&["plan", &whole, "--prune"][..], &["apply", &whole, "--prune"]] {
        assert_eq!(town.setup.run(&[&["subscriptions"], words].concat()).done(), "nothing to change\n");
    }

    let edited = entry(&town, "web", "filters = \"level:fatal\"") + &entry(&town, "api", "");
    let edited = file(&town, &edited);
    let planned = town.setup.run(&["subscriptions", "plan", &edited]).done();
    let lines: Vec<_> = planned.lines().collect();
    assert!(lines[0].starts_with("~ acme / web in #checkout-alerts ("), "{planned}");
    assert!(lines[0].ends_with(": level:fatal, before the default filters"), "{planned}");
    assert!(lines[1].starts_with("+ acme / api in ") && lines[1].ends_with(": the default filters"), "{planned}");
    assert_eq!(lines[2..], ["2 changes to make; nothing was done"]);
    let pruning = town.setup.run(&["subscriptions", "plan", "--prune", &edited]).done();
    assert!(
        pruning.lines().nth(2).expect("a third").starts_with("- acme / checkout in #checkout-alerts ("),
        "{pruning}"
    );
    assert_eq!(projects(&town), ["web", "checkout"], "nothing was done");

    let done = town.setup.run(&["subscriptions", "apply", "--prune", &edited]).done();
    assert_eq!(done.lines().last(), Some("3 changes made"));
    assert_eq!(projects(&town), ["web", "api"]);
    // The bot follows, without a restart.
    town.error_in(&town.cast.checkout, "KeyError").await;
    town.error_in(&town.cast.web, "TypeError").await;
    town.error_in(&town.cast.api, "TimeoutError").await;
    town.jane_sees("New · [api] TimeoutError").await;
    assert!(!town.was_said("KeyError") && !town.was_said("TypeError"));

    let audit: Vec<Value> = serde_json::from_str(&town.setup.run(&["audit", "--json"]).done()).expect("an array");
    let by_operator: Vec<_> = audit.iter().filter(|row| row["actor"] == "operator").map(|row| &row["action"]).collect();
    assert_eq!(by_operator, ["filter", "connect", "disconnect"]);
    assert_eq!(town.setup.run(&["subscriptions", "apply", "--prune", &edited]).done(), "nothing to change\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_project_of_an_organization_is_one_entry_and_survives_pruning() {
    let town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("web").await;
    let by = format!("by = {:?}", town.cast.jane.user_id);
    let every = file(&town, &(entry(&town, "*", &format!("filters = \"level:fatal\"\n{by}"))));
    let done = town.setup.run(&["subscriptions", "apply", "--prune", &every]).done();
    assert!(done.starts_with("+ every project of acme in "), "{done}");
    assert_eq!(projects(&town), ["*", "web", "checkout", "api"]);
    let exported = town.setup.run(&["subscriptions", "export"]).done();
    assert!(exported.contains("project = \"*\"") && exported.contains(&by), "{exported}");
    assert_eq!(town.setup.run(&["subscriptions", "plan", "--prune", &every]).done(), "nothing to change\n");

    let empty = file(&town, "");
    let done = town.setup.run(&["subscriptions", "apply", "--prune", &empty]).done();
    assert_eq!(done.lines().last(), Some("4 changes made"), "{done}");
    assert_eq!(projects(&town), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_makes_no_sense_ends_with_64_and_what_cannot_be_done_with_1_and_nothing_is_changed() {
    let mut town = Town::built(ZENTRY).await;
    town.setup.settings.insert("ZENTRY_ALLOWED_ORGS".into(), "acme".into());
    town.start();
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;

    for (text, why) in [
        (entry(&town, "web", "filter = \"level:fatal\""), "line 6: unknown field `filter`"),
        (
            entry(&town, "web", "filters = \"level:fatl\""),
            "subscription 1: filters: I do not understand \"level:fatl\"",
        ),
        (entry(&town, "", ""), "subscription 1: project is empty"),
        (entry(&town, "web", "") + &entry(&town, "Web", ""), "subscriptions 1 and 2 are the same: acme / Web"),
        ("[[subscription]".to_owned(), "line 1: "),
    ] {
        let file = file(&town, &text);
        for command in ["plan", "apply"] {
            let said = town.setup.run(&["subscriptions", command, &file]).failed(64);
            assert!(said.starts_with(&format!("zentry: {file}: {why}")), "{said}");
        }
    }
    let globex = entry(&town, "secret", "").replace("acme", "globex");
    let said = town.setup.run(&["subscriptions", "apply", &file(&town, &globex)]).failed(64);
    assert!(
        said.starts_with("zentry: ZENTRY_ALLOWED_ORGS does not accept globex, which subscription 1 names"),
        "{said}"
    );

    let good = entry(&town, "api", "");
    let elsewhere = good.replace(&town.cast.alerts.jid(), "elsewhere@conference.xmpp.zoom.us");
    for (text, why) in [
        (good.clone() + &entry(&town, "nowhere", ""), "Sentry shows no acme / nowhere"),
        (
            good.clone() + &entry(&town, "checkout", "by = \"U-nobody\""),
            "names U-nobody, of whom the bot has heard nothing",
        ),
        (good.clone() + &elsewhere, "nobody has used the bot in elsewhere@conference.xmpp.zoom.us"),
    ] {
        let said = town.setup.run(&["subscriptions", "apply", "--prune", &file(&town, &text)]).failed(1);
        assert!(said.starts_with("zentry: nothing was changed: ") && said.contains(why), "{said}");
    }
    let said = town.setup.run(&["subscriptions", "plan", "no-such-file.toml"]).failed(1);
    assert!(said.starts_with("zentry: no-such-file.toml cannot be read"), "{said}");
    assert_eq!(projects(&town), ["web"]);
}
