//! The settings of a job file that the daemon obeys beside its engine: the connection to the agent,
//! desktop notifications, the history, and the server.
//!
//! What the engine decides by is a [`JobSet`](crate::core::job::JobSet). Holds no secret itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::core::job::{AlertChannel, AlertEvent, JobSet, TokenRenewal};
use crate::core::store::HistoryPolicy;

/// The settings beside the jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `agent`, as far as it is about the connection.
    pub agent: AgentConnection,
    /// Entries of `alerts` with `notify: desktop`, which the desktop notifier delivers.
    pub desktop: Vec<DesktopAlert>,
    /// The places of all entries in `alerts`.
    pub entries: EntryNumbers,
    /// `history`.
    pub history: HistoryPolicy,
    /// `listen`.
    pub listen: Option<SocketAddr>,
    /// `external_url`, without a trailing slash: where people reach the server of `listen`.
    pub external_url: Option<String>,
}

/// The numbers of entries in `alerts`, from 0, in the order of the lists that they were sorted into:
/// what is shown of a channel is the same for many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryNumbers {
    /// Of [`JobSet::alerts`].
    pub alerts: Vec<usize>,
    /// Of [`JobSet::digests`].
    pub digests: Vec<usize>,
    /// Of [`Settings::desktop`].
    pub desktop: Vec<usize>,
}

impl EntryNumbers {
    /// The entries with this channel, as the job file's errors name them: "`alerts[2]`".
    pub fn of_channel(&self, channel: &AlertChannel, set: &JobSet) -> String {
        let alerts = set.alerts.iter().map(|entry| &entry.channel).zip(&self.alerts);
        let digests = set.digests.iter().map(|entry| &entry.channel).zip(&self.digests);
        let theirs = alerts.chain(digests).filter(|(one, _)| *one == channel);
        let names: Vec<_> = theirs.map(|(_, number)| format!("`alerts[{number}]`")).collect();
        names.join(", ")
    }
}

/// The connection to the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConnection {
    /// `url`, without a trailing slash.
    pub url: String,
    /// The source of the token.
    pub token: TokenSource,
    /// `request_timeout`.
    pub request_timeout: SignedDuration,
    /// `allow_insecure`: a token may go over plain http to a host that is not this one.
    pub allow_insecure: bool,
    /// `user`: the users who may hold the agent's port besides root and our own user; empty where
    /// the file names none.
    pub user: Vec<UserRef>,
}

impl Default for AgentConnection {
    fn default() -> Self {
        Self {
            url: "http://localhost:29123".to_owned(),
            token: TokenSource::Credential,
            request_timeout: SignedDuration::from_secs(30),
            allow_insecure: false,
            user: Vec::new(),
        }
    }
}

/// A user of this machine, as the job file names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By login name, which is looked up when it is needed.
    Name(String),
    /// By number (uid).
    Id(u32),
}

/// The source of the agent's token. Holds no secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// `token_file`, absolute.
    File(PathBuf),
    /// `token_env`: the name of an environment variable.
    Environment(String),
    /// `login`: unattended renewal with user and password.
    Login(LoginSource),
    /// None named: `$CREDENTIALS_DIRECTORY/token` if there is one.
    Credential,
}

impl TokenSource {
    /// How another token comes from it.
    pub fn renewal(&self) -> TokenRenewal {
        match self {
            Self::File(_) | Self::Credential => TokenRenewal::ByCommand,
            Self::Environment(_) => TokenRenewal::ByVariable,
            Self::Login(_) => TokenRenewal::ByItself,
        }
    }
}

/// `agent.login`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSource {
    /// `username`.
    pub username: String,
    /// `password_file`, absolute.
    pub password_file: PathBuf,
    /// `user_type`, as the API's number: 16, 32 or 64.
    pub user_type: u32,
    /// `totp_secret_file`, absolute.
    pub totp_secret_file: Option<PathBuf>,
}

/// One entry of `alerts` with `notify: desktop`, validated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopAlert {
    /// `on`.
    pub on: Vec<AlertEvent>,
    /// `jobs`: names or globs; empty for all.
    pub jobs: Vec<String>,
}
