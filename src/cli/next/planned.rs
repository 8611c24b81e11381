//! The jobs that `next` is about, from the daemon or from a job file.
//!
//! Does not know how they are shown.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{Timestamp, ZonedDateTime};

use crate::cli::ask::{Daemon, NoDaemon, hint, is_same_file, say, say_error};
use crate::cli::guess::names_a_file;
use crate::cli::render::words::occurrence;
use crate::cli::{Exit, Global, jobfile, named_jobs, offline};
use crate::clock;
use crate::control::document::{JobDocument, PauseDocument, RunDocument};
use crate::control::occurrences::just_before;
use crate::control::request::StatusQuery;
use crate::core::job::{Job, JobSet};
use crate::core::meant::names_meant;
use crate::core::record::{JobRow, Pause};
use crate::core::schedule::{Occurring, Schedule, Timetable};

/// A job, with the parts needed here.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) timetable: Timetable,
    pub(super) enabled: bool,
    pub(super) paused: bool,
    /// All jobs are paused.
    pub(super) all_paused: bool,
    /// When its pause is over, if an end is set and what comes then is asked for.
    pub(super) resumes: Option<Timestamp>,
    /// The first that has no run yet, if it is known: after the clock was set back, an occurrence
    /// to come may have one.
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<RunDocument>,
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

    pub(super) fn local(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.timetable.zone().clone())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn zone(&self) -> &str {
        self.timetable.zone_name()
    }

    /// Why none of its occurrences is listed, or from when on they are.
    pub(super) fn remark(&self, is_listed: bool) -> Option<String> {
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
    pub(super) fn silence(&self) -> &'static str {
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

/// The jobs that are meant: from the daemon, or from the file.
pub(super) fn planned(
    names: &[String],
    global: &Global,
    err: &mut dyn Write,
) -> Result<Vec<Planned>, Exit> {
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
        Err(rejected) => match in_force(&path, global) {
            Some(InForce::Daemon(daemon)) => return of_daemon(&daemon, names, err),
            Some(InForce::Kept(set)) => {
                let _ = jobfile::tell(&rejected, global, err);
                say(err, "the last good job set is shown instead");
                set
            }
            None => {
                return Err(match jobfile::tell(&rejected, global, err) {
                    Ok(()) | Err(_) => Exit::No,
                });
            }
        },
    };
    of_set(&set, names, global, err)
}

/// The source of the jobs that stay in force where their job file has become invalid.
enum InForce {
    Daemon(Daemon),
    /// Where none answers.
    Kept(Arc<JobSet>),
}

/// The jobs in force in place of an invalid file, if that one is the daemon's own, named or not: of
/// another one its errors are the answer.
fn in_force(path: &Path, global: &Global) -> Option<InForce> {
    let is_own = |own: PathBuf| global.config.is_none() || is_same_file(path, &own) == Some(true);
    if let Some(daemon) = Daemon::find(global).ok()
        && let Some(own) = daemon.job_file()
    {
        return is_own(own).then_some(InForce::Daemon(daemon));
    }
    let is_meant = global.config.is_none() || offline::kept_job_file(global).is_some_and(is_own);
    offline::last_good(global).filter(|_| is_meant).map(InForce::Kept)
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
        Err(error) => {
            let exit = say_error(&error, err);
            let all = "`transferd next` lists each job's next run";
            let time = "write `--until @` for what comes until then";
            let next = named_jobs::next_step(daemon, names, &error, (all, time));
            let file = names.iter().find(|name| names_a_file(name));
            let next = next.or(file.map(|file| format!("`-c {file}` names the job file")));
            next.iter().for_each(|next| hint(err, next));
            Err(exit)
        }
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
