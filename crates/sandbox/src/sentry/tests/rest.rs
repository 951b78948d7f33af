use std::time::Duration;

use super::*;

#[tokio::test]
async fn what_a_person_does_not_belong_to_does_not_exist_for_them() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let ana = as_person(&sandbox, &linked(&sandbox, &bot, &cast).await);
    let organizations = ana.get("/organizations/").await.value();
    assert_eq!((organizations.as_array().unwrap().len(), &organizations[0]["slug"]), (1, &json!("acme")));
    assert_eq!(organizations[0]["links"]["regionUrl"], sandbox.sentry.base());
    assert_eq!(ana.get("/projects/acme/checkout/").await.value()["name"], "Checkout");
    let id = cast.checkout.id;
    assert_eq!(ana.get(&format!("/projects/acme/{id}/")).await.value()["slug"], "checkout");
    let foreign = ana.get("/organizations/globex/").await;
    let unknown = ana.get("/organizations/nothing/").await;
    assert_eq!((foreign.status, foreign.value()), (unknown.status, unknown.value()));
    assert_eq!(unknown.value(), json!({ "detail": "The requested resource does not exist" }));
    assert_eq!(ana.get("/projects/globex/secret/").await.status, 404);
    sandbox.sentry.leave(&cast.ana, &cast.acme);
    assert_eq!(ana.get("/organizations/acme/").await.status, 404);
}

#[tokio::test]
async fn a_call_needs_a_token_a_scope_a_slash_and_json() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let (_, path) = raised(&sandbox, &cast).await;
    let url = format!("{}/api/0{path}", sandbox.sentry.base());
    let missing = call(Method::GET, &url, &[], "").await;
    assert_eq!(missing.value(), json!({ "detail": "Authentication credentials were not provided." }));
    assert_eq!(Client::new(&sandbox, "x").get(&path).await.value(), json!({ "detail": "Invalid token" }));

    sandbox.sentry.log_in(&cast.ana);
    let asked = authorize(&sandbox, &bot, &cast, &[("scope", "event:read org:read")]);
    let page = sandbox.browser.open(&asked).await.unwrap();
    let back = sandbox.browser.press(&page, "Approve").await.unwrap();
    let token = exchange(&sandbox, &bot, &cast, &outcome(&back.url, "code").unwrap(), &[]).await.value();
    let reader = as_person(&sandbox, &token);
    assert_eq!(reader.get(&path).await.status, 200);
    let refused = reader.put(&path, json!({ "status": "resolved" })).await;
    let detail = json!({ "detail": "You do not have permission to perform this action." });
    assert_eq!((refused.status, refused.value()), (403, detail));

    let app = integration(&sandbox, &cast);
    let slashless = app.get(path.trim_end_matches('/')).await;
    assert_eq!((slashless.status, slashless.header("content-type")), (404, Some("text/html; charset=utf-8")));
    let form = [("content-type", "application/x-www-form-urlencoded"), ("authorization", app.bearer.as_str())];
    assert_eq!(call(Method::PUT, &url, &form, "status=resolved").await.status, 415);
    let broken = [JSON, ("authorization", app.bearer.as_str())];
    assert_eq!(call(Method::PUT, &url, &broken, "{").await.status, 400);
}

#[tokio::test]
async fn lists_come_in_pages_with_both_links() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let app = integration(&sandbox, &cast);
    let first = app.get("/organizations/acme/projects/?per_page=2").await;
    let base = format!("{}/api/0/organizations/acme/projects/?per_page=2", sandbox.sentry.base());
    let expected = format!(
        "<{base}&cursor=0:0:1>; rel=\"previous\"; results=\"false\"; cursor=\"0:0:1\", \
         <{base}&cursor=0:2:0>; rel=\"next\"; results=\"true\"; cursor=\"0:2:0\""
    );
    assert_eq!((first.value().as_array().unwrap().len(), first.header("link")), (2, Some(expected.as_str())));
    let last = app.get("/organizations/acme/projects/?per_page=2&cursor=0:2:0").await;
    assert_eq!(last.value()[0]["slug"], "web");
    assert!(last.header("link").unwrap().ends_with("rel=\"next\"; results=\"false\"; cursor=\"0:4:0\""));
    assert_eq!(app.get("/organizations/acme/projects/?per_page=101").await.status, 400);
    assert_eq!(app.get("/organizations/acme/projects/?cursor=x").await.status, 400);
}

#[tokio::test]
async fn issues_are_found_by_state_project_and_time() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let app = integration(&sandbox, &cast);
    let (old, path) = raised(&sandbox, &cast).await;
    sandbox.clock.advance(Duration::from_secs(7200));
    let new = sandbox.sentry.raise(&cast.web, NewIssue::error("RangeError: x")).await.issue;
    let found = async |query: &str| {
        let answer = app.get(&format!("/organizations/acme/issues/?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        let ids = answer
            .value()
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["id"].as_str().unwrap().parse().unwrap())
            .collect();
        Vec::<u64>::from_iter::<Vec<u64>>(ids)
    };
    assert_eq!(found("").await, [new, old]);
    assert_eq!(found("query=firstSeen:-1h").await, [new]);
    assert_eq!(found(&format!("project={}", cast.checkout.id)).await, [old]);
    assert_eq!(app.put(&path, json!({ "status": "resolved" })).await.status, 200);
    assert_eq!(found("").await, [new]);
    assert_eq!(found("query=is:resolved").await, [old]);
    assert_eq!(found("query=").await, [new, old]);
    assert_eq!(app.get("/organizations/acme/issues/?query=what:ever").await.status, 400);
    assert_eq!(app.get("/organizations/acme/shortids/CHECKOUT-1/").await.value()["groupId"], old.to_string());
}

#[tokio::test]
async fn an_issue_and_its_latest_event_read_as_documented() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let app = integration(&sandbox, &cast);
    let (id, path) = raised(&sandbox, &cast).await;
    let issue = app.get(&path).await.value();
    assert_eq!(
        (&issue["shortId"], &issue["count"], &issue["status"]),
        (&json!("CHECKOUT-1"), &json!("1"), &json!("unresolved"))
    );
    assert_eq!(issue["permalink"], format!("{}/organizations/acme/issues/{id}/", sandbox.sentry.base()));
    assert_eq!(issue["project"]["slug"], "checkout");
    let event = app.get(&format!("{path}events/latest/")).await.value();
    assert!(event["tags"].as_array().unwrap().contains(&json!({ "key": "environment", "value": "production" })));
    assert_eq!(event["release"], Value::Null);
    let browser = [("browser".to_owned(), "Chrome".to_owned())];
    sandbox.sentry.happen_in(id, Some("staging"), Some("web@2"), &browser);
    let later = app.get(&format!("{path}events/latest/")).await.value();
    let has = |key, value| later["tags"].as_array().unwrap().contains(&json!({ "key": key, "value": value }));
    assert!(has("environment", "staging") && has("browser", "Chrome") && !has("environment", "production"));
    assert_eq!((&later["release"]["version"], &later["groupID"]), (&json!("web@2"), &json!(id.to_string())));
    assert_ne!(later["eventID"], event["eventID"]);
    for (query, expected) in [("", &event), ("?environment=production", &event), ("?environment=staging", &later)] {
        assert_eq!(app.get(&format!("{path}events/oldest/{query}")).await.value()["eventID"], expected["eventID"]);
    }
    assert_eq!(app.get(&format!("{path}events/oldest/?environment=dev")).await.status, 404);
    assert_eq!(app.get("/organizations/acme/issues/999999/events/latest/").await.status, 404);
    let members = app.get("/projects/acme/checkout/members/").await.value();
    assert_eq!(members[0]["user"]["id"], cast.ana.id.to_string());
    assert_ne!(members[0]["id"], members[0]["user"]["id"]);
    assert_eq!(app.get("/projects/acme/checkout/teams/").await.value()[0]["slug"], "acme");
}

#[tokio::test]
async fn updates_that_sentry_refuses_are_refused() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let app = integration(&sandbox, &cast);
    let (_, path) = raised(&sandbox, &cast).await;
    let refused = [
        (json!({ "status": "done" }), "status"),
        (json!({ "status": "resolved", "statusDetails": { "inNextRelease": true } }), "statusDetails"),
        (json!({ "status": "resolved", "statusDetails": { "inRelease": "latest" } }), "statusDetails"),
        (json!({ "status": "ignored", "substatus": "ongoing" }), "substatus"),
        (json!({ "status": "ignored", "statusDetails": { "ignoreWindow": 10_081 } }), "statusDetails"),
        (json!({ "assignedTo": "user:99999" }), "assignedTo"),
        (json!({ "assignedTo": "team:99999" }), "assignedTo"),
    ];
    for (body, field) in refused {
        let answer = app.put(&path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.value()[field][0].is_string(), "{body}");
    }
    assert_eq!(app.get(&path).await.value()["status"], "unresolved");
    assert_eq!(app.put(&path, json!({})).await.status, 200);
}

#[tokio::test]
async fn an_issue_is_resolved_in_a_release_that_there_is() {
    let (cast, sandbox, _bot) = stage(Clock::real()).await;
    let app = integration(&sandbox, &cast);
    let new = NewIssue { release: Some("web@1.4.0".into()), ..NewIssue::error("TypeError: x") };
    let path = format!("/organizations/acme/issues/{}/", sandbox.sentry.raise(&cast.web, new).await.issue);
    let latest = json!({ "status": "resolved", "statusDetails": { "inRelease": "latest" } });
    assert_eq!(app.put(&path, latest).await.value()["statusDetails"], json!({ "inRelease": "web@1.4.0" }));
    assert_eq!(app.put(&path, json!({ "status": "resolvedInNextRelease" })).await.status, 200);
    let unknown = json!({ "status": "resolved", "statusDetails": { "inRelease": "web@9" } });
    assert_eq!(app.put(&path, unknown).await.status, 400);
}

#[tokio::test]
async fn a_scope_is_worth_no_more_than_the_role_of_its_person() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    sandbox.sentry.log_in(&cast.ana);
    let asked = authorize(&sandbox, &bot, &cast, &[("scope", "org:integrations")]);
    let page = sandbox.browser.open(&asked).await.unwrap();
    let back = sandbox.browser.press(&page, "Approve").await.unwrap();
    let token = exchange(&sandbox, &bot, &cast, &outcome(&back.url, "code").unwrap(), &[]).await.value();
    let ana = as_person(&sandbox, &token);
    let path = "/organizations/acme/sentry-app-installations/";
    assert_eq!(ana.get(path).await.status, 403);
    sandbox.sentry.join(&cast.ana, &cast.acme, Role::Manager);
    assert_eq!(ana.get(path).await.status, 200);
}
