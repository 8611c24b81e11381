//! The values for one scrape: current state and totals.

use jiff::Timestamp;

use super::counters::JobTally;
use super::histogram::Histogram;
use crate::core::ids::JobName;

/// Jobs in one request of a scrape. Each costs the loop some microseconds, most of them for its
/// next occurrence, so an answer takes a millisecond or two.
pub const SLICE: usize = 250;

/// Figures about no single job.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The daemon's version.
    pub version: &'static str,
    /// Whether the job file was valid when it was last read.
    pub config_valid: bool,
    /// When the jobs in force were read.
    pub config_loaded_at: Option<Timestamp>,
    /// Whether the agent answered the last request; absent if it was never asked.
    pub agent_up: Option<bool>,
    /// The time of that request.
    pub agent_asked_at: Option<Timestamp>,
    /// When the token ends, if it says.
    pub token_expires_at: Option<Timestamp>,
    /// Transfers that are to be canceled, and are not yet.
    pub cancels_unconfirmed: usize,
    /// Alerts that are not delivered yet.
    pub alerts_waiting: usize,
    /// Deliveries of alerts, by how they ended, in a word.
    pub deliveries: [(&'static str, u64); 3],
    /// Requests to the agent.
    pub requests: Vec<RequestFigure>,
    /// From creation to end, of runs.
    pub durations: Histogram,
    /// From occurrences to requests.
    pub lags: Histogram,
}

/// The number of requests of a kind to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFigure {
    /// The route, in a word.
    pub endpoint: &'static str,
    /// Their outcome, in a word.
    pub outcome: &'static str,
    /// Their number.
    pub count: u64,
}

/// A job of the file.
#[derive(Clone, Debug)]
pub struct JobFigures {
    /// Its name.
    pub name: JobName,
    /// It has an unfinished run.
    pub running: bool,
    /// It is paused.
    pub paused: bool,
    /// It is late, by its `max_age`.
    pub late: bool,
    /// Its next occurrence, if there is one.
    pub next_run: Option<Timestamp>,
    /// The end of its last success, if there ever was one.
    pub last_success: Option<Timestamp>,
    /// The results of its runs.
    pub tally: JobTally,
}
