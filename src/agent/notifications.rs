//! The agent's notification socket, as a hint that something has changed.
//!
//! The content of frames decides nothing: they are per file, `get_all` is the truth, and any local
//! process can send one. Frames that name an object that failed, or a request of ours that was
//! carried out, are handed on for display. No failure here matters: the socket is opened again,
//! with back-off, as long as there is a listener. Keeps true: a peer that floods the socket, or
//! does not read, costs neither memory nor more than a moment's work.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::connection::{NoConnection, Ways};
use super::limits::{
    CONNECT_MAX, ECHO_BYTES_MAX, FRAME_MAX, FRAMES_A_SECOND, FRAMES_WAITING_MAX, RECONNECT,
    SOCKET_BYTES_A_SECOND, SOCKET_SILENCE, SOCKET_UNSENT_MAX,
};
use super::metered::{Budget, Metered, Pace};
use super::neighbor::{Errand, Owners};
use super::words::fit;
use super::{origin, wire};
use crate::core::cause::FailedObject;
use crate::core::ids::{AttemptId, TransferId};
use crate::core::limits::OBJECT_PATH_MAX;
use crate::core::plain::one_line;
use crate::privacy::mask;

/// The content of a frame that is worth more than a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// An object could not be transferred.
    ObjectFailed {
        /// The transfer.
        transfer: TransferId,
        /// The object and the reason, fit for display.
        object: FailedObject,
    },
    /// The request of an attempt was carried out (protocol, rule 14).
    Receipt(AttemptId),
}

/// How many of these a channel should hold.
pub const FRAMES_WAITING: usize = FRAMES_WAITING_MAX;

/// The receiver of a socket's messages.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Receives a hint when something has changed. Hints are not piled up: a channel of one is
    /// enough.
    pub hint: Sender<()>,
    /// Receives the content of frames; dropped if there is no room.
    pub frames: Sender<Frame>,
}

/// Listens until the receiver of the hints is gone; drop the future to stop earlier. `url` is
/// [`super::AgentClient::notification_url`]; nothing is sent if its port is held by a user who is
/// not one of the `owners`.
pub async fn listen(url: String, owners: Owners, listener: Listener) {
    let hint = &listener.hint;
    let mut delay = RECONNECT.0;
    let mut first = true;
    loop {
        if let Ok(socket) =
            timeout(CONNECT_MAX, open(&url, &owners, BY_THE_SECOND)).await.unwrap_or(Err(Closed))
        {
            // Changes while it was closed went unnoticed.
            if !first && send(hint).is_err() {
                return;
            }
            match follow(socket, &listener).await {
                Ok(End::Closed) => {
                    delay = RECONNECT.0;
                    tracing::debug!("the agent's notification socket closed");
                }
                // Opened again less and less often, for as long as it is flooded.
                Ok(End::Flooded) => tracing::debug!(
                    "the agent's notification socket was flooded, and is left closed for {delay:?}"
                ),
                Err(NobodyListens) => return,
            }
        }
        first = false;
        tokio::select! {
            () = hint.closed() => return,
            () = tokio::time::sleep(delay) => {}
        }
        delay = (delay * 2).min(RECONNECT.1);
    }
}

/// The socket during a request to the agent, to receive the echo of its origin.
pub(super) struct Ear(Socket);

impl Ear {
    /// Absent if the socket does not open.
    pub(super) async fn open(url: &str, owners: &Owners) -> Option<Self> {
        let open = open(url, owners, Budget::InAll(ECHO_BYTES_MAX));
        timeout(CONNECT_MAX, open).await.ok()?.ok().map(Self)
    }

    /// True if a frame about a request with this `X-App-Origin` comes in time.
    pub(super) async fn hears(&mut self, origin: &str, patience: Duration) -> bool {
        let heard = async {
            while let Some(Ok(message)) = self.0.next().await {
                let frame = wire::frame(&message.into_data());
                if frame == Some(wire::ReadFrame::Called(origin.to_owned())) {
                    return true;
                }
            }
            false
        };
        timeout(patience, heard).await.unwrap_or(false)
    }
}

/// The socket is closed, or could not be opened, for any reason.
struct Closed;

/// Why a socket is no longer followed.
enum End {
    Closed,
    Flooded,
}

/// The receiver is gone.
struct NobodyListens;

fn send(hint: &Sender<()>) -> Result<(), NobodyListens> {
    match hint.try_send(()) {
        Ok(()) | Err(TrySendError::Full(())) => Ok(()),
        Err(TrySendError::Closed(())) => Err(NobodyListens),
    }
}

/// The socket, read at a bounded pace.
type Socket = WebSocketStream<Metered<TcpStream>>;

fn bounds() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
        // The library answers pings by itself: without a bound, answers that a peer does not read
        // would pile up. Beyond it only the last one waits.
        .write_buffer_size(0)
        .max_write_buffer_size(SOCKET_UNSENT_MAX)
        // Frames are rare and small: most of the default of 128 KiB would be unused.
        .read_buffer_size(4 * 1024)
}

/// The bound on reading while there is a receiver.
const BY_THE_SECOND: Budget = Budget::ASecond(SOCKET_BYTES_A_SECOND);

async fn open(url: &str, owners: &Owners, budget: Budget) -> Result<Socket, Closed> {
    let stream = connect(&Url::parse(url).map_err(|_| Closed)?, owners).await?;
    let stream = Metered::new(stream, budget);
    match client_async_with_config(url, stream, Some(bounds())).await {
        Ok((socket, _)) => Ok(socket),
        Err(_) => Err(Closed),
    }
}

/// A connection to an allowed user, as for any other request.
async fn connect(url: &Url, owners: &Owners) -> Result<TcpStream, Closed> {
    for way in Ways::new(url, owners.clone()).in_order() {
        match way.connect(Errand::Secret, CONNECT_MAX).await {
            Ok(stream) => return Ok(stream),
            Err(NoConnection::Held(held)) => {
                tracing::debug!("the agent's notification socket is left closed: {held}");
            }
            Err(NoConnection::Late | NoConnection::Failed(_)) => {}
        }
    }
    Err(Closed)
}

/// Turns frames into hints until the socket closes.
async fn follow(mut socket: Socket, listener: &Listener) -> Result<End, NobodyListens> {
    let hint = &listener.hint;
    let mut pinged = false;
    let mut pace = Pace::default();
    loop {
        let frame = tokio::select! {
            () = hint.closed() => return Err(NobodyListens),
            frame = timeout(SOCKET_SILENCE, socket.next()) => frame,
        };
        if matches!(frame, Ok(Some(Ok(_)))) && pace.add(1) > u64::from(FRAMES_A_SECOND) {
            return Ok(End::Flooded);
        }
        match frame {
            Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_))))) => {
                pinged = false;
                if let Some(frame) = read(&message.into_data()) {
                    // If the receiver does not keep up, some of many are enough.
                    let _ = listener.frames.try_send(frame);
                }
                send(hint)?;
            }
            // The library answers pings, and the next turn handles a close.
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => pinged = false,
            Ok(Some(Err(_))) if socket.get_ref().is_spent() => return Ok(End::Flooded),
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return Ok(End::Closed),
            Err(_) if pinged => return Ok(End::Closed),
            Err(_) => {
                pinged = true;
                let ping = socket.send(Message::Ping(Vec::new().into()));
                if !matches!(timeout(SOCKET_SILENCE, ping).await, Ok(Ok(()))) {
                    return Ok(End::Closed);
                }
            }
        }
    }
}

fn read(frame: &[u8]) -> Option<Frame> {
    match wire::frame(frame)? {
        wire::ReadFrame::Failed(wire::FailedFrame { transfer, path, error }) => {
            let path = one_line(&mask(&path), OBJECT_PATH_MAX);
            let object = FailedObject { path, error: fit(&error, None) };
            Some(Frame::ObjectFailed { transfer, object })
        }
        wire::ReadFrame::Called(origin) => origin::attempt(&origin).map(Frame::Receipt),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};

    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

    use super::*;

    /// A peer that pings without end and never reads.
    struct Pings;

    impl Read for Pings {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            const PING: [u8; 127] = {
                let mut frame = [b'x'; 127];
                (frame[0], frame[1]) = (0x89, 125);
                frame
            };
            buffer[..PING.len()].copy_from_slice(&PING);
            Ok(PING.len())
        }
    }

    impl Write for Pings {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn resident_pages() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn answers_to_pings_that_nobody_reads_do_not_pile_up() {
        let mut socket = WebSocket::from_raw_socket(Pings, Role::Client, Some(bounds()));
        for _ in 0..1_000 {
            socket.read().unwrap();
        }
        // Without a bound it is 26 MB each time. Other tests of the process take memory meanwhile.
        let mut grown = usize::MAX;
        for _ in 0..5 {
            let before = resident_pages();
            for _ in 0..200_000 {
                socket.read().unwrap();
            }
            grown = grown.min(resident_pages().saturating_sub(before));
            if grown < 1_000 {
                break;
            }
        }
        assert!(grown < 1_000, "{grown} pages of 4 KiB more");
    }
}
