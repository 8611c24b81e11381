//! Prints pauses: their occurrences have no runs, so a line reports each pause.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ask::{Daemon, NoDaemon};
use super::render::words::Times;
use super::{Global, offline};
use crate::control::client::ClientError;
use crate::control::document::{PauseDocument, RunDocument};
use crate::control::request::StatusQuery;
use crate::core::ids::JobName;
use crate::core::limits::PAUSE_COUNT_MAX;
use crate::core::meant::is_glob;
use crate::core::pauses::past_pauses;
use crate::core::record::PastPause;
use crate::daemon::host;

/// The part of the past that `history` shows.
pub(super) struct Shown<'a> {
    /// The words for jobs.
    pub(super) jobs: &'a [String],
    /// The rows.
    pub(super) runs: &'a [RunDocument],
    /// Its beginning; absent if the rows go back to the first run.
    pub(super) since: Option<Timestamp>,
    /// Its end, if it is not now.
    pub(super) before: Option<Timestamp>,
}

impl Shown<'_> {
    /// The job that is asked about, or that all rows are of.
    fn job(&self) -> Option<JobName> {
        match self.jobs {
            [name] if !is_glob(name) => Some(JobName::new(name)),
            _ => {
                let first = &self.runs.first()?.job;
                self.runs.iter().all(|run| run.job == *first).then(|| first.clone())
            }
        }
    }

    fn has(&self, since: Timestamp, until: Option<Timestamp>) -> bool {
        let ends_before = self.since.zip(until).is_some_and(|(begin, until)| until < begin);
        !ends_before && self.before.is_none_or(|end| since < end)
    }
}

/// The pauses of a job.
#[derive(Default)]
struct Pauses {
    /// The one in force: its own before that of all jobs.
    in_force: Option<PauseDocument>,
    /// Those that are over, oldest first.
    past: Vec<PastPause>,
    /// The zone of the job, if it is known.
    zone: Option<TimeZone>,
}

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

/// That a job is paused: read after its name.
pub(super) fn of_now(pause: &PauseDocument, time: impl Fn(Timestamp) -> String) -> String {
    let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let end = pause.until.map(|until| format!(", and stays so until {}", time(until)));
    format!("has been paused since {}{}{why}", time(pause.since), end.unwrap_or_default())
}

/// The lines beneath the rows of `history` if it is about one job: a pause may be the whole answer.
/// Best effort: without an answer the rows stand alone.
pub(super) fn beneath(shown: &Shown<'_>, global: &Global, times: &Times) -> String {
    let Some(job) = shown.job() else { return String::new() };
    let pauses = match Daemon::find(global) {
        Ok(daemon) => {
            let query =
                StatusQuery { job: Some(job.to_string()), detail: true, ..StatusQuery::default() };
            let client = daemon.client();
            match daemon.wait(client.soon(client.status(&query))) {
                Ok(status) => {
                    let job = status.jobs.into_iter().next();
                    // A pause stops nothing of a job that has no schedule.
                    job.filter(|job| job.schedule.is_some()).map(|job| Pauses {
                        zone: job.zone(),
                        in_force: job.pause,
                        past: job.detail.map(|detail| detail.past_pauses).unwrap_or_default(),
                    })
                }
                Err(ClientError::Silent(..)) => Some(in_database(&job, global, times.now)),
                Err(_) => None,
            }
        }
        Err(NoDaemon::NotRunning(_)) => Some(in_database(&job, global, times.now)),
        Err(NoDaemon::NotPermitted(_) | NoDaemon::Broken(_)) => None,
    };
    let pauses = pauses.unwrap_or_default();
    lines(&job, shown, &pauses, &times.in_zone(pauses.zone.as_ref()))
}

fn in_database(name: &JobName, global: &Global, now: Timestamp) -> Pauses {
    let job = offline::job(global, name);
    if job.as_ref().is_some_and(|job| job.timetable.is_empty()) {
        return Pauses::default();
    }
    let job_row = offline::job_row(global, name).ok().flatten();
    let of_all = offline::pause_of_all(global).unwrap_or_default();
    let own = job_row.as_ref().and_then(|job_row| job_row.pause.as_ref());
    let in_force = own.into_iter().chain(&of_all.pause).find(|pause| pause.holds(now));
    Pauses {
        in_force: in_force.map(PauseDocument::from),
        zone: job.as_ref().map(|job| job.timetable.zone().clone()),
        past: past_pauses(
            job.as_deref().map(|job| job.delays(host().jitter_seed)),
            job_row.as_deref(),
            &of_all,
            now,
        ),
    }
}

/// A line for each pause of the time that is shown, newest first as the rows are.
fn lines(job: &JobName, shown: &Shown<'_>, pauses: &Pauses, times: &Times) -> String {
    let time = |at| times.full(at);
    let in_force = pauses.in_force.iter().filter(|pause| shown.has(pause.since, None));
    let in_force = in_force.map(|pause| of_now(pause, time));
    let past = pauses.past.iter().rev().filter(|past| shown.has(past.since, Some(past.until)));
    let past = past.map(|past| sentence(past, time));
    let lines: String = in_force.chain(past).map(|line| format!("`{job}` {line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

#[cfg(test)]
mod tests {
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
        let past = vec![
            past("01T09:00", "02T09:00", None, 3),
            past("03T09:00", "04T09:00", Some("moving house"), 1),
            past("05T09:00", "05T09:05", None, 0),
            past("06T09:00", "07T09:00", None, PAUSE_COUNT_MAX),
        ];
        let pauses = Pauses { in_force: None, past, zone: None };
        let lines = |since, before: Option<&str>| {
            let since = Some(at(since));
            let shown = Shown { jobs: &[], runs: &[], since, before: before.map(at) };
            lines(&JobName::new("nightly"), &shown, &pauses, &times)
        };
        assert_eq!(
            lines("03T12:00", None),
            "\n\
             `nightly` was paused from 2026-03-06 09:00:00 +00:00 until 2026-03-07 09:00:00 +00:00; 10000 or \
             more occurrences fell into the pause\n\
             `nightly` was paused from 2026-03-05 09:00:00 +00:00 until 2026-03-05 09:05:00 +00:00\n\
             `nightly` was paused from 2026-03-03 09:00:00 +00:00 until 2026-03-04 09:00:00 +00:00: moving \
             house; 1 occurrence fell into the pause\n"
        );
        assert_eq!(lines("08T12:00", None), "");
        assert_eq!(lines("05T00:00", Some("06T09:00")).lines().count(), 2, "a blank one, and one");
    }

    #[test]
    fn a_pause_in_force_is_the_answer_where_it_left_no_runs() {
        let times = Times { now: at("09T12:00"), zone: TimeZone::UTC, absolute: false };
        let reason = Some("moving house".to_owned());
        let pause = PauseDocument { since: at("01T09:00"), until: None, reason };
        let pauses = Pauses { in_force: Some(pause), ..Pauses::default() };
        let jobs = ["nightly".to_owned()];
        let shown = Shown { jobs: &jobs, runs: &[], since: Some(at("02T00:00")), before: None };
        let job = shown.job().unwrap();
        assert_eq!(
            lines(&job, &shown, &pauses, &times),
            "\n`nightly` has been paused since 2026-03-01 09:00:00 +00:00: moving house\n"
        );
        let until = Some(at("10T09:00"));
        let ends = PauseDocument { since: at("01T09:00"), until, reason: None };
        assert_eq!(
            of_now(&ends, |at| at.strftime("%m-%d").to_string()),
            "has been paused since 03-01, and stays so until 03-10"
        );
        let jobs = ["night*".to_owned()];
        assert_eq!(Shown { jobs: &jobs, ..shown }.job(), None, "no row says which job is meant");
    }
}
