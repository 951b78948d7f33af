//! What is said while somebody links a Sentry account.

use super::world::{hostile, identity, ops, own_chat, strange_identity, strange_place};
use super::{Message, plainly, said};
use crate::{Action, Filter, Handle, Identity, Pending, sample, say};

const URL: &str = "https://bot.example.com/link/token";

fn connect(org: &str, project: &str) -> Pending {
    Pending::Connect { org: org.into(), project: project.into(), filter: Filter::default() }
}

fn press() -> Pending {
    Pending::Press { card: Handle::new("h"), action: Action::Resolve }
}

pub(super) fn messages() -> Vec<Message> {
    let deployment = sample::deployment();
    let nameless = Identity { email: String::new(), ..identity() };
    let mut messages = offers();
    messages.extend([
        said(
            "code_please",
            "The browser has come back from Sentry",
            [
                ("with an address", say::code_please(&identity())),
                ("with a name only", say::code_please(&nameless)),
                ("with a hostile name", say::code_please(&strange_identity())),
            ],
        ),
        said(
            "still_waiting",
            "`connect` again while a code is awaited",
            [("some time left", say::still_waiting(6)), ("hardly any", say::still_waiting(1))],
        ),
        said(
            "wrong_code",
            "A wrong code",
            [("some tries left", say::wrong_code(4)), ("one try left", say::wrong_code(1))],
        ),
        plainly("too_many_codes", "The last wrong code", say::too_many_codes(&deployment)),
        plainly("cancelled", "Deny was pressed at Sentry", say::cancelled(&deployment)),
    ]);
    messages.extend(outcomes());
    messages
}

fn outcomes() -> Vec<Message> {
    let deployment = sample::deployment();
    vec![
        said(
            "linked_only",
            "Linked; what was asked for did not work out, or is told elsewhere",
            [("an address", say::linked_only("ana@acme.io")), ("a hostile name", say::linked_only(&hostile()))],
        ),
        plainly(
            "already_linked_elsewhere",
            "Another Sentry account has replaced the one before",
            say::already_linked_elsewhere(&identity(), &Identity { email: "ana@home.org".into(), ..identity() }),
        ),
        said(
            "unlinked",
            "`unlink`",
            [
                ("an account is linked", say::unlinked(Some(&identity()), false)),
                ("a link was sent, none is linked", say::unlinked(None, true)),
                ("none is linked", say::unlinked(None, false)),
            ],
        ),
        plainly("welcome", "The bot was installed; to whoever did it", say::welcome(&deployment)),
    ]
}

fn offers() -> Vec<Message> {
    let strange = connect(&hostile(), &hostile());
    vec![
        said(
            "link_first",
            "No account is linked yet; where it was asked, to that person only",
            [
                ("to connect", say::link_first(&ops(), &connect("acme", "checkout"))),
                ("to press", say::link_first(&ops(), &press())),
                ("to switch", say::link_first(&ops(), &Pending::Nothing)),
                ("hostile names", say::link_first(&strange_place(), &strange)),
            ],
        ),
        said(
            "link_here",
            "The link itself; in the person's own chat",
            [
                ("to connect a channel", say::link_here(&ops(), &connect("acme", "checkout"), URL)),
                ("to connect their own chat", say::link_here(&own_chat(), &connect("acme", "checkout"), URL)),
                ("to press", say::link_here(&ops(), &press(), URL)),
                ("to switch", say::link_here(&ops(), &Pending::Nothing, URL)),
                ("hostile names", say::link_here(&strange_place(), &strange, URL)),
            ],
        ),
    ]
}
