//! The log of a day at the default level: enough to know what happened, and no more.
//!
//! The days are simulated. What is counted is what the engine has to tell; the daemon leaves out
//! what it has told within the hour, and adds a line when it starts and when the file changes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use transferd::config::{self, Surroundings};
use transferd::sim::world::{Span, WorldOptions};
use transferd_simulation::{Hazards, Plan, Simulation};

/// Lines of a day, for twenty nightly jobs.
const LINES_MAX: usize = 200;

/// Twenty jobs that all start at half past two.
fn job_file() -> String {
    let mut text = "accounts: {a: 6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11, \
                    b: 0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22}\n\
                    defaults: {timezone: UTC, schedule: '30 2 * * *'}\njobs:\n"
        .to_owned();
    for number in 1..=20 {
        writeln!(
            text,
            "  nightly-{number}: {{source: {{account: a, bucket: footage, path: {number}/}}, \
             destination: {{account: b, bucket: cold, path: {number}/}}}}"
        )
        .unwrap();
    }
    text
}

/// A day from midnight on, and what there was to tell of it at level info and above.
fn logged(seed: u64, change: impl FnOnce(&mut WorldOptions, &mut Hazards)) -> Vec<String> {
    let start = "2026-11-24T00:00:00Z".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.yaml");
    std::fs::write(&path, job_file()).unwrap();
    let surroundings = Surroundings {
        system_zone: ("UTC".to_owned(), TimeZone::UTC),
        zone_trouble: None,
        now: start,
    };
    let set = config::read(&path, &surroundings).unwrap().content.set;
    let mut world = WorldOptions {
        pick_up: Span::millis(500, 30_000),
        duration: Span::millis(300_000, 3_600_000),
        ..WorldOptions::default()
    };
    let horizon = SignedDuration::from_hours(24);
    let mut hazards = Hazards { notified: 0.5, ..Hazards::default() };
    change(&mut world, &mut hazards);
    let mut plan = Plan::rehearsal(seed, set, world, start, horizon);
    plan.hazards = hazards;
    plan.trace = true;
    let report = Simulation::new(plan).run();
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    let notes = report
        .trace
        .lines()
        .filter(|line| ["Info: ", "Warn: ", "Error: "].iter().any(|level| line.contains(level)));
    notes.map(str::to_owned).collect()
}

fn count(lines: &[String], word: &str) -> usize {
    lines.iter().filter(|line| line.contains(word)).count()
}

#[test]
fn a_good_day_of_twenty_nightly_jobs_is_three_lines_a_run() {
    let lines = logged(1, |_, _| {});
    assert_eq!(count(&lines, "succeeded"), 20, "{}", lines.join("\n"));
    assert_eq!(lines.len(), 60, "{}", lines.join("\n"));
    let intents =
        lines.iter().filter(|line| line.contains("submitting: attempt 1, from a:footage/"));
    let told = intents.filter(|line| line.contains(" to b:cold/")).count();
    assert_eq!(told, 20, "each says from where to where: {}", lines.join("\n"));
}

#[test]
fn a_bad_day_of_twenty_nightly_jobs_is_under_two_hundred_lines() {
    for seed in 1..=20 {
        let lines = logged(seed, |world, hazards| {
            world.endings.error = 0.3;
            world.endings.partial = 0.1;
            world.faults.post_lost_after = 0.1;
            world.faults.list_failed = 0.02;
            world.people.foreign_every = Some(SignedDuration::from_mins(5));
            hazards.token_every = Some(SignedDuration::from_hours(3));
            hazards.crash_every = Some(SignedDuration::from_hours(4));
        });
        assert!(count(&lines, "backing_off") > 0, "seed {seed} is no bad day");
        assert!(lines.len() < LINES_MAX, "seed {seed}: {}\n{}", lines.len(), lines.join("\n"));
    }
}
