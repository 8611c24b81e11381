//! A request body that reports when it has arrived completely. Until then its connection counts as
//! silent, even if its head has arrived.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::slots::Ticket;

/// A body that reports when it has arrived completely.
pub(super) struct Heard {
    body: Incoming,
    /// Gone once that was reported.
    ticket: Option<Ticket>,
}

impl Heard {
    pub(super) fn new(body: Incoming, ticket: Ticket) -> Self {
        let mut heard = Self { body, ticket: Some(ticket) };
        heard.free_ticket_at_end();
        heard
    }

    fn free_ticket_at_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(ticket) = self.ticket.take()
        {
            ticket.has_asked();
        }
    }
}

impl Body for Heard {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.free_ticket_at_end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
