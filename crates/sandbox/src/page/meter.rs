//! What the bot's own metrics say, read from its operations listener as a scraper reads them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::Stage;
use crate::{
    client::{Outbound, exchange},
    clock::linger,
};

const EVERY: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(2);

/// The last reading; nothing before the first, and while the bot does not answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Meter(BTreeMap<String, u64>);

impl Meter {
    /// Reads Prometheus's text format. Of numbers with a fraction only the whole part is kept: counts have none.
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| line.starts_with("zentry_") && !line.contains("_seconds"));
        let samples = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let whole = value.split('.').next()?;
            Some((name.to_owned(), whole.parse().ok()?))
        });
        Self(samples.collect())
    }

    fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Name of the label and number of every sample of a metric with one label, and of those with two, joined.
    fn labelled(&self, metric: &str) -> BTreeMap<String, u64> {
        let of = |(name, value): (&String, &u64)| {
            let labels = name.strip_prefix(metric)?.strip_prefix('{')?.strip_suffix('}')?;
            let values = labels.split(',').filter_map(|label| Some(label.split_once('=')?.1.trim_matches('"')));
            Some((values.collect::<Vec<_>>().join(" "), *value))
        };
        self.0.iter().filter_map(of).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        if self.0.is_empty() {
            return json!({ "up": false });
        }
        let suppressed = self.labelled("zentry_ledger_suppressed_total");
        json!({
            "up": true,
            "accepted": self.count("zentry_ledger_accepted_total"),
            "delivered": self.count("zentry_ledger_delivered_total"),
            "suppressed": suppressed.values().sum::<u64>(),
            "reasons": suppressed.into_iter().filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>(),
            "pending": self.count("zentry_ledger_pending"),
            "dead": self.count("zentry_ledger_dead"),
            "waiting": self.count("zentry_lane_backlog"),
            "dead_jobs": self.count("zentry_dead_jobs"),
            "jobs": self.labelled("zentry_jobs_total"),
            "deliveries": self.labelled("zentry_deliveries_total"),
        })
    }
}

/// Reads again and again.
pub(super) async fn read(stage: Arc<Stage>) {
    loop {
        let reading = reading(&stage.bot.ops_url).await.unwrap_or_default();
        if stage.meter.read(|last| *last != reading) {
            stage.meter.change(|meter| *meter = reading);
        }
        linger(EVERY).await;
    }
}

async fn reading(ops_url: &str) -> Option<Meter> {
    let url = Url::parse(&format!("{ops_url}/metrics")).ok()?;
    let request = Outbound { method: Method::GET, url, headers: Vec::new(), body: Bytes::new() };
    let answer = exchange(request, PATIENCE).await.ok()?;
    Some(Meter::parse(&String::from_utf8_lossy(&answer.body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_times_are_not() {
        let meter = Meter::parse(
            "# HELP zentry_x y\nzentry_ledger_accepted_total 7\nzentry_lane_backlog 2.0\n\
             zentry_ledger_suppressed_total{reason=\"storm\"} 3\nzentry_jobs_total{kind=\"post\",outcome=\"done\"} 4\n\
             zentry_delivery_seconds_sum 1\nother 9\n",
        );
        let json = meter.to_json();
        assert_eq!((&json["accepted"], &json["waiting"], &json["suppressed"]), (&json!(7), &json!(2), &json!(3)));
        assert_eq!(json["reasons"], json!({ "storm": 3 }));
        assert_eq!(json["jobs"], json!({ "post done": 4 }));
    }

    #[test]
    fn a_bot_that_does_not_answer_is_down() {
        assert_eq!(Meter::default().to_json(), json!({ "up": false }));
    }
}
