//! Running transfers, each with its bar, speed, remaining time, and deadline.

use super::html::{Html, Root};
use crate::control::document::{AttemptDocument, JobDocument, RunDocument, StatusDocument};
use crate::words::{Times, bytes, span};

/// Runs that are shown; others are in the table of jobs.
const SHOWN_MAX: usize = 100;

/// The part of the page.
pub(super) fn running(status: &StatusDocument, times: &Times) -> Html {
    let active = status.jobs.iter().filter_map(|job| Some((job, job.active_run.as_ref()?)));
    let active: Vec<_> = active.collect();
    let removed = &status.runs_of_removed_jobs;
    let mut html = Html::new();
    html.raw("<section id=\"running\" data-live aria-labelledby=\"running-h\"");
    if !(active.is_empty() && removed.is_empty()) {
        // Progress sends no events: the page has to reload by itself.
        html.raw(" data-moving");
    }
    html.raw("><h2 id=\"running-h\">Under way</h2>");
    if active.is_empty() && removed.is_empty() {
        html.raw("<p class=\"none\">No run is under way.</p>");
    } else {
        html.raw("<ul class=\"running\">");
        for (job, run) in active.iter().take(SHOWN_MAX) {
            html.add(&item(job, run, status, times));
        }
        for run in removed {
            html.add(&of_removed_job(run, times));
        }
        html.raw("</ul>");
        if active.len() > SHOWN_MAX {
            html.raw("<p>and ").text(active.len() - SHOWN_MAX).raw(" more</p>");
        }
    }
    html.raw("</section>");
    html
}

fn item(job: &JobDocument, run: &RunDocument, status: &StatusDocument, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<li><h3>").text(&job.name).raw(" ");
    html.run(Root::HERE, run.id, times).raw("</h3>");
    html.raw("<p><span class=\"state ").raw(super::jobs::class(run.state)).raw("\">");
    html.text(run.state.label()).raw("</span> since ");
    html.time(run.created_at, &times.brief(run.created_at), times);
    if let Some(detail) = job.detail.as_ref().filter(|detail| detail.behind > 0) {
        html.raw(", ").text(detail.behind).raw(" more behind it");
    }
    html.raw("</p>");
    if let Some(attempt) = run.latest_attempt().filter(|_| run.shows_progress()) {
        html.add(&progress(job, run, attempt, status, times));
    } else if !run.reason.is_empty() {
        html.raw("<p class=\"reason\">").text(run.sentence(times)).raw("</p>");
    }
    html.raw("</li>");
    html
}

/// A run whose job is gone from the job file.
fn of_removed_job(run: &RunDocument, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<li><h3>").text(&run.job).raw(" ");
    html.run(Root::HERE, run.id, times).raw("</h3>");
    html.raw("<p><span class=\"state ").raw(super::jobs::class(run.state)).raw("\">");
    html.text(run.state.label()).raw("</span> since ");
    html.time(run.created_at, &times.brief(run.created_at), times);
    html.raw("; its job is gone from the job file</p>");
    let moving = run.latest_attempt().filter(|_| run.state.is_transferring());
    if let Some(percent) = moving.and_then(AttemptDocument::percent) {
        html.raw("<p>").text(percent).raw(" %</p>");
    } else if !run.reason.is_empty() {
        html.raw("<p class=\"reason\">").text(run.sentence(times)).raw("</p>");
    }
    html.raw("</li>");
    html
}

/// The bar, and the text beside it.
fn progress(
    job: &JobDocument,
    run: &RunDocument,
    attempt: &AttemptDocument,
    status: &StatusDocument,
    times: &Times,
) -> Html {
    let known = job.progress(status.agent.asked_at.unwrap_or(times.now));
    let percent = known.percent.unwrap_or(0);
    let mut html = Html::new();
    html.raw("<progress max=\"100\" value=\"").text(percent).raw("\" aria-label=\"Progress of ");
    html.text(&run.job).raw("\">").text(percent).raw(" %</progress><p>").text(percent).raw(" %");
    let size = &attempt.bytes;
    if size.total > 0 {
        html.raw(", ").text(bytes(size.transferred)).raw(" of ").text(bytes(size.total));
    }
    let objects = &attempt.objects;
    if objects.total > 0 {
        html.raw(", ").text(objects.transferred).raw(" of ").text(objects.total).raw(" objects");
    }
    if objects.failed > 0 {
        html.raw(", <strong class=\"bad\">").text(objects.failed).raw(" failed</strong>");
    }
    if let Some(still) = known.still {
        html.raw(", <strong class=\"odd\">has not moved for ").text(span(still)).raw("</strong>");
    }
    if let Some(speed) = known.speed {
        html.raw(", ").text(bytes(speed)).raw("/s");
    }
    if let Some(left) = known.left {
        html.raw(", ").text(span(left)).raw(" left");
    }
    if let Some(deadline) = job.detail.as_ref().and_then(|detail| detail.deadline) {
        html.raw(", to be done by ").time(deadline, &times.brief(deadline), times);
    }
    html.raw("</p>");
    html
}
