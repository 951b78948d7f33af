//! Reading single values: secrets from the environment, and text that must be a number, an address, a list.

use std::net::SocketAddr;

use ipnet::IpNet;
use zentry_domain::Secret;

use super::place;
use crate::exit::Failure;

/// The process's environment; an empty variable counts as unset.
#[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Looks a variable up.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads secrets.
pub(super) struct Reader<'a> {
    pub(super) environment: Environment<'a>,
}

impl Reader<'_> {
    /// A secret from its variable or from the file that its `_FILE` twin names.
    pub(super) fn secret(&self, name: &str) -> Result<Option<Secret>, Failure> {
        let file = format!("{name}_FILE");
        let non_empty = |name: &str| (self.environment)(name).filter(|value| !value.is_empty());
        match (non_empty(name), non_empty(&file)) {
            (Some(_), Some(_)) => Err(wrong(name, &format!("is set, and so is {file}; unset one of them"))),
            (Some(value), None) => Ok(Some(Secret::new(value))),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    wrong(&file, &format!("cannot be read: {error}; check the path and who may read it"))
                })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok((!text.is_empty()).then(|| Secret::new(text)))
            }
            (None, None) => Ok(None),
        }
    }

    pub(super) fn required_secret(&self, name: &str) -> Result<Secret, Failure> {
        self.secret(name)?.ok_or_else(|| missing(name))
    }

    /// Several secrets, comma separated, while one is being rotated.
    pub(super) fn secrets(&self, name: &str) -> Result<Vec<Secret>, Failure> {
        let Some(list) = self.secret(name)? else { return Ok(Vec::new()) };
        Ok(list.expose().split(',').map(str::trim).filter(|s| !s.is_empty()).map(Secret::new).collect())
    }
}

// === values ===

/// An empty variable counts as unset.
pub(super) fn set(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty())
}

pub(super) fn required<'a>(name: &str, value: &'a Option<String>) -> Result<&'a str, Failure> {
    set(value).ok_or_else(|| missing(name))
}

pub(super) fn list(value: &Option<String>) -> impl Iterator<Item = &str> {
    set(value).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn networks(name: &str, value: &Option<String>) -> Result<Vec<IpNet>, Failure> {
    list(value)
        .map(|item| item.parse().map_err(|_| wrong(name, "must be networks such as 10.0.0.0/8, comma separated")))
        .collect()
}

pub(super) fn number(name: &str, value: &str) -> Result<u32, Failure> {
    value.parse().map_err(|_| wrong(name, "must be a whole number; 0 is no limit"))
}

/// `on` or `off`, which is what nothing means.
pub(super) fn switch(name: &str, value: &Option<String>) -> Result<bool, Failure> {
    match set(value) {
        None | Some("off") => Ok(false),
        Some("on") => Ok(true),
        Some(_) => Err(wrong(name, "must be on or off")),
    }
}

pub(super) fn address(name: &str, value: &str) -> Result<SocketAddr, Failure> {
    value.parse().map_err(|_| wrong(name, "must be an address and a port, such as 127.0.0.1:8080"))
}

/// Two settings that make sense together only.
pub(super) fn both<A, B>(first: (&str, Option<A>), second: (&str, Option<B>)) -> Result<Option<(A, B)>, Failure> {
    match (first, second) {
        ((_, Some(a)), (_, Some(b))) => Ok(Some((a, b))),
        ((_, None), (_, None)) => Ok(None),
        ((set, Some(_)), (unset, None)) | ((unset, None), (set, Some(_))) => {
            let mend = place(unset).map_or_else(String::new, |place| format!("; {place}"));
            Err(wrong(unset, &format!("is missing, but {set} is set: they go together{mend}")))
        }
    }
}

pub(super) fn missing(name: &str) -> Failure {
    wrong(name, &place(name).map_or_else(|| "is missing".to_owned(), |place| format!("is missing; {place}")))
}

pub(super) fn wrong(name: &str, problem: &str) -> Failure {
    Failure::Setting(format!("{name} {problem}"))
}
