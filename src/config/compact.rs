//! A job set in memory of its own: what stays for days, apart from what reading it left behind.
//!
//! An allocator gives memory back by the page, and reading ten thousand jobs strews those that
//! stay over some 60 MB. So all of a set is copied on a thread of its own, whose memory (glibc keeps
//! an arena for each) holds nothing else. Keeps true: the copy is equal to the original.

use std::collections::HashMap;
use std::sync::Arc;

use crate::core::job::{Job, JobSet, Terms};
use crate::core::schedule::{Schedule, Timetable};

/// A copy of the set. What it shares with the original are only time zones.
pub fn compact(set: &JobSet) -> JobSet {
    let mut shared = Shared::default();
    let jobs = set.jobs.values().map(|job| {
        let job = shared.copy(job);
        (job.name.clone(), Arc::new(job))
    });
    JobSet {
        jobs: jobs.collect(),
        accounts: Arc::new(set.accounts.as_ref().clone()),
        agent: set.agent.clone(),
        alerts: set.alerts.clone(),
        history: set.history,
        listen: set.listen,
        external_url: set.external_url.clone(),
    }
}

/// What many jobs have in common is held once.
#[derive(Debug, Default)]
struct Shared<'s> {
    schedules: HashMap<&'s str, Schedule>,
    terms: Vec<Arc<Terms>>,
}

impl<'s> Shared<'s> {
    fn copy(&mut self, job: &'s Job) -> Job {
        Job {
            name: job.name.apart(),
            timetable: self.timetable(&job.timetable),
            terms: self.terms(&job.terms),
            ..job.clone()
        }
    }

    fn timetable(&mut self, original: &'s Timetable) -> Timetable {
        let schedules = original.schedules().map(|schedule| {
            // What parsed once parses again; if not, the original serves as well.
            let fresh = || Schedule::parse(schedule.text()).unwrap_or_else(|_| schedule.clone());
            self.schedules.entry(schedule.text()).or_insert_with(fresh).clone()
        });
        Timetable::new(schedules.collect(), original.zone_name(), original.zone().clone())
    }

    fn terms(&mut self, original: &Arc<Terms>) -> Arc<Terms> {
        // Files have a few kinds of terms; where each job has its own, looking for equal ones
        // would cost more than it saves.
        const KINDS: usize = 32;
        if let Some(known) = self.terms.iter().find(|known| *known == original) {
            return Arc::clone(known);
        }
        let fresh = Arc::new(Terms::clone(original));
        if self.terms.len() < KINDS {
            self.terms.push(Arc::clone(&fresh));
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::compact;
    use crate::config::{Surroundings, read};

    #[test]
    fn the_copy_says_the_same() {
        let system_zone = ("UTC".to_owned(), TimeZone::UTC);
        let surroundings = Surroundings { system_zone, now: Timestamp::UNIX_EPOCH };
        let example = read(Path::new("jobs.example.yaml"), &surroundings).unwrap().set;
        assert_eq!(compact(&example), example);
    }
}
