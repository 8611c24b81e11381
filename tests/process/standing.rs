//! Interference with a running daemon from outside: its files moved away, its socket removed, signals
//! that are meant for others, connections that nobody uses.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use transferd::sim::world::WorldOptions;

use crate::disk::{job_file, posts, world};
use crate::memory;
use crate::stage::{Agent, PATIENCE, Stage, terminate, transferd, until};

fn stage() -> (Stage, Agent) {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let agent = Agent::start(stage.path(), &world(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    (stage, agent)
}

fn signal(stage: &mut Stage, signal: Signal) {
    kill_process(Pid::from_child(stage.daemon()), signal).unwrap();
}

fn log(stage: &Stage) -> String {
    std::fs::read_to_string(stage.log_path()).unwrap()
}

#[test]
fn without_its_state_folder_it_queues_nothing_and_ends_with_words() {
    let (mut stage, agent) = stage();
    until("something is queued", PATIENCE, || (posts(&agent) > 0).then_some(()));
    std::fs::rename(stage.state(), stage.path().join("away")).unwrap();
    let daemon = stage.daemon();
    let status = until("it ends", PATIENCE, || daemon.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
    let words = stage.log_end();
    assert!(words.contains("is not the one that this daemon has open"), "{words}");
    // What was recorded before it was moved may have been asked for; nothing comes after it.
    let asked = posts(&agent);
    std::fs::rename(stage.path().join("away"), stage.state()).unwrap();
    let attempts: usize =
        stage.history().iter().map(|run| run["attempts"].as_array().unwrap().len()).sum();
    assert!(asked <= attempts, "{asked} requests, {attempts} attempts on record");
}

#[test]
fn a_socket_that_is_removed_is_bound_again() {
    let (mut stage, _agent) = stage();
    let socket = stage.state().join("control.sock");
    std::fs::remove_file(&socket).unwrap();
    assert_eq!(stage.ask(&["status"]).status.code(), Some(3));
    signal(&mut stage, Signal::HUP);
    until("it answers again", PATIENCE, || UnixStream::connect(&socket).ok());
    assert!(stage.ask(&["status"]).status.success());
    assert!(log(&stage).contains("has been made again"), "{}", stage.log_end());
    assert_eq!(terminate(stage.daemon()).code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn signals_that_mean_nothing_end_nothing_and_are_said() {
    let (mut stage, _agent) = stage();
    let sent = [
        ("SIGUSR1", Signal::USR1),
        ("SIGUSR2", Signal::USR2),
        ("SIGALRM", Signal::ALARM),
        ("SIGXFSZ", Signal::XFSZ),
    ];
    for (name, kind) in sent {
        signal(&mut stage, kind);
        let words = format!("{name} means nothing here");
        until(name, PATIENCE, || log(&stage).contains(&words).then_some(()));
    }
    assert!(stage.ask(&["status"]).status.success());
}

#[test]
fn a_daemon_that_is_still_starting_is_killed_by_no_signal() {
    for (kind, code) in [(Signal::TERM, 0), (Signal::QUIT, 0)] {
        let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
        // Long enough to be met while it is being read.
        stage.write("jobs.yaml", &memory::job_file(0));
        stage.launch();
        until("the job file is being read", PATIENCE, || {
            memory::is_reading(&mut stage).then_some(())
        });
        signal(&mut stage, Signal::HUP);
        signal(&mut stage, kind);
        let daemon = stage.daemon();
        let status = until("it ends", PATIENCE, || daemon.try_wait().unwrap());
        assert_eq!(status.code(), Some(code), "{kind:?}: {status}");
    }
}

#[test]
fn idle_connections_keep_nobody_from_asking() {
    let (mut stage, _agent) = stage();
    let socket = stage.state().join("control.sock");
    let mut idle: Vec<_> = (0..100).map(|_| UnixStream::connect(&socket)).collect();
    idle.retain(Result::is_ok);
    let pid = stage.daemon().id();
    let said = stage.ask(&["status"]);
    assert!(said.status.success(), "{} are idle: {said:?}", idle.len());
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert!(files < 100, "{files} files are open");
}

#[test]
fn it_is_known_who_has_asked() {
    let (stage, _agent) = stage();
    let us = rustix::process::getuid().as_raw();
    let run = stage.json(&["trigger", "stuck", "--json"]);
    let id = run["id"].as_str().unwrap();
    assert!(stage.ask(&["cancel", id]).status.success());
    assert!(stage.ask(&["pause", "stuck", "--reason", "a\u{1b}[31m\nb\u{202e}"]).status.success());
    let shown = String::from_utf8(stage.ask(&["show", id]).stdout).unwrap();
    let by = format!("(uid {us})");
    assert!(shown.contains("triggered by") && shown.contains("canceled by"), "{shown}");
    assert!(shown.contains(&by), "{shown}");
    let mut stream = UnixStream::connect(stage.state().join("control.sock")).unwrap();
    let asked = "GET /v1/status?job=stuck&detail=true HTTP/1.1\r\nhost: here\r\n\r\n";
    stream.write_all(asked.as_bytes()).unwrap();
    let mut status = String::new();
    stream.read_to_string(&mut status).unwrap();
    assert!(status.contains("\"reason\":\"a [31m b\""), "{status}");
    let log = log(&stage);
    let paused = log.lines().find(|line| line.contains("paused by")).unwrap();
    assert!(paused.contains(&by), "{paused}");
}

#[test]
fn without_a_job_file_nothing_is_left_behind() {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let daemon = stage.launch();
    let status = until("it is refused", PATIENCE, || daemon.try_wait().unwrap());
    assert_eq!(status.code(), Some(78));
    assert!(!stage.state().exists());
}

#[test]
fn an_address_that_can_not_be_used_leaves_the_last_good_jobs_in_force() {
    let (mut stage, agent) = stage();
    let good = std::fs::read_to_string(stage.path().join("jobs.yaml")).unwrap();
    let address = format!("http://127.0.0.1:{}", agent.port);
    assert!(good.contains(&address), "{good}");
    for (bad, words) in
        [("https://127.0.0.1:1", "does not speak https"), ("http://10.0.0.256:1", "IPv4")]
    {
        terminate(stage.daemon());
        stage.write("jobs.yaml", &good.replace(&address, bad));
        let check = stage.ask(&["check"]);
        assert_eq!(check.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&check.stderr).contains(words));
        stage.start();
        let status = stage.json(&["status", "--json"]);
        assert_eq!(status["agent"]["url"], address.as_str());
    }
}

#[test]
fn who_reads_the_log_as_json_reads_json_of_a_bad_job_file_too() {
    let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", "jobs: {a: {}}\n");
    let output = stage.ask(&["--log-format", "json", "run"]);
    assert_eq!(output.status.code(), Some(78));
    let lines = String::from_utf8(output.stderr).unwrap();
    let told = lines.lines().map(|line| {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("{line}"))
    });
    let errors: Vec<_> = told.filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{lines}");
    assert!(errors[0]["message"].as_str().unwrap().contains("has no `source`"), "{lines}");
}

#[test]
fn a_umask_takes_no_right_of_the_owner() {
    let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", "jobs: {}\n");
    let state = stage.state();
    let mut daemon = Command::new("sh")
        .args(["-c", "umask 0777; exec \"$@\"", "sh", transferd(), "--state-dir"])
        .arg(&state)
        .args(["-c", "jobs.yaml", "run"])
        .current_dir(stage.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mode = |path: &Path| path.metadata().map(|found| found.mode() & 0o777).ok();
    until("the socket is there", PATIENCE, || mode(&state.join("control.sock")));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(mode(&state), Some(0o700));
    assert_eq!(mode(&state.join("transferd.db")), Some(0o600));
}
