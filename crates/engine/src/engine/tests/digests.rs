//! Digests: each end is told of in one of them, whatever dies, and nothing wakes but the schedule.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::stage::{Stage, at, job, secs, set};
use crate::alert::{Delivery, QueuedAlert};
use crate::digest::{Digest, Gathered, Gathering, Reading};
use crate::ids::AlertKey;
use crate::input::Input;
use crate::job::{AlertChannel, DigestEntry, Job, JobSet};
use crate::run::RunState;
use crate::schedule::{Schedule, Timetable};
use crate::transfer::AgentState;

fn entry(schedule: &str, jobs: &[&str]) -> Arc<DigestEntry> {
    let schedule = Schedule::parse(schedule).expect("a schedule");
    Arc::new(DigestEntry {
        timetable: Timetable::new(vec![schedule], "UTC", TimeZone::UTC),
        jobs: jobs.iter().map(|job| (*job).to_owned()).collect(),
        channel: AlertChannel::Command(vec!["tell".to_owned()]),
    })
}

fn with(jobs: Vec<Arc<Job>>, digests: Vec<Arc<DigestEntry>>) -> Arc<JobSet> {
    Arc::new(JobSet { digests, ..JobSet::clone(&set(jobs)) })
}

/// A stage whose digests come at half past each second hour.
fn stage() -> Stage {
    Stage::with(with(vec![job("a", "to/", |_| {})], vec![entry("30 */2 * * *", &[])]))
}

fn reading(last: u64, failed: u64) -> Reading {
    let mut gathered = Gathered::default();
    gathered.runs.failed = failed;
    Reading { last, gathered }
}

impl Stage {
    fn asked(&mut self) -> (AlertKey, Option<u64>) {
        let asked = std::mem::take(&mut self.gathers);
        let [asked] = asked.as_slice() else { panic!("{asked:?}") };
        *asked
    }

    fn gathered(&mut self, (digest, after): (AlertKey, Option<u64>), reading: Reading) {
        self.input(Input::DigestGathered { digest, after, answer: Ok(reading) });
    }

    /// The message that was handed out, which is delivered.
    fn digest(&mut self) -> (Arc<QueuedAlert>, Digest) {
        let alert = self.deliveries.pop().expect("a digest is handed out");
        assert_eq!(self.deliveries, [], "and one alone");
        self.input(Input::Delivered { alert: alert.id, delivery: Delivery::Delivered });
        let digest = alert.digest.as_deref().cloned().expect("it holds a digest");
        (alert, digest)
    }
}

#[test]
fn the_first_digest_covers_what_came_since_it_was_asked_for_and_the_next_what_came_since() {
    let mut stage = stage();
    let first = stage.asked();
    assert_eq!(first.1, None, "where the history stands is asked first");
    stage.gathered(first, reading(10, 3));
    assert_eq!(stage.deliveries, [], "what was before is nobody's news");
    stage.pass(SignedDuration::from_mins(119));
    assert_eq!(stage.gathers, []);
    stage.pass(secs(60));
    let second = stage.asked();
    assert_eq!(second, (first.0, Some(10)));
    stage.gathered(second, reading(25, 2));
    let (alert, digest) = stage.digest();
    assert_eq!((digest.since, digest.until), (at("00:30:00"), at("02:30:00")));
    assert_eq!(alert.text, "transferd on station since 2026-03-02 00:30:00+00:00: 2 failed");
    stage.pass(SignedDuration::from_mins(120));
    let third = stage.asked();
    assert_eq!(third.1, Some(25));
    stage.gathered(third, reading(25, 0));
    assert_eq!(stage.digest().0.reason, "no run has ended");
}

#[test]
fn several_times_that_nobody_looked_are_one_digest_that_covers_all_of_it() {
    let mut stage = stage();
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    stage.now += SignedDuration::from_hours(9);
    stage.restart();
    let asked = stage.asked();
    assert_eq!(asked.1, Some(10));
    stage.gathered(asked, reading(40, 7));
    let (_, digest) = stage.digest();
    assert_eq!((digest.since, digest.until), (at("00:30:00"), at("09:30:00")));
    stage.restart();
    assert_eq!(stage.gathers, [], "it was told, and the next is due at its time");
}

#[test]
fn a_crash_before_it_is_recorded_has_the_history_read_anew_and_one_behind_it_does_not() {
    let mut stage = stage();
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    stage.pass(SignedDuration::from_mins(120));
    let asked = stage.asked();
    stage.restart();
    assert_eq!(stage.asked(), asked, "its answer was lost");
    stage.gathered(asked, reading(12, 1));
    assert_eq!(stage.deliveries.len(), 1);
    // The message was queued, and perhaps sent: it comes again, as it was.
    let told = stage.deliveries.pop().map(|alert| alert.id);
    stage.restart();
    assert_eq!(stage.gathers, []);
    assert_eq!(stage.digest().0.id, told.expect("it was handed out"));
    // An answer to the engine before, for what was told since, is not told twice.
    stage.gathered(asked, reading(12, 1));
    assert_eq!(stage.deliveries, []);
}

#[test]
fn a_history_that_cannot_be_read_puts_the_digest_off() {
    let mut stage = stage();
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    stage.pass(SignedDuration::from_mins(120));
    let (digest, after) = stage.asked();
    let answer = Err("the disk is gone".to_owned());
    stage.input(Input::DigestGathered { digest, after, answer });
    assert!(stage.warnings.iter().any(|line| line.contains("the disk is gone")));
    stage.pass(secs(59));
    assert_eq!(stage.gathers, []);
    stage.pass(secs(2));
    assert_eq!(stage.asked(), (digest, after));
}

#[test]
fn a_digest_that_comes_at_other_times_goes_on_where_it_was_and_one_that_is_gone_is_forgotten() {
    let jobs = || vec![job("a", "to/", |_| {})];
    let mut stage = stage();
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    let other = with(jobs(), vec![entry("45 * * * *", &[])]);
    stage.set = Arc::clone(&other);
    stage.input(Input::JobsReplaced(other));
    assert_eq!(stage.gathers, []);
    stage.pass(SignedDuration::from_mins(15));
    assert_eq!(stage.asked(), (first.0, Some(10)));
    // Two alike are told apart by their order, and others by their jobs.
    let both = vec![entry("@daily", &[]), entry("@weekly", &[]), entry("@daily", &["a"])];
    let both = with(jobs(), both);
    stage.input(Input::JobsReplaced(Arc::clone(&both)));
    assert_eq!(stage.gathers.len(), 2, "the first of them is asked for already");
    stage.input(Input::JobsReplaced(with(jobs(), Vec::new())));
    assert_eq!(stage.rows.told.digests, []);
    let digest_time: Option<Timestamp> = stage.engine().next_digest();
    assert_eq!(digest_time, None);
}

#[test]
fn a_clock_that_was_set_back_does_not_silence_it() {
    let mut stage = stage();
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    stage.step_clock(SignedDuration::from_hours(24 * 400));
    let far = stage.asked();
    stage.gathered(far, reading(20, 1));
    stage.digest();
    stage.step_clock(SignedDuration::from_hours(-24 * 400));
    assert_eq!(stage.gathers, []);
    stage.pass(SignedDuration::from_hours(2));
    assert_eq!(stage.asked().1, Some(20));
}

#[test]
fn it_says_what_is_late_and_when_runs_waited_for_the_agent() {
    let late = |job: &mut Job| job.max_age = Some(SignedDuration::from_mins(30));
    let jobs = vec![job("a", "to/", late), job("b", "else/", late)];
    let mut stage = Stage::with(with(jobs, vec![entry("30 */2 * * *", &["a"])]));
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    stage.agent = AgentState::Disposed;
    stage.pass(SignedDuration::from_mins(60));
    stage.agent = AgentState::Started;
    stage.pass(SignedDuration::from_mins(5));
    stage.pass(SignedDuration::from_mins(55));
    let asked = stage.asked();
    stage.gathered(asked, reading(30, 0));
    let (alert, digest) = stage.digest();
    let late: Vec<_> = digest.late.iter().map(|one| one.job.as_str()).collect();
    assert_eq!(late, ["a"], "`b` is not its business");
    let [outage] = digest.outages.as_slice() else { panic!("{:?}", digest.outages) };
    assert_eq!(outage.since, at("01:00:00"));
    assert!(outage.until.is_some_and(|until| until < at("01:40:00")), "{outage:?}");
    assert!(alert.text.contains("; late: a (since "), "{}", alert.text);
    assert!(alert.text.contains("; runs waited for the agent: 2026-03-02 01:00"), "{}", alert.text);
    // It is told once.
    stage.pass(SignedDuration::from_hours(2));
    let asked = stage.asked();
    stage.gathered(asked, reading(30, 0));
    assert_eq!(stage.digest().1.outages, []);
}

#[test]
fn what_the_history_says_is_counted_by_job_and_bounded() {
    let mut gathering = Gathering::new(&["j*".to_owned()]);
    let name = |n: usize| crate::ids::JobName::new(&format!("j{n:03}"));
    for n in 0..200 {
        gathering.add(&name(n), RunState::Succeeded, None);
    }
    for _ in 0..3 {
        gathering.add(&name(150), RunState::TimedOut, None);
    }
    gathering.add(&name(7), RunState::Running, None);
    let told = gathering.finish();
    assert_eq!((told.runs.succeeded, told.runs.timed_out), (200, 3));
    assert_eq!((told.jobs.len(), told.jobs_more), (50, 150));
    assert_eq!(told.jobs[0].job, name(150), "what failed comes first");
    let state =
        |state| crate::event::Happening::State { state, reason: crate::reason::Reason::Due };
    let gathering = Gathering::new(&["j*".to_owned()]);
    assert_eq!(gathering.end(&name(1), &state(RunState::Failed)), Some(RunState::Failed));
    assert_eq!(gathering.end(&name(1), &state(RunState::Waiting)), None);
    let other = crate::ids::JobName::new("other");
    assert_eq!(gathering.end(&other, &state(RunState::Failed)), None);
}
