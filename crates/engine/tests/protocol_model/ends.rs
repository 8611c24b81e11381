//! Ends: the effects of time (rules 6, 7, 11 and 12), canceling (rule 10), and the end of a run
//! (rules 8 and 9).

use super::daemon::Daemon;
use super::evidence::positions;
use super::rules::Rule;
use super::state::{Attempt, Cause, End, Origin, Phase, Request, Run, RunState, State, Tick, Wire};

impl Daemon {
    /// Tends every attempt.
    pub(crate) fn tend(&self, s: &mut State) {
        for a in positions(s.attempts.len()) {
            self.tend_attempt(s, a);
        }
    }

    pub(crate) fn tend_attempt(&self, s: &mut State, a: u8) {
        let attempt = s.attempts[usize::from(a)];
        let run = attempt.run;
        let row = s.runs[usize::from(run)];
        let follows = row.follows == Some(a) && !matches!(row.state, RunState::Over(_));
        let window = if self.keeps(Rule::AdoptWindow) { self.bounds.window } else { 0 };
        let held = attempt.phase == Phase::Uncertain && attempt.near_miss;
        let absent = attempt.absent_at.is_some() && attempt.absent_for >= window && !held;
        let late = s.now >= self.deadline(s, &attempt);
        match attempt.phase {
            Phase::Uncertain => {
                let searched = absent && self.keeps(Rule::GiveUp);
                if searched || late {
                    self.not_found(s, a, searched);
                }
            }
            // Rule 7: accepted, it is waited for until `timeout`.
            Phase::Accepted if attempt.transfer.is_none() => {
                if absent && !self.keeps(Rule::AcceptedIsNotRepeated) {
                    s.attempts[usize::from(a)].phase = Phase::Uncertain;
                    self.not_found(s, a, absent);
                } else if late {
                    self.give_up(s, a);
                    if follows {
                        self.end_or(s, run, End::TimedOut);
                    }
                }
            }
            Phase::Accepted => {
                if follows && late && row.wish.is_none() {
                    self.wish(s, run, Cause::Timeout);
                }
                let attempt = s.attempts[usize::from(a)];
                // Rule 10: absent since the wish, which began this count.
                let absent = attempt.absent_at.is_some() && attempt.absent_for >= window;
                if attempt.wish.is_some() && absent && self.keeps(Rule::VanishedEnds) {
                    // Rule 10: the run ends, the id stays watched.
                    self.give_up(s, a);
                    if follows {
                        self.end_as_wished(s, run);
                    }
                }
                self.request_cancel(s, a);
            }
            Phase::GivenUp => {
                // Rule 6: without an attempt left, it was waited for until `timeout`.
                if follows && late && row.state == RunState::Asked {
                    self.end(s, run, End::Failed);
                }
                // Rule 11: time alone frees nothing.
                let proven = absent || !self.keeps(Rule::LookBeforeFreeing);
                let row = &mut s.attempts[usize::from(a)];
                if row.holds_until.is_some_and(|until| s.now >= until) && proven {
                    row.holds_until = None;
                }
                let looked = s.looked || !self.keeps(Rule::LookBeforeFreeing);
                if s.now >= row.watched_until && row.holds_until.is_none() && looked {
                    row.phase = Phase::Closed;
                }
            }
            Phase::Intent | Phase::Refused | Phase::Closed => {}
        }
    }

    /// Rule 12.
    pub(crate) fn deadline(&self, s: &State, attempt: &Attempt) -> Tick {
        let listed = attempt.transfer.and_then(|r| s.records[usize::from(r)].listed);
        let from = if self.keeps(Rule::TimeoutFromCommit) {
            attempt.sent
        } else {
            listed.unwrap_or(s.now)
        };
        from + self.bounds.timeout
    }

    /// Rule 6: handles an uncertain attempt that was looked for in vain.
    pub(crate) fn not_found(&self, s: &mut State, a: u8, searched: bool) {
        self.give_up(s, a);
        let attempt = s.attempts[usize::from(a)];
        let run = attempt.run;
        let row = s.runs[usize::from(run)];
        if matches!(row.state, RunState::Over(_)) || row.follows != Some(a) {
            return;
        }
        let free = attempt.own_crash && self.keeps(Rule::CrashIsFree);
        if row.state == RunState::Canceling || !searched {
            self.end_or(s, run, End::TimedOut);
        } else if free || self.used(s, run) < self.bounds.max_attempts {
            s.runs[usize::from(run)].state = RunState::Waiting;
        } else if !self.keeps(Rule::CrashIsFree) {
            self.end(s, run, End::Failed);
        }
    }

    /// It stays open, and is watched for (rule 9); how long it holds job and destination is
    /// rule 11.
    pub(crate) fn give_up(&self, s: &mut State, a: u8) {
        let window = self.bounds.window;
        let attempt = s.attempts[usize::from(a)];
        let searched = attempt.absent_for >= window;
        let vanished = attempt.transfer.is_some();
        let searched_for = attempt.phase == Phase::Uncertain && searched;
        let may_be_listed = attempt.phase == Phase::Uncertain && attempt.near_miss;
        let holds_until = match attempt.phase {
            // Rule 6: it was waited for as an accepted one.
            _ if may_be_listed => Some(s.now + window),
            _ if vanished || searched_for => None,
            Phase::Accepted => Some(s.now + window),
            Phase::Intent | Phase::Uncertain | Phase::GivenUp | Phase::Refused | Phase::Closed => {
                Some(s.now)
            }
        };
        let is_hidden = |s: &State| {
            s.records
                .iter()
                .any(|record| record.origin == Origin::Ours(a) && record.listed.is_none())
        };
        let residue =
            attempt.searched && !attempt.answered && (attempt.wire == Wire::Late || is_hidden(s));
        let row = &mut s.attempts[usize::from(a)];
        row.doubtful = row.phase == Phase::Uncertain;
        row.phase = Phase::GivenUp;
        row.residue |= residue;
        row.watched_until = s.now + self.bounds.watch;
        row.holds_until = holds_until.filter(|_| self.keeps(Rule::HoldWhatMayCome));
    }

    /// Rule 10: the wish is recorded before the request.
    pub(crate) fn wish(&self, s: &mut State, run: u8, cause: Cause) {
        let row = &mut s.runs[usize::from(run)];
        row.state = RunState::Canceling;
        row.wish = Some(cause);
        let Some(a) = row.follows else { return };
        let attempt = &mut s.attempts[usize::from(a)];
        if attempt.phase == Phase::Accepted && attempt.transfer.is_some() {
            attempt.wish_for(cause);
        }
    }

    /// Rule 10: one request a tick, until the record is terminal.
    pub(crate) fn request_cancel(&self, s: &mut State, a: u8) {
        let attempt = &mut s.attempts[usize::from(a)];
        let active = attempt.phase == Phase::Accepted && attempt.transfer.is_some();
        if attempt.wish.is_some() && active && attempt.request == Request::None {
            attempt.request = Request::Sent;
        }
    }

    /// The operator cancels a run. A run with nothing at the agent ends at once.
    pub(crate) fn cancel_run(&self, s: &mut State, run: u8) {
        s.runs[usize::from(run)].unwanted = true;
        let row = s.runs[usize::from(run)];
        let only_hopes = self.only_hopes(s, run);
        match row.state {
            RunState::Waiting => self.end(s, run, End::Canceled),
            RunState::Asked if only_hopes => self.end(s, run, End::Canceled),
            RunState::Asked => self.wish(s, run, Cause::Operator),
            // A person's wish outranks a timeout's.
            RunState::Canceling => s.runs[usize::from(run)].wish = Some(Cause::Operator),
            RunState::Over(_) => {}
        }
        self.tend(s);
    }

    /// True if a run can be repeated: it is over, or only waits for a lost request to turn up (rule
    /// 6).
    pub(crate) fn may_repeat(&self, s: &State, run: u8) -> bool {
        let row = s.runs[usize::from(run)];
        match row.state {
            RunState::Over(_) => true,
            RunState::Asked => self.only_hopes(s, run),
            RunState::Waiting | RunState::Canceling => false,
        }
    }

    /// No attempt is left, and the last one has been given up.
    fn only_hopes(&self, s: &State, run: u8) -> bool {
        let row = s.runs[usize::from(run)];
        row.state == RunState::Asked
            && row.follows.is_some_and(|a| s.attempts[usize::from(a)].phase == Phase::GivenUp)
    }

    /// A run that repeats another, between the same places. It is a run like any other: no rule
    /// depends on which run it repeats.
    pub(crate) fn repeat(&self, s: &mut State, run: u8) {
        if self.only_hopes(s, run) {
            self.end(s, run, End::Failed);
        }
        s.runs.push(Run::waiting());
        self.tend(s);
    }

    /// Ends a run that was to be canceled according to its wish, any other one as given.
    pub(crate) fn end_or(&self, s: &mut State, run: u8, end: End) {
        if s.runs[usize::from(run)].wish.is_some() {
            self.end_as_wished(s, run);
        } else {
            self.end(s, run, end);
        }
    }

    pub(crate) fn end_as_wished(&self, s: &mut State, run: u8) {
        let mut of_run = s.attempts.iter().filter(|attempt| attempt.run == run);
        let end = match s.runs[usize::from(run)].wish {
            // Rule 10, "Completed wins": also that of another attempt.
            Some(Cause::Timeout)
                if self.keeps(Rule::CompletedWins) && of_run.any(|attempt| attempt.completed) =>
            {
                End::Succeeded
            }
            Some(Cause::Timeout) => End::TimedOut,
            Some(Cause::Operator | Cause::Double) | None => End::Canceled,
        };
        self.end(s, run, end);
    }

    /// Rule 8: once a run is over, each other transfer of its attempts is canceled. Rule 9: its
    /// end closes no attempt.
    pub(crate) fn end(&self, s: &mut State, run: u8, end: End) {
        let follows = s.runs[usize::from(run)].follows;
        s.runs[usize::from(run)].state = RunState::Over(end);
        for a in positions(s.attempts.len()) {
            let attempt = s.attempts[usize::from(a)];
            if attempt.run != run || !attempt.phase.is_open() {
                continue;
            }
            if !self.keeps(Rule::WatchOn) {
                s.attempts[usize::from(a)].phase = Phase::Closed;
            } else if attempt.phase == Phase::Accepted && attempt.transfer.is_some() {
                if follows == Some(a) {
                    s.attempts[usize::from(a)].wish_for(Cause::Double);
                } else {
                    self.one_too_many(s, a);
                }
            }
        }
    }

    /// How many attempts are used up.
    pub(crate) fn used(&self, s: &State, run: u8) -> u8 {
        let used = s.attempts.iter().filter(|attempt| attempt.run == run && attempt.counts);
        u8::try_from(used.count()).expect("few attempts")
    }
}
