//! Pauses that are over, from the rows alone: for the engine, and for a reader of the database.
//!
//! A pause is over by the clock. Nothing wakes the daemon to record that: until the job's next
//! occurrence, its row still holds the pause that has run out.

use jiff::Timestamp;

use crate::jitter::Delays;
use crate::limits::PAUSE_COUNT_MAX;
use crate::record::{JobRow, PastPause, Pause, PauseOfAll};

/// The pauses of a job that are over by `now`, its own and those of all jobs, oldest first. The
/// number of its occurrences in a pause of all is counted now; without a definition of the job,
/// only the recorded numbers are known.
pub fn past_pauses(
    job: Option<Delays<'_>>,
    job_row: Option<&JobRow>,
    of_all: &PauseOfAll,
    now: Timestamp,
) -> Vec<PastPause> {
    let is_over = |pause: &&Pause| !pause.holds(now);
    let recorded = job_row.map(|job_row| job_row.pauses.as_slice()).unwrap_or_default();
    let run_out = job_row.and_then(|job_row| {
        let pause = job_row.pause.as_ref().filter(is_over)?;
        Some(ended(job, job_row, pause, now))
    });
    let scheduled = job.zip(job_row).filter(|(_, job_row)| job_row.scheduled);
    let all_run_out = of_all.pause.iter().filter(is_over).map(|pause| ended_of_all(pause, now));
    let of_all = of_all.past.iter().cloned().chain(all_run_out).map(|mut past| {
        if let Some((job, _)) = scheduled {
            past.occurrences = due_within(job, job.last_before(past.since), past.until);
        }
        past
    });
    let mut pauses: Vec<PastPause> =
        recorded.iter().cloned().chain(run_out).chain(of_all).collect();
    pauses.sort_by_key(|past| past.since);
    pauses
}

/// The record of a job's own pause that ends at `until`, or has run out before.
pub(crate) fn ended(
    job: Option<Delays<'_>>,
    job_row: &JobRow,
    pause: &Pause,
    until: Timestamp,
) -> PastPause {
    let mut past = ended_of_all(pause, until);
    if let Some(job) = job.filter(|_| job_row.scheduled) {
        let from = job_row.handled.max(job.last_before(pause.at));
        past.occurrences = due_within(job, from, past.until);
    }
    past
}

/// The record of the pause of all jobs that ends at `until`, or has run out before; its occurrences
/// differ for each job.
pub(crate) fn ended_of_all(pause: &Pause, until: Timestamp) -> PastPause {
    PastPause {
        since: pause.at,
        until: pause.until.map_or(until, |end| end.min(until)).max(pause.at),
        reason: pause.reason.clone(),
        occurrences: 0,
    }
}

/// How many occurrences after `from` are due before `until`, up to [`PAUSE_COUNT_MAX`].
fn due_within(job: Delays<'_>, from: Timestamp, until: Timestamp) -> u32 {
    let last = job.last_before(until);
    let (mut count, mut at) = (0, from);
    while count < PAUSE_COUNT_MAX
        && let Some(next) = job.timetable.next_after(at)
        && next <= last
    {
        count += 1;
        at = next;
    }
    count
}
