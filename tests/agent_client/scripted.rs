//! Agents that play a script by the word: each a plain TCP server on a port of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use transferd::agent::{AgentClient, TokenKeeper};
use transferd::core::ids::{AccessId, AccountId, AttemptId, RunId};
use transferd::core::place::{Place, TransferRequest};
use transferd::core::transfer::SubmitAnswer;
use transferd::settings::{AgentConnection, TokenSource};
use uuid::Uuid;

pub(crate) const TOKEN: &str = "s3cret/t0ken+plus=";

/// Longer than any test takes.
pub(crate) const PATIENT: SignedDuration = SignedDuration::from_secs(20);

/// What the scripted agent does with a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Answers, then closes.
    Say(String),
    /// Answers, then keeps the connection open in silence.
    SayAndStall(String),
    /// Says nothing, and keeps the connection open.
    Stall,
    /// Resets the connection.
    Reset,
    /// Closes the connection.
    Close,
}

/// An answer with status, further header lines, and body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}"))
}

pub(crate) fn ok(body: &str) -> Act {
    answer(200, "", body)
}

/// A request as the scripted agent saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) body: String,
}

pub(crate) struct Agent {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Agent {
    /// An agent that plays `script`, which is asked with the request line and the body.
    pub(crate) async fn play(script: impl Fn(&str, &str) -> Act + Send + Sync + 'static) -> Self {
        Self::play_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    /// An agent that plays it where `listener` listens.
    pub(crate) fn play_on(
        listener: TcpListener,
        script: impl Fn(&str, &str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (script, log) = (Arc::new(script), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn client(&self) -> AgentClient {
        client_of(self.address, PATIENT)
    }

    /// A client that soon gives up waiting; for scripts that never answer. It gives up late enough
    /// for its request to arrive, and be answered, on a machine that is busy.
    pub(crate) fn hasty_client(&self) -> AgentClient {
        client_of(self.address, SignedDuration::from_secs(2))
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many request lines hold `text`.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.seen().iter().filter(|seen| seen.line.contains(text)).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<impl Fn(&str, &str) -> Act>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    let Some((line, body)) = read_request(&mut stream).await else { return };
    let act = script(&line, &body);
    log.lock().unwrap().push(Seen { line, body });
    match act {
        Act::Say(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Act::SayAndStall(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            std::future::pending::<()>().await;
        }
        Act::Stall => std::future::pending().await,
        Act::Reset => stream.set_zero_linger().unwrap(),
        Act::Close => {}
    }
}

/// Reads one request: its first line and its body.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&text[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if let Some(body) = text.get(end + 4..end + 4 + length) {
                let line = head.lines().next()?.to_owned();
                return Some((line, String::from_utf8_lossy(body).into_owned()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => text.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A port on which nobody listens.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub(crate) fn client_of(address: SocketAddr, timeout: SignedDuration) -> AgentClient {
    let keeper = TokenKeeper::new(TokenSource::Environment("T".into()), |_| Some(TOKEN.into()));
    client_with(address, timeout, keeper)
}

pub(crate) fn client_with(
    address: SocketAddr,
    timeout: SignedDuration,
    keeper: TokenKeeper,
) -> AgentClient {
    let settings = AgentConnection {
        url: format!("http://{address}"),
        request_timeout: timeout,
        ..AgentConnection::default()
    };
    AgentClient::new(&settings, keeper).unwrap()
}

/// Queues a transfer as after a look by the client's token of now.
pub(crate) async fn submit(client: &AgentClient, request: &TransferRequest) -> SubmitAnswer {
    submit_by(client, client.access().await.unwrap_or_default(), request).await
}

/// Queues a transfer as after a look by this access.
pub(crate) async fn submit_by(
    client: &AgentClient,
    access: AccessId,
    request: &TransferRequest,
) -> SubmitAnswer {
    let attempt = AttemptId { run: RunId(Uuid::from_u128(7)), number: 3 };
    client.submit(attempt, access, request).await
}

pub(crate) fn request() -> TransferRequest {
    let place = |account, bucket: &str, path: &str| Place {
        account: AccountId(Uuid::from_u128(account)),
        bucket: bucket.to_owned(),
        bucket_id: String::new(),
        path: path.to_owned(),
        id: String::new(),
    };
    TransferRequest {
        source: place(1, "footage", "dailies/"),
        destination: place(2, "cold", "x/"),
        allow_skip: true,
        keep_source_tree: false,
    }
}

/// Fails if a text that leaves the client holds a secret or a url.
pub(crate) fn assert_secretless(text: &str) {
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!text.contains("http://"), "{text}");
}
