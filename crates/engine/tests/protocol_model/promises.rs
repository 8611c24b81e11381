//! The promises of the protocol, checked after every move against the agent's truth; and the
//! residues that it does not promise to avoid (end of `protocol.md`).

use super::daemon::Daemon;
use super::evidence::positions;
use super::moves::Move;
use super::state::{Attempt, End, Origin, Phase, Request, RunState, State, Status, Transfer, Wire};

impl Daemon {
    /// The promise that a move has broken, if it has broken one.
    pub(crate) fn broken(&self, before: &State, happens: Move, s: &State) -> Option<&'static str> {
        if let Move::Commit(run) = happens {
            if self.still_at_work(before, run) {
                return Some("a job starts while its last transfer is, or may come, to work");
            }
            if before.runs[usize::from(run)].unwanted {
                return Some("a run goes on after the operator has canceled it");
            }
        }
        if self.is_given_to_the_lost(s) {
            return Some(
                "a request that never arrived is given the transfer of one that was accepted",
            );
        }
        self.foreign_canceled(before, happens, s)
            .or_else(|| positions(s.runs.len()).find_map(|run| self.broken_for(before, s, run)))
            .or_else(|| {
                let unattended = |run: u8| happens == Move::Look && self.two_at_work(s, run);
                positions(s.runs.len())
                    .any(unattended)
                    .then_some("a look shows a transfer too many at work, and it is left alone")
            })
    }

    /// The promises for one run.
    fn broken_for(&self, before: &State, s: &State, run: u8) -> Option<&'static str> {
        let row = &s.runs[usize::from(run)];
        let own = || s.records.iter().filter(move |record| self.is_of_run(s, record, run));
        let copies = own().filter(|record| record.status == Status::Completed).count();
        if copies > 1 && !self.has_residue(s, run) {
            return Some("two transfers of one run are Completed");
        }
        let followed = row.follows.map(|a| &s.attempts[usize::from(a)]);
        if s.up
            && row.state == RunState::Asked
            && followed.is_some_and(|a| a.phase.is_open() && s.now > a.sent + self.bounds.timeout)
        {
            return Some("a run is past its `timeout`, and is not being canceled");
        }
        let RunState::Over(end) = row.state else { return None };
        if before.runs[usize::from(run)].state == row.state || self.took_a_foreign_one(s, run) {
            return None;
        }
        let attempts = || s.attempts.iter().filter(|attempt| attempt.run == run);
        // The run keeps the transfer that it follows; if that never turned up, any that did is
        // enough.
        let followed_none = followed.is_some_and(|attempt| attempt.transfer.is_none());
        let decides = |a: &Attempt| followed_none || followed.is_some_and(|f| f == a);
        if end != End::Succeeded && attempts().any(|a| a.completed && decides(a)) {
            return Some("a transfer was seen Completed, and its run has not succeeded");
        }
        match end {
            End::Succeeded if copies == 0 && !s.attempts.iter().any(|a| a.residue) => {
                Some("a run has succeeded, and none of its transfers was Completed")
            }
            End::Canceled
                if !row.unwanted && !own().any(|r| r.status == Status::CanceledByPerson) =>
            {
                Some("a run is called canceled, and nobody has canceled it")
            }
            End::Failed if followed.is_some_and(|f| f.phase == Phase::Refused && f.counts) => self
                .is_refused_for_the_lost(s, run)
                .then_some("a run has failed because of a transfer of ours that was thought lost"),
            End::Failed if self.failures_of_others(s, run) < self.bounds.max_attempts => {
                Some("a run has failed for want of attempts that our own crash has used up")
            }
            End::TimedOut if self.was_not_sent_again(s, run) => {
                Some("a lost POST was not sent again, though attempts were left")
            }
            End::Succeeded | End::Canceled | End::Failed | End::TimedOut => None,
        }
    }

    /// A run was refused for a DUPLICATE of nothing but what was sent before it, by whichever run,
    /// and was given up; and no look had shown another transfer that the agent could mean.
    fn is_refused_for_the_lost(&self, s: &State, run: u8) -> bool {
        let mut of_run = positions(s.attempts.len()).rev();
        let Some(refused) = of_run.find(|&a| s.attempts[usize::from(a)].run == run) else {
            return false;
        };
        let could_be_meant =
            s.attempts[usize::from(refused)].explained || self.is_another_at_work(s, refused, true);
        let place = self.bounds.place(run);
        let mut at_work =
            s.records.iter().filter(|it| it.place == place && it.status.is_active()).peekable();
        let lost = |record: &Transfer| match record.origin {
            Origin::Ours(a) => s.attempts[usize::from(a)].doubtful,
            Origin::OurUser | Origin::OtherUser => false,
        };
        !could_be_meant && at_work.peek().is_some() && at_work.all(lost)
    }

    /// Where nothing more can happen, every run is over and no transfer of ours is active. A
    /// transfer that a person has paused can't be canceled: `status` says so, and it is not a
    /// fault.
    pub(crate) fn broken_at_the_end(&self, s: &State) -> Option<&'static str> {
        let paused = s.records.iter().any(|record| record.status == Status::Paused);
        if !self.is_idle(s) {
            return (!paused).then_some("a run is stuck");
        }
        let left_behind = s.attempts.iter().enumerate().any(|(a, attempt)| {
            let ours = u8::try_from(a).expect("few attempts");
            let at_work = s
                .records
                .iter()
                .any(|record| record.origin == Origin::Ours(ours) && record.status.is_active());
            let doubtful = attempt.ambiguous || self.took_a_foreign_one(s, attempt.run);
            (at_work || attempt.wire == Wire::Late) && !doubtful
        });
        left_behind.then_some("everything is over, and a transfer of ours is still at work")
    }

    /// Somebody else's transfer was canceled where evidence could tell.
    fn foreign_canceled(&self, before: &State, happens: Move, s: &State) -> Option<&'static str> {
        let is_foreign = |record: &Transfer| !matches!(record.origin, Origin::Ours(_));
        let distinguishable = s.attempts.iter().any(|attempt| {
            let record = attempt.transfer.map(|r| s.records[usize::from(r)]);
            attempt.request == Request::Sent
                && record.is_some_and(|r| is_foreign(&r) && self.could_tell(attempt, &r))
        });
        if distinguishable {
            return Some("a foreign transfer is canceled, though evidence could tell");
        }
        let by_a_look = happens == Move::Look
            && s.records.iter().zip(&before.records).any(|(now, then)| {
                is_foreign(now)
                    && now.status == Status::CanceledByUs
                    && then.status != Status::CanceledByUs
            });
        by_a_look.then_some("a foreign transfer is canceled that no attempt could own")
    }

    /// The transfer of an attempt that the daemon knows to be accepted, and that has none, is owned
    /// by an attempt whose own request never arrived.
    fn is_given_to_the_lost(&self, s: &State) -> bool {
        // Where our own user starts a similar one elsewhere, evidence can't tell them apart: the
        // second residue.
        if s.records.iter().any(|record| record.origin == Origin::OurUser) {
            return false;
        }
        let of = |a: u8| s.records.iter().position(|record| record.origin == Origin::Ours(a));
        positions(s.attempts.len()).any(|owner| {
            let held = s.attempts[usize::from(owner)].transfer.map(|r| s.records[usize::from(r)]);
            let Some(Transfer { origin: Origin::Ours(sender), .. }) = held else { return false };
            let sent = &s.attempts[usize::from(sender)];
            sender != owner && sent.answered && sent.transfer.is_none() && of(owner).is_none()
        })
    }

    /// True if evidence tells a foreign record apart from the transfer of an attempt.
    pub(crate) fn could_tell(&self, attempt: &Attempt, record: &Transfer) -> bool {
        let tolerance = self.bounds.skew + self.bounds.clock_ahead;
        let until = attempt.until.unwrap_or(attempt.sent) + tolerance;
        record.origin == Origin::OtherUser
            || record.place != self.bounds.place(attempt.run)
            || record.listed.is_some_and(|listed| listed < attempt.sent)
            || record.date + self.bounds.skew < attempt.sent
            || until < record.date
    }

    /// Another attempt of the job has a transfer that is active, or on its way, for which the
    /// protocol has promised to wait (rules 10 and 11).
    fn still_at_work(&self, s: &State, run: u8) -> bool {
        positions(s.attempts.len()).any(|a| {
            let attempt = &s.attempts[usize::from(a)];
            let ours = self.bounds.job(attempt.run) == self.bounds.job(run);
            if !ours && !self.bounds.share_a_destination() {
                return false;
            }
            let record = s.records.iter().position(|record| record.origin == Origin::Ours(a));
            let at_work = record.is_some_and(|r| s.records[r].status.is_active());
            // Hidden from the look before this start.
            let hidden = record.is_none_or(|r| s.fresh.unwrap_or_default() & (1 << r) == 0);
            let promised = if attempt.answered { self.bounds.timeout } else { 0 };
            let promise = attempt.sent + promised + self.bounds.window;
            let residue = hidden && promise <= s.now && attempt.searched;
            (at_work || attempt.wire == Wire::Late)
                && !residue
                && !attempt.residue
                && !self.took_a_foreign_one(s, attempt.run)
        })
    }

    /// Rules 8 and 9: of a run's listed and active transfers all but the followed one are being
    /// canceled; after its end, all are.
    fn two_at_work(&self, s: &State, run: u8) -> bool {
        let left_alone = positions(s.records.len()).filter(|&r| {
            let record = &s.records[usize::from(r)];
            let owner = s.attempts.iter().find(|attempt| attempt.transfer == Some(r));
            // A transfer that another run holds for its own, as it may if it repeats this one, is
            // handled by that run.
            let of_run = match owner {
                Some(owner) => owner.run == run,
                None => self.is_of_run(s, record, run),
            };
            of_run
                && record.listed.is_some()
                && record.status.is_active()
                && owner.is_none_or(|owner| owner.wish.is_none())
        });
        let may = usize::from(!matches!(s.runs[usize::from(run)].state, RunState::Over(_)));
        // While an answer is awaited, its record is only reserved: the next look is early enough.
        // It may be reserved for the request of a run that repeats this one.
        let doubtful = s.attempts.iter().any(|attempt| {
            let reserves = match attempt.run == run {
                true => attempt.wire == Wire::Arrived,
                false => attempt.phase == Phase::Intent && self.are_alike(attempt.run, run),
            };
            attempt.ambiguous || reserves
        });
        left_alone.count() > may && !doubtful && !self.took_a_foreign_one(s, run)
    }

    /// True when two runs are of the same job and have the same places.
    fn are_alike(&self, one: u8, other: u8) -> bool {
        self.bounds.job(one) == self.bounds.job(other)
            && self.bounds.place(one) == self.bounds.place(other)
    }

    /// True when the record is the transfer of one of the run's attempts.
    fn is_of_run(&self, s: &State, record: &Transfer, run: u8) -> bool {
        match record.origin {
            Origin::Ours(a) => s.attempts[usize::from(a)].run == run,
            Origin::OurUser | Origin::OtherUser => false,
        }
    }

    /// The first residue: a lost answer, hidden for longer than `adopt_window`.
    fn has_residue(&self, s: &State, run: u8) -> bool {
        s.attempts.iter().any(|attempt| attempt.run == run && attempt.residue)
            || self.took_a_foreign_one(s, run)
    }

    /// The second residue: a copy that our own user started elsewhere at the same time.
    fn took_a_foreign_one(&self, s: &State, run: u8) -> bool {
        s.attempts.iter().any(|attempt| attempt.run == run && attempt.stranger)
    }

    /// Attempts of the run that failed, except through our own crash.
    fn failures_of_others(&self, s: &State, run: u8) -> u8 {
        let failed = s.attempts.iter().filter(|attempt| {
            attempt.run == run && !attempt.own_crash && attempt.phase != Phase::Refused
        });
        u8::try_from(failed.count()).expect("few attempts")
    }

    /// The POST that a run has waited for was lost, and there was time to send it again.
    fn was_not_sent_again(&self, s: &State, run: u8) -> bool {
        let Some(a) = s.runs[usize::from(run)].follows else { return false };
        let undisturbed = s.left.outages == self.bounds.faults.outages;
        s.attempts[usize::from(a)].wire == Wire::Dropped
            && s.left.crashes == self.bounds.faults.crashes
            && undisturbed
            // Rule 6: what stands in the list may be it.
            && !s.attempts[usize::from(a)].near_miss
            && self.used(s, run) < self.bounds.max_attempts
    }
}
