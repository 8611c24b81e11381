//! The page of a run: its places, its attempts with the agent's words, and all its events in order,
//! the evidence included.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Content, respond};
use super::front::{head, refused};
use super::html::{Html, Root};
use super::jobs::class;
use crate::clock;
use crate::control::document::{AttemptDocument, CauseDocument, RunDocument, ShowDocument};
use crate::core::event::EventKind;
use crate::core::run::Trigger;
use crate::web::pages::Pages;
use crate::words::{Times, bytes, span};

/// Events that are shown, the newest; a run that waits for days with changing reasons has more.
const EVENTS_MAX: usize = 1_000;

/// `/runs/ID`.
pub(in crate::web) async fn run(State(pages): State<Pages>, Path(run): Path<String>) -> Response {
    let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: false };
    match pages.questions.show(run).await {
        Ok(shown) => {
            let (state, job) = (shown.run.state.label(), &shown.run.job);
            let title = format!("{job}: {state} - transferd on {}", pages.hostname);
            let body = body(&shown, &times);
            respond(StatusCode::OK, Content { title, root: Root::ABOVE, body })
        }
        Err(why) => refused(&why, Root::ABOVE),
    }
}

fn body(shown: &ShowDocument, times: &Times) -> Html {
    let run = &shown.run;
    let mut html = Html::new();
    html.add(&head(Root::ABOVE, times)).raw("<main id=\"main\" tabindex=\"-1\">");
    html.raw("<section id=\"run\" data-live aria-labelledby=\"run-h\"");
    if !run.state.is_over() {
        html.raw(" data-moving");
    }
    html.raw("><h1 id=\"run-h\">").text(&run.job).raw(" <span class=\"state ");
    html.raw(class(run.state)).raw("\">").text(run.state.label()).raw("</span></h1>");
    if !run.reason.is_empty() {
        html.raw("<p class=\"reason\">").text(run.sentence(times)).raw("</p>");
    }
    html.add(&facts(run, times)).raw("</section>");
    html.raw("<section id=\"attempts\" data-live aria-labelledby=\"attempts-h\">");
    html.raw("<h2 id=\"attempts-h\">Attempts</h2>");
    if run.attempts.is_empty() {
        html.raw("<p class=\"none\">The agent was not asked.</p>");
    }
    for attempt in &run.attempts {
        html.add(&self::attempt(attempt, times));
    }
    html.raw("</section>").add(&timeline(shown, times)).raw("</main>");
    html.raw(
        "<footer><nav aria-label=\"More\"><a href=\"../\">All jobs</a> <a href=\"../api/runs/",
    );
    html.text(run.id).raw("\">This run as JSON</a></nav></footer>");
    html
}

/// A name and its value in a list of them.
fn fact(html: &mut Html, name: &'static str, value: &Html) {
    html.raw("<div><dt>").raw(name).raw("</dt><dd>").add(value).raw("</dd></div>");
}

fn of_text(text: impl std::fmt::Display) -> Html {
    let mut html = Html::new();
    html.text(text);
    html
}

fn code(text: impl std::fmt::Display) -> Html {
    let mut html = Html::new();
    html.raw("<code>").text(text).raw("</code>");
    html
}

fn at(time: Timestamp, times: &Times) -> Html {
    let mut html = Html::new();
    html.time(time, &times.dated(time), times);
    html
}

fn facts(run: &RunDocument, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<dl class=\"facts\">");
    fact(&mut html, "Run", &code(run.id));
    fact(&mut html, "Source", &code(&run.source));
    fact(&mut html, "Destination", &code(&run.destination));
    if let Some(time) = run.scheduled_for {
        fact(&mut html, "Scheduled for", &at(time, times));
    }
    fact(&mut html, "Made by", &of_text(made_by(run.trigger)));
    fact(&mut html, "Created", &at(run.created_at, times));
    if let Some(over) = run.over_at() {
        fact(&mut html, "Over", &at(over, times));
    }
    let until = run.over_at().unwrap_or(times.now);
    fact(&mut html, "Took", &of_text(span(until.duration_since(run.created_at))));
    if let Some(code) = run.reason_code {
        fact(&mut html, "Reason", &self::code(code.word()));
    }
    if let Some(limit) = &run.limit {
        fact(&mut html, "Limit", &code(limit));
    }
    for (name, other) in [("Repeats", run.retry_of), ("Held up by", run.blocked_by)] {
        if let Some(other) = other {
            let mut link = Html::new();
            link.run(Root::ABOVE, other, times);
            fact(&mut html, name, &link);
        }
    }
    html.raw("</dl>");
    html
}

fn made_by(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "the schedule",
        Trigger::CatchUp => "the schedule, caught up",
        Trigger::Manual => "an operator",
        Trigger::Retry => "an operator, as a retry",
        Trigger::Backfill => "an operator, as a backfill",
    }
}

fn attempt(attempt: &AttemptDocument, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<article><h3>Attempt ").text(attempt.number).raw(" <span class=\"state ");
    html.raw(class(attempt.state)).raw("\">").text(attempt.state.label()).raw("</span></h3>");
    if !attempt.reason.is_empty() {
        html.raw("<p class=\"reason\">").text(attempt.sentence(times)).raw("</p>");
    }
    html.raw("<dl class=\"facts\">");
    let transfer = attempt.transfer_id.map_or_else(|| of_text("not found yet"), code);
    fact(&mut html, "Transfer", &transfer);
    fact(&mut html, "Asked for", &at(attempt.submitted_at, times));
    if let Some(ended_at) = attempt.ended_at {
        fact(&mut html, "Ended", &at(ended_at, times));
    }
    let objects = &attempt.objects;
    if objects.total > 0 {
        let mut words = format!("{} of {}", objects.transferred, objects.total);
        for (number, kind) in [(objects.failed, "failed"), (objects.skipped, "skipped")] {
            if number > 0 {
                words.push_str(&format!(", {number} {kind}"));
            }
        }
        fact(&mut html, "Objects", &of_text(words));
    }
    let size = &attempt.bytes;
    if size.total > 0 {
        let words = format!("{} of {}", bytes(size.transferred), bytes(size.total));
        fact(&mut html, "Bytes", &of_text(words));
    }
    if let Some(cost) = attempt.cost_usd {
        fact(&mut html, "Cost", &of_text(format!("{cost:.2} US dollars")));
    }
    html.raw("</dl>");
    if let Some(percent) = attempt.percent().filter(|_| !attempt.state.is_over()) {
        html.raw("<progress max=\"100\" aria-label=\"Progress\" value=\"").text(percent);
        html.raw("\">").text(percent).raw(" %</progress>");
    }
    if let Some(cause) = &attempt.cause {
        html.add(&self::cause(cause));
    }
    html.raw("</article>");
    html
}

/// Why objects could not be transferred, in the agent's words.
fn cause(cause: &CauseDocument) -> Html {
    let mut html = Html::new();
    html.raw("<p class=\"bad\">The agent says: ").text(&cause.message).raw(" (");
    html.text(cause.class.word()).raw(")</p>");
    if !cause.objects.is_empty() {
        html.raw("<ul class=\"objects\">");
        for object in &cause.objects {
            html.raw("<li><code>").text(&object.path).raw("</code> ").text(&object.error);
            html.raw("</li>");
        }
        if cause.objects_more > 0 {
            html.raw("<li>and ").text(cause.objects_more).raw(" more</li>");
        }
        html.raw("</ul>");
    }
    html
}

/// All events, in order.
fn timeline(shown: &ShowDocument, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<section id=\"timeline\" data-live aria-labelledby=\"timeline-h\">");
    html.raw("<h2 id=\"timeline-h\">What happened</h2>");
    let left_out = shown.events.len().saturating_sub(EVENTS_MAX);
    if left_out > 0 {
        html.raw("<p>").text(left_out).raw(" older events are left out.</p>");
    }
    html.raw("<ol class=\"timeline\">");
    let mut day = None;
    for event in shown.events.iter().skip(left_out) {
        let date = times.date(event.at);
        if day.as_ref() != Some(&date) {
            html.raw("<li class=\"day\">").text(&date).raw("</li>");
            day = Some(date);
        }
        html.raw("<li class=\"").raw(mark(&event.event)).raw("\">");
        html.time(event.at, &times.clock(event.at), times);
        html.raw(" <strong>").text(event.event.replace('_', " ")).raw("</strong> ");
        html.text(event.sentence(times)).raw("</li>");
    }
    html.raw("</ol></section>");
    html
}

/// The CSS class of an event.
fn mark(word: &str) -> &'static str {
    match EventKind::from_word(word) {
        Some(EventKind::State(state)) => class(state),
        Some(EventKind::Accepted | EventKind::Listed | EventKind::Resumed) => "good",
        Some(EventKind::Refused | EventKind::GivenUp | EventKind::Doubled) => "bad",
        Some(
            EventKind::Uncertain
            | EventKind::Ambiguous
            | EventKind::NearMiss
            | EventKind::Unrecorded
            | EventKind::UnknownStatus
            | EventKind::CancelRequested
            | EventKind::CancelRefused
            | EventKind::Paused,
        ) => "odd",
        Some(EventKind::Receipt | EventKind::TransferEnded) | None => "off",
    }
}
