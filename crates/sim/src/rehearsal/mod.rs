//! A rehearsal: a job file played through the real engine against the simulated agent, in virtual
//! time, and the findings.
//!
//! Only the faults that are asked for happen here: there is one daemon, which never dies, and an
//! agent that is always there and reports each change at once. All other faults are the business of
//! the simulation, which checks promises and so keeps everything; a rehearsal keeps only what it
//! counts, and can therefore play months.
//!
//! `plan` says what is played, `player` plays it, `ledger` follows each run and writes down how it
//! went in `story` and `load`, `findings` draws conclusions. Words are for `cli`.

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
