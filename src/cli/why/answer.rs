//! The sentences of `why`, from facts alone.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cli::render::words::{count, span};
use crate::control::document::{JobDocument, RunDocument};
use crate::core::ids::RunId;
use crate::core::job::Job;
use crate::core::run::{RunState, Trigger};

/// People name a time by the minute; a run within it is the one that they mean.
const SAME: SignedDuration = SignedDuration::from_secs(60);

/// What is known.
pub(super) struct Facts<'a> {
    /// The present.
    pub(super) now: Timestamp,
    /// The time that was asked about.
    pub(super) asked: Option<Timestamp>,
    /// The schedule's last occurrence.
    pub(super) last_occurrence: Option<Timestamp>,
    /// The job's zone, in which times are told.
    pub(super) zone: TimeZone,
    /// Its definition, if it stands in a good file.
    pub(super) job: Option<&'a Job>,
    /// What the daemon says of it, if one runs.
    pub(super) status: Option<&'a JobDocument>,
    /// Its runs, newest first.
    pub(super) runs: &'a [RunDocument],
}

/// The answer.
pub(super) struct Answer<'a> {
    /// The time that it is about.
    pub(super) at: Option<Timestamp>,
    /// In sentences.
    pub(super) sentences: Vec<String>,
    /// The run that it is about.
    pub(super) run: Option<&'a RunDocument>,
    /// The run that it waits for.
    pub(super) blocked_by: Option<RunId>,
}

/// Says why the job did or did not run.
pub(super) fn explain<'a>(facts: &Facts<'a>) -> Answer<'a> {
    let active = facts.status.and_then(|status| status.active_run.as_ref());
    match (facts.asked, active) {
        (None, Some(run)) => of_active(facts, run),
        (None, None) => match facts.last_occurrence {
            Some(at) => of_time(facts, at),
            None => of_no_schedule(facts),
        },
        (Some(at), _) => of_time(facts, at),
    }
}

/// What an active run does, or waits for.
fn of_active<'a>(facts: &Facts<'a>, run: &'a RunDocument) -> Answer<'a> {
    let since = span(facts.now.duration_since(run.created_at));
    let mut sentences = vec![format!(
        "run {} ({}) is {} since {since}: {}",
        run.id,
        cause(facts, run),
        run.state.word(),
        run.reason
    )];
    sentences.extend(attempts(facts, run));
    let blocked_by = (run.state == RunState::Waiting).then(|| run_in(&run.reason)).flatten();
    Answer { at: run.scheduled_for, sentences, run: Some(run), blocked_by }
}

/// Why it did or did not run at a time.
fn of_time<'a>(facts: &Facts<'a>, at: Timestamp) -> Answer<'a> {
    let of_the_occurrence = facts.runs.iter().find(|run| {
        run.scheduled_for.is_some_and(|due| {
            let off = at.duration_since(due);
            !off.is_negative() && off < SAME
        })
    });
    if let Some(run) = of_the_occurrence {
        let mut sentences = vec![outcome(facts, run)];
        sentences.extend(attempts(facts, run));
        return Answer { at: Some(at), sentences, run: Some(run), blocked_by: run_in(&run.reason) };
    }
    let mut sentences = vec![no_record(facts, at)];
    let running = facts.runs.iter().find(|run| {
        run.created_at <= at
            && run.ended_at.is_none_or(|end| at < end)
            && run.state != RunState::Skipped
    });
    if let Some(run) = running {
        sentences.push(format!(
            "at that time run {} ({}) was at work; it {}",
            run.id,
            cause(facts, run),
            ended(facts, run)
        ));
    }
    Answer { at: Some(at), sentences, run: running, blocked_by: None }
}

/// There is no schedule to ask about.
fn of_no_schedule<'a>(facts: &Facts<'a>) -> Answer<'a> {
    let mut sentences = vec![match facts.job {
        Some(_) => "it has no schedule: it runs when it is triggered".to_owned(),
        None => "it does not stand in the job file".to_owned(),
    }];
    let last = facts.runs.first();
    sentences.extend(last.map(|run| outcome(facts, run)));
    Answer { at: None, sentences, run: last, blocked_by: None }
}

/// The record is silent: what the rules say of that time.
fn no_record(facts: &Facts<'_>, at: Timestamp) -> String {
    let when = time(facts, at);
    let Some(job) = facts.job else {
        return format!(
            "nothing is recorded for {when}, and the job does not stand in the job file"
        );
    };
    if job.timetable.is_empty() {
        return format!(
            "nothing is recorded for {when}: it has no schedule, and runs when triggered"
        );
    }
    let earlier = at.saturating_sub(SAME).unwrap_or(at);
    let occurrence = job.timetable.last_at_or_before(at, earlier);
    let Some(due) = occurrence else {
        let before =
            job.timetable.last_at_or_before(at, at.saturating_sub(super::LOOK_BACK).unwrap_or(at));
        let after = job.timetable.next_after(at);
        let near = match (before, after) {
            (Some(before), Some(after)) => {
                format!(
                    "the nearest are {} before and {} after",
                    time(facts, before),
                    time(facts, after)
                )
            }
            (Some(before), None) => format!("the last one was {}", time(facts, before)),
            (None, Some(after)) => format!("the first one is {}", time(facts, after)),
            (None, None) => "it never fires".to_owned(),
        };
        return format!("it is not scheduled for {when}: {near}");
    };
    let due = time(facts, due);
    if at > facts.now {
        return format!("{due} is yet to come");
    }
    if !job.enabled {
        return format!("it was due at {due}, but it is disabled (`enabled: false`)");
    }
    let pause = facts.status.and_then(|status| status.detail.as_ref()?.pause.as_ref());
    if let Some(pause) = pause.filter(|pause| pause.at <= at) {
        let why = pause.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        return format!(
            "it was due at {due}, but it is paused since {}{why}",
            time(facts, pause.at)
        );
    }
    let daemon = if facts.status.is_none() { "; the daemon is not running now" } else { "" };
    format!(
        "the schedule says {due}, but nothing is recorded: the daemon was down and has not dealt \
         with it yet, or the job did not stand in the file with this schedule then, or was paused \
         or disabled, or the record has passed out of `history`{daemon}"
    )
}

/// What became of a run.
fn outcome(facts: &Facts<'_>, run: &RunDocument) -> String {
    let cause = cause(facts, run);
    match run.state {
        RunState::Skipped => format!("it did not run ({cause}): {}", run.reason),
        RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::Running
        | RunState::BackingOff
        | RunState::Canceling => {
            format!("run {} ({cause}) is {}: {}", run.id, run.state.word(), run.reason)
        }
        RunState::Succeeded | RunState::Failed | RunState::TimedOut | RunState::Canceled => {
            format!("run {} ({cause}) {}", run.id, ended(facts, run))
        }
    }
}

/// How a run ended, or that it has not.
fn ended(facts: &Facts<'_>, run: &RunDocument) -> String {
    match run.ended_at {
        Some(end) => {
            let took = span(end.duration_since(run.created_at));
            format!("{} at {} after {took}: {}", run.state.word(), time(facts, end), run.reason)
        }
        None => format!("is {}: {}", run.state.word(), run.reason),
    }
}

/// Why there is a run.
fn cause(facts: &Facts<'_>, run: &RunDocument) -> String {
    let due = run.scheduled_for.map(|at| time(facts, at)).unwrap_or_default();
    match run.trigger {
        Trigger::Schedule => format!("due at {due}"),
        Trigger::CatchUp => {
            format!("due at {due}, caught up at {}", time(facts, run.created_at))
        }
        Trigger::Manual => format!("triggered at {}", time(facts, run.created_at)),
    }
}

/// Its attempts, where there is more to say than the run's own reason does.
fn attempts(facts: &Facts<'_>, run: &RunDocument) -> Vec<String> {
    if run.attempts.len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![format!("it made {}:", count(run.attempts.len(), "attempt"))];
    for attempt in &run.attempts {
        lines.push(format!(
            "  {} at {}: {}: {}",
            attempt.number,
            time(facts, attempt.submitted_at),
            attempt.state.word(),
            attempt.reason
        ));
    }
    lines
}

/// The run that a reason names.
fn run_in(reason: &str) -> Option<RunId> {
    let (_, rest) = reason.split_once("run ")?;
    rest.get(..36)?.parse().ok().map(RunId)
}

/// A time in the job's zone, with the offset.
fn time(facts: &Facts<'_>, at: Timestamp) -> String {
    at.to_zoned_datetime(facts.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests;
