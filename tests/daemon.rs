//! The real binary against the simulated agent: what users rely on, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

#[path = "daemon/alert_test.rs"]
mod alert_test;
#[path = "daemon/alerts.rs"]
mod alerts;
#[path = "daemon/answers.rs"]
mod answers;
#[path = "daemon/causes.rs"]
mod causes;
#[path = "daemon/control.rs"]
mod control;
#[path = "daemon/guidance.rs"]
mod guidance;
#[path = "daemon/metrics.rs"]
mod metrics;
#[path = "daemon/pauses.rs"]
mod pauses;
#[path = "daemon/receipts.rs"]
mod receipts;
#[path = "daemon/receiver.rs"]
mod receiver;
#[path = "daemon/recipes.rs"]
mod recipes;
#[path = "daemon/repeats.rs"]
mod repeats;
#[path = "support/stage.rs"]
mod stage;
#[path = "daemon/starting.rs"]
mod starting;
#[path = "daemon/terminal.rs"]
mod terminal;
#[path = "daemon/version_2.rs"]
mod version_2;
#[path = "daemon/web.rs"]
mod web;

use std::time::Duration;

use answers::{is_job, is_run};
use serde_json::Value;
use stage::Stage;

#[test]
fn a_triggered_job_runs_to_its_end_and_is_told_of() {
    let stage = Stage::new("");
    let daemon = stage.start();
    let waited = stage.command(&["trigger", "hand", "--wait"]);
    assert_eq!(waited.code, 0, "{}", waited.err);
    assert!(waited.err.starts_with("hand: from a:src/x/ to b:c/hand/\n"), "{}", waited.err);
    let id = waited.out.trim().to_owned();

    let history = stage.json(&["history", "--json"]);
    let run = &history[0];
    assert_eq!(run["id"], id.as_str());
    is_run(run);
    assert_eq!(run["state"], "succeeded");
    assert_eq!(run["trigger"], "manual");
    assert!(run["scheduled_for"].is_null());
    assert_eq!(run["attempts"].as_array().unwrap().len(), 1);
    let shown = stage.json(&["show", &id[..8], "--json"]);
    assert_eq!(shown["id"], id.as_str());
    assert_eq!(keys(&shown["events"][0]), ["at", "detail", "event"]);

    let status = stage.json(&["status", "--json"]);
    assert_eq!(keys(&status["daemon"]), ["pid", "started_at", "version"]);
    assert_eq!(
        keys(&status["config"]),
        ["error", "errors", "loaded_at", "path", "unwatched", "valid"]
    );
    assert_eq!(keys(&status["agent"]["token"]), ["expires_at", "valid"]);
    assert_eq!(status["agent"]["state"], "started");
    stage.until("the agent has told its version", || {
        stage.json(&["status", "--json"])["agent"]["version"] == "2.31.0-sim"
    });
    let people = stage.command(&["status"]).out;
    assert!(people.contains("started, version 2.31.0-sim"), "{people}");
    assert_eq!(stage.asked("/management/check_update"), 1, "once a day");
    let job = job(&status, "hand");
    is_job(job);
    assert_eq!(job["last_run"]["id"], id.as_str());
    assert_eq!(job["last_success"]["id"], id.as_str());
    assert_eq!(self::job(&status, "nightly")["schedule"], "30 2 * * *");

    drop(daemon);
    let offline = stage.json(&["history", "--json"]);
    assert_eq!(offline[0]["id"], id.as_str(), "the past can be read without a daemon");
    let places = |run: &Value| [run["source"].clone(), run["destination"].clone()];
    assert_eq!(places(&offline[0]), places(&history[0]), "accounts have their names too");
    assert_eq!(offline[0]["source"]["account"], "a");
    assert_eq!(places(&stage.run(&id)), places(&history[0]));
    assert_eq!(stage.command(&["status"]).code, 3);
}

#[test]
fn a_run_that_fails_is_said_by_the_exit_code() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let waited = stage.command(&["trigger", "broken", "--wait", "--json"]);
    assert_eq!(waited.code, 1, "{}", waited.err);
    let run: Value = serde_json::from_str(&waited.out).unwrap();
    assert_eq!(run["state"], "failed");
}

#[test]
fn a_killed_daemon_carries_on_with_the_same_run_and_queues_nothing_twice() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let id = stage.command(&["trigger", "slow"]).out.trim().to_owned();
    stage.until("the transfer runs", || stage.run(&id)["state"] == "running");
    daemon.kill();
    let _daemon = stage.start();
    stage.until("the run is over", || stage.run(&id)["state"] == "succeeded");
    assert_eq!(stage.posts(), 1);
}

#[test]
fn a_lost_answer_is_looked_for_and_not_asked_for_again() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let waited = stage.command(&["trigger", "lost", "--wait"]);
    assert_eq!(waited.code, 0, "{}", waited.err);
    assert_eq!(stage.posts(), 1);
}

#[test]
fn an_answer_that_says_neither_yes_nor_no_is_looked_behind_and_told_as_it_was() {
    let stage = Stage::new("");
    let alerted = stage.state().with_file_name("alerted");
    stage.write_jobs(&format!(
        "  unclear: {{source: *s, destination: {{account: b, bucket: c, path: unclear/}}, \
         timeout: 3s}}\n\
         alerts: [{{on: [failed], command: [sh, -c, 'cat > {0}.new && mv {0}.new {0}']}}]",
        alerted.display()
    ));
    let _daemon = stage.start();
    let red = stage.command(&["trigger", "unclear", "--wait"]);
    assert_eq!(red.code, 1, "{}", red.err);
    let answered = "the agent answered 499 (TRANSFER_C2C";
    let reason = "to its last request, and no transfer has turned up within `timeout` (3s)";
    let run = stage.run(red.out.trim());
    assert_eq!((&run["state"], &run["reason_code"]), (&"failed".into(), &"answer_lost".into()));
    let told = run["reason"].as_str().unwrap();
    assert!(told.starts_with(answered) && told.ends_with(reason), "{told}");
    let attempt = run["attempts"][0]["reason"].as_str().unwrap();
    assert!(attempt.starts_with(answered) && attempt.ends_with("have not shown it"), "{attempt}");
    for command in ["show", "why", "status", "history"] {
        let said = stage.command(&[command, "unclear"]);
        let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(answered) && !words.contains("was lost"), "{command}: {}", said.out);
    }
    stage.until("the alert is delivered", || alerted.is_file());
    let alert = std::fs::read_to_string(&alerted).unwrap();
    assert!(alert.contains(answered), "{alert}");
    assert_eq!(stage.posts(), 1);
}

#[test]
fn cancel_takes_a_job_or_the_beginning_of_a_run_and_refuses_the_rest() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    for by_job in [true, false] {
        let id = stage.command(&["trigger", "slow"]).out.trim().to_owned();
        stage.until("the transfer runs", || stage.run(&id)["state"] == "running");
        let what = if by_job { "slow" } else { &id[..8] };
        let canceled = stage.json(&["cancel", what, "--json"]);
        assert_eq!(canceled["runs"][0], id.as_str());
        stage.until("it is canceled", || stage.run(&id)["state"] == "canceled");
    }
    let unknown = stage.command(&["cancel", "slwo"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("did you mean `slow`"), "{}", unknown.err);
    assert_eq!(stage.command(&["trigger", "nobody"]).code, 1);
    assert_eq!(stage.command(&["show", "00"]).code, 1);
}

#[test]
fn a_pause_outlives_the_daemon_until_the_job_is_resumed() {
    let stage = Stage::new("");
    let daemon = stage.start();
    let paused = stage.command(&["pause", "nightly", "--until", "2d", "--reason", "moving house"]);
    assert_eq!(paused.code, 0, "{}", paused.err);
    drop(daemon);
    let _daemon = stage.start();
    let status = stage.json(&["status", "nightly", "--json"]);
    assert_eq!(status["jobs"][0]["paused"], true);
    assert!(status["jobs"][0]["next_run"].is_null());
    assert!(stage.command(&["status"]).out.contains("moving house"));
    assert_eq!(stage.command(&["resume", "nightly"]).code, 0);
    let status = stage.json(&["status", "nightly", "--json"]);
    assert_eq!(status["jobs"][0]["paused"], false);
    assert!(status["jobs"][0]["next_run"].is_string());
}

#[test]
fn a_reload_is_all_or_nothing() {
    let stage = Stage::new("");
    let daemon = stage.start();
    let reload = stage.command(&["reload"]);
    assert_eq!((reload.code, reload.out.contains("nothing changed")), (0, true));

    stage.write_jobs("  later: {source: *s, destination: {account: b, bucket: c, path: later/}}");
    let reload = stage.command(&["reload"]);
    assert_eq!(reload.code, 0, "{}", reload.err);
    stage.until("the new job is there", || stage.command(&["status", "later"]).code == 0);

    stage.write_jobs("  later: {sourec: 1}");
    let reload = stage.command(&["reload"]);
    assert_eq!(reload.code, 1);
    assert!(reload.err.contains("sourec"), "{}", reload.err);
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["config"]["valid"], false);
    assert_eq!(job(&status, "later")["name"], "later", "the old jobs stay");

    drop(daemon);
    let _daemon = stage.start();
    let status = stage.json(&["status", "--json"]);
    assert_eq!(job(&status, "later")["name"], "later", "also over a restart");
}

#[test]
fn a_reload_says_what_changed_field_by_field() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    let later = |path: &str| {
        format!("  later: {{source: *s, destination: {{account: b, bucket: c, path: {path}}}}}")
    };
    stage.write_jobs(&later("later/"));
    let reload = stage.command(&["reload", "--json"]);
    assert_eq!(reload.code, 0, "{}", reload.err);
    let told: serde_json::Value = serde_json::from_str(&reload.out).unwrap();
    let fields = ["added", "changed", "errors", "path", "removed", "settings", "valid", "warnings"];
    assert_eq!(keys(&told), fields);

    stage.write_jobs(&later("sooner/"));
    let status = || stage.json(&["status", "later", "--json"])["config"]["loaded_at"].clone();
    let before = status();
    let diff = stage.command(&["diff", "--json"]);
    // The watch may have been faster.
    let reload = stage.command(&["reload", "--json"]);
    assert_eq!((diff.code, reload.code), (0, 0));
    let told: Vec<serde_json::Value> =
        [&diff, &reload].map(|said| serde_json::from_str(&said.out).unwrap()).into();
    for told in told.iter().filter(|told| told["changed"] != serde_json::json!([])) {
        let field = serde_json::json!({
            "field": "destination.path", "old": "later/", "new": "sooner/",
        });
        assert_eq!(told["changed"][0]["job"], "later");
        assert_eq!(told["changed"][0]["fields"], serde_json::json!([field]));
    }
    stage.until("the new file is in force", || status() != before);

    stage.write_jobs("  later: {sourec: 1}");
    let reload = stage.command(&["reload", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&reload.out).unwrap();
    assert_eq!((reload.code, &told["valid"]), (1, &serde_json::json!(false)));
    let mut messages = told["errors"].as_array().unwrap().iter().map(|error| &error["message"]);
    assert!(messages.any(|message| message.as_str().unwrap().contains("sourec")), "{told}");
    assert_eq!(keys(&told["errors"][0]), ["column", "file", "hint", "line", "message", "path"]);
    let status = stage.json(&["status", "--json"]);
    assert_eq!(status["config"]["errors"], told["errors"]);
}

#[test]
fn a_job_that_is_asked_for_by_name_is_told_of_in_full() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let status = stage.json(&["status", "nightly", "--json"]);
    let nightly = &status["jobs"][0];
    assert_eq!(nightly["next"].as_array().unwrap().len(), 3);
    assert_eq!(nightly["next"][0], nightly["next_run"]);
    assert_eq!(nightly["policies"]["overlap"], "skip");
    assert_eq!(nightly["policies"]["retry"]["max_attempts"], 1, "as the defaults of the file say");
    assert_eq!(nightly["recent"], serde_json::json!([]));
    let status = stage.json(&["status", "hand", "--json"]);
    assert_eq!(status["jobs"][0]["recent"][0]["state"], "succeeded");
    assert!(stage.json(&["status", "--json"])["jobs"][0].get("policies").is_none());
    let told = stage.command(&["status", "hand"]).out;
    assert!(told.contains("policies") && told.contains("from "), "{told}");
    let shown = stage.json(&["show", "hand", "--json"]);
    assert_eq!(shown["state"], "succeeded", "a job stands for its last run");
}

#[test]
fn what_happens_is_followed_from_an_event_on() {
    use std::io::{BufRead as _, BufReader};
    let stage = Stage::new("");
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let mut events = stage.spawn(&["events", "hand", "--since", "0", "--json"]);
    let lines = BufReader::new(events.stdout.take().unwrap()).lines();
    let mut before = 0;
    for line in lines {
        let told: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(
            keys(&told),
            [
                "at",
                "attempt",
                "blocked_by",
                "detail",
                "event",
                "id",
                "job",
                "limit",
                "reason_code",
                "run",
                "transfer_id",
                "until",
            ]
        );
        assert!(told["id"].as_u64().unwrap() > before, "{told}");
        before = told["id"].as_u64().unwrap();
        if told["event"] == "succeeded" {
            break;
        }
    }
    events.kill().unwrap();
    events.wait().unwrap();
    assert!(before > 2, "each step is reported");
}

#[test]
fn errors_are_an_object_where_json_is_wanted() {
    let stage = Stage::new("");
    for (args, code) in [
        (&["status", "--json"][..], 3),
        (&["history", "--json", "--since", "noon"], 2),
        (&["show", "nosuch", "--json"], 1),
        (&["frobnicate", "--json"], 2),
        (&["next", "nosuch", "--json"], 1),
        (&["--json", "status"], 2),
    ] {
        let said = stage.command(args);
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        let told: serde_json::Value = serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", said.out));
        let error = &told["errors"][0];
        assert_eq!(keys(error), ["column", "file", "hint", "line", "message", "path"], "{args:?}");
        assert!(said.err.contains(error["message"].as_str().unwrap()), "{args:?}: {told}");
    }
}

#[test]
fn what_is_missing_on_a_command_line_is_named_in_json_too() {
    let usage = |args: &[&str]| {
        let said = stage::transferd(args);
        assert_eq!(said.code, 2, "{args:?}: {}", said.err);
        let told: Value = serde_json::from_str(&said.out).unwrap();
        let text = |key: &str| told["errors"][0][key].as_str().unwrap_or_default().to_owned();
        (text("message"), text("hint"))
    };
    let (message, _) = usage(&["retry", "--failed", "--json"]);
    assert!(message.contains("`transferd retry --failed --since 1d`"), "{message}");
    let (message, hint) = usage(&["backup", "--json"]);
    assert!(message.contains("needs a file"), "{message}: {hint}");
    assert!(!message.contains('\n') && !hint.contains('\n'), "{message}: {hint}");
    let (message, hint) = usage(&["trigger", "--json"]);
    assert!(
        message.contains("needs a job") && hint.contains("transferd trigger JOB"),
        "{message}: {hint}"
    );
    let (message, hint) = usage(&["pause", "--json"]);
    assert!(message.contains("needs a job") && hint.contains("pause --all"), "{message}: {hint}");
    let (message, hint) = usage(&["--json", "status"]);
    assert!(message.contains("`--json` is an option of `status`"), "{message}");
    assert!(hint.contains("`transferd status --json`"), "{hint}");
}

#[test]
fn a_changed_file_takes_effect_by_itself() {
    let stage = Stage::new("");
    let _daemon = stage.start();
    stage.write_jobs("  later: {source: *s, destination: {account: b, bucket: c, path: later/}}");
    stage.until("the new job is there", || stage.command(&["status", "later"]).code == 0);
}

#[test]
fn an_invalid_file_without_a_good_one_before_it_ends_the_daemon_with_78() {
    let stage = Stage::new("");
    stage.write_jobs("  later: {sourec: 1}");
    let run = stage.command(&["run"]);
    assert_eq!(run.code, 78);
    assert!(run.err.contains("sourec"), "{}", run.err);
}

#[test]
fn a_second_daemon_is_refused_and_told_of_the_first() {
    let stage = Stage::new("");
    let daemon = stage.start();
    let second = stage.command(&["run"]);
    assert_eq!(second.code, 1);
    assert!(second.err.contains(&format!("pid {}", daemon.pid())), "{}", second.err);
}

#[test]
fn a_stop_does_not_wait_for_transfers() {
    let stage = Stage::new("");
    let mut daemon = stage.start();
    let id = stage.command(&["trigger", "slow"]).out.trim().to_owned();
    stage.until("the transfer runs", || stage.run(&id)["state"] == "running");
    let began = stage::now();
    assert_eq!(daemon.stop(), 0);
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert_eq!(stage.json(&["history", "--json"])[0]["state"], "running");
}

#[test]
fn a_state_folder_with_a_long_path_works() {
    let stage = Stage::new(&"deep/".repeat(30));
    let _daemon = stage.start();
    assert_eq!(stage.command(&["status"]).code, 0);
}

#[test]
fn the_token_is_in_nothing_that_is_written_or_said() {
    let stage = Stage::new("");
    let mut daemon = stage.start_with(&["--log-level", "trace"]);
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    assert_eq!(stage.command(&["trigger", "lost", "--wait"]).code, 0);
    let said = [
        stage.command(&["status"]).out,
        stage.command(&["status", "--json"]).out,
        stage.command(&["history", "--json"]).out,
        std::fs::read_to_string(format!("/proc/{}/cmdline", daemon.pid())).unwrap(),
    ];
    assert_eq!(daemon.stop(), 0);
    for text in said.iter().chain([&daemon.log()]) {
        assert!(!text.contains(Stage::TOKEN), "{text}");
    }
    assert!(daemon.log().len() > 100, "the log was looked at");
    for bytes in stage.state_files() {
        let found = bytes.windows(Stage::TOKEN.len()).any(|part| part == Stage::TOKEN.as_bytes());
        assert!(!found, "the token is in the state folder");
    }
}

#[test]
fn the_demo_shows_it_all_and_ends_by_itself() {
    let demo = stage::transferd(&["demo", "--for", "16s"]);
    assert_eq!(demo.code, 0, "{}", demo.err);
    for job in ["dailies", "flaky", "long", "lost-answer", "partial", "stuck"] {
        assert!(demo.out.contains(job), "{}", demo.out);
    }
    assert!(demo.out.contains("0 lost, 0 doubled"), "{}", demo.out);
    assert!(demo.out.contains("in a browser: http://127.0.0.1:"), "{}", demo.out);
}

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn job<'a>(status: &'a Value, name: &str) -> &'a Value {
    let jobs = status["jobs"].as_array().unwrap();
    jobs.iter().find(|job| job["name"] == name).unwrap()
}
