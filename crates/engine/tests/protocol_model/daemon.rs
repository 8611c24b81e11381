//! The daemon according to the protocol: starting, answers, crashing and coming back. Each function
//! names the rule that it implements.
//!
//! A shorter version than the engine, written from `protocol.md` and not from the engine: whole
//! ticks, no back-off, no slots, one function for each decision.

use super::evidence::positions;
use super::rules::Rule;
use super::state::{
    Attempt, Bounds, End, LATE, Origin, Phase, Request, RunState, State, Transfer, Wire,
};

/// The most attempts in the model.
pub(crate) const ATTEMPTS_MAX: usize = 6;

/// The protocol within some bounds, perhaps with one rule dropped.
#[derive(Clone, Debug)]
pub(crate) struct Daemon {
    pub(crate) bounds: Bounds,
    pub(crate) dropped: Option<Rule>,
}

impl Daemon {
    /// True unless the rule is the dropped one.
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.dropped != Some(rule)
    }

    /// May this run be submitted now?
    pub(crate) fn may_start(&self, s: &State, run: u8) -> bool {
        s.up && s.fresh.is_some() // Rule 1: no look, no POST.
            && s.runs[usize::from(run)].state == RunState::Waiting
            && !self.is_behind(s, run)
            && !self.is_asked_already(s, run)
            && !self.is_taken(s, run)
            && s.attempts.len() < ATTEMPTS_MAX
    }

    /// The next run of a job waits for the one before it.
    fn is_behind(&self, s: &State, run: u8) -> bool {
        let same_job = |&other: &u8| self.bounds.job(other) == self.bounds.job(run);
        (0..run)
            .filter(same_job)
            .any(|other| !matches!(s.runs[usize::from(other)].state, RunState::Over(_)))
    }

    /// Rule 3: no attempt starts while another of the same fingerprint is unanswered, uncertain
    /// within its window, or accepted and unlisted.
    fn is_asked_already(&self, s: &State, run: u8) -> bool {
        let place = self.bounds.place(run);
        self.keeps(Rule::OneAtATime)
            && s.attempts.iter().any(|other| {
                let unsettled = matches!(other.phase, Phase::Intent | Phase::Uncertain)
                    || (other.phase == Phase::Accepted && other.transfer.is_none());
                unsettled && self.bounds.place(other.run) == place
            })
    }

    /// Rules 10 and 11: job and destination are taken while a transfer is or may yet become active.
    fn is_taken(&self, s: &State, run: u8) -> bool {
        s.attempts.iter().any(|other| {
            let same_job = self.bounds.job(other.run) == self.bounds.job(run);
            let at_work = match other.phase {
                Phase::Intent | Phase::Uncertain | Phase::Accepted => true,
                Phase::GivenUp => other.holds_until.is_some(),
                Phase::Refused | Phase::Closed => false,
            };
            at_work && (same_job || self.bounds.share_a_destination())
        })
    }

    /// Rule 1: the baseline is stored with the intent, which is committed before the POST.
    /// Rule 12: and `timeout` counts from here.
    pub(crate) fn commit(&self, s: &mut State, run: u8) {
        let listed = s.fresh.unwrap_or_default();
        let explained = positions(s.records.len()).any(|r| {
            let record = &s.records[usize::from(r)];
            let alike = record.place == self.bounds.place(run);
            listed & (1 << r) != 0 && alike && record.status.is_active()
        });
        let attempt = Attempt {
            run,
            phase: Phase::Intent,
            sent: s.now,
            until: None,
            baseline: if self.keeps(Rule::BaselineIsForeign) { listed } else { 0 },
            transfer: None,
            counts: true,
            own_crash: false,
            wish: None,
            ambiguous: false,
            doubtful: false,
            explained,
            holds_until: None,
            watched_until: 0,
            completed: false,
            absent_at: None,
            absent_for: 0,
            searched: false,
            answered_look: None,
            near_miss: false,
            request: Request::None,
            wire: Wire::Ready,
            answered: false,
            residue: false,
            stranger: false,
        };
        let row = &mut s.runs[usize::from(run)];
        row.state = RunState::Asked;
        row.follows = Some(u8::try_from(s.attempts.len()).expect("few attempts"));
        s.attempts.push(attempt);
    }

    /// 200: the agent has accepted it. It counts too if its run has ended meanwhile (rule 9).
    pub(crate) fn accepted(&self, s: &mut State, a: u8) {
        let now = s.now;
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.until = Some(now);
        attempt.answered = true;
        if attempt.phase == Phase::Intent {
            attempt.phase = Phase::Accepted;
        }
    }

    /// Rule 14: a receipt decides nothing, as any local process can forge one.
    pub(crate) fn receipt(&self, s: &mut State, a: u8) {
        let attempt = &mut s.attempts[usize::from(a)];
        if !self.keeps(Rule::ReceiptIsAHint) && attempt.phase == Phase::Uncertain {
            attempt.phase = Phase::Accepted;
        }
    }

    /// Perhaps accepted: settled by looking. Rule 4: it may be processed until `LATE` after it was
    /// sent.
    pub(crate) fn uncertain(&self, s: &mut State, a: u8) {
        let late = if self.keeps(Rule::LatePostsCount) { LATE } else { 0 };
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.until = Some(s.now.max(attempt.sent + late));
        if attempt.phase != Phase::Intent {
            return;
        }
        attempt.phase = Phase::Uncertain;
        if !self.keeps(Rule::UncertainIsNotRefused) {
            self.refused(s, a);
        }
    }

    /// Certainly not accepted: never sent. It uses up no attempt, and the run goes on waiting.
    pub(crate) fn refused(&self, s: &mut State, a: u8) {
        let run = s.attempts[usize::from(a)].run;
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.phase = Phase::Refused;
        attempt.counts = false;
        if s.runs[usize::from(run)].follows != Some(a) {
            return;
        }
        match s.runs[usize::from(run)].state {
            RunState::Canceling => self.end_as_wished(s, run),
            RunState::Asked => s.runs[usize::from(run)].state = RunState::Waiting,
            RunState::Waiting | RunState::Over(_) => {}
        }
    }

    /// Rule 2: DUPLICATE is the 200 of an earlier POST with the same places whose answer was lost;
    /// of an own one rather than another run's, of the last one rather than an earlier. None is told
    /// by it where the look before has listed one that it can be about: a transfer of ours, or for
    /// another run's any.
    pub(crate) fn duplicate(&self, s: &mut State, a: u8) {
        let Attempt { run, explained, .. } = s.attempts[usize::from(a)];
        let of_others = self.keeps(Rule::DuplicateIsALost200) && !explained;
        let of_own = !self.is_another_at_work(s, a, true);
        let is_lost = |&other: &u8| {
            let attempt = &s.attempts[usize::from(other)];
            let doubtful = match attempt.phase {
                Phase::Uncertain => true,
                Phase::GivenUp => attempt.doubtful,
                Phase::Intent | Phase::Accepted | Phase::Refused | Phase::Closed => false,
            };
            let alike = self.bounds.place(attempt.run) == self.bounds.place(run);
            let good = s.runs[usize::from(attempt.run)].state == RunState::Over(End::Succeeded);
            let may_be = !good && if attempt.run == run { of_own } else { of_others };
            other != a && doubtful && attempt.transfer.is_none() && alike && may_be
        };
        let own = |other: u8| s.attempts[usize::from(other)].run == run;
        let lost = positions(s.attempts.len()).filter(is_lost);
        let Some(earlier) = lost.max_by_key(|&other| (own(other), other)) else {
            if of_others && self.is_another_at_work(s, a, false) {
                self.refused(s, a);
            } else {
                self.refused_for_good(s, a);
            }
            return;
        };
        if own(earlier) {
            let attempt = &mut s.attempts[usize::from(a)];
            attempt.phase = Phase::Refused;
            attempt.counts = false;
            let row = &mut s.runs[usize::from(run)];
            if row.follows == Some(a) {
                row.follows = Some(earlier);
            }
        } else {
            self.refused(s, a);
        }
        let is_in =
            |record: &Transfer| record.origin == Origin::Ours(earlier) && record.status.is_active();
        let answered = s.records.iter().any(is_in);
        let attempt = &mut s.attempts[usize::from(earlier)];
        attempt.phase = Phase::Accepted;
        attempt.doubtful = false;
        attempt.answered |= answered;
        let row = &mut s.runs[usize::from(attempt.run)];
        if attempt.run != run && row.state == RunState::Waiting {
            row.follows = Some(earlier);
            row.state = RunState::Asked;
        }
    }

    /// Another run's transfer with the same places is at work, as far as is known, and was listed
    /// before this POST, or has turned up since.
    pub(crate) fn is_another_at_work(&self, s: &State, a: u8, listed_before: bool) -> bool {
        let Attempt { run, baseline, .. } = s.attempts[usize::from(a)];
        s.attempts.iter().any(|other| {
            let is_meant = |r: u8| (baseline & (1 << r) != 0) == listed_before;
            let at_work = other.phase == Phase::Accepted && other.transfer.is_some_and(is_meant);
            let alike = self.bounds.place(other.run) == self.bounds.place(run);
            other.run != run && at_work && alike
        })
    }

    /// Certainly not, and it will not be the next time either.
    fn refused_for_good(&self, s: &mut State, a: u8) {
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.phase = Phase::Refused;
        let run = attempt.run;
        if s.runs[usize::from(run)].follows == Some(a) {
            self.end_or(s, run, End::Failed);
        }
    }

    /// Drops the observations; the committed rows stay.
    pub(crate) fn crash(&self, s: &mut State) {
        s.up = false;
        s.fresh = None;
        for attempt in &mut s.attempts {
            attempt.absent_at = None;
            attempt.absent_for = 0;
            attempt.answered_look = None;
            attempt.near_miss = false;
            attempt.request = Request::None;
            if !self.keeps(Rule::WishFirst) {
                attempt.wish = None;
            }
        }
        for a in positions(s.attempts.len()) {
            let attempt = &mut s.attempts[usize::from(a)];
            if attempt.phase == Phase::Intent {
                attempt.wire = match attempt.wire {
                    Wire::Ready => Wire::Dropped,
                    Wire::Arrived => Wire::Done,
                    wire @ (Wire::Dropped | Wire::Late | Wire::Done) => wire,
                };
                if !self.keeps(Rule::RecordThenSend) {
                    self.refused(s, a);
                }
            }
        }
        if !self.keeps(Rule::WishFirst) {
            for run in &mut s.runs {
                if run.state == RunState::Canceling {
                    run.state = RunState::Asked;
                    run.wish = None;
                }
            }
        }
    }

    /// Rules 2 and 6: an intent without an answer is uncertain, and uses up no attempt.
    pub(crate) fn recover(&self, s: &mut State) {
        s.up = true;
        for a in positions(s.attempts.len()) {
            if s.attempts[usize::from(a)].phase == Phase::Intent {
                s.attempts[usize::from(a)].own_crash = true;
                s.attempts[usize::from(a)].counts = !self.keeps(Rule::CrashIsFree);
                // The time of the restart does not matter: it died with its connection.
                let now = s.now;
                s.now = s.attempts[usize::from(a)].sent;
                self.uncertain(s, a);
                s.now = now;
            }
        }
        self.tend(s);
    }
}
