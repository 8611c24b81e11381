//! Why an occurrence was recorded without being run.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::code::ReasonCode;
use super::wording::Wording;
use crate::duration;
use crate::ids::RunId;

/// Why an occurrence was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum SkipReason {
    /// The job's earlier run was not over.
    Overlap {
        /// That run.
        active: RunId,
        /// Since when it has been active.
        since: Timestamp,
        /// `overlap: queue`: the run that already waits for it; absent for `overlap: skip`.
        held: Option<RunId>,
    },
    /// The job's earlier run was unfinished then, though it had ended when this was decided.
    OverlapOfEnded {
        /// That run.
        active: RunId,
        /// Until when it was active.
        until: Timestamp,
    },
    /// The job was paused: rows of daemons that recorded each occurrence of a pause.
    Paused {
        /// Since when.
        since: Timestamp,
        /// The operator's words.
        words: Option<String>,
    },
    /// It was missed, and `catch_up` is `none`.
    CatchUpNone,
    /// It was missed, and was too old when the daemon was back.
    CatchUpWindow {
        /// `catch_up_window`.
        limit: SignedDuration,
    },
    /// It was missed, and a later one was caught up instead.
    Superseded,
}

impl SkipReason {
    pub(super) fn code(&self) -> Option<ReasonCode> {
        match self {
            Self::Overlap { .. } | Self::OverlapOfEnded { .. } => Some(ReasonCode::Overlap),
            Self::Paused { .. } => None,
            Self::CatchUpNone => Some(ReasonCode::CatchUpNone),
            Self::CatchUpWindow { .. } => Some(ReasonCode::CatchUpWindow),
            Self::Superseded => Some(ReasonCode::Superseded),
        }
    }

    pub(super) fn blocked_by(&self) -> Option<RunId> {
        match self {
            Self::Overlap { active, .. } | Self::OverlapOfEnded { active, .. } => Some(*active),
            Self::Paused { .. }
            | Self::CatchUpNone
            | Self::CatchUpWindow { .. }
            | Self::Superseded => None,
        }
    }

    pub(super) fn limit(&self) -> Option<SignedDuration> {
        match self {
            Self::CatchUpWindow { limit } => Some(*limit),
            Self::Overlap { .. }
            | Self::OverlapOfEnded { .. }
            | Self::Paused { .. }
            | Self::CatchUpNone
            | Self::Superseded => None,
        }
    }

    pub(super) fn sentence(&self, wording: &dyn Wording) -> String {
        match self {
            Self::Overlap { active, since, held } => {
                let (active, since) = (wording.run(*active), wording.time(*since));
                match held {
                    None => {
                        format!("run {active} has been active since {since} (`overlap: skip`)")
                    }
                    Some(held) => format!(
                        "run {active} has been active since {since}, and run {} waits behind it \
                         already (`overlap: queue`)",
                        wording.run(*held)
                    ),
                }
            }
            Self::OverlapOfEnded { active, until } => format!(
                "run {} was active until {} (`overlap`)",
                wording.run(*active),
                wording.time(*until)
            ),
            Self::Paused { since, words } => {
                let words = words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
                format!("the job has been paused since {}{words}", wording.time(*since))
            }
            Self::CatchUpNone => "missed, and `catch_up` is none".to_owned(),
            Self::CatchUpWindow { limit } => format!(
                "missed, and older than `catch_up_window` ({}) when the daemon was back",
                duration::format(*limit)
            ),
            Self::Superseded => {
                "missed, and `catch_up: once` runs only the latest missed occurrence".to_owned()
            }
        }
    }
}
