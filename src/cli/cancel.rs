//! `cancel`: ends active runs, at the agent too.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done};
use super::{Exit, Global, named_jobs};
use crate::control::client::ClientError;
use crate::control::document::DoneDocument;
use crate::control::request::{CancelQuery, ShowQuery, StatusQuery};
use crate::core::ids::{JobName, RunId};
use crate::core::meant::{is_glob, names_meant};
use crate::core::plain::plain;

/// Options of `transferd cancel`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Runs, by their ids or the start of these, or jobs for their active run and those that wait
    /// behind it; a glob such as `dailies-*` stands for the jobs that it fits and that have a run
    #[arg(value_name = "RUN|JOB", required = true)]
    what: Vec<String>,
    /// Print a JSON object, or an array for several
    #[arg(long)]
    json: bool,
}

/// Carries out `cancel`. If one of several can't be canceled, none is.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let several = args.what.len() > 1 || args.what.iter().any(|word| is_glob(word));
    let words = match meant(&daemon, &args.what) {
        Ok(words) => words,
        Err(error) => return refused(&daemon, &args.what, &error, err),
    };
    let ask = |what: &String, dry_run| {
        daemon.wait(daemon.client().cancel(&CancelQuery { what: what.clone(), dry_run }))
    };
    let mut exit = Exit::Done;
    if several {
        for error in words.iter().filter_map(|what| ask(what, true).err()) {
            exit = refused(&daemon, &args.what, &error, err);
        }
    }
    if exit != Exit::Done {
        return exit;
    }
    let mut answers = Vec::new();
    for what in words {
        match ask(&what, false) {
            Ok(answer) => answers.push((what, answer)),
            Err(error) => exit = refused(&daemon, &args.what, &error, err),
        }
    }
    if exit != Exit::Done && args.json {
        return exit;
    }
    done(write(answers, &daemon, several, args.json, out), exit)
}

/// Prints a refusal, and what may have been meant.
fn refused(daemon: &Daemon, what: &[String], error: &ClientError, err: &mut dyn Write) -> Exit {
    let all = "`transferd cancel '*'` cancels all runs";
    let time = "`transferd history --since @` lists the runs, `transferd cancel RUN` ends one";
    named_jobs::say_refusal(daemon, what, error, (all, time), err)
}

/// The words, with a glob replaced by the jobs with a run that it matches.
fn meant(daemon: &Daemon, words: &[String]) -> Result<Vec<String>, ClientError> {
    if !words.iter().any(|word| is_glob(word)) {
        return Ok(words.to_vec());
    }
    let status = daemon.wait(daemon.client().status(&StatusQuery::default()))?;
    let active = status.jobs.iter().filter(|job| job.active_run.is_some());
    let active: Vec<JobName> = active.map(|job| job.name.clone()).collect();
    let unfit = |words: String| ClientError::Refused(format!("{words} and has a run to cancel"));
    let names = names_meant(words, active.iter()).map_err(unfit)?;
    Ok(names.iter().map(ToString::to_string).collect())
}

/// Writes the answers, each after the word that it is about.
fn write(
    answers: Vec<(String, DoneDocument)>,
    daemon: &Daemon,
    several: bool,
    json: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if !json {
        return answers.iter().try_for_each(|(word, answer)| {
            answer.runs.iter().try_for_each(|run| {
                writeln!(out, "{}", canceling(*run, job_of(*run, word, daemon)))
            })
        });
    }
    let documents: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
    match documents.as_slice() {
        [one] if !several => super::write_json(out, one),
        [] if !several => Ok(()),
        documents => super::write_json(out, &documents),
    }
}

/// The job of a run that was canceled: the word that named it, or was the beginning of its id.
fn job_of(run: RunId, word: &str, daemon: &Daemon) -> Option<JobName> {
    let word = word.trim();
    if !run.to_string().starts_with(&word.to_lowercase()) {
        return Some(JobName::new(word));
    }
    let query = ShowQuery { run: Some(run.to_string()) };
    let client = daemon.client();
    daemon.wait(client.soon(client.show(&query))).ok().map(|shown| shown.run.job)
}

/// That a run is being canceled, with its job if that is known.
fn canceling(run: RunId, job: Option<JobName>) -> String {
    let of = job.map(|job| format!(" of `{}`", plain(job.as_str()))).unwrap_or_default();
    format!("canceling {run}{of}")
}
