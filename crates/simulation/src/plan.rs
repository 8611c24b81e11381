//! The plan drawn from a seed: the world, the daemons and their jobs, and the rate of each fault.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use transferd_engine::ids::UserId;
use transferd_engine::job::{AgentSettings, Job, JobSet};
use transferd_sim::world::{
    Chance, Endings, FaultRates, People, SimUser, Span, Variants, WorldOptions,
};

use super::jobs;

/// The rates of faults of a daemon and its machine. Rates are for each step or request; intervals
/// are means, absent for never.
#[derive(Clone, Debug)]
pub struct Hazards {
    /// The time that a request or an answer is on its way.
    pub latency: Span,
    /// The daemon dies before a commit.
    pub crash_before_commit: f64,
    /// The daemon dies after a commit, before or amid its effects.
    pub crash_after_commit: f64,
    /// The daemon dies at some other moment.
    pub crash_every: Option<SignedDuration>,
    /// How long it is away then.
    pub down_for: Span,
    /// A commit fails.
    pub commit_fails: f64,
    /// The disk fills up.
    pub disk_full_every: Option<SignedDuration>,
    /// The length of that.
    pub disk_full_for: Span,
    /// An answer comes twice.
    pub repeated_answer: f64,
    /// The machine sleeps.
    pub suspend_every: Option<SignedDuration>,
    /// The length of that.
    pub suspend_for: Span,
    /// The clock is set.
    pub clock_step_every: Option<SignedDuration>,
    /// The size of that, in either direction.
    pub clock_step_by: Span,
    /// The job file changes.
    pub reload_every: Option<SignedDuration>,
    /// An operator makes a request.
    pub operator_every: Option<SignedDuration>,
    /// An operator requests runs again: for a time, as a repetition, for a span of time.
    pub repeat_every: Option<SignedDuration>,
    /// The token is taken away, and given back.
    pub token_every: Option<SignedDuration>,
    /// The length of that.
    pub token_away_for: Span,
    /// The share of the agent's changes that are notified at once.
    pub notified: f64,
    /// The share of the clock's steps that the agent on the same machine sees, too.
    pub agent_clock_follows: f64,
    /// The share of all jobs that are in a changed job file: one of these is drawn each time.
    pub jobs_kept: [f64; 3],
    /// The share of jobs in a changed job file that get another schedule.
    pub jobs_rescheduled: f64,
    /// The share of jobs in a changed job file that get another name.
    pub jobs_renamed: f64,
    /// The share of jobs in a changed job file that get other terms and another destination.
    pub jobs_redefined: f64,
    /// The daemon dies between two effects of one step.
    pub crash_amid_effects: f64,
    /// A look is lost, and nobody is told.
    pub looks_lost: f64,
    /// The share of looks given up by the engine that are answered anyway.
    pub lost_looks_answered: f64,
    /// `total` differs on the next page, though the list has not changed.
    pub total_wavers: f64,
    /// The share of the agent's changes that come with frames about objects.
    pub frames: f64,
    /// The loop does not turn at once: inputs within milliseconds are handled together.
    pub batched: f64,
}

impl Default for Hazards {
    fn default() -> Self {
        Self {
            latency: Span::millis(1, 20),
            crash_before_commit: 0.0,
            crash_after_commit: 0.0,
            crash_every: None,
            down_for: Span::millis(500, 3_600_000),
            commit_fails: 0.0,
            disk_full_every: None,
            disk_full_for: Span::millis(1_000, 1_200_000),
            repeated_answer: 0.0,
            suspend_every: None,
            suspend_for: Span::millis(60_000, 4 * 3_600_000),
            clock_step_every: None,
            clock_step_by: Span::millis(500, 50_000),
            reload_every: None,
            operator_every: None,
            repeat_every: None,
            token_every: None,
            token_away_for: Span::millis(1_000, 900_000),
            notified: 0.0,
            agent_clock_follows: 0.7,
            jobs_kept: [0.5, 0.9, 1.0],
            jobs_rescheduled: 0.2,
            jobs_renamed: 0.0,
            jobs_redefined: 0.0,
            crash_amid_effects: 0.0,
            looks_lost: 0.0,
            lost_looks_answered: 0.0,
            total_wavers: 0.0,
            frames: 0.0,
            batched: 0.0,
        }
    }
}

/// One daemon.
#[derive(Clone, Debug)]
pub struct DaemonPlan {
    /// Its user's token.
    pub token: String,
    /// Its user.
    pub user: UserId,
    /// All jobs that may ever be in its file.
    pub all_jobs: Vec<Arc<Job>>,
    /// Its file at the start.
    pub set: Arc<JobSet>,
}

/// How a simulation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// At the horizon, with whatever is under way.
    Stop,
    /// When all runs are over, after the faults have ended and the job files are empty.
    UntilOver,
    /// When even requests that were given up are no longer looked for: a day later.
    UntilIdle,
}

/// The plan of a simulation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of all random choices.
    pub seed: u64,
    /// When it begins.
    pub start: Timestamp,
    /// How long faults happen; then it is quiet and everything has to settle.
    pub horizon: SignedDuration,
    /// The agent.
    pub world: WorldOptions,
    /// The faults of daemons.
    pub hazards: Hazards,
    /// The daemons.
    pub daemons: Vec<DaemonPlan>,
    /// When, since the start, the agent becomes another one.
    pub variants_later: Vec<(SignedDuration, Variants)>,
    /// The daemon whose machine the agent shares, and therefore each step of its clock, if any.
    pub agents_machine: Option<usize>,
    /// Records to a page of the list.
    pub page_size: usize,
    /// The daemons share one user, or other programs run as our user, or records do not name
    /// theirs: matches may be doubtful.
    pub doubtful: bool,
    /// How it ends.
    pub settle: Settle,
    /// Whether to keep a trace.
    pub trace: bool,
}

/// Milliseconds as a duration.
pub(super) const fn millis(millis: i64) -> SignedDuration {
    SignedDuration::from_millis(millis)
}

/// Swarm style: a fault is off in most seeds, and has its own rate in the others.
pub(super) struct Swarm<'a> {
    pub(super) chance: &'a mut Chance,
}

impl Swarm<'_> {
    pub(super) fn rate(&mut self, upto: f64) -> f64 {
        if self.chance.happens(0.45) { upto * self.chance.fraction() } else { 0.0 }
    }

    pub(super) fn every(&mut self, span: Span) -> Option<SignedDuration> {
        self.chance.happens(0.4).then(|| self.chance.span(span))
    }
}

impl Plan {
    /// The plan of a seed: a few hours around a random moment, often a change of the clocks.
    pub fn draw(seed: u64) -> Self {
        let mut plan = Self::draw_narrow(seed);
        plan.widen();
        plan
    }

    /// The plan of a seed before the model was widened: a seed that has shown a bug then still
    /// shows it.
    pub fn draw_narrow(seed: u64) -> Self {
        let mut chance = Chance::from(seed ^ 0x7261_6e73_6665_7264);
        let start = draw_start(&mut chance);
        let horizon =
            SignedDuration::from_mins(30) + chance.span(Span::millis(600_000, 14_400_000));
        let count = [1, 1, 1, 1, 1, 2, 2, 3, 4][chance.below(9)];
        let one_user = count > 1 && chance.happens(0.4);
        let users = draw_users(if one_user { 1 } else { count });
        let foreign_same_user = chance.happens(0.3);
        let exclusive = !one_user && !foreign_same_user && chance.happens(0.4);
        let world = draw_world(&mut chance, &users, foreign_same_user);
        let daemons = (0..count)
            .map(|number| {
                let user = &users[number % users.len()];
                // With one user, jobs are equal, too: the worst case.
                let prefix = if one_user { String::new() } else { format!("{number}-") };
                let agent = draw_agent(&mut chance, exclusive);
                let jobs_count = 1 + chance.below(4);
                let all_jobs = jobs::draw(&mut chance, jobs_count, &prefix);
                let set = jobs::draw_set(&mut chance, &all_jobs, &agent, 1.0, 0.0);
                DaemonPlan { token: user.tokens[0].clone(), user: user.id, all_jobs, set }
            })
            .collect();
        Self {
            seed,
            start,
            horizon,
            hazards: draw_hazards(&mut chance),
            world,
            daemons,
            variants_later: Vec::new(),
            agents_machine: (count == 1).then_some(0),
            page_size: [3, 10, 50][chance.below(3)],
            doubtful: one_user || foreign_same_user,
            settle: if chance.happens(0.1) { Settle::UntilIdle } else { Settle::UntilOver },
            trace: false,
        }
    }

    /// The same, with clocks that are set by hours unknown to agent and daemon: more than the two
    /// minutes that the protocol's evidence allows for.
    pub fn draw_wild(seed: u64) -> Self {
        let mut plan = Self::draw(seed);
        plan.hazards.clock_step_by = Span::millis(500, 2 * 3_600_000);
        // Hours off, and no way to know by how much: no date would be evidence.
        plan.world.variants.no_date_header = false;
        plan
    }

    /// The agent's variants, first and later.
    fn variants(&self) -> impl Iterator<Item = &Variants> {
        let later = self.variants_later.iter().map(|(_, variants)| variants);
        std::iter::once(&self.world.variants).chain(later)
    }

    /// True if `is_so` holds for the agent, at least for a while.
    pub(super) fn agent_is(&self, is_so: impl Fn(&Variants) -> bool) -> bool {
        self.variants().any(is_so)
    }

    /// The variants that were in force at some time of a span.
    pub(super) fn variants_in(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = &Variants> {
        let begins = std::iter::once(Timestamp::MIN)
            .chain(self.variants_later.iter().map(|(after, _)| self.start + *after));
        let ends = begins.clone().skip(1).chain([Timestamp::MAX]);
        let spans = begins.zip(ends).zip(self.variants());
        spans.filter(move |((begin, end), _)| *begin <= until && from < *end).map(|(_, of)| of)
    }

    /// True if the agent's dates are off.
    pub(super) fn dates_are_off(&self) -> bool {
        !self.world.clock_skew.is_zero() || !self.world.date_jitter.is_zero()
    }

    /// How often daylight saving begins and ends in the zones of the jobs, during the time of
    /// faults.
    pub(super) fn clock_changes(&self) -> (u64, u64) {
        let end = self.start + self.horizon;
        let jobs = self.daemons.iter().flat_map(|daemon| &daemon.all_jobs);
        let zones: BTreeMap<&str, &TimeZone> =
            jobs.map(|job| (job.timetable.zone_name(), job.timetable.zone())).collect();
        let mut changes = (0, 0);
        for zone in zones.values() {
            for change in zone.following(self.start).take_while(|at| at.timestamp() <= end) {
                if change.dst().is_dst() {
                    changes.0 += 1;
                } else {
                    changes.1 += 1;
                }
            }
        }
        changes
    }

    /// The plan of a job file in a world without faults except those of `world`.
    pub fn rehearsal(
        seed: u64,
        set: Arc<JobSet>,
        world: WorldOptions,
        start: Timestamp,
        horizon: SignedDuration,
    ) -> Self {
        let all_jobs = set.jobs.values().cloned().collect();
        let token = WorldOptions::DEFAULT_TOKEN.to_owned();
        let daemon = DaemonPlan { token, user: WorldOptions::DEFAULT_USER, all_jobs, set };
        Self {
            seed,
            start,
            horizon,
            world,
            hazards: Hazards { notified: 1.0, ..Hazards::default() },
            daemons: vec![daemon],
            variants_later: Vec::new(),
            agents_machine: Some(0),
            page_size: 50,
            doubtful: false,
            settle: Settle::Stop,
            trace: false,
        }
    }
}

/// Often within a day of a change of the clocks in one of the zones.
fn draw_start(chance: &mut Chance) -> Timestamp {
    // 2026: spring and autumn in Berlin, spring and autumn in New York, a plain day.
    const DAYS: [&str; 5] = [
        "2026-03-28T22:00:00Z",
        "2026-10-24T21:00:00Z",
        "2026-03-08T03:00:00Z",
        "2026-11-01T02:00:00Z",
        "2026-07-14T10:00:00Z",
    ];
    let day: Timestamp = DAYS[chance.below(DAYS.len())].parse().expect("these are instants");
    day + millis(i64::try_from(chance.below(5 * 3_600_000)).unwrap_or(0))
}

pub(super) fn draw_users(count: usize) -> Vec<SimUser> {
    (0..count)
        .map(|number| {
            let id = UserId(Uuid::from_u128(0x5eed_0001 + number as u128));
            SimUser::new(id, &format!("user-{number}"), &format!("token-{number}"))
        })
        .collect()
}

fn draw_agent(chance: &mut Chance, exclusive_user: bool) -> AgentSettings {
    AgentSettings {
        poll_interval: SignedDuration::from_secs([5, 15, 60][chance.below(3)]),
        request_timeout: SignedDuration::from_secs([5, 30][chance.below(2)]),
        max_active: [1, 2, 8][chance.below(3)],
        adopt_window: SignedDuration::from_secs([30, 120, 300][chance.below(3)]),
        exclusive_user,
        ..AgentSettings::default()
    }
}

fn draw_world(chance: &mut Chance, users: &[SimUser], foreign_same_user: bool) -> WorldOptions {
    let slow_pick_up = chance.happens(0.25);
    let mut swarm = Swarm { chance };
    let faults = FaultRates {
        post_lost_before: swarm.rate(0.3),
        post_lost_after: swarm.rate(0.5),
        post_late: swarm.rate(0.3),
        // Within the smallest `request_timeout` + 30 s.
        post_late_by: Span::millis(100, 30_000),
        post_stalled: swarm.rate(0.2),
        post_error_before: swarm.rate(0.2),
        post_error_after: swarm.rate(0.3),
        post_problem_before: swarm.rate(0.2),
        post_problem_after: swarm.rate(0.2),
        post_refused: swarm.rate(0.1),
        list_failed: swarm.rate(0.3),
        list_stalled: swarm.rate(0.1),
        cancel_lost_before: swarm.rate(0.5),
        cancel_lost_after: swarm.rate(0.5),
        cancel_failed: swarm.rate(0.5),
        cancel_ignored: swarm.rate(0.4),
        cancel_outrun: swarm.rate(0.4),
        other_lost: swarm.rate(0.2),
        bad_token: swarm.rate(0.05),
        slow: swarm.rate(0.2),
        slow_by: Span::millis(100, 40_000),
    };
    let endings = Endings {
        partial: swarm.rate(0.3),
        empty: swarm.rate(0.2),
        error: swarm.rate(0.5),
        stall: swarm.rate(0.3),
        vanish: swarm.rate(0.1),
    };
    let people = People {
        act_every: swarm.every(Span::millis(120_000, 3_600_000)),
        cancel_share: 0.5,
        foreign_every: swarm.every(Span::millis(60_000, 1_800_000)),
        foreign_same_user: if foreign_same_user { 0.5 } else { 0.0 },
        foreign_same_places: 0.7,
        foreign_sync: 0.3,
        restart_every: swarm.every(Span::millis(900_000, 7_200_000)),
        down_for: Span::millis(1_000, 600_000),
        restart_loses_created: 0.5,
        restart_fails_running: 0.2,
        status_change_every: swarm.every(Span::millis(900_000, 7_200_000)),
        status_change_for: Span::millis(5_000, 900_000),
        forget_after: swarm.every(Span::millis(600_000, 86_400_000)),
    };
    let variants = Variants {
        manual_type: swarm.chance.happens(0.2),
        list_created: swarm.chance.happens(0.1),
        duplicate_check: swarm.chance.happens(0.15),
        ..Variants::default()
    };
    let skew = swarm.rate(40.0) - swarm.rate(40.0);
    let jitter = swarm.rate(15.0);
    WorldOptions {
        users: users.to_vec(),
        pick_up: if slow_pick_up { Span::millis(10, 900_000) } else { Span::millis(5, 20_000) },
        duration: Span::millis(200, [60_000, 900_000, 5_400_000][chance.below(3)]),
        cancel_takes: Span::millis(5, 30_000),
        clock_skew: SignedDuration::from_secs_f64(skew.round()),
        date_jitter: SignedDuration::from_secs_f64(jitter.round()),
        endings,
        faults,
        people,
        variants,
        ..WorldOptions::default()
    }
}

fn draw_hazards(chance: &mut Chance) -> Hazards {
    let mut swarm = Swarm { chance };
    let often = Span::millis(300_000, 7_200_000);
    Hazards {
        latency: Span::millis(1, 300),
        crash_before_commit: swarm.rate(0.02),
        crash_after_commit: swarm.rate(0.05),
        crash_every: swarm.every(often),
        commit_fails: swarm.rate(0.03),
        disk_full_every: swarm.every(often),
        repeated_answer: swarm.rate(0.2),
        suspend_every: swarm.every(often),
        clock_step_every: swarm.every(often),
        reload_every: swarm.every(often),
        operator_every: swarm.every(often),
        token_every: swarm.every(often),
        notified: swarm.rate(1.0),
        ..Hazards::default()
    }
}
