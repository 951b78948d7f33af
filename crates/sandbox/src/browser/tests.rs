use super::*;
use crate::testing::{Bot, stage};

const COOKIE: &str = "__Host-zentry-link=x; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=600";

/// A bot whose link page leads to `sentry`, with this `form-action`.
async fn linking_bot(sentry: String, form_action: String) -> Bot {
    Bot::answering(move |request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/link/t") => Answer::html(200, "<form method=post><button>Link Jane Dev</button></form>")
            .with("referrer-policy", "no-referrer")
            .with("content-security-policy", format!("default-src 'none'; form-action {form_action}")),
        ("POST", "/link/t") => Answer::empty(303).with("location", format!("{sentry}/back")).with("set-cookie", COOKIE),
        _ => Answer::html(200, "<p>Code: <b id=confirm-code>482 913</b></p>"),
    })
    .await
}

/// A Sentry that sends everybody back to `bot` at once.
async fn redirecting_sentry() -> (Bot, Arc<Mutex<String>>) {
    let to = Arc::new(Mutex::new(String::new()));
    let target = Arc::clone(&to);
    let sentry = Bot::answering(move |_| Answer::redirect(&format!("{}/sentry/callback?code=c", lock(&target))));
    (sentry.await, to)
}

#[tokio::test]
async fn a_link_page_is_left_with_a_null_origin_and_come_back_to_with_its_cookie() {
    let (_cast, sandbox, _) = stage(Clock::real()).await;
    let (sentry, to) = redirecting_sentry().await;
    let bot = linking_bot(sentry.base.clone(), format!("'self' {}", sentry.base)).await;
    // The callback is on the bot's own origin, which 'self' covers.
    lock(&to).clone_from(&bot.base);
    let page = sandbox.browser.open(&format!("{}/link/t", bot.base)).await.unwrap();
    let end = sandbox.browser.press(&page, "Link Jane Dev").await.unwrap();
    assert_eq!(end.element("confirm-code").as_deref(), Some("482 913"));
    let seen = bot.seen();
    let told: Vec<_> =
        seen.iter().map(|s| (s.header("sec-fetch-site"), s.header("origin"), s.header("cookie"))).collect();
    let text = |site: &str, origin: &str, cookie: &str| (site.to_owned(), origin.to_owned(), cookie.to_owned());
    assert_eq!(told[0], text("none", "", ""));
    assert_eq!(told[1], text("same-origin", "null", ""));
    assert_eq!(told[2], text("cross-site", "", "__Host-zentry-link=x"));
    assert!(seen.iter().all(|seen| seen.header("referer").is_empty()));
    let at_sentry = sentry.seen().remove(0);
    assert_eq!((at_sentry.header("sec-fetch-site"), at_sentry.header("cookie")), ("cross-site".into(), String::new()));
}

#[tokio::test]
async fn a_form_that_may_not_leave_its_origin_is_stopped_at_the_redirect() {
    let (_cast, sandbox, _) = stage(Clock::real()).await;
    let (sentry, _to) = redirecting_sentry().await;
    let bot = linking_bot(sentry.base.clone(), "'self'".into()).await;
    let page = sandbox.browser.open(&format!("{}/link/t", bot.base)).await.unwrap();
    let error = sandbox.browser.press(&page, "Link Jane Dev").await.unwrap_err();
    assert!(matches!(error, BrowseError::Blocked { .. }), "{error}");
    assert!(sentry.seen().is_empty());
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let (_cast, sandbox, _) = stage(Clock::real()).await;
    let circle = Bot::answering(|_| Answer::redirect("/again")).await;
    let error = sandbox.browser.open(&circle.base).await.unwrap_err();
    assert!(matches!(error, BrowseError::Redirects(_)), "{error}");
}

#[tokio::test]
async fn a_button_that_is_not_there_is_told_with_the_page() {
    let (_cast, sandbox, _) = stage(Clock::real()).await;
    let bot = linking_bot(String::new(), "'self'".into()).await;
    let page = sandbox.browser.open(&format!("{}/link/t", bot.base)).await.unwrap();
    let error = sandbox.browser.press(&page, "Send").await.unwrap_err().to_string();
    assert_eq!(error, "there is no button \"Send\" on this page:\nLink Jane Dev");
}
