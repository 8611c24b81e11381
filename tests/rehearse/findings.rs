//! Findings in small job files, and that a rehearsal is what it says it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use transferd::config::{self, SourceFile, Sources, Surroundings};
use transferd::core::engine::Host;
use transferd::core::ids::JobName;
use transferd::core::job::JobSet;
use transferd::core::run::RunState;
use transferd::core::schedule::DstEffectKind;
use transferd::sim::rehearsal::*;

const MONTH: i64 = 30;

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A job to a place of its own; what `lines` say goes first.
fn job(name: &str, lines: &str) -> String {
    let destination = if lines.contains("destination:") {
        String::new()
    } else {
        format!("    destination: {{account: b, bucket: {name}, path: out/}}\n")
    };
    let lines: String = lines.lines().map(|line| format!("    {}\n", line.trim())).collect();
    format!(
        "  {name}:\n{lines}    source: {{account: a, bucket: in, path: {name}/}}\n{destination}"
    )
}

fn set(top: &str, jobs: &[String]) -> Arc<JobSet> {
    let accounts = "accounts: {a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
                    b: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}";
    let text = format!("{accounts}\n{top}\njobs:\n{}", jobs.concat());
    let sources = Sources {
        root: PathBuf::from("jobs.yaml"),
        base: PathBuf::from("/"),
        files: vec![SourceFile { path: PathBuf::from("jobs.yaml"), text }],
        zones: Vec::new(),
    };
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let surroundings = Surroundings {
        system_zone: ("Europe/Berlin".to_owned(), zone),
        zone_trouble: None,
        now: at("2027-01-01T00:00:00Z"),
    };
    config::parse(&sources, &surroundings)
        .map_err(|rejected| rejected.errors)
        .expect("a good file")
        .content
        .set
}

/// `days` from the first of a month in 2027, each transfer taking so long.
fn rehearsal(set: Arc<JobSet>, month: u32, days: i64, duration: SignedDuration) -> Rehearsal {
    let from = at(&format!("2027-{month:02}-01T00:00:00Z"));
    Rehearsal {
        set,
        host: Host { hostname: "here".to_owned(), jitter_seed: 7 },
        from,
        until: from + hours(24 * days),
        zone: TimeZone::UTC,
        cells: (0..days).map(|day| from + hours(24 * day)).collect(),
        paces: BTreeMap::new(),
        otherwise: Pace::Given(duration),
        fail: 0.0,
        seed: 1,
        kept: None,
        bounds: Bounds::default(),
    }
}

fn played(jobs: &[String], top: &str, duration: SignedDuration) -> Played {
    play(&rehearsal(set(top, jobs), 5, MONTH, duration))
}

fn story<'a>(played: &'a Played, name: &str) -> &'a JobStory {
    played.jobs.iter().find(|story| story.job.name.as_str() == name).expect("that job")
}

#[test]
fn a_quiet_month_has_no_findings_and_every_occurrence_a_run() {
    let jobs = [
        job("nightly", "schedule: '30 2 * * *'"),
        job("often", "schedule: '*/20 8-17 * * Mon-Fri'\ntimezone: America/New_York"),
        job("by-hand", ""),
        job("off", "schedule: '@hourly'\nenabled: false"),
    ];
    let played = played(&jobs, "", minutes(5));
    assert_eq!(played.findings, []);
    assert_eq!(played.cut, None);
    for story in played.jobs.iter().filter(|story| story.is_scheduled()) {
        let (mut expected, mut last) = (0, at("2027-05-01T00:00:00Z"));
        while let Some(next) = story.job.timetable.next_after(last)
            && next < played.until
        {
            (expected, last) = (expected + 1, next);
        }
        assert_eq!(story.counts.due, expected, "{}", story.job.name);
        assert_eq!(story.counts.succeeded, expected, "{}", story.job.name);
    }
    assert_eq!(story(&played, "nightly").counts.due, 30);
    for idle in ["by-hand", "off"] {
        assert_eq!(story(&played, idle).counts, Counts::default());
    }
}

#[test]
fn a_job_that_is_still_running_is_skipped_on_every_other_day() {
    let jobs = [job("nightly", "schedule: '30 2 * * *'\ntimeout: 40h")];
    let played = played(&jobs, "", hours(25));
    let [Finding::Overlapped { job, often, busy, always, queued }] = played.findings.as_slice()
    else {
        panic!("{:?}", played.findings)
    };
    assert_eq!(job.as_str(), "nightly");
    assert_eq!((often.times, often.days, often.of_days), (15, 15, 30));
    assert_eq!(often.first, at("2027-05-02T00:30:00Z"), "02:30 in Berlin");
    assert_eq!((busy, always, queued), (&Some(Busy::Running), &true, &false));
    let cells = &story(&played, "nightly").cells;
    assert_eq!(cells[..4], [Cell::Busy, Cell::Skipped, Cell::Busy, Cell::Skipped]);
}

#[test]
fn a_queue_of_one_skips_what_comes_beyond_it_and_waits_for_its_own_last_run() {
    let jobs = [job("often", "schedule: '*/15 * * * *'\noverlap: queue\ntimeout: 2h")];
    let played = played(&jobs, "", minutes(40));
    let kinds: Vec<_> = played.findings.iter().collect();
    let [Finding::Overlapped { queued: true, .. }, Finding::Behind { longest, .. }] = kinds[..]
    else {
        panic!("{kinds:?}")
    };
    assert!(longest.lasted > minutes(25) && longest.lasted < minutes(41), "{longest:?}");
}

#[test]
fn one_that_replaces_itself_never_gets_done() {
    let jobs = [job("often", "schedule: '0 * * * *'\noverlap: replace\nmax_age: 1d")];
    let played = played(&jobs, "", hours(2));
    let [Finding::Late { longest, .. }, Finding::Replaced { often, .. }] =
        played.findings.as_slice()
    else {
        panic!("{:?}", played.findings)
    };
    assert_eq!(*longest, hours(24 * MONTH));
    assert_eq!(often.times, story(&played, "often").counts.replaced);
    assert_eq!(story(&played, "often").counts.succeeded, 0);
}

#[test]
fn more_than_max_active_at_once_wait_for_a_slot() {
    let jobs: Vec<String> =
        (0..5).map(|n| job(&format!("j{n}"), "schedule: '0 3 * * *'")).collect();
    let played = played(&jobs, "agent: {max_active: 2}", hours(1));
    let [Finding::Slots { jobs, often, wanted }] = played.findings.as_slice() else {
        panic!("{:?}", played.findings)
    };
    assert_eq!(jobs.len(), 5, "each of them is among the last on some day");
    assert!(jobs[0].1.lasted > hours(2) - minutes(1), "the fifth waits for two others");
    assert_eq!((often.times, often.days, often.of_days), (90, 30, 30));
    assert_eq!(wanted.count, 5);
    assert_eq!(played.load.in_flight.count, 2);
    // 03:00 in Berlin is 01:00 in UTC, in which the hours are counted here.
    assert_eq!(played.load.hours[1], HourLoad { in_flight: 2, waiting: 3 });
    assert_eq!(played.load.hours[0], HourLoad::default());
    assert_eq!(played.load.hours[5], HourLoad::default());
}

#[test]
fn two_that_write_to_one_place_meet_there_unless_both_are_content() {
    let to = |path: &str| format!("destination: {{account: b, bucket: cold, path: {path}}}");
    let meeting = |more: &str| {
        let jobs = [
            job("first", &format!("schedule: '0 3 * * *'\n{}{more}", to("d/"))),
            job("second", &format!("schedule: '5 3 * * 1'\n{}{more}", to("d/x/"))),
        ];
        played(&jobs, "", hours(1)).findings
    };
    let findings = meeting("");
    let [Finding::Meeting { job, other, place, often, longest }] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!((job.as_str(), other.as_str(), place.as_str()), ("second", "first", "cold/d/x/"));
    assert_eq!((often.times, often.days, often.of_days), (4, 4, 4), "Mondays up to the 30th");
    assert!(longest.lasted > minutes(54) && longest.lasted < minutes(56), "{longest:?}");
    assert_eq!(meeting("\nexclusive: false"), []);
}

#[test]
fn a_run_that_can_not_start_in_time_is_given_up() {
    let jobs =
        [job("a", "schedule: '0 3 * * *'"), job("b", "schedule: '1 3 * * *'\nstart_within: 10m")];
    let played = played(&jobs, "agent: {max_active: 1}", hours(1));
    let Finding::TooLate { job, often, wait } = &played.findings[0] else {
        panic!("{:?}", played.findings)
    };
    assert_eq!((job.as_str(), often.times, wait), ("b", 30, &Some(Wait::Slot)));
    let counts = story(&played, "b").counts;
    assert_eq!((counts.skipped, counts.waited), (30, 0));
    assert_eq!(story(&played, "b").longest_wait.unwrap().lasted, minutes(10));
}

#[test]
fn a_transfer_longer_than_its_timeout_times_out_each_time() {
    let jobs = [job("a", "schedule: '0 3 * * *'\ntimeout: 30m")];
    let played = played(&jobs, "", hours(1));
    let [Finding::TimedOut { often, of, .. }] = played.findings.as_slice() else {
        panic!("{:?}", played.findings)
    };
    assert_eq!((often.times, *of), (30, 30));
    assert_eq!(story(&played, "a").cells, vec![Cell::Failed; 30]);
}

#[test]
fn failures_are_retried_by_the_engines_own_rules() {
    let jobs = [
        job("a", "schedule: '0 3 * * *'\nretry: {max_attempts: 3, initial_delay: 1m}"),
        job("once", "schedule: '0 4 * * *'\nretry: {max_attempts: 1}"),
    ];
    let failing = |fail: f64| {
        let mut rehearsal = rehearsal(set("", &jobs), 5, MONTH, minutes(10));
        rehearsal.fail = fail;
        play(&rehearsal)
    };
    let all = failing(1.0);
    let counts = story(&all, "a").counts;
    assert_eq!((counts.failed, counts.retries), (30, 60));
    let counts = story(&all, "once").counts;
    assert_eq!((counts.failed, counts.retries), (30, 0));
    assert_eq!(all.runs.iter().filter(|run| run.attempts == 3).count(), 30);
    let some = failing(0.3);
    let counts = story(&some, "a").counts;
    assert!(counts.retries > 3 && counts.succeeded > 25, "{counts:?}");
    assert!(story(&some, "once").counts.failed > 3);
}

#[test]
fn a_job_without_success_for_max_age_is_late() {
    let jobs = [job("weekly", "schedule: '0 3 * * Sun'\nmax_age: 26h")];
    let played = played(&jobs, "", minutes(10));
    let [Finding::Late { often, longest, .. }] = played.findings.as_slice() else {
        panic!("{:?}", played.findings)
    };
    // Five Sundays from the 2nd of May: late before each but the first.
    assert_eq!(often.times, 4);
    assert!(*longest > hours(167) && *longest < hours(169), "{longest:?}");
}

#[test]
fn a_change_of_the_clocks_is_told_once_for_all_that_it_moves() {
    let jobs = [
        job("a", "schedule: '30 2 * * *'"),
        job("b", "schedule: '15 2 * * *'"),
        job("c", "schedule: '*/30 * * * *'"),
        job("d", "schedule: '30 2 * * *'\ntimezone: UTC"),
    ];
    let file = set("", &jobs);
    let spring = play(&rehearsal(file.clone(), 3, MONTH, minutes(5)));
    let [Finding::Clock { zone, at: when, kind, moved }] = spring.findings.as_slice() else {
        panic!("{:?}", spring.findings)
    };
    assert_eq!((zone.as_str(), *kind), ("Europe/Berlin", DstEffectKind::Removed));
    assert_eq!(*when, at("2027-03-28T01:00:00Z"));
    let names: Vec<_> = moved.iter().map(|one| (one.job.as_str(), one.runs_at)).collect();
    assert_eq!(names, [("a", *when), ("b", *when)]);
    let autumn = play(&rehearsal(file, 10, 31, minutes(5)));
    let [Finding::Clock { kind: DstEffectKind::Repeated, moved, .. }] = autumn.findings.as_slice()
    else {
        panic!("{:?}", autumn.findings)
    };
    assert_eq!(moved[0].runs_at, at("2027-10-31T00:30:00Z"), "the first of two");
    assert_eq!(story(&autumn, "a").counts.due, 31);
}

#[test]
fn a_schedule_that_names_no_time_of_the_period_is_reported() {
    let jobs = [job("yearly", "schedule: '@yearly'"), job("daily", "schedule: '@daily'")];
    let played = played(&jobs, "", minutes(5));
    let jobs = vec![JobName::new("yearly")];
    assert_eq!(played.findings, [Finding::NeverDue { jobs }]);
}

#[test]
fn the_worst_comes_first() {
    let jobs = [
        job("a", "schedule: '30 2 * * *'\ntimeout: 5m"),
        job("b", "schedule: '30 2 * * *'"),
        job("c", "schedule: '@yearly'"),
    ];
    let rehearsal = rehearsal(set("agent: {max_active: 1}", &jobs), 3, MONTH, hours(1));
    let findings = play(&rehearsal).findings;
    let severities: Vec<_> = findings.iter().map(Finding::severity).collect();
    assert_eq!(severities, [Severity::Bad, Severity::Doubtful, Severity::Note, Severity::Note]);
}

#[test]
fn a_seed_plays_the_same_twice_and_another_seed_otherwise() {
    let jobs = [job("a", "schedule: '*/10 * * * *'"), job("b", "schedule: '*/15 * * * *'")];
    let with = |seed| {
        let mut rehearsal = rehearsal(set("", &jobs), 5, 3, minutes(5));
        rehearsal.fail = 0.3;
        rehearsal.seed = seed;
        rehearsal.otherwise = Pace::Measured((1..20).map(minutes).collect());
        play(&rehearsal)
    };
    let (first, again, other) = (with(1), with(1), with(2));
    assert_eq!(first.runs, again.runs);
    assert_eq!(first.findings, again.findings);
    assert_ne!(first.runs, other.runs);
}

#[test]
fn looking_at_one_job_changes_nothing_of_what_is_played() {
    let jobs: Vec<String> =
        (0..4).map(|n| job(&format!("j{n}"), "schedule: '0 3 * * *'")).collect();
    let mut rehearsal = rehearsal(set("agent: {max_active: 1}", &jobs), 5, 3, hours(1));
    let all = play(&rehearsal);
    rehearsal.kept = Some(JobName::new("j2"));
    let one = play(&rehearsal);
    assert_eq!(one.findings, all.findings);
    let kept: Vec<_> = all.runs.into_iter().filter(|run| run.job.as_str() == "j2").collect();
    assert_eq!(one.runs, kept);
    assert_eq!(kept.len(), 3);
}

#[test]
fn what_is_under_way_at_the_end_is_said_to_be_so() {
    let jobs = [job("a", "schedule: '0 20 * * *'")];
    let played = play(&rehearsal(set("", &jobs), 5, 1, hours(10)));
    let [run] = played.runs.as_slice() else { panic!("{:?}", played.runs) };
    assert_eq!((run.state, run.ended_at), (RunState::Running, None));
    assert_eq!(story(&played, "a").counts.unfinished, 1);
}

#[test]
fn a_rehearsal_stops_at_its_bounds_and_says_at_which() {
    let jobs: Vec<String> =
        (0..40).map(|n| job(&format!("j{n}"), "schedule: '0 * * * *'")).collect();
    let mut rehearsal = rehearsal(set("agent: {max_active: 1}", &jobs), 5, MONTH, minutes(5));
    rehearsal.bounds.occurrences = 200;
    let played = play(&rehearsal);
    assert_eq!(played.cut, Some(Cut::Occurrences));
    assert!(played.until < rehearsal.from + hours(6), "{}", played.until);
    let due: u64 = played.jobs.iter().map(|story| story.counts.due).sum();
    assert_eq!(due, 200);
    rehearsal.bounds = Bounds { work: 10_000, ..Bounds::default() };
    assert_eq!(play(&rehearsal).cut, Some(Cut::Work));
}

#[test]
fn runs_beyond_those_that_are_kept_are_counted() {
    let jobs = [job("a", "schedule: '*/2 * * * *'")];
    let played = play(&rehearsal(set("", &jobs), 5, 15, minutes(1)));
    let due = story(&played, "a").counts.due;
    assert_eq!(played.runs.len(), limits::RUNS_KEPT);
    assert_eq!(played.runs.len() as u64 + played.runs_left_out, due);
}
