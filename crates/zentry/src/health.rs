//! What the operations listener tells: whether deliveries should be sent here, and the metrics.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use zentry_domain::ports::Backlog;
use zentry_domain::{Journal, Ledger, Pulse, Suppression};
use zentry_ingress::Ops;
use zentry_sqlite::Sqlite;

use crate::log::Lost;

/// Organizations of which the last event is told.
const ORGANIZATIONS: usize = 1_000;

/// The state of the running bot.
pub(crate) struct Health {
    recorder: PrometheusHandle,
    store: Arc<Sqlite>,
    journal: Arc<dyn Journal>,
    lost: Lost,
    /// The organizations that have a line of their own.
    named: Mutex<HashSet<String>>,
    draining: AtomicBool,
    broken: OnceLock<String>,
}

impl Health {
    pub(crate) fn new(recorder: PrometheusHandle, store: Arc<Sqlite>, lost: Lost) -> Self {
        let journal = store.store();
        let (draining, broken) = (AtomicBool::new(false), OnceLock::new());
        Self { recorder, store, journal, lost, named: Mutex::default(), draining, broken }
    }

    /// From now on deliveries should go elsewhere.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The one label that comes from outside has at most a thousand values, however long the process lives.
    fn publish_pulse(&self, pulse: &Pulse) {
        let Some(last) = pulse.last else { return };
        let org = pulse.org.to_string();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < ORGANIZATIONS || named.contains(&org) {
            named.insert(org.clone());
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; milliseconds stay far below 2^52")]
            let seconds = last.0 as f64 / 1_000.0;
            metrics::gauge!("zentry_last_event_timestamp_seconds", "org" => org).set(seconds);
        }
    }

    /// The bot cannot go on, and why.
    pub(crate) fn broken(&self, why: &str) {
        self.broken.get_or_init(|| why.to_owned());
    }
}

#[async_trait]
impl Ops for Health {
    fn ready(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Relaxed) {
            return Err("draining".into());
        }
        if let Some(why) = self.broken.get() {
            return Err(format!("{why}; the bot ends by itself and must be restarted"));
        }
        if !self.store.is_well() {
            return Err("the store takes nothing; look at the log and at the disk".into());
        }
        Ok(())
    }

    async fn metrics(&self) -> String {
        match self.journal.ledger().await {
            Ok(ledger) => publish(&ledger),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the ledger cannot be read"),
        }
        match self.journal.backlog().await {
            Ok(Backlog { waiting, dead }) => {
                metrics::gauge!("zentry_lane_backlog").set(as_gauge(waiting));
                metrics::gauge!("zentry_dead_jobs").set(as_gauge(dead));
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the backlog cannot be read"),
        }
        match self.journal.pulses(ORGANIZATIONS).await {
            Ok(pulses) => pulses.iter().for_each(|pulse| self.publish_pulse(pulse)),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the last events cannot be read"),
        }
        metrics::counter!("zentry_log_lines_dropped_total").absolute(self.lost.lines());
        self.recorder.render()
    }
}

/// The ledger comes from the store, so that it survives restarts; the recorder only prints it.
fn publish(ledger: &Ledger) {
    metrics::counter!("zentry_ledger_accepted_total").absolute(ledger.accepted);
    metrics::counter!("zentry_ledger_delivered_total").absolute(ledger.delivered);
    for reason in Suppression::ALL {
        let notices = ledger.suppressed.get(&reason).copied().unwrap_or_default();
        metrics::counter!("zentry_ledger_suppressed_total", "reason" => reason.word()).absolute(notices);
    }
    metrics::gauge!("zentry_ledger_pending").set(as_gauge(ledger.pending));
    metrics::gauge!("zentry_ledger_dead").set(as_gauge(ledger.dead));
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
fn as_gauge(count: u64) -> f64 {
    count as f64
}
