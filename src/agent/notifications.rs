//! The agent's notification socket, as a hint that something has changed.
//!
//! What the frames say is not looked at: they are per file, and `get_all` is the truth. No failure
//! here matters: the socket is opened again, with back-off, for as long as somebody listens.

use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::limits::{CONNECT_MAX, FRAME_MAX, RECONNECT, SOCKET_SILENCE};
use super::transport::loopback;

/// Listens until the receiver of `hint` is gone; drop the future to stop earlier. Hints that
/// nobody has taken yet are not piled up: a channel of one is enough. `url` is
/// [`super::AgentClient::notification_url`].
pub async fn listen(url: String, hint: Sender<()>) {
    let mut delay = RECONNECT.0;
    let mut first = true;
    loop {
        if let Ok(socket) = timeout(CONNECT_MAX, open(&url)).await.unwrap_or(Err(Closed)) {
            delay = RECONNECT.0;
            // What happened while it was closed went unheard.
            if !first && send(&hint).is_err() {
                return;
            }
            if follow(socket, &hint).await.is_err() {
                return;
            }
            tracing::debug!("the agent's notification socket closed");
        }
        first = false;
        tokio::select! {
            () = hint.closed() => return,
            () = tokio::time::sleep(delay) => {}
        }
        delay = (delay * 2).min(RECONNECT.1);
    }
}

/// Whether the socket can be opened.
pub(super) async fn opens(url: &str) -> bool {
    open(url).await.is_ok()
}

/// The socket is closed, or could not be opened: no matter why.
struct Closed;

/// Nobody listens any more.
struct NobodyListens;

fn send(hint: &Sender<()>) -> Result<(), NobodyListens> {
    match hint.try_send(()) {
        Ok(()) | Err(TrySendError::Full(())) => Ok(()),
        Err(TrySendError::Closed(())) => Err(NobodyListens),
    }
}

async fn open(url: &str) -> Result<WebSocketStream<TcpStream>, Closed> {
    let parsed = Url::parse(url).map_err(|_| Closed)?;
    let host = parsed.host_str().ok_or(Closed)?;
    let port = parsed.port_or_known_default().ok_or(Closed)?;
    let stream = if host.eq_ignore_ascii_case("localhost") {
        TcpStream::connect(&loopback(port)[..]).await
    } else {
        TcpStream::connect((host.trim_matches(['[', ']']), port)).await
    };
    let stream = stream.map_err(|_| Closed)?;
    let bounds = WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
        // Frames come seldom and are small: the default of 128 KiB would lie idle.
        .read_buffer_size(4 * 1024);
    match client_async_with_config(url, stream, Some(bounds)).await {
        Ok((socket, _)) => Ok(socket),
        Err(_) => Err(Closed),
    }
}

/// Turns frames into hints until the socket closes.
async fn follow(
    mut socket: WebSocketStream<TcpStream>,
    hint: &Sender<()>,
) -> Result<(), NobodyListens> {
    let mut pinged = false;
    loop {
        let frame = tokio::select! {
            () = hint.closed() => return Err(NobodyListens),
            frame = timeout(SOCKET_SILENCE, socket.next()) => frame,
        };
        match frame {
            Ok(Some(Ok(Message::Text(_) | Message::Binary(_)))) => {
                pinged = false;
                send(hint)?;
            }
            // Pings are answered by the library, and a close by the next turn.
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => pinged = false,
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return Ok(()),
            Err(_) if pinged => return Ok(()),
            Err(_) => {
                pinged = true;
                let ping = socket.send(Message::Ping(Vec::new().into()));
                if !matches!(timeout(SOCKET_SILENCE, ping).await, Ok(Ok(()))) {
                    return Ok(());
                }
            }
        }
    }
}
