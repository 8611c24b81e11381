//! The zone in which days and times of day are meant: the job's, where one job is meant, else the
//! machine's.

use jiff::tz::TimeZone;

use super::ask::Daemon;
use super::{Global, offline};
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

/// The zone of a job, from the daemon, else from the last good job set.
pub(super) fn of_job(job: &str, global: &Global) -> Option<TimeZone> {
    if let Ok(daemon) = Daemon::find(global) {
        let query = StatusQuery { job: Some(job.to_owned()), detail: true, known: true };
        let status = daemon.wait(daemon.client().status(&query)).ok()?;
        let rules = status.jobs.into_iter().next()?.detail?.rules?;
        return TimeZone::get(&rules.timezone).ok();
    }
    offline::job(global, &JobName::new(job)).map(|job| job.timetable.zone().clone())
}
