//! The token is nowhere: the binary is taken through success and every failure of its client at
//! the finest log level, and everything that it wrote or said is searched.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use transferd::sim::world::{
    Ending, Endpoint, Fault, PlannedFault, ProblemCode, Script, Span, WorldOptions,
};

use crate::stage::{Agent, PATIENCE, Stage, moment, pause, until};

/// Two tokens, so that each bad one can be followed by a change. A query needs `+`, `/` and `=`
/// encoded: what is searched for are the ends, which look the same in every encoding, and the
/// whole in Base64.
const TOKENS: [&str; 2] = ["qT9vZr4X+quiet/about=Jm27bKwe1", "qT9vZr4X+quiet/about=Jm27bKwe2"];
const TRACES: [&str; 3] = ["qT9vZr4X", "Jm27bKwe", "cVQ5dlpyNFgrcXVpZXQvYWJvdXQ9Sm0yN2JLd2"];

/// How long a daemon lives while failures strike: some of them make it wait for seconds.
const LIFE: Duration = Duration::from_millis(350);

/// What a request is given at first: some failures are answers that never come. It grows where the
/// machine is too busy for it.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(150);

/// All failures must have struck within this. That takes some forty lives, each of which begins with
/// a start: half a minute, and four times that on a busy machine.
const STRIKES: Duration = Duration::from_secs(240);

/// Finds the token, in whatever form, and says where it stands.
fn search(what: &str, bytes: &[u8]) {
    for trace in TRACES {
        let at = bytes.windows(trace.len()).position(|window| window == trace.as_bytes());
        if let Some(at) = at {
            let around = &bytes[at.saturating_sub(100)..bytes.len().min(at + 100)];
            panic!("the token is in {what}: … {} …", String::from_utf8_lossy(around));
        }
    }
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![
        Fault::LoseBefore,
        Fault::LoseAfter,
        Fault::Late(SignedDuration::from_millis(50)),
        Fault::StallBefore,
        Fault::StallAfter,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Unauthorized,
        Fault::Malformed,
        Fault::Oversized,
        Fault::Redirect,
        Fault::Slow(SignedDuration::from_millis(50)),
    ];
    faults.extend(ProblemCode::ALL.iter().map(|code| Fault::Problem(*code)));
    faults
}

fn job_file(port: u16, request_timeout: Duration) -> String {
    let request_timeout = request_timeout.as_millis();
    let mut text = format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms, \
         request_timeout: {request_timeout}ms, adopt_window: 100ms, max_active: 50}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\n\
         defaults: {{overlap: replace, timeout: 2s, retry: {{max_attempts: 2, \
         initial_delay: 10ms, max_delay: 20ms}}}}\njobs:\n"
    );
    for number in 0..8 {
        // Half of them never end by themselves, and so are canceled by the next occurrence.
        let kind = if number % 2 == 0 { "done" } else { "stuck" };
        text += &format!(
            "  job-{number}:\n    schedule: '* * * * * *'\n    \
             source: {{account: production, bucket: footage, path: {number}/}}\n    \
             destination: {{account: archive, bucket: cold, path: '{kind}/{number}/{{run}}/'}}\n"
        );
    }
    text
}

fn world() -> WorldOptions {
    WorldOptions {
        pick_up: Span::millis(1, 20),
        duration: Span::millis(10, 100),
        cancel_takes: Span::millis(1, 20),
        scripts: vec![Script {
            destination: "stuck/".to_owned(),
            ending: Some(Ending::Stall),
            ..Script::default()
        }],
        ..WorldOptions::default()
    }
}

/// An agent that knows both tokens.
fn start_agent(stage: &Stage) -> Agent {
    let agent = Agent::start(stage.path(), &world(), 1);
    for token in TOKENS {
        agent.post("/_sim/token", &json!({"token": token}));
    }
    agent
}

/// One such failure, after one request that is not harmed.
fn plan(agent: &Agent, endpoint: Endpoint, fault: Fault) {
    let fault = PlannedFault { endpoint, fault, times: 1, skip: 1 };
    agent.post("/_sim/faults", &serde_json::to_value(fault).unwrap());
}

/// How often an endpoint has failed.
fn struck(agent: &Agent, endpoint: &str) -> usize {
    let fired = agent.get("/_sim/faults");
    let fired = fired.as_object().unwrap().iter().filter(|(name, _)| name.starts_with(endpoint));
    fired.map(|(_, times)| usize::try_from(times.as_u64().unwrap()).unwrap()).sum()
}

/// What the control socket answers, headers and all.
fn ask_socket(stage: &Stage, request: &str) -> Vec<u8> {
    let mut stream = UnixStream::connect(stage.state().join("control.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn the_token_is_nowhere_whatever_the_agent_answers() {
    let mut stage = Stage::new(TOKENS[0]);
    stage.level = "trace";
    let mut agent = start_agent(&stage);
    let mut request_timeout = REQUEST_TIMEOUT;
    stage.write("jobs.yaml", &job_file(agent.port, request_timeout));
    let faults = faults();
    for fault in &faults {
        for endpoint in [Endpoint::Post, Endpoint::List, Endpoint::Cancel] {
            plan(&agent, endpoint, *fault);
        }
    }
    for fault in faults.iter().take(12) {
        plan(&agent, Endpoint::User, *fault);
        plan(&agent, Endpoint::Status, *fault);
    }
    stage.start();
    let mut turn = 0;
    until("every failure strikes", STRIKES, || {
        let strikes = || ["post", "list", "cancel"].map(|endpoint| struck(&agent, endpoint));
        // However slow the machine is, something has gone wrong in each life.
        let (before, begun) = (strikes(), moment());
        pause(LIFE);
        while strikes() == before && begun.elapsed() < LIFE * 10 {
            pause(LIFE / 10);
        }
        let all = strikes();
        if all == before {
            request_timeout = (request_timeout * 2).min(PATIENCE);
            stage.write("jobs.yaml", &job_file(agent.port, request_timeout));
        }
        // A new life has the other token, and does not know how long the last one would have
        // waited for the agent.
        stage.kill();
        turn += 1;
        stage.write("token", TOKENS[turn % 2]);
        stage.start();
        all.iter().all(|times| *times >= faults.len()).then_some(())
    });
    until("a run succeeds after all that", PATIENCE, || {
        stage.history().iter().any(|run| run["state"] == "succeeded").then_some(())
    });
    agent.kill();
    // A token that was refused just before is tried again after 30 s.
    until("a refused connection is noticed", PATIENCE * 3, || {
        let status = stage.json(&["status", "--json"]);
        (status["agent"]["reachable"] == false).then_some(())
    });
    agent.rise();

    let pid = stage.daemon().id();
    for file in ["cmdline", "environ"] {
        search(file, &std::fs::read(format!("/proc/{pid}/{file}")).unwrap());
    }
    let runs = stage.history();
    assert!(runs.len() > 20, "{} runs", runs.len());
    for run in runs.iter().take(40) {
        let id = run["id"].as_str().unwrap();
        search("the socket's answer", &ask_socket(&stage, &format!("GET /v1/run?id={id}")));
        search("show", &stage.ask(&["show", id, "--json"]).stdout);
    }
    for request in ["GET /v1/status", "GET /v1/runs", "GET /v1/nothing", "POST /v1/reload"] {
        search(request, &ask_socket(&stage, request));
    }
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["history", "--json", "-n", "100000"],
        &["--log-level", "trace", "history"],
        &["check"],
        &["check", "--json"],
        &["diff"],
        &["next"],
        &["why", "job-0"],
        &["reload"],
    ] {
        let said = stage.ask(args);
        search(&format!("{args:?}"), &said.stdout);
        search(&format!("{args:?}"), &said.stderr);
    }
    search_state_folder(&stage);
    stage.kill();
    let log = std::fs::read_to_string(stage.log_path()).unwrap();
    assert!(log.lines().count() > 100, "the log is no log:\n{log}");
    search("the log", log.as_bytes());
}

/// The database, its log, the lock: all bytes.
fn search_state_folder(stage: &Stage) {
    let mut bytes = 0;
    for entry in std::fs::read_dir(stage.state()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let read = std::fs::read(entry.path()).unwrap();
            bytes += read.len();
            search(&entry.path().display().to_string(), &read);
        }
    }
    assert!(bytes > 50_000, "the database has only {bytes} bytes");
}

#[test]
fn a_token_in_the_environment_stays_there() {
    let mut stage = Stage::new("unused");
    stage.level = "trace";
    stage.environment.push(("AMOVE_TOKEN", TOKENS[0].to_owned()));
    let agent = start_agent(&stage);
    let text = job_file(agent.port, REQUEST_TIMEOUT)
        .replace("token_file: token", "token_env: AMOVE_TOKEN");
    stage.write("jobs.yaml", &text);
    stage.start();
    until("a run succeeds", PATIENCE, || {
        stage.history().iter().any(|run| run["state"] == "succeeded").then_some(())
    });
    let pid = stage.daemon().id();
    search("cmdline", &std::fs::read(format!("/proc/{pid}/cmdline")).unwrap());
    search("status", &stage.ask(&["status", "--json"]).stdout);
    search_state_folder(&stage);
    stage.kill();
    search("the log", &std::fs::read(stage.log_path()).unwrap());
}

#[test]
fn a_token_in_the_job_file_is_refused_and_masked() {
    let mut stage = Stage::new("unused");
    let text = job_file(1, REQUEST_TIMEOUT)
        .replace("token_file: token", &format!("token: '{}'", TOKENS[0]));
    stage.write("jobs.yaml", &text);
    for args in [&["check"][..], &["check", "--json"], &["--log-level", "trace", "run"]] {
        let said = stage.ask(args);
        assert!(!said.status.success(), "{args:?}");
        search(&format!("{args:?}"), &said.stdout);
        search(&format!("{args:?}"), &said.stderr);
    }
    let errors: Value = serde_json::from_slice(&stage.ask(&["check", "--json"]).stdout).unwrap();
    assert_eq!(errors["valid"], json!(false));
    let said = errors["errors"].to_string();
    assert!(said.contains("token_file"), "no hint: {said}");
    // Nor does a daemon that was fine before let go of it.
    let agent = start_agent(&stage);
    stage.write("token", TOKENS[1]);
    stage.write("jobs.yaml", &job_file(agent.port, REQUEST_TIMEOUT));
    stage.start();
    let text = job_file(agent.port, REQUEST_TIMEOUT)
        .replace("token_file: token", &format!("token: {}", TOKENS[0]));
    stage.write("jobs.yaml", &text);
    assert_eq!(stage.ask(&["reload"]).status.code(), Some(1));
    let said = stage.json(&["status", "--json"]);
    assert_eq!(said["config"]["valid"], json!(false));
    search("status", said.to_string().as_bytes());
    search("reload", &stage.ask(&["reload"]).stderr);
    search_state_folder(&stage);
    stage.kill();
    search("the log", &std::fs::read(stage.log_path()).unwrap());
}
