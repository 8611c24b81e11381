//! A connection whose other end has to read at a certain pace, or is cut off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::slots::Ticket;

/// A connection that is cut off if its answer is read too slowly.
pub(super) struct Paced<S> {
    stream: S,
    ticket: Ticket,
    sent: u64,
    /// The total time spent waiting for the other end, up to its last byte.
    waited: Duration,
    /// Since when it is being waited for, if it is.
    waiting_since: Option<Instant>,
    /// Fires when the next byte must have been read; set once an answer has begun.
    late: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, ticket: Ticket) -> Self {
        let (waited, waiting_since, late) = (Duration::ZERO, None, None);
        Self { stream, ticket, sent: 0, waited, waiting_since, late }
    }

    /// Wakes the task, or fails, when the reader is late. Only the time spent waiting for it
    /// counts: a stream on which nothing has happened for a while is not read slowly.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let pace = self.ticket.bounds().pace;
        let Some(late) = &mut self.late else { return Poll::Pending };
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let earned = self.sent.saturating_mul(1_000) / u64::from(pace.bytes_per_second.max(1));
        let allowed = pace.grace + Duration::from_millis(earned);
        let due = since + allowed.saturating_sub(self.waited);
        if late.deadline() != due {
            late.as_mut().reset(due);
        }
        ready!(late.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the answer is read too slowly"))
    }

    /// Notes that some bytes were read, or that none ever will be.
    fn waited(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.late.is_none() {
            this.late = Some(Box::pin(sleep_until(Instant::now())));
            this.ticket.reads();
        }
        match Pin::new(&mut this.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
                this.waited();
                if let Ok(count) = written {
                    this.sent += count as u64;
                }
                Poll::Ready(written)
            }
            Poll::Pending => this.poll_late(cx).map(Err),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
