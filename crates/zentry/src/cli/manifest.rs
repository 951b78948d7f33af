//! `zentry manifest`: what is entered in Zoom's and in Sentry's console.

use clap::{Args, ValueEnum};

use super::output::print;
use crate::config::ManifestConfig;
use crate::exit::Failure;
use crate::manifest;
use crate::settings::Settings;

/// For which console.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Whose console
    console: Console,
    #[command(flatten)]
    settings: Settings,
}

/// Where an app is made.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Console {
    /// The Zoom app's manifest
    Zoom,
    /// The settings of the Sentry integration; of a Sentry App where ZENTRY_SENTRY_APP_SLUG or ZENTRY_SENTRY_CLIENT_ID is set
    Sentry,
}

/// Prints it.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    let config = ManifestConfig::load(&arguments.settings)?;
    let manifest = match arguments.console {
        Console::Zoom => manifest::zoom(&config),
        Console::Sentry => manifest::sentry(&config),
    };
    print(&format!("{manifest:#}"))
}
