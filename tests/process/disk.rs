//! Disks that fail the daemon: full, and a database cut short.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use transferd::sim::world::{Ending, Script, Span, WorldOptions};

use crate::reconcile::reconcile;
use crate::stage::{Agent, PATIENCE, Stage, terminate, until};

/// Where the child finds its small disk; set for the child only.
const DISK: &str = "TRANSFERD_TEST_DISK";

pub(crate) fn world() -> WorldOptions {
    WorldOptions {
        pick_up: Span::millis(5, 20),
        duration: Span::millis(20, 100),
        cancel_takes: Span::millis(5, 20),
        scripts: vec![Script {
            destination: "stuck/".to_owned(),
            ending: Some(Ending::Stall),
            ..Script::default()
        }],
        ..WorldOptions::default()
    }
}

pub(crate) fn job_file(port: u16) -> String {
    format!(
        "agent: {{url: 'http://127.0.0.1:{port}', token_file: token, poll_interval: 100ms, \
         request_timeout: 2s, adopt_window: 1s}}\n\
         accounts: {{production: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
         archive: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}}\n\
         jobs:\n\
         \x20 tick:\n    schedule: '* * * * * *'\n    catch_up: all\n    overlap: queue\n    \
         source: {{account: production, bucket: footage, path: tick/}}\n    \
         destination: {{account: archive, bucket: cold, path: 'tick/{{run}}/'}}\n\
         \x20 stuck:\n    timeout: 4s\n    retry: {{max_attempts: 1}}\n    \
         source: {{account: production, bucket: footage, path: stuck/}}\n    \
         destination: {{account: archive, bucket: cold, path: 'stuck/{{run}}/'}}\n"
    )
}

pub(crate) fn succeeded(stage: &Stage) -> usize {
    stage.history().iter().filter(|run| run["state"] == "succeeded").count()
}

pub(crate) fn status(stage: &Stage) -> String {
    String::from_utf8(stage.ask(&["status"]).stdout).unwrap()
}

/// Cancels that the agent has acted on.
fn cancels(agent: &Agent) -> usize {
    let transfers = agent.get("/_sim/transfers");
    let cancels = |entry: &Value| entry["transfer"]["cancels"].as_array().map_or(0, Vec::len);
    transfers.as_array().unwrap().iter().map(cancels).sum()
}

pub(crate) fn posts(agent: &Agent) -> usize {
    agent.get("/_sim/posts").as_array().unwrap().len()
}

/// Takes all room that is left.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("ballast");
    let mut file = std::fs::File::create(&path).unwrap();
    let block = [0_u8; 4096];
    while file.write_all(&block).is_ok() {}
    path
}

fn live_on_a_full_disk(disk: &Path) {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    stage.keep_state_in(disk);
    let agent = Agent::start(stage.path(), &world(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    until("a run succeeds", PATIENCE, || (succeeded(&stage) > 0).then_some(()));
    let triggered = stage.ask(&["trigger", "stuck"]);
    assert!(triggered.status.success(), "{triggered:?}");
    until("it is at the agent", PATIENCE, || {
        let status = stage.json(&["status", "stuck", "--json"]);
        (status["jobs"][0]["active_run"]["state"] == "running").then_some(())
    });
    let ballast = fill(disk);
    until("the full disk is said", PATIENCE, || {
        let said = status(&stage);
        (said.contains("nothing can be recorded") && said.contains("full")).then_some(())
    });
    let asked = posts(&agent);
    let log = std::fs::read_to_string(stage.log_path()).unwrap();
    assert!(log.contains("nothing is queued"), "{log}");
    let refused = stage.ask(&["trigger", "stuck"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    until("what is past its timeout is canceled", PATIENCE, || (cancels(&agent) > 0).then_some(()));
    assert!(status(&stage).contains("nothing can be recorded"), "{}", status(&stage));
    assert_eq!(posts(&agent), asked, "something was queued that can't be recorded");
    assert_eq!(stage.daemon().try_wait().unwrap(), None, "it lives on");
    let before = succeeded(&stage);
    std::fs::remove_file(ballast).unwrap();
    until("it goes on", PATIENCE, || (succeeded(&stage) > before).then_some(()));
    assert!(!status(&stage).contains("nothing can be recorded"), "{}", status(&stage));
    let off = job_file(agent.port).replace("    source:", "    enabled: false\n    source:");
    stage.write("jobs.yaml", &off);
    assert!(stage.ask(&["reload"]).status.success());
    let history = until("all runs end", PATIENCE * 2, || {
        let history = stage.history();
        history.iter().all(|run| !run["ended_at"].is_null()).then_some(history)
    });
    stage.kill();
    let findings = reconcile(&agent.get("/_sim/transfers"), &history, &[]);
    let violations: Vec<_> = findings.violations().collect();
    assert!(violations.is_empty(), "{violations:#?}");
    // After a clean stop nothing lies beside the database, and there is no room for it.
    stage.start();
    terminate(stage.daemon());
    fill(disk);
    let refused = stage.ask(&["run"]);
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(words.contains("full"), "{words}");
}

#[test]
fn with_a_full_disk_it_lives_on_queues_nothing_cancels_and_says_so() {
    if let Some(disk) = std::env::var_os(DISK) {
        live_on_a_full_disk(Path::new(&disk));
        println!("child: done");
        return;
    }
    let disk = tempfile::tempdir().unwrap();
    // In a mount namespace of the child's own, gone with the child.
    let script = "mount -t tmpfs -o size=8m,mode=0700 tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let test = "disk::with_a_full_disk_it_lives_on_queues_nothing_cancels_and_says_so";
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "--user", "sh", "-c", script, "sh"])
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DISK, disk.path())
        .stdin(Stdio::null())
        .output();
    let not_permitted = |why: &str| eprintln!("a small disk can't be mounted here: {why}");
    let output = match output {
        Ok(output) => output,
        Err(error) => return not_permitted(&error.to_string()),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    if matches!(output.status.code(), Some(1 | 77)) && !said.contains("running 1 test") {
        return not_permitted(&words);
    }
    assert!(output.status.success() && said.contains("child: done"), "{said}\n{words}");
}

#[test]
fn a_database_cut_short_is_refused_in_words_and_left_as_it_is() {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let agent = Agent::start(stage.path(), &world(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    stage.start();
    until("runs succeed", PATIENCE, || (succeeded(&stage) > 2).then_some(()));
    assert_eq!(terminate(stage.daemon()).code(), Some(0));
    let path = stage.state().join("transferd.db");
    let whole = std::fs::read(&path).unwrap();
    assert!(!stage.state().join("transferd.db-wal").exists(), "a clean stop leaves one file");
    let mut chance = Rng::with_seed(5);
    let mut lengths = vec![0, 1, 99, 100, 4_096, whole.len() - 4_096, whole.len() - 1];
    lengths.extend((0..8).map(|_| chance.usize(..whole.len())));
    let asked = posts(&agent);
    for length in lengths {
        std::fs::write(&path, &whole[..length]).unwrap();
        let child = stage.launch();
        let status = until("it is refused", PATIENCE, || child.try_wait().unwrap());
        assert_eq!((status.code(), status.signal()), (Some(1), None), "cut to {length}");
        let words = stage.log_end();
        let last = words.lines().rev().take(3).collect::<Vec<_>>().join("\n");
        assert!(last.contains("transferd.db"), "cut to {length}: {words}");
        assert!(std::fs::read(&path).unwrap() == whole[..length], "changed when cut to {length}");
    }
    assert_eq!(posts(&agent), asked, "nothing is queued without a memory");
    std::fs::write(&path, &whole).unwrap();
    stage.start();
    let before = succeeded(&stage);
    until("it goes on with its whole memory", Duration::from_secs(20), || {
        (succeeded(&stage) > before).then_some(())
    });
}
