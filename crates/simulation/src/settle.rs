//! The end of a simulation: the faults stop, the job files are emptied, and the daemons finish
//! their work. Knows when everything has settled; whether it has settled well is for the checkers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use transferd_engine::ids::TransferId;
use transferd_engine::run::{Attempt, Phase};
use transferd_engine::transfer::{AgentState, TransferStatus};
use transferd_sim::world::{Endings, Span};

use super::jobs;
use super::plan::{Hazards, Settle};
use super::simulation::{Event, Observer, Simulation};

/// From the end of the faults to the empty job file.
const QUIET: SignedDuration = SignedDuration::from_mins(20);
/// From the empty job file to the end of all runs: `catch_up: all` may have a hundred in a row.
const OVER_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// From there to idleness: a request that was given up is looked for for a day.
const IDLE_WITHIN: SignedDuration = SignedDuration::from_hours(26);

/// How long after the end of the faults everything must have settled.
pub(super) fn patience(settle: Settle) -> SignedDuration {
    match settle {
        Settle::Stop => SignedDuration::ZERO,
        Settle::UntilOver => QUIET + OVER_WITHIN,
        Settle::UntilIdle => QUIET + OVER_WITHIN + IDLE_WITHIN,
    }
}

impl<O: Observer> Simulation<O> {
    /// Ends the faults. Everything that is away comes back.
    pub(super) fn fall_quiet(&mut self) {
        if self.plan.settle == Settle::Stop {
            return;
        }
        self.trace.line(self.now, || "quiet".to_owned());
        let now = self.now;
        self.world.quiet(now);
        self.world.come_back(now);
        self.world.set_agent_state(AgentState::Started, now);
        let mut options = self.world.options().clone();
        options.endings = Endings::default();
        options.duration = Span::millis(200, 60_000);
        options.pick_up = Span::millis(5, 5_000);
        self.world.set_options(options, now);
        let paused: Vec<TransferId> = self
            .world
            .transfers()
            .filter(|found| found.status == TransferStatus::Paused)
            .map(|found| found.id)
            .collect();
        for id in paused {
            self.world.resume(id, now);
        }
        self.hazards = Hazards::default();
        self.queue.retain(|_, event| !matches!(event, Event::Happens { .. }));
        for number in 0..self.daemons.len() {
            self.restore_token(number);
            self.wake_machine(number);
            self.daemons[number].disk_full_until = None;
            if !self.daemons[number].alive {
                self.schedule(now, Event::Start { number });
            }
        }
        self.schedule(now + QUIET, Event::NoJobs);
    }

    /// Empties the job files: nothing new begins.
    pub(super) fn empty_job_files(&mut self) {
        self.without_jobs = true;
        for number in 0..self.daemons.len() {
            let agent = self.daemons[number].file.agent.clone();
            let empty = Arc::new(jobs::set(&agent, BTreeMap::new()));
            self.change_file(number, empty);
        }
    }

    /// True when there is nothing left to wait for.
    pub(super) fn is_settled(&self) -> bool {
        if !self.without_jobs {
            return false;
        }
        self.daemons.iter().all(|daemon| match self.plan.settle {
            Settle::Stop => false,
            Settle::UntilIdle => {
                daemon.unfinished.is_empty()
                    && daemon.open.is_empty()
                    && daemon.look.is_none()
                    && daemon.wakeup().is_none()
            }
            Settle::UntilOver => {
                let given_up = |row: &Arc<Attempt>| row.phase == Phase::GivenUp;
                daemon.unfinished.is_empty() && daemon.open.values().all(given_up)
            }
        })
    }
}
