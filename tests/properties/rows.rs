//! Rows of every kind that their types allow.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use transferd::core::alert::{Occasion, QueuedAlert, Reported, ReportedToken};
use transferd::core::cause::{Cause, FailedObject, FailedObjects};
use transferd::core::digest::{DigestMark, Outage};
use transferd::core::event::Event;
use transferd::core::handled::HandledTimes;
use transferd::core::ids::{
    AccountId, AlertId, AlertKey, AttemptId, JobName, RunId, TransferId, UserId,
};
use transferd::core::job::{AlertEvent, RetryPolicy, Terms, Verdict};
use transferd::core::place::{AccountNames, Fingerprint, NamedPlace, Place, TransferRequest};
use transferd::core::record::{AgentFacts, JobRow, Pause};
use transferd::core::run::{
    Attempt, CancelCause, CancelRequest, Changes, Ended, Phase, Run, RunState, Trigger,
};
use transferd::core::transfer::{Progress, TransferStatus};
use uuid::Uuid;

use crate::properties::stored_row::Rows;
use crate::reasons::{any_code, any_happening, any_reason};

/// A row of each kind.
/// Its parts are boxed: as one value they are too large for a test's stack.
pub(crate) fn any_rows() -> impl Strategy<Value = Rows> {
    let run = any_uuid().prop_map(RunId).prop_flat_map(|id| {
        let (run, attempt) = (any_run(id).boxed(), any_attempt(id).boxed());
        (run, attempt, any_event(id).boxed(), any_job_row(JobName::new("a job")).boxed())
    });
    let (alert, told) = (any_alert().boxed(), any_told().boxed());
    (run, any::<i64>(), any::<String>(), alert, told).prop_map(
        |((run, attempt, event, job_row), delay, job_set, alert, told)| {
            let agent_facts =
                AgentFacts { longest_listing_delay: SignedDuration::from_millis(delay) };
            Rows { run, attempt, event, job_row, agent_facts, job_set, alert, told }
        },
    )
}

/// Any instant, to the nanosecond.
pub(crate) fn any_instant() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
    (first..=last)
        .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).expect("it is a time"))
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

pub(crate) fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(crate) fn any_state() -> impl Strategy<Value = RunState> {
    proptest::sample::select(RunState::ALL.to_vec())
}

fn any_wish() -> impl Strategy<Value = CancelRequest> {
    let causes = [
        CancelCause::Operator,
        CancelCause::Replaced,
        CancelCause::Timeout,
        CancelCause::Stall,
        CancelCause::Double,
    ];
    (any_instant(), proptest::sample::select(causes.to_vec()), any_reason(), any::<bool>())
        .prop_map(|(at, cause, reason, told)| CancelRequest { at, cause, reason, reported: told })
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

fn any_changes() -> impl Strategy<Value = Changes> {
    let paths = (any::<Option<String>>(), any::<Option<String>>());
    (paths, any::<Option<bool>>(), option::of(any_duration())).prop_map(
        |((source_path, destination_path), allow_skip, timeout)| Changes {
            source_path,
            destination_path,
            allow_skip,
            timeout,
        },
    )
}

/// Any run of the id `id`.
fn any_run(id: RunId) -> impl Strategy<Value = Run> {
    let triggers = vec![
        Trigger::Schedule,
        Trigger::CatchUp,
        Trigger::Manual,
        Trigger::Retry,
        Trigger::Backfill,
    ];
    let times =
        (option::of(any_instant()), any_instant(), option::of(any_instant()), any_instant());
    let words = (any::<String>(), any_reason(), any_state());
    let runs = (option::of(any_uuid()), option::of(any_uuid()), any_changes());
    let links = (option::of(any_wish()), any::<Option<u32>>(), runs);
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
            behind: links.2.0.map(RunId),
            retry_of: links.2.1.map(RunId),
            changes: links.2.2,
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
    // Whole cents: what the documents print of them is read back to the last bit.
    let cost = proptest::option::of(any::<u32>().prop_map(|cents| f64::from(cents) / 100.0));
    let numbers = (any::<[u64; 6]>(), any_number(), any_number(), cost, any::<bool>());
    numbers.prop_map(|(counts, percent, speed, cost_usd, objects_incomplete)| Progress {
        objects_total: counts[0],
        objects_transferred: counts[1],
        objects_failed: counts[2],
        objects_skipped: counts[3],
        bytes_total: counts[4],
        bytes_transferred: counts[5],
        percent,
        speed,
        cost_usd,
        objects_incomplete,
    })
}

/// A cause with an object, or none.
fn flags_cause(some: bool) -> Option<Arc<Cause>> {
    let mut failed = FailedObjects::default();
    failed.add(FailedObject { path: "d/ä.mov".to_owned(), error: "Access Denied".to_owned() });
    some.then(|| Cause::of(None, failed).map(Arc::new)).flatten()
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
fn any_attempt(run: RunId) -> impl Strategy<Value = Attempt> {
    let ids = (any::<u32>(), any_uuid(), option::of(any_uuid()), vec(any_uuid(), 0..4));
    let instants = (any_instant(), any_instant(), any_instant());
    let perhaps = proptest::array::uniform4(option::of(any_instant()));
    let flags = (any::<[bool; 4]>(), any::<(i64, i64)>(), any_reason(), any_phase());
    let ends = (
        option::of(any_uuid()),
        option::of(any_status()),
        any_progress(),
        option::of(any_wish()),
        option::of(proptest::sample::select(Ended::ALL.to_vec())),
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
            exclusive: perhaps[1].map(|_| flags[3]),
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
            finished_at: perhaps[1],
            holds_until: perhaps[3],
            cause: flags_cause(perhaps[2].is_some()),
            watched_until: perhaps[2],
        },
    )
}

/// Any row of a job.
fn any_job_row(job: JobName) -> impl Strategy<Value = JobRow> {
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
        (any::<bool>(), option::of(any_instant())),
    )
        .prop_map(
            move |(facts, since, handled, first_seen, last_success, last_run, pause, told)| {
                JobRow {
                    job: job.clone(),
                    timetable: facts.0,
                    scheduled: facts.1,
                    scheduled_since: since,
                    handled,
                    generation: facts.2,
                    handled_times: HandledTimes::default(),
                    held_due: since,
                    first_seen,
                    last_success,
                    last_run: last_run.map(RunId),
                    last_success_run: last_run.map(RunId),
                    pause,
                    pauses: Vec::new(),
                    failing: told.0,
                    late_reported_at: told.1,
                }
            },
        )
}

/// Any alert of the outbox.
fn any_alert() -> impl Strategy<Value = QueuedAlert> {
    let events = AlertEvent::ALL.into_iter().map(Occasion::Event).chain([Occasion::Started]);
    let occasion = proptest::sample::select(events.collect::<Vec<_>>());
    (
        (any_uuid(), any::<u64>(), any_uuid(), occasion, any_instant(), option::of(any_uuid())),
        (option::of(any_state()), any::<String>(), option::of(any_instant()), any::<u32>()),
        (any::<String>(), any::<u32>(), any_instant(), any::<Option<String>>()),
        any::<Option<String>>(),
        (option::of(any_code()), option::of((any_place(), any_place()))),
    )
        .prop_map(|(first, second, third, job, (code, places))| QueuedAlert {
            id: AlertId(first.0),
            number: first.1,
            key: AlertKey(first.2),
            receivers: vec![AlertKey(first.2), AlertKey(first.0)],
            occasion: first.3,
            at: first.4,
            job: job.as_deref().map(JobName::new),
            run: first.5.map(RunId),
            state: second.0,
            reason: second.1,
            reason_code: code,
            cause: third.3.clone(),
            source: places
                .as_ref()
                .map(|(source, _)| NamedPlace::new(source, &AccountNames::new())),
            destination: places.as_ref().map(|(_, to)| {
                NamedPlace::new(to, &AccountNames::from([(to.account, to.path.clone())]))
            }),
            scheduled_for: second.2,
            attempts: second.3,
            text: third.0,
            digest: None,
            tries: third.1,
            next_try: third.2,
            last_error: third.3,
        })
}

fn any_told() -> impl Strategy<Value = Reported> {
    let token =
        (any_instant(), any::<bool>()).prop_map(|(ends, ended)| ReportedToken { ends, ended });
    let job_row = (any_uuid(), any_instant(), any::<u64>()).prop_map(|(key, at, event)| {
        DigestMark { key: AlertKey(key), at, event, coverage: Some(key) }
    });
    let outage = (any_instant(), option::of(any_instant()))
        .prop_map(|(since, until)| Outage { since, until });
    let lists = (vec(job_row, 0..3), vec(outage, 0..3));
    (option::of(any_instant()), option::of(token), any::<bool>(), lists).prop_map(
        |(agent_down, token, config_invalid, (digests, outages))| Reported {
            agent_down,
            token,
            config_invalid,
            digests,
            outages,
        },
    )
}

/// Any event of a run.
fn any_event(run: RunId) -> impl Strategy<Value = Event> {
    (any_instant(), any_happening()).prop_map(move |(at, what)| Event { run, at, what })
}
