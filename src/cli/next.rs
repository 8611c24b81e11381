//! `next`: the coming occurrences, read from the job file alone.
//!
//! Jitter is left out (contract, "Runs"), and pauses are the daemon's: `status` knows them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde::Serialize;

use super::{Exit, Global, jobfile};
use crate::config::Loaded;
use crate::core::job::Job;
use crate::core::suggest;

/// What may be typed after `next`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only this job's
    job: Option<String>,
    /// How many
    #[arg(short, long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    number: u32,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// One occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Occurrence<'a> {
    job: &'a str,
    at: String,
    timezone: &'a str,
}

/// Carries out `next`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let path = match jobfile::path(global, err) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let loaded = match jobfile::read(&path, global, err) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let jobs: Vec<&Job> = match &args.job {
        None => loaded.set.jobs.values().map(|job| &**job).collect(),
        Some(name) => match loaded.set.jobs.get(name.as_str()) {
            Some(job) => vec![job],
            None => return no_job(name, &loaded, err),
        },
    };
    let occurrences = coming(&jobs, jobfile::surroundings().now, args.number as usize);
    let told = if args.json {
        super::write_json(out, &occurrences)
    } else {
        for_people(&occurrences, &jobs, out, err)
    };
    match told {
        Ok(()) => Exit::Done,
        Err(_) => Exit::No,
    }
}

fn no_job(name: &str, loaded: &Loaded, err: &mut dyn Write) -> Exit {
    let names: Vec<&str> = loaded.set.jobs.keys().map(|name| name.as_str()).collect();
    let meant = match suggest::closest(name, &names) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    // Nothing is left to tell it to if standard error is gone.
    let _ = writeln!(err, "transferd: no job is called `{name}`{meant}");
    Exit::No
}

/// The first occurrences of all jobs together, in order of time, then of name.
fn coming<'a>(jobs: &[&'a Job], now: Timestamp, number: usize) -> Vec<Occurrence<'a>> {
    let mut heap: BinaryHeap<Reverse<(Timestamp, usize)>> = jobs
        .iter()
        .enumerate()
        .filter(|(_, job)| job.enabled)
        .filter_map(|(i, job)| Some(Reverse((job.timetable.next_after(now)?, i))))
        .collect();
    let mut occurrences = Vec::new();
    while occurrences.len() < number
        && let Some(Reverse((at, i))) = heap.pop()
    {
        let job = jobs[i];
        let zoned = at.to_zoned_datetime(job.timetable.zone().clone());
        occurrences.push(Occurrence {
            job: job.name.as_str(),
            at: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            timezone: job.timetable.zone_name(),
        });
        heap.extend(job.timetable.next_after(at).map(|next| Reverse((next, i))));
    }
    occurrences
}

fn for_people(
    occurrences: &[Occurrence<'_>],
    jobs: &[&Job],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    let width = occurrences.iter().map(|one| one.job.chars().count()).max().unwrap_or(0);
    for Occurrence { job, at, timezone } in occurrences {
        writeln!(out, "{at}  {job:width$}  {timezone}")?;
    }
    if occurrences.is_empty() {
        let why = match jobs {
            [] => "there are no jobs".to_owned(),
            [job] if job.timetable.is_empty() => {
                format!("`{}` has no schedule: it runs when triggered", job.name)
            }
            [job] if !job.enabled => format!("`{}` is disabled", job.name),
            _ => "no job has a coming occurrence".to_owned(),
        };
        writeln!(err, "{why}")?;
    }
    out.flush()
}
