//! Runs, attempts and timelines as documents (docs/reference.md, "Commands").
//!
//! Beside each sentence travels the value that it was made from, so that the command line can
//! format it again in the reader's zone. `--json` leaves that out: it has the codes and the facts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::cause::{Cause, CauseClass, FailedObject};
use crate::core::event::{Event, Happening};
use crate::core::ids::{JobName, RunId, TransferId};
use crate::core::place::{AccountNames, NamedPlace};
use crate::core::reason::{Reason, ReasonCode, Wording};
use crate::core::run::{Attempt, Run, RunState, Trigger};

/// A run with its attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDocument {
    /// Its id.
    pub id: RunId,
    /// Its job.
    pub job: JobName,
    /// Why there is a run.
    pub trigger: Trigger,
    /// The time that it is for; null for a manual run that names none.
    pub scheduled_for: Option<Timestamp>,
    /// The run that it repeats.
    pub retry_of: Option<RunId>,
    /// Its state.
    pub state: RunState,
    /// Why it is in that state.
    pub reason: String,
    /// The same in one word; null where there is nothing to say.
    pub reason_code: Option<ReasonCode>,
    /// The run that is, or was, in the way.
    pub blocked_by: Option<RunId>,
    /// Until when the reason holds.
    pub until: Option<Timestamp>,
    /// The bound that was met, as the job file writes it.
    pub limit: Option<String>,
    /// Where its objects are.
    pub source: NamedPlace,
    /// Where they are to be.
    pub destination: NamedPlace,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// By number.
    pub attempts: Vec<AttemptDocument>,
    /// The reason as a value; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Reason>,
    /// The zone of its job, if that is in the job file; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// It was read from the database while no daemon answered, so that what has become of it since
    /// is not known; left out of `--json`.
    #[serde(skip)]
    pub as_recorded: bool,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptDocument {
    /// Counted from 1.
    pub number: u32,
    /// When its intent was committed, just before the request.
    pub submitted_at: Timestamp,
    /// The agent's id, once known.
    pub transfer_id: Option<TransferId>,
    /// In the words of run states.
    pub state: RunState,
    /// Why it is in that state.
    pub reason: String,
    /// The same in one word; null where there is nothing to say.
    pub reason_code: Option<ReasonCode>,
    /// When we saw its end.
    pub ended_at: Option<Timestamp>,
    /// Object counters; unknown ones are 0.
    pub objects: Objects,
    /// Byte counters; unknown ones are 0.
    pub bytes: Bytes,
    /// What the transfer cost, in US dollars; null where the agent does not tell.
    pub cost_usd: Option<f64>,
    /// Why the agent could not transfer all of it; null where none is known.
    pub cause: Option<CauseDocument>,
    /// When it ended at the agent, as far as that is known; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The reason as a value; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Reason>,
}

/// Why a transfer failed, wholly or in part, as the agent tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseDocument {
    /// In the agent's words.
    pub message: String,
    /// `access`, `missing`, `quota`, `network`, `checksum` or `other`.
    pub class: CauseClass,
    /// Objects that failed; not all of them, if they are many.
    pub objects: Vec<FailedObject>,
    /// How many more were named.
    pub objects_more: u64,
}

impl CauseDocument {
    fn of(cause: &Cause) -> Self {
        let Cause { message, class, objects, objects_more } = cause.clone();
        Self { message, class, objects, objects_more }
    }
}

/// Object counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// In all.
    pub total: u64,
    /// Transferred.
    pub transferred: u64,
    /// Failed.
    pub failed: u64,
    /// Skipped.
    pub skipped: u64,
}

/// Byte counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// In all.
    pub total: u64,
    /// Transferred.
    pub transferred: u64,
}

/// `show --json`: a run with its timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShowDocument {
    /// The run.
    #[serde(flatten)]
    pub run: RunDocument,
    /// What happened, in order.
    pub events: Vec<EventDocument>,
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventDocument {
    /// When.
    pub at: Timestamp,
    /// One word.
    pub event: String,
    /// In words.
    pub detail: String,
    /// What happened as a value; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Happening>,
}

impl RunDocument {
    /// A run and its attempts, oldest first, as a document.
    pub fn new<'a>(
        run: &Run,
        attempts: impl IntoIterator<Item = &'a Attempt>,
        accounts: &AccountNames,
    ) -> Self {
        Self {
            id: run.id,
            job: run.job.clone(),
            trigger: run.trigger,
            scheduled_for: run.scheduled_for,
            retry_of: run.retry_of,
            state: run.state,
            reason: run.reason.to_string(),
            reason_code: run.reason.code(),
            blocked_by: run.reason.blocked_by(),
            until: run.reason.until(),
            limit: run.reason.limit(),
            source: NamedPlace::new(&run.request.source, accounts),
            destination: NamedPlace::new(&run.request.destination, accounts),
            created_at: run.created_at,
            ended_at: run.ended_at,
            attempts: attempts.into_iter().map(AttemptDocument::new).collect(),
            facts: Some(run.reason.clone()),
            zone: None,
            as_recorded: false,
        }
    }

    /// The attempt that tells most about the run now: the latest one.
    pub fn latest_attempt(&self) -> Option<&AttemptDocument> {
        self.attempts.last()
    }

    /// True while its transfer is active and listed, so that its counters mean something.
    pub fn shows_progress(&self) -> bool {
        self.state.is_transferring() && self.reason_code != Some(ReasonCode::Vanished)
    }

    /// When it was over: the end of its transfer at the agent if that decided it and is known, else
    /// when we saw it.
    pub fn over_at(&self) -> Option<Timestamp> {
        let ended_at = self.ended_at?;
        let finished_at = self.latest_attempt().and_then(|attempt| attempt.finished_at);
        let decided = matches!(self.state, RunState::Succeeded | RunState::Failed);
        let known = finished_at.filter(|_| decided);
        Some(known.map_or(ended_at, |at| at.max(self.created_at).min(ended_at)))
    }

    /// The reason for its state, for this reader.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        self.facts.as_ref().map_or_else(|| self.reason.clone(), |facts| facts.sentence(wording))
    }

    /// Removes the parts that `--json` does not print.
    pub fn leave_out_facts(&mut self) {
        (self.facts, self.zone) = (None, None);
        for attempt in &mut self.attempts {
            (attempt.facts, attempt.finished_at) = (None, None);
        }
    }
}

impl AttemptDocument {
    /// When it was over: by the agent's own end if that decided it, as in [`RunDocument::over_at`]
    /// for the run.
    pub fn over_at(&self) -> Option<Timestamp> {
        let ended_at = self.ended_at?;
        let decided = matches!(self.state, RunState::Succeeded | RunState::Failed);
        let known = self.finished_at.filter(|_| decided);
        Some(known.map_or(ended_at, |at| at.max(self.submitted_at).min(ended_at)))
    }

    fn new(attempt: &Attempt) -> Self {
        let progress = &attempt.progress;
        Self {
            number: attempt.id.number,
            submitted_at: attempt.not_before,
            transfer_id: attempt.transfer,
            state: attempt.state(),
            reason: attempt.reason.to_string(),
            reason_code: attempt.reason.code(),
            ended_at: attempt.ended_at,
            objects: Objects {
                total: progress.objects_total,
                transferred: progress.objects_transferred,
                failed: progress.objects_failed,
                skipped: progress.objects_skipped,
            },
            bytes: Bytes { total: progress.bytes_total, transferred: progress.bytes_transferred },
            cost_usd: progress.cost_usd,
            cause: attempt.cause.as_deref().map(CauseDocument::of),
            finished_at: attempt.finished_at,
            facts: Some(attempt.reason.clone()),
        }
    }

    /// The reason for its state, for this reader.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        self.facts.as_ref().map_or_else(|| self.reason.clone(), |facts| facts.sentence(wording))
    }

    /// True once a byte has moved, or an object was handled.
    pub fn has_moved(&self) -> bool {
        let Self { objects, bytes, .. } = self;
        let counts = [objects.transferred, objects.failed, objects.skipped, bytes.transferred];
        counts.iter().any(|count| *count > 0)
    }

    /// Progress in percent, by bytes or else by objects.
    pub fn percent(&self) -> Option<u64> {
        let of = |part: u64, whole: u64| {
            (whole > 0).then(|| {
                let percent = u128::from(part.min(whole)) * 100 / u128::from(whole);
                u64::try_from(percent).unwrap_or(100)
            })
        };
        of(self.bytes.transferred, self.bytes.total)
            .or_else(|| of(self.objects.transferred, self.objects.total))
    }
}

impl ShowDocument {
    /// Removes the parts that `--json` does not print.
    pub fn leave_out_facts(&mut self) {
        self.run.leave_out_facts();
        for event in &mut self.events {
            event.facts = None;
        }
    }
}

impl EventDocument {
    /// An event as a document.
    pub fn new(event: &Event) -> Self {
        Self {
            at: event.at,
            event: event.what.kind().word().to_owned(),
            detail: event.what.to_string(),
            facts: Some(event.what.clone()),
        }
    }

    /// The event, for this reader.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        self.facts.as_ref().map_or_else(|| self.detail.clone(), |facts| facts.sentence(wording))
    }
}
