//! The front page, put together of its parts.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::time::timeout;

use super::coming::coming;
use super::document::{Content, respond};
use super::html::{Html, Root};
use super::jobs::{Jobs, has_failed, jobs};
use super::latest::{LISTED, latest};
use super::problems::problems;
use super::running::running;
use crate::clock;
use crate::control::request::{HistoryQuery, Refused};
use crate::serving::Ticket;
use crate::web::limits::LOOP_WAIT;
use crate::web::pages::Pages;
use crate::words::Times;

/// What the page may be asked for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Asked {
    /// Only jobs whose names or descriptions hold this.
    q: Option<String>,
}

/// `/`.
pub(in crate::web) async fn front(
    State(pages): State<Pages>,
    turn: Extension<Ticket>,
    Query(asked): Query<Asked>,
) -> Response {
    if timeout(LOOP_WAIT, turn.large()).await.is_err() {
        let busy = Refused::Unavailable("others are still being answered".to_owned());
        return refused(&busy, Root::HERE);
    }
    match body(&pages, &asked.q.unwrap_or_default()).await {
        Ok((title, body)) => respond(StatusCode::OK, Content { title, root: Root::HERE, body }),
        Err(why) => refused(&why, Root::HERE),
    }
}

async fn body(pages: &Pages, search: &str) -> Result<(String, Html), Refused> {
    let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: false };
    let status = pages.questions.status().await?;
    let planned = pages.questions.planned().await?;
    let newest = HistoryQuery { limit: Some(LISTED), ..HistoryQuery::default() };
    // A past that can't be read is told among the problems, and the rest is shown.
    let newest = pages.questions.history(newest).await.unwrap_or_default();
    let listed = Jobs::of(&status.jobs, search);
    let names = listed.shown.iter().map(|job| job.name.clone()).collect();
    let past = pages.past_days.of(&pages.questions, names, times.now, &times.zone).await.ok();
    let mut html = Html::new();
    html.add(&head(Root::HERE, &times)).raw("<main id=\"main\" tabindex=\"-1\">");
    html.raw("<h1>Transfers of ").text(&pages.hostname).raw("</h1>");
    html.add(&problems(&status, &times)).add(&running(&status, &times));
    html.add(&filter(search));
    html.add(&jobs(&listed, past.as_deref(), status.pause.as_ref(), &times));
    html.raw("<div class=\"beside\">").add(&coming(&planned, &times));
    html.add(&latest(&newest, &times)).raw("</div></main>");
    html.add(&foot());
    let bad = status.jobs.iter().any(|job| job.late || has_failed(job));
    let mark = if status.phrases.is_empty() && !bad { "" } else { "! " };
    Ok((format!("{mark}transferd on {}", pages.hostname), html))
}

/// What stands above every page.
pub(super) fn head(root: Root, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<a class=\"skip\" href=\"#main\">Skip to what there is</a><header>");
    html.raw("<p class=\"name\"><a href=\"").raw(root.front()).raw("\">transferd</a></p>");
    html.raw("<p class=\"as-of\" id=\"as-of\" data-live>As of ");
    html.time(times.now, &times.dated(times.now), times).raw(", times of ");
    html.text(times.zone()).raw("</p><p id=\"link\" role=\"status\"></p></header>");
    html
}

/// The search for jobs. It is no live part: what somebody types stays.
fn filter(search: &str) -> Html {
    let mut html = Html::new();
    html.raw("<form class=\"filter\" method=\"get\" role=\"search\"><h2>Jobs</h2>");
    html.raw("<label for=\"q\">Name holds</label> ");
    html.raw("<input type=\"search\" id=\"q\" name=\"q\" maxlength=\"200\" value=\"");
    html.text(search).raw("\"> <button>Show</button></form>");
    html
}

/// What else there is to see.
fn foot() -> Html {
    let mut html = Html::new();
    html.raw("<footer><nav aria-label=\"More\">");
    html.raw("<a href=\"calendar.ics\">Calendar</a> <a href=\"api/status\">Status as JSON</a> ");
    html.raw("<a href=\"api/history?n=100\">History as JSON</a> <a href=\"metrics\">Metrics</a>");
    html.raw("</nav><p>Nothing can be changed here: see <code>transferd --help</code>. ");
    html.raw(
        "For machines: <code>/events</code>, <code>/api/history</code>, <code>/api/next</code>, ",
    );
    html.raw("<code>/metrics</code>, <code>/healthz</code>.</p></footer>");
    html
}

/// A page that says why there is none.
pub(super) fn refused(why: &Refused, root: Root) -> Response {
    let status = match why {
        Refused::Unknown(_) => StatusCode::NOT_FOUND,
        Refused::No(_) => StatusCode::CONFLICT,
        Refused::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut body = Html::new();
    body.raw("<main id=\"main\"><h1>There is nothing to show</h1><p>").text(why.words());
    body.raw("</p><p><a href=\"").raw(root.front());
    body.raw("\">All jobs</a></p></main>");
    let title = "transferd".to_owned();
    respond(status, Content { title, root, body }).into_response()
}
