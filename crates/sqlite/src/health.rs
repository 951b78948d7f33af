//! Whether the file can still be trusted.

use tokio::sync::watch;

use crate::error::DiskFault;

/// Set once, when the disk failed or the file turned out to be damaged: what is stored is known only to a process that reads
/// everything anew.
#[derive(Debug, Default)]
pub(crate) struct Health(watch::Sender<Option<String>>);

impl Health {
    /// Why nothing is taken any more.
    pub(crate) fn broken(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Nothing is taken from here on. The first reason stays.
    pub(crate) fn break_down(&self, fault: DiskFault, why: &str) -> String {
        self.0.send_if_modified(|broken| {
            let is_first = broken.is_none();
            if is_first {
                *broken = Some(reason(fault, why));
            }
            is_first
        });
        self.broken().unwrap_or_default()
    }

    /// Returns when nothing is taken any more, and why.
    pub(crate) async fn breakdown(&self) -> String {
        let mut broken = self.0.subscribe();
        let why = broken.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.unwrap_or_default()
    }
}

fn reason(fault: DiskFault, why: &str) -> String {
    match fault {
        DiskFault::Damaged => {
            tracing::error!(
                why,
                "the database is damaged: everything is refused from now on; stop the bot and restore a backup \
                 (`zentry restore FILE`)"
            );
            format!("the database is damaged, restore a backup with `zentry restore FILE`: {why}")
        }
        DiskFault::Broken | DiskFault::Full => {
            tracing::error!(
                why,
                "the store's disk failed: everything is refused from now on; check the disk, then restart"
            );
            format!("the disk failed, check it; the process must be restarted: {why}")
        }
    }
}
