//! Assumed durations of transfers: as given, else as in the job's history, else a default.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::Pace;
use crate::cli::{Global, offline};
use crate::core::duration;
use crate::core::ids::JobName;
use crate::core::job::JobSet;
use crate::sim::rehearsal::limits::{ASSUMED, MEASURED_MAX};

/// `--duration` as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// The job; absent for all.
    pub(super) job: Option<String>,
    /// How long.
    pub(super) duration: SignedDuration,
}

/// Reads `--duration`: a job's name may hold a `=`, a duration never does.
pub(super) fn given(text: &str) -> Result<Given, String> {
    let (job, length) = match text.rsplit_once('=') {
        Some((job, length)) => (Some(job.to_owned()), length),
        None => (None, text),
    };
    let duration = duration::parse(length).map_err(|error| error.to_string())?;
    duration::check_range(duration).map_err(|error| error.to_string())?;
    Ok(Given { job, duration })
}

/// Reads `--fail`: a share, or percent.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| percent / 100.0),
        None => number(text),
    };
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a share from 0 to 1 (`0.1`), or percent (`10%`)".to_owned())
}

/// The known durations of transfers.
#[derive(Debug)]
pub(super) struct Paces {
    /// By job.
    pub(super) paces: BTreeMap<JobName, Pace>,
    /// For all other jobs.
    pub(super) otherwise: Pace,
    /// Why no history could be read, where there may be one.
    pub(super) no_history: Option<String>,
}

impl Paces {
    /// Reads the history only if durations are still missing.
    pub(super) fn find(given: &[Given], set: &JobSet, global: &Global) -> Self {
        let for_all = given.iter().rev().find(|one| one.job.is_none());
        let otherwise = for_all.map_or(Pace::Assumed(ASSUMED), |one| Pace::Given(one.duration));
        let mut paces = BTreeMap::new();
        let mut no_history = None;
        if for_all.is_none() {
            match offline::durations(global, set.jobs.keys(), MEASURED_MAX) {
                Ok(Some(measured)) => {
                    paces = measured
                        .into_iter()
                        .map(|(job, seen)| (job, Pace::Measured(seen)))
                        .collect();
                }
                Ok(None) => {}
                Err(words) => no_history = Some(words),
            }
        }
        for Given { job, duration } in given {
            if let Some(job) = job {
                paces.insert(JobName::new(job), Pace::Given(*duration));
            }
        }
        Self { paces, otherwise, no_history }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_for_all_jobs_or_for_one() {
        let hours = SignedDuration::from_hours;
        assert_eq!(given("2h"), Ok(Given { job: None, duration: hours(2) }));
        let job = Some("a=b".to_owned());
        assert_eq!(given("a=b=1h"), Ok(Given { job, duration: hours(1) }));
        for wrong in ["", "2", "a=", "nightly", "0s", "400d"] {
            assert!(given(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_lies_between_none_and_all() {
        assert_eq!(share("0.25"), Ok(0.25));
        assert_eq!(share("25%"), Ok(0.25));
        assert_eq!(share("1"), Ok(1.0));
        for wrong in ["", "-0.1", "1.1", "101%", "NaN", "inf", "a few"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
