//! Runs that people request: resolves the jobs, runs and times that they name, and looks up their
//! history.
//!
//! The past is read beside the loop; the engine decides from what was found, and from the runs it
//! knows to be active.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::driver::Driver;
use super::event::Event;
use super::operators::{By, Pending};
use super::past::{newest, no_run, several};
use super::status::unavailable;
use crate::clock;
use crate::control::document::RunDocument;
use crate::control::repeats::{
    BackfillDocument, BackfillQuery, RetryQuery, TimeAsked, TriggerQuery,
};
use crate::control::request::{HISTORY_MAX, Refused, Reply};
use crate::core::ids::{JobName, RunId};
use crate::core::input::OperatorRequest;
use crate::core::job::Job;
use crate::core::limits::{BACKFILL_MAX, OCCURRENCES_MAX};
use crate::core::meant::JobWord;
use crate::core::repeat::{Backfill, PastRun, RunRequest, Wanted};
use crate::core::run::{Changes, Run, RunState};
use crate::core::schedule::instant_of;
use crate::store::thread::StoreHandle;
use crate::store::{HistoryQuery, RunMatch, RunWithAttempts};

/// Past runs that are read to find the result of a time: each occurrence that a backfill may check,
/// repeated several times.
const PAST_MAX: usize = 5 * OCCURRENCES_MAX;

/// The history of requested runs.
#[derive(Debug)]
pub(super) struct Recalled {
    by: By,
    pending: Pending,
    what: What,
}

/// The action to take with it.
#[derive(Debug)]
enum What {
    /// Send this request to the engine.
    Ask(OperatorRequest),
    /// Show what a backfill would create.
    Plan(Backfill),
}

impl Driver {
    /// Triggers runs now, or for a time.
    pub(super) fn trigger(&mut self, query: &TriggerQuery, by: By, reply: Reply<Vec<RunDocument>>) {
        let requests = match self.triggers(query) {
            Ok(requests) => requests,
            Err(refused) => return drop(reply.send(Err(refused))),
        };
        if query.time.is_none() {
            let request = OperatorRequest::Repeat(requests);
            self.ask_engine(Pending::Runs(reply), by, request);
            return;
        }
        let store = self.store.clone();
        self.recall(by, Pending::Runs(reply), async move {
            let requests = with_past(&store, requests).await?;
            Ok(Some(What::Ask(OperatorRequest::Repeat(requests))))
        });
    }

    /// Repeats runs.
    pub(super) fn retry(&mut self, query: RetryQuery, by: By, reply: Reply<Vec<RunDocument>>) {
        let store = self.store.clone();
        let known: Vec<JobName> = self.engine().jobs().cloned().collect();
        let unknown: BTreeMap<String, Refused> = query
            .runs
            .iter()
            .map(|word| (word.clone(), self.unknown("job or run", word)))
            .collect();
        self.recall(by, Pending::Runs(reply), async move {
            if query.failed_since.is_some() && !query.runs.is_empty() {
                return Err(Refused::No(
                    "name runs, or ask for all that failed: not both".to_owned(),
                ));
            }
            let runs = match query.failed_since {
                Some(since) => failed_since(&store, since).await?,
                None => named(&store, &query, &known, unknown).await?,
            };
            let asked = |of: Arc<Run>| RunRequest {
                run: RunId(clock::random_uuid()),
                job: of.job.clone(),
                what: Wanted::Retry { of, current: query.current },
                again: query.again,
                changes: Changes::default(),
                past: Vec::new(),
            };
            let requests = runs.into_iter().map(asked).collect();
            let mut requests = with_past(&store, requests).await?;
            if query.failed_since.is_some() {
                requests.retain(|asked| !asked.past.iter().any(makes_up_for_it));
                few_enough(requests.len())?;
            }
            if requests.is_empty() {
                return Ok(None);
            }
            Ok(Some(What::Ask(OperatorRequest::Repeat(requests))))
        });
    }

    /// Creates runs for all occurrences of a span of time.
    pub(super) fn backfill(
        &mut self,
        query: &BackfillQuery,
        by: By,
        reply: Reply<BackfillDocument>,
    ) {
        let span = self.known_job(&query.job).and_then(|job| {
            let zone = self.zone_of(&job);
            let from = instant(query.from, &zone, End::First)?;
            let to = instant(query.to, &zone, End::Last)?;
            if to < from {
                return Err(Refused::No("`--to` lies before `--from`".to_owned()));
            }
            Ok((job, from, to))
        });
        let (job, from, to) = match span {
            Ok(span) => span,
            Err(refused) => return drop(reply.send(Err(refused))),
        };
        let (store, all, dry_run) = (self.store.clone(), query.all, query.dry_run);
        self.recall(by, Pending::Backfill(job.clone(), reply), async move {
            let past = past_of(&store, &job, (from, to)).await?;
            let seed = RunId(clock::random_uuid());
            let wanted = Backfill { job, from, to, all, past, seed };
            Ok(Some(if dry_run {
                What::Plan(wanted)
            } else {
                What::Ask(OperatorRequest::Backfill(wanted))
            }))
        });
    }

    /// Goes on after the past was read.
    pub(super) fn recalled(&mut self, recalled: Recalled) {
        let Recalled { by, pending, what } = recalled;
        match what {
            What::Ask(request) => self.ask_engine(pending, by, request),
            What::Plan(wanted) => match (self.engine().backfill_plan(&wanted), pending) {
                (Ok(plan), Pending::Backfill(job, reply)) => {
                    let accounts = self.engine().accounts();
                    drop(reply.send(Ok(BackfillDocument::new(job, &plan, false, accounts))));
                }
                (Ok(_), Pending::Runs(_) | Pending::Done(_)) => {}
                (Err(words), pending) => pending.refuse(Refused::No(words)),
            },
        }
    }

    /// Reads the past beside the loop, and returns the action to take: none, if there is nothing to
    /// do.
    fn recall(
        &self,
        by: By,
        pending: Pending,
        reading: impl Future<Output = Result<Option<What>, Refused>> + Send + 'static,
    ) {
        let events = self.events.clone();
        tokio::spawn(async move {
            match (reading.await, pending) {
                (Ok(Some(what)), pending) => {
                    // Once the daemon stops, nobody receives it.
                    let _ = events.send(Event::Recalled(Box::new(Recalled { by, pending, what })));
                }
                (Ok(None), Pending::Runs(reply)) => drop(reply.send(Ok(Vec::new()))),
                (Ok(None), Pending::Done(_) | Pending::Backfill(..)) => {}
                (Err(refused), pending) => pending.refuse(refused),
            }
        });
    }

    /// The runs requested by `trigger`.
    fn triggers(&self, query: &TriggerQuery) -> Result<Vec<RunRequest>, Refused> {
        let changes = Changes::parse(&query.set).map_err(Refused::No)?;
        let mut jobs = Vec::new();
        for word in &query.jobs {
            let more = self.jobs_meant(word)?;
            jobs.extend(more);
        }
        let mut seen = BTreeSet::new();
        jobs.retain(|job| seen.insert(job.clone()));
        jobs.into_iter()
            .map(|job| {
                let time = query.time.map(|time| self.time_meant(&job, time)).transpose()?;
                let mut asked = RunRequest::now(job, RunId(clock::random_uuid()));
                asked.what = Wanted::Manual(time);
                asked.again = query.again;
                asked.changes = changes.clone();
                Ok(asked)
            })
            .collect()
    }

    /// The job of a name, or the enabled ones that a glob matches.
    fn jobs_meant(&self, word: &str) -> Result<Vec<JobName>, Refused> {
        let glob = match JobWord::parse(word).map_err(Refused::No)? {
            JobWord::Name(_) => return self.known_job(word).map(|job| vec![job]),
            JobWord::Glob(glob) => glob,
        };
        let enabled = |job: &&JobName| self.definition(job).is_some_and(|job| job.enabled);
        let fitting = self.engine().jobs().filter(|job| glob.is_match(job.as_str()));
        let fitting: Vec<JobName> = fitting.filter(enabled).cloned().collect();
        if fitting.is_empty() {
            return Err(Refused::Unknown(format!("no enabled job is named like `{word}`")));
        }
        Ok(fitting)
    }

    /// The instant that a time means for a job: of a day, its only occurrence.
    fn time_meant(&self, name: &JobName, time: TimeAsked) -> Result<Timestamp, Refused> {
        let zone = self.zone_of(name);
        let TimeAsked::Day(day) = time else { return instant(time, &zone, End::First) };
        let (from, to) = (instant(time, &zone, End::First)?, instant(time, &zone, End::Last)?);
        let before = from.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(from);
        let job = self.definition(name);
        let found = job.map(|job| job.timetable.missed(before, to, 2).newest).unwrap_or_default();
        match found.as_slice() {
            [one] => Ok(*one),
            [] if from > clock::now() => {
                Err(Refused::No(format!("{day} lies ahead: `{name}` can't be run for it yet")))
            }
            [] => Err(Refused::No(format!("`{name}` has no occurrence on {day}; name an instant"))),
            _ => Err(Refused::No(format!(
                "`{name}` has several occurrences on {day}; add the time of day"
            ))),
        }
    }

    fn definition(&self, name: &JobName) -> Option<Arc<Job>> {
        self.engine().job_view(name, clock::now()).map(|view| view.job)
    }

    fn zone_of(&self, name: &JobName) -> TimeZone {
        self.definition(name).map_or_else(TimeZone::system, |job| job.timetable.zone().clone())
    }
}

/// The end of a day that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    First,
    Last,
}

fn instant(time: TimeAsked, zone: &TimeZone, end: End) -> Result<Timestamp, Refused> {
    let far = || Refused::No("that time is further away than any calendar goes".to_owned());
    let local = match time {
        TimeAsked::Instant(at) => return Ok(at),
        TimeAsked::Local(local) => local,
        TimeAsked::Day(day) => match end {
            End::First => day.to_datetime(jiff::civil::Time::midnight()),
            End::Last => {
                let next = day.checked_add(1.day()).map_err(|_| far())?;
                let next = next.to_datetime(jiff::civil::Time::midnight());
                let next = instant_of(next, zone).ok_or_else(far)?;
                return next.checked_sub(SignedDuration::from_nanos(1)).map_err(|_| far());
            }
        },
    };
    instant_of(local, zone).ok_or_else(far)
}

/// The runs with these names.
async fn named(
    store: &StoreHandle,
    query: &RetryQuery,
    known: &[JobName],
    mut unknown: BTreeMap<String, Refused>,
) -> Result<Vec<Arc<Run>>, Refused> {
    let mut runs: Vec<Arc<Run>> = Vec::new();
    for word in &query.runs {
        let job = match JobWord::parse(word).map_err(Refused::No)? {
            JobWord::Name(job) => job,
            JobWord::Glob(glob) => {
                let fitting = known.iter().filter(|job| glob.is_match(job.as_str()));
                for run in repeatable(store, word, fitting, query.again).await? {
                    if !runs.iter().any(|other| other.id == run.id) {
                        runs.push(run);
                    }
                }
                few_enough(runs.len())?;
                continue;
            }
        };
        let run = match last_run(store, &job, query.again).await? {
            Some(run) => run,
            None if known.contains(&job) => {
                return Err(Refused::No(format!("job `{job}` has not run yet")));
            }
            None => match store.run(word).await.map_err(unavailable)? {
                RunMatch::One(found) => found.run,
                RunMatch::Several(ids) => return Err(Refused::No(several(word, &ids))),
                RunMatch::None => {
                    let words = || Refused::Unknown(no_run(word, None));
                    return Err(unknown.remove(word).unwrap_or_else(words));
                }
            },
        };
        if !runs.iter().any(|other| other.id == run.id) {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// The last runs of jobs that a glob matches, as far as they can be repeated: a job that is
/// running, or has succeeded, is left out.
async fn repeatable(
    store: &StoreHandle,
    word: &str,
    fitting: impl Iterator<Item = &JobName>,
    again: bool,
) -> Result<Vec<Arc<Run>>, Refused> {
    let questions: Vec<_> = fitting.map(of_last_run).collect();
    if questions.is_empty() {
        return Err(Refused::Unknown(format!("no job is named like `{word}`")));
    }
    let found = store.histories(&questions).await.map_err(unavailable)?;
    let last = found.into_iter().flatten().map(|found| found.run);
    let repeats =
        |run: &Arc<Run>| run.state.is_over() && (again || run.state != RunState::Succeeded);
    let runs: Vec<_> = last.filter(repeats).collect();
    if runs.is_empty() {
        let words = format!("no job that is named like `{word}` has a last run to retry");
        return Err(Refused::No(words));
    }
    Ok(runs)
}

/// The query for a job's last run, not counting skips.
fn of_last_run(job: &JobName) -> HistoryQuery {
    let states = RunState::ALL.into_iter().filter(|state| *state != RunState::Skipped).collect();
    newest(job, states)
}

/// A job's last run, not counting skips; if there are only skips, the last of these.
///
/// # Errors
/// A message: it has succeeded, and is not wanted again, but a skip after it can be repeated.
async fn last_run(
    store: &StoreHandle,
    job: &JobName,
    again: bool,
) -> Result<Option<Arc<Run>>, Refused> {
    let first = |found: Vec<RunWithAttempts>| found.into_iter().next().map(|found| found.run);
    let last = first(store.history(of_last_run(job)).await.map_err(unavailable)?);
    if last.as_ref().is_some_and(|run| again || run.state != RunState::Succeeded) {
        return Ok(last);
    }
    let skip = newest(job, vec![RunState::Skipped]);
    let skip = first(store.history(skip).await.map_err(unavailable)?);
    match (last, skip) {
        (Some(last), Some(skip)) if last.created_at < skip.created_at => {
            let (good, skipped) = (last.id, skip.id);
            Err(Refused::No(format!(
                "run {good} of `{job}` has succeeded, and run {skipped} was skipped after it; \
                 `transferd retry {skipped}` repeats that one, `--again` the other"
            )))
        }
        (Some(last), _) => Ok(Some(last)),
        (None, skip) => Ok(skip),
    }
}

/// Runs that failed since then, the newest of each time; oldest first.
async fn failed_since(store: &StoreHandle, since: Timestamp) -> Result<Vec<Arc<Run>>, Refused> {
    let query = HistoryQuery { since: Some(since), limit: HISTORY_MAX, ..HistoryQuery::default() };
    let found = store.history(query).await.map_err(unavailable)?;
    if found.len() >= HISTORY_MAX {
        let words = format!("there were more than {HISTORY_MAX} runs since; name a later time");
        return Err(Refused::No(words));
    }
    let mut failed = newest_failed(&found);
    failed.sort_by_key(|run| run.scheduled_for.unwrap_or(run.created_at));
    Ok(failed)
}

/// Whether a run leaves nothing to repeat for its time: it has succeeded, or is active.
fn makes_up_for_it(past: &PastRun) -> bool {
    past.state == RunState::Succeeded || !past.state.is_over()
}

fn few_enough(runs: usize) -> Result<(), Refused> {
    if runs <= BACKFILL_MAX {
        return Ok(());
    }
    Err(Refused::No(format!(
        "that would be {runs} runs, and {BACKFILL_MAX} are the most; name a later time"
    )))
}

/// The failed runs, from a list that is newest first, that no later run of the same origin has made
/// up for. Runs of the same job and scheduled time are of one origin; without a time, those that
/// repeat the same run.
fn newest_failed(found: &[RunWithAttempts]) -> Vec<Arc<Run>> {
    let repeats: BTreeMap<RunId, RunId> =
        found.iter().filter_map(|found| Some((found.run.id, found.run.retry_of?))).collect();
    let origin = |run: &Run| {
        let mut id = run.id;
        while let Some(of) = repeats.get(&id) {
            id = *of;
        }
        let time = run.scheduled_for.map(|at| at.as_millisecond());
        (run.job.clone(), time, if time.is_some() { None } else { Some(id) })
    };
    let mut settled = BTreeSet::new();
    let mut failed = Vec::new();
    for RunWithAttempts { run, .. } in found {
        if run.state == RunState::Skipped || run.state == RunState::Canceled {
            continue;
        }
        if settled.insert(origin(run)) && run.state.is_failure() {
            failed.push(Arc::clone(run));
        }
    }
    failed
}

/// Requests with the past runs of their times.
async fn with_past(
    store: &StoreHandle,
    mut requests: Vec<RunRequest>,
) -> Result<Vec<RunRequest>, Refused> {
    for asked in &mut requests {
        if let Some(at) = asked.scheduled_for() {
            asked.past = past_of(store, &asked.job, (at, at)).await?;
        }
    }
    Ok(requests)
}

async fn past_of(
    store: &StoreHandle,
    job: &JobName,
    span: (Timestamp, Timestamp),
) -> Result<Vec<PastRun>, Refused> {
    let past = store.runs_of_time(job.clone(), span, PAST_MAX).await.map_err(unavailable)?;
    if past.len() >= PAST_MAX {
        let words = format!("`{job}` has {PAST_MAX} runs or more in that time; name a shorter one");
        return Err(Refused::No(words));
    }
    Ok(past)
}
