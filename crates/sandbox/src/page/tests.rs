//! The page's own manners, with a stand-in for the bot.

use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{BotAt, Page};
use crate::{
    Clock, Sandbox,
    http::Answer,
    testing::{Bot, Seen, call, stage},
};

/// A page between the simulated services and a bot that answers 200 to everything.
struct Opened {
    base: String,
    bot: Bot,
    sandbox: Sandbox,
    _page: Page,
}

impl Opened {
    async fn new() -> Self {
        let (cast, sandbox, bot) = stage(Clock::real()).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        // It has no operations listener.
        let at = BotAt { public_url: bot.base.clone(), ops_url: "http://127.0.0.1:1".to_owned() };
        let page = Page::open(listener, &sandbox, &cast, at);
        Self { base, bot, sandbox, _page: page }
    }

    async fn get(&self, path: &str) -> Answer {
        call(Method::GET, &format!("{}{path}", self.base), &[], "").await
    }

    async fn act(&self, deed: Value) -> Value {
        let headers = [("content-type", "application/json")];
        call(Method::POST, &format!("{}/api/do", self.base), &headers, &deed.to_string()).await.value()
    }

    /// What the bot was told.
    fn told(&self) -> Vec<Value> {
        self.bot.seen().iter().map(Seen::json).collect()
    }

    async fn messages(&self, who: &str) -> Vec<Value> {
        let state = self.get(&format!("/api/state?as={who}")).await.value();
        state["chat"]["places"][0]["messages"].as_array().unwrap().clone()
    }

    async fn acme_checkout(&self) -> Value {
        let state = self.get("/api/state").await.value();
        state["sentry"]["organizations"][0]["projects"][0]["id"].clone()
    }
}

fn write(who: &str, text: &str) -> Value {
    json!({ "do": "write", "who": who, "place": "checkout-alerts", "text": text, "thread": null })
}

#[tokio::test]
async fn everything_is_served_from_here_under_a_strict_policy() {
    let page = Opened::new().await;
    let index = page.get("/").await;
    assert_eq!(index.status, 200);
    assert!(index.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let html = String::from_utf8(index.body.to_vec()).unwrap();
    assert!(
        !html.contains("style=") && !html.contains("onclick") && !html.contains("://"),
        "nothing inline or foreign"
    );
    for file in html.split('"').filter(|part| part.starts_with("/assets/")) {
        assert_eq!(page.get(file).await.status, 200, "{file}");
    }
    assert_eq!(page.get("/assets/../Cargo.toml").await.status, 404);
}

#[tokio::test]
async fn other_sites_neither_read_it_nor_do_anything_with_it() {
    let page = Opened::new().await;
    let (json, deed) = (("content-type", "application/json"), r#"{"do":"stop"}"#);
    let url = format!("{}/api/do", page.base);
    let foreign = [("origin", "http://evil.example"), json];
    assert_eq!(call(Method::POST, &url, &foreign, deed).await.status, 403);
    let own = [("origin", page.base.as_str()), json];
    assert_eq!(call(Method::POST, &url, &own, deed).await.status, 200);
    let form = [("content-type", "text/plain")];
    assert_eq!(call(Method::POST, &url, &form, deed).await.status, 415);
    // A name that leads here is somebody else's all the same.
    let port = page.base.rsplit(':').next().unwrap();
    let named = call(Method::GET, &format!("http://localhost:{port}/"), &[], "").await;
    assert_eq!(named.status, 200);
    let rebound = super::serve::is_own_name(&format!("evil.example:{port}"));
    assert!(!rebound && super::serve::is_own_name("127.0.0.1:8480") && super::serve::is_own_name("[::1]:8480"));
}

#[tokio::test]
async fn the_bot_hears_of_commands_and_mentions_but_not_of_what_people_say_to_each_other() {
    let page = Opened::new().await;
    assert_eq!(page.act(write("jane", "lunch?")).await["ok"], true);
    assert_eq!(page.told().len(), 0);
    page.act(write("jane", "/sentry help")).await;
    page.act(write("jane", "@Sentry help")).await;
    let told = page.told();
    assert_eq!((&told[0]["event"], &told[0]["payload"]["cmd"]), (&json!("bot_notification"), &json!("help")));
    assert_eq!(told[1]["event"], "team_chat.app_mention");
    assert_eq!(page.act(write("jane", "/jira help")).await["ok"], false);
    // A command is seen by whoever typed it.
    assert_eq!((page.messages("jane").await.len(), page.messages("ben").await.len()), (3, 2));
}

#[tokio::test]
async fn an_address_of_sentry_is_told_of_and_others_are_not() {
    let page = Opened::new().await;
    let issue = format!("{}/organizations/acme/issues/1/", page.sandbox.sentry.base());
    page.act(write("jane", &format!("see {issue} and https://example.com/"))).await;
    let told = page.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["payload"]["object"]["link"], issue);
}

#[tokio::test]
async fn what_a_guest_does_arrives_without_a_user_id() {
    let page = Opened::new().await;
    page.act(write("gia", "/sentry connect acme checkout")).await;
    page.act(write("gia", "@Sentry help")).await;
    let told = page.told();
    assert_eq!(told[0]["payload"]["userId"], "");
    assert_eq!(
        (&told[1]["payload"]["operator_id"], &told[1]["payload"]["by_external_user"]),
        (&json!(""), &json!(true))
    );
}

#[tokio::test]
async fn an_outage_stays_until_it_is_switched_off() {
    let page = Opened::new().await;
    let token = format!("{}/oauth/token", page.sandbox.zoom.base());
    page.act(json!({ "do": "switch", "switch": { "zoom": "failing" } })).await;
    for _ in 0..2 {
        assert_eq!(call(Method::POST, &token, &[], "").await.status, 500);
    }
    page.act(json!({ "do": "switch", "switch": { "zoom": "fine" } })).await;
    assert_ne!(call(Method::POST, &token, &[], "").await.status, 500);
}

#[tokio::test]
async fn what_the_bot_refuses_is_said_and_is_on_the_wire() {
    let page = Opened::new().await;
    page.bot.next_status(401);
    let project = page.acme_checkout().await;
    let raise = json!({ "do": "raise", "project": project, "title": "KeyError", "level": "error",
        "environment": "", "release": "", "times": 2 });
    assert_eq!(page.act(raise).await, json!({ "ok": false, "note": "Sentry told the bot, and was answered 401." }));
    let state = page.get("/api/state").await.value();
    let signatures = [&state["wire"]["entries"][0]["signature"], &state["wire"]["entries"][1]["signature"]];
    assert_eq!((signatures, &state["sentry"]["total"]), ([&json!("refused"), &json!("good")], &json!(2)));
    assert_eq!(state["bot"], json!({ "up": false }));
}

#[tokio::test]
async fn one_story_plays_at_a_time_and_can_be_stopped() {
    let page = Opened::new().await;
    assert_eq!(page.act(json!({ "do": "play", "story": "nothing" })).await["ok"], false);
    assert_eq!(page.act(json!({ "do": "play", "story": "minute" })).await["ok"], true);
    assert_eq!(page.act(json!({ "do": "play", "story": "storm" })).await["ok"], false);
    page.act(json!({ "do": "stop" })).await;
    let state = page.get("/api/state").await.value();
    assert_eq!(
        (&state["stage"]["story"]["is_playing"], &state["stage"]["story"]["failure"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(page.act(json!({ "do": "play", "story": "storm" })).await["ok"], true);
}
