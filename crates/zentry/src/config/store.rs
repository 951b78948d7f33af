//! What every command needs that works on the store: where it is, and the keys.

use std::path::PathBuf;

use zentry_seal::Keyring;

use super::read::{Environment, Reader, set, wrong};
use crate::exit::Failure;
use crate::settings::StoreSettings;

/// The store, and what it is sealed with.
pub(crate) struct StoreConfig {
    /// The SQLite file.
    pub(crate) path: PathBuf,
    pub(crate) keys: Keyring,
}

impl StoreConfig {
    /// Reads `settings`, and the keys from `environment`.
    ///
    /// # Errors
    /// [`Failure::Setting`], naming the setting.
    pub(crate) fn load(settings: &StoreSettings, environment: Environment<'_>) -> Result<Self, Failure> {
        Reader { environment }.store(&settings.store)
    }
}

impl Reader<'_> {
    pub(super) fn store(&self, setting: &Option<String>) -> Result<StoreConfig, Failure> {
        Ok(StoreConfig { path: path(set(setting).unwrap_or("sqlite:zentry.db"))?, keys: self.keys()? })
    }

    fn keys(&self) -> Result<Keyring, Failure> {
        let keys = self.required_secret("ZENTRY_KEYS")?;
        Keyring::parse(keys.expose())
            .map_err(|error| wrong("ZENTRY_KEYS", &format!("{error}; `zentry keys new` prints a good one")))
    }
}

/// The file that a setting names.
pub(crate) fn path(value: &str) -> Result<PathBuf, Failure> {
    match value.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(("postgres" | "postgresql", _)) => {
            Err(wrong("ZENTRY_STORE", "names PostgreSQL, which this version does not support; use sqlite:PATH"))
        }
        _ => Err(wrong("ZENTRY_STORE", "must be sqlite:PATH")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn load(store: Option<&str>, keys: Option<&str>) -> Result<StoreConfig, String> {
        let settings = StoreSettings { store: store.map(str::to_owned) };
        let environment = |name: &str| (name == "ZENTRY_KEYS").then(|| keys.map(str::to_owned)).flatten();
        StoreConfig::load(&settings, &environment).map_err(|failure| {
            assert_eq!(failure.code(), 64, "{failure}");
            failure.to_string()
        })
    }

    #[test]
    fn keys_alone_are_enough() {
        let config = load(None, Some(KEY)).expect("enough");
        assert_eq!(config.path, PathBuf::from("zentry.db"));
        assert_eq!(load(Some("sqlite:/data/z.db"), Some(KEY)).expect("enough").path, PathBuf::from("/data/z.db"));
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        assert!(load(None, None).err().expect("no keys").starts_with("ZENTRY_KEYS"));
        assert!(load(None, Some("k1:canary")).err().expect("no key").starts_with("ZENTRY_KEYS"));
        for store in ["z.db", "sqlite:", "postgres://bot@db.example.com/zentry"] {
            assert!(load(Some(store), Some(KEY)).err().expect(store).starts_with("ZENTRY_STORE"));
        }
    }
}
