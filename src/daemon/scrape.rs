//! Answers for monitoring: figures from the engine's view, coming occurrences, counts of ended
//! runs, and whether the database accepts records.
//!
//! Asks the agent nothing, and shows no secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::driver::Driver;
use super::status::unavailable;
use crate::agent::{Endpoint, Outcome, RequestCount};
use crate::clock;
use crate::control::request::Refused;
use crate::core::engine::JobView;
use crate::core::ids::JobName;
use crate::core::outcomes::Outcomes;
use crate::metrics::snapshot::{Figures, JobFigures, RequestFigure, SLICE};
use crate::sim::rehearsal::limits::MEASURED_MAX;
use crate::store::StoreError;
use crate::store::thread::StoreHandle;
use crate::web::ask::{Ask, Ground, Planned};

/// The routes that runs need: each of their outcomes has a series from the start, so that the first
/// one counts.
const NEEDED: [Endpoint; 5] = [
    Endpoint::AgentStatus,
    Endpoint::User,
    Endpoint::Transfers,
    Endpoint::Submit,
    Endpoint::Cancel,
];

/// How long, in milliseconds, a proof that the database can write holds: each proof costs a flush.
const PROOF_HOLDS: i64 = 10_000;

/// When the database was last seen to write, in milliseconds of the time since boot; shared with
/// the tasks that wait for it beside the loop.
#[derive(Clone, Debug)]
pub(super) struct WriteProbe(Arc<AtomicI64>);

impl Default for WriteProbe {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(-PROOF_HOLDS)))
    }
}

impl WriteProbe {
    fn holds(&self) -> bool {
        now_millis() - self.0.load(Ordering::Relaxed) < PROOF_HOLDS
    }

    /// Checks that the database is in its place, and has it write if it has not done so lately.
    async fn of(self, store: StoreHandle) -> Result<(), String> {
        let words = |error: StoreError| format!("nothing can be recorded: {error}");
        store.check_standing().await.map_err(words)?;
        if self.holds() {
            return Ok(());
        }
        store.check_writable().await.map_err(words)?;
        self.0.store(now_millis(), Ordering::Relaxed);
        Ok(())
    }
}

fn now_millis() -> i64 {
    // Milliseconds since boot fit for 292 million years.
    i64::try_from(clock::awake_since_boot().as_millis()).unwrap_or(i64::MAX)
}

impl Driver {
    /// Answers a monitoring client. The caller may have gone away; ignore the send error.
    pub(super) fn watched(&self, ask: Ask) {
        match ask {
            Ask::Figures(reply) => drop(reply.send(self.figures())),
            Ask::Jobs { after, reply } => drop(reply.send(self.job_figures(after.as_ref()))),
            Ask::Health(reply) => self.answer_health(reply),
            Ask::Planned { after, reply } => drop(reply.send(self.planned(after.as_ref()))),
            Ask::Outcomes { jobs, days, reply } => self.answer_outcomes(jobs, days, reply),
            Ask::Ground(reply) => drop(reply.send(self.ground())),
            Ask::Durations { jobs, reply } => self.answer_durations(jobs, reply),
        }
    }

    fn figures(&self) -> Figures {
        let (agent, config) = (self.agent_document(), self.job_file.document(None));
        let alerts = self.engine().alerts_view();
        Figures {
            version: env!("CARGO_PKG_VERSION"),
            config_valid: config.valid,
            config_loaded_at: config.loaded_at,
            agent_up: agent.reachable,
            agent_asked_at: agent.asked_at,
            token_expires_at: agent.token.expires_at,
            cancels_unconfirmed: self.engine().cancels_unconfirmed(),
            alerts_waiting: alerts.waiting,
            deliveries: [
                ("delivered", alerts.delivered),
                ("failed", alerts.failed),
                ("given_up", alerts.given_up),
            ],
            requests: request_figures(&self.agent.client().requests().read()),
            durations: self.tally.durations().clone(),
            lags: self.tally.lags().clone(),
        }
    }

    fn job_figures(&self, after: Option<&JobName>) -> Vec<JobFigures> {
        let now = clock::now();
        let mut names = self.removed_jobs_at_work(after);
        names.extend(self.engine().jobs_after(after).take(SLICE).cloned());
        names.iter().take(SLICE).map(|name| self.figures_of(name, now)).collect()
    }

    fn figures_of(&self, name: &JobName, now: Timestamp) -> JobFigures {
        let (name, tally) = (name.clone(), self.tally.of(name));
        let Some(view) = self.engine().job_view(&name, now) else {
            // Gone from the job file, and at work: nothing else is to be expected of it.
            let (next_run, last_success) = (None, None);
            let (running, paused, late) = (true, false, false);
            return JobFigures { name, running, paused, late, next_run, last_success, tally };
        };
        JobFigures {
            name,
            running: view.active.is_some(),
            paused: view.pause.is_some(),
            late: view.late_since.is_some(),
            next_run: view.next_run,
            last_success: view.job_row.last_success,
            tally,
        }
    }

    fn planned(&self, after: Option<&JobName>) -> Vec<Planned> {
        let now = clock::now();
        let views = self.engine().jobs_after(after).take(SLICE);
        let views = views.filter_map(|name| self.engine().job_view(name, now));
        let planned = |JobView { job, pause, resumes, .. }: JobView| {
            let scheduled = job.enabled && pause.is_none();
            Planned { job, scheduled, resumes }
        };
        views.map(planned).collect()
    }

    fn answer_outcomes(
        &self,
        jobs: Vec<JobName>,
        days: Arc<[Timestamp]>,
        reply: oneshot::Sender<Result<Vec<Vec<Outcomes>>, Refused>>,
    ) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let outcomes = store.outcomes(&jobs, days).await;
            drop(reply.send(outcomes.map_err(unavailable)));
        });
    }

    fn ground(&self) -> Ground {
        let (set, host) = (Arc::clone(self.event_loop.jobs()), self.event_loop.machine().clone());
        Ground { set, host }
    }

    fn answer_durations(
        &self,
        jobs: Vec<JobName>,
        reply: oneshot::Sender<Result<Vec<Vec<SignedDuration>>, Refused>>,
    ) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let durations = store.durations(&jobs, MEASURED_MAX).await;
            drop(reply.send(durations.map_err(unavailable)));
        });
    }

    fn answer_health(&self, reply: oneshot::Sender<Result<(), String>>) {
        if let Some(outage) = self.event_loop.outage() {
            let words =
                format!("nothing can be recorded since {:.0}: {}", outage.since, outage.words);
            return drop(reply.send(Err(words)));
        }
        let (write_probe, store) = (self.write_probe.clone(), self.store.clone());
        tokio::spawn(async move { drop(reply.send(write_probe.of(store).await)) });
    }
}

/// Counts of requests to the agent, including useful zeros.
fn request_figures(counts: &[RequestCount]) -> Vec<RequestFigure> {
    let mut figures = Vec::new();
    for endpoint in Endpoint::ALL {
        for outcome in Outcome::ALL {
            let found = counts.iter().find(|c| c.endpoint == endpoint && c.outcome == outcome);
            let count = found.map_or(0, |found| found.count);
            if count > 0 || NEEDED.contains(&endpoint) {
                let (endpoint, outcome) = (endpoint.word(), outcome.word());
                figures.push(RequestFigure { endpoint, outcome, count });
            }
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_need_is_there_from_the_start_and_the_rest_once_it_was_asked() {
        let (endpoint, outcome) = (Endpoint::Login, Outcome::Timeout);
        let figures = request_figures(&[RequestCount { endpoint, outcome, count: 3 }]);
        assert_eq!(figures.len(), NEEDED.len() * Outcome::ALL.len() + 1);
        let login = RequestFigure { endpoint: "login", outcome: "timeout", count: 3 };
        assert!(figures.contains(&login), "{figures:?}");
        assert_eq!(figures.iter().map(|figure| figure.count).sum::<u64>(), 3);
    }
}
