//! The closed list of reason codes: what scripts, metrics labels and alerts go by.

use serde::{Deserialize, Serialize};

/// The code of a reason. The list is closed, and the words are a promise: see
/// `docs/reason-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The transfer is complete.
    Completed,
    /// It is complete, and much larger or smaller than those before it.
    CompletedUnusual,
    /// `max_active` transfers are in flight.
    WaitingSlot,
    /// The agent is away, not signed in, paused or stopped, or its clock is more than a day from ours.
    WaitingAgent,
    /// The agent has refused the token, or there is none.
    WaitingToken,
    /// Another user's process holds the agent's port.
    WaitingPort,
    /// Another run has requested the very same transfer.
    WaitingIdentical,
    /// Another run writes to an overlapping destination.
    WaitingDestination,
    /// An earlier attempt must be settled, or the next one is about to start.
    WaitingAttempt,
    /// An earlier run of the same job must end first.
    WaitingRun,
    /// A complete listing of the agent's transfers is read before the request.
    WaitingListing,
    /// The job's window is closed.
    WaitingWindow,
    /// A limit of the job file is reached.
    WaitingLimit,
    /// The source does not yet have the content that `preflight` requires.
    WaitingPreflight,
    /// The last attempt failed; the next one follows.
    BackingOff,
    /// The answer to the request was lost: the agent may have accepted it.
    AnswerLost,
    /// The agent accepted the request and never listed a transfer.
    NotListed,
    /// The agent reports an error of the transfer.
    AgentError,
    /// The agent refused the request, and would again.
    AgentRefused,
    /// Some objects could not be transferred.
    ObjectsFailed,
    /// Objects that should be at the destination are missing.
    ObjectsMissing,
    /// The transfer is complete and held no object.
    Empty,
    /// The cloud account denies access: another try can't fix that.
    CauseAccess,
    /// The source or destination does not exist: another try can't fix that.
    CauseMissing,
    /// Past `timeout`.
    Timeout,
    /// No progress for `stall_timeout`.
    Stalled,
    /// The transfer is gone from the agent's list.
    Vanished,
    /// The transfer can't be told apart from somebody else's.
    Ambiguous,
    /// The job's earlier run was not over (`overlap`).
    Overlap,
    /// It could not be queued within `start_within`.
    StartWithin,
    /// Missed, and `catch_up` is `none`.
    CatchUpNone,
    /// Missed, and older than `catch_up_window`.
    CatchUpWindow,
    /// Missed, and a later occurrence was caught up instead.
    Superseded,
    /// Another run or transfer takes its place.
    Replaced,
    /// An operator canceled it.
    CanceledByOperator,
    /// A person canceled the transfer in the desktop app.
    CanceledByPerson,
    /// The last attempt that `retry` allows has failed.
    AttemptsExhausted,
}

impl ReasonCode {
    /// All codes, in the order in which they are documented.
    pub const ALL: [Self; 37] = [
        Self::Completed,
        Self::CompletedUnusual,
        Self::WaitingSlot,
        Self::WaitingAgent,
        Self::WaitingToken,
        Self::WaitingPort,
        Self::WaitingIdentical,
        Self::WaitingDestination,
        Self::WaitingAttempt,
        Self::WaitingRun,
        Self::WaitingListing,
        Self::WaitingWindow,
        Self::WaitingLimit,
        Self::WaitingPreflight,
        Self::BackingOff,
        Self::AnswerLost,
        Self::NotListed,
        Self::AgentError,
        Self::AgentRefused,
        Self::ObjectsFailed,
        Self::ObjectsMissing,
        Self::Empty,
        Self::CauseAccess,
        Self::CauseMissing,
        Self::Timeout,
        Self::Stalled,
        Self::Vanished,
        Self::Ambiguous,
        Self::Overlap,
        Self::StartWithin,
        Self::CatchUpNone,
        Self::CatchUpWindow,
        Self::Superseded,
        Self::Replaced,
        Self::CanceledByOperator,
        Self::CanceledByPerson,
        Self::AttemptsExhausted,
    ];

    /// The word used in JSON, metrics, alerts and the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::CompletedUnusual => "completed_unusual",
            Self::WaitingSlot => "waiting_slot",
            Self::WaitingAgent => "waiting_agent",
            Self::WaitingToken => "waiting_token",
            Self::WaitingPort => "waiting_port",
            Self::WaitingIdentical => "waiting_identical",
            Self::WaitingDestination => "waiting_destination",
            Self::WaitingAttempt => "waiting_attempt",
            Self::WaitingRun => "waiting_run",
            Self::WaitingListing => "waiting_listing",
            Self::WaitingWindow => "waiting_window",
            Self::WaitingLimit => "waiting_limit",
            Self::WaitingPreflight => "waiting_preflight",
            Self::BackingOff => "backing_off",
            Self::AnswerLost => "answer_lost",
            Self::NotListed => "not_listed",
            Self::AgentError => "agent_error",
            Self::AgentRefused => "agent_refused",
            Self::ObjectsFailed => "objects_failed",
            Self::ObjectsMissing => "objects_missing",
            Self::Empty => "empty",
            Self::CauseAccess => "cause_access",
            Self::CauseMissing => "cause_missing",
            Self::Timeout => "timeout",
            Self::Stalled => "stalled",
            Self::Vanished => "vanished",
            Self::Ambiguous => "ambiguous",
            Self::Overlap => "overlap",
            Self::StartWithin => "start_within",
            Self::CatchUpNone => "catch_up_none",
            Self::CatchUpWindow => "catch_up_window",
            Self::Superseded => "superseded",
            Self::Replaced => "replaced",
            Self::CanceledByOperator => "canceled_by_operator",
            Self::CanceledByPerson => "canceled_by_person",
            Self::AttemptsExhausted => "attempts_exhausted",
        }
    }

    /// The code that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_in_json_too() {
        for code in ReasonCode::ALL {
            assert_eq!(ReasonCode::from_word(code.word()), Some(code));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.word()));
        }
    }
}
