//! `rehearse --json`: the same facts, for machines.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Report;
use super::expect::Verdict;
use super::sentences::Sentences;
use crate::core::run::RunState;
use crate::sim::rehearsal::{
    Busy, Counts, Cut, Finding, JobStory, Longest, Pace, RunStory, Severity, Wait,
};

/// Findings in the document; the others are counted.
const FINDINGS_MAX: usize = 1_000;

/// The whole document. Durations are in seconds, times RFC 3339.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    from: String,
    until: String,
    /// Earlier than `until` where the bounds of a rehearsal were reached.
    played_until: String,
    complete: bool,
    /// Which bound: `occurrences` or `work`.
    cut: Option<&'static str>,
    days: u32,
    seed: u64,
    fail: f64,
    totals: CountsDocument,
    load: LoadDocument,
    findings: Vec<FindingDocument>,
    findings_left_out: usize,
    jobs: Vec<JobDocument>,
    runs: Vec<RunDocument>,
    runs_left_out: u64,
    /// With `--expect`: whether it came out as expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Verdict>,
}

#[derive(Debug, Serialize)]
struct CountsDocument {
    occurrences: u64,
    succeeded: u64,
    failed: u64,
    timed_out: u64,
    canceled: u64,
    skipped: u64,
    unfinished: u64,
    retries: u64,
    waited: u64,
}

#[derive(Debug, Serialize)]
struct LoadDocument {
    max_active: u32,
    /// The most transfers in flight, and when first.
    in_flight: usize,
    in_flight_at: Option<String>,
    /// The same with all runs that wait for a slot.
    wanted: usize,
    wanted_at: Option<String>,
    /// For the hours of the day, from 0, in this zone.
    timezone: Option<String>,
    in_flight_by_hour: Vec<usize>,
    waiting_by_hour: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct FindingDocument {
    kind: &'static str,
    severity: &'static str,
    jobs: Vec<String>,
    message: String,
    times: Option<u64>,
    days: Option<u64>,
    of_days: Option<u64>,
    first_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct JobDocument {
    name: String,
    enabled: bool,
    schedule: Vec<String>,
    timezone: String,
    duration: DurationDocument,
    #[serde(flatten)]
    counts: CountsDocument,
    waits: Vec<WaitDocument>,
    longest_seconds: Option<f64>,
    longest_at: Option<String>,
}

/// How long its transfers take: `given`, `measured` or `assumed`.
#[derive(Debug, Serialize)]
struct DurationDocument {
    basis: &'static str,
    samples: usize,
    shortest_seconds: f64,
    longest_seconds: f64,
}

#[derive(Debug, Serialize)]
struct WaitDocument {
    #[serde(rename = "for")]
    what: &'static str,
    job: Option<String>,
    times: u64,
    longest_seconds: f64,
    longest_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct RunDocument {
    job: String,
    scheduled_for: String,
    state: RunState,
    started_at: Option<String>,
    ended_at: Option<String>,
    attempts: u32,
    waited_seconds: f64,
    waited_for: Option<&'static str>,
    /// The activity of the job's last run when this one was skipped because of it.
    last_run: Option<&'static str>,
}

impl Document {
    /// The document of a rehearsal.
    pub(super) fn new(report: &Report<'_>) -> Self {
        let (rehearsal, played) = (report.rehearsal, report.played);
        let zone = &rehearsal.zone;
        let kept = rehearsal.kept.as_ref();
        let mut totals = Counts::default();
        played.jobs.iter().for_each(|story| totals.add(&story.counts));
        let about = |finding: &&Finding| kept.is_none_or(|job| finding.jobs().contains(&job));
        let findings: Vec<&Finding> = played.findings.iter().filter(about).collect();
        let sentences = Sentences::new(report);
        let shown_findings = findings.iter().take(FINDINGS_MAX);
        let wanted = |story: &&JobStory| kept.is_none_or(|job| story.job.name == *job);
        let load = &played.load;
        Self {
            from: at(rehearsal.from, zone),
            until: at(rehearsal.until, zone),
            played_until: at(played.until, zone),
            complete: played.cut.is_none(),
            cut: played.cut.map(|cut| match cut {
                Cut::Occurrences => "occurrences",
                Cut::Work => "work",
            }),
            days: report.days,
            seed: rehearsal.seed,
            fail: rehearsal.fail,
            totals: counts(&totals),
            load: LoadDocument {
                max_active: rehearsal.set.agent.max_active,
                in_flight: load.in_flight.count,
                in_flight_at: load.in_flight.at.map(|when| at(when, zone)),
                wanted: load.wanted.count,
                wanted_at: load.wanted.at.map(|when| at(when, zone)),
                timezone: zone.iana_name().map(str::to_owned),
                in_flight_by_hour: load.hours.iter().map(|hour| hour.in_flight).collect(),
                waiting_by_hour: load.hours.iter().map(|hour| hour.waiting).collect(),
            },
            findings: shown_findings.map(|it| finding(it, &sentences, report)).collect(),
            findings_left_out: findings.len().saturating_sub(FINDINGS_MAX),
            jobs: played.jobs.iter().filter(wanted).map(|story| job(story, report)).collect(),
            runs: played.runs.iter().map(|one| run(one, report)).collect(),
            runs_left_out: played.runs_left_out,
            expected: None,
        }
    }
}

/// RFC 3339, with the zone's offset.
fn at(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned_datetime(zone.clone());
    at.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

fn seconds(duration: SignedDuration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

fn counts(counts: &Counts) -> CountsDocument {
    CountsDocument {
        occurrences: counts.due,
        succeeded: counts.succeeded,
        failed: counts.failed,
        timed_out: counts.timed_out,
        canceled: counts.replaced,
        skipped: counts.skipped,
        unfinished: counts.unfinished,
        retries: counts.retries,
        waited: counts.waited,
    }
}

fn finding(finding: &Finding, sentences: &Sentences<'_>, report: &Report<'_>) -> FindingDocument {
    let often = finding.often();
    FindingDocument {
        kind: match finding {
            Finding::Overlapped { .. } => "skipped_overlap",
            Finding::TooLate { .. } => "skipped_start_within",
            Finding::TimedOut { .. } => "timed_out",
            Finding::Failed { .. } => "failed",
            Finding::Late { .. } => "late",
            Finding::Replaced { .. } => "replaced",
            Finding::Slots { .. } => "max_active",
            Finding::Meeting { .. } => "destination",
            Finding::Behind { .. } => "queued",
            Finding::Clock { .. } => "dst",
            Finding::NeverDue { .. } => "never_due",
        },
        severity: match finding.severity() {
            Severity::Bad => "bad",
            Severity::Doubtful => "doubtful",
            Severity::Note => "note",
        },
        jobs: finding.jobs().iter().map(ToString::to_string).collect(),
        message: sentences.of(finding),
        times: often.map(|often| often.times),
        days: often.map(|often| often.days),
        of_days: often.map(|often| often.of_days),
        first_at: often.map(|often| at(often.first, &report.rehearsal.zone)),
    }
}

fn job(story: &JobStory, report: &Report<'_>) -> JobDocument {
    let zone = story.job.timetable.zone();
    let (basis, lengths) = match report.rehearsal.pace(&story.job.name) {
        Pace::Given(duration) => ("given", std::slice::from_ref(duration)),
        Pace::Assumed(duration) => ("assumed", std::slice::from_ref(duration)),
        Pace::Measured(seen) => ("measured", seen.as_slice()),
    };
    let when = |longest: Option<Longest>| longest.map(|longest| at(longest.at, zone));
    let waits = story.waits.iter().map(|(wait, tally)| WaitDocument {
        what: wait_word(wait),
        job: match wait {
            Wait::Destination(other) => Some(other.to_string()),
            Wait::Slot | Wait::Own | Wait::Other => None,
        },
        times: tally.times,
        longest_seconds: tally.longest.map_or(0.0, |longest| seconds(longest.lasted)),
        longest_at: when(tally.longest),
    });
    JobDocument {
        name: story.job.name.to_string(),
        enabled: story.job.enabled,
        schedule: story.job.timetable.expressions().map(str::to_owned).collect(),
        timezone: story.job.timetable.zone_name().to_owned(),
        duration: DurationDocument {
            basis,
            samples: if basis == "measured" { lengths.len() } else { 0 },
            shortest_seconds: seconds(lengths.iter().min().copied().unwrap_or_default()),
            longest_seconds: seconds(lengths.iter().max().copied().unwrap_or_default()),
        },
        counts: counts(&story.counts),
        waits: waits.collect(),
        longest_seconds: story.longest.map(|longest| seconds(longest.lasted)),
        longest_at: when(story.longest),
    }
}

fn wait_word(wait: &Wait) -> &'static str {
    match wait {
        Wait::Slot => "slot",
        Wait::Destination(_) => "destination",
        Wait::Own => "own_run",
        Wait::Other => "other",
    }
}

fn run(run: &RunStory, report: &Report<'_>) -> RunDocument {
    let job = report.rehearsal.set.jobs.get(&run.job);
    let zone = job.map_or(&report.rehearsal.zone, |job| job.timetable.zone());
    RunDocument {
        job: run.job.to_string(),
        scheduled_for: at(run.scheduled_for, zone),
        state: run.state,
        started_at: run.started_at.map(|when| at(when, zone)),
        ended_at: run.ended_at.map(|when| at(when, zone)),
        attempts: run.attempts,
        waited_seconds: seconds(run.waited),
        waited_for: run.waited_for.as_ref().map(wait_word),
        last_run: run.behind.as_ref().map(|busy| match busy {
            Busy::Running => "running",
            Busy::Retrying => "retrying",
            Busy::Waiting(_) => "waiting",
        }),
    }
}
