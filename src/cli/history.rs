//! `history`: past runs, newest first, asked of the daemon or, where none runs, read from the
//! database.

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{Daemon, NoDaemon, done, say, say_error};
use super::render::run;
use super::render::table::Screen;
use super::render::words::{Times, past_time};
use super::{Exit, Global, offline, pauses};
use crate::clock;
use crate::control::document::RunDocument;
use crate::control::request::{HISTORY_MAX, HistoryQuery};
use crate::core::run::RunState;

/// How many runs people are shown if they do not say.
const FOR_PEOPLE: usize = 20;

/// What may be typed after `history`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only runs of this job
    job: Option<String>,
    /// At most so many runs, 10,000 or fewer [default: 20; with --json, 10,000]
    #[arg(short = 'n', long = "limit", value_name = "N")]
    limit: Option<usize>,
    /// Only runs in this state, such as `failed`
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<RunState>,
    /// Only runs created since then: RFC 3339, or a duration back (`2d`)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show dates instead of how long ago
    #[arg(long)]
    absolute: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// A state from its word; `-` will do for `_`.
fn state(word: &str) -> Result<RunState, String> {
    RunState::from_word(&word.replace('-', "_")).ok_or_else(|| {
        let words: Vec<_> = RunState::ALL.into_iter().map(RunState::word).collect();
        format!("expected one of {}", words.join(", "))
    })
}

/// Carries out `history`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let since = match args.since.as_deref().map(|text| past_time(text, now)).transpose() {
        Ok(since) => since,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let default = if args.json { HISTORY_MAX } else { FOR_PEOPLE };
    let query = HistoryQuery {
        job: args.job.clone(),
        state: args.state,
        since,
        before: None,
        limit: Some(args.limit.unwrap_or(default).min(HISTORY_MAX)),
    };
    let mut runs = match Daemon::find(global) {
        Ok(daemon) => match daemon.wait(daemon.client().history(&query)) {
            Ok(runs) => runs,
            Err(error) => return say_error(&error, err),
        },
        Err(NoDaemon::NotRunning(_)) => match offline::history(global, &query) {
            Ok(runs) => runs,
            Err(words) => {
                say(err, &words);
                return Exit::No;
            }
        },
        Err(none @ (NoDaemon::NotPermitted(_) | NoDaemon::Broken(_))) => return none.say(err),
    };
    if runs.len() == HISTORY_MAX && args.limit.is_none_or(|limit| limit > HISTORY_MAX) {
        say(err, &format!("only the newest {HISTORY_MAX} runs are listed"));
    }
    let written = if args.json {
        runs.iter_mut().for_each(RunDocument::leave_out_facts);
        super::write_json(out, &runs)
    } else if runs.is_empty() {
        writeln!(out, "no runs")
    } else {
        let times = Times { now, zone: TimeZone::system(), absolute: args.absolute };
        let page = run::history(&runs, &times, Screen::of_stdout(global.color));
        write!(out, "{page}{}", pauses::beneath(&runs, global, &times))
    };
    done(written, Exit::Done)
}
