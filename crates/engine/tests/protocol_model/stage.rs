//! A stage for the real loop: its committed rows, its outstanding requests, and the clock, all
//! driven by the model.
//!
//! A tick is 70 seconds. `adopt_window`, `timeout` and the skew lie well between two multiples of
//! it, so that the seconds within a tick decide nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use transferd_engine::engine::Host;
use transferd_engine::event_loop::{EventLoop, Output, StoreRequest};
use transferd_engine::ids::{AccessId, AccountId, AttemptId, JobName, RunId, TransferId, UserId};
use transferd_engine::input::{Effect, Input, OperatorRequest, ReplyTo};
use transferd_engine::job::{
    AgentSettings, CatchUp, Job, JobSet, Overlap, PlaceTemplate, RetryPolicy, Terms,
};
use transferd_engine::place::TransferRequest;
use transferd_engine::record::{Record, Snapshot};
use transferd_engine::repeat::{PastRun, RunRequest, Wanted};
use transferd_engine::run::{Attempt, Changes, Run, RunState};
use transferd_engine::schedule::Timetable;
use transferd_engine::store::Store as _;
use transferd_engine::store::memory::MemoryStore;
use transferd_engine::template::PathTemplate;
use transferd_engine::transfer::{
    AgentState, Gap, Incomplete, Look, Progress, Transfer, TransferStatus,
};
use uuid::Uuid;

use super::evidence::positions;
use super::state::{Bounds, Origin, START, Second, State, Status, Tick};

/// A tick, in seconds.
const TICK: i64 = 70;

/// Seconds within which the engine makes a look that it wants: after looks in vain it waits a
/// little, `poll_interval` at most.
const LOOK_WITHIN: u8 = 6;

const OURS: UserId = UserId(Uuid::from_u128(0xaaaa));
const THEIRS: UserId = UserId(Uuid::from_u128(0xbbbb));

/// Why a look in vain is incomplete: a reason that says nothing about the agent's list, as that
/// would be an outage after two looks, and the engine would ask less often than the model does.
const IN_VAIN: Incomplete = Incomplete {
    gap: Gap::ClockSet,
    pages: 2,
    records: 0,
    total: None,
    took: SignedDuration::ZERO,
};

/// The daemon's loop, and everything that outlives it.
pub(crate) struct Stage {
    bounds: Bounds,
    set: Arc<JobSet>,
    event_loop: EventLoop,
    now: Timestamp,
    store: MemoryStore,
    /// The committed rows, including those that are over.
    runs: BTreeMap<RunId, Arc<Run>>,
    attempts: BTreeMap<AttemptId, Arc<Attempt>>,
    /// A look is requested and not answered.
    looking: bool,
    /// Submits requested since they were last taken.
    pub(crate) submits: Vec<AttemptId>,
    /// Cancel requests since they were last taken.
    pub(crate) cancels: Vec<TransferId>,
    /// The request of each run.
    requests: BTreeMap<RunId, TransferRequest>,
    /// When each of the model's records was queued.
    dates: Vec<Timestamp>,
    /// The time from POST to listing that the engine has learned is longer than a tick: from now on
    /// its `adopt_window` is not the model's.
    pub(crate) has_learned: bool,
}

impl Stage {
    /// An engine with the model's jobs, their runs triggered.
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let set = jobs(bounds);
        let now = at(START);
        let event_loop = EventLoop::recover(Snapshot::default(), Arc::clone(&set), machine(), now);
        let mut stage = Self {
            bounds: bounds.clone(),
            set,
            event_loop,
            now,
            store: MemoryStore::new(),
            runs: BTreeMap::new(),
            attempts: BTreeMap::new(),
            looking: false,
            submits: Vec::new(),
            cancels: Vec::new(),
            requests: BTreeMap::new(),
            dates: Vec::new(),
            has_learned: false,
        };
        stage.turn();
        for run in positions(bounds.planned()) {
            stage.ask_for(run, Wanted::Manual(Some(scheduled(run))), false);
        }
        stage
    }

    /// Has an operator request a run. False if the engine refuses it.
    fn ask_for(&mut self, run: u8, what: Wanted, again: bool) -> bool {
        let job = JobName::new(if self.bounds.job(run) == 0 { "a" } else { "b" });
        let of_job = self.runs.values().filter(|past| past.job == job);
        let past = of_job
            .filter_map(|past| Some(PastRun::of(past.id, past.scheduled_for?, past.state)))
            .collect();
        let changes = Changes::default();
        let wish = RunRequest { run: run_id(run), job, what, again, changes, past };
        let request = OperatorRequest::Repeat(vec![wish]);
        self.input(Input::Operator { reply: ReplyTo(0), request, by: None });
        let Some(row) = self.runs.get(&run_id(run)) else { return false };
        self.requests.insert(run_id(run), row.request.clone());
        true
    }

    /// Has an operator repeat a run, in one of the possible ways: unchanged, by the present
    /// definition, or by its time. False if the engine refuses it.
    pub(crate) fn repeat(&mut self, of: u8, by: u8) -> bool {
        // The model has forgotten a look that was not needed; this makes it too old.
        self.pass_a_second();
        let run = u8::try_from(self.runs.len()).expect("few runs");
        let repeated = Arc::clone(&self.runs[&run_id(of)]);
        let again = repeated.state == RunState::Succeeded;
        let what = match by {
            0 => Wanted::Retry { of: repeated, current: false },
            1 => Wanted::Retry { of: repeated, current: true },
            _ => Wanted::Manual(repeated.scheduled_for),
        };
        self.ask_for(run, what, again)
    }

    /// A run's row, by its position in the model.
    pub(crate) fn row(&self, run: u8) -> &Run {
        &self.runs[&run_id(run)]
    }

    /// An attempt's row.
    pub(crate) fn attempt(&self, id: AttemptId) -> &Attempt {
        &self.attempts[&id]
    }

    /// Has the inputs decided and committed, and keeps the requests.
    fn turn(&mut self) {
        while let Some(request) = self.event_loop.poll_store(self.now) {
            match request {
                StoreRequest::Commit(records) => {
                    self.store.commit(&records).expect("a commit that fits the rows");
                    self.event_loop.committed(Ok(()), self.now);
                }
                StoreRequest::Load => unreachable!("rows are read back after a failed commit"),
            }
        }
        let mut asked = Vec::new();
        while let Some(output) = self.event_loop.poll_output() {
            match output {
                Output::Recorded(records) => self.recorded(records),
                Output::Perform { effect, .. } => match effect {
                    Effect::Look(_) => self.looking = true,
                    Effect::Submit { attempt, .. } => self.submits.push(attempt),
                    Effect::Cancel { transfer } => self.cancels.push(transfer),
                    Effect::LearnCause { attempt, query } => asked.push((attempt, query.transfer)),
                    Effect::StartAgent
                    | Effect::Reply { .. }
                    | Effect::Deliver { .. }
                    | Effect::GatherDigest { .. } => {}
                },
                Output::Log(_) | Output::Settled(_) => {}
            }
        }
        // The model knows no causes: nothing is learned, and at once.
        for (attempt, transfer) in asked {
            self.input(Input::CauseLearned { attempt, transfer, row: None });
        }
    }

    fn recorded(&mut self, records: Vec<Record>) {
        for record in records {
            match record {
                Record::Run { run, .. } => drop(self.runs.insert(run.id, run)),
                Record::Attempt(attempt) => drop(self.attempts.insert(attempt.id, attempt)),
                Record::AgentFacts(learned) => {
                    let window = self.set.agent.adopt_window;
                    self.has_learned |= learned.longest_listing_delay * 3 > window;
                }
                Record::Job(_)
                | Record::Event(_)
                | Record::AlertQueued(_)
                | Record::AlertGone(_)
                | Record::PauseOfAll(_)
                | Record::Reported(_) => {}
            }
        }
    }

    /// Gives the engine an input.
    pub(crate) fn input(&mut self, input: Input) {
        self.event_loop.push(input);
        self.turn();
    }

    /// Lets time pass, wake-up by wake-up. A look that is requested meanwhile stays unanswered.
    pub(crate) fn until(&mut self, to: Timestamp) {
        while let Some(next) = self.event_loop.next_wakeup().filter(|next| *next <= to) {
            self.now = self.now.max(next);
            self.turn();
        }
        self.now = self.now.max(to);
    }

    /// Lets time pass until the model's tick begins. A look under way returns in vain before: none
    /// is lost, which the model does not cover.
    pub(crate) fn tick(&mut self, s: &State) {
        if s.up {
            if self.looking {
                self.look(s, false);
            }
            self.until(at(s.now));
            self.ask_about_deadlines(s);
        } else {
            self.now = at(s.now);
        }
    }

    /// Lets a second pass.
    pub(crate) fn pass_a_second(&mut self) {
        self.until(self.now + SignedDuration::from_secs(1));
    }

    /// The time since a tick began.
    pub(crate) fn since(&self, tick: Tick) -> SignedDuration {
        self.now.duration_since(at(tick))
    }

    /// The engine looks before it declares a `timeout` past, so that a daemon that was down, or a
    /// machine that slept, does not cancel transfers that ended long ago. The protocol does not
    /// require such a look, so this one returns in vain: it shows nothing and proves nothing, and
    /// the model does not need it. Both then see the effects of time at the same instant.
    pub(crate) fn ask_about_deadlines(&mut self, s: &State) {
        // The look under way may have been requested long before: then another is needed.
        for _ in 0..2 {
            let now = self.now;
            let overdue = |row: &Arc<Attempt>| row.phase.is_open() && row.deadline <= now;
            if self.attempts.values().any(overdue) {
                self.look(s, false);
            }
        }
    }

    /// Answers a look with the model agent's list. False if the engine wants none.
    pub(crate) fn look(&mut self, s: &State, complete: bool) -> bool {
        for _ in 0..LOOK_WITHIN {
            if !self.looking {
                self.input(Input::Notified);
            }
            if !self.looking {
                self.pass_a_second();
            }
        }
        if !std::mem::take(&mut self.looking) {
            return false;
        }
        let ticks = |n: Tick| SignedDuration::from_secs(TICK * i64::from(n));
        let ahead = ticks(self.bounds.clock_ahead);
        let off = ahead - ticks(self.bounds.dates_behind);
        let listed = (0..s.records.len()).filter(|&r| complete && s.records[r].listed.is_some());
        let transfers = listed.map(|r| self.record(s, r, off)).collect();
        let look = Look {
            began_at: self.now,
            as_of: self.now,
            incomplete: (!complete).then_some(IN_VAIN),
            is_short: false,
            access: AccessId::default(),
            agent: AgentState::Started,
            user: Some(OURS),
            clock_offset: (self.bounds.dates_behind == 0).then_some(ahead),
            read_back_to: None,
            transfers,
        };
        self.input(Input::Looked(Ok(look)));
        true
    }

    /// One of the model's records, as the agent lists it.
    fn record(&self, s: &State, r: usize, off: SignedDuration) -> Transfer {
        let record = &s.records[r];
        let run = (0..).find(|&run| self.bounds.place(run) == record.place).expect("its places");
        let request = &self.requests[&run_id(run)];
        Transfer {
            id: transfer_id(r),
            user: Some(if record.origin == Origin::OtherUser { THEIRS } else { OURS }),
            fingerprint: request.fingerprint(),
            if_it_skips: None,
            may_be_of: Vec::new(),
            tells_no_progress: false,
            loose_fingerprint: request.loose_fingerprint(),
            of_sync: false,
            of_retry_batch: false,
            kind: Some(1),
            requested_at: Some(self.dates[r] + off),
            ended_at: None,
            unknown_status: None,
            status: match record.status {
                Status::Running => TransferStatus::Running,
                Status::Paused => TransferStatus::Paused,
                Status::Completed => TransferStatus::Completed,
                Status::Error => TransferStatus::Error,
                Status::CanceledByUs | Status::CanceledByPerson => TransferStatus::Canceled,
                Status::Vanished => unreachable!("it is not listed"),
            },
            progress: Progress { objects_total: 2, objects_transferred: 2, ..Progress::default() },
        }
    }

    /// Dates the records that the model's agent has just queued, each later than the others.
    pub(crate) fn date(&mut self, count: usize) {
        let order = i64::try_from(count).expect("few records");
        self.dates.resize(count, self.now + SignedDuration::from_millis(order));
    }

    /// Kills the daemon: its requests are forgotten.
    pub(crate) fn crash(&mut self) {
        self.looking = false;
        self.cancels.clear();
    }

    /// Rebuilds it from the committed rows.
    pub(crate) fn restart(&mut self) {
        let rows = self.store.load().expect("rows in memory");
        self.event_loop = EventLoop::recover(rows, Arc::clone(&self.set), machine(), self.now);
        self.turn();
    }
}

/// When a tick begins.
fn at(tick: Tick) -> Timestamp {
    let zero: Timestamp = "2026-03-02T00:00:00Z".parse().expect("a time");
    zero + SignedDuration::from_secs(TICK * i64::from(tick))
}

/// The time that a run is for: before everything begins.
fn scheduled(run: u8) -> Timestamp {
    at(0) + SignedDuration::from_secs(i64::from(run))
}

/// A run's id, in the order of the model's positions.
pub(crate) fn run_id(run: u8) -> RunId {
    RunId(Uuid::from_u128(u128::from(run) + 1))
}

/// A record's id.
pub(crate) fn transfer_id(record: usize) -> TransferId {
    TransferId(Uuid::from_u128(record as u128 + 1))
}

fn machine() -> Host {
    Host { hostname: "station".to_owned(), jitter_seed: 7 }
}

/// The model's jobs, in the engine's words.
fn jobs(bounds: &Bounds) -> Arc<JobSet> {
    let ticks = |n: Tick, less: i64| SignedDuration::from_secs(TICK * i64::from(n) - less);
    let second = SignedDuration::from_secs(1);
    let place = |account: u128, path: &str| PlaceTemplate {
        account: AccountId(Uuid::from_u128(account)),
        bucket: "bucket".to_owned(),
        bucket_id: String::new(),
        path: PathTemplate::parse(path).expect("a path"),
        id: String::new(),
    };
    let job = |name: &str, destination: &str| {
        let retry = RetryPolicy {
            max_attempts: u32::from(bounds.max_attempts),
            initial_delay: second,
            multiplier: 1.0,
            max_delay: second,
            on_timeout: false,
        };
        let terms = Terms {
            timeout: ticks(bounds.timeout, 20),
            retry,
            exclusive: bounds.second != Second::SamePlaces,
            ..Terms::default()
        };
        Arc::new(Job {
            name: JobName::new(name),
            description: None,
            timetable: Timetable::new(Vec::new(), "UTC", TimeZone::UTC),
            source: place(1, "from/"),
            destination: place(2, destination),
            allow_skip: true,
            keep_source_tree: false,
            overlap: Overlap::Queue,
            catch_up: CatchUp::Once,
            catch_up_window: SignedDuration::from_hours(24),
            jitter: SignedDuration::ZERO,
            max_age: None,
            enabled: true,
            terms: Arc::new(terms),
        })
    };
    let other = if bounds.second == Second::Overlapping { "to/below/" } else { "to/" };
    let jobs = [job("a", "to/"), job("b", other)];
    Arc::new(JobSet {
        agent: AgentSettings {
            adopt_window: ticks(bounds.window, 10),
            request_timeout: SignedDuration::from_secs(TICK - 30),
            // The model looks once a tick.
            poll_interval: SignedDuration::from_secs(TICK),
            ..AgentSettings::default()
        },
        jobs: jobs.into_iter().map(|job| (job.name.clone(), job)).collect(),
        accounts: Arc::default(),
        alerts: Vec::new(),
        digests: Vec::new(),
        zone: TimeZone::UTC,
    })
}
