//! The coming 24 hours: when each job is due.

use jiff::{SignedDuration, Timestamp};

use super::html::Html;
use crate::core::schedule::Occurring as _;
use crate::web::ask::Planned;
use crate::words::Times;

/// How far is looked ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Times that are named of one job.
const NAMED: usize = 4;

/// Times of one job that are counted; a job that is due each second has 86,400 of them a day.
const COUNTED: usize = 100;

/// Jobs that are named.
const JOBS_MAX: usize = 200;

/// A job's times within the coming day.
struct Due<'a> {
    planned: &'a Planned,
    times: Vec<Timestamp>,
}

/// The part of the page.
pub(super) fn coming(planned: &[Planned], times: &Times) -> Html {
    let until = times.now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
    let mut due: Vec<_> = planned
        .iter()
        .filter_map(|planned| Some((planned.next_after(times.now)?, planned)))
        .filter(|(first, _)| *first <= until)
        .collect();
    // Stable: jobs that are due together stay in the order of their names.
    due.sort_by_key(|(first, _)| *first);
    let more = due.len().saturating_sub(JOBS_MAX);
    let due = due.into_iter().take(JOBS_MAX).map(|(first, planned)| {
        let next = |at: &Timestamp| planned.next_after(*at).filter(|at| *at <= until);
        let times = std::iter::successors(Some(first), next).take(COUNTED + 1).collect();
        Due { planned, times }
    });
    let mut html = Html::new();
    html.raw(
        "<section id=\"coming\" data-live aria-labelledby=\"coming-h\">\
         <h2 id=\"coming-h\">The coming 24 hours</h2>",
    );
    let mut items = Html::new();
    for due in due {
        items.add(&item(&due, times));
    }
    if items == Html::new() {
        html.raw("<p class=\"none\">Nothing is due.</p>");
    } else {
        html.raw("<ol class=\"coming\">").add(&items).raw("</ol>");
    }
    if more > 0 {
        html.raw("<p>and ").text(more).raw(" more jobs</p>");
    }
    html.raw("</section>");
    html
}

fn item(due: &Due<'_>, times: &Times) -> Html {
    let zone = due.planned.job.timetable.zone();
    let mut html = Html::new();
    html.raw("<li><strong>").text(&due.planned.job.name).raw("</strong> ");
    for (index, at) in due.times.iter().take(NAMED).enumerate() {
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
    match due.times.len() {
        0..=NAMED => {}
        many @ ..=COUNTED => {
            html.raw(" and ").text(many - NAMED).raw(" more");
        }
        _ => {
            html.raw(" and over ").text(COUNTED - NAMED).raw(" more");
        }
    }
    html.raw("</li>");
    html
}
