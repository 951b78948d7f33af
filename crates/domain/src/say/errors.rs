//! What is said when something does not work: what happened, one next step, and what was kept.

use std::time::Duration;

use super::{ECHO, connect_line, on_button, quoted, slash};
use crate::command::{CommandError, DurationProblem, FILTERS, FilterProblem, Problem, closest};
use crate::decide::Standstill;
use crate::subscription::zone_of;
use crate::text::{counted, line};
use crate::{
    Action, Assignee, CHOOSE, Card, Connect, Deployment, JobId, NoHook, Notice, Offered, OrgSlug, Organization,
    Pending, Place, Project, Pulse, Standing, Subscription, Timestamp, Zone,
};

/// The line was not understood: points at the place and suggests.
pub fn not_understood(deployment: &Deployment, error: &CommandError) -> Notice {
    let pointer = pointer(error);
    let notice = match &error.problem {
        Problem::Unknown { word, nearest: Some(spec) } => {
            Notice::text(format!("I do not know {}. Did you mean {}?", quoted(word), slash(deployment, spec.name)))
                .line(pointer)
        }
        Problem::Unknown { word, nearest: None } => {
            Notice::text(format!("I do not know {}. {} lists what I do.", quoted(word), slash(deployment, "help")))
                .line(pointer)
        }
        Problem::MissingProject { command, org } => {
            let org = line(org, ECHO);
            Notice::text(format!(
                "Which project of {org}? {}",
                slash(deployment, &format!("{command} {org} <project>"))
            ))
            .line(pointer)
        }
        Problem::MissingNames { command } => {
            Notice::text(format!("Which project? {}", slash(deployment, &format!("{command} <org> <project>"))))
                .line(pointer)
        }
        Problem::NoIssue { .. } => {
            let example = slash(deployment, "why CHECKOUT-7");
            Notice::text(format!("Which issue? Paste the link of its page, or its short id: {example}")).line(pointer)
        }
        Problem::OnOrOff { .. } => {
            Notice::text(format!("On or off? For example {}", slash(deployment, "mentions off"))).line(pointer)
        }
        Problem::TooManyWords { command, count, .. } => Notice::text(format!(
            "I read {}. If a name has spaces, put it in quotes: {}",
            counted(*count as u64, "word"),
            slash(deployment, &format!("{command} \"My Org\" \"Web App\""))
        ))
        .line(pointer),
        Problem::Unexpected { command, word, .. } => Notice::text(format!(
            "I do not understand {} after {command}. {} explains it.",
            quoted(word),
            slash(deployment, &format!("help {command}"))
        ))
        .line(pointer),
        Problem::Duration { command, problem, .. } => bad_duration(deployment, command, *problem).line(pointer),
        Problem::Filter { word, problem, suggestion, .. } => {
            bad_filter(word, problem, suggestion.as_deref()).line(pointer)
        }
    }
    .line("Nothing changed.");
    let typed = error.line.trim_end();
    match (&error.problem, error.corrected()) {
        (Problem::MissingProject { command: "connect", org }, _) => {
            let is_address = typed.contains("://");
            let typed = if is_address { format!("connect {}", crate::filter::quoted(org)) } else { typed.into() };
            notice.offer("Choose from a list", format!("{typed} {CHOOSE}"))
        }
        (Problem::MissingNames { command: "connect" }, _) => {
            notice.offer("See my organizations", format!("{typed} {CHOOSE}"))
        }
        (Problem::Unknown { nearest: Some(spec), .. }, Some(line)) => {
            notice.offer(spec.name, line).offer("help", "help")
        }
        (Problem::OnOrOff { .. }, _) => {
            notice.offer("mentions on", "mentions on").offer("mentions off", "mentions off")
        }
        (Problem::Filter { suggestion: Some(suggestion), .. }, Some(line)) => {
            notice.offer(format!("Use {}", crate::text::line(suggestion, 30)), line)
        }
        _ => notice,
    }
}

fn bad_duration(deployment: &Deployment, command: &str, problem: DurationProblem) -> Notice {
    let why = match problem {
        DurationProblem::Missing => "For how long?",
        DurationProblem::TooShort => "That is too short.",
        DurationProblem::TooLong => "That is too long: what is muted must come back by itself.",
    };
    let example = slash(deployment, &format!("{command} 2h <org> <project>"));
    Notice::text(format!("{why} From 5m to 14d, for example {example}"))
}

fn bad_filter(word: &str, problem: &FilterProblem, suggestion: Option<&str>) -> Notice {
    let meant = suggestion.map_or_else(String::new, |meant| format!(" Did you mean {}?", line(meant, ECHO)));
    let word = quoted(word);
    Notice::text(match problem {
        FilterProblem::UnknownKey if suggestion.is_none() => {
            let keys: Vec<_> = FILTERS.iter().map(|key| format!("{}:", key.name)).collect();
            format!("I do not understand {word}. Filters are {}", keys.join(", "))
        }
        FilterProblem::UnknownKey => format!("I do not understand {word}.{meant}"),
        FilterProblem::UnknownValue(values) if suggestion.is_none() => {
            format!("I do not understand {word}. It takes {values}.")
        }
        FilterProblem::UnknownValue(_) => format!("I do not understand {word}.{meant}"),
        FilterProblem::NoValue(values) => format!("Nothing follows the colon of {word}. It takes {values}."),
        FilterProblem::NothingLeft => "With these filters nothing would ever be posted.".to_owned(),
    })
}

/// What is wrong with filters, on one line: for an operator's file.
pub fn filters_not_understood(error: &CommandError) -> String {
    match &error.problem {
        Problem::Filter { word, problem, suggestion, .. } => bad_filter(word, problem, suggestion.as_deref()).head,
        _ => format!("I do not understand {}.", quoted(&error.line)),
    }
}

/// The line up to the place, a mark, and the rest: `connect ▸acme`.
fn pointer(error: &CommandError) -> String {
    let before: String = error.line.chars().take(error.at).collect();
    let rest: String = error.line.chars().skip(error.at).collect();
    let before = line(&before, ECHO);
    let space = if before.is_empty() { "" } else { " " };
    format!("{before}{space}▸{}", line(&rest, ECHO))
}

/// No such organization among those of the asker. Not found and not theirs get this one answer.
pub fn no_organization(wish: &Connect, seen: &[Organization]) -> Notice {
    let (typed, asked) = (&wish.org, wish.identity.as_ref());
    let whose = asked.map_or_else(
        || "the organizations of this integration".into(),
        |identity| format!("the organizations of your Sentry account ({})", line(identity.label(), ECHO)),
    );
    let notice = Notice::text(format!("I cannot find {} among {whose}.", quoted(typed)));
    let near = closest(typed, seen.iter().flat_map(|org| [(org.slug.as_str(), org), (org.name.as_str(), org)]));
    let hint = match near {
        Some(org) => format!("Did you mean {} ({})?", org.slug, line(&org.name, ECHO)),
        None if seen.is_empty() => "That account belongs to no organization that I may read.".into(),
        None => format!("It can see: {}.", some_of(seen.iter().map(|org| org.slug.as_str()))),
    };
    let notice = notice.line(hint).line("Nothing changed.");
    let notice = match near {
        Some(org) => {
            let label = format!("Connect {} / {}", org.slug, line(&wish.project, ECHO));
            notice.offer(on_button(&label), connect_line(org.slug.as_str(), &wish.project, &wish.filter))
        }
        None if asked.is_some() => notice.suggest("Switch account", switch(wish)),
        None => notice,
    };
    match seen {
        [] => notice,
        _ => notice.offer("See my organizations", connect_line(CHOOSE, CHOOSE, &wish.filter)),
    }
}

/// To be somebody else at Sentry, and to connect as them.
fn switch(wish: &Connect) -> Offered {
    let Connect { org, project, filter, place, .. } = wish.clone();
    Offered::Switch { place, then: Box::new(Pending::Connect { org, project, filter }) }
}

/// No such project in the organization, or not theirs.
pub fn no_project(org: &OrgSlug, wish: &Connect, seen: &[Project]) -> Notice {
    const OFFERED: usize = 3;
    let typed = &wish.project;
    let mut near: Vec<_> = seen.iter().collect();
    near.sort_by_key(|project| {
        strsim::damerau_levenshtein(&typed.to_lowercase(), &project.slug.as_str().to_lowercase())
    });
    let hint = if near.is_empty() {
        format!("I see no project of {org} at all.")
    } else {
        format!("Closest: {}.", some_of(near.iter().map(|project| project.slug.as_str())))
    };
    let notice = Notice::text(format!("{org} has no project {}. {hint}", quoted(typed))).line("Nothing changed.");
    near.into_iter().take(OFFERED).fold(notice, |notice, project| {
        let slug = project.slug.as_str();
        notice.offer(on_button(slug), connect_line(org.as_str(), slug, &wish.filter))
    })
}

pub(crate) fn some_of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// Policy: only managers change what a channel gets. Those who were ever seen here are named.
pub fn not_allowed(deployment: &Deployment, managers: &[String]) -> Notice {
    let notice = Notice::text("In this Zoom account only managers may change what channels get. Nothing changed.");
    match managers {
        [] => notice.line(format!(
            "Whoever installed the bot is one. {} shows the user id that your administrator can add.",
            slash(deployment, "whoami")
        )),
        known => {
            let names: Vec<_> = known.iter().map(|name| line(name, ECHO)).collect();
            notice.line(format!("Managers here: {}.", some_of(names.iter().map(String::as_str))))
        }
    }
}

/// The deployment accepts other organizations only.
pub fn not_accepted() -> Notice {
    Notice::text("This deployment does not accept that organization. Nothing changed.")
        .line("Whoever runs me decides which organizations it accepts.")
}

/// Guests may ask for help, nothing else.
pub fn guests_get_help(deployment: &Deployment) -> Notice {
    Notice::text("Guests cannot do that here. Nothing changed.")
        .line(format!("Somebody of this account can; {} lists the commands.", slash(deployment, "help")))
}

/// The bot's own chat with the person cannot be written to.
pub fn cannot_reach_you() -> Notice {
    Notice::text("I cannot write to you. Open a chat with me and type connect there.")
}

/// To whoever set it up: nothing can be sent to a place any more.
pub fn cannot_post(place: &Place, since: Timestamp, here: &[Subscription]) -> Notice {
    let paused = counted(here.len() as u64, "subscription");
    let verb = if here.len() == 1 { "is" } else { "are" };
    Notice::text(format!("I can no longer post in {} (since {}).", place.label(), since.clock(zone_of(here))))
        .line(format!("{paused} {verb} paused, nothing is deleted. Add me back, and I go on by myself within an hour."))
        .suggest("Resume", Offered::Resume(place.clone()))
}

/// To whoever pressed "Resume".
pub fn trying_again(deployment: &Deployment, place: &Place, standstill: &Standstill) -> Notice {
    let place = place.label();
    let notice = match (&standstill.paused, standstill.removed.as_slice()) {
        (Some(_), _) => Notice::text(format!("I try {place} again now."))
            .line("What waits goes out first. Where I am still refused, I try once an hour."),
        (None, []) => Notice::text(format!("{} is not paused.", super::capital(&place))),
        (None, [org, ..]) => {
            let notice = Notice::text(format!(
                "{org} has not installed this integration in Sentry again yet, as far as I have heard."
            ));
            notice.line(format!("Nothing can arrive in {place} until then."))
        }
    };
    standstill.removed.iter().fold(notice, |notice, org| install_again(notice, deployment, org))
}

/// Who can install the integration, and where.
fn install_again(notice: Notice, deployment: &Deployment, org: &OrgSlug) -> Notice {
    let notice =
        notice.line(format!("A Sentry owner or manager of {org} can install it again; then I go on by myself."));
    match &deployment.install_url {
        Some(url) => notice.link("Install the integration in Sentry", url),
        None => notice,
    }
}

/// To whoever connected a place: a card for it was given up.
pub fn not_sent(place: &Place, letter: &JobId, why: &str) -> Notice {
    Notice::text(format!("I could not send a card to {}: {}.", place.label(), line(why, 200).trim_end_matches('.'))).line(format!(
        "It is kept for 30 days as dead letter {letter}; whoever runs me can look at it and send it again. I tell you of the \
         first one a day."
    ))
}

/// The bot was restored from a backup: what waited in it may have been sent since, and is not sent again by itself.
pub fn held_back(made: Option<Timestamp>, cards: u64, zone: Zone) -> Notice {
    let of = made.map_or_else(String::new, |made| format!(" of {}", made.day_and_clock(zone)));
    let (waited, it) = (counted(cards, "message"), if cards == 1 { "it" } else { "them" });
    Notice::text(format!("Restored from a backup{of}. {waited} that waited then may have been sent since.")).line(
        format!("I hold {it} back; whoever runs me can still send {it}. What I missed since I catch up with now."),
    )
}

/// To a channel: an organization has removed our integration.
pub fn integration_removed(deployment: &Deployment, place: &Place, org: &OrgSlug) -> Notice {
    let head = format!("Paused: {org} removed this integration in Sentry, so no events arrive. Settings are kept.");
    install_again(Notice::text(head), deployment, org).suggest("Resume", Offered::Resume(place.clone()))
}

/// To a channel: an organization has installed our integration.
pub fn integration_installed(org: &OrgSlug) -> Notice {
    Notice::text(format!(
        "Connected now: {org} has installed this integration in Sentry. Its events arrive from now on."
    ))
}

/// To whoever can mend it: Sentry has issues of which no webhook told.
pub fn webhooks_missing(pulse: &Pulse, missed: usize, now: Timestamp) -> Notice {
    let head = match (pulse.silence(now), pulse.usual, pulse.last) {
        (Some(silence), Some(usual), _) => {
            format!("No events from {} for {} (usual: every {}).", pulse.org, span(silence), span(usual))
        }
        (_, _, Some(_)) => format!("Some events from {} do not arrive.", pulse.org),
        (_, _, None) => format!("No events from {} have ever arrived.", pulse.org),
    };
    let (newer, verb) = (counted(missed as u64, "newer issue"), if missed == 1 { "it" } else { "them" });
    Notice::text(head).line(format!("Sentry's API shows {newer}; no webhook told of {verb}. I am filling the gap now.")).line(
        "Look at the integration's webhook in Sentry: whether it is enabled, points to this bot, and includes issues.",
    )
}

/// `10 min`, `6 h`, `3 days`.
pub(crate) fn span(time: Duration) -> String {
    match time.as_secs() / 60 {
        minutes @ 0..120 => format!("{} min", minutes.max(1)),
        minutes @ 120..2_880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}

/// A command arrived so late that the channel has changed since.
pub fn arrived_late(typed: Timestamp, zone: Zone) -> Notice {
    Notice::text(format!(
        "This arrived late (typed {}) and this channel has changed since. Nothing was done.",
        typed.clock(zone)
    ))
}

/// Sentry did not answer in time, and the command is given up.
pub fn sentry_down(wish: &Connect, tries: u32) -> Notice {
    let tries = if tries == 1 { "1 try".into() } else { format!("{tries} tries") };
    Notice::text(format!("Sentry is not answering ({tries}). Your command was not carried out."))
        .line("I will not retry by myself.")
        .offer("Try again", connect_line(&wish.org, &wish.project, &wish.filter))
}

/// Sentry refused for good.
pub fn sentry_refused(wish: &Connect, why: &str) -> Notice {
    let notice = Notice::text(format!("Sentry refused: {}", line(why, 200))).line("Nothing changed.");
    match &wish.identity {
        Some(identity) => notice
            .line(format!(
                "I asked as you ({}). An owner or manager of the organization can give that account the right in Sentry; then \
                 type connect again, or link another account.",
                line(identity.label(), ECHO)
            ))
            .suggest("Switch account", switch(wish)),
        None => notice.line(
            "I asked as the integration. An owner or manager of the organization can see in Sentry what it may do; then type \
             connect again.",
        ),
    }
}

/// Sentry does not accept the integration's own token.
pub fn integration_refused() -> Notice {
    Notice::text("Sentry does not accept the integration's token. Nothing changed.").line(
        "An owner or manager of the organization can make a new one in Sentry, for whoever runs me to set; then type connect again.",
    )
}

/// Nothing brings the events of a project, and no hook can be made for them.
pub fn no_hook(deployment: &Deployment, label: &str, no_hook: &NoHook) -> Notice {
    match no_hook {
        NoHook::Feature => Notice::text(format!("Not connected: Sentry has no service hooks for {label}."))
            .line("On sentry.io the organization's plan is too small for them.")
            .line("On your own Sentry, whoever runs it switches on the feature projects:servicehooks."),
        NoHook::Refused(why) => Notice::text(format!("Not connected: you may not make a service hook for {label}."))
            .line(line(why, 200))
            .line(format!(
                "It takes a role at Sentry that may change the project. If you have it, and linked long ago, type {} \
                     and connect again.",
                slash(deployment, "unlink")
            )),
    }
    .line("Without a hook nothing would ever arrive here, so nothing was changed.")
}

/// The grant of the person no longer works.
pub fn failed(deployment: &Deployment, linked: &str) -> Notice {
    Notice::text(format!("Your Sentry link ({}) no longer works. Nothing changed.", line(linked, ECHO))).line(format!(
        "Type {} and then connect again; notifications to your channels continue.",
        slash(deployment, "unlink")
    ))
}

/// A press was not carried out.
pub fn not_done(action: &str, why: &str) -> Notice {
    Notice::text(format!("Not {action}: {}", line(why, 200))).line("The card is unchanged.")
}

/// Zoom does not take the edit of a card: what it would say is said under it.
pub fn not_edited(card: &Card) -> Notice {
    let standing = &card.content.standing;
    let by = standing.by().map(|by| format!(" by {}", line(by, ECHO))).unwrap_or_default();
    let word = match standing {
        Standing::FirstIn { .. } => standing.in_words(card.content.settings.zone),
        _ => standing.word().into(),
    };
    Notice::text(format!("{word}{by} (I could not update the card above)."))
}

/// The card of the button is not known here.
pub fn card_expired() -> Notice {
    Notice::text("This card is not mine any more and its buttons have expired.").line("Nothing changed.")
}

/// Somebody was faster.
pub fn done_already(action: &Action, by: Option<&str>) -> Notice {
    match (by, action) {
        (_, Action::Assign(Assignee::Nobody)) => Notice::text("This is nobody's already. Nothing to do."),
        (_, Action::Assign(to)) => {
            Notice::text(format!("{} has this already. Nothing to do.", line(to.name().unwrap_or_default(), ECHO)))
        }
        (Some(by), _) => Notice::text(format!("{} has {} this already. Nothing to do.", line(by, ECHO), action.done())),
        (None, Action::Reopen) => Notice::text("This is open already. Nothing to do."),
        (None, _) => Notice::text(format!("This is {} already. Nothing to do.", action.done())),
    }
}
