//! Values that must never be printed.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

/// A token, key or code. Its `Debug` is redacted, it has no `Display` and no serialisation, and its memory is wiped on
/// drop. Whoever needs the value says so loudly with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the value; the caller's copy is the caller's to wipe.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself, for the one place that sends or seals it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A value that an operator may replace while the program runs: its clones share it, and whoever needs it asks for it
/// each time.
#[derive(Debug)]
pub struct Rotating<T>(Arc<RwLock<Arc<T>>>);

impl<T> Rotating<T> {
    /// Begins with `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value as it is now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What `other` holds now; says whether that is something else than before.
    pub fn follow(&self, other: &Self) -> bool
    where
        T: PartialEq,
    {
        let new = other.get();
        let old = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), Arc::clone(&new));
        old != new
    }
}

impl<T> Clone for Rotating<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Rotating<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shares_a_value_sees_it_replaced() {
        let held = Rotating::new(Secret::new("old"));
        let shared = held.clone();
        assert!(held.follow(&Secret::new("new").into()));
        assert_eq!(shared.get().expose(), "new");
        assert!(!held.follow(&Secret::new("new").into()), "nothing has changed");
        assert!(!format!("{held:?}").contains("new"));
    }

    #[test]
    fn debug_does_not_show_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
