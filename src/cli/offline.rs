//! Reads the past from the database where no daemon runs. Creates and changes nothing.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;

use super::places::Places;
use super::{Global, jobfile};
use crate::config::{self, Lookup, Sources};
use crate::control::document::{EventDocument, RunDocument, ShowDocument};
use crate::control::request::{HistoryQuery, ShowQuery};
use crate::core::ids::JobName;
use crate::core::job::{Job, JobSet};
use crate::core::meant::names_meant;
use crate::core::place::AccountNames;
use crate::core::record::{JobRow, PauseOfAll};
use crate::daemon::past::{
    NONE_FAILED, document, is_carried_out, last_ended as last_ended_of, last_failed, merged,
    no_run, not_yet_run, several, store_queries,
};
use crate::store::folder::StateFolder;
use crate::store::sqlite::SqliteStore;
use crate::store::{Queries as _, RunMatch, Store as _};

/// `history`; nothing if there is no database.
///
/// # Errors
/// A message.
pub fn history(global: &Global, query: &HistoryQuery) -> Result<Vec<RunDocument>, String> {
    let Some(store) = open(global)? else { return Ok(Vec::new()) };
    let mut query = query.clone();
    let job_rows = store.job_rows().map_err(words)?;
    let names = names_meant(&query.jobs, job_rows.iter().map(|job_row| &job_row.job))?;
    query.jobs = names.iter().map(ToString::to_string).collect();
    let mut answers = Vec::new();
    for query in store_queries(&query) {
        if let Some(job) = &query.job {
            let newest = store.last_runs(std::slice::from_ref(job)).map_err(words)?;
            if newest.is_empty() && job_row_in(&store, job)?.is_none() {
                return Err(format!("there is no job `{job}`"));
            }
        }
        answers.push(store.history(&query).map_err(words)?);
    }
    let names = account_names(&store, global);
    let mut runs = merged(&query, answers, &names);
    runs.iter_mut().for_each(|run| run.as_recorded = true);
    Ok(runs)
}

/// `show`.
///
/// # Errors
/// A message.
pub fn show(global: &Global, query: &ShowQuery) -> Result<ShowDocument, String> {
    let missing = || match &query.run {
        Some(word) => no_run(word, None),
        None => NONE_FAILED.to_owned(),
    };
    let store = open(global)?.ok_or_else(|| without_database(global).unwrap_or_else(missing))?;
    let found = match &query.run {
        None => store.history(&last_failed()).map_err(words)?.into_iter().next(),
        Some(name) => {
            let job = JobName::new(name);
            let newest = store.last_runs(std::slice::from_ref(&job)).map_err(words)?;
            match newest.into_iter().next() {
                Some(newest) => Some(newest),
                // A job's name goes before the beginning of a run's id.
                None if jobs(global).is_some_and(|set| set.jobs.contains_key(&job)) => {
                    return Err(not_yet_run(&job));
                }
                None => match store.run(name).map_err(words)? {
                    RunMatch::None => None,
                    RunMatch::Several(ids) => return Err(several(name, &ids)),
                    RunMatch::One(found) => Some(*found),
                },
            }
        }
    };
    let found = found.ok_or_else(missing)?;
    let events = store.events(found.run.id).map_err(words)?;
    let events = events.iter().map(EventDocument::new).collect();
    let names = account_names(&store, global);
    let run = RunDocument { as_recorded: true, ..document(&found, &names) };
    Ok(ShowDocument { run, events })
}

/// Says that unfinished runs are shown as they were recorded, if any of these was read from the
/// database.
pub fn say_as_recorded<'a>(runs: impl IntoIterator<Item = &'a RunDocument>, err: &mut dyn Write) {
    if runs.into_iter().any(|run| run.as_recorded && !run.state.is_over()) {
        // There is nobody to tell if standard error is gone.
        let _ = writeln!(
            err,
            "no daemon answers: runs that are not over are shown as they were recorded last"
        );
    }
}

/// The row of a job, if a daemon has ever seen it.
///
/// # Errors
/// A message.
pub fn job_row(global: &Global, job: &JobName) -> Result<Option<Arc<JobRow>>, String> {
    match open(global)? {
        Some(store) => job_row_in(&store, job),
        None => Ok(None),
    }
}

/// The row of each job that a daemon has ever seen.
///
/// # Errors
/// A message.
pub fn job_rows(global: &Global) -> Result<BTreeMap<JobName, Arc<JobRow>>, String> {
    let Some(store) = open(global)? else { return Ok(BTreeMap::new()) };
    let job_rows = store.job_rows().map_err(words)?;
    Ok(job_rows.into_iter().map(|job_row| (job_row.job.clone(), job_row)).collect())
}

/// The pause of all jobs, and those before it.
///
/// # Errors
/// A message.
pub fn pause_of_all(global: &Global) -> Result<Arc<PauseOfAll>, String> {
    match open(global)? {
        Some(mut store) => Ok(store.load().map_err(words)?.pause_of_all),
        None => Ok(Arc::default()),
    }
}

/// A job in the daemon's last version, or, if there never was one, in the job file's.
pub fn job(global: &Global, name: &JobName) -> Option<Arc<Job>> {
    jobs(global)?.jobs.get(name).cloned()
}

/// The jobs in the daemon's last version, or, if there never was one, in the job file's.
pub fn jobs(global: &Global) -> Option<Arc<JobSet>> {
    let kept = open(global).ok().flatten().and_then(|store| store.last_job_set().ok().flatten());
    let sources = kept.and_then(|text| serde_json::from_str::<Sources>(&text).ok());
    let surroundings = jobfile::surroundings();
    let loaded = match sources {
        Some(sources) => config::parse(&sources, &surroundings).ok()?,
        None => config::read(&Places::here(global).config().ok()?, &surroundings).ok()?,
    };
    Some(loaded.content.set)
}

/// The job file that the daemon read last, if one is kept.
pub fn kept_job_file(global: &Global) -> Option<PathBuf> {
    let text = open(global).ok().flatten()?.last_job_set().ok().flatten()?;
    let sources: Sources = serde_json::from_str(&text).ok()?;
    Some(sources.base.join(sources.root))
}

/// The last good job set, if one is kept and this version can read it.
pub fn last_good(global: &Global) -> Option<Arc<JobSet>> {
    let text = open(global).ok().flatten()?.last_job_set().ok().flatten()?;
    let sources: Sources = serde_json::from_str(&text).ok()?;
    Some(config::parse(&sources, &jobfile::surroundings()).ok()?.content.set)
}

/// For each of these jobs, the run that ended last, not counting skips, if there is one.
///
/// # Errors
/// A message.
pub fn last_ended(
    global: &Global,
    jobs: &[JobName],
) -> Result<BTreeMap<JobName, RunDocument>, String> {
    let Some(store) = open(global)? else { return Ok(BTreeMap::new()) };
    let names = account_names(&store, global);
    let mut last = BTreeMap::new();
    for newest in store.last_runs(jobs).map_err(words)? {
        let job = newest.run.job.clone();
        let found = if is_carried_out(newest.run.state) {
            Some(newest)
        } else {
            store.history(&last_ended_of(&job)).map_err(words)?.into_iter().next()
        };
        last.extend(found.map(|found| (job, document(&found, &names))));
    }
    Ok(last)
}

/// The user who held the agent's port when a daemon first found an agent working there.
pub fn agent_user(global: &Global) -> Option<u32> {
    open(global).ok().flatten()?.agent_user().ok().flatten()
}

fn job_row_in(store: &SqliteStore, job: &JobName) -> Result<Option<Arc<JobRow>>, String> {
    let job_rows = store.job_rows().map_err(words)?;
    Ok(job_rows.into_iter().find(|job_row| job_row.job == *job))
}

/// How long the last good transfers of each of these jobs took, at most `most` of each, newest
/// first; absent where there is no database.
///
/// # Errors
/// A message.
pub fn durations<'a>(
    global: &Global,
    jobs: impl Iterator<Item = &'a JobName>,
    most: usize,
) -> Result<Option<BTreeMap<JobName, Vec<SignedDuration>>>, String> {
    let Some(store) = open(global)? else { return Ok(None) };
    let mut durations = BTreeMap::new();
    for job in jobs {
        let seen = store.durations(job, most).map_err(words)?;
        if !seen.is_empty() {
            durations.insert(job.clone(), seen);
        }
    }
    Ok(Some(durations))
}

/// The names of accounts in the last good job set, or, if none is kept, in the job file: their
/// texts are enough, even if this version refuses them.
fn account_names(store: &SqliteStore, global: &Global) -> AccountNames {
    let kept = store.last_job_set().ok().flatten();
    let kept = kept.and_then(|text| serde_json::from_str::<Sources>(&text).ok());
    let sources = kept.or_else(|| {
        let path = Places::here(global).config().ok()?;
        match config::read(&path, &jobfile::surroundings()) {
            Ok(loaded) => Some(loaded.sources),
            Err(rejected) => Some(*rejected.sources),
        }
    });
    sources.map(|sources| Lookup::new(&sources).accounts()).unwrap_or_default()
}

/// The message that the state folder has no database, if it has none.
pub fn without_database(global: &Global) -> Option<String> {
    let folder = Places::here(global).state_folder().ok()?;
    let none = StateFolder::open_read_only(&folder).is_ok_and(|store| store.is_none());
    let folder = folder.display();
    none.then(|| format!("there is no database in `{folder}`; `--state-dir` names another folder"))
}

/// The message about a job of which nothing is known while no daemon runs, by what is missing.
pub fn unknown_job(global: &Global, name: &JobName) -> String {
    let words = format!("there is no job `{name}`");
    match Places::here(global).config() {
        Ok(path) if !path.exists() => {
            let path = path.display();
            format!("{words}: there is no job file `{path}`, `transferd init` writes a first one")
        }
        Ok(_) | Err(_) => format!("{words}; `transferd next` lists the jobs"),
    }
}

fn open(global: &Global) -> Result<Option<SqliteStore>, String> {
    let folder = Places::here(global).state_folder()?;
    StateFolder::open_read_only(&folder).map_err(words)
}

fn words(error: impl Display) -> String {
    error.to_string()
}
