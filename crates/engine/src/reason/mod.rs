//! The reason why a run or an attempt is in its state: a value with its facts.
//!
//! Scripts read [`Reason::code`] and the facts, people the sentence that [`Reason::told`] makes of
//! them. The words of the agent and of operators are fields, and are never parsed.

mod attempt_end;
mod cancel;
mod code;
mod near_miss;
mod skip;
#[cfg(test)]
mod tests;
mod under_way;
mod wait;
mod wording;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::duration;
use super::ids::{RunId, TransferId};

pub use attempt_end::AttemptEnd;
pub use cancel::{CancelReason, NothingLeft};
pub use code::ReasonCode;
pub use near_miss::{Miss, NearMiss};
pub use skip::SkipReason;
pub use under_way::UnderWay;
pub use wait::WaitReason;
pub use wording::{Plain, Wording};

/// The reason why a run or an attempt is in its state. Rows hold it in this form: variants and
/// fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reason {
    /// An occurrence is due.
    Due,
    /// An occurrence that was missed is caught up.
    CaughtUp,
    /// An operator asked for the run.
    Triggered {
        /// The operator, if the system knows.
        by: Option<String>,
    },
    /// An operator asked to repeat a run.
    Retried {
        /// That run.
        of: RunId,
        /// The operator, if the system knows.
        by: Option<String>,
    },
    /// An operator asked for all runs of a span of time.
    Backfilled {
        /// The operator, if the system knows.
        by: Option<String>,
    },
    /// A back-off is over.
    NextAttempt,
    /// The request that was under way when the daemon stopped never arrived.
    SentAgain,
    /// The run waits.
    Waits(WaitReason),
    /// The request or its transfer is under way.
    UnderWay(UnderWay),
    /// An attempt failed while a later one is under way.
    AnotherUnderWay {
        /// The one that failed.
        attempt: u32,
        /// Why.
        because: Box<Reason>,
        /// The one that is under way.
        other: u32,
    },
    /// An attempt failed, and the next one follows.
    BackingOff {
        /// Why the last one failed.
        because: Box<Reason>,
        /// The number of the next one, among those that count.
        attempt: u32,
        /// `max_attempts`.
        of: u32,
        /// When it is due; absent if at once.
        at: Option<Timestamp>,
    },
    /// How the attempt, or the run by its last attempt, ended.
    Ended(AttemptEnd),
    /// Why it was canceled.
    Canceled(CancelReason),
    /// It is to be canceled, and the agent does not list its transfer yet.
    CanceledOnceListed {
        /// Why it is to be canceled.
        because: Box<Reason>,
        /// How long the transfer is waited for: until its `timeout`.
        until: Timestamp,
    },
    /// It was to be canceled, and nothing of it is left at the agent.
    NothingLeft {
        /// Why it was to be canceled.
        because: Box<Reason>,
        /// The evidence for that.
        how: NothingLeft,
    },
    /// Its run had ended for want of the transfer, which was listed after that.
    ListedLate {
        /// Why the run had ended.
        because: Box<Reason>,
    },
    /// The last attempt that `retry` allows has failed.
    AttemptsExhausted {
        /// Why.
        because: Box<Reason>,
        /// How many were made.
        attempts: u32,
    },
    /// Why the occurrence did not run.
    Skipped(SkipReason),
    /// The run could not be queued in time.
    StartWithin {
        /// `start_within`.
        limit: SignedDuration,
        /// The reason for which it waited last.
        waited: Box<Reason>,
    },
    /// A sentence that an older version recorded.
    #[serde(rename = "told")]
    Recorded {
        /// Its code, where that is certain.
        code: Option<ReasonCode>,
        /// The sentence.
        words: String,
    },
}

impl Reason {
    /// A sentence without facts, as rows of the first versions hold them.
    pub fn in_words(words: impl Into<String>) -> Self {
        Self::Recorded { code: None, words: words.into() }
    }

    /// The code of the reason; absent if it adds nothing to the state.
    pub fn code(&self) -> Option<ReasonCode> {
        match self {
            // Each run waits first for a complete listing.
            Self::Due
            | Self::CaughtUp
            | Self::Triggered { .. }
            | Self::Retried { .. }
            | Self::Backfilled { .. } => Some(ReasonCode::WaitingListing),
            Self::NextAttempt | Self::SentAgain => Some(ReasonCode::WaitingAttempt),
            Self::Waits(wait) => Some(wait.code()),
            Self::UnderWay(under_way) => under_way.code(),
            Self::AnotherUnderWay { .. } => None,
            Self::BackingOff { .. } => Some(ReasonCode::BackingOff),
            Self::Ended(end) => Some(end.code()),
            Self::Canceled(cancel) => Some(cancel.code()),
            Self::CanceledOnceListed { because, .. }
            | Self::NothingLeft { because, .. }
            | Self::ListedLate { because } => because.code(),
            Self::AttemptsExhausted { .. } => Some(ReasonCode::AttemptsExhausted),
            Self::Skipped(skip) => skip.code(),
            Self::StartWithin { .. } => Some(ReasonCode::StartWithin),
            Self::Recorded { code, .. } => *code,
        }
    }

    /// The run that is or was in the way.
    pub fn blocked_by(&self) -> Option<RunId> {
        match self {
            Self::Waits(wait) => wait.blocked_by(),
            Self::Skipped(skip) => skip.blocked_by(),
            Self::StartWithin { waited: because, .. } => because.blocked_by(),
            Self::Due
            | Self::CaughtUp
            | Self::Triggered { .. }
            | Self::Retried { .. }
            | Self::Backfilled { .. }
            | Self::NextAttempt
            | Self::SentAgain
            | Self::UnderWay(_)
            | Self::AnotherUnderWay { .. }
            | Self::BackingOff { .. }
            | Self::Ended(_)
            | Self::Canceled(_)
            | Self::CanceledOnceListed { .. }
            | Self::NothingLeft { .. }
            | Self::ListedLate { .. }
            | Self::AttemptsExhausted { .. }
            | Self::Recorded { .. } => None,
        }
    }

    /// The attempt and the transfer that it is about, as far as it names them.
    pub(crate) fn about(&self) -> (Option<u32>, Option<TransferId>) {
        if let Self::UnderWay(under_way) = self { under_way.about() } else { (None, None) }
    }

    /// When it ends, if that is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::BackingOff { at, .. } => *at,
            Self::UnderWay(under_way) => under_way.until(),
            Self::CanceledOnceListed { until, .. } => Some(*until),
            Self::Due
            | Self::CaughtUp
            | Self::Triggered { .. }
            | Self::Retried { .. }
            | Self::Backfilled { .. }
            | Self::NextAttempt
            | Self::SentAgain
            | Self::Waits(_)
            | Self::AnotherUnderWay { .. }
            | Self::Ended(_)
            | Self::Canceled(_)
            | Self::NothingLeft { .. }
            | Self::ListedLate { .. }
            | Self::AttemptsExhausted { .. }
            | Self::Skipped(_)
            | Self::StartWithin { .. }
            | Self::Recorded { .. } => None,
        }
    }

    /// The limit that was reached, as the job file writes it: `4h`, `8`.
    pub fn limit(&self) -> Option<String> {
        match self {
            Self::Waits(WaitReason::Slot { limit }) => Some(limit.to_string()),
            Self::Ended(end) => end.limit().map(duration::format),
            Self::Skipped(skip) => skip.limit().map(duration::format),
            Self::StartWithin { limit, .. } => Some(duration::format(*limit)),
            Self::CanceledOnceListed { because, .. }
            | Self::NothingLeft { because, .. }
            | Self::ListedLate { because }
            | Self::BackingOff { because, .. }
            | Self::AttemptsExhausted { because, .. } => because.limit(),
            Self::Due
            | Self::CaughtUp
            | Self::Triggered { .. }
            | Self::Retried { .. }
            | Self::Backfilled { .. }
            | Self::NextAttempt
            | Self::SentAgain
            | Self::Waits(_)
            | Self::UnderWay(_)
            | Self::AnotherUnderWay { .. }
            | Self::Canceled(_)
            | Self::Recorded { .. } => None,
        }
    }

    /// True if another try is of no use: the same request would fail in the same way, or may have
    /// succeeded, for all that is known.
    pub fn outlasts_retries(&self) -> bool {
        matches!(
            self,
            Self::Ended(
                AttemptEnd::Caused { lasting: Some(_), .. } | AttemptEnd::UnknownStatus { .. }
            )
        )
    }

    /// True if it says that the transfer is gone from the agent's list.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::UnderWay(UnderWay::Gone { .. }))
    }

    /// True if complete looks have shown that the request never arrived.
    pub fn proves_absence(&self) -> bool {
        matches!(self, Self::Ended(AttemptEnd::NotFound { searched: true, .. }))
    }

    /// How the answer to a request was lost, if the reason says so.
    pub fn lost_words(&self) -> Option<String> {
        if let Self::UnderWay(UnderWay::AnswerLost { words }) = self {
            Some(words.clone())
        } else {
            None
        }
    }

    /// The agent's answer to a request, if it does not say whether the request was accepted.
    pub fn unclear_answer(&self) -> Option<String> {
        if let Self::UnderWay(UnderWay::UnclearAnswer { answer })
        | Self::Ended(AttemptEnd::NotFound { answer: Some(answer), .. }) = self
        {
            Some(answer.clone())
        } else {
            None
        }
    }

    /// The reason as a sentence: in lower case, without a full stop.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        match self {
            Self::Due => "due".to_owned(),
            Self::CaughtUp => "catching up a missed occurrence".to_owned(),
            Self::Triggered { by } => {
                format!("triggered by {}", by.as_deref().unwrap_or("an operator"))
            }
            Self::Retried { of, by } => {
                format!("repeats run {of}, for {}", by.as_deref().unwrap_or("an operator"))
            }
            Self::Backfilled { by } => {
                format!("backfilled by {}", by.as_deref().unwrap_or("an operator"))
            }
            Self::NextAttempt => "start of the next attempt".to_owned(),
            Self::SentAgain => "the request that was under way when the daemon stopped never \
                                arrived; it is sent again"
                .to_owned(),
            Self::Waits(wait) => wait.sentence(wording),
            Self::UnderWay(under_way) => under_way.sentence(wording),
            Self::AnotherUnderWay { attempt, because, other } => {
                let because = because.sentence(wording);
                format!("attempt {attempt}: {because}; attempt {other} is under way")
            }
            Self::BackingOff { because, attempt, of, at } => {
                let because = because.sentence(wording);
                // A delay would be wrong a moment later.
                match at {
                    Some(at) => {
                        let at = wording.time(*at);
                        format!("{because}; attempt {attempt} of {of} at {at}")
                    }
                    None => format!("{because}; attempt {attempt} of {of} follows"),
                }
            }
            Self::Ended(end) => end.sentence(),
            Self::Canceled(cancel) => cancel.sentence(),
            Self::CanceledOnceListed { because, until } => format!(
                "{}; its transfer is not listed by the agent yet: it is canceled once it is, and \
                 waited for until {}",
                because.sentence(wording),
                wording.time(*until)
            ),
            Self::NothingLeft { because, how } => {
                format!("{}; {}", because.sentence(wording), how.sentence())
            }
            Self::ListedLate { because } => {
                format!("{}; its transfer was listed after that", because.sentence(wording))
            }
            Self::AttemptsExhausted { because, attempts } => {
                format!("{} (attempt {attempts} of {attempts})", because.sentence(wording))
            }
            Self::Skipped(skip) => skip.sentence(wording),
            Self::StartWithin { limit, waited } => {
                let limit = duration::format(*limit);
                let why = if **waited == Self::CaughtUp {
                    "it was missed, and found only after that".to_owned()
                } else {
                    waited.sentence(wording)
                };
                format!("could not be queued within `start_within` ({limit}): {why}")
            }
            Self::Recorded { words, .. } => words.clone(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&Plain))
    }
}

impl From<AttemptEnd> for Reason {
    fn from(end: AttemptEnd) -> Self {
        Self::Ended(end)
    }
}

impl From<CancelReason> for Reason {
    fn from(cancel: CancelReason) -> Self {
        Self::Canceled(cancel)
    }
}

impl From<SkipReason> for Reason {
    fn from(skip: SkipReason) -> Self {
        Self::Skipped(skip)
    }
}

impl From<UnderWay> for Reason {
    fn from(under_way: UnderWay) -> Self {
        Self::UnderWay(under_way)
    }
}

impl From<WaitReason> for Reason {
    fn from(wait: WaitReason) -> Self {
        Self::Waits(wait)
    }
}
