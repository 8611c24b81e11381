//! Why an attempt ended or was given up.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::cancel::NothingLeft;
use super::code::ReasonCode;
use crate::cause::CauseClass;
use crate::duration;

/// How an attempt ended, which may also be how its run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The transfer is complete.
    Completed {
        /// Objects transferred.
        transferred: u64,
        /// Objects that existed already.
        skipped: u64,
    },
    /// The transfer is complete except for some objects.
    ObjectsFailed {
        /// Objects that failed.
        failed: u64,
        /// Objects in all.
        total: u64,
        /// `partial: accept` counts it as a success.
        accepted: bool,
    },
    /// The transfer is complete, and fewer objects than there are were handled.
    ObjectsMissing {
        /// Objects that were neither transferred, nor skipped, nor failed.
        missing: u64,
        /// Objects that failed.
        failed: u64,
        /// Objects transferred.
        transferred: u64,
        /// Objects in all.
        total: u64,
        /// `partial: accept` counts it as a success.
        accepted: bool,
    },
    /// The transfer is over, by its end date or by other evidence, in an unknown state.
    UnknownStatus {
        /// `transferStatus`, as the agent wrote it; empty if it was missing.
        status: String,
    },
    /// The transfer is complete and held no object.
    Empty,
    /// The agent reports an error of the transfer.
    AgentError,
    /// The agent refused the request.
    Refused {
        /// In its words.
        words: String,
    },
    /// The request never left: the agent was away.
    NotSent {
        /// The state of the agent.
        words: String,
    },
    /// The agent accepted no request with this token.
    TokenRefused {
        /// In its words.
        words: String,
    },
    /// The answer was lost, or unclear, and the transfer was not found.
    NotFound {
        /// How the answer was lost; absent if the daemon had stopped, or an answer came.
        words: Option<String>,
        /// The agent's answer, if it was not lost, but unclear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// Complete listings over `adopt_window` have not shown it; otherwise it was past
        /// `timeout`.
        searched: bool,
    },
    /// The agent accepted the request and never listed a transfer until `timeout`.
    NeverListed {
        /// `timeout`.
        limit: SignedDuration,
        /// The agent's list could not be read then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unseen: bool,
    },
    /// Past `timeout`.
    PastTimeout {
        /// `timeout`.
        limit: SignedDuration,
    },
    /// Past `timeout`, and no transfer was found.
    UnfoundPastTimeout {
        /// `timeout`.
        limit: SignedDuration,
        /// The agent's answer, if it was not lost, but unclear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// The agent's list could not be read then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unseen: bool,
    },
    /// The transfer was canceled past `timeout`.
    CanceledPastTimeout {
        /// `timeout`.
        limit: SignedDuration,
    },
    /// No progress for `stall_timeout`.
    Stalled {
        /// `stall_timeout`.
        limit: SignedDuration,
    },
    /// The request was lost, or its answer unclear; it may be repeated.
    RequestLost {
        /// The agent's answer, if it was not lost, but unclear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// The answer to the last request was lost, or unclear, and no transfer has turned up within
    /// `timeout`.
    LostUntilTimeout {
        /// `timeout`.
        limit: SignedDuration,
        /// The agent's answer, if it was not lost, but unclear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// The answer to the last request was lost, or unclear, and no transfer has turned up before
    /// the job's next run.
    LostUntilNext {
        /// The agent's answer, if it was not lost, but unclear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// The transfer is gone from the agent's list.
    Vanished {
        /// It was being canceled.
        canceling: bool,
    },
    /// The transfer failed, wholly or in part, and the agent has given a cause.
    Caused {
        /// How it ended.
        end: Box<AttemptEnd>,
        /// The cause, in a line.
        #[serde(rename = "told")]
        summary: String,
        /// The class of the cause, if the same request would fail in the same way.
        lasting: Option<CauseClass>,
    },
}

impl AttemptEnd {
    /// The words for a canceled run whose accepted request was never listed and ended in this way.
    pub(crate) fn nothing_left(&self) -> NothingLeft {
        let is_unseen = matches!(self, Self::NeverListed { unseen: true, .. });
        if is_unseen { NothingLeft::NeverSeen } else { NothingLeft::NeverListed }
    }

    /// True if the transfer failed at the agent, wholly or in part, so that the agent may know the
    /// cause.
    pub fn may_have_cause(&self) -> bool {
        match self {
            Self::AgentError | Self::ObjectsFailed { .. } | Self::ObjectsMissing { .. } => true,
            Self::Completed { .. }
            | Self::Empty
            | Self::UnknownStatus { .. }
            | Self::Refused { .. }
            | Self::NotSent { .. }
            | Self::TokenRefused { .. }
            | Self::NotFound { .. }
            | Self::NeverListed { .. }
            | Self::PastTimeout { .. }
            | Self::UnfoundPastTimeout { .. }
            | Self::CanceledPastTimeout { .. }
            | Self::Stalled { .. }
            | Self::RequestLost { .. }
            | Self::LostUntilTimeout { .. }
            | Self::LostUntilNext { .. }
            | Self::Vanished { .. }
            | Self::Caused { .. } => false,
        }
    }

    pub(super) fn code(&self) -> ReasonCode {
        match self {
            Self::Completed { .. } => ReasonCode::Completed,
            Self::ObjectsFailed { .. } => ReasonCode::ObjectsFailed,
            Self::ObjectsMissing { .. } => ReasonCode::ObjectsMissing,
            Self::Empty => ReasonCode::Empty,
            Self::AgentError | Self::UnknownStatus { .. } => ReasonCode::AgentError,
            Self::Refused { .. } => ReasonCode::AgentRefused,
            Self::NotSent { .. } => ReasonCode::WaitingAgent,
            Self::TokenRefused { .. } => ReasonCode::WaitingToken,
            Self::NotFound { .. }
            | Self::RequestLost { .. }
            | Self::LostUntilTimeout { .. }
            | Self::LostUntilNext { .. } => ReasonCode::AnswerLost,
            Self::NeverListed { .. } => ReasonCode::NotListed,
            Self::PastTimeout { .. }
            | Self::UnfoundPastTimeout { .. }
            | Self::CanceledPastTimeout { .. } => ReasonCode::Timeout,
            Self::Stalled { .. } => ReasonCode::Stalled,
            Self::Vanished { .. } => ReasonCode::Vanished,
            Self::Caused { end, lasting, .. } => match lasting {
                Some(CauseClass::Access) => ReasonCode::CauseAccess,
                Some(CauseClass::Missing) => ReasonCode::CauseMissing,
                Some(
                    CauseClass::Quota
                    | CauseClass::Network
                    | CauseClass::Checksum
                    | CauseClass::Other,
                )
                | None => end.code(),
            },
        }
    }

    pub(super) fn limit(&self) -> Option<SignedDuration> {
        match self {
            Self::NeverListed { limit, .. }
            | Self::PastTimeout { limit }
            | Self::UnfoundPastTimeout { limit, .. }
            | Self::CanceledPastTimeout { limit }
            | Self::Stalled { limit }
            | Self::LostUntilTimeout { limit, .. } => Some(*limit),
            Self::Caused { end, .. } => end.limit(),
            Self::Completed { .. }
            | Self::ObjectsFailed { .. }
            | Self::ObjectsMissing { .. }
            | Self::UnknownStatus { .. }
            | Self::Empty
            | Self::AgentError
            | Self::Refused { .. }
            | Self::NotSent { .. }
            | Self::TokenRefused { .. }
            | Self::NotFound { .. }
            | Self::RequestLost { .. }
            | Self::LostUntilNext { .. }
            | Self::Vanished { .. } => None,
        }
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            // With counts it would be empty, or in part.
            Self::Completed { transferred: 0, skipped: 0 } => {
                "the agent tells no number of objects".to_owned()
            }
            Self::Completed { transferred, skipped } => {
                let objects = objects(*transferred);
                format!("{objects} transferred, {skipped} skipped, 0 failed")
            }
            Self::ObjectsFailed { failed, total, accepted } => {
                let accepted = if *accepted { ", as accepted" } else { "" };
                format!("completed in part{accepted}: {failed} of {} failed", objects(*total))
            }
            Self::ObjectsMissing { missing, failed, transferred, total, accepted } => {
                let accepted = if *accepted { ", as accepted" } else { "" };
                let of = objects(*total);
                let failed = match failed {
                    0 => String::new(),
                    failed => format!(", {failed} failed"),
                };
                format!(
                    "completed in part{accepted}: {missing} of {of} are missing ({transferred} \
                     transferred{failed})"
                )
            }
            Self::UnknownStatus { status } => {
                format!("the transfer is over, and how is not known: {}", unknown_status(status))
            }
            Self::Empty => "completed without any object".to_owned(),
            Self::AgentError => "the agent reports an error of the transfer".to_owned(),
            Self::Refused { words } => format!("the agent refused it: {words}"),
            Self::NotSent { words } => format!("not sent: {words}"),
            Self::TokenRefused { words } => words.clone(),
            Self::NotFound { words, answer, searched } => {
                not_found(words.as_deref(), answer.as_deref(), *searched)
            }
            Self::NeverListed { limit, unseen: true } => format!(
                "the agent accepted it, and its list could not be read at its `timeout` ({})",
                duration::format(*limit)
            ),
            Self::NeverListed { limit, unseen: false } => format!(
                "the agent accepted it and never listed it until its `timeout` ({})",
                duration::format(*limit)
            ),
            Self::PastTimeout { limit } => {
                format!("past its `timeout` ({})", duration::format(*limit))
            }
            Self::UnfoundPastTimeout { limit, answer, unseen } => {
                let limit = duration::format(*limit);
                let answer = answer.as_ref().map(|answer| format!("; the agent answered {answer}"));
                let answer = answer.unwrap_or_default();
                let what = match unseen {
                    true => "its list could not be read then",
                    false => "no transfer was found",
                };
                format!("past its `timeout` ({limit}){answer}, and {what}")
            }
            Self::CanceledPastTimeout { limit } => {
                format!("canceled past its `timeout` ({})", duration::format(*limit))
            }
            Self::Stalled { limit } => {
                format!("no progress for `stall_timeout` ({})", duration::format(*limit))
            }
            Self::RequestLost { answer: None } => "the request was lost".to_owned(),
            Self::RequestLost { answer: Some(answer) } => {
                format!("the agent answered {answer}, and no transfer was found")
            }
            Self::LostUntilTimeout { limit, answer } => format!(
                "{}, and no transfer has turned up within `timeout` ({})",
                to_last_request(answer.as_deref()),
                duration::format(*limit)
            ),
            Self::LostUntilNext { answer } => format!(
                "{}, and no transfer has turned up until the job was to run again",
                to_last_request(answer.as_deref())
            ),
            Self::Vanished { canceling: false } => "gone from the agent's list".to_owned(),
            Self::Vanished { canceling: true } => {
                "gone from the agent's list while it was being canceled".to_owned()
            }
            Self::Caused { end, summary, .. } => format!("{}: {summary}", end.sentence()),
        }
    }
}

/// The agent's word for an unknown state.
pub(crate) fn unknown_status(status: &str) -> String {
    if status.is_empty() {
        "the agent tells no `transferStatus` of it".to_owned()
    } else {
        format!(
            "the agent gives it the `transferStatus` {status}, which this version does not know"
        )
    }
}

/// The result of a run's last request: an answer that does not say whether it was accepted, or
/// none.
pub(super) fn to_last_request(answer: Option<&str>) -> String {
    match answer {
        Some(answer) => format!("the agent answered {answer} to its last request"),
        None => "the answer to its last request was lost".to_owned(),
    }
}

fn not_found(words: Option<&str>, answer: Option<&str>, searched: bool) -> String {
    let lost = match (answer, words) {
        (Some(answer), _) => format!("the agent answered {answer}"),
        (None, Some(words)) => format!("the answer was lost ({words})"),
        (None, None) => "the daemon stopped between request and answer".to_owned(),
    };
    let missed =
        if searched { "complete looks have not shown it" } else { "it is past its `timeout`" };
    format!("{lost}, and {missed}")
}

/// A number of objects.
fn objects(number: u64) -> String {
    if number == 1 { "1 object".to_owned() } else { format!("{number} objects") }
}
