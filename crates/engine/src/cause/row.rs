//! Finds the history row of one of our transfers: by its id, else by places, user and end time
//! (docs/click-api.md, "Transfer history").

use jiff::{SignedDuration, Timestamp};

use crate::ids::{TransferId, UserId};
use crate::place::Fingerprint;

/// Tolerance for end times: dates are whole seconds in places, and an end lies a moment before its
/// record.
pub(crate) const END_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// A query of the history, and the evidence by which a row is recognized as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseQuery {
    /// The transfer.
    pub transfer: TransferId,
    /// Its places. Rows do not contain `allowSkip`.
    pub places: Fingerprint,
    /// Our user, if the agent reports it.
    pub user: Option<UserId>,
    /// Bounds of its end time, by the agent's clock.
    pub ended: (Timestamp, Timestamp),
    /// Its end time in the list, by the agent's clock; absent if the list does not say.
    pub listed_end: Option<Timestamp>,
}

/// A row of the transfer history, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its id: the transfer's own, or the history's.
    pub id: Option<TransferId>,
    /// The owner of the transfer.
    pub user: Option<UserId>,
    /// Its places.
    pub places: Option<Fingerprint>,
    /// When it ended, by the agent's clock.
    pub ended_at: Option<Timestamp>,
    /// `errorMessage`, fit to be shown.
    pub message: Option<String>,
}

/// The content of a row of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurRow {
    /// In the agent's words.
    pub message: String,
    /// It is certainly this transfer's: by its id, or as the only one that fits, with the end time
    /// that the list has.
    pub certain: bool,
}

impl CauseQuery {
    /// True if a row has the transfer's id: there is nothing more to read.
    pub fn names(&self, row: &HistoryRow) -> bool {
        row.id == Some(self.transfer) && self.may_be_of_our_user(row)
    }

    /// True if a row may be ours by places, user and end.
    pub fn fits(&self, row: &HistoryRow) -> bool {
        let (first, last) = self.ended;
        row.places == Some(self.places)
            && self.may_be_of_our_user(row)
            && row.ended_at.is_some_and(|at| first <= at && at <= last)
    }

    /// True if the search has to keep a row.
    pub fn wants(&self, row: &HistoryRow) -> bool {
        self.names(row) || self.fits(row)
    }

    /// Ours of these rows; absent if there is none, or if it says nothing.
    pub fn pick(&self, rows: &[HistoryRow]) -> Option<OurRow> {
        let said = |row: &HistoryRow, certain| {
            let message = row.message.clone().filter(|message| !message.is_empty())?;
            Some(OurRow { message, certain })
        };
        if let Some(named) = rows.iter().find(|row| self.names(row)) {
            return said(named, true);
        }
        let mut fitting: Vec<&HistoryRow> = rows.iter().filter(|row| self.fits(row)).collect();
        // Ours ended last: the query is made when its end is seen.
        fitting.sort_by_key(|row| row.ended_at);
        let last = fitting.last()?;
        said(last, fitting.len() == 1 && self.ends_as_listed(last))
    }

    /// Guards against taking an earlier transfer's row, of the same places, while it is the only
    /// one there.
    fn ends_as_listed(&self, row: &HistoryRow) -> bool {
        let ends = row.ended_at.zip(self.listed_end);
        ends.is_some_and(|(told, listed)| told.duration_since(listed).abs() <= END_SLACK)
    }

    fn may_be_of_our_user(&self, row: &HistoryRow) -> bool {
        match (self.user, row.user) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, _) | (_, None) => true,
        }
    }
}
