//! Findings of a rehearsal: everything that keeps jobs from running as their author would expect.
//!
//! Facts only; the sentences are made where they are shown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::ledger::Ledger;
use super::limits::WORTH_A_WORD;
use super::load::Peak;
use super::plan::Rehearsal;
use super::story::{Busy, JobStory, Longest, Tally, Wait};
use transferd_engine::ids::JobName;
use transferd_engine::job::Overlap;
use transferd_engine::schedule::DstEffectKind;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something does not run, or not to its end.
    Bad,
    /// Something waits.
    Doubtful,
    /// Worth knowing.
    Note,
}

/// A frequency, in times and in days of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Often {
    /// The number of times.
    pub times: u64,
    /// The number of days on which it happens.
    pub days: u64,
    /// The number of days with an occurrence.
    pub of_days: u64,
    /// The first occurrence that it happens to.
    pub first: Timestamp,
}

/// An occurrence that a change of the clocks moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The job.
    pub job: JobName,
    /// The time named by its schedule.
    pub wall: DateTime,
    /// When it runs.
    pub runs_at: Timestamp,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Occurrences are skipped because the job's last run is not over.
    Overlapped {
        /// The job.
        job: JobName,
        /// How often.
        often: Often,
        /// The usual activity of that run.
        busy: Option<Busy>,
        /// It is always that activity.
        always: bool,
        /// Another run already waits for the active one (`overlap: queue`).
        queued: bool,
    },
    /// Runs are given up because they can't start within `start_within`.
    TooLate {
        /// The job.
        job: JobName,
        /// How often.
        often: Often,
        /// Their usual obstacle.
        wait: Option<Wait>,
    },
    /// Runs pass their `timeout`.
    TimedOut {
        /// The job.
        job: JobName,
        /// How often.
        often: Often,
        /// The number of runs that started.
        of: u64,
    },
    /// Runs fail for good.
    Failed {
        /// The job.
        job: JobName,
        /// How often.
        often: Often,
        /// The number of runs that started.
        of: u64,
    },
    /// The job does not succeed for longer than `max_age`.
    Late {
        /// The job.
        job: JobName,
        /// How often it becomes late, and the first time.
        often: Often,
        /// The longest time without a success.
        longest: SignedDuration,
    },
    /// Runs are cut short by their job's next occurrence (`overlap: replace`).
    Replaced {
        /// The job.
        job: JobName,
        /// How often.
        often: Often,
    },
    /// `max_active` is too low for all runs that want to start at once.
    Slots {
        /// Jobs that wait, the longest wait first, each with that wait.
        jobs: Vec<(JobName, Longest)>,
        /// How often any of them waits.
        often: Often,
        /// Transfers in flight and runs that wait for a slot, at the worst moment.
        wanted: Peak,
    },
    /// Two jobs share a destination: one waits for the other.
    Meeting {
        /// The job that waits.
        job: JobName,
        /// The one that it waits for.
        other: JobName,
        /// The first shared place: bucket and path.
        place: String,
        /// How often.
        often: Often,
        /// The longest wait.
        longest: Longest,
    },
    /// Runs wait for their own job's last run (`overlap: queue`).
    Behind {
        /// The job.
        job: JobName,
        /// How often.
        often: Often,
        /// The longest wait.
        longest: Longest,
    },
    /// A change of the clocks moves occurrences.
    Clock {
        /// The zone.
        zone: String,
        /// When the clocks change.
        at: Timestamp,
        /// Whether it removes times or repeats them.
        kind: DstEffectKind,
        /// The occurrences, by job.
        moved: Vec<Moved>,
    },
    /// Jobs with a schedule that names no time in this period.
    NeverDue {
        /// The jobs.
        jobs: Vec<JobName>,
    },
}

impl Finding {
    /// Its severity.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Overlapped { .. }
            | Self::TooLate { .. }
            | Self::TimedOut { .. }
            | Self::Failed { .. }
            | Self::Late { .. } => Severity::Bad,
            Self::Replaced { .. }
            | Self::Slots { .. }
            | Self::Meeting { .. }
            | Self::Behind { .. } => Severity::Doubtful,
            Self::Clock { .. } | Self::NeverDue { .. } => Severity::Note,
        }
    }

    /// How often it happens; absent if that does not apply.
    pub fn often(&self) -> Option<Often> {
        match self {
            Self::Overlapped { often, .. }
            | Self::TooLate { often, .. }
            | Self::TimedOut { often, .. }
            | Self::Failed { often, .. }
            | Self::Late { often, .. }
            | Self::Replaced { often, .. }
            | Self::Slots { often, .. }
            | Self::Meeting { often, .. }
            | Self::Behind { often, .. } => Some(*often),
            Self::Clock { .. } | Self::NeverDue { .. } => None,
        }
    }

    /// The jobs that it is about.
    pub fn jobs(&self) -> Vec<&JobName> {
        match self {
            Self::Overlapped { job, .. }
            | Self::TooLate { job, .. }
            | Self::TimedOut { job, .. }
            | Self::Failed { job, .. }
            | Self::Late { job, .. }
            | Self::Replaced { job, .. }
            | Self::Behind { job, .. } => vec![job],
            Self::Meeting { job, other, .. } => vec![job, other],
            Self::Slots { jobs, .. } => jobs.iter().map(|(job, _)| job).collect(),
            Self::Clock { moved, .. } => moved.iter().map(|moved| &moved.job).collect(),
            Self::NeverDue { jobs } => jobs.iter().collect(),
        }
    }
}

/// All findings of a rehearsal played up to `until`, the worst and most frequent first.
pub(super) fn of(ledger: &Ledger, rehearsal: &Rehearsal, until: Timestamp) -> Vec<Finding> {
    let mut findings: Vec<Finding> = ledger.jobs.values().flat_map(of_job).collect();
    findings.extend(slots(ledger));
    findings.extend(clocks(ledger, rehearsal.from, until));
    if until == rehearsal.until {
        let never = ledger.jobs.values().filter(|it| it.is_scheduled() && it.counts.due == 0);
        let jobs: Vec<JobName> = never.map(|story| story.job.name.clone()).collect();
        if !jobs.is_empty() {
            findings.push(Finding::NeverDue { jobs });
        }
    }
    // Stable: equal ones stay in the order of names and of time.
    findings.sort_by_key(|finding| {
        (finding.severity(), Reverse(finding.often().map_or(0, |often| often.times)))
    });
    findings
}

fn often(tally: &Tally, of_days: u64) -> Option<Often> {
    let days = u64::try_from(tally.days.len()).unwrap_or(u64::MAX);
    Some(Often { times: tally.times, days, of_days, first: tally.first? })
}

/// The most frequent item, and whether it is the only one.
fn mostly<T: Clone + Ord>(counts: &BTreeMap<T, u64>) -> (Option<T>, bool) {
    let most = counts.iter().max_by_key(|(_, count)| **count);
    (most.map(|(what, _)| what.clone()), counts.len() == 1)
}

fn of_job(story: &JobStory) -> Vec<Finding> {
    let job = story.job.name.clone();
    let of = |tally: &Tally| often(tally, story.days);
    let (started, mut findings) = (story.counts.due - story.counts.skipped, Vec::new());
    if let Some(often) = of(&story.overlapped) {
        let (busy, always) = mostly(&story.busy);
        let queued = story.job.overlap == Overlap::Queue;
        let job = job.clone();
        findings.push(Finding::Overlapped { job, often, busy, always, queued });
    }
    if let Some(often) = of(&story.too_late) {
        let (wait, _) = mostly(&story.too_late_for);
        findings.push(Finding::TooLate { job: job.clone(), often, wait });
    }
    if let Some(often) = of(&story.timed_out) {
        findings.push(Finding::TimedOut { job: job.clone(), often, of: started });
    }
    if let Some(often) = of(&story.failed) {
        findings.push(Finding::Failed { job: job.clone(), often, of: started });
    }
    if let (Some(often), Some(longest)) = (of(&story.late), story.late.longest) {
        findings.push(Finding::Late { job: job.clone(), often, longest: longest.lasted });
    }
    if let Some(often) = of(&story.replaced) {
        findings.push(Finding::Replaced { job: job.clone(), often });
    }
    for (wait, tally) in &story.waits {
        let long = tally.longest.filter(|longest| longest.lasted >= WORTH_A_WORD);
        let (Some(often), Some(longest)) = (of(tally), long) else { continue };
        match wait {
            Wait::Destination(other) => {
                let place = story.places.get(other).cloned().unwrap_or_default();
                let (job, other) = (job.clone(), other.clone());
                findings.push(Finding::Meeting { job, other, place, often, longest });
            }
            // A run that replaces another waits for its cancellation only.
            Wait::Own if story.job.overlap == Overlap::Queue => {
                findings.push(Finding::Behind { job: job.clone(), often, longest });
            }
            Wait::Own | Wait::Slot | Wait::Other => {}
        }
    }
    findings
}

/// Compares `max_active` with all jobs together.
fn slots(ledger: &Ledger) -> Option<Finding> {
    let mut jobs: Vec<(JobName, Longest)> = Vec::new();
    let (mut times, mut days, mut first) = (0, BTreeSet::<Date>::new(), None::<Timestamp>);
    for story in ledger.jobs.values() {
        let Some(tally) = story.waits.get(&Wait::Slot) else { continue };
        let Some(longest) = tally.longest else { continue };
        times += tally.times;
        days.extend(&tally.days);
        first = first.into_iter().chain(tally.first).min();
        jobs.push((story.job.name.clone(), longest));
    }
    jobs.sort_by_key(|(_, longest)| Reverse(longest.lasted));
    if jobs.first().is_none_or(|(_, longest)| longest.lasted < WORTH_A_WORD) {
        return None;
    }
    let of_days = u64::try_from(ledger.days.len()).unwrap_or(u64::MAX);
    let days = u64::try_from(days.len()).unwrap_or(u64::MAX);
    let often = Often { times, days, of_days, first: first? };
    Some(Finding::Slots { jobs, often, wanted: ledger.load.wanted })
}

/// The changes of clocks that move occurrences, each once for all jobs of a zone.
fn clocks(ledger: &Ledger, from: Timestamp, until: Timestamp) -> Vec<Finding> {
    let mut changes: BTreeMap<(Timestamp, String, bool), Vec<Moved>> = BTreeMap::new();
    for story in ledger.jobs.values().filter(|story| story.is_scheduled()) {
        let job = &story.job;
        for effect in job.timetable.dst_effects(from, until) {
            let removed = effect.kind == DstEffectKind::Removed;
            let zone = job.timetable.zone_name().to_owned();
            changes.entry((effect.at, zone, removed)).or_default().push(Moved {
                job: job.name.clone(),
                wall: effect.wall,
                runs_at: effect.fires_at,
            });
        }
    }
    let finding = |((at, zone, removed), moved)| {
        let kind = if removed { DstEffectKind::Removed } else { DstEffectKind::Repeated };
        Finding::Clock { zone, at, kind, moved }
    };
    changes.into_iter().map(finding).collect()
}
