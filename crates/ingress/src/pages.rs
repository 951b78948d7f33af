//! The pages, and what is the same for everybody who opens them.

use askama::Template;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use crate::Public;
use crate::answer::{Answer, Frame};

/// Embedded, so that the binary is all there is to deploy.
pub(crate) const STYLE: &str = include_str!("../assets/zentry.css");
/// Only copies the code: every page works without it.
pub(crate) const SCRIPT: &str = include_str!("../assets/zentry.js");
/// What browsers ask for unasked.
pub(crate) const ICON: &str = include_str!("../assets/zentry.svg");

/// Who would be linked, and the button that goes on to Sentry.
#[derive(Template)]
#[template(path = "link.html")]
pub(crate) struct Offer<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) token: &'a str,
    pub(crate) person: String,
    pub(crate) account: String,
}

/// A used or expired link, and the button that sends a new one.
#[derive(Template)]
#[template(path = "expired.html")]
pub(crate) struct Expired<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) token: &'a str,
}

/// The code to send in the chat, and both identities.
#[derive(Template)]
#[template(path = "code.html")]
pub(crate) struct Code<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) chat_url: &'a str,
    pub(crate) person: String,
    pub(crate) identity: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    frame: &'a Frame,
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct Privacy<'a> {
    frame: &'a Frame,
    directory: bool,
    app: bool,
}

#[derive(Template)]
#[template(path = "terms.html")]
struct Terms<'a> {
    frame: &'a Frame,
}

#[derive(Template)]
#[template(path = "support.html")]
struct Support<'a> {
    frame: &'a Frame,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct Setup<'a> {
    frame: &'a Frame,
    org: Option<String>,
}

/// What the bot is.
pub(crate) fn home(public: &Public) -> Answer {
    public.frame.page(StatusCode::OK, &Home { frame: &public.frame })
}

/// What it reads and stores, and how to remove it.
pub(crate) fn privacy(public: &Public) -> Answer {
    let (directory, app) = (public.app.reads_directory(), public.app.deployment().install_url.is_some());
    public.frame.page(StatusCode::OK, &Privacy { frame: &public.frame, directory, app })
}

/// On which terms it is used.
pub(crate) fn terms(public: &Public) -> Answer {
    public.frame.page(StatusCode::OK, &Terms { frame: &public.frame })
}

/// Where help is.
pub(crate) fn support(public: &Public) -> Answer {
    public.frame.page(StatusCode::OK, &Support { frame: &public.frame })
}

/// Sentry's installation is done. Attaches nothing to anybody: this address carries no proof of who opens it, and the
/// organization in it is repeated on the page and believed nowhere.
pub(crate) fn setup(public: &Public, request: &Request<Incoming>) -> Answer {
    let org = only(request, "orgSlug").filter(|slug| is_slug(slug));
    public.frame.page(StatusCode::OK, &Setup { frame: &public.frame, org })
}

/// What the query says under this name; `None` where it says it twice, so that two readers could disagree.
pub(crate) fn only(request: &Request<Incoming>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
    found.next().filter(|_| found.next().is_none()).map(|(_, value)| value.into_owned())
}

/// What Sentry makes of a name; anything else is not worth repeating on a page of ours.
fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

// === pages of a few lines ===

/// What happened, and what to do about it.
#[derive(Template)]
#[template(path = "note.html")]
pub(crate) struct Note<'a> {
    frame: &'a Frame,
    head: &'static str,
    lines: Vec<String>,
    chat_url: Option<&'a str>,
}

impl<'a> Note<'a> {
    fn new<const N: usize>(frame: &'a Frame, head: &'static str, lines: [&str; N]) -> Self {
        let lines = lines.map(|line| line.replace("{command}", &frame.command)).into();
        Self { frame, head, lines, chat_url: None }
    }

    pub(crate) fn not_found(frame: &'a Frame) -> Self {
        Self::new(frame, "There is no such page", ["Check the address, or start at the first page."])
    }

    pub(crate) fn not_allowed(frame: &'a Frame) -> Self {
        Self::new(frame, "This address does not work that way", ["It is there, but not for this kind of request."])
    }

    pub(crate) fn too_large(frame: &'a Frame) -> Self {
        Self::new(frame, "That was too much", ["The form was larger than it can be. Nothing was changed."])
    }

    pub(crate) fn failed(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "Something went wrong here",
            ["This is our fault, not yours. Nothing was changed. Try again in a minute."],
        )
    }

    pub(crate) fn foreign(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "Another site sent you here",
            ["Nothing was changed. Open the link from your chat with the Sentry bot in Zoom, and press its button."],
        )
    }

    pub(crate) fn no_such_link(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "There is no such link",
            [
                "Check that the whole address was copied. A link is forgotten some time after it ended.",
                "For a new one, type /{command} connect in Zoom.",
            ],
        )
    }

    pub(crate) fn sent_again(frame: &'a Frame, chat_url: &'a str) -> Self {
        let lines = ["Look into your chat with the Sentry bot in Zoom; whoever asked for this link finds it there."];
        Self { chat_url: Some(chat_url), ..Self::new(frame, "A new link is sent", lines) }
    }

    pub(crate) fn too_often(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "Too many new links this hour",
            ["Nothing was sent. Use the newest link in your chat with the Sentry bot, or try again in an hour."],
        )
    }

    pub(crate) fn invalid(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "This sign-in cannot be finished",
            [
                "It was finished before, took longer than ten minutes, or began in another browser. Nothing was linked.",
                "Type /{command} connect in Zoom for a new link, and open it in this browser.",
            ],
        )
    }

    pub(crate) fn cancelled(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "You cancelled",
            ["Nothing was linked. You can close this page; the Sentry bot has written to you in Zoom."],
        )
    }

    pub(crate) fn sentry_failed(frame: &'a Frame) -> Self {
        Self::new(
            frame,
            "Sentry did not answer",
            ["Nothing was linked. Type /{command} connect in Zoom in a few minutes to try again."],
        )
    }
}
