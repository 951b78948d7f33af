//! To whom an issue goes.

use super::world::{NOW, hostile, subscription};
use super::{Message, said};
use crate::{Assignee, Card, ChangeKind, Handle, Identity, Issue, sample, say};

pub(super) fn messages() -> Vec<Message> {
    let card = Card::open(Handle::new("h"), &subscription(), &sample::change(ChangeKind::New), NOW);
    let somebodys = |card: &Card| {
        let mut card = card.clone();
        let assignee = Some(Assignee::User { id: "8".into(), name: "Ben".into() });
        card.content.issue = Issue { assignee, short_id: None, ..card.content.issue };
        card
    };
    let user = |id: usize, name: &str| Assignee::User { id: id.to_string(), name: name.into() };
    let team = |id: usize, name: &str| Assignee::Team { id: id.to_string(), name: name.into() };
    let me = Identity { id: "7".into(), name: "Ana".into(), email: "ana@acme.io".into() };
    let few = [user(8, "Ben"), team(5, "payments"), user(7, "Ana"), team(6, "core")];
    let many: Vec<_> = (0..250).map(|n| user(n + 100, &format!("Person {n:03}"))).collect();
    vec![
        said(
            "assign",
            "Assign was pressed; to whoever did",
            [
                ("a person and a team", say::assign(&card, Some(&me), &few, None)),
                ("somebody has it", say::assign(&somebodys(&card), Some(&me), &few, None)),
                ("who presses is unknown at Sentry", say::assign(&card, None, &few, None)),
                ("nobody is in the project", say::assign(&card, Some(&me), &[], None)),
                ("many people", say::assign(&card, None, &many, None)),
                (
                    "people of one name",
                    say::assign(&card, None, &[user(8, "Ben"), user(9, "Ben"), user(10, "Ben (bode)")], None),
                ),
                ("a part of the name was typed", say::assign(&card, Some(&me), &many, Some("SON 24"))),
                ("nobody is called so", say::assign(&card, Some(&me), &many, Some("jo"))),
                ("something hostile was typed", say::assign(&card, None, &many, Some(&hostile()))),
                ("a hostile name", say::assign(&card, None, &[user(9, &hostile()), team(4, &hostile())], None)),
            ],
        ),
        said(
            "assigning",
            "Somebody was chosen from that list, which says so instead",
            [
                ("somebody", say::assigning(&card, &few[0])),
                ("nobody", say::assigning(&somebodys(&card), &Assignee::Nobody)),
                ("a hostile name", say::assigning(&card, &user(9, &hostile()))),
            ],
        ),
    ]
}
