//! Prints pauses that are over: their occurrences have no runs, so a line reports each pause.

use jiff::Timestamp;

use super::ask::{Daemon, NoDaemon};
use super::render::words::Times;
use super::{Global, offline};
use crate::control::document::RunDocument;
use crate::control::request::StatusQuery;
use crate::core::ids::JobName;
use crate::core::limits::PAUSE_COUNT_MAX;
use crate::core::record::{JobRow, PastPause, PauseOfAll};

/// That a job was paused, and how many occurrences fell into the pause: read after its name.
pub(super) fn sentence(past: &PastPause, time: impl Fn(Timestamp) -> String) -> String {
    let why = past.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let more = if past.occurrences >= PAUSE_COUNT_MAX { " or more" } else { "" };
    let fell = match past.occurrences {
        0 => String::new(),
        1 => "; 1 occurrence fell into the pause".to_owned(),
        many => format!("; {many}{more} occurrences fell into the pause"),
    };
    format!("was paused from {} until {}{why}{fell}", time(past.since), time(past.until))
}

/// The lines beneath the table of `history` if all rows are of one job. Best effort: without an
/// answer the table stays as it is.
pub(super) fn beneath(runs: &[RunDocument], global: &Global, times: &Times) -> String {
    let Some(job) = only_job(runs) else { return String::new() };
    let pauses = match Daemon::find(global) {
        Ok(daemon) => {
            let query =
                StatusQuery { job: Some(job.to_string()), detail: true, ..StatusQuery::default() };
            let status = daemon.wait(daemon.client().status(&query)).ok();
            let job = status.and_then(|status| status.jobs.into_iter().next());
            job.and_then(|job| job.detail).map(|detail| detail.past_pauses)
        }
        Err(NoDaemon::NotRunning(_)) => {
            let job_row = offline::job_row(global, job).ok().flatten();
            let of_all = offline::pause_of_all(global).unwrap_or_default();
            Some(in_order(job_row.as_deref(), &of_all))
        }
        Err(NoDaemon::NotPermitted(_) | NoDaemon::Broken(_)) => None,
    };
    let oldest = runs.iter().map(|run| run.created_at).min();
    oldest.map_or_else(String::new, |at| lines(job, at, &pauses.unwrap_or_default(), times))
}

/// The pauses in a database, oldest first.
pub(super) fn in_order(job_row: Option<&JobRow>, of_all: &PauseOfAll) -> Vec<PastPause> {
    let own = job_row.map(|job_row| job_row.pauses.as_slice()).unwrap_or_default();
    let mut pauses: Vec<PastPause> = own.iter().chain(&of_all.past).cloned().collect();
    pauses.sort_by_key(|past| past.since);
    pauses
}

fn only_job(runs: &[RunDocument]) -> Option<&JobName> {
    let first = &runs.first()?.job;
    runs.iter().all(|run| run.job == *first).then_some(first)
}

/// A line for each pause that is no older than the oldest row, newest first as the rows are.
fn lines(job: &JobName, oldest: Timestamp, pauses: &[PastPause], times: &Times) -> String {
    let shown = pauses.iter().rev().filter(|past| oldest <= past.until);
    let line = |past| format!("`{job}` {}\n", sentence(past, |at| times.full(at)));
    let lines: String = shown.map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-{text}:00Z").parse().unwrap()
    }

    fn past(since: &str, until: &str, reason: Option<&str>, occurrences: u32) -> PastPause {
        let reason = reason.map(str::to_owned);
        PastPause { since: at(since), until: at(until), reason, occurrences }
    }

    #[test]
    fn each_pause_of_the_time_that_is_shown_has_a_line_newest_first() {
        let times = Times { now: at("09T12:00"), zone: TimeZone::UTC, absolute: false };
        let pauses = [
            past("01T09:00", "02T09:00", None, 3),
            past("03T09:00", "04T09:00", Some("moving house"), 1),
            past("05T09:00", "05T09:05", None, 0),
            past("06T09:00", "07T09:00", None, PAUSE_COUNT_MAX),
        ];
        assert_eq!(
            lines(&JobName::new("nightly"), at("03T12:00"), &pauses, &times),
            "\n\
             `nightly` was paused from 2026-03-06 09:00:00 +00:00 until 2026-03-07 09:00:00 +00:00; 10000 or \
             more occurrences fell into the pause\n\
             `nightly` was paused from 2026-03-05 09:00:00 +00:00 until 2026-03-05 09:05:00 +00:00\n\
             `nightly` was paused from 2026-03-03 09:00:00 +00:00 until 2026-03-04 09:00:00 +00:00: moving \
             house; 1 occurrence fell into the pause\n"
        );
        assert_eq!(lines(&JobName::new("nightly"), at("08T12:00"), &pauses, &times), "");
    }
}
