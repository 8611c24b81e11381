//! The JSON that scripts read, in as many states as can be had at once, and the answers of `why`.

use jiff::Timestamp;
use serde_json::Value;
use transferd::core::reason::ReasonCode;

use crate::stage::{Stage, transferd};
use crate::{job, keys};

const MORE: &str = "  off: {source: *s, destination: {account: b, bucket: c, path: off/}, \
                    schedule: '@daily', enabled: false}\n  \
                    rival: {source: *s, destination: {account: b, bucket: c, path: slow/sub/}}";

/// A time of the contract: RFC 3339, or null where there is none yet.
fn is_time_or_null(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok())
}

/// A reason has a code of the closed list; it may have none in these states alone.
fn has_a_code_of_the_list(document: &Value, without: &[&str]) {
    let state = document["state"].as_str().unwrap();
    match document["reason_code"].as_str() {
        Some(word) => assert!(ReasonCode::from_word(word).is_some(), "{document}"),
        None => assert!(without.contains(&state), "{document}"),
    }
}

/// Holds a run to its contract.
pub(crate) fn is_run(run: &Value) {
    assert_eq!(
        keys(run),
        [
            "attempts",
            "blocked_by",
            "created_at",
            "destination",
            "ended_at",
            "id",
            "job",
            "limit",
            "reason",
            "reason_code",
            "retry_of",
            "scheduled_for",
            "source",
            "state",
            "trigger",
            "until"
        ]
    );
    let triggers = ["schedule", "catch_up", "manual", "retry", "backfill"];
    assert!(triggers.contains(&run["trigger"].as_str().unwrap()));
    for time in ["created_at", "ended_at", "scheduled_for", "until"] {
        assert!(is_time_or_null(&run[time]), "{time}: {run}");
    }
    for place in ["source", "destination"] {
        assert_eq!(keys(&run[place]), ["account", "account_id", "bucket", "path"]);
    }
    let settled = ["submitting", "queued", "running", "canceling"];
    has_a_code_of_the_list(run, &settled);
    for attempt in run["attempts"].as_array().unwrap() {
        assert_eq!(
            keys(attempt),
            [
                "bytes",
                "cause",
                "cost_usd",
                "ended_at",
                "number",
                "objects",
                "reason",
                "reason_code",
                "state",
                "submitted_at",
                "transfer_id"
            ]
        );
        has_a_code_of_the_list(attempt, &settled);
        assert!(is_time_or_null(&attempt["submitted_at"]) && is_time_or_null(&attempt["ended_at"]));
        assert_eq!(keys(&attempt["objects"]), ["failed", "skipped", "total", "transferred"]);
        assert_eq!(keys(&attempt["bytes"]), ["total", "transferred"]);
        let counters = attempt["objects"].as_object().unwrap().values();
        assert!(counters.chain(attempt["bytes"].as_object().unwrap().values()).all(Value::is_u64));
    }
}

/// Holds a pause to its contract.
fn is_pause_or_null(pause: &Value) {
    if pause.is_null() {
        return;
    }
    assert_eq!(keys(pause), ["reason", "since", "until"]);
    assert!(pause["since"].is_string() && is_time_or_null(&pause["since"]), "{pause}");
    assert!(is_time_or_null(&pause["until"]), "{pause}");
}

/// Holds a job of `status` to its contract, and the runs in it.
pub(crate) fn is_job(job: &Value) {
    assert_eq!(
        keys(job),
        [
            "active_run",
            "description",
            "destination",
            "enabled",
            "last_run",
            "last_success",
            "late",
            "name",
            "next_run",
            "pause",
            "paused",
            "schedule",
            "source",
            "timezone"
        ]
    );
    assert!(is_time_or_null(&job["next_run"]), "{job}");
    assert!(job["late"].is_boolean() && job["timezone"].is_string(), "{job}");
    is_pause_or_null(&job["pause"]);
    assert_eq!(job["paused"], !job["pause"].is_null());
    for place in ["source", "destination"] {
        assert_eq!(keys(&job[place]), ["account", "account_id", "bucket", "path"]);
    }
    for run in ["active_run", "last_run", "last_success"] {
        if !job[run].is_null() {
            is_run(&job[run]);
        }
    }
}

#[test]
fn each_document_keeps_to_the_contract_in_each_state() {
    let stage = Stage::new("");
    stage.write_jobs(MORE);
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    assert_eq!(stage.command(&["pause", "nightly", "--reason", "moving"]).code, 0);
    let slow = stage.command(&["trigger", "slow"]).out.trim().to_owned();
    let rival = stage.json(&["trigger", "rival", "--json"]);
    is_run(&rival);
    stage.until("the transfer runs", || stage.run(&slow)["state"] == "running");

    let status = stage.json(&["status", "--json"]);
    assert!(status["pause"].is_null(), "not all are paused");
    assert!(status["jobs"].as_array().unwrap().len() == 7);
    for job in status["jobs"].as_array().unwrap() {
        is_job(job);
    }
    for (name, paused, enabled) in
        [("nightly", true, true), ("off", false, false), ("hand", false, true)]
    {
        let job = job(&status, name);
        assert!(job["next_run"].is_null(), "{name} is not due");
        assert_eq!((&job["paused"], &job["enabled"]), (&paused.into(), &enabled.into()));
    }
    assert_eq!(job(&status, "nightly")["pause"]["reason"], "moving");
    assert_eq!(job(&status, "off")["destination"]["path"], "off/");
    assert_eq!(job(&status, "broken")["last_run"]["state"], "failed");
    assert!(job(&status, "broken")["last_success"].is_null());
    assert_eq!(job(&status, "slow")["active_run"]["state"], "running");
    assert_eq!(job(&status, "rival")["active_run"]["state"], "waiting");

    let history = stage.json(&["history", "--json"]);
    history.as_array().unwrap().iter().for_each(is_run);
    let created: Vec<_> = history.as_array().unwrap().iter().map(|run| &run["job"]).collect();
    assert_eq!(created, ["rival", "slow", "broken"], "newest first");
    let failed = stage.json(&["history", "--json", "--state", "failed"]);
    assert_eq!(failed.as_array().unwrap().len(), 1);
    let since = stage.json(&["history", "--json", "--since", "2099-01-01T00:00:00Z"]);
    assert_eq!(since.as_array().unwrap().len(), 0);
    assert_eq!(stage.json(&["history", "slow", "--json", "-n", "1"])[0]["id"], slow.as_str());
    assert_eq!(stage.command(&["history", "--state", "nonsense"]).code, 2);
    assert_eq!(stage.command(&["history", "--since", "nonsense"]).code, 2);

    let mut shown = stage.json(&["show", &slow, "--json"]);
    let events = shown.as_object_mut().unwrap().remove("events").unwrap();
    is_run(&shown);
    for event in events.as_array().unwrap() {
        assert_eq!(keys(event), ["at", "detail", "event"]);
        assert!(is_time_or_null(&event["at"]) && event["at"].is_string());
    }
}

#[test]
fn why_names_the_run_in_the_way_and_answers_from_the_record_without_a_daemon() {
    let stage = Stage::new("");
    stage.write_jobs(MORE);
    let daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "broken", "--wait"]).code, 1);
    let why = stage.command(&["why", "broken"]).out;
    assert!(why.contains("no schedule") && why.contains("failed at"), "{why}");
    let why = stage.command(&["why", "nightly"]).out;
    assert!(why.contains("was added to the job file only at"), "{why}");
    assert!(why.contains("it is due next at"), "{why}");
    let why = stage.command(&["why", "nightly", "2020-01-01T12:00:00Z"]).out;
    assert!(why.contains("it is not scheduled for"), "{why}");
    let why = stage.command(&["why", "off"]).out;
    assert!(why.contains("`enabled: false`"), "{why}");
    assert_eq!(stage.command(&["pause", "nightly", "--reason", "moving house"]).code, 0);
    let why = stage.command(&["why", "nightly"]).out;
    assert!(why.contains("has been paused since") && why.contains("moving house"), "{why}");
    let unknown = stage.command(&["why", "rivla"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("did you mean `rival`"), "{}", unknown.err);
    assert_eq!(stage.command(&["why", "rival", "nonsense"]).code, 2);

    // Last: it must not have ended by the time the daemon stops.
    let slow = stage.command(&["trigger", "slow"]).out.trim().to_owned();
    stage.until("the transfer runs", || stage.run(&slow)["state"] == "running");
    let rival = stage.command(&["trigger", "rival"]).out.trim().to_owned();
    stage.until("it waits", || {
        stage.json(&["why", "rival", "--json"])["blocked_by"] == slow.as_str()
    });
    let why = stage.command(&["why", "rival"]);
    let expected = format!("run {slow} of `slow` (triggered at ");
    assert!(why.out.contains("has waited since") && why.out.contains(&expected), "{}", why.out);

    drop(daemon);
    let why = stage.command(&["why", "broken"]).out;
    assert!(why.contains("failed at"), "{why}");
    let why = stage.json(&["why", "rival", "--json"]);
    assert_eq!(why["run"]["id"], rival.as_str());
    assert!(why["answer"].to_string().contains("when the daemon stopped"), "{why}");
    let why = stage.command(&["why", "nightly"]).out;
    assert!(why.contains("moving house"), "the pause is on record: {why}");
}

#[test]
fn why_knows_since_when_a_schedule_is_in_force_and_what_comes_of_a_missed_occurrence() {
    let stage = Stage::new("");
    let often = |schedule: &str| {
        stage.write_jobs(&format!(
            "  often: {{source: *s, destination: {{account: b, bucket: c, path: often/}}, \
             schedule: '{schedule}'}}"
        ));
    };
    often("@yearly");
    let daemon = stage.start();
    // Takes three seconds, so that whole seconds pass under the first schedule.
    assert_eq!(stage.command(&["trigger", "slow", "--wait"]).code, 0);
    let then =
        stage.json(&["history", "slow", "--json"])[0]["ended_at"].as_str().unwrap().to_owned();
    often("* * * * * *");
    assert_eq!(stage.command(&["reload"]).code, 0);
    let why = stage.command(&["why", "often", &then]).out;
    assert!(why.contains("not by the schedule of then"), "{why}");

    let newest = || stage.json(&["history", "often", "--json", "-n", "1"])[0].clone();
    stage.until("an occurrence is recorded", || !newest().is_null());
    drop(daemon);
    let handled: Timestamp = newest()["scheduled_for"].as_str().unwrap().parse().unwrap();
    let due = (handled + jiff::SignedDuration::from_secs(1)).to_string();
    let why = stage.command(&["why", "often", &due]).out;
    assert!(why.contains("the daemon was down") || why.contains("is yet to come"), "{why}");
    let _daemon = stage.start();
    stage.until("it is caught up", || newest()["scheduled_for"].as_str() > Some(due.as_str()));
}

#[test]
fn a_bundle_for_a_bug_report_holds_what_is_known_and_no_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new("");
    stage.write_jobs(
        "alerts: [{on: failed, webhook: {url: 'https://chat.example.com/h00k-secret'}}]",
    );
    let _daemon = stage.start();
    assert_eq!(stage.command(&["trigger", "hand", "--wait"]).code, 0);
    let path = stage.state().join("report.tar");
    let bundle = ["doctor", "--bundle", path.to_str().unwrap()];
    let written = stage.command(&bundle);
    assert_eq!(written.code, 0, "{}", written.err);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).unwrap();
    for name in ["about.txt", "doctor.json", "status.json", "history.json", "job-file-1.yaml"] {
        assert!(names.lines().any(|line| line == name), "no {name}: {names}");
    }
    let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    assert!(text.contains("\"succeeded\"") && text.contains("nightly"), "{text}");
    assert!(!text.contains(Stage::TOKEN) && !text.contains("h00k-secret"), "{text}");
    assert_eq!(stage.command(&bundle).code, 1, "nothing is overwritten");
}

#[test]
fn commands_that_name_no_file_take_the_running_daemons() {
    let stage = Stage::new("");
    let state = stage.state().to_str().unwrap().to_owned();
    // As for a person with a job file of their own elsewhere, or with none.
    let ask = |args: &[&str]| transferd(&[&["--state-dir", &state], args].concat());
    let file = || stage.json(&["status", "--json"])["config"]["path"].as_str().unwrap().to_owned();
    let daemon = stage.start();
    let accounts = ask(&["accounts", "--json"]);
    assert_eq!(accounts.code, 0, "{}", accounts.err);
    let check: Value = serde_json::from_str(&ask(&["check", "--json"]).out).unwrap();
    assert_eq!(check["files"], serde_json::json!([file()]));
    let rehearsal = ask(&["rehearse", "--days", "1", "nightly"]);
    assert_eq!(rehearsal.code, 0, "{}", rehearsal.err);
    assert_eq!(ask(&["doctor"]).code, 0);
    let alert = ask(&["alert", "test"]);
    assert!(alert.err.contains("the job file has no `alerts`"), "{}", alert.err);
    let folder = stage.state().parent().unwrap();
    for name in ["bundle.tgz", "bundle.tar.GZ"] {
        let compressed = folder.join(name);
        let refused = ask(&["doctor", "--bundle", compressed.to_str().unwrap()]);
        assert!(refused.code == 1 && refused.err.contains("not compressed"), "{}", refused.err);
        assert!(!compressed.exists(), "{name}");
    }
    let bundle = folder.join("bundle.tar");
    assert_eq!(ask(&["doctor", "--bundle", bundle.to_str().unwrap()]).code, 0);
    let bundled = String::from_utf8_lossy(&std::fs::read(bundle).unwrap()).into_owned();
    assert!(bundled.contains(&format!("job file {}", file())), "{bundled}");
    assert!(bundled.contains("nightly: {source"), "{bundled}");
    drop(daemon);
    // Without it, what it last knew stands in the database; the file is the usual one again.
    assert!(!ask(&["check"]).out.contains(stage.state().parent().unwrap().to_str().unwrap()));
}

#[test]
fn who_is_shown_the_jobs_before_a_broken_file_is_told_so() {
    let stage = Stage::new("");
    let state = stage.state().to_str().unwrap().to_owned();
    let ask = |args: &[&str]| transferd(&[&["--state-dir", &state], args].concat());
    let _daemon = stage.start();
    let asked: [&[&str]; 4] =
        [&["next"], &["next", "nightly"], &["next", "--json"], &["why", "nightly"]];
    for args in asked {
        let told = ask(args);
        assert!(told.code == 0 && !told.err.contains("invalid"), "{args:?}: {}", told.err);
    }
    stage.write_jobs("  later: {sourec: 1}");
    assert_eq!(ask(&["reload"]).code, 1);
    for args in asked {
        let told = ask(args);
        let says = told.err.contains("jobs.yaml` is invalid: the jobs before, read at 20");
        assert!(told.code == 0 && says, "{args:?}: {}", told.err);
        assert!(told.out.contains("nightly") || args[0] == "why", "{args:?}: {}", told.out);
    }
}

#[test]
fn a_time_is_said_back_in_the_zone_of_the_one_job_that_is_meant() {
    let stage = Stage::new("");
    stage.write_jobs(
        "  there: {source: *s, destination: {account: b, bucket: c, path: there/}, \
         schedule: \"30 2 * * *\", timezone: Asia/Kolkata}",
    );
    let _daemon = stage.start();
    let told = stage.command(&["pause", "there", "--until", "2d"]);
    assert!(told.out.contains(" +05:30") && told.err.contains(" +05:30"), "{}", told.out);
    let told = stage.command(&["status", "there", "--absolute"]).out;
    assert!(told.contains("now       20") && told.matches(" +05:30").count() > 1, "{told}");
}
