//! A fixed number of threads for blocking work, with a queue that callers can leave.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that end when the pool is dropped, after the work that they are at.
pub(crate) struct Pool {
    // One permit a thread: callers queue here, in order and cancellably, and a job in the channel starts at once.
    places: Arc<Semaphore>,
    jobs: Sender<Job>,
}

/// Why work was not done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotRun {
    /// The pool is closed; the work was not begun.
    Closed,
    /// No thread was free in time; the work was not begun.
    Busy,
    /// The work panicked.
    Panicked,
}

impl Pool {
    pub(crate) fn start(name: &str, threads: usize) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(format!("{name}-{n}")).spawn(move || work_off(&queue))?;
        }
        Ok(Self { places: Arc::new(Semaphore::new(threads)), jobs })
    }

    /// Runs `work` on a thread that becomes free within `patience`. Work whose caller leaves while waiting is
    /// never begun; work that has begun is carried through.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotRun> {
        let place = timeout(patience, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| NotRun::Busy)?
            .map_err(|_| NotRun::Closed)?;
        let (answer, outcome) = oneshot::channel();
        let job = move || {
            // The caller may leave meanwhile; then nobody wants the result.
            let _ = answer.send(work());
            drop(place);
        };
        self.jobs.send(Box::new(job)).map_err(|_| NotRun::Closed)?;
        outcome.await.map_err(|_| NotRun::Panicked)
    }

    /// Begins nothing more; what has begun ends as it would.
    pub(crate) fn close(&self) {
        self.places.close();
    }
}

fn work_off(queue: &Mutex<Receiver<Job>>) {
    while let Some(job) = next(queue) {
        // A panic must not cost a thread: the pool has a fixed number and never starts another.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a call out panicked; its outcome counts as unknown");
        }
    }
}

/// `None` when the pool was dropped.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().ok()?.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::RecvTimeoutError;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);
    const SHORT: Duration = Duration::from_millis(50);

    /// Work that says when it begins and lasts until it is told to end.
    fn held() -> (impl FnOnce() + Send, Receiver<()>, Sender<()>) {
        let (begun, has_begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let work = move || {
            begun.send(()).unwrap();
            let _ = ended.recv_timeout(LONG);
        };
        (work, has_begun, end)
    }

    fn pool(threads: usize) -> Arc<Pool> {
        Arc::new(Pool::start("test", threads).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn when_all_threads_are_held_a_caller_waits_no_longer_than_its_patience() {
        let pool = pool(1);
        let (work, has_begun, end) = held();
        let holder = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(LONG, work).await }
        });
        has_begun.recv_timeout(LONG).unwrap();

        assert_eq!(pool.run(SHORT, || unreachable!()).await, Err(NotRun::Busy));

        end.send(()).unwrap();
        assert_eq!(holder.await.unwrap(), Ok(()));
        assert_eq!(pool.run(LONG, || 7).await, Ok(7));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_work_runs_at_once_than_there_are_threads() {
        let pool = pool(3);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls: Vec<_> = (0..60)
            .map(|_| {
                let (pool, running, most) = (Arc::clone(&pool), Arc::clone(&running), Arc::clone(&most));
                tokio::spawn(async move {
                    let work = move || {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    };
                    pool.run(LONG, work).await
                })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), Ok(()));
        }
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_caller_that_left_the_queue_is_not_served() {
        let pool = pool(1);
        let (work, has_begun, end) = held();
        let holder = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(LONG, work).await }
        });
        has_begun.recv_timeout(LONG).unwrap();

        let left = timeout(SHORT, pool.run(LONG, || panic!("served after all"))).await;
        assert!(left.is_err());

        end.send(()).unwrap();
        assert_eq!(holder.await.unwrap(), Ok(()));
        assert_eq!(pool.run(LONG, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_costs_neither_a_thread_nor_a_place() {
        let pool = pool(1);
        for _ in 0..3 {
            let outcome = pool.run(LONG, || panic!("on purpose")).await;
            assert_eq!(outcome, Err::<(), _>(NotRun::Panicked));
        }
        assert_eq!(pool.run(LONG, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_closed_pool_begins_nothing() {
        let pool = pool(1);
        pool.close();
        assert_eq!(pool.run(LONG, || ()).await, Err(NotRun::Closed));
    }

    #[tokio::test]
    async fn the_threads_end_with_the_pool() {
        thread_local! {
            static ALIVE: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
        }
        let pool = pool(1);
        let (alive, ended) = mpsc::channel();
        pool.run(LONG, move || ALIVE.set(Some(alive))).await.unwrap();
        assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));

        drop(pool);
        assert_eq!(ended.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
    }
}
