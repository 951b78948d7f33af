//! What is said to call somebody, and of that.

use super::{name, slash};
use crate::{Card, Deployment, LinkedPerson, Mention, Notice, Person, Standing};

/// Somebody is called under the message of an issue that is theirs. Nothing of what Sentry says is repeated: only here texts
/// may be markup.
pub fn called(card: &Card, person: &Person) -> Notice {
    let what = match card.content.standing {
        Standing::CameBack => "this came back and is assigned to you.",
        _ => "this is fatal and is assigned to you.",
    };
    Notice { mention: Some(Mention { jid: person.jid.clone(), name: name(person) }), ..Notice::text(what) }
}

/// A person has switched it on or off.
pub fn mentions_set(deployment: &Deployment, on: bool, linked: Option<&LinkedPerson>) -> Notice {
    match (on, linked) {
        (false, _) => Notice::text("Mentions off: no message calls you any more.")
            .line(format!("Again: {}", slash(deployment, "mentions on"))),
        (true, Some(_)) => Notice::text(
            "Mentions on: where an issue that is assigned to you comes back, or is fatal, its message calls you.",
        ),
        (true, None) => Notice::text(
            "Mentions on. You have not linked a Sentry account yet, so I cannot know which issues are yours.",
        )
        .line("Connecting a project, or pressing a button, asks you to."),
    }
}
