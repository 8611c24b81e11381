//! The metric families: name, kind, help, and the source of their samples (docs/reference.md,
//! "Metrics").
//!
//! An unknown value is `NaN`, on which no alert fires; a value that does not exist has no sample.
//! Each job has a series for each end of runs from the start, so that the first one counts;
//! outcomes of attempts and causes of skips get a series when they first occur.

use super::counters::{ENDS, OUTCOMES, SKIPS};
use super::page::Lines;
use super::snapshot::{Figures, JobFigures};
use crate::core::amount::summed_dollars;
use crate::core::reason::ReasonCode;

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its help text.
    pub help: &'static str,
    /// The source of its samples.
    pub samples: Samples,
}

/// The source of samples.
#[derive(Clone, Copy, Debug)]
pub enum Samples {
    /// The daemon as a whole.
    Whole(fn(&Figures, &mut Lines<'_>)),
    /// Each job.
    OfEachJob(fn(&JobFigures, &mut Lines<'_>)),
}

use Samples::{OfEachJob, Whole};

const fn counter(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: "counter", help, samples }
}

const fn gauge(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: "gauge", help, samples }
}

const fn histogram(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: "histogram", help, samples }
}

/// All of them, in the order of the page.
pub const FAMILIES: &[Family] = &[
    gauge(
        "transferd_build_info",
        "The version that runs, as a label; always 1.",
        Whole(|figures, lines| lines.sample(&[("version", figures.version)], 1)),
    ),
    gauge(
        "transferd_config_last_reload_successful",
        "Whether the job file was good when it was read last; if not, the old jobs stay.",
        Whole(|figures, lines| lines.flag(&[], figures.config_valid)),
    ),
    gauge(
        "transferd_config_last_reload_success_timestamp_seconds",
        "When the jobs in force were read.",
        Whole(|figures, lines| known(figures.config_loaded_at, lines)),
    ),
    gauge(
        "transferd_agent_up",
        "Whether the agent answered when it was asked last; NaN while it was not asked. An idle \
         daemon asks nothing.",
        Whole(|figures, lines| match figures.agent_up {
            Some(up) => lines.flag(&[], up),
            None => lines.sample(&[], f64::NAN),
        }),
    ),
    gauge(
        "transferd_agent_last_contact_timestamp_seconds",
        "When the agent was asked last; NaN while it was not.",
        Whole(|figures, lines| known(figures.agent_asked_at, lines)),
    ),
    counter(
        "transferd_agent_requests_total",
        "Requests to the agent since the daemon started, by route and how they ended.",
        Whole(|figures, lines| {
            for request in &figures.requests {
                let labels = [("endpoint", request.endpoint), ("outcome", request.outcome)];
                lines.sample(&labels, request.count);
            }
        }),
    ),
    gauge(
        "transferd_token_expiry_timestamp_seconds",
        "When the agent's token ends; NaN if it does not tell, or there is none.",
        Whole(|figures, lines| known(figures.token_expires_at, lines)),
    ),
    gauge(
        "transferd_cancels_unconfirmed",
        "Transfers that are to be canceled, which the agent has not confirmed yet.",
        Whole(|figures, lines| lines.sample(&[], figures.cancels_unconfirmed)),
    ),
    gauge(
        "transferd_alerts_waiting",
        "Alerts that are not delivered yet.",
        Whole(|figures, lines| lines.sample(&[], figures.alerts_waiting)),
    ),
    counter(
        "transferd_alert_deliveries_total",
        "Tries to deliver alerts since the daemon started, by how they ended; `given_up` counts those \
         that are not tried again.",
        Whole(|figures, lines| {
            for (outcome, count) in figures.deliveries {
                lines.sample(&[("outcome", outcome)], count);
            }
        }),
    ),
    histogram(
        "transferd_run_duration_seconds",
        "From a run's creation to its end, waits and retries included; skipped ones left out. \
         Since the daemon started.",
        Whole(|figures, lines| lines.histogram(&figures.durations)),
    ),
    histogram(
        "transferd_start_lag_seconds",
        "From an occurrence, jitter left out, to the run's first request that the agent got, or may \
         have got. Since the daemon started.",
        Whole(|figures, lines| lines.histogram(&figures.lags)),
    ),
    gauge(
        "transferd_job_running",
        "Whether the job has a run that is not over, one that waits included.",
        OfEachJob(|job, lines| lines.flag(&[("job", job.name.as_str())], job.running)),
    ),
    gauge(
        "transferd_job_paused",
        "Whether the job is paused.",
        OfEachJob(|job, lines| lines.flag(&[("job", job.name.as_str())], job.paused)),
    ),
    gauge(
        "transferd_job_late",
        "Whether the job has not succeeded for its `max_age`; 0 without one.",
        OfEachJob(|job, lines| lines.flag(&[("job", job.name.as_str())], job.late)),
    ),
    gauge(
        "transferd_job_next_run_timestamp_seconds",
        "The job's next occurrence, without jitter; absent while it is paused, disabled, or has no \
         schedule.",
        OfEachJob(|job, lines| {
            job.next_run.into_iter().for_each(|at| {
                lines.instant(&[("job", job.name.as_str())], at);
            });
        }),
    ),
    gauge(
        "transferd_job_last_success_timestamp_seconds",
        "The end of the job's last success, restarts survived; absent while there was none.",
        OfEachJob(|job, lines| {
            job.last_success.into_iter().for_each(|at| {
                lines.instant(&[("job", job.name.as_str())], at);
            });
        }),
    ),
    counter(
        "transferd_runs_total",
        "Runs that ended since the daemon started, by the state in which they did.",
        OfEachJob(|job, lines| {
            for (state, count) in ENDS.iter().zip(job.tally.runs) {
                lines.sample(&[("job", job.name.as_str()), ("state", state.word())], count);
            }
        }),
    ),
    counter(
        "transferd_attempts_total",
        "Attempts that ended since the daemon started, by how; `not_taken` used none up.",
        OfEachJob(|job, lines| {
            met(job, lines, "outcome", OUTCOMES.into_iter().zip(job.tally.attempts));
        }),
    ),
    counter(
        "transferd_occurrences_skipped_total",
        "Occurrences that did not run, since the daemon started, by why; `history` has the sentence.",
        OfEachJob(|job, lines| {
            let codes = SKIPS.into_iter().map(ReasonCode::word);
            met(job, lines, "reason", codes.zip(job.tally.skipped));
        }),
    ),
    counter(
        "transferd_bytes_transferred_total",
        "Bytes moved since the daemon started, as the agent counts; brought up to date each minute \
         and at the end.",
        OfEachJob(|job, lines| {
            lines.sample(&[("job", job.name.as_str())], job.tally.moved.bytes);
        }),
    ),
    counter(
        "transferd_objects_transferred_total",
        "Objects moved since the daemon started, as the agent counts.",
        OfEachJob(|job, lines| {
            lines.sample(&[("job", job.name.as_str())], job.tally.moved.objects);
        }),
    ),
    counter(
        "transferd_objects_failed_total",
        "Objects that could not be moved since the daemon started, as the agent counts.",
        OfEachJob(|job, lines| {
            lines.sample(&[("job", job.name.as_str())], job.tally.moved.objects_failed);
        }),
    ),
    counter(
        "transferd_cost_usd_total",
        "What transfers have cost in US dollars since the daemon started, as far as the agent tells.",
        OfEachJob(|job, lines| {
            let cost = summed_dollars(job.tally.moved.cost_usd);
            lines.sample(&[("job", job.name.as_str())], cost);
        }),
    ),
];

/// An instant that may be unknown.
fn known(at: Option<jiff::Timestamp>, lines: &mut Lines<'_>) {
    match at {
        Some(at) => lines.instant(&[], at),
        None => lines.sample(&[], f64::NAN),
    }
}

/// The counters of a job that are not zero.
fn met(
    job: &JobFigures,
    lines: &mut Lines<'_>,
    label: &str,
    counts: impl Iterator<Item = (&'static str, u64)>,
) {
    for (word, count) in counts.filter(|(_, count)| *count > 0) {
        lines.sample(&[("job", job.name.as_str()), (label, word)], count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The series of a histogram.
    const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];

    /// Our metric names in a text.
    fn mentioned(text: &str) -> BTreeSet<&str> {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        words.filter(|word| word.starts_with("transferd_")).collect()
    }

    fn is_served(name: &str) -> bool {
        FAMILIES.iter().any(|family| match family.kind {
            "histogram" => name
                .strip_prefix(family.name)
                .is_some_and(|rest| rest.is_empty() || OF_HISTOGRAMS.contains(&rest)),
            _ => name == family.name,
        })
    }

    #[test]
    fn each_metric_that_rules_and_dashboard_name_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, least) in [
            ("contrib/prometheus/transferd.rules.yml", 8),
            ("contrib/prometheus/transferd.rules.test.yml", 6),
            ("contrib/grafana/transferd.json", 18),
        ] {
            let text = fs::read_to_string(root.join(file)).unwrap();
            let names = mentioned(&text);
            assert!(names.len() >= least, "{file}: only {names:?}");
            for name in names {
                assert!(is_served(name), "{file}: no metric `{name}`");
            }
        }
        assert!(!is_served("transferd_runs") && !is_served("transferd_runs_total_sum"));
    }
}
