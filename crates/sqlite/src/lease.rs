//! What the writer knows beside the file: leases, void after a restart.

use std::collections::HashMap;

use zentry_domain::ports::LaneLease;
use zentry_domain::{Lane, Owner, Timestamp};

use crate::error::Fault;

#[derive(Clone, Debug)]
pub(crate) struct Memory {
    leases: HashMap<Lane, Held>,
    epoch: u64,
    /// Another process serves, and leases.
    is_beside: bool,
    /// Something was purged or swept: what it left behind is to be wiped off the disk.
    pub(crate) is_untidy: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    epoch: u64,
    until: Timestamp,
}

impl Memory {
    /// Epochs of an earlier process are all lower, for it was an earlier start.
    pub(crate) fn of_start(starts: u64) -> Self {
        Self { leases: HashMap::new(), epoch: starts << 32, is_beside: false, is_untidy: false }
    }

    /// That of a process beside the one that leases.
    pub(crate) fn beside() -> Self {
        Self { is_beside: true, ..Self::of_start(0) }
    }

    /// Two processes do not see each other's leases, and would both perform the same jobs.
    pub(crate) fn may_lease(&self) -> Result<(), Fault> {
        if self.is_beside {
            return Err(Fault::Unavailable("opened beside the process that serves: only that one leases".into()));
        }
        Ok(())
    }

    /// How many lanes are leased that ask Sentry for nobody in particular.
    pub(crate) fn asking(&self, now: Timestamp) -> usize {
        let asks = |(lane, held): &(&Lane, &Held)| matches!(lane.owner, Owner::Sentry(_)) && held.until > now;
        self.leases.iter().filter(asks).count()
    }

    pub(crate) fn is_free(&self, lane: &Lane, now: Timestamp) -> bool {
        self.leases.get(lane).is_none_or(|held| held.until <= now)
    }

    /// Leases `lane` and returns the epoch.
    pub(crate) fn take(&mut self, lane: &Lane, until: Timestamp) -> u64 {
        self.epoch += 1;
        self.leases.insert(lane.clone(), Held { epoch: self.epoch, until });
        self.epoch
    }

    /// Insists that `lease` is still the lane's.
    pub(crate) fn check(&self, lease: &LaneLease) -> Result<(), Fault> {
        match self.leases.get(&lease.lane) {
            Some(held) if held.epoch == lease.epoch => Ok(()),
            _ => Err(Fault::Fenced),
        }
    }

    pub(crate) fn renew(&mut self, lease: &LaneLease, until: Timestamp) -> Result<(), Fault> {
        self.check(lease)?;
        self.leases.insert(lease.lane.clone(), Held { epoch: lease.epoch, until });
        Ok(())
    }

    pub(crate) fn release(&mut self, lease: &LaneLease) {
        if self.check(lease).is_ok() {
            self.leases.remove(&lease.lane);
        }
    }
}
