//! What people see, at two widths: each kind of state, long and wide names, and many jobs.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::table::Screen;
use super::words::Times;
use super::{fit, run, status};
use crate::control::document::{
    AgentDocument, AlertsDocument, AttemptDocument, Bytes, ConfigDocument, DaemonDocument,
    EventDocument, JobDetail, JobDocument, Objects, RunDocument, Schedule, ShowDocument,
    StatusDocument, TokenDocument,
};
use crate::core::ids::{JobName, RunId, TransferId};
use crate::core::record::Pause;
use crate::core::run::{RunState, Trigger};
use crate::core::transfer::AgentState;

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn times(absolute: bool) -> Times {
    Times { now: now(), zone: TimeZone::get("Europe/Berlin").unwrap(), absolute }
}

fn screen(width: u16) -> Screen {
    Screen { width: Some(width), color: false }
}

fn id(number: u128) -> RunId {
    RunId(Uuid::from_u128(number << 96 | number))
}

fn a_run(number: u128, job: &str, state: RunState, created: i64, reason: &str) -> RunDocument {
    RunDocument {
        id: id(number),
        job: JobName::new(job),
        trigger: Trigger::Schedule,
        scheduled_for: Some(ago(created)),
        state,
        reason: reason.to_owned(),
        created_at: ago(created),
        ended_at: state.is_over().then(|| ago(created / 2)),
        attempts: Vec::new(),
    }
}

fn an_attempt(number: u32, state: RunState, submitted: i64, reason: &str) -> AttemptDocument {
    AttemptDocument {
        number,
        submitted_at: ago(submitted),
        transfer_id: Some(TransferId(Uuid::from_u128(0xabcd << 96))),
        state,
        reason: reason.to_owned(),
        ended_at: state.is_over().then(|| ago(submitted / 2)),
        objects: Objects { total: 1_200, transferred: 552, failed: 3, skipped: 0 },
        bytes: Bytes { total: 90 << 30, transferred: 41 << 30 },
    }
}

fn a_job(name: &str) -> JobDocument {
    JobDocument {
        name: JobName::new(name),
        enabled: true,
        paused: false,
        schedule: Some(Schedule::One("30 2 * * *".to_owned())),
        next_run: Some(ago(-13 * 3_600)),
        active_run: None,
        last_run: None,
        detail: Some(JobDetail::default()),
    }
}

/// A job whose run is not over.
fn active(number: u128, name: &str, state: RunState, reason: &str) -> JobDocument {
    let active = a_run(number, name, state, 754, reason);
    JobDocument { active_run: Some(active), ..a_job(name) }
}

fn detail(job: &mut JobDocument) -> &mut JobDetail {
    job.detail.as_mut().unwrap()
}

fn running(number: u128, name: &str) -> JobDocument {
    let mut job = active(number, name, RunState::Running, "attempt 1 is transfer X");
    let attempt = an_attempt(1, RunState::Running, 750, "attempt 1 is transfer X");
    job.active_run.as_mut().unwrap().attempts.push(attempt);
    (detail(&mut job).speed, detail(&mut job).moved_at) = (212.0 * 1_048_576.0, Some(ago(2)));
    job
}

/// A job for each thing that can be the matter with one.
fn jobs() -> Vec<JobDocument> {
    let blocker = id(9);
    let waiting = [
        ("slot", "for a slot (`max_active` is 8)".to_owned()),
        ("agent", "for the agent: the agent can't be used: it refuses connections".to_owned()),
        ("token", "for a good token: the agent says 499 TOKEN".to_owned()),
        (
            "place",
            format!("for its destination, which run {blocker} of `big` writes to or waits for"),
        ),
        ("behind", format!("for run {blocker} of `big` to end")),
    ];
    let mut jobs: Vec<_> = waiting
        .iter()
        .map(|(name, reason)| active(1, &format!("waits-{name}"), RunState::Waiting, reason))
        .collect();
    jobs.push(running(2, "big"));
    let mut still = running(3, "stands-still");
    detail(&mut still).moved_at = Some(ago(1_500));
    detail(&mut still).behind = 1;
    jobs.push(still);
    let backing_off = "the agent reports an error of the transfer; attempt 2 of 3 at \
                       2026-03-02T12:00:41Z";
    jobs.push(active(4, "tried-again", RunState::BackingOff, backing_off));
    jobs.push(active(5, "queued", RunState::Queued, "accepted; not listed by the agent yet"));
    jobs.push(active(6, "canceling", RunState::Canceling, "past its `timeout` (4h)"));
    let mut paused = a_job("paused");
    (paused.paused, paused.next_run) = (true, None);
    let until = Some(ago(-600_000));
    let reason = Some("moving to the new building\x1b[31m;\nask Ines first".to_owned());
    detail(&mut paused).pause = Some(Pause { at: ago(90_000), until, reason });
    jobs.push(paused);
    jobs.push(JobDocument { enabled: false, next_run: None, ..a_job("disabled") });
    let mut late = a_job("late-one");
    detail(&mut late).late_since = Some(ago(7_200));
    late.last_run = Some(a_run(7, "late-one", RunState::Succeeded, 400_000, "completed"));
    jobs.push(late);
    let failed = "completed in part: 1075 of 6694 objects failed, the first of them with \
                  NO_SPACE_LEFT_ON_DEVICE (attempt 3 of 3)";
    let ends = [
        ("failed", RunState::Failed, failed),
        ("timed-out", RunState::TimedOut, "past its `timeout` (4h)"),
        ("canceled", RunState::Canceled, "canceled by an operator"),
        ("skipped", RunState::Skipped, "missed, and `catch_up` is none"),
        ("all-is-well", RunState::Succeeded, "completed: 6694 objects"),
    ];
    for (name, state, reason) in ends {
        jobs.push(JobDocument {
            last_run: Some(a_run(8, name, state, 34_000, reason)),
            ..a_job(name)
        });
    }
    jobs.push(JobDocument { schedule: None, next_run: None, ..a_job("by-hand") });
    jobs.push(a_job("never-run"));
    jobs.push(running(10, "日本語のフォルダーを夜に写す仕事"));
    jobs.push(a_job("a-very-long-name-that-somebody-in-post-production-has-thought-of"));
    jobs.sort_by(|a, b| a.name.cmp(&b.name));
    jobs
}

fn a_status(jobs: Vec<JobDocument>) -> StatusDocument {
    StatusDocument {
        daemon: DaemonDocument { version: "1.2.3".to_owned(), pid: 4_711, started_at: ago(90_000) },
        config: ConfigDocument {
            path: "/etc/transferd/jobs.yaml".to_owned(),
            valid: true,
            error: None,
            loaded_at: Some(ago(3_700)),
        },
        agent: AgentDocument {
            url: "http://localhost:29123".to_owned(),
            reachable: Some(true),
            state: AgentState::Started,
            token: TokenDocument { valid: Some(true), expires_at: Some(ago(-3_000_000)) },
            asked_at: Some(ago(3)),
        },
        alerts: AlertsDocument::default(),
        jobs,
        problems: Vec::new(),
    }
}

/// Everything is wrong that can be.
fn a_bad_status() -> StatusDocument {
    let mut status = a_status(vec![a_job("nightly")]);
    status.config.valid = false;
    status.agent.reachable = Some(false);
    status.agent.token = TokenDocument { valid: Some(false), expires_at: Some(ago(60)) };
    status.problems = vec![
        "nothing can be recorded since 2026-03-02T11:40:00Z: the database \
         `/var/lib/transferd/transferd.db` can't be written: no space left on device"
            .to_owned(),
        "the job file is invalid, the old jobs stay: /etc/transferd/jobs.yaml:12:5: unknown key \
         `sourec`; did you mean `source`?"
            .to_owned(),
        "the token expired at 2026-03-02T11:59:00Z: renew it with `transferd login`".to_owned(),
        "3 transfers are to be cancelled, and are not yet".to_owned(),
    ];
    status
}

fn runs() -> Vec<RunDocument> {
    let mut runs: Vec<_> =
        jobs().into_iter().filter_map(|job| job.active_run.or(job.last_run)).collect();
    for (number, run) in (0x1234_5678..).zip(&mut runs) {
        run.id = id(number);
    }
    runs[0].trigger = Trigger::CatchUp;
    (runs[1].trigger, runs[1].scheduled_for) = (Trigger::Manual, None);
    runs
}

/// A run that was tried twice, over midnight.
fn a_shown() -> ShowDocument {
    let error = "the agent reports an error of the transfer";
    let transfer = TransferId(Uuid::from_u128(0xabcd << 96));
    let reason = format!("attempt 2 is transfer {transfer}");
    let mut run = a_run(1, "nightly-footage", RunState::Running, 50_000, &reason);
    run.attempts = vec![
        an_attempt(1, RunState::Failed, 49_990, error),
        an_attempt(
            2,
            RunState::Running,
            700,
            &format!("the agent lists it as transfer {transfer}"),
        ),
    ];
    let listed = format!("attempt 1 is transfer {transfer}");
    let blocked =
        format!("for its destination, which run {} of `big` writes to or waits for", id(9));
    let events = [
        (50_000, "waiting", "due"),
        (49_999, "waiting", blocked.as_str()),
        (49_990, "submitting", "attempt 1"),
        (49_990, "accepted", "attempt 1"),
        (49_990, "queued", "accepted; not listed by the agent yet"),
        (49_985, "listed", &listed),
        (49_985, "running", &listed),
        (24_995, "transfer ended", "the transfer of attempt 1 is over: the agent reports an error"),
        (
            24_995,
            "backing_off",
            "the agent reports an error; attempt 2 of 3 at 2026-03-02T11:48:20Z",
        ),
        (700, "submitting", "attempt 2"),
    ];
    let events = events.iter().map(|(seconds, event, detail)| EventDocument {
        at: ago(*seconds),
        event: (*event).to_owned(),
        detail: (*detail).to_owned(),
    });
    ShowDocument { run, events: events.collect() }
}

#[test]
fn status_at_80_columns() {
    insta::assert_snapshot!(status::page(&a_status(jobs()), &times(false), screen(80)));
}

#[test]
fn status_at_120_columns() {
    insta::assert_snapshot!(status::page(&a_status(jobs()), &times(false), screen(120)));
}

#[test]
fn status_with_dates_at_120_columns() {
    insta::assert_snapshot!(status::page(&a_status(jobs()), &times(true), screen(120)));
}

#[test]
fn a_bad_status_at_80_columns() {
    insta::assert_snapshot!(status::page(&a_bad_status(), &times(false), screen(80)));
}

#[test]
fn status_in_a_pipe_has_a_line_for_each_job() {
    let pipe = Screen { width: None, color: false };
    let page = status::page(&a_status(jobs()), &times(false), pipe);
    for job in jobs() {
        let lines = page.lines().filter(|line| line.starts_with(&format!("{} ", job.name)));
        assert_eq!(lines.count(), 1, "{}\n{page}", job.name);
    }
}

#[test]
fn history_at_80_columns() {
    insta::assert_snapshot!(run::history(&runs(), &times(false), screen(80)));
}

#[test]
fn history_at_120_columns() {
    insta::assert_snapshot!(run::history(&runs(), &times(false), screen(120)));
}

#[test]
fn history_with_dates_at_120_columns() {
    insta::assert_snapshot!(run::history(&runs(), &times(true), screen(120)));
}

#[test]
fn show_at_80_columns() {
    insta::assert_snapshot!(run::show(&a_shown(), &times(true), screen(80)));
}

#[test]
fn show_at_120_columns() {
    insta::assert_snapshot!(run::show(&a_shown(), &times(true), screen(120)));
}

#[test]
fn nothing_is_wider_than_the_screen_or_steers_it() {
    let many = (0..300).map(|number| a_job(&format!("job-{number:04}"))).chain(jobs()).collect();
    let many = a_status(many);
    for width in (60..=200).step_by(7) {
        for absolute in [false, true] {
            let (times, screen) = (times(absolute), screen(width));
            let pages = [
                status::page(&many, &times, screen),
                status::page(&a_bad_status(), &times, screen),
                run::history(&runs(), &times, screen),
                run::show(&a_shown(), &times, screen),
            ];
            for line in pages.iter().flat_map(|page| page.lines()) {
                assert!(fit::width(line) <= usize::from(width), "{width}: {line}");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
}

#[test]
fn colour_changes_no_letter() {
    let plain = status::page(&a_status(jobs()), &times(false), screen(80));
    let colored = Screen { width: Some(80), color: true };
    let colored = status::page(&a_status(jobs()), &times(false), colored);
    assert!(colored.contains("\x1b[31m"));
    let codes = regex::Regex::new("\x1b\\[[0-9]*m").unwrap();
    assert_eq!(codes.replace_all(&colored, ""), plain);
}
