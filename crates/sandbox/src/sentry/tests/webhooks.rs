use std::time::Duration;

use super::*;

fn action(seen: &Seen) -> Value {
    seen.json()["action"].clone()
}

#[tokio::test]
async fn a_new_issue_is_told_signed_over_the_very_bytes() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let (id, _) = raised(&sandbox, &cast).await;
    let seen = bot.seen().remove(0);
    assert_eq!(seen.path, "/sentry/webhook");
    let expected = hmac_hex(&cast.integration.client_secret, &[seen.body.as_bytes()]);
    assert_eq!(seen.header("sentry-hook-signature"), expected);
    assert_eq!(seen.header("sentry-hook-resource"), "issue");
    assert_eq!((seen.header("request-id").len(), seen.header("sentry-hook-timestamp").len()), (32, 10));
    assert!(seen.body.contains(r"caf\u00e9"), "other scripts are escaped");
    let body = seen.json();
    assert_eq!(body["actor"], json!({ "type": "application", "id": "sentry", "name": "Sentry" }));
    let issue = &body["data"]["issue"];
    assert_eq!((&body["action"], &issue["id"]), (&json!("created"), &json!(id.to_string())));
    assert!(issue["url"].is_string() && issue["web_url"].is_string() && issue["project_url"].is_string());
    assert!(issue["firstSeen"].as_str().unwrap().ends_with("+00:00") && issue["permalink"].is_null());
}

#[tokio::test]
async fn a_change_by_a_person_or_by_the_integration_comes_back_as_a_webhook() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let (_, path) = raised(&sandbox, &cast).await;
    let ana = as_person(&sandbox, &linked(&sandbox, &bot, &cast).await);
    let before = bot.seen().len();
    ana.put(&path, json!({ "status": "resolved" })).await;
    let resolved = bot.received(before + 1).await.pop().unwrap().json();
    assert_eq!(resolved["actor"], json!({ "type": "user", "id": cast.ana.id, "name": "Ana" }));
    assert_eq!((&resolved["action"], &resolved["data"]["resolution_type"]), (&json!("resolved"), &json!("now")));
    assert!(resolved["data"]["issue"].get("url").is_none());
    ana.put(&path, json!({ "status": "resolved" })).await;
    let app = integration(&sandbox, &cast);
    let both = json!({ "status": "unresolved", "assignedTo": format!("user:{}", cast.ana.id) });
    app.put(&path, both).await;
    let seen = bot.received(before + 3).await;
    assert_eq!((action(&seen[before + 1]), action(&seen[before + 2])), (json!("unresolved"), json!("assigned")));
    let assigned = seen[before + 2].json();
    assert_eq!((&assigned["actor"]["type"], &assigned["actor"]["name"]), (&json!("application"), &json!("Zentry")));
    let assignee = json!({ "type": "user", "id": cast.ana.id, "name": "Ana", "email": "ana@acme.io" });
    assert_eq!(assigned["data"]["assignee"], assignee);
    let last = sandbox.sentry.calls().pop().unwrap();
    assert_eq!((last.method.as_str(), last.caller, last.status), ("PUT", Caller::Integration(cast.acme.id), 200));
}

#[tokio::test]
async fn everything_that_happens_at_sentry_has_its_webhook() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let (id, _) = raised(&sandbox, &cast).await;
    let sentry = &sandbox.sentry;
    sentry.archive(id, &cast.ana).await;
    sentry.escalate(id).await;
    sentry.resolve(id, &cast.ana).await;
    sentry.regress(id).await;
    sentry.assign(id, &cast.ana, &cast.max).await;
    sentry.alert(id, "Page on new errors").await;
    sentry.comment(id, &cast.ana, "looking").await;
    assert!(sentry.unresolve(id, &cast.ana).await.accepted());
    assert!(sentry.unresolve(id, &cast.ana).await.failure.is_some(), "nothing changed");
    let seen: Vec<_> = bot.seen().iter().map(Seen::json).collect();
    let actions: Vec<_> = seen.iter().map(|body| body["action"].as_str().unwrap()).collect();
    let expected = [
        "created",
        "ignored",
        "unresolved",
        "resolved",
        "unresolved",
        "assigned",
        "triggered",
        "created",
        "unresolved",
    ];
    assert_eq!(actions, expected);
    assert_eq!(seen[2]["data"]["issue"]["substatus"], "escalating");
    assert_eq!(seen[4]["data"]["issue"]["substatus"], "regressed");
    let event = &seen[6]["data"]["event"];
    assert_eq!((&event["project"], &event["issue_id"]), (&json!(cast.checkout.id), &json!(id.to_string())));
    assert_eq!(seen[6]["data"]["triggered_rule"], "Page on new errors");
    assert!(event["url"].as_str().unwrap().contains("/api/0/projects/acme/checkout/events/"));
    assert_eq!((&seen[7]["data"]["issue_id"], &seen[7]["data"]["comment"]), (&json!(id), &json!("looking")));
    assert_eq!(sentry.issue(id).unwrap()["numComments"], 1);
}

#[tokio::test]
async fn a_metric_alert_names_its_projects_and_has_its_numbers_until_it_is_over() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let sentry = &sandbox.sentry;
    let new = NewMetricRule { environment: Some("production".into()), ..NewMetricRule::too_many("Too many", 100.0) };
    let rule = sentry.metric_rule(&[&cast.web, &cast.api], new).unwrap();
    for (action, value) in [("warning", "60"), ("critical", "120"), ("resolved", "3"), ("warning", "70")] {
        assert!(sentry.measure(rule, action, value).await.accepted());
    }
    let seen: Vec<_> = bot.seen().iter().map(Seen::json).collect();
    assert_eq!(seen.iter().map(|body| body["action"].clone()).collect::<Vec<_>>()[..2], ["warning", "critical"]);
    assert_eq!(bot.seen()[0].header("sentry-hook-resource"), "metric_alert");
    let data = &seen[1]["data"];
    assert_eq!(
        (&data["description_title"], &data["description_text"]),
        (&json!("Critical: Too many"), &json!("120 events in the last 10 minutes"))
    );
    let alert = &data["metric_alert"];
    assert_eq!(
        (&alert["projects"], &alert["alert_rule"]["environment"]),
        (&json!(["web", "api"]), &json!("production"))
    );
    let limits: Vec<_> = alert["alert_rule"]["triggers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (&t["label"], &t["alert_threshold"]))
        .collect();
    assert_eq!(limits, [(&json!("critical"), &json!(100.0)), (&json!("warning"), &json!(50.0))]);
    let page = format!("{}/organizations/acme/alerts/rules/details/{rule}/?alert=1", sentry.base());
    assert_eq!(data["web_url"], page);
    let of = |n: usize, name: &str| seen[n]["data"]["metric_alert"][name].clone();
    assert!(of(1, "date_closed").is_null() && of(2, "date_closed").is_string());
    assert_eq!((of(0, "id"), of(0, "identifier")), (of(2, "id"), of(2, "identifier")));
    assert_eq!((of(3, "identifier"), of(3, "id") == of(0, "id")), (json!("2"), false), "another alert");
}

#[tokio::test]
async fn an_internal_integration_gets_nothing_twice() {
    let (cast, sandbox, bot) = stage(Clock::paced(1_000_000)).await;
    bot.next_status(503);
    let raised = sandbox.sentry.raise(&cast.checkout, NewIssue::error("x")).await;
    assert_eq!(raised.delivery.status, Some(503));
    sandbox.clock.until(sandbox.clock.now_ms() + 3_600_000).await;
    assert_eq!(bot.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_after_a_second_is_none() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    bot.next(Reply::Late(Answer::empty(200), Duration::from_millis(1500)));
    let raised = sandbox.sentry.raise(&cast.checkout, NewIssue::error("x")).await;
    assert_eq!(raised.delivery.failure.as_deref(), Some("no answer within 1000 ms"));
    assert!(raised.delivery.took >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_delivery_can_be_repeated_byte_for_byte_or_forged() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    raised(&sandbox, &cast).await;
    sandbox.sentry.redeliver_last().await.unwrap();
    let forged = Signing::Forged { timestamp: "0".into(), signature: "00".into() };
    sandbox.sentry.deliver_raw("issue", "{}", &cast.integration.client_secret, forged).await;
    let seen = bot.seen();
    assert_eq!((&seen[0].headers, &seen[0].body), (&seen[1].headers, &seen[1].body));
    assert_eq!(seen[2].header("sentry-hook-signature"), "00");
}

#[tokio::test]
async fn a_delivery_written_down_and_sent_by_hand_is_the_one_that_would_be_sent() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let secret = &cast.integration.client_secret;
    let raw = sandbox.sentry.written_down("issue", "{}", secret);
    let stream = tokio::net::TcpStream::connect(bot.base.trim_start_matches("http://")).await.unwrap();
    stream.writable().await.unwrap();
    assert_eq!(stream.try_write(&raw).unwrap(), raw.len());
    bot.received(1).await;
    sandbox.sentry.deliver_raw("issue", "{}", secret, Signing::Proper).await;
    let seen = bot.seen();
    let headers = |n: usize| -> Vec<_> {
        // These are each delivery's own.
        let own = ["request-id", "sentry-hook-timestamp"];
        let mut headers: Vec<_> =
            seen[n].headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect();
        headers.sort_unstable();
        headers
    };
    assert_eq!((headers(0), &seen[0].path, &seen[0].body), (headers(1), &seen[1].path, &seen[1].body));
}

#[tokio::test]
async fn faults_hit_the_calls_they_wait_for() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let app = integration(&sandbox, &cast);
    sandbox.sentry.faults().next(Fault::sentry_throttled(None));
    sandbox.sentry.faults().next(Fault::html(200));
    let throttled = app.get("/organizations/").await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, None));
    assert_eq!(throttled.header("content-type"), Some("text/plain"));
    assert_eq!(app.get("/organizations/").await.header("content-type"), Some("text/html"));
    assert_eq!(app.get("/organizations/").await.value()[0]["slug"], "acme");
}
