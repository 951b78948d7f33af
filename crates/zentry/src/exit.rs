//! How the program ends: 0 done, 1 the world refuses, 64 a setting or the usage is wrong.

use std::fmt;

/// `EX_USAGE`: a setting is missing, malformed or contradictory, or the command line is wrong.
pub(crate) const USAGE: u8 = 64;

/// Why the program ends without having done it. One line, for whoever must act; never a secret.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The values are right, but the world refuses: a port is taken, the store cannot be read.
    World(String),
    /// A setting is missing, malformed or contradictory.
    Setting(String),
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::World(_) => 1,
            Self::Setting(_) => USAGE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World(why) | Self::Setting(why) => f.write_str(why),
        }
    }
}
