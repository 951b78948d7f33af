use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::{
    Cast, Fault, Sandbox, Signing,
    ids::hmac_hex,
    testing::{Bot, SOON, call, stage, try_call},
};

const MESSAGES: &str = "/v2/im/chat/messages";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The bot's side of the chatbot API.
struct Client {
    base: String,
    bearer: String,
}

impl Client {
    async fn new(sandbox: &Sandbox, cast: &Cast) -> Self {
        let base = sandbox.zoom.base().to_owned();
        let answer = token(&base, &cast.zoom_app.client_secret, "grant_type=client_credentials").await;
        Self { base, bearer: format!("Bearer {}", answer.value()["access_token"].as_str().unwrap()) }
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [JSON, ("authorization", &self.bearer)];
        call(method, &format!("{}{path}", self.base), &headers, &body.to_string()).await
    }

    async fn post(&self, body: &Value) -> Answer {
        self.call(Method::POST, MESSAGES, body).await
    }

    async fn refused(&self, body: &Value, status: u16, code: u32) {
        let answer = self.post(body).await;
        assert_eq!((answer.status, &answer.value()["code"]), (status, &json!(code)), "{body}");
        assert_eq!(answer.value()["result"], false);
    }
}

async fn token(base: &str, secret: &str, form: &str) -> Answer {
    let basic = data_encoding::BASE64.encode(format!("sandboxZoomClient:{secret}").as_bytes());
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", &format!("Basic {basic}"))];
    call(Method::POST, &format!("{base}/oauth/token"), &headers, form).await
}

fn to_channel(cast: &Cast) -> Value {
    json!({
        "robot_jid": cast.zoom_app.bot_jid,
        "to_jid": cast.alerts.jid(),
        "account_id": cast.jane.account,
        "user_jid": cast.jane.jid(),
        "content": { "head": { "text": "New issue" }, "body": [
            { "type": "actions", "items": [
                { "text": "Resolve", "value": "h.resolve" }, { "text": "Gone", "value": "h.gone", "style": "Disabled" }
            ] },
            { "type": "select", "text": "Archive", "select_items": [{ "text": "Forever", "value": "h.forever" }] },
        ] },
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn without(mut body: Value, name: &str) -> Value {
    body.as_object_mut().unwrap().remove(name);
    body
}

async fn posted(client: &Client, sandbox: &Sandbox, cast: &Cast) -> Message {
    assert_eq!(client.post(&to_channel(cast)).await.status, 201);
    sandbox.zoom.messages(&cast.alerts, &cast.jane).pop().unwrap()
}

#[tokio::test]
async fn a_message_is_sent_edited_and_deleted() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let answer = client.post(&to_channel(&cast)).await.value();
    assert_eq!(answer["to_jid"], json!(cast.alerts.jid()));
    let id = answer["message_id"].as_str().unwrap().to_owned();
    let shown = sandbox.zoom.wait_for(&cast.alerts, &cast.ben, "the card", SOON, |m| m.id == id).await.unwrap();
    assert_eq!(shown.lines()[0], "New issue");

    let edit = json!({
        "robot_jid": cast.zoom_app.bot_jid, "account_id": cast.jane.account,
        "content": { "head": { "text": "Resolved" } },
    });
    let path = format!("{MESSAGES}/{id}");
    assert_eq!(client.call(Method::PUT, &path, &edit).await.status, 200);
    assert_eq!(sandbox.zoom.messages(&cast.alerts, &cast.ben)[0].to_string(), "Resolved\n(edited)");
    sandbox.zoom.behave(|manners| manners.edit_answers_empty = true);
    assert_eq!(client.call(Method::PUT, &path, &edit).await.status, 204);

    let query = format!("{path}?account_id={}&robot_jid={}", cast.jane.account, cast.zoom_app.bot_jid);
    assert_eq!(client.call(Method::DELETE, &query, &json!({})).await.status, 200);
    assert!(sandbox.zoom.messages(&cast.alerts, &cast.ben).is_empty());
    let again = client.call(Method::DELETE, &query, &json!({})).await;
    assert_eq!((again.status, &again.value()["code"]), (404, &json!(8001)));
    assert_eq!(client.call(Method::PUT, &path, &edit).await.status, 404);
    assert_eq!(client.call(Method::DELETE, &path, &json!({})).await.status, 400);
}

#[tokio::test]
async fn what_zoom_would_refuse_is_refused_with_its_code() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let good = || to_channel(&cast);
    for field in ["robot_jid", "to_jid", "account_id", "user_jid", "content"] {
        client.refused(&without(good(), field), 400, 7001).await;
    }
    client.refused(&with(good(), "thread_id", "x".into()), 400, 7001).await;
    client.refused(&with(good(), "content", json!({ "body": [{ "type": "button" }] })), 400, 7001).await;
    client.refused(&with(good(), "user_jid", cast.alerts.jid().into()), 400, 7001).await;
    client.refused(&with(good(), "visible_to_user", cast.jane.jid().into()), 400, 7001).await;
    client.refused(&with(good(), "robot_jid", "v1other@xmpp.zoom.us".into()), 403, 7003).await;
    client.refused(&with(good(), "account_id", "acc-Other".into()), 403, 7004).await;
    client.refused(&with(good(), "to_jid", "nobody@xmpp.zoom.us".into()), 403, 7004).await;
    client.refused(&with(good(), "to_jid", cast.zoom_app.bot_jid.clone().into()), 403, 7004).await;
    let text = json!({ "body": vec![json!({ "type": "message", "text": "x".repeat(4000) }); 6] });
    client.refused(&with(good(), "content", text), 400, 7001).await;
    assert!(sandbox.zoom.messages(&cast.alerts, &cast.jane).is_empty());
}

#[tokio::test]
async fn accounts_do_not_reach_into_one_another() {
    let (cast, mut zoom, sentry) = Cast::assemble();
    let (ops, olga) = (zoom.channel("acc-Other", "ops"), zoom.person("acc-Other", "uOlga", "Olga"));
    let sandbox = Sandbox::start(Clock::real(), zoom, sentry).await.unwrap();
    let client = Client::new(&sandbox, &cast).await;
    let there = with(to_channel(&cast), "to_jid", ops.jid().into());
    client.refused(&there, 403, 7004).await;
    let there = with(with(there, "account_id", "acc-Other".into()), "user_jid", olga.jid().into());
    let id = client.post(&there).await.value()["message_id"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.zoom.messages(&ops, &olga).len(), 1);
    assert!(sandbox.zoom.messages(&ops, &cast.jane).is_empty());
    let edit = json!({
        "robot_jid": cast.zoom_app.bot_jid, "account_id": cast.jane.account, "content": { "head": { "text": "x" } },
    });
    assert_eq!(client.call(Method::PUT, &format!("{MESSAGES}/{id}"), &edit).await.status, 404);
}

#[tokio::test]
async fn a_body_that_is_not_declared_or_written_as_json_is_refused() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let url = format!("{}{MESSAGES}", client.base);
    let bearer = ("authorization", client.bearer.as_str());
    for (header, body) in [(("content-type", "text/plain"), to_channel(&cast).to_string()), (JSON, "{".to_owned())] {
        let answer = call(Method::POST, &url, &[header, bearer], &body).await;
        assert_eq!((answer.status, &answer.value()["code"]), (400, &json!(7001)));
    }
}

#[tokio::test]
async fn a_token_is_needed_and_lives_for_an_hour_by_the_clock() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let code = async |bearer: &str| {
        let url = format!("{}{MESSAGES}", client.base);
        let headers = [JSON, ("authorization", bearer)];
        let answer = call(Method::POST, &url, &headers, &to_channel(&cast).to_string()).await;
        (answer.status, answer.value()["code"].clone())
    };
    assert_eq!(code("").await, (401, json!(7010)));
    assert_eq!(code("Bearer other").await, (401, json!(7010)));
    sandbox.clock.advance(Duration::from_secs(3590));
    assert_eq!(client.post(&to_channel(&cast)).await.status, 201);
    sandbox.clock.advance(Duration::from_secs(11));
    assert_eq!(code(&client.bearer).await, (401, json!(124)));
}

#[tokio::test]
async fn the_token_endpoint_knows_its_client_and_its_grant() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let (base, secret) = (sandbox.zoom.base(), cast.zoom_app.client_secret.as_str());
    let good = token(base, secret, "grant_type=client_credentials").await.value();
    assert_eq!((&good["expires_in"], &good["token_type"]), (&json!(3600), &json!("bearer")));
    let wrong = token(base, "wrong", "grant_type=client_credentials").await;
    assert_eq!((wrong.status, wrong.value()["error"].as_str()), (401, Some("invalid_client")));
    let other = token(base, secret, "grant_type=password").await;
    assert_eq!((other.status, other.value()["error"].as_str()), (400, Some("unsupported_grant_type")));
    assert_eq!(token(base, secret, "").await.status, 400);
}

#[tokio::test]
async fn a_message_for_one_person_is_seen_by_nobody_else() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let private = with(to_channel(&cast), "visible_to_user", cast.jane.user_id.clone().into());
    assert_eq!(client.post(&private).await.status, 201);
    let seen = sandbox.zoom.messages(&cast.alerts, &cast.jane);
    assert_eq!(seen[0].lines().last().unwrap(), "(only Jane Dev sees this)");
    assert!(sandbox.zoom.messages(&cast.alerts, &cast.ben).is_empty());
    assert!(sandbox.zoom.press(&cast.ben, &seen[0], "Resolve").await.is_err());
}

#[tokio::test]
async fn a_command_arrives_signed_with_all_its_headers() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let delivery = sandbox.zoom.say(&cast.jane, &cast.alerts, "connect acme checkout").await;
    assert_eq!(delivery.status, Some(200));
    let seen = bot.seen().remove(0);
    assert_eq!(seen.path, "/zoom/events");
    let payload = &seen.json()["payload"];
    assert_eq!(payload["cmd"], "connect acme checkout");
    assert_eq!(payload["toJid"], json!(cast.alerts.jid()));
    assert_eq!(payload["channelName"], "checkout-alerts");
    assert_eq!((&payload["userId"], &payload["userJid"]), (&json!(cast.jane.user_id), &json!(cast.jane.jid())));
    let (timestamp, secret) = (seen.header("x-zm-request-timestamp"), &cast.zoom_app.secret_token);
    let message = format!("v0:{timestamp}:{}", seen.body);
    assert_eq!(seen.header("x-zm-signature"), format!("v0={}", hmac_hex(secret, &[message.as_bytes()])));
    assert_eq!(timestamp.len(), 10);
    assert_eq!(seen.header("user-agent"), "Zoom Marketplace/1.0a");
    assert_eq!(seen.header("clientid"), cast.zoom_app.client_id);
    assert!(seen.header("x-zm-request-id").contains('_'));
}

#[tokio::test]
async fn a_bot_chat_is_named_in_each_of_the_forms_that_have_been_seen() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let (jid, robot) = (cast.jane.jid(), &cast.zoom_app.bot_jid);
    let forms = [
        (DirectForm::PersonAndRobot, format!("{jid}/robot_{robot}")),
        (DirectForm::Person, jid.clone()),
        (DirectForm::Robot, robot.clone()),
    ];
    for (form, _) in &forms {
        sandbox.zoom.behave(|manners| manners.direct_form = *form);
        sandbox.zoom.say(&cast.jane, &cast.jane, "help").await;
    }
    let seen: Vec<_> = bot.seen().iter().map(|seen| seen.json()["payload"]["toJid"].clone()).collect();
    assert_eq!(seen, forms.map(|(_, jid)| json!(jid)));
}

#[tokio::test]
async fn a_bare_command_has_an_empty_text_or_none() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    sandbox.zoom.say(&cast.jane, &cast.alerts, Said::bare()).await;
    sandbox.zoom.behave(|manners| manners.bare_without_cmd = true);
    sandbox.zoom.say(&cast.jane, &cast.alerts, Said::bare().by_a_guest().ago(Duration::from_secs(300))).await;
    let seen = bot.seen();
    assert_eq!(seen[0].json()["payload"]["cmd"], "");
    let guest = &seen[1].json()["payload"];
    assert_eq!((guest.get("cmd"), &guest["userId"]), (None, &json!("")));
    assert!(guest["timestamp"].as_i64().unwrap() <= sandbox.clock.now_ms() - 300_000);
}

#[tokio::test]
async fn a_press_and_a_choice_carry_the_card() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let card = posted(&client, &sandbox, &cast).await;
    sandbox.zoom.press(&cast.ben, &card, "Resolve").await.unwrap();
    sandbox.zoom.choose(&cast.ben, &card, "Archive", "Forever").await.unwrap();
    sandbox.zoom.behave(|manners| manners.choice_form = ChoiceForm::Actions);
    sandbox.zoom.choose(&cast.ben, &card, "Archive", "h.forever").await.unwrap();
    let seen: Vec<_> = bot.seen().iter().map(|seen| seen.json()).collect();
    assert_eq!(seen[0]["event"], "interactive_message_actions");
    assert_eq!(seen[0]["payload"]["actionItem"], json!({ "text": "Resolve", "value": "h.resolve" }));
    assert_eq!(seen[0]["payload"]["messageId"], json!(card.id));
    assert_eq!(seen[0]["payload"]["original"], card.content);
    assert_eq!(seen[1]["event"], "interactive_message_select");
    assert_eq!(seen[1]["payload"]["selectedItems"], json!([{ "value": "h.forever" }]));
    assert_eq!(seen[2]["event"], "interactive_message_actions");
    let missing = sandbox.zoom.press(&cast.ben, &card, "Gone").await.unwrap_err().to_string();
    assert!(missing.starts_with("there is no button \"Gone\" for this person; the card is\nNew issue"), "{missing}");
}

#[tokio::test]
async fn a_failed_delivery_comes_again_after_5_20_and_60_minutes() {
    let (cast, sandbox, bot) = stage(Clock::paced(100_000)).await;
    for status in [500, 503, 502, 500] {
        bot.next_status(status);
    }
    assert!(sandbox.zoom.say(&cast.jane, &cast.alerts, "help").await.worth_a_retry());
    let seen = bot.received(4).await;
    assert!(seen.iter().all(|again| again.body == seen[0].body && again.headers == seen[0].headers));
    sandbox.wire.wait_for("the last attempt", 1, SOON, |entry| entry.about.ends_with("attempt 4")).await.unwrap();
    let sent: Vec<_> = sandbox.wire.entries().into_iter().filter(|entry| entry.about.starts_with("bot_")).collect();
    let minutes: Vec<_> = sent.windows(2).map(|pair| (pair[1].at_ms - pair[0].at_ms) / 60_000).collect();
    assert_eq!(sent.len(), 4);
    assert!(minutes[0] >= 5 && minutes[1] >= 20 && minutes[2] >= 60, "{minutes:?}");
}

#[tokio::test]
async fn a_redelivery_may_be_signed_anew_and_ends_with_the_first_success() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    sandbox.zoom.behave(|manners| manners.redelivery_signed_anew = true);
    bot.next(Reply::Close);
    assert!(sandbox.zoom.say(&cast.jane, &cast.alerts, "help").await.failure.is_some());
    // The first attempt was made at the latest now; the waiting task may not have started to wait.
    while bot.seen().len() < 2 {
        sandbox.clock.advance(Duration::from_secs(301));
        tokio::task::yield_now().await;
        drop(tokio::time::timeout(Duration::from_millis(20), bot.received(2)).await);
    }
    let seen = bot.seen();
    assert_ne!(seen[0].header("x-zm-signature"), seen[1].header("x-zm-signature"));
    assert_eq!(seen[0].header("x-zm-request-id"), seen[1].header("x-zm-request-id"));
}

#[tokio::test]
async fn a_refusal_by_the_bot_is_final() {
    let (cast, sandbox, bot) = stage(Clock::paced(1_000_000)).await;
    bot.next_status(401);
    assert!(!sandbox.zoom.say(&cast.jane, &cast.alerts, "help").await.worth_a_retry());
    sandbox.clock.until(sandbox.clock.now_ms() + 3 * 3_600_000).await;
    assert_eq!(bot.seen().len(), 1);
}

#[tokio::test]
async fn a_delivery_can_be_repeated_byte_for_byte_or_forged() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    assert!(sandbox.zoom.redeliver_last().await.is_none());
    sandbox.zoom.say(&cast.jane, &cast.alerts, "help").await;
    sandbox.zoom.redeliver_last().await.unwrap();
    let forged = Signing::Forged { timestamp: "soon".into(), signature: "v0=00".into() };
    sandbox.zoom.deliver_raw("{}", forged).await;
    sandbox.zoom.deliver_raw("{}", Signing::Unsigned).await;
    let seen = bot.seen();
    assert_eq!((&seen[0].headers, &seen[0].body), (&seen[1].headers, &seen[1].body));
    assert_eq!(seen[2].header("x-zm-request-timestamp"), "soon");
    assert_eq!(seen[3].header("x-zm-signature"), "");
}

#[tokio::test]
async fn trouble_in_a_channel_is_nobody_elses() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    sandbox.zoom.trouble(&cast.web_team, Fault::status(503));
    let there = with(to_channel(&cast), "to_jid", json!(cast.web_team.jid()));
    for _ in 0..2 {
        assert_eq!((client.post(&there).await.status, client.post(&to_channel(&cast)).await.status), (503, 201));
    }
}

#[tokio::test]
async fn faults_hit_the_calls_they_wait_for() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let url = format!("{}{MESSAGES}", client.base);
    let headers = [JSON, ("authorization", client.bearer.as_str())];
    let body = to_channel(&cast).to_string();
    sandbox.zoom.faults().next(Fault::zoom_throttled(Some("7")));
    sandbox.zoom.faults().next(Fault::Close { carried_out: false });
    sandbox.zoom.faults().next(Fault::Hang { carried_out: true });
    let throttled = call(Method::POST, &url, &headers, &body).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("7")));
    assert!(try_call(Method::POST, &url, &headers, &body).await.is_err());
    assert!(sandbox.zoom.messages(&cast.alerts, &cast.jane).is_empty());
    assert!(try_call(Method::POST, &url, &headers, &body).await.is_err());
    assert_eq!(sandbox.zoom.messages(&cast.alerts, &cast.jane).len(), 1);
    assert_eq!(sandbox.zoom.faults().left(), 0);
}

#[tokio::test]
async fn a_person_can_be_closed_to_the_bot_and_an_account_without_it() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let direct = with(to_channel(&cast), "to_jid", cast.jane.jid().into());
    sandbox.zoom.refuse_direct(&cast.jane);
    client.refused(&direct, 403, 7004).await;
    sandbox.zoom.allow_direct(&cast.jane);
    assert_eq!(client.post(&direct).await.status, 201);
    assert_eq!(sandbox.zoom.messages(&cast.jane, &cast.jane).len(), 1);
    sandbox.zoom.uninstall(&cast.jane).await;
    client.refused(&direct, 403, 7004).await;
    sandbox.zoom.install(&cast.jane).await;
    assert_eq!(client.post(&direct).await.status, 201);
    sandbox.zoom.delete_channel(&cast.alerts);
    client.refused(&to_channel(&cast), 403, 7004).await;
    let events: Vec<_> = bot.seen().iter().map(|seen| seen.json()["event"].clone()).collect();
    assert_eq!(events, ["app_deauthorized", "bot_installed"]);
    assert_eq!(bot.seen()[0].json()["payload"]["account_id"], json!(cast.jane.account));
}

#[tokio::test]
async fn too_many_calls_in_a_second_are_throttled() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    sandbox.zoom.behave(|manners| manners.calls_per_second = Some(0));
    let answer = client.post(&to_channel(&cast)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
}

#[tokio::test]
async fn an_endpoint_is_not_valid_without_the_right_answer() {
    let (_cast, sandbox, bot) = stage(Clock::real()).await;
    assert!(sandbox.zoom.validate_url().await.complaint.is_some());
    bot.next_status(204);
    let complaint = sandbox.zoom.validate_url().await.complaint.unwrap();
    assert_eq!(complaint, "the status is 204, not 200");
}

#[tokio::test]
async fn an_endpoint_with_the_right_answer_is_valid() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let secret = cast.zoom_app.secret_token.clone();
    let right = Bot::answering(move |request| {
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        let plain = event["payload"]["plainToken"].as_str().unwrap();
        Answer::json(200, &json!({ "plainToken": plain, "encryptedToken": hmac_hex(&secret, &[plain.as_bytes()]) }))
    })
    .await;
    sandbox.point_at(&right.base).unwrap();
    assert_eq!(sandbox.zoom.validate_url().await.complaint, None);
}

#[tokio::test]
async fn what_was_not_seen_is_told_with_what_was() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    posted(&client, &sandbox, &cast).await;
    let moment = Duration::from_millis(10);
    let error = sandbox.zoom.wait_for(&cast.alerts, &cast.ben, "a storm card", moment, |_| false).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("a storm card: Ben Ops did not see it in checkout-alerts; there was\n\nNew issue"),
        "{text}"
    );
}

#[tokio::test]
async fn the_port_closes_with_the_last_handle() {
    let (_cast, sandbox, _bot) = stage(Clock::real()).await;
    let (zoom, base) = (sandbox.zoom.clone(), sandbox.zoom.base().to_owned());
    drop(sandbox);
    assert_eq!(call(Method::GET, &base, &[], "").await.status, 404);
    drop(zoom);
    tokio::task::yield_now().await;
    assert!(try_call(Method::GET, &base, &[], "").await.is_err());
}

#[tokio::test]
async fn more_of_a_posted_address_is_shown_once_and_as_json_within_json() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let client = Client::new(&sandbox, &cast).await;
    let link = "https://sentry.io/organizations/acme/issues/42/";
    let told = sandbox.zoom.share(&cast.jane, &cast.alerts, &[link, link], false).await;
    assert_eq!(told.len(), 2);
    let heard: Vec<_> = bot.received(2).await.iter().map(|seen| seen.json()).collect();
    let object = &heard[0]["payload"]["object"];
    assert_eq!((&object["link"], &object["type"]), (&json!(link), &json!("to_channel")));
    assert_eq!(object["message_id"], heard[1]["payload"]["object"]["message_id"], "one message");
    let path = |user: &str, event: &Value| {
        format!("/v2/im/chat/users/{user}/unfurls/{}", event["payload"]["object"]["trigger_id"].as_str().unwrap())
    };
    let (jane, card) = (cast.jane.user_id.as_str(), json!({ "head": { "text": "Open" } }));
    let good = json!({ "content": card.to_string() });

    let refused = async |path: &str, body: &Value, status: u16, code: u32| {
        let answer = client.call(Method::POST, path, body).await;
        assert_eq!((answer.status, &answer.value()["code"]), (status, &json!(code)), "{path} {body}");
    };
    for body in [
        json!({ "content": card }),
        json!({ "content": "no JSON" }),
        json!({ "content": "{\"body\":[{\"type\":\"button\"}]}" }),
        json!({ "content": card.to_string(), "is_markdown_support": true }),
        json!({}),
    ] {
        refused(&path(jane, &heard[0]), &body, 400, 7001).await;
    }
    refused("/v2/im/chat/users/uJane/unfurls/nobodys", &good, 404, 8002).await;
    refused(&path(&cast.ben.user_id, &heard[0]), &good, 404, 8002).await;
    assert_eq!(client.call(Method::POST, &path(jane, &heard[0]), &good).await.status, 204);
    let shown = sandbox.zoom.messages(&cast.alerts, &cast.ben).pop().unwrap();
    assert_eq!((shown.to_string().as_str(), shown.unfurls.as_deref()), ("Open", Some(link)));
    refused(&path(jane, &heard[0]), &good, 404, 8002).await;
    sandbox.clock.advance(Duration::from_secs(30 * 60));
    refused(&path(jane, &heard[1]), &good, 404, 8002).await;
}
