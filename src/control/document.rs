//! The documents of the contract ("Commands"): the output of `--json`, and the answers of the
//! control socket.
//!
//! Built from the engine's types, read back by the command line. Field names are the contract's.

use std::net::SocketAddr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::diagnostic::DiagnosticDocument;
use super::phrase::Phrase;
use crate::core::ids::{JobName, RunId};
use crate::core::job::{CatchUp, Job, PlaceTemplate};
use crate::core::place::{AccountNames, NamedPlace};
use crate::core::reason::Reason;
use crate::core::record::{JobRow, PastPause, Pause};
use crate::core::transfer::AgentState;

pub use super::run_document::{
    AttemptDocument, Bytes, CauseDocument, EventDocument, Objects, RunDocument, ShowDocument,
};

/// `status --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusDocument {
    /// The daemon.
    pub daemon: DaemonDocument,
    /// The job file.
    pub config: ConfigDocument,
    /// The agent.
    pub agent: AgentDocument,
    /// How alerts fare.
    #[serde(default)]
    pub alerts: AlertsDocument,
    /// The pause of all jobs; null while there is none.
    #[serde(default)]
    pub pause: Option<PauseDocument>,
    /// The jobs, by name.
    pub jobs: Vec<JobDocument>,
    /// Runs at work whose jobs are gone from the job file, 100 at most; empty where one job was
    /// asked for.
    #[serde(default)]
    pub runs_of_removed_jobs: Vec<RunDocument>,
    /// What an operator should act on, in words, jobs that are late or failed last among it; empty
    /// when all is well.
    pub problems: Vec<String>,
    /// The same with its times apart; left out of `--json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<Phrase>,
    /// Where the page is served; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_at: Option<SocketAddr>,
    /// Where people reach the page, without a slash at its end: `external_url`, else where it is
    /// served; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// The daemon, in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonDocument {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
}

/// The job file, in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigDocument {
    /// Where it is.
    pub path: String,
    /// Whether it was good when last read.
    pub valid: bool,
    /// What is wrong with it, in a sentence.
    pub error: Option<String>,
    /// All that is wrong with it.
    #[serde(default)]
    pub errors: Vec<DiagnosticDocument>,
    /// When the jobs in force were read.
    pub loaded_at: Option<Timestamp>,
    /// Why changes of its files are looked for once a minute only; null where they are watched.
    #[serde(default)]
    pub unwatched: Option<String>,
}

/// The agent, in `status`: as of the last contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDocument {
    /// Where it is expected.
    pub url: String,
    /// Whether it answered; null while it has not been asked.
    pub reachable: Option<bool>,
    /// What it says of itself: `created`, `started`, `stopped`, `paused`, `disposed` or `unknown`.
    pub state: AgentState,
    /// Which version it is; null while it has not told.
    #[serde(default)]
    pub version: Option<String>,
    /// The token.
    pub token: TokenDocument,
    /// When the last contact was; null while there has been none.
    pub asked_at: Option<Timestamp>,
}

/// The token, in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDocument {
    /// Whether the agent took it; null while it has not been asked.
    pub valid: Option<bool>,
    /// When it expires, if it says. With `agent.login` it is renewed by itself.
    pub expires_at: Option<Timestamp>,
}

/// Alerts, in `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsDocument {
    /// Alerts that are not delivered yet.
    pub waiting: usize,
    /// Those whose delivery has failed and is tried again, one for each entry.
    pub failing: Vec<FailingAlertDocument>,
    /// What `transferd desktop` is to show; null where no entry says `notify: desktop`.
    #[serde(default)]
    pub desktop: Option<Vec<DesktopAlertDocument>>,
}

/// An entry with `notify: desktop`, in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopAlertDocument {
    /// `on`, as words.
    pub on: Vec<String>,
    /// `jobs`: names or globs; empty for all.
    pub jobs: Vec<String>,
}

/// An alert whose delivery fails, in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingAlertDocument {
    /// How it is delivered, in words that hold no address.
    pub channel: String,
    /// What it tells of.
    pub event: String,
    /// When that happened.
    pub at: Timestamp,
    /// Deliveries tried.
    pub tries: u32,
    /// The next one.
    pub next_try: Timestamp,
    /// Why the last one failed.
    pub error: String,
}

/// A job, in `status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDocument {
    /// Its name.
    pub name: JobName,
    /// `description`.
    #[serde(default)]
    pub description: Option<String>,
    /// `enabled`.
    pub enabled: bool,
    /// Whether an operator has paused it, or all jobs.
    pub paused: bool,
    /// The pause that holds: its own before that of all.
    #[serde(default)]
    pub pause: Option<PauseDocument>,
    /// Whether it is late, by `max_age`.
    #[serde(default)]
    pub late: bool,
    /// As in the job file: an expression, a list of them, or null.
    pub schedule: Option<Schedule>,
    /// The zone in which `schedule` is meant.
    #[serde(default)]
    pub timezone: String,
    /// Where its objects are, the path with its patterns.
    pub source: NamedPlace,
    /// Where they are to be, the path with its patterns.
    pub destination: NamedPlace,
    /// Its next occurrence; null for a paused, disabled or trigger-only job.
    pub next_run: Option<Timestamp>,
    /// The run that is not over.
    pub active_run: Option<RunDocument>,
    /// The run that ended last, skips left aside.
    pub last_run: Option<RunDocument>,
    /// The last run that succeeded.
    #[serde(default)]
    pub last_success: Option<RunDocument>,
    /// Where the job was asked for by name: what its runs are carried out under, by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Map<String, Value>>,
    /// Where the job was asked for by name: its newest runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent: Option<Vec<RunDocument>>,
    /// Where the job was asked for by name: its coming occurrences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Vec<Timestamp>>,
    /// What people want to see besides; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<JobDetail>,
}

/// A pause that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseDocument {
    /// Since when.
    pub since: Timestamp,
    /// Until when; null: until resumed.
    pub until: Option<Timestamp>,
    /// In the operator's words.
    pub reason: Option<String>,
}

impl PauseDocument {
    /// Start, end and reason, for people; `last` writes the end, or the start where there is none.
    pub fn sentence(
        &self,
        time: impl Fn(Timestamp) -> String,
        last: impl Fn(Timestamp) -> String,
    ) -> String {
        let mut words = match self.until {
            Some(until) => format!("since {} until {}", time(self.since), last(until)),
            None => format!("since {}", last(self.since)),
        };
        if let Some(reason) = &self.reason {
            words.push_str(&format!(": {reason}"));
        }
        words
    }
}

/// A schedule as it stands in the job file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Schedule {
    /// One expression.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// Data of `status` for people only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    /// The pauses before, its own and those of all jobs, oldest first.
    #[serde(default)]
    pub past_pauses: Vec<PastPause>,
    /// The occurrence that is due and has no run yet, with the reason.
    #[serde(default)]
    pub held_back: Option<HeldBackDocument>,
    /// Since when it has been late.
    pub late_since: Option<Timestamp>,
    /// The number of runs that wait for the active one.
    pub behind: usize,
    /// The run that the active one waits for, and its job.
    pub blocked_by: Option<RunId>,
    /// Percent of the active transfer.
    pub percent: f64,
    /// Its speed in bytes per second, by our own looks; 0 until they have shown it move.
    pub speed: f64,
    /// When it last moved.
    #[serde(default)]
    pub moved_at: Option<Timestamp>,
    /// When its attempt is past `timeout`.
    #[serde(default)]
    pub deadline: Option<Timestamp>,
    /// All keys of its definition, where the job was asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, Value)>,
    /// The rules from which `why` reasons where the record is silent.
    #[serde(default)]
    pub rules: Option<RulesDocument>,
}

/// An occurrence that is due, and decided only once the fate of the previous run is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldBackDocument {
    /// The occurrence.
    pub occurrence: Timestamp,
    /// The reason for the wait.
    pub reason: Reason,
}

/// The facts that decide whether a job runs at a time, from its definition and its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesDocument {
    /// `timezone`, in which `schedule` is meant.
    pub timezone: String,
    /// `catch_up`.
    pub catch_up: CatchUp,
    /// `catch_up_window`.
    pub catch_up_window: SignedDuration,
    /// `jitter`.
    #[serde(default)]
    pub jitter: SignedDuration,
    /// Since when the job has been known.
    pub first_seen: Timestamp,
    /// Since when it has had this schedule, or none.
    pub scheduled_since: Option<Timestamp>,
    /// Occurrences up to this instant have been handled.
    pub handled: Timestamp,
    /// Counts how often `handled` was set back: a part of a run's id.
    pub generation: u32,
}

/// The answer to `trigger`, `cancel`, `pause`, `resume`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneDocument {
    /// The runs concerned.
    pub runs: Vec<RunId>,
    /// What there is to say besides: a job that was resumed may still be disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The answer to a refused request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDocument {
    /// Why, in words.
    pub error: String,
}

impl From<&Pause> for PauseDocument {
    fn from(pause: &Pause) -> Self {
        Self { since: pause.at, until: pause.until, reason: pause.reason.clone() }
    }
}

impl RulesDocument {
    /// The rules of a job.
    pub fn new(job: &Job, job_row: &JobRow) -> Self {
        Self {
            timezone: job.timetable.zone_name().to_owned(),
            catch_up: job.catch_up,
            catch_up_window: job.catch_up_window,
            jitter: job.jitter,
            first_seen: job_row.first_seen,
            scheduled_since: job_row.scheduled_since,
            handled: job_row.handled,
            generation: job_row.generation,
        }
    }
}

/// A job's place in its definition, the path with its patterns.
pub fn place_document(place: &PlaceTemplate, names: &AccountNames) -> NamedPlace {
    NamedPlace {
        account: names.get(&place.account).cloned(),
        account_id: place.account,
        bucket: place.bucket.clone(),
        path: place.path.text().to_owned(),
    }
}

impl JobDocument {
    /// Whether its last run failed.
    pub fn has_failed(&self) -> bool {
        self.last_run.as_ref().is_some_and(|run| run.state.is_failure())
    }

    /// Whether a pause keeps occurrences of it from running: it stops nothing of a job that is
    /// disabled or has no schedule.
    pub fn is_held_by_pause(&self) -> bool {
        self.paused && self.enabled && self.schedule.is_some()
    }

    /// The zone of its schedule, if it is given and known on this machine.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.detail.as_ref()?.rules.as_ref()?.timezone).ok()
    }
}

impl Schedule {
    /// Expressions as a document; none for a trigger-only job.
    pub fn new<'a>(expressions: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut expressions: Vec<String> = expressions.map(str::to_owned).collect();
        match expressions.len() {
            0 | 1 => expressions.pop().map(Self::One),
            _ => Some(Self::Several(expressions)),
        }
    }

    /// The expressions.
    pub fn expressions(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// Jobs of a kind that are named in a problem; each job also shows it by itself.
const NAMED_MAX: usize = 10;

impl StatusDocument {
    /// Adds the jobs' problems that an operator should act on, once all jobs are there.
    pub fn add_job_problems(&mut self) {
        let of = |is: fn(&JobDocument) -> bool| {
            let names = self.jobs.iter().filter(|job| is(job)).map(|job| job.name.as_str());
            names.collect::<Vec<_>>()
        };
        let (late, failed) = (of(|job| job.late), of(JobDocument::has_failed));
        let kinds = [(late, "is late", "are late"), (failed, "failed last", "failed last")];
        let kinds = kinds.into_iter().filter(|(names, _, _)| !names.is_empty());
        let told = kinds.map(|(names, one, several)| {
            let jobs = match names.len() {
                1 => format!("1 job {one}"),
                number => format!("{number} jobs {several}"),
            };
            let named = names[..names.len().min(NAMED_MAX)].join(", ");
            let more = match names.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Phrase::new(format!("{jobs}: {named}{more}"))
        });
        let told: Vec<_> = told.collect();
        told.into_iter().for_each(|problem| self.add_problem(problem));
    }

    /// Adds a problem that an operator should act on.
    pub fn add_problem(&mut self, problem: Phrase) {
        self.problems.push(problem.to_string());
        self.phrases.push(problem);
    }

    /// The document without data for people only.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        self.phrases.clear();
        self.served_at = None;
        self.page = None;
        for job in &mut self.jobs {
            job.detail = None;
            let runs = [&mut job.active_run, &mut job.last_run, &mut job.last_success];
            let recent = job.recent.iter_mut().flatten();
            for run in runs.into_iter().flatten().chain(recent) {
                run.leave_out_facts();
            }
        }
        self.runs_of_removed_jobs.iter_mut().for_each(RunDocument::leave_out_facts);
        for error in &mut self.config.errors {
            error.excerpts.clear();
        }
        self
    }
}
