//! Connections that can be made to die without an answer, one by one or all at once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Makes one connection die: the next write does not happen, and the socket closes.
#[derive(Clone, Debug)]
pub(super) struct Kill(Arc<AtomicBool>);

impl Kill {
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A stream that ends when it is killed, or when the agent it belongs to goes down.
pub(super) struct MortalStream {
    stream: TcpStream,
    kill: Kill,
    agent_down: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl MortalStream {
    fn dead(&mut self, cx: &mut Context<'_>) -> bool {
        self.kill.0.load(Ordering::Acquire) || self.agent_down.as_mut().poll(cx).is_ready()
    }
}

fn died<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

impl AsyncRead for MortalStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.dead(cx) {
            return died();
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for MortalStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.dead(cx) {
            return died();
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Accepts connections for as long as the agent is up.
pub(super) struct MortalListener {
    pub(super) listener: TcpListener,
    pub(super) agent_down: CancellationToken,
}

impl Listener for MortalListener {
    type Io = MortalStream;
    type Addr = Kill;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, _) = Listener::accept(&mut self.listener).await;
        let kill = Kill(Arc::new(AtomicBool::new(false)));
        let agent_down = Box::pin(self.agent_down.clone().cancelled_owned());
        (MortalStream { stream, kill: kill.clone(), agent_down }, kill)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Kill(Arc::new(AtomicBool::new(false))))
    }
}

impl Connected<IncomingStream<'_, MortalListener>> for Kill {
    fn connect_info(stream: IncomingStream<'_, MortalListener>) -> Self {
        stream.remote_addr().clone()
    }
}
