//! Asking the daemon to do something: waiting for a run, being refused, who may ask.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::Stage;

/// Sends a signal to a command.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// The signal of a terminal that is closed. Under nohup(1), where commands ignore it from the
/// beginning, one that they don't.
fn hang_up() -> Signal {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    if ignored & 1 == 0 { Signal::HUP } else { Signal::TERM }
}

/// The first line that a command prints.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Asks for a job's status.
fn peek(socket: &Path) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = "GET /v1/status?job=hand HTTP/1.1\r\nhost: d\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn who_asks_without_a_pause_puts_off_no_run() {
    let stage = Stage::new("");
    let daemon = stage.start();
    let (over, socket) = (AtomicBool::new(false), stage.state().join("control.sock"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peek(&socket);
            }
        });
        // What is asserted here may fail; the other thread must end anyway.
        let ends = (0..3).map(|_| stage.command(&["trigger", "hand", "--wait"]).code);
        let ends: Vec<_> = ends.collect();
        over.store(true, Ordering::Relaxed);
        assert_eq!(ends, [0, 0, 0], "{}", daemon.log());
    });
}

#[test]
fn a_second_waiting_trigger_is_refused_and_told_of_the_first() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let active = stage.command(&["trigger", "slow"]).out.trim().to_owned();
    let waiting = stage.json(&["trigger", "slow", "--json"]);
    let id = waiting["id"].as_str().unwrap();
    assert_ne!(id, active);
    assert_eq!(waiting["state"], "waiting");
    assert_eq!(waiting["trigger"], "manual");
    let refused = stage.command(&["trigger", "slow"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains(id), "{}", refused.err);
}

#[test]
fn waiting_for_a_run_outlives_a_restart_of_the_daemon() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let mut waiting = stage.spawn(&["trigger", "slow", "--wait"]);
    let id = first_line(&mut waiting);
    stage.until("the transfer runs", || stage.run(&id)["state"] == "running");
    assert_eq!(daemon.stop(), 0);
    let _daemon = stage.start();
    let mut told = String::new();
    waiting.stderr.as_mut().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("succeeded"), "{told}");
}

#[test]
fn an_interrupted_wait_leaves_the_run_alone_and_exits_130() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for sent in [Signal::INT, hang_up()] {
        let mut waiting = stage.spawn(&["trigger", "slow", "--wait"]);
        let id = first_line(&mut waiting);
        // The first state is told once signals are heard.
        let mut told = BufReader::new(waiting.stderr.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        signal(&waiting, sent);
        told.read_to_string(&mut line).unwrap();
        assert_eq!(waiting.wait().unwrap().code(), Some(130), "{line}");
        assert!(line.contains(&format!("transferd cancel {}`", &id[..8])), "{line}");
        stage.until("the run is over", || stage.run(&id)["state"] == "succeeded");
    }
}

#[test]
fn the_socket_is_its_owners_alone() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(stage.state().join("control.sock")), 0o600);
    assert_eq!(mode(stage.state().to_owned()), 0o700);
}

#[test]
fn no_command_makes_a_state_folder() {
    let stage = Stage::new("");
    let answers: [(&[&str], i32); 14] = [
        (&["status"], 3),
        (&["status", "--json"], 3),
        (&["status", "--watch"], 3),
        (&["trigger", "hand"], 3),
        (&["cancel", "hand"], 3),
        (&["pause", "hand"], 3),
        (&["resume", "hand"], 3),
        (&["reload"], 3),
        (&["history"], 0),
        (&["history", "--json"], 0),
        (&["show", "00"], 1),
        (&["why", "hand"], 0),
        (&["why", "nobody"], 1),
        (&["diff"], 0),
    ];
    for (arguments, code) in answers {
        let answer = stage.command(arguments);
        assert_eq!(answer.code, code, "{arguments:?}: {}", answer.err);
        if code == 3 {
            assert!(answer.err.contains("the daemon is not running"), "{}", answer.err);
        }
    }
    assert_eq!(stage.command(&["history", "--json"]).out, "[]\n");
    assert!(!stage.state().exists());
}

#[test]
fn a_pause_is_for_the_future_and_is_told_in_the_readers_time() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for past in ["2020-01-01T00:00:00Z", "yesterday", ""] {
        let refused = stage.command(&["pause", "nightly", "--until", past]);
        assert_eq!(refused.code, 2, "{past}: {}", refused.err);
    }
    let until = "2099-05-06T07:08:09+00:00";
    let paused = stage.command(&["pause", "nightly", "--until", until]);
    assert_eq!(paused.code, 0, "{}", paused.err);
    assert!(paused.out.contains("2099-05-06 ") || paused.out.contains("2099-05-07 "));
    assert!(!paused.out.contains('T'), "{}", paused.out);
    assert_eq!(stage.command(&["resume", "nightly"]).code, 0);
    let again = stage.command(&["resume", "nightly"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("not paused"), "{}", again.err);
}

#[test]
fn a_pause_of_all_leaves_single_pauses_as_they_are() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    assert_eq!(stage.command(&["pause"]).code, 2, "jobs or `--all`");
    assert_eq!(stage.command(&["resume", "--all"]).code, 1, "it is not in force");
    assert_eq!(stage.command(&["pause", "nightly"]).code, 0);
    let all = stage.json(&["pause", "--all", "--until", "2d", "--reason", "new disks", "--json"]);
    assert_eq!((&all["paused"], &all["reason"]), (&true.into(), &"new disks".into()), "{all}");
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["pause"]["reason"], "new disks");
    assert!(status["jobs"].as_array().unwrap().iter().all(|job| job["paused"] == true));

    // Its own pause is over, that of all is not.
    let own = stage.command(&["resume", "nightly"]);
    assert!(own.code == 0 && own.out.contains("stays paused"), "{}{}", own.out, own.err);
    let none = stage.command(&["resume", "hand"]);
    assert!(none.code == 1 && none.err.contains("stays paused"), "{}", none.err);

    assert_eq!(stage.command(&["pause", "nightly"]).code, 0);
    let over = stage.command(&["resume", "--all"]);
    assert!(over.code == 0 && over.out.contains("nightly"), "{}{}", over.out, over.err);
    let status = stage.json(&["status", "--json"]);
    assert!(status["pause"].is_null());
    for job in status["jobs"].as_array().unwrap() {
        assert_eq!(job["paused"], job["name"] == "nightly", "{job}");
    }
}

#[test]
fn a_glob_stands_for_the_jobs_that_it_fits() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let names = |answer: &serde_json::Value| -> Vec<String> {
        let jobs = answer.as_array().unwrap().iter();
        jobs.map(|one| one["job"].as_str().unwrap().to_owned()).collect()
    };
    let paused = stage.json(&["pause", "nig*", "hand", "*nightly", "--json"]);
    assert_eq!(names(&paused), ["nightly", "hand"]);
    let resumed = stage.json(&["resume", "*", "--json"]);
    assert_eq!(names(&resumed), ["hand", "nightly"], "those that were not paused are passed over");
    assert_eq!(names(&stage.json(&["next", "night*", "-n", "2", "--json"])), ["nightly"; 2]);

    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    assert_eq!(names(&stage.json(&["history", "{hand,nightly}", "--json"])), ["hand"]);
    assert_eq!(stage.command(&["trigger", "slow"]).code, 0);
    let canceled = stage.json(&["cancel", "s*", "--json"]);
    assert_eq!(canceled.as_array().unwrap().len(), 1, "{canceled}");
    for line in [
        &["pause", "x*"][..],
        &["history", "x*"],
        &["next", "x*"],
        &["cancel", "x*"],
        &["cancel", "hand", "slwo"],
        &["events", "nobody"],
    ] {
        let refused = stage.command(line);
        assert_eq!(refused.code, 1, "{line:?}: {}", refused.err);
    }
}

#[test]
fn a_reload_tells_of_what_was_taken_up_the_moment_before() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    stage.write_jobs("  fresh: {source: *s, destination: {account: b, bucket: c, path: fresh/}}");
    stage.until("the job is there", || {
        let status = stage.json(&["status", "--json"]);
        status["jobs"].as_array().unwrap().iter().any(|job| job["name"] == "fresh")
    });
    let told = stage.json(&["reload", "--json"]);
    assert_eq!(told["added"][0]["job"], "fresh", "{told}");
    let again = stage.json(&["reload", "--json"]);
    assert_eq!(again["added"], serde_json::json!([]), "it is told once");
}

#[test]
fn a_reload_waits_for_a_file_that_is_being_written() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let mut writer = std::fs::File::options()
        .append(true)
        .open(stage.state().with_file_name("jobs.yaml"))
        .unwrap();
    let job = |name: &str| {
        format!("  {name}: {{source: *s, destination: {{account: b, bucket: c, path: {name}/}}}}\n")
    };
    writer.write_all(job("first").as_bytes()).unwrap();
    let mut reload = stage.spawn(&["reload", "--json"]);
    let mut told = reload.stdout.take().unwrap();
    std::thread::park_timeout(Duration::from_millis(500));
    assert!(reload.try_wait().unwrap().is_none(), "half a file is not read");
    writer.write_all(job("second").as_bytes()).unwrap();
    drop(writer);
    let mut text = String::new();
    told.read_to_string(&mut text).unwrap();
    assert!(reload.wait().unwrap().success());
    let added: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!([&added["added"][0]["job"], &added["added"][1]["job"]], ["first", "second"]);
}

#[test]
fn a_job_that_has_left_the_file_is_answered_for_from_its_runs() {
    let stage = Stage::new("");
    stage.write_jobs("  old: {source: *s, destination: {account: b, bucket: c, path: hand/}}");
    let _daemon = stage.start();
    let ran = stage.command(&["trigger", "old", "--wait"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    stage.write_jobs("");
    assert_eq!(stage.command(&["reload"]).code, 0);
    for time in ["2001-02-03", "2001-02-03T04:05:06Z", "5d"] {
        let told = stage.command(&["why", "old", time]);
        assert_eq!(told.code, 0, "{time}: {}", told.err);
        assert!(told.out.contains("is not in the job file"), "{time}: {}", told.out);
        assert_eq!(stage.command(&["why", "nobody", time]).code, 1, "{time}");
    }
    let mut events = stage.spawn(&["events", "old", "--since", "0", "--json"]);
    let first = first_line(&mut events);
    signal(&events, hang_up());
    assert!(first.contains("\"job\":\"old\""), "{first}");
    assert_eq!(events.wait().unwrap().code(), Some(130));
}

#[test]
fn of_several_that_are_named_none_is_changed_where_one_can_not_be() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let errors = |line: &[&str]| -> Vec<String> {
        let told = stage.command(line);
        assert_eq!(told.code, 1, "{line:?}: {}", told.err);
        let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        let errors = document["errors"].as_array().unwrap_or_else(|| panic!("{document}"));
        let words = |error: &serde_json::Value| error["message"].as_str().unwrap().to_owned();
        assert_eq!(document.as_object().unwrap().len(), 1, "{document}");
        errors.iter().map(words).collect()
    };
    assert_eq!(stage.command(&["pause", "nightly"]).code, 0);
    let told = errors(&["resume", "hand", "nightly", "slow", "--json"]);
    assert_eq!(told, ["job `hand` is not paused", "job `slow` is not paused"]);
    let status = stage.json(&["status", "nightly", "--json"]);
    assert_eq!(status["jobs"][0]["paused"], true, "{status}");

    let active = stage.command(&["trigger", "slow"]).out.trim().to_owned();
    let told = errors(&["cancel", "slow", "hand", "nobody", "--json"]);
    assert!(
        told[0].contains("`hand` has no active run") && told[1].contains("`nobody`"),
        "{told:?}"
    );
    assert_eq!(errors(&["cancel", &active[..8], "hand", "--json"]).len(), 1);
    assert_ne!(stage.run(&active)["state"], "canceling", "it is left as it is");
    assert_eq!(stage.json(&["cancel", &active, "--json"])["runs"][0], active.as_str());
}

#[test]
fn a_reason_is_told_as_it_is_kept() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let reason = "moved\u{1b}[31m\naway";
    let told = stage.json(&["pause", "nightly", "--reason", reason, "--json"]);
    let status = stage.json(&["status", "nightly", "--json"]);
    assert_eq!(told["reason"], status["jobs"][0]["pause"]["reason"]);
    assert!(!told["reason"].as_str().unwrap().contains(char::is_control), "{told}");
    let told = stage.json(&["pause", "hand", "--reason", "  ", "--json"]);
    assert_eq!(told["reason"], serde_json::Value::Null, "blanks say nothing");
    let refused = stage.command(&["pause", "slow", "--reason", &"x".repeat(501)]);
    assert_eq!(refused.code, 2, "{}", refused.err);
}

#[test]
fn reload_diff_and_check_list_the_same_warnings() {
    let stage = Stage::new("");
    let token = stage.state().with_file_name("token");
    std::fs::set_permissions(token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _daemon = stage.start();
    stage.write_jobs(
        "  night: {schedule: '30 2 * * *', timezone: Europe/Berlin, source: *s, \
         destination: {account: b, bucket: c, path: night/}}",
    );
    let listed = |args: &[&str]| stage.json(args)["warnings"].clone();
    let checked = listed(&["check", "--json"]);
    for told in ["jobs.night.schedule", "agent.token_file"] {
        assert!(checked.to_string().contains(told), "{checked}");
    }
    assert_eq!(listed(&["diff", "--json"]), checked);
    for _ in 0..2 {
        assert_eq!(listed(&["reload", "--json"]), checked);
    }
    let diff = stage.command(&["diff"]);
    assert!(diff.err.contains("token"), "{}", diff.err);
    let nothing = stage.command(&["reload"]).out;
    assert!(nothing.ends_with("1 warning: see `transferd check`\n"), "{nothing}");
}

#[test]
fn of_several_jobs_each_has_a_time_in_its_own_zone() {
    let stage = Stage::new("");
    stage.write_jobs(
        "  tokyo: {source: *s, destination: {account: b, bucket: c, path: tokyo/}, \
         timezone: Asia/Tokyo}\n  utc: {source: *s, destination: {account: b, bucket: c, \
         path: utc/}, timezone: UTC}",
    );
    let _daemon = stage.start();
    let paused = stage.json(&["pause", "tokyo", "utc", "--until", "09:00", "--json"]);
    let end = |index: usize| paused[index]["until"].as_str().unwrap().to_owned();
    assert!(end(0).ends_with("T00:00:00Z") && end(1).ends_with("T09:00:00Z"), "{paused}");
    let told = stage.command(&["trigger", "tokyo", "utc", "--for", "2026-01-02 02:30"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let meant = "--for 2026-01-02 02:30: 2026-01-02T02:30:00 in the zone of each job\n";
    assert!(told.err.starts_with(meant), "{}", told.err);
    assert!(told.err.contains("+09:00") && told.err.contains("+00:00"), "{}", told.err);
}

#[test]
fn a_missing_token_is_told_though_the_agent_is_away() {
    let stage = Stage::new("");
    let folder = stage.state().parent().unwrap();
    std::fs::remove_file(folder.join("token")).unwrap();
    let text = std::fs::read_to_string(folder.join("jobs.yaml")).unwrap();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (before, after) = text.split_once("url: ").unwrap();
    let (_, after) = after.split_once(',').unwrap();
    let text = format!("{before}url: http://{gone},{after}");
    std::fs::write(folder.join("jobs.yaml"), text).unwrap();
    let _daemon = stage.start();
    let mut status = serde_json::Value::Null;
    stage.until("it was looked for", || {
        status = stage.json(&["status", "--json"]);
        status["agent"]["token"]["valid"] == false
    });
    let problems: Vec<_> =
        status["problems"].as_array().unwrap().iter().filter_map(|one| one.as_str()).collect();
    assert!(problems.iter().any(|words| words.contains("can't be reached")), "{problems:?}");
    let token = problems.iter().find(|words| words.contains("token` does not exist"));
    assert!(token.is_some_and(|words| words.contains("`transferd login`")), "{problems:?}");
}

#[test]
fn what_comes_after_a_pause_with_an_end_is_reported() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let paused = stage.json(&["pause", "nightly", "--until", "3d", "--json"]);
    let time =
        |value: &serde_json::Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let job = || stage.json(&["status", "nightly", "--json"])["jobs"][0].take();
    let told = job();
    assert_eq!(told["next_run"], serde_json::Value::Null);
    assert!(time(&told["next"][0]) >= time(&paused["until"]), "{told}");
    assert_eq!(stage.command(&["pause", "--all"]).code, 0);
    assert_eq!(job()["next"], serde_json::json!([]), "nobody knows when that one ends");
}

#[test]
fn a_reload_that_keeps_less_history_takes_effect_at_once_and_goes_on_doing_so() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let run = || assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let kept = || stage.json(&["history", "--json"]).as_array().unwrap().len();
    (0..3).for_each(|_| run());
    assert_eq!(kept(), 3);
    stage.write_jobs("history: {max_runs: 1}");
    assert_eq!(stage.command(&["reload"]).code, 0);
    stage.until("only the last run is left", || kept() == 1);
    (0..2).for_each(|_| run());
    stage.until("only the last run is left again", || kept() == 1);
}
