//! The watch where the screen can't be redrawn: a page, with dates, whenever more has changed than
//! counters and times.

use std::io::Write;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::feed::{self, Followed};
use super::page::away;
use crate::cli::Global;
use crate::cli::event_stream::News;
use crate::cli::render::status::page;
use crate::cli::render::table::Screen;
use crate::cli::render::words::Times;
use crate::clock;
use crate::control::client::{Client, ClientError};
use crate::control::request::StatusQuery;
use crate::core::ids::{JobName, RunId};
use crate::core::run::RunState;

/// Writes blocks until the reader is gone.
pub(super) async fn write(
    client: &Client,
    query: &StatusQuery,
    global: &Global,
    out: &mut dyn Write,
) -> Result<(), ClientError> {
    let mut followed = Followed::default();
    let mut written = None;
    let mut answer = feed::ask(client.again(), query, News::default(), Duration::ZERO).await;
    loop {
        let (client_now, news) = followed.take(answer, client)?;
        let gist = gist(&followed);
        if written.as_ref() != Some(&gist) {
            written = Some(gist);
            let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: true };
            let screen = Screen::of_stdout(global.color);
            let mut text = away(&followed, &times, screen);
            if let Some(status) = followed.status() {
                text.push_str(&page(status, &times, screen));
            }
            if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
                return Ok(());
            }
        }
        answer = feed::ask(client_now, query, news, followed.patience()).await;
    }
}

/// The parts whose change makes a new block: everything that is not a counter or a time.
#[derive(PartialEq)]
struct Gist {
    away: bool,
    problems: Vec<String>,
    paused: bool,
    jobs: Vec<JobGist>,
}

/// The part of one job in it.
#[derive(PartialEq)]
struct JobGist {
    name: JobName,
    paused: bool,
    active: Option<(RunId, RunState, String)>,
    last: Option<RunId>,
}

fn gist(followed: &Followed) -> Gist {
    let status = followed.status();
    let jobs = status.map(|status| status.jobs.as_slice()).unwrap_or_default().iter();
    Gist {
        away: followed.away.is_some(),
        problems: status.map(|status| status.problems.clone()).unwrap_or_default(),
        paused: status.is_some_and(|status| status.pause.is_some()),
        jobs: jobs
            .map(|job| {
                let active = job.active_run.as_ref();
                JobGist {
                    name: job.name.clone(),
                    paused: job.paused,
                    active: active.map(|run| (run.id, run.state, run.reason.clone())),
                    last: job.last_run.as_ref().map(|run| run.id),
                }
            })
            .collect(),
    }
}
