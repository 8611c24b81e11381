//! The zone in which days and times of day are meant: the job's, where one job is meant, else the
//! machine's.

use jiff::tz::TimeZone;

use super::ask::Daemon;
use super::when::needs_zone;
use super::{Global, offline};
use crate::control::request::StatusQuery;
use crate::core::ids::JobName;

/// The zone that these texts about these jobs are meant in. The daemon is not asked if no text
/// depends on it; an unknown job is reported by the caller that looks for it.
pub(super) fn meant<'a>(
    mut texts: impl Iterator<Item = &'a String>,
    jobs: &[String],
    global: &Global,
) -> TimeZone {
    let [job] = jobs else { return TimeZone::system() };
    if !texts.any(|text| needs_zone(text)) {
        return TimeZone::system();
    }
    of_job(job, global).unwrap_or_else(TimeZone::system)
}

/// The zone of a job, from the daemon, else from the last good job set.
pub(super) fn of_job(job: &str, global: &Global) -> Option<TimeZone> {
    if let Ok(daemon) = Daemon::find(global) {
        let query =
            StatusQuery { job: Some(job.to_owned()), detail: true, ..StatusQuery::default() };
        let status = daemon.wait(daemon.client().status(&query)).ok()?;
        let rules = status.jobs.into_iter().next()?.detail?.rules?;
        return TimeZone::get(&rules.timezone).ok();
    }
    offline::job(global, &JobName::new(job)).map(|job| job.timetable.zone().clone())
}
