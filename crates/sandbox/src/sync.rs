//! Shared state that can be waited for, and background tasks that end with their owner.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, futures::Notified},
    task::JoinSet,
};

/// Takes the lock even where a panicking test has poisoned it: the state is still the best there is to show.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value behind a lock that is held only inside closures; every change wakes those who wait for one.
#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&lock(&self.value))
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut lock(&self.value));
        self.changed.notify_waiters();
        result
    }

    /// Ends with the next change after this call, however late it is waited for.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits at most `limit` of real time until `look` finds something.
    pub(crate) async fn until<R>(&self, limit: Duration, mut look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let seen = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                // Registered before looking, so that a change in between is not missed.
                changed.as_mut().enable();
                if let Some(found) = self.read(&mut look) {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, seen).await.ok()
    }
}

/// Background tasks of one simulated service.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.0);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(crate) fn abort(&self) {
        lock(&self.0).abort_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_waiter_sees_the_change_it_waits_for() {
        let value = Arc::new(Watched::new(0));
        let writer = tokio::spawn({
            let value = Arc::clone(&value);
            async move {
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                    value.change(|n| *n += 1);
                }
            }
        });
        let seen = value.until(Duration::from_secs(2), |n| (*n >= 3).then_some(*n)).await;
        assert!(seen.is_some());
        writer.await.unwrap();
    }

    #[tokio::test]
    async fn a_wait_ends_at_its_deadline() {
        let value = Watched::new(0);
        assert_eq!(value.until(Duration::from_millis(20), |n| (*n > 0).then_some(())).await, None);
    }
}
