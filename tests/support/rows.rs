//! Plain rows for tests and benches that use the library from outside.

use std::sync::Arc;

use jiff::Timestamp;
use transferd::core::event::{Event, Happening};
use transferd::core::ids::{AccountId, AttemptId, JobName, RunId, TransferId};
use transferd::core::job::Terms;
use transferd::core::place::{Place, TransferRequest};
use transferd::core::reason::{AttemptEnd, UnderWay};
use transferd::core::record::Record;
use transferd::core::run::{Attempt, Changes, Phase, Run, RunState, Trigger};
use transferd::core::transfer::Progress;
use uuid::Uuid;

/// Seconds after an arbitrary instant.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("a second of this century")
}

/// The id of the n-th run.
pub(crate) fn run_id(n: u64) -> RunId {
    RunId(Uuid::from_u128(u128::from(n)))
}

/// The n-th run, created at second `n`.
fn run(n: u64, job: &str, state: RunState) -> Run {
    let at = at(i64::try_from(n).expect("a small number"));
    let place = |path: &str| Place {
        account: AccountId(Uuid::from_u128(7)),
        bucket: "footage".to_owned(),
        bucket_id: String::new(),
        path: path.to_owned(),
        id: String::new(),
    };
    Run {
        id: run_id(n),
        job: JobName::new(job),
        trigger: Trigger::Schedule,
        scheduled_for: Some(at),
        created_at: at,
        state,
        reason: AttemptEnd::Completed { transferred: 1_250, skipped: 0 }.into(),
        ended_at: state.is_over().then_some(at),
        ready_at: at,
        cancel: None,
        follows: Some(1),
        behind: None,
        retry_of: None,
        changes: Changes::default(),
        request: TransferRequest {
            source: place("dailies/"),
            destination: place("dailies/2026-11-22/"),
            allow_skip: true,
            keep_source_tree: false,
        },
        terms: Arc::new(Terms::default()),
    }
}

/// The only attempt of a run.
pub(crate) fn attempt(run: &Run, phase: Phase) -> Attempt {
    Attempt {
        id: AttemptId { run: run.id, number: 1 },
        counts: true,
        fingerprint: run.request.fingerprint(),
        user: None,
        baseline: Vec::new(),
        not_before: run.created_at,
        not_after: Some(run.created_at),
        exclusive: Some(false),
        offset_ms: 0,
        slack_ms: (0, 0),
        phase,
        own_crash: false,
        reason: UnderWay::Accepted.into(),
        transfer: Some(TransferId(run.id.0)),
        ambiguous: false,
        deadline: run.created_at,
        status: None,
        progress: Progress::default(),
        moved_at: run.created_at,
        listed_at: Some(run.created_at),
        cancel: None,
        outcome: None,
        ended_at: run.ended_at,
        finished_at: None,
        cause: None,
        holds_until: None,
        watched_until: None,
    }
}

/// What a commit of the daemon typically holds: a run, its attempt, an event.
pub(crate) fn records(n: u64, job: &str, state: RunState) -> Vec<Record> {
    let run = run(n, job, state);
    let phase = if state.is_over() { Phase::Closed } else { Phase::Accepted };
    vec![
        Record::Attempt(Arc::new(attempt(&run, phase))),
        Record::Event(Event {
            run: run.id,
            at: run.created_at,
            what: Happening::State { state, reason: run.reason.clone() },
        }),
        Record::Run { was: None, run: Arc::new(run) },
    ]
}
