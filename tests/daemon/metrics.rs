//! `/metrics` and `/healthz` over real TCP.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::stage::{Daemon, Stage};

/// One request on a connection of its own: the status, and the answer with its headers.
pub(crate) fn ask(at: &str, method: &str, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

pub(crate) fn get(at: &str, path: &str) -> String {
    let (status, answer) = ask(at, "GET", path, at);
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The addresses that the daemon has served at, in order.
pub(crate) fn served(daemon: &Daemon) -> Vec<String> {
    let log = daemon.log();
    let after = log.split("metrics are served at http://").skip(1);
    after.map(|rest| rest.split('/').next().unwrap().to_owned()).collect()
}

/// What each job's series are like, its name left out.
fn series(text: &str) -> BTreeSet<String> {
    let of_hand = text.lines().filter(|line| line.contains("job=\"hand\""));
    of_hand.map(|line| line.rsplit_once(' ').unwrap().0.replace("job=\"hand\"", "job")).collect()
}

#[test]
fn metrics_count_what_was_done_and_each_job_has_its_series_from_the_start() {
    let stage = Stage::new("");
    stage.write_jobs("listen: 127.0.0.1:0");
    let daemon = stage.start();
    stage.until("it is served", || served(&daemon).len() == 1);
    let at = served(&daemon).remove(0);
    let before = get(&at, "/metrics");
    assert!(before.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(before.contains("transferd_runs_total{job=\"hand\",state=\"succeeded\"} 0\n"));
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    let after = get(&at, "/metrics");
    for line in [
        "transferd_runs_total{job=\"hand\",state=\"succeeded\"} 1\n",
        "transferd_attempts_total{job=\"hand\",outcome=\"succeeded\"} 1\n",
        "transferd_runs_total{job=\"broken\",state=\"failed\"} 1\n",
        "transferd_attempts_total{job=\"broken\",outcome=\"failed\"} 1\n",
        "transferd_run_duration_seconds_count 2\n",
        "transferd_agent_up 1\n",
        "transferd_agent_requests_total{endpoint=\"transfer\",outcome=\"ok\"} 2\n",
    ] {
        assert!(after.contains(line), "{line}{after}");
    }
    let expected = [
        "transferd_attempts_total{job,outcome=\"succeeded\"}",
        "transferd_bytes_transferred_total{job}",
        "transferd_cost_usd_total{job}",
        "transferd_job_last_success_timestamp_seconds{job}",
        "transferd_job_late{job}",
        "transferd_job_paused{job}",
        "transferd_job_running{job}",
        "transferd_objects_failed_total{job}",
        "transferd_objects_transferred_total{job}",
        "transferd_runs_total{job,state=\"canceled\"}",
        "transferd_runs_total{job,state=\"failed\"}",
        "transferd_runs_total{job,state=\"skipped\"}",
        "transferd_runs_total{job,state=\"succeeded\"}",
        "transferd_runs_total{job,state=\"timed_out\"}",
    ];
    assert_eq!(series(&after).iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(!after.contains(Stage::TOKEN));

    assert!(get(&at, "/healthz").ends_with("ok\n"));
    assert!(get(&at, "/").contains("/metrics"));
    assert_eq!(ask(&at, "POST", "/metrics", &at).0, 405);
    assert_eq!(ask(&at, "GET", "/metrics", "evil.example").0, 421);
    assert!(!ask(&at, "HEAD", "/metrics", &at).1.contains("transferd_"));
}

#[test]
fn an_address_that_is_taken_is_said_and_a_reload_moves_it_and_closes_it() {
    let stage = Stage::new("");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    stage.write_jobs(&format!("listen: {taken}"));
    let daemon = stage.start();
    stage.until("it is said", || stage.command(&["status"]).out.contains("can't be bound"));
    assert!(daemon.log().contains("can't be bound"), "{}", daemon.log());

    stage.write_jobs("listen: 127.0.0.1:0");
    assert_eq!(stage.command(&["reload"]).code, 0);
    stage.until("it is served", || served(&daemon).len() == 1);
    let at = served(&daemon).remove(0);
    assert!(get(&at, "/healthz").ends_with("ok\n"));
    assert!(!stage.command(&["status"]).out.contains("can't be bound"));

    stage.write_jobs("");
    assert_eq!(stage.command(&["reload"]).code, 0);
    stage.until("it is closed", || TcpStream::connect(&at).is_err());
}
