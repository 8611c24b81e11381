//! Conditions that are reported because they last: a late job, an agent that keeps runs waiting, an
//! unconfirmed cancel, an expiring token, an invalid job file.
//!
//! Each is reported once while it lasts, and that it was reported is durable. Since only time
//! brings a condition about, it is one of the engine's wake-ups: nothing is polled for it.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use super::agent_link::Unavailable;
use crate::alert::ReportedToken;
use crate::duration;
use crate::ids::{AttemptId, JobName, RunId};
use crate::input::Level;
use crate::job::{AlertEvent, Job};
use crate::limits::{AGENT_DOWN_AFTER, STUCK_AFTER, TOKEN_NOTICE};
use crate::reason::WaitReason;
use crate::record::{JobRow, Record};
use crate::run::{CancelRequest, RunMachine};
use crate::time::shift;

/// The watched conditions besides those of jobs.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// When the agent will have kept a run waiting long enough to be reported.
    down_at: Option<Timestamp>,
    /// When the token in use ends.
    token_ends: Option<Timestamp>,
    /// When that is to be reported.
    token_at: Option<Timestamp>,
}

impl Conditions {
    /// The next time at which a condition may begin.
    pub(super) fn next(&self) -> Option<Timestamp> {
        [self.down_at, self.token_at].into_iter().flatten().min()
    }
}

/// Since when a job is late by its `max_age`, or will be if it does not succeed by then.
fn late_from(job: &Job, job_row: &JobRow) -> Option<Timestamp> {
    Some(shift(job_row.last_success.unwrap_or(job_row.first_seen), job.max_age?))
}

impl Engine {
    /// Reports, once, a cancel that has long been unconfirmed.
    pub(super) fn report_stuck(&mut self, id: RunId) {
        let machine = self.state.run(id);
        let Some(cancel) = machine.unconfirmed() else { return };
        if self.now < shift(cancel.at, STUCK_AFTER) {
            return;
        }
        let told = |since: String, why: String| {
            format!("asked to cancel at {since}, and not confirmed by the agent since: {why}")
        };
        let since = self.job_time(&machine.row().job, cancel.at);
        let reason = told(since, self.sentence(id, &cancel.reason));
        let line = told(self.machine_time(cancel.at), self.log_sentence(&cancel.reason));
        let open = machine.attempts().filter(|attempt| attempt.cancel.is_some());
        let attempts: Vec<AttemptId> = open.map(|attempt| attempt.id).collect();
        let set_reported =
            |cancel: &mut Option<CancelRequest>| cancel.iter_mut().for_each(|w| w.reported = true);
        self.change_run(id, |run| set_reported(&mut run.cancel));
        for attempt in attempts {
            self.change_attempt(attempt, |row| set_reported(&mut row.cancel));
        }
        self.log_run(Level::Error, id, None, line);
        let run = Arc::clone(self.state.run(id).row());
        let draft = self.about(&run, AlertEvent::Stuck, "is stuck", reason);
        self.queue_alerts(&draft);
    }

    /// Since when a job is late, if it is: a job that is disabled or paused is not.
    pub(super) fn late_since(
        &self,
        job: &Job,
        job_row: &JobRow,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let from = late_from(job, job_row).filter(|from| *from <= now)?;
        let runs = job.enabled && self.pause_in_force(job_row, now).is_none();
        runs.then_some(from)
    }

    /// Sets when the job is to be reported as late.
    pub(super) fn schedule_late_check(&mut self, name: &JobName) {
        let Some(job) = self.job(name) else { return };
        let job_row = self.state.job_row(name);
        let from = late_from(job, job_row);
        let reported = job_row.late_reported_at.is_some();
        // Resuming a job whose pause has no end, and enabling one, arm it again.
        let unpaused = self.unpaused_from(job_row).filter(|_| job.enabled);
        let at = from.zip(unpaused).map(|(from, unpaused)| from.max(unpaused));
        if reported && from.is_none_or(|from| self.now < from) {
            self.change_job(name, |job_row| job_row.late_reported_at = None);
        }
        let still_reported = self.state.job_row(name).late_reported_at.is_some();
        let at = at.filter(|_| !still_reported);
        self.lates.set(name.clone(), at);
    }

    /// Reports the jobs that have become late, each at most once in a step.
    pub(super) fn report_late(&mut self) {
        for name in self.lates.due(self.now) {
            self.lates.set(name.clone(), None);
            self.report_late_job(&name);
            self.schedule_late_check(&name);
        }
    }

    fn report_late_job(&mut self, name: &JobName) {
        let Some(job) = self.job(name) else { return };
        let job_row = self.state.job_row(name);
        let Some(from) = self.late_since(job, job_row, self.now) else { return };
        if job_row.late_reported_at.is_some() {
            return;
        }
        let age = job.max_age.map(duration::format).unwrap_or_default();
        let told = |time: &dyn Fn(Timestamp) -> String| match job_row.last_success {
            Some(at) => format!("no success since {} (`max_age` is {age})", time(at)),
            None => format!(
                "no success since it was first seen at {} (`max_age` is {age})",
                time(job_row.first_seen)
            ),
        };
        let reason = told(&|at| job.timetable.local(at));
        let line = format!("late: {}", told(&|at| self.machine_time(at)));
        let now = self.now;
        self.change_job(name, |job_row| job_row.late_reported_at = Some(now));
        self.log_event(Level::Warn, Some(name), Some(AlertEvent::Late.word()), line);
        let text = format!("{name} is late on {}: {reason}", self.host.hostname);
        self.raise_event(AlertEvent::Late, from, Some(name), &reason, text);
    }

    /// Reports an agent that has kept a run waiting for long, once for each outage.
    pub(super) fn watch_agent(&mut self) {
        let works = self.agent_link.takes_work();
        if works && self.state.reported().agent_down.is_some() {
            let mut reported = self.state.reported().clone();
            self.keep_outage(&mut reported);
            self.record(Record::Reported(reported));
        }
        self.conditions.down_at = None;
        if self.state.reported().agent_down.is_some() {
            return;
        }
        if let Some(since) = self.run_kept_waiting_since() {
            self.agent_link.kept_waiting(since);
        }
        let Some(since) = self.agent_link.kept_waiting_since() else { return };
        let at = shift(since, AGENT_DOWN_AFTER);
        if self.now < at {
            self.conditions.down_at = Some(at);
            return;
        }
        if !self.still_fails(at) {
            return;
        }
        self.change_reported(|reported| reported.agent_down = Some(since));
        let words = self.agent_view().words;
        let reason = format!("{words}; runs have waited since {}", self.machine_time(since));
        let line = format!("runs wait for the agent: {reason}");
        self.log_event(Level::Error, None, Some(AlertEvent::AgentDown.word()), line);
        let text = format!("runs on {} wait for the agent: {reason}", self.host.hostname);
        self.raise_event(AlertEvent::AgentDown, since, None, &reason, text);
    }

    /// Notes that a run has ended without a start because of the agent's state: the outage goes on,
    /// and so does the time that counts towards its alert.
    pub(super) fn run_was_kept_waiting(&mut self) {
        if let Some(since) = self.run_kept_waiting_since() {
            self.agent_link.kept_waiting(since);
        }
    }

    /// True if the agent was seen to be unavailable still at `at`, or since a run that
    /// still waits began to wait. An agent that has not been asked for hours may be back.
    fn still_fails(&self, at: Timestamp) -> bool {
        let Some(failed_at) = self.agent_link.failed_at() else { return false };
        at <= failed_at || self.run_waits_from().is_some_and(|from| from <= failed_at)
    }

    /// Since when the agent, or the lack of a good token, has kept a run waiting that still waits;
    /// absent if there is none. A restart begins to count anew.
    fn run_kept_waiting_since(&self) -> Option<Timestamp> {
        Some(self.run_waits_from()?.max(self.agent_link.unavailable_since()?))
    }

    /// Since when the first of the runs waits that cannot be submitted for that reason.
    fn run_waits_from(&self) -> Option<Timestamp> {
        let why = self.agent_link.unavailable()?;
        // Served in order: the first run with this obstacle has waited the longest.
        let waits = |machine: &&RunMachine| machine.wait().is_some_and(WaitReason::is_for_agent);
        let waiting = self.state.waiting().find(waits).map(|machine| machine.row().ready_at);
        let unheard = match why {
            Unavailable::Away(_) | Unavailable::PortHeld(_) | Unavailable::BadToken(_) => self
                .state
                .in_flight()
                .filter(|machine| !machine.is_over())
                .filter_map(|machine| machine.followed().map(|attempt| attempt.not_before))
                .min(),
            // Running transfers are seen to go on, or to stand still because somebody paused them.
            Unavailable::Idle(_) | Unavailable::ClockFar(_) | Unavailable::Listing(_) => None,
        };
        [waiting, unheard].into_iter().flatten().min()
    }

    /// Notes when the token in use ends.
    pub(super) fn on_token_ends(&mut self, ends: Option<Timestamp>) {
        self.conditions.token_ends = ends;
    }

    /// Reports a token that ends soon, and again when it has ended.
    pub(super) fn watch_token(&mut self) {
        self.conditions.token_at = None;
        let Some(ends) = self.conditions.token_ends else { return };
        let before = self.state.reported().token.filter(|reported| reported.ends == ends);
        let notice = shift(ends, -TOKEN_NOTICE);
        let at = match before {
            None => notice,
            Some(ReportedToken { ended: false, .. }) => ends,
            Some(ReportedToken { ended: true, .. }) => return,
        };
        if self.now < at {
            self.conditions.token_at = Some(at);
            return;
        }
        let ended = ends <= self.now;
        self.change_reported(|reported| reported.token = Some(ReportedToken { ends, ended }));
        self.conditions.token_at = (!ended).then_some(ends);
        let verb = if ended { "expired" } else { "expires" };
        let hint = self.set.agent.token_renewal.hint();
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let reason = format!("the token {verb} at {}{hint}", self.machine_time(ends));
        let event = Some(AlertEvent::TokenExpiring.word());
        self.log_event(Level::Warn, None, event, reason.clone());
        let text = format!("on {}, {reason}", self.host.hostname);
        let known_by = if ended { ends } else { notice };
        self.raise_event(AlertEvent::TokenExpiring, known_by, None, &reason, text);
    }

    /// Takes in the result of reading the job file.
    pub(super) fn on_job_file_checked(&mut self, problem: Option<&str>) {
        if self.state.reported().config_invalid == problem.is_some() {
            return;
        }
        self.change_reported(|reported| reported.config_invalid = problem.is_some());
        let Some(problem) = problem else { return };
        let host = &self.host.hostname;
        let text = format!("the job file on {host} is invalid, the old jobs stay: {problem}");
        self.raise_event(AlertEvent::ConfigInvalid, self.now, None, problem, text);
    }
}
