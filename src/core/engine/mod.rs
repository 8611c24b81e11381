//! The engine: facts in, decisions out. One synchronous function makes every decision.

use std::sync::Arc;

use jiff::Timestamp;

use super::input::{Input, Step};
use super::job::JobSet;
use super::record::Durable;

/// What the engine is told once about the machine that it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `{hostname}` in path templates.
    pub hostname: String,
    /// Distinguishes machines for `jitter`: the same job and occurrence get the same delay on one
    /// machine.
    pub jitter_seed: u64,
}

/// All state of the daemon that decisions rest on.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// An engine rebuilt from durable rows: attempts whose answer is not recorded are uncertain.
    /// The step settles what changed while nothing ran; commit it like any other.
    pub fn recover(
        _durable: Durable,
        _jobs: Arc<JobSet>,
        _host: Host,
        _now: Timestamp,
    ) -> (Self, Step) {
        (Self {}, Step::default())
    }

    /// Takes one fact in and gives out what is to be recorded, then done.
    pub fn handle(&mut self, _input: Input, _now: Timestamp) -> Step {
        Step::default()
    }

    /// When [`Input::TimeReached`] is due next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        None
    }

    /// True while the notification socket is worth having: a run is active.
    pub fn wants_notifications(&self) -> bool {
        false
    }
}
