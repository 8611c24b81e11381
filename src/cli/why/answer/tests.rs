//! Tests of the answers of `why`: literal facts in, sentences out.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::explain;
use crate::cli::render::table::Screen;
use crate::cli::why::facts::{Active, DaemonState, Facts, Known};
use crate::cli::why::page;
use crate::control::document::{
    AttemptDocument, Bytes, HeldBackDocument, Objects, PauseDocument, RulesDocument, RunDocument,
};
use crate::core::ids::{AccountId, JobName, RunId, TransferId};
use crate::core::job::CatchUp;
use crate::core::place::NamedPlace;
use crate::core::reason::{Reason, SkipReason, UnderWay, WaitReason};
use crate::core::record::PastPause;
use crate::core::run::{RunState, Trigger};
use crate::core::schedule::{Schedule, Timetable};

fn at(text: &str) -> Timestamp {
    let text = if text.contains('T') { text.to_owned() } else { format!("2026-03-02T{text}") };
    format!("{text}Z").parse().unwrap()
}

fn id(number: u128) -> RunId {
    RunId(Uuid::from_u128(number << 96 | number))
}

fn run(
    number: u128,
    due: &str,
    end: Option<&str>,
    state: RunState,
    reason: impl Into<Reason>,
) -> RunDocument {
    let reason = reason.into();
    let place = |bucket: &str| NamedPlace {
        account: Some("production".to_owned()),
        account_id: AccountId(Uuid::from_u128(7)),
        bucket: bucket.to_owned(),
        path: "dailies/".to_owned(),
    };
    RunDocument {
        id: id(number),
        job: JobName::new("nightly"),
        trigger: Trigger::Schedule,
        scheduled_for: Some(at(due)),
        retry_of: None,
        state,
        reason: reason.to_string(),
        reason_code: reason.code(),
        blocked_by: reason.blocked_by(),
        until: reason.until(),
        limit: reason.limit(),
        source: place("footage"),
        destination: place("cold"),
        created_at: at(due),
        ended_at: end.map(at),
        attempts: Vec::new(),
        facts: Some(reason),
        zone: None,
        as_recorded: false,
    }
}

fn attempt(number: u32, submitted: &str, state: RunState, reason: &str) -> AttemptDocument {
    AttemptDocument {
        number,
        submitted_at: at(submitted),
        transfer_id: Some(TransferId(Uuid::from_u128(7))),
        state,
        reason: reason.to_owned(),
        reason_code: None,
        ended_at: None,
        objects: Objects { total: 1_200, transferred: 400, failed: 0, skipped: 0 },
        bytes: Bytes { total: 90 << 30, transferred: 30 << 30 },
        cost_usd: None,
        cause: None,
        finished_at: None,
        facts: None,
    }
}

/// A job that is due at 2:30 in Berlin, known for a month, at 12:00 UTC.
fn facts(asked: Option<&str>) -> Facts {
    let schedule = vec![Schedule::parse("30 2 * * *").unwrap()];
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    Facts {
        now: at("12:00:00"),
        asked: asked.map(at),
        is_of_day: false,
        zone: TimeZone::UTC,
        name: "nightly".to_owned(),
        job: Some(Known {
            timetable: Timetable::new(schedule, "Europe/Berlin", berlin),
            enabled: true,
            pause: None,
            of_all: None,
            past_pauses: Vec::new(),
            held_back: None,
            next: None,
            rules: Some(RulesDocument {
                timezone: "Europe/Berlin".to_owned(),
                catch_up: CatchUp::Once,
                catch_up_window: SignedDuration::from_hours(24),
                jitter: SignedDuration::ZERO,
                first_seen: at("2026-02-01T00:00:00"),
                scheduled_since: Some(at("2026-02-10T00:00:00")),
                handled: at("01:30:00"),
                generation: 0,
            }),
        }),
        unknown: String::new(),
        is_unknown: false,
        daemon: DaemonState::Answers,
        jitter_seed: 7,
        active: None,
        runs: Vec::new(),
        blocker: None,
    }
}

fn rules(facts: &mut Facts) -> &mut RulesDocument {
    facts.job.as_mut().unwrap().rules.as_mut().unwrap()
}

fn paused(reason: &str) -> Option<PauseDocument> {
    let until = Some(at("2026-03-09T00:00:00"));
    let reason = Some(reason.to_owned());
    Some(PauseDocument { since: at("2026-02-28T09:00:00"), until, reason })
}

/// Each possible situation, by name.
fn cases() -> Vec<(&'static str, Facts)> {
    let mut cases = Vec::new();
    let mut case = |name, asked: Option<&str>, change: &dyn Fn(&mut Facts)| {
        let mut facts = facts(asked);
        change(&mut facts);
        cases.push((name, facts));
    };
    let due = "01:30:00";
    let since = at("2026-03-01T01:30:00");
    let skipped = SkipReason::Overlap { active: id(9), since, held: None };
    case("skipped, as another was active", Some(due), &|facts| {
        facts.runs = vec![run(1, due, Some(due), RunState::Skipped, skipped.clone())];
        let reason = "completed: 3 objects";
        let blocker = run(
            9,
            "2026-03-01T01:30:00",
            Some("09:00:00"),
            RunState::Succeeded,
            Reason::in_words(reason),
        );
        facts.blocker = Some(blocker);
    });
    case("missed and too old", Some(due), &|facts| {
        let reason = SkipReason::CatchUpWindow { limit: SignedDuration::from_hours(24) };
        let mut run = run(1, due, Some("11:00:00"), RunState::Skipped, reason);
        (run.trigger, run.created_at) = (Trigger::CatchUp, at("11:00:00"));
        facts.runs = vec![run];
    });
    case("failed after three attempts", None, &|facts| {
        let reason = "the agent reports an error of the transfer (attempt 3 of 3)";
        let mut run = run(1, due, Some("01:45:00"), RunState::Failed, Reason::in_words(reason));
        let reason = "the agent reports an error of the transfer";
        run.attempts = ["01:30:01", "01:35:00", "01:44:00"]
            .iter()
            .zip(1..)
            .map(|(at, number)| attempt(number, at, RunState::Failed, reason))
            .collect();
        facts.runs = vec![run];
    });
    case("failed, and repeated with success", Some(due), &|facts| {
        let reason = "the agent reports an error of the transfer";
        let first = run(1, due, Some("01:45:00"), RunState::Failed, Reason::in_words(reason));
        let mut retry = run(
            2,
            due,
            Some("09:10:00"),
            RunState::Succeeded,
            Reason::in_words("completed: 3 objects"),
        );
        (retry.trigger, retry.retry_of) = (Trigger::Retry, Some(first.id));
        retry.created_at = at("09:00:00");
        retry.destination.path = "dailies/again/".to_owned();
        facts.runs = vec![retry, first];
    });
    case("succeeded", None, &|facts| {
        facts.runs = vec![run(
            1,
            due,
            Some("01:40:00"),
            RunState::Succeeded,
            Reason::in_words("completed: 3 objects"),
        )];
    });
    case("waits for a destination", None, &|facts| {
        let job = Some(JobName::new("weekly"));
        let reason = WaitReason::Destination { run: id(9), job };
        let mut blocker = run(
            9,
            "01:00:00",
            None,
            RunState::Running,
            Reason::in_words("attempt 1 is transfer X"),
        );
        blocker.job = JobName::new("weekly");
        blocker.attempts = vec![attempt(1, "01:00:01", RunState::Running, "")];
        let run = run(1, due, None, RunState::Waiting, reason);
        facts.active = Some(Active { run, since: at("01:30:00"), blocker: Some(blocker) });
    });
    case("waits for the agent", None, &|facts| {
        let words = "the agent can't be used: it refuses connections".to_owned();
        let reason = WaitReason::Agent { words };
        let run = run(1, due, None, RunState::Waiting, reason);
        facts.active = Some(Active { run, since: at("02:10:00"), blocker: None });
    });
    case("runs", None, &|facts| {
        let mut run =
            run(1, due, None, RunState::Running, Reason::in_words("attempt 1 is transfer X"));
        run.attempts = vec![attempt(1, "01:30:01", RunState::Running, "attempt 1 is transfer X")];
        facts.active = Some(Active { run, since: at("01:30:02"), blocker: None });
    });
    case("runs, and is gone from the agent's list", None, &|facts| {
        let transfer = TransferId(Uuid::from_u128(7));
        let (since, until) = (at("09:00:00"), at("13:30:00"));
        let gone = UnderWay::Gone { transfer, since, until };
        let mut run = run(1, due, None, RunState::Running, gone);
        run.attempts = vec![attempt(1, "01:30:01", RunState::Running, "gone")];
        facts.active = Some(Active { run, since: at("09:02:00"), blocker: None });
    });
    case("ran when the daemon died", None, &|facts| {
        let run = run(
            1,
            due,
            None,
            RunState::Queued,
            Reason::in_words("accepted; not listed by the agent yet"),
        );
        facts.active = Some(Active { run, since: at("01:30:02"), blocker: None });
        facts.daemon = DaemonState::Stopped;
    });
    case("not scheduled then", Some("03:00:00"), &|facts| {
        facts.runs = vec![run(
            1,
            due,
            Some("02:10:00"),
            RunState::TimedOut,
            Reason::in_words("past its `timeout` (30m)"),
        )];
    });
    case("not scheduled then, but at work", Some("03:00:00"), &|facts| {
        facts.runs = vec![run(
            1,
            due,
            Some("04:00:00"),
            RunState::Succeeded,
            Reason::in_words("completed: 3 objects"),
        )];
    });
    case("yet to come", Some("2026-03-03T01:30:00"), &|_| {});
    case("yet to come, and paused then", Some("2026-03-03T01:30:00"), &|facts| {
        facts.job.as_mut().unwrap().pause = paused("moving house");
    });
    case("yet to come, after the pause", Some("2026-03-10T01:30:00"), &|facts| {
        facts.job.as_mut().unwrap().pause = paused("moving house");
    });
    case("yet to come, and all paused for longer", Some("2026-03-10T01:30:00"), &|facts| {
        let job = facts.job.as_mut().unwrap();
        job.pause = paused("moving house");
        job.of_all = paused("").map(|pause| PauseDocument { until: None, reason: None, ..pause });
    });
    case("yet to come, and disabled", Some("2026-03-03T01:30:00"), &|facts| {
        facts.job.as_mut().unwrap().enabled = false;
    });
    case("yet to come, and the daemon is down", Some("2026-03-03T01:30:00"), &|facts| {
        facts.daemon = DaemonState::Stopped;
    });
    case("before it was known", Some("2026-01-20T01:30:00"), &|_| {});
    case("under another schedule", Some("2026-02-05T01:30:00"), &|_| {});
    case("paused now", None, &|facts| {
        facts.job.as_mut().unwrap().pause = paused("moving house");
    });
    case("paused then", Some("2026-02-25T01:30:00"), &|facts| {
        facts.job.as_mut().unwrap().past_pauses = vec![PastPause {
            since: at("2026-02-23T09:00:00"),
            until: at("2026-02-26T17:00:00"),
            reason: Some("moving house".to_owned()),
            occurrences: 3,
        }];
    });
    case("paused then, and triggered by hand just before", Some(due), &|facts| {
        facts.job.as_mut().unwrap().past_pauses = vec![PastPause {
            since: at("01:29:50"),
            until: at("01:30:10"),
            reason: Some("moving house".to_owned()),
            occurrences: 1,
        }];
        let reason = "completed: 3 objects";
        let end = Some("01:29:48");
        let mut by_hand = run(1, "01:29:45", end, RunState::Succeeded, Reason::in_words(reason));
        (by_hand.trigger, by_hand.scheduled_for) = (Trigger::Manual, None);
        facts.runs = vec![by_hand];
    });
    case("held back until a look", None, &|facts| {
        rules(facts).handled = at("2026-03-01T01:30:00");
        facts.job.as_mut().unwrap().held_back = Some(HeldBackDocument {
            occurrence: at("01:30:00"),
            reason: Reason::Waits(WaitReason::Look),
        });
    });
    case("delayed by jitter", Some(due), &|facts| {
        rules(facts).jitter = SignedDuration::from_hours(20);
        facts.now = at("01:31:00");
    });
    case("disabled", None, &|facts| facts.job.as_mut().unwrap().enabled = false);
    case("missed, and the daemon is still down", None, &|facts| {
        facts.daemon = DaemonState::Stopped;
        rules(facts).handled = at("2026-03-01T01:30:00");
    });
    case("missed, down, and never to be caught up", None, &|facts| {
        facts.daemon = DaemonState::Stopped;
        rules(facts).handled = at("2026-03-01T01:30:00");
        rules(facts).catch_up = CatchUp::None;
    });
    case("missed, down, and too old", Some("2026-02-28T01:30:00"), &|facts| {
        facts.daemon = DaemonState::Stopped;
        rules(facts).handled = at("2026-02-20T01:30:00");
    });
    case("forgotten", Some("2026-02-20T01:30:00"), &|_| {});
    case("triggered by hand, and canceled", Some("08:00:30"), &|facts| {
        let reason = "canceled by an operator";
        let mut run =
            run(1, "08:00:00", Some("08:05:00"), RunState::Canceled, Reason::in_words(reason));
        (run.trigger, run.scheduled_for) = (Trigger::Manual, None);
        facts.runs = vec![run];
    });
    case("no schedule", None, &|facts| {
        let job = facts.job.as_mut().unwrap();
        job.timetable = Timetable::new(Vec::new(), "UTC", TimeZone::UTC);
    });
    case("gone from the file", None, &|facts| {
        facts.job = None;
        facts.runs = vec![run(
            1,
            due,
            Some("01:40:00"),
            RunState::Succeeded,
            Reason::in_words("completed: 3 objects"),
        )];
    });
    cases
}

fn all(width: u16) -> String {
    let screen = Screen { width: Some(width), color: false };
    let told = cases()
        .into_iter()
        .map(|(name, facts)| format!("# {name}\n{}\n", page(&explain(&facts).sentences, screen)));
    told.collect()
}

#[test]
fn each_reason_reads_well_at_80_columns() {
    insta::assert_snapshot!(all(80));
}

#[test]
fn each_reason_reads_well_at_120_columns() {
    insta::assert_snapshot!(all(120));
}

#[test]
fn the_run_that_was_in_the_way_is_named() {
    for (name, facts) in cases() {
        let named = explain(&facts).blocked_by;
        let blocked = ["skipped, as another was active", "waits for a destination"];
        assert_eq!(named, blocked.contains(&name).then(|| id(9)), "{name}");
    }
}

#[test]
fn a_time_is_meant_by_its_minute() {
    let runs = [run(1, "01:30:00", Some("01:40:00"), RunState::Succeeded, Reason::in_words(""))];
    for (asked, found) in
        [("01:29:59", false), ("01:30:00", true), ("01:30:59", true), ("01:31:00", false)]
    {
        let mut facts = facts(Some(asked));
        facts.runs = runs.to_vec();
        let answer = explain(&facts);
        let told = answer.sentences[0].starts_with(&format!("run {}", id(1)));
        assert_eq!(told, found, "{asked}: {:?}", answer.sentences);
    }
}

#[test]
fn an_occurrence_is_not_taken_for_the_one_a_second_before() {
    let mut facts = facts(Some("01:30:01"));
    let every_second = vec![Schedule::parse("* * * * * *").unwrap()];
    facts.job.as_mut().unwrap().timetable = Timetable::new(every_second, "UTC", TimeZone::UTC);
    rules(&mut facts).handled = at("01:30:00");
    facts.daemon = DaemonState::Stopped;
    facts.runs =
        vec![run(1, "01:30:00", Some("01:40:00"), RunState::Succeeded, Reason::in_words(""))];
    let answer = explain(&facts);
    assert!(answer.sentences[0].contains("the daemon was down"), "{:?}", answer.sentences);
}

#[test]
fn nothing_was_at_work_at_a_time_that_is_yet_to_come() {
    let mut facts = facts(Some("2026-03-04T01:30:00"));
    facts.runs = vec![run(1, "01:30:00", None, RunState::Running, Reason::in_words("at work"))];
    let told = explain(&facts).sentences.join("\n");
    assert!(told.contains("yet to come"), "{told}");
    assert!(!told.contains("at that time"), "{told}");
}

#[test]
fn what_has_its_run_is_not_due_again_when_the_clock_was_set_back() {
    let mut facts = facts(None);
    facts.job.as_mut().unwrap().next = Some(at("2026-03-04T01:30:00"));
    let told = explain(&facts).sentences.join("\n");
    assert!(told.contains("due next at 2026-03-04 02:30:00"), "{told}");
}
