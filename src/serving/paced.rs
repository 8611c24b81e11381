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
    /// Since when there is something to read, and when the next byte has to be taken.
    reading: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, ticket: Ticket) -> Self {
        Self { stream, ticket, sent: 0, reading: None }
    }

    /// Wakes the task up, or fails, when the reader is late.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let pace = self.ticket.bounds().pace;
        let Some((since, late)) = &mut self.reading else { return Poll::Pending };
        let earned = self.sent.saturating_mul(1_000) / u64::from(pace.bytes_per_second.max(1));
        let due = *since + pace.grace + Duration::from_millis(earned);
        if late.deadline() != due {
            late.as_mut().reset(due);
        }
        ready!(late.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the answer is read too slowly"))
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
        if this.reading.is_none() {
            let now = Instant::now();
            this.reading = Some((now, Box::pin(sleep_until(now))));
            this.ticket.reads();
        }
        match Pin::new(&mut this.stream).poll_write(cx, bytes) {
            Poll::Ready(written) => {
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
