//! The facts that `why` reasons from: gathered from the daemon, or where none runs from the
//! database and the last good job set.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::answer::SAME;
use crate::cli::ask::{Daemon, NoDaemon, say_error};
use crate::cli::{Exit, Global, jobfile, offline};
use crate::control::client::ClientError;
use crate::control::document::{
    HeldBackDocument, JobDetail, JobDocument, PauseDocument, RulesDocument, RunDocument,
    ShowDocument,
};
use crate::control::request::{HISTORY_MAX, HistoryQuery, ShowQuery, StatusQuery};
use crate::core::ids::{JobName, RunId};
use crate::core::jitter::Delays;
use crate::core::pauses::past_pauses;
use crate::core::record::{PastPause, Pause};
use crate::core::schedule::{Schedule, Timetable};
use crate::daemon::host;

/// How far back the last occurrence is searched for: the rarest schedules come every four years.
pub(super) const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);

/// Runs that are searched for the one that was active at a time: later ones wait for it.
const AT_WORK_MAX: usize = 20;

/// How soon after its time an occurrence of another schedule is searched for among the recorded
/// runs.
const RECORDED_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// If the clock was set back and forth more often than this, older ids are not found.
const GENERATIONS_MAX: u32 = 4;

/// The subject of the question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// A time.
    Time(Timestamp),
    /// A day: the occurrence on it.
    Day {
        /// Its first instant.
        first: Timestamp,
        /// The first one after it.
        end: Timestamp,
    },
}

impl Asked {
    /// The time that is meant: of a day the last occurrence that has come, else the first one to
    /// come, else its beginning.
    fn time(self, timetable: Option<&Timetable>, now: Timestamp) -> Timestamp {
        let (first, end) = match self {
            Self::Time(at) => return at,
            Self::Day { first, end } => (first, end),
        };
        let instant = SignedDuration::from_nanos(1);
        let last = end.saturating_sub(instant).unwrap_or(end);
        let before = first.saturating_sub(instant).unwrap_or(first);
        let come = || timetable?.last_at_or_before(last.min(now), first);
        let coming = || timetable?.next_after(before.max(now)).filter(|at| *at < end);
        come().or_else(coming).unwrap_or(first)
    }
}

/// The daemon, as far as this command can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DaemonState {
    /// It answers.
    Answers,
    /// None runs.
    Stopped,
    /// One has the state, and can't be asked from here.
    Unheard,
}

/// The known facts.
pub(super) struct Facts {
    /// The present.
    pub(super) now: Timestamp,
    /// The time of the question.
    pub(super) asked: Option<Timestamp>,
    /// It is about the whole day of that time.
    pub(super) is_of_day: bool,
    /// The reader's zone, in which times are given for a job that has none.
    pub(super) zone: TimeZone,
    /// The job's name.
    pub(super) name: String,
    /// The job, if it is in the file.
    pub(super) job: Option<Known>,
    /// The message about the job if nothing is known of it.
    pub(super) unknown: String,
    /// It is neither in the file nor has it runs.
    pub(super) is_unknown: bool,
    /// Whether the daemon runs.
    pub(super) daemon: DaemonState,
    /// What sets this machine's `jitter` apart.
    pub(super) jitter_seed: u64,
    /// The run that is not over, if one is.
    pub(super) active: Option<Active>,
    /// Runs around the time of the answer, newest first.
    pub(super) runs: Vec<RunDocument>,
    /// The run that was in the way of the newest of them.
    pub(super) blocker: Option<RunDocument>,
}

/// A job in the file.
pub(super) struct Known {
    pub(super) timetable: Timetable,
    pub(super) enabled: bool,
    /// The pause in force: the job's own before that of all jobs.
    pub(super) pause: Option<PauseDocument>,
    /// The pause of all jobs, which may outlast the job's own.
    pub(super) of_all: Option<PauseDocument>,
    /// Those before, oldest first.
    pub(super) past_pauses: Vec<PastPause>,
    /// A due occurrence that is not yet decided.
    pub(super) held_back: Option<HeldBackDocument>,
    /// Its next occurrence that has no run yet.
    pub(super) next: Option<Timestamp>,
    /// Absent if no daemon has seen the job yet.
    pub(super) rules: Option<RulesDocument>,
}

/// A run that is not over.
pub(super) struct Active {
    pub(super) run: RunDocument,
    /// Since when it has been in its state, for this reason.
    pub(super) since: Timestamp,
    /// The run that it waits for.
    pub(super) blocker: Option<RunDocument>,
}

impl Facts {
    /// When an occurrence of the job is due: `jitter` delays it.
    pub(super) fn due_at(&self, job: &Known, occurrence: Timestamp) -> Timestamp {
        let jitter = job.rules.as_ref().map(|rules| rules.jitter).unwrap_or_default();
        let (timetable, seed) = (&job.timetable, self.jitter_seed);
        Delays { job: &JobName::new(&self.name), timetable, jitter, seed }.due_at(occurrence)
    }

    /// How old what is known of an active run is, where no daemon says it.
    pub(super) fn as_of(&self) -> Option<&'static str> {
        match self.daemon {
            DaemonState::Answers => None,
            DaemonState::Stopped => {
                Some("that is as of when the daemon stopped: it is not running now")
            }
            DaemonState::Unheard => {
                Some("that is as it was recorded last: the daemon could not be asked")
            }
        }
    }

    /// The zone in which times are shown.
    pub(super) fn zone(&self) -> TimeZone {
        let job = self.job.as_ref();
        job.map_or(&self.zone, |job| job.timetable.zone()).clone()
    }

    /// The time of the answer, if it has one: that of the question, or of the job's last
    /// occurrence.
    pub(super) fn about(&self) -> Option<Timestamp> {
        let earliest = self.now.saturating_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
        let last = || self.job.as_ref()?.timetable.last_at_or_before(self.now, earliest);
        self.asked.or_else(last)
    }
}

/// The source of facts.
enum Source<'a> {
    Daemon(Box<Daemon>),
    Database(&'a Global),
}

/// Gathers the facts.
///
/// # Errors
/// After printing why nothing is known.
pub(super) fn gather(
    name: &str,
    asked: Option<Asked>,
    now: Timestamp,
    global: &Global,
    err: &mut dyn std::io::Write,
) -> Result<Facts, Exit> {
    let (source, daemon) = match Daemon::find(global) {
        Ok(daemon) => (Source::Daemon(Box::new(daemon)), DaemonState::Answers),
        Err(NoDaemon::NotRunning(search)) => {
            search.say_if_elsewhere(err);
            let state = match search.of_elsewhere() {
                Some(_) => DaemonState::Unheard,
                None => DaemonState::Stopped,
            };
            (Source::Database(global), state)
        }
        Err(none @ (NoDaemon::NotPermitted(_) | NoDaemon::Broken(_))) => return Err(none.say(err)),
    };
    let gathered = (|| {
        let mut facts = Facts {
            now,
            asked: None,
            is_of_day: matches!(asked, Some(Asked::Day { .. })),
            zone: TimeZone::system(),
            name: name.to_owned(),
            job: None,
            unknown: format!("there is no job `{name}`; `transferd status` lists the jobs"),
            is_unknown: false,
            daemon,
            jitter_seed: host().jitter_seed,
            active: None,
            runs: Vec::new(),
            blocker: None,
        };
        source.add_job(&mut facts, err)?;
        let timetable = facts.job.as_ref().map(|job| &job.timetable);
        facts.asked = asked.map(|asked| asked.time(timetable, now));
        if facts.asked.is_some() || facts.active.is_none() {
            facts.runs = match facts.about() {
                Some(at) => source.runs_around(&facts, at)?,
                None => source.history(&facts.name, newest(1))?,
            };
        }
        if facts.job.is_none() && facts.active.is_none() && facts.runs.is_empty() {
            // Its runs may have been at other times.
            facts.is_unknown = source.history(&facts.name, newest(1))?.is_empty();
        }
        let blocked_by = facts.runs.first().and_then(|run| run.blocked_by);
        facts.blocker = blocked_by.and_then(|run| source.show(run)).map(|shown| shown.run);
        Ok(facts)
    })();
    gathered.map_err(|error| say_error(&error, err))
}

impl Source<'_> {
    /// Adds the job and its active run.
    fn add_job(&self, facts: &mut Facts, err: &mut dyn std::io::Write) -> Result<(), ClientError> {
        match self {
            Self::Daemon(daemon) => {
                let query = StatusQuery {
                    job: Some(facts.name.clone()),
                    detail: true,
                    ..StatusQuery::default()
                };
                match daemon.wait(daemon.client().status(&query)) {
                    Ok(status) => {
                        jobfile::print_that_old_jobs_run(&status.config, err);
                        let of_all = status.pause;
                        let Some(document) = status.jobs.into_iter().next() else { return Ok(()) };
                        let detail = document.detail.as_ref();
                        let blocked_by = detail.and_then(|detail| detail.blocked_by);
                        let active = document.active_run.clone();
                        facts.active = active.map(|run| self.active(run, blocked_by));
                        facts.job = known(document, of_all);
                    }
                    // It may have a past anyway.
                    Err(ClientError::Refused(words)) => {
                        facts.unknown = words;
                        facts.active = self.unfinished(&facts.name)?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Self::Database(global) => {
                let name = JobName::new(&facts.name);
                facts.unknown = offline::unknown_job(global, &name);
                let job_row = offline::job_row(global, &name).map_err(ClientError::Refused)?;
                let job_row = job_row.as_ref();
                let of_all = offline::pause_of_all(global).map_err(ClientError::Refused)?;
                let own = job_row.and_then(|job_row| job_row.pause.as_ref());
                let holding = |pause: Option<&Pause>| {
                    pause.filter(|pause| pause.holds(facts.now)).map(PauseDocument::from)
                };
                let pause_of_all = holding(of_all.pause.as_ref());
                let pause = holding(own).or_else(|| pause_of_all.clone());
                facts.job = offline::job(global, &name).map(|job| Known {
                    timetable: job.timetable.clone(),
                    enabled: job.enabled,
                    pause,
                    of_all: pause_of_all,
                    past_pauses: past_pauses(
                        Some(job.delays(facts.jitter_seed)),
                        job_row.map(AsRef::as_ref),
                        &of_all,
                        facts.now,
                    ),
                    held_back: None,
                    next: job_row.and_then(|job_row| job_row.coming(&job.timetable, facts.now)),
                    rules: job_row.map(|job_row| RulesDocument::new(&job, job_row)),
                });
                facts.active = self.unfinished(&facts.name)?;
            }
        }
        Ok(())
    }

    /// The newest run, if it is not over.
    fn unfinished(&self, name: &str) -> Result<Option<Active>, ClientError> {
        let newest = self.history(name, newest(1))?.into_iter().next();
        Ok(newest.filter(|run| !run.state.is_over()).map(|run| self.active(run, None)))
    }

    /// The facts about an unfinished run.
    fn active(&self, run: RunDocument, blocked_by: Option<RunId>) -> Active {
        let events = self.show(run.id).map(|shown| shown.events).unwrap_or_default();
        let since = events.iter().rev().find(|event| event.event == run.state.word());
        let since = since.map_or(run.created_at, |event| event.at);
        let blocker = blocked_by.and_then(|run| self.show(run)).map(|shown| shown.run);
        Active { run, since, blocker }
    }

    /// Runs around a time: those for the occurrence then, or else for the last one before; those
    /// recorded around it; the one active then. Newest first of each.
    fn runs_around(&self, facts: &Facts, at: Timestamp) -> Result<Vec<RunDocument>, ClientError> {
        let mut runs = Vec::new();
        if let Some(job) = &facts.job {
            let earliest = at.saturating_sub(LOOK_BACK).unwrap_or(at);
            let occurrence = job.timetable.last_at_or_before(at, earliest);
            let generation = job.rules.as_ref().map_or(0, |rules| rules.generation);
            let generations = (0..=generation).rev().take(GENERATIONS_MAX as usize);
            let name = JobName::new(&facts.name);
            runs.extend(occurrence.and_then(|occurrence| {
                let mut ids = generations
                    .map(|generation| RunId::for_occurrence(&name, occurrence, generation));
                ids.find_map(|id| self.show(id)).map(|shown| shown.run)
            }));
            // Repeated at any time since.
            if let Some(occurrence) = occurrence.filter(|occurrence| *occurrence != at) {
                runs.splice(0..0, self.history(&facts.name, of_time(occurrence))?);
            }
        }
        runs.extend(self.history(&facts.name, of_time(at))?);
        let since = at.saturating_sub(SAME).unwrap_or(at);
        let before = at.saturating_add(RECORDED_WITHIN).unwrap_or(at);
        let around = HistoryQuery {
            since: Some(since),
            before: Some(before),
            limit: Some(HISTORY_MAX),
            ..HistoryQuery::default()
        };
        runs.extend(self.history(&facts.name, around)?);
        let at_work = HistoryQuery { before: Some(since), ..newest(AT_WORK_MAX) };
        runs.extend(self.history(&facts.name, at_work)?);
        let mut seen = BTreeSet::new();
        runs.retain(|run| seen.insert(run.id));
        Ok(runs)
    }

    fn history(&self, job: &str, query: HistoryQuery) -> Result<Vec<RunDocument>, ClientError> {
        let query = HistoryQuery { jobs: vec![job.to_owned()], ..query };
        let answer = match self {
            Self::Daemon(daemon) => daemon.wait(daemon.client().history(&query)),
            Self::Database(global) => {
                offline::history(global, &query).map_err(ClientError::Refused)
            }
        };
        match answer {
            // A job without a past.
            Err(ClientError::Refused(_)) => Ok(Vec::new()),
            answer => answer,
        }
    }

    /// A run; none if it is gone or not available.
    fn show(&self, run: RunId) -> Option<ShowDocument> {
        let query = ShowQuery { run: Some(run.to_string()) };
        match self {
            Self::Daemon(daemon) => daemon.wait(daemon.client().show(&query)).ok(),
            Self::Database(global) => offline::show(global, &query).ok(),
        }
    }
}

/// The query for the newest runs.
fn newest(limit: usize) -> HistoryQuery {
    HistoryQuery { limit: Some(limit), ..HistoryQuery::default() }
}

/// The query for the runs for a time.
fn of_time(at: Timestamp) -> HistoryQuery {
    HistoryQuery { scheduled_for: Some(at), ..newest(AT_WORK_MAX) }
}

/// A job as the daemon reports it.
fn known(document: JobDocument, of_all: Option<PauseDocument>) -> Option<Known> {
    let JobDetail { past_pauses, held_back, rules, .. } = document.detail?;
    let rules = rules?;
    let zone = TimeZone::get(&rules.timezone).unwrap_or_else(|_| TimeZone::system());
    let expressions = document.schedule.as_ref().map(|schedule| schedule.expressions());
    let schedules = expressions.unwrap_or_default().iter().map(|text| Schedule::parse(text));
    let schedules = schedules.collect::<Result<_, _>>().ok()?;
    let timetable = Timetable::new(schedules, &rules.timezone, zone);
    Some(Known {
        timetable,
        enabled: document.enabled,
        pause: document.pause,
        of_all,
        past_pauses,
        held_back,
        next: document.next_run,
        rules: Some(rules),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_asked_about_for_its_occurrence() {
        let schedule = Schedule::parse("30 2,14 * * *").unwrap();
        let timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-03-03T10:00:00Z");
        for (day, next, meant) in [
            ("2026-03-01", "2026-03-02", "2026-03-01T14:30:00Z"),
            ("2026-03-03", "2026-03-04", "2026-03-03T02:30:00Z"),
            ("2026-03-04", "2026-03-05", "2026-03-04T02:30:00Z"),
        ] {
            let of = |day: &str| at(&format!("{day}T00:00:00Z"));
            let asked = Asked::Day { first: of(day), end: of(next) };
            assert_eq!(asked.time(Some(&timetable), now), at(meant), "{day}");
            assert_eq!(asked.time(None, now), of(day));
        }
    }
}
