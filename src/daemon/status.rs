//! Requests that change nothing: `status`, `history`, `show`.
//!
//! The engine is asked in the loop, which takes a moment; the database beside it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::driver::Driver;
use super::last_runs::last_of_each;
use super::past::{NONE_FAILED, document, last_failed, merged, several, store_queries};
use crate::clock;
use crate::config::{Field, job_fields};
use crate::control::document::{
    AgentDocument, AlertsDocument, DaemonDocument, DesktopAlertDocument, EventDocument,
    FailingAlertDocument, HeldBackDocument, JobDetail, JobDocument, PauseDocument, RulesDocument,
    RunDocument, Schedule, ShowDocument, StatusDocument, TokenDocument, place_document,
};
use crate::control::occurrences::just_before;
use crate::control::phrase::Phrase;
use crate::control::request::{HistoryQuery, Refused, Reply, ShowQuery, Slice, StatusQuery};
use crate::core::engine::{AlertsView, JobView, RunView};
use crate::core::ids::{JobName, RunId};
use crate::core::job::JobSet;
use crate::core::meant::{is_glob, names_meant};
use crate::core::place::AccountNames;
use crate::core::record::JobRow;
use crate::settings::DesktopAlert;
use crate::store::thread::StoreHandle;
use crate::store::{HistoryQuery as HistoryOf, RunMatch, RunWithAttempts, StoreError};

/// The number of newest runs shown for a job that is requested by name.
const RECENT: usize = 5;

/// The number of coming occurrences shown for such a job.
const COMING: usize = 3;

/// A request for the status, and how much of it.
#[derive(Debug)]
pub(super) enum StatusQuestion {
    /// All jobs, or one.
    Whole(StatusQuery, Reply<StatusDocument>),
    /// Some of the jobs, with extra data for people.
    Slice(Slice, Reply<StatusDocument>),
}

impl Driver {
    /// `status`: answered after the agent was asked, if that was not done lately.
    pub(super) fn status_asked(&mut self, question: StatusQuestion) {
        let asked_at = self.engine().agent_view().asked_at;
        let known = matches!(&question, StatusQuestion::Whole(query, _) if query.known);
        if !known && self.agent.glance_if_stale(asked_at, &self.events, clock::now()) {
            self.status_waiters.push(question);
        } else {
            self.answer_status(question);
        }
    }

    /// Answers `status` from what is known.
    pub(super) fn answer_status(&self, question: StatusQuestion) {
        match question {
            StatusQuestion::Whole(query, reply) => self.answer_whole(&query, reply),
            StatusQuestion::Slice(slice, reply) => self.answer_slice(&slice, reply),
        }
    }

    fn answer_whole(&self, query: &StatusQuery, reply: Reply<StatusDocument>) {
        let now = clock::now();
        let views: Vec<_> = match &query.job {
            Some(name) => match self.known_job(name) {
                Ok(job) => self.engine().job_view(&job, now).into_iter().collect(),
                Err(unknown) => return drop(reply.send(Err(unknown))),
            },
            None => {
                self.engine().jobs().filter_map(|name| self.engine().job_view(name, now)).collect()
            }
        };
        let named = query.job.is_some();
        let job = |view| if named { self.whole_job(view) } else { self.job(view) };
        let jobs: Vec<_> = views.iter().map(job).collect();
        let detail = query.detail;
        let removed = if named { Vec::new() } else { self.runs_of_removed_jobs() };
        let finish = move |mut status: StatusDocument| {
            status.runs_of_removed_jobs = removed;
            status.add_job_problems();
            if detail { status } else { status.without_details() }
        };
        self.answer_with(jobs, views, finish, reply);
    }

    fn answer_slice(&self, slice: &Slice, reply: Reply<StatusDocument>) {
        let now = clock::now();
        let names = self.engine().jobs_after(slice.after.as_ref()).take(slice.most);
        let views: Vec<_> = names.filter_map(|name| self.engine().job_view(name, now)).collect();
        let jobs: Vec<_> = views.iter().map(|view| self.job(view)).collect();
        // Facts about all jobs together are added where they are together.
        let removed = slice.after.is_none().then(|| self.runs_of_removed_jobs());
        let finish = |mut slice: StatusDocument| {
            slice.runs_of_removed_jobs = removed.unwrap_or_default();
            slice
        };
        self.answer_with(jobs, views, finish, reply);
    }

    /// Adds the rest of the state to jobs, and their past.
    fn answer_with(
        &self,
        jobs: Vec<JobDocument>,
        views: Vec<JobView>,
        finish: impl FnOnce(StatusDocument) -> StatusDocument + Send + 'static,
        reply: Reply<StatusDocument>,
    ) {
        let now = clock::now();
        let job_rows: Vec<_> = views.into_iter().map(|view| view.job_row).collect();
        let mut status = StatusDocument {
            daemon: DaemonDocument {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                started_at: self.started_at,
            },
            config: self.job_file.document(self.sources.watch.trouble()),
            agent: self.agent_document(),
            alerts: alerts_document(&self.engine().alerts_view(), &self.in_force.settings.desktop),
            pause: self.engine().pause_of_all(now).map(PauseDocument::from),
            jobs,
            runs_of_removed_jobs: Vec::new(),
            problems: Vec::new(),
            phrases: Vec::new(),
            served_at: self.web.served(),
            page: page(self.in_force.settings.external_url.as_deref(), self.web.served()),
        };
        self.problems(now).into_iter().for_each(|problem| status.add_problem(problem));
        let store = self.store.clone();
        let accounts = Arc::clone(self.engine().accounts());
        tokio::spawn(async move {
            let status = with_last_runs(status, &job_rows, &store, &accounts).await;
            drop(reply.send(Ok(finish(status))));
        });
    }

    pub(super) fn agent_document(&self) -> AgentDocument {
        let view = self.engine().agent_view();
        let (mut reachable, mut state, mut valid) = (view.reachable, view.state, view.token_valid);
        let mut asked_at = view.asked_at;
        if let Some(glance) = self.agent.glance.as_ref().filter(|g| Some(g.at) > asked_at) {
            (reachable, state) = (Some(glance.reachable), glance.state);
            valid = glance.token_valid.or(valid);
            asked_at = Some(glance.at);
        }
        // What this machine does not hold needs no agent to judge it.
        if self.agent.client().token().known_problem().is_some() {
            valid = Some(false);
        }
        AgentDocument {
            url: self.agent.settings().url.clone(),
            reachable,
            state,
            version: self.agent.version.clone(),
            token: TokenDocument { valid, expires_at: self.agent.client().token().known_end() },
            asked_at,
        }
    }

    fn job(&self, view: &JobView) -> JobDocument {
        let active = view.active.and_then(|run| self.engine().run_view(run));
        let latest = active.as_ref().and_then(|active| active.attempts.last());
        let detail = JobDetail {
            past_pauses: Vec::new(),
            held_back: view
                .held_back
                .clone()
                .map(|(occurrence, reason)| HeldBackDocument { occurrence, reason }),
            late_since: view.late_since,
            behind: view.behind.len(),
            blocked_by: active.as_ref().and_then(|active| active.run.reason.blocked_by()),
            percent: latest.map_or(0.0, |attempt| attempt.progress.percent),
            speed: latest.map_or(0.0, |attempt| attempt.progress.speed),
            moved_at: latest.map(|attempt| attempt.moved_at),
            deadline: active.as_ref().and_then(deadline),
            rules: Some(RulesDocument::new(&view.job, &view.job_row)),
            fields: Vec::new(),
        };
        JobDocument {
            name: view.job.name.clone(),
            description: view.job.description.clone(),
            enabled: view.job.enabled,
            paused: view.pause.is_some(),
            pause: view.pause.as_ref().map(PauseDocument::from),
            late: view.late_since.is_some(),
            schedule: Schedule::new(view.job.timetable.expressions()),
            timezone: view.job.timetable.zone_name().to_owned(),
            source: place_document(&view.job.source, self.engine().accounts()),
            destination: place_document(&view.job.destination, self.engine().accounts()),
            next_run: view.next_run,
            active_run: view.active.and_then(|run| self.live(run)),
            last_run: None,
            last_success: None,
            policies: None,
            recent: None,
            next: None,
            detail: Some(detail),
        }
    }

    /// A job requested by name: with its definition and coming occurrences.
    fn whole_job(&self, view: &JobView) -> JobDocument {
        let mut document = self.job(view);
        let fields = job_fields(&view.job);
        document.policies = Some(policies(&fields));
        let after = |at: &Timestamp| view.job_row.next_unhandled(&view.job.timetable, *at);
        let resumed = view.resumes.map(just_before);
        let first = document.next_run.or_else(|| resumed.as_ref().and_then(after));
        let next = std::iter::successors(first, after);
        document.next = Some(next.take(COMING).collect());
        // Filled in where the past is read.
        document.recent = Some(Vec::new());
        if let Some(detail) = &mut document.detail {
            detail.fields = fields;
            // Counted on demand, which is for one job.
            detail.past_pauses = self.engine().past_pauses(&document.name, clock::now());
        }
        document
    }

    /// `history`.
    pub(super) fn answer_history(&self, mut query: HistoryQuery, reply: Reply<Vec<RunDocument>>) {
        let names = match names_meant(&query.jobs, self.engine().jobs_ever_known()) {
            Ok(names) => names.iter().map(ToString::to_string).collect(),
            Err(words) => return drop(reply.send(Err(Refused::Unknown(words)))),
        };
        let words = std::mem::replace(&mut query.jobs, names);
        let unknown = words.iter().filter(|word| !is_glob(word)).filter_map(|job| {
            let refused = self.known_job(job).err()?;
            Some((JobName::new(job), refused))
        });
        let unknown: Vec<_> = unknown.collect();
        let (store, live) = (self.store.clone(), self.all_live());
        let live: HashMap<_, _> = live.into_iter().map(|live| (live.id, live)).collect();
        let set = Arc::clone(self.engine().job_set());
        tokio::spawn(async move {
            drop(reply.send(history(&store, query, live, unknown, &set).await));
        });
    }

    /// `show`.
    pub(super) fn answer_show(&self, query: ShowQuery, reply: Reply<ShowDocument>) {
        let live = self.all_live();
        let store = self.store.clone();
        let accounts = Arc::clone(self.engine().accounts());
        let unknown = query.run.as_deref().map(|run| self.unknown("job or run", run));
        let set = Arc::clone(self.engine().job_set());
        tokio::spawn(async move {
            drop(reply.send(show(&store, query.run, live, unknown, &set, &accounts).await));
        });
    }
}

/// When the transfer of an active run is past its `timeout`.
fn deadline(active: &RunView) -> Option<Timestamp> {
    let latest = active.attempts.last().filter(|attempt| attempt.ended_at.is_none())?;
    latest.not_before.checked_add(active.run.terms.timeout).ok()
}

/// Where people reach the page: a browser on this machine, if the job file names nothing else.
fn page(external_url: Option<&str>, served: Option<SocketAddr>) -> Option<String> {
    let here = |mut at: SocketAddr| {
        match at.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => at.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => at.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        format!("http://{at}")
    };
    external_url.map(str::to_owned).or_else(|| served.map(here))
}

/// The keys with the terms of a job's runs, those of `retry` in a map.
fn policies(fields: &[Field]) -> Map<String, Value> {
    let mut policies = Map::new();
    for (key, value) in fields {
        let elsewhere = ["description", "enabled", "schedule", "timezone"].contains(&key.as_str());
        match key.split_once('.') {
            Some(("retry", inner)) => {
                let retry = policies.entry("retry").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(retry) = retry {
                    retry.insert(inner.to_owned(), value.clone());
                }
            }
            Some(_) => {}
            None if elsewhere => {}
            None => drop(policies.insert(key.clone(), value.clone())),
        }
    }
    policies
}

fn alerts_document(view: &AlertsView, desktop: &[DesktopAlert]) -> AlertsDocument {
    let failing = view.failing.iter().map(|alert| FailingAlertDocument {
        channel: alert.channel.clone(),
        event: alert.occasion.word().to_owned(),
        at: alert.at,
        tries: alert.tries,
        next_try: alert.next_try,
        error: alert.words.clone(),
    });
    let desktop = desktop.iter().map(|entry| DesktopAlertDocument {
        on: entry.on.iter().map(|event| event.word().to_owned()).collect(),
        jobs: entry.jobs.clone(),
    });
    let desktop: Vec<_> = desktop.collect();
    AlertsDocument {
        waiting: view.waiting,
        failing: failing.collect(),
        desktop: (!desktop.is_empty()).then_some(desktop),
    }
}

async fn history(
    store: &StoreHandle,
    query: HistoryQuery,
    live: HashMap<RunId, RunDocument>,
    unknown: Vec<(JobName, Refused)>,
    set: &JobSet,
) -> Result<Vec<RunDocument>, Refused> {
    // A job that is gone from the file has a past; one with neither never existed.
    for (job, refused) in unknown {
        if store.last_runs(&[job]).await.map_err(unavailable)?.is_empty() {
            return Err(refused);
        }
    }
    let mut answers = Vec::new();
    for one in store_queries(&query) {
        answers.push(store.history(one).await.map_err(unavailable)?);
    }
    let mut runs = merged(&query, answers, &set.accounts);
    for run in &mut runs {
        if let Some(live) = live.get(&run.id).filter(|live| live.state == run.state) {
            run.clone_from(live);
        }
        run.zone = set.jobs.get(&run.job).map(|job| job.timetable.zone_name().to_owned());
    }
    Ok(runs)
}

/// A run with its timeline: a job's last one, or the one whose id begins so, or the last that
/// failed.
async fn show(
    store: &StoreHandle,
    run: Option<String>,
    live: Vec<RunDocument>,
    unknown: Option<Refused>,
    set: &JobSet,
    accounts: &AccountNames,
) -> Result<ShowDocument, Refused> {
    let found = match run {
        None => store.history(last_failed()).await.map_err(unavailable)?.into_iter().next(),
        Some(name) => {
            let job = JobName::new(&name);
            let newest = store.last_runs(std::slice::from_ref(&job)).await.map_err(unavailable)?;
            match newest.into_iter().next() {
                Some(newest) => Some(newest),
                // A job's name goes before the beginning of a run's id.
                None if set.jobs.contains_key(&job) => None,
                None => match store.run(&name).await.map_err(unavailable)? {
                    RunMatch::None => None,
                    RunMatch::Several(ids) => return Err(Refused::No(several(&name, &ids))),
                    RunMatch::One(found) => Some(*found),
                },
            }
        }
    };
    let none = || unknown.unwrap_or_else(|| Refused::Unknown(NONE_FAILED.to_owned()));
    let stored = document(&found.ok_or_else(none)?, accounts);
    let live = live.into_iter().find(|live| live.id == stored.id);
    let run = live.filter(|live| live.state == stored.state).unwrap_or(stored);
    let events = store.events(run.id).await.map_err(unavailable)?;
    let events = events.iter().map(EventDocument::new).collect();
    Ok(ShowDocument { run, events })
}

/// Adds to each job its last run and its last success. A past that can't be read is a problem of
/// its own.
async fn with_last_runs(
    mut status: StatusDocument,
    job_rows: &[Arc<JobRow>],
    store: &StoreHandle,
    accounts: &AccountNames,
) -> StatusDocument {
    match last_runs(store, job_rows, accounts).await {
        Ok(runs) => {
            for (job, (run, success)) in status.jobs.iter_mut().zip(runs) {
                (job.last_run, job.last_success) = (run, success);
            }
        }
        Err(error) => {
            status.add_problem(Phrase::new(format!("the past can't be read: {error}")));
        }
    }
    let mut problems = Vec::new();
    for job in status.jobs.iter_mut().filter(|job| job.recent.is_some()) {
        match store.history(newest(&job.name)).await {
            Ok(found) => {
                let active = |run: RunDocument| match &job.active_run {
                    Some(active) if active.id == run.id => active.clone(),
                    _ => run,
                };
                job.recent =
                    Some(found.iter().map(|found| document(found, accounts)).map(active).collect());
            }
            Err(error) => problems.push(Phrase::new(format!("the past can't be read: {error}"))),
        }
    }
    problems.into_iter().for_each(|problem| status.add_problem(problem));
    status
}

/// The run that ended last and the one that succeeded last of each job, in the order of their rows.
async fn last_runs(
    store: &StoreHandle,
    job_rows: &[Arc<JobRow>],
    accounts: &AccountNames,
) -> Result<Vec<(Option<RunDocument>, Option<RunDocument>)>, StoreError> {
    let (last, success) = last_of_each(store, job_rows).await?;
    let document = |found: RunWithAttempts| document(&found, accounts);
    Ok(last.into_iter().zip(success).map(|(l, s)| (l.map(document), s.map(document))).collect())
}

/// The query for a job's newest runs.
fn newest(job: &JobName) -> HistoryOf {
    HistoryOf { job: Some(job.clone()), limit: RECENT, ..HistoryOf::default() }
}

/// The error for a past that can't be read.
pub(super) fn unavailable(error: StoreError) -> Refused {
    Refused::Unavailable(error.to_string())
}
