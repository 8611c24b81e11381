//! The notification socket: hints, and nothing but hints.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use transferd::agent::Owners;
use transferd::agent::notifications::{Frame, Listener, listen};

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

/// Who may be asked where nobody is named: we are among them.
fn owners() -> Owners {
    Owners::forgetful(&[], None)
}

/// A listener that hears no more than hints.
fn hints_only(hint: Sender<()>) -> Listener {
    Listener { hint, frames: channel(1).0 }
}

#[tokio::test]
async fn a_frame_about_an_object_that_failed_is_handed_on_and_a_flood_of_them_is_not_piled_up() {
    let (url, mut sockets) = sockets().await;
    let ((hint, mut hints), (frames, mut heard)) = (channel(1), channel(2));
    tokio::spawn(listen(url, owners(), Listener { hint, frames }));
    let mut socket = sockets.recv().await.unwrap();
    let id = "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11";
    for frame in [
        r#"{"Type":1,"Data":{"Status":"Failed","Path":"no/id.mov","Error":"x"}}"#.to_owned(),
        format!(r#"{{"Type":4,"Data":{{"Status":"Failed","Path":"a","TransferId":"{id}"}}}}"#),
        format!(r#"{{"Type":1,"Data":{{"Status":"Completed","Path":"a","TransferId":"{id}"}}}}"#),
        "{".to_owned(),
        format!(
            r#"{{"type":1,"data":{{"status":"Failed","path":"d/a.mov","error":"Access\u001b denied",
            "transferId":"{id}"}}}}"#
        ),
    ] {
        socket.send(Message::text(frame)).await.unwrap();
    }
    for _ in 0..100 {
        let frame =
            format!(r#"{{"Type":1,"Data":{{"Status":"Failed","Name":"b","TransferId":"{id}"}}}}"#);
        socket.send(Message::text(frame)).await.unwrap();
    }
    socket.close(None).await.unwrap();
    drop(sockets.recv().await.unwrap());
    while hints.try_recv().is_ok() {}
    let mut object = async || match heard.recv().await.unwrap() {
        Frame::ObjectFailed { transfer, object } => (transfer.to_string(), object),
        frame @ Frame::Receipt(_) => panic!("{frame:?}"),
    };
    let (transfer, first) = object().await;
    assert_eq!(transfer, id);
    assert_eq!((first.path.as_str(), first.error.as_str()), ("d/a.mov", "Access denied"));
    assert_eq!(object().await.1.path, "b");
    assert!(heard.try_recv().is_err(), "two are kept");
}

#[tokio::test]
async fn frames_become_hints_and_a_closed_socket_is_opened_again() {
    let (url, mut sockets) = sockets().await;
    let (hint, mut hints) = channel(1);
    tokio::spawn(listen(url, owners(), hints_only(hint)));
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
    tokio::spawn(listen(url, owners(), hints_only(hint)));
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
        let listening = tokio::spawn(listen(url, owners(), hints_only(hint)));
        let _socket = if opens { sockets.recv().await } else { None };
        drop(hints);
        tokio::time::timeout(Duration::from_secs(20), listening).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_flooded_socket_is_closed_and_opened_again() {
    let (url, mut sockets) = sockets().await;
    let (hint, _hints) = channel(1);
    tokio::spawn(listen(url, owners(), hints_only(hint)));
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

#[tokio::test]
async fn a_frame_about_a_request_of_ours_is_handed_on_and_those_of_others_are_hints() {
    let (url, mut sockets) = sockets().await;
    let ((hint, _hints), (frames, mut heard)) = (channel(1), channel(8));
    tokio::spawn(listen(url, owners(), Listener { hint, frames }));
    let mut socket = sockets.recv().await.unwrap();
    let run = "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11";
    let frame = |kind: u8, origin: &str| {
        let data = r#""Operation":2,"EndpointAddress":"/transfer/transfer","HttpMethod":"POST""#;
        Message::text(format!(r#"{{"Type":{kind},"Data":{{{data},"Origin":{origin}}}}}"#))
    };
    let ours = format!(r#""transferd/{run}-3""#);
    for frame in [
        frame(4, "null"),
        frame(4, r#""""#),
        frame(4, r#""desktop""#),
        frame(4, &format!(r#""transferd/{run}""#)),
        frame(1, &ours),
        frame(4, &ours),
    ] {
        socket.send(frame).await.unwrap();
    }
    let Some(Frame::Receipt(attempt)) = heard.recv().await else { panic!("a receipt") };
    assert_eq!((attempt.run.to_string().as_str(), attempt.number), (run, 3));
    assert!(heard.try_recv().is_err());
}
