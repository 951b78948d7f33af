//! The file of subscriptions: TOML, one `[[subscription]]` each.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zentry_domain::command::parse_filters;
use zentry_domain::wanted::{Connections, Step, There, Wanted};
use zentry_domain::{AccountId, ChannelId, OrgSlug, Place, UserId, say, text};

use crate::exit::Failure;

const HEADER: &str =
    "# What channels get, for `zentry subscriptions plan` and `apply`. A project of \"*\" is every project of the
# organization. Filters are written as in the chat; left out, they are the default. `channel_name` is for
# people and is not read; `by` is the Zoom user id on whose behalf messages are sent.

";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    subscription: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    account: String,
    channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel_name: Option<String>,
    org: String,
    project: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    filters: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// Reads what is wanted.
///
/// # Errors
/// [`Failure::World`] where the file cannot be read, [`Failure::Setting`] where it makes no sense, with the line.
pub(super) fn read(path: &Path) -> Result<Vec<Wanted>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::World(format!("{} cannot be read: {error}", path.display())))?;
    wanted(&text).map_err(|why| Failure::Setting(format!("{}: {why}", path.display())))
}

fn wanted(text: &str) -> Result<Vec<Wanted>, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        format!("{line}{}", text::line(error.message(), 200))
    })?;
    let mut wanted = Vec::<Wanted>::new();
    for (at, entry) in file.subscription.iter().enumerate() {
        let wish = entry.wanted().map_err(|why| format!("subscription {}: {why}", at + 1))?;
        let is_same = |other: &Wanted| {
            (&other.account, &other.channel) == (&wish.account, &wish.channel)
                && other.label().eq_ignore_ascii_case(&wish.label())
        };
        if let Some(first) = wanted.iter().position(is_same) {
            return Err(format!("subscriptions {} and {} are the same: {}", first + 1, at + 1, wish.label()));
        }
        wanted.push(wish);
    }
    Ok(wanted)
}

impl Entry {
    fn wanted(&self) -> Result<Wanted, String> {
        let named =
            [("account", &self.account), ("channel", &self.channel), ("org", &self.org), ("project", &self.project)];
        if let Some((name, _)) = named.iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(format!("{name} is empty"));
        }
        let filter = parse_filters(&self.filters)
            .map_err(|error| format!("filters: {}", say::filters_not_understood(&error)))?;
        Ok(Wanted {
            account: AccountId::new(self.account.trim()),
            channel: ChannelId::new(self.channel.trim()),
            org: OrgSlug::new(self.org.trim()),
            project: self.project.trim().to_owned(),
            filter,
            by: self.by.as_deref().map(str::trim).filter(|by| !by.is_empty()).map(UserId::new),
        })
    }

    fn of(there: &There) -> Self {
        let Place { account, channel, name, .. } = there.place().clone();
        let by = match there {
            There::One(subscription) => &subscription.by,
            There::Every(whole) => &whole.by,
        };
        Self {
            account: account.as_str().to_owned(),
            channel: channel.as_str().to_owned(),
            channel_name: name,
            org: there.org().as_str().to_owned(),
            project: there.project().to_owned(),
            filters: there.filter().typed(),
            by: Some(by.user.as_str().to_owned()).filter(|by| !by.is_empty()),
        }
    }
}

/// The file that says what is there.
pub(super) fn of(connections: &Connections) -> Result<String, Failure> {
    let mut there: Vec<_> = connections.all().collect();
    there.sort_by_key(|there| (there.place().account.clone(), there.place().channel.key()));
    let file = File { subscription: there.iter().map(Entry::of).collect() };
    let text = toml::to_string(&file).map_err(|error| Failure::world("the file cannot be written", &error))?;
    Ok(format!("{HEADER}{text}"))
}

/// One step of a plan.
pub(super) fn in_words(step: &Step) -> String {
    let filters = |typed: String| if typed.is_empty() { "the default filters".to_owned() } else { typed };
    let at = |place: &Place| match place.direct {
        true => format!("in the chat with {} of {}", place.channel, place.account),
        false => format!("in {} ({}) of {}", place.label(), place.channel, place.account),
    };
    let words = match step {
        Step::Connect(wish) => {
            format!("+ {} in {} of {}: {}", wish.label(), wish.channel, wish.account, filters(wish.filter.typed()))
        }
        Step::Filter { there, filter } => format!(
            "~ {} {}: {}, before {}",
            there.label(),
            at(there.place()),
            filters(filter.typed()),
            filters(there.filter().typed())
        ),
        Step::Disconnect(there) => format!("- {} {}", there.label(), at(there.place())),
    };
    text::line(&words, 600)
}

#[cfg(test)]
mod tests {
    use zentry_domain::Level;

    use super::*;

    const GOOD: &str = r#"
[[subscription]]
account = "acc"
channel = "ops@conference.xmpp.zoom.us"
channel_name = "ops"
org = "acme"
project = "checkout"
filters = "level:fatal"

[[subscription]]
account = "acc"
channel = "ops@conference.xmpp.zoom.us"
org = "acme"
project = "*"
by = "U1"
"#;

    #[test]
    fn a_file_says_what_is_wanted() {
        let wanted = wanted(GOOD).expect("good");
        assert_eq!(wanted.len(), 2);
        assert_eq!((wanted[0].filter.level, &wanted[0].by), (Level::Fatal, &None));
        assert_eq!((wanted[1].label().as_str(), &wanted[1].by), ("every project of acme", &Some(UserId::new("U1"))));
        assert_eq!(super::wanted("").expect("an empty one"), []);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_place() {
        let with = |from: &str, to: &str| wanted(&GOOD.replacen(from, to, 1)).expect_err(to);
        assert!(
            with("filters =", "filter =").starts_with("line 8: unknown field `filter`"),
            "{}",
            with("filters =", "filter =")
        );
        assert!(with("account = \"acc\"\n", "").contains("missing field `account`"));
        assert!(with("\"acme\"", "acme").starts_with("line 6: "));
        assert_eq!(with("\"checkout\"", "\" \""), "subscription 1: project is empty");
        assert!(
            with("level:fatal", "level:fatl")
                .starts_with("subscription 1: filters: I do not understand \"level:fatl\"")
        );
        assert!(
            with("level:fatal", "fatal")
                .starts_with("subscription 1: filters: I do not understand \"fatal\". Filters are event:")
        );
        assert_eq!(with("\"checkout\"", "\"*\""), "subscriptions 1 and 2 are the same: every project of acme");
    }
}
