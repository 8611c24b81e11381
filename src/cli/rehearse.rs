//! `rehearse`: the job file played through the real engine in virtual time: what would run,
//! overlap, be skipped or wait.
//!
//! Touches neither state nor agent: it reads the job file, and the database, if there is one, for
//! how long transfers have taken so far.

mod document;
mod grid;
mod paces;
mod page;
mod runs;
mod sentences;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use clap::Args as ClapArgs;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::ask::{done, say};
use super::render::table::Screen;
use super::when::{Day, Towards, When};
use super::{Exit, Global, jobfile, zone};
use crate::core::job::JobSet;
use crate::daemon;
use crate::sim::rehearsal::limits::DAYS_MAX;
use crate::sim::rehearsal::{self, Bounds, Pace, Played, Rehearsal};
use grid::Grid;
use paces::{Given, Paces};

/// What may be typed after `rehearse`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Report only this job, run by run (all jobs are still simulated)
    job: Option<String>,
    /// When to begin: `2026-12-01`, `tomorrow`, `02:30`, a duration back (`2d`), RFC 3339 [default:
    /// now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// How many days to play
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
    days: u32,
    /// How long each transfer takes (`2h`), or those of one job (`nightly=2h`); may be repeated
    /// [default: as in the job's own history, else 5m]
    #[arg(long, value_name = "[JOB=]DURATION", value_parser = paces::given)]
    duration: Vec<Given>,
    /// The share of transfers that end in an error: `0.1` or `10%`
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = paces::share)]
    fail: f64,
    /// Random seed: decides which transfers fail, and which measured duration each takes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// What was played, and what it is to be told with.
struct Told<'a> {
    path: &'a Path,
    rehearsal: &'a Rehearsal,
    played: &'a Played,
    grid: &'a Grid,
    days: u32,
    /// There is a history, and it can't be read.
    history_is_bad: bool,
}

impl Told<'_> {
    /// The days that were played, as people count them.
    fn days_played(&self) -> usize {
        let date = |at: Timestamp| -> Date { self.rehearsal.zone.to_datetime(at).date() };
        let span = date(self.played.until).duration_since(date(self.rehearsal.from));
        usize::try_from(span.as_hours() / 24).unwrap_or(0)
    }
}

/// Carries out `rehearse`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let surroundings = jobfile::surroundings();
    let jobs: Vec<String> = args.job.iter().cloned().collect();
    let when = When {
        now: surroundings.now,
        zone: zone::meant(args.from.iter(), &jobs, global),
        towards: Towards::Past,
        day: Day::Start,
    };
    let from =
        match args.from.as_deref().map(|text| when.read_aloud("--from", text, err)).transpose() {
            Ok(from) => from.unwrap_or(surroundings.now),
            Err(words) => {
                say(err, &words);
                return Exit::Usage;
            }
        };
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let set = match jobfile::read(&path, global, err) {
        Ok(loaded) => loaded.set,
        Err(exit) => return exit,
    };
    let named = args.duration.iter().filter_map(|given| given.job.as_ref()).chain(&args.job);
    if let Some(unknown) = named.into_iter().find(|name| !set.jobs.contains_key(name.as_str())) {
        return jobfile::no_job(unknown, &set, err);
    }
    let zone = common_zone(&set).unwrap_or(surroundings.system_zone.1);
    let Ok(until) = from.to_zoned_datetime(zone.clone()).checked_add(i64::from(args.days).days())
    else {
        say(err, "the end of these days is too far away to be a time");
        return Exit::Usage;
    };
    let grid = Grid::new(from, until.timestamp(), &zone);
    let Paces { paces, otherwise, no_history } = Paces::find(&args.duration, &set, global);
    if let Some(words) = &no_history {
        say(err, &format!("the history is left out: {words}"));
    }
    let rehearsal = Rehearsal {
        host: daemon::host(),
        from,
        until: until.timestamp(),
        zone,
        cells: grid.starts.clone(),
        paces,
        otherwise,
        fail: args.fail,
        seed: args.seed,
        kept: args
            .job
            .as_deref()
            .and_then(|name| set.jobs.get_key_value(name))
            .map(|(n, _)| n.clone()),
        bounds: Bounds::default(),
        set: Arc::new(set),
    };
    let played = rehearsal::play(&rehearsal);
    let told = Told {
        path: &path,
        rehearsal: &rehearsal,
        played: &played,
        grid: &grid,
        days: args.days,
        history_is_bad: no_history.is_some(),
    };
    let written = if args.json {
        super::write_json(out, &document::Document::new(&told))
    } else {
        let text = page::page(&told, Screen::of_stdout(global.color));
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    };
    done(written, Exit::Done)
}

/// The zone that all scheduled jobs share, if they do.
fn common_zone(set: &JobSet) -> Option<TimeZone> {
    let mut scheduled = set.jobs.values().filter(|job| job.enabled && !job.timetable.is_empty());
    let first = scheduled.next()?;
    let name = first.timetable.zone_name();
    let shared = scheduled.all(|job| job.timetable.zone_name() == name);
    shared.then(|| first.timetable.zone().clone())
}
