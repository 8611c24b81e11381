//! `status`: prints daemon, job file, agent, token and each job, once or live.

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say_error};
use super::render::status::page;
use super::render::table::Screen;
use super::render::words::Times;
use super::{Exit, Global, named_jobs, watch, whereabouts};
use crate::clock;
use crate::control::request::StatusQuery;

/// Options of `transferd status`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only this job
    #[arg(value_parser = named_jobs::one)]
    job: Option<String>,
    /// Print a JSON object
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Stay and follow, with keys to look into runs and to act (`?` lists them); `q` ends it
    #[arg(short, long)]
    watch: bool,
    /// As a plain argument, for those who look for an option
    #[arg(long = "job", value_name = "JOB", hide = true, conflicts_with = "job",
          value_parser = named_jobs::one)]
    named: Option<String>,
    /// Show dates instead of relative times
    #[arg(long)]
    absolute: bool,
    /// Print the names of the jobs only
    #[arg(long, hide = true)]
    names: bool,
}

/// Carries out `status`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => {
            if exit == Exit::NotRunning && !args.json {
                // There is nobody to tell if standard error is gone.
                let _ = write!(err, "{}", whereabouts::lines(&whereabouts::whereabouts(global)));
            }
            return exit;
        }
    };
    let query = StatusQuery {
        job: args.job.clone().or(args.named.clone()),
        detail: !args.json,
        ..StatusQuery::default()
    };
    if args.watch {
        return watch::watch(&daemon, &query, args.absolute, global, out, err);
    }
    let status = match daemon.wait(daemon.client().status(&query)) {
        Ok(status) => status,
        Err(error) => return say_error(&error, err),
    };
    let written = if args.json {
        super::write_json(out, &status)
    } else if args.names {
        status.jobs.iter().try_for_each(|job| writeln!(out, "{}", job.name))
    } else {
        let screen = Screen::of_stdout(global.color);
        out.write_all(page(&status, &times(&args), screen).as_bytes())
    };
    done(written, Exit::Done)
}

fn times(args: &Args) -> Times {
    Times { now: clock::now(), zone: TimeZone::system(), absolute: args.absolute }
}
