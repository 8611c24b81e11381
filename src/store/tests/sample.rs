//! Rows for tests: plain ones by name.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::core::alert::{Occasion, QueuedAlert};
use crate::core::event::{Event, Happening};
use crate::core::handled::HandledTimes;
use crate::core::ids::{AccountId, AlertId, AlertKey, AttemptId, JobName, RunId, TransferId};
use crate::core::job::{AlertEvent, Terms};
use crate::core::place::{Fingerprint, Place, TransferRequest};
use crate::core::reason::{Reason, ReasonCode, UnderWay};
use crate::core::record::{JobRow, Record};
use crate::core::run::{Attempt, Changes, Phase, Run, RunState, Trigger};
use crate::core::transfer::Progress;
use crate::store::{HistoryQuery, RunWithAttempts};

/// A folder for files that need not survive a power cut: in memory, where possible.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Seconds after an arbitrary instant.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// The n-th id.
pub(crate) fn run_id(n: u128) -> RunId {
    RunId(Uuid::from_u128(n))
}

/// The n-th transfer.
pub(crate) fn transfer_id(n: u128) -> TransferId {
    TransferId(Uuid::from_u128(0xf000 + n))
}

/// A run, created at second `n`, and ended then if it is over.
pub(crate) fn run(n: u128, job: &str, state: RunState) -> Run {
    let second = i64::try_from(n).unwrap();
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
        scheduled_for: Some(at(second)),
        created_at: at(second),
        state,
        reason: Reason::Due,
        ended_at: state.is_over().then(|| at(second)),
        ready_at: at(second),
        cancel: None,
        follows: None,
        behind: None,
        retry_of: None,
        changes: Changes::default(),
        request: TransferRequest {
            source: place("dailies/"),
            destination: place("cold/"),
            allow_skip: true,
            keep_source_tree: false,
        },
        terms: Arc::new(Terms::default()),
    }
}

/// An attempt of run `n`.
pub(crate) fn attempt(n: u128, number: u32, phase: Phase, transfer: Option<u128>) -> Attempt {
    Attempt {
        id: AttemptId { run: run_id(n), number },
        counts: true,
        fingerprint: Fingerprint(Uuid::from_u128(9)),
        user: None,
        baseline: Vec::new(),
        not_before: at(0),
        not_after: None,
        exclusive: Some(true),
        offset_ms: 0,
        slack_ms: (0, 0),
        phase,
        own_crash: false,
        reason: UnderWay::Accepted.into(),
        transfer: transfer.map(transfer_id),
        ambiguous: false,
        deadline: at(86_400),
        status: None,
        progress: Progress::default(),
        moved_at: at(0),
        listed_at: None,
        cancel: None,
        outcome: None,
        ended_at: None,
        finished_at: None,
        cause: None,
        holds_until: None,
        watched_until: None,
    }
}

/// A job's row.
pub(crate) fn job_row(job: &str, handled: i64) -> JobRow {
    JobRow {
        job: JobName::new(job),
        timetable: "30 2 * * * Europe/Berlin".to_owned(),
        scheduled: true,
        scheduled_since: Some(at(0)),
        handled: at(handled),
        generation: 0,
        handled_times: HandledTimes::default(),
        first_seen: at(0),
        last_success: None,
        last_run: None,
        last_success_run: None,
        pause: None,
        pauses: Vec::new(),
        failing: false,
        held_due: None,
        late_reported_at: None,
    }
}

/// The n-th alert of an outbox.
pub(crate) fn alert(n: u128) -> QueuedAlert {
    QueuedAlert {
        id: AlertId(Uuid::from_u128(n)),
        number: u64::try_from(n).unwrap(),
        key: AlertKey(Uuid::from_u128(3)),
        receivers: vec![AlertKey(Uuid::from_u128(3))],
        occasion: Occasion::Event(AlertEvent::Failed),
        at: at(0),
        job: Some(JobName::new("nightly")),
        run: Some(run_id(1)),
        state: Some(RunState::Failed),
        reason: "the agent reports an error of the transfer".to_owned(),
        reason_code: Some(ReasonCode::AgentError),
        cause: None,
        source: None,
        destination: None,
        scheduled_for: Some(at(0)),
        attempts: 3,
        text: "nightly failed on station".to_owned(),
        digest: None,
        tries: 0,
        next_try: at(0),
        last_error: None,
    }
}

/// The record of an alert.
pub(crate) fn queued(alert: QueuedAlert) -> Record {
    Record::AlertQueued(Arc::new(alert))
}

/// The record of a new run.
pub(crate) fn new_run(run: Run) -> Record {
    Record::Run { was: None, run: Arc::new(run) }
}

/// The record of a run that was in a state.
pub(crate) fn was(state: RunState, run: Run) -> Record {
    Record::Run { was: Some(state), run: Arc::new(run) }
}

/// The record of an attempt.
pub(crate) fn put(attempt: Attempt) -> Record {
    Record::Attempt(Arc::new(attempt))
}

/// The record of an event of run `n`: it entered this state.
pub(crate) fn event(n: u128, second: i64, state: RunState) -> Record {
    Record::Event(Event { run: run_id(n), at: at(second), what: came_to(state) })
}

/// The event in [`event`].
pub(crate) fn came_to(state: RunState) -> Happening {
    let reason = Reason::in_words(format!("{} in words", state.word()));
    Happening::State { state, reason }
}

pub(super) fn ids(history: &[RunWithAttempts]) -> Vec<u128> {
    history.iter().map(|found| found.run.id.0.as_u128()).collect()
}

pub(super) fn everything() -> HistoryQuery {
    HistoryQuery { limit: 1000, ..HistoryQuery::default() }
}
