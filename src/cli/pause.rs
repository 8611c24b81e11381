//! `pause` and `resume`: whether a job is scheduled, whatever its file says.

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say, say_error};
use super::render::words::{Times, future_time};
use super::{Exit, Global};
use crate::clock;
use crate::control::request::{JobQuery, PauseQuery};

/// What may be typed after `pause`.
#[derive(Debug, ClapArgs)]
pub struct PauseArgs {
    /// The job
    job: String,
    /// Till then: RFC 3339, or a duration from now (`2d`) [default: until resumed]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why, for those who read `status`
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What may be typed after `resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// The job
    job: String,
}

/// Carries out `pause`.
pub fn pause(args: PauseArgs, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let until = match args.until.as_deref().map(|text| future_time(text, now)).transpose() {
        Ok(until) => until,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    if until.is_some_and(|until| until <= now) {
        say(err, "`--until` has passed already");
        return Exit::Usage;
    }
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let query = PauseQuery { job: args.job, until, reason: args.reason };
    match daemon.wait(daemon.client().pause(&query)) {
        Ok(_) => {
            let times = Times { now, zone: TimeZone::system(), absolute: true };
            let end = until.map(|until| format!(" until {}", times.full(until)));
            let end = end.unwrap_or_default();
            done(writeln!(out, "`{}` is paused{end}", query.job), Exit::Done)
        }
        Err(error) => say_error(&error, err),
    }
}

/// Carries out `resume`.
pub fn resume(args: ResumeArgs, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let query = JobQuery { job: args.job };
    match daemon.wait(daemon.client().resume(&query)) {
        Ok(_) => done(writeln!(out, "`{}` is scheduled again", query.job), Exit::Done),
        Err(error) => say_error(&error, err),
    }
}
