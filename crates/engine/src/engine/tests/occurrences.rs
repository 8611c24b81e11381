//! Each occurrence runs once, whatever the clock does, and no occurrence that the clock reaches is
//! passed over in silence.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::reload::scheduled;
use super::stage::{Stage, at, job, secs, set};
use crate::ids::JobName;
use crate::input::{Answer, Input, OperatorRequest, ReplyTo};
use crate::job::{CatchUp, Job, JobSet, Terms};
use crate::reason::ReasonCode;
use crate::record::Pause;
use crate::run::{Phase, Run, RunState, Trigger};
use crate::transfer::{LookFailure, SubmitAnswer, TransferStatus};

fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

/// The occurrences that were carried out, oldest run first.
fn carried_out(stage: &Stage) -> Vec<Timestamp> {
    let runs = stage.rows.order.iter().map(|id| &stage.rows.runs[id]);
    runs.filter(|run| run.state != RunState::Skipped).filter_map(|run| run.scheduled_for).collect()
}

/// The occurrences that were recorded as skipped.
fn skipped(stage: &Stage) -> Vec<Timestamp> {
    let runs = stage.rows.order.iter().map(|id| &stage.rows.runs[id]);
    runs.filter(|run| run.state == RunState::Skipped).filter_map(|run| run.scheduled_for).collect()
}

/// Lets time pass to `to`; each requested transfer completes at once.
fn work(stage: &mut Stage, to: Timestamp) {
    loop {
        let asked = stage.submits.last().map(|(attempt, _)| *attempt);
        if asked.is_some_and(|asked| stage.rows.attempts[&asked].phase == Phase::Intent) {
            stage.answer(SubmitAnswer::Accepted);
            stage.list(stage.submits.len() as u128, TransferStatus::Completed);
            stage.pass(secs(6));
            stage.listed.clear();
        } else if stage.now < to {
            let next = stage.engine().next_wakeup().unwrap_or(to).clamp(stage.now, to);
            stage.until(next);
        } else {
            return;
        }
    }
}

#[test]
fn a_clock_that_was_ahead_silences_no_job_and_repeats_no_occurrence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    work(&mut stage, at("01:10:00"));
    stage.step_clock(hours(10));
    work(&mut stage, at("12:05:00"));
    assert_eq!(carried_out(&stage), [at("01:00:00"), at("12:00:00")]);
    stage.step_clock(-hours(10));
    work(&mut stage, at("03:30:00"));
    assert_eq!(carried_out(&stage)[2..], [at("03:00:00")], "02:00 was an hour before the clock");
    work(&mut stage, at("13:30:00"));
    let due = carried_out(&stage);
    assert_eq!(due.iter().filter(|due| **due == at("12:00:00")).count(), 1, "{due:?}");
    assert_eq!(due.last(), Some(&at("13:00:00")));
    assert_eq!(skipped(&stage), [], "nothing was missed");
}

#[test]
fn a_daemon_that_started_by_a_wrong_clock_is_put_right_by_a_restart() {
    for start in [10, 200 * 24] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        work(&mut stage, at("01:10:00"));
        stage.now += hours(start);
        stage.restart();
        let until = stage.now + secs(120);
        work(&mut stage, until);
        stage.now -= hours(start);
        stage.restart();
        work(&mut stage, at("04:30:00"));
        let now = carried_out(&stage);
        let now: Vec<_> = now.into_iter().filter(|due| *due < at("04:30:00")).collect();
        assert_eq!(now, ["01:00:00", "02:00:00", "03:00:00", "04:00:00"].map(at), "{start}");
    }
}

#[test]
fn a_clock_that_is_behind_at_a_start_and_then_right_runs_no_occurrence_twice() {
    for restarted in [true, false] {
        let mut stage = Stage::new(vec![scheduled("a", "0 1 * * *")]);
        work(&mut stage, at("01:10:00"));
        stage.now -= hours(3 * 365 * 24);
        stage.restart();
        let until = stage.now + secs(30);
        work(&mut stage, until);
        if restarted {
            stage.now += hours(3 * 365 * 24);
            stage.restart();
        } else {
            stage.step_clock(hours(3 * 365 * 24));
        }
        work(&mut stage, at("04:00:00"));
        assert_eq!(carried_out(&stage), [at("01:00:00")], "restarted: {restarted}");
        assert_eq!(skipped(&stage), [], "restarted: {restarted}");
    }
}

#[test]
fn a_new_job_that_a_wrong_clock_saw_first_has_no_past() {
    let mut stage = Stage::new(vec![scheduled("a", "*/10 * * * * *")]);
    stage.now -= hours(3 * 365 * 24);
    stage.rows.job_rows.clear();
    stage.restart();
    stage.step_clock(hours(3 * 365 * 24));
    assert_eq!(skipped(&stage), []);
    assert_eq!(carried_out(&stage), []);
    assert_eq!(stage.rows.job_rows.values().next().expect("a row").first_seen, stage.now);
}

#[test]
fn a_step_forward_runs_the_latest_that_it_passes_over_and_a_leap_none() {
    for (step, runs) in [(2, vec![at("03:00:00")]), (8, vec![])] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("00:59:00"));
        stage.step_clock(hours(step) + secs(180));
        assert_eq!(skipped(&stage), []);
        assert_eq!(carried_out(&stage), runs, "{step}");
        assert!(stage.rows.runs.values().all(|run| run.trigger == Trigger::Schedule));
    }
}

#[test]
fn a_clock_that_is_set_back_again_and_again_repeats_nothing() {
    let mut stage = Stage::new(vec![scheduled("a", "*/10 * * * *")]);
    for _ in 0..40 {
        let until = stage.now + secs(1_800);
        work(&mut stage, until);
        stage.step_clock(-secs(1_500));
    }
    let mut due = carried_out(&stage);
    let runs = due.len();
    due.sort();
    due.dedup();
    assert_eq!(due.len(), runs, "none twice");
    assert_eq!(runs, 22, "each that the clock came to: 40 times 5 minutes, and 25 more");
}

#[test]
fn occurrences_that_were_listed_as_missed_run_when_a_clock_comes_to_them_after_all() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.now = at("05:30:00");
    stage.restart();
    work(&mut stage, at("05:40:00"));
    assert_eq!(carried_out(&stage), [at("05:00:00")]);
    assert_eq!(skipped(&stage).len(), 4);
    stage.step_clock(-hours(3));
    work(&mut stage, at("06:10:00"));
    let due = carried_out(&stage);
    assert_eq!(due[1..], ["03:00:00", "04:00:00", "06:00:00"].map(at), "{due:?}");
}

#[test]
fn the_catch_up_window_bounds_what_is_caught_up() {
    let window = SignedDuration::from_mins(90);
    for (catch_up, runs) in [(CatchUp::Once, 1), (CatchUp::All, 2), (CatchUp::None, 0)] {
        let mut stage = Stage::new(vec![job("a", "to/", |job| {
            (job.catch_up, job.catch_up_window) = (catch_up, window);
        })]);
        stage.now = at("05:10:00");
        stage.restart();
        assert_eq!(carried_out(&stage).len(), runs, "{catch_up:?}");
        let too_old = |run: &&Arc<Run>| run.reason.code() == Some(ReasonCode::CatchUpWindow);
        let old = stage.rows.runs.values().filter(too_old);
        assert!(old.clone().all(|run| run.scheduled_for <= Some(at("03:00:00"))));
        assert_eq!(old.count(), 3, "{catch_up:?}");
    }
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.catch_up_window = secs(0))]);
    stage.now = at("05:10:00");
    stage.restart();
    assert_eq!(carried_out(&stage), [], "none is young enough");
}

#[test]
fn what_a_short_outage_has_missed_is_caught_up_like_any_other() {
    for (catch_up, ran) in [
        (CatchUp::Once, &["00:00:50"][..]),
        (CatchUp::All, &["00:00:20", "00:00:30", "00:00:40", "00:00:50"]),
        (CatchUp::None, &["00:00:50"]),
    ] {
        let mut often = Job::clone(&scheduled("a", "*/10 * * * * *"));
        often.catch_up = catch_up;
        let mut stage = Stage::new(vec![Arc::new(often)]);
        stage.now = at("00:00:15");
        stage.restart();
        let before = carried_out(&stage).len();
        // Away for 35 s, and back a moment after the latest one.
        stage.now = at("00:00:50");
        stage.restart();
        let ran: Vec<Timestamp> = ran.iter().map(|ran| at(ran)).collect();
        assert_eq!(carried_out(&stage)[before..], ran, "{catch_up:?}");
        let overlap =
            stage.rows.runs.values().filter(|run| run.reason.code() == Some(ReasonCode::Overlap));
        assert_eq!(overlap.count(), 0, "{catch_up:?}");
    }
}

fn ask(stage: &mut Stage, request: OperatorRequest) {
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
}

#[test]
fn a_paused_job_wakes_nothing_and_leaves_one_record() {
    for until in [None, Some(at("04:30:00"))] {
        let mut stage = Stage::new(vec![scheduled("a", "* * * * * *")]);
        let job = stage.set.jobs.keys().next().expect("a job").clone();
        let pause = Pause { at: stage.now, until, reason: Some("moving".to_owned()) };
        ask(&mut stage, OperatorRequest::Pause { job: job.clone(), pause });
        assert_eq!(stage.engine().next_wakeup(), until, "quiet until its end");
        stage.restart();
        assert_eq!(stage.engine().next_wakeup(), until, "after a restart, too");
        let noon = at("00:30:10");
        stage.until(noon);
        assert_eq!(stage.rows.order.len(), 0);
        match until {
            None => ask(&mut stage, OperatorRequest::Resume(job.clone())),
            Some(until) => stage.until(until),
        }
        let job_row = &stage.rows.job_rows[&job];
        assert_eq!(job_row.pause, None);
        let past = job_row.pauses.last().expect("a record of the pause");
        assert_eq!((past.since, past.until), (at("00:30:00"), until.unwrap_or(noon)));
        assert_eq!(past.reason.as_deref(), Some("moving"));
        let count = if until.is_some() { 10_000 } else { 9 };
        assert_eq!(past.occurrences, count);
        assert_eq!(skipped(&stage), []);
        let first = until.unwrap_or(noon);
        stage.until(first + secs(1));
        assert_eq!(carried_out(&stage).first(), Some(&first), "the end is no part of the pause");
    }
}

#[test]
fn the_last_run_of_a_job_is_never_a_skip() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    work(&mut stage, at("01:10:00"));
    let (name, job_row) = stage.rows.job_rows.iter().next().expect("a row");
    let (name, first) = (name.clone(), stage.rows.order[0]);
    assert_eq!((job_row.last_run, job_row.last_success_run), (Some(first), Some(first)));
    stage.until(at("02:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(9, TransferStatus::Running);
    stage.until(at("02:29:00"));
    stage.set = super::stage::set(vec![scheduled("a", "*/10 * * * *")]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    stage.until(at("02:30:00"));
    assert_eq!(skipped(&stage), [at("02:30:00")]);
    assert_eq!(stage.rows.job_rows[&name].last_run, Some(first));
    // Nor is it one that could not start in time.
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let start_within = Some(SignedDuration::from_mins(2));
        job.terms = Arc::new(Terms { start_within, ..Terms::default() });
    })]);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("01:30:00"));
    assert_eq!(stage.run(0).state, RunState::Skipped);
    assert_eq!(stage.rows.job_rows[&name].last_run, None);
}

#[test]
fn a_pause_of_all_leaves_single_pauses_and_survives_restarts() {
    let jobs = ["a", "b"].map(|name| {
        job(name, &format!("to/{name}"), |job| {
            job.timetable = scheduled(name, "*/10 * * * *").timetable.clone()
        })
    });
    let mut stage = Stage::new(jobs.to_vec());
    let names: Vec<_> = stage.set.jobs.keys().cloned().collect();
    let pause = |at: Timestamp| Pause { at, until: None, reason: Some("maintenance".to_owned()) };
    let single = OperatorRequest::Pause { job: names[1].clone(), pause: pause(stage.now) };
    ask(&mut stage, single);
    let all = OperatorRequest::PauseAll(pause(stage.now));
    ask(&mut stage, all);
    assert_eq!(stage.engine().next_wakeup(), None, "nothing wakes");
    stage.restart();
    stage.until(at("01:05:00"));
    assert_eq!((stage.rows.order.len(), stage.engine().next_wakeup()), (0, None));
    let view = stage.engine().job_view(&names[0], stage.now).expect("a view");
    assert_eq!(view.pause.and_then(|pause| pause.reason).as_deref(), Some("maintenance"));
    ask(&mut stage, OperatorRequest::Resume(names[0].clone()));
    assert!(matches!(stage.replies.last(), Some(Answer::No(_))), "it is not paused by itself");
    ask(&mut stage, OperatorRequest::ResumeAll);
    assert_eq!(stage.engine().next_wakeup(), Some(at("01:10:00")));
    stage.until(at("01:10:00"));
    let due: Vec<_> = stage.rows.runs.values().map(|run| (&run.job, run.scheduled_for)).collect();
    assert_eq!(due, [(&names[0], Some(at("01:10:00")))], "the other is paused still");
    assert_eq!(stage.rows.pause_of_all.past.len(), 1);
    ask(&mut stage, OperatorRequest::ResumeAll);
    assert!(matches!(stage.replies.last(), Some(Answer::No(_))));
}

#[test]
fn a_pause_of_all_ends_by_itself_and_its_occurrences_are_not_made_up_for() {
    let mut stage = Stage::new(vec![scheduled("a", "* * * * * *")]);
    let until = Some(at("04:30:00"));
    let pause = Pause { at: stage.now, until, reason: None };
    ask(&mut stage, OperatorRequest::PauseAll(pause));
    assert_eq!(stage.engine().next_wakeup(), until);
    stage.until(at("04:30:00"));
    assert_eq!(carried_out(&stage), [at("04:30:00")]);
    assert_eq!(skipped(&stage), []);
    assert_eq!(stage.rows.pause_of_all.pause, None);
}

#[test]
fn a_pause_outlasts_a_clock_that_is_set_back_and_no_longer() {
    for (all, restarts) in [(false, false), (false, true), (true, false), (true, true)] {
        let ten_minutes = scheduled("a", "*/10 * * * *");
        let mut stage = Stage::new(vec![ten_minutes]);
        let job = stage.set.jobs.keys().next().expect("a job").clone();
        work(&mut stage, at("00:45:00"));
        stage.step_clock(hours(5));
        work(&mut stage, at("05:55:00"));
        let before = stage.rows.order.len();
        let pause = Pause { at: stage.now, until: None, reason: None };
        let (pause, resume) = if all {
            (OperatorRequest::PauseAll(pause), OperatorRequest::ResumeAll)
        } else {
            (OperatorRequest::Pause { job: job.clone(), pause }, OperatorRequest::Resume(job))
        };
        ask(&mut stage, pause);
        // By a clock that was ahead, as it turns out.
        if restarts {
            stage.now -= hours(4);
            stage.restart();
        } else {
            stage.step_clock(-hours(4));
        }
        stage.until(at("02:15:00"));
        ask(&mut stage, resume);
        stage.until(at("02:19:00"));
        let made_up = stage.rows.order.len() - before;
        assert_eq!(made_up, 0, "{all} {restarts}: nothing of the pause is made up for");
        assert_eq!(stage.engine().next_wakeup(), Some(at("02:20:00")), "{all} {restarts}");
    }
}

#[test]
fn resuming_a_job_that_stays_quiet_says_why() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.enabled = false)]);
    stage.until(at("03:10:00"));
    let name = stage.set.jobs.keys().next().expect("a job").clone();
    let pause = Pause { at: stage.now, until: None, reason: None };
    ask(&mut stage, OperatorRequest::Pause { job: name.clone(), pause });
    ask(&mut stage, OperatorRequest::Resume(name));
    assert_eq!(stage.rows.order, [], "it is disabled: no occurrence is dealt with");
    let words = "no longer paused; still disabled in the job file".to_owned();
    assert_eq!(stage.replies.last(), Some(&Answer::DoneBut(words)));
}

#[test]
fn a_run_that_a_wrong_clock_has_put_off_is_not_waited_for() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.now += hours(240);
    stage.restart();
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Error);
    stage.pass(secs(10));
    let last = stage.rows.order.len() - 1;
    assert_eq!(stage.run(last).state, RunState::BackingOff);
    stage.now -= hours(240);
    stage.restart();
    stage.pass(secs(1_200));
    assert_eq!(stage.submits.len(), 2, "{}", stage.run(last).reason);
}

#[test]
fn what_has_run_is_not_made_up_for_after_a_sleep_by_a_clock_that_was_set_back() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.catch_up = CatchUp::All)]);
    work(&mut stage, at("03:10:00"));
    stage.step_clock(-secs(5_400));
    stage.now = at("04:05:00");
    stage.input(Input::TimeReached);
    assert_eq!(carried_out(&stage), ["01:00:00", "02:00:00", "03:00:00", "04:00:00"].map(at));
    assert_eq!(skipped(&stage), []);
}

#[test]
fn what_comes_due_a_moment_after_another_makes_that_one_missed_only_after_a_second() {
    for (now, missed) in [(at("00:30:02"), false), (at("00:30:02.001"), true)] {
        let mut stage = Stage::new(vec![scheduled("a", "1,2 30 0 * * *")]);
        let mut set = JobSet::clone(&stage.set);
        let mut job = Job::clone(&set.jobs[&JobName::new("a")]);
        job.catch_up = CatchUp::None;
        set.jobs.insert(job.name.clone(), Arc::new(job));
        stage.input(Input::JobsReplaced(Arc::new(set)));
        stage.now = now;
        stage.input(Input::TimeReached);
        assert_eq!(stage.run(0).state == RunState::Skipped, missed, "{now}");
        assert_eq!(stage.run(1).state == RunState::Skipped, !missed, "{now}: it overlaps");
    }
}

#[test]
fn a_job_that_is_enabled_again_makes_up_for_nothing() {
    let enabled = |is: bool| job("a", "to/", |job| job.enabled = is);
    let mut stage = Stage::new(vec![enabled(true)]);
    for (time, is) in [("00:45:00", false), ("02:30:00", true)] {
        stage.until(at(time));
        stage.input(Input::JobsReplaced(set(vec![enabled(is)])));
        let job_row = &stage.rows.job_rows[&JobName::new("a")];
        assert_eq!((job_row.scheduled, job_row.scheduled_since), (is, Some(at(time))));
    }
    stage.until(at("03:00:00"));
    let due: Vec<_> = stage.rows.runs.values().map(|run| run.scheduled_for).collect();
    assert_eq!(due, [Some(at("03:00:00"))]);
}
