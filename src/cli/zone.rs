//! The zone in which days and times of day are meant: the job's, where one job is meant, else the
//! machine's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::ask::Daemon;
use super::{Global, offline};
use crate::control::client::ClientError;
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
    of_each([&JobName::new(job)], global).into_values().next()
}

/// The zones of jobs, as far as they are known, as for one.
pub(super) fn of_each<'a>(
    jobs: impl IntoIterator<Item = &'a JobName>,
    global: &Global,
) -> BTreeMap<JobName, TimeZone> {
    let names: BTreeSet<&JobName> = jobs.into_iter().collect();
    let Some(first) = names.first() else { return BTreeMap::new() };
    if let Ok(daemon) = Daemon::find(global) {
        let one = (names.len() == 1).then(|| first.to_string());
        let query = StatusQuery { job: one, detail: true, known: true };
        let client = daemon.client();
        match daemon.wait(client.soon(client.status(&query))) {
            Ok(status) => {
                let known = status.jobs.into_iter().filter(|job| names.contains(&job.name));
                return known.filter_map(|job| Some((job.name.clone(), job.zone()?))).collect();
            }
            Err(ClientError::Silent(..)) => {}
            Err(_) => return BTreeMap::new(),
        }
    }
    let Some(known) = offline::jobs(global) else { return BTreeMap::new() };
    let known = names.into_iter().filter_map(|name| known.jobs.get(name));
    known.map(|job| (job.name.clone(), job.timetable.zone().clone())).collect()
}
