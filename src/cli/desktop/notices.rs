//! What a person at the desktop is told of, and how often: each failure, and once what lasts.
//!
//! Pure: is given what the daemon says and what time it is.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

use super::limits::{EXPIRES_SOON, MOST, NAMES, OUTAGE, SPAN, TEXT_MAX};
use crate::control::document::{RunDocument, StatusDocument};
use crate::control::events::HappenedDocument;
use crate::core::plain::one_line;
use crate::core::reason::ReasonCode;
use crate::core::run::RunState;

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// One line.
    pub(super) title: String,
    /// What happened and what to do; may be empty.
    pub(super) body: String,
    /// Whether it stays until it is closed.
    pub(super) urgent: bool,
}

impl Notice {
    fn new(title: &str, body: &str, urgent: bool) -> Self {
        Self { title: one_line(title, TEXT_MAX), body: one_line(body, TEXT_MAX), urgent }
    }
}

/// What one daemon has been told of, so that nothing lasting is told of twice.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    late: BTreeSet<String>,
    waiting_since: Option<Timestamp>,
    outage: bool,
    /// The end of the token that was told of, and whether it had come.
    token: Option<(Timestamp, bool)>,
    bad_file: bool,
}

impl Watcher {
    /// What to tell of an event.
    pub(super) fn happened(happened: &HappenedDocument) -> Option<Notice> {
        let state = RunState::from_word(&happened.event).filter(|state| state.is_failure())?;
        Some(Notice::new(&format!("{} {}", happened.job, state.told()), &happened.detail, true))
    }

    /// What to tell of how things stand.
    pub(super) fn looked(&mut self, status: &StatusDocument, now: Timestamp) -> Vec<Notice> {
        let notices = [
            self.late(status),
            self.outage(status, now),
            self.token(status, now),
            self.bad_file(status),
        ];
        notices.into_iter().flatten().collect()
    }

    fn late(&mut self, status: &StatusDocument) -> Option<Notice> {
        let late = status.jobs.iter().filter(|job| job.late);
        let late: BTreeSet<String> = late.map(|job| job.name.to_string()).collect();
        let new: Vec<&str> = late.difference(&self.late).map(String::as_str).collect();
        let notice = match new.as_slice() {
            [] => None,
            [job] => {
                let body = format!("it has not succeeded for its max_age: `transferd why {job}`");
                Some(Notice::new(&format!("{job} is late"), &body, false))
            }
            jobs => {
                let title = format!("{} jobs are late", jobs.len());
                Some(Notice::new(&title, &named(jobs), false))
            }
        };
        self.late = late;
        notice
    }

    /// Runs wait for the agent, be it away, signed out, or without a good token.
    fn outage(&mut self, status: &StatusDocument, now: Timestamp) -> Option<Notice> {
        let runs = status.jobs.iter().filter_map(|job| job.active_run.as_ref());
        let waiting: Vec<&RunDocument> = runs.filter(|run| waits_for_agent(run)).collect();
        let Some(first) = waiting.first() else {
            (self.waiting_since, self.outage) = (None, false);
            return None;
        };
        // A clock that was set back begins anew.
        let since = self.waiting_since.filter(|since| *since <= now).unwrap_or(now);
        self.waiting_since = Some(since);
        if self.outage || now.duration_since(since) < OUTAGE {
            return None;
        }
        self.outage = true;
        let jobs: Vec<&str> = waiting.iter().map(|run| run.job.as_str()).collect();
        let body = format!("{}: {}", first.reason, named(&jobs));
        Some(Notice::new("transfers wait for the Amove agent", &body, true))
    }

    fn token(&mut self, status: &StatusDocument, now: Timestamp) -> Option<Notice> {
        let ends = status.agent.token.expires_at?;
        let over = ends <= now;
        if ends.duration_since(now) > EXPIRES_SOON || self.token == Some((ends, over)) {
            return None;
        }
        self.token = Some((ends, over));
        let title = match over {
            true => "the agent's token has expired".to_owned(),
            false => {
                let hours = ends.duration_since(now).as_hours();
                match hours {
                    0..48 => format!("the agent's token expires in {} h", hours.max(1)),
                    _ => format!("the agent's token expires in {} days", hours / 24),
                }
            }
        };
        Some(Notice::new(&title, "`transferd login` gets a new one", over))
    }

    fn bad_file(&mut self, status: &StatusDocument) -> Option<Notice> {
        let told = std::mem::replace(&mut self.bad_file, !status.config.valid);
        if told || status.config.valid {
            return None;
        }
        let body = format!(
            "the old jobs go on: {}",
            status.config.error.as_deref().unwrap_or("`transferd check` says why")
        );
        Some(Notice::new("the job file is invalid", &body, false))
    }
}

fn waits_for_agent(run: &RunDocument) -> bool {
    let codes = [ReasonCode::WaitingAgent, ReasonCode::WaitingToken, ReasonCode::WaitingPort];
    run.reason_code.is_some_and(|code| codes.contains(&code))
}

/// The first of them, and how many more there are.
fn named(jobs: &[&str]) -> String {
    let first = jobs[..jobs.len().min(NAMES)].join(", ");
    match jobs.len().saturating_sub(NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Keeps a bad night from covering the screen.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    shown: VecDeque<Timestamp>,
    held_back: usize,
}

impl Throttle {
    /// The notice, if it may be shown now; else it is counted.
    pub(super) fn admit(&mut self, notice: Notice, now: Timestamp) -> Option<Notice> {
        self.forget(now);
        if self.shown.len() >= MOST {
            self.held_back += 1;
            return None;
        }
        self.shown.push_back(now);
        Some(notice)
    }

    /// When [`Throttle::rest`] has something to say, after so long at most; none while all was shown.
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
        Some(Notice::new(&title, "`transferd status` and `transferd history --failed`", true))
    }

    fn forget(&mut self, now: Timestamp) {
        self.shown.retain(|at| *at <= now && now.duration_since(*at) < SPAN);
    }
}
