//! Requests to the daemon at the press of a key: an action, or the details of a run or a job.

use jiff::tz::TimeZone;

use super::model::{Action, Shown};
use crate::cli::render::table::Screen;
use crate::cli::render::words::Times;
use crate::cli::render::{run, status};
use crate::clock;
use crate::control::client::{Client, ClientError};
use crate::control::document::RunDocument;
use crate::control::repeats::{RetryQuery, TriggerQuery};
use crate::control::request::{CancelQuery, JobQuery, PauseQuery, ShowQuery, StatusQuery};
use crate::core::ids::JobName;

/// Carries out an action, and returns the result in words.
pub(super) async fn act(place: &Client, action: &Action) -> Result<String, String> {
    let client = place.again().map_err(|error| error.to_string())?;
    let name = |job: &JobName| job.as_str().to_owned();
    match action {
        Action::Trigger(job) => {
            let query = TriggerQuery { jobs: vec![name(job)], ..TriggerQuery::default() };
            started(client.trigger(&query).await)
        }
        Action::Retry(job) => {
            let query = RetryQuery { runs: vec![name(job)], ..RetryQuery::default() };
            started(client.retry(&query).await)
        }
        Action::Cancel(job) => {
            let done = client.cancel(&CancelQuery { what: name(job), dry_run: false }).await;
            outcome(done, format!("`{job}` is being canceled"))
        }
        Action::Pause(job) => {
            let query = PauseQuery { job: name(job), until: None, reason: None };
            outcome(client.pause(&query).await, format!("`{job}` is paused"))
        }
        Action::Resume(job) => {
            let done = client.resume(&JobQuery { job: name(job) }).await;
            let note = done.as_ref().ok().and_then(|done| done.note.clone());
            let words = note.unwrap_or_else(|| "scheduled again".to_owned());
            outcome(done, format!("`{job}`: {words}"))
        }
    }
}

fn started(runs: Result<Vec<RunDocument>, ClientError>) -> Result<String, String> {
    let runs = runs.map_err(|error| error.to_string())?;
    let ids = run::short_ids(&runs);
    let words = runs.iter().zip(ids).map(|(run, id)| format!("`{}` runs as {id}", run.job));
    Ok(words.collect::<Vec<_>>().join(", "))
}

fn outcome<T>(done: Result<T, ClientError>, words: String) -> Result<String, String> {
    done.map(|_| words).map_err(|error| error.to_string())
}

/// The details of a run or a job.
pub(super) async fn look(
    place: &Client,
    what: &Shown,
    absolute: bool,
    paper: Screen,
) -> Result<String, String> {
    // The daemon may have been restarted meanwhile.
    let client = place.again().map_err(|error| error.to_string())?;
    let times = |absolute| Times { now: clock::now(), zone: TimeZone::system(), absolute };
    let text = match what {
        Shown::Run(id) => {
            let query = ShowQuery { run: Some(id.to_string()) };
            match client.show(&query).await {
                Ok(shown) => {
                    // One job is meant: its times are shown in its zone.
                    let zone = zone_of(&client, &shown.run.job).await;
                    let times =
                        Times { zone: zone.unwrap_or_else(TimeZone::system), ..times(true) };
                    Ok(run::show(&shown, &times, paper))
                }
                Err(error) => Err(error),
            }
        }
        Shown::Job(job) => {
            let query = StatusQuery {
                job: Some(job.as_str().to_owned()),
                detail: true,
                ..StatusQuery::default()
            };
            let status = client.status(&query).await;
            status.map(|status| status::page(&status, &times(absolute), paper))
        }
    };
    text.map_err(|error| error.to_string())
}

/// The zone of a job, if the daemon still has it.
async fn zone_of(client: &Client, job: &JobName) -> Option<TimeZone> {
    let query = StatusQuery { job: Some(job.to_string()), detail: true, known: true };
    client.status(&query).await.ok()?.jobs.into_iter().next()?.zone()
}
