//! Commands that ask the agent without a daemon: `check --online`, `accounts`, `doctor`.

use serde_json::{Value, json};
use transferd::sim::world::{
    CloudAccount, Endpoint, Fault, PlannedFault, ProblemCode, SimUser, Span, Variants, WorldOptions,
};

use crate::stage::{Agent, Stage};

const TOKEN: &str = "t0ken-of-the-operator";

fn world(variants: Variants) -> WorldOptions {
    WorldOptions {
        users: vec![SimUser::new(WorldOptions::DEFAULT_USER, "me@example.com", TOKEN)],
        pick_up: Span::millis(1, 20),
        duration: Span::millis(10, 100),
        variants,
        ..WorldOptions::default()
    }
}

fn job_file(port: u16) -> String {
    format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\n\
         jobs:\n  nightly:\n    source: {{account: production, bucket: footage, path: in/}}\n    \
         destination: {{account: archive, bucket: cold, path: out/}}\n"
    )
}

fn stage(agent: &Agent) -> Stage {
    let stage = Stage::new(TOKEN);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage
}

/// `check --online --json`, and its exit code.
fn check(stage: &Stage) -> (i32, Value) {
    let said = stage.ask(&["check", "--online", "--json"]);
    (said.status.code().unwrap(), serde_json::from_slice(&said.stdout).unwrap())
}

/// The one thing that is wrong, in words.
fn only(list: &Value) -> String {
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:?}");
    let text = |key: &str| list[0][key].as_str().unwrap_or_default().to_owned();
    format!("{}: {} ({})", text("path"), text("message"), text("hint"))
}

#[test]
fn the_agent_is_asked_for_token_role_accounts_and_buckets() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(Variants::default()), 1);
    let stage = stage(&agent);
    let said = String::from_utf8(stage.ask(&["check", "--online"]).stdout).unwrap();
    assert!(said.contains("the accounts and buckets are known"), "{said}");
    let (code, good) = check(&stage);
    assert_eq!((code, &good["valid"]), (0, &json!(true)));

    // Accounts must be known; a bucket may be another's that is shared.
    let text = job_file(agent.port).replace("bucket: footage", "bucket: fotage");
    stage.write("jobs.yaml", &text);
    let (code, doubtful) = check(&stage);
    assert_eq!((code, &doubtful["valid"]), (0, &json!(true)));
    let words = only(&doubtful["warnings"]);
    assert!(words.contains("jobs.nightly.source.bucket: the bucket `fotage`"), "{words}");
    let place = |said: &Value| (said["line"].as_u64().unwrap(), said["column"].as_u64().unwrap());
    assert_eq!(place(&doubtful["warnings"][0]), (5, 43), "{doubtful}");
    assert_eq!(doubtful["online"]["agrees"], true);
    assert!(words.contains("did you mean `footage`?"), "{words}");
    stage.write("jobs.yaml", &job_file(agent.port).replace("0b6c7c9a", "0b6c7c9b"));
    let (code, bad) = check(&stage);
    assert_eq!((code, &bad["valid"]), (1, &json!(false)));
    let words = only(&bad["errors"]);
    assert!(words.contains("the account `archive` (0b6c7c9b-"), "{words}");
    assert!(words.contains("which job `nightly` uses, is not known"), "{words}");
    // The id is to be mended where it stands, not where its name is used.
    assert_eq!(
        (place(&bad["errors"][0]).0, &bad["errors"][0]["path"]),
        (2, &json!("accounts.archive")),
        "{bad}"
    );
    assert_eq!((&bad["online"]["agrees"], &bad["online"]["errors"]), (&json!(false), &json!(1)));
    assert!(words.contains("`transferd accounts`"), "{words}");
    stage.write("jobs.yaml", &job_file(agent.port));

    // An agent that lists no buckets is no worse than before it was asked.
    let fault = Fault::Problem(ProblemCode::Access);
    let fault = PlannedFault { endpoint: Endpoint::Accounts, fault, times: 9, skip: 1 };
    agent.post("/_sim/faults", &serde_json::to_value(fault).unwrap());
    let (code, unsure) = check(&stage);
    assert_eq!(code, 0, "{unsure}");
    assert_eq!(unsure["warnings"].as_array().unwrap().len(), 2, "{unsure}");
    assert!(unsure["warnings"].to_string().contains("can't be listed"), "{unsure}");
}

#[test]
fn what_keeps_runs_from_being_queued_is_an_error_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = world(Variants::default());
    options.users[0].user_type = 64;
    let mut agent = Agent::start(folder.path(), &options, 1);
    let stage = stage(&agent);
    let (code, role) = check(&stage);
    assert_eq!(code, 1);
    assert!(only(&role["errors"]).contains("DesktopStandardUser"), "{role}");
    stage.write("token", "another");
    let (code, token) = check(&stage);
    assert_eq!(code, 1);
    let words = only(&token["errors"]);
    assert!(words.contains("agent.token_file") && words.contains("`transferd login`"), "{words}");
    agent.post("/_sim/status", &json!({"state": "paused"}));
    assert!(check(&stage).1["errors"].to_string().contains("the agent is paused"));
    agent.kill();
    let (code, away) = check(&stage);
    assert_eq!(code, 1);
    assert!(only(&away["errors"]).contains("agent.url: the agent can't be reached"), "{away}");
}

#[test]
fn an_exposed_token_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(Variants::default()), 1);
    let stage = stage(&agent);
    let token = stage.path().join("token");
    std::fs::set_permissions(token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = check(&stage);
    assert_eq!(code, 0, "{said}");
    assert!(only(&said["warnings"]).contains("can be read by others"), "{said}");
}

#[test]
fn accounts_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = world(Variants::default());
    options.accounts.push(CloudAccount::new(
        transferd::core::ids::AccountId(uuid::Uuid::from_u128(7)),
        "Prod: #2",
        8,
        &[],
    ));
    let agent = Agent::start(folder.path(), &options, 1);
    let stage = stage(&agent);
    let yaml = String::from_utf8(stage.ask(&["accounts", "--yaml"]).stdout).unwrap();
    let jobs = job_file(agent.port);
    let (start, end) = (jobs.find("accounts:").unwrap(), jobs.find("jobs:").unwrap());
    stage.write("jobs.yaml", &format!("{}{yaml}{}", &jobs[..start], &jobs[end..]));
    let (code, said) = check(&stage);
    assert_eq!(code, 0, "{said}\n{yaml}");
}

/// `doctor --json`, by the name of each finding.
fn doctor(stage: &Stage, code: i32) -> Value {
    let said = stage.ask(&["doctor", "--json"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(code), "{}", String::from_utf8_lossy(&said.stderr));
    for secret in [TOKEN, "me@example.com"] {
        assert!(!text.contains(secret), "{text}");
    }
    let document: Value = serde_json::from_str(&text).unwrap();
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|found| (found["name"].as_str().unwrap().to_owned(), found.clone())).collect()
}

#[test]
fn the_doctor_finds_what_an_agent_does_otherwise() {
    let variants = Variants {
        pascal_case: true,
        no_user_id: true,
        dates_without_zone: true,
        list_created: true,
        no_status: true,
        no_date_header: true,
        fixed_page_size: Some(3),
        ..Variants::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut options = world(variants);
    options.pick_up = Span::millis(60_000, 60_000);
    let agent = Agent::start(folder.path(), &options, 1);
    let stage = stage(&agent);
    for path in ["a/", "b/", "c/", "d/", "e/"] {
        let request = json!({
            "source": {"account": WorldOptions::PRODUCTION, "bucket": "footage", "bucket_id": "", "path": path, "id": ""},
            "destination": {"account": WorldOptions::ARCHIVE, "bucket": "cold", "bucket_id": "", "path": path, "id": ""},
            "allow_skip": true, "keep_source_tree": false,
        });
        agent.post("/_sim/foreign", &json!({"request": request}));
    }
    // Evidence is weaker without a user, and the daemon can do without.
    let found = doctor(&stage, 0);
    for name in ["property_case", "user", "record_user", "page_size"] {
        assert_eq!(found[name]["verdict"], "does_not_hold", "{name}: {}", found[name]);
    }
    for name in ["state", "clock", "own_dates", "exclusive_user", "cancel_refused"] {
        assert_eq!(found[name]["verdict"], "cant_tell", "{name}: {}", found[name]);
    }
    for name in ["reachable", "token", "listing", "records", "request_date", "notifications"] {
        assert_eq!(found[name]["verdict"], "holds", "{name}: {}", found[name]);
    }
    for name in ["version", "errors", "receipts", "receipts_of_failures", "objects"] {
        assert_eq!(found[name]["verdict"], "holds", "{name}: {}", found[name]);
    }
}

#[test]
fn the_doctor_asks_for_one_page_of_objects_and_says_where_it_can_ask_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(Variants::default()), 1);
    let stage = stage(&agent);
    let found = doctor(&stage, 0)["objects"].clone();
    assert_eq!((&found["verdict"], &found["needed"]), (&json!("holds"), &json!(false)));
    assert_eq!(found["seen"], "3 of 3 objects tell all of it");
    let requests = agent.get("/_sim/requests").to_string();
    assert_eq!(requests.matches("/cloud/list_objects").count(), 1, "{requests}");

    // The first request about accounts is for their list.
    let fault = Fault::Problem(ProblemCode::Access);
    let fault = PlannedFault { endpoint: Endpoint::Accounts, fault, times: 1, skip: 0 };
    agent.post("/_sim/faults", &serde_json::to_value(fault).unwrap());
    let found = doctor(&stage, 1)["objects"].clone();
    assert_eq!(found["verdict"], "cant_tell", "{found}");
    assert_eq!(found["seen"], "left out: no account is listed");
    let requests = agent.get("/_sim/requests").to_string();
    assert_eq!(requests.matches("/cloud/list_objects").count(), 1, "{requests}");
}

#[test]
fn the_doctor_watches_a_transfer_through_and_learns_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &world(Variants::default()), 1);
    let mut stage = stage(&agent);
    stage.start();
    let before = doctor(&stage, 0);
    assert_eq!(before["own_dates"]["verdict"], "cant_tell");
    let said = stage.ask(&["doctor", "--transfer", "nightly"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success(), "{text}");
    assert!(text.contains("state      succeeded") && text.contains("checks passed"), "{text}");
    let after = doctor(&stage, 0);
    for name in ["state_form", "route_case", "counters", "end_date", "history_transfers"] {
        assert_eq!(after[name]["verdict"], "holds", "{name}: {}", after[name]);
    }
    for name in ["own_dates", "own_user", "exclusive_user"] {
        assert_eq!(after[name]["verdict"], "holds", "{name}: {}", after[name]);
    }
    let missing = stage.ask(&["doctor", "--transfer", "nothing"]);
    assert_eq!(missing.status.code(), Some(1));
    let missing = stage.ask(&["doctor", "--transfer", "nothing", "--json"]);
    assert_eq!(missing.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert!(told["errors"][0]["message"].as_str().unwrap().contains("`nothing`"), "{told}");
}

#[test]
fn what_is_no_agent_learns_no_token() {
    use std::io::{Read as _, Write as _};
    use std::sync::{Arc, Mutex};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let ear = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 8192];
            let length = stream.read(&mut bytes).unwrap_or(0);
            ear.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
            let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\
                        connection: close\r\n\r\n<html></html>";
            let _ = stream.write_all(page.as_bytes());
        }
    });
    let stage = Stage::new(TOKEN);
    stage.write("jobs.yaml", &job_file(port));
    let url = format!("http://127.0.0.1:{port}");
    let first = ["init", "--url", &url, "--print"];
    for args in [&["accounts"][..], &["check", "--online"], &["doctor"], &first] {
        heard.lock().unwrap().clear();
        let code = stage.ask(args).status.code();
        assert_eq!(code, Some(i32::from(args[0] != "init")), "{args:?}");
        let heard = heard.lock().unwrap().to_lowercase();
        assert!(heard.contains("agent_status"), "{args:?} asks for the state first: {heard}");
        assert!(!heard.contains(TOKEN) && !heard.contains("authorization"), "{args:?}: {heard}");
    }
}
