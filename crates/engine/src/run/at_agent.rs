//! The last known state of an attempt's transfer at the agent.

use super::{Attempt, Phase, RunState};
use crate::ids::TransferId;

/// The last known state of an attempt's transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtAgent {
    /// Requested, and not yet listed, if it exists.
    Unlisted,
    /// Listed; its end has not been seen.
    Listed(TransferId),
    /// Its end was seen and is not yet handled: the agent is being asked for the cause.
    Ending(TransferId),
    /// Looked for in vain, and watched for.
    Missing,
    /// There is none, or it is over.
    Over,
}

impl Attempt {
    /// The state of its transfer.
    pub fn at_agent(&self) -> AtAgent {
        match (self.phase, self.transfer) {
            (Phase::Intent | Phase::Uncertain, _) | (Phase::Accepted, None) => AtAgent::Unlisted,
            (Phase::Accepted, Some(transfer)) => {
                if self.ended_at.is_some() {
                    AtAgent::Ending(transfer)
                } else {
                    AtAgent::Listed(transfer)
                }
            }
            (Phase::GivenUp, _) => AtAgent::Missing,
            (Phase::Refused | Phase::Closed, _) => AtAgent::Over,
        }
    }

    /// Its transfer, if that is known and not known to be over.
    pub fn active_transfer(&self) -> Option<TransferId> {
        match self.at_agent() {
            AtAgent::Listed(transfer) | AtAgent::Ending(transfer) => Some(transfer),
            AtAgent::Unlisted | AtAgent::Missing | AtAgent::Over => None,
        }
    }

    /// True when its transfer is known and not known to be over.
    pub fn is_active(&self) -> bool {
        self.active_transfer().is_some()
    }

    /// True when its transfer is known, and its end has not been seen.
    pub fn is_at_work(&self) -> bool {
        matches!(self.at_agent(), AtAgent::Listed(_))
    }

    /// True while the end of its transfer was seen and is not yet handled.
    pub fn is_ending(&self) -> bool {
        matches!(self.at_agent(), AtAgent::Ending(_))
    }

    /// True while it was requested, or may have been, and no record is known to be its transfer.
    pub fn is_unlisted(&self) -> bool {
        self.at_agent() == AtAgent::Unlisted
    }

    /// True while a transfer of it is or may yet become active: job and destination are taken
    /// (protocol, rules 10 and 11).
    pub fn occupies(&self) -> bool {
        match self.phase {
            Phase::Intent | Phase::Uncertain | Phase::Accepted => true,
            Phase::GivenUp => self.holds_until.is_some(),
            Phase::Refused | Phase::Closed => false,
        }
    }

    /// The attempt's state in the words of run states (docs/reference.md, "Commands").
    pub fn state(&self) -> RunState {
        if let Some(ended) = self.outcome {
            return ended.state();
        }
        match self.phase {
            Phase::Intent => RunState::Submitting,
            Phase::Refused | Phase::Closed | Phase::GivenUp => RunState::Failed,
            Phase::Accepted | Phase::Uncertain => {
                if self.cancel.is_some() {
                    RunState::Canceling
                } else if self.transfer.is_some() {
                    RunState::Running
                } else {
                    RunState::Queued
                }
            }
        }
    }
}
