//! `pause` and `resume`: whether jobs are scheduled, whatever their file says.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::ask::{Daemon, done, say, say_error};
use super::render::words::Times;
use super::when::{Day, Towards, When};
use super::{Exit, Global, zone};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::document::JobDocument;
use crate::control::request::{JobQuery, PauseQuery, StatusQuery};

/// What may be typed after `pause`.
#[derive(Debug, ClapArgs)]
pub struct PauseArgs {
    /// The jobs
    #[arg(value_name = "JOB", required = true)]
    jobs: Vec<String>,
    /// Resume automatically at this time (`tomorrow 08:00`, RFC 3339), or after this duration (`2d`)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why, for those who read `status`
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print a JSON object, or an array for several jobs
    #[arg(long)]
    json: bool,
}

/// What may be typed after `resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// The jobs
    #[arg(value_name = "JOB", required = true)]
    jobs: Vec<String>,
    /// Print a JSON object, or an array for several jobs
    #[arg(long)]
    json: bool,
}

/// What `pause --json` and `resume --json` say of a job.
#[derive(Debug, Serialize)]
struct Document {
    job: String,
    paused: bool,
    until: Option<Timestamp>,
    reason: Option<String>,
    next_run: Option<Timestamp>,
}

/// Carries out `pause`.
pub fn pause(args: PauseArgs, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let zone = zone::meant(args.until.iter(), &args.jobs, global);
    let when = When { now, zone, towards: Towards::Future, day: Day::End };
    let until = args.until.as_deref().map(|text| when.read_aloud("--until", text, err));
    let until = match until.transpose() {
        Ok(until) => until,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    if until.is_some_and(|until| until <= now) {
        say(err, "`--until` has passed already");
        return Exit::Usage;
    }
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    // All are known before one is paused.
    let known = match known(&daemon, &args.jobs) {
        Ok(known) => known,
        Err(error) => return say_error(&error, err),
    };
    let mut paused = Vec::new();
    for job in known {
        let name = job.name.as_str().to_owned();
        let query = PauseQuery { job: name.clone(), until, reason: args.reason.clone() };
        if let Err(error) = daemon.wait(daemon.client().pause(&query)) {
            return say_error(&error, err);
        }
        let reason = args.reason.clone();
        paused.push(Document { job: name, paused: true, until, reason, next_run: None });
    }
    let end = until.map(|until| {
        let times = Times { now, zone: when.zone.clone(), absolute: true };
        format!(" until {}", times.full(until))
    });
    let end = end.unwrap_or_default();
    done(tell(&paused, args.json, out, |one| format!("`{}` is paused{end}", one.job)), Exit::Done)
}

/// Carries out `resume`.
pub fn resume(args: ResumeArgs, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let known = match known(&daemon, &args.jobs) {
        Ok(known) => known,
        Err(error) => return say_error(&error, err),
    };
    let mut resumed = Vec::new();
    for job in known {
        let query = JobQuery { job: job.name.as_str().to_owned() };
        if let Err(error) = daemon.wait(daemon.client().resume(&query)) {
            return say_error(&error, err);
        }
        match ask(&daemon, &query.job) {
            Ok(after) => resumed.push((job.paused, after)),
            Err(error) => return say_error(&error, err),
        }
    }
    let documents: Vec<_> = resumed
        .iter()
        .map(|(_, job)| Document {
            job: job.name.as_str().to_owned(),
            paused: job.paused,
            until: None,
            reason: None,
            next_run: job.next_run,
        })
        .collect();
    if args.json {
        return done(tell(&documents, true, out, |_| String::new()), Exit::Done);
    }
    let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: false };
    let lines =
        resumed.iter().try_for_each(|(was, job)| writeln!(out, "{}", after(*was, job, &times)));
    done(lines, Exit::Done)
}

/// What holds of a job that was resumed.
fn after(was_paused: bool, job: &JobDocument, times: &Times) -> String {
    let name = &job.name;
    let no_longer = if was_paused { "is no longer paused" } else { "was not paused" };
    let next = match job.next_run {
        _ if job.paused => "stays paused: all jobs are (`transferd resume --all`)".to_owned(),
        _ if !job.enabled => "it is still disabled in the job file (`enabled: false`)".to_owned(),
        Some(at) => format!("its next run is {}", times.next(at, job.zone().as_ref())),
        None => "it has no schedule: it runs when triggered".to_owned(),
    };
    format!("`{name}` {no_longer}; {next}")
}

/// The jobs as they are, if all are known.
fn known(daemon: &Daemon, names: &[String]) -> Result<Vec<JobDocument>, ClientError> {
    names.iter().map(|name| ask(daemon, name)).collect()
}

fn ask(daemon: &Daemon, name: &str) -> Result<JobDocument, ClientError> {
    let query = StatusQuery { job: Some(name.to_owned()), detail: true, ..StatusQuery::default() };
    let status = daemon.wait(daemon.client().status(&query))?;
    let gone = || ClientError::Refused(format!("there is no job `{name}`"));
    status.jobs.into_iter().next().ok_or_else(gone)
}

fn tell(
    documents: &[Document],
    json: bool,
    out: &mut dyn Write,
    line: impl Fn(&Document) -> String,
) -> io::Result<()> {
    match documents {
        [one] if json => super::write_json(out, one),
        several if json => super::write_json(out, &several),
        several => several.iter().try_for_each(|one| writeln!(out, "{}", line(one))),
    }
}
