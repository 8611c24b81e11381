//! Starts an agent in which nobody has signed in since it began, with our token, where the job file
//! says so (`agent.start`).
//!
//! This follows a look that has just found the agent so, while a run waits for it: an agent that a
//! person has stopped or paused is left alone. Keeps true: one request at the beginning of each
//! outage, further ones with back-off, and none with a token that the agent has refused since it
//! last worked.

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::agent_link::Unavailable;
use crate::duration;
use crate::input::{Effect, Level};
use crate::job::TokenRenewal;
use crate::limits::AGENT_START_RETRY;
use crate::time::shift;
use crate::transfer::{AgentState, StartAnswer};

/// The state of starting the agent.
#[derive(Debug, Default)]
pub(super) struct Starting {
    /// The agent's state in a look of this step.
    found: Option<AgentState>,
    /// The agent has refused our token since it last worked.
    token_refused: bool,
    /// Requests made in this outage.
    tries: u32,
    /// When the last one was made.
    last: Option<Timestamp>,
}

impl Starting {
    /// Notes the agent's state in a look.
    pub(super) fn found(&mut self, state: AgentState) {
        self.found = Some(state);
        if state.may_work() {
            self.tries = 0;
            self.token_refused = false;
        }
    }

    /// Notes another token.
    pub(super) fn token_changed(&mut self) {
        *self = Self { found: self.found, ..Self::default() };
    }

    /// Follows a step of the clock.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.last = self.last.map(|at| shift(at, by));
    }

    /// The delay between the last request and the next.
    fn delay(&self) -> SignedDuration {
        duration::doubling(AGENT_START_RETRY, self.tries)
    }
}

impl Engine {
    /// Asks the agent to start if a look has just shown that runs wait for this.
    pub(super) fn start_agent(&mut self) {
        let Some(state) = self.starting.found.take() else { return };
        let signed_out = match state {
            AgentState::Created | AgentState::Disposed => true,
            AgentState::Started
            | AgentState::Stopped
            | AgentState::Paused
            | AgentState::Unknown => false,
        };
        let awaited = self.looks.are_wanted() || !self.held.is_empty();
        let starting = &mut self.starting;
        if !signed_out || !awaited || !self.set.agent.start || starting.token_refused {
            return;
        }
        let delay = starting.delay();
        // A clock that went back must not make it longer.
        let age = starting.last.map(|last| self.now.duration_since(last));
        if age.is_some_and(|age| !age.is_negative() && age < delay) {
            return;
        }
        starting.tries = starting.tries.saturating_add(1);
        starting.last = Some(self.now);
        let text = format!("no user is signed in at the agent ({}); starting it", state.word());
        self.log(Level::Info, text);
        self.then(Effect::StartAgent);
    }

    /// Takes in the answer to the request.
    pub(super) fn on_agent_started(&mut self, answer: StartAnswer) {
        match answer {
            // The next look shows whether it works now.
            StartAnswer::Taken => self.looks.for_submits_now(self.now),
            StartAnswer::TokenRefused(words) => {
                self.token_was_refused();
                let text = format!("the agent was not started: {words}");
                self.log(Level::Warn, text);
            }
            StartAnswer::NotTaken(words) => {
                let delay = duration::span(self.starting.delay());
                let text = format!("the agent was not started: {words}; next try in {delay}");
                self.log(Level::Warn, text);
            }
        }
    }

    /// Notes a change of the token's source: it is tried at once.
    pub(super) fn on_token_changed(&mut self) {
        self.starting.token_changed();
        if matches!(self.agent_link.unavailable(), Some(Unavailable::BadToken(_))) {
            self.looks.token_changed();
        }
    }

    /// Notes that the agent has refused our token. A login creates another one each time.
    pub(super) fn token_was_refused(&mut self) {
        if self.set.agent.token_renewal != TokenRenewal::ByItself {
            self.starting.token_refused = true;
        }
    }
}
