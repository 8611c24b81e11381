//! `ws://…/notification`: sends frames to all listeners; nothing is read from the client.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::shared::Shared;

/// Sends all frames to one client, until either side goes.
pub(super) async fn tell(shared: Arc<Shared>, mut frames: Receiver<String>, mut socket: WebSocket) {
    // The pace at which files are reported depends on whether anyone listens.
    shared.changed.notify_one();
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Ok(text) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            () = shared.stop.cancelled() => {
                let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
                // The client may be gone already.
                let _ = socket.send(Message::Close(Some(frame))).await;
                return;
            }
        }
    }
}
