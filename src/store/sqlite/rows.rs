//! The form of rows in the database: all columns that are not searched, as JSON.
//!
//! Each row has a separate type for its stored form, so that the database's form changes only on
//! purpose, and floating point numbers are kept as text: JSON can't express all of them, and a row
//! that could not be read back would stop the daemon. Every row reads back equal to what was
//! written.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::core::cause::Cause;
use crate::core::ids::{AttemptId, JobName, RunId, TransferId, UserId};
use crate::core::job::{RetryPolicy, Terms, Verdict};
use crate::core::place::{Fingerprint, TransferRequest};
use crate::core::reason::Reason;
use crate::core::run::{Attempt, CancelRequest, Changes, Ended, Phase, Run, RunState, Trigger};
use crate::core::transfer::{Progress, TransferStatus};

/// The names of rows in `singles`.
pub(super) const LEARNED: &str = "learned";
pub(super) const REPORTED: &str = "told";
pub(super) const PAUSE_OF_ALL: &str = "pause_of_all";
pub(super) const JOB_SET: &str = "job_set";
pub(super) const AGENT_USER: &str = "agent_user";
pub(super) const WRITTEN: &str = "written";

/// The body of a run's row: all fields without a column.
#[derive(Serialize, Deserialize)]
struct RunBody<'a> {
    trigger: Trigger,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduled_for: Option<Timestamp>,
    created_at: Timestamp,
    reason: Cow<'a, Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    ready_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel: Option<Cow<'a, CancelRequest>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    follows: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    behind: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_of: Option<RunId>,
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    changes: Cow<'a, Changes>,
    request: Cow<'a, TransferRequest>,
    terms: TermsBody,
}

#[derive(Serialize, Deserialize)]
struct TermsBody {
    timeout: SignedDuration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stall_timeout: Option<SignedDuration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_within: Option<SignedDuration>,
    max_attempts: u32,
    initial_delay: SignedDuration,
    #[serde(with = "exact")]
    multiplier: f64,
    max_delay: SignedDuration,
    on_timeout: bool,
    partial: Verdict,
    empty: Verdict,
    exclusive: bool,
}

/// The body of an attempt's row: all fields without a column.
#[derive(Serialize, Deserialize)]
struct AttemptBody<'a> {
    counts: bool,
    fingerprint: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    baseline: Cow<'a, [TransferId]>,
    not_before: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exclusive: Option<bool>,
    #[serde(default)]
    offset_ms: i64,
    slack_ms: (i64, i64),
    phase: Phase,
    own_crash: bool,
    reason: Cow<'a, Reason>,
    ambiguous: bool,
    deadline: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<TransferStatus>,
    progress: ProgressBody,
    moved_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel: Option<Cow<'a, CancelRequest>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Ended>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cow<'a, Cause>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holds_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watched_until: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct ProgressBody {
    objects_total: u64,
    objects_transferred: u64,
    objects_failed: u64,
    objects_skipped: u64,
    bytes_total: u64,
    bytes_transferred: u64,
    #[serde(with = "exact")]
    percent: f64,
    #[serde(with = "exact")]
    speed: f64,
    #[serde(default, with = "exact_if_any", skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    #[serde(default, rename = "objects_untold", skip_serializing_if = "std::ops::Not::not")]
    objects_incomplete: bool,
}

/// Formats a floating point number as the shortest text that means exactly this number.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The same for one that may be absent.
mod exact_if_any {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        value.map(|number| number.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// Any value as JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a row has text keys only, and its numbers are JSON's")
}

/// Any value from JSON; `what` names it in the error.
pub(super) fn from_json<'a, T: Deserialize<'a>>(text: &'a str, what: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Row(format!("{what}: {error}")))
}

/// The body of a run's row.
pub(super) fn run_to_body(run: &Run) -> String {
    let Run {
        id: _,
        job: _,
        trigger,
        scheduled_for,
        created_at,
        state: _,
        reason,
        ended_at,
        ready_at,
        cancel,
        follows,
        behind,
        retry_of,
        changes,
        request,
        terms,
    } = run;
    to_json(&RunBody {
        trigger: *trigger,
        scheduled_for: *scheduled_for,
        created_at: *created_at,
        reason: Cow::Borrowed(reason),
        ended_at: *ended_at,
        ready_at: *ready_at,
        cancel: cancel.as_ref().map(Cow::Borrowed),
        follows: *follows,
        behind: *behind,
        retry_of: *retry_of,
        changes: Cow::Borrowed(changes),
        request: Cow::Borrowed(request),
        terms: TermsBody::of(terms),
    })
}

/// A run from its columns and its body.
pub(super) fn run_from(id: RunId, job: &str, state: &str, body: &str) -> Result<Run, Failure> {
    let row: RunBody<'_> = from_json(body, "a run's row")?;
    let state = RunState::from_word(state)
        .ok_or_else(|| Failure::Row(format!("a run's row: unknown state `{state}`")))?;
    Ok(Run {
        id,
        job: JobName::recorded(job),
        trigger: row.trigger,
        scheduled_for: row.scheduled_for,
        created_at: row.created_at,
        state,
        reason: row.reason.into_owned(),
        ended_at: row.ended_at,
        ready_at: row.ready_at,
        cancel: row.cancel.map(Cow::into_owned),
        follows: row.follows,
        behind: row.behind,
        retry_of: row.retry_of,
        changes: row.changes.into_owned(),
        request: row.request.into_owned(),
        terms: Arc::new(row.terms.into_terms()),
    })
}

impl TermsBody {
    fn of(terms: &Terms) -> Self {
        let Terms { timeout, stall_timeout, start_within, retry, partial, empty, exclusive } =
            terms;
        let RetryPolicy { max_attempts, initial_delay, multiplier, max_delay, on_timeout } = retry;
        Self {
            timeout: *timeout,
            stall_timeout: *stall_timeout,
            start_within: *start_within,
            max_attempts: *max_attempts,
            initial_delay: *initial_delay,
            multiplier: *multiplier,
            max_delay: *max_delay,
            on_timeout: *on_timeout,
            partial: *partial,
            empty: *empty,
            exclusive: *exclusive,
        }
    }

    fn into_terms(self) -> Terms {
        Terms {
            timeout: self.timeout,
            stall_timeout: self.stall_timeout,
            start_within: self.start_within,
            retry: RetryPolicy {
                max_attempts: self.max_attempts,
                initial_delay: self.initial_delay,
                multiplier: self.multiplier,
                max_delay: self.max_delay,
                on_timeout: self.on_timeout,
            },
            partial: self.partial,
            empty: self.empty,
            exclusive: self.exclusive,
        }
    }
}

/// The body of an attempt's row.
pub(super) fn attempt_to_body(attempt: &Attempt) -> String {
    let Attempt {
        id: _,
        counts,
        fingerprint,
        user,
        baseline,
        not_before,
        not_after,
        exclusive,
        offset_ms,
        slack_ms,
        phase,
        own_crash,
        reason,
        transfer: _,
        ambiguous,
        deadline,
        status,
        progress,
        moved_at,
        listed_at,
        cancel,
        outcome,
        ended_at,
        finished_at,
        cause,
        holds_until,
        watched_until,
    } = attempt;
    to_json(&AttemptBody {
        counts: *counts,
        fingerprint: *fingerprint,
        user: *user,
        baseline: Cow::Borrowed(baseline),
        not_before: *not_before,
        not_after: *not_after,
        exclusive: *exclusive,
        offset_ms: *offset_ms,
        slack_ms: *slack_ms,
        phase: *phase,
        own_crash: *own_crash,
        reason: Cow::Borrowed(reason),
        ambiguous: *ambiguous,
        deadline: *deadline,
        status: *status,
        progress: ProgressBody::of(progress),
        moved_at: *moved_at,
        listed_at: *listed_at,
        cancel: cancel.as_ref().map(Cow::Borrowed),
        outcome: *outcome,
        ended_at: *ended_at,
        finished_at: *finished_at,
        cause: cause.as_deref().map(Cow::Borrowed),
        holds_until: *holds_until,
        watched_until: *watched_until,
    })
}

/// An attempt from its columns and its body.
pub(super) fn attempt_from(
    id: AttemptId,
    transfer: Option<TransferId>,
    body: &str,
) -> Result<Attempt, Failure> {
    let row: AttemptBody<'_> = from_json(body, "an attempt's row")?;
    Ok(Attempt {
        id,
        counts: row.counts,
        fingerprint: row.fingerprint,
        user: row.user,
        baseline: row.baseline.into_owned(),
        not_before: row.not_before,
        not_after: row.not_after,
        exclusive: row.exclusive,
        offset_ms: row.offset_ms,
        slack_ms: row.slack_ms,
        phase: row.phase,
        own_crash: row.own_crash,
        reason: row.reason.into_owned(),
        transfer,
        ambiguous: row.ambiguous,
        deadline: row.deadline,
        status: row.status,
        progress: row.progress.into_progress(),
        moved_at: row.moved_at,
        listed_at: row.listed_at,
        cancel: row.cancel.map(Cow::into_owned),
        outcome: row.outcome,
        ended_at: row.ended_at,
        finished_at: row.finished_at,
        cause: row.cause.map(|cause| Arc::new(cause.into_owned())),
        holds_until: row.holds_until,
        watched_until: row.watched_until,
    })
}

impl ProgressBody {
    fn of(progress: &Progress) -> Self {
        let Progress {
            objects_total,
            objects_transferred,
            objects_failed,
            objects_skipped,
            bytes_total,
            bytes_transferred,
            percent,
            speed,
            cost_usd,
            objects_incomplete,
        } = progress;
        Self {
            objects_total: *objects_total,
            objects_transferred: *objects_transferred,
            objects_failed: *objects_failed,
            objects_skipped: *objects_skipped,
            bytes_total: *bytes_total,
            bytes_transferred: *bytes_transferred,
            percent: *percent,
            speed: *speed,
            cost_usd: *cost_usd,
            objects_incomplete: *objects_incomplete,
        }
    }

    fn into_progress(self) -> Progress {
        Progress {
            objects_total: self.objects_total,
            objects_transferred: self.objects_transferred,
            objects_failed: self.objects_failed,
            objects_skipped: self.objects_skipped,
            bytes_total: self.bytes_total,
            bytes_transferred: self.bytes_transferred,
            percent: self.percent,
            speed: self.speed,
            cost_usd: self.cost_usd,
            objects_incomplete: self.objects_incomplete,
        }
    }
}
