//! Findings as sentences, and their vocabulary.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Report;
use crate::cli::render::words::span;
use crate::core::duration;
use crate::core::ids::JobName;
use crate::core::job::Job;
use crate::core::schedule::DstEffectKind;
use crate::sim::rehearsal::{Busy, Finding, Moved, Often, Pace, Wait};

/// Jobs that are named in one sentence; the others are counted.
const NAMED: usize = 3;

/// A time with its offset, without seconds where there are none.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned_datetime(zone.clone());
    let form = if at.second() == 0 { "%Y-%m-%d %H:%M %:z" } else { "%Y-%m-%d %H:%M:%S %:z" };
    at.strftime(form).to_string()
}

/// A number with its thousands separated.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "once", "twice", "3 times".
fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{} times", grouped(number)),
    }
}

/// How often, and on how many days.
fn how_often(often: &Often) -> String {
    let Often { times: number, days, of_days, .. } = *often;
    let on_days = match (days, of_days) {
        (1, 1) => return times(number),
        (2, 2) => "on both days".to_owned(),
        (days, of_days) if days == of_days => format!("on all {of_days} days"),
        (days, of_days) => format!("on {days} of {of_days} days"),
    };
    if number == days { on_days } else { format!("{}, {on_days},", times(number)) }
}

/// A list in words, its end counted: "`a`, `b` and 3 others".
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        few if few.len() <= NAMED + 1 => {
            let (last, before) = few.split_last().unwrap_or((&few[0], &[]));
            format!("{} and {last}", before.join(", "))
        }
        many => format!("{} and {} others", many[..NAMED].join(", "), many.len() - NAMED),
    }
}

fn quoted(job: &JobName) -> String {
    format!("`{job}`")
}

/// The obstacle of a run, after "waits" or "waited".
fn waits_for(wait: &Wait) -> String {
    match wait {
        Wait::Slot => "for a slot".to_owned(),
        Wait::Destination(other) => format!("for `{other}` at its destination"),
        Wait::Own => "for its own last run".to_owned(),
        Wait::Other => "to be started".to_owned(),
    }
}

/// The activity of the previous run, after "because".
fn because(busy: &Busy) -> String {
    match busy {
        Busy::Running => "it is still running".to_owned(),
        Busy::Retrying => "its last run is still being retried".to_owned(),
        Busy::Waiting(wait) => format!("its last run still waits {}", waits_for(wait)),
    }
}

/// Makes sentences about a rehearsal.
pub(super) struct Sentences<'a> {
    report: &'a Report<'a>,
    jobs: BTreeMap<&'a JobName, &'a Job>,
}

impl<'a> Sentences<'a> {
    /// The sentences about this rehearsal.
    pub(super) fn new(report: &'a Report<'a>) -> Self {
        let jobs = report.played.jobs.iter().map(|story| (&story.job.name, &*story.job)).collect();
        Self { report, jobs }
    }

    /// A time in a job's own zone.
    fn at(&self, job: &JobName, at: Timestamp) -> String {
        let zone = self.jobs.get(job).map(|job| job.timetable.zone());
        time(at, zone.unwrap_or(&self.report.rehearsal.zone))
    }

    /// A finding, as a sentence without its full stop.
    pub(super) fn of(&self, finding: &Finding) -> String {
        match finding {
            Finding::Overlapped { job, often, busy, always, queued } => {
                let mostly = if *always { "" } else { "mostly " };
                let why = match busy {
                    _ if *queued => "one run is active and one waits behind it".to_owned(),
                    Some(busy) => because(busy),
                    None => "its last run is not over".to_owned(),
                };
                let often = how_often(often);
                format!("`{job}` is skipped {often} {mostly}because {why}{}", self.first(finding))
            }
            Finding::TooLate { job, often, wait } => {
                let within = self.jobs.get(job).and_then(|job| job.terms.start_within);
                let within = within.map(duration::format).unwrap_or_default();
                let waits = waits_for(wait.as_ref().unwrap_or(&Wait::Other));
                format!(
                    "`{job}` is given up {} because it waits {waits} for longer than its \
                     `start_within` ({within}){}",
                    how_often(often),
                    self.first(finding)
                )
            }
            Finding::TimedOut { job, often, of } => {
                let timeout = self.jobs.get(job).map(|job| duration::format(job.terms.timeout));
                format!(
                    "`{job}` times out in {}: its `timeout` is {}, a transfer takes {}{}",
                    of_runs(often.times, *of),
                    timeout.unwrap_or_default(),
                    takes(self.report.rehearsal.pace(job)),
                    self.first(finding)
                )
            }
            Finding::Failed { job, often, of } => {
                let attempts = self.jobs.get(job).map_or(1, |job| job.terms.retry.max_attempts);
                let attempts = match attempts {
                    1 => "its only attempt".to_owned(),
                    number => format!("each of its {number} attempts"),
                };
                format!(
                    "`{job}` fails in {}, with {attempts}{}",
                    of_runs(often.times, *of),
                    self.first(finding)
                )
            }
            Finding::Late { job, often, longest } => {
                let age = self.jobs.get(job).and_then(|job| job.max_age).map(duration::format);
                format!(
                    "`{job}` is late {}: its `max_age` is {}, the longest time without a success \
                     {}; {} {}",
                    times(often.times),
                    age.unwrap_or_default(),
                    span(*longest),
                    if often.times == 1 { "from" } else { "first from" },
                    self.at(job, often.first)
                )
            }
            Finding::Replaced { job, often } => format!(
                "`{job}` is cut short {} by its own next occurrence (`overlap: replace`){}",
                how_often(often),
                self.first(finding)
            ),
            Finding::Slots { jobs, often, wanted } => {
                let waits: Vec<String> = jobs
                    .iter()
                    .map(|(job, longest)| format!("`{job}` (up to {})", span(longest.lasted)))
                    .collect();
                let verb = if jobs.len() == 1 { "waits" } else { "wait" };
                let at = wanted.at.map(|at| time(at, &self.report.rehearsal.zone));
                format!(
                    "not all fit under `max_active: {}` {} {} {verb} for a slot; at the worst, {}, \
                     {} transfers want to run at once",
                    self.report.rehearsal.set.agent.max_active,
                    colon(how_often(often)),
                    listed(&waits),
                    at.unwrap_or_default(),
                    wanted.count
                )
            }
            Finding::Meeting { job, other, place, often, longest } => format!(
                "`{job}` and `{other}` meet at `{place}` {} the first waits for the second, up to \
                 {}{}",
                colon(how_often(often)),
                span(longest.lasted),
                self.first(finding)
            ),
            Finding::Behind { job, often, longest } => format!(
                "`{job}` waits for its own last run {} (`overlap: queue`), up to {}{}",
                how_often(often).trim_end_matches(','),
                span(longest.lasted),
                self.first(finding)
            ),
            Finding::Clock { zone, at, kind, moved } => self.clock(zone, *at, *kind, moved),
            Finding::NeverDue { jobs } => {
                let names: Vec<String> = jobs.iter().map(quoted).collect();
                let verb = if jobs.len() == 1 { "has" } else { "have" };
                format!("{} {verb} no occurrence in this time", listed(&names))
            }
        }
    }

    /// When it first happens, in the zone of its first job.
    fn first(&self, finding: &Finding) -> String {
        let often = finding.often().zip(finding.jobs().first().copied());
        often.map_or_else(String::new, |(often, job)| {
            let only = if often.times == 1 { ", on" } else { "; first on" };
            format!("{only} {}", self.at(job, often.first))
        })
    }

    fn clock(&self, zone: &str, at: Timestamp, kind: DstEffectKind, moved: &[Moved]) -> String {
        let mut jobs: BTreeMap<&JobName, Vec<String>> = BTreeMap::new();
        for one in moved {
            jobs.entry(&one.job).or_default().push(one.wall.strftime("%H:%M").to_string());
        }
        let names: Vec<String> =
            jobs.iter().map(|(job, walls)| format!("`{job}` ({})", walls.join(", "))).collect();
        let verb = if names.len() == 1 { "runs" } else { "run" };
        let first = moved.first().map_or(at, |one| one.runs_at);
        let local = |at: Timestamp, form: &str| {
            let zone = moved.first().and_then(|one| self.jobs.get(&one.job));
            let zone = zone.map_or(&self.report.rehearsal.zone, |job| job.timetable.zone());
            at.to_zoned_datetime(zone.clone()).strftime(form).to_string()
        };
        let day = local(first, "%Y-%m-%d");
        match kind {
            DstEffectKind::Removed => format!(
                "on {day} the clocks of {zone} go forward: {} {verb} at {} instead",
                listed(&names),
                local(at, "%H:%M %:z")
            ),
            DstEffectKind::Repeated => format!(
                "on {day} the clocks of {zone} go back: {} {verb} once, the first time ({})",
                listed(&names),
                local(first, "%:z")
            ),
        }
    }
}

/// "in …", of runs.
fn of_runs(number: u64, of: u64) -> String {
    match (number, of) {
        (1, 1) => "its only run".to_owned(),
        (2, 2) => "both runs".to_owned(),
        (number, of) if number == of => format!("all {} runs", grouped(of)),
        (number, of) => format!("{} of {} runs", grouped(number), grouped(of)),
    }
}

/// Replaces a comma by a colon where there may be one.
fn colon(text: String) -> String {
    format!("{}:", text.trim_end_matches(','))
}

/// The duration of a transfer, and its source.
fn takes(pace: &Pace) -> String {
    match pace {
        Pace::Given(duration) => span(*duration),
        Pace::Assumed(duration) => format!("{}, as assumed", span(*duration)),
        Pace::Measured(seen) => {
            let longest = seen.iter().max().copied().unwrap_or_default();
            format!("up to {}, as measured", span(longest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn often(times: u64, days: u64, of_days: u64) -> String {
        how_often(&Often { times, days, of_days, first: Timestamp::UNIX_EPOCH })
    }

    #[test]
    fn frequencies_read_as_people_say_them() {
        assert_eq!(often(12, 12, 30), "on 12 of 30 days");
        assert_eq!(often(30, 30, 30), "on all 30 days");
        assert_eq!(often(96, 12, 30), "96 times, on 12 of 30 days,");
        assert_eq!(often(2, 2, 2), "on both days");
        assert_eq!(often(1, 1, 1), "once");
        assert_eq!(often(5, 1, 1), "5 times");
        assert_eq!(often(1, 1, 30), "on 1 of 30 days");
    }

    #[test]
    fn long_lists_end_in_a_count() {
        let names = |n: usize| (0..n).map(|i| format!("`{i}`")).collect::<Vec<_>>();
        assert_eq!(listed(&names(1)), "`0`");
        assert_eq!(listed(&names(2)), "`0` and `1`");
        assert_eq!(listed(&names(4)), "`0`, `1`, `2` and `3`");
        assert_eq!(listed(&names(9)), "`0`, `1`, `2` and 6 others");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
