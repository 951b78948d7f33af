//! This host's clock against those of others: signatures carry the time.

use std::time::Duration;

use data_encoding::BASE64;
use http::Method;
use zentry_domain::{Clock, Timestamp};

use super::{Check, Patient};
use crate::world::WallClock;

const NAME: &str = "clock";
/// What is tolerated: the header counts whole seconds, and the answer was on its way.
const OFF: Duration = Duration::from_secs(30);

/// Asks Zoom and Sentry what time it is: every answer says so, also that to a call which is refused.
pub(super) async fn check(patient: &Patient<'_>) -> Check {
    let at = |url: &url::Url, path: &str| format!("{}{path}", url.as_str().trim_end_matches('/'));
    let Patient { zoom, sentry, .. } = patient;
    let pair = format!("{}:{}", zoom.client_id, zoom.client_secret.get().expose());
    let token_call = [
        ("authorization", format!("Basic {}", BASE64.encode(pair.as_bytes()))),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ];
    let grant = b"grant_type=client_credentials".to_vec();
    let (zoom, sentry) = (at(&zoom.oauth, "/oauth/token"), at(&sentry.base, "/api/0/"));
    let answers = [
        ("Zoom", patient.call("clock", Method::POST, &zoom, &token_call, grant).await),
        ("Sentry", patient.get("clock", &sentry).await),
    ];
    let (mut told, mut last) = (Vec::new(), String::new());
    for (who, answer) in answers {
        match answer {
            Ok(answer) => {
                told.extend(answer.header("date").and_then(date).map(|theirs| (who, theirs, WallClock.now())))
            }
            Err(why) => last = format!("{who}: {why}"),
        }
    }
    verdict(&told, &last)
}

fn verdict(told: &[(&str, Timestamp, Timestamp)], last: &str) -> Check {
    let off = |(_, theirs, ours): &(&str, Timestamp, Timestamp)| ours.since(*theirs).max(theirs.since(*ours));
    let Some(worst) = told.iter().max_by_key(|told| off(told)) else {
        return Check::skipped(NAME, format!("nobody says what time it is: {last}"), "");
    };
    let names: Vec<_> = told.iter().map(|(who, ..)| *who).collect();
    match off(worst) > OFF {
        true => Check::red(
            NAME,
            format!("this host is {} s away from {}'s time", off(worst).as_secs(), worst.0),
            "set this host's clock, and keep it right with NTP (timedatectl set-ntp true)",
        ),
        false => Check::ok(NAME, format!("within {} s of {}", off(worst).as_secs(), names.join("'s and "))),
    }
}

fn date(header: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(header).ok().map(|date| Timestamp(date.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_by_minutes_is_red_and_by_seconds_is_not() {
        let ours = date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        let off =
            |seconds: i64| verdict(&[("Zoom", ours, ours), ("Sentry", Timestamp(ours.0 + 1_000 * seconds), ours)], "");
        assert_eq!((off(2).verdict, off(-20).verdict), (Verdict::Ok, Verdict::Ok));
        assert_eq!(off(400).detail, "this host is 400 s away from Sentry's time");
        assert_eq!(off(-400).verdict, Verdict::Red);
        assert_eq!(verdict(&[], "Zoom: no route").verdict, Verdict::Skipped);
    }
}
