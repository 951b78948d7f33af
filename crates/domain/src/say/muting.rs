//! What is said of mutes.

use super::{errors::span, name, some_of};
use crate::subscription::zone_of;
use crate::text::line;
use crate::{Button, Choice, Handle, Notice, Person, Press, Subscription, Timestamp};

/// Nothing is posted of these for a while. Everyone there is told. `here` is all of the channel's.
pub fn muted(projects: &[String], here: &[Subscription], until: Timestamp, now: Timestamp, by: &Person) -> Notice {
    Notice::text(format!(
        "Muted: {} until {} ({}), by {}. I will post one summary then.",
        these(projects, here.len()),
        until.when(now, zone_of(here)),
        span(until.since(now)),
        name(by)
    ))
}

/// These post again. Everyone there is told.
pub fn unmuted(projects: &[String], here: usize, by: &Person) -> Notice {
    Notice::text(format!("Unmuted: {}, by {}.", these(projects, here), name(by)))
}

fn these(projects: &[String], here: usize) -> String {
    match projects.len() {
        many if many > 1 && many == here => format!("everything here ({many})"),
        _ => some_of(projects.iter().map(String::as_str)),
    }
}

/// There is no mute to end.
pub fn not_muted(named: Option<&(String, String)>) -> Notice {
    match named {
        Some((org, project)) => Notice::text(format!(
            "{} / {} is not muted. Nothing changed.",
            line(org, super::ECHO),
            line(project, super::ECHO)
        )),
        None => Notice::text("Nothing is muted here."),
    }
}

/// The message of a mute was pressed too late.
pub fn mute_is_over() -> Notice {
    Notice::text("This mute is over. Nothing changed.")
}

impl Notice {
    /// Ends a mute, or prolongs it.
    #[must_use]
    pub(crate) fn with_mute_buttons(self, roundup: &Handle) -> Self {
        let button = |label: &str, choice| Button {
            label: label.into(),
            press: Press { card: roundup.clone(), choice },
            primary: false,
        };
        self.button(button("Unmute", Choice::Unmute)).button(button("+1 h", Choice::MuteLonger))
    }
}
