//! The known state of a request that is under way, and of its transfer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt_end::{to_last_request, unknown_status};
use super::code::ReasonCode;
use super::near_miss::NearMiss;
use super::wording::Wording;
use crate::ids::TransferId;

/// The progress of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum UnderWay {
    /// The agent is asked to queue it.
    Asking {
        /// The attempt's number.
        attempt: u32,
    },
    /// The agent accepted it, and does not list a transfer yet.
    Accepted,
    /// It may have been accepted: the transfer is looked for.
    AnswerLost {
        /// How the answer was lost.
        words: String,
    },
    /// An answer came that does not say whether the request was accepted: the transfer is looked
    /// for.
    UnclearAnswer {
        /// The status, and in brackets the agent's words.
        answer: String,
    },
    /// The daemon stopped between request and answer: the transfer is looked for.
    AnswerLostInCrash,
    /// A later request was refused because this one had been accepted.
    AcceptedAfterAll {
        /// The attempt.
        attempt: u32,
        /// The agent's words on the later one.
        words: String,
    },
    /// No attempt is left, and the last one, whose answer was lost, may yet turn up.
    LastAnswerLost {
        /// The agent's answer, if it was not lost, but unclear.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// The agent lists the transfer.
    Listed {
        /// Its id.
        transfer: TransferId,
    },
    /// The agent has listed the transfer, and complete looks over `adopt_window` do not show it.
    Gone {
        /// Its id.
        transfer: TransferId,
        /// When it was listed last, as far as known.
        since: Timestamp,
        /// How long it is waited for: until its `timeout`.
        until: Timestamp,
    },
    /// The agent accepted it, and lists a transfer that is almost, but not certainly, its own.
    NearMiss(NearMiss),
    /// The agent lists the transfer in an unknown state: it may be active.
    UnknownStatus {
        /// Its id.
        transfer: TransferId,
        /// `transferStatus`, as the agent wrote it; empty if it was missing.
        status: String,
    },
    /// The run follows this transfer.
    Follows {
        /// The attempt that it belongs to.
        attempt: u32,
        /// Its id.
        transfer: TransferId,
        /// It turned up when it was no longer expected.
        late: bool,
    },
}

impl UnderWay {
    /// The attempt and the transfer that it is about, as far as it names them.
    pub(super) fn about(&self) -> (Option<u32>, Option<TransferId>) {
        match self {
            Self::Asking { attempt } | Self::AcceptedAfterAll { attempt, .. } => {
                (Some(*attempt), None)
            }
            Self::Follows { attempt, transfer, .. } => (Some(*attempt), Some(*transfer)),
            Self::Listed { transfer }
            | Self::Gone { transfer, .. }
            | Self::UnknownStatus { transfer, .. } => (None, Some(*transfer)),
            Self::NearMiss(near) => (None, Some(near.transfer)),
            Self::Accepted
            | Self::AnswerLost { .. }
            | Self::UnclearAnswer { .. }
            | Self::AnswerLostInCrash
            | Self::LastAnswerLost { .. } => (None, None),
        }
    }

    pub(super) fn code(&self) -> Option<ReasonCode> {
        match self {
            Self::NearMiss(_) => Some(ReasonCode::NotListed),
            Self::Gone { .. } => Some(ReasonCode::Vanished),
            Self::AnswerLost { .. }
            | Self::UnclearAnswer { .. }
            | Self::AnswerLostInCrash
            | Self::LastAnswerLost { .. } => Some(ReasonCode::AnswerLost),
            Self::Asking { .. }
            | Self::Accepted
            | Self::AcceptedAfterAll { .. }
            | Self::Listed { .. }
            | Self::UnknownStatus { .. }
            | Self::Follows { .. } => None,
        }
    }

    /// When it is over by itself.
    pub(super) fn until(&self) -> Option<Timestamp> {
        if let Self::Gone { until, .. } = self { Some(*until) } else { None }
    }

    pub(crate) fn sentence(&self, wording: &dyn Wording) -> String {
        match self {
            Self::Asking { attempt } => format!("asking the agent to queue attempt {attempt}"),
            Self::Accepted => "accepted; not listed by the agent yet".to_owned(),
            Self::AnswerLost { words } => {
                format!("the answer was lost ({words}); looking for the transfer")
            }
            Self::AnswerLostInCrash => "the daemon stopped between request and answer; looking \
                                        for the transfer"
                .to_owned(),
            Self::AcceptedAfterAll { attempt, words } => {
                format!("attempt {attempt} was accepted after all: {words}")
            }
            Self::UnclearAnswer { answer } => format!(
                "the agent answered {answer}, which does not say whether it is queued; looking for \
                 the transfer"
            ),
            Self::LastAnswerLost { answer } => {
                let answer = to_last_request(answer.as_deref());
                format!("{answer}, and its transfer is not listed yet")
            }
            Self::Listed { transfer } => {
                format!("the agent lists it as transfer {}", wording.transfer(*transfer))
            }
            Self::Gone { transfer, since, until } => format!(
                "transfer {} has been missing from the agent's list since {}; it is waited for until {}",
                wording.transfer(*transfer),
                wording.time(*since),
                wording.time(*until)
            ),
            Self::NearMiss(near) => near.sentence(wording),
            Self::UnknownStatus { transfer, status } => format!(
                "transfer {} is taken to be at work: {}",
                wording.transfer(*transfer),
                unknown_status(status)
            ),
            Self::Follows { attempt, transfer, late } => {
                let late = if *late { ", which turned up late" } else { "" };
                let transfer = wording.transfer(*transfer);
                format!("attempt {attempt} is transfer {transfer}{late}")
            }
        }
    }
}
