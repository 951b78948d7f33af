//! The table of subscriptions.

use std::collections::HashMap;

use serde_json::{Value, json};
use zentry_domain::ports::StoreError;
use zentry_domain::wanted::There;
use zentry_domain::{AccountId, Facts, Place, ProjectId, Timestamp};
use zentry_sqlite::SqliteStore;

use super::connections;
use crate::cli::output::Table;
use crate::exit::Failure;

/// Cards of a channel that are looked through for the newest of each project.
const LOOKED_AT: usize = 500;

/// What is known of one channel.
struct Channel {
    /// Why nothing can be sent there, if nothing can.
    paused: Option<String>,
    /// When the newest card of each project was opened.
    opened: HashMap<ProjectId, Timestamp>,
}

/// Everything that is connected.
pub(super) async fn of(store: &SqliteStore, now: Timestamp) -> Result<Table<10>, Failure> {
    let connections = connections(store).await?;
    let mut there: Vec<_> = connections.all().collect();
    there.sort_by_key(|there| key(there.place()));
    let (mut rows, mut here) = (Vec::new(), None);
    for there in &there {
        let place = there.place();
        if here.as_ref().is_none_or(|(at, _)| *at != key(place)) {
            let known = channel(store, place).await.map_err(|error| Failure::world("the subscriptions", &error))?;
            here = Some((key(place), known));
        }
        rows.extend(here.iter().map(|(_, known)| row(there, known, now)));
    }
    let columns =
        ["account", "channel", "channel_name", "org", "project", "filters", "state", "by", "since", "last_delivery"];
    Ok(Table { columns, rows })
}

fn key(place: &Place) -> (AccountId, String) {
    (place.account.clone(), place.channel.key())
}

async fn channel(store: &SqliteStore, place: &Place) -> Result<Channel, StoreError> {
    let Place { account, channel, .. } = place;
    let paused = store.paused(account, channel).await?.map(|pause| pause.why);
    let cards = store.cards_in(account, channel, Timestamp(0), LOOKED_AT).await?;
    // The newest first.
    let opened = cards.into_iter().rev().map(|card| (card.content.project.id, card.opened)).collect();
    Ok(Channel { paused, opened })
}

fn row(there: &There, channel: &Channel, now: Timestamp) -> [Value; 10] {
    let (by, since, last, muted) = match there {
        There::One(one) => {
            (&one.by, one.since, channel.opened.get(&one.project.id), one.muted(now).map(|mute| mute.until))
        }
        There::Every(whole) => (&whole.by, whole.since, None, None),
    };
    let state = match (&channel.paused, muted) {
        (Some(why), _) => format!("paused: {why}"),
        (None, Some(until)) => format!("muted until {until}"),
        (None, None) => "on".to_owned(),
    };
    let place = there.place();
    [
        json!(place.account.as_str()),
        json!(place.channel.as_str()),
        json!(place.name),
        json!(there.org().as_str()),
        json!(there.project()),
        json!(there.filter().typed()),
        json!(state),
        json!(format!("{} ({})", by.name, by.user)),
        json!(since.to_string()),
        json!(last.map(ToString::to_string)),
    ]
}
