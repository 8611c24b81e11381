//! Alerts: which entries of the job file are notified of an event, and when each message is tried,
//! retried, or given up.
//!
//! A message is recorded in the same step as the event it reports, and removed by a record once it
//! is delivered. It is therefore delivered at least once, and twice only where a crash came between
//! delivery and record.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use super::digests::Summary;
use super::query::{AlertsView, FailingAlert};
use crate::alert::{Delivery, Occasion, QueuedAlert, id_of, requested_delay, retry_delay};
use crate::event::{Event, Happening};
use crate::ids::{AlertId, AlertKey, JobName};
use crate::input::{Effect, Level, LogFields, LogLine};
use crate::job::{Alert, AlertChannel, AlertEvent};
use crate::limits::{
    ALERT_REFUSALS_MAX, ALERT_RETRY, ALERT_STALE, ALERT_TEXT_MAX, ALERT_TRIES_MIN, OUTBOX_MAX,
    PLACE_TEXT_MAX, WORDS_MAX,
};
use crate::meant::CoveredJobs;
use crate::place::{NamedPlace, Place};
use crate::plain::one_line;
use crate::record::Record;
use crate::run::{Run, RunState};

/// One entry of `alerts`, in the form in which it is matched with events.
#[derive(Debug)]
pub(super) struct Entry {
    key: AlertKey,
    on: Vec<AlertEvent>,
    jobs: CoveredJobs,
    channel: AlertChannel,
}

/// Counts of deliveries since the engine began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeliveryStats {
    delivered: u64,
    failed: u64,
    given_up: u64,
}

/// An event to be reported.
#[derive(Debug)]
pub(super) struct AlertDraft {
    occasion: Occasion,
    /// The instant that identifies it: the same if it is found again.
    at: Timestamp,
    job: Option<JobName>,
    run: Option<Arc<Run>>,
    reason: String,
    /// A line for people.
    text: String,
}

impl Entry {
    /// Copies the entry into memory of its own, so that it does not keep a job set alive.
    pub(super) fn new(alert: &Alert) -> Self {
        let jobs = CoveredJobs::of(&alert.jobs);
        let channel = alert.channel.clone();
        Self { key: channel.key(), on: alert.on.clone(), jobs, channel }
    }

    /// True if the entry is to be notified. An event that concerns no single job goes to every
    /// entry that names the event.
    fn wants(&self, occasion: Occasion, job: Option<&JobName>) -> bool {
        let named = match occasion {
            Occasion::Event(event) => self.on.contains(&event),
            // A monitor that never hears of a success would wait for one without end.
            Occasion::Started => {
                matches!(self.channel, AlertChannel::Ping { .. })
                    && self.on.contains(&AlertEvent::Succeeded)
            }
            // A digest is queued for its own entry alone.
            Occasion::Digest => false,
        };
        named && job.is_none_or(|job| self.jobs.cover(job))
    }
}

impl Engine {
    /// Queues a message for each entry that is to be notified.
    pub(super) fn queue_alerts(&mut self, draft: &AlertDraft) {
        let job = draft.job.as_ref();
        let keys = self.receivers(draft.occasion, job);
        let run = draft.run.as_deref();
        let about = match (run, job) {
            (Some(run), _) => run.id.to_string(),
            (None, Some(job)) => job.to_string(),
            (None, None) => String::new(),
        };
        for key in keys.iter().copied() {
            let id = id_of(&about, draft.occasion, draft.at, key);
            if self.state.outbox().get(id).is_some() {
                continue;
            }
            self.make_room();
            let attempts = run.and_then(|run| self.state.find_run(run.id));
            let row = QueuedAlert {
                number: self.state.outbox().next_number(),
                receivers: keys.clone(),
                job: draft.job.clone(),
                run: run.map(|run| run.id),
                state: run.map(|run| run.state),
                reason: one_line(&draft.reason, WORDS_MAX),
                reason_code: match run {
                    Some(run) => run.reason.code(),
                    // Timed as in the runs that wait for the agent.
                    None if draft.occasion == Occasion::Event(AlertEvent::AgentDown) => {
                        self.agent_wait().map(|wait| wait.code())
                    }
                    None => None,
                },
                cause: run.and_then(|run| self.cause_of(run)),
                source: run.map(|run| self.named(&run.request.source)),
                destination: run.map(|run| self.named(&run.request.destination)),
                scheduled_for: run.and_then(|run| run.scheduled_for),
                attempts: attempts.map_or(0, |machine| machine.made()),
                text: one_line(&draft.text, ALERT_TEXT_MAX),
                ..QueuedAlert::new(id, key, draft.occasion, self.now)
            };
            self.record(Record::AlertQueued(Arc::new(row)));
        }
    }

    /// The entries that are to be notified, each channel once.
    pub(super) fn receivers(&self, occasion: Occasion, job: Option<&JobName>) -> Vec<AlertKey> {
        let mut keys: Vec<AlertKey> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.wants(occasion, job)) {
            if !keys.contains(&entry.key) {
                keys.push(entry.key);
            }
        }
        keys
    }

    /// Raises an event that concerns no run.
    pub(super) fn raise_event(
        &mut self,
        event: AlertEvent,
        at: Timestamp,
        job: Option<&JobName>,
        reason: &str,
        text: String,
    ) {
        let (occasion, job) = (Occasion::Event(event), job.cloned());
        self.queue_alerts(&AlertDraft {
            occasion,
            at,
            job,
            run: None,
            reason: reason.to_owned(),
            text,
        });
    }

    /// A place with its account's name in the job file.
    pub(super) fn named(&self, place: &Place) -> NamedPlace {
        NamedPlace::new(place, &self.set.accounts)
    }

    /// The news in a record. Nothing else begins an alert of a run.
    pub(super) fn drafts_of(&self, record: &Record) -> Vec<AlertDraft> {
        match record {
            Record::Run { was, run } => self.drafts_of_run(*was, run),
            Record::Event(event) => self.drafts_of_event(event).into_iter().collect(),
            Record::Attempt(_)
            | Record::Job(_)
            | Record::AgentFacts(_)
            | Record::AlertQueued(_)
            | Record::AlertGone(_)
            | Record::Reported(_)
            | Record::PauseOfAll(_) => Vec::new(),
        }
    }

    /// The news in a run's new row. Its job's row still says how the runs before it ended.
    fn drafts_of_run(&self, was: Option<RunState>, run: &Arc<Run>) -> Vec<AlertDraft> {
        if was == Some(run.state) {
            return Vec::new();
        }
        let (event, verb) = match run.state {
            RunState::Succeeded => (AlertEvent::Succeeded, "succeeded"),
            RunState::Failed => (AlertEvent::Failed, "failed"),
            RunState::TimedOut => (AlertEvent::TimedOut, "timed out"),
            RunState::Canceled => (AlertEvent::Canceled, "was canceled"),
            RunState::Skipped => (AlertEvent::Skipped, "was skipped"),
            RunState::Submitting if run.follows == Some(1) => {
                return vec![self.of_run(run, Occasion::Started, "started")];
            }
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling => return Vec::new(),
        };
        let mut drafts = vec![self.of_run(run, Occasion::Event(event), verb)];
        if run.state == RunState::Succeeded && self.state.job_row(&run.job).failing {
            drafts.push(self.of_run(run, Occasion::Event(AlertEvent::Recovered), "has recovered"));
        }
        drafts
    }

    /// The news in a line of a run's timeline.
    fn drafts_of_event(&self, event: &Event) -> Option<AlertDraft> {
        let (kind, verb) = if event.what == Happening::Doubled {
            (AlertEvent::Doubled, "was doubled")
        } else if matches!(event.what, Happening::Ambiguous { .. }) {
            // It can't be told apart from somebody else's: that needs a person.
            (AlertEvent::Stuck, "is stuck")
        } else {
            return None;
        };
        let run = self.state.run(event.run).row();
        Some(self.about(run, kind, verb, event.what.to_string()))
    }

    /// News of a run's state.
    fn of_run(&self, run: &Arc<Run>, occasion: Occasion, verb: &str) -> AlertDraft {
        let when = run.scheduled_for;
        let when = when.map(|at| format!(" (scheduled for {})", self.job_time(&run.job, at)));
        let reason = self.sentence(run.id, &run.reason);
        let host = &self.host.hostname;
        let (when, places) = (when.unwrap_or_default(), self.places_text(run));
        let text = format!("{} {verb} on {host}: {reason}{when}{places}", run.job);
        AlertDraft {
            occasion,
            at: run.ended_at.unwrap_or(run.created_at),
            job: Some(run.job.clone()),
            run: Some(Arc::clone(run)),
            reason,
            text,
        }
    }

    /// A run's source and destination, for the end of a line for people.
    fn places_text(&self, run: &Run) -> String {
        let name = |place: &Place| one_line(&self.named(place).to_string(), PLACE_TEXT_MAX);
        format!(", from {} to {}", name(&run.request.source), name(&run.request.destination))
    }

    /// News about a run other than its state.
    pub(super) fn about(
        &self,
        run: &Arc<Run>,
        event: AlertEvent,
        verb: &str,
        reason: String,
    ) -> AlertDraft {
        let (host, places) = (&self.host.hostname, self.places_text(run));
        let text = format!("{} {verb} on {host}: {reason}{places}", run.job);
        AlertDraft {
            occasion: Occasion::Event(event),
            at: self.now,
            job: Some(run.job.clone()),
            run: Some(Arc::clone(run)),
            reason,
            text,
        }
    }

    /// Drops the oldest message where there is no room for another.
    pub(super) fn make_room(&mut self) {
        while self.state.outbox().len() >= OUTBOX_MAX {
            let oldest = self.state.outbox().rows().next();
            let oldest = Arc::clone(oldest.expect("an outbox that is full has a first row"));
            let words = format!("{OUTBOX_MAX} alerts are waiting, so the oldest one is dropped");
            self.give_up_alert(&oldest, &words);
        }
    }

    /// The channel of an entry; absent if the job file has no such entry.
    pub(super) fn channel_of(&self, key: AlertKey) -> Option<&AlertChannel> {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        let digest = || self.digests.iter().find(|one| one.key() == key);
        entry.map(|entry| &entry.channel).or_else(|| digest().map(Summary::channel))
    }

    /// Requests the deliveries that are due, and sets the time of the next one.
    pub(super) fn plan_deliveries(&mut self) {
        self.deliveries.plan(None);
        let idle = self.state.outbox().heads().filter(|row| !self.deliveries.hold_up(row));
        // A clock that was set back must not delay a delivery for as long as that.
        let latest = super::shift(self.now, ALERT_RETRY.1);
        let due_at = |row: &QueuedAlert| {
            if row.next_try > latest { self.now } else { row.next_try }
        };
        let mut waiting: Vec<_> =
            idle.map(|row| (due_at(row), row.number, Arc::clone(row))).collect();
        waiting.sort_by_key(|(at, number, _)| (*at, *number));
        for (at, _, alert) in waiting {
            if self.deliveries.are_full() {
                // The end of one of them calls this again.
                return;
            }
            if at > self.now {
                self.deliveries.plan(Some(at));
                return;
            }
            let Some(channel) = self.channel_of(alert.key).cloned() else { continue };
            self.deliveries.begin(&alert);
            self.then(Effect::Deliver { alert, channel });
        }
    }

    /// Takes in the result of a delivery.
    pub(super) fn on_delivered(&mut self, id: AlertId, delivery: Delivery) {
        self.deliveries.end(id);
        let Some(row) = self.state.outbox().get(id).map(Arc::clone) else { return };
        let tries = row.tries.saturating_add(1);
        let stale = self.now.duration_since(row.at) >= ALERT_STALE;
        let mut delay = retry_delay(tries);
        let (words, enough) = match delivery {
            Delivery::Delivered => {
                self.delivery_stats.delivered += 1;
                self.log_alert(Level::Debug, &row, "delivered");
                self.record(Record::AlertGone(id));
                return;
            }
            Delivery::Refused(words) => (words, tries >= ALERT_REFUSALS_MAX),
            Delivery::Failed(words) => (words, stale && tries >= ALERT_TRIES_MIN),
            Delivery::Later { words, after } => {
                delay = requested_delay(tries, after);
                (words, stale && tries >= ALERT_TRIES_MIN)
            }
        };
        self.delivery_stats.failed += 1;
        let words = one_line(&words, WORDS_MAX);
        if row.occasion == Occasion::Started {
            // The end of the run follows, and is reported with more detail.
            self.log_alert(Level::Warn, &row, &format!("not delivered: {words}"));
            self.record(Record::AlertGone(id));
            return;
        }
        if enough {
            let words = format!("given up after {tries} tries: {words}");
            self.give_up_alert(&row, &words);
            return;
        }
        let next_try = super::shift(self.now, delay);
        let line = format!("not delivered, and tried again: {words}");
        self.log_alert(Level::Warn, &row, &line);
        let row = QueuedAlert { tries, next_try, last_error: Some(words), ..(*row).clone() };
        self.record(Record::AlertQueued(Arc::new(row)));
    }

    fn give_up_alert(&mut self, row: &QueuedAlert, words: &str) {
        self.delivery_stats.given_up += 1;
        self.log_alert(Level::Error, row, words);
        self.record(Record::AlertGone(row.id));
    }

    /// Logs a sentence about a message.
    pub(super) fn log_alert(&mut self, level: Level, row: &QueuedAlert, words: &str) {
        let channel = self.channel_of(row.key);
        let by = channel.map(|channel| format!(" by {channel}")).unwrap_or_default();
        let text = format!("alert `{}`{by}: {words}", row.occasion.word());
        self.step.log.push(LogLine {
            level,
            job: row.job.clone(),
            run: row.run,
            by: None,
            facts: LogFields::default(),
            at: self.now,
            text,
        });
    }

    /// The state of alerts.
    pub fn alerts_view(&self) -> AlertsView {
        let failing = self.state.outbox().heads().filter_map(|row| {
            Some(FailingAlert {
                channel: self.channel_of(row.key)?.to_string(),
                occasion: row.occasion,
                at: row.at,
                tries: row.tries,
                next_try: row.next_try,
                words: row.last_error.clone()?,
            })
        });
        AlertsView {
            waiting: self.state.outbox().len(),
            failing: failing.collect(),
            delivered: self.delivery_stats.delivered,
            failed: self.delivery_stats.failed,
            given_up: self.delivery_stats.given_up,
        }
    }
}
