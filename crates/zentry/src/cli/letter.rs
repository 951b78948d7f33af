//! How a dead letter is shown to an operator.

use serde_json::{Value, json};
use zentry_domain::{ChannelId, DeadLetter, Job, Owner};

use super::output::Table;
use crate::exit::Failure;

/// Before the token in an address by which somebody links.
const LINK: &str = "/link/";

/// The list of `letters`.
pub(super) fn table(letters: &[DeadLetter]) -> Table<6> {
    let row = |letter: &DeadLetter| {
        [
            json!(letter.id.as_str()),
            account(letter),
            channel(letter),
            json!(letter.why),
            json!(letter.attempts),
            json!(letter.at.to_string()),
        ]
    };
    Table {
        columns: ["id", "account", "channel", "reason", "attempts", "since"],
        rows: letters.iter().map(row).collect(),
    }
}

/// Everything about a letter, without what would let the reader act as somebody else.
pub(super) fn whole(letter: &DeadLetter) -> Result<String, Failure> {
    let unreadable = |error| Failure::world("the letter cannot be shown", &error);
    let mut shown = json!({
        "id": letter.id.as_str(),
        "account": account(letter),
        "channel": channel(letter),
        "reason": letter.why,
        "attempts": letter.attempts,
        "since": letter.at.to_string(),
        "queued": letter.since.to_string(),
        "lane": letter.lane.name,
        "job": serde_json::to_value(&letter.job).map_err(unreadable)?,
    });
    hide_tokens(&mut shown);
    if let Some(code) = shown.pointer_mut("/job/code") {
        *code = json!("…");
    }
    serde_json::to_string_pretty(&shown).map_err(unreadable)
}

fn account(letter: &DeadLetter) -> Value {
    match &letter.lane.owner {
        Owner::Zoom(account) => json!(account.as_str()),
        Owner::Sentry(_) => Value::Null,
    }
}

/// Where it was going. A job that only names a row goes where its lane goes.
fn channel(letter: &DeadLetter) -> Value {
    let known = |channel: &ChannelId| json!(channel.as_str());
    match &letter.job {
        Some(Job::Answer(answer)) => known(&answer.to.to),
        Some(Job::Connect(wish)) => known(&wish.place.channel),
        Some(Job::Update(update)) => known(&update.place.channel),
        _ => match letter.lane.name.split_once('/') {
            Some(("cards" | "roundups" | "answers" | "connects", channel)) => json!(channel),
            _ => Value::Null,
        },
    }
}

/// Whoever has the token of such an address can finish somebody's linking.
fn hide_tokens(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(LINK) => *text = without_tokens(text),
        Value::Array(values) => values.iter_mut().for_each(hide_tokens),
        Value::Object(fields) => fields.values_mut().for_each(hide_tokens),
        _ => {}
    }
}

fn without_tokens(text: &str) -> String {
    let mut parts = text.split(LINK);
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        format!("{text}{LINK}…{rest}")
    })
}

#[cfg(test)]
mod tests {
    use zentry_domain::{
        AccountId, Address, Answer, Handle, InstallationId, JobId, Lane, Notice, Person, Place, Secret, Timestamp,
        UserId, UserJid,
    };

    use super::*;

    fn place() -> Place {
        let channel = ChannelId::new("OPS@conference.xmpp.zoom.us");
        Place { account: AccountId::new("acc"), channel, name: None, direct: false }
    }

    fn letter(lane: Lane, job: Job) -> DeadLetter {
        let (since, at) = (Timestamp(1_767_323_045_000), Timestamp(1_767_326_645_000));
        DeadLetter { id: JobId::new("1"), lane, job: Some(job), why: "refused".into(), attempts: 2, since, at }
    }

    fn answer(notice: Notice) -> DeadLetter {
        let person = Person {
            account: AccountId::new("acc"),
            user: UserId::new("U1"),
            jid: UserJid::new("u1@xmpp.zoom.us"),
            name: "Ana".into(),
        };
        let to = Address::everyone(&place(), &person);
        let lane = Lane::answers(&place().account, &place().channel);
        letter(lane, Job::Answer(Answer { to, notice, replaces: None, otherwise: None }))
    }

    #[test]
    fn a_letter_says_where_it_was_going() {
        let account = place().account;
        let show = Job::Show { account: account.clone(), card: Handle::new("h") };
        let letters = [
            answer(Notice::text("hello")),
            letter(Lane::cards(&account, &place().channel), show),
            letter(Lane::upkeep(), Job::Sweep),
        ];
        let rows = table(&letters).rows;
        let whither: Vec<_> = rows.iter().map(|row| (row[1].as_str(), row[2].as_str())).collect();
        let (acc, ops) = (Some("acc"), Some("OPS@conference.xmpp.zoom.us"));
        assert_eq!(whither, [(acc, ops), (acc, Some("ops@conference.xmpp.zoom.us")), (None, None)]);
        assert_eq!(rows[0][5], "2026-01-02T04:04:05Z", "when it was given up");
    }

    #[test]
    fn the_code_of_an_installation_is_not_shown() {
        let installation = InstallationId::new("11111111-2222-4333-8444-555555555555");
        let job = Job::Install { installation: installation.clone(), code: Secret::new("canary") };
        let shown = whole(&letter(Lane::installation(&installation), job)).expect("shown");
        assert!(shown.contains(installation.as_str()) && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_link_that_somebody_was_sent_is_not_shown() {
        let token = "Kx93Ht-zq7Wm4canary_0123456789abcdefghijklmn";
        let url = format!("https://bot.example.com/bot/link/{token}");
        let notice = Notice::text(format!("Link · {url} · once")).link("Link Sentry account", &url);
        let shown = whole(&answer(notice)).expect("shown");
        assert!(!shown.contains(token) && !shown.contains("canary"), "{shown}");
        assert!(shown.contains("Link · https://bot.example.com/bot/link/… · once"), "{shown}");
        assert!(shown.contains("\"queued\": \"2026-01-02T03:04:05Z\""), "{shown}");
    }
}
