//! The coming 24 hours: when each job is due, and its run as far as a rehearsal can predict it.

use jiff::{SignedDuration, Timestamp};

use super::foresight::Foreseen;
use super::html::Html;
use crate::core::ids::JobName;
use crate::core::schedule;
use crate::web::ask::Planned;
use crate::words::Times;

/// The span of time shown.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Times that are listed for one job.
const NAMED: usize = 4;

/// Times of one job that are counted; a job that is due each second has 86,400 of them a day.
const COUNTED: usize = 100;

/// Jobs that are named.
const JOBS_MAX: usize = 200;

/// The end of the span.
pub(super) fn horizon(now: Timestamp) -> Timestamp {
    now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX)
}

/// Due times until then, by job, the first first.
fn due(planned: &[Planned], now: Timestamp) -> Vec<(Timestamp, &Planned)> {
    let mut due = schedule::firsts(planned, now);
    due.retain(|(first, _)| *first <= horizon(now));
    due
}

/// The jobs that are shown.
pub(super) fn shown(planned: &[Planned], now: Timestamp) -> Vec<JobName> {
    let due = due(planned, now);
    due.iter().take(JOBS_MAX).map(|(_, planned)| planned.job.name.clone()).collect()
}

/// The part of the page.
pub(super) fn coming(planned: &[Planned], foreseen: Option<&Foreseen>, times: &Times) -> Html {
    let until = horizon(times.now);
    let due = due(planned, times.now);
    let mut html = Html::new();
    html.raw(
        "<section id=\"coming\" data-live aria-labelledby=\"coming-h\">\
         <h2 id=\"coming-h\">The coming 24 hours</h2>",
    );
    if due.is_empty() {
        html.raw("<p class=\"none\">Nothing is due.</p>");
    } else {
        if let Some(foreseen) = foreseen {
            html.raw(
                "<p class=\"hint\">Each strip shows the hours as a rehearsal plays them, with transfers \
                 as long as the last good ones of their job",
            );
            if let Some(cut) = foreseen.cut(until) {
                html.raw(", until ").time(cut, &times.next(cut, None), times);
            }
            html.raw(".</p>");
        }
        html.raw("<ol class=\"coming\">");
        for (_, planned) in due.iter().take(JOBS_MAX) {
            let one = std::slice::from_ref(*planned);
            let due = schedule::coming(one, times.now, COUNTED + 1, Some(until));
            let due: Vec<_> = due.into_iter().map(|(at, _)| at).collect();
            html.add(&item(planned, &due, foreseen, times));
        }
        html.raw("</ol>");
    }
    let more = due.len().saturating_sub(JOBS_MAX);
    if more > 0 {
        html.raw("<p>and ").text(more).raw(" more jobs</p>");
    }
    html.raw("</section>");
    html
}

fn item(planned: &Planned, due: &[Timestamp], foreseen: Option<&Foreseen>, times: &Times) -> Html {
    let zone = planned.job.timetable.zone();
    let mut html = Html::new();
    html.raw("<li><strong>").text(&planned.job.name).raw("</strong> ");
    for (index, at) in due.iter().take(NAMED).enumerate() {
        html.raw(if index == 0 { "" } else { ", " });
        let words = match index {
            0 => times.next(*at, Some(zone)),
            _ => {
                let at = at.to_zoned_datetime(zone.clone());
                let form = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
                at.strftime(form).to_string()
            }
        };
        html.time(*at, &words, times);
    }
    match due.len() {
        0..=NAMED => {}
        many @ ..=COUNTED => {
            html.raw(" and ").text(many - NAMED).raw(" more");
        }
        _ => {
            html.raw(" and over ").text(COUNTED - NAMED).raw(" more");
        }
    }
    if let Some(foreseen) = foreseen {
        html.add(&foreseen.job(&planned.job.name, zone));
    }
    html.raw("</li>");
    html
}
