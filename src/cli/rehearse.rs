//! `rehearse`: plays the job file through the real engine in virtual time: which jobs would run,
//! overlap, be skipped or wait.
//!
//! Touches neither state nor agent: it reads the job file, and the database, if there is one, for
//! how long transfers have taken so far.

mod document;
mod durations;
mod expect;
mod grid;
mod page;
mod runs;
mod sentences;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::ask::{done, say};
use super::render::table::Screen;
use super::when::{Day, Towards, When};
use super::{Exit, Global, jobfile, named_jobs, numbers, zone};
use crate::core::job::JobSet;
use crate::daemon;
use crate::sim::rehearsal::limits::{CELLS_MAX, DAYS_MAX};
use crate::sim::rehearsal::{self, Bounds, Pace, Played, Rehearsal};
use durations::{Given, Paces};
use expect::Expected;
use grid::Grid;

/// Options of `transferd rehearse`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Report only this job, run by run (all jobs are still simulated)
    #[arg(value_parser = named_jobs::one)]
    job: Option<String>,
    /// When to begin: `2026-12-01`, `tomorrow`, `02:30`, a duration back (`2d`), RFC 3339 [default:
    /// now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// How many days to play [default: 30]
    #[arg(long, value_name = "N",
          value_parser = |text: &str| numbers::from_one(text, DAYS_MAX))]
    days: Option<u32>,
    /// How long each transfer takes (`2h`), or those of one job (`nightly=2h`); may be repeated
    /// [default: as in the job's own history, else 5m]
    #[arg(long, value_name = "[JOB=]DURATION", value_parser = durations::given)]
    duration: Vec<Given>,
    /// The share of transfers that end in an error: `0.1` or `10%` [default: 0]
    #[arg(long, value_name = "RATE", value_parser = durations::share)]
    fail: Option<f64>,
    /// Random seed: decides which transfers fail, and which measured duration each takes [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Exit 1 unless it comes out as FILE says, which holds a part of what `--json` prints, as JSON
    /// or YAML; its `from`, `days`, `seed`, `fail` and given durations stand for options left out
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// The rehearsal, and the data for presenting it.
struct Report<'a> {
    path: &'a Path,
    rehearsal: &'a Rehearsal,
    played: &'a Played,
    grid: &'a Grid,
    days: u32,
    /// There is a history, and it can't be read.
    history_is_bad: bool,
}

impl Report<'_> {
    /// The days that were played, as people count them.
    fn days_played(&self) -> usize {
        let date = |at: Timestamp| -> Date { self.rehearsal.zone.to_datetime(at).date() };
        let span = date(self.played.until).duration_since(date(self.rehearsal.from));
        usize::try_from(span.as_hours() / 24).unwrap_or(0)
    }
}

/// The default number of days.
const DAYS: u32 = 30;

impl Args {
    /// Takes missing options from `expected`.
    fn filled(mut self, expected: Option<&Expected>) -> Self {
        let Some(expected) = expected else { return self };
        self.from = self.from.or_else(|| expected.from().map(str::to_owned));
        self.days =
            self.days.or_else(|| expected.days().filter(|days| (1..=DAYS_MAX).contains(days)));
        self.seed = self.seed.or_else(|| expected.seed());
        self.fail = self.fail.or_else(|| expected.fail());
        if self.duration.is_empty() {
            self.duration.extend(expected.durations());
        }
        self
    }
}

/// Carries out `rehearse`.
pub fn run(mut args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let expected = match args.expect.as_deref().map(Expected::read).transpose() {
        Ok(expected) => expected,
        Err(words) => {
            say(err, &words);
            return Exit::No;
        }
    };
    args = args.filled(expected.as_ref());
    let days = args.days.unwrap_or(DAYS);
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
        Ok(loaded) => loaded.content.set,
        Err(exit) => return exit,
    };
    let named = args.duration.iter().filter_map(|given| given.job.as_ref()).chain(&args.job);
    if let Some(unknown) = named.into_iter().find(|name| !set.jobs.contains_key(name.as_str())) {
        return jobfile::no_job(unknown, &set, err);
    }
    let zone = common_zone(&set).unwrap_or(surroundings.system_zone.1);
    let Ok(until) = from.to_zoned_datetime(zone.clone()).checked_add(i64::from(days).days()) else {
        say(err, "the end of these days is too far away to be a time");
        return Exit::Usage;
    };
    let screen = Screen::of_stdout(global.color);
    // Output that is compared, or read by scripts, is the same on each screen.
    let is_page = !args.json && expected.is_none();
    let cells = if is_page { page::cells_that_fit(screen) } else { CELLS_MAX };
    let grid = Grid::new(from, until.timestamp(), &zone, cells);
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
        fail: args.fail.unwrap_or(0.0),
        seed: args.seed.unwrap_or(1),
        kept: args
            .job
            .as_deref()
            .and_then(|name| set.jobs.get_key_value(name))
            .map(|(n, _)| n.clone()),
        bounds: Bounds::default(),
        set,
    };
    let played = rehearsal::play(&rehearsal);
    let report = Report {
        path: &path,
        rehearsal: &rehearsal,
        played: &played,
        grid: &grid,
        days,
        history_is_bad: no_history.is_some(),
    };
    if let (Some(expected), Some(file)) = (&expected, &args.expect) {
        return judge(expected, file, &report, args.json, global, out);
    }
    let written = if args.json {
        super::write_json(out, &document::Document::new(&report))
    } else {
        let text = page::page(&report, screen);
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    };
    done(written, Exit::Done)
}

/// Prints whether it came out as expected.
fn judge(
    expected: &Expected,
    file: &Path,
    report: &Report<'_>,
    json: bool,
    global: &Global,
    out: &mut dyn Write,
) -> Exit {
    let mut document = document::Document::new(report);
    let found = serde_json::to_value(&document).unwrap_or_default();
    let verdict = expected.compare(&found, file);
    let exit = if verdict.met { Exit::Done } else { Exit::No };
    let written = if json {
        document.expected = Some(verdict);
        super::write_json(out, &document)
    } else {
        verdict.tell(global.color, out)
    };
    done(written, exit)
}

/// The zone that all scheduled jobs share, if they do.
fn common_zone(set: &JobSet) -> Option<TimeZone> {
    let mut scheduled = set.jobs.values().filter(|job| job.enabled && !job.timetable.is_empty());
    let first = scheduled.next()?;
    let name = first.timetable.zone_name();
    let shared = scheduled.all(|job| job.timetable.zone_name() == name);
    shared.then(|| first.timetable.zone().clone())
}
