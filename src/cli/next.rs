//! `next`: lists coming occurrences: one row a job, or one by one.
//!
//! Asks the daemon; without one, and for a file given by name, reads the job file, and where that
//! is broken the last good job set, with the pauses of the database. Jitter is left out
//! (docs/reference.md, "Runs").

use std::io::Write;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::ask::{Daemon, NoDaemon, done, say, say_error};
use super::render::fit::width;
use super::render::paint::Tone;
use super::render::run::last;
use super::render::table::{Rows, Screen};
use super::render::words::{Times, occurrence, span};
use super::when::{Day, Towards, When};
use super::{Exit, Global, jobfile, named_jobs, numbers, offline, zone};
use crate::clock;
use crate::control::document::{JobDocument, PauseDocument, RunDocument};
use crate::control::occurrences::{OccurrenceDocument, just_before};
use crate::control::request::StatusQuery;
use crate::core::job::{Job, JobSet};
use crate::core::meant::names_meant;
use crate::core::record::{JobRow, Pause};
use crate::core::schedule::{Occurring, Schedule, Timetable, coming, firsts};

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

/// A job, with the parts needed here.
struct Planned {
    name: String,
    timetable: Timetable,
    enabled: bool,
    paused: bool,
    /// All jobs are paused.
    all_paused: bool,
    /// When its pause is over, if an end is set and what comes then is asked for.
    resumes: Option<Timestamp>,
    /// The first that has no run yet, if it is known: after the clock was set back, an occurrence
    /// to come may have one.
    first: Option<Timestamp>,
    last: Option<RunDocument>,
}

impl Occurring for Planned {
    fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let from = match self.paused {
            true => at.max(just_before(self.resumes?)),
            false => at,
        };
        let next = self.timetable.next_after(from).filter(|_| self.enabled)?;
        Some(self.first.map_or(next, |first| next.max(first)))
    }
}

impl Planned {
    fn from_file(
        job: &Job,
        job_row: Option<&JobRow>,
        of_all: Option<&Pause>,
        last: Option<RunDocument>,
    ) -> Self {
        let now = clock::now();
        let own = job_row.and_then(|job_row| job_row.pause.as_ref());
        let pauses: Vec<&Pause> =
            own.into_iter().chain(of_all).filter(|pause| pause.holds(now)).collect();
        Self {
            first: job_row.and_then(|job_row| job_row.coming(&job.timetable, now)),
            name: job.name.as_str().to_owned(),
            timetable: job.timetable.clone(),
            enabled: job.enabled,
            paused: !pauses.is_empty(),
            all_paused: of_all.is_some_and(|pause| pause.holds(now)),
            // Over when the last of them is, if each has an end.
            resumes: pauses.iter().try_fold(now, |end, pause| Some(end.max(pause.until?))),
            last,
        }
    }

    /// Absent for a zone or a schedule that this machine, or this version, does not know.
    fn from_daemon(job: JobDocument, all_paused: bool) -> Option<Self> {
        let zone = job.zone()?;
        let zone_name = job.detail.as_ref()?.rules.as_ref()?.timezone.clone();
        let expressions = job.schedule.as_ref().map(|schedule| schedule.expressions());
        let schedules = expressions.unwrap_or_default().iter().map(|text| Schedule::parse(text));
        let schedules = schedules.collect::<Result<_, _>>().ok()?;
        Some(Self {
            name: job.name.as_str().to_owned(),
            timetable: Timetable::new(schedules, &zone_name, zone),
            enabled: job.enabled,
            paused: job.paused,
            all_paused,
            resumes: job.pause.and_then(|pause| pause.until),
            first: job.next_run,
            last: job.last_run,
        })
    }

    fn local(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.timetable.zone().clone())
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn zone(&self) -> &str {
        self.timetable.zone_name()
    }

    /// Why none of its occurrences is listed, or from when on they are.
    fn remark(&self, is_listed: bool) -> Option<String> {
        let name = &self.name;
        if self.timetable.is_empty() {
            return Some(format!("`{name}` has no schedule: it runs when triggered"));
        }
        if !self.enabled {
            return Some(format!("`{name}` is disabled: set `enabled: true` in the job file"));
        }
        if self.paused {
            let until = self.resumes.map(|end| self.local(end));
            let until = until.map(|end| format!(" until {}", occurrence(&end))).unwrap_or_default();
            let resume = match name.as_str() {
                _ if self.all_paused => "--all".to_owned(),
                spaced if spaced.contains(' ') => format!("'{spaced}'"),
                plain => plain.to_owned(),
            };
            return Some(format!(
                "`{name}` is paused{until}: `transferd resume {resume}` ends that"
            ));
        }
        (!is_listed).then(|| format!("`{name}` has no occurrence in the time that is listed"))
    }

    /// Why nothing is coming.
    fn silence(&self) -> &'static str {
        if self.timetable.is_empty() {
            "by hand"
        } else if !self.enabled {
            "disabled"
        } else if self.paused {
            "paused"
        } else {
            "never"
        }
    }
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

/// The jobs that are meant: from the daemon, or from the file.
fn planned(names: &[String], global: &Global, err: &mut dyn Write) -> Result<Vec<Planned>, Exit> {
    if global.config.is_none() {
        match Daemon::find(global) {
            Ok(daemon) => return of_daemon(&daemon, names, err),
            Err(NoDaemon::NotRunning(search)) if search.elsewhere.is_some() => {
                search.say_if_elsewhere(err);
            }
            Err(NoDaemon::NotRunning(_)) => {
                // There is nobody to tell if standard error is gone.
                let _ =
                    writeln!(err, "the daemon is not running: nothing runs until it is started");
            }
            Err(none @ (NoDaemon::NotPermitted(_) | NoDaemon::Broken(_))) => {
                return Err(none.say(err));
            }
        }
    }
    let path = jobfile::path(global, err)?;
    let set = match crate::config::read(&path, &jobfile::surroundings()) {
        Ok(loaded) => loaded.content.set,
        Err(rejected) => match offline::last_good(global) {
            Some(set) if global.config.is_none() => {
                let _ = jobfile::tell(&rejected, global, err);
                say(err, "the last good job set is shown instead");
                set
            }
            Some(_) | None => {
                return Err(match jobfile::tell(&rejected, global, err) {
                    Ok(()) | Err(_) => Exit::No,
                });
            }
        },
    };
    of_set(&set, names, global, err)
}

/// The daemon knows the answer: the agent is not asked.
fn of_daemon(daemon: &Daemon, names: &[String], err: &mut dyn Write) -> Result<Vec<Planned>, Exit> {
    let status = |job: Option<String>| {
        let detail = job.is_none();
        daemon.wait(daemon.client().status(&StatusQuery { job, detail, known: true }))
    };
    let asked = match names {
        [] => status(None).map(|status| (status.config, status.pause, status.jobs)),
        names => named_jobs::jobs(daemon, names).and_then(|jobs| {
            // Any of them is enough: each comes with the job file.
            let first = jobs.first().map(|job| job.name.to_string());
            let status = status(first)?;
            Ok((status.config, status.pause, jobs))
        }),
    };
    match asked {
        Ok((file, of_all, jobs)) => {
            jobfile::print_that_old_jobs_run(&file, err);
            let planned = |job| Planned::from_daemon(job, of_all.is_some());
            let mut jobs: Vec<_> = jobs.into_iter().filter_map(planned).collect();
            for job in &mut jobs {
                let both = |end: Timestamp, all: &PauseDocument| Some(end.max(all.until?));
                job.resumes = job
                    .resumes
                    .and_then(|end| of_all.as_ref().map_or(Some(end), |all| both(end, all)));
            }
            Ok(jobs)
        }
        Err(error) => Err(say_error(&error, err)),
    }
}

fn of_set(
    set: &JobSet,
    names: &[String],
    global: &Global,
    err: &mut dyn Write,
) -> Result<Vec<Planned>, Exit> {
    let jobs: Vec<&Job> = match names {
        [] => set.jobs.values().map(|job| &**job).collect(),
        names => {
            let meant = match names_meant(names, set.jobs.keys()) {
                Ok(meant) => meant,
                Err(words) => {
                    say(err, &words);
                    return Err(Exit::No);
                }
            };
            let mut jobs: Vec<&Job> = Vec::new();
            for name in meant {
                match set.jobs.get(&name) {
                    Some(job) => jobs.push(job),
                    None => return Err(jobfile::no_job(name.as_str(), set, err)),
                }
            }
            jobs
        }
    };
    let names: Vec<_> = jobs.iter().map(|job| job.name.clone()).collect();
    // A past that can't be read does not keep the future from being shown.
    let mut last = offline::last_ended(global, &names).unwrap_or_default();
    let read =
        offline::job_rows(global).and_then(|rows| Ok((rows, offline::pause_of_all(global)?)));
    let (job_rows, of_all) = read.unwrap_or_else(|words| {
        // There is nobody to tell if standard error is gone.
        let _ = writeln!(err, "pauses are not known: {words}");
        Default::default()
    });
    let planned = |job: &Job| {
        let job_row = job_rows.get(&job.name).map(AsRef::as_ref);
        Planned::from_file(job, job_row, of_all.pause.as_ref(), last.remove(&job.name))
    };
    Ok(jobs.into_iter().map(planned).collect())
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
