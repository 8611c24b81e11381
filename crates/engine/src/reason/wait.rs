//! The condition that a run in state `waiting` waits for.

use serde::{Deserialize, Serialize};

use super::code::ReasonCode;
use super::wording::{Wording, run_of};
use crate::ids::{JobName, RunId};

/// Why a run waits before its next request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitReason {
    /// An earlier run of the job must end first.
    Run {
        /// That run.
        run: RunId,
        /// Its job, if it is known.
        job: Option<JobName>,
    },
    /// The last transfer of the job may still be active.
    LastTransfer {
        /// The run of that transfer.
        run: RunId,
        /// Its job, if it is known.
        job: Option<JobName>,
    },
    /// The run's own last request may yet turn up.
    LastRequest,
    /// Another run has requested the very same transfer.
    Identical {
        /// That run.
        run: RunId,
        /// Its job, if it is known.
        job: Option<JobName>,
    },
    /// Another run writes to an overlapping destination, or was there first.
    Destination {
        /// That run.
        run: RunId,
        /// Its job, if it is known.
        job: Option<JobName>,
    },
    /// As many transfers as allowed are in flight.
    Slot {
        /// `max_active`.
        limit: u32,
    },
    /// The agent is away, not signed in, paused or stopped, or its clock is more than a day from ours.
    Agent {
        /// The state of the agent.
        words: String,
    },
    /// Another user's process holds the agent's port.
    Port {
        /// The user.
        words: String,
    },
    /// The agent has refused the token, or there is none.
    Token {
        /// The problem with it.
        words: String,
    },
    /// The agent's list can't be read to its end.
    Listing {
        /// The problem, and how far it was read.
        words: String,
    },
    /// The agent's list is read before each request (protocol, rule 1).
    List,
    /// An occurrence came due while a run of the job may have ended unseen: a look will show.
    Look,
}

impl WaitReason {
    pub(crate) fn code(&self) -> ReasonCode {
        match self {
            Self::Run { .. } => ReasonCode::WaitingRun,
            Self::LastTransfer { .. } | Self::LastRequest => ReasonCode::WaitingAttempt,
            Self::Identical { .. } => ReasonCode::WaitingIdentical,
            Self::Destination { .. } => ReasonCode::WaitingDestination,
            Self::Slot { .. } => ReasonCode::WaitingSlot,
            Self::Agent { .. } => ReasonCode::WaitingAgent,
            Self::Port { .. } => ReasonCode::WaitingPort,
            Self::Token { .. } => ReasonCode::WaitingToken,
            Self::Listing { .. } | Self::List | Self::Look => ReasonCode::WaitingListing,
        }
    }

    /// True if the agent keeps the run waiting, or the lack of a good token.
    pub(crate) fn is_for_agent(&self) -> bool {
        match self {
            Self::Agent { .. } | Self::Port { .. } | Self::Token { .. } | Self::Listing { .. } => {
                true
            }
            Self::Run { .. }
            | Self::LastTransfer { .. }
            | Self::LastRequest
            | Self::Identical { .. }
            | Self::Destination { .. }
            | Self::Slot { .. }
            | Self::List
            | Self::Look => false,
        }
    }

    pub(super) fn blocked_by(&self) -> Option<RunId> {
        match self {
            Self::Run { run, .. }
            | Self::LastTransfer { run, .. }
            | Self::Identical { run, .. }
            | Self::Destination { run, .. } => Some(*run),
            Self::LastRequest
            | Self::Slot { .. }
            | Self::Agent { .. }
            | Self::Port { .. }
            | Self::Token { .. }
            | Self::Listing { .. }
            | Self::List
            | Self::Look => None,
        }
    }

    /// The reason, to be read after "waits" or "waiting".
    pub(super) fn sentence(&self, wording: &dyn Wording) -> String {
        let named = |run: &RunId, job: &Option<JobName>| run_of(wording, *run, job.as_ref());
        match self {
            Self::Run { run, job } => format!("for {} to end", named(run, job)),
            Self::LastTransfer { run, job } => {
                format!("for the last transfer of this job, of {}, to be over", named(run, job))
            }
            Self::LastRequest => {
                "for its last request, which may yet turn up, to be settled".to_owned()
            }
            Self::Identical { run, job } => {
                format!("for an identical transfer, of {}", named(run, job))
            }
            Self::Destination { run, job } => {
                format!("for its destination, which {} writes to or waits for", named(run, job))
            }
            Self::Slot { limit } => format!("for a slot (`max_active` is {limit})"),
            Self::Agent { words } | Self::Port { words } => format!("for the agent: {words}"),
            Self::Token { words } => format!("for a good token: {words}"),
            Self::Listing { words } => {
                format!("for the agent's list, which can't be read to its end: {words}")
            }
            Self::List => "for the agent's list, which is read before each request".to_owned(),
            Self::Look => {
                "for a look at the agent: the run before it may have ended by now".to_owned()
            }
        }
    }
}
