//! Why a transfer failed and what it cost, from the agent's history to what people and scripts read.

use serde_json::json;

use transferd::sim::world::Variants;

use crate::keys;
use crate::stage::{Daemon, Stage};

const DENIED: &str = "  denied: {source: *s, destination: {account: b, bucket: c, path: denied/}, \
                      retry: {max_attempts: 3, initial_delay: 1s}}";

#[test]
fn a_red_night_says_what_failed_and_why_everywhere_and_is_not_tried_in_vain() {
    let stage = Stage::new("");
    stage.write_jobs(DENIED);
    let _daemon = stage.start();
    let waited = stage.command(&["trigger", "denied", "--wait", "--json"]);
    assert_eq!(waited.code, 1, "{}", waited.err);
    let run: serde_json::Value = serde_json::from_str(&waited.out).unwrap();
    assert_eq!((&run["state"], &run["reason_code"]), (&json!("failed"), &json!("cause_access")));
    let attempts = run["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "another try can't mend it: {run}");
    let cause = &attempts[0]["cause"];
    assert_eq!(keys(cause), ["class", "message", "objects", "objects_more"]);
    assert_eq!((&cause["class"], &cause["message"]), (&json!("access"), &json!("Access Denied")));
    assert_eq!(cause["objects"].as_array().unwrap().len(), 3);
    assert_eq!(cause["objects"][2]["error"], json!("NoSuchKey"));
    assert!(attempts[0]["cost_usd"].as_f64().unwrap() > 0.0);
    let told = "objects failed: 2 access denied (clip-0000.mov, clip-0001.mov), 1 missing \
                (clip-0002.mov)";
    for arguments in [&["history"][..], &["show", run["id"].as_str().unwrap()]] {
        let shown = stage.command(arguments).out;
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(words.join(" ").contains(told), "{arguments:?}: {shown}");
        assert!(shown.contains('$'), "{arguments:?} tells the cost: {shown}");
    }
}

/// Each transfer fails in part: of `denied` for what no other try can mend, of `flaky` for what one
/// may.
const FAILING: &str = "  denied: {source: *s, destination: {account: b, bucket: c, path: denied/}, \
                       retry: {max_attempts: 2, initial_delay: 10ms}}\n  \
                       flaky: {source: *s, destination: {account: b, bucket: c, path: flaky/}, \
                       retry: {max_attempts: 2, initial_delay: 10ms}}";

/// A run of one of them at an agent that is otherwise in one way.
fn failed_at(name: &str, change: fn(&mut Variants)) -> (Stage, Daemon, serde_json::Value) {
    let stage = Stage::new("");
    stage.write_jobs(FAILING);
    stage.agent().with(|world, now| {
        let mut options = world.options().clone();
        change(&mut options.variants);
        world.set_options(options, now);
    });
    let daemon = stage.start();
    let waited = stage.command(&["trigger", name, "--wait", "--json"]);
    assert_eq!(waited.code, 1, "{}", waited.err);
    let run: serde_json::Value = serde_json::from_str(&waited.out).unwrap();
    let attempts = run["attempts"].as_array().unwrap().len();
    assert_eq!(stage.posts(), attempts, "nothing is sent twice: {run}");
    (stage, daemon, run)
}

/// What frames alone say is shown, and decides nothing: anybody can send them.
#[track_caller]
fn is_known_by_frames_alone(run: &serde_json::Value) {
    assert_ne!(run["reason_code"], "cause_access", "{run}");
    let attempts = run["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{run}");
    for cause in attempts.iter().map(|attempt| &attempt["cause"]).filter(|cause| !cause.is_null()) {
        assert_eq!(cause["class"], "access", "{run}");
        let path = cause["objects"][0]["path"].as_str().unwrap();
        assert!(path.contains("clip-"), "{run}");
    }
}

#[test]
fn an_agent_without_a_history_tells_by_frames_and_is_asked_again() {
    let (_stage, _daemon, run) = failed_at("denied", |variants| variants.no_history = true);
    is_known_by_frames_alone(&run);
}

#[test]
fn a_row_that_comes_late_holds_up_no_run() {
    let (_stage, _daemon, run) = failed_at("denied", |variants| variants.history_late = true);
    is_known_by_frames_alone(&run);
}

/// The cause of `flaky` is its own, whatever others' rows and frames say, and it is tried again.
#[track_caller]
fn is_its_own(run: &serde_json::Value) {
    assert_ne!(run["reason_code"], "cause_access", "{run}");
    let attempts = run["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{run}");
    for attempt in attempts {
        let cause = &attempt["cause"];
        assert_eq!(cause["message"], "checksum mismatch", "{run}");
        assert_eq!(cause["class"], "checksum", "{run}");
        assert!(cause["objects"].as_array().unwrap().len() <= 2, "{run}");
        assert!(!cause.to_string().contains("forged"), "{run}");
    }
}

#[test]
fn another_users_rows_of_the_same_places_and_end_are_not_ours() {
    let (_stage, _daemon, run) = failed_at("flaky", |variants| {
        (variants.history_others, variants.history_own_ids) = (true, true);
    });
    is_its_own(&run);
}

#[test]
fn forged_frames_end_no_retries() {
    let (_stage, _daemon, run) = failed_at("flaky", |variants| variants.frames_forged = true);
    is_its_own(&run);
}

/// What a row of ours says, where no frame names an object of ours.
#[track_caller]
fn is_known_by_its_row(run: &serde_json::Value) {
    assert_eq!(run["reason_code"], "cause_access", "{run}");
    let attempts = run["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{run}");
    let cause = &attempts[0]["cause"];
    assert_eq!((&cause["message"], &cause["class"]), (&json!("Access Denied"), &json!("access")));
    assert!(!cause.to_string().contains("forged"), "{run}");
}

#[test]
fn frames_without_an_id_are_nobodys() {
    let (_stage, _daemon, run) = failed_at("denied", |variants| variants.frames_without_id = true);
    is_known_by_its_row(&run);
    assert_eq!(run["attempts"][0]["cause"]["objects"], json!([]));
}

#[test]
fn a_flood_of_frames_costs_no_memory_and_hides_no_cause() {
    let (stage, daemon, run) = failed_at("denied", |variants| variants.frames_flood = true);
    is_known_by_its_row(&run);
    let resident = || -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", daemon.pid())).unwrap();
        statm.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = resident();
    let again = stage.command(&["retry", "denied", "--wait"]);
    assert_eq!(again.code, 1, "{}", again.err);
    let grown = resident().saturating_sub(before);
    assert!(grown < 4_000, "{grown} pages of 4 KiB more");
}
