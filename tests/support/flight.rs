//! An engine with many jobs, some of whose runs are in flight at an agent that lists them: for
//! benches, and for tests that count work.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use transferd::core::engine::{Engine, Host};
use transferd::core::ids::{AccessId, AccountId, JobName, RunId, TransferId, UserId};
use transferd::core::input::{Effect, Input, OperatorRequest, ReplyTo, Step};
use transferd::core::job::{AgentSettings, CatchUp, Job, JobSet, Overlap, PlaceTemplate, Terms};
use transferd::core::place::TransferRequest;
use transferd::core::record::Snapshot;
use transferd::core::schedule::{Schedule, Timetable};
use transferd::core::template::PathTemplate;
use transferd::core::transfer::{
    AgentState, Look, Progress, SubmitAnswer, Transfer, TransferStatus,
};
use uuid::Uuid;

/// The user whose token is used.
const OURS: UserId = UserId(Uuid::from_u128(0xaaaa));

/// More turns than it takes until all runs are in flight.
const TURNS_MAX: usize = 1_000;

/// The engine, and its agent.
pub(crate) struct Flight {
    engine: Engine,
    now: Timestamp,
    listed: Vec<Transfer>,
    looking: bool,
}

impl Flight {
    /// So many nightly jobs, the first `runs` of which are in flight and were seen to be.
    pub(crate) fn new(jobs: u32, runs: u32) -> Self {
        let now = "2026-03-02T12:00:00Z".parse().expect("a time");
        let set = job_set(jobs, 0);
        let host = Host { hostname: "station".to_owned(), jitter_seed: 7 };
        let (engine, first) =
            Engine::recover(Snapshot::default(), set, host, SignedDuration::ZERO, now);
        let mut flight = Self { engine, now, listed: Vec::new(), looking: false };
        flight.perform(first);
        for job in 0..runs {
            let run = RunId(Uuid::from_u128(u128::from(job) + 1));
            let request = OperatorRequest::Trigger { job: name(job), run };
            flight.handle(Input::Operator { reply: ReplyTo(0), request, by: None });
        }
        let mut turns = 0;
        while flight.listed.len() < runs as usize {
            flight.poll();
            turns += 1;
            assert!(turns < TURNS_MAX, "{} of {runs} runs were submitted", flight.listed.len());
        }
        // Each is found by the next look.
        flight.poll();
        flight
    }

    /// How many transfers the agent lists.
    pub(crate) fn in_flight(&self) -> usize {
        self.listed.len()
    }

    /// Lets time pass until the engine wakes up, and answers what it then asks the agent.
    pub(crate) fn poll(&mut self) {
        let next = self.engine.next_wakeup().unwrap_or(self.now);
        self.now = self.now.max(next);
        self.handle(Input::TimeReached);
        if self.looking {
            self.look();
        }
    }

    /// The agent answers the look that was asked for.
    fn look(&mut self) {
        self.looking = false;
        let look = self.answer();
        self.handle(Input::Looked(Ok(look)));
    }

    /// What the agent lists now.
    fn answer(&self) -> Look {
        Look {
            began_at: self.now,
            as_of: self.now,
            incomplete: None,
            is_short: false,
            access: AccessId::default(),
            agent: AgentState::Started,
            user: Some(OURS),
            clock_offset: Some(SignedDuration::ZERO),
            read_back_to: None,
            transfers: self.listed.clone(),
        }
    }

    /// Takes an input in; what the agent is asked for is answered, but for looks.
    pub(crate) fn handle(&mut self, input: Input) {
        let step = self.engine.handle(input, self.now);
        self.perform(step);
    }

    fn perform(&mut self, step: Step) {
        for effect in step.then {
            match effect {
                Effect::Look(_) => self.looking = true,
                Effect::Submit { attempt, access: _, request } => {
                    self.listed.push(self.transfer(&request));
                    let answer = SubmitAnswer::Accepted;
                    self.handle(Input::Submitted { attempt, answer });
                }
                Effect::Cancel { .. }
                | Effect::StartAgent
                | Effect::LearnCause { .. }
                | Effect::Deliver { .. }
                | Effect::GatherDigest { .. }
                | Effect::Reply { .. } => {}
            }
        }
    }

    /// The transfer that comes of a request.
    fn transfer(&self, request: &TransferRequest) -> Transfer {
        Transfer {
            id: TransferId(Uuid::from_u128(0x1000_0000 + self.listed.len() as u128)),
            user: Some(OURS),
            fingerprint: request.fingerprint(),
            if_it_skips: None,
            may_be_of: Vec::new(),
            tells_no_progress: false,
            loose_fingerprint: request.loose_fingerprint(),
            of_sync: false,
            of_retry_batch: false,
            kind: Some(1),
            requested_at: Some(self.now),
            ended_at: None,
            status: TransferStatus::Running,
            unknown_status: None,
            progress: Progress { objects_total: 2, ..Progress::default() },
        }
    }
}

/// The name of the n-th job.
pub(crate) fn name(job: u32) -> JobName {
    JobName::new(&format!("job-{job:05}"))
}

/// So many nightly jobs between places of their own; the timeout of each is another one in each
/// second edition.
pub(crate) fn job_set(jobs: u32, edition: u32) -> Arc<JobSet> {
    let jobs = (0..jobs).map(|number| {
        let job = job(number, edition);
        (job.name.clone(), Arc::new(job))
    });
    Arc::new(JobSet {
        agent: AgentSettings { max_active: 100_000, ..AgentSettings::default() },
        jobs: jobs.collect(),
        accounts: Arc::default(),
        alerts: Vec::new(),
        digests: Vec::new(),
        zone: TimeZone::UTC,
    })
}

fn job(number: u32, edition: u32) -> Job {
    let place = |account: u128, path: &str| PlaceTemplate {
        account: AccountId(Uuid::from_u128(account)),
        bucket: "bucket".to_owned(),
        bucket_id: String::new(),
        path: PathTemplate::parse(path).expect("a path"),
        id: String::new(),
    };
    let schedule = format!("{} {} * * *", number % 60, 1 + number / 60 % 4);
    let schedule = Schedule::parse(&schedule).expect("a schedule");
    let timeout = SignedDuration::from_hours(24 + i64::from(edition % 2));
    Job {
        name: name(number),
        description: None,
        timetable: Timetable::new(vec![schedule], "UTC", TimeZone::UTC),
        source: place(1, &format!("from/{number}/")),
        destination: place(2, &format!("to/{number}/")),
        allow_skip: true,
        keep_source_tree: false,
        overlap: Overlap::Skip,
        catch_up: CatchUp::Once,
        catch_up_window: SignedDuration::from_hours(24),
        jitter: SignedDuration::ZERO,
        max_age: None,
        enabled: true,
        terms: Arc::new(Terms { timeout, ..Terms::default() }),
    }
}
