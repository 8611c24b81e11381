//! `show`: prints one run, its attempts and its events, in order.

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{daemon_or_database, done, hint};
use super::render::run;
use super::render::table::Screen;
use super::render::words::Times;
use super::{Exit, Global, named_jobs, offline, zone};
use crate::clock;
use crate::control::request::ShowQuery;

/// Options of `transferd show`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run's id or the start of it, or a job for its last run [default: the last that failed]
    #[arg(value_name = "RUN|JOB", value_parser = named_jobs::one)]
    run: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `show`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let query = ShowQuery { run: args.run };
    let asked = daemon_or_database(
        global,
        err,
        async |client| client.show(&query).await,
        || offline::show(global, &query),
    );
    let mut shown = match asked {
        Ok(shown) => shown,
        Err(exit) => {
            if matches!(query.run.as_deref(), Some("last" | "latest" | "newest")) {
                let next = "`transferd show JOB` shows a job's last run, `transferd history -n 1` \
                            the newest of all";
                hint(err, next);
            }
            return exit;
        }
    };
    let written = if args.json {
        shown.leave_out_facts();
        super::write_json(out, &shown)
    } else {
        offline::say_as_recorded([&shown.run], err);
        // One job is meant: its times are shown in its zone.
        let zone = zone::of_job(shown.run.job.as_str(), global).unwrap_or_else(TimeZone::system);
        let times = Times { now: clock::now(), zone, absolute: true };
        out.write_all(run::show(&shown, &times, Screen::of_stdout(global.color)).as_bytes())
    };
    done(written, Exit::Done)
}
