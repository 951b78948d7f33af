//! How the program ends: 0 done, 1 the world refuses, 64 a setting or the usage is wrong.

use std::error::Error;
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
    /// The world refuses: `error` with all its causes, behind what it concerns.
    pub(crate) fn world(concerning: &str, error: &dyn Error) -> Self {
        let mut why = format!("{concerning}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            why = format!("{why}: {error}");
            cause = error.source();
        }
        Self::World(why)
    }

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
