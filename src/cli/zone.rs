//! The zone in which days and times of day are meant: the job's, where one job is meant, else the
//! machine's.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::ask::Daemon;
use super::{Global, offline};
use crate::control::client::ClientError;
use crate::control::document::RunDocument;
use crate::control::request::StatusQuery;
use crate::core::ids::JobName;

/// The zone that these texts about these jobs are meant in, and in which their meaning is printed.
/// The daemon is not asked if there is no text.
pub(super) fn meant<'a>(
    mut texts: impl Iterator<Item = &'a String>,
    jobs: &[String],
    global: &Global,
) -> TimeZone {
    if texts.next().is_none() { TimeZone::system() } else { of_jobs(jobs, global) }
}

/// The zone in which the times of these jobs are shown; an unknown job is reported by the caller
/// that looks for it.
pub(super) fn of_jobs(jobs: &[String], global: &Global) -> TimeZone {
    let of_one = match jobs {
        [job] => of_job(job, global),
        [] | [_, _, ..] => None,
    };
    of_one.unwrap_or_else(TimeZone::system)
}

/// The zone of a job, from the daemon, else from the last good job set: also where a daemon does not
/// answer.
pub(super) fn of_job(job: &str, global: &Global) -> Option<TimeZone> {
    if let Ok(daemon) = Daemon::find(global) {
        let query = StatusQuery { job: Some(job.to_owned()), detail: true, known: true };
        let client = daemon.client();
        match daemon.wait(client.soon(client.status(&query))) {
            Ok(status) => return status.jobs.into_iter().next()?.zone(),
            Err(ClientError::Silent(..)) => {}
            Err(_) => return None,
        }
    }
    offline::job(global, &JobName::new(job)).map(|job| job.timetable.zone().clone())
}

/// The zones of the jobs of these runs, as far as they are known: the daemon has told them, else the
/// last good job set does.
pub(super) fn of_runs(runs: &[RunDocument], global: &Global) -> BTreeMap<JobName, TimeZone> {
    let set = runs.iter().any(|run| run.as_recorded).then(|| offline::jobs(global)).flatten();
    let jobs: BTreeMap<&JobName, &RunDocument> = runs.iter().map(|run| (&run.job, run)).collect();
    let zone = |(name, run): (&JobName, &RunDocument)| {
        let recorded = set.as_ref().and_then(|set| set.jobs.get(name));
        let recorded = recorded.map(|job| job.timetable.zone().clone());
        let told = || run.zone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
        Some((name.clone(), recorded.or_else(told)?))
    };
    jobs.into_iter().filter_map(zone).collect()
}
