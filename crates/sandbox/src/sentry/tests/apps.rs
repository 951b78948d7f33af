use data_encoding::BASE64URL_NOPAD;

use super::*;

fn published_app(bot: &Bot) -> SentryApp {
    SentryApp {
        slug: "zentry".into(),
        name: "Zentry".into(),
        client_id: "app-client".into(),
        client_secret: "app-secret".into(),
        scopes: vec!["event:read".into(), "org:read".into()],
        published: true,
        verify_install: true,
        redirect_url: Some(format!("{}/sentry/setup", bot.base)),
    }
}

/// A stage with a published app, installed in an organization that has nothing else.
async fn with_app(clock: Clock) -> (Sentry, Bot, Organization, Project, Installed, Wire) {
    let bot = Bot::start().await;
    let mut world = World::new();
    let initech = world.organization("initech", "Initech");
    let (project, peter) = (world.project(&initech, "tps", "TPS"), world.user("Peter", "peter@initech.example.com"));
    world.join(&peter, &initech, Role::Owner);
    world.sentry_app(published_app(&bot));
    let wire = Wire::new();
    let sentry = Sentry::start(world, &clock, &wire).await.unwrap();
    sentry.set_webhook(Url::parse(&format!("{}/sentry/webhook", bot.base)).unwrap());
    let installed = sentry.install("zentry", &initech, &peter).await.unwrap();
    (sentry, bot, initech, project, installed, wire)
}

async fn grant(sentry: &Sentry, uuid: &str, body: Value) -> Answer {
    let mut whole = json!({ "client_id": "app-client", "client_secret": "app-secret" });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let url = format!("{}/api/0/sentry-app-installations/{uuid}/authorizations/", sentry.base());
    call(Method::POST, &url, &[JSON], &whole.to_string()).await
}

#[tokio::test]
async fn an_installation_is_told_exchanged_confirmed_and_removed() {
    let (sentry, bot, initech, project, installed, _wire) = with_app(Clock::real()).await;
    let told = bot.seen().remove(0).json();
    assert_eq!((&told["action"], &told["data"]["installation"]["status"]), (&json!("created"), &json!("pending")));
    assert_eq!(told["data"]["installation"]["code"], installed.code);
    assert!(installed.setup_url.unwrap().ends_with("&orgSlug=initech"));
    let issue = sentry.raise(&project, NewIssue::error("x")).await.issue;
    assert!(sentry.alert(issue, "rule").await.failure.is_some(), "not while pending");

    let code = json!({ "grant_type": "authorization_code", "code": installed.code });
    let answer = grant(&sentry, &installed.uuid, code.clone()).await;
    assert_eq!(answer.status, 201);
    let token = answer.value();
    let second = grant(&sentry, &installed.uuid, code).await;
    assert_eq!((second.status, second.value()["detail"].as_str()), (401, Some("Could not find grant for given code")));
    let of = |token: &Value| Client {
        base: format!("{}/api/0", sentry.base()),
        bearer: format!("Bearer {}", token["token"].as_str().unwrap()),
    };
    let path = format!("/sentry-app-installations/{}/", installed.uuid);
    let confirmed = of(&token).put(&path, json!({ "status": "installed" })).await.value();
    assert_eq!((&confirmed["status"], confirmed.get("code")), (&json!("installed"), None));
    assert!(sentry.alert(issue, "rule").await.accepted());

    let refresh = json!({ "grant_type": "refresh_token", "refresh_token": token["refreshToken"] });
    let new = grant(&sentry, &installed.uuid, refresh.clone()).await.value();
    assert_eq!(grant(&sentry, &installed.uuid, refresh).await.status, 401);
    assert_eq!(of(&token).get("/organizations/").await.status, 401);
    assert_eq!(of(&new).get("/organizations/").await.value()[0]["id"], initech.id.to_string());
    let user = User { id: 0, name: "Peter".into(), email: String::new() };
    sentry.uninstall(&installed.uuid, &user).await;
    assert_eq!(bot.seen().pop().unwrap().json()["action"], "deleted");
    assert_eq!(of(&new).get("/organizations/").await.status, 401);
}

#[tokio::test]
async fn a_grant_exchange_says_what_is_missing_and_lapses() {
    let (sentry, _bot, _, _, installed, _wire) = with_app(Clock::real()).await;
    let missing = grant(&sentry, &installed.uuid, json!({ "grant_type": "authorization_code" })).await;
    assert_eq!((missing.status, missing.value()), (400, json!({ "code": ["This field is required."] })));
    let code = json!({ "grant_type": "authorization_code", "code": installed.code });
    assert_eq!(grant(&sentry, "other", code.clone()).await.status, 404);
    let wrong = json!({ "grant_type": "authorization_code", "code": "x", "client_secret": "wrong" });
    assert_eq!(grant(&sentry, &installed.uuid, wrong).await.status, 401);
    let odd = json!({ "grant_type": "password", "code": installed.code });
    assert_eq!(grant(&sentry, &installed.uuid, odd).await.status, 403);
}

/// What an app signs to get lost tokens anew.
fn signature(secret: &str, iat_s: i64, exp_s: i64, number: &str) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let claims = json!({ "iss": "app-client", "sub": "app-client", "iat": iat_s, "exp": exp_s, "jti": number });
    let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let tag = crate::ids::hmac_base64(secret, &signed);
    format!("{signed}.{tag}")
}

#[tokio::test]
async fn lost_tokens_are_given_anew_for_a_signature_where_there_were_some() {
    let clock = Clock::real();
    let (sentry, _bot, _, _, installed, _wire) = with_app(clock.clone()).await;
    let url = format!("{}/api/0/sentry-app-installations/{}/authorizations/", sentry.base(), installed.uuid);
    let body = json!({ "grant_type": "urn:sentry:params:oauth:grant-type:jwt-bearer" }).to_string();
    let ask = async |token: String| {
        call(Method::POST, &url, &[JSON, ("authorization", &format!("Bearer {token}"))], &body).await
    };
    let now = clock.now_ms() / 1_000;
    let signed = |number: &str| signature("app-secret", now, now + 60, number);
    assert_eq!(ask(signed("1")).await.status, 403, "the organization does not have the feature");
    sentry.recover_tokens();
    let none = ask(signed("2")).await;
    assert_eq!((none.status, none.value()["detail"].as_str()), (401, Some("Installation does not have a token")));
    let code = json!({ "grant_type": "authorization_code", "code": installed.code });
    assert_eq!(grant(&sentry, &installed.uuid, code).await.status, 201);
    for refused in [
        signature("wrong", now, now + 60, "3"),
        signature("app-secret", now, now - 1, "4"),
        signature("app-secret", now + 60, now + 90, "5"),
        signature("app-secret", now, now + 60, ""),
        signed("1"),
        "no token".into(),
    ] {
        assert_eq!(ask(refused).await.status, 401);
    }
    assert_eq!(ask(signed("6")).await.status, 201);
}

#[tokio::test]
async fn a_code_lapses_after_ten_minutes_and_a_token_after_eight_hours() {
    let clock = Clock::real();
    let (sentry, _bot, initech, _, installed, _wire) = with_app(clock.clone()).await;
    let code = |installed: &Installed| json!({ "grant_type": "authorization_code", "code": installed.code });
    let peter = User { id: 0, name: "Peter".into(), email: String::new() };
    let other = sentry.install("zentry", &initech, &peter).await.unwrap();
    assert_eq!(grant(&sentry, &other.uuid, code(&installed)).await.status, 401, "it is another installation's");
    let token = grant(&sentry, &other.uuid, code(&other)).await.value();
    clock.advance(Duration::from_secs(600));
    let late = grant(&sentry, &installed.uuid, code(&installed)).await;
    assert_eq!((late.status, late.value()["detail"].as_str()), (401, Some("Grant has already expired")));
    let of = Client {
        base: format!("{}/api/0", sentry.base()),
        bearer: format!("Bearer {}", token["token"].as_str().unwrap()),
    };
    assert_eq!(of.get("/organizations/").await.status, 200);
    clock.advance(Duration::from_secs(8 * 3_600));
    assert_eq!(of.get("/organizations/").await.status, 401);
}

#[tokio::test]
async fn a_published_app_gets_three_tries_five_minutes_apart() {
    let (sentry, bot, _, project, _, wire) = with_app(Clock::paced(20_000)).await;
    for _ in 0..4 {
        bot.next_status(503);
    }
    sentry.raise(&project, NewIssue::error("x")).await;
    wire.wait_for("the last try", 1, SOON, |entry| entry.about == "issue.created, attempt 3").await.unwrap();
    let seen = bot.received(4).await.split_off(1);
    assert_eq!(seen.len(), 3);
    assert_eq!((&seen[0].body, &seen[1].body), (&seen[2].body, &seen[2].body));
    assert_ne!(seen[0].header("request-id"), seen[1].header("request-id"));
    let stamps: Vec<i64> = seen.iter().map(|seen| seen.header("sentry-hook-timestamp").parse().unwrap()).collect();
    assert!(stamps[1] - stamps[0] >= 299 && stamps[2] - stamps[1] >= 299, "{stamps:?}");
}
