//! An agent that says the token back, in every spelling and wherever an answer has room for it:
//! nothing that the binary writes or says holds it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::stage::{PATIENCE, Stage, until};

const TOKEN: &str = "qT9vZr4X+quiet/about=Jm27bKwe1";

/// It in base64 and in hex.
const ENCODED: [&str; 2] = [
    "cVQ5dlpyNFgrcXVpZXQvYWJvdXQ9Sm0yN2JLd2Ux",
    "715439765a7234582b71756965742f61626f75743d4a6d3237624b776531",
];

/// Pieces of it that look the same in every spelling, and of it in base64 and in hex.
const TRACES: [&str; 7] =
    ["qT9vZr4X", "Jm27bKwe", "quiet", "cVQ5dlpy", "YWJvdXQ9", "715439765a72", "3d4a6d323762"];

/// Where an answer says it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// The list is a text.
    TextForList,
    /// The list is an error page.
    Page,
    /// The list is refused, with a reason.
    RefusedList,
    /// The transfer is.
    RefusedTransfer,
}

const PLACES: [Place; 4] =
    [Place::TextForList, Place::Page, Place::RefusedList, Place::RefusedTransfer];

/// What it says.
fn spellings() -> Vec<String> {
    let upper = "qT9vZr4X%2Bquiet%2Fabout%3DJm27bKwe1";
    let target = format!("/transfer/get_all?page=1&token={upper}");
    vec![
        format!("bad token {TOKEN}, basic {}, hex {}", ENCODED[0], ENCODED[1]),
        upper.replace("%2B", "%2b").replace("%2F", "%2f"),
        upper.replace('%', "%25"),
        TOKEN.replace("quiet", "qui\n  et"),
        TOKEN.replace("quiet", "qui\u{200b}et").replace('+', "&#x2B;"),
        format!("{target} (original request {target})"),
        format!("{}…", &TOKEN[..24]),
    ]
}

/// What the agent does now, and what it and the receiver of alerts have seen.
#[derive(Default)]
struct Script {
    place: Option<Place>,
    says: String,
    lists: usize,
    alerts: Vec<u8>,
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn reply(script: &Mutex<Script>, line: &str) -> String {
    let mut script = script.lock().unwrap();
    let says = script.says.clone();
    let refusal = json!({"type": "ACCESS", "status": 499, "errors": {"ACCESS": [says]}});
    let (good, refused) =
        (|body: Value| answer("200", &body.to_string()), || answer("499", &refusal.to_string()));
    let id = "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11";
    if line.contains("agent_status") {
        return good(json!(1));
    }
    if line.contains("/authentication/user") {
        return good(json!({"userId": id, "username": says, "userType": says, "jwtToken": TOKEN}));
    }
    if line.contains("/cloud/") {
        return good(match line {
            line if line.contains("list_buckets") => json!({"data": [{"name": says}]}),
            line if line.contains("list_objects") => json!({"data": says}),
            line if line.contains("accounts") => json!([{"id": id, "name": says, "cloudType": 1}]),
            _ => json!({"id": id, "name": says}),
        });
    }
    if line.contains("/transfer/transfer") {
        return refused();
    }
    if line.contains("/transfer/get_all") {
        script.lists += 1;
        return match script.place {
            Some(Place::TextForList) => good(json!({"data": says, "total": 0})),
            Some(Place::Page) => answer("200", &format!("<html><p>{says}</p></html>")),
            Some(Place::RefusedList) => refused(),
            Some(Place::RefusedTransfer) | None => good(json!({"data": [], "total": 0})),
        };
    }
    answer("404", "")
}

fn serve(mut stream: TcpStream, script: &Mutex<Script>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let (head, length) = loop {
        if let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            break (end + 4, length.map_or(0, |length| length.parse().unwrap()));
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => seen.extend_from_slice(&buffer[..read]),
        }
    };
    while seen.len() < head + length {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => seen.extend_from_slice(&buffer[..read]),
        }
    }
    let line = String::from_utf8_lossy(&seen).lines().next().unwrap_or("").to_owned();
    if line.contains("/hook") {
        script.lock().unwrap().alerts.extend_from_slice(&seen);
        return stream.write_all(answer("200", "").as_bytes());
    }
    let text = reply(script, &line);
    stream.write_all(text.as_bytes())
}

fn search(what: &str, bytes: &[u8]) {
    for trace in TRACES {
        let at = bytes.windows(trace.len()).position(|window| window == trace.as_bytes());
        if let Some(at) = at {
            let around = &bytes[at.saturating_sub(200)..bytes.len().min(at + 100)];
            panic!("the token is in {what}: … {} …", String::from_utf8_lossy(around));
        }
    }
}

#[test]
fn the_token_is_nowhere_whatever_way_the_agent_says_it_back() {
    let script = Arc::new(Mutex::new(Script::default()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let shared = Arc::clone(&script);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = Arc::clone(&shared);
            // A client that has gone away needs no answer.
            std::thread::spawn(move || drop(serve(stream, &script)));
        }
    });
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut stage = Stage::new(TOKEN);
    stage.level = "trace";
    stage.write(
        "jobs.yaml",
        &format!(
            "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms, \
             adopt_window: 100ms}}\nlisten: {metrics}\n\
             alerts: [{{on: [failed, canceled], webhook: {{url: 'http://127.0.0.1:{port}/hook'}}}}]\n\
             jobs:\n  one:\n    retry: {{max_attempts: 1}}\n    \
             source: {{account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: b, path: s/}}\n    \
             destination: {{account: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, bucket: b, path: d/}}\n"
        ),
    );
    stage.start();
    for place in PLACES {
        // Each place with some of them: all of them together are tried by the mask itself.
        for says in spellings().into_iter().step_by(7) {
            let lists = {
                let mut script = script.lock().unwrap();
                (script.place, script.says) = (Some(place), says.clone());
                script.lists
            };
            let run = stage.json(&["trigger", "one", "--json"])["id"].as_str().unwrap().to_owned();
            until("the list is asked for", PATIENCE, || {
                (script.lock().unwrap().lists > lists).then_some(())
            });
            if place == Place::RefusedTransfer {
                until("the run fails", PATIENCE, || {
                    (stage.json(&["show", &run, "--json"])["state"] == "failed").then_some(())
                });
            }
            for args in [
                &["status"][..],
                &["status", "--json"],
                &["history", "--json"],
                &["show", &run],
                &["show", &run, "--json"],
                &["why", "one"],
                &["doctor"],
                &["doctor", "--json"],
                &["accounts"],
                &["accounts", "--json"],
                &["accounts", "--yaml"],
                &["check", "--online"],
                &["check", "--online", "--json"],
            ] {
                let said = stage.ask(args);
                search(&format!("{args:?} ({place:?}, {says:?})"), &said.stdout);
                search(&format!("{args:?} ({place:?}, {says:?})"), &said.stderr);
            }
            // One that is over already needs no cancel.
            stage.ask(&["cancel", &run]);
            until("the run is over", PATIENCE, || {
                stage.json(&["show", &run, "--json"])["ended_at"].as_str().map(|_| ())
            });
        }
    }
    let runs = PLACES.len() * spellings().len().div_ceil(7);
    assert_eq!(stage.history().len(), runs);
    until("the alerts arrive", PATIENCE, || {
        let alerts = String::from_utf8_lossy(&script.lock().unwrap().alerts).into_owned();
        (alerts.matches("POST /hook").count() >= runs).then_some(())
    });
    search("an alert", &script.lock().unwrap().alerts);
    for path in ["/metrics", "/", "/runs/one", "/api/status", "/api/history", "/api/runs/one"] {
        let mut stream = TcpStream::connect(metrics).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {metrics}\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut page = Vec::new();
        stream.read_to_end(&mut page).unwrap();
        assert!(page.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&page));
        search(path, &page);
    }
    for entry in std::fs::read_dir(stage.state()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            search(&entry.path().display().to_string(), &std::fs::read(entry.path()).unwrap());
        }
    }
    stage.kill();
    let log = std::fs::read(stage.log_path()).unwrap();
    assert!(log.len() > 1_000, "the log is no log");
    search("the log", &log);
}
