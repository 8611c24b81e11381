//! Jobs after their text was read and found valid: types that can't hold an invalid job.
//!
//! Text, defaults and places in the file are the business of `config`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, JobName};
use super::place::AccountNames;
use super::schedule::Timetable;
use super::template::PathTemplate;

/// One entry under `jobs:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its key.
    pub name: JobName,
    /// `description`.
    pub description: Option<String>,
    /// `schedule` and `timezone`; empty for a trigger-only job.
    pub timetable: Timetable,
    /// `source`.
    pub source: PlaceTemplate,
    /// `destination`.
    pub destination: PlaceTemplate,
    /// `allow_skip`.
    pub allow_skip: bool,
    /// `keep_source_tree`.
    pub keep_source_tree: bool,
    /// `overlap`.
    pub overlap: Overlap,
    /// `catch_up`.
    pub catch_up: CatchUp,
    /// `catch_up_window`.
    pub catch_up_window: SignedDuration,
    /// `jitter`; zero for none.
    pub jitter: SignedDuration,
    /// `max_age`.
    pub max_age: Option<SignedDuration>,
    /// `enabled`.
    pub enabled: bool,
    /// The terms of a run, which stay the same to its end, whatever happens to the file meanwhile.
    pub terms: Arc<Terms>,
}

/// The part of a job's definition under which its runs are carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// `timeout` of one attempt, from the commit before its POST.
    pub timeout: SignedDuration,
    /// `stall_timeout`.
    pub stall_timeout: Option<SignedDuration>,
    /// `start_within`.
    pub start_within: Option<SignedDuration>,
    /// `retry`.
    pub retry: RetryPolicy,
    /// `partial`: what a Completed transfer with failed objects means.
    pub partial: Verdict,
    /// `empty`: what a Completed transfer without any object means.
    pub empty: Verdict,
    /// `exclusive`.
    pub exclusive: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            timeout: SignedDuration::from_hours(24),
            stall_timeout: None,
            start_within: None,
            retry: RetryPolicy::default(),
            partial: Verdict::Fail,
            empty: Verdict::Accept,
            exclusive: true,
        }
    }
}

/// `retry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How many attempts may be used up, the first one included.
    pub max_attempts: u32,
    /// Delay before the second attempt.
    pub initial_delay: SignedDuration,
    /// Factor from one delay to the next, 1 to 100.
    pub multiplier: f64,
    /// No delay is longer.
    pub max_delay: SignedDuration,
    /// Whether an attempt that timed out or stalled is tried again.
    pub on_timeout: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_delay: SignedDuration::from_secs(30),
            multiplier: 2.0,
            max_delay: SignedDuration::from_mins(15),
            on_timeout: false,
        }
    }
}

/// `overlap`: the policy for an occurrence that comes while the job's run is unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The occurrence is skipped.
    Skip,
    /// One run waits for the active one.
    Queue,
    /// The active run is canceled, then the new one starts.
    Replace,
}

/// `catch_up`: the policy for missed occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// The latest runs.
    Once,
    /// Each runs, in order.
    All,
    /// None runs.
    None,
}

/// `partial` and `empty`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The attempt has failed, and is retried.
    Fail,
    /// The attempt has succeeded.
    Accept,
}

/// `source` or `destination` of a job, its path still with patterns.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceTemplate {
    /// The cloud account's id; a name from `accounts:` is resolved.
    pub account: AccountId,
    /// Bucket name.
    pub bucket: String,
    /// Bucket id, or empty.
    pub bucket_id: String,
    /// Path with `{…}` patterns.
    pub path: PathTemplate,
    /// Object id, or empty.
    pub id: String,
}

/// The content of the job file, as far as the engine decides by it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSet {
    /// `agent`.
    pub agent: AgentSettings,
    /// `jobs`, by name.
    pub jobs: BTreeMap<JobName, Arc<Job>>,
    /// `accounts`, by id.
    pub accounts: Arc<AccountNames>,
    /// Entries of `alerts` that the daemon delivers.
    pub alerts: Vec<Alert>,
    /// Entries of `alerts` with `digest`.
    pub digests: Vec<Arc<DigestEntry>>,
    /// The machine's zone, for sentences about no single job.
    pub zone: TimeZone,
}

/// `agent`, as far as the engine decides by it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSettings {
    /// `poll_interval`.
    pub poll_interval: SignedDuration,
    /// `request_timeout`.
    pub request_timeout: SignedDuration,
    /// `max_active`.
    pub max_active: u32,
    /// `adopt_window`.
    pub adopt_window: SignedDuration,
    /// `exclusive_user`.
    pub exclusive_user: bool,
    /// `start`: start an agent in which nobody has signed in since its start, with our token.
    pub start: bool,
    /// How the token is renewed, which follows from its source.
    pub token_renewal: TokenRenewal,
}

/// How the agent's token is renewed when it ends or is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenRenewal {
    /// `token_file`, or no source named: an operator gets another token.
    #[default]
    ByCommand,
    /// `token_env`: a daemon that is started anew sees another token.
    ByVariable,
    /// `login`: each login gets another token, so that a refused one need not stay refused.
    ByItself,
}

impl TokenRenewal {
    /// How to give the daemon another token, after words about the present one; absent if nobody
    /// has to.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::ByCommand => Some("`transferd login` gets a new one"),
            Self::ByVariable => {
                Some("set the variable where the daemon is started, and start it again")
            }
            Self::ByItself => None,
        }
    }
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            poll_interval: SignedDuration::from_secs(5),
            request_timeout: SignedDuration::from_secs(30),
            max_active: 8,
            adopt_window: SignedDuration::from_mins(2),
            exclusive_user: false,
            start: false,
            token_renewal: TokenRenewal::default(),
        }
    }
}

/// One entry of `alerts`, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// `on`.
    pub on: Vec<AlertEvent>,
    /// `jobs`: names or globs; empty for all.
    pub jobs: Vec<String>,
    /// `webhook`, `command` or `ping`.
    pub channel: AlertChannel,
}

/// One entry of `alerts` with `digest`, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct DigestEntry {
    /// `schedule`, in its zone.
    pub timetable: Timetable,
    /// `jobs`: names or globs; empty for all.
    pub jobs: Vec<String>,
    /// `webhook` or `command`.
    pub channel: AlertChannel,
}

/// The events that raise an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertEvent {
    /// A run succeeded.
    Succeeded,
    /// A run failed.
    Failed,
    /// A run timed out.
    TimedOut,
    /// A run was canceled.
    Canceled,
    /// An occurrence was skipped.
    Skipped,
    /// A job has not succeeded for its `max_age`.
    Late,
    /// The first success after a failure.
    Recovered,
    /// A run has waited for the agent for 10 minutes.
    AgentDown,
    /// The token expires soon.
    TokenExpiring,
    /// The job file is invalid.
    ConfigInvalid,
    /// A cancel is unconfirmed for 15 minutes, or a transfer can't be told apart from somebody
    /// else's.
    Stuck,
    /// Two transfers of a run were completed.
    Doubled,
}

/// The channel of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertChannel {
    /// POST of a JSON document.
    Webhook {
        /// Where to.
        url: SecretText,
        /// `headers_file`, absolute.
        headers_file: Option<PathBuf>,
    },
    /// A program and its arguments; the document on standard input.
    Command(Vec<String>),
    /// A check like those of healthchecks.io.
    Ping {
        /// Where to.
        url: SecretText,
    },
}

/// A url that is treated as a secret: given in the file, or in a file of its own.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretText {
    /// In the job file itself.
    Inline(String),
    /// `url_file`, absolute.
    File(PathBuf),
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(…)"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}
