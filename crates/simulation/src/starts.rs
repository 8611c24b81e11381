//! Requests to start the agent: their delivery, and whether they were right.

use jiff::{SignedDuration, Timestamp};

use transferd_engine::event_loop::Epoch;
use transferd_engine::input::Input;
use transferd_engine::run::RunState;
use transferd_engine::transfer::{AgentState, LookFailure, StartAnswer};
use transferd_sim::world::{Outcome, ProblemCode};

use super::check::Checker;
use super::daemon::Asker;
use super::simulation::{Call, Observer, Simulation};

/// The least time between two requests of one engine.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// An engine's knowledge of the agent's state, and its requests.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// The agent's state in its last look.
    found: Option<AgentState>,
    /// The agent has refused its token since it last worked.
    token_refused: bool,
    /// When it last asked the agent to start, in true time.
    last: Option<Timestamp>,
}

impl Starts {
    /// Notes an input that the engine is about to get.
    pub(super) fn heard(&mut self, input: &Input) {
        match input {
            Input::Looked(Ok(look)) => {
                self.found = Some(look.agent);
                self.token_refused &= !look.agent.may_work();
            }
            Input::Looked(Err(LookFailure::BadToken { .. }))
            | Input::AgentStarted(StartAnswer::TokenRefused(_)) => self.token_refused = true,
            Input::TokenChanged => *self = Self { found: self.found, ..Self::default() },
            _ => {}
        }
    }
}

impl<O: Observer> Simulation<O> {
    /// Handles a daemon's request to start the agent.
    pub(super) fn ask_to_start(&mut self, number: usize, epoch: Epoch) {
        if let Some(fault) = self.fault_of_start(number) {
            self.violation(Checker::Idle, number, format!("the agent is started: {fault}"));
        }
        self.daemons[number].starts.last = Some(self.now);
        self.send(number, epoch, Call::StartAgent);
    }

    fn fault_of_start(&self, number: usize) -> Option<String> {
        let daemon = &self.daemons[number];
        let starts = &daemon.starts;
        if !daemon.fed.agent.start {
            return Some("the job file does not say so".to_owned());
        }
        let signed_out = [Some(AgentState::Created), Some(AgentState::Disposed)];
        if !signed_out.contains(&starts.found) {
            return Some(format!("it was last seen {:?}", starts.found));
        }
        if starts.token_refused {
            return Some("it has refused the token".to_owned());
        }
        let is_waiting =
            |run| daemon.runs.get(run).is_some_and(|run| run.state == RunState::Waiting);
        if !daemon.unfinished.iter().any(is_waiting) && daemon.held_back.is_empty() {
            return Some("no run waits for it".to_owned());
        }
        // The engine measures by its clock, which was perhaps set since.
        let since = starts.last.filter(|last| daemon.stepped_since(*last).is_zero())?;
        let age = self.now.duration_since(since);
        (age < APART).then(|| format!("{age:#} after the last time"))
    }

    /// Handles the request at the agent.
    pub(super) fn start_reaches_agent(&mut self, number: usize, asker: Asker) {
        let patience = self.daemons[number].fed.agent.request_timeout;
        let reply = self.world.start(&self.daemons[number].token, self.now);
        let words = reply.outcome.word();
        self.trace.line(self.now, || format!("[{number}] = start: {words}"));
        let stalled = matches!(reply.outcome, Outcome::Stalled);
        let answer = match reply.outcome {
            Outcome::Answer(()) => StartAnswer::Taken,
            Outcome::Unauthorized => StartAnswer::TokenRefused(words.to_owned()),
            Outcome::Problem(code) if ProblemCode::BAD_TOKEN.contains(&code) => {
                StartAnswer::TokenRefused(words.to_owned())
            }
            Outcome::Problem(_)
            | Outcome::ServerError
            | Outcome::Dropped
            | Outcome::Stalled
            | Outcome::Malformed
            | Outcome::Oversized
            | Outcome::Redirected
            | Outcome::NotReached => StartAnswer::NotTaken(words.to_owned()),
        };
        let after = if stalled { patience } else { reply.after.min(patience) };
        self.reply(number, asker, after, Input::AgentStarted(answer));
    }
}
