//! Which address leads where: one table, and the methods that each place answers.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::answer::{self, Answer};
use crate::pages::{self, Note};
use crate::{Door, HookDoor, Public, install, link, webhook};

/// Every address that is always the same.
const PLACES: &[(&str, Route<'static>)] = &[
    ("/", Route::Home),
    ("/privacy", Route::Privacy),
    ("/terms", Route::Terms),
    ("/support", Route::Support),
    ("/sentry/callback", Route::Callback),
    ("/sentry/setup", Route::Setup),
    ("/zoom/install", Route::Install),
    ("/zoom/callback", Route::Installed),
    ("/assets/zentry.css", Route::Style),
    ("/assets/zentry.js", Route::Script),
    ("/favicon.ico", Route::Icon),
];
/// Behind it comes the token of one attempt to link.
const LINK: &str = "/link/";

/// Every address that is always the same, but for the doors: for proofs that must leave none out.
pub fn places() -> impl Iterator<Item = &'static str> {
    PLACES.iter().map(|(place, _)| *place)
}

/// What an address leads to.
#[derive(Clone, Copy)]
enum Route<'a> {
    Deliver(&'a Door),
    Hook(&'a HookDoor, &'a str),
    Link(&'a str),
    Callback,
    Setup,
    Install,
    Installed,
    Home,
    Privacy,
    Terms,
    Support,
    Style,
    Script,
    Icon,
}

impl Route<'_> {
    /// The methods, as the header `Allow` lists them.
    fn allow(self) -> &'static str {
        match self {
            Self::Deliver(_) | Self::Hook(..) => "POST",
            Self::Link(_) => "GET, HEAD, POST",
            _ => "GET, HEAD",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

impl Public {
    /// Answers one request.
    ///
    /// # Errors
    /// Where the request did not come whole: the connection is closed without an answer.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
        let path = request.uri().path().to_owned();
        match self.route(&path) {
            None => Ok(answer::closed(self.frame.page(StatusCode::NOT_FOUND, &Note::not_found(&self.frame)))),
            Some(route) if !route.allows(request.method()) => Ok(self.frame.not_allowed(route.allow())),
            Some(Route::Deliver(door)) => webhook::deliver(self, door, request).await,
            Some(Route::Hook(door, token)) => webhook::deliver_hook(self, door, token, request).await,
            Some(Route::Link(token)) if request.method() == Method::POST => link::press(self, token, request).await,
            Some(route) => Ok(self.page(route, &request).await),
        }
    }

    /// Answers GET and HEAD; what HEAD leaves out, hyper leaves out.
    async fn page(&self, route: Route<'_>, request: &Request<Incoming>) -> Answer {
        match route {
            // Answered before: it takes no GET.
            Route::Deliver(_) | Route::Hook(..) => self.frame.not_allowed(route.allow()),
            Route::Link(token) => link::show(self, token).await,
            Route::Callback => link::come_back(self, request).await,
            Route::Setup => install::come_back_from_sentry(self, request).await,
            Route::Install => install::start(self),
            Route::Installed => install::come_back(self, request).await,
            Route::Home => pages::home(self),
            Route::Privacy => pages::privacy(self),
            Route::Terms => pages::terms(self),
            Route::Support => pages::support(self),
            Route::Style => self.frame.asset("text/css; charset=utf-8", pages::STYLE),
            Route::Script => self.frame.asset("text/javascript; charset=utf-8", pages::SCRIPT),
            Route::Icon => self.frame.asset("image/svg+xml", pages::ICON),
        }
    }

    /// With the public address's own path before it, or without: some proxies strip it.
    fn route<'a>(&'a self, path: &'a str) -> Option<Route<'a>> {
        let stripped = path.strip_prefix(&self.frame.base).map(|rest| if rest.is_empty() { "/" } else { rest });
        stripped.and_then(|rest| self.place(rest)).or_else(|| self.place(path))
    }

    fn place<'a>(&'a self, path: &'a str) -> Option<Route<'a>> {
        let door = || self.doors.iter().find(|door| door.path == path).map(Route::Deliver);
        let fixed = || PLACES.iter().find(|(place, _)| *place == path).map(|(_, route)| *route);
        let link = || path.strip_prefix(LINK).filter(|token| is_token(token)).map(Route::Link);
        let hook = || {
            let door = self.hooks.as_ref()?;
            path.strip_prefix(door.path).filter(|token| is_token(token)).map(|token| Route::Hook(door, token))
        };
        door().or_else(fixed).or_else(link).or_else(hook)
    }
}

/// What a token of ours may look like; nothing else is worth a look into the store.
fn is_token(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
