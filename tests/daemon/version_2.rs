//! A state folder of version 2, in which two transfers ran, one run waited and one backed off.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;

use crate::stage::Stage;

/// After the rows were recorded, and after the back-off of one of them.
const RECORDED: &str = "2026-11-27T14:40:00Z";

const DATABASE: &str = include_str!("../../src/store/sqlite/tests/version_2.sql");

/// The same rows, recorded just now: a run that has been active since the day when they were is past
/// its timeout.
#[expect(clippy::disallowed_methods, reason = "a daemon of this test has the real clock")]
fn as_of_now(rows: &str) -> String {
    let recorded: Timestamp = RECORDED.parse().unwrap();
    let since = Timestamp::now().duration_since(recorded);
    let mut now = String::new();
    let mut rest = rows;
    while let Some(at) = rest.find("2026-11-2") {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !"0123456789-:.TZ".contains(c)).unwrap();
        let (word, after) = from.split_at(end);
        now.push_str(before);
        // Words of then have times without an offset, too.
        let time = word.parse::<Timestamp>().map(|time| (time + since).to_string());
        now.push_str(&time.unwrap_or_else(|_| word.to_owned()));
        rest = after;
    }
    now + rest
}

#[test]
fn a_state_folder_of_version_2_is_taken_up_with_its_active_runs() {
    let stage = Stage::new("");
    DirBuilder::new().mode(0o700).create(stage.state()).unwrap();
    let old = Connection::open(stage.state().join("transferd.db")).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.execute_batch(&as_of_now(DATABASE)).unwrap();
    old.close().unwrap();
    let _daemon = stage.start();

    let newest =
        |job: &str| -> Value { stage.json(&["history", job, "--json", "-n", "1"])[0].take() };
    stage.until("the run that backed off has made its next attempt", || {
        newest("again")["state"] == "succeeded"
    });
    let again = newest("again");
    assert_eq!(again["reason_code"], "completed");
    assert_eq!(again["attempts"][0]["reason_code"], "agent_error");
    let (long, waits) = (newest("long"), newest("waits"));
    assert_eq!(long["state"], "running");
    assert_eq!(
        (&waits["state"], &waits["reason_code"]),
        (&"waiting".into(), &"waiting_destination".into())
    );
    assert_eq!(waits["blocked_by"], long["id"]);
    assert_eq!(waits["destination"]["path"], "long/");

    // An operator's words of then name a run, and no run was in the way.
    let history = stage.json(&["history", "often", "--json"]);
    let paused = |run: &&Value| run["reason"].as_str().unwrap().contains("of the other tool");
    let paused = history.as_array().unwrap().iter().find(paused).unwrap();
    assert_eq!((&paused["state"], &paused["blocked_by"]), (&"skipped".into(), &Value::Null));
    let shown = stage.command(&["show", paused["id"].as_str().unwrap()]);
    assert!(shown.out.contains("see run 11111111-2222-4333-8444-555555555555"), "{}", shown.out);
}
