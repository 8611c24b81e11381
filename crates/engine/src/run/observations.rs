//! Observations of an attempt that are not durable. Losing them in a crash does no harm: each part
//! starts over on the safe side.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Attempt;
use super::cancel::CancelCalls;
use super::cause_query::PendingQuery;
use crate::ids::{TransferId, UserId};
use crate::limits::{COVERED_GAP, PROGRESS_RECORD};
use crate::pace::Pace;
use crate::time::shift;
use crate::transfer::{Progress, Transfer, TransferStatus};

/// The observations of an attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observations {
    /// For how long complete looks have not shown its transfer.
    absent_for: SignedDuration,
    /// The last complete look of an unbroken series that counts into `absent_for`.
    absent_at: Option<Timestamp>,
    /// The last look that showed it.
    seen_at: Option<Timestamp>,
    /// The owner of the transfer, according to that look.
    user: Option<UserId>,
    /// When it ended, according to that look, by the agent's clock.
    listed_end: Option<Timestamp>,
    /// The agent could not be asked since then.
    agent_away: bool,
    /// When the counters last moved, newer than in the row.
    moved_at: Option<Timestamp>,
    /// The counters of that look.
    progress: Option<Progress>,
    /// The counters of the last look that listed any.
    listed_progress: Option<Progress>,
    /// How fast they move.
    pace: Pace,
    /// When its progress was last recorded.
    recorded_at: Option<Timestamp>,
    /// The requests to cancel its transfer.
    cancel: CancelCalls,
    /// A receipt for its request was noted already.
    receipt_noted: bool,
    /// A near miss was reported already.
    near_miss_reported: bool,
    /// When the agent first answered a look after the request was sent.
    answered_at: Option<Timestamp>,
    /// A look has shown a record which is no evidence, and may be its transfer.
    may_be_listed: bool,
    /// The result of the look before its POST; lost in a restart.
    before: Option<Before>,
    /// The unknown `transferStatus` that was reported last.
    unknown_status: Option<String>,
    /// The query for the cause of its failed transfer.
    asking: Option<PendingQuery>,
}

/// Similar transfers in the look before a POST.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    /// Those that are like it, but perhaps for their spelling.
    pub(crate) shown: BTreeSet<TransferId>,
    /// It was read back to this date of the agent's; absent if to the list's end.
    pub(crate) read_back_to: Option<Timestamp>,
    /// One that is exactly like it is not over.
    pub(crate) active: bool,
}

impl Before {
    /// True for a record that was listed before the POST, or may have been where the look before it
    /// did not read.
    pub(crate) fn may_have_known(&self, record: &Transfer) -> bool {
        let below = self
            .read_back_to
            .is_some_and(|oldest| record.requested_at.is_none_or(|at| at < oldest));
        below || self.shown.contains(&record.id)
    }
}

impl Observations {
    /// The observations of a request that is sent now, after this look.
    pub(crate) fn of_request(before: Before) -> Self {
        Self { before: Some(before), ..Self::default() }
    }

    /// For how long complete looks have not shown its transfer.
    pub(crate) fn absent_for(&self) -> SignedDuration {
        self.absent_for
    }

    /// Since when it has not been listed; the last look that showed it is lost in a restart.
    pub(crate) fn unseen_since(&self, now: Timestamp) -> Timestamp {
        self.seen_at.unwrap_or_else(|| shift(now, -self.absent_for))
    }

    /// True while consecutive complete looks do not show it.
    pub(crate) fn is_missed(&self) -> bool {
        self.absent_at.is_some()
    }

    /// Notes that a complete look that began then has not shown it. Of the time since the look
    /// before, no more counts than looks that follow one another are apart: a machine that slept
    /// has not looked.
    pub(crate) fn note_absence(&mut self, began_at: Timestamp, apart: SignedDuration) {
        if let Some(last) = self.absent_at {
            let gap = began_at.duration_since(last);
            self.absent_for += gap.clamp(SignedDuration::ZERO, apart.min(COVERED_GAP));
        }
        self.absent_at = Some(began_at);
    }

    /// Absence counts anew: what was missed before a cancel does not show that the cancel took.
    pub(crate) fn count_absence_anew(&mut self) {
        self.absent_for = SignedDuration::ZERO;
        self.absent_at = None;
    }

    /// Notes that a record was found to be its transfer.
    pub(crate) fn note_found(&mut self) {
        self.count_absence_anew();
    }

    /// Notes that a look shows its transfer, whose counters last moved at `moved_at`.
    pub(crate) fn saw(&mut self, now: Timestamp, record: &Transfer, moved_at: Timestamp) {
        self.note_found();
        self.seen_at = Some(now);
        self.user = record.user;
        self.listed_end = record.ended_at;
        self.agent_away = false;
        self.moved_at = Some(moved_at);
        self.progress = Some(record.progress);
        if !record.tells_no_progress {
            self.listed_progress = self.progress;
        }
        self.pace.saw(now, record.progress.bytes_transferred);
    }

    /// Notes that the agent could not be asked, or was not working.
    pub(super) fn break_series(&mut self) {
        self.absent_at = None;
        self.agent_away = true;
    }

    /// Follows a step of the clock: spans measured before mean nothing now.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.absent_at = None;
        self.seen_at = self.seen_at.map(|at| shift(at, by));
        self.moved_at = self.moved_at.map(|at| shift(at, by));
        self.answered_at = self.answered_at.map(|at| shift(at, by));
        self.recorded_at = None;
        self.pace = Pace::default();
        self.cancel.clock_stepped(by);
        if let Some(asking) = &mut self.asking {
            asking.clock_stepped(by);
        }
    }

    /// When the counters of its transfer last moved, by a clock that stands still while the
    /// transfer is paused, the agent is away, or none of them is listed. After a restart it goes on
    /// from the row.
    pub(crate) fn moved_by(
        &self,
        attempt: &Attempt,
        record: &Transfer,
        now: Timestamp,
    ) -> Timestamp {
        let last = self.listed_progress.unwrap_or(attempt.progress);
        let has_moved = !record.tells_no_progress && record.progress.moved_since(&last);
        if has_moved || attempt.status.is_none() {
            return now;
        }
        let moved_at = self.moved_at.unwrap_or(attempt.moved_at);
        let Some(seen_at) = self.seen_at else {
            // The row's time is as old as the last change of its status.
            let stood_still = record.tells_no_progress || attempt.status.is_some_and(stands_still);
            return if stood_still { now } else { moved_at.min(now) };
        };
        let is_still = stands_still(record.status) || self.agent_away || record.tells_no_progress;
        let unseen = now.duration_since(seen_at);
        // A machine that slept has not seen its transfer stand still all that time.
        let still = if is_still { unseen } else { unseen - unseen.min(COVERED_GAP) };
        shift(moved_at, still).min(now)
    }

    /// True when its progress has to be recorded again.
    pub(crate) fn progress_is_due(&self, now: Timestamp) -> bool {
        self.recorded_at.is_none_or(|at| now.duration_since(at) >= PROGRESS_RECORD || now < at)
    }

    /// Notes that its progress is recorded now.
    pub(crate) fn note_progress_recorded(&mut self, now: Timestamp) {
        self.recorded_at = Some(now);
    }

    /// The row as people see it: the progress last seen, the speed by our own looks, and when it
    /// last moved.
    pub(crate) fn latest(&self, attempt: &Attempt) -> (Progress, Timestamp) {
        let mut progress = self.progress.unwrap_or(attempt.progress);
        // The agent's own is the average of the whole transfer.
        progress.speed = self.pace.speed().unwrap_or_default();
        (progress, self.moved_at.unwrap_or(attempt.moved_at))
    }

    /// The owner of the transfer, according to the last look.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.user
    }

    /// When it ended, according to that look, by the agent's clock.
    pub(crate) fn listed_end(&self) -> Option<Timestamp> {
        self.listed_end
    }

    /// The requests to cancel its transfer.
    pub(crate) fn cancel(&self) -> &CancelCalls {
        &self.cancel
    }

    /// The same, for changes.
    pub(crate) fn cancel_mut(&mut self) -> &mut CancelCalls {
        &mut self.cancel
    }

    /// Notes a receipt for its request; false if one was noted already.
    pub(crate) fn note_receipt(&mut self) -> bool {
        !std::mem::replace(&mut self.receipt_noted, true)
    }

    /// Notes that the agent has answered a look, and returns when it first did so after the request
    /// was sent.
    pub(crate) fn note_answer(&mut self, at: Timestamp) -> Timestamp {
        *self.answered_at.get_or_insert(at)
    }

    /// Notes that a look has shown a record which is no evidence, and may be its transfer.
    pub(crate) fn set_may_be_listed(&mut self) {
        self.may_be_listed = true;
    }

    /// True once a look has shown such a record.
    pub(crate) fn may_be_listed(&self) -> bool {
        self.may_be_listed
    }

    /// True once a near miss was reported.
    pub(crate) fn is_near_miss_reported(&self) -> bool {
        self.near_miss_reported
    }

    /// Notes that one was reported.
    pub(crate) fn set_near_miss_reported(&mut self) {
        self.near_miss_reported = true;
    }

    /// The result of the look before its POST.
    pub(crate) fn before(&self) -> Option<&Before> {
        self.before.as_ref()
    }

    /// The unknown `transferStatus` that was reported last.
    pub(crate) fn unknown_status(&self) -> Option<&str> {
        self.unknown_status.as_deref()
    }

    /// Notes this unknown status; false if it was reported already.
    pub(crate) fn note_status(&mut self, status: &str) -> bool {
        self.unknown_status.replace(status.to_owned()).as_deref() != Some(status)
    }

    /// The query for the cause of its failed transfer.
    pub(crate) fn asking(&self) -> Option<&PendingQuery> {
        self.asking.as_ref()
    }

    /// The same, for taking in the answer.
    pub(crate) fn asking_mut(&mut self) -> Option<&mut PendingQuery> {
        self.asking.as_mut()
    }

    /// Notes a query for the cause of its failed transfer.
    pub(crate) fn ask(&mut self, asking: PendingQuery) {
        self.asking = Some(asking);
    }

    /// Ends the query, and returns it.
    pub(crate) fn take_asking(&mut self) -> Option<PendingQuery> {
        self.asking.take()
    }
}

/// True for a transfer whose counters are not expected to move.
fn stands_still(status: TransferStatus) -> bool {
    match status {
        TransferStatus::Running | TransferStatus::Unknown => false,
        TransferStatus::Created
        | TransferStatus::Completed
        | TransferStatus::Canceled
        | TransferStatus::Error
        | TransferStatus::Canceling
        | TransferStatus::Pausing
        | TransferStatus::Paused => true,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::fixtures::record;
    use crate::place::Fingerprint;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    #[test]
    fn an_absence_counts_between_looks_that_follow_one_another_and_no_gap_in_full() {
        let mut observations = Observations::default();
        let absent = |observations: &mut Observations, second| {
            observations.note_absence(at(second), SignedDuration::from_secs(6));
            observations.absent_for().as_secs()
        };
        assert_eq!(absent(&mut observations, 100), 0, "one look proves no span");
        assert_eq!(absent(&mut observations, 105), 5);
        observations.break_series();
        assert_eq!(absent(&mut observations, 110), 5, "nobody looked between");
        assert_eq!(absent(&mut observations, 140), 11, "a machine that slept has not looked");
        observations.note_absence(at(100_000), SignedDuration::from_hours(1));
        assert_eq!(observations.absent_for(), SignedDuration::from_secs(11) + COVERED_GAP);
        observations.note_found();
        assert!(!observations.is_missed());
        assert_eq!(observations.absent_for(), SignedDuration::ZERO);
    }

    #[test]
    fn what_is_said_once_is_said_once() {
        let mut observations = Observations::default();
        assert!(observations.note_receipt());
        assert!(!observations.note_receipt());
        assert!(observations.note_status("Dreaming"));
        assert!(!observations.note_status("Dreaming"));
        assert!(observations.note_status("Waking"));
    }

    #[test]
    fn progress_is_recorded_once_a_minute_and_after_the_clock_was_set() {
        let mut observations = Observations::default();
        assert!(observations.progress_is_due(at(0)));
        observations.note_progress_recorded(at(0));
        assert!(!observations.progress_is_due(at(1)));
        assert!(observations.progress_is_due(at(0) + PROGRESS_RECORD));
        assert!(observations.progress_is_due(at(-1)), "the clock went back");
        observations.clock_stepped(SignedDuration::from_hours(1));
        assert!(observations.progress_is_due(at(1)));
    }

    #[test]
    fn what_was_listed_before_a_request_or_too_old_to_be_seen_then_may_have_been_known() {
        let alike = Fingerprint(Uuid::nil());
        let known = |id: u128, date: Option<i64>, read_back_to| {
            let shown = BTreeSet::from([TransferId(Uuid::from_u128(7))]);
            let before = Before { shown, read_back_to, active: false };
            before.may_have_known(&record(id, alike, date.map(at)))
        };
        assert!(known(7, Some(200), None) && known(7, Some(200), Some(at(100))));
        assert!(!known(8, Some(200), None) && !known(8, None, None), "all of it was read");
        assert!(!known(8, Some(100), Some(at(100))));
        assert!(known(8, Some(99), Some(at(100))) && known(8, None, Some(at(100))));
    }
}
