//! Fixtures shared by the tests of engine and event loop: jobs, times, and the rows that a store
//! would hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::alert::{QueuedAlert, Reported};
use super::engine::Host;
use super::event::Event;
use super::ids::{AccessId, AccountId, AlertId, AttemptId, JobName, RunId, TransferId, UserId};
use super::job::{AgentSettings, CatchUp, Job, JobSet, Overlap, PlaceTemplate, Terms};
use super::place::Fingerprint;
use super::reason::UnderWay;
use super::record::{JobRow, PauseOfAll, Record, Snapshot};
use super::run::{Attempt, Phase, Run};
use super::schedule::{Schedule, Timetable};
use super::store::Store;
use super::store::memory::MemoryStore;
use super::template::PathTemplate;
use super::transfer::{AgentState, Look, Progress, Transfer, TransferStatus};

/// A time of day.
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2026-03-02T{text}Z").parse().expect("a time")
}

pub(crate) fn secs(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

/// The owner of our token.
pub(crate) const OURS: UserId = UserId(Uuid::from_u128(0xaaaa));

/// A complete look of a working agent, which began then and shows these.
pub(crate) fn look(began_at: Timestamp, transfers: Vec<Transfer>) -> Look {
    Look {
        began_at,
        as_of: began_at,
        incomplete: None,
        is_short: false,
        agent: AgentState::Started,
        access: AccessId::default(),
        user: Some(OURS),
        clock_offset: Some(SignedDuration::ZERO),
        read_back_to: None,
        transfers,
    }
}

/// A job that is due every full hour.
pub(crate) fn job(name: &str, destination: &str, change: impl FnOnce(&mut Job)) -> Arc<Job> {
    let place = |account: u128, path: &str| PlaceTemplate {
        account: AccountId(Uuid::from_u128(account)),
        bucket: "bucket".to_owned(),
        bucket_id: String::new(),
        path: PathTemplate::parse(path).expect("a path"),
        id: String::new(),
    };
    let schedule = Schedule::parse("0 * * * *").expect("a schedule");
    let mut job = Job {
        name: JobName::new(name),
        description: None,
        timetable: Timetable::new(vec![schedule], "UTC", TimeZone::UTC),
        source: place(1, "from/"),
        destination: place(2, destination),
        allow_skip: true,
        keep_source_tree: false,
        overlap: Overlap::Skip,
        catch_up: CatchUp::Once,
        catch_up_window: SignedDuration::from_hours(24),
        jitter: SignedDuration::ZERO,
        max_age: None,
        enabled: true,
        terms: Arc::new(Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() }),
    };
    change(&mut job);
    Arc::new(job)
}

/// An accepted attempt, made at one o'clock, whose transfer is not listed yet.
pub(crate) fn attempt(id: AttemptId, fingerprint: Fingerprint) -> Attempt {
    Attempt {
        id,
        counts: true,
        fingerprint,
        user: None,
        baseline: Vec::new(),
        not_before: at("01:00:00"),
        not_after: None,
        exclusive: Some(false),
        offset_ms: 0,
        slack_ms: (0, 0),
        phase: Phase::Accepted,
        own_crash: false,
        reason: UnderWay::Accepted.into(),
        transfer: None,
        ambiguous: false,
        deadline: at("01:30:00"),
        status: None,
        progress: Progress::default(),
        moved_at: at("01:00:00"),
        listed_at: None,
        cancel: None,
        outcome: None,
        ended_at: None,
        finished_at: None,
        cause: None,
        holds_until: None,
        watched_until: None,
    }
}

/// A record of a transfer of ours that is active, requested at that time.
pub(crate) fn record(
    id: u128,
    fingerprint: Fingerprint,
    requested_at: Option<Timestamp>,
) -> Transfer {
    Transfer {
        id: TransferId(Uuid::from_u128(id)),
        user: Some(OURS),
        fingerprint,
        if_it_skips: None,
        may_be_of: Vec::new(),
        tells_no_progress: false,
        loose_fingerprint: fingerprint,
        of_sync: false,
        of_retry_batch: false,
        kind: Some(1),
        requested_at,
        ended_at: None,
        status: TransferStatus::Running,
        unknown_status: None,
        progress: Progress::default(),
    }
}

/// A job file with these jobs.
pub(crate) fn set(jobs: Vec<Arc<Job>>) -> Arc<JobSet> {
    Arc::new(JobSet {
        agent: AgentSettings::default(),
        jobs: jobs.into_iter().map(|job| (job.name.clone(), job)).collect(),
        accounts: Arc::default(),
        alerts: Vec::new(),
        digests: Vec::new(),
        zone: TimeZone::UTC,
    })
}

/// The machine that the tests run on.
pub(crate) fn machine() -> Host {
    Host { hostname: "station".to_owned(), jitter_seed: 7 }
}

/// A store, and its rows for tests to look at, finished ones included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    store: MemoryStore,
    pub(crate) runs: BTreeMap<RunId, Arc<Run>>,
    /// The runs, in the order in which they were recorded.
    pub(crate) order: Vec<RunId>,
    pub(crate) attempts: BTreeMap<AttemptId, Arc<Attempt>>,
    pub(crate) job_rows: BTreeMap<JobName, Arc<JobRow>>,
    pub(crate) events: Vec<Event>,
    pub(crate) alerts: BTreeMap<AlertId, Arc<QueuedAlert>>,
    pub(crate) reported: Reported,
    pub(crate) pause_of_all: Arc<PauseOfAll>,
}

impl Rows {
    pub(crate) fn commit(&mut self, records: &[Record]) {
        self.store.commit(records).expect("records that fit the rows");
        for record in records {
            match record {
                Record::Run { run, .. } => {
                    let old = self.runs.insert(run.id, Arc::clone(run));
                    assert!(old.as_ref().is_none_or(|old| !old.state.is_over()), "an end is final");
                    if old.is_none() {
                        self.order.push(run.id);
                    }
                }
                Record::Attempt(attempt) => {
                    self.attempts.insert(attempt.id, Arc::clone(attempt));
                }
                Record::Job(job_row) => {
                    self.job_rows.insert(job_row.job.clone(), Arc::clone(job_row));
                }
                Record::Event(event) => self.events.push(event.clone()),
                Record::AlertQueued(alert) => {
                    self.alerts.insert(alert.id, Arc::clone(alert));
                }
                Record::AlertGone(alert) => {
                    self.alerts.remove(alert);
                }
                Record::Reported(reported) => self.reported = reported.clone(),
                Record::PauseOfAll(pause) => self.pause_of_all = Arc::clone(pause),
                Record::AgentFacts(_) => {}
            }
        }
    }

    /// The waiting alerts, in order.
    pub(crate) fn outbox(&self) -> Vec<Arc<QueuedAlert>> {
        let mut alerts: Vec<_> = self.alerts.values().cloned().collect();
        alerts.sort_by_key(|alert| alert.number);
        alerts
    }

    /// The rows that an engine is rebuilt from.
    pub(crate) fn load(&mut self) -> Snapshot {
        self.store.load().expect("rows in memory")
    }
}
