//! Every possible next move and its result: the daemon's own moves, the network, the agent, people,
//! and time.
//!
//! Fairness is here, too: time does not pass while something is due at once. A POST is sent and
//! answered within its tick, or its answer is lost; a hidden transfer is listed after at most
//! `hides` ticks; a running daemon looks once a tick, unless an outage is spent.

use super::daemon::Daemon;
use super::evidence::positions;
use super::state::{
    LATE, Origin, Phase, Request, RunState, START, State, Status, Tick, Transfer, Wire,
};

/// A transfer that a person has not resumed by then stays paused: the end of a path, like being
/// over.
const PAUSED_FOR_GOOD: Tick = START + 10;

/// A possible move. Runs, attempts and records are identified by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// The daemon looks, and the look is complete.
    Look,
    /// The daemon looks, and the look misses everything.
    LookInVain,
    /// The daemon commits the intent of a run's next attempt.
    Commit(u8),
    /// The POST is sent, and the agent accepts it.
    Arrive(u8),
    /// The POST is sent, and its connection dies before the agent has read it.
    Drop(u8),
    /// The same, but the agent reads it later.
    Late(u8),
    /// The POST is never sent: the agent can't be reached.
    Refuse(u8),
    /// The agent refuses the POST: it has one like it, which is at work.
    Duplicate(u8),
    /// The 200 reaches the daemon.
    Answer(u8),
    /// The 200 is lost on its way.
    LoseAnswer(u8),
    /// The agent processes a late POST.
    Process(u8),
    /// The agent picks up a transfer: it is listed from now on.
    List(u8),
    /// A transfer is Completed.
    Complete(u8),
    /// A transfer ends in Error.
    Fail(u8),
    /// A record vanishes, and its transfer with it.
    Vanish(u8),
    /// A person pauses a transfer.
    Pause(u8),
    /// A person resumes it.
    Resume(u8),
    /// A person cancels it in the desktop app.
    PersonCancels(u8),
    /// A cancel request is accepted.
    TakeCancel(u8),
    /// A cancel request is lost.
    LoseCancel(u8),
    /// Another user starts a transfer between the same places.
    Other,
    /// Our own user starts one elsewhere.
    Elsewhere,
    /// A frame reports that the POST of an attempt was carried out: the agent's, or forged.
    Receipt(u8),
    /// The operator cancels a run.
    Operator(u8),
    /// The operator has a run repeated.
    Repeat(u8),
    /// The daemon dies.
    Crash,
    /// It is back.
    Restart,
    /// A tick passes.
    Tick,
}

impl Daemon {
    /// All possible next moves.
    pub(crate) fn moves(&self, s: &State) -> Vec<Move> {
        let mut moves = self.repeats(s);
        let paused = s.records.iter().any(|record| record.status == Status::Paused);
        if self.is_idle(s) || (paused && s.now > PAUSED_FOR_GOOD + self.bounds.timeout) {
            return moves;
        }
        let left = s.left;
        if s.up {
            if self.needs_look(s) {
                moves.push(Move::Look);
                if left.outages > 0 {
                    moves.push(Move::LookInVain);
                }
            }
            moves.extend(
                positions(s.runs.len()).filter(|&r| self.may_start(s, r)).map(Move::Commit),
            );
            if left.operator > 0 {
                let unfinished =
                    |&r: &u8| !matches!(s.runs[usize::from(r)].state, RunState::Over(_));
                moves.extend(positions(s.runs.len()).filter(unfinished).map(Move::Operator));
            }
            if left.receipts > 0 {
                let open = |&a: &u8| s.attempts[usize::from(a)].phase.is_open();
                moves.extend(positions(s.attempts.len()).filter(open).map(Move::Receipt));
            }
            if left.crashes > 0 {
                moves.push(Move::Crash);
            }
        } else {
            moves.push(Move::Restart);
        }
        self.network(s, &mut moves);
        for r in positions(s.records.len()) {
            self.happens_to(s, r, &mut moves);
        }
        if s.now < START + 5 && s.records.len() < 7 {
            if left.others > 0 {
                moves.push(Move::Other);
            }
            if left.elsewhere > 0 {
                moves.push(Move::Elsewhere);
            }
        }
        if self.may_tick(s) {
            moves.push(Move::Tick);
        }
        moves
    }

    /// The runs that the operator can have repeated: only the first one's places are known.
    fn repeats(&self, s: &State) -> Vec<Move> {
        let may = s.up && s.left.repeats > 0 && self.may_repeat(s, 0);
        may.then_some(Move::Repeat(0)).into_iter().collect()
    }

    /// The possible fates of POSTs and cancel requests.
    fn network(&self, s: &State, moves: &mut Vec<Move>) {
        for a in positions(s.attempts.len()) {
            let attempt = &s.attempts[usize::from(a)];
            match attempt.wire {
                Wire::Ready => {
                    moves.push(Move::Arrive(a));
                    if s.left.answers > 0 {
                        moves.extend([Move::Drop(a), Move::Late(a)]);
                    }
                    if s.left.refusals > 0 {
                        moves.push(Move::Refuse(a));
                    }
                    if s.left.duplicates > 0 && self.is_like_one_at_work(s, attempt.run) {
                        moves.push(Move::Duplicate(a));
                    }
                }
                Wire::Arrived => {
                    moves.push(Move::Answer(a));
                    if s.left.answers > 0 {
                        moves.push(Move::LoseAnswer(a));
                    }
                }
                Wire::Late => moves.push(Move::Process(a)),
                Wire::Dropped | Wire::Done => {}
            }
            if attempt.request == Request::Sent {
                moves.push(Move::TakeCancel(a));
                if s.left.cancels > 0 {
                    moves.push(Move::LoseCancel(a));
                }
            }
        }
    }

    /// The agent has a transfer with a run's places that is at work, listed or not.
    fn is_like_one_at_work(&self, s: &State, run: u8) -> bool {
        let place = self.bounds.place(run);
        s.records.iter().any(|record| record.place == place && record.status.is_active())
    }

    /// The possible fates of a transfer at the agent.
    fn happens_to(&self, s: &State, r: u8, moves: &mut Vec<Move>) {
        let record = &s.records[usize::from(r)];
        let owned = s.attempts.iter().any(|attempt| attempt.transfer == Some(r));
        let matters = owned || matches!(record.origin, Origin::Ours(_));
        if record.listed.is_none() && record.status != Status::Vanished {
            moves.push(Move::List(r));
        }
        if !matters {
            return;
        }
        let left = s.left;
        match record.status {
            Status::Running => {
                moves.push(Move::Complete(r));
                if left.errors > 0 {
                    moves.push(Move::Fail(r));
                }
                if left.vanishing > 0 {
                    moves.push(Move::Vanish(r));
                }
                if left.people > 0 && record.listed.is_some() {
                    moves.extend([Move::Pause(r), Move::PersonCancels(r)]);
                }
            }
            Status::Paused if s.now < PAUSED_FOR_GOOD => moves.push(Move::Resume(r)),
            Status::Paused => {}
            Status::Completed
            | Status::Error
            | Status::CanceledByUs
            | Status::CanceledByPerson
            | Status::Vanished => {}
        }
    }

    /// True when nothing is due at once.
    fn may_tick(&self, s: &State) -> bool {
        let wired = s.attempts.iter().any(|attempt| match attempt.wire {
            Wire::Ready | Wire::Arrived => true,
            Wire::Late => attempt.sent + LATE <= s.now,
            Wire::Dropped | Wire::Done => false,
        });
        let hidden = s.records.iter().any(|record| {
            let is_in = record.listed.is_none() && record.status != Status::Vanished;
            is_in && record.queued + self.bounds.hides <= s.now
        });
        let canceling = s.attempts.iter().any(|attempt| attempt.request == Request::Sent);
        let starting = positions(s.runs.len()).any(|run| self.may_start(s, run));
        let looked = s.looked || !self.needs_look(s) || s.left.outages > 0;
        !wired && !hidden && !canceling && !starting && looked && (s.up || s.left.outages > 0)
    }

    /// True while there is something to look for: rule 1 for waiting runs, rule 9 for attempts.
    fn needs_look(&self, s: &State) -> bool {
        s.runs.iter().any(|run| run.state == RunState::Waiting)
            || s.attempts.iter().any(|attempt| attempt.phase.is_open())
    }

    /// Rule 9: all runs are over, and no attempt is open.
    pub(crate) fn is_idle(&self, s: &State) -> bool {
        s.runs.iter().all(|run| matches!(run.state, RunState::Over(_)))
            && !s.attempts.iter().any(|attempt| attempt.phase.is_open())
    }

    /// The state after a move.
    pub(crate) fn after(&self, before: &State, happens: Move) -> State {
        let mut s = before.clone();
        match happens {
            Move::Look => self.look(&mut s),
            Move::LookInVain => self.look_in_vain(&mut s),
            Move::Commit(run) => self.commit(&mut s, run),
            Move::Arrive(a) => {
                s.attempts[usize::from(a)].wire = Wire::Arrived;
                self.queue(&mut s, Origin::Ours(a));
            }
            Move::Drop(a) => {
                s.left.answers -= 1;
                s.attempts[usize::from(a)].wire = Wire::Dropped;
                self.uncertain(&mut s, a);
            }
            Move::Late(a) => {
                s.left.answers -= 1;
                s.attempts[usize::from(a)].wire = Wire::Late;
                self.uncertain(&mut s, a);
            }
            Move::Refuse(a) => {
                s.left.refusals -= 1;
                s.attempts[usize::from(a)].wire = Wire::Done;
                s.fresh = None;
                self.refused(&mut s, a);
            }
            Move::Duplicate(a) => {
                s.left.duplicates -= 1;
                s.attempts[usize::from(a)].wire = Wire::Done;
                self.duplicate(&mut s, a);
            }
            Move::Answer(a) => {
                s.attempts[usize::from(a)].wire = Wire::Done;
                self.accepted(&mut s, a);
            }
            Move::LoseAnswer(a) => {
                s.left.answers -= 1;
                s.attempts[usize::from(a)].wire = Wire::Done;
                self.uncertain(&mut s, a);
            }
            Move::Process(a) => {
                s.attempts[usize::from(a)].wire = Wire::Done;
                self.queue(&mut s, Origin::Ours(a));
            }
            Move::List(r) => s.records[usize::from(r)].listed = Some(s.now),
            Move::Complete(r) => s.records[usize::from(r)].status = Status::Completed,
            Move::Fail(r) => {
                s.left.errors -= 1;
                s.records[usize::from(r)].status = Status::Error;
            }
            Move::Vanish(r) => {
                s.left.vanishing -= 1;
                s.records[usize::from(r)].status = Status::Vanished;
                s.records[usize::from(r)].listed = None;
            }
            Move::Pause(r) => {
                s.left.people -= 1;
                s.records[usize::from(r)].status = Status::Paused;
            }
            Move::Resume(r) => s.records[usize::from(r)].status = Status::Running,
            Move::PersonCancels(r) => {
                s.left.people -= 1;
                s.records[usize::from(r)].status = Status::CanceledByPerson;
            }
            Move::TakeCancel(a) => self.take_cancel(&mut s, a),
            Move::LoseCancel(a) => {
                s.left.cancels -= 1;
                s.attempts[usize::from(a)].request = Request::Done;
            }
            Move::Other => {
                s.left.others -= 1;
                self.queue(&mut s, Origin::OtherUser);
            }
            Move::Elsewhere => {
                s.left.elsewhere -= 1;
                self.queue(&mut s, Origin::OurUser);
            }
            Move::Receipt(a) => {
                s.left.receipts -= 1;
                self.receipt(&mut s, a);
            }
            Move::Operator(run) => {
                s.left.operator -= 1;
                self.cancel_run(&mut s, run);
            }
            Move::Repeat(run) => {
                s.left.repeats -= 1;
                self.repeat(&mut s, run);
            }
            Move::Crash => {
                s.left.crashes -= 1;
                self.crash(&mut s);
            }
            Move::Restart => self.recover(&mut s),
            Move::Tick => self.tick(&mut s),
        }
        forget(&mut s);
        s
    }

    /// The agent has a new transfer. Transfers that others start are listed at once.
    fn queue(&self, s: &mut State, origin: Origin) {
        let ours = match origin {
            Origin::Ours(a) => Some(a),
            Origin::OurUser | Origin::OtherUser => None,
        };
        s.records.push(Transfer {
            origin,
            place: ours.map_or(0, |a| self.bounds.place(s.attempts[usize::from(a)].run)),
            date: s.now + self.bounds.clock_ahead - self.bounds.dates_behind,
            queued: s.now,
            listed: ours.is_none().then_some(s.now),
            status: Status::Running,
        });
    }

    /// The agent accepts a cancel request: a running transfer is canceled, a paused one is not.
    fn take_cancel(&self, s: &mut State, a: u8) {
        let attempt = &mut s.attempts[usize::from(a)];
        attempt.request = Request::Done;
        let Some(record) = attempt.transfer else { return };
        let record = &mut s.records[usize::from(record)];
        if record.status == Status::Running {
            record.status = Status::CanceledByUs;
        }
    }

    /// Time passes. Its effects happen at once, if the daemon is up.
    fn tick(&self, s: &mut State) {
        if !s.up || (!s.looked && self.needs_look(s)) {
            s.left.outages -= 1;
        }
        s.now += 1;
        s.looked = false;
        s.fresh = None;
        if self.keeps(super::rules::Rule::RepeatCancels) {
            for attempt in &mut s.attempts {
                attempt.request = Request::None;
            }
        }
        if s.up {
            self.tend(s);
        }
    }
}

/// Drops facts that no rule and no promise needs any more, so that states that differ only in them
/// are one.
fn forget(s: &mut State) {
    if s.runs.iter().all(|run| run.state != RunState::Waiting) {
        s.fresh = None;
    }
    for attempt in &mut s.attempts {
        // It is asked for while the answer is awaited, and where that was a refusal.
        let is_refused = attempt.phase == Phase::Refused && attempt.counts;
        attempt.explained &= attempt.wire == Wire::Ready || is_refused;
        match attempt.phase {
            Phase::Refused | Phase::Closed => {}
            Phase::Intent | Phase::Uncertain | Phase::Accepted | Phase::GivenUp => continue,
        }
        attempt.until = None;
        attempt.baseline = if is_refused { attempt.baseline } else { 0 };
        attempt.doubtful = false;
        attempt.holds_until = None;
        attempt.watched_until = 0;
        attempt.absent_at = None;
        attempt.absent_for = 0;
        attempt.searched = false;
        attempt.answered_look = None;
        attempt.near_miss = false;
        attempt.request = Request::None;
        let record = attempt.transfer.map(|r| &mut s.records[usize::from(r)]);
        if let Some(record) = record.filter(|record| record.status.is_over()) {
            record.date = 0;
            record.queued = 0;
            record.listed = Some(0);
        }
    }
}

impl std::fmt::Display for Move {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Look => f.write_str("the daemon looks (rules 4 to 8)"),
            Self::LookInVain => f.write_str("the daemon looks; the look is incomplete"),
            Self::Commit(run) => {
                write!(f, "the daemon commits an attempt of run {run} (rules 1, 3, 11)")
            }
            Self::Arrive(a) => write!(f, "the agent takes the POST of attempt {a}"),
            Self::Drop(a) => write!(f, "the POST of attempt {a} is lost; uncertain (rule 2)"),
            Self::Late(a) => {
                write!(f, "the POST of attempt {a} will be processed late; uncertain (rule 2)")
            }
            Self::Refuse(a) => write!(f, "the POST of attempt {a} is never sent; refused (rule 2)"),
            Self::Duplicate(a) => {
                write!(f, "the POST of attempt {a} is refused as a DUPLICATE (rule 2)")
            }
            Self::Answer(a) => write!(f, "the 200 for attempt {a} arrives; accepted (rule 2)"),
            Self::LoseAnswer(a) => write!(f, "the 200 for attempt {a} is lost; uncertain (rule 2)"),
            Self::Process(a) => write!(f, "the agent processes the late POST of attempt {a}"),
            Self::List(r) => write!(f, "the agent lists transfer {r}"),
            Self::Complete(r) => write!(f, "transfer {r} is Completed"),
            Self::Fail(r) => write!(f, "transfer {r} ends in Error"),
            Self::Vanish(r) => write!(f, "transfer {r} vanishes"),
            Self::Pause(r) => write!(f, "a person pauses transfer {r}"),
            Self::Resume(r) => write!(f, "a person resumes transfer {r}"),
            Self::PersonCancels(r) => write!(f, "a person cancels transfer {r}"),
            Self::TakeCancel(a) => {
                write!(f, "the agent takes the cancel for attempt {a} (rule 10)")
            }
            Self::LoseCancel(a) => write!(f, "the cancel for attempt {a} is lost (rule 10)"),
            Self::Other => f.write_str("another user starts a transfer between the same places"),
            Self::Elsewhere => f.write_str("our own user starts one elsewhere"),
            Self::Receipt(a) => {
                write!(f, "a frame says that the POST of attempt {a} was carried out (rule 14)")
            }
            Self::Operator(run) => write!(f, "the operator cancels run {run} (rule 10)"),
            Self::Repeat(run) => write!(f, "the operator has run {run} repeated"),
            Self::Crash => f.write_str("the daemon dies"),
            Self::Restart => f.write_str("the daemon is back (rules 2, 6)"),
            Self::Tick => f.write_str("time passes (rules 6, 7, 9, 12)"),
        }
    }
}
