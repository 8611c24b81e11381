//! Reads files on a thread beside the loop: where a file system does not answer, a reading never
//! ends, and its caller must not hold up everything else.
//!
//! Keeps true: at most one reading of a kind is under way, so that a file system that hangs costs
//! one thread, and not one for each try.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Readings of one kind.
pub(super) struct Beside<T> {
    latest: Mutex<Option<watch::Receiver<Option<T>>>>,
}

impl<T> Default for Beside<T> {
    fn default() -> Self {
        Self { latest: Mutex::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Beside<T> {
    /// The result of `reading`, or of the one that is under way already; absent if that takes
    /// longer than `patience`.
    pub(super) async fn read(
        &self,
        patience: Duration,
        reading: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let mut answer = self.under_way(reading)?;
        let waited = timeout(patience, answer.wait_for(Option::is_some)).await;
        waited.ok()?.ok()?.clone()
    }

    fn under_way(
        &self,
        reading: impl FnOnce() -> T + Send + 'static,
    ) -> Option<watch::Receiver<Option<T>>> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        // A reading that has panicked has dropped its end.
        let goes_on = |answer: &&watch::Receiver<Option<T>>| {
            answer.borrow().is_none() && answer.has_changed().is_ok()
        };
        if let Some(answer) = latest.as_ref().filter(goes_on) {
            return Some(answer.clone());
        }
        let (tell, answer) = watch::channel(None);
        let read = move || {
            tell.send_replace(Some(reading()));
        };
        std::thread::Builder::new().name("secrets".to_owned()).spawn(read).ok()?;
        *latest = Some(answer.clone());
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_reading_that_hangs_holds_up_nobody_and_is_not_begun_again() {
        let beside = Beside::default();
        let begun = Arc::new(AtomicU32::new(0));
        let (release, hangs) = mpsc::channel::<()>();
        let counted = Arc::clone(&begun);
        let first = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = hangs.recv();
            1
        };
        assert_eq!(beside.read(SOON, first).await, None);
        for _ in 0..10 {
            let counted = Arc::clone(&begun);
            let another = move || {
                counted.fetch_add(1, Ordering::SeqCst);
                2
            };
            assert_eq!(beside.read(SOON, another).await, None);
        }
        drop(release);
        // The file system answers again: the first reading is waited for, unless it is over
        // already.
        assert!(matches!(beside.read(LATE, || 2).await, Some(1 | 2)));
        assert_eq!(beside.read(LATE, || 3).await, Some(3));
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_reading_that_panics_is_one_that_gives_nothing() {
        let beside = Beside::<u32>::default();
        assert_eq!(beside.read(LATE, || panic!("as a test does")).await, None);
        assert_eq!(beside.read(LATE, || 4).await, Some(4));
    }
}
