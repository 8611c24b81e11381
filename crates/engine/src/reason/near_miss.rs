//! A listed transfer that almost matches a request, but not certainly.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::wording::Wording;
use crate::duration;
use crate::ids::TransferId;

/// Why a record is not evidence for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// Other places.
    Places,
    /// Another user's.
    User,
    /// A sync's, or the agent's own repetition.
    Kind,
    /// Listed before we asked.
    Baseline,
    /// Requested outside the attempt's time, or no date to tell.
    Date,
}

/// A transfer that is almost ours, and the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// The transfer.
    pub transfer: TransferId,
    /// The difference.
    pub differs: Miss,
    /// How far its date is off, later ones positive; absent if it has no date, or if the difference
    /// is not in the date.
    #[serde(default)]
    pub off: Option<SignedDuration>,
    /// `agent.exclusive_user` is set already.
    #[serde(default)]
    pub exclusive: bool,
}

impl NearMiss {
    pub(crate) fn sentence(&self, wording: &dyn Wording) -> String {
        let differs = match (self.differs, self.off) {
            (Miss::Date, Some(off)) => {
                let far = duration::span(off.abs());
                let side = if off.is_negative() { "before" } else { "after" };
                format!("but is dated {far} {side} it")
            }
            (Miss::Date, None) => "but whose `requestDate` is missing or can't be read".to_owned(),
            (Miss::Places, _) => {
                let how = "but for `allowSkip`, or for places that are spelled otherwise or not \
                           told whole";
                how.to_owned()
            }
            (Miss::User, _) => "but for its user".to_owned(),
            (Miss::Kind, _) => "but for its kind".to_owned(),
            (Miss::Baseline, _) => "but older than it".to_owned(),
        };
        let advice = match self.differs {
            Miss::Date if !self.exclusive => {
                "; if nobody else starts transfers as this Amove user, set \
                 `agent.exclusive_user: true`, and dates are not compared"
            }
            Miss::Date | Miss::Places | Miss::User | Miss::Kind | Miss::Baseline => "",
        };
        let transfer = wording.transfer(self.transfer);
        format!(
            "the agent lists transfer {transfer}, which is like the request {differs}; it is not \
             taken for ours{advice}"
        )
    }
}
