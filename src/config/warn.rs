//! Warnings: findings that are not errors, about schedules, DST and timeouts. Overlapping places
//! are in `overlaps`.
//!
//! Keeps true: each distinct schedule is looked at once, so that 10,000 jobs cost little.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::Surroundings;
use super::build::Facts;
use super::overlaps;
use super::problem::{Problem, Spot, WarningKind};
use crate::core::duration;
use crate::core::ids::JobName;
use crate::core::job::Job;
use crate::core::schedule::{DstEffect, DstEffectKind, ScheduleWarning, Timetable};

/// How far ahead DST changes are looked for.
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Jobs that are named when a DST change moves their times; the others are counted.
const NAMED: usize = 3;

/// Intervals of a schedule that are examined for the shortest one: a day of an hourly job.
const INTERVALS: usize = 24;

/// Reports all warnings about valid jobs.
pub(crate) fn about(
    jobs: &BTreeMap<JobName, Arc<Job>>,
    facts: &[Facts],
    surroundings: &Surroundings,
    problems: &mut Vec<Problem>,
) {
    let mut about = About {
        now: surroundings.now,
        schedules: HashMap::new(),
        effects: HashMap::new(),
        intervals: HashMap::new(),
        told: HashSet::new(),
        moved: BTreeMap::new(),
        timeouts: BTreeMap::new(),
        problems,
    };
    for fact in facts {
        let Some(job) = jobs.get(&fact.name) else { continue };
        about.schedules(fact);
        if job.enabled {
            about.dst(job, fact);
            about.timeout(job, fact);
        }
    }
    about.report_moved();
    about.report_timeouts();
    overlaps::about(jobs, facts, problems);
    idle(jobs, facts, problems);
}

/// Warns of a file in which every schedule is switched off: it does nothing by itself, and looks as
/// if it did.
fn idle(jobs: &BTreeMap<JobName, Arc<Job>>, facts: &[Facts], problems: &mut Vec<Problem>) {
    let mut scheduled = jobs.values().filter(|job| !job.timetable.is_empty()).peekable();
    if scheduled.peek().is_none() || scheduled.any(|job| job.enabled) {
        return;
    }
    let off = |fact: &&Facts| jobs.get(&fact.name).is_some_and(|job| !job.timetable.is_empty());
    let Some(first) = facts.iter().find(off) else { return };
    let at = first.enabled.unwrap_or(first.destination);
    problems.push(
        Problem::warning(
            WarningKind::Other,
            at,
            "no job is scheduled: each one that has a schedule is `enabled: false`",
        )
        .hint("remove that line when the accounts and places are right"),
    );
}

/// A time that a DST change moves.
struct Moved {
    kind: DstEffectKind,
    fires: ZonedDateTime,
    /// Its place in the first of the jobs.
    at: Spot,
    jobs: Vec<JobName>,
}

impl Moved {
    fn problem(&self, wall: DateTime, zone: &str) -> Problem {
        let (wall_time, date) = (wall.strftime("%H:%M"), wall.strftime("%Y-%m-%d"));
        let names: Vec<_> = self.jobs.iter().take(NAMED).map(|job| format!("`{job}`")).collect();
        let more = self.jobs.len() - names.len();
        let jobs = match (names.split_last(), more) {
            (Some((last, [])), 0) => last.clone(),
            (Some((last, rest)), 0) => format!("{} and {last}", rest.join(", ")),
            (_, 1) => format!("{} and 1 other", names.join(", ")),
            (_, more) => format!("{} and {more} others", names.join(", ")),
        };
        let verb = if self.jobs.len() == 1 { "fires" } else { "fire" };
        let fires = &self.fires;
        let message = match self.kind {
            DstEffectKind::Removed => format!(
                "{wall_time} does not exist in {zone} on {date}, when the clock goes forward: \
                 {jobs} {verb} at {} then",
                fires.strftime("%H:%M")
            ),
            DstEffectKind::Repeated => format!(
                "{wall_time} comes twice in {zone} on {date}, when the clock goes back: {jobs} \
                 {verb} once, the first time, at {}",
                fires.strftime("%H:%M %:z")
            ),
        };
        Problem::warning(WarningKind::Dst, self.at, message)
    }
}

struct About<'p> {
    now: Timestamp,
    schedules: HashMap<String, Vec<ScheduleWarning>>,
    effects: HashMap<(String, String), Vec<DstEffect>>,
    intervals: HashMap<(String, String), Option<SignedDuration>>,
    told: HashSet<(Spot, usize)>,
    /// The jobs of each time that a DST change moves, by instant, wall time and zone.
    moved: BTreeMap<(Timestamp, DateTime, String), Moved>,
    /// For each place that sets a timeout, the warning, and the number of its jobs.
    timeouts: BTreeMap<Spot, (String, usize)>,
    problems: &'p mut Vec<Problem>,
}

impl About<'_> {
    fn schedules(&mut self, fact: &Facts) {
        for (schedule, at) in &fact.schedules {
            let warnings = self
                .schedules
                .entry(schedule.text().to_owned())
                .or_insert_with(|| schedule.warnings());
            for (i, warning) in warnings.iter().enumerate() {
                // An expression in the defaults is checked once, not once for each job.
                if self.told.insert((*at, i)) {
                    self.problems.push(
                        Problem::warning(WarningKind::Schedule, *at, warning.message.clone())
                            .maybe_hint(warning.hint.clone())
                            .inside(warning.span.clone()),
                    );
                }
            }
        }
    }

    fn dst(&mut self, job: &Job, fact: &Facts) {
        let zone_name = job.timetable.zone_name();
        for (schedule, at) in &fact.schedules {
            let key = (schedule.text().to_owned(), zone_name.to_owned());
            let (from, until) = (self.now, self.now.saturating_add(YEAR).unwrap_or(self.now));
            let effects = self.effects.entry(key).or_insert_with(|| {
                let zone = job.timetable.zone().clone();
                let mut effects = Timetable::new(vec![schedule.clone()], zone_name, zone)
                    .dst_effects(from, until);
                // One time is enough for all that the same change moves.
                effects.dedup_by_key(|effect| effect.at);
                effects
            });
            for effect in effects {
                let key = (effect.at, effect.wall, zone_name.to_owned());
                let moved = self.moved.entry(key).or_insert_with(|| Moved {
                    kind: effect.kind,
                    fires: effect.fires_at.to_zoned_datetime(job.timetable.zone().clone()),
                    at: *at,
                    jobs: Vec::new(),
                });
                if moved.jobs.last() != Some(&job.name) {
                    moved.jobs.push(job.name.clone());
                }
            }
        }
    }

    /// Reports one note for all jobs whose same time is moved by the same change.
    fn report_moved(&mut self) {
        for ((_, wall, zone), moved) in std::mem::take(&mut self.moved) {
            self.problems.push(moved.problem(wall, &zone));
        }
    }

    fn timeout(&mut self, job: &Job, fact: &Facts) {
        let (Some(at), false) = (fact.timeout, job.timetable.is_empty()) else { return };
        let timeout = job.terms.timeout;
        let expressions: Vec<&str> = job.timetable.expressions().collect();
        let key = (expressions.join("\n"), job.timetable.zone_name().to_owned());
        let now = self.now;
        let shortest =
            self.intervals.entry(key).or_insert_with(|| shortest_interval(&job.timetable, now));
        let Some(interval) = *shortest else { return };
        if interval >= timeout {
            return;
        }
        let said = self.timeouts.entry(at).or_insert_with(|| {
            let words = format!(
                "the `timeout` of `{}` ({}) is longer than its schedule's interval ({})",
                job.name,
                duration::format(timeout),
                duration::format(interval),
            );
            (words, 0)
        });
        said.1 += 1;
    }

    /// Reports one warning for all jobs that have their timeout from the same place.
    fn report_timeouts(&mut self) {
        for (at, (first, jobs)) in std::mem::take(&mut self.timeouts) {
            let message = match jobs {
                1 => first,
                more => format!("{more} jobs: for example, {first}"),
            };
            self.problems.push(
                Problem::warning(WarningKind::Timeout, at, message)
                    .hint("a run can still be active when the next is due; `overlap` decides"),
            );
        }
    }
}

fn shortest_interval(timetable: &Timetable, now: Timestamp) -> Option<SignedDuration> {
    let mut from = timetable.next_after(now)?;
    let mut shortest: Option<SignedDuration> = None;
    for _ in 0..INTERVALS {
        let Some(next) = timetable.next_after(from) else { break };
        let interval = next.duration_since(from);
        if shortest.is_none_or(|so_far| interval < so_far) {
            shortest = Some(interval);
        } else if interval > SignedDuration::from_hours(24) {
            // Days apart: further ones add nothing.
            break;
        }
        from = next;
    }
    shortest
}
