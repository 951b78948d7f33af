//! Muting a channel's projects for a while: what they would post is gathered, and told by one card when that is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Handle, Timestamp};

/// Nobody mutes for less: it would be over before it is read.
pub const SHORTEST_MUTE: Duration = Duration::from_secs(5 * 60);
/// Nobody mutes for longer: a mute that is forgotten must end by itself.
pub const LONGEST_MUTE: Duration = Duration::from_secs(14 * 24 * 3_600);

/// A subscription posts nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// Until when.
    pub until: Timestamp,
    /// The card that tells of what came meanwhile.
    pub roundup: Handle,
}
