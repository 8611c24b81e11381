//! The client of the Click API: the one place that talks to the Amove desktop agent.
//!
//! It owns the wire: urls, tokens, status codes, forms of dates and names. It does not know runs or
//! attempts, and decides nothing: each answer is translated into the engine's types. Keeps true: no
//! error, log line or `Debug` output holds a token or a url with one; a POST is sent at most once
//! for each call; nothing that the agent sends can make it panic or grow without bound.

mod client;
mod connection;
pub mod doctor;
mod endpoint;
mod exchange;
mod failure;
mod history;
mod limits;
mod look;
mod metered;
mod neighbor;
pub mod notifications;
mod objects;
mod online;
mod origin;
mod problem;
mod readings;
mod session;
mod submit;
pub mod token;
mod transport;
mod wire;
mod words;

#[cfg(test)]
mod tests;

pub use client::{AgentClient, AgentVersion};
pub use endpoint::{Endpoint, Outcome, RequestCount, RequestCounters};
pub use failure::{AskError, UnusableSettings};
pub use neighbor::{Keep, Owners, is_trusted, shown, unknown_users};
pub use notifications::Frame;
pub use online::{Online, OnlineProblem, online};
pub use readings::Readings;
pub use session::{Challenge, LoginAnswer};
pub use token::{TokenKeeper, TokenProblem};
pub use transport::{RawAnswer, mended_url};
pub use wire::{ApiToken, CloudAccount, UserProfile};
