//! Events due in the world: an ordered queue, part of the state that survives.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use transferd_engine::ids::TransferId;

/// An event that will happen by itself. Those about a transfer name the `turn` they were planned
/// in: a pause, a resume or a cancel begins a new turn, and events planned before are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Event {
    PickUp { transfer: TransferId, turn: u32 },
    End { transfer: TransferId, turn: u32 },
    Canceled { transfer: TransferId, turn: u32 },
    Forget { transfer: TransferId },
    LatePost { number: u64 },
    PersonActs,
    ForeignStarts,
    AgentGoesDown,
    AgentComesUp,
    StatusChanges,
    StatusReturns,
}

/// An event with its instant. `sequence` keeps the order of events at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) sequence: u64,
    pub(crate) event: Event,
}
