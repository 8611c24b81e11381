//! Durations as the job's own history has them, read from a database that is not touched.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;
use transferd::core::record::Record;
use transferd::core::run::{Ended, RunState};
use transferd::store::Store as _;
use transferd::store::folder::StateFolder;

use super::rehearse;

#[path = "../support/rows.rs"]
mod rows;

const MARCH: &str = "2027-03-01T00:00:00+01:00";

/// A database in which the transfers of `nightly` took so many minutes each.
fn past(folder: &Path, minutes: &[i64]) {
    let state = StateFolder::open(folder, rows::at(0)).expect("a folder");
    let mut store = state.open_store().expect("a database");
    for (number, minutes) in (1..).zip(minutes) {
        let mut records = rows::records(number, "nightly", RunState::Succeeded);
        for record in &mut records {
            if let Record::Attempt(attempt) = record {
                let attempt = Arc::make_mut(attempt);
                let took = SignedDuration::from_mins(*minutes);
                attempt.ended_at = attempt.listed_at.map(|listed| listed + took);
                attempt.outcome = Some(Ended::Succeeded);
            }
        }
        store.commit(&records).expect("it is taken");
    }
    store.close().expect("it closes");
}

/// Every file of a folder, with what is in it.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("it is there")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("it can be read")))
        .collect();
    files.sort();
    files
}

#[test]
fn measured_durations_are_used_and_the_database_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    past(&state, &[50, 70, 90]);
    let before = contents(&state);
    let file = "tests/rehearse/cases/quiet.yaml";
    let arguments = ["-c", file, "--from", MARCH, "--json"];
    let output = rehearse(&state, &arguments);
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    assert_eq!(contents(&state), before, "the state was touched");
    let told: Value = serde_json::from_str(&output.out).expect("it is JSON");
    let duration = &told["jobs"][0]["duration"];
    assert_eq!((&duration["basis"], &duration["samples"]), (&"measured".into(), &3.into()));
    assert_eq!(
        (&duration["shortest_seconds"], &duration["longest_seconds"]),
        (&3_000.0.into(), &5_400.0.into())
    );
    let longest = told["jobs"][0]["longest_seconds"].as_f64().expect("a number");
    assert!((5_400.0..5_420.0).contains(&longest), "{longest}");
    let page = rehearse(&state, &["-c", file, "--from", MARCH]).out;
    assert!(page.contains("each transfer takes as long as in its history for 1 job\n"), "{page}");
}

#[test]
fn what_is_given_goes_before_what_was_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    past(folder.path(), &[50]);
    let file = "tests/rehearse/cases/quiet.yaml";
    for given in ["2h", "nightly=2h"] {
        let arguments = ["-c", file, "--from", MARCH, "--json", "--duration", given];
        let told: Value =
            serde_json::from_str(&rehearse(folder.path(), &arguments).out).expect("JSON");
        assert_eq!(told["jobs"][0]["duration"]["basis"], "given", "{given}");
    }
}

#[test]
fn a_history_that_can_not_be_read_is_said_and_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("transferd.db"), "no database at all").expect("it is ours");
    let output =
        rehearse(folder.path(), &["-c", "tests/rehearse/cases/quiet.yaml", "--from", MARCH]);
    assert_eq!(output.code, 0);
    assert!(output.out.contains("assumed, as the history can't be read"), "{}", output.out);
    assert!(output.err.contains("transferd.db"), "{}", output.err);
}
