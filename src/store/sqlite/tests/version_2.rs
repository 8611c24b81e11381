//! A database of version 2, from before reasons were values: its runs go on.

use super::*;
use crate::core::event::{EventKind, Happening};
use crate::core::reason::{Reason, ReasonCode};
use crate::store::HistoryQuery;

/// The folder of a daemon of version 2 that was killed while two transfers ran.
fn left_by_version_2() -> Folder {
    let folder = Folder::new();
    let connection = Connection::open(folder.database()).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch(include_str!("version_2.sql")).unwrap();
    folder
}

#[test]
fn its_active_runs_and_their_transfers_are_taken_up() {
    let folder = left_by_version_2();
    let mut store = folder.open().unwrap();
    assert!(folder.names().contains(&"transferd.db.v2".to_owned()), "a copy lies beside it");
    let snapshot = store.load().unwrap();
    let active: Vec<_> =
        snapshot.runs.iter().map(|run| (run.job.as_str(), run.state, run.reason.code())).collect();
    assert_eq!(
        active,
        [
            ("again", RunState::BackingOff, Some(ReasonCode::BackingOff)),
            ("long", RunState::Running, None),
            ("waits", RunState::Waiting, Some(ReasonCode::WaitingDestination)),
            ("often", RunState::Running, None),
        ]
    );
    let open = snapshot.attempts.iter().filter(|attempt| attempt.phase.is_open());
    assert!(open.clone().all(|attempt| attempt.transfer.is_some()));
    assert_eq!(open.count(), 2);
}

#[test]
fn its_past_keeps_its_sentences_and_is_given_codes() {
    let folder = left_by_version_2();
    let store = folder.open().unwrap();
    let everything = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let history = store.history(&everything).unwrap();
    let mut seen: Vec<_> = history
        .iter()
        .filter(|found| found.run.state.is_over())
        .map(|found| (found.run.state.word(), found.run.reason.code().map(ReasonCode::word)))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen,
        [
            ("canceled", Some("canceled_by_operator")),
            ("failed", Some("attempts_exhausted")),
            // An operator's words name a run, and are not facts.
            ("skipped", None),
            ("skipped", Some("overlap")),
            ("succeeded", Some("completed")),
        ]
    );
    assert!(history.iter().all(|found| found.run.reason.blocked_by().is_none()));
    let failed = history.iter().find(|found| found.run.state == RunState::Failed).unwrap();
    assert_eq!(
        failed.run.reason.to_string(),
        "the agent reports an error of the transfer (attempt 2 of 2)"
    );
    for attempt in &failed.attempts {
        assert_eq!(attempt.reason.code(), Some(ReasonCode::AgentError));
    }
    let canceled = history.iter().find(|found| found.run.state == RunState::Canceled).unwrap();
    let wish = canceled.run.cancel.clone().unwrap().reason;
    let words = "canceled by an operator".to_owned();
    assert_eq!(wish, Reason::Recorded { code: Some(ReasonCode::CanceledByOperator), words });
}

#[test]
fn its_timelines_are_read() {
    let folder = left_by_version_2();
    let mut store = folder.open().unwrap();
    let runs = store.load().unwrap().runs;
    let long = runs.iter().find(|run| run.job.as_str() == "long").unwrap().id;
    let kinds: Vec<_> = store.events(long).unwrap().iter().map(|e| e.what.kind().word()).collect();
    assert_eq!(kinds, ["waiting", "submitting", "accepted", "queued", "listed", "running"]);
    let first = store.events(long).unwrap().remove(0).what;
    let kind = EventKind::State(RunState::Waiting);
    assert_eq!(first, Happening::Recorded { kind, words: "triggered by an operator".to_owned() });
}
