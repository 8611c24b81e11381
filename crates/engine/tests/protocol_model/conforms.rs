//! Leads the real engine through random walks of the model: it submits, cancels and ends only what
//! the protocol allows at that point, and leaves nothing undone that the protocol requires.
//!
//! The model chooses all that happens outside the daemon; the engine chooses its own actions. Each
//! submit must be one that the model may start, each cancel one that it wishes, and after every
//! move both must agree on every run and on which attempt owns which transfer.

use transferd_engine::ids::{AttemptId, TransferId};
use transferd_engine::input::{Input, OperatorRequest, ReplyTo};
use transferd_engine::run::RunState as EngineState;
use transferd_engine::transfer::{CancelAnswer, Refusal, SubmitAnswer};

use super::daemon::{ATTEMPTS_MAX, Daemon};
use super::evidence::positions;
use super::moves::Move;
use super::rules::Rule;
use super::stage::{Stage, run_id, transfer_id};
use super::state::{
    Attempt, Bounds, End, Faults, Phase, Request, Run, RunState, START, Second, State, Transfer,
};
use super::{configurations, plain};

/// Walks in each configuration, unless `TRANSFERD_WALKS` gives another number.
const WALKS: u64 = 400;

fn walks_each() -> u64 {
    std::env::var("TRANSFERD_WALKS").map_or(WALKS, |walks| walks.parse().expect("a number"))
}

/// The model's configurations whose walks come before those of the engine's own.
const WALKED_FIRST: usize = 14;

/// Seconds from a look to the start of a run that may start: a back-off of one second, and the
/// delays after looks in vain.
const START_WITHIN: u8 = 6;

/// Moves in one walk; most end sooner, with everything over.
const MOVES_MAX: usize = 400;

/// A walk of model and engine side by side.
struct Walk {
    daemon: Daemon,
    s: State,
    stage: Stage,
    /// The engine's names for the model's attempts.
    names: Vec<AttemptId>,
    random: fastrand::Rng,
    told: Vec<String>,
    /// The engine has sent more than the model holds.
    is_full: bool,
}

impl Walk {
    fn new(bounds: &Bounds, dropped: Option<Rule>, seed: u64) -> Self {
        Self {
            daemon: Daemon { bounds: bounds.clone(), dropped },
            s: bounds.start(),
            stage: Stage::new(bounds),
            names: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            told: Vec::new(),
            is_full: false,
        }
    }

    /// Walks until everything is over.
    fn walk(&mut self) -> Result<(), String> {
        for _ in 0..MOVES_MAX {
            let Some(happens) = self.choose() else { break };
            self.told.push(format!("{:>3}  {happens}", self.s.now - START));
            let before = self.s.clone();
            let led = self.lead(happens);
            // Where the engine has learned to wait for longer than the model's window, where
            // seconds have decided, or where the model is full, they part.
            if self.stage.has_learned || self.is_full || self.is_a_tie(&before) {
                break;
            }
            led?;
            self.agree()?;
        }
        Ok(())
    }

    /// Chooses one of the possible moves. Starting is the engine's own choice.
    fn choose(&mut self) -> Option<Move> {
        let mut moves = self.daemon.moves(&self.s);
        moves.retain(|happens| !matches!(happens, Move::Commit(_)));
        let late = self.stage.since(self.s.now).as_secs() > 12;
        if late && moves.contains(&Move::Tick) {
            return Some(Move::Tick);
        }
        if self.s.now > START + 30 || moves.is_empty() {
            return None;
        }
        Some(moves[self.random.usize(..moves.len())])
    }

    /// Makes a move in the model, and gives the engine the facts it can know of it.
    fn lead(&mut self, happens: Move) -> Result<(), String> {
        let canceled = self.canceled(happens);
        self.s = self.daemon.after(&self.s, happens);
        self.stage.date(self.s.records.len());
        match happens {
            Move::Answer(a) => self.answer(a, SubmitAnswer::Accepted),
            Move::Drop(a) | Move::Late(a) | Move::LoseAnswer(a) => {
                self.answer(a, SubmitAnswer::Uncertain("lost".to_owned()));
            }
            Move::Refuse(a) => {
                let refusal = Refusal::NotSent("connection refused".to_owned());
                self.answer(a, SubmitAnswer::Refused(refusal));
            }
            Move::Duplicate(a) => {
                let refusal = Refusal::Duplicate("DUPLICATE: it is there already".to_owned());
                self.answer(a, SubmitAnswer::Refused(refusal));
            }
            Move::Look => self.look()?,
            Move::LookInVain => {
                self.stage.look(&self.s, false);
            }
            Move::TakeCancel(_) => self.answer_cancel(canceled, CancelAnswer::Taken),
            Move::LoseCancel(_) => {
                self.answer_cancel(canceled, CancelAnswer::NotTaken("lost".to_owned()));
            }
            Move::Operator(run) => {
                let request = OperatorRequest::CancelRun(run_id(run));
                self.stage.input(Input::Operator { reply: ReplyTo(0), request, by: None });
            }
            Move::Repeat(run) => {
                let by = self.random.u8(..3);
                if !self.stage.repeat(run, by) {
                    return Err(format!("the engine does not repeat run {run} (in way {by})"));
                }
            }
            Move::Receipt(a) => self.stage.input(Input::Receipt(self.names[usize::from(a)])),
            Move::Crash => self.stage.crash(),
            Move::Restart => {
                self.stage.restart();
                self.stage.ask_about_deadlines(&self.s);
            }
            Move::Tick => {
                for transfer in std::mem::take(&mut self.stage.cancels) {
                    let answer = CancelAnswer::NotTaken("late".to_owned());
                    self.stage.input(Input::CancelAnswered { transfer, answer });
                }
                self.stage.tick(&self.s);
            }
            Move::Commit(_)
            | Move::Arrive(_)
            | Move::Process(_)
            | Move::List(_)
            | Move::Complete(_)
            | Move::Fail(_)
            | Move::Vanish(_)
            | Move::Pause(_)
            | Move::Resume(_)
            | Move::PersonCancels(_)
            | Move::Other
            | Move::Elsewhere => {}
        }
        self.submits()
    }

    /// Gives the engine the answer to a POST.
    fn answer(&mut self, a: u8, answer: SubmitAnswer) {
        self.stage.input(Input::Submitted { attempt: self.names[usize::from(a)], answer });
    }

    /// Gives the engine the answer to a cancel request.
    fn answer_cancel(&mut self, transfer: Option<TransferId>, answer: CancelAnswer) {
        let transfer = transfer.expect("what is canceled is known");
        self.stage.cancels.retain(|asked| *asked != transfer);
        self.stage.input(Input::CancelAnswered { transfer, answer });
    }

    /// The transfer of a cancel request.
    fn canceled(&self, happens: Move) -> Option<TransferId> {
        let (Move::TakeCancel(a) | Move::LoseCancel(a)) = happens else { return None };
        self.s.attempts[usize::from(a)].transfer.map(|r| transfer_id(usize::from(r)))
    }

    /// Makes a complete look; then lets seconds pass for back-off and runs to start.
    fn look(&mut self) -> Result<(), String> {
        self.stage.look(&self.s, true);
        self.submits()?;
        for _ in 0..START_WITHIN {
            let ready = positions(self.s.runs.len()).any(|r| self.daemon.may_start(&self.s, r));
            if !ready {
                return Ok(());
            }
            self.stage.pass_a_second();
            self.stage.look(&self.s, true);
            self.submits()?;
        }
        Err("the engine does not start a run that may start".to_owned())
    }

    /// Checks rules 1, 3 and 11: each submit is one that may start.
    fn submits(&mut self) -> Result<(), String> {
        for name in std::mem::take(&mut self.stage.submits) {
            let of_run = |run: &u8| run_id(*run) == name.run;
            let run = positions(self.s.runs.len()).find(of_run).expect("a run of the model");
            self.told.push(format!("     the engine submits for run {run}"));
            if self.s.attempts.len() == ATTEMPTS_MAX {
                self.is_full = true;
                return Ok(());
            }
            if !self.daemon.may_start(&self.s, run) {
                return Err(format!("the engine submits for run {run}, which may not start"));
            }
            self.s = self.daemon.after(&self.s, Move::Commit(run));
            self.names.push(name);
        }
        Ok(())
    }

    /// The transfers that a run's attempts own.
    fn owned(&self, run: u8, by_engine: bool) -> Vec<TransferId> {
        let model = |attempt: &Attempt| attempt.transfer.map(|r| transfer_id(usize::from(r)));
        let mut owned: Vec<TransferId> =
            self.s
                .attempts
                .iter()
                .zip(&self.names)
                .filter(|(attempt, _)| attempt.run == run && attempt.phase != Phase::Refused)
                .filter_map(|(attempt, name)| {
                    if by_engine { self.stage.attempt(*name).transfer } else { model(attempt) }
                })
                .collect();
        owned.sort();
        owned
    }

    /// True when a record is as near to one attempt as to another, and the engine, which knows the
    /// seconds within a tick and how far the agent's clock is ahead, has decided differently from
    /// the model.
    fn is_a_tie(&self, before: &State) -> bool {
        let differs = self.s.attempts.iter().zip(&self.names).any(|(attempt, name)| {
            let model = attempt.transfer.map(|r| transfer_id(usize::from(r)));
            attempt.phase != Phase::Refused && self.stage.attempt(*name).transfer != model
        });
        let ahead = self.daemon.bounds.clock_ahead;
        let as_near = |record: &Transfer| {
            let mut distances: Vec<u8> =
                before.attempts.iter().map(|a| a.sent.abs_diff(record.date)).collect();
            distances.sort_unstable();
            distances.windows(2).any(|pair| pair[1] - pair[0] <= ahead)
        };
        differs && before.records.iter().any(as_near)
    }

    /// Checks that both agree on every run, on which attempt owns which transfer, and on the
    /// transfers to be canceled.
    fn agree(&self) -> Result<(), String> {
        if !self.s.up {
            return Ok(());
        }
        for run in positions(self.s.runs.len()) {
            let model = self.s.runs[usize::from(run)].state;
            let engine = self.stage.row(run).state;
            if !same(model, engine) {
                let reason = &self.stage.row(run).reason;
                return Err(format!("run {run} is {model:?}, the engine has {engine:?}: {reason}"));
            }
        }
        for run in positions(self.s.runs.len()) {
            let (model, engine) = (self.owned(run, false), self.owned(run, true));
            let over = matches!(self.s.runs[usize::from(run)].state, RunState::Over(_));
            if model != engine && !over {
                return Err(format!("run {run} owns {model:?}, for the engine {engine:?}"));
            }
        }
        for asked in &self.stage.cancels {
            let wished = self.s.attempts.iter().any(|attempt| {
                let transfer = attempt.transfer.map(|r| transfer_id(usize::from(r)));
                transfer == Some(*asked) && attempt.wish.is_some()
            });
            if !wished {
                return Err(format!("the engine cancels {asked:?}, and nothing wishes it"));
            }
        }
        for attempt in &self.s.attempts {
            let transfer = attempt.transfer.map(|r| transfer_id(usize::from(r)));
            let wanted = attempt.phase == Phase::Accepted && attempt.request == Request::Sent;
            if wanted && !transfer.is_some_and(|transfer| self.stage.cancels.contains(&transfer)) {
                return Err(format!("the engine does not cancel {transfer:?}"));
            }
        }
        Ok(())
    }
}

/// Compares the engine's states with the model's.
fn same(model: RunState, engine: EngineState) -> bool {
    let told = match engine {
        EngineState::Waiting | EngineState::BackingOff => RunState::Waiting,
        EngineState::Submitting | EngineState::Queued | EngineState::Running => RunState::Asked,
        EngineState::Canceling => RunState::Canceling,
        EngineState::Succeeded => RunState::Over(End::Succeeded),
        EngineState::Failed => RunState::Over(End::Failed),
        EngineState::TimedOut => RunState::Over(End::TimedOut),
        EngineState::Canceled => RunState::Over(End::Canceled),
        EngineState::Skipped => return false,
    };
    model == told
}

/// The model's configurations in the engine's measures, and one with everything at once.
fn engine_configurations() -> Vec<Bounds> {
    let everything = |second| Bounds {
        second,
        hides: 3,
        faults: Faults {
            crashes: 2,
            outages: 2,
            answers: 3,
            refusals: 1,
            cancels: 2,
            errors: 1,
            vanishing: 1,
            people: 1,
            operator: 1,
            others: 1,
            elsewhere: 1,
            receipts: 0,
            repeats: 0,
            duplicates: 0,
        },
        ..plain("everything at once")
    };
    let all = [Second::None, Second::SameJob, Second::SamePlaces, Second::Overlapping];
    let mut bounds = configurations();
    // At the end, so that the walks of the others stay the same.
    let mut added_since = bounds.split_off(WALKED_FIRST);
    bounds.extend(all.map(everything));
    // Rare on random walks, unless little else happens: a run ends by its first transfer while
    // its second request is unsettled.
    bounds.push(Bounds {
        second: Second::SamePlaces,
        hides: 3,
        faults: Faults { answers: 1, crashes: 1, ..Faults::default() },
        ..plain("two jobs with the same places, and an agent that hides")
    });
    // A timeout of so few ticks would be decided by seconds.
    added_since.retain(|bounds| bounds.timeout >= plain("").timeout);
    bounds.extend(added_since);
    bounds.push(Bounds {
        faults: Faults { repeats: 1, ..everything(Second::SameJob).faults },
        ..everything(Second::SameJob)
    });
    for bounds in &mut bounds {
        // The engine's constants: a skew of two minutes, a watch of a day.
        bounds.skew = 1;
        bounds.watch = 200;
    }
    bounds
}

#[test]
fn the_engine_does_what_the_protocol_allows_and_wants() {
    let each = walks_each();
    let mut walks = 0;
    let mut moves = 0;
    let mut over = 0;
    for (number, bounds) in engine_configurations().into_iter().enumerate() {
        for seed in 0..each {
            let mut walk = Walk::new(&bounds, None, seed + each * number as u64);
            if let Err(wrong) = walk.walk() {
                let told = walk.told.join("\n");
                panic!("{} ({:?}), walk {seed}: {wrong}\n{told}", bounds.name, bounds.second);
            }
            walks += 1;
            moves += walk.told.len();
            let ended = |run: &Run| matches!(run.state, RunState::Over(_));
            over += usize::from(walk.s.runs.iter().all(ended));
        }
    }
    println!("{walks} walks, {moves} moves; all runs over at the end of {over}");
    assert!(over * 2 > usize::try_from(walks).expect("a count"), "most walks come to an end");
}

#[test]
fn a_protocol_with_a_rule_less_is_told_from_the_engines() {
    let rules = [
        Rule::UncertainIsNotRefused,
        Rule::UserIsEvidence,
        Rule::DateIsEvidence,
        Rule::AdoptWindow,
        Rule::CrashIsFree,
        Rule::AcceptedIsNotRepeated,
        Rule::CancelDoubles,
        Rule::WatchOn,
        Rule::VanishedEnds,
        Rule::CompletedWins,
        Rule::TimeoutFromCommit,
        Rule::ReceiptIsAHint,
    ];
    let all = engine_configurations();
    for rule in rules {
        let told = (0..WALKS).any(|seed| {
            all.iter().any(|bounds| {
                let mut walk = Walk::new(bounds, Some(rule), seed);
                walk.walk().is_err()
            })
        });
        assert!(told, "no walk tells the engine from a protocol without {rule:?}");
    }
}
