//! A disk whose flushes fail, while the daemon works, as it starts, and until it is killed.
//!
//! After a crash a commit that was refused for a failed flush may be there or not: neither may be
//! taken for granted. So each test is made on a disk that keeps what it was given, and on one
//! that loses it.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use transferd::sim::world::WorldOptions;

use crate::disk::{job_file, posts, status, succeeded, world};
use crate::failing_disk::{FailingDisk, Left, PATIENCE};
use crate::reconcile::{Expected, reconcile};
use crate::stage::{Agent, Stage, moment, now, terminate, until};

/// A daemon's flushes after its start of which each is once the only one to fail, and once the
/// first of all that fail until it dies: those that bring a run from due to succeeded, and the
/// texts of its jobs.
const FIRST: usize = 8;

/// Of these, those that fail alone: the daemon waits a second for each.
const ALONE: usize = 5;

/// More flushes than it takes to make a database.
const MAKING_MAX: usize = 40;

fn set_up() -> (Stage, Agent, FailingDisk) {
    let mut stage = Stage::new(WorldOptions::DEFAULT_TOKEN);
    let agent = Agent::start(stage.path(), &world(), 1);
    stage.write("jobs.yaml", &job_file(agent.port));
    let disk = FailingDisk::of(&mut stage);
    (stage, agent, disk)
}

fn says_that_nothing_can_be_recorded(stage: &Stage) -> bool {
    let said = status(stage);
    said.contains("nothing can be recorded") && said.contains("disk")
}

fn goes_on(stage: &Stage) {
    let before = succeeded(stage);
    until("it goes on", PATIENCE, || (succeeded(stage) > before).then_some(()));
    assert!(!status(stage).contains("nothing can be recorded"), "{}", status(stage));
}

fn trigger_is_refused(stage: &Stage) {
    let refused = stage.ask(&["trigger", "stuck"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("system log for errors of the disk"), "{words}");
}

/// While all flushes fail, nothing is queued, and that is said; the daemon lives on.
fn nothing_is_queued_and_that_is_said(stage: &mut Stage, agent: &Agent) {
    until("the failing disk is said", PATIENCE, || {
        says_that_nothing_can_be_recorded(stage).then_some(())
    });
    // Each is a try to record it: what was on its way to the agent before has arrived by now.
    trigger_is_refused(stage);
    let asked = posts(agent);
    trigger_is_refused(stage);
    assert!(says_that_nothing_can_be_recorded(stage), "{}", status(stage));
    assert_eq!(posts(agent), asked, "something was queued that is not recorded");
    assert_eq!(stage.daemon().try_wait().unwrap(), None, "it lives on");
}

/// One flush fails; all fail for a while; all fail until it dies.
fn is_not_taken_for_durable_nor_for_undone(left: Left) {
    let (mut stage, agent, disk) = set_up();
    stage.start();
    until("a run succeeds", PATIENCE, || (succeeded(&stage) > 0).then_some(()));
    let begun = now();
    for good in 0..ALONE {
        stage.kill();
        disk.spare_first(&mut stage, good);
        disk.fail_next(left);
        stage.start();
        disk.until_more_have_failed(good);
        goes_on(&stage);
        assert_eq!(disk.failed(), good + 1, "one flush was to fail");
    }

    disk.fail_each(left);
    nothing_is_queued_and_that_is_said(&mut stage, &agent);
    disk.mend();
    goes_on(&stage);

    disk.fail_each(left);
    for good in 0..FIRST {
        stage.kill();
        let before = disk.failed();
        disk.spare_first(&mut stage, good);
        stage.launch();
        disk.until_more_have_failed(before);
    }
    stage.kill();
    disk.mend();
    stage.start();
    goes_on(&stage);

    let expected = Expected { job: "tick", period_seconds: 1, from: begun, to: now() };
    goes_on(&stage);
    eprintln!("{left:?}: {} flushes failed", disk.failed());
    nothing_is_lost_or_doubled(stage, &agent, &[expected]);
}

#[test]
fn a_commit_whose_flush_failed_is_not_taken_for_durable() {
    is_not_taken_for_durable_nor_for_undone(Left::Lost);
}

#[test]
fn a_commit_whose_flush_failed_is_not_taken_for_undone() {
    is_not_taken_for_durable_nor_for_undone(Left::Kept);
}

/// All flushes fail, from each of those on by which a database is made; then from the first
/// commit on to the one that there is.
fn is_refused_in_words_and_made_at_a_later_start(left: Left) {
    let (mut stage, agent, disk) = set_up();
    disk.fail_each(left);
    let mut refused = 0;
    while !stage.state().join("transferd.db").exists() {
        assert!(refused < MAKING_MAX, "{}", stage.log_end());
        disk.spare_first(&mut stage, refused);
        is_refused_in_words(&mut stage);
        refused += 1;
        assert!(disk.failed() >= refused, "{}", stage.log_end());
    }
    disk.spare_first(&mut stage, 0);
    stage.start();
    nothing_is_queued_and_that_is_said(&mut stage, &agent);
    assert_eq!(posts(&agent), 0, "something was queued before anything was recorded");
    disk.mend();
    goes_on(&stage);
    eprintln!("{left:?}: {refused} starts were refused");
    nothing_is_lost_or_doubled(stage, &agent, &[]);
}

fn is_refused_in_words(stage: &mut Stage) {
    let child = stage.launch();
    let status = until("it is refused", PATIENCE, || child.try_wait().unwrap());
    let words = stage.log_end();
    assert_eq!((status.code(), status.signal()), (Some(1), None), "{words}");
    let last = words.lines().next_back().unwrap_or_default();
    assert!(last.contains("/state") && last.contains("errors of the disk"), "{words}");
}

#[test]
fn a_database_whose_flushes_fail_as_it_is_made_is_refused_in_words_and_made_later() {
    for left in [Left::Kept, Left::Lost] {
        is_refused_in_words_and_made_at_a_later_start(left);
    }
}

#[test]
fn a_stop_does_not_wait_for_a_disk_that_hangs() {
    let (mut stage, agent, disk) = set_up();
    stage.start();
    until("a run succeeds", PATIENCE, || (succeeded(&stage) > 0).then_some(()));
    let begun = now();
    disk.hang();
    let asked = moment();
    let status = terminate(stage.daemon());
    let took = asked.elapsed();
    let log = stage.log_end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(took < Duration::from_secs(2), "{took:?}: {log}");
    assert!(log.contains("stopping while the disk is slow"), "{log}");
    assert!(!log.contains("nothing can be recorded"), "{log}");
    disk.mend();
    stage.start();
    goes_on(&stage);
    let expected = Expected { job: "tick", period_seconds: 1, from: begun, to: now() };
    goes_on(&stage);
    nothing_is_lost_or_doubled(stage, &agent, &[expected]);
}

/// Lets all runs end, and holds the agent's record against the daemon's.
fn nothing_is_lost_or_doubled(mut stage: Stage, agent: &Agent, expected: &[Expected<'_>]) {
    let off = job_file(agent.port).replace("    source:", "    enabled: false\n    source:");
    stage.write("jobs.yaml", &off);
    assert!(stage.ask(&["reload"]).status.success());
    let history = until("all runs end", PATIENCE, || {
        let history = stage.history();
        history.iter().all(|run| !run["ended_at"].is_null()).then_some(history)
    });
    stage.kill();
    let findings = reconcile(&agent.get("/_sim/transfers"), &history, expected);
    let violations: Vec<_> = findings.violations().collect();
    assert!(violations.is_empty(), "{violations:#?}");
    eprintln!("runs {:?}, transfers {}", findings.runs, findings.transfers);
}
