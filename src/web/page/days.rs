//! The ends of each job's runs over the last days.
//!
//! Counting them costs the database some milliseconds, so the counts are reused for a moment: many
//! open pages that follow the stream cost no more than one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::time::Instant;

use crate::control::request::Refused;
use crate::core::ids::JobName;
use crate::core::outcomes::Outcomes;
use crate::web::questions::Questions;

/// Days that are shown, today included.
pub(super) const DAYS: i32 = 14;

/// How long the counts are reused.
const HOLDS: Duration = Duration::from_secs(5);

/// The outcomes of some jobs' runs, and their days.
#[derive(Debug)]
pub(super) struct Past {
    /// The days, oldest first.
    pub(super) days: Vec<Date>,
    /// For each job, each day.
    pub(super) outcomes: Vec<Vec<Outcomes>>,
}

/// The last counts.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct PastDays(Arc<Mutex<Option<Counted>>>);

#[derive(Clone, Debug)]
struct Counted {
    at: Instant,
    begins: Arc<[Timestamp]>,
    jobs: Vec<JobName>,
    past: Arc<Past>,
}

impl PastDays {
    /// The outcomes of these jobs' runs over the last days in this zone.
    pub(super) async fn of(
        &self,
        questions: &Questions,
        jobs: Vec<JobName>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Arc<Past>, Refused> {
        let (days, begins) = days(now, zone);
        if let Some(counted) = self.last().filter(|counted| {
            counted.at.elapsed() < HOLDS && counted.begins == begins && counted.jobs == jobs
        }) {
            return Ok(counted.past);
        }
        let outcomes = questions.outcomes(jobs.clone(), Arc::clone(&begins)).await?;
        let past = Arc::new(Past { days, outcomes });
        let counted = Counted { at: Instant::now(), begins, jobs, past: Arc::clone(&past) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(past)
    }

    fn last(&self) -> Option<Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The last days, and the start of each and the end of the last one: with changes of the clock a
/// day has 23 or 25 hours.
fn days(now: Timestamp, zone: &TimeZone) -> (Vec<Date>, Arc<[Timestamp]>) {
    let today = now.to_zoned_datetime(zone.clone()).date();
    let day = |back: i32| today.checked_sub(back.days()).unwrap_or(today);
    let days: Vec<Date> = (0..DAYS).rev().map(day).collect();
    let begin =
        |day: Date| day.to_zoned_datetime(zone.clone()).map_or(now, |begin| begin.timestamp());
    let begins = days.iter().copied().chain([day(-1)]).map(begin).collect();
    (days, begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_zone_however_long_they_are() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (days, begins) = days("2026-10-26T12:00:00Z".parse().unwrap(), &zone);
        assert_eq!(days.len(), 14);
        assert_eq!(days[13].to_string(), "2026-10-26");
        assert_eq!(begins.len(), 15);
        let hours: Vec<_> =
            begins.windows(2).map(|pair| pair[0].duration_until(pair[1]).as_hours()).collect();
        assert_eq!(hours[12], 25, "the clock was set back on the 25th");
        assert!(hours[..12].iter().all(|hours| *hours == 24), "{hours:?}");
    }
}
