//! What is said to call somebody.

use super::world::{NOW, ana, stranger, subscription};
use super::{Message, said};
use crate::{Card, ChangeKind, Handle, Level, sample, say};

pub(super) fn messages() -> Vec<Message> {
    let deployment = sample::deployment();
    let card = |kind: ChangeKind| {
        let mut change = sample::change(kind);
        change.issue.level = Some(Level::Fatal);
        Card::open(Handle::new("h"), &subscription(), &change, NOW)
    };
    vec![
        said(
            "called",
            "Under the message of an issue that is somebody's",
            [
                ("it came back", say::called(&card(ChangeKind::Regressed), &ana())),
                ("it is fatal", say::called(&card(ChangeKind::New), &ana())),
                ("a hostile name", say::called(&card(ChangeKind::New), &stranger())),
            ],
        ),
        said(
            "mentions_set",
            "`mentions on` or `mentions off`",
            [
                ("off", say::mentions_set(&deployment, false, Some(&sample::linked()))),
                ("on", say::mentions_set(&deployment, true, Some(&sample::linked()))),
                ("on, but not linked", say::mentions_set(&deployment, true, None)),
            ],
        ),
    ]
}
