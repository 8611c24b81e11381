//! A receiver of webhooks and pings: a plain HTTP server on a port of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method and path.
    pub(crate) line: String,
    /// Header lines, their names in small letters.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// Takes requests and remembers them.
pub(crate) struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    /// One that answers the n-th request, from 0, with `answers(n)`: a status and header lines.
    /// Without an answer it keeps the connection open and says nothing.
    pub(crate) fn start(
        answers: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let answers = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (told, answers) = (Arc::clone(&told), Arc::clone(&answers));
                std::thread::spawn(move || take(stream.unwrap(), &told, &*answers));
            }
        });
        Self { address, seen }
    }

    /// An address of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

fn take(
    mut stream: TcpStream,
    told: &Mutex<Vec<Seen>>,
    answers: &dyn Fn(usize) -> Option<&'static str>,
) {
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    let seen = loop {
        // A client that was killed says no more.
        let Ok(read @ 1..) = stream.read(&mut buffer) else { return };
        text.extend_from_slice(&buffer[..read]);
        if let Some(seen) = parse(&String::from_utf8_lossy(&text)) {
            break seen;
        }
    };
    let mut all = told.lock().unwrap();
    let answer = answers(all.len());
    all.push(seen);
    drop(all);
    match answer {
        Some(answer) => {
            let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n");
            // The client may have been killed meanwhile.
            let _ = stream.write_all(format!("{head}\r\n").as_bytes());
        }
        None => while stream.read(&mut buffer).is_ok_and(|read| read > 0) {},
    }
}

/// The request, once all of it is there.
fn parse(text: &str) -> Option<Seen> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<String> = lines.map(str::to_owned).collect();
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    (body.len() >= length).then(|| Seen { line, headers, body: body.to_owned() })
}
