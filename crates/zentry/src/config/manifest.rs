//! What the manifests of both consoles need: no secret, and nothing that a console shows only after they were entered.

use url::Url;

use super::command;
use super::read::{Reader, set, switch};
use crate::exit::Failure;
use crate::settings::Settings;

/// Where the bot is, what it is called, and which Sentry it belongs to.
pub(crate) struct ManifestConfig {
    public_url: Url,
    sentry: Url,
    /// The slash command's name.
    pub(crate) command: String,
    /// Accounts' directories are read.
    pub(crate) directory: bool,
    /// A Sentry App for many organizations rather than the integration of one.
    pub(crate) is_app: bool,
}

impl ManifestConfig {
    /// Reads `settings`.
    ///
    /// # Errors
    /// [`Failure::Setting`], naming the setting.
    pub(crate) fn load(settings: &Settings) -> Result<Self, Failure> {
        let read = Reader { environment: &|_| None };
        Ok(Self {
            public_url: read.public_url(settings)?,
            sentry: read.sentry_base(settings)?,
            command: command(settings)?,
            directory: switch("ZENTRY_ZOOM_DIRECTORY", &settings.zoom_directory)?,
            is_app: set(&settings.sentry_app_slug).or(set(&settings.sentry_client_id)).is_some(),
        })
    }

    /// An address of the public listener.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// Whose domain that is.
    pub(crate) fn host(&self) -> &str {
        self.public_url.host_str().unwrap_or_default()
    }

    /// Whose addresses are shown more of.
    pub(crate) fn sentry_host(&self) -> &str {
        self.sentry.host_str().unwrap_or_default()
    }
}
