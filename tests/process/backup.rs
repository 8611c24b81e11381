//! A copy of the state, made while the daemon runs, and put back somewhere else.

use std::os::unix::fs::PermissionsExt;

use transferd::sim::world::{Span, WorldOptions};

use crate::stage::{Agent, PATIENCE, Stage, until};

fn job_file(port: u16) -> String {
    format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms, \
         adopt_window: 2s}}\n\
         accounts: {{a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11}}\n\
         jobs:\n  one:\n    source: {{account: a, bucket: footage, path: one/}}\n    \
         destination: {{account: a, bucket: cold, path: one/}}\n"
    )
}

/// A stage for the jobs of an agent, with nothing in it yet.
fn stage(agent: &Agent) -> Stage {
    let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage
}

#[test]
fn a_copy_of_a_running_daemons_state_goes_on_elsewhere_and_queues_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let world = WorldOptions {
        pick_up: Span::millis(1, 20),
        duration: Span::millis(700, 700),
        ..WorldOptions::default()
    };
    let agent = Agent::start(folder.path(), &world, 1);
    let mut first = stage(&agent);
    first.start();
    assert!(first.ask(&["trigger", "one"]).status.success());
    let state = |stage: &Stage| stage.history()[0]["state"].as_str().unwrap().to_owned();
    until("the transfer is known", PATIENCE, || {
        let run = &first.history()[0];
        run["attempts"][0]["transfer_id"].is_string().then_some(())
    });

    let copy = first.path().join("copy.db");
    let told = first.json(&["backup", "copy.db", "--json"]);
    let found = copy.metadata().unwrap();
    assert_eq!(told["file"], copy.to_str().unwrap());
    assert_eq!(told["bytes"], found.len());
    assert!(told["database_version"].as_u64().is_some_and(|version| version >= 4), "{told}");
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let again = first.ask(&["backup", "copy.db"]);
    assert_eq!(again.status.code(), Some(1));
    let words = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(words.contains("is there already"), "{words}");
    first.kill();

    let mut second = stage(&agent);
    std::fs::create_dir(second.state()).unwrap();
    std::fs::set_permissions(second.state(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::copy(&copy, second.state().join("transferd.db")).unwrap();
    second.start();
    until("the run is over", PATIENCE, || (state(&second) == "succeeded").then_some(()));
    assert_eq!(agent.get("/_sim/posts").as_array().unwrap().len(), 1);

    second.kill();
    let down = second.ask(&["backup", "down.db"]);
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    let said = String::from_utf8_lossy(&down.stdout).into_owned();
    assert!(said.contains("down.db: ") && said.contains("KiB, database version"), "{said}");
}

#[test]
fn where_there_is_no_state_there_is_no_copy() {
    let stage = Stage::new("unused");
    let said = stage.ask(&["backup", "copy.db"]);
    assert_eq!(said.status.code(), Some(1));
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(words.contains("there is no state in"), "{words}");
    assert!(!stage.path().join("copy.db").exists() && !stage.state().exists());
}
