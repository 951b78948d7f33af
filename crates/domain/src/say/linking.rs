//! What is said while somebody links a Sentry account.

use super::{ECHO, slash};
use crate::text::line;
use crate::{Deployment, Identity, Notice, Pending, Place};

/// In the place where they asked, to them only.
pub fn link_first(place: &Place, then: &Pending) -> Notice {
    let outcome = match then {
        Pending::Connect { org, project, .. } => format!(
            "When you are done, {} will be connected to {} / {}; no need to type the command again.",
            place.label(),
            line(org, ECHO),
            line(project, ECHO)
        ),
        Pending::Press { .. } => "When you are done, your press will be carried out.".into(),
        Pending::Assign { .. } => "When you are done, you choose to whom the issue goes.".into(),
        Pending::Nothing => "When you are done, I act as the account that you choose there.".into(),
    };
    Notice::text("One step first: link your Sentry account")
        .line("I sent you a direct message with the link.")
        .line(outcome)
}

/// The link itself: only ever in the person's own chat with the bot.
pub fn link_here(place: &Place, then: &Pending, url: &str) -> Notice {
    let (head, asked) = match then {
        Pending::Connect { org, project, .. } => (
            format!("Link Sentry to finish connecting {}", place.label()),
            format!("You asked to connect {} / {} to {}.", line(org, ECHO), line(project, ECHO), place.label()),
        ),
        Pending::Press { .. } | Pending::Assign { .. } => (
            "Link Sentry to finish what you pressed".into(),
            format!("You pressed a button on a card in {}.", place.label()),
        ),
        Pending::Nothing => ("Link your Sentry account".into(), format!("You asked for it in {}.", place.label())),
    };
    Notice::text(head)
        .line(asked)
        .link("Link Sentry account", url)
        .line("The link works once, for 10 minutes.")
        .line("I will ask Sentry to read projects and issues, and to change issues only when you press a button.")
        .line("Not you? Ignore this message; nothing happens.")
}

/// The browser has come back from Sentry.
pub fn code_please(identity: &Identity) -> Notice {
    Notice::text(format!(
        "Signed in at Sentry as {}. Send me the code that your browser shows (10 min).",
        line(identity.label(), ECHO)
    ))
}

/// `connect` was typed again while the code is awaited.
pub fn still_waiting(minutes: u64) -> Notice {
    Notice::text(format!("Still waiting for your code ({minutes} min left)."))
}

/// A wrong code.
pub fn wrong_code(tries_left: u8) -> Notice {
    Notice::text(format!("That is not the code in your browser. {} left.", tries(tries_left)))
}

fn tries(n: u8) -> String {
    // "try" has no regular plural.
    if n == 1 { "1 try".into() } else { format!("{n} tries") }
}

/// The last wrong code.
pub fn too_many_codes(deployment: &Deployment) -> Notice {
    Notice::text("Too many wrong codes. Nothing was linked.")
        .line(format!("To begin again, type {} where you want it.", slash(deployment, "connect <org> <project>")))
}

/// They pressed Deny at Sentry.
pub fn cancelled(deployment: &Deployment) -> Notice {
    Notice::text("You cancelled the link. Nothing was connected.")
        .line(format!("To try again, type {}.", slash(deployment, "connect <org> <project>")))
}

/// Linked; what they asked for did not work out, and they were told why.
pub fn linked_only(identity: &str) -> Notice {
    Notice::text(format!("Linked as {}.", line(identity, ECHO)))
}

/// To the same person: the link that they had has been replaced.
pub fn already_linked_elsewhere(before: &Identity, now: &Identity) -> Notice {
    Notice::text(format!(
        "You are now linked as {} instead of {}.",
        line(now.label(), ECHO),
        line(before.label(), ECHO)
    ))
    .line("Not you? Type unlink, and tell your Zoom administrator.")
}

/// The Sentry account is forgotten, and an unfinished attempt to link one is ended.
pub fn unlinked(identity: Option<&Identity>, attempt: bool) -> Notice {
    match identity {
        Some(identity) => Notice::text(format!("Unlinked: {}", line(identity.label(), ECHO)))
            .line("I revoke and delete your Sentry tokens. Channels you connected keep working."),
        None if attempt => Notice::text("You have no Sentry account linked. The link that I sent you has ended."),
        None => Notice::text("You have no Sentry account linked. Nothing changed."),
    }
}

/// To whoever installed the bot.
pub fn welcome(deployment: &Deployment) -> Notice {
    Notice::text("Sentry is installed.")
        .line(format!("In a channel, type {}.", slash(deployment, "connect <org> <project>")))
        .line(format!("{} lists the rest.", slash(deployment, "help")))
}

/// Rounds up: "0 min left" would read as over.
pub(crate) fn minutes(left: std::time::Duration) -> u64 {
    left.as_secs().div_ceil(60).max(1)
}
