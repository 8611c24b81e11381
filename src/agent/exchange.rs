//! One request on one connection: from a connection just made to the last byte of the answer.
//!
//! It knows no token and no address, nor the meaning of answers. Keeps true: nothing is sent twice;
//! data that comes before the answer is bounded like the answer; the connection ends with the
//! exchange.

use std::convert::Infallible;
use std::io::Cursor;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::header::HeaderMap;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::limits::{HEADERS_MAX, HEADS_MAX};
use super::metered::{Budget, Metered};

/// The body of a request.
#[derive(Debug)]
pub(super) struct Content(Vec<u8>);

impl Content {
    /// Empty if there is none.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Body for Content {
    type Data = Cursor<Vec<u8>>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let bytes = std::mem::take(&mut self.0);
        let frame = (!bytes.is_empty()).then(|| Ok(Frame::data(Cursor::new(bytes))));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// An answer whose head has arrived.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    /// Drives the connection; it ends when this is dropped.
    _connection: AbortOnDropHandle<()>,
}

/// Why a body is incomplete.
#[derive(Debug)]
pub(super) enum NoBody {
    /// It is longer than allowed.
    TooLong,
    /// The connection broke.
    Broken(hyper::Error),
}

/// Sends the request, and waits for the head of its answer. Once this was called, the peer may have
/// the request.
pub(super) async fn send(
    stream: TcpStream,
    request: Request<Content>,
) -> Result<Head, hyper::Error> {
    // The library reads informational answers for as long as they come, without a pause.
    let metered = Metered::new(stream, Budget::InAll(HEADS_MAX));
    let budget = metered.lift();
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADS_MAX)
        .handshake(TokioIo::new(metered))
        .await?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async {
        // The caller that waits for the answer gets the error.
        let _ = connection.await;
    }));
    let (head, body) = sender.send_request(request).await?.into_parts();
    // The body is read in pieces, on demand, and has a bound of its own.
    budget.lift();
    Ok(Head { status: head.status, headers: head.headers, body, _connection: connection })
}

impl Head {
    /// Reads the body, of `limit` bytes at most.
    pub(super) async fn body(&mut self, limit: usize) -> Result<Vec<u8>, NoBody> {
        let told = self.body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        if told.is_some_and(|length| length > limit) {
            return Err(NoBody::TooLong);
        }
        let mut read = Vec::with_capacity(told.unwrap_or(0));
        let mut body = Pin::new(&mut self.body);
        while let Some(frame) =
            std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
        {
            // Anything else is a trailer.
            let Ok(piece) = frame.map_err(NoBody::Broken)?.into_data() else { continue };
            if read.len() + piece.len() > limit {
                return Err(NoBody::TooLong);
            }
            read.extend_from_slice(&piece);
        }
        Ok(read)
    }
}
