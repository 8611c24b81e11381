//! A rehearsal: a job file played through the real engine against the simulated agent, in virtual
//! time, and what is to be said of it.
//!
//! Nothing goes wrong here but what is asked for: one daemon, which never dies, an agent that is
//! always there and tells of each change at once. What can go wrong besides is the business of
//! the simulation, which checks promises and so keeps everything; a rehearsal keeps
//! only what it counts, and so plays months.
//!
//! `plan` says what is played, `player` plays it, `ledger` follows each run and writes down what
//! became of it in `story` and `load`, `findings` draws conclusions. Words are for `cli`.

mod findings;
mod ledger;
pub mod limits;
mod load;
mod plan;
mod player;
mod story;

pub use findings::{Finding, Moved, Often, Severity};
pub use load::{HourLoad, Load, Peak};
pub use plan::{Bounds, Pace, Rehearsal};
pub use player::{Cut, Played, play};
pub use story::{Busy, Cell, Counts, JobStory, Longest, RunStory, Tally, Wait};
