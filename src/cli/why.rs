//! `why`: why a job did or did not run at a time, or what it waits for now.
//!
//! Answers from the record first, from the rules where the record is silent. Gathers facts here;
//! [`explain`](answer::explain) makes sentences of them.

mod answer;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::ask::{Daemon, NoDaemon, done, say, say_error};
use super::places::Places;
use super::render::words::past_time;
use super::{Exit, Global, jobfile, offline};
use crate::clock;
use crate::control::document::{JobDocument, RunDocument};
use crate::control::request::{HISTORY_MAX, HistoryQuery, StatusQuery};
use crate::core::ids::{JobName, RunId};
use crate::core::job::Job;
use answer::{Facts, explain};

/// How far back the last occurrence is looked for: the rarest schedules come every four years.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);

/// What may be typed after `why`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The job
    job: String,
    /// When: RFC 3339, or a duration back (`2d`) [default: now, else its last occurrence]
    time: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// `why --json`.
#[derive(Debug, Serialize)]
struct WhyDocument<'a> {
    job: &'a str,
    /// The time that the answer is about.
    at: Option<Timestamp>,
    /// In sentences.
    answer: Vec<String>,
    /// The run that it is about.
    run: Option<&'a RunDocument>,
    /// The run that it waits for.
    blocked_by: Option<RunId>,
}

/// Carries out `why`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let asked = match args.time.as_deref().map(|text| past_time(text, now)).transpose() {
        Ok(asked) => asked,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let (status, runs, path) = match gather(&args.job, global, err) {
        Ok(gathered) => gathered,
        Err(exit) => return exit,
    };
    let job = path.as_deref().and_then(|path| definition(path, &args.job));
    if job.is_none() && status.is_none() && runs.is_empty() {
        say(err, &format!("there is no job `{}`", args.job));
        return Exit::No;
    }
    let zone = job.as_ref().map_or_else(TimeZone::system, |job| job.timetable.zone().clone());
    let last = job.as_ref().and_then(|job| {
        let earliest = now.saturating_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
        job.timetable.last_at_or_before(now, earliest)
    });
    let facts = Facts {
        now,
        asked,
        last_occurrence: last,
        zone,
        job: job.as_deref(),
        status: status.as_ref(),
        runs: &runs,
    };
    let answer = explain(&facts);
    let written = if args.json {
        let document = WhyDocument {
            job: &args.job,
            at: answer.at,
            answer: answer.sentences,
            run: answer.run,
            blocked_by: answer.blocked_by,
        };
        super::write_json(out, &document)
    } else {
        answer.sentences.iter().try_for_each(|sentence| writeln!(out, "{sentence}"))
    };
    done(written, Exit::Done)
}

/// What the daemon, or the database where none runs, knows of a job, and where its file is.
type Gathered = (Option<JobDocument>, Vec<RunDocument>, Option<PathBuf>);

fn gather(job: &str, global: &Global, err: &mut dyn Write) -> Result<Gathered, Exit> {
    let query = HistoryQuery {
        job: Some(job.to_owned()),
        limit: Some(HISTORY_MAX),
        ..HistoryQuery::default()
    };
    match Daemon::find(global) {
        Ok(daemon) => {
            let about = StatusQuery { job: Some(job.to_owned()), detail: true };
            let status = match daemon.wait(daemon.client().status(&about)) {
                Ok(status) => status,
                Err(error) => return Err(say_error(&error, err)),
            };
            let runs = match daemon.wait(daemon.client().history(&query)) {
                Ok(runs) => runs,
                Err(error) => return Err(say_error(&error, err)),
            };
            let path = Some(PathBuf::from(status.config.path));
            Ok((status.jobs.into_iter().find(|about| about.name.as_str() == job), runs, path))
        }
        Err(NoDaemon::NotRunning(_)) => {
            // A job that never ran is unknown to the database, but may stand in the file.
            let runs = offline::history(global, &query).unwrap_or_default();
            Ok((None, runs, Places::here(global).config().ok()))
        }
        Err(none @ (NoDaemon::NotPermitted(_) | NoDaemon::Broken(_))) => Err(none.say(err)),
    }
}

/// The job as the file has it, if the file can be read and is good.
fn definition(path: &Path, job: &str) -> Option<std::sync::Arc<Job>> {
    let loaded = crate::config::read(path, &jobfile::surroundings()).ok()?;
    loaded.set.jobs.get(&JobName::new(job)).cloned()
}
