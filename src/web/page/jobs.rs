//! The table of jobs: its state and what it waits for, its last days, its last success, its last
//! and its next run. Jobs that need somebody come first.

use super::days::Past;
use super::html::{Html, Root};
use super::strip::strip;
use crate::control::document::{JobDocument, PauseDocument, RunDocument};
use crate::core::ids::JobName;
use crate::core::run::RunState;
use crate::words::{Times, count};

/// Jobs that one page shows; the others are found by searching.
pub(super) const SHOWN_MAX: usize = 500;

/// The jobs of a page.
pub(super) struct Jobs<'a> {
    /// The jobs that are shown, in order.
    pub(super) shown: Vec<&'a JobDocument>,
    /// The number of jobs that match the search.
    pub(super) found: usize,
}

impl<'a> Jobs<'a> {
    /// The jobs whose name or description contains `search`, the most urgent first.
    pub(super) fn of(jobs: &'a [JobDocument], search: &str) -> Self {
        let search = search.trim().to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&search);
        let fits = |job: &&JobDocument| {
            search.is_empty()
                || holds(job.name.as_str())
                || job.description.as_deref().is_some_and(holds)
        };
        let mut shown: Vec<_> = jobs.iter().filter(fits).collect();
        let found = shown.len();
        // Stable: within a group they stay in the order of their names.
        shown.sort_by_key(|job| urgency(job));
        shown.truncate(SHOWN_MAX);
        Self { shown, found }
    }

    /// The names of those that are shown.
    pub(super) fn names(&self) -> Vec<JobName> {
        self.shown.iter().map(|job| job.name.clone()).collect()
    }
}

fn urgency(job: &JobDocument) -> u8 {
    match &job.active_run {
        _ if job.late || job.has_failed() => 0,
        Some(_) => 1,
        None if job.paused => 2,
        None if job.enabled => 3,
        None => 4,
    }
}

/// The CSS class of a state.
pub(super) fn class(state: RunState) -> &'static str {
    match state {
        RunState::Succeeded => "good",
        RunState::Failed | RunState::TimedOut => "bad",
        RunState::Canceled | RunState::Skipped | RunState::BackingOff | RunState::Canceling => {
            "odd"
        }
        RunState::Waiting | RunState::Submitting | RunState::Queued | RunState::Running => "busy",
    }
}

/// The part of the page.
pub(super) fn jobs(
    jobs: &Jobs<'_>,
    past: Option<&Past>,
    of_all: Option<&PauseDocument>,
    times: &Times,
) -> Html {
    let mut html = Html::new();
    html.raw("<section id=\"jobs\" data-live aria-label=\"Jobs\">");
    if jobs.shown.is_empty() {
        html.raw("<p class=\"none\">There is no such job.</p></section>");
        return html;
    }
    html.raw(
        "<table role=\"table\"><caption>Jobs, those that need somebody first</caption>\
         <thead><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Job</th>\
         <th role=\"columnheader\" scope=\"col\">State</th>\
         <th role=\"columnheader\" scope=\"col\">Last 14 days</th>\
         <th role=\"columnheader\" scope=\"col\">Last success</th>\
         <th role=\"columnheader\" scope=\"col\">Last run</th>\
         <th role=\"columnheader\" scope=\"col\">Next run</th></tr></thead><tbody>",
    );
    for (index, job) in jobs.shown.iter().enumerate() {
        html.add(&row(job, past.map(|past| (past, index)), of_all, times));
    }
    html.raw("</tbody></table>");
    if jobs.found > jobs.shown.len() {
        html.raw("<p>").text(jobs.shown.len()).raw(" of ").text(count(jobs.found, "job"));
        html.raw("; search by name for the others.</p>");
    }
    html.raw("</section>");
    html
}

fn row(
    job: &JobDocument,
    past: Option<(&Past, usize)>,
    of_all: Option<&PauseDocument>,
    here: &Times,
) -> Html {
    // What is said of a job is in its zone.
    let times = &here.in_zone(job.zone().as_ref());
    let mut html = Html::new();
    html.raw("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">").text(&job.name);
    if let Some(description) = &job.description {
        html.raw("<small>").text(description).raw("</small>");
    }
    html.raw("</th><td role=\"cell\" data-label=\"State\">").add(&standing(job, of_all, times));
    html.raw("</td><td role=\"cell\" data-label=\"Last 14 days\">");
    if let Some((past, index)) = past
        && let Some(outcomes) = past.outcomes.get(index)
    {
        html.add(&strip(&past.days, outcomes));
    }
    html.raw("</td><td role=\"cell\" data-label=\"Last success\">");
    html.add(&ended(job.last_success.as_ref(), false, times));
    html.raw("</td><td role=\"cell\" data-label=\"Last run\">");
    html.add(&ended(job.last_run.as_ref(), true, times));
    html.raw("</td><td role=\"cell\" data-label=\"Next run\">").add(&next(job, here));
    html.raw("</td></tr>");
    html
}

/// The state of a job, and the reason.
fn standing(job: &JobDocument, of_all: Option<&PauseDocument>, times: &Times) -> Html {
    let mut html = Html::new();
    let (shown, words) = match &job.active_run {
        Some(run) => (class(run.state), run.state.label()),
        None if job.is_held_by_pause() => ("odd", "paused".to_owned()),
        None if !job.enabled => ("off", "disabled".to_owned()),
        None => ("off", "idle".to_owned()),
    };
    html.raw("<span class=\"state ").raw(shown).raw("\">").text(words).raw("</span>");
    if job.late {
        html.raw(" <span class=\"state bad\">late</span>");
    }
    let mut remark = |words: String| {
        html.raw("<small>").text(words).raw("</small>");
    };
    if let Some(run) = job.active_run.as_ref().filter(|run| !run.reason.is_empty()) {
        remark(run.sentence(times));
    }
    let detail = job.detail.as_ref();
    if let Some(since) = detail.and_then(|detail| detail.late_since) {
        remark(format!("late since {}", times.zoned(since)));
    }
    if let Some(held) = detail.and_then(|detail| detail.held_back.as_ref()) {
        let due = times.zoned(held.occurrence);
        remark(format!("due at {due}, waits {}", held.reason.sentence(times)));
    }
    // A pause of all jobs is shown once.
    if let Some(pause) = job.pause.as_ref().filter(|pause| of_all != Some(*pause)) {
        remark(pause.sentence(|at| times.zoned(at), |at| times.moment(at)));
    }
    html
}

/// How and when a run ended, with the reason if that is wanted and useful.
fn ended(run: Option<&RunDocument>, why: bool, times: &Times) -> Html {
    let mut html = Html::new();
    let Some(run) = run else {
        html.raw("<span class=\"none\">never</span>");
        return html;
    };
    let at = run.over_at().unwrap_or(run.created_at);
    let mut words = Html::new();
    words.time(at, &times.at(at), times);
    if why {
        html.raw("<span class=\"state ").raw(class(run.state)).raw("\">");
        html.text(run.state.label()).raw("</span> ");
    }
    html.raw("<a href=\"").raw(Root::HERE.0).raw("runs/").text(run.id).raw("\">").add(&words);
    html.raw("</a>");
    if why && run.state.is_failure() {
        html.raw("<small>").text(run.sentence(times)).raw("</small>");
    }
    html
}

fn next(job: &JobDocument, times: &Times) -> Html {
    let mut html = Html::new();
    match job.next_run {
        Some(at) => html.time(at, &times.next(at, job.zone().as_ref()), times),
        None if job.schedule.is_none() => html.raw("<span class=\"none\">by hand</span>"),
        None => html.raw("<span class=\"none\">none</span>"),
    };
    html
}
