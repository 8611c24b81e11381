//! The agent's own process and status: restarts, sign-outs, pauses of everything.

use jiff::{SignedDuration, Timestamp};

use transferd_engine::ids::TransferId;
use transferd_engine::transfer::{AgentState, TransferStatus};

use super::api::{Endpoint, Outcome, ProblemCode, Reply};
use super::events::Event;
use super::state::World;

/// Its version.
const VERSION: &str = "2.31.0-sim";

impl World {
    /// `GET /management/agent_status`.
    pub fn agent_status(&mut self, now: Timestamp) -> Reply<AgentState> {
        self.answer(Endpoint::Status, now, |world| Outcome::Answer(world.agent))
    }

    /// `GET /management/check_update`: its version.
    pub fn check_update(&mut self, now: Timestamp) -> Reply<&'static str> {
        self.answer(Endpoint::Update, now, |_| Outcome::Answer(VERSION))
    }

    /// `POST /management/command/0`, Start: loads the user of the token.
    pub fn start(&mut self, token: &str, now: Timestamp) -> Reply<()> {
        self.answer(Endpoint::Start, now, |world| {
            if world.token_user(token, now).is_none() {
                return Outcome::Problem(ProblemCode::Token);
            }
            let worked = world.works();
            world.agent = AgentState::Started;
            world.revision += 1;
            world.count("agent_started");
            world.after_work_change(worked, now);
            Outcome::Answer(())
        })
    }

    /// The agent's status.
    pub fn agent_state(&self) -> AgentState {
        self.agent
    }

    /// True while the agent's process is down.
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// True while transfers are picked up and move.
    pub(crate) fn works(&self) -> bool {
        !self.down && self.agent == AgentState::Started
    }

    /// Sets the agent's status.
    pub fn set_agent_state(&mut self, state: AgentState, now: Timestamp) {
        self.advance(now);
        self.revision += 1;
        let worked = self.works();
        self.agent = state;
        self.after_work_change(worked, now);
    }

    /// Ends the agent's process. Created transfers may be lost and Running ones fail, by the
    /// options' shares.
    pub fn go_down(&mut self, now: Timestamp) {
        self.advance(now);
        self.fall(now);
    }

    /// Ends the agent's process, and starts it again after a while.
    pub fn go_down_for(&mut self, away: SignedDuration, now: Timestamp) {
        self.go_down(now);
        self.plan(now + away, Event::AgentComesUp);
    }

    /// Starts it again.
    pub fn come_back(&mut self, now: Timestamp) {
        self.advance(now);
        self.come_up(now);
    }

    fn fall(&mut self, now: Timestamp) {
        if self.down {
            return;
        }
        self.revision += 1;
        self.count("agent_restart");
        let worked = self.works();
        self.down = true;
        self.after_work_change(worked, now);
        let active: Vec<TransferId> = self.active.iter().copied().collect();
        for id in active {
            match self.transfers[&id].status {
                TransferStatus::Created => {
                    if self.chance.happens(self.options.people.restart_loses_created) {
                        self.count("created_lost");
                        self.lose(id, now);
                    }
                }
                TransferStatus::Running => {
                    if self.chance.happens(self.options.people.restart_fails_running) {
                        self.count("running_failed");
                        self.finish(id, TransferStatus::Error, now);
                    }
                }
                TransferStatus::Completed
                | TransferStatus::Canceled
                | TransferStatus::Error
                | TransferStatus::Canceling
                | TransferStatus::Pausing
                | TransferStatus::Paused
                | TransferStatus::Unknown => {}
            }
        }
    }

    pub(crate) fn restart_by_itself(&mut self, now: Timestamp) {
        self.fall(now);
        let away = self.chance.span(self.options.people.down_for);
        self.plan(now + away, Event::AgentComesUp);
        self.arm(self.options.people.restart_every, Event::AgentGoesDown, now);
    }

    pub(crate) fn come_up(&mut self, now: Timestamp) {
        if !self.down {
            return;
        }
        self.revision += 1;
        let worked = self.works();
        self.down = false;
        self.after_work_change(worked, now);
    }

    pub(crate) fn status_changes(&mut self, now: Timestamp) {
        const AWAY: [AgentState; 4] =
            [AgentState::Paused, AgentState::Stopped, AgentState::Created, AgentState::Disposed];
        let worked = self.works();
        self.agent = AWAY[self.chance.below(AWAY.len())];
        self.count(&format!("agent_{}", self.agent.word()));
        self.after_work_change(worked, now);
        let back = self.chance.span(self.options.people.status_change_for);
        self.plan(now + back, Event::StatusReturns);
        self.arm(self.options.people.status_change_every, Event::StatusChanges, now);
    }

    pub(crate) fn status_returns(&mut self, now: Timestamp) {
        let worked = self.works();
        self.agent = AgentState::Started;
        self.after_work_change(worked, now);
    }

    /// Stops or starts the clocks of all active transfers.
    fn after_work_change(&mut self, worked: bool, now: Timestamp) {
        let works = self.works();
        if works == worked {
            return;
        }
        let active: Vec<TransferId> = self.active.iter().copied().collect();
        for id in active {
            if works {
                self.take_up(id, now);
            } else {
                self.lay_down(id, now);
            }
        }
    }

    /// Plans the next random event of a kind.
    pub(crate) fn arm(&mut self, every: Option<SignedDuration>, event: Event, now: Timestamp) {
        if let Some(mean) = every {
            let wait = self.chance.wait(mean);
            self.plan(now + wait, event);
        }
    }

    /// Plans all random events.
    pub(crate) fn arm_activity(&mut self, now: Timestamp) {
        let people = self.options.people.clone();
        self.arm(people.act_every, Event::PersonActs, now);
        self.arm(people.foreign_every, Event::ForeignStarts, now);
        self.arm(people.restart_every, Event::AgentGoesDown, now);
        self.arm(people.status_change_every, Event::StatusChanges, now);
    }
}

impl Event {
    /// True for an event that begins at random, not as a consequence of another.
    pub(crate) fn is_activity(self) -> bool {
        match self {
            Self::PersonActs | Self::ForeignStarts | Self::AgentGoesDown | Self::StatusChanges => {
                true
            }
            Self::PickUp { .. }
            | Self::End { .. }
            | Self::Canceled { .. }
            | Self::Forget { .. }
            | Self::LatePost { .. }
            | Self::AgentComesUp
            | Self::StatusReturns => false,
        }
    }
}
