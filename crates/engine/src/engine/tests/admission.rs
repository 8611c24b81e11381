//! When a run begins: due, caught up or triggered, and what it has to wait for.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::stage::{Stage, at, job, secs, set};
use crate::ids::{JobName, RunId};
use crate::input::{Answer, Input, OperatorRequest, ReplyTo};
use crate::job::{AgentSettings, CatchUp, JobSet, Overlap, Terms};
use crate::reason::{Reason, ReasonCode};
use crate::run::{RunState, Trigger};
use crate::schedule::{Schedule, Timetable};
use crate::transfer::{SubmitAnswer, TransferStatus};

#[test]
fn an_idle_engine_sleeps_until_the_next_occurrence() {
    let stage = Stage::new(vec![job("a", "to/", |_| {})]);
    assert_eq!(stage.engine().next_wakeup(), Some(at("01:00:00")));
    assert_eq!(stage.looks, 0);
    let stage = Stage::new(Vec::new());
    assert_eq!(stage.engine().next_wakeup(), None);
}

#[test]
fn overlapping_destinations_wait_for_each_other_in_turn() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {}), job("b", "to/inner/", |_| {})]);
    stage.until(at("01:00:00"));
    assert_eq!(stage.submits.len(), 1);
    let second = (0..2).find(|n| stage.run(*n).state == RunState::Waiting).expect("one waits");
    let reason = &stage.run(second).reason;
    assert_eq!(reason.code(), Some(ReasonCode::WaitingDestination), "{reason}");
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(20));
    assert_eq!(stage.submits.len(), 1, "until the first one has ended");
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn max_active_bounds_what_is_in_flight() {
    let jobs = (0..12).map(|n| job(&format!("j{n}"), &format!("to{n}/"), |_| {})).collect();
    let mut stage = Stage::new(jobs);
    stage.until(at("01:00:00"));
    assert_eq!(stage.submits.len(), 8);
    assert_eq!(stage.looks, 1, "one look serves the batch");
}

#[test]
fn overlap_skips_queues_or_replaces() {
    for (overlap, states) in [
        (Overlap::Skip, [RunState::Running, RunState::Skipped]),
        (Overlap::Queue, [RunState::Running, RunState::Waiting]),
        (Overlap::Replace, [RunState::Canceling, RunState::Waiting]),
    ] {
        let long = Terms { timeout: SignedDuration::from_hours(5), ..Terms::default() };
        let mut stage = Stage::new(vec![job("a", "to/", |job| {
            job.overlap = overlap;
            job.terms = Arc::new(long);
        })]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.until(at("02:00:00"));
        assert_eq!([stage.run(0).state, stage.run(1).state], states, "{overlap:?}");
    }
}

#[test]
fn missed_occurrences_are_caught_up_once_and_the_others_are_recorded() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.now = at("04:30:00");
    stage.restart();
    let states: Vec<_> = stage.rows.order.iter().map(|id| stage.rows.runs[id].state).collect();
    let ran = RunState::Submitting;
    assert_eq!(states, [RunState::Skipped, RunState::Skipped, RunState::Skipped, ran]);
    assert_eq!(stage.run(3).trigger, Trigger::CatchUp);
    assert_eq!(stage.run(3).scheduled_for, Some(at("04:00:00")));
}

#[test]
fn an_occurrence_missed_last_is_the_one_caught_up_though_it_is_hardly_late() {
    for (catch_up, ends) in [
        (CatchUp::Once, [RunState::Skipped, RunState::Skipped, RunState::Submitting]),
        (CatchUp::All, [RunState::Submitting, RunState::Waiting, RunState::Waiting]),
        (CatchUp::None, [RunState::Skipped, RunState::Skipped, RunState::Submitting]),
    ] {
        let mut stage = Stage::new(vec![job("a", "to/", |job| job.catch_up = catch_up)]);
        stage.now = at("03:00:30");
        stage.restart();
        let states: Vec<_> = stage.rows.order.iter().map(|id| stage.rows.runs[id].state).collect();
        assert_eq!(states, ends, "{catch_up:?}");
        let triggers: Vec<_> =
            stage.rows.order.iter().map(|id| stage.rows.runs[id].trigger).collect();
        assert_eq!(triggers, [Trigger::CatchUp, Trigger::CatchUp, Trigger::Schedule]);
    }
}

#[test]
fn a_job_that_is_edited_never_fires_a_past_occurrence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("00:45:00"));
    let changed = job("a", "to/", |job| {
        let schedule = Schedule::parse("40,50 * * * *").expect("a schedule");
        job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
    });
    stage.set = set(vec![changed]);
    let replaced = Input::JobsReplaced(Arc::clone(&stage.set));
    stage.input(replaced);
    assert_eq!(stage.rows.order.len(), 0);
    assert_eq!(stage.engine().next_wakeup(), Some(at("00:50:00")));
}

#[test]
fn a_trigger_waits_behind_the_active_run_and_a_second_is_refused() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    for (nth, waiting) in [(1, 0), (2, 1), (3, 1)] {
        let run = RunId(Uuid::from_u128(nth));
        let request = OperatorRequest::Trigger { job: JobName::new("a"), run };
        stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
        let states = stage.rows.runs.values().filter(|run| run.state == RunState::Waiting);
        assert_eq!(states.count(), waiting);
    }
    assert!(matches!(stage.replies[2], Answer::No(_)));
}

#[test]
fn a_full_house_does_not_hide_the_run_that_blocks() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.overlap = Overlap::Queue)]);
    let mut set = JobSet::clone(&stage.set);
    set.agent.max_active = 1;
    stage.input(Input::JobsReplaced(Arc::new(set)));
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let first = stage.rows.order[0];
    let request =
        OperatorRequest::Trigger { job: JobName::new("a"), run: RunId(Uuid::from_u128(1)) };
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    let reason = &stage.run(1).reason;
    assert_eq!(reason.to_string(), format!("for run {first} of `a` to end"));
}

#[test]
fn a_destination_is_shared_only_if_neither_job_minds() {
    for (a, b, submits) in [(true, false, 1), (false, true, 1), (true, true, 1), (false, false, 2)]
    {
        let terms = |exclusive| Arc::new(Terms { exclusive, ..Terms::default() });
        let mut stage = Stage::new(vec![
            job("a", "to/", |job| job.terms = terms(a)),
            job("b", "to/inner/", |job| job.terms = terms(b)),
        ]);
        stage.until(at("01:00:00"));
        assert_eq!(stage.submits.len(), submits, "{a} {b}: of two that wait");
        // The other one comes first now.
        let mut stage = Stage::new(vec![
            job("a", "to/", |job| job.terms = terms(a)),
            job("b", "to/inner/", |job| {
                job.terms = terms(b);
                job.timetable = Timetable::new(
                    vec![Schedule::parse("59 * * * *").expect("a schedule")],
                    "UTC",
                    TimeZone::UTC,
                );
            }),
        ]);
        stage.until(at("00:59:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.until(at("01:00:00"));
        assert_eq!(stage.submits.len(), submits, "{a} {b}: while one is at work");
    }
}

/// Two jobs that request the same transfer, with `exclusive: false`.
fn twins() -> Stage {
    let alike = |name: &str| {
        job(name, "to/", |job| {
            let timeout = SignedDuration::from_mins(30);
            job.terms = Arc::new(Terms { timeout, exclusive: false, ..Terms::default() });
        })
    };
    Stage::new(vec![alike("a"), alike("b")])
}

#[test]
fn a_request_for_the_same_transfer_waits_until_the_first_one_is_listed() {
    let mut stage = twins();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(30));
    assert_eq!(stage.submits.len(), 1, "its record could be taken for either's");
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn a_request_that_was_never_listed_keeps_its_job_until_it_can_come_no_more() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let timeout = SignedDuration::from_mins(30);
        job.terms = Arc::new(Terms { timeout, exclusive: false, ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.until(at("01:30:30"));
    assert_eq!(stage.run(0).state, RunState::TimedOut);
    stage.trigger("a", 5);
    stage.until(at("01:31:30"));
    assert_eq!(stage.submits.len(), 1, "{}", stage.run(1).reason);
    stage.until(at("01:34:00"));
    assert_eq!(stage.submits.len(), 2, "{}", stage.run(1).reason);
}

#[test]
fn a_queue_holds_one_occurrence() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.overlap = Overlap::Queue;
        job.terms = Arc::new(Terms::default());
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("03:00:00"));
    let states: Vec<_> = stage.rows.order.iter().map(|id| stage.rows.runs[id].state).collect();
    assert_eq!(states, [RunState::Running, RunState::Waiting, RunState::Skipped]);
}

#[test]
fn a_run_behind_one_that_is_over_does_not_wait_until_that_is_forgotten() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let timeout = SignedDuration::from_mins(30);
        job.terms = Arc::new(Terms { timeout, ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.until(at("01:10:00"));
    stage.trigger("a", 5);
    assert_eq!(stage.run(1).behind, Some(stage.run(0).id));
    stage.until(at("01:34:00"));
    assert_eq!(stage.run(0).state, RunState::TimedOut, "its transfer is watched for");
    assert_eq!(stage.submits.len(), 2, "{}", stage.run(1).reason);
}

#[test]
fn a_run_that_waits_for_its_own_job_keeps_a_destination_from_nobody() {
    let mut stage = Stage::new(vec![
        job("a", "to/", |job| {
            let mut terms = Terms::default();
            (terms.retry.multiplier, terms.retry.max_delay) = (100.0, secs(7_200));
            terms.retry.initial_delay = secs(7_200);
            job.terms = Arc::new(terms);
        }),
        job("b", "to/inner/", |job| {
            let schedule = Schedule::parse("5 1 * * *").expect("a schedule");
            job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
        }),
    ]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Error);
    stage.pass(secs(30));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    stage.trigger("a", 5);
    assert_eq!(
        (stage.run(1).state, stage.run(1).behind),
        (RunState::Waiting, Some(stage.run(0).id))
    );
    stage.until(at("01:05:00"));
    assert_eq!(stage.submits.len(), 2, "{}", stage.run(2).reason);
}

#[test]
fn what_a_run_waits_for_is_recorded_once_and_a_look_not_at_all() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.hold_looks = true;
    stage.until(at("01:00:00"));
    assert_eq!((stage.run(0).state, &stage.run(0).reason), (RunState::Waiting, &Reason::Due));
    assert_eq!(stage.rows.events.len(), 1);
    let mut stage = twins();
    stage.until(at("01:00:00"));
    let (told, second) = (stage.rows.events.len(), stage.run(1).reason.clone());
    assert_eq!(second.code(), Some(ReasonCode::WaitingIdentical), "{second}");
    // The request is found to be lost; what the other one waits for is the same.
    stage.restart();
    let of_second = |stage: &Stage| {
        let id = stage.rows.order[1];
        stage.rows.events[told..].iter().filter(|event| event.run == id).count()
    };
    assert_eq!((of_second(&stage), &stage.run(1).reason), (0, &second));
}

#[test]
fn an_agent_that_has_forgotten_its_list_does_not_keep_the_slots() {
    let agent = AgentSettings { max_active: 1, ..AgentSettings::default() };
    let jobs = set(vec![job("a", "a/", |_| {}), job("b", "b/", |_| {})]);
    let mut stage = Stage::with(Arc::new(JobSet { agent, ..JobSet::clone(&jobs) }));
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(30));
    assert_eq!(stage.submits.len(), 1, "one at a time");
    stage.listed.clear();
    stage.pass(secs(100));
    assert_eq!(stage.submits.len(), 1, "it may be listed again");
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 2);
    assert_eq!(stage.run(0).state, RunState::Running, "its job and its place are still taken");
}

#[test]
fn one_that_replaces_another_that_waits_takes_its_place_in_the_line() {
    let at_times = |name: &str, to: &str, schedule: &str| {
        job(name, to, |job| {
            let schedule = Schedule::parse(schedule).expect("a schedule");
            job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
            job.overlap = Overlap::Replace;
        })
    };
    let jobs = vec![
        at_times("often", "a/", "*/10 1 * * *"),
        at_times("first", "b/", "58 0 * * *"),
        at_times("other", "c/", "5 1 * * *"),
    ];
    let mut narrow = JobSet::clone(&set(jobs));
    narrow.agent.max_active = 1;
    let mut stage = Stage::with(Arc::new(narrow));
    stage.until(at("00:58:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:11:00"));
    stage.status(1, TransferStatus::Completed);
    stage.until(at("01:12:00"));
    let next = stage.submits[1].0.run;
    assert_eq!(stage.rows.runs[&next].job, JobName::new("often"));
}
