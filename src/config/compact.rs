//! A job set in memory of its own: what stays for days, apart from what reading it left behind.
//!
//! An allocator gives memory back by the page, and reading ten thousand jobs strews those that
//! stay over some 60 MB. So they are copied on a thread of their own, whose memory (glibc keeps an
//! arena for each) holds nothing else. Keeps true: the copy is equal to the original; jobs that are
//! as before are the very same ones, so that to compare, to replace and to drop them costs nothing.

use std::collections::HashMap;
use std::sync::Arc;

use crate::core::ids::JobName;
use crate::core::job::{Job, JobSet, Terms};
use crate::core::schedule::{Schedule, Timetable};

/// The set, with those jobs of the `old` one that are as before, and all others copied.
pub fn compact(set: &JobSet, old: Option<&JobSet>) -> JobSet {
    let mut shared = Shared::default();
    let jobs =
        set.jobs.iter().map(|(name, job)| match old.and_then(|old| old.jobs.get_key_value(name)) {
            Some((name, before)) if before == job => (name.clone(), Arc::clone(before)),
            Some(_) | None => {
                let job = shared.copy(job);
                (job.name.clone(), Arc::new(job))
            }
        });
    JobSet {
        jobs: jobs.collect(),
        agent: set.agent.clone(),
        alerts: set.alerts.clone(),
        history: set.history,
        listen: set.listen,
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
            name: JobName::new(job.name.as_str()),
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
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::compact;
    use crate::config::{SourceFile, Sources, Surroundings, parse, read};
    use crate::core::job::JobSet;

    fn surroundings() -> Surroundings {
        Surroundings { system_zone: ("UTC".to_owned(), TimeZone::UTC), now: Timestamp::UNIX_EPOCH }
    }

    fn set(text: &str) -> JobSet {
        let file = SourceFile { path: PathBuf::from("jobs.yaml"), text: text.to_owned() };
        let sources =
            Sources { root: file.path.clone(), base: PathBuf::from("/"), files: vec![file] };
        parse(&sources, &surroundings()).unwrap().set
    }

    #[test]
    fn the_copy_says_the_same() {
        let example = read(Path::new("jobs.example.yaml"), &surroundings()).unwrap().set;
        assert_eq!(compact(&example, None), example);
    }

    #[test]
    fn a_job_that_is_as_before_is_the_same_one_and_a_changed_one_is_new() {
        let place = |path| format!("{{account: {}, bucket: b, path: {path}}}", uuid::Uuid::nil());
        let job = |path| format!("{{source: {}, destination: {}}}", place("in"), place(path));
        let old = set(&format!("jobs: {{a: {}, b: {}}}", job("x"), job("y")));
        let new = set(&format!("jobs: {{a: {}, b: {}}}", job("x"), job("z")));
        let copy = compact(&new, Some(&old));
        assert_eq!(copy, new);
        assert!(Arc::ptr_eq(&copy.jobs["a"], &old.jobs["a"]));
        assert_ne!(copy.jobs["b"], old.jobs["b"]);
    }
}
