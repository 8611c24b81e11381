//! Runs in words: their state, progress, table and timeline.
//!
//! Functions of documents, the present, the zone and the screen alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::fit::{hanging, plain};
use super::paint::{Paint, Tone};
use super::table::{Rows, Screen};
use super::totals::{Totals, dollars};
use super::words::{Times, bytes, count, span};
use crate::control::document::{AttemptDocument, RunDocument, ShowDocument};
use crate::core::ids::JobName;
use crate::core::place::NamedPlace;
use crate::core::reason::{Reason, UnderWay};
use crate::core::run::{RunState, Trigger};

/// Lines of a run's reason in `history`; `show` has all of it.
const REASON_LINES: usize = 3;

/// The column of values.
const FACT: usize = 13;

/// A state, as people read it.
pub fn state(state: RunState) -> String {
    state.label()
}

/// The progress of an attempt's transfer; nothing as long as it has not moved.
pub fn progress(attempt: &AttemptDocument) -> Option<String> {
    let (objects, size) = (&attempt.objects, &attempt.bytes);
    if !attempt.has_moved() {
        return None;
    }
    let mut words = Vec::new();
    if let Some(percent) = attempt.percent() {
        words.push(format!("{percent} %"));
    }
    if size.total > 0 {
        words.push(format!("{} of {}", bytes(size.transferred), bytes(size.total)));
    }
    if objects.total > 0 {
        words.push(format!("{} of {} objects", objects.transferred, objects.total));
    }
    if objects.failed > 0 {
        words.push(format!("{} failed", objects.failed));
    }
    Some(words.join(", "))
}

/// A line for people who wait for a run.
pub fn line(run: &RunDocument, times: &Times) -> String {
    let state = state(run.state);
    // What comes next goes before the reason: the end of the line is cut where it is too long.
    if let Some(Reason::BackingOff { because, attempt, of, at }) = &run.facts {
        let because = plain(&because.sentence(times));
        return match at {
            Some(at) => {
                let until = times.zoned(*at);
                format!("{state} until {until} (attempt {attempt} of {of}): {because}")
            }
            None => format!("{state} (attempt {attempt} of {of} follows): {because}"),
        };
    }
    let at_work = run.latest_attempt().filter(|_| run.shows_progress());
    let told = at_work.and_then(progress);
    match told.or_else(|| reason(run, times).map(|reason| plain(&reason))) {
        Some(told) => format!("{state}: {told}"),
        None => state,
    }
}

/// The reason for a run's state, if there is one.
fn reason(run: &RunDocument, times: &Times) -> Option<String> {
    (!run.reason.is_empty()).then(|| run.sentence(times))
}

/// How long a run has taken, or has been going on.
pub fn took(run: &RunDocument, now: Timestamp) -> String {
    let is_unknown = run.as_recorded && run.ended_at.is_none();
    if run.state == RunState::Skipped || is_unknown {
        return "-".to_owned();
    }
    span(run.over_at().unwrap_or(now).duration_since(run.created_at))
}

/// How and when a run ended, for a cell.
pub fn last(run: Option<&RunDocument>, times: &Times) -> (Tone, String) {
    let Some(run) = run else { return (Tone::Faint, "never".to_owned()) };
    let when = times.at(run.over_at().unwrap_or(run.created_at));
    (Tone::of(run.state), format!("{} {when}", state(run.state)))
}

/// The shortest beginnings, of eight letters or more, that distinguish these runs.
pub fn short_ids(runs: &[RunDocument]) -> Vec<String> {
    let mut ids: Vec<_> = runs.iter().map(|run| run.id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let most = ids.windows(2).map(|pair| shared(&pair[0], &pair[1])).max().unwrap_or(0);
    let length = if most < 8 { 8 } else { most + 1 };
    let cut = |run: &RunDocument| run.id.to_string().chars().take(length).collect();
    runs.iter().map(cut).collect()
}

/// The zones of jobs, in which the times of their runs are shown.
pub type Zones = BTreeMap<JobName, TimeZone>;

/// `history` for people: each row in the zone of its job, as far as known, else in that of `times`.
pub fn history(runs: &[RunDocument], times: &Times, zones: &Zones, screen: Screen) -> String {
    let headings = ["RUN", "JOB", "SCHEDULED", "CREATED", "TOOK", "STATE"];
    let mut rows = Rows::new(screen, &headings).naming(1).beside("RESULT").brief(REASON_LINES);
    let of = |run: &RunDocument| times.in_zone(zones.get(&run.job));
    let scheduled_runs = runs.iter().filter(|run| run.scheduled_for.is_some());
    let zones_shown: BTreeSet<_> = scheduled_runs.map(|run| of(run).zone()).collect();
    let differ = zones_shown.len() > 1;
    for (run, id) in runs.iter().zip(short_ids(runs)) {
        let times = of(run);
        rows.add([
            (Tone::Plain, id),
            (Tone::Strong, run.job.to_string()),
            (Tone::Plain, scheduled(run, differ, &times)),
            (Tone::Plain, times.at(run.created_at)),
            (Tone::Plain, took(run, times.now)),
            (Tone::of(run.state), state(run.state)),
        ]);
        if let Some(told) = outcome(run, &times) {
            rows.remark(Tone::Plain, told);
        }
    }
    let beneath = match zones_shown.first().filter(|_| !differ && !times.absolute) {
        Some(zone) => format!("; scheduled times are of {zone}"),
        None => String::new(),
    };
    let totals = hanging(&format!("{}{beneath}", Totals::of(runs)), 0, 2, screen.room());
    format!("{}{totals}\n", rows.text())
}

/// The scheduled time, with its offset where the rows' zones differ, and the run's origin if it is
/// not the schedule.
fn scheduled(run: &RunDocument, zones_differ: bool, times: &Times) -> String {
    let word = run.trigger.word().replace('_', "-");
    let short = |at| match zones_differ && !times.absolute {
        true => format!("{} {}", times.short(at), times.offset(at)),
        false => times.short(at),
    };
    match run.scheduled_for {
        Some(at) if run.trigger == Trigger::Schedule => short(at),
        Some(at) => format!("{} {word}", short(at)),
        None => word,
    }
}

/// The result of a run: amounts and speed, its progress, or the reason for its state.
fn outcome(run: &RunDocument, times: &Times) -> Option<String> {
    let reason = || reason(run, times);
    let attempt = run.latest_attempt();
    let mut told = match run.state {
        RunState::Running => {
            let listed = attempt.filter(|_| run.shows_progress());
            listed.and_then(progress).or_else(reason)?
        }
        RunState::Succeeded => attempt.and_then(transferred).or_else(reason)?,
        RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::BackingOff
        | RunState::Canceling
        | RunState::Failed
        | RunState::TimedOut
        | RunState::Canceled
        | RunState::Skipped => reason()?,
    };
    if run.state == RunState::Succeeded && run.attempts.len() > 1 {
        told.push_str(&format!(", {} attempts", run.attempts.len()));
    }
    Some(told)
}

/// `10 objects, 10 MiB, 1.2 MiB/s`: the amounts of a finished transfer.
pub fn transferred(attempt: &AttemptDocument) -> Option<String> {
    let (objects, size) = (&attempt.objects, &attempt.bytes);
    if objects.total == 0 && size.transferred == 0 {
        return None;
    }
    let number = usize::try_from(objects.transferred).unwrap_or(usize::MAX);
    let mut words = Vec::new();
    // An agent that tells bytes alone does not tell that no object was transferred.
    if objects.total > 0 || number > 0 {
        words.push(count(number, "object"));
    }
    if objects.skipped > 0 {
        words.push(format!("{} skipped", objects.skipped));
    }
    if objects.failed > 0 {
        words.push(format!("{} failed", objects.failed));
    }
    if size.transferred > 0 {
        words.push(bytes(size.transferred));
        let seconds = attempt.over_at()?.duration_since(attempt.submitted_at).as_secs();
        if let Some(speed) =
            u64::try_from(seconds).ok().and_then(|s| size.transferred.checked_div(s))
        {
            words.push(format!("{}/s", bytes(speed)));
        }
    }
    Some(words.join(", "))
}

/// `show` for people: the run, its attempts, its timeline.
pub fn show(shown: &ShowDocument, times: &Times, screen: Screen) -> String {
    let (run, paint) = (&shown.run, Paint(screen.color));
    let mut text = format!("{}\n", paint.tone(Tone::Strong, &format!("run {}", run.id)));
    let mut fact = |name: &str, tone: Tone, value: &str| {
        let name = paint.tone(Tone::Faint, &format!("  {name:<11}"));
        let value = paint.tone(tone, &hanging(value, FACT, FACT, screen.room()));
        text.push_str(&format!("{name}{value}\n"));
    };
    fact("job", Tone::Strong, run.job.as_str());
    fact("from", Tone::Plain, &with_account(&run.source));
    fact("to", Tone::Plain, &with_account(&run.destination));
    let reason = reason(run, times).map(|reason| format!(": {reason}"));
    let told = format!("{}{}", state(run.state), reason.unwrap_or_default());
    fact("state", Tone::of(run.state), &told);
    let scheduled = match (run.scheduled_for, run.trigger) {
        (Some(at), Trigger::CatchUp) => {
            format!("{}, missed then", times.full(at))
        }
        (Some(at), Trigger::Schedule | Trigger::Manual | Trigger::Retry | Trigger::Backfill) => {
            times.full(at)
        }
        (None, Trigger::Retry) => "no: a retry of a run that was triggered by hand".to_owned(),
        (None, _) => "no: triggered by hand".to_owned(),
    };
    fact("scheduled", Tone::Plain, &scheduled);
    fact("created", Tone::Plain, &times.full(run.created_at));
    let took = took(run, times.now);
    let ended = match run.ended_at {
        Some(end) if run.state == RunState::Skipped => times.full(end),
        Some(seen) => {
            let over = run.over_at().unwrap_or(seen);
            let (over, seen) = (times.full(over), times.full(seen));
            // The agent's own end is earlier than our look that shows it.
            match over == seen {
                true => format!("{over}, after {took}"),
                false => format!("{over} at the agent, after {took}; seen {seen}"),
            }
        }
        None if run.as_recorded => "not yet when this was recorded".to_owned(),
        None => format!("not yet ({took} so far)"),
    };
    fact("ended", Tone::Plain, &ended);
    if !run.attempts.is_empty() {
        text.push('\n');
        text.push_str(&attempts(run, times, screen));
    }
    if !shown.events.is_empty() {
        text.push('\n');
        text.push_str(&timeline(shown, times, screen));
    }
    text
}

/// A place, with the id of its account, by which the agent knows it, beside the account's name.
fn with_account(place: &NamedPlace) -> String {
    match &place.account {
        Some(_) => format!("{place} (account {})", place.account_id),
        None => place.to_string(),
    }
}

fn attempts(run: &RunDocument, times: &Times, screen: Screen) -> String {
    let mut rows = Rows::new(screen, &["ATTEMPT", "SUBMITTED", "TOOK", "STATE"]).beside("DETAIL");
    for attempt in &run.attempts {
        let now = (!run.as_recorded).then_some(times.now);
        let took = attempt.over_at().or(now).map(|end| end.duration_since(attempt.submitted_at));
        rows.add([
            (Tone::Plain, attempt.number.to_string()),
            (Tone::Plain, times.full(attempt.submitted_at)),
            (Tone::Plain, took.map_or_else(|| "-".to_owned(), span)),
            (Tone::of(attempt.state), state(attempt.state)),
        ]);
        if let Some(transfer) = attempt.transfer_id {
            rows.remark(Tone::Faint, format!("transfer {transfer}"));
        }
        if let Some(told) = progress(attempt) {
            rows.remark(Tone::Plain, told);
        }
        if let Some(cost) = attempt.cost_usd {
            rows.remark(Tone::Plain, format!("cost {}", dollars(cost)));
        }
        let known = attempt.facts.as_ref().is_some_and(says_transfer_alone);
        if !attempt.reason.is_empty() && !known {
            rows.remark(Tone::Plain, attempt.sentence(times));
        }
    }
    rows.text()
}

/// Whether a reason only names the transfer of an attempt.
fn says_transfer_alone(reason: &Reason) -> bool {
    matches!(reason, Reason::UnderWay(UnderWay::Listed { .. }))
}

/// The events, in order. The date is shown where it, or its offset, differs from the event before.
fn timeline(shown: &ShowDocument, times: &Times, screen: Screen) -> String {
    let heading = format!("TIME {}", times.offset(shown.run.created_at));
    let mut rows = Rows::new(screen, &[&heading, "EVENT", "DETAIL"]);
    let date = |at| format!("{} ({})", times.date(at), times.offset(at));
    let mut day = date(shown.run.created_at);
    let events = shown.events.iter().enumerate().filter(|(index, event)| {
        // An event that led to a new state in the same moment and words is covered by that state.
        shown.events.get(index + 1).is_none_or(|next| {
            RunState::from_word(&next.event).is_none()
                || (event.at, &event.detail) != (next.at, &next.detail)
        })
    });
    for (_, event) in events {
        let today = date(event.at);
        if today != day {
            rows.line(Tone::Faint, today.clone());
            day = today;
        }
        let tone = RunState::from_word(&event.event).map_or(Tone::Plain, Tone::of);
        rows.add([
            (Tone::Faint, times.clock(event.at)),
            (tone, event.event.replace('_', " ")),
            (Tone::Plain, event.sentence(times)),
        ]);
    }
    rows.text()
}
