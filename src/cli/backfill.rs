//! `backfill`: creates a run for each past occurrence that has no success. The plan is shown first.

use std::io::{self, Write};

use clap::Args as ClapArgs;
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, hint, say, say_error};
use super::prompt::Prompt;
use super::render::words::count;
use super::scheduled_time::time_asked;
use super::{Exit, Global, named_jobs, zone};
use crate::clock;
use crate::control::repeats::{BackfillDocument, BackfillQuery, TimeAsked};
use crate::core::schedule::instant_of;

/// Options of `transferd backfill`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The job
    #[arg(value_parser = named_jobs::one)]
    job: String,
    /// From this time on; of a day, from its start
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// Until this time, itself included; of a day, until its end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: String,
    /// Also occurrences that have succeeded
    #[arg(long)]
    all: bool,
    /// Only show the plan
    #[arg(long)]
    dry_run: bool,
    /// Go ahead without asking
    #[arg(long)]
    yes: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `backfill`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    // The plan is shown in the job's zone, however the times are given.
    let zone = zone::of_job(&args.job, global).unwrap_or_else(TimeZone::system);
    let mut asked = |option, text: &str| time_asked((option, text), now, (&zone, false), err);
    let span = asked("--from", &args.from).and_then(|from| Ok((from, asked("--to", &args.to)?)));
    let (from, to) = match span {
        Ok(span) => span,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    if last(to, &zone).is_some_and(|to| Some(to) < first(from, &zone)) {
        say(err, "`--to` lies before `--from`");
        return Exit::Usage;
    }
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let mut query = BackfillQuery { job: args.job.clone(), from, to, all: args.all, dry_run: true };
    if args.dry_run || !args.yes {
        let plan = match daemon.wait(daemon.client().backfill(&query)) {
            Ok(plan) => plan,
            Err(error) => return say_error(&error, err),
        };
        if let Err(error) = write(&plan, args.json, &zone, out) {
            return done(Err(error), Exit::No);
        }
        if args.dry_run || plan.runs.is_empty() {
            return Exit::Done;
        }
        match is_wanted(plan.runs.len()) {
            Some(true) => {}
            Some(false) => return Exit::No,
            None => {
                hint(err, "nothing was started: add `--yes` to go ahead");
                return Exit::Usage;
            }
        }
    }
    query.dry_run = false;
    match daemon.wait(daemon.client().backfill(&query)) {
        Ok(done_of_it) if args.yes => done(write(&done_of_it, args.json, &zone, out), Exit::Done),
        Ok(done_of_it) => {
            hint(err, &format!("added {}", count(done_of_it.runs.len(), "run")));
            Exit::Done
        }
        Err(error) => say_error(&error, err),
    }
}

/// The first instant that is meant; absent beyond all calendars.
fn first(asked: TimeAsked, zone: &TimeZone) -> Option<Timestamp> {
    match asked {
        TimeAsked::Instant(at) => Some(at),
        TimeAsked::Local(moment) => instant_of(moment, zone),
        TimeAsked::Day(day) => instant_of(day.to_datetime(Time::midnight()), zone),
    }
}

/// The end of what is meant.
fn last(asked: TimeAsked, zone: &TimeZone) -> Option<Timestamp> {
    match asked {
        TimeAsked::Instant(_) | TimeAsked::Local(_) => first(asked, zone),
        TimeAsked::Day(day) => {
            let next = day.tomorrow().ok()?;
            instant_of(next.to_datetime(Time::midnight()), zone)
        }
    }
}

/// Asks the person at the terminal; none if there is no terminal.
fn is_wanted(runs: usize) -> Option<bool> {
    let mut prompt = Prompt::open();
    if !prompt.is_terminal() {
        return None;
    }
    let answer =
        prompt.line(&format!("start {}, one after another? [y/N]", count(runs, "run"))).ok()?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn write(
    plan: &BackfillDocument,
    json: bool,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    if json {
        return super::write_json(out, plan);
    }
    let local = |at: jiff::Timestamp| {
        at.to_zoned_datetime(zone.clone()).strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
    };
    for run in &plan.runs {
        let at = run.scheduled_for.map(local).unwrap_or_default();
        writeln!(out, "{at}  {} -> {}", run.source, run.destination)?;
    }
    match (plan.runs.len(), plan.left_out.len()) {
        (0, 0) => writeln!(out, "no occurrence in that time")?,
        (runs, 0) => writeln!(out, "{}", count(runs, "run"))?,
        (runs, left) => {
            writeln!(out, "{}; {} left out", count(runs, "run"), count(left, "occurrence"))?;
        }
    }
    out.flush()
}
