//! Costs of the engine: each kind of input with 10, 1,000 and 10,000 jobs and runs in flight, and
//! matching over listings. `cargo bench --bench engine`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::SignedDuration;
use transferd::core::alert::Delivery;
use transferd::core::cause::FailedObject;
use transferd::core::ids::{AlertId, AttemptId, TransferId};
use transferd::core::input::{Input, OperatorRequest, ReplyTo};
use transferd::core::matching::assign;
use transferd::core::record::Record;
use transferd::core::run::{Attempt, RunState};
use transferd::core::transfer::{
    CancelAnswer, Progress, StartAnswer, SubmitAnswer, Transfer, TransferStatus,
};

#[path = "../tests/support/flight.rs"]
mod flight;
#[path = "../tests/support/rows.rs"]
mod rows;

use flight::{Flight, job_set, name};

/// Jobs, and runs in flight.
const SIZES: [(u32, u32); 6] =
    [(10, 10), (1_000, 10), (1_000, 1_000), (10_000, 10), (10_000, 1_000), (10_000, 10_000)];

/// Inputs that leave things as they are when they come again and again.
fn steady() -> Vec<(&'static str, Input)> {
    let attempt = AttemptId { run: rows::run_id(1), number: 1 };
    let transfer = TransferId(rows::run_id(1).0);
    let object = FailedObject { path: "a.mov".to_owned(), error: "Access Denied".to_owned() };
    let request = OperatorRequest::Resume(name(7));
    vec![
        ("TimeReached", Input::TimeReached),
        ("Notified", Input::Notified),
        ("Receipt", Input::Receipt(attempt)),
        ("Submitted, again", Input::Submitted { attempt, answer: SubmitAnswer::Accepted }),
        ("ObjectFailed", Input::ObjectFailed { transfer, object }),
        ("CauseLearned", Input::CauseLearned { attempt, transfer, row: None }),
        ("CancelAnswered", Input::CancelAnswered { transfer, answer: CancelAnswer::Taken }),
        ("AgentStarted", Input::AgentStarted(StartAnswer::Taken)),
        ("TokenChanged", Input::TokenChanged),
        ("TokenEnds", Input::TokenEnds(None)),
        ("ClockStepped", Input::ClockStepped { by: SignedDuration::ZERO }),
        (
            "Delivered",
            Input::Delivered {
                alert: AlertId(uuid::Uuid::from_u128(1)),
                delivery: Delivery::Delivered,
            },
        ),
        ("JobFileChecked", Input::JobFileChecked(None)),
        ("Operator: resume", Input::Operator { reply: ReplyTo(0), request, by: None }),
    ]
}

fn inputs(criterion: &mut Criterion) {
    for (jobs, runs) in SIZES {
        let mut flight = Flight::new(jobs, runs);
        assert_eq!(flight.in_flight(), runs as usize);
        let mut group = criterion.benchmark_group(format!("{jobs} jobs, {runs} in flight"));
        for (name, input) in steady() {
            group.bench_function(name, |bencher| {
                bencher.iter_batched(
                    || input.clone(),
                    |input| flight.handle(input),
                    BatchSize::SmallInput,
                );
            });
        }
        group.bench_function("a poll: TimeReached and Looked", |bencher| {
            bencher.iter(|| flight.poll());
        });
        let mut edition = 0;
        group.bench_function("JobsReplaced, all changed", |bencher| {
            bencher.iter_batched(
                || {
                    edition += 1;
                    Input::JobsReplaced(job_set(jobs, edition))
                },
                |input| flight.handle(input),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

/// From nothing to all in flight: triggers, admission, submits, their answers, and the first look.
fn lives(criterion: &mut Criterion) {
    for runs in [10, 1_000] {
        criterion.bench_function(&format!("{runs} runs from trigger to running"), |bencher| {
            bencher.iter(|| black_box(Flight::new(runs, runs).in_flight()));
        });
    }
}

/// Attempts between the same places, and as many records as they could own.
fn matching(criterion: &mut Criterion) {
    for count in [1_u64, 10, 100, 1_000] {
        let attempts: Vec<Attempt> = (1..=count).map(attempt).collect();
        let records: Vec<Transfer> = attempts.iter().map(record).collect();
        let attempts: Vec<_> = attempts.iter().collect();
        let records: Vec<_> = records.iter().collect();
        let claimed = vec![None; attempts.len()];
        criterion.bench_function(&format!("{count} records assigned"), |bencher| {
            bencher.iter(|| black_box(assign(&attempts, &records, &claimed, false, true)));
        });
    }
}

/// The only attempt of the n-th run, accepted a second after the one before.
fn attempt(n: u64) -> Attempt {
    let records = rows::records(n, "job", RunState::Queued);
    let attempt = records.into_iter().find_map(|record| match record {
        Record::Attempt(attempt) => Some(Attempt { transfer: None, ..Attempt::clone(&attempt) }),
        Record::Run { .. }
        | Record::Event(_)
        | Record::Job(_)
        | Record::AgentFacts(_)
        | Record::AlertQueued(_)
        | Record::AlertGone(_)
        | Record::PauseOfAll(_)
        | Record::Reported(_) => None,
    });
    attempt.expect("each run has one")
}

/// The record that comes of it.
fn record(attempt: &Attempt) -> Transfer {
    Transfer {
        id: TransferId(attempt.id.run.0),
        user: attempt.user,
        fingerprint: attempt.fingerprint,
        if_it_skips: None,
        may_be_of: Vec::new(),
        tells_no_progress: false,
        loose_fingerprint: attempt.fingerprint,
        of_sync: false,
        of_retry_batch: false,
        kind: Some(1),
        requested_at: Some(attempt.not_before),
        ended_at: None,
        status: TransferStatus::Running,
        unknown_status: None,
        progress: Progress::default(),
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10)
        .without_plots();
    targets = inputs, lives, matching
}
criterion_main!(benches);
