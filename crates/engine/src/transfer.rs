//! The agent's reports on transfers and on itself, in the engine's types.
//!
//! Wire forms (camel or Pascal case, date forms, numbers as text) end in `agent`; here everything
//! is parsed, and values that could not be parsed are absent.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::duration;
use super::ids::{AccessId, TransferId, UserId};
use super::place::{Fingerprint, PartialPlace, TransferRequest};

/// `transferStatus` of the Click API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStatus {
    /// 0 None, 1 Created: accepted, not picked up yet. The vendor says that it is not listed; we
    /// survive one that is.
    Created,
    /// 2 Running.
    Running,
    /// 4 Completed. Says nothing about failed objects.
    Completed,
    /// 8 Canceled.
    Canceled,
    /// 16 Error.
    Error,
    /// 32 Canceling.
    Canceling,
    /// 64 Pausing.
    Pausing,
    /// 128 Paused.
    Paused,
    /// A number that the vendor's page does not name: assumed to be active.
    Unknown,
}

impl TransferStatus {
    /// True for an end that is not a success.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Canceled | Self::Error => true,
            Self::Created
            | Self::Running
            | Self::Completed
            | Self::Canceling
            | Self::Pausing
            | Self::Paused
            | Self::Unknown => false,
        }
    }

    /// True for a transfer that is not over, also while it is paused.
    pub fn is_active(self) -> bool {
        match self {
            Self::Created | Self::Running | Self::Canceling | Self::Pausing | Self::Paused => true,
            Self::Completed | Self::Canceled | Self::Error | Self::Unknown => false,
        }
    }

    /// True when the agent will not change the transfer any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Canceled | Self::Error => true,
            Self::Created
            | Self::Running
            | Self::Canceling
            | Self::Pausing
            | Self::Paused
            | Self::Unknown => false,
        }
    }
}

/// Object and byte counters of a transfer; unknown ones are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Objects in all.
    pub objects_total: u64,
    /// Objects transferred.
    pub objects_transferred: u64,
    /// Objects that failed.
    pub objects_failed: u64,
    /// Objects skipped.
    pub objects_skipped: u64,
    /// Bytes in all.
    pub bytes_total: u64,
    /// Bytes transferred.
    pub bytes_transferred: u64,
    /// Percent, 0 to 100, as the agent reports it.
    pub percent: f64,
    /// Bytes per second, as the agent reports it.
    pub speed: f64,
    /// Its cost so far, in US dollars; absent if the agent does not report it.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// The counters of transferred, skipped and failed objects are incomplete: objects that they
    /// leave out may have arrived anyway.
    #[serde(rename = "objects_untold", default)]
    pub objects_incomplete: bool,
}

impl Progress {
    /// True when bytes, objects or percent differ: the transfer has moved, and
    /// `stall_timeout` begins anew.
    pub fn moved_since(&self, earlier: &Progress) -> bool {
        let facts = |p: &Progress| {
            (
                p.objects_transferred,
                p.objects_failed,
                p.objects_skipped,
                p.bytes_transferred,
                p.percent.to_bits(),
            )
        };
        facts(self) != facts(earlier)
    }
}

/// One record of `GET /transfer/get_all`.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// The agent's id.
    pub id: TransferId,
    /// The owner; absent if the agent does not report it.
    pub user: Option<UserId>,
    /// Digest of the places.
    pub fingerprint: Fingerprint,
    /// The digest if `allowSkip` is true, where the record does not tell: `fingerprint` is then the
    /// one if it is false.
    pub if_it_skips: Option<Fingerprint>,
    /// Digest of the places that ignores differences in spelling.
    pub loose_fingerprint: Fingerprint,
    /// The same digests of the requests that it may be of, where it leaves out parts of its places.
    pub may_be_of: Vec<Fingerprint>,
    /// It belongs to a sync cycle: `syncCycleId` is set and not the zero uuid.
    pub of_sync: bool,
    /// The agent itself repeats another transfer: `retryBatchTransferID` is set and not zero.
    pub of_retry_batch: bool,
    /// `transferType`: 1 Transfer, 2 Sync, 4 SyncInitTransfer, 8 ManualTransfer.
    pub kind: Option<u32>,
    /// `requestDate`; absent where missing, unreadable, or .NET's "no date".
    pub requested_at: Option<Timestamp>,
    /// `endDate`, by the agent's clock; absent as `requested_at` may be.
    pub ended_at: Option<Timestamp>,
    /// Its state.
    pub status: TransferStatus,
    /// `transferStatus` as the agent wrote it, where that is [`TransferStatus::Unknown`].
    pub unknown_status: Option<String>,
    /// Its counters.
    pub progress: Progress,
    /// It tells none of the counters that would show whether it moves.
    pub tells_no_progress: bool,
}

impl Transfer {
    /// The fingerprints that the request of the transfer may have, as far as the record tells.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> + use<> {
        std::iter::once(self.fingerprint).chain(self.if_it_skips)
    }

    /// The digests, ignoring spelling, that the request of the transfer may have, as far as the
    /// record tells.
    pub fn loose_fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        std::iter::once(self.loose_fingerprint).chain(self.may_be_of.iter().copied())
    }

    /// True for a record that is like a request but perhaps for spelling, or for parts that it
    /// leaves out.
    pub fn is_like(&self, loose: Fingerprint) -> bool {
        self.loose_fingerprints().any(|own| own == loose)
    }

    /// True for the transfer of a request with this fingerprint, as far as the record tells.
    pub fn fits(&self, fingerprint: Fingerprint) -> bool {
        self.fingerprints().any(|own| own == fingerprint)
    }
}

/// `GET /management/agent_status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// 0: no user is signed in.
    Created,
    /// 1: working.
    Started,
    /// 2: stopped.
    Stopped,
    /// 4: paused.
    Paused,
    /// 8: disposed; a new login is needed.
    Disposed,
    /// Unknown: never asked, or the agent can't be asked, or a number without a name.
    #[default]
    Unknown,
}

impl AgentState {
    /// The word used in JSON and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Disposed => "disposed",
            Self::Unknown => "unknown",
        }
    }

    /// True when the agent may accept and process transfers.
    pub fn may_work(self) -> bool {
        match self {
            Self::Started | Self::Unknown => true,
            Self::Created | Self::Stopped | Self::Paused | Self::Disposed => false,
        }
    }
}

/// The request of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookRequest {
    /// Pages are read until records are older than this, by the agent's `requestDate`.
    pub since: Timestamp,
    /// Records with one of these fingerprints, exact or loose, are wanted.
    pub fingerprints: BTreeSet<Fingerprint>,
    /// Records with one of these ids are wanted.
    pub transfers: BTreeSet<TransferId>,
    /// The requests whose records are wanted: a record that could not be read whole is judged by
    /// these.
    pub requests: Arc<[TransferRequest]>,
}

impl LookRequest {
    /// True when the record can matter to the engine; all others are dropped early.
    pub fn wants(&self, transfer: &Transfer) -> bool {
        self.transfers.contains(&transfer.id)
            || transfer.fingerprints().any(|it| self.fingerprints.contains(&it))
            || transfer.loose_fingerprints().any(|it| self.fingerprints.contains(&it))
    }

    /// The requests whose record one with these places, as far as it tells them, may be.
    pub fn that_may_be<'a>(
        &'a self,
        source: &'a PartialPlace,
        destination: &'a PartialPlace,
    ) -> impl Iterator<Item = &'a TransferRequest> {
        self.requests.iter().filter(|request| {
            source.may_be(&request.source) && destination.may_be(&request.destination)
        })
    }
}

/// One reading of `get_all`, as deep as asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When its first request was sent, by our clock. Later changes at the agent may be missing.
    pub began_at: Timestamp,
    /// When the last answer that it rests on was requested.
    pub as_of: Timestamp,
    /// The reason why it does not prove absence; absent for a complete look: every page answered,
    /// at most its head grew meanwhile, and the agent was Started or can't be asked
    /// (docs/protocol.md, "Words").
    pub incomplete: Option<Incomplete>,
    /// It was read to the list's end and showed fewer records than the agent counts: some may be
    /// hidden, or withheld by mistake.
    pub is_short: bool,
    /// The agent's reported state.
    pub agent: AgentState,
    /// The agent and the token that it was made with.
    pub access: AccessId,
    /// The owner of the token, from `GET /authentication/user`; absent if the agent reports none.
    pub user: Option<UserId>,
    /// The agent's clock less ours, from the `Date` header; absent without one.
    pub clock_offset: Option<SignedDuration>,
    /// How far back the list was read: the date of the oldest record on its pages. Absent if it
    /// was read to its end, or is not in order.
    pub read_back_to: Option<Timestamp>,
    /// Wanted records, each once.
    pub transfers: Vec<Transfer>,
}

impl Look {
    /// True if a record that it does not show does not exist.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }
}

/// Why a look may prove presence but not absence, and how far it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Why.
    pub gap: Gap,
    /// Pages that were read.
    pub pages: u64,
    /// Records that were read, each counted once.
    pub records: u64,
    /// The length of the list, as the agent reports it.
    pub total: Option<u64>,
    /// How long the reading took.
    pub took: SignedDuration,
}

/// The reasons why a look does not prove absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The agent was not working.
    Idle,
    /// Records were removed, or moved, while the list was read.
    Shifted,
    /// The agent serves the same page whatever is requested.
    Repeating,
    /// The end was not reached in time.
    TooSlow,
    /// The end was not reached within the bytes that a look may read.
    TooLarge,
    /// More records between our places than are kept.
    TooMany,
    /// Records can't be read, and may be ours.
    Unreadable {
        /// How many.
        records: u64,
        /// The part of the first one that can't be read, in words.
        first: String,
    },
    /// A page after the first could not be read, for this reason.
    PageFailed(String),
    /// Our clock was set meanwhile: the look's times are of another clock.
    ClockSet,
}

impl Incomplete {
    /// The reason in words, with the figures.
    pub fn words(&self) -> String {
        let why = match &self.gap {
            Gap::Idle => "the agent is not at work".to_owned(),
            Gap::Shifted => "records move or disappear while the list is read".to_owned(),
            Gap::Repeating => "the agent gives the same page again and again".to_owned(),
            Gap::TooSlow => "its end is not reached in time".to_owned(),
            Gap::TooLarge => "it is too large".to_owned(),
            Gap::TooMany => "it holds too many transfers between the same places".to_owned(),
            Gap::Unreadable { records: 1, first } => {
                format!("a record in it can't be read ({first})")
            }
            Gap::Unreadable { records, first } => {
                format!("{records} records in it can't be read (the first: {first})")
            }
            Gap::PageFailed(words) => words.clone(),
            Gap::ClockSet => "the clock was set while it was read".to_owned(),
        };
        let of = self.total.map_or_else(String::new, |total| format!(" of {total}"));
        let pages = if self.pages == 1 { "page" } else { "pages" };
        format!(
            "{why}; {}{of} records were read on {} {pages} in {}",
            self.records,
            self.pages,
            duration::span(self.took)
        )
    }
}

/// Why a look returned nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookFailure {
    /// The agent can't be reached: refused, no name, time-out, reset.
    Unreachable(String),
    /// The agent's port is held by a user who may not have the token: nothing was sent.
    PortHeld(String),
    /// There is no token, or the agent refuses it.
    BadToken {
        /// Why.
        words: String,
        /// The state that the agent has just reported.
        agent: AgentState,
    },
    /// The agent answers, but without a readable listing.
    Unusable(String),
}

/// The answer to a submit, classified by the one question that matters: could it have been
/// accepted?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// 200: the agent has it.
    Accepted,
    /// It certainly was not accepted.
    Refused(Refusal),
    /// No answer came, and it may or may not have been accepted: time-out, reset.
    Uncertain(String),
    /// An answer came that does not say whether the request was accepted, which is therefore as
    /// uncertain as without one: 500, other 499 codes, any other status. The status, and in
    /// brackets the agent's words.
    Unclear(String),
}

/// A certain refusal (protocol, rule 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Never sent: refused connection, no name. Uses up no attempt.
    NotSent(String),
    /// Not sent: the agent or the token is another one than when the list was read. Uses up no
    /// attempt.
    OtherAccess,
    /// 401, or 499 AUTH, TOKEN, SESSION, SESSION_MAXOUT, DISPOSED. Uses up no attempt.
    BadToken(String),
    /// 499 INACTIVE_USER, SECURITY, ACCESS, NOT_FOUND: another try is useless.
    Final(String),
    /// 499 DUPLICATE: final, or the lost 200 of an uncertain POST of the same fingerprint.
    Duplicate(String),
}

/// The answer to a cancel request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// 200: the request was accepted. The listing shows when it is done.
    Taken,
    /// Anything else, in words. A cancel is safe to repeat.
    NotTaken(String),
}

/// The answer to a request to start the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAnswer {
    /// 200: the request was accepted. The next look shows the result.
    Taken,
    /// The agent refuses our token, for this reason: another try with it is useless.
    TokenRefused(String),
    /// Anything else, in words. A start is safe to repeat.
    NotTaken(String),
}
