//! Silent connections, slow readers, and clients that wait for them, over real sockets.

use axum::body::Body;
use axum::routing::{get, post};
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// More than fits in the buffers between two ends.
const LARGE: usize = 16 << 20;

/// Bounds of which none frees a slot while a test has patience.
fn bounds() -> Bounds {
    let longer = PATIENCE * 2;
    Bounds {
        connections_max: 4,
        large_max: 1,
        head_bytes_max: 16 << 10,
        headers_max: 64,
        head_wait: longer,
        connection_wait: longer,
        pace: Pace { grace: longer, bytes_per_second: 1 << 20 },
    }
}

/// Serves `/small`, `/large`, `/late` and `/said` to the end of the test.
fn server(bounds: Bounds) -> std::path::PathBuf {
    let folder = tempfile::tempdir().unwrap().keep();
    let path = folder.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let slots = Slots::new(bounds);
        serve(listener, &slots, |_, ticket| {
            let ticket = ticket.clone();
            let large = async move || {
                ticket.large().await;
                vec![b'x'; LARGE]
            };
            // A word, and much more after a silence that is longer than any grace in these tests.
            let late = async || {
                let word = stream::iter([Ok::<_, Infallible>(vec![b'x'])]);
                let rest = stream::once(async {
                    sleep(Duration::from_millis(500)).await;
                    Ok(vec![b'x'; LARGE])
                });
                Body::from_stream(word.chain(rest))
            };
            Router::new()
                .route("/small", get(async || "small"))
                .route("/large", get(large))
                .route("/late", get(late))
                .route("/said", post(async |said: String| said))
        })
        .await
    });
    path
}

async fn ask(path: &std::path::Path, page: &str) -> UnixStream {
    let mut stream = UnixStream::connect(path).await.unwrap();
    let request = format!("GET /{page} HTTP/1.1\r\nhost: here\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The number of bytes that arrive until the connection ends.
async fn length(stream: &mut UnixStream) -> usize {
    let mut answer = Vec::new();
    // A broken connection has an end as well.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    answer.len()
}

fn on_a_loop(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn connections_that_say_nothing_give_way() {
    on_a_loop(async {
        let path = server(bounds());
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(UnixStream::connect(&path).await.unwrap());
        }
        assert!(length(&mut ask(&path, "small").await).await > 5);
        assert_eq!(length(&mut silent[0]).await, 0, "the oldest has given way");
    });
}

#[test]
fn requests_whose_body_does_not_come_give_way_and_those_that_come_whole_are_answered() {
    on_a_loop(async {
        let path = server(bounds());
        let said = |length: usize| {
            let head = format!("POST /said HTTP/1.1\r\nhost: here\r\ncontent-length: {length}");
            format!("{head}\r\n\r\nhere")
        };
        let mut half = Vec::new();
        for _ in 0..20 {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(said(60_000).as_bytes()).await.unwrap();
            half.push(stream);
        }
        assert!(length(&mut ask(&path, "small").await).await > 5);
        let mut whole = UnixStream::connect(&path).await.unwrap();
        whole.write_all(said(4).as_bytes()).await.unwrap();
        let mut answer = String::new();
        whole.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    });
}

#[test]
fn many_that_ask_at_once_are_all_answered() {
    on_a_loop(async {
        let path = server(bounds());
        let mut asking = Vec::new();
        for _ in 0..40 {
            asking.push(ask(&path, "small").await);
        }
        for stream in &mut asking {
            assert!(length(stream).await > 5);
        }
    });
}

#[test]
fn those_that_do_not_read_give_way_to_those_that_do() {
    on_a_loop(async {
        let path = server(bounds());
        let mut idle = Vec::new();
        for _ in 0..3 {
            idle.push(ask(&path, "large").await);
        }
        assert!(length(&mut ask(&path, "large").await).await > LARGE);
        assert!(length(&mut idle[0]).await < LARGE);
    });
}

#[test]
fn those_that_do_not_read_give_way_also_where_every_place_is_theirs() {
    on_a_loop(async {
        let path = server(Bounds { connections_max: 2, large_max: 2, ..bounds() });
        let mut idle = [ask(&path, "large").await, ask(&path, "large").await];
        assert!(length(&mut ask(&path, "small").await).await > 5);
        assert!(length(&mut idle[0]).await < LARGE);
    });
}

#[test]
fn a_reader_that_is_too_slow_is_cut_off_and_one_that_keeps_pace_is_not() {
    on_a_loop(async {
        let grace = Duration::from_millis(200);
        let pace = Pace { grace, bytes_per_second: 64 << 20 };
        let path = server(Bounds { large_max: 2, pace, ..bounds() });
        let mut idle = ask(&path, "large").await;
        assert!(length(&mut ask(&path, "large").await).await > LARGE);
        sleep(grace * 10).await;
        assert!(length(&mut idle).await < LARGE);
    });
}

#[test]
fn a_stream_that_was_silent_for_long_is_not_read_slowly() {
    on_a_loop(async {
        let pace = Pace { grace: Duration::from_millis(200), bytes_per_second: 64 << 20 };
        let path = server(Bounds { pace, ..bounds() });
        assert!(length(&mut ask(&path, "late").await).await > LARGE);
    });
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    on_a_loop(async {
        let path = server(Bounds { head_wait: Duration::from_millis(50), ..bounds() });
        let mut silent = UnixStream::connect(&path).await.unwrap();
        let mut half = UnixStream::connect(&path).await.unwrap();
        half.write_all(b"GET /small HTTP/1.1\r\nhos").await.unwrap();
        assert_eq!(length(&mut silent).await, 0);
        assert!(length(&mut half).await < 200, "an error at most");
    });
}
