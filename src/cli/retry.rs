//! `retry`: repeats unsuccessful runs, for the same time and with the same places.

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{Daemon, hint, say, say_error};
use super::trigger::End;
use super::when::{Day, Towards, When};
use super::{Exit, Global};
use crate::clock;
use crate::control::repeats::RetryQuery;
use crate::core::meant::is_glob;

/// Options of `transferd retry`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Run ids (or their first characters), or jobs (their last run); a glob such as `dailies-*`
    /// matches jobs whose last run did not succeed
    #[arg(value_name = "RUN|JOB", required_unless_present = "failed", conflicts_with = "failed")]
    runs: Vec<String>,
    /// All that failed or timed out since `--since` and have not succeeded
    #[arg(long)]
    failed: bool,
    /// With `--failed`: since when
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "failed")]
    since: Option<String>,
    /// To the places that the job file gives today, not those that the run had
    #[arg(long)]
    current: bool,
    /// Also what has succeeded
    #[arg(long, conflicts_with = "failed")]
    again: bool,
    #[command(flatten)]
    end: End,
}

/// Carries out `retry`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let Args { runs, failed, since, current, again, end } = args;
    if failed && since.is_none() {
        say(err, "`--failed` is of a time: `transferd retry --failed --since 1d`");
        return Exit::Usage;
    }
    if since.is_some() && !failed {
        say(err, "`--since` is for `--failed`: `transferd retry --failed --since 1d`");
        return Exit::Usage;
    }
    let zone = TimeZone::system();
    let when = When { now: clock::now(), zone, towards: Towards::Past, day: Day::Start };
    let since = since.map(|text| when.read_aloud("--since", &text, err)).transpose();
    let failed_since = match since {
        Ok(since) => since,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let mut daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let several = failed || runs.len() > 1 || runs.iter().any(|word| is_glob(word));
    let query = RetryQuery { runs, failed_since, current, again };
    match daemon.wait(daemon.client().retry(&query)) {
        Ok(runs) => {
            if runs.is_empty() {
                hint(err, "nothing to retry: all that failed since then has succeeded or runs");
            }
            end.of(runs, several, &mut daemon, global, (out, err))
        }
        Err(error) => say_error(&error, err),
    }
}
