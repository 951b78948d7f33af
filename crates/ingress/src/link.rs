//! A browser on its way through linking: the offer, Sentry, and back.

use std::sync::Arc;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use tracing::Instrument as _;
use zentry_app::{Again, Callback, CameBack, LinkPage, SentryStart};
use zentry_domain::ports::StoreError;
use zentry_domain::{Identity, Secret, text};

use crate::Public;
use crate::answer::{Answer, closed};
use crate::limit::{Unread, read_body};
use crate::pages::{Code, Expired, Note, Offer};

/// Holds a browser to the attempt that it began. The prefix makes browsers refuse it without `Secure` and `Path=/`.
const KEPT: &str = "__Host-zentry-link";
const ATTRIBUTES: &str = "Secure; HttpOnly; SameSite=Lax; Path=/";
/// As long as Sentry may take to send the browser back, in seconds.
const KEPT_FOR: u32 = 600;
/// The form has one short field.
const FORM_CAP: usize = 4096;
const NAME_MAX: usize = 200;

/// `GET /link/{token}`: who would be linked. Consumes nothing: previewers open pages too.
pub(crate) async fn show(public: &Public, token: &str) -> Answer {
    let frame = &public.frame;
    match public.app.link_page(&Secret::new(token)).await {
        Ok(LinkPage::Offer { person, account }) => {
            let (person, account) = (text::line(&person, NAME_MAX), text::line(&account, NAME_MAX));
            frame.link_page(&Offer { frame, token, person, account })
        }
        Ok(LinkPage::Used) => used(public, token),
        Ok(LinkPage::Unknown) => unknown(public),
        Err(error) => failed(public, &error),
    }
}

/// `POST /link/{token}`: on to Sentry, or a new link for the same person.
///
/// # Errors
/// Where the form did not come whole.
pub(crate) async fn press(public: &Public, token: &str, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let frame = &public.frame;
    let (head, body) = request.into_parts();
    if is_cross_site(&head.headers) {
        return Ok(closed(frame.page(StatusCode::FORBIDDEN, &Note::foreign(frame))));
    }
    let form = match read_body(body, FORM_CAP, &public.room).await {
        Ok(form) => form,
        Err(Unread::TooLarge) => {
            return Ok(closed(frame.page(StatusCode::PAYLOAD_TOO_LARGE, &Note::too_large(frame))));
        }
        Err(Unread::NoRoom) => return Ok(closed(broken(public))),
        Err(Unread::Broken(error)) => return Err(error),
    };
    let asks_again = form_urlencoded::parse(&form.bytes).any(|(name, value)| name == "again" && value == "1");
    let token = Secret::new(token);
    Ok(if asks_again { again(public, &token).await } else { start(public, &token).await })
}

/// `GET /sentry/callback`: the code to send in the chat.
pub(crate) async fn come_back(public: &Public, request: &Request<Incoming>) -> Answer {
    let frame = &public.frame;
    let Some(callback) = callback_of(request) else { return invalid(public) };
    // In a task of its own: a tab that is closed meanwhile must not leave a grant behind that nobody knows of.
    let app = Arc::clone(&public.app);
    let finished = tokio::spawn(async move { app.finish_link(callback).await }.in_current_span()).await;
    let came_back = finished.unwrap_or_else(|error| Err(StoreError::Unavailable(error.into())));
    match came_back {
        Ok(CameBack::Code { code, person, identity }) => over(code_page(public, &code, &person, &identity)),
        Ok(CameBack::Cancelled) => over(frame.page(StatusCode::OK, &Note::cancelled(frame))),
        Ok(CameBack::SentryFailed) => over(frame.page(StatusCode::BAD_GATEWAY, &Note::sentry_failed(frame))),
        // The cookie stays: it may belong to an attempt of this browser that is still under way.
        Ok(CameBack::Invalid) => invalid(public),
        Err(error) => failed(public, &error),
    }
}

async fn start(public: &Public, token: &Secret) -> Answer {
    match public.app.start_link(token).await {
        Ok(SentryStart::Go { url, cookie }) => {
            let mut answer = public.frame.see_other(&url);
            set_cookie(&mut answer, cookie.expose(), KEPT_FOR);
            answer
        }
        Ok(SentryStart::Used) => used(public, token.expose()),
        Ok(SentryStart::Unknown) => unknown(public),
        Err(error) => failed(public, &error),
    }
}

async fn again(public: &Public, token: &Secret) -> Answer {
    let frame = &public.frame;
    match public.app.link_again(token).await {
        Ok(Again::Sent) => frame.page(StatusCode::OK, &Note::sent_again(frame, &public.site.chat_url)),
        Ok(Again::TooOften) => frame.page(StatusCode::OK, &Note::too_often(frame)),
        Ok(Again::Unknown) => unknown(public),
        Err(error) => failed(public, &error),
    }
}

fn code_page(public: &Public, code: &Secret, person: &str, identity: &Identity) -> Answer {
    let page = Code {
        frame: &public.frame,
        name: text::line(&identity.name, NAME_MAX),
        code: in_two_halves(code.expose()),
        chat_url: &public.site.chat_url,
        person: text::line(person, NAME_MAX),
        identity: text::line(identity.label(), NAME_MAX),
    };
    public.frame.page(StatusCode::OK, &page)
}

fn in_two_halves(code: &str) -> String {
    match code.split_at_checked(3) {
        Some((first, second)) => format!("{first} {second}"),
        None => code.to_owned(),
    }
}

fn used(public: &Public, token: &str) -> Answer {
    public.frame.page(StatusCode::GONE, &Expired { frame: &public.frame, token })
}

fn unknown(public: &Public) -> Answer {
    public.frame.page(StatusCode::NOT_FOUND, &Note::no_such_link(&public.frame))
}

fn invalid(public: &Public) -> Answer {
    public.frame.page(StatusCode::BAD_REQUEST, &Note::invalid(&public.frame))
}

fn broken(public: &Public) -> Answer {
    public.frame.page(StatusCode::INTERNAL_SERVER_ERROR, &Note::failed(&public.frame))
}

fn failed(public: &Public, error: &StoreError) -> Answer {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "a linking page could not be answered; look at the store");
    broken(public)
}

// === what the browser carries ===

/// `None` where a parameter is there twice, so that two readers could disagree.
fn callback_of(request: &Request<Incoming>) -> Option<Callback> {
    let query = request.uri().query().unwrap_or_default();
    let (mut state, mut code, mut error) = (None, None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = match &*name {
            "state" => &mut state,
            "code" => &mut code,
            "error" => &mut error,
            _ => continue,
        };
        if slot.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(Callback {
        state: state.map(Secret::new),
        cookie: cookie_of(request.headers(), KEPT),
        code: code.map(Secret::new),
        error,
    })
}

/// The cookie of this name, if it is there exactly once.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut kept = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    match (kept.next(), kept.next()) {
        (Some(value), None) => Some(Secret::new(value)),
        _ => None,
    }
}

/// Another site sent the form. `Origin` cannot tell: our own pages send `null`, because they forbid the referrer.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| site == "cross-site")
}

/// The attempt is over: the browser need not keep anything.
fn over(mut answer: Answer) -> Answer {
    set_cookie(&mut answer, "", 0);
    answer
}

fn set_cookie(answer: &mut Answer, value: &str, seconds: u32) {
    // The values are base64url or empty, so that this cannot fail.
    if let Ok(mut cookie) = HeaderValue::try_from(format!("{KEPT}={value}; {ATTRIBUTES}; Max-Age={seconds}")) {
        cookie.set_sensitive(true);
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(lines: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        cookie_of(&headers, KEPT).map(|kept| kept.expose().to_owned())
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        assert_eq!(cookie(&["a=b; __Host-zentry-link=abc; c=d"]).as_deref(), Some("abc"));
        assert_eq!(cookie(&["a=b", "__Host-zentry-link=abc"]).as_deref(), Some("abc"));
        assert_eq!(cookie(&["zentry-link=abc"]), None);
    }

    #[test]
    fn a_cookie_that_is_there_twice_counts_as_missing() {
        assert_eq!(cookie(&["__Host-zentry-link=abc; __Host-zentry-link=def"]), None);
        assert_eq!(cookie(&["__Host-zentry-link=abc", "__Host-zentry-link=abc"]), None);
    }

    #[test]
    fn a_code_is_shown_in_two_halves() {
        assert_eq!(in_two_halves("482913"), "482 913");
    }
}
