//! Digests: each end is in exactly one of them, whatever crashes, and only the schedule wakes the
//! daemon.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::stage::{Stage, at, job, secs, set};
use crate::alert::{Delivery, QueuedAlert, Reported};
use crate::cause::{Cause, FailedObjects, OurRow};
use crate::digest::{Digest, Gathered, Gathering, Outage, Reading};
use crate::ids::{AlertKey, JobName, RunId};
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::{AlertChannel, DigestEntry, Job, JobSet};
use crate::limits::OUTAGES_KEPT;
use crate::reason::{AttemptEnd, Reason, SkipReason};
use crate::record::Pause;
use crate::run::{Attempt, Run, RunState};
use crate::schedule::{Schedule, Timetable};
use crate::transfer::{AgentState, Progress, SubmitAnswer};

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

/// A stage whose digests are due at half past every second hour.
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

    /// The message that was handed out; delivers it.
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
    assert_eq!(alert.text, "transferd on station since 2026-03-02 00:30:00 +00:00: 2 failed");
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
    // The message was queued, and perhaps sent: it comes again, unchanged.
    let told = stage.deliveries.pop().map(|alert| alert.id);
    stage.restart();
    assert_eq!(stage.gathers, []);
    assert_eq!(stage.digest().0.id, told.expect("it was handed out"));
    // An answer to the previous engine, about events reported since, is not reported twice.
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
    // Two equal ones are told apart by their order, and others by their jobs.
    let both = vec![entry("@daily", &[]), entry("@weekly", &[]), entry("@daily", &["a"])];
    let both = with(jobs(), both);
    stage.input(Input::JobsReplaced(Arc::clone(&both)));
    assert_eq!(stage.gathers.len(), 2, "the first of them is asked for already");
    stage.input(Input::JobsReplaced(with(jobs(), Vec::new())));
    assert_eq!(stage.rows.reported.digests, []);
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
    assert_eq!(stage.rows.reported.outages, [], "it was told");
    assert!(alert.text.contains("; runs waited for the agent: 2026-03-02 01:00"), "{}", alert.text);
    // It is reported once.
    stage.pass(SignedDuration::from_hours(2));
    let asked = stage.asked();
    stage.gathered(asked, reading(30, 0));
    assert_eq!(stage.digest().1.outages, []);
}

#[test]
fn each_digest_tells_an_outage_once_and_one_that_lasts_as_such() {
    let both = vec![entry("30 */2 * * *", &[]), entry("0 12 * * *", &[])];
    let mut stage = Stage::with(with(vec![job("a", "to/", |_| {})], both));
    for asked in std::mem::take(&mut stage.gathers) {
        stage.gathered(asked, reading(10, 0));
    }
    let tell = |stage: &mut Stage, time: &str| {
        stage.until(at(time));
        let asked = stage.asked();
        stage.gathered(asked, reading(10, 0));
        stage.digest()
    };
    stage.agent = AgentState::Disposed;
    let (alert, digest) = tell(&mut stage, "02:30:00");
    assert_eq!(digest.outages, [Outage { since: at("01:00:00"), until: None }]);
    let told = "; runs waited for the agent: since 2026-03-02 01:00";
    assert!(alert.text.contains(told), "{}", alert.text);
    stage.agent = AgentState::Started;
    let (_, digest) = tell(&mut stage, "04:30:00");
    let [outage] = digest.outages.as_slice() else { panic!("{:?}", digest.outages) };
    assert!(outage.since == at("01:00:00") && outage.until.is_some(), "{outage:?}");
    for time in ["06:30:00", "08:30:00", "10:30:00"] {
        assert_eq!(tell(&mut stage, time).1.outages, []);
    }
    assert_eq!(stage.rows.reported.outages.len(), 1, "the other one has not told of it yet");
    assert_eq!(tell(&mut stage, "12:00:00").1.outages.len(), 1);
    assert_eq!(stage.rows.reported.outages, []);
}

#[test]
fn of_many_outages_the_newest_are_kept() {
    let stage = stage();
    let mut told = Reported::default();
    for second in (0..).take(OUTAGES_KEPT + 5) {
        told.agent_down = Some(at("00:00:00") + secs(second));
        stage.engine().keep_outage(&mut told);
    }
    assert_eq!(told.outages.len(), OUTAGES_KEPT);
    assert_eq!(told.outages[0].since, at("00:00:05"));
}

#[test]
fn a_job_that_is_paused_or_not_late_yet_is_not_called_late() {
    let max_age =
        |hours| move |job: &mut Job| job.max_age = Some(SignedDuration::from_hours(hours));
    let jobs =
        vec![job("a", "to/", max_age(1)), job("b", "b/", max_age(1)), job("c", "c/", max_age(9))];
    let mut stage = Stage::with(with(jobs, vec![entry("30 */2 * * *", &[])]));
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    let pause = Pause { at: stage.now, until: None, reason: None };
    let request = OperatorRequest::Pause { job: JobName::new("a"), pause };
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    stage.agent = AgentState::Disposed;
    stage.until(at("02:30:00"));
    let asked = stage.asked();
    stage.gathered(asked, reading(10, 0));
    let (_, digest) = stage.digest();
    let late: Vec<_> = digest.late.iter().map(|one| (one.job.as_str(), one.since)).collect();
    assert_eq!(late, [("b", at("01:30:00"))]);
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

/// Ended runs in the history.
struct Past {
    run: Run,
    attempt: Attempt,
    gathering: Gathering,
    ends: u128,
}

impl Past {
    fn new() -> Self {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        let attempt = stage.rows.attempts.values().next().expect("an attempt");
        let attempt = Attempt::clone(attempt);
        Self { run: stage.run(0).clone(), attempt, gathering: Gathering::new(&[]), ends: 0 }
    }

    /// Ends a run, with an attempt for each of these, with or without a cause from the agent.
    fn ends(&mut self, job: &str, state: RunState, reason: Reason, attempts: &[Option<&str>]) {
        self.ends += 1;
        let (id, job) = (RunId(Uuid::from_u128(self.ends)), JobName::new(job));
        let attempt = |words: &Option<&str>| {
            let row = words.map(|words| OurRow { message: words.to_owned(), certain: true });
            let cause = Cause::of(row.as_ref(), FailedObjects::default()).map(Arc::new);
            let progress = Progress {
                objects_transferred: 2,
                bytes_transferred: 512,
                cost_usd: Some(0.25),
                ..Progress::default()
            };
            Arc::new(Attempt { cause, progress, ..self.attempt.clone() })
        };
        let attempts: Vec<_> = attempts.iter().map(attempt).collect();
        let run = Run { id, job, state, reason, ..self.run.clone() };
        self.gathering.add(&run.job, state, Some((&run, &attempts)));
    }

    fn fails(&mut self, job: &str, attempts: &[Option<&str>]) {
        self.ends(job, RunState::Failed, AttemptEnd::AgentError.into(), attempts);
    }
}

#[test]
fn a_digest_tells_of_each_job_its_last_failure_and_what_has_not_recovered_first() {
    let mut past = Past::new();
    for _ in 0..3 {
        past.fails("mended", &[None]);
    }
    let completed = AttemptEnd::Completed { transferred: 2, skipped: 0 };
    past.ends("mended", RunState::Succeeded, completed.into(), &[None]);
    past.fails("often", &[Some("the disk is full")]);
    past.ends(
        "often",
        RunState::TimedOut,
        AttemptEnd::PastTimeout { limit: secs(60) }.into(),
        &[Some("connection reset"), Some("Access Denied"), None],
    );
    past.fails("once", &[]);
    // A run that was deleted since is counted, and nothing more is known of it.
    past.gathering.add(&JobName::new("gone"), RunState::Failed, None);
    let told = past.gathering.finish();
    assert_eq!((told.runs.failed, told.runs.timed_out, told.runs.succeeded), (6, 1, 1));
    assert_eq!((told.objects, told.bytes, told.cost_usd), (16, 4_096, Some(2.0)));
    let failures: Vec<_> = told
        .failures
        .iter()
        .map(|one| (one.job.as_str(), one.times, one.recovered, one.run.0.as_u128()))
        .collect();
    assert_eq!(failures, [("often", 2, false, 6), ("once", 1, false, 7), ("mended", 3, true, 3)]);
    let last = &told.failures[0];
    assert_eq!((last.state, last.cause.as_deref()), (RunState::TimedOut, Some("Access Denied")));
    let digest = Digest { gathered: told, ..Digest::empty(at("01:00:00")) };
    assert_eq!(
        digest.summary(&entry("@daily", &[]).timetable),
        "1 succeeded, 6 failed, 1 timed out; 16 objects, 4.0 KiB, $2.00; failed: often (2 times: \
         Access Denied), once (once: the agent reports an error of the transfer), mended (3 times, \
         recovered since: the agent reports an error of the transfer)"
    );
}

#[test]
fn a_digest_tells_what_did_not_run_by_job_and_reason_and_how_much_more_there_is() {
    let mut past = Past::new();
    let mut skipped = |job: &str, reason: SkipReason| {
        past.ends(job, RunState::Skipped, reason.into(), &[]);
    };
    skipped("a", SkipReason::CatchUpNone);
    for _ in 0..2 {
        skipped("b", SkipReason::Superseded);
    }
    skipped("b", SkipReason::CatchUpNone);
    for job in ["c", "d", "e", "f"] {
        skipped(job, SkipReason::CatchUpNone);
    }
    let told = past.gathering.finish();
    let not_run: Vec<_> = told.not_run.iter().map(|one| (one.job.as_str(), one.times)).collect();
    assert_eq!(not_run[..3], [("b", 2), ("a", 1), ("b", 1)]);
    assert_eq!((not_run.len(), told.not_run_more, told.runs.skipped), (7, 0, 8));
    assert_ne!(told.not_run[0].reason_code, told.not_run[2].reason_code);
    let digest = Digest { gathered: told, ..Digest::empty(at("01:00:00")) };
    let told = digest.summary(&entry("@daily", &[]).timetable);
    assert!(told.starts_with("8 skipped; did not run: b (2 times: "), "{told}");
    assert!(told.ends_with(" and 2 more") && !told.contains("e (once"), "{told}");
}

#[test]
fn a_digest_whose_channel_is_mended_goes_on_where_it_was_and_brings_what_waited() {
    let mended = |stage: &Stage, program: &str, jobs: &[&str]| {
        let channel = AlertChannel::Command(vec![program.to_owned()]);
        let entry = DigestEntry { channel, ..DigestEntry::clone(&entry("30 */2 * * *", jobs)) };
        with(stage.set.jobs.values().cloned().collect(), vec![Arc::new(entry)])
    };
    let mut stage = stage();
    let first = stage.asked();
    stage.gathered(first, reading(10, 0));
    stage.pass(SignedDuration::from_mins(120));
    let second = stage.asked();
    stage.gathered(second, reading(25, 2));
    let alert = stage.deliveries.pop().expect("a digest");
    let delivery = Delivery::Failed("no such program".to_owned());
    stage.input(Input::Delivered { alert: alert.id, delivery });
    stage.set = mended(&stage, "mended", &[]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    assert_eq!(stage.digest().0.id, alert.id);
    assert_eq!(stage.gathers, [], "it does not begin anew");
    // The same while the daemon is down.
    stage.set = mended(&stage, "mended again", &[]);
    stage.restart();
    assert_eq!(stage.gathers, []);
    stage.pass(SignedDuration::from_mins(120));
    let third = stage.asked();
    assert_eq!(third.1, Some(25));
    stage.gathered(third, reading(30, 1));
    stage.digest();
    // One of other jobs is another digest.
    stage.set = mended(&stage, "mended", &["a"]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    assert_eq!(stage.asked().1, None);
}
