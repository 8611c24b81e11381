//! Events in the life of a run: the lines of its timeline, as values.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{RunId, TransferId};
use super::reason::{NearMiss, Plain, Reason, ReasonCode, UnderWay, Wording};
use super::run::RunState;

/// One line of a run's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// The event.
    pub what: Happening,
}

/// Something that happened to a run. Rows hold it in this form: variants and fields are only ever
/// added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// It entered a state, or has a new reason to be in it.
    State {
        /// The state.
        state: RunState,
        /// Why.
        reason: Reason,
    },
    /// The agent accepted a request.
    Accepted {
        /// The attempt.
        attempt: u32,
    },
    /// A later request was refused because an earlier one had been accepted.
    AcceptedAfterAll {
        /// The earlier attempt.
        attempt: u32,
        /// The agent's words on the later one.
        words: String,
    },
    /// A frame reported that the agent has carried a request out (protocol, rule 14).
    Receipt {
        /// The request of this attempt.
        attempt: u32,
    },
    /// The answer to a request was lost.
    Uncertain {
        /// The attempt.
        attempt: u32,
        /// How.
        reason: Reason,
    },
    /// The agent refused a request.
    Refused {
        /// The attempt.
        attempt: u32,
        /// In its words.
        words: String,
    },
    /// The agent lists the transfer of an attempt.
    Listed {
        /// The attempt.
        attempt: u32,
        /// Its transfer.
        transfer: TransferId,
    },
    /// The transfer of an attempt has ended.
    TransferEnded {
        /// The attempt.
        attempt: u32,
        /// The transfer; older versions did not record it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transfer: Option<TransferId>,
        /// How.
        reason: Reason,
    },
    /// An attempt was given up.
    GivenUp {
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: Reason,
    },
    /// Two transfers of the run were completed.
    Doubled,
    /// Another transfer can't be told apart from ours.
    Ambiguous {
        /// The other one.
        transfer: TransferId,
    },
    /// The agent lists a transfer that is nearly, but not certainly, ours.
    NearMiss(NearMiss),
    /// The agent lists a transfer like this run, which no row knows.
    Unrecorded {
        /// The transfer.
        transfer: TransferId,
        /// When it was requested, by our clock.
        requested_at: Timestamp,
    },
    /// The agent lists the transfer in an unknown state.
    UnknownStatus {
        /// The transfer.
        transfer: TransferId,
        /// `transferStatus`, as the agent wrote it; empty if it was missing.
        status: String,
    },
    /// The agent was asked to cancel a transfer.
    CancelRequested {
        /// Which.
        transfer: TransferId,
    },
    /// The agent refused that request.
    CancelRefused {
        /// In its words.
        words: String,
    },
    /// Somebody paused the transfer at the agent.
    Paused {
        /// The attempt.
        attempt: u32,
    },
    /// Somebody resumed it.
    Resumed {
        /// The attempt.
        attempt: u32,
    },
    /// An event that an older version recorded.
    #[serde(rename = "told")]
    Recorded {
        /// Its kind.
        kind: EventKind,
        /// In words.
        words: String,
    },
}

/// The facts of an event, beside its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The attempt that it is about.
    pub attempt: Option<u32>,
    /// The transfer that it is about.
    pub transfer: Option<TransferId>,
    /// Why it happened.
    pub reason: Option<&'a Reason>,
}

/// The kind of an event, in one word. The list is closed: see `docs/reason-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The run entered this state, or has a new reason to be in it.
    State(RunState),
    /// A request was accepted.
    Accepted,
    /// A frame reported that a request was carried out.
    Receipt,
    /// The answer to a request was lost.
    Uncertain,
    /// A request was refused.
    Refused,
    /// A transfer was found in the agent's list.
    Listed,
    /// A transfer has ended.
    TransferEnded,
    /// An attempt was given up.
    GivenUp,
    /// Two transfers of the run were completed.
    Doubled,
    /// Another transfer can't be told apart from ours.
    Ambiguous,
    /// A transfer is nearly, but not certainly, ours.
    NearMiss,
    /// A transfer like the run's is in no row.
    Unrecorded,
    /// The transfer is in an unknown state.
    UnknownStatus,
    /// A cancellation was asked for.
    CancelRequested,
    /// The agent refused that request.
    CancelRefused,
    /// The transfer was paused at the agent.
    Paused,
    /// The transfer was resumed.
    Resumed,
}

impl EventKind {
    /// All kinds except the states, in the order in which they are documented.
    const OTHERS: [Self; 16] = [
        Self::Accepted,
        Self::Receipt,
        Self::Uncertain,
        Self::Refused,
        Self::Listed,
        Self::TransferEnded,
        Self::GivenUp,
        Self::Doubled,
        Self::Ambiguous,
        Self::NearMiss,
        Self::Unrecorded,
        Self::UnknownStatus,
        Self::CancelRequested,
        Self::CancelRefused,
        Self::Paused,
        Self::Resumed,
    ];

    /// All kinds, in the order in which they are documented.
    pub fn all() -> impl Iterator<Item = Self> {
        RunState::ALL.into_iter().map(Self::State).chain(Self::OTHERS)
    }

    /// The word used in JSON and the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::State(state) => state.word(),
            Self::Accepted => "accepted",
            Self::Receipt => "receipt",
            Self::Uncertain => "uncertain",
            Self::Refused => "refused",
            Self::Listed => "listed",
            Self::TransferEnded => "transfer_ended",
            Self::GivenUp => "given_up",
            Self::Doubled => "doubled",
            Self::Ambiguous => "ambiguous",
            Self::NearMiss => "near_miss",
            Self::Unrecorded => "unrecorded",
            Self::UnknownStatus => "unknown_status",
            Self::CancelRequested => "cancel_requested",
            Self::CancelRefused => "cancel_refused",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
        }
    }

    /// The kind that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|kind| kind.word() == word)
    }
}

impl Serialize for EventKind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Self::from_word(&word)
            .ok_or_else(|| serde::de::Error::custom(format!("`{word}` is not a kind of event")))
    }
}

impl Happening {
    /// Its kind, in one word.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::State { state, .. } => EventKind::State(*state),
            Self::Accepted { .. } | Self::AcceptedAfterAll { .. } => EventKind::Accepted,
            Self::Receipt { .. } => EventKind::Receipt,
            Self::Uncertain { .. } => EventKind::Uncertain,
            Self::Refused { .. } => EventKind::Refused,
            Self::Listed { .. } => EventKind::Listed,
            Self::TransferEnded { .. } => EventKind::TransferEnded,
            Self::GivenUp { .. } => EventKind::GivenUp,
            Self::Doubled => EventKind::Doubled,
            Self::Ambiguous { .. } => EventKind::Ambiguous,
            Self::NearMiss(_) => EventKind::NearMiss,
            Self::Unrecorded { .. } => EventKind::Unrecorded,
            Self::UnknownStatus { .. } => EventKind::UnknownStatus,
            Self::CancelRequested { .. } => EventKind::CancelRequested,
            Self::CancelRefused { .. } => EventKind::CancelRefused,
            Self::Paused { .. } => EventKind::Paused,
            Self::Resumed { .. } => EventKind::Resumed,
            Self::Recorded { kind, .. } => *kind,
        }
    }

    /// Its facts, beside its words.
    pub fn facts(&self) -> Facts<'_> {
        let (attempt, transfer, reason) = match self {
            Self::State { reason, .. } => {
                let (attempt, transfer) = reason.about();
                (attempt, transfer, Some(reason))
            }
            Self::Uncertain { attempt, reason } | Self::GivenUp { attempt, reason } => {
                (Some(*attempt), None, Some(reason))
            }
            Self::TransferEnded { attempt, transfer, reason } => {
                (Some(*attempt), *transfer, Some(reason))
            }
            Self::Accepted { attempt }
            | Self::AcceptedAfterAll { attempt, .. }
            | Self::Receipt { attempt }
            | Self::Refused { attempt, .. }
            | Self::Paused { attempt }
            | Self::Resumed { attempt } => (Some(*attempt), None, None),
            Self::Listed { attempt, transfer } => (Some(*attempt), Some(*transfer), None),
            Self::Ambiguous { transfer }
            | Self::Unrecorded { transfer, .. }
            | Self::UnknownStatus { transfer, .. }
            | Self::CancelRequested { transfer } => (None, Some(*transfer), None),
            Self::NearMiss(near) => (None, Some(near.transfer), None),
            Self::Doubled | Self::CancelRefused { .. } | Self::Recorded { .. } => {
                (None, None, None)
            }
        };
        Facts { attempt, transfer, reason }
    }

    /// The event as a sentence.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        match self {
            Self::State { reason, .. } | Self::Uncertain { reason, .. } => reason.sentence(wording),
            Self::Accepted { attempt } => format!("attempt {attempt}"),
            Self::Receipt { attempt } => {
                format!("the agent says that it has carried out the request of attempt {attempt}")
            }
            Self::AcceptedAfterAll { attempt, words } => {
                format!("attempt {attempt} was accepted after all: {words}")
            }
            Self::Refused { words, .. } | Self::Recorded { words, .. } => words.clone(),
            Self::Listed { attempt, transfer } => {
                format!("attempt {attempt} is transfer {}", wording.transfer(*transfer))
            }
            Self::TransferEnded { attempt, reason, .. } => {
                let how = match reason.code() {
                    Some(ReasonCode::Completed) => "completed",
                    Some(_) | None => "over",
                };
                let reason = reason.sentence(wording);
                format!("the transfer of attempt {attempt} is {how}: {reason}")
            }
            Self::GivenUp { attempt, reason } => {
                format!("attempt {attempt}: {}", reason.sentence(wording))
            }
            Self::Doubled => {
                "two transfers of this run were completed before a look saw them".to_owned()
            }
            Self::Ambiguous { transfer } => format!(
                "transfer {} has the same places, user and time as ours and can't be told apart \
                 from it; it is left alone",
                wording.transfer(*transfer)
            ),
            Self::NearMiss(near) => near.sentence(wording),
            Self::Unrecorded { transfer, requested_at } => format!(
                "the agent lists transfer {} between the same places, requested at {}, which is in \
                 no record",
                wording.transfer(*transfer),
                wording.time(*requested_at)
            ),
            Self::UnknownStatus { transfer, status } => {
                let (transfer, status) = (*transfer, status.clone());
                UnderWay::UnknownStatus { transfer, status }.sentence(wording)
            }
            Self::CancelRequested { transfer } => {
                format!("of transfer {}", wording.transfer(*transfer))
            }
            Self::CancelRefused { words } => {
                format!("the agent did not take the cancel request yet: {words}")
            }
            Self::Paused { attempt } => {
                format!("the transfer of attempt {attempt} is paused at the agent")
            }
            Self::Resumed { attempt } => {
                format!("the transfer of attempt {attempt} is resumed at the agent")
            }
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&Plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::ReasonCode;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in EventKind::all() {
            assert_eq!(EventKind::from_word(kind.word()), Some(kind));
        }
    }

    #[test]
    fn the_documented_lists_are_those_of_the_code() {
        let page = include_str!("../../../docs/reason-codes.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: Vec<_> = rows.map(|(word, _)| word).collect();
        let codes = ReasonCode::ALL.into_iter().map(ReasonCode::word);
        let known: Vec<_> = codes.chain(EventKind::all().map(EventKind::word)).collect();
        assert_eq!(documented, known);
    }
}
