//! Digests: one summary of everything since the previous one.
//!
//! The ends of runs are counted from the events in the history, in the order in which they were
//! recorded, so that no end is left out or counted twice, whatever the clock did. Knows no store:
//! it is given events and rows. Keeps true: a digest is bounded, however long the time it covers.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::amount::{bytes, dollars, summed_dollars};
use super::event::{EventKind, Happening};
use super::ids::{AlertKey, JobName, RunId};
use super::limits::{DIGEST_FAILURES, DIGEST_JOBS, DIGEST_LISTED, DIGEST_NAMED, WORDS_MAX};
use super::meant::CoveredJobs;
use super::plain::one_line;
use super::reason::ReasonCode;
use super::run::{Attempt, Run, RunState};
use super::schedule::Timetable;

/// How far the digests of an entry have got: recorded with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestMark {
    /// The entry of the job file.
    pub key: AlertKey,
    /// When.
    pub at: Timestamp,
    /// The last event that was reported, by its number in the history.
    pub event: u64,
    /// The jobs that it covers ([`DigestEntry::coverage`](super::job::DigestEntry::coverage)).
    /// Absent in marks of older versions.
    #[serde(default)]
    pub coverage: Option<Uuid>,
}

/// A time in which runs waited for the agent so long that it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// Until when; absent while it lasts.
    pub until: Option<Timestamp>,
}

/// Runs by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// That succeeded.
    pub succeeded: u64,
    /// That failed.
    pub failed: u64,
    /// That timed out.
    pub timed_out: u64,
    /// That somebody canceled.
    pub canceled: u64,
    /// That were skipped.
    pub skipped: u64,
}

/// The outcomes of a job's runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEnds {
    /// The job.
    pub job: JobName,
    /// Its runs.
    #[serde(flatten)]
    pub ends: Ends,
}

/// A job that has failed, by its last failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The job.
    pub job: JobName,
    /// The run that failed last.
    pub run: RunId,
    /// `failed` or `timed_out`.
    pub state: RunState,
    /// The occurrence that it was for.
    pub scheduled_for: Option<Timestamp>,
    /// Why, in words.
    pub reason: String,
    /// The reason as a code.
    pub reason_code: Option<ReasonCode>,
    /// The agent's words on the failure.
    pub cause: Option<String>,
    /// How many of the job's runs have failed or timed out.
    pub times: u64,
    /// The job has succeeded since.
    pub recovered: bool,
}

/// Occurrences of a job that did not run, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// The job.
    pub job: JobName,
    /// How many.
    pub times: u64,
    /// Why the last of them did not, in words.
    pub reason: String,
    /// The reason as a code.
    pub reason_code: Option<ReasonCode>,
}

/// A job that is late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateJob {
    /// The job.
    pub job: JobName,
    /// Since when.
    pub since: Timestamp,
}

/// A summary of the history over a span of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gathered {
    /// All runs that ended.
    pub runs: Ends,
    /// Objects that they have transferred.
    pub objects: u64,
    /// Bytes that they have transferred.
    pub bytes: u64,
    /// Their cost in US dollars; null where the agent does not report it.
    pub cost_usd: Option<f64>,
    /// By job, those that failed most first.
    pub jobs: Vec<JobEnds>,
    /// How many more jobs there were.
    pub jobs_more: u64,
    /// The jobs that have failed, those that have not succeeded since first.
    pub failures: Vec<Failure>,
    /// How many more jobs have.
    pub failures_more: u64,
    /// Occurrences that did not run, by job and reason, the most frequent first.
    pub not_run: Vec<NotRun>,
    /// How many more jobs and reasons there were.
    pub not_run_more: u64,
}

/// One summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// The start of its span.
    pub since: Timestamp,
    /// The end of its span.
    pub until: Timestamp,
    /// Results of runs.
    #[serde(flatten)]
    pub gathered: Gathered,
    /// Jobs that are late.
    pub late: Vec<LateJob>,
    /// How many more are.
    pub late_more: u64,
    /// Times in which runs waited for the agent.
    pub outages: Vec<Outage>,
    /// How many more there were.
    pub outages_more: u64,
}

/// How far the history was read, and the summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The last event that was read.
    pub last: u64,
    /// The summary so far.
    pub gathered: Gathered,
}

/// Collects the summary from the history.
#[derive(Debug)]
pub struct Gathering {
    wanted: CoveredJobs,
    all: Gathered,
    jobs: BTreeMap<JobName, OfJob>,
}

#[derive(Debug, Default)]
struct OfJob {
    ends: Ends,
    failure: Option<Failure>,
    not_run: BTreeMap<Option<&'static str>, NotRun>,
}

impl Ends {
    /// Counts a run; false for a state that is not an end.
    fn add(&mut self, state: RunState) -> bool {
        let count = match state {
            RunState::Succeeded => &mut self.succeeded,
            RunState::Failed => &mut self.failed,
            RunState::TimedOut => &mut self.timed_out,
            RunState::Canceled => &mut self.canceled,
            RunState::Skipped => &mut self.skipped,
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling => return false,
        };
        *count = count.saturating_add(1);
        true
    }

    fn bad(&self) -> u64 {
        self.failed.saturating_add(self.timed_out)
    }

    /// The number of all runs.
    pub fn total(&self) -> u64 {
        [self.succeeded, self.failed, self.timed_out, self.canceled, self.skipped]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn summary(&self) -> String {
        let counts = [
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.timed_out, "timed out"),
            (self.canceled, "canceled"),
            (self.skipped, "skipped"),
        ];
        let text: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if text.is_empty() { "no run has ended".to_owned() } else { text.join(", ") }
    }
}

impl Gathering {
    /// For these jobs, by name or glob; for all where none is named.
    pub fn new(jobs: &[String]) -> Self {
        Self { wanted: CoveredJobs::of(jobs), all: Gathered::default(), jobs: BTreeMap::new() }
    }

    /// The run state that an event ends in, if it is an end and the digest is about its job.
    pub fn end(&self, job: &JobName, what: &Happening) -> Option<RunState> {
        let EventKind::State(state) = what.kind() else { return None };
        (state.is_over() && self.wanted.cover(job)).then_some(state)
    }

    /// Counts an end. The run is absent if it was deleted since.
    pub fn add(&mut self, job: &JobName, state: RunState, run: Option<(&Run, &[Arc<Attempt>])>) {
        if !self.all.runs.add(state) {
            return;
        }
        let of_job = self.jobs.entry(job.clone()).or_default();
        of_job.ends.add(state);
        if state == RunState::Succeeded
            && let Some(failure) = &mut of_job.failure
        {
            failure.recovered = true;
        }
        let Some((run, attempts)) = run else { return };
        for attempt in attempts {
            let progress = &attempt.progress;
            self.all.objects = self.all.objects.saturating_add(progress.objects_transferred);
            self.all.bytes = self.all.bytes.saturating_add(progress.bytes_transferred);
            if let Some(cost) = progress.cost_usd {
                let sum = self.all.cost_usd.unwrap_or_default() + cost;
                self.all.cost_usd = Some(summed_dollars(sum));
            }
        }
        let (reason, reason_code) = (run.reason.to_string(), run.reason.code());
        if state.is_failure() {
            let cause = attempts.iter().rev().find_map(|attempt| attempt.cause.as_ref());
            of_job.failure = Some(Failure {
                job: job.clone(),
                run: run.id,
                state,
                scheduled_for: run.scheduled_for,
                reason: one_line(&reason, WORDS_MAX),
                reason_code,
                cause: cause.map(|cause| cause.message.clone()),
                times: 0,
                recovered: false,
            });
        } else if state == RunState::Skipped {
            let known = of_job.not_run.entry(reason_code.map(ReasonCode::word));
            let not_run = known.or_insert_with(|| NotRun {
                job: job.clone(),
                times: 0,
                reason: String::new(),
                reason_code,
            });
            not_run.times = not_run.times.saturating_add(1);
            not_run.reason = one_line(&reason, WORDS_MAX);
        }
    }

    /// The counts, cut to the size of a digest.
    pub fn finish(self) -> Gathered {
        let mut all = self.all;
        let (mut failures, mut not_run) = (Vec::new(), Vec::new());
        for (job, of_job) in self.jobs {
            let times = of_job.ends.bad();
            failures.extend(of_job.failure.map(|failure| Failure { times, ..failure }));
            not_run.extend(of_job.not_run.into_values());
            all.jobs.push(JobEnds { job, ends: of_job.ends });
        }
        // Stable: of equals, the first by name.
        failures.sort_by_key(|failure| (failure.recovered, Reverse(failure.times)));
        not_run.sort_by_key(|one| Reverse(one.times));
        all.jobs.sort_by_key(|one| Reverse((one.ends.bad(), one.ends.total())));
        all.jobs_more = cut(&mut all.jobs, DIGEST_JOBS);
        (all.failures_more, all.not_run_more) =
            (cut(&mut failures, DIGEST_FAILURES), cut(&mut not_run, DIGEST_LISTED));
        (all.failures, all.not_run) = (failures, not_run);
        all
    }
}

/// Cuts a list; returns the number of items removed.
pub(crate) fn cut<T>(list: &mut Vec<T>, most: usize) -> u64 {
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    u64::try_from(more).unwrap_or(u64::MAX)
}

impl Digest {
    /// An empty summary up to an instant.
    pub fn empty(at: Timestamp) -> Self {
        Self {
            since: at,
            until: at,
            gathered: Gathered::default(),
            late: Vec::new(),
            late_more: 0,
            outages: Vec::new(),
            outages_more: 0,
        }
    }

    /// How many jobs are late.
    pub fn late_jobs(&self) -> u64 {
        u64::try_from(self.late.len()).unwrap_or(u64::MAX).saturating_add(self.late_more)
    }

    /// The digest in one line for people, without the time and the machine.
    pub fn summary(&self, timetable: &Timetable) -> String {
        let gathered = &self.gathered;
        let mut text = gathered.runs.summary();
        if gathered.objects > 0 {
            let noun = if gathered.objects == 1 { "object" } else { "objects" };
            text.push_str(&format!("; {} {noun}, {}", gathered.objects, bytes(gathered.bytes)));
        }
        if let Some(cost) = gathered.cost_usd {
            text.push_str(&format!(", {}", dollars(cost)));
        }
        let failure = |one: &Failure| {
            let why = one.cause.as_deref().unwrap_or(&one.reason);
            let since = if one.recovered { ", recovered since" } else { "" };
            format!("{} ({}{since}: {why})", one.job, times(one.times))
        };
        let not_run = |one: &NotRun| format!("{} ({}: {})", one.job, times(one.times), one.reason);
        let late = |one: &LateJob| format!("{} (since {})", one.job, timetable.local(one.since));
        let outage = |one: &Outage| match one.until {
            Some(until) => {
                format!("{} to {}", timetable.local(one.since), timetable.local(until))
            }
            None => format!("since {}", timetable.local(one.since)),
        };
        let parts = [
            named("failed", &gathered.failures, gathered.failures_more, failure),
            named("did not run", &gathered.not_run, gathered.not_run_more, not_run),
            named("late", &self.late, self.late_more, late),
            named("runs waited for the agent", &self.outages, self.outages_more, outage),
        ];
        for part in parts.into_iter().flatten() {
            text.push_str("; ");
            text.push_str(&part);
        }
        text
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// The first of a list and how many there are besides; none for an empty one.
fn named<T>(title: &str, list: &[T], more: u64, word: impl Fn(&T) -> String) -> Option<String> {
    let shown: Vec<_> = list.iter().take(DIGEST_NAMED).map(word).collect();
    let left = u64::try_from(list.len() - shown.len()).unwrap_or(u64::MAX).saturating_add(more);
    let rest = if left > 0 { format!(" and {left} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("{title}: {}{rest}", shown.join(", ")))
}
