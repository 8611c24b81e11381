//! Jobs drawn from a seed: schedules from minutes to hours, all policies, some sharing places.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use transferd_engine::ids::JobName;
use transferd_engine::job::{
    AgentSettings, CatchUp, Job, JobSet, Overlap, PlaceTemplate, RetryPolicy, Terms, Verdict,
};
use transferd_engine::schedule::{Schedule, Timetable};
use transferd_engine::template::PathTemplate;
use transferd_sim::world::WorldOptions;

use super::plan::millis;
use transferd_sim::world::Chance;

/// Schedules that jobs draw from; wildcard-hour and fixed-time ones.
const SCHEDULES: [&str; 10] = [
    "*/5 * * * *",
    "*/15 * * * *",
    "7,37 * * * *",
    "20 * * * *",
    "@hourly",
    "30 2 * * *",
    "0 1-5 * * *",
    "15,45 2,3 * * *",
    "30 */7 */20 * * *",
    "0 3 * * Sun",
];

/// The suffix of a renamed job's name.
const RENAMED: &str = "-renamed";

/// Zones that jobs draw from.
const ZONES: [&str; 3] = ["Europe/Berlin", "America/New_York", "UTC"];

/// All jobs that may ever be in the file of a daemon; at any time it holds a part of them, some
/// under another schedule.
pub(super) fn draw(chance: &mut Chance, count: usize, prefix: &str) -> Vec<Arc<Job>> {
    (0..count).map(|number| Arc::new(draw_job(chance, number, prefix))).collect()
}

fn draw_job(chance: &mut Chance, number: usize, prefix: &str) -> Job {
    let name = JobName::new(&format!("{prefix}job-{number}"));
    let schedule = SCHEDULES[chance.below(SCHEDULES.len())];
    let zone = ZONES[chance.below(ZONES.len())];
    // Few places, so that destinations overlap and requests are equal.
    let path = match chance.below(6) {
        0 => "shared/".to_owned(),
        1 => format!("shared/{number}/"),
        2 => format!("{prefix}{number}/{{%H}}/"),
        3 => format!("{prefix}{number}/{{run}}/"),
        _ => format!("{prefix}{number}/"),
    };
    let timeout = draw_timeout(chance);
    let some = |chance: &mut Chance, of: &[i64]| {
        chance.happens(0.4).then(|| SignedDuration::from_mins(of[chance.below(of.len())]))
    };
    let terms = Terms {
        timeout,
        stall_timeout: some(chance, &[1, 5, 20]),
        start_within: some(chance, &[1, 10, 60]),
        retry: RetryPolicy {
            max_attempts: 1 + u32::try_from(chance.below(4)).unwrap_or(0),
            initial_delay: SignedDuration::from_secs([1, 10, 60][chance.below(3)]),
            multiplier: 2.0,
            max_delay: SignedDuration::from_mins(5),
            on_timeout: chance.happens(0.4),
        },
        partial: if chance.happens(0.5) { Verdict::Fail } else { Verdict::Accept },
        empty: if chance.happens(0.5) { Verdict::Fail } else { Verdict::Accept },
        exclusive: !chance.happens(0.2),
    };
    Job {
        name,
        description: None,
        timetable: timetable(schedule, zone),
        source: place(WorldOptions::PRODUCTION, "footage", "in/"),
        destination: place(WorldOptions::ARCHIVE, "cold", &path),
        allow_skip: true,
        keep_source_tree: false,
        overlap: [Overlap::Skip, Overlap::Queue, Overlap::Replace][chance.below(3)],
        catch_up: [CatchUp::Once, CatchUp::All, CatchUp::None][chance.below(3)],
        catch_up_window: SignedDuration::from_hours([1, 24][chance.below(2)]),
        jitter: if chance.happens(0.3) { millis(90_000) } else { SignedDuration::ZERO },
        max_age: None,
        enabled: true,
        terms: Arc::new(terms),
    }
}

/// The other of a job's two names.
pub(super) fn other_name(name: &JobName) -> JobName {
    let name = name.as_str();
    JobName::new(&match name.strip_suffix(RENAMED) {
        Some(first) => first.to_owned(),
        None => format!("{name}{RENAMED}"),
    })
}

/// Gives a job other terms, and perhaps another destination.
pub(super) fn redefine(chance: &mut Chance, job: &mut Job) {
    let mut terms = Terms::clone(&job.terms);
    terms.timeout = draw_timeout(chance);
    terms.retry.max_attempts = 1 + u32::try_from(chance.below(4)).unwrap_or(0);
    terms.exclusive = !chance.happens(0.2);
    job.terms = Arc::new(terms);
    if chance.happens(0.5) {
        let path = if chance.happens(0.5) { "shared/" } else { "shared/moved/" };
        job.destination = place(WorldOptions::ARCHIVE, "cold", path);
    }
}

fn draw_timeout(chance: &mut Chance) -> SignedDuration {
    SignedDuration::from_mins([2, 10, 30, 60][chance.below(4)])
}

pub(super) fn place(
    account: transferd_engine::ids::AccountId,
    bucket: &str,
    path: &str,
) -> PlaceTemplate {
    PlaceTemplate {
        account,
        bucket: bucket.to_owned(),
        bucket_id: String::new(),
        path: PathTemplate::parse(path).expect("the paths above are good"),
        id: String::new(),
    }
}

pub(super) fn timetable(schedule: &str, zone: &str) -> Timetable {
    let schedule = Schedule::parse(schedule).expect("the schedules above are good");
    let known = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Timetable::new(vec![schedule], zone, known)
}

/// A part of all jobs, some under another schedule or switched off.
pub(super) fn draw_set(
    chance: &mut Chance,
    all: &[Arc<Job>],
    agent: &AgentSettings,
    keep: f64,
    rescheduled: f64,
) -> Arc<JobSet> {
    let mut jobs = BTreeMap::new();
    for job in all {
        if !chance.happens(keep) {
            continue;
        }
        let mut job = Arc::clone(job);
        if keep < 1.0 && chance.happens(rescheduled) {
            let schedule = SCHEDULES[chance.below(SCHEDULES.len())];
            let zone = ZONES[chance.below(ZONES.len())];
            let enabled = !chance.happens(0.3);
            job = Arc::new(Job { timetable: timetable(schedule, zone), enabled, ..(*job).clone() });
        }
        jobs.insert(job.name.clone(), job);
    }
    Arc::new(set(agent, jobs))
}

/// A job set of these jobs.
pub(super) fn set(agent: &AgentSettings, jobs: BTreeMap<JobName, Arc<Job>>) -> JobSet {
    JobSet {
        agent: agent.clone(),
        jobs,
        accounts: Arc::default(),
        alerts: vec![super::alerts::entry()],
        digests: Vec::new(),
        zone: TimeZone::UTC,
    }
}
