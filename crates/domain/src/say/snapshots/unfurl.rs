//! What is shown of an issue whose address somebody posts.

use super::world::hostile;
use super::{Message, said};
use crate::{ChangeKind, Issue, Level, Privacy, ProjectSlug, Status, sample, say};

pub(super) fn messages() -> Vec<Message> {
    let issue = || sample::change(ChangeKind::New).issue;
    let show = |issue: Issue, privacy| say::unfurled(&ProjectSlug::new("checkout"), issue, privacy);
    let resolved = Issue { status: Some(Status::Resolved), level: Some(Level::Fatal), events: Some(1), ..issue() };
    let archived = Issue { status: Some(Status::Archived), users: Some(0), ..issue() };
    let bare = Issue { title: "Boom".into(), url: issue().url, ..Issue::default() };
    let strange = Issue { title: hostile(), culprit: Some(hostile()), short_id: Some(hostile()), ..issue() };
    vec![said(
        "unfurled",
        "Under the address of an issue's page that a linked person posts",
        [
            ("open", show(issue(), Privacy::Full)),
            ("resolved", show(resolved, Privacy::Full)),
            ("archived", show(archived, Privacy::Full)),
            ("in a channel that shows no messages", show(issue(), Privacy::NoMessage)),
            ("in a channel that shows the class alone", show(issue(), Privacy::ClassOnly)),
            ("nothing else is known", show(bare, Privacy::Full)),
            ("hostile words", show(strange, Privacy::Full)),
        ],
    )]
}
