use jiff::tz::TimeZone;
use uuid::Uuid;

use super::{Answer, Facts, explain};
use crate::control::document::RunDocument;
use crate::core::ids::{JobName, RunId};
use crate::core::run::{RunState, Trigger};

fn at(text: &str) -> jiff::Timestamp {
    format!("2026-03-02T{text}Z").parse().unwrap()
}

fn run(id: u128, due: &str, ended: Option<&str>, state: RunState, reason: &str) -> RunDocument {
    RunDocument {
        id: RunId(Uuid::from_u128(id)),
        job: JobName::new("nightly"),
        trigger: Trigger::Schedule,
        scheduled_for: Some(at(due)),
        state,
        reason: reason.to_owned(),
        created_at: at(due),
        ended_at: ended.map(at),
        attempts: Vec::new(),
    }
}

fn facts<'a>(runs: &'a [RunDocument], asked: &str) -> Facts<'a> {
    Facts {
        now: at("12:00:00"),
        asked: Some(at(asked)),
        last_occurrence: None,
        zone: TimeZone::UTC,
        job: None,
        status: None,
        runs,
    }
}

fn sentences(answer: Answer<'_>) -> String {
    answer.sentences.join("\n")
}

#[test]
fn a_skipped_occurrence_names_the_run_that_was_in_its_way() {
    let blocker = "00000000-0000-0000-0000-000000000009";
    let reason = format!("run {blocker} has been active since 01:00 (`overlap: skip`)");
    let runs = [run(1, "02:00:00", Some("02:00:00"), RunState::Skipped, &reason)];
    let answer = explain(&facts(&runs, "02:00:30"));
    assert_eq!(answer.blocked_by.map(|run| run.to_string()).as_deref(), Some(blocker));
    assert_eq!(
        sentences(answer),
        format!("it did not run (due at 2026-03-02 02:00:00+00:00): {reason}")
    );
}

#[test]
fn a_run_is_told_with_its_end() {
    let end = Some("02:10:00");
    let runs = [run(1, "02:00:00", end, RunState::Succeeded, "completed: 3 objects")];
    assert_eq!(
        sentences(explain(&facts(&runs, "02:00:00"))),
        "run 00000000-0000-0000-0000-000000000001 (due at 2026-03-02 02:00:00+00:00) succeeded at \
         2026-03-02 02:10:00+00:00 after 10 min: completed: 3 objects"
    );
}

#[test]
fn a_time_without_record_names_the_run_that_was_at_work() {
    let runs = [run(1, "02:00:00", Some("04:00:00"), RunState::Failed, "no")];
    let answer = explain(&facts(&runs, "03:00:00"));
    assert_eq!(answer.run.map(|run| run.id), Some(runs[0].id));
    assert!(answer.sentences[0].starts_with("nothing is recorded for 2026-03-02 03:00:00+00:00"));
    assert!(answer.sentences[1].starts_with("at that time run"), "{}", answer.sentences[1]);
}
