//! `next`: lists coming occurrences: one row a job, or one by one.
//!
//! Asks the daemon; without one, and for a file given by name, reads the job file, and where that
//! is broken and the daemon's own, shows the jobs in force, with the pauses of the database. Jitter
//! is left out (docs/reference.md, "Runs").

mod planned;

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ask::{done, say};
use super::render::fit::width;
use super::render::paint::Tone;
use super::render::run::last;
use super::render::table::{Rows, Screen};
use super::render::words::{Times, occurrence, span};
use super::when::{Day, Towards, When};
use super::{Exit, Global, numbers, zone};
use crate::clock;
use crate::control::occurrences::{OccurrenceDocument, just_before};
use crate::core::schedule::{Occurring, coming, firsts};
use planned::{Planned, planned};

/// The number of occurrences listed if neither a number nor an end is given.
const FEW: usize = 10;

/// The most occurrences ever listed: some megabytes, made in a second.
const MOST: usize = 100_000;

/// Options of `transferd next`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The coming occurrences of these jobs; a glob such as `dailies-*` stands for those that it
    /// fits [default: one row for each job]
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    /// As a plain argument, for those who look for an option
    #[arg(long = "job", value_name = "JOB", hide = true)]
    named: Vec<String>,
    /// Number of occurrences to show [default: 10, or all with --until]
    #[arg(short, long, value_name = "N", value_parser = number)]
    number: Option<usize>,
    /// Show all occurrences until then: `7d`, `tomorrow`, `2026-12-24`, RFC 3339
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

fn number(text: &str) -> Result<usize, String> {
    numbers::from_one(text, MOST)
}

/// Carries out `next`.
pub fn run(mut args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let now = clock::now();
    let named = std::mem::take(&mut args.named);
    args.jobs.extend(named);
    let zone = zone::meant(args.until.iter(), &args.jobs, global);
    let when = When { now, zone, towards: Towards::Future, day: Day::End };
    let until = args.until.as_deref().map(|text| when.read_aloud("--until", text, err));
    let until = match until.transpose() {
        // The midnight that ends a day belongs to the next one.
        Ok(end) => end.map(|end| {
            let is_day = args.until.as_deref().is_some_and(|text| when.whole_day(text).is_some());
            if is_day { just_before(end) } else { end }
        }),
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let mut jobs = match planned(&args.jobs, global, err) {
        Ok(jobs) => jobs,
        Err(exit) => return exit,
    };
    let listed = !args.jobs.is_empty() || args.number.is_some() || until.is_some();
    if !listed {
        // A row a job says that it is paused.
        jobs.iter_mut().for_each(|job| job.resumes = None);
    }
    let default = if until.is_some() { MOST } else { FEW };
    let number = args.number.unwrap_or(default);
    let coming = if listed { coming(&jobs, now, number, until) } else { firsts(&jobs, now) };
    if listed && coming.len() == MOST {
        // There is nobody to tell if standard error is gone.
        let _ = writeln!(err, "these are the first {MOST}: more may come after them");
    }
    let told = if args.json {
        let all: Vec<_> = coming.iter().map(|(at, job)| document(job, *at)).collect();
        super::write_json(out, &all)
    } else if listed {
        for remark in remarks(&jobs, &coming) {
            // There is nobody to tell if standard error is gone.
            let _ = writeln!(err, "{remark}");
        }
        out.write_all(occurrences(&coming, now).as_bytes())
    } else if jobs.is_empty() {
        writeln!(out, "there are no jobs")
    } else {
        out.write_all(table(&coming, &jobs, now, Screen::of_stdout(global.color)).as_bytes())
    };
    done(told, Exit::Done)
}

fn document(job: &Planned, at: Timestamp) -> OccurrenceDocument {
    OccurrenceDocument::new(&job.name, &job.timetable, at)
}

/// One row a job, the unscheduled ones last.
fn table(
    coming: &[(Timestamp, &Planned)],
    jobs: &[Planned],
    now: Timestamp,
    screen: Screen,
) -> String {
    let times = Times { now, zone: TimeZone::system(), absolute: false };
    let mut rows = Rows::new(screen, &["JOB", "NEXT RUN", "IN", "LAST RUN"]).naming(0);
    for (at, job) in coming {
        rows.add([
            (Tone::Strong, job.name.clone()),
            (Tone::Plain, occurrence(&job.local(*at))),
            (Tone::Plain, span(at.duration_since(now))),
            last(job.last.as_ref(), &times),
        ]);
    }
    for job in jobs.iter().filter(|job| job.next_after(now).is_none()) {
        rows.add([
            (Tone::Strong, job.name.clone()),
            (Tone::Faint, job.silence().to_owned()),
            (Tone::Faint, "-".to_owned()),
            last(job.last.as_ref(), &times),
        ]);
    }
    rows.text()
}

/// The occurrences one by one: the time first, for tools that sort by it.
fn occurrences(coming: &[(Timestamp, &Planned)], now: Timestamp) -> String {
    let longest =
        |of: fn(&Planned) -> &str| coming.iter().map(|(_, job)| width(of(job))).max().unwrap_or(0);
    let (names, zones) = (longest(Planned::name), longest(Planned::zone));
    let padded = |text: &str, to: usize| format!("{text}{:1$}", "", to.saturating_sub(width(text)));
    let mut text = String::new();
    for (at, job) in coming {
        let local = job.local(*at);
        let (rfc, weekday) = (local.strftime("%Y-%m-%dT%H:%M:%S%:z"), local.strftime("%a"));
        let (name, zone) = (padded(job.name(), names), padded(job.zone(), zones));
        let left = span(at.duration_since(now));
        text.push_str(&format!("{rfc}  {weekday}  {name}  {zone}  in {left}\n"));
    }
    text
}

/// What is worth saying of jobs whose occurrences are listed: why one has none among them, and until
/// when one is paused. Beyond a few jobs, only if there are none at all.
fn remarks(jobs: &[Planned], coming: &[(Timestamp, &Planned)]) -> Vec<String> {
    let is_listed = |job: &Planned| coming.iter().any(|(_, listed)| listed.name == job.name);
    match jobs {
        [] => vec!["there are no jobs".to_owned()],
        jobs if jobs.len() <= FEW => {
            jobs.iter().filter_map(|job| job.remark(is_listed(job))).collect()
        }
        _ if !coming.is_empty() => Vec::new(),
        jobs if jobs.iter().all(|job| job.paused) => {
            vec!["these jobs are paused: `transferd resume` ends that".to_owned()]
        }
        _ => vec!["no occurrence is coming in that time".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::schedule::{Schedule, Timetable};

    fn job(name: &str, schedule: &str, enabled: bool) -> Planned {
        let schedules =
            if schedule.is_empty() { Vec::new() } else { vec![Schedule::parse(schedule).unwrap()] };
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Planned {
            name: name.to_owned(),
            timetable: Timetable::new(schedules, "Europe/Berlin", zone),
            enabled,
            paused: false,
            all_paused: false,
            resumes: None,
            first: None,
            last: None,
        }
    }

    fn jobs() -> Vec<Planned> {
        vec![
            job("every-minute", "* * * * *", true),
            job("nightly", "30 2 * * *", true),
            job("off", "30 2 * * *", false),
            job("restore", "", true),
        ]
    }

    fn now() -> Timestamp {
        "2026-11-27T14:00:00+01:00".parse().unwrap()
    }

    #[test]
    fn each_job_has_a_row_however_often_others_run() {
        let jobs = jobs();
        let text =
            table(&firsts(&jobs, now()), &jobs, now(), Screen { width: Some(100), color: false });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].starts_with("JOB") && lines[0].contains("NEXT RUN"), "{text}");
        assert!(lines[1].starts_with("every-minute  Fri 2026-11-27 14:01 +01:00"), "{text}");
        assert!(lines[2].contains("Sat 2026-11-28 02:30 +01:00  13 h"), "{text}");
        assert!(lines[3].contains("disabled") && lines[4].contains("by hand"), "{text}");
    }

    #[test]
    fn what_has_its_run_does_not_come_again_when_the_clock_was_set_back() {
        let mut nightly = job("nightly", "30 2 * * *", true);
        let first: Timestamp = "2026-11-29T02:30:00+01:00".parse().unwrap();
        nightly.first = Some(first);
        let jobs = [nightly];
        let next = |number| coming(&jobs, now(), number, None).into_iter().map(|(at, _)| at);
        let after = "2026-11-30T02:30:00+01:00".parse().unwrap();
        assert_eq!(next(2).collect::<Vec<Timestamp>>(), [first, after]);
        assert_eq!(firsts(&jobs, now())[0].0, first);
    }

    #[test]
    fn each_job_that_is_asked_for_by_name_is_answered() {
        let (off, by_hand) = (job("off", "30 2 * * *", false), job("restore", "", true));
        let held = |all_paused| {
            let resumes = Some("2026-11-30T12:00:00+01:00".parse().unwrap());
            Planned { paused: true, all_paused, resumes, ..job("nightly", "30 2 * * *", true) }
        };
        let jobs = [held(false), off, by_hand];
        let listed = coming(&jobs, now(), 2, None);
        assert_eq!(listed.len(), 2);
        let told = remarks(&jobs, &listed);
        let until = "`nightly` is paused until Mon 2026-11-30 12:00 +01:00";
        assert_eq!(told[0], format!("{until}: `transferd resume nightly` ends that"));
        assert!(told[1].contains("`off` is disabled"), "{told:?}");
        assert!(told[2].contains("`restore` has no schedule"), "{told:?}");
        let told = remarks(&[held(true)], &[]);
        assert_eq!(told, [format!("{until}: `transferd resume --all` ends that")]);
    }

    #[test]
    fn occurrences_end_with_their_number_or_their_time() {
        let jobs = jobs();
        assert_eq!(coming(&jobs, now(), 3, None).len(), 3);
        let until = "2026-11-27T14:05:00+01:00".parse().unwrap();
        assert_eq!(coming(&jobs, now(), MOST, Some(until)).len(), 5, "the end counts");
        let day = "2026-11-28T14:00:00+01:00".parse().unwrap();
        let nightly = &jobs[1..2];
        assert_eq!(coming(nightly, now(), MOST, Some(day)).len(), 1);
    }
}
