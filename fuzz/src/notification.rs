//! Frames of the agent's notification socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use transferd::agent::Owners;
use transferd::agent::notifications::{self, Listener};

/// A frame with a text, as a server sends it.
const TEXT: &[u8] = b"\x81\x02{}";

/// Far longer than it takes to read what is at hand, less than the listener's patience with
/// silence.
const DEADLINE: Duration = Duration::from_secs(10);

/// A frame is heard whatever bytes follow it, and the socket is read or closed at once.
pub fn is_a_hint_or_ends_the_socket(bytes: &[u8]) {
    converse(
        async |stream: TcpStream| {
            // A listener that goes away in the handshake has heard nothing.
            let Ok(mut socket) = accept_async(stream).await else { return };
            let stream = socket.get_mut();
            send_and_wait(stream, &[TEXT, bytes].concat()).await;
        },
        true,
    );
}

/// An answer to the handshake that is none hurts nobody.
pub fn is_a_handshake_or_none(bytes: &[u8]) {
    converse(async |mut stream: TcpStream| send_and_wait(&mut stream, bytes).await, false);
}

/// Sends all, and waits until the listener has read it and gone.
async fn send_and_wait(stream: &mut TcpStream, bytes: &[u8]) {
    // A listener that has seen enough closes while we still write.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answers = [0; 4_096];
    while !matches!(stream.read(&mut answers).await, Ok(0) | Err(_)) {}
}

/// Lets the listener connect to an agent that does `part`.
fn converse(part: impl AsyncFnOnce(TcpStream), heard: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let agent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = agent.local_addr().expect("it is bound").port();
        let (hint, mut hints) = mpsc::channel(1);
        let (frames, _frames) = mpsc::channel(1);
        let listener = Listener { hint, frames };
        let url = format!("ws://127.0.0.1:{port}/notification");
        let part = async {
            let (stream, _) = agent.accept().await.expect("the listener comes");
            part(stream).await;
        };
        tokio::select! {
            () = notifications::listen(url, Owners::forgetful(&[], None), listener) => {
                panic!("it listens for as long as somebody wants hints");
            }
            done = tokio::time::timeout(DEADLINE, part) => done.expect("it is read at once"),
        }
        if heard {
            assert_eq!(hints.try_recv(), Ok(()));
        }
        assert!(hints.try_recv().is_err(), "hints do not pile up");
    });
}
