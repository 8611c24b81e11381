//! Why a run or a transfer was canceled, beyond time limits.

use serde::{Deserialize, Serialize};

use super::code::ReasonCode;

/// The party on whose behalf something was canceled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum CancelReason {
    /// An operator.
    Operator {
        /// The operator's name, if the system knows it.
        name: Option<String>,
    },
    /// A person, in the desktop app.
    Person,
    /// `overlap: replace`: a newer occurrence replaces the run.
    NewerOccurrence,
    /// The run of the transfer is over.
    EndOfRun,
    /// The transfer turned up after its run was over.
    LateTransfer,
    /// The run of the transfer follows another one.
    SecondTransfer,
    /// The transfer had vanished, and is listed again after its run was over.
    ReturnedTransfer,
}

impl CancelReason {
    pub(super) fn code(&self) -> ReasonCode {
        match self {
            Self::Operator { .. } => ReasonCode::CanceledByOperator,
            Self::Person => ReasonCode::CanceledByPerson,
            Self::NewerOccurrence
            | Self::EndOfRun
            | Self::LateTransfer
            | Self::SecondTransfer
            | Self::ReturnedTransfer => ReasonCode::Replaced,
        }
    }

    pub(super) fn sentence(&self) -> String {
        let words = match self {
            Self::Operator { name } => {
                return format!("canceled by {}", name.as_deref().unwrap_or("an operator"));
            }
            Self::Person => "canceled in the desktop app",
            Self::NewerOccurrence => "a newer occurrence replaces it",
            Self::EndOfRun => "its run is over",
            Self::LateTransfer => {
                "a second transfer of one run: it turned up after its run was over"
            }
            Self::SecondTransfer => {
                "a second transfer of one run: its run follows another transfer already"
            }
            Self::ReturnedTransfer => {
                "a second transfer of one run: it is listed again after its run was over"
            }
        };
        words.to_owned()
    }
}

/// Evidence that a run that was to be canceled has nothing left at the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NothingLeft {
    /// Nothing was queued.
    NotQueued,
    /// No transfer was found.
    NotFound,
    /// The transfer was never listed.
    NeverListed,
    /// The list could not be read: the end of the transfer is not known.
    NeverSeen,
    /// The transfer is gone from the list.
    Gone,
    /// The transfer ended by itself, and not as a success.
    Failed,
}

impl NothingLeft {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::NotQueued => "nothing was queued",
            Self::NotFound => "no transfer was found",
            Self::NeverListed => "its transfer was never listed",
            Self::NeverSeen => {
                "the agent's list could not be read, so the end of its transfer is not known"
            }
            Self::Gone => "its transfer is gone from the agent's list",
            Self::Failed => "its transfer was over by then, and is not known to have succeeded",
        }
    }
}
