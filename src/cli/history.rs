//! `history`: past runs, newest first, asked of the daemon or, where none answers, read from the
//! database.

use std::io::Write;

use clap::Args as ClapArgs;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ask::{daemon_or_database, done, say};
use super::pauses::{self, Shown};
use super::render::run;
use super::render::table::Screen;
use super::render::words::Times;
use super::when::{Day, Towards, When};
use super::{Exit, Global, numbers, offline, zone};
use crate::clock;
use crate::control::document::RunDocument;
use crate::control::request::{HISTORY_MAX, HistoryQuery};
use crate::core::run::RunState;

/// The default number of runs for people.
const FOR_PEOPLE: usize = 20;

/// Options of `transferd history`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only runs of these jobs; a glob such as `dailies-*` stands for those that it fits
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    /// As a plain argument, for those who look for an option
    #[arg(long = "job", value_name = "JOB", hide = true)]
    named: Vec<String>,
    /// Show at most N runs (up to 10,000) [default: 20; with --json, 10,000]
    #[arg(short = 'n', long = "limit", value_name = "N", alias = "last", value_parser = limit)]
    limit: Option<usize>,
    /// Only runs in these states, such as `failed,timed_out`
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states())]
    state: Vec<RunState>,
    /// Only runs that failed or timed out
    #[arg(long, conflicts_with = "state")]
    failed: bool,
    /// Only runs created since then: `yesterday`, `2026-11-26`, `2d`, RFC 3339
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only runs created until then; a day counts to its end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Show dates instead of relative times
    #[arg(long)]
    absolute: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// The states by their words; `-` is accepted for `_`.
fn states() -> impl TypedValueParser<Value = RunState> {
    let word = |state: RunState| match state {
        RunState::TimedOut => PossibleValue::new(state.word()).alias("timed-out"),
        RunState::BackingOff => PossibleValue::new(state.word()).alias("backing-off"),
        RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::Running
        | RunState::Canceling
        | RunState::Succeeded
        | RunState::Failed
        | RunState::Canceled
        | RunState::Skipped => PossibleValue::new(state.word()),
    };
    PossibleValuesParser::new(RunState::ALL.map(word)).try_map(|word| {
        let state = RunState::from_word(&word.replace('-', "_"));
        state.ok_or_else(|| format!("`{word}` is not a state"))
    })
}

fn limit(text: &str) -> Result<usize, String> {
    numbers::from_one(text, HISTORY_MAX)
}

/// Carries out `history`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let query = match query(&args, now, global, err) {
        Ok(query) => query,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let mut without_database = None;
    let asked = daemon_or_database(
        global,
        err,
        async |client| client.history(&query).await,
        || {
            without_database = offline::without_database(global);
            offline::history(global, &query)
        },
    );
    let mut runs = match asked {
        Ok(runs) => runs,
        Err(exit) => return exit,
    };
    if let Some(words) = without_database {
        // There is nobody to tell if standard error is gone.
        let _ = writeln!(err, "{words}");
    }
    if runs.len() == HISTORY_MAX && args.limit.is_none() {
        say(err, &format!("only the newest {HISTORY_MAX} runs are listed"));
    }
    let written = if args.json {
        runs.iter_mut().for_each(RunDocument::leave_out_facts);
        super::write_json(out, &runs)
    } else {
        offline::say_as_recorded(&runs, err);
        let jobs = named(&args);
        let times = Times { now, zone: TimeZone::system(), absolute: args.absolute };
        let zones = zone::of_runs(&runs, global);
        let page = match runs.is_empty() {
            true => "no runs\n".to_owned(),
            false => run::history(&runs, &times, &zones, Screen::of_stdout(global.color)),
        };
        let is_cut = query.limit.is_some_and(|limit| limit <= runs.len());
        let oldest = || runs.iter().map(|run| run.created_at).min().filter(|_| is_cut);
        let since = query.since.or_else(oldest);
        let shown = Shown { jobs: &jobs, runs: &runs, since, before: query.before };
        write!(out, "{page}{}", pauses::beneath(&shown, global, &times))
    };
    done(written, Exit::Done)
}

/// The jobs that are named, as arguments or with the option.
fn named(args: &Args) -> Vec<String> {
    args.jobs.iter().chain(&args.named).cloned().collect()
}

fn query(
    args: &Args,
    now: Timestamp,
    global: &Global,
    err: &mut dyn Write,
) -> Result<HistoryQuery, String> {
    let jobs = named(args);
    let texts = args.since.iter().chain(&args.until);
    let zone = zone::meant(texts, &jobs, global);
    let when = |day| When { now, zone: zone.clone(), towards: Towards::Past, day };
    let mut read = |option: &str, text: &Option<String>, day| {
        text.as_deref().map(|text| when(day).read_aloud(option, text, err)).transpose()
    };
    let since = read("--since", &args.since, Day::Start)?;
    let before = read("--until", &args.until, Day::End)?;
    let failed = [RunState::Failed, RunState::TimedOut];
    let default = if args.json { HISTORY_MAX } else { FOR_PEOPLE };
    Ok(HistoryQuery {
        jobs,
        states: if args.failed { failed.to_vec() } else { args.state.clone() },
        scheduled_for: None,
        since,
        before,
        limit: Some(args.limit.unwrap_or(default)),
    })
}
