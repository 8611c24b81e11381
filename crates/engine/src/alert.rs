//! Alerts waiting to be delivered: the report, the entry of the job file it goes through, and how
//! many tries it has had.
//!
//! The engine decides when an alert is raised, retried or given up; an adapter delivers it. Keeps
//! true: no row holds an address, a header or a command, only a digest of them.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::digest::{Digest, DigestMark, Outage};
use super::duration;
use super::ids::{AlertId, AlertKey, JobName, RunId};
use super::job::{AlertChannel, AlertEvent, DigestEntry, SecretText};
use super::limits::{ALERT_PROMPT_TRIES, ALERT_RETRY};
use super::place::NamedPlace;
use super::reason::ReasonCode;
use super::run::RunState;

/// The occasion for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A run has started: for pings only, which measure how long it takes.
    Started,
    /// An event that an entry's `on` names.
    Event(AlertEvent),
    /// A digest is due.
    Digest,
}

impl Occasion {
    /// The word for it in documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Event(event) => event.word(),
            Self::Digest => "digest",
        }
    }
}

/// A row of the outbox: one alert for one entry of the job file, until it is delivered or given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedAlert {
    /// Derived from what it reports and from the entry, so that nothing is queued twice. A receiver
    /// that gets a message twice, as after a crash, recognizes it by this.
    pub id: AlertId,
    /// Its place in the outbox: messages of one entry leave in this order.
    pub number: u64,
    /// The entry that it goes through.
    pub key: AlertKey,
    /// All entries that are notified of the same, in the order of the job file. Empty in rows of
    /// older versions, and for a digest, which has one entry.
    #[serde(default)]
    pub receivers: Vec<AlertKey>,
    /// The occasion.
    pub occasion: Occasion,
    /// When.
    pub at: Timestamp,
    /// The job, if it is about one.
    pub job: Option<JobName>,
    /// The run, if it is about one.
    pub run: Option<RunId>,
    /// The run's state then.
    pub state: Option<RunState>,
    /// Why, in words.
    pub reason: String,
    /// The reason as a code, of a run.
    #[serde(default)]
    pub reason_code: Option<ReasonCode>,
    /// The agent's words on the failure, of a run.
    #[serde(default)]
    pub cause: Option<String>,
    /// The run's source.
    #[serde(default)]
    pub source: Option<NamedPlace>,
    /// The run's destination.
    #[serde(default)]
    pub destination: Option<NamedPlace>,
    /// The run's occurrence.
    pub scheduled_for: Option<Timestamp>,
    /// Attempts that the run has made.
    pub attempts: u32,
    /// The whole message in one line for people.
    pub text: String,
    /// The summary, of a digest.
    #[serde(default)]
    pub digest: Option<Box<Digest>>,
    /// Deliveries tried.
    pub tries: u32,
    /// The next one is not before this.
    pub next_try: Timestamp,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

impl QueuedAlert {
    /// An empty message, about no job and no run, due at once.
    pub fn new(id: AlertId, key: AlertKey, occasion: Occasion, at: Timestamp) -> Self {
        Self {
            id,
            number: 0,
            key,
            receivers: Vec::new(),
            occasion,
            at,
            job: None,
            run: None,
            state: None,
            reason: String::new(),
            reason_code: None,
            cause: None,
            source: None,
            destination: None,
            scheduled_for: None,
            attempts: 0,
            text: String::new(),
            digest: None,
            tries: 0,
            next_try: at,
            last_error: None,
        }
    }
}

/// Reports that were already made, beyond single jobs: each outage, token and bad job file is
/// reported once, whatever restarts come between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Since when the agent has kept runs waiting, while that lasts.
    #[serde(default)]
    pub agent_down: Option<Timestamp>,
    /// The token whose end was reported last.
    #[serde(default)]
    pub token: Option<ReportedToken>,
    /// The job file is invalid.
    #[serde(default)]
    pub config_invalid: bool,
    /// How far each digest of the job file has got.
    #[serde(default)]
    pub digests: Vec<DigestMark>,
    /// The last outages that are over and that a digest has still to report, oldest first.
    #[serde(default)]
    pub outages: Vec<Outage>,
}

/// A token whose end was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedToken {
    /// When it ends.
    pub ends: Timestamp,
    /// It was reported again when it had ended.
    pub ended: bool,
}

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Delivered,
    /// It failed, for this reason; a later try may succeed.
    Failed(String),
    /// It failed, and the receiver says when to try again.
    Later {
        /// Why.
        words: String,
        /// How long to wait.
        after: SignedDuration,
    },
    /// The receiver refused it, for this reason; a few more tries will show whether it means that.
    Refused(String),
}

impl AlertEvent {
    /// All events, as the contract lists them.
    pub const ALL: [Self; 12] = [
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Canceled,
        Self::Skipped,
        Self::Late,
        Self::Recovered,
        Self::AgentDown,
        Self::TokenExpiring,
        Self::ConfigInvalid,
        Self::Stuck,
        Self::Doubled,
    ];

    /// The word for it in the job file and in documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::Late => "late",
            Self::Recovered => "recovered",
            Self::AgentDown => "agent_down",
            Self::TokenExpiring => "token_expiring",
            Self::ConfigInvalid => "config_invalid",
            Self::Stuck => "stuck",
            Self::Doubled => "doubled",
        }
    }

    /// The event that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }
}

impl AlertChannel {
    /// Identifies the channel without revealing anything about it: a digest of its definition.
    pub fn key(&self) -> AlertKey {
        const NAMESPACE: Uuid = Uuid::from_u128(0x0c6f_8a52_51c1_4a8e_9d0b_7e39_65b1_f20d);
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let address = |text: &SecretText| match text {
            SecretText::Inline(url) => vec!["url".to_owned(), url.clone()],
            SecretText::File(file) => vec!["url_file".to_owned(), path(file)],
        };
        let (kind, words) = match self {
            Self::Webhook { url, headers_file } => {
                let mut words = address(url);
                words.extend(headers_file.as_deref().map(path));
                ("webhook", words)
            }
            Self::Command(words) => ("command", words.clone()),
            Self::Ping { url } => ("ping", address(url)),
        };
        // No word of a job file holds a NUL, as YAML has none.
        let text = format!("{kind}\0{}", words.join("\0"));
        AlertKey(Uuid::new_v5(&NAMESPACE, text.as_bytes()))
    }

    /// Its kind: the key that it has in the job file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Command(_) => "command",
            Self::Ping { .. } => "ping",
        }
    }
}

impl DigestEntry {
    /// Identifies the entry as [`AlertChannel::key`] does, apart from `earlier` ones like it. The
    /// schedule is not part of it: a digest whose schedule changes goes on where it was.
    pub fn key(&self, earlier: usize) -> AlertKey {
        const NAMESPACE: Uuid = Uuid::from_u128(0x5a0e_3c77_9d42_4b16_8f21_c6e0_7b94_12ad);
        let text = format!("{}\0{earlier}\0{}", self.channel.key(), self.jobs.join("\0"));
        AlertKey(Uuid::new_v5(&NAMESPACE, text.as_bytes()))
    }

    /// Identifies the jobs that it covers.
    pub fn coverage(&self) -> Uuid {
        const NAMESPACE: Uuid = Uuid::from_u128(0x8d1b_60f4_27ae_4c93_b5d8_13f7_0a6e_92c4);
        Uuid::new_v5(&NAMESPACE, self.jobs.join("\0").as_bytes())
    }
}

impl std::fmt::Display for AlertChannel {
    /// The channel as it may be shown to anybody: no address, and no argument of a command.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Webhook { url, .. } | Self::Ping { url } => match url {
                SecretText::Inline(_) => write!(f, "{} `url`", self.kind()),
                SecretText::File(path) => write!(f, "{} `{}`", self.kind(), path.display()),
            },
            Self::Command(words) => {
                write!(f, "command `{}`", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// The id of a message: the same for the same event and entry.
pub(crate) fn id_of(about: &str, occasion: Occasion, at: Timestamp, key: AlertKey) -> AlertId {
    const NAMESPACE: Uuid = Uuid::from_u128(0x3b1d_92c4_7f0e_4d5a_8c77_20aa_914e_6b83);
    let text = format!("{about}\n{}\n{}\n{key}", occasion.word(), at.as_millisecond());
    AlertId(Uuid::new_v5(&NAMESPACE, text.as_bytes()))
}

/// The delay after the `tries`-th failed delivery.
pub(crate) fn retry_delay(tries: u32) -> SignedDuration {
    duration::doubling(ALERT_RETRY, tries)
}

/// The delay where the receiver says when to try again: the larger of ours and theirs, up to our
/// longest. A short one is obeyed as given, for a few tries: a receiver that limits requests by the
/// second accepts the next one a second later.
pub(crate) fn requested_delay(tries: u32, requested: SignedDuration) -> SignedDuration {
    let (first, longest) = ALERT_RETRY;
    let requested = requested.max(SignedDuration::from_secs(1));
    if requested <= first && tries <= ALERT_PROMPT_TRIES {
        return requested;
    }
    retry_delay(tries).max(requested).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_that_is_told_is_kept_to_within_reason() {
        let after = |tries, requested| {
            requested_delay(tries, SignedDuration::from_secs(requested)).as_secs()
        };
        assert_eq!(after(1, 0), 1);
        assert_eq!(after(1, 2), 2);
        assert_eq!(after(1, 45), 45);
        assert_eq!(after(5, 45), 160);
        assert_eq!(after(1, 100_000), 3600);
        assert_eq!(after(20, 1), 3600, "it has said so often enough");
    }

    #[test]
    fn a_key_says_nothing_and_tells_channels_apart() {
        let inline = |url: &str| SecretText::Inline(url.to_owned());
        let channels = [
            AlertChannel::Webhook { url: inline("http://h/s3cret"), headers_file: None },
            AlertChannel::Webhook {
                url: inline("http://h/s3cret"),
                headers_file: Some("h".into()),
            },
            AlertChannel::Webhook { url: inline("http://h/other"), headers_file: None },
            AlertChannel::Webhook { url: SecretText::File("f".into()), headers_file: None },
            AlertChannel::Ping { url: inline("http://h/s3cret") },
            AlertChannel::Command(vec!["a".to_owned(), "b c".to_owned()]),
            AlertChannel::Command(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]),
        ];
        let keys: std::collections::BTreeSet<_> = channels.iter().map(AlertChannel::key).collect();
        assert_eq!(keys.len(), channels.len());
        for channel in &channels {
            assert!(!format!("{channel} {channel:?} {:?}", channel.key()).contains("s3cret"));
        }
    }

    #[test]
    fn every_event_has_a_word_of_its_own() {
        for event in AlertEvent::ALL {
            assert_eq!(AlertEvent::from_word(event.word()), Some(event));
        }
    }

    #[test]
    fn tries_come_less_and_less_often_up_to_an_hour() {
        let seconds: Vec<_> = (1..=11).map(|tries| retry_delay(tries).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(retry_delay(u32::MAX).as_secs(), 3600);
    }
}
