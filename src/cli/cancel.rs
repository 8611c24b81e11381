//! `cancel`: the end of active runs, at the agent too.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done, say_error};
use super::{Exit, Global};
use crate::control::client::ClientError;
use crate::control::document::DoneDocument;
use crate::control::request::{CancelQuery, StatusQuery};
use crate::core::ids::JobName;
use crate::core::meant::{is_glob, names_meant};

/// What may be typed after `cancel`.
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

/// Carries out `cancel`. What can't be canceled keeps nothing else from being.
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
    let (mut answers, mut exit) = (Vec::new(), Exit::Done);
    for what in what {
        match daemon.wait(daemon.client().cancel(&CancelQuery { what })) {
            Ok(answer) => answers.push(answer),
            Err(error) => exit = say_error(&error, err),
        }
    }
    done(write(&answers, several, args.json, out), exit)
}

/// The words, a glob as the jobs with a run that it fits.
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

fn write(
    answers: &[DoneDocument],
    several: bool,
    json: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match answers {
        [one] if json && !several => super::write_json(out, one),
        [] if !several => Ok(()),
        answers if json => super::write_json(out, &answers),
        answers => {
            let runs = answers.iter().flat_map(|answer| &answer.runs);
            runs.into_iter().try_for_each(|run| writeln!(out, "canceling {run}"))
        }
    }
}
