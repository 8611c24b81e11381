//! `cancel`: ends active runs, at the agent too.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done, say_error};
use super::{Exit, Global};
use crate::control::client::ClientError;
use crate::control::document::{DoneDocument, RunDocument};
use crate::control::request::{CancelQuery, HistoryQuery, StatusQuery};
use crate::core::ids::{JobName, RunId};
use crate::core::meant::{is_glob, names_meant};
use crate::core::plain::plain;
use crate::core::run::RunState;

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

/// Carries out `cancel`. If one of several can't be canceled, no run is; occurrences that have none
/// yet are, and are printed: only a cancel shows that they are there.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let several = args.what.len() > 1 || args.what.iter().any(|word| is_glob(word));
    let what = match meant(&daemon, &args.what) {
        Ok(what) => what,
        Err(error) => return say_error(&error, err),
    };
    let (doubtful, active) = match doubtful(&daemon, what, several) {
        Ok(parted) => parted,
        Err(error) => return say_error(&error, err),
    };
    let (mut answers, mut exit) = (Vec::new(), Exit::Done);
    // Words that seem to have no run come first: the daemon says why, and then all is left as it
    // is.
    for words in [doubtful, active] {
        for (place, what) in words {
            match daemon.wait(daemon.client().cancel(&CancelQuery { what: what.clone() })) {
                Ok(answer) => answers.push((place, what, answer)),
                Err(error) => exit = say_error(&error, err),
            }
        }
        if exit != Exit::Done {
            break;
        }
    }
    if exit != Exit::Done && args.json {
        return exit;
    }
    answers.sort_by_key(|(place, _, _)| *place);
    let answers: Vec<_> = answers.into_iter().map(|(_, what, answer)| (what, answer)).collect();
    done(write(answers, several, args.json, out), exit)
}

/// Words, each with its position on the command line.
type Placed = Vec<(usize, String)>;

/// Splits several words into those that seem to have nothing to cancel, and the others.
fn doubtful(
    daemon: &Daemon,
    words: Vec<String>,
    several: bool,
) -> Result<(Placed, Placed), ClientError> {
    let words = words.into_iter().enumerate();
    if !several {
        return Ok((Vec::new(), words.collect()));
    }
    let states = RunState::ALL.into_iter().filter(|state| !state.is_over()).collect();
    let query = HistoryQuery { states, ..HistoryQuery::default() };
    let active = daemon.wait(daemon.client().history(&query))?;
    let is_active = |word: &str| {
        let fits = |run: &RunDocument| {
            run.job.as_str() == word || run.id.to_string().starts_with(&word.to_lowercase())
        };
        active.iter().any(fits)
    };
    Ok(words.partition(|(_, word)| !is_active(word)))
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
    several: bool,
    json: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if !json {
        return answers.iter().try_for_each(|(word, answer)| {
            answer.runs.iter().try_for_each(|run| writeln!(out, "{}", canceling(*run, word)))
        });
    }
    let documents: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
    match documents.as_slice() {
        [one] if !several => super::write_json(out, one),
        [] if !several => Ok(()),
        documents => super::write_json(out, &documents),
    }
}

/// That a run is being canceled: with its job, if that is what was named.
fn canceling(run: RunId, word: &str) -> String {
    match run.to_string().starts_with(&word.trim().to_lowercase()) {
        true => format!("canceling {run}"),
        false => format!("canceling {run} of `{}`", plain(word.trim())),
    }
}
