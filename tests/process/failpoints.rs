//! The daemon dies at each boundary of commit and effect, at each passing of it, until a run is
//! through.

use std::os::unix::process::ExitStatusExt;

use serde_json::Value;
use transferd::sim::world::{FaultRates, Span, WorldOptions};

use crate::reconcile::reconcile;
use crate::stage::{Agent, PATIENCE, Stage, until};

fn job_file(port: u16) -> String {
    format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 50ms, \
         request_timeout: 1s, adopt_window: 300ms}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\njobs:\n  hand:\n    timeout: 10s\n    \
         retry: {{max_attempts: 3, initial_delay: 50ms}}\n    \
         source: {{account: production, bucket: footage, path: a/}}\n    \
         destination: {{account: archive, bucket: cold, path: 'b/'}}\n"
    )
}

/// Each passing of a place is one life more, so many at most; a run passes fewer.
const PASSINGS: u32 = 12;

/// True if the daemon lives to say so.
fn all_over(stage: &Stage) -> bool {
    let said = stage.ask(&["history", "--json", "-n", "1000"]);
    let Ok(Value::Array(runs)) = serde_json::from_slice(&said.stdout) else { return false };
    runs.iter().all(|run| !run["ended_at"].is_null())
}

#[test]
fn a_death_at_any_boundary_loses_nothing_and_doubles_nothing() {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let world = WorldOptions {
        pick_up: Span::millis(5, 50),
        duration: Span::millis(10, 100),
        faults: FaultRates { post_lost_after: 0.2, ..FaultRates::default() },
        ..WorldOptions::default()
    };
    let agent = Agent::start(stage.path(), &world, 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    let (mut deaths, mut acknowledged) = (0, Vec::new());
    for place in ["before_commit", "after_commit", "after_effect"] {
        for passing in 1..=PASSINGS {
            stage.environment = vec![("TRANSFERD_FAILPOINT", format!("{place}:{passing}"))];
            stage.launch();
            let said = until("it is asked", PATIENCE, || {
                let said = stage.ask(&["trigger", "hand"]);
                // It may be dead, or about to be.
                let dead = stage.daemon().try_wait().unwrap().is_some();
                (dead || said.status.success()).then_some(said)
            });
            if said.status.success() {
                acknowledged.push(String::from_utf8(said.stdout).unwrap().trim().to_owned());
            }
            until("it dies, or the run ends", PATIENCE, || {
                let dead = stage.daemon().try_wait().unwrap().is_some();
                (dead || said.status.success() && all_over(&stage)).then_some(())
            });
            if let Some(status) = stage.daemon().try_wait().unwrap() {
                assert_eq!(status.signal(), Some(6), "{}", stage.log_end());
                deaths += 1;
            } else {
                stage.kill();
            }
        }
    }
    stage.environment.clear();
    stage.start();
    let history = until("all runs end", PATIENCE * 2, || {
        let history = stage.history();
        history.iter().all(|run| !run["ended_at"].is_null()).then_some(history)
    });
    let findings = reconcile(&agent.get("/_sim/transfers"), &history, &[]);
    let violations: Vec<_> = findings.violations().collect();
    assert!(violations.is_empty(), "{violations:#?}");
    for id in &acknowledged {
        assert!(history.iter().any(|run| run["id"] == id.as_str()), "run {id} is lost");
    }
    println!("{deaths} deaths, {} runs, {:?}", history.len(), findings.runs);
    assert!(deaths >= 12, "only {deaths} deaths");
}
