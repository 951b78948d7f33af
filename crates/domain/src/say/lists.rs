//! Help, and what is connected where.

use super::{linked_as, name, slash};
use crate::command::{COMMANDS, Spec};
use crate::text::counted;
use crate::{Deployment, LinkedPerson, Notice, Person, Place, Subscription};

/// More would not fit a card.
const MOST_ROWS: usize = 20;

/// What can be typed, and what is connected here.
pub fn help(deployment: &Deployment, here: &[Subscription], linked: Option<&LinkedPerson>) -> Notice {
    let mut notice = Notice::text("Sentry for this channel");
    for spec in COMMANDS {
        notice = notice.line(format!("{} · {}", usage(deployment, spec), spec.summary));
    }
    notice = notice.line("Names with spaces: \"My Org\" \"Web App\".");
    let last = if here.is_empty() {
        format!("Nothing connected here yet. Start with: {}", slash(deployment, "connect <org> <project>"))
    } else {
        let projects: Vec<_> = here.iter().map(|s| format!("{}/{}", s.project.org, s.project.slug)).collect();
        format!("Here now: {} ({}).", projects.join(", "), projects.len())
    };
    notice.line([Some(last), linked_as(linked)].into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// One command, with examples.
pub fn help_topic(deployment: &Deployment, spec: &Spec) -> Notice {
    let notice = Notice::text(usage(deployment, spec)).line(spec.details);
    let examples: Vec<_> = spec.examples.iter().map(|example| slash(deployment, example)).collect();
    notice.line(format!("For example: {}", examples.join("  ·  ")))
}

/// This channel's projects.
pub fn configure(deployment: &Deployment, place: &Place, here: &[Subscription]) -> Notice {
    if here.is_empty() {
        return Notice::text(format!("{} gets nothing yet", super::capital(&place.label())))
            .line(format!("Start with: {}", slash(deployment, "connect <org> <project>")));
    }
    let head = format!("{} gets {}", super::capital(&place.label()), counted(here.len() as u64, "project"));
    here.iter().fold(Notice::text(head), |notice, subscription| notice.line(row(subscription)))
}

/// Every channel's projects, as far as the asker may see them.
pub fn configure_all(here: &Place, visible: &[Subscription], of: usize) -> Notice {
    let mut places: Vec<_> = visible.iter().map(|s| s.place.channel.key()).collect();
    places.sort();
    places.dedup();
    let head =
        format!("{} in {}", counted(visible.len() as u64, "subscription"), counted(places.len() as u64, "channel"));
    let mut notice = Notice::text(head);
    for subscription in visible.iter().take(MOST_ROWS) {
        let place = &subscription.place;
        let label = if place.direct && place.channel != here.channel {
            format!("{}'s own chat", name(&subscription.by))
        } else {
            place.label()
        };
        notice = notice.line(format!("{label} · {}", row(subscription)));
    }
    if visible.len() > MOST_ROWS {
        notice = notice.line(format!("Showing {MOST_ROWS} of {}.", visible.len()));
    }
    if of > visible.len() {
        notice = notice.line("These are the channels in which you have used the bot. Managers see all of them.");
    }
    notice
}

/// Who somebody is, here and at Sentry.
pub fn whoami(deployment: &Deployment, person: &Person, linked: Option<&LinkedPerson>, manager: bool) -> Notice {
    let mut notice = Notice::text(format!("Zoom: {} (user id {})", name(person), person.user));
    notice = match (linked, deployment.linking) {
        (Some(linked), _) => notice.line(format!(
            "Sentry: {}, linked since {}.",
            crate::text::line(linked.identity.label(), super::ECHO),
            linked.since.day()
        )),
        (None, true) => {
            notice.line("Sentry: no account linked. Connecting a project, or pressing a button, asks you to.")
        }
        (None, false) => notice.line("Sentry: nobody links here; buttons act as the integration and name you."),
    };
    if manager { notice.line("You manage this account.") } else { notice }
}

fn row(subscription: &Subscription) -> String {
    format!(
        "{} · {} · {} · by {}",
        subscription.project.label(),
        subscription.filter.level_in_words(),
        subscription.filter.events_in_words(),
        name(&subscription.by),
    )
}

fn usage(deployment: &Deployment, spec: &Spec) -> String {
    slash(deployment, &format!("{} {}", spec.name, spec.arguments))
}
