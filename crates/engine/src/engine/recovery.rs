//! Rebuilding the engine from its rows: the same path after a crash, a clean stop, and a commit
//! that failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::agent_link::AgentLink;
use super::alerts::DeliveryStats;
use super::causes::Failures;
use super::conditions::Conditions;
use super::looks::Looks;
use super::outbox::Deliveries;
use super::starting::Starting;
use super::state::State;
use super::timers::Timers;
use super::{Engine, Host};
use crate::ids::{AttemptId, JobName};
use crate::input::Step;
use crate::job::JobSet;
use crate::limits::LATE_PROCESSING;
use crate::record::{JobRow, Snapshot};
use crate::run::Phase;
use crate::time::shift;

impl Engine {
    /// An engine rebuilt from durable rows: attempts whose answer is not recorded are uncertain.
    /// The step settles what changed while no daemon ran; commit it like any other.
    ///
    /// The rows carry times of a clock that was set by `stepped` since. Due occurrences are judged
    /// by the current clock.
    pub fn recover(
        snapshot: Snapshot,
        set: Arc<JobSet>,
        host: Host,
        stepped: SignedDuration,
        now: Timestamp,
    ) -> (Self, Step) {
        let before = shift(now, -stepped);
        let state = State::of(snapshot);
        let mut engine = Self {
            host,
            set,
            dues: Timers::default(),
            began: before,
            awake_since: before,
            lates: Timers::default(),
            held: BTreeMap::new(),
            ended: Vec::new(),
            changed_runs: state.run_ids().into_iter().collect(),
            state,
            wakes: Timers::default(),
            deliveries: Deliveries::default(),
            agent_link: AgentLink::default(),
            looks: Looks::default(),
            starting: Starting::default(),
            entries: Vec::new(),
            digests: Vec::new(),
            conditions: Conditions::default(),
            failures: Failures::default(),
            delivery_stats: DeliveryStats::default(),
            admission_due: true,
            requested_by: None,
            step: Step::default(),
            now: before,
        };
        engine.doubt_unanswered();
        let is_gone = |job_row: &JobRow| job_row.scheduled && engine.job(&job_row.job).is_none();
        let gone = engine.state.job_rows().filter(|job_row| is_gone(job_row));
        let gone: Vec<JobName> = gone.map(|job_row| job_row.job.clone()).collect();
        for name in gone {
            engine.schedule_job(&name, None);
        }
        engine.clamp();
        engine.move_pause_of_all_back();
        engine.schedule_all();
        engine.now = now;
        if !stepped.is_zero() {
            engine.on_clock_stepped(stepped);
        }
        engine.settle();
        let step = std::mem::take(&mut engine.step);
        (engine, step)
    }

    /// Handles an intent without an answer: we died, or the disk failed, between commit and answer.
    /// The request may have been sent, and may even be processed late; it uses up no attempt.
    fn doubt_unanswered(&mut self) {
        let unanswered: Vec<AttemptId> = self
            .state
            .runs()
            .flat_map(|machine| machine.attempts())
            .filter(|attempt| attempt.phase == Phase::Intent)
            .map(|attempt| attempt.id)
            .collect();
        let late = self.set.agent.request_timeout + LATE_PROCESSING;
        for id in unanswered {
            let machine = self.state.run(id.run);
            let change = machine.on_unanswered(self.state.attempt(id), late);
            self.apply_change(change);
        }
    }
}
