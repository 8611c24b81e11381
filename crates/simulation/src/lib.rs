//! Deterministic simulation: the real loop, engine and recovery, a store that keeps exactly what was
//! committed, the simulated world, and a virtual clock. One seed decides everything, and a seed
//! replays exactly, with a trace for people.
//!
//! # The fault model
//!
//! Each fault has a rate that is drawn for each seed, and some faults are off in each seed (swarm
//! testing). [`KINDS`] is the closed list; a test checks that each kind strikes in at least 1 % of
//! the seeds, and `examples/explore` prints the shares:
//!
//! - *The daemon* dies: before a commit, between commit and effects, between two effects, between
//!   effect and answer, and at any other moment; it is away for seconds to hours. The machine
//!   sleeps, for minutes to hours. The wall clock is set, either way, while the daemon runs or
//!   while it does not, with the agent's or without. Daylight saving begins and ends.
//! - *The store* refuses a commit, once or for a while (full disk); a refused commit has changed
//!   nothing. The daemon's own loop (`core::event_loop`) then decides about the batch, the engine
//!   and answers to it. An acknowledged commit is never lost.
//! - *The loop* turns at each event, or handles those of some milliseconds together.
//! - *The network* loses requests and answers, delays them, repeats answers and lets them
//!   overtake one another. A look may be lost, or be answered long after the engine has given it
//!   up. A POST may be processed up to `request_timeout` + 30 s after it was sent, whatever happened
//!   to its connection: later would be outside of the bounds in `protocol.md`.
//! - *The agent* restarts, loses Created transfers, fails Running ones, is paused, stopped,
//!   signed out; answers 401, 499, 500 or nonsense, having acted or not; hides transfers until
//!   they are picked up, from milliseconds to longer than `adopt_window`; forgets transfers that
//!   are over; loses running ones. Its dates are off by up to half of the skew that the protocol
//!   allows, and its list, or its `total` alone, changes between pages. In some seeds no record
//!   names its user, or only every other; its status is missing; it does not report its clock;
//!   Created transfers are listed; ours have the type of manual ones; a POST like an active transfer
//!   is refused as a DUPLICATE.
//! - *Transfers* fail, stall, end partial or empty, for reasons that another try can fix or not. The
//!   agent's history has the cause, or it is missing, late, or has ids of its own; frames about
//!   objects that failed are true, forged, or a flood.
//! - *People* pause, resume and cancel; start the same and other transfers as other users and as
//!   our own, and so do syncs and the agent's own repetitions; change the job file: add, change
//!   (schedule, terms, destination), remove and rename jobs that have runs in flight;
//!   trigger, cancel, pause and resume jobs; run them for past times, again, and for spans of time;
//!   take a token away and give it back.
//! - *Other daemons* work on the same account, each with its own user, or all with one.
//!
//! Not modelled: a store that lies about an acknowledged commit, an agent that lists a record
//! with the wrong places, a clock that is wrong by more than a day.
//!
//! # What is checked
//!
//! See [`Checker`]. The residues that `protocol.md` names are counted apart, each only where its
//! cause is seen in the world's own record.

mod alerts;
mod causes;
mod check;
mod daemon;
mod decisions;
mod expect;
mod faults;
mod happenings;
mod jobs;
mod looking;
mod mutation;
mod plan;
mod reloads;
mod repeats;
mod report;
mod residue;
mod settle;
mod simulation;
mod starts;
mod trace;
mod turns;
mod widen;
mod year;

pub use check::{Checker, Violation};
pub use faults::{Coverage, KINDS, Kind};
pub use mutation::Mutation;
pub use plan::{DaemonPlan, Hazards, Plan, Settle};
pub use report::Report;
pub use simulation::{Observer, Silent, Simulation};
