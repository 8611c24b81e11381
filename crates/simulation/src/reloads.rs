//! The job file changes: jobs are added, changed, removed and renamed, with runs in flight.

use std::sync::Arc;

use transferd_engine::ids::JobName;
use transferd_engine::input::Input;
use transferd_engine::job::{Job, JobSet};

use super::jobs;
use super::simulation::{Event, Observer, Simulation};

impl<O: Observer> Simulation<O> {
    pub(super) fn reload(&mut self, number: usize) {
        self.count("reload");
        let all = self.daemons[number].all_jobs.clone();
        let agent = self.daemons[number].file.agent.clone();
        let keep = self.hazards.jobs_kept[self.chance.below(3)];
        let rescheduled = self.hazards.jobs_rescheduled;
        let set = jobs::draw_set(&mut self.chance, &all, &agent, keep, rescheduled);
        let set = self.rename_and_redefine(set);
        self.count_changes(number, &set);
        self.change_file(number, set);
    }

    /// Renames some of the jobs, and gives some other terms and another destination.
    fn rename_and_redefine(&mut self, set: Arc<JobSet>) -> Arc<JobSet> {
        let (renamed, redefined) = (self.hazards.jobs_renamed, self.hazards.jobs_redefined);
        if renamed == 0.0 && redefined == 0.0 {
            return set;
        }
        let mut jobs = Vec::new();
        for job in set.jobs.values() {
            let mut job = Job::clone(job);
            if self.chance.happens(redefined) {
                jobs::redefine(&mut self.chance, &mut job);
            }
            if self.chance.happens(renamed) {
                job.name = jobs::other_name(&job.name);
            }
            jobs.push((job.name.clone(), Arc::new(job)));
        }
        Arc::new(jobs::set(&set.agent, jobs.into_iter().collect()))
    }

    /// Counts the changes of the new file for jobs with runs in flight.
    fn count_changes(&mut self, number: usize, new: &JobSet) {
        let daemon = &self.daemons[number];
        let old = Arc::clone(&daemon.file);
        let in_flight =
            |job: &JobName| daemon.unfinished.iter().any(|run| daemon.runs[run].job == *job);
        let mut counts = Vec::new();
        for (name, job) in &old.jobs {
            let word = match new.jobs.get(name) {
                Some(same) if same == job => continue,
                Some(_) => "job_changed",
                None if new.jobs.contains_key(&jobs::other_name(name)) => "job_renamed",
                None => "job_removed",
            };
            if in_flight(name) {
                counts.push(word);
            }
        }
        let stood = |name: &JobName| old.jobs.contains_key(name);
        let is_new = |name: &&JobName| !stood(name) && !stood(&jobs::other_name(name));
        counts.extend(new.jobs.keys().filter(is_new).map(|_| "job_added"));
        for word in counts {
            self.count(word);
        }
    }

    /// Changes the job file; a running daemon is told, or finds it when its machine wakes.
    pub(super) fn change_file(&mut self, number: usize, set: Arc<JobSet>) {
        let daemon = &mut self.daemons[number];
        daemon.file = set;
        match daemon.suspended_until {
            Some(until) => self.schedule(until, Event::FileChanged { number }),
            None => self.give_job_file(number),
        }
    }

    /// Gives the loop the current job file, if it has another one.
    pub(super) fn give_job_file(&mut self, number: usize) {
        let daemon = &mut self.daemons[number];
        if !daemon.alive || Arc::ptr_eq(&daemon.fed, &daemon.file) {
            return;
        }
        let set = Arc::clone(&daemon.file);
        daemon.fed = Arc::clone(&set);
        daemon.grounds.stands(&set);
        let given = self.mutation.map_or_else(|| Arc::clone(&set), |mutation| mutation.set(&set));
        self.feed(number, Input::JobsReplaced(given));
    }
}
