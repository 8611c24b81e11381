//! `cancel`: the end of an active run, at the agent too.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done, say_error};
use super::{Exit, Global};
use crate::control::request::CancelQuery;

/// What may be typed after `cancel`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run's id or the start of it, or a job for its active run and those that wait behind it
    #[arg(value_name = "RUN|JOB")]
    what: String,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `cancel`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let answer = match daemon.wait(daemon.client().cancel(&CancelQuery { what: args.what })) {
        Ok(answer) => answer,
        Err(error) => return say_error(&error, err),
    };
    let written = if args.json {
        super::write_json(out, &answer)
    } else {
        answer.runs.iter().try_for_each(|run| writeln!(out, "canceling {run}"))
    };
    done(written, Exit::Done)
}
