//! Rows for tests: plain ones by name, and any that the types allow.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use crate::core::ids::{AccountId, AttemptId, JobName, RunId, TransferId, UserId};
use crate::core::job::{RetryPolicy, Terms, Verdict};
use crate::core::place::{Fingerprint, Place, TransferRequest};
use crate::core::record::{Event, Mark, Pause, Record};
use crate::core::run::{Attempt, CancelCause, CancelWish, Phase, Run, RunState, Trigger};
use crate::core::transfer::{Progress, TransferStatus};

/// A folder for files that no test needs to outlive a power cut: in memory, where there is one.
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
        reason: "on time".to_owned(),
        ended_at: state.is_over().then(|| at(second)),
        ready_at: at(second),
        cancel: None,
        follows: None,
        behind: None,
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
        offset_ms: 0,
        slack_ms: (0, 0),
        phase,
        own_crash: false,
        reason: String::new(),
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
        holds_until: None,
        watched_until: None,
    }
}

/// A job's mark.
pub(crate) fn mark(job: &str, handled: i64) -> Mark {
    Mark {
        job: JobName::new(job),
        timetable: "30 2 * * * Europe/Berlin".to_owned(),
        scheduled: true,
        scheduled_since: Some(at(0)),
        handled: at(handled),
        generation: 0,
        first_seen: at(0),
        last_success: None,
        last_run: None,
        pause: None,
    }
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

/// The record of an event of run `n`.
pub(crate) fn event(n: u128, second: i64, word: &str) -> Record {
    Record::Event(Event {
        run: run_id(n),
        at: at(second),
        event: word.to_owned(),
        detail: format!("{word} in words"),
    })
}

/// Any instant, to the nanosecond.
pub(crate) fn any_instant() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
    (first..=last).prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap())
}

/// Any duration.
pub(crate) fn any_duration() -> impl Strategy<Value = SignedDuration> {
    any::<(i64, i32)>().prop_map(|(seconds, nanoseconds)| {
        let part = nanoseconds.rem_euclid(1_000_000_000);
        SignedDuration::new(seconds, if seconds < 0 { -part } else { part })
    })
}

fn any_number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("is equal to itself", |number| !number.is_nan())
}

fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn any_state() -> impl Strategy<Value = RunState> {
    proptest::sample::select(RunState::ALL.to_vec())
}

fn any_wish() -> impl Strategy<Value = CancelWish> {
    let causes = [
        CancelCause::Operator,
        CancelCause::Replaced,
        CancelCause::Timeout,
        CancelCause::Stall,
        CancelCause::Double,
    ];
    (any_instant(), proptest::sample::select(causes.to_vec()), any::<String>())
        .prop_map(|(at, cause, reason)| CancelWish { at, cause, reason })
}

fn any_place() -> impl Strategy<Value = Place> {
    (any_uuid(), any::<[String; 4]>()).prop_map(|(account, [bucket, bucket_id, path, id])| Place {
        account: AccountId(account),
        bucket,
        bucket_id,
        path,
        id,
    })
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let verdict = || proptest::sample::select(vec![Verdict::Fail, Verdict::Accept]);
    let retry = (any::<u32>(), any_duration(), any_number(), any_duration(), any::<bool>())
        .prop_map(|(max_attempts, initial_delay, multiplier, max_delay, on_timeout)| RetryPolicy {
            max_attempts,
            initial_delay,
            multiplier,
            max_delay,
            on_timeout,
        });
    (
        any_duration(),
        option::of(any_duration()),
        option::of(any_duration()),
        retry,
        verdict(),
        verdict(),
        any::<bool>(),
    )
        .prop_map(
            |(timeout, stall_timeout, start_within, retry, partial, empty, exclusive)| Terms {
                timeout,
                stall_timeout,
                start_within,
                retry,
                partial,
                empty,
                exclusive,
            },
        )
}

/// Any run of the id `id`.
pub(crate) fn any_run(id: RunId) -> impl Strategy<Value = Run> {
    let triggers = vec![Trigger::Schedule, Trigger::CatchUp, Trigger::Manual];
    let times =
        (option::of(any_instant()), any_instant(), option::of(any_instant()), any_instant());
    let words = (any::<String>(), any::<String>(), any_state());
    let links = (option::of(any_wish()), any::<Option<u32>>(), option::of(any_uuid()));
    let request = (any_place(), any_place(), any::<bool>(), any::<bool>());
    (proptest::sample::select(triggers), times, words, links, request, any_terms()).prop_map(
        move |(trigger, times, words, links, request, terms)| Run {
            id,
            job: JobName::new(&words.0),
            trigger,
            scheduled_for: times.0,
            created_at: times.1,
            state: words.2,
            reason: words.1,
            ended_at: times.2,
            ready_at: times.3,
            cancel: links.0,
            follows: links.1,
            behind: links.2.map(RunId),
            request: TransferRequest {
                source: request.0,
                destination: request.1,
                allow_skip: request.2,
                keep_source_tree: request.3,
            },
            terms: Arc::new(terms),
        },
    )
}

fn any_progress() -> impl Strategy<Value = Progress> {
    (any::<[u64; 6]>(), any_number(), any_number()).prop_map(|(counts, percent, speed)| Progress {
        objects_total: counts[0],
        objects_transferred: counts[1],
        objects_failed: counts[2],
        objects_skipped: counts[3],
        bytes_total: counts[4],
        bytes_transferred: counts[5],
        percent,
        speed,
    })
}

fn any_phase() -> impl Strategy<Value = Phase> {
    proptest::sample::select(vec![
        Phase::Intent,
        Phase::Accepted,
        Phase::Refused,
        Phase::Uncertain,
        Phase::GivenUp,
        Phase::Closed,
    ])
}

fn any_status() -> impl Strategy<Value = TransferStatus> {
    proptest::sample::select(vec![
        TransferStatus::Created,
        TransferStatus::Running,
        TransferStatus::Completed,
        TransferStatus::Canceled,
        TransferStatus::Error,
        TransferStatus::Canceling,
        TransferStatus::Pausing,
        TransferStatus::Paused,
        TransferStatus::Unknown,
    ])
}

/// Any attempt of a run.
pub(crate) fn any_attempt(run: RunId) -> impl Strategy<Value = Attempt> {
    let ids = (any::<u32>(), any_uuid(), option::of(any_uuid()), vec(any_uuid(), 0..4));
    let instants = (any_instant(), any_instant(), any_instant());
    let perhaps = proptest::array::uniform4(option::of(any_instant()));
    let flags = (any::<[bool; 3]>(), any::<(i64, i64)>(), any::<String>(), any_phase());
    let ends = (
        option::of(any_uuid()),
        option::of(any_status()),
        any_progress(),
        option::of(any_wish()),
        option::of(any_state()),
    );
    (ids, instants, perhaps, flags, ends).prop_map(
        move |(ids, instants, perhaps, (flags, slack_ms, reason, phase), ends)| Attempt {
            id: AttemptId { run, number: ids.0 },
            counts: flags[0],
            fingerprint: Fingerprint(ids.1),
            user: ids.2.map(UserId),
            baseline: ids.3.into_iter().map(TransferId).collect(),
            not_before: instants.0,
            not_after: perhaps[0],
            offset_ms: slack_ms.1,
            slack_ms,
            phase,
            own_crash: flags[1],
            reason,
            transfer: ends.0.map(TransferId),
            ambiguous: flags[2],
            deadline: instants.1,
            status: ends.1,
            progress: ends.2,
            moved_at: instants.2,
            listed_at: perhaps[1],
            cancel: ends.3,
            outcome: ends.4,
            ended_at: perhaps[2],
            holds_until: perhaps[3],
            watched_until: perhaps[2],
        },
    )
}

/// Any mark of a job.
pub(crate) fn any_mark(job: JobName) -> impl Strategy<Value = Mark> {
    let pause = (any_instant(), option::of(any_instant()), any::<Option<String>>())
        .prop_map(|(at, until, reason)| Pause { at, until, reason });
    (
        any::<(String, bool, u32)>(),
        option::of(any_instant()),
        any_instant(),
        any_instant(),
        option::of(any_instant()),
        option::of(any_uuid()),
        option::of(pause),
    )
        .prop_map(move |(facts, since, handled, first_seen, last_success, last_run, pause)| {
            Mark {
                job: job.clone(),
                timetable: facts.0,
                scheduled: facts.1,
                scheduled_since: since,
                handled,
                generation: facts.2,
                first_seen,
                last_success,
                last_run: last_run.map(RunId),
                pause,
            }
        })
}

/// Any event of a run.
pub(crate) fn any_event(run: RunId) -> impl Strategy<Value = Event> {
    (any_instant(), any::<String>(), any::<String>()).prop_map(move |(at, event, detail)| Event {
        run,
        at,
        event,
        detail,
    })
}
