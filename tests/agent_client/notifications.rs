//! The notification socket: hints, and nothing but hints.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use transferd::agent::notifications::listen;

use crate::scripted::closed_port;

/// Accepts WebSocket connections, and hands each on.
async fn sockets() -> (String, Receiver<WebSocketStream<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/notification", listener.local_addr().unwrap());
    let (sender, receiver) = channel(4);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            if sender.send(socket).await.is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

#[tokio::test]
async fn frames_become_hints_and_a_closed_socket_is_opened_again() {
    let (url, mut sockets) = sockets().await;
    let (hint, mut hints) = channel(1);
    tokio::spawn(listen(url, hint));
    let mut socket = sockets.recv().await.unwrap();
    // A flood piles nothing up.
    for _ in 0..100 {
        socket.send(r#"{"Type":1,"Data":{}}"#.into()).await.unwrap();
    }
    assert_eq!(hints.recv().await, Some(()));
    socket.close(None).await.unwrap();
    let mut socket = sockets.recv().await.unwrap();
    assert_eq!(hints.recv().await, Some(()));
    // A frame beyond all bounds closes the socket, and no more.
    let huge = "x".repeat(2 * 1024 * 1024);
    let _ = socket.send(huge.into()).await;
    assert!(sockets.recv().await.is_some());
}

#[tokio::test]
async fn a_socket_that_is_opened_again_is_a_hint_by_itself() {
    let (url, mut sockets) = sockets().await;
    let (hint, mut hints) = channel(1);
    tokio::spawn(listen(url, hint));
    drop(sockets.recv().await.unwrap());
    let _socket = sockets.recv().await.unwrap();
    assert_eq!(hints.recv().await, Some(()));
}

#[tokio::test]
async fn listening_ends_with_its_listener() {
    let (open, mut sockets) = sockets().await;
    let closed = format!("ws://{}/notification", closed_port().await);
    for (url, opens) in [(open, true), (closed, false)] {
        let (hint, hints) = channel(1);
        let listening = tokio::spawn(listen(url, hint));
        let _socket = if opens { sockets.recv().await } else { None };
        drop(hints);
        tokio::time::timeout(Duration::from_secs(20), listening).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_flooded_socket_is_closed_and_opened_again() {
    let (url, mut sockets) = sockets().await;
    let (hint, _hints) = channel(1);
    tokio::spawn(listen(url, hint));
    for kind in ["text", "ping", "huge"] {
        let mut socket = sockets.recv().await.unwrap();
        let mut sent = 0_u32;
        loop {
            let frame = match kind {
                "text" => Message::text("x"),
                "ping" => Message::Ping(vec![b'x'; 125].into()),
                _ => Message::text("x".repeat(200_000)),
            };
            if socket.send(frame).await.is_err() {
                break;
            }
            sent += 1;
            assert!(sent < 1_000_000, "{kind}: nobody minds {sent} frames");
        }
    }
}
