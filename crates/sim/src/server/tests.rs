//! The server over real sockets: how a client sees each kind of answer, and none.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Sim, SimHandle, SimOptions};
use crate::world::{Endpoint, Fault, PlannedFault, Span, WorldOptions};

fn run<F: Future<Output = ()>>(test: impl FnOnce(SimHandle, String) -> F, world: WorldOptions) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sim, url) = Sim::start(SimOptions { world, ..SimOptions::default() }).await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), test(sim.clone(), url)).await.unwrap();
        sim.stop().await;
    });
}

fn quick() -> WorldOptions {
    WorldOptions {
        pick_up: Span::millis(0, 0),
        duration: Span::millis(600_000, 600_000),
        cancel_takes: Span::millis(0, 0),
        ..WorldOptions::default()
    }
}

/// The answer: status line and headers in lower case, and the body. Empty if there was none.
async fn request(url: &str, method: &str, target: &str, body: &str) -> (String, String) {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let text = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_lowercase(), body.to_owned())
}

fn transfer_body() -> String {
    json!({
        "SourceCloudAccountId": WorldOptions::PRODUCTION, "sourceBucket": "footage",
        "sourcePath": "a/", "destinationCloudAccountId": WorldOptions::ARCHIVE,
        "destinationBucket": "cold", "destinationPath": "b/", "allowSkip": true,
    })
    .to_string()
}

const LIST: &str = "/Transfer/GET_ALL?Token=sim-token";
const POST: &str = "/transfer/transfer?token=sim-token";

async fn listed(url: &str) -> Value {
    let (head, body) = request(url, "GET", LIST, "").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn a_transfer_goes_in_without_an_id_and_is_found_in_the_list_and_canceled() {
    run(
        |sim, url| async move {
            let (head, body) = request(&url, "POST", POST, &transfer_body()).await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert_eq!(body, "");
            let page = listed(&url).await;
            assert_eq!(page["total"], 1);
            let record = &page["data"][0];
            assert_eq!(record["transferStatus"], 2);
            assert_eq!(record["userId"], json!(WorldOptions::DEFAULT_USER));
            let cancel = json!({"id": record["id"]}).to_string();
            let target = "/transfer/cancel_transfer?token=sim-token";
            let (head, _) = request(&url, "POST", target, &cancel).await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert_eq!(listed(&url).await["data"][0]["transferStatus"], 8);
            let (head, body) = request(&url, "POST", target, &cancel).await;
            assert!(head.starts_with("http/1.1 499"), "{head}");
            assert!(head.contains("error-code: transfer"), "{head}");
            assert!(body.contains(r#""type":"TRANSFER""#), "{body}");
            assert!(sim.requests().iter().all(|seen| !seen.path.contains("sim-token")));
        },
        quick(),
    );
}

#[test]
fn a_lost_answer_closes_the_socket_without_a_byte_and_the_transfer_is_in() {
    run(
        |sim, url| async move {
            let fault = Fault::LoseAfter;
            let planned = PlannedFault { endpoint: Endpoint::Post, fault, times: 1, skip: 0 };
            sim.with(|world, _| world.plan_fault(planned));
            let (head, _) = request(&url, "POST", POST, &transfer_body()).await;
            assert_eq!(head, "");
            assert_eq!(listed(&url).await["total"], 1);
        },
        quick(),
    );
}

#[test]
fn a_stalled_answer_never_comes() {
    run(
        |sim, url| async move {
            let fault = Fault::StallAfter;
            let planned = PlannedFault { endpoint: Endpoint::Post, fault, times: 1, skip: 0 };
            sim.with(|world, _| world.plan_fault(planned));
            let body = transfer_body();
            let asked = request(&url, "POST", POST, &body);
            assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
            assert_eq!(sim.with(|world, _| world.transfers().count()), 1);
        },
        quick(),
    );
}

#[test]
fn an_agent_that_is_down_refuses_connections_and_comes_back_on_the_same_port() {
    run(
        |sim, url| async move {
            let host = url.trim_start_matches("http://").to_owned();
            let mut idle = TcpStream::connect(&host).await.unwrap();
            assert_eq!(listed(&url).await["total"], 0);
            sim.with(|world, now| world.go_down(now));
            let mut byte = [0];
            let read = idle.read(&mut byte).await;
            assert!(matches!(read, Ok(0) | Err(_)), "open connections die: {read:?}");
            while TcpStream::connect(&host).await.is_ok() {
                tokio::task::yield_now().await;
            }
            sim.with(|world, now| world.come_back(now));
            while TcpStream::connect(&host).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(listed(&url).await["total"], 0);
        },
        quick(),
    );
}

#[test]
fn admin_routes_plan_faults_and_change_options() {
    run(
        |_sim, url| async move {
            let plan = r#"{"endpoint":"list","fault":{"problem":"SESSION"}}"#;
            let (head, _) = request(&url, "POST", "/_sim/faults", plan).await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let (head, _) = request(&url, "GET", LIST, "").await;
            assert!(head.contains("error-code: session"), "{head}");
            let patch = r#"{"variants":{"pascal_case":true,"no_user_id":true}}"#;
            let (head, _) = request(&url, "POST", "/_sim/options", patch).await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let _ = request(&url, "POST", POST, &transfer_body()).await;
            let page = listed(&url).await;
            assert_eq!(page["Data"][0]["TransferStatus"], 2, "{page}");
            assert_eq!(page["Data"][0]["UserId"], Value::Null);
            let (_, body) = request(&url, "GET", "/_sim/posts", "").await;
            assert!(body.contains(r#""outcome":"answered""#), "{body}");
            let (head, _) = request(&url, "POST", "/_sim/faults", "{}").await;
            assert!(head.starts_with("http/1.1 400"), "{head}");
        },
        quick(),
    );
}

#[test]
fn the_socket_tells_of_calls_and_files_and_says_goodbye() {
    let world = WorldOptions { duration: Span::millis(2_000, 2_000), ..quick() };
    run(
        |sim, url| async move {
            let target = format!("{}/notification", url.replace("http://", "ws://"));
            let (mut socket, _) = tokio_tungstenite::connect_async(target).await.unwrap();
            let _ = request(&url, "POST", POST, &transfer_body()).await;
            let mut types = std::collections::BTreeSet::new();
            while types.len() < 2 {
                let frame = socket.next().await.unwrap().unwrap();
                let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
                types.insert(frame["Type"].as_u64().unwrap());
            }
            assert_eq!(types, [1, 4].into());
            let stop = sim.stop();
            let goodbye = async {
                loop {
                    if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
                        return u16::from(frame.unwrap().code);
                    }
                }
            };
            let ((), code) = tokio::join!(stop, goodbye);
            assert_eq!(code, 1000);
        },
        world,
    );
}

#[test]
fn objects_of_a_bucket_come_in_pages() {
    run(
        |_, url| async move {
            let ask = async |bucket: &str, next: &str| {
                let body = json!({
                    "account": {"Id": WorldOptions::PRODUCTION, "name": "production"},
                    "request": {"id": "", "bucketName": bucket, "path": "in/",
                                "continuationToken": next, "count": 2},
                });
                let target = "/cloud/list_objects?token=sim-token";
                request(&url, "POST", target, &body.to_string()).await
            };
            let mut paths = Vec::new();
            let mut next = String::new();
            for _ in 0..2 {
                let (_, body) = ask("footage", &next).await;
                let page: Value = serde_json::from_str(&body).unwrap();
                let path = |object: &Value| object["path"].as_str().unwrap().to_owned();
                paths.extend(page["data"].as_array().unwrap().iter().map(path));
                next = page["continuationToken"].as_str().unwrap().to_owned();
            }
            assert_eq!(paths, ["in/clip-001.mov", "in/clip-002.mov", "in/clip-003.mov"]);
            assert_eq!(next, "");
            assert!(ask("nothing", "").await.0.starts_with("http/1.1 499"));
        },
        quick(),
    );
}

#[test]
fn a_restarted_simulator_knows_what_it_knew() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().join("world.json"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SimOptions { world: quick(), state: state.clone(), ..SimOptions::default() };
        let (sim, url) = Sim::start(options.clone()).await.unwrap();
        let _ = request(&url, "POST", POST, &transfer_body()).await;
        let before = listed(&url).await["data"][0]["id"].clone();
        // Without a clean stop: acknowledged requests are on disk.
        let (again, url) = Sim::start(options).await.unwrap();
        assert_eq!(listed(&url).await["data"][0]["id"], before);
        sim.stop().await;
        again.stop().await;
    });
}

#[test]
fn the_date_header_follows_the_agents_own_clock() {
    let world = WorldOptions { clock_skew: SignedDuration::from_hours(-24 * 365), ..quick() };
    run(
        |sim, url| async move {
            let (head, _) = request(&url, "GET", "/management/agent_status", "").await;
            let date = head.lines().find(|line| line.starts_with("date:")).unwrap().to_owned();
            let year = sim.with(|world, now| world.agent_time(now).strftime("%Y").to_string());
            assert!(date.contains(&year), "{date}");
        },
        world,
    );
}
