//! Looks: their meaning for transfers of ours (rules 8 and 10), and which requests they prove
//! absent.

use super::daemon::Daemon;
use super::evidence::positions;
use super::rules::Rule;
use super::state::{Cause, End, Origin, Phase, RunState, State, Status};

impl Daemon {
    /// A complete look: claims (rules 4 and 5), the states of our transfers, and absences.
    pub(crate) fn look(&self, s: &mut State) {
        for place in 0..2 {
            self.assign(s, place);
        }
        for a in positions(s.attempts.len()) {
            self.saw(s, a);
        }
        self.note_absences(s);
        self.note_near_misses(s);
        s.looked = true;
        s.fresh = Some(
            positions(s.records.len())
                .filter(|&r| s.records[usize::from(r)].listed.is_some())
                .fold(0, |bits, r| bits | (1 << r)),
        );
        self.tend(s);
    }

    /// An incomplete look that shows nothing. It proves nothing (rule 6 and "Words").
    pub(crate) fn look_in_vain(&self, s: &mut State) {
        if self.keeps(Rule::IncompleteProvesNothing) {
            note_answer(s);
            return;
        }
        let truth = s.records.clone();
        for record in &mut s.records {
            record.listed = None;
        }
        self.note_absences(s);
        s.records = truth;
        s.looked = true;
        self.tend(s);
    }

    /// Handles a record that has found its owner: the meaning for the run (rules 8 and 9).
    pub(crate) fn claim(&self, s: &mut State, a: u8, record: u8) {
        let facts = s.records[usize::from(record)];
        let stranger = facts.origin == Origin::OurUser
            && !self.could_tell(&s.attempts[usize::from(a)], &facts);
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.stranger = stranger;
        attempt.phase = Phase::Accepted;
        attempt.transfer = Some(record);
        attempt.absent_at = None;
        attempt.absent_for = 0;
        let run = attempt.run;
        let row = s.runs[usize::from(run)];
        if matches!(row.state, RunState::Over(_)) {
            self.one_too_many(s, a);
            return;
        }
        let other_is_good = row.follows.is_some_and(|other| {
            let other = &s.attempts[usize::from(other)];
            let status = other.transfer.map(|r| s.records[usize::from(r)].status);
            let at_work = status.is_some_and(|status| !status.is_failure());
            other.completed || (other.phase == Phase::Accepted && at_work)
        });
        if row.follows != Some(a) && other_is_good {
            self.one_too_many(s, a);
            return;
        }
        if row.follows != Some(a) && !self.keeps(Rule::FollowLateOnes) {
            return;
        }
        // Rule 8: a late one of an unfinished run that has none other good is followed.
        let row = &mut s.runs[usize::from(run)];
        row.follows = Some(a);
        row.state = if row.wish.is_some() { RunState::Canceling } else { RunState::Asked };
        let wish = row.wish;
        let attempt = &mut s.attempts[usize::from(a)];
        wish.into_iter().for_each(|cause| attempt.wish_for(cause));
    }

    /// Rule 8: a transfer besides the one that the run follows, or after its end, is canceled when
    /// seen active. Rule 5: not if it can't be told apart from somebody else's.
    pub(crate) fn one_too_many(&self, s: &mut State, a: u8) {
        let attempt = &mut s.attempts[usize::from(a)];
        if self.keeps(Rule::CancelDoubles) && !attempt.ambiguous {
            attempt.wish_for(Cause::Double);
        }
    }

    /// Handles a look that shows a transfer of ours, or does not.
    pub(crate) fn saw(&self, s: &mut State, a: u8) {
        let attempt = s.attempts[usize::from(a)];
        let Some(record) = attempt.transfer.filter(|_| attempt.phase.is_open()) else { return };
        let record = s.records[usize::from(record)];
        if record.listed.is_none() {
            return;
        }
        if attempt.phase == Phase::GivenUp {
            s.attempts[usize::from(a)].phase = Phase::Accepted;
            if matches!(s.runs[usize::from(attempt.run)].state, RunState::Over(_)) {
                self.one_too_many(s, a);
            }
        }
        s.attempts[usize::from(a)].absent_at = None;
        s.attempts[usize::from(a)].absent_for = 0;
        match record.status {
            Status::Running | Status::Paused | Status::Vanished => {}
            Status::Completed => self.transfer_ended(s, a, End::Succeeded),
            Status::Error => self.transfer_ended(s, a, End::Failed),
            Status::CanceledByUs | Status::CanceledByPerson => {
                self.transfer_ended(s, a, End::Canceled);
            }
        }
    }

    /// Rule 10: Canceled counts as a person's doing only without our wish; Completed wins.
    pub(crate) fn transfer_ended(&self, s: &mut State, a: u8, end: End) {
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.phase = Phase::Closed;
        attempt.completed = end == End::Succeeded;
        let run = attempt.run;
        let row = s.runs[usize::from(run)];
        if row.follows != Some(a) || matches!(row.state, RunState::Over(_)) {
            return;
        }
        let completed_wins = end == End::Succeeded && self.keeps(Rule::CompletedWins);
        if row.wish.is_some() && !completed_wins {
            self.end_as_wished(s, run);
        } else if end == End::Failed
            && let Some(hope) = self.under_way(s, run)
        {
            // Rule 8, "a late one": a request sent when this one was thought lost is followed.
            s.runs[usize::from(run)].follows = Some(hope);
        } else if end == End::Failed && self.used(s, run) < self.bounds.max_attempts {
            s.runs[usize::from(run)].state = RunState::Waiting;
        } else {
            self.end(s, run, end);
        }
    }

    /// The run's last request that may yet succeed.
    fn under_way(&self, s: &State, run: u8) -> Option<u8> {
        positions(s.attempts.len()).rev().find(|&a| {
            let attempt = &s.attempts[usize::from(a)];
            let waits = matches!(attempt.phase, Phase::Intent | Phase::Uncertain | Phase::Accepted);
            attempt.run == run && waits && attempt.wish.is_none()
        })
    }

    /// Notes records that are new, and an uncertain attempt's own but for their date (rule 6).
    pub(crate) fn note_near_misses(&self, s: &mut State) {
        note_answer(s);
        let near = |a: u8| {
            let attempt = &s.attempts[usize::from(a)];
            let is_lost = attempt.phase == Phase::Uncertain && attempt.transfer.is_none();
            is_lost
                && positions(s.records.len()).any(|r| {
                    let record = &s.records[usize::from(r)];
                    let owned = s.attempts.iter().any(|other| other.transfer == Some(r));
                    record.listed.is_some() && !owned && self.misses_by_date(attempt, record, r)
                })
        };
        let found: Vec<u8> = positions(s.attempts.len()).filter(|&a| near(a)).collect();
        for a in found {
            s.attempts[usize::from(a)].near_miss = true;
        }
    }

    /// Adds a complete look to the proof that transfers it has not shown do not exist.
    pub(crate) fn note_absences(&self, s: &mut State) {
        for attempt in &mut s.attempts {
            let shown = attempt
                .transfer
                .is_some_and(|record| s.records[usize::from(record)].listed.is_some());
            if !attempt.phase.is_open() || attempt.phase == Phase::Intent || shown {
                continue;
            }
            if let Some(last) = attempt.absent_at {
                // A gap counts for a tick at most: a suspended machine has not looked.
                attempt.absent_for = (attempt.absent_for + (s.now - last).min(1)).min(9);
                attempt.searched |= attempt.absent_for >= self.bounds.window;
            }
            attempt.absent_at = Some(s.now);
        }
    }
}

/// Notes that the agent answers a look.
fn note_answer(s: &mut State) {
    for attempt in &mut s.attempts {
        if attempt.phase == Phase::Uncertain {
            attempt.answered_look.get_or_insert(s.now);
        }
    }
}
