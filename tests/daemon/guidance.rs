//! Answers to people who typed the wrong thing or look in the wrong place: they name the next step.

use crate::stage::{Stage, now, transferd};

/// The state folder and a job file that is not the daemon's.
fn elsewhere(stage: &Stage) -> (String, String) {
    let state = stage.state().to_str().unwrap().to_owned();
    let jobs = stage.state().parent().unwrap().join("other.yaml");
    std::fs::write(&jobs, "jobs: {}\n").unwrap();
    (state, jobs.to_str().unwrap().to_owned())
}

#[test]
fn a_glob_starts_nothing_where_one_job_is_meant() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for line in [
        &["doctor", "--transfer", "*"][..],
        &["doctor", "--transfer", "h?nd"],
        &["why", "*"],
        &["status", "h*"],
        &["show", "h*"],
        &["rehearse", "night*"],
        &["backfill", "night*", "--from", "2d", "--to", "now", "--yes"],
    ] {
        let refused = stage.command(line);
        assert_eq!(refused.code, 2, "{line:?}: {}", refused.out);
        assert!(refused.err.contains("one name"), "{line:?}: {}", refused.err);
    }
    assert_eq!(stage.json(&["history", "--json"]), serde_json::json!([]));
}

#[test]
fn a_wrong_state_folder_is_no_good_news() {
    let stage = Stage::new("");
    for line in [&["show"][..], &["show", "hand"]] {
        let told = stage.command(line);
        assert_eq!(told.code, 1, "{line:?}: {}", told.out);
        assert!(told.err.contains("there is no database in"), "{line:?}: {}", told.err);
    }
    let (state, _) = elsewhere(&stage);
    let missing = format!("{state}-none/jobs.yaml");
    let why = transferd(&["-c", &missing, "--state-dir", &state, "why", "hand"]);
    assert_eq!(why.code, 1, "{}", why.out);
    assert!(why.err.contains("`transferd init` writes a first one"), "{}", why.err);
    let why = stage.command(&["why", "nobody"]);
    assert!(why.err.contains("`transferd next` lists the jobs"), "{}", why.err);
}

#[test]
fn a_daemon_that_does_not_answer_here_is_not_said_to_be_down() {
    let stage = Stage::new("");
    let daemon = stage.start();
    std::fs::remove_file(stage.state().join("control.sock")).unwrap();
    let holder = format!("pid {} holds the state", daemon.pid());
    let state = stage.state().to_str().unwrap();
    for line in [&["history"][..], &["why", "hand"], &["next"]] {
        let told = transferd(&[&["--state-dir", state], line].concat());
        assert!(told.err.contains(&holder), "{line:?}: {}", told.err);
        assert!(!told.err.contains("nothing runs"), "{line:?}: {}", told.err);
    }
    for line in [&["why", "nightly"][..], &["status"], &["trigger", "hand"]] {
        let told = transferd(&[&["--state-dir", state], line].concat());
        assert!(!(told.out + &told.err).contains("not running"), "{line:?}: {}", told.err);
    }
}

#[test]
fn a_daemon_that_hangs_holds_up_no_command_that_needs_but_its_job_file() {
    let stage = Stage::new("");
    let daemon = stage.start();
    let state = stage.state().to_str().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(daemon.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let check = transferd(&["--state-dir", state, "check"]);
    let jobs = transferd(&["--state-dir", state, "completions", "--jobs"]);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    let file = stage.state().parent().unwrap().join("jobs.yaml");
    assert_eq!(check.code, 0, "{}", check.err);
    assert!(check.out.contains(&format!("{} is good", file.display())), "{}", check.out);
    assert!(check.err.contains("has not answered for 5 s"), "{}", check.err);
    assert!(jobs.out.lines().any(|job| job == "nightly"), "{}", jobs.out);
}

#[test]
fn a_job_file_that_the_daemon_does_not_use_is_named() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let (state, other) = elsewhere(&stage);
    let missing = transferd(&["-c", "/nowhere/jobs.yaml", "--state-dir", &state, "status"]);
    assert!(missing.err.contains("`-c /nowhere/jobs.yaml` is not used"), "{}", missing.err);
    for line in [&["reload"][..], &["status"], &["pause", "hand"]] {
        let told = transferd(&[&["-c", &other, "--state-dir", &state], line].concat());
        assert_eq!(told.code, 0, "{line:?}: {}", told.err);
        assert!(told.err.contains(&format!("`-c {other}` is not used")), "{}", told.err);
        let told = stage.command(line);
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{line:?}");
    }
}

#[test]
fn words_that_are_no_job_are_answered_by_what_they_are() {
    let stage = Stage::new("");
    stage.write_jobs("  a job: {source: *s, destination: {account: b, bucket: c, path: job/}}");
    let _daemon = stage.start();
    let trigger = stage.command(&["trigger", "a", "job"]);
    assert!(trigger.err.contains("quote a name with spaces in it: `'a job'`"), "{}", trigger.err);
    let state = stage.state().to_str().unwrap();
    let next = transferd(&["--state-dir", state, "next", "tomorrow"]);
    assert!(next.err.contains("write `--until tomorrow`"), "{}", next.err);
    let file = transferd(&["--state-dir", state, "next", "new.yaml"]);
    assert!(file.err.contains("`-c new.yaml` names the job file"), "{}", file.err);
}

#[test]
fn a_day_is_told_with_its_weekday_wherever_one_is_asked_about() {
    let stage = Stage::new("");
    stage.write_jobs(
        "  weekly: {source: *s, destination: {account: b, bucket: c, path: w/}, timezone: UTC, \
         schedule: \"0 0 * * mon\"}",
    );
    let _daemon = stage.start();
    let why = stage.command(&["why", "weekly", "2026-11-28"]);
    assert_eq!(why.err, "at 2026-11-28: Sat 2026-11-28\n");
    assert!(why.out.contains("it has no occurrence on Sat 2026-11-28: "), "{}", why.out);
    let span = ["--from", "2026-11-01", "--to", "2026-11-28", "--dry-run"];
    let backfill = stage.command(&[&["backfill", "weekly"], &span[..]].concat());
    let told = "--from 2026-11-01: Sun 2026-11-01\n--to 2026-11-28: Sat 2026-11-28\n";
    assert!(backfill.err.starts_with(told), "{}", backfill.err);
}

#[test]
fn a_change_of_one_run_is_told_and_an_empty_path_is_no_accident() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let set = |text: &str| stage.command(&["trigger", "hand", "--set", text]);
    let empty = set("source.path=");
    assert_eq!(empty.code, 2, "{}", empty.out);
    assert!(empty.err.contains("if the whole bucket is meant"), "{}", empty.err);
    let whole = set("source.path=\"\"");
    assert_eq!((whole.code, whole.err.as_str()), (0, "hand: from a:src/ to b:c/hand/\n"));
    let run = stage.command(&["cancel", &whole.out[..8]]);
    assert!(run.code == 1 || run.out.ends_with(" of `hand`\n"), "{}", run.out);
}

#[test]
fn where_the_daemons_own_file_is_bad_next_shows_the_jobs_in_force_also_if_it_is_named() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let (state, other) = elsewhere(&stage);
    let jobs = stage.state().parent().unwrap().join("jobs.yaml");
    for file in [jobs.to_str().unwrap(), &other] {
        std::fs::write(file, "jobs: [\n").unwrap();
    }
    stage.until("it is seen", || stage.json(&["status", "--json"])["config"]["valid"] == false);
    let next = |file: &str| transferd(&["-c", file, "--state-dir", &state, "next", "-n", "1"]);
    let old = "the jobs before, read at";
    for line in [&["next", "nightly", "-n", "1"][..], &["next"], &["why", "nightly"]] {
        let told = stage.command(line);
        assert_eq!(told.code, 0, "{line:?}: {}", told.err);
        assert!(told.err.contains(old), "{line:?}: {}", told.err);
    }
    assert_eq!(next(&other).code, 1, "another file's errors are the answer");
    assert_eq!(daemon.stop(), 0);
    let told = stage.command(&["next"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.err.contains("the last good job set is shown instead"), "{}", told.err);
    assert_eq!(next(&other).code, 1);
}

#[test]
fn a_wrong_name_is_answered_with_what_may_have_been_meant() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for (line, words) in [
        (&["show", "nihgtly"][..], "did you mean `nightly`?"),
        (&["show", "ffffffff"], "there is no job or run `ffffffff`"),
        (&["show", "hand"], "job `hand` has not run yet"),
        (&["rehearse", "new.yaml"], "`-c new.yaml` names the job file"),
        (&["retry", "hand"], "job `hand` has not run yet"),
        (&["pause", "hand", "2d"], "write `--until 2d`"),
        (&["pause", "hand", "tomorrow"], "write `--until tomorrow`"),
        (&["pause", "all"], "`transferd pause --all` pauses"),
        (&["resume", "all"], "`transferd resume --all` ends"),
        (&["cancel", "all"], "`transferd cancel '*'`"),
        (&["trigger", "hand", "02:30"], "write `--for 02:30`"),
        (&["next", "new.yaml"], "`-c new.yaml` names the job file"),
        (&["show", "last"], "`transferd history -n 1`"),
    ] {
        let refused = stage.command(line);
        assert_eq!(refused.code, 1, "{line:?}: {}", refused.out);
        assert!(refused.err.contains(words), "{line:?}: {}", refused.err);
        assert!(!refused.err.contains("?;"), "{line:?}: {}", refused.err);
    }
}

#[test]
fn a_job_that_was_only_ever_skipped_can_be_retried_by_name() {
    let stage = Stage::new("");
    stage.write_jobs(
        "  held: {source: *s, destination: {account: b, bucket: c, path: held/}, start_within: 1s}",
    );
    stage.change_agent("max_active: 1");
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "slow"]).code, 0);
    let skipped = stage.command(&["trigger", "held", "--wait"]);
    assert_eq!(skipped.code, 1, "{}", skipped.err);
    let id = skipped.out.trim();
    assert_eq!(stage.run(id)["state"], "skipped");
    stage.until("the slot is free", || {
        stage.json(&["history", "--json"])[1]["state"] == "succeeded"
    });
    let retried = stage.command(&["retry", "held", "--wait", "--json"]);
    let run: serde_json::Value = serde_json::from_str(&retried.out).unwrap();
    assert_eq!((&run["retry_of"], &run["state"]), (&id.into(), &"succeeded".into()), "{run}");

    assert_eq!(stage.command(&["trigger", "slow"]).code, 0);
    let skipped = stage.command(&["trigger", "held", "--wait"]);
    let refused = stage.command(&["retry", "held"]);
    let words = format!("`transferd retry {}` repeats that one", skipped.out.trim());
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains(&words), "{}", refused.err);
}

#[test]
fn a_check_of_the_agent_that_fails_says_what_to_do() {
    let stage = Stage::new("");
    std::fs::write(stage.state().parent().unwrap().join("token"), "bad").unwrap();
    let told = stage.command(&["doctor"]);
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(told.out.contains("`transferd login` gets a token"), "{}", told.out);
    let jobs = stage.state().parent().unwrap().join("jobs.yaml");
    std::fs::write(jobs, "agent: {url: 'http://127.0.0.1:1', token_file: token}\njobs: {}\n")
        .unwrap();
    let told = stage.command(&["doctor"]);
    assert!(told.out.contains("`agent.url` in the job file"), "{}", told.out);
}

#[test]
fn a_token_that_was_replaced_is_not_called_bad_for_what_was_there_before() {
    let stage = Stage::new("");
    let token = stage.state().parent().unwrap().join("token");
    std::fs::write(&token, "bad").unwrap();
    let _daemon = stage.start();
    let is_good = || stage.json(&["status", "--json"])["agent"]["token"]["valid"] == true;
    assert!(!is_good());
    let began = now();
    std::fs::write(&token, Stage::TOKEN).unwrap();
    stage.until("the new token is tried", is_good);
    assert!(began.elapsed().as_secs() < 40, "{:?}", began.elapsed());
}

#[test]
fn a_job_that_has_not_run_is_not_shown_as_a_run_whose_id_begins_so() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let id = stage.command(&["trigger", "hand", "--wait"]).out.trim().to_owned();
    let name = &id[..8];
    let places = "{source: *s, destination: {account: b, bucket: c, path: other/}}";
    stage.write_jobs(&format!("  \"{name}\": {places}"));
    assert_eq!(stage.command(&["reload"]).code, 0);
    let show = || {
        let shown = stage.command(&["show", name]);
        assert_eq!(shown.code, 1, "{}", shown.out);
        assert!(shown.err.contains(&format!("job `{name}` has not run yet")), "{}", shown.err);
    };
    show();
    assert_eq!(daemon.stop(), 0);
    show();
}
