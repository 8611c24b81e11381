//! A simulated year: twenty daily jobs, beside a colleague's two and other users' transfers, with
//! every fault on. It measures how fast the simulation is, and shows what a few hours can't:
//! months.

use std::sync::Arc;

use jiff::SignedDuration;

use transferd_engine::ids::JobName;
use transferd_engine::job::{AgentSettings, CatchUp, Job, Overlap, RetryPolicy, Terms};
use transferd_sim::world::{Endings, FaultRates, People, SimUser, Span, Variants, WorldOptions};

use super::jobs;
use super::plan::{DaemonPlan, Hazards, Plan, Settle, draw_users};

/// Daily jobs of the daemon that matters.
const JOBS: u32 = 20;
/// Daily jobs of a colleague, who has two daemons with the same file.
const JOBS_OF_ANOTHER: u32 = 1;
/// How long the agent is of one kind.
const KIND_LASTS: SignedDuration = days(30);

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

impl Plan {
    /// A year of twenty daily jobs, with all faults on, at rates of a bad year: something dies,
    /// sleeps, fills up or is renamed every day or two, and one request in fifty goes astray.
    pub fn year(seed: u64) -> Self {
        let users = draw_users(2);
        let agents = kinds_of_agents(seed);
        let daemon = |number: usize, count: u32| {
            let poll_interval = SignedDuration::from_secs(15);
            let agent = AgentSettings { poll_interval, start: true, ..AgentSettings::default() };
            let all: Vec<Arc<Job>> =
                (0..count).map(|job| Arc::new(daily(&format!("{number}-"), job))).collect();
            let jobs = all.iter().map(|job| (job.name.clone(), Arc::clone(job))).collect();
            DaemonPlan {
                token: users[number].tokens[0].clone(),
                user: users[number].id,
                set: Arc::new(jobs::set(&agent, jobs)),
                all_jobs: all,
            }
        };
        Self {
            seed,
            start: "2026-01-01T00:00:00Z".parse().expect("this is an instant"),
            horizon: days(365),
            world: WorldOptions { variants: agents[0].1, ..world(&users) },
            hazards: hazards(),
            daemons: vec![daemon(0, JOBS), daemon(1, JOBS_OF_ANOTHER), daemon(1, JOBS_OF_ANOTHER)],
            variants_later: agents[1..].to_vec(),
            agents_machine: Some(0),
            page_size: 10,
            doubtful: true,
            settle: Settle::UntilOver,
            trace: false,
        }
    }
}

/// The agent of each month: behaviour that the vendor leaves open changes each time, so that a year
/// covers all of it. The order depends on the seed.
fn kinds_of_agents(seed: u64) -> Vec<(SignedDuration, Variants)> {
    let plain = Variants::default();
    let kinds = [
        Variants { manual_type: true, null_user_ids: true, no_history: true, ..plain },
        Variants { no_user_id: true, ..plain },
        Variants { list_created: true, history_own_ids: true, ..plain },
        Variants { manual_type: true, no_status: true, total_counts_created: true, ..plain },
        Variants { no_date_header: true, history_late: true, ..plain },
        Variants { manual_type: true, duplicate_check: true, ..plain },
    ];
    let first = usize::try_from(seed % kinds.len() as u64).unwrap_or(0);
    (0_i32..12)
        .zip(kinds.into_iter().cycle().skip(first))
        .map(|(month, kind)| (KIND_LASTS * month, kind))
        .collect()
}

/// A daily job: every night at a minute of its own, in one of three zones.
fn daily(prefix: &str, number: u32) -> Job {
    let zone = ["Europe/Berlin", "America/New_York", "UTC"][number as usize % 3];
    let schedule = format!("{} {} * * *", number * 17 % 60, number * 7 % 24);
    let terms = Terms {
        timeout: SignedDuration::from_hours(2),
        stall_timeout: Some(SignedDuration::from_mins(20)),
        retry: RetryPolicy { on_timeout: number.is_multiple_of(2), ..RetryPolicy::default() },
        ..Terms::default()
    };
    Job {
        name: JobName::new(&format!("{prefix}nightly-{number}")),
        description: None,
        timetable: jobs::timetable(&schedule, zone),
        source: jobs::place(WorldOptions::PRODUCTION, "footage", &format!("{prefix}{number}/")),
        destination: jobs::place(WorldOptions::ARCHIVE, "cold", &format!("{prefix}{number}/")),
        allow_skip: true,
        keep_source_tree: false,
        overlap: [Overlap::Skip, Overlap::Queue, Overlap::Replace][number as usize % 3],
        catch_up: [CatchUp::Once, CatchUp::All, CatchUp::None][number as usize % 3],
        catch_up_window: days(1),
        jitter: SignedDuration::from_secs(if number.is_multiple_of(4) { 90 } else { 0 }),
        max_age: None,
        enabled: true,
        terms: Arc::new(terms),
    }
}

fn world(users: &[SimUser]) -> WorldOptions {
    let some = 0.02;
    WorldOptions {
        users: users.to_vec(),
        pick_up: Span::millis(200, 300_000),
        duration: Span::millis(2_000, 1_800_000),
        clock_skew: SignedDuration::from_secs(20),
        date_jitter: SignedDuration::from_secs(3),
        endings: Endings { partial: some, empty: some, error: some, stall: 0.01, vanish: 0.002 },
        faults: FaultRates {
            post_lost_before: 0.002,
            post_lost_after: some,
            post_late: some,
            post_late_by: Span::millis(100, 30_000),
            post_stalled: some,
            post_error_before: 0.002,
            post_error_after: some,
            post_problem_before: 0.002,
            post_problem_after: some,
            post_refused: 0.002,
            list_failed: some,
            list_stalled: 0.002,
            cancel_lost_before: 0.1,
            cancel_lost_after: 0.1,
            cancel_failed: 0.1,
            cancel_ignored: 0.1,
            cancel_outrun: 0.1,
            other_lost: some,
            bad_token: 0.002,
            slow: some,
            slow_by: Span::millis(100, 20_000),
        },
        people: People {
            act_every: Some(SignedDuration::from_hours(2)),
            foreign_every: Some(SignedDuration::from_hours(2)),
            foreign_same_user: 0.2,
            // Often, as few transfers are Created at any moment.
            restart_every: Some(SignedDuration::from_hours(12)),
            restart_loses_created: 0.8,
            status_change_every: Some(days(5)),
            // Long, as few runs begin at any moment.
            status_change_for: Span::millis(60_000, 3_600_000),
            forget_after: Some(days(20)),
            ..People::default()
        },
        ..WorldOptions::default()
    }
}

fn hazards() -> Hazards {
    Hazards {
        latency: Span::millis(1, 100),
        crash_before_commit: 0.000_5,
        crash_after_commit: 0.000_5,
        crash_every: Some(days(3)),
        down_for: Span::millis(500, 4 * 3_600_000),
        commit_fails: 0.000_5,
        disk_full_every: Some(days(4)),
        repeated_answer: 0.02,
        suspend_every: Some(days(4)),
        suspend_for: Span::millis(60_000, 10 * 3_600_000),
        // Often, as no daemon is away for long; and by so little that no two of the clocks are ever
        // further apart than the protocol allows for where the agent does not report its own.
        clock_step_every: Some(days(2)),
        clock_step_by: Span::millis(500, 40_000),
        agent_clock_follows: 1.0,
        // Often, as few runs are in flight at any moment.
        reload_every: Some(SignedDuration::from_hours(12)),
        operator_every: Some(days(1)),
        repeat_every: Some(days(2)),
        token_every: Some(days(20)),
        notified: 0.5,
        // All stay daily.
        jobs_kept: [0.8, 1.0, 1.0],
        jobs_rescheduled: 0.0,
        jobs_renamed: 0.1,
        jobs_redefined: 0.1,
        crash_amid_effects: 0.02,
        looks_lost: 0.001,
        lost_looks_answered: 0.5,
        total_wavers: 0.02,
        frames: 0.05,
        batched: 0.05,
        ..Hazards::default()
    }
}
