//! The world behind a simulated agent: users, cloud accounts, transfers, people, faults.
//!
//! Pure: it reads no clock, does no IO and draws chance from one seed, kept in ordered collections
//! only, so that seed and calls decide everything. Everything takes `now`, which never goes back;
//! the agent's own clock may differ from it (`clock_skew`).

mod accounts;
mod agent;
mod api;
pub(crate) mod chance;
mod events;
mod faults;
mod history;
mod listing;
mod objects;
mod options;
mod people;
mod post;
mod progress;
mod state;
mod tokens;
mod transfers;

#[cfg(test)]
mod tests;

pub use accounts::{CloudAccount, LoginAnswer, SimUser};
pub use api::{Endpoint, Outcome, ProblemCode, Reply};
pub use chance::Chance;
pub use faults::{Fault, FaultRates, PlannedFault};
pub use history::{HistoryFact, HistoryPage};
pub use listing::{ListPage, ListQuery, Listed};
pub use objects::{ObjectsPage, ObjectsQuery};
pub use options::{Endings, People, Script, Span, Variants, WorldOptions};
pub use people::ForeignTransfer;
pub use post::{PostFact, PostResult};
pub use progress::{FileFrame, Notice};
pub use state::World;
pub use tokens::ApiToken;
pub use transfers::{By, CancelFact, Ending, Origin, SimTransfer};
