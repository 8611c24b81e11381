//! The condition that a run in state `waiting` waits for.

use crate::ids::RunId;
use crate::transfer::Incomplete;

/// The condition that a run in state `waiting` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// An earlier run of the same job.
    Behind(RunId),
    /// A transfer of the same job that may still be active.
    LastTransfer(RunId),
    /// Another run's request for the very same transfer.
    Identical(RunId),
    /// Another run that writes to an overlapping destination.
    Destination(RunId),
    /// One of `max_active` slots.
    Slot,
    /// The agent: away, not signed in, paused.
    Agent(String),
    /// The agent's port, which somebody else holds.
    Port(String),
    /// A good token.
    Token(String),
    /// A complete look at the agent's list.
    Look,
    /// The agent's list, which can't be read to its end.
    Listing(Incomplete),
}

impl Wait {
    /// The run that is in the way, if one is.
    pub fn blocker(&self) -> Option<RunId> {
        match self {
            Self::Behind(run)
            | Self::LastTransfer(run)
            | Self::Identical(run)
            | Self::Destination(run) => Some(*run),
            Self::Slot
            | Self::Agent(_)
            | Self::Port(_)
            | Self::Token(_)
            | Self::Look
            | Self::Listing(_) => None,
        }
    }
}
