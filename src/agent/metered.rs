//! A connection from which at most a budget of bytes is read, whatever the protocol above does with
//! them: endless heads, fragments of frames, answers before the answer.
//!
//! The libraries above count what they keep, not what they read and discard. This one counts below
//! them, and knows no protocol. Once the budget is spent, reading fails for good.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use jiff::SignedDuration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock;

/// How much may be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Budget {
    /// This many bytes while the connection lasts.
    InAll(usize),
    /// This many bytes per second.
    ASecond(usize),
}

/// Counts by the second.
#[derive(Debug, Default)]
pub(super) struct Pace {
    second: i64,
    count: u64,
}

impl Pace {
    /// Counts `more`, and returns the sum within this second.
    pub(super) fn add(&mut self, more: u64) -> u64 {
        self.add_at(more, clock::awake_since_boot())
    }

    fn add_at(&mut self, more: u64, now: SignedDuration) -> u64 {
        if self.second != now.as_secs() {
            *self = Self { second: now.as_secs(), count: 0 };
        }
        self.count = self.count.saturating_add(more);
        self.count
    }
}

/// Lifts the budget of a connection, once the rest is bounded elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Lift(Arc<AtomicBool>);

impl Lift {
    /// Stops counting.
    pub(super) fn lift(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_lifted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection with a budget for reading.
#[derive(Debug)]
pub(super) struct Metered<S> {
    inner: S,
    budget: Budget,
    lift: Lift,
    total: u64,
    pace: Pace,
    spent: bool,
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, budget: Budget) -> Self {
        Self { inner, budget, lift: Lift::default(), total: 0, pace: Pace::default(), spent: false }
    }

    /// The switch that lifts its budget.
    pub(super) fn lift(&self) -> Lift {
        self.lift.clone()
    }

    /// True once more has arrived than the budget allows.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    fn take(&mut self, read: usize) {
        if self.lift.is_lifted() {
            return;
        }
        let read = read as u64;
        self.total = self.total.saturating_add(read);
        self.spent |= match self.budget {
            Budget::InAll(most) => self.total > most as u64,
            Budget::ASecond(most) => self.pace.add(read) > most as u64,
        };
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.spent {
            return Poll::Ready(Err(io::Error::other("it sent more than any answer takes")));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.take(buffer.filled().len() - before);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn each_second_is_counted_by_itself() {
        let mut pace = Pace::default();
        let at = SignedDuration::from_millis;
        assert_eq!(pace.add_at(3, at(1_000)), 3);
        assert_eq!(pace.add_at(4, at(1_999)), 7);
        assert_eq!(pace.add_at(1, at(2_000)), 1);
    }

    #[tokio::test]
    async fn reading_fails_for_good_once_the_budget_is_spent() {
        let mut metered = Metered::new(tokio::io::repeat(b'x'), Budget::InAll(1_000));
        let mut buffer = [0; 300];
        let mut total = 0;
        let error = loop {
            match metered.read(&mut buffer).await {
                Ok(read) => total += read,
                Err(error) => break error,
            }
        };
        assert_eq!(total, 1_200, "the read that crosses it is the last");
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(metered.is_spent() && metered.read(&mut buffer).await.is_err());
    }

    #[tokio::test]
    async fn a_budget_that_is_lifted_counts_no_more() {
        let mut metered = Metered::new(tokio::io::repeat(b'x'), Budget::InAll(1_000));
        let mut buffer = [0; 900];
        metered.read_exact(&mut buffer).await.unwrap();
        metered.lift().lift();
        for _ in 0..3 {
            metered.read_exact(&mut buffer).await.unwrap();
        }
        assert!(!metered.is_spent());
    }
}
