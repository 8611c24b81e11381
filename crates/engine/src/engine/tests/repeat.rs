//! Runs that people request: for a past time, as a repetition, and for a whole span of time.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::stage::{Stage, at, job, secs, set};
use crate::ids::{JobName, RunId};
use crate::input::{Answer, Input, OperatorRequest, ReplyTo};
use crate::job::{Overlap, Terms, Verdict};
use crate::repeat::{Backfill, PastRun, RunRequest, Wanted};
use crate::run::{Changes, RunState, Trigger};
use crate::template::PathTemplate;
use crate::transfer::{LookFailure, SubmitAnswer, TransferStatus};

fn id(n: u128) -> RunId {
    RunId(Uuid::from_u128(n))
}

/// The runs of a job in the store.
fn past(stage: &Stage) -> Vec<PastRun> {
    let runs = stage.rows.order.iter().map(|id| &stage.rows.runs[id]);
    runs.filter_map(|run| Some(PastRun::of(run.id, run.scheduled_for?, run.state))).collect()
}

fn request(stage: &Stage, n: u128, what: Wanted, again: bool) -> RunRequest {
    let (job, changes) = (JobName::new("a"), Changes::default());
    RunRequest { run: id(n), job, what, again, changes, past: past(stage) }
}

fn ask(stage: &mut Stage, request: OperatorRequest) -> Answer {
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    stage.replies.last().expect("an answer").clone()
}

fn trigger_for(stage: &mut Stage, n: u128, time: Timestamp, again: bool) -> Answer {
    let request = request(stage, n, Wanted::Manual(Some(time)), again);
    ask(stage, OperatorRequest::Repeat(vec![request]))
}

fn retry(stage: &mut Stage, n: u128, nth: usize, current: bool) -> Answer {
    let of = Arc::new(stage.run(nth).clone());
    let request = request(stage, n, Wanted::Retry { of, current }, false);
    ask(stage, OperatorRequest::Repeat(vec![request]))
}

/// A job whose paths contain the hour, and whose only attempt at 01:00 has failed.
fn failed() -> Stage {
    let mut stage = Stage::new(vec![job("a", "to/{%H}/", |job| {
        let mut terms = crate::job::Terms::clone(&job.terms);
        terms.retry.max_attempts = 1;
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    end_last(&mut stage, 1, TransferStatus::Error);
    assert_eq!(stage.run(0).state, RunState::Failed);
    stage
}

/// Accepts the last submit, and ends its transfer with this status.
fn end_last(stage: &mut Stage, transfer: u128, status: TransferStatus) {
    stage.answer(SubmitAnswer::Accepted);
    stage.list(transfer, TransferStatus::Running);
    stage.pass(secs(30));
    stage.status(transfer, status);
    stage.pass(secs(60));
}

fn is_no(answer: &Answer, words: &str) -> bool {
    matches!(answer, Answer::No(said) if said.contains(words))
}

/// The past is read beside the loop, so a run may end between its reading and the decision.
#[test]
fn a_run_that_has_ended_since_the_past_was_read_is_not_repeated_by_mistake() {
    let mut stage = Stage::new(vec![job("a", "to/{%H}/", |_| {})]);
    stage.until(at("01:00:00"));
    let time = at("01:00:00");
    let before = request(&stage, 7, Wanted::Manual(Some(time)), false);
    let whole = Backfill {
        job: JobName::new("a"),
        from: time,
        to: time,
        all: false,
        past: past(&stage),
        seed: id(8),
    };
    end_last(&mut stage, 1, TransferStatus::Completed);
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    let refused = ask(&mut stage, OperatorRequest::Repeat(vec![before.clone()]));
    assert!(is_no(&refused, "has just ended"), "{refused:?}");
    let planned = ask(&mut stage, OperatorRequest::Backfill(whole));
    assert!(matches!(&planned, Answer::Planned(plan) if plan.runs.is_empty()), "{planned:?}");
    let again = RunRequest { again: true, ..before };
    assert_eq!(ask(&mut stage, OperatorRequest::Repeat(vec![again])), Answer::Done(vec![id(7)]));
}

#[test]
fn a_retry_goes_to_the_places_of_its_night_and_is_for_its_time() {
    let mut stage = failed();
    stage.set = set(vec![job("a", "elsewhere/{%H}/", |_| {})]);
    let replaced = Input::JobsReplaced(Arc::clone(&stage.set));
    stage.input(replaced);
    stage.until(at("01:20:00"));
    assert_eq!(retry(&mut stage, 7, 0, false), Answer::Done(vec![id(7)]));
    let run = stage.rows.runs[&id(7)].clone();
    assert_eq!(run.request.destination.path, "to/01/");
    assert_eq!((run.trigger, run.scheduled_for), (Trigger::Retry, Some(at("01:00:00"))));
    assert_eq!(run.retry_of, Some(stage.rows.order[0]));
    assert!(is_no(&retry(&mut stage, 8, 0, false), "is not over"));
    end_last(&mut stage, 2, TransferStatus::Completed);
    assert_eq!(stage.rows.runs[&id(7)].state, RunState::Succeeded);
    assert!(is_no(&retry(&mut stage, 9, 0, false), "has succeeded"));
}

#[test]
fn a_retry_of_a_job_that_is_gone_keeps_its_policy_and_can_not_be_current() {
    let mut stage = failed();
    stage.set = set(Vec::new());
    let replaced = Input::JobsReplaced(Arc::clone(&stage.set));
    stage.input(replaced);
    assert!(is_no(&retry(&mut stage, 7, 0, true), "gone from the job file"));
    assert_eq!(retry(&mut stage, 8, 0, false), Answer::Done(vec![id(8)]));
    assert_eq!(stage.rows.runs[&id(8)].terms.retry.max_attempts, 1);
}

#[test]
fn a_run_is_repeated_by_one_at_a_time_also_where_it_is_for_no_time() {
    let mut stage = failed();
    stage.trigger("a", 5);
    end_last(&mut stage, 2, TransferStatus::Error);
    assert_eq!((stage.run(1).state, stage.run(1).scheduled_for), (RunState::Failed, None));
    assert_eq!(retry(&mut stage, 7, 1, false), Answer::Done(vec![id(7)]));
    assert!(is_no(&retry(&mut stage, 8, 1, false), "repeats run"));
    // Nor are two that are requested together for one time.
    let of = Arc::new(stage.run(0).clone());
    let both = vec![
        request(&stage, 8, Wanted::Retry { of, current: false }, false),
        request(&stage, 9, Wanted::Manual(Some(at("01:00:00"))), false),
    ];
    let refused = ask(&mut stage, OperatorRequest::Repeat(both));
    assert!(is_no(&refused, "two of these runs are for the same time"), "{refused:?}");
    assert_eq!(stage.rows.order.len(), 3);
}

#[test]
fn what_a_run_had_otherwise_than_its_job_each_that_repeats_it_has_too() {
    let mut stage = failed();
    let changes = Changes {
        destination_path: Some("other/".to_owned()),
        timeout: Some(secs(120)),
        ..Changes::default()
    };
    let changed = request(&stage, 5, Wanted::Manual(None), false);
    let changed = RunRequest { changes: changes.clone(), ..changed };
    let answer = ask(&mut stage, OperatorRequest::Repeat(vec![changed]));
    assert_eq!(answer, Answer::Done(vec![id(5)]));
    end_last(&mut stage, 2, TransferStatus::Error);
    stage.set = set(vec![job("a", "to/", |job| {
        job.source.path = PathTemplate::parse("new/").expect("a path");
        let mut terms = Terms { partial: Verdict::Accept, ..Terms::clone(&job.terms) };
        terms.retry.max_attempts = 1;
        job.terms = Arc::new(terms);
    })]);
    let replaced = Input::JobsReplaced(Arc::clone(&stage.set));
    stage.input(replaced);
    for (n, current, source) in [(7, false, "from/"), (8, true, "new/")] {
        assert_eq!(retry(&mut stage, n, 1, current), Answer::Done(vec![id(n)]));
        let run = &stage.rows.runs[&id(n)];
        assert_eq!((&run.changes, run.terms.timeout), (&changes, secs(120)));
        assert_eq!(run.terms.partial, Verdict::Accept, "for the rest, the policy of today holds");
        let request = &run.request;
        assert_eq!((&*request.source.path, &*request.destination.path), (source, "other/"));
        end_last(&mut stage, n, TransferStatus::Error);
    }
}

#[test]
fn a_run_whose_places_would_be_one_is_refused() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.destination.account = job.source.account;
    })]);
    for path in ["from/", "/from/", "from", "from//"] {
        let changes = Changes { destination_path: Some(path.to_owned()), ..Changes::default() };
        let changed = RunRequest { changes, ..request(&stage, 5, Wanted::Manual(None), false) };
        let refused = ask(&mut stage, OperatorRequest::Repeat(vec![changed]));
        assert!(is_no(&refused, "would be the same"), "{path}: {refused:?}");
    }
}

#[test]
fn of_one_job_so_many_repeats_wait_and_no_more() {
    let mut stage = Stage::new(vec![super::reload::scheduled("a", "* * * * *")]);
    stage.failure = Some(LookFailure::Unreachable("away".to_owned()));
    let thousand_from = |from: &str, seed| {
        let from: Timestamp = from.parse().expect("a time");
        let (job, to) = (JobName::new("a"), from + secs(999 * 60));
        let wanted = Backfill { job, from, to, all: true, past: Vec::new(), seed: id(seed) };
        OperatorRequest::Backfill(wanted)
    };
    // The second of them ends at the present.
    for (from, seed) in [("2026-03-01T00:00:00Z", 1), ("2026-03-01T17:00:00Z", 2)] {
        let answer = ask(&mut stage, thousand_from(from, seed));
        assert!(matches!(answer, Answer::Planned(_)), "{answer:?}");
    }
    let waiting = stage.rows.order.len();
    assert_eq!(waiting, 1_451);
    let refused = ask(&mut stage, thousand_from("2026-02-01T00:00:00Z", 3));
    assert!(is_no(&refused, "and 2000 are the most"), "{refused:?}");
    assert_eq!(stage.rows.order.len(), waiting);
}

#[test]
fn a_time_that_has_succeeded_or_lies_ahead_is_not_run_unless_that_is_asked_for() {
    let mut stage = Stage::new(vec![job("a", "to/{%H}/", |_| {})]);
    stage.until(at("01:00:00"));
    let one = at("01:00:00");
    assert!(is_no(&trigger_for(&mut stage, 7, one, true), "is not over"));
    end_last(&mut stage, 1, TransferStatus::Completed);
    assert!(is_no(&trigger_for(&mut stage, 7, one, false), "--again"));
    assert!(is_no(&trigger_for(&mut stage, 7, at("03:00:00"), true), "lies ahead"));
    assert_eq!(trigger_for(&mut stage, 7, one, true), Answer::Done(vec![id(7)]));
    assert_eq!(stage.rows.runs[&id(7)].request.destination.path, "to/01/");
}

#[test]
fn several_are_all_recorded_or_none() {
    let mut stage = Stage::new(vec![job("a", "a/", |_| {}), job("b", "b/", |_| {})]);
    let request = |n, name| RunRequest::now(JobName::new(name), id(n));
    let both = vec![request(1, "a"), request(2, "nobody")];
    assert!(is_no(&ask(&mut stage, OperatorRequest::Repeat(both)), "no job `nobody`"));
    assert_eq!(stage.rows.order, []);
    let both = vec![request(1, "a"), request(2, "b")];
    let answer = ask(&mut stage, OperatorRequest::Repeat(both));
    assert_eq!(answer, Answer::Done(vec![id(1), id(2)]));
}

#[test]
fn an_occurrence_is_not_skipped_for_a_backfill_and_goes_before_what_of_it_waits() {
    let mut stage = Stage::new(vec![job("a", "to/{%H}/", |job| job.overlap = Overlap::Skip)]);
    stage.until(at("00:50:00"));
    let before = |hour: &str| format!("2026-03-01T{hour}:00:00Z").parse().expect("a time");
    let wanted = Backfill {
        job: JobName::new("a"),
        from: before("21"),
        to: before("23"),
        all: false,
        past: Vec::new(),
        seed: id(99),
    };
    let plan = stage.engine().backfill_plan(&wanted).expect("a plan");
    let Answer::Planned(recorded) = ask(&mut stage, OperatorRequest::Backfill(wanted)) else {
        panic!("it was refused")
    };
    let times = |plan: &crate::repeat::BackfillPlan| -> Vec<_> {
        plan.runs.iter().map(|run| (run.scheduled_for, run.request.clone())).collect()
    };
    assert_eq!(times(&recorded), times(&plan));
    assert_eq!(stage.rows.order.len(), 3);
    assert_eq!(stage.submits.len(), 1, "one after another");
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:00:00"));
    let occurrence = stage.run(3).clone();
    assert_eq!((occurrence.state, occurrence.trigger), (RunState::Waiting, Trigger::Schedule));
    stage.status(1, TransferStatus::Completed);
    stage.until(at("01:02:00"));
    let last = stage.submits.last().expect("a submit").0;
    assert_eq!(last.run, occurrence.id, "before those that wait");
    end_last(&mut stage, 2, TransferStatus::Completed);
    let last = stage.submits.last().expect("a submit").0;
    assert_eq!(last.run, stage.rows.order[1]);
    stage.restart();
    assert_eq!(stage.run(2).state, RunState::Waiting);
}

#[test]
fn a_backfill_leaves_out_what_has_succeeded_and_refuses_more_than_it_may_make() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    end_last(&mut stage, 1, TransferStatus::Completed);
    let mut wanted = Backfill {
        job: JobName::new("a"),
        from: at("00:00:00"),
        to: at("23:00:00"),
        all: false,
        past: past(&stage),
        seed: id(99),
    };
    let plan = stage.engine().backfill_plan(&wanted).expect("a plan");
    let times: Vec<_> = plan.runs.iter().filter_map(|run| run.scheduled_for).collect();
    assert_eq!(times, [at("00:00:00")], "never ahead of now");
    assert_eq!(plan.left_out.len(), 1);
    wanted.all = true;
    assert_eq!(stage.engine().backfill_plan(&wanted).expect("a plan").runs.len(), 2);
    wanted.from = "2026-01-01T00:00:00Z".parse().expect("a time");
    let refused = stage.engine().backfill_plan(&wanted).expect_err("too many");
    assert!(refused.contains("1000 are the most"), "{refused}");
    wanted.from = "2016-01-01T00:00:00Z".parse().expect("a time");
    let refused = stage.engine().backfill_plan(&wanted).expect_err("too long a time");
    assert!(refused.contains("1000 runs are the most"), "{refused}");
}

/// A job whose only request for 01:00 was lost, and was looked for in vain: it may yet turn up.
fn hoping() -> Stage {
    let mut stage = Stage::new(vec![job("a", "to/{%H}/", |job| {
        let mut terms = crate::job::Terms::clone(&job.terms);
        terms.retry.max_attempts = 1;
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.pass(secs(300));
    assert_eq!(stage.run(0).state, RunState::Queued);
    stage
}

#[test]
fn a_run_that_only_hopes_for_its_lost_request_gives_way_to_one_that_repeats_it() {
    let one = at("01:00:00");
    let mut stage = hoping();
    let of = Arc::new(stage.run(0).clone());
    let retry = request(&stage, 7, Wanted::Retry { of, current: false }, false);
    let by_time = request(&stage, 7, Wanted::Manual(Some(one)), false);
    for request in [retry, by_time] {
        let mut stage = hoping();
        let answer = ask(&mut stage, OperatorRequest::Repeat(vec![request]));
        assert_eq!(answer, Answer::Done(vec![id(7)]));
        assert_eq!(stage.run(0).state, RunState::Failed);
        assert_eq!(stage.submits.len(), 2, "it waits for nothing");
    }
    let (job, past, seed) = (JobName::new("a"), past(&stage), id(99));
    let wanted = Backfill { job, from: one, to: one, all: false, past, seed };
    let planned = stage.engine().backfill_plan(&wanted).expect("a plan");
    assert_eq!(stage.run(0).state, RunState::Queued, "a plan changes nothing");
    let Answer::Planned(recorded) = ask(&mut stage, OperatorRequest::Backfill(wanted)) else {
        panic!("it was refused")
    };
    let times = |plan: &crate::repeat::BackfillPlan| -> Vec<_> {
        plan.runs.iter().map(|run| run.scheduled_for).collect()
    };
    assert_eq!((times(&planned), times(&recorded)), (vec![Some(one)], vec![Some(one)]));
    assert_eq!(stage.run(0).state, RunState::Failed);
}

#[test]
fn a_run_that_hopes_for_its_lost_request_hopes_on_where_a_repeat_is_refused() {
    let mut stage = hoping();
    assert!(is_no(&trigger_for(&mut stage, 7, at("03:00:00"), false), "lies ahead"));
    let nothing = Backfill {
        job: JobName::new("a"),
        from: at("00:10:00"),
        to: at("00:20:00"),
        all: false,
        past: Vec::new(),
        seed: id(99),
    };
    let planned = ask(&mut stage, OperatorRequest::Backfill(nothing));
    assert!(matches!(&planned, Answer::Planned(plan) if plan.runs.is_empty()), "{planned:?}");
    assert_eq!(stage.run(0).state, RunState::Queued);
    stage.list(1, TransferStatus::Running);
    stage.listed[0].requested_at = Some(at("01:00:00"));
    stage.pass(secs(70));
    assert_eq!(stage.run(0).state, RunState::Running, "it has turned up");
}
