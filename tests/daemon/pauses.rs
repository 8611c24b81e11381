//! Pauses as `why`, `history` and `next` tell of them, with the daemon up and down.

use crate::stage::{Stage, transferd};

/// What a command prints.
fn told(stage: &Stage, line: &[&str]) -> String {
    let output = stage.command(line);
    assert_eq!(output.code, 0, "{line:?}: {}", output.err);
    output.out
}

#[test]
fn a_pause_that_ran_out_is_told_of_before_the_jobs_next_occurrence_also_with_the_daemon_down() {
    for all in [false, true] {
        let stage = Stage::new("");
        let mut daemon = stage.start();
        let job = if all { "--all" } else { "nightly" };
        told(&stage, &["pause", job, "--until", "500ms", "--reason", "new disks"]);
        let history = || told(&stage, &["history", "nightly"]);
        stage.until("the pause is over", || history().contains("was paused from"));
        let shown = history();
        assert!(shown.starts_with("no runs\n") && shown.contains(": new disks\n"), "{shown}");
        assert_eq!(daemon.stop(), 0);
        assert_eq!(history(), shown, "from the database");
    }
}

#[test]
fn a_pause_in_force_is_told_of_where_it_left_no_runs() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    told(&stage, &["pause", "nightly", "--reason", "new disks"]);
    let history = || told(&stage, &["history", "nightly", "--since", "7d"]);
    let shown = history();
    assert!(shown.contains("`nightly` has been paused since "), "{shown}");
    assert_eq!(told(&stage, &["history", "hand"]), "no runs\n", "it is not paused");
    assert_eq!(daemon.stop(), 0);
    assert_eq!(history(), shown, "from the database");
}

#[test]
fn next_promises_no_run_of_a_paused_job_for_a_file_given_by_name_and_with_the_daemon_down() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let next = |line: &[&str]| stage.json(&[&["next", "--json"][..], line].concat());
    let none = serde_json::json!([]);
    assert_ne!(next(&["nightly", "-n", "1"]), none);
    told(&stage, &["pause", "nightly"]);
    assert_eq!(next(&["nightly", "-n", "1"]), none);
    assert!(
        told(&stage, &["next"])
            .lines()
            .any(|line| { line.trim_start().starts_with("nightly") && line.contains("paused") })
    );
    assert_eq!(daemon.stop(), 0);
    assert_eq!(next(&["nightly", "-n", "1"]), none, "the daemon is down");

    let _daemon = stage.start();
    told(&stage, &["resume", "nightly"]);
    told(&stage, &["pause", "--all", "--until", "2099-05-06T12:00:00Z"]);
    let after = next(&["nightly", "-n", "1"]);
    let at = after[0]["at"].as_str().unwrap();
    assert!("2099-05-06" <= at, "it comes after the pause, which has an end: {at}");
    assert_eq!(next(&[]), none, "a row a job, of jobs that are not paused");
}

#[test]
fn a_change_of_the_job_file_promises_no_run_of_a_paused_job() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let [_, jobs, _, state] = stage.globals();
    let changed = format!("{jobs}.changed.yaml");
    let text = std::fs::read_to_string(&jobs).unwrap();
    std::fs::write(&changed, text.replace("30 2 * * *", "31 2 * * *")).unwrap();
    let diff = || {
        let output = transferd(&["-c", &changed, "--state-dir", &state, "diff", "--json"]);
        assert_eq!(output.code, 0, "{}", output.err);
        serde_json::from_str(&output.out).unwrap()
    };
    let assert_next = |document: &serde_json::Value, is_told: bool| {
        let job = &document["changed"][0];
        assert_eq!(job["job"], "nightly", "{document}");
        assert_eq!((job["before"].is_string(), job["after"].is_string()), (is_told, is_told));
    };
    assert_next(&diff(), true);
    told(&stage, &["pause", "nightly"]);
    assert_next(&diff(), false);
    told(&stage, &["resume", "nightly"]);
    told(&stage, &["pause", "--all"]);
    assert_next(&diff(), false);
    std::fs::rename(&changed, &jobs).unwrap();
    assert_next(&stage.json(&["reload", "--json"]), false);
}

#[test]
fn what_was_under_way_when_the_daemon_stopped_is_shown_as_it_was_recorded() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let run = told(&stage, &["trigger", "slow"]).trim().to_owned();
    assert_eq!(stage.command(&["history"]).err, "");
    assert_eq!(daemon.stop(), 0);
    for line in [&["history"][..], &["show", &run]] {
        let output = stage.command(line);
        let expected = "no daemon answers: runs that are not over are shown as they were recorded";
        assert!(output.err.contains(expected), "{line:?}: {}", output.err);
    }
    let shown = told(&stage, &["show", &run]);
    assert!(shown.contains("not yet when this was recorded"), "{shown}");
}

#[test]
fn a_pause_of_what_is_paused_says_so_and_keeps_its_beginning_and_reason() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for (job, was) in [("nightly", "`nightly` was"), ("--all", "all jobs were")] {
        told(&stage, &["pause", job, "--reason", "new disks"]);
        let pause = || {
            let status = stage.json(&["status", "nightly", "--json"]);
            if job == "--all" {
                status["pause"].clone()
            } else {
                status["jobs"][0]["pause"].clone()
            }
        };
        let before = pause();
        let again = told(&stage, &["pause", job, "--until", "2099-05-06T12:00:00Z"]);
        assert!(again.starts_with(&format!("{was} paused already, since ")), "{again}");
        assert!(again.contains("; now until 2099-05-06 12:00:00"), "{again}");
        let after = pause();
        assert_eq!(after["until"], "2099-05-06T12:00:00Z");
        for field in ["since", "reason"] {
            assert_eq!(after[field], before[field], "{job}: {field}");
        }
        let line = ["pause", job, "--reason", "newer disks", "--json"];
        let document = stage.json(&line);
        assert_eq!(document["until"], "2099-05-06T12:00:00Z", "{document}");
        assert!(told(&stage, &["pause", job]).ends_with("; now without an end\n"));
        assert_eq!(told(&stage, &["history", "nightly"]).matches("paused").count(), 1);
    }
}
