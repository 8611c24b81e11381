//! The pages for people, at two widths: each kind of state, long and wide names, and many jobs.

mod runs;
mod widths;
mod zones;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::table::Screen;
use super::words::Times;
use super::{fit, run, status};
use crate::control::document::{
    AgentDocument, AlertsDocument, AttemptDocument, Bytes, ConfigDocument, DaemonDocument,
    EventDocument, HeldBackDocument, JobDetail, JobDocument, Objects, PauseDocument, RulesDocument,
    RunDocument, Schedule, ShowDocument, StatusDocument, TokenDocument,
};
use crate::control::phrase::Phrase;
use crate::core::event::{Event, Happening};
use crate::core::ids::{AccountId, JobName, RunId, TransferId};
use crate::core::job::CatchUp;
use crate::core::place::NamedPlace;
use crate::core::reason::{AttemptEnd, Reason, UnderWay, WaitReason};
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

fn place(path: &str) -> NamedPlace {
    NamedPlace {
        account: Some("production".to_owned()),
        account_id: AccountId(Uuid::from_u128(7)),
        bucket: "footage".to_owned(),
        path: path.to_owned(),
    }
}

fn a_run(
    number: u128,
    job: &str,
    state: RunState,
    created: i64,
    reason: impl Into<Reason>,
) -> RunDocument {
    let reason = reason.into();
    RunDocument {
        id: id(number),
        job: JobName::new(job),
        trigger: Trigger::Schedule,
        scheduled_for: Some(ago(created)),
        retry_of: None,
        state,
        reason: reason.to_string(),
        reason_code: reason.code(),
        blocked_by: reason.blocked_by(),
        until: reason.until(),
        limit: reason.limit(),
        source: place("dailies/2026-03-01/"),
        destination: place("/archive/2026/03/01/"),
        created_at: ago(created),
        ended_at: state.is_over().then(|| ago(created / 2)),
        attempts: Vec::new(),
        facts: Some(reason),
        zone: None,
        as_recorded: false,
    }
}

fn an_attempt(
    number: u32,
    state: RunState,
    submitted: i64,
    reason: impl Into<Reason>,
) -> AttemptDocument {
    let reason = reason.into();
    AttemptDocument {
        number,
        submitted_at: ago(submitted),
        transfer_id: Some(TransferId(Uuid::from_u128(0xabcd << 96))),
        state,
        reason: reason.to_string(),
        reason_code: reason.code(),
        ended_at: state.is_over().then(|| ago(submitted / 2)),
        objects: Objects { total: 1_200, transferred: 552, failed: 3, skipped: 0 },
        bytes: Bytes { total: 90 << 30, transferred: 41 << 30 },
        cost_usd: None,
        cause: None,
        finished_at: None,
        facts: Some(reason),
    }
}

fn a_job(name: &str) -> JobDocument {
    JobDocument {
        name: JobName::new(name),
        description: None,
        enabled: true,
        paused: false,
        pause: None,
        late: false,
        schedule: Some(Schedule::One("30 2 * * *".to_owned())),
        timezone: "UTC".to_owned(),
        source: place("dailies/{date}/"),
        destination: place("/archive/{date}/"),
        next_run: Some(ago(-13 * 3_600)),
        active_run: None,
        last_run: None,
        last_success: None,
        policies: None,
        recent: None,
        next: None,
        detail: Some(JobDetail::default()),
    }
}

/// A job whose run is not over.
fn active(number: u128, name: &str, state: RunState, reason: impl Into<Reason>) -> JobDocument {
    let active = a_run(number, name, state, 754, reason);
    JobDocument { active_run: Some(active), ..a_job(name) }
}

fn detail(job: &mut JobDocument) -> &mut JobDetail {
    job.detail.as_mut().unwrap()
}

fn running(number: u128, name: &str) -> JobDocument {
    let mut job =
        active(number, name, RunState::Running, Reason::in_words("attempt 1 is transfer X"));
    let attempt =
        an_attempt(1, RunState::Running, 750, Reason::in_words("attempt 1 is transfer X"));
    job.active_run.as_mut().unwrap().attempts.push(attempt);
    (detail(&mut job).speed, detail(&mut job).moved_at) = (212.0 * 1_048_576.0, Some(ago(2)));
    job
}

/// A job for each possible state.
fn jobs() -> Vec<JobDocument> {
    let blocker = id(9);
    let agent = "the agent can't be used: it refuses connections".to_owned();
    let job = Some(JobName::new("big"));
    let waiting = [
        ("slot", WaitReason::Slot { limit: 8 }),
        ("agent", WaitReason::Agent { words: agent }),
        ("token", WaitReason::Token { words: "the agent says 499 TOKEN".to_owned() }),
        ("place", WaitReason::Destination { run: blocker, job: job.clone() }),
        ("behind", WaitReason::Run { run: blocker, job }),
    ];
    let mut jobs: Vec<_> = waiting
        .into_iter()
        .map(|(name, reason)| active(1, &format!("waits-{name}"), RunState::Waiting, reason))
        .collect();
    jobs.push(running(2, "big"));
    let mut still = running(3, "stands-still");
    detail(&mut still).moved_at = Some(ago(1_500));
    detail(&mut still).behind = 1;
    detail(&mut still).held_back =
        Some(HeldBackDocument { occurrence: ago(300), reason: Reason::Waits(WaitReason::Look) });
    jobs.push(still);
    let backing_off = Reason::BackingOff {
        because: Box::new(AttemptEnd::AgentError.into()),
        attempt: 2,
        of: 3,
        at: Some("2026-03-02T12:00:41Z".parse().unwrap()),
    };
    jobs.push(active(4, "tried-again", RunState::BackingOff, backing_off));
    jobs.push(active(
        5,
        "queued",
        RunState::Queued,
        Reason::in_words("accepted; not listed by the agent yet"),
    ));
    jobs.push(active(
        6,
        "canceling",
        RunState::Canceling,
        Reason::in_words("past its `timeout` (4h)"),
    ));
    let mut paused = a_job("paused");
    (paused.paused, paused.next_run) = (true, None);
    let until = Some(ago(-600_000));
    let reason = Some("moving to the new building\x1b[31m;\nask Ines first".to_owned());
    paused.pause = Some(PauseDocument { since: ago(90_000), until, reason });
    jobs.push(paused);
    jobs.push(JobDocument { enabled: false, next_run: None, ..a_job("disabled") });
    let mut late = a_job("late-one");
    detail(&mut late).late_since = Some(ago(7_200));
    late.last_run =
        Some(a_run(7, "late-one", RunState::Succeeded, 400_000, Reason::in_words("completed")));
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
            last_run: Some(a_run(8, name, state, 34_000, Reason::in_words(reason))),
            last_success: (name != "canceled").then(|| {
                a_run(9, name, RunState::Succeeded, 200_000, Reason::in_words("completed"))
            }),
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
            errors: Vec::new(),
            loaded_at: Some(ago(3_700)),
            unwatched: None,
        },
        agent: AgentDocument {
            version: Some("2.31.0".to_owned()),
            url: "http://localhost:29123".to_owned(),
            reachable: Some(true),
            state: AgentState::Started,
            token: TokenDocument { valid: Some(true), expires_at: Some(ago(-3_000_000)) },
            asked_at: Some(ago(3)),
        },
        alerts: AlertsDocument::default(),
        pause: None,
        jobs,
        runs_of_removed_jobs: Vec::new(),
        problems: Vec::new(),
        phrases: Vec::new(),
        served_at: None,
        page: None,
    }
}

/// A status with every possible problem.
fn a_bad_status() -> StatusDocument {
    let mut status = a_status(vec![a_job("nightly")]);
    status.config.valid = false;
    status.agent.reachable = Some(false);
    status.agent.token = TokenDocument { valid: Some(false), expires_at: Some(ago(60)) };
    let unwritten = Phrase::new("nothing can be recorded since ").time(ago(1_200)).words(
        ": the database `/var/lib/transferd/transferd.db` can't be written: no space left on \
         device",
    );
    let expired = Phrase::new("the token expired at ").time(ago(60));
    let problems = [
        unwritten,
        Phrase::new(
            "the job file is invalid, the old jobs stay: /etc/transferd/jobs.yaml:12:5: unknown \
             key `sourec`; did you mean `source`?",
        ),
        expired.words("; `transferd login` gets a new one"),
        Phrase::new("3 cancels are not confirmed yet"),
    ];
    problems.into_iter().for_each(|problem| status.add_problem(problem));
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
    let reason = UnderWay::Follows { attempt: 2, transfer, late: false };
    let mut run = a_run(1, "nightly-footage", RunState::Running, 50_000, reason);
    run.attempts = vec![
        an_attempt(1, RunState::Failed, 49_990, Reason::in_words(error)),
        an_attempt(2, RunState::Running, 700, UnderWay::Listed { transfer }),
    ];
    let state = |state, reason| Happening::State { state, reason };
    let big = WaitReason::Destination { run: id(9), job: Some(JobName::new("big")) };
    let asking = |attempt| state(RunState::Submitting, UnderWay::Asking { attempt }.into());
    let follows = UnderWay::Follows { attempt: 1, transfer, late: false };
    let failed = Reason::from(AttemptEnd::AgentError);
    let backing_off = Reason::BackingOff {
        because: Box::new(failed.clone()),
        attempt: 2,
        of: 3,
        at: Some("2026-03-02T11:48:20Z".parse().unwrap()),
    };
    let events = [
        (50_000, state(RunState::Waiting, Reason::Due)),
        (49_999, state(RunState::Waiting, big.into())),
        (49_990, asking(1)),
        (49_990, Happening::Accepted { attempt: 1 }),
        (49_990, state(RunState::Queued, UnderWay::Accepted.into())),
        (49_985, Happening::Listed { attempt: 1, transfer }),
        (49_985, state(RunState::Running, follows.into())),
        (24_995, Happening::TransferEnded { attempt: 1, transfer: None, reason: failed }),
        (24_995, state(RunState::BackingOff, backing_off)),
        (700, asking(2)),
    ];
    let run_id = run.id;
    let events = events
        .into_iter()
        .map(|(seconds, what)| EventDocument::new(&Event { run: run_id, at: ago(seconds), what }));
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
    insta::assert_snapshot!(run::history(&runs(), &times(false), &run::Zones::new(), screen(80)));
}

#[test]
fn history_at_120_columns() {
    insta::assert_snapshot!(run::history(&runs(), &times(false), &run::Zones::new(), screen(120)));
}

#[test]
fn history_with_dates_at_120_columns() {
    insta::assert_snapshot!(run::history(&runs(), &times(true), &run::Zones::new(), screen(120)));
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
                run::history(&runs(), &times, &run::Zones::new(), screen),
                run::show(&a_shown(), &times, screen),
            ];
            for line in pages.iter().flat_map(|page| page.lines()) {
                // A name may be wider; it is then at the end of its line.
                let named = many.jobs.iter().any(|job| line.ends_with(job.name.as_str()));
                assert!(named || fit::width(line) <= usize::from(width), "{width}: {line}");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
}

#[test]
fn color_changes_no_letter() {
    let plain = status::page(&a_status(jobs()), &times(false), screen(80));
    let colored = Screen { width: Some(80), color: true };
    let colored = status::page(&a_status(jobs()), &times(false), colored);
    assert!(colored.contains("\x1b[31m"));
    let codes = regex::Regex::new("\x1b\\[[0-9]*m").unwrap();
    assert_eq!(codes.replace_all(&colored, ""), plain);
}

#[test]
fn a_job_that_is_asked_for_is_told_of_in_full() {
    let mut job = running(10, "big");
    let field = |key: &str, value: serde_json::Value| (key.to_owned(), value);
    detail(&mut job).fields = vec![
        field("description", "Dailies to cold storage".into()),
        field("timezone", "Europe/Berlin".into()),
        field("source.account", "production".into()),
        field("source.bucket", "footage".into()),
        field("source.path", "dailies/".into()),
        field("destination.account", "archive".into()),
        field("destination.bucket", "cold".into()),
        field("destination.path", "{%Y}/".into()),
        field("timeout", "4h".into()),
        field("jitter", serde_json::Value::Null),
    ];
    job.next = Some(vec![ago(-13 * 3_600)]);
    job.recent =
        Some(vec![a_run(8, "big", RunState::Succeeded, 34_000, Reason::in_words("completed"))]);
    let told = status::page(&a_status(vec![job.clone()]), &times(false), screen(80));
    let job = zones::in_zone(job, "Europe/Berlin");
    // Its times are in its zone; a reader elsewhere sees the offset.
    let there = Times { zone: TimeZone::UTC, ..times(false) };
    let elsewhere = status::page(&a_status(vec![job]), &there, screen(80));
    for told in ["JOB  STATE", "next runs    Tue 02:00 +01:00 (in 13 h)"] {
        assert!(elsewhere.contains(told), "{elsewhere}");
    }
    for expected in [
        "Dailies to cold storage",
        "from         production:footage/dailies/{date}/",
        "to           production:footage/archive/{date}/",
        "(Europe/Berlin)",
        "next runs    Tue 02:00 (in 13 h)",
        "last success 4 h 43 min ago\n",
        "policies     timeout 4h\n",
        "RUN ",
        "`transferd why big`",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}
