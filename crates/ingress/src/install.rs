//! A browser on its way through installing the bot: to Zoom and back, and back from Sentry.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{HeaderValue, Method, Request};
use hyper::body::Incoming;
use tracing::Instrument as _;
use zentry_app::Installed;
use zentry_domain::Secret;

use crate::Public;
use crate::answer::Answer;
use crate::link::cookie_of;
use crate::origin::origin;
use crate::pages::{self, only};

/// Holds the browser to the installation that it began.
const BEGAN: &str = "__Host-zentry-install";
const ATTRIBUTES: &str = "Secure; HttpOnly; SameSite=Lax; Path=/";
/// As long as an administrator may take at Zoom, in seconds.
const BEGAN_FOR: u32 = 600;

/// `GET /zoom/install`: to Zoom's own page. Where the directory is not read nobody asks for the `state` back: the callback
/// changes nothing then.
pub(crate) fn start(public: &Public) -> Answer {
    let state = public.random.hex128();
    let mut address = public.site.zoom_authorize_url.clone();
    address.query_pairs_mut().append_pair("state", &state);
    let mut answer = public.frame.see_other(address.as_str());
    if public.app.reads_directory() {
        set_cookie(&mut answer, &state);
    }
    answer
}

/// `GET /zoom/callback`: ends in the chat, whatever came of it. See [`zentry_app::App::finish_install`].
pub(crate) async fn come_back(public: &Public, request: &Request<Incoming>) -> Answer {
    let reads = public.app.reads_directory();
    if let Some(installed) = installed(request, origin(request, &public.proxies)).filter(|_| reads) {
        // In a task of its own: a tab that is closed meanwhile must not leave a grant behind that nobody reads with.
        let app = Arc::clone(&public.app);
        let finished = tokio::spawn(async move { app.finish_install(installed).await }.in_current_span()).await;
        if finished.is_err() {
            tracing::error!("a browser that came back from Zoom met a bug in the bot");
        }
    }
    public.frame.see_other(&public.site.chat_url)
}

/// `GET /sentry/setup`: the code that it brings is exchanged by a job, and the page says what to type now, whatever comes of
/// it. See [`zentry_app::App::set_up`].
pub(crate) async fn come_back_from_sentry(public: &Public, request: &Request<Incoming>) -> Answer {
    let code = only(request, "code").map(Secret::new);
    if let (&Method::GET, Some(installation), Some(code)) = (request.method(), only(request, "installationId"), code)
        && let Err(error) = public.app.set_up(&installation, &code, origin(request, &public.proxies)).await
    {
        tracing::error!(error = &error as &dyn std::error::Error, "a code from Sentry could not be stored");
    }
    pages::setup(public, request)
}

/// `None` where a parameter is there twice, so that two readers could disagree.
fn installed(request: &Request<Incoming>, from: IpAddr) -> Option<Installed> {
    let query = request.uri().query().unwrap_or_default();
    let (mut state, mut code) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = match &*name {
            "state" => &mut state,
            "code" => &mut code,
            _ => continue,
        };
        if slot.replace(Secret::new(value.into_owned())).is_some() {
            return None;
        }
    }
    Some(Installed { state, cookie: cookie_of(request.headers(), BEGAN), code, from })
}

fn set_cookie(answer: &mut Answer, state: &str) {
    // It is hexadecimal, so that this cannot fail.
    if let Ok(mut cookie) = HeaderValue::try_from(format!("{BEGAN}={state}; {ATTRIBUTES}; Max-Age={BEGAN_FOR}")) {
        cookie.set_sensitive(true);
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
}
