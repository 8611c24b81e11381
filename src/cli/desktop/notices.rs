//! Decides which notices a person at the desktop gets, and how often: one for each event, and one
//! for a condition while it lasts.
//!
//! Pure: the daemon's answers and the time are arguments.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::limits::{AGENT_DOWN_AFTER, MOST, NAMES, SPAN, STUCK_AFTER, TEXT_MAX, TOKEN_NOTICE};
use super::wanted::Wanted;
use crate::cli::render::words::span;
use crate::control::document::{RunDocument, StatusDocument};
use crate::control::events::HappenedDocument;
use crate::core::event::EventKind;
use crate::core::ids::{JobName, RunId};
use crate::core::job::AlertEvent;
use crate::core::plain::one_line;
use crate::core::reason::ReasonCode;
use crate::core::run::RunState;

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// One line.
    pub(super) title: String,
    /// The event and the remedy; may be empty.
    pub(super) body: String,
    /// Whether it stays until it is closed.
    pub(super) urgent: bool,
    /// The job that it is about, where it is about one.
    pub(super) job: Option<JobName>,
    /// The run that it is about, where it is about one.
    pub(super) run: Option<RunId>,
    /// The address of the daemon's page, without a trailing slash; none if it has none.
    pub(super) page: Option<String>,
}

impl Notice {
    pub(super) fn new(title: &str, body: &str, urgent: bool) -> Self {
        let (title, body) = (one_line(title, TEXT_MAX), one_line(body, TEXT_MAX));
        Self { title, body, urgent, job: None, run: None, page: None }
    }

    fn of_job(self, job: &JobName) -> Self {
        Self { job: Some(job.clone()), ..self }
    }

    fn of_run(self, job: &JobName, run: RunId) -> Self {
        Self { run: Some(run), ..self.of_job(job) }
    }

    /// The link to more about it.
    pub(super) fn link(&self) -> Option<String> {
        let page = self.page.as_ref()?;
        Some(match self.run {
            Some(run) => format!("{page}/runs/{run}"),
            None => format!("{page}/"),
        })
    }
}

/// The reports already made about one daemon, so that no lasting condition is reported twice.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    wanted: Wanted,
    /// The address of the daemon's page.
    page: Option<String>,
    /// A status has been received.
    begun: bool,
    /// Jobs whose last run failed or timed out: their next success is a recovery.
    failing: BTreeSet<JobName>,
    late: BTreeSet<JobName>,
    /// Runs that were seen to be canceling: since when, and whether that was reported.
    canceling: BTreeMap<RunId, (Timestamp, bool)>,
    waiting_since: Option<Timestamp>,
    outage: bool,
    /// The end of the token that was reported, and whether it had already passed.
    token: Option<(Timestamp, bool)>,
    bad_file: bool,
}

impl Watcher {
    /// Takes in what to show from now on.
    pub(super) fn heed(&mut self, status: &StatusDocument) {
        self.wanted = Wanted::by(status.alerts.desktop.as_deref());
        self.page.clone_from(&status.page);
    }

    /// The alert event of an event; none if there is none for it.
    pub(super) fn occasion(happened: &HappenedDocument) -> Option<AlertEvent> {
        match EventKind::from_word(&happened.event)? {
            EventKind::State(RunState::Succeeded) => Some(AlertEvent::Succeeded),
            EventKind::State(RunState::Failed) => Some(AlertEvent::Failed),
            EventKind::State(RunState::TimedOut) => Some(AlertEvent::TimedOut),
            EventKind::State(RunState::Canceled) => Some(AlertEvent::Canceled),
            EventKind::State(RunState::Skipped) => Some(AlertEvent::Skipped),
            EventKind::Ambiguous => Some(AlertEvent::Stuck),
            EventKind::Doubled => Some(AlertEvent::Doubled),
            EventKind::State(
                RunState::Waiting
                | RunState::Submitting
                | RunState::Queued
                | RunState::Running
                | RunState::BackingOff
                | RunState::Canceling,
            )
            | EventKind::Accepted
            | EventKind::Receipt
            | EventKind::Uncertain
            | EventKind::Refused
            | EventKind::Listed
            | EventKind::TransferEnded
            | EventKind::GivenUp
            | EventKind::NearMiss
            | EventKind::Unrecorded
            | EventKind::UnknownStatus
            | EventKind::CancelRequested
            | EventKind::CancelRefused
            | EventKind::Paused
            | EventKind::Resumed => None,
        }
    }

    /// The notice for an event, if it is to be shown.
    pub(super) fn happened(&mut self, happened: &HappenedDocument) -> Option<Notice> {
        let event = Self::occasion(happened)?;
        let job = &happened.job;
        let recovers = match event {
            AlertEvent::Failed | AlertEvent::TimedOut => {
                self.failing.insert(job.clone());
                false
            }
            AlertEvent::Succeeded => self.failing.remove(job),
            AlertEvent::Canceled
            | AlertEvent::Skipped
            | AlertEvent::Late
            | AlertEvent::Recovered
            | AlertEvent::AgentDown
            | AlertEvent::TokenExpiring
            | AlertEvent::ConfigInvalid
            | AlertEvent::Stuck
            | AlertEvent::Doubled => false,
        };
        let reported_as = if recovers && self.wanted.of(AlertEvent::Recovered, job) {
            AlertEvent::Recovered
        } else {
            event
        };
        if !self.wanted.of(reported_as, job) {
            return None;
        }
        let urgent = !matches!(
            reported_as,
            AlertEvent::Succeeded
                | AlertEvent::Recovered
                | AlertEvent::Canceled
                | AlertEvent::Skipped
        );
        let notice = Notice::new(&format!("{job} {}", verb(reported_as)), &happened.detail, urgent);
        Some(Notice { page: self.page.clone(), ..notice.of_run(job, happened.run) })
    }

    /// The notices for a status.
    pub(super) fn looked(&mut self, status: &StatusDocument, now: Timestamp) -> Vec<Notice> {
        self.heed(status);
        if !std::mem::replace(&mut self.begun, true) {
            let failing = status.jobs.iter().filter(|job| job.has_failed());
            self.failing.extend(failing.map(|job| job.name.clone()));
        }
        let notices = [
            self.late(status),
            self.outage(status, now),
            self.token(status, now),
            self.bad_file(status),
        ];
        let mut notices: Vec<Notice> = notices.into_iter().flatten().collect();
        notices.extend(self.stuck(status, now));
        notices.iter_mut().for_each(|notice| notice.page.clone_from(&self.page));
        notices
    }

    fn late(&mut self, status: &StatusDocument) -> Option<Notice> {
        let late = status.jobs.iter().filter(|job| job.late);
        let late: BTreeSet<JobName> = late.map(|job| job.name.clone()).collect();
        let new = late.difference(&self.late);
        let new = new.filter(|job| self.wanted.of(AlertEvent::Late, job));
        let new: Vec<&JobName> = new.collect();
        let notice = match new.as_slice() {
            [] => None,
            [job] => {
                let body = format!("it has not succeeded for its max_age: `transferd why {job}`");
                Some(Notice::new(&format!("{job} is late"), &body, false).of_job(job))
            }
            jobs => {
                let title = format!("{} jobs are late", jobs.len());
                let names: Vec<&str> = jobs.iter().map(|job| job.as_str()).collect();
                Some(Notice::new(&title, &named(&names), false))
            }
        };
        self.late = late;
        notice
    }

    /// Notices about runs whose cancellation the agent does not confirm.
    fn stuck(&mut self, status: &StatusDocument, now: Timestamp) -> Vec<Notice> {
        let runs = status.jobs.iter().filter_map(|job| job.active_run.as_ref());
        let mut before = std::mem::take(&mut self.canceling);
        let mut notices = Vec::new();
        for run in runs.filter(|run| run.state == RunState::Canceling) {
            let (since, mut told) = before.remove(&run.id).unwrap_or((now, false));
            // If the clock was set back, the wait begins anew.
            let since = since.min(now);
            if !told && now.duration_since(since) >= STUCK_AFTER {
                told = true;
                if self.wanted.of(AlertEvent::Stuck, &run.job) {
                    let title = format!("{} {}", run.job, verb(AlertEvent::Stuck));
                    let body = "the agent does not confirm that it is canceled";
                    notices.push(Notice::new(&title, body, true).of_run(&run.job, run.id));
                }
            }
            self.canceling.insert(run.id, (since, told));
        }
        notices
    }

    /// The notice that runs wait for the agent: it is away, signed out, or without a good token.
    fn outage(&mut self, status: &StatusDocument, now: Timestamp) -> Option<Notice> {
        let runs = status.jobs.iter().filter_map(|job| job.active_run.as_ref());
        let waiting: Vec<&RunDocument> = runs.filter(|run| waits_for_agent(run)).collect();
        let Some(first) = waiting.first() else {
            (self.waiting_since, self.outage) = (None, false);
            return None;
        };
        // If the clock was set back, the wait begins anew.
        let since = self.waiting_since.filter(|since| *since <= now).unwrap_or(now);
        self.waiting_since = Some(since);
        if self.outage || now.duration_since(since) < AGENT_DOWN_AFTER {
            return None;
        }
        self.outage = true;
        if !self.wanted.any(AlertEvent::AgentDown) {
            return None;
        }
        let jobs: Vec<&str> = waiting.iter().map(|run| run.job.as_str()).collect();
        let body = format!("{}: {}", first.reason, named(&jobs));
        let notice = Notice::new("transfers wait for the Amove agent", &body, true);
        Some(match waiting.as_slice() {
            [run] => notice.of_run(&run.job, run.id),
            _ => notice,
        })
    }

    fn token(&mut self, status: &StatusDocument, now: Timestamp) -> Option<Notice> {
        let ends = status.agent.token.expires_at?;
        let over = ends <= now;
        if ends.duration_since(now) > TOKEN_NOTICE || self.token == Some((ends, over)) {
            return None;
        }
        self.token = Some((ends, over));
        if !self.wanted.any(AlertEvent::TokenExpiring) {
            return None;
        }
        let title = match over {
            true => "the agent's token has expired".to_owned(),
            false => format!("the agent's token expires in {}", span(ends.duration_since(now))),
        };
        Some(Notice::new(&title, "`transferd status` says how to renew it", over))
    }

    fn bad_file(&mut self, status: &StatusDocument) -> Option<Notice> {
        let told = std::mem::replace(&mut self.bad_file, !status.config.valid);
        if told || status.config.valid || !self.wanted.any(AlertEvent::ConfigInvalid) {
            return None;
        }
        let body = format!(
            "the old jobs go on: {}",
            status.config.error.as_deref().unwrap_or("`transferd check` says why")
        );
        Some(Notice::new("the job file is invalid", &body, false))
    }
}

/// The verb about a job in a title.
fn verb(event: AlertEvent) -> &'static str {
    match event {
        AlertEvent::Succeeded => "succeeded",
        AlertEvent::Failed => "failed",
        AlertEvent::TimedOut => "timed out",
        AlertEvent::Canceled => "was canceled",
        AlertEvent::Skipped => "was skipped",
        AlertEvent::Late => "is late",
        AlertEvent::Recovered => "has recovered",
        AlertEvent::AgentDown => "waits for the agent",
        AlertEvent::TokenExpiring => "needs a new token",
        AlertEvent::ConfigInvalid => "has an invalid job file",
        AlertEvent::Stuck => "is stuck",
        AlertEvent::Doubled => "was doubled",
    }
}

fn waits_for_agent(run: &RunDocument) -> bool {
    let codes = [ReasonCode::WaitingAgent, ReasonCode::WaitingToken, ReasonCode::WaitingPort];
    run.reason_code.is_some_and(|code| codes.contains(&code))
}

/// The first of them, and the number of others.
fn named(jobs: &[&str]) -> String {
    let first = jobs[..jobs.len().min(NAMES)].join(", ");
    match jobs.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Keeps a bad night from filling the screen.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    shown: VecDeque<Timestamp>,
    held_back: usize,
    /// The page of the daemon of the last notice that was held back.
    page: Option<String>,
}

impl Throttle {
    /// Returns the notice if it may be shown now; otherwise it is counted.
    pub(super) fn admit(&mut self, notice: Notice, now: Timestamp) -> Option<Notice> {
        self.forget(now);
        if self.shown.len() >= MOST {
            self.held_back += 1;
            self.page = notice.page;
            return None;
        }
        self.shown.push_back(now);
        Some(notice)
    }

    /// The time until [`Throttle::rest`] has a notice; none if all were shown.
    pub(super) fn wait(&self, now: Timestamp) -> Option<std::time::Duration> {
        let last = self.shown.back().filter(|_| self.held_back > 0)?;
        let left = SPAN - now.duration_since(*last).clamp(jiff::SignedDuration::ZERO, SPAN);
        Some(left.unsigned_abs())
    }

    /// One notice for all that were held back.
    pub(super) fn rest(&mut self, now: Timestamp) -> Option<Notice> {
        self.forget(now);
        let held_back = std::mem::take(&mut self.held_back);
        if held_back == 0 {
            return None;
        }
        self.shown.push_back(now);
        let title = format!("{held_back} more messages from transferd");
        let body = "`transferd status` and `transferd history --failed`";
        Some(Notice { page: self.page.take(), ..Notice::new(&title, body, true) })
    }

    fn forget(&mut self, now: Timestamp) {
        self.shown.retain(|at| *at <= now && now.duration_since(*at) < SPAN);
    }
}
