//! The coming 24 hours as a rehearsal plays them: when each job will be running, and which runs
//! will wait or be skipped.
//!
//! It is played beside the loop, within bounds, and reused for a minute: many open pages that
//! follow the stream cost no more than one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::html::Html;
use crate::core::duration::span;
use crate::core::ids::JobName;
use crate::core::job::JobSet;
use crate::sim::rehearsal::limits::{ASSUMED, WORTH_A_WORD};
use crate::sim::rehearsal::{self, Bounds, Cell, JobStory, Pace, Rehearsal};
use crate::web::ask::{Ground, Planned};
use crate::web::questions::{Questions, beside};
use crate::words::count;

/// How long a rehearsal is reused.
const HOLDS: Duration = Duration::from_secs(60);

/// A quarter of a second's worth, and a day of a hundred jobs that are due every half hour.
const BOUNDS: Bounds = Bounds { occurrences: 5_000, work: 1_000_000 };

/// The prediction for the coming day.
#[derive(Debug)]
pub(super) struct Foreseen {
    /// The end of the part that was played.
    until: Timestamp,
    /// The starts of the hours, the first one now or before.
    hours: Vec<Timestamp>,
    stories: BTreeMap<JobName, JobStory>,
}

/// The last rehearsal.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct Foresight(Arc<Mutex<Option<Kept>>>);

#[derive(Clone, Debug)]
struct Kept {
    at: Instant,
    /// The jobs whose schedules were in effect, from the job file in force then.
    jobs: Vec<JobName>,
    set: Arc<JobSet>,
    foreseen: Arc<Foreseen>,
}

impl Foresight {
    /// Predicts the runs of the jobs whose schedules are in effect, from now until then. Those that
    /// are `shown` take as long as they did.
    pub(super) async fn of(
        &self,
        questions: &Questions,
        (planned, shown): (&[Planned], Vec<JobName>),
        (now, until): (Timestamp, Timestamp),
    ) -> Option<Arc<Foreseen>> {
        let obeyed = planned.iter().filter(|planned| planned.scheduled);
        let jobs: Vec<JobName> = obeyed.map(|planned| planned.job.name.clone()).collect();
        let ground = questions.ground().await.ok()?;
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(kept) = last.filter(|kept| {
            kept.at.elapsed() < HOLDS && kept.jobs == jobs && Arc::ptr_eq(&kept.set, &ground.set)
        }) {
            return Some(kept.foreseen);
        }
        let set = Arc::clone(&ground.set);
        let took = questions.durations(shown.clone()).await.ok()?;
        let rehearsal = rehearsal(ground, &jobs, shown.into_iter().zip(took), (now, until));
        let foreseen = Arc::new(beside(move || Foreseen::of(&rehearsal)).await.ok()?);
        let kept = Kept { at: Instant::now(), jobs, set, foreseen: Arc::clone(&foreseen) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Some(foreseen)
    }
}

/// A rehearsal of the jobs in effect, on an agent that is always there.
fn rehearsal(
    ground: Ground,
    jobs: &[JobName],
    took: impl Iterator<Item = (JobName, Vec<SignedDuration>)>,
    (from, until): (Timestamp, Timestamp),
) -> Rehearsal {
    let Ground { set, host } = ground;
    let mut obeyed = JobSet::clone(&set);
    obeyed.jobs.retain(|name, _| jobs.binary_search(name).is_ok());
    let measured = took.filter(|(_, took)| !took.is_empty());
    let zone = TimeZone::system();
    Rehearsal {
        set: Arc::new(obeyed),
        host,
        from,
        until,
        cells: hours(from, until, &zone),
        zone,
        paces: measured.map(|(job, took)| (job, Pace::Measured(took))).collect(),
        otherwise: Pace::Assumed(ASSUMED),
        fail: 0.0,
        seed: 1,
        kept: None,
        bounds: BOUNDS,
    }
}

/// The starts of the hours between two times, the first one at `from` or before.
fn hours(from: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
    let hour = SignedDuration::from_hours(1);
    let wall = from.to_zoned_datetime(zone.clone());
    let past = SignedDuration::from_secs(i64::from(wall.minute()) * 60 + i64::from(wall.second()));
    let first = from.saturating_sub(past).unwrap_or(from);
    let next = |at: &Timestamp| at.checked_add(hour).ok().filter(|at| *at < until);
    std::iter::successors(Some(first), next).collect()
}

impl Foreseen {
    fn of(rehearsal: &Rehearsal) -> Self {
        let played = rehearsal::play(rehearsal);
        let stories = played.jobs.into_iter().map(|story| (story.job.name.clone(), story));
        Self { until: played.until, hours: rehearsal.cells.clone(), stories: stories.collect() }
    }

    /// The end of the part that was played, if that is not all.
    pub(super) fn cut(&self, until: Timestamp) -> Option<Timestamp> {
        Some(self.until).filter(|played| *played < until)
    }

    /// A job's hours as a strip, with a sentence about runs that will not go smoothly.
    pub(super) fn job(&self, name: &JobName, zone: &TimeZone) -> Html {
        let mut html = Html::new();
        let Some(story) = self.stories.get(name) else { return html };
        html.raw("<svg class=\"strip hours\" viewBox=\"0 0 ").text(story.cells.len() * 8);
        html.raw(" 18\" role=\"img\" aria-label=\"").text(summary(&story.cells)).raw("\">");
        for (index, (cell, begins)) in story.cells.iter().zip(&self.hours).enumerate() {
            let hour = begins.to_zoned_datetime(zone.clone()).strftime("%H:%M").to_string();
            html.raw("<g transform=\"translate(").text(index * 8).raw(" 0)\"><title>").text(hour);
            html.raw(": ").text(word(*cell)).raw("</title>");
            html.raw("<rect class=\"field\" width=\"7\" height=\"18\"/>").raw(mark(*cell));
            html.raw("</g>");
        }
        html.raw("</svg>");
        if let Some(words) = trouble(story) {
            html.raw("<small class=\"odd\">").text(words).raw("</small>");
        }
        html
    }
}

/// The mark of an hour, in a field of 7 by 18: readable by its height and sign without colors too.
fn mark(cell: Cell) -> &'static str {
    match cell {
        Cell::Idle => "<rect class=\"off\" y=\"16\" width=\"7\" height=\"2\"/>",
        Cell::Busy => "<rect class=\"busy\" y=\"4\" width=\"7\" height=\"14\"/>",
        Cell::Waited => "<rect class=\"odd\" y=\"9\" width=\"7\" height=\"9\"/>",
        Cell::Skipped => {
            "<rect class=\"odd\" width=\"7\" height=\"18\"/>\
             <path class=\"sign\" d=\"M1 9h5\"/>"
        }
        Cell::Failed => {
            "<rect class=\"bad\" width=\"7\" height=\"18\"/>\
             <path class=\"sign\" d=\"M1 7l5 5m0-5l-5 5\"/>"
        }
    }
}

/// The state of an hour, in a word.
fn word(cell: Cell) -> &'static str {
    match cell {
        Cell::Idle => "nothing",
        Cell::Busy => "a transfer is at work",
        Cell::Waited => "a run waits",
        Cell::Skipped => "a run is skipped",
        Cell::Failed => "a run fails",
    }
}

/// The whole strip in words, for readers who can't see it.
fn summary(cells: &[Cell]) -> String {
    let kinds = [Cell::Failed, Cell::Skipped, Cell::Waited, Cell::Busy];
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|kind| (cells.iter().filter(|cell| **cell == kind).count(), word(kind)))
        .filter(|(hours, _)| *hours > 0)
        .map(|(hours, word)| format!("{} in which {word}", count(hours, "hour")))
        .collect();
    if kinds.is_empty() { word(Cell::Idle).to_owned() } else { kinds.join(", ") }
}

/// The trouble that keeps its runs from starting on time, or from ending.
fn trouble(story: &JobStory) -> Option<String> {
    let counts = &story.counts;
    let of = |some: u64| format!("{some} of {}", counts.due);
    let mut kinds = Vec::new();
    if counts.skipped > 0 {
        kinds.push(format!("{} skipped", of(counts.skipped)));
    }
    if counts.timed_out > 0 {
        kinds.push(format!("{} past their `timeout`", of(counts.timed_out)));
    }
    if counts.replaced > 0 {
        kinds.push(format!("{} replaced by the next", of(counts.replaced)));
    }
    let wait = story.longest_wait.map(|longest| longest.lasted);
    if let Some(wait) = wait.filter(|wait| *wait >= WORTH_A_WORD && counts.waited > 0) {
        kinds.push(format!("{} wait, up to {}", of(counts.waited), span(wait)));
    }
    (!kinds.is_empty()).then(|| format!("foreseen: {}", kinds.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_begin_where_the_clock_shows_them_and_the_first_is_under_way() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let hours = hours(at("2026-11-28T01:10:35Z"), at("2026-11-29T01:10:35Z"), &zone);
        assert_eq!(hours.len(), 25);
        assert_eq!(hours[0], at("2026-11-28T00:30:00Z"), "06:40 there");
        assert_eq!(hours[24], at("2026-11-29T00:30:00Z"));
    }

    #[test]
    fn a_strip_says_in_words_what_it_shows() {
        let cells = [Cell::Idle, Cell::Busy, Cell::Busy, Cell::Skipped];
        let told = "1 hour in which a run is skipped, 2 hours in which a transfer is at work";
        assert_eq!(summary(&cells), told);
        assert_eq!(summary(&[Cell::Idle]), "nothing");
    }
}
