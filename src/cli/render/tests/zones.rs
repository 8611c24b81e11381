//! Times of a job are shown in its zone, whatever the machine's: one row never holds two.

use super::run::Zones;
use super::*;

/// A reader on a machine in UTC.
fn machine(absolute: bool) -> Times {
    Times { zone: TimeZone::UTC, ..times(absolute) }
}

fn zones(named: &[(&str, &str)]) -> Zones {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    named.iter().map(|(job, name)| (JobName::new(job), zone(name))).collect()
}

/// The job, in the zone of this name.
pub(super) fn in_zone(mut job: JobDocument, timezone: &str) -> JobDocument {
    detail(&mut job).rules = Some(RulesDocument {
        timezone: timezone.to_owned(),
        catch_up: CatchUp::Once,
        catch_up_window: SignedDuration::from_hours(24),
        jitter: SignedDuration::ZERO,
        first_seen: ago(86_400),
        scheduled_since: None,
        handled: ago(60),
        generation: 0,
    });
    job
}

#[test]
fn history_shows_scheduled_times_in_the_zones_of_the_jobs() {
    let of = |job| a_run(1, job, RunState::Failed, 600, Reason::in_words("no"));
    let runs = [of("here"), of("there")];
    let history =
        |zones: &Zones, absolute| run::history(&runs, &machine(absolute), zones, screen(120));
    let one = zones(&[("here", "Europe/Berlin"), ("there", "Europe/Berlin")]);
    let told = history(&one, false);
    assert!(told.contains("here   12:50 ") && told.contains("there  12:50 "), "{told}");
    assert!(told.contains("; scheduled times are of Europe/Berlin (+01:00)"), "{told}");
    let two = zones(&[("here", "Europe/Berlin"), ("there", "America/New_York")]);
    let told = history(&two, false);
    assert!(told.contains("here   12:50 +01:00 ") && told.contains("there  06:50 -05:00 "));
    assert!(!told.contains("scheduled times are of"), "{told}");
    let told = history(&two, true);
    let row = |job: &str| told.lines().find(|line| line.contains(job)).unwrap();
    assert_eq!(row("here ").matches("+01:00").count(), 2, "{told}");
    assert_eq!(row("there").matches("-05:00").count(), 2, "{told}");
}

#[test]
fn status_shows_a_job_in_its_own_zone_and_says_how_far_away_a_pause_ends() {
    let mut paused = a_job("paused");
    (paused.paused, paused.next_run) = (true, None);
    let (since, until) = (ago(600), Some(ago(-200_000)));
    paused.pause = Some(PauseDocument { since, until, reason: Some("moving".to_owned()) });
    let mut late = a_job("late");
    detail(&mut late).late_since = Some(ago(3_600));
    late.last_run = Some(a_run(1, "late", RunState::Failed, 600, Reason::in_words("no")));
    let jobs = vec![in_zone(paused, "Europe/Berlin"), in_zone(late, "Europe/Berlin")];
    let told = status::page(&a_status(jobs.clone()), &machine(false), screen(200));
    for expected in [
        "paused since 12:50:00 +01:00 until 2026-03-04 20:33 +01:00 (in 2 d 8 h): moving",
        "late since 12:00:00 +01:00 (1 h ago)",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let told = status::page(&a_status(jobs), &machine(true), screen(200));
    let rows = told.lines().filter(|line| line.starts_with("paused  ") || line.starts_with("late"));
    assert_eq!(rows.clone().count(), 2, "{told}");
    for row in rows {
        assert!(row.contains("+01:00") && !row.contains("+00:00"), "{row}");
    }
}

#[test]
fn under_a_pause_of_all_only_the_jobs_that_it_stops_are_paused() {
    let all = PauseDocument { since: ago(60), until: None, reason: None };
    let paused = |job: JobDocument| JobDocument {
        paused: true,
        pause: Some(all.clone()),
        next_run: None,
        ..job
    };
    let jobs = vec![
        paused(a_job("nightly")),
        paused(JobDocument { enabled: false, ..a_job("off-job") }),
        paused(JobDocument { schedule: None, ..a_job("by-hand") }),
    ];
    let status = StatusDocument { pause: Some(all.clone()), ..a_status(jobs) };
    let told = status::page(&status, &times(false), screen(120));
    assert!(told.contains("jobs      3: 1 paused, 1 disabled\n"), "{told}");
    for row in ["nightly  paused ", "off-job  disabled ", "by-hand  idle "] {
        assert!(told.contains(row), "{row}: {told}");
    }
}

#[test]
fn a_duration_in_a_row_is_not_broken_at_sixty_columns() {
    let mut job = in_zone(a_job("nightly-footage"), "America/New_York");
    job.next_run = Some(ago(-50 * 3_600));
    job.last_run = Some(a_run(1, "nightly-footage", RunState::TimedOut, 84, Reason::in_words("")));
    for width in [60, 80] {
        let told = status::page(&a_status(vec![job.clone()]), &machine(false), screen(width));
        assert!(told.contains("(in 2 d 2 h)") && told.contains("42 s ago"), "{width}: {told}");
    }
}
