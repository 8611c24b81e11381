//! Resolves the jobs named on a command line, by name or by glob, against the daemon's jobs, and
//! guesses what words that name none may have meant.

use std::io::Write;

use jiff::tz::TimeZone;

use super::Exit;
use super::ask::{Daemon, hint, say_error};
use super::when::{Day, Towards, When};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::document::JobDocument;
use crate::control::request::StatusQuery;
use crate::core::ids::JobName;
use crate::core::meant::{is_glob, names_meant};

/// The value of an argument that names one job or run. A glob would leave open which one is meant.
///
/// # Errors
/// A message: it is a glob.
pub(super) fn one(word: &str) -> Result<String, String> {
    match is_glob(word) {
        true => {
            Err("this takes one name and no glob; `transferd status` lists the jobs".to_owned())
        }
        false => Ok(word.to_owned()),
    }
}

/// The jobs that words select, each once, in the order of the words.
///
/// # Errors
/// A name is not a job's, a glob matches none, or the daemon does not answer.
pub(super) fn jobs(daemon: &Daemon, words: &[String]) -> Result<Vec<JobDocument>, ClientError> {
    let mut known = Vec::new();
    if words.iter().any(|word| is_glob(word)) {
        let query = StatusQuery { detail: true, ..StatusQuery::default() };
        known = daemon.wait(daemon.client().status(&query))?.jobs;
    }
    let names: Vec<JobName> = known.iter().map(|job| job.name.clone()).collect();
    let meant = names_meant(words, names.iter()).map_err(ClientError::Refused)?;
    let mut jobs = Vec::new();
    for name in meant {
        match known.iter().position(|job| job.name == name) {
            Some(index) => jobs.push(known.swap_remove(index)),
            None => jobs.push(job(daemon, name.as_str())?),
        }
    }
    Ok(jobs)
}

/// Prints a refusal, and what may have been meant by words that name no job.
pub(super) fn say_refusal(
    daemon: &Daemon,
    words: &[String],
    refused: &ClientError,
    instead: (&str, &str),
    err: &mut dyn Write,
) -> Exit {
    let exit = say_error(refused, err);
    next_step(daemon, words, refused, instead).iter().for_each(|next| hint(err, next));
    exit
}

/// What to type instead where the daemon refuses words that name no job: for all jobs, for a time
/// (`@` stands for it), or for a job with spaces in its name.
pub(super) fn next_step(
    daemon: &Daemon,
    words: &[String],
    refused: &ClientError,
    (all, time): (&str, &str),
) -> Option<String> {
    let ClientError::Refused(said) = refused else { return None };
    let word = words.iter().find(|word| {
        [format!("no job `{word}`"), format!("no job or run `{word}`")]
            .iter()
            .any(|no| said.contains(no))
    })?;
    let is_quoted_else = || {
        let (name, query) =
            (words.join(" "), StatusQuery { known: true, ..StatusQuery::default() });
        let status = daemon.wait(daemon.client().status(&query)).ok()?;
        let is_job = 1 < words.len() && status.jobs.iter().any(|job| job.name.as_str() == name);
        is_job.then(|| format!("quote a name with spaces in it: `'{name}'`"))
    };
    if word == "all" {
        return Some(all.to_owned());
    }
    is_quoted_else().or_else(|| {
        let (now, zone) = (clock::now(), TimeZone::system());
        let when = When { now, zone, towards: Towards::Future, day: Day::End };
        when.read(word).ok().map(|_| time.replace('@', word))
    })
}

/// One job.
///
/// # Errors
/// There is none of this name, or the daemon does not answer.
pub(super) fn job(daemon: &Daemon, name: &str) -> Result<JobDocument, ClientError> {
    let query = StatusQuery { job: Some(name.to_owned()), detail: true, ..StatusQuery::default() };
    let status = daemon.wait(daemon.client().status(&query))?;
    let gone = || ClientError::Refused(format!("there is no job `{name}`"));
    status.jobs.into_iter().next().ok_or_else(gone)
}
