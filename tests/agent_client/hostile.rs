//! Agents that are none, and peers that say more than any answer takes.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use transferd::agent::{AgentClient, TokenKeeper};
use transferd::core::transfer::{AgentState, LookFailure, SubmitAnswer};
use transferd::settings::{AgentConnection, TokenSource};

use crate::looks::look_request;
use crate::scripted::*;

/// A peer that answers each request with this, for as long as somebody reads; tells how much it
/// could send.
async fn without_end(piece: &'static str) -> (std::net::SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                if read_request(&mut stream).await.is_none() {
                    return;
                }
                let _ = stream.write_all(b"HTTP/1.1 ").await;
                let pieces = piece.repeat(200);
                while stream.write_all(pieces.as_bytes()).await.is_ok() {
                    counted.fetch_add(pieces.len() as u64, Ordering::Relaxed);
                }
            });
        }
    });
    (address, sent)
}

#[tokio::test]
async fn heads_without_end_are_given_up_soon() {
    for piece in [
        "200 OK\r\nx: y\r\n",
        "200 OK\r\nx: yyyyyyyyyyyyyyyyyy",
        "100 Continue\r\n\r\nHTTP/1.1 ",
        "103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 ",
    ] {
        let (address, sent) = without_end(piece).await;
        let client = client_of(address, PATIENT);
        match client.look(&look_request()).await {
            Err(LookFailure::Unreachable(words)) => assert_secretless(&words),
            other => panic!("{piece:?}: {other:?}"),
        }
        match submit(&client, &request()).await {
            SubmitAnswer::Uncertain(words) => assert_secretless(&words),
            other => panic!("{piece:?}: {other:?}"),
        }
        // What lies in the buffers of the two ends is a few megabytes on loopback.
        let sent = sent.load(Ordering::Relaxed);
        assert!(sent < 32 * 1024 * 1024, "{piece:?}: {sent} bytes were taken");
    }
}

/// A peer on a thread of its own, as any other process is: what it sends does not wait for us.
fn without_pause() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let pieces = "HTTP/1.1 100 Continue\r\n\r\n".repeat(4_000);
        while let Ok((mut stream, _)) = listener.accept() {
            while stream.write_all(pieces.as_bytes()).is_ok() {}
        }
    });
    address
}

#[tokio::test]
async fn answers_before_the_answer_without_end_hold_up_nothing() {
    let address = without_pause();
    let client = client_of(address, PATIENT);
    for _ in 0..3 {
        let wanted = look_request();
        let failed = tokio::time::timeout(PATIENT.unsigned_abs() / 4, client.look(&wanted)).await;
        assert!(matches!(failed, Ok(Err(LookFailure::Unreachable(_)))), "{failed:?}");
    }
}

#[tokio::test]
async fn a_web_page_is_no_agent_and_gets_no_token() {
    for act in [ok("<!DOCTYPE html><p>hi"), answer(404, "", "\n <html>nothing here")] {
        let agent = Agent::play(move |_, _| act.clone()).await;
        match agent.client().look(&look_request()).await {
            Err(LookFailure::Unusable(words)) => {
                assert!(words.contains("answers with a web page: is that the agent?"), "{words}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(agent.count("token"), 0, "{:?}", agent.seen());
    }
}

#[tokio::test]
async fn the_agent_is_found_at_the_other_address_of_localhost() {
    let page = Agent::play(|_, _| ok("<html></html>")).await;
    let port = page.address.port();
    // A machine without IPv6 has no other address.
    let Ok(listener) = TcpListener::bind(("::1", port)).await else { return };
    let agent = Agent::play_on(listener, |line, _| {
        ok(if line.contains("agent_status") { "1" } else { r#"{"data":[]}"# })
    });
    let settings = AgentConnection {
        url: format!("http://localhost:{port}"),
        request_timeout: SignedDuration::from_secs(20),
        ..AgentConnection::default()
    };
    let keeper = TokenKeeper::new(TokenSource::Environment("T".into()), |_| Some(TOKEN.into()));
    let client = AgentClient::new(&settings, keeper).unwrap();
    for _ in 0..2 {
        let look = client.look(&look_request()).await.unwrap();
        assert_eq!((look.agent, look.is_complete()), (AgentState::Started, true));
    }
    assert_eq!(page.count("token"), 0, "{:?}", page.seen());
    assert_eq!(page.seen().len(), 1, "it is asked no more");
    assert!(agent.count("get_all") >= 2);
}

#[tokio::test]
async fn a_name_without_end_is_cut() {
    let account = "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11";
    let long = "ä".repeat(100_000);
    let list = format!(r#"[{{"id":"{account}","name":"{long}"}}]"#);
    let agent = Agent::play(move |_, _| ok(&list)).await;
    let accounts = agent.client().accounts().await.unwrap();
    assert!(accounts[0].name.len() <= 500 && accounts[0].name.ends_with("ä…"));
}
