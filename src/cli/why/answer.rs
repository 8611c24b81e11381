//! The sentences of `why`, from facts alone: the record first, the rules where it is silent.

use jiff::{SignedDuration, Timestamp};

use super::facts::{Active, DaemonState, Facts, Known, LOOK_BACK};
use crate::cli::pauses;
use crate::cli::render::run::progress;
use crate::cli::render::words::{count, span};
use crate::control::document::{PauseDocument, RulesDocument, RunDocument};
use crate::core::date_time::with_offset;
use crate::core::duration;
use crate::core::ids::{RunId, TransferId};
use crate::core::job::CatchUp;
use crate::core::reason::{Reason, Wording};
use crate::core::record::PastPause;
use crate::core::run::{RunState, Trigger};

/// People give a time by the minute; a run within it is the one that they mean.
pub(super) const SAME: SignedDuration = SignedDuration::from_secs(60);

/// Said once of a disabled job.
const DISABLED: &str = "it is disabled (`enabled: false`)";

/// The answer.
pub(super) struct Answer<'a> {
    /// The time that it is about.
    pub(super) at: Option<Timestamp>,
    /// In sentences.
    pub(super) sentences: Vec<String>,
    /// The run that it is about: of those for that time the one that has succeeded, else the
    /// newest.
    pub(super) run: Option<&'a RunDocument>,
    /// All runs for that time, oldest first.
    pub(super) runs: Vec<&'a RunDocument>,
    /// The run that it waits for, or that was in its way.
    pub(super) blocked_by: Option<RunId>,
}

/// Explains why the job did or did not run, or its current state.
pub(super) fn explain(facts: &Facts) -> Answer<'_> {
    let mut answer = match (&facts.active, facts.about()) {
        (Some(active), _) if facts.asked.is_none() => of_active(facts, active),
        (_, Some(at)) => of_time(facts, at),
        (_, None) => of_no_schedule(facts),
    };
    let held = held_back(facts).filter(|(reason, _)| {
        facts.asked.is_none() && !answer.sentences.iter().any(|said| said.contains(reason))
    });
    answer.sentences.extend(held.map(|(_, sentence)| sentence));
    let said = |words: &String| answer.sentences.iter().any(|said| said.contains(words));
    let outlook = outlook(facts).filter(|words| facts.asked.is_none() && !said(words));
    answer.sentences.extend(outlook);
    answer
}

/// The activity of an active run, or the reason why it waits.
fn of_active<'a>(facts: &Facts, active: &'a Active) -> Answer<'a> {
    let run = &active.run;
    let since = format!(
        "since {} ({})",
        time(facts, active.since),
        span(facts.now.duration_since(active.since))
    );
    let reason = run.sentence(facts);
    let head = match run.state {
        RunState::Waiting if waits(run) => format!("has waited {since} {reason}"),
        RunState::Waiting => format!("is about to start: {reason}"),
        RunState::Running => {
            let listed = run.latest_attempt().filter(|_| run.shows_progress());
            let told = listed.and_then(progress).unwrap_or(reason);
            format!("has been running {since}: {told}")
        }
        RunState::BackingOff => format!("has been backing off {since}: {reason}"),
        RunState::Canceling => format!("has been canceling {since}: {reason}"),
        RunState::Submitting
        | RunState::Queued
        | RunState::Succeeded
        | RunState::Failed
        | RunState::TimedOut
        | RunState::Canceled
        | RunState::Skipped => format!("has been {} {since}: {reason}", run.state.word()),
    };
    let mut sentences = vec![format!("run {} ({}) {head}", run.id, cause(facts, run))];
    sentences.extend(facts.as_of().map(str::to_owned));
    sentences.extend(active.blocker.as_ref().map(|blocker| in_the_way(facts, blocker)));
    sentences.extend(attempts(facts, run));
    sentences.push(places(run));
    let blocked_by = active.blocker.as_ref().map(|blocker| blocker.id).or(run.blocked_by);
    Answer { at: run.scheduled_for, sentences, run: Some(run), runs: vec![run], blocked_by }
}

/// Whether it waits for something that its reason names.
fn waits(run: &RunDocument) -> bool {
    run.facts.as_ref().is_some_and(|reason| matches!(reason, Reason::Waits(_)))
}

/// Source and destination.
fn places(run: &RunDocument) -> String {
    format!("from {} to {}", run.source, run.destination)
}

/// The activity of the run that is in the way.
fn in_the_way(facts: &Facts, run: &RunDocument) -> String {
    let (id, job, cause) = (run.id, &run.job, cause(facts, run));
    let shown = run.state == RunState::Running && run.shows_progress();
    let running = run.latest_attempt().filter(|_| shown);
    match running.and_then(progress) {
        Some(told) => format!("run {id} of `{job}` ({cause}) is running: {told}"),
        None => format!("run {id} of `{job}` ({cause}) {}", ended(facts, run)),
    }
}

/// Explains why it did or did not run at a time.
fn of_time<'a>(facts: &'a Facts, at: Timestamp) -> Answer<'a> {
    if let Some(run) = run_of(facts, at) {
        let runs = runs_like(facts, run);
        let decides = |run: &&RunDocument| run.state == RunState::Succeeded;
        let run = runs.iter().copied().rfind(decides).or(runs.last().copied()).unwrap_or(run);
        let sentences = match runs.as_slice() {
            [] | [_] => story(facts, run),
            several => numbered_in_order(facts, several),
        };
        let blocked_by = run.blocked_by;
        return Answer { at: Some(at), sentences, run: Some(run), runs, blocked_by };
    }
    let mut sentences = vec![no_record(facts, at)];
    let at_work = facts.runs.iter().find(|run| {
        at <= facts.now
            && run.state != RunState::Skipped
            && run.created_at <= at
            && run.ended_at.is_none_or(|end| at < end)
    });
    // Near the occurrence, but not for it.
    let near = || facts.runs.iter().find(|run| run.scheduled_for.is_none() && is_near(run, at));
    let run = at_work.or_else(near);
    if let Some(run) = at_work {
        let (id, cause, ended) = (run.id, cause(facts, run), ended(facts, run));
        sentences.push(format!("at that time run {id} ({cause}) was at work; it {ended}"));
    } else if let Some(near) = run {
        sentences.push(format!("close to that time, {}", outcome(facts, near)));
    } else if let Some(before) = last_before(facts, at) {
        sentences.push(format!("the one before: {}", outcome(facts, before)));
    }
    Answer { at: Some(at), sentences, run, runs: Vec::new(), blocked_by: None }
}

/// All runs for the time that a run is for, oldest first: itself and those that repeat it. One
/// without a time is alone.
fn runs_like<'a>(facts: &'a Facts, run: &'a RunDocument) -> Vec<&'a RunDocument> {
    let Some(at) = run.scheduled_for else { return vec![run] };
    let mut runs: Vec<_> = facts.runs.iter().filter(|r| r.scheduled_for == Some(at)).collect();
    runs.sort_by_key(|run| run.created_at);
    runs
}

/// Everything about one run: its result, its obstacle, its attempts, and its source and
/// destination.
fn story(facts: &Facts, run: &RunDocument) -> Vec<String> {
    let mut sentences = vec![outcome(facts, run)];
    let blocker = facts.blocker.as_ref().filter(|other| run.blocked_by == Some(other.id));
    sentences.extend(blocker.map(|blocker| in_the_way(facts, blocker)));
    sentences.extend(attempts(facts, run));
    sentences.push(places(run));
    sentences
}

/// The story of each of several runs for one time: they may have gone to different places.
fn numbered_in_order(facts: &Facts, runs: &[&RunDocument]) -> Vec<String> {
    let at = runs.first().and_then(|run| run.scheduled_for).map(|at| time(facts, at));
    let good = runs.iter().filter(|run| run.state == RunState::Succeeded).count();
    let several;
    let state = if good == runs.len() {
        "all of them have succeeded"
    } else if good > 1 {
        several = format!("{good} of them have succeeded");
        &several
    } else if good == 1 {
        "one of them has succeeded"
    } else if runs.iter().any(|run| !run.state.is_over()) {
        "none of them has succeeded yet"
    } else {
        "none of them has succeeded"
    };
    let number = count(runs.len(), "run");
    let head = format!("there are {number} for {}, and {state}:", at.unwrap_or_default());
    let stories = runs.iter().flat_map(|run| {
        let story = story(facts, run).into_iter().enumerate();
        story.map(|(at, told)| if at == 0 { format!("  {told}") } else { format!("    {told}") })
    });
    std::iter::once(head).chain(stories).collect()
}

/// The run that people mean by a time: that of the occurrence then, or if there is none one of
/// another schedule or by hand. A run by hand is no answer to why an occurrence did not run.
fn run_of(facts: &Facts, at: Timestamp) -> Option<&RunDocument> {
    match facts.job.as_ref().and_then(|job| due_at(job, at)) {
        due @ Some(_) => facts.runs.iter().find(|run| run.scheduled_for == due),
        None => facts.runs.iter().find(|run| is_near(run, at)),
    }
}

/// The occurrence that people mean by a time: the last one of its minute.
fn due_at(job: &Known, at: Timestamp) -> Option<Timestamp> {
    let due = job.timetable.last_at_or_before(at, at.saturating_sub(SAME).unwrap_or(at))?;
    // The lower bound is included there; the minute before is not meant here.
    (at.duration_since(due) < SAME).then_some(due)
}

/// Whether a run is of an occurrence within a time's minute, or was triggered in it.
fn is_near(run: &RunDocument, at: Timestamp) -> bool {
    let off = at.duration_since(run.scheduled_for.unwrap_or(run.created_at));
    let triggered = run.scheduled_for.is_none() && off.is_negative() && off.abs() < SAME;
    triggered || (!off.is_negative() && off < SAME)
}

/// The run of the schedule's last occurrence before a time that is not one.
fn last_before(facts: &Facts, at: Timestamp) -> Option<&RunDocument> {
    let timetable = &facts.job.as_ref()?.timetable;
    let before = timetable.last_at_or_before(at, at.saturating_sub(LOOK_BACK).ok()?)?;
    let near = at.duration_since(before) < SAME;
    facts.runs.iter().find(|run| run.scheduled_for == Some(before)).filter(|_| !near)
}

/// The answer where there is no time to ask about.
fn of_no_schedule(facts: &Facts) -> Answer<'_> {
    let mut sentences = vec![match &facts.job {
        Some(job) if job.timetable.is_empty() => {
            "it has no schedule: it runs when it is triggered".to_owned()
        }
        Some(_) => "its schedule has not had an occurrence for years".to_owned(),
        None => "it is not in the job file".to_owned(),
    }];
    let last = facts.runs.first();
    match last {
        Some(run) => {
            sentences.push(format!("its last run: {}", outcome(facts, run)));
            sentences.push(places(run));
        }
        None => sentences.push("it has never run".to_owned()),
    }
    Answer { at: None, sentences, run: last, runs: Vec::new(), blocked_by: None }
}

/// The obstacle to the job's next run, or when it is due next.
fn outlook(facts: &Facts) -> Option<String> {
    let job = facts.job.as_ref()?;
    if let Some(paused) = pause(facts, job) {
        return Some(format!("it {paused}"));
    }
    if job.timetable.is_empty() {
        return None;
    }
    if !job.enabled {
        return Some(DISABLED.to_owned());
    }
    let next = job.next.or_else(|| job.timetable.next_after(facts.now))?;
    let ahead = span(next.duration_since(facts.now));
    let is_down = facts.daemon == DaemonState::Stopped;
    let down = if is_down { ", but the daemon is not running" } else { "" };
    Some(format!("it is due next at {}, in {ahead}{down}", time(facts, next)))
}

/// The obstacle of an occurrence that is due, and a sentence with it.
fn held_back(facts: &Facts) -> Option<(String, String)> {
    let held = facts.job.as_ref()?.held_back.as_ref()?;
    let (due, reason) = (time(facts, held.occurrence), held.reason.sentence(facts));
    let sentence = format!("its occurrence of {due} is due and waits {reason}");
    Some((reason, sentence))
}

/// That it is paused now.
fn pause(facts: &Facts, job: &Known) -> Option<String> {
    Some(pauses::of_now(job.pause.as_ref()?, |at| time(facts, at)))
}

/// Where the record is silent: the rules for that time.
fn no_record(facts: &Facts, at: Timestamp) -> String {
    let when = time(facts, at);
    let Some(job) = &facts.job else {
        return format!("nothing is recorded for {when}, and the job is not in the job file");
    };
    if job.timetable.is_empty() {
        return format!(
            "nothing is recorded for {when}: it has no schedule, and runs when triggered"
        );
    }
    match due_at(job, at) {
        None if facts.is_of_day => {
            let day = at.to_zoned_datetime(facts.zone()).strftime("%a %Y-%m-%d").to_string();
            format!("it has no occurrence on {day}: {}", nearest(facts, job, at))
        }
        None => format!("it is not scheduled for {when}: {}", nearest(facts, job, at)),
        Some(due) if due > facts.now => {
            let against = against(facts, job, due).map(|words| format!(", but {words}"));
            format!("{} is yet to come{}", time(facts, due), against.unwrap_or_default())
        }
        Some(due) => {
            format!("it was due at {}, but {}", time(facts, due), silence(facts, job, due))
        }
    }
}

/// Why a future occurrence will not run as things are now.
fn against(facts: &Facts, job: &Known, due: Timestamp) -> Option<String> {
    if !job.enabled {
        return Some(DISABLED.to_owned());
    }
    let lasts = |pause: &PauseDocument| pause.until.is_none_or(|until| due < until);
    let own = job.pause.iter().filter(|pause| job.of_all.as_ref() != Some(*pause));
    let of_all = job.of_all.iter().map(|pause| ("all jobs are", pause));
    let mut pauses = own.map(|pause| ("the job is", pause)).chain(of_all);
    if let Some((who, pause)) = pauses.find(|(_, pause)| lasts(pause)) {
        let until = pause.until.map(|until| format!("until {}", time(facts, until)));
        let until = until.unwrap_or_else(|| "until resumed".to_owned());
        let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        return Some(format!("{who} paused {until}{why}"));
    }
    (facts.daemon == DaemonState::Stopped).then(|| "the daemon is not running".to_owned())
}

/// The occurrences next to a time that is not one.
fn nearest(facts: &Facts, job: &Known, at: Timestamp) -> String {
    let earliest = at.saturating_sub(LOOK_BACK).unwrap_or(at);
    let before = job.timetable.last_at_or_before(at, earliest).map(|at| time(facts, at));
    let after = job.timetable.next_after(at).map(|at| time(facts, at));
    match (before, after) {
        (Some(before), Some(after)) => {
            format!("the nearest occurrences are {before} before and {after} after")
        }
        (Some(before), None) => format!("its last occurrence was {before}"),
        (None, Some(after)) => format!("its first occurrence is {after}"),
        (None, None) => "its schedule never fires".to_owned(),
    }
}

/// Why nothing is recorded about a past occurrence.
fn silence(facts: &Facts, job: &Known, occurrence: Timestamp) -> String {
    let Some(rules) = &job.rules else {
        return "no daemon has known the job yet".to_owned();
    };
    if occurrence < rules.first_seen {
        let known = time(facts, rules.first_seen);
        return format!("the job was added to the job file only at {known}");
    }
    if let Some(since) = rules.scheduled_since.filter(|since| occurrence < *since) {
        return format!(
            "not by the schedule of then: the job was disabled or gone, or had another schedule or \
             zone, until {}",
            time(facts, since)
        );
    }
    let due = facts.due_at(job, occurrence);
    let fell_into = |past: &&PastPause| past.since <= due && due < past.until;
    if let Some(past) = job.past_pauses.iter().find(fell_into) {
        return format!("it {}", pauses::sentence(past, |at| time(facts, at)));
    }
    if !job.enabled {
        return DISABLED.to_owned();
    }
    let mut in_force = job.pause.iter().chain(&job.of_all);
    let holds = |until: Option<Timestamp>| until.is_none_or(|until| due < until);
    if let Some(pause) = in_force.find(|pause| pause.since <= due && holds(pause.until)) {
        return format!("it {}", pauses::of_now(pause, |at| time(facts, at)));
    }
    if let Some(held) = job.held_back.as_ref().filter(|held| held.occurrence <= occurrence) {
        return format!("it waits {}", held.reason.sentence(facts));
    }
    if facts.daemon != DaemonState::Stopped && facts.now < due {
        return format!("`jitter` delays it until {}", time(facts, due));
    }
    if occurrence > rules.handled {
        return not_yet(facts, rules, occurrence);
    }
    "nothing is recorded: its record has passed out of `history` (see `history:` in the job file), \
     or the clock was set past it"
        .to_owned()
}

/// The prospects of an occurrence that no daemon has handled yet.
fn not_yet(facts: &Facts, rules: &RulesDocument, due: Timestamp) -> String {
    if facts.daemon != DaemonState::Stopped {
        return "it has not been dealt with yet: `transferd status` says what the daemon is at"
            .to_owned();
    }
    let window = duration::format(rules.catch_up_window);
    let fate = if facts.now.duration_since(due) > rules.catch_up_window {
        format!("it will be skipped, as it is older than `catch_up_window` ({window})")
    } else {
        match rules.catch_up {
            CatchUp::None => "it will be skipped (`catch_up: none`)".to_owned(),
            CatchUp::Once => {
                "it will be caught up if no later one is missed too (`catch_up: once`)".to_owned()
            }
            CatchUp::All => "it will be caught up (`catch_up: all`)".to_owned(),
        }
    };
    format!("the daemon was down, and still is; when it is back, {fate}")
}

/// The result of a run.
fn outcome(facts: &Facts, run: &RunDocument) -> String {
    let reason = run.sentence(facts);
    match (run.state, run.scheduled_for, run.trigger) {
        (RunState::Skipped, Some(due), Trigger::CatchUp) => format!(
            "it did not run at {}: {reason}; the daemon was back at {}",
            time(facts, due),
            time(facts, run.created_at)
        ),
        (
            RunState::Skipped,
            Some(due),
            Trigger::Schedule | Trigger::Manual | Trigger::Retry | Trigger::Backfill,
        ) => {
            format!("it did not run at {}: {reason}", time(facts, due))
        }
        _ => format!("run {} ({}) {}", run.id, cause(facts, run), ended(facts, run)),
    }
}

/// How a run ended, or that it has not.
fn ended(facts: &Facts, run: &RunDocument) -> String {
    let (state, reason) = (run.state.label(), run.sentence(facts));
    let state = match run.state {
        RunState::Canceled | RunState::Skipped => format!("was {state}"),
        RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::Running
        | RunState::BackingOff
        | RunState::Canceling
        | RunState::Succeeded
        | RunState::Failed
        | RunState::TimedOut => state,
    };
    match run.ended_at {
        Some(end) => {
            let over = run.over_at().unwrap_or(end);
            let took = span(over.duration_since(run.created_at));
            format!("{state} at {} after {took}: {reason}", time(facts, end))
        }
        None => format!("is {state}: {reason}"),
    }
}

/// The origin of a run.
fn cause(facts: &Facts, run: &RunDocument) -> String {
    let due = run.scheduled_for.map(|at| time(facts, at)).unwrap_or_default();
    match run.trigger {
        Trigger::Schedule => format!("due at {due}"),
        Trigger::CatchUp => {
            format!("due at {due}, caught up at {}", time(facts, run.created_at))
        }
        Trigger::Manual => format!("triggered at {}", time(facts, run.created_at)),
        Trigger::Retry => format!("repeated at {}", time(facts, run.created_at)),
        Trigger::Backfill => format!("backfilled at {}", time(facts, run.created_at)),
    }
}

/// Its attempts, if they add to the run's own reason.
fn attempts(facts: &Facts, run: &RunDocument) -> Vec<String> {
    if run.attempts.len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![format!("it made {}:", count(run.attempts.len(), "attempt"))];
    for attempt in &run.attempts {
        lines.push(format!(
            "  {} at {}, {}: {}",
            attempt.number,
            time(facts, attempt.submitted_at),
            attempt.state.label(),
            attempt.sentence(facts)
        ));
    }
    lines
}

/// Ids in full, times in the job's zone.
impl Wording for Facts {
    fn run(&self, run: RunId) -> String {
        run.to_string()
    }

    fn transfer(&self, transfer: TransferId) -> String {
        transfer.to_string()
    }

    fn time(&self, at: Timestamp) -> String {
        time(self, at)
    }
}

/// A time in the job's zone, with the offset.
fn time(facts: &Facts, at: Timestamp) -> String {
    with_offset(at, &facts.zone())
}

#[cfg(test)]
mod tests;
