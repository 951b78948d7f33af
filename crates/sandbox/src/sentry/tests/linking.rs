use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_person_signs_in_approves_and_gets_a_token_of_their_own() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let login = sandbox.browser.open(&authorize(&sandbox, &bot, &cast, &[])).await.unwrap();
    let consent = sandbox.browser.press(&login, "ana@acme.io").await.unwrap();
    assert_eq!(consent.element("account").as_deref(), Some("ana@acme.io"));
    assert!(consent.text().contains("event:write"));
    let back = sandbox.browser.press(&consent, "Approve").await.unwrap();
    assert_eq!(outcome(&back.url, "state").as_deref(), Some("s1"));
    let code = outcome(&back.url, "code").unwrap();

    let answer = exchange(&sandbox, &bot, &cast, &code, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let token = answer.value();
    assert_eq!(token["user"], json!({ "id": cast.ana.id.to_string(), "name": "Ana", "email": "ana@acme.io" }));
    assert_eq!(token["expires_in"], 2_591_999);
    assert_eq!(token["scope"], "event:read event:write member:read org:read project:read team:read");
    assert_eq!(as_person(&sandbox, &token).get("/auth/").await.value()["email"], "ana@acme.io");

    let again = exchange(&sandbox, &bot, &cast, &code, &[]).await;
    assert_eq!((again.status, again.value()), (400, json!({ "error": "invalid_grant" })));
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_address_its_client_and_its_ten_minutes() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let wrong = [
        ("code_verifier", "x".repeat(43), 400, "invalid_grant"),
        ("redirect_uri", format!("{}/sentry/callback/", bot.base), 400, "invalid_grant"),
        ("client_secret", "wrong".to_owned(), 401, "invalid_client"),
        ("grant_type", "password".to_owned(), 400, "unsupported_grant_type"),
    ];
    for (name, value, status, error) in &wrong {
        let code = code(&sandbox, &bot, &cast).await;
        let answer = exchange(&sandbox, &bot, &cast, &code, &[(name, value)]).await;
        assert_eq!((answer.status, answer.value()["error"].as_str()), (*status, Some(*error)), "{name}");
    }
    let code = code(&sandbox, &bot, &cast).await;
    sandbox.clock.advance(Duration::from_secs(600));
    assert_eq!(exchange(&sandbox, &bot, &cast, &code, &[]).await.status, 400);
}

#[tokio::test]
async fn the_token_endpoint_reads_forms_and_one_client_only() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let url = format!("{}/oauth/token/", sandbox.sentry.base());
    let json = call(Method::POST, &url, &[JSON], r#"{"grant_type":"refresh_token"}"#).await;
    assert_eq!((json.status, json.header("www-authenticate")), (401, Some("Basic realm=\"oauth\"")));
    let pair = format!("{}:{}", cast.oauth_app.client_id, cast.oauth_app.client_secret);
    let basic = format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", basic.as_str())];
    let twice = call(Method::POST, &url, &headers, "client_id=a&client_secret=b&grant_type=refresh_token").await;
    assert_eq!((twice.status, twice.value()["error"].as_str()), (400, Some("invalid_request")));
    let token = linked(&sandbox, &bot, &cast).await;
    let form = format!("grant_type=refresh_token&refresh_token={}", token["refresh_token"].as_str().unwrap());
    assert_eq!(call(Method::POST, &url, &headers, &form).await.status, 200);
    let slashless = url.trim_end_matches('/');
    assert_eq!(call(Method::POST, slashless, &headers, &form).await.status, 404);
}

#[tokio::test]
async fn a_refresh_changes_both_tokens_and_kills_the_old_ones() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let old = linked(&sandbox, &bot, &cast).await;
    sandbox.clock.advance(Duration::from_secs(31 * 24 * 3600));
    let expired = as_person(&sandbox, &old).get("/organizations/").await;
    assert_eq!((expired.status, expired.value()), (401, json!({ "detail": "Token expired" })));
    let new = refresh(&sandbox, &cast, &old["refresh_token"]).await.value();
    assert_eq!(as_person(&sandbox, &new).get("/organizations/").await.status, 200);
    let dead = as_person(&sandbox, &old).get("/organizations/").await;
    assert_eq!(dead.value(), json!({ "detail": "Invalid token" }));
    assert_eq!(refresh(&sandbox, &cast, &old["refresh_token"]).await.value(), json!({ "error": "invalid_grant" }));
}

#[tokio::test]
async fn tokens_are_revoked_by_the_bot_or_by_the_person() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    let first = linked(&sandbox, &bot, &cast).await;
    let app = &cast.oauth_app;
    let token = first["access_token"].as_str().unwrap();
    let form = [("token", token), ("client_id", &app.client_id), ("client_secret", &app.client_secret)];
    assert_eq!(token_call(&sandbox, "/oauth/revoke/", &form[..2]).await.status, 400);
    assert_eq!(token_call(&sandbox, "/oauth/revoke/", &form).await.status, 200);
    assert_eq!(as_person(&sandbox, &first).get("/auth/").await.status, 401);
    assert_eq!(token_call(&sandbox, "/oauth/revoke/", &form).await.status, 200);
    let second = linked(&sandbox, &bot, &cast).await;
    sandbox.sentry.revoke(&cast.ana);
    assert_eq!(as_person(&sandbox, &second).get("/auth/").await.status, 401);
    assert_eq!(refresh(&sandbox, &cast, &second["refresh_token"]).await.status, 400);
}

#[tokio::test]
async fn whoever_asks_wrongly_gets_a_page_or_an_error_back() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    sandbox.sentry.log_in(&cast.ana);
    for wrong in [("client_id", "x"), ("redirect_uri", "https://evil.example.com/"), ("response_type", "token")] {
        let page = sandbox.browser.open(&authorize(&sandbox, &bot, &cast, &[wrong])).await.unwrap();
        assert_eq!((page.status, page.url.path()), (400, "/oauth/authorize/"), "{wrong:?}");
    }
    let errors = [
        ("scope", "event:read nothing:read", "invalid_scope"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
    ];
    for (name, value, error) in errors {
        let back = sandbox.browser.open(&authorize(&sandbox, &bot, &cast, &[(name, value)])).await.unwrap();
        assert_eq!(outcome(&back.url, "error").as_deref(), Some(error));
        assert_eq!(outcome(&back.url, "state").as_deref(), Some("s1"));
    }
}

#[tokio::test]
async fn a_person_who_approved_before_is_asked_again_only_on_demand() {
    let (cast, sandbox, bot) = stage(Clock::real()).await;
    sandbox.sentry.log_in(&cast.ana);
    let page = sandbox.browser.open(&authorize(&sandbox, &bot, &cast, &[])).await.unwrap();
    let denied = sandbox.browser.press(&page, "Deny").await.unwrap();
    assert_eq!(outcome(&denied.url, "error").as_deref(), Some("access_denied"));
    let used = sandbox.browser.press(&page, "Approve").await.unwrap();
    assert_eq!(used.status, 400, "a consent page is good once");
    linked(&sandbox, &bot, &cast).await;
    let at_once = sandbox.browser.open(&authorize(&sandbox, &bot, &cast, &[])).await.unwrap();
    assert!(outcome(&at_once.url, "code").is_some());
    let forced = authorize(&sandbox, &bot, &cast, &[("force_prompt", "1")]);
    assert_eq!(sandbox.browser.open(&forced).await.unwrap().url.path(), "/oauth/authorize/");
}
