//! What became of every notice, as the operations listener tells it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Town;

/// How long a backlog may take to be worked off.
const SETTLING: Duration = Duration::from_secs(120);

/// The ledger, as the operations listener tells it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ledger {
    /// All notices that there ever were.
    pub accepted: u64,
    /// Those that wait.
    pub pending: u64,
    /// Those that were given up.
    pub dead: u64,
}

impl Ledger {
    /// Reads it, and insists that it adds up.
    pub async fn of(town: &Town) -> Self {
        let (_, metrics) = town.ops("/metrics").await;
        let mut sums = BTreeMap::<&str, u64>::new();
        for line in metrics.lines() {
            let Some((name, value)) = line.strip_prefix("zentry_ledger_").and_then(|line| line.rsplit_once(' ')) else {
                continue;
            };
            let name = name.split('{').next().unwrap_or_default();
            *sums.entry(name).or_default() += value.parse::<u64>().expect("a count");
        }
        let sum = |name: &str| sums.get(name).copied().unwrap_or_else(|| panic!("{name} is missing:\n{metrics}"));
        let (accepted, pending, dead) = (sum("accepted_total"), sum("pending"), sum("dead"));
        assert_eq!(accepted, sum("delivered_total") + sum("suppressed_total") + pending + dead, "{metrics}");
        Self { accepted, pending, dead }
    }

    /// Waits until nothing is pending.
    pub async fn settled(town: &Town) -> Self {
        Self::settled_but_for(town, 0).await
    }

    /// Waits until no more than so many are pending.
    pub async fn settled_but_for(town: &Town, waiting: u64) -> Self {
        let settled = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            loop {
                look.tick().await;
                let ledger = Self::of(town).await;
                if ledger.pending <= waiting {
                    return ledger;
                }
            }
        };
        let settled = tokio::time::timeout(SETTLING, settled).await;
        settled.unwrap_or_else(|_| panic!("it never became quiet; the bot wrote:\n{}", town.log()))
    }
}
