//! What people say about issues.

use super::world::{ana, hostile, ops};
use super::{Message, said};
use crate::{ChangeKind, ChannelSettings, Issue, IssueId, Privacy, Remark, Remarked, Tell, sample, say};

pub(super) fn messages() -> Vec<Message> {
    let issue = sample::change(ChangeKind::New).issue;
    let settings = |privacy| ChannelSettings { privacy, ..ChannelSettings::default() };
    let open = settings(Privacy::Full);
    let tell = |what, text: &str, by: Option<&str>| Tell {
        place: ops(),
        by: ana(),
        project: sample::project("checkout"),
        issue: IssueId::new("42"),
        remark: Remark { what, text: text.into(), by: by.map(str::to_owned) },
    };
    let comment = || tell(Remarked::Comment, "I am looking into it.", Some("Ben"));
    let seer = tell(Remarked::Seer, "Root cause: The pool is too small.", None);
    let strange = tell(Remarked::Comment, &hostile(), Some(&hostile()));
    let untitled = Issue::default();
    vec![said(
        "remarked",
        "Somebody said something about an issue; where the channel wants that",
        [
            ("a comment", say::remarked(&comment(), &issue, open)),
            (
                "another text for it",
                say::remarked(&tell(Remarked::CommentChanged, "Fixed.", Some("Ben")), &issue, open),
            ),
            ("an empty one", say::remarked(&tell(Remarked::Comment, "", None), &issue, open)),
            ("what the analysis found", say::remarked(&seer, &issue, open)),
            ("nobody knows what the issue is called", say::remarked(&comment(), &untitled, open)),
            ("where messages are hidden", say::remarked(&comment(), &issue, settings(Privacy::NoMessage))),
            ("where all but the class is hidden", say::remarked(&comment(), &issue, settings(Privacy::ClassOnly))),
            ("hostile words", say::remarked(&strange, &issue, open)),
        ],
    )]
}
