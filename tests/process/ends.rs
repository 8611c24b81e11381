//! How a daemon ends, and what is said where there is none.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use transferd::sim::world::{Ending, Script, Span, WorldOptions};

use crate::stage::{Agent, PATIENCE, Stage, moment, terminate, until};

fn job_file(port: u16) -> String {
    let mut text = format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\njobs:\n"
    );
    for number in 0..6 {
        text += &format!(
            "  job-{number}:\n    \
             source: {{account: production, bucket: footage, path: {number}/}}\n    \
             destination: {{account: archive, bucket: cold, path: '{number}/'}}\n"
        );
    }
    text
}

/// How long a stop takes while transfers run and the agent has stopped answering.
fn stop_with_transfers_in_flight() -> Duration {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let world = WorldOptions {
        pick_up: Span::millis(1, 5),
        scripts: vec![Script { ending: Some(Ending::Stall), ..Script::default() }],
        ..WorldOptions::default()
    };
    let agent = Agent::start(stage.path(), &world, 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    for number in 0..6 {
        assert!(stage.ask(&["trigger", &format!("job-{number}")]).status.success());
    }
    until("all run", PATIENCE, || {
        let status = stage.json(&["status", "--json"]);
        let jobs = status["jobs"].as_array().unwrap();
        jobs.iter().all(|job| job["active_run"]["state"] == "running").then_some(())
    });
    let stall = json!({"endpoint": "list", "fault": "stall_before", "times": 1000});
    agent.post("/_sim/faults", &stall);
    until("a look hangs", PATIENCE, || agent.get("/_sim/faults")["list_stalled_before"].as_u64());
    let begun = moment();
    let status = terminate(stage.daemon());
    let took = begun.elapsed();
    assert_eq!(status.code(), Some(0), "{}", stage.log_end());
    let going_on = agent.get("/_sim/transfers");
    let going_on = going_on.as_array().unwrap().iter().filter(|t| t["active"] == true).count();
    assert_eq!(going_on, 6, "transfers go on at the agent");
    took
}

#[test]
fn an_output_that_takes_nothing_is_an_error_in_words() {
    let stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.write("jobs.yaml", &job_file(1));
    for args in [&["schema"][..], &["--help"], &["--version"], &["next"], &["check", "--json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let said = stage.command(args).stdout(full).output().unwrap();
        let words = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(1), "{args:?}: {words}");
        let expected = "standard output can't be written: No space left on device\n";
        assert!(words.ends_with(expected), "{args:?}: {words}");
    }
    // A reader that has seen enough is no error.
    let mut head = stage.command(&["schema"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(head.stdout.take());
    let said = head.wait_with_output().unwrap();
    assert!(said.stderr.is_empty(), "{said:?}");
}

#[test]
fn a_stop_takes_less_than_half_a_second_with_transfers_in_flight() {
    // A busy machine may hold up one of them.
    let times: Vec<_> = (0..3).map(|_| stop_with_transfers_in_flight()).collect();
    println!("stops took {times:?}");
    assert!(times.iter().min() < Some(&Duration::from_millis(500)), "{times:?}");
    assert!(times.iter().max() < Some(&Duration::from_secs(2)), "{times:?}");
}

#[test]
fn without_a_daemon_commands_end_with_3_and_history_goes_on() {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let agent = Agent::start(stage.path(), &WorldOptions::default(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    for args in [&["status"][..], &["trigger", "job-0"], &["cancel", "job-0"], &["reload"]] {
        let said = stage.ask(args);
        assert_eq!(said.status.code(), Some(3), "{args:?}: {said:?}");
        assert!(!said.stderr.is_empty(), "{args:?} says nothing");
    }
    assert!(stage.history().is_empty());
    assert!(!stage.state().exists(), "a command never creates a state folder");
    stage.start();
    assert_eq!(stage.ask(&["trigger", "job-9"]).status.code(), Some(1));
    assert_eq!(stage.ask(&["trigger"]).status.code(), Some(2));
    assert!(stage.ask(&["trigger", "job-0"]).status.success());
    stage.kill();
    assert_eq!(stage.ask(&["status"]).status.code(), Some(3), "a dead daemon's socket remains");
    assert_eq!(stage.history().len(), 1);
}
