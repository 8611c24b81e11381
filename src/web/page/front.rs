//! The front page, composed of its parts.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::coming::{coming, horizon, shown};
use super::days::Past;
use super::document::{Content, respond};
use super::foresight::Foreseen;
use super::html::{Html, Root};
use super::jobs::{Jobs, jobs};
use super::latest::{LISTED, latest};
use super::problems::problems;
use super::running::running;
use crate::clock;
use crate::control::document::{RunDocument, StatusDocument};
use crate::control::request::{HistoryQuery, Refused};
use crate::serving::Ticket;
use crate::web::ask::Planned;
use crate::web::pages::Pages;
use crate::web::questions::{beside, large};
use crate::words::Times;

/// The parameters of the page.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Asked {
    /// Only jobs whose names or descriptions contain this.
    q: Option<String>,
}

/// `/`.
pub(in crate::web) async fn front(
    State(pages): State<Pages>,
    turn: Extension<Ticket>,
    Query(asked): Query<Asked>,
) -> Response {
    if let Err(busy) = large(&turn).await {
        return refused(&busy, Root::HERE);
    }
    match body(&pages, asked.q.unwrap_or_default()).await {
        Ok((title, body)) => respond(StatusCode::OK, Content { title, root: Root::HERE, body }),
        Err(why) => refused(&why, Root::HERE),
    }
}

async fn body(pages: &Pages, search: String) -> Result<(String, Html), Refused> {
    let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: false };
    let status = pages.questions.status().await?;
    let planned = pages.questions.planned().await?;
    let newest = HistoryQuery { limit: Some(LISTED), ..HistoryQuery::default() };
    // A past that can't be read is shown among the problems, and the rest is shown.
    let newest = pages.questions.history(newest).await.unwrap_or_default();
    let names = Jobs::of(&status.jobs, &search).names();
    let past = pages.past_days.of(&pages.questions, names, times.now, &times.zone).await.ok();
    let ahead = (planned.as_slice(), shown(&planned, times.now));
    let span = (times.now, horizon(times.now));
    let foreseen = pages.foresight.of(&pages.questions, ahead, span).await;
    let hostname = Arc::clone(&pages.hostname);
    let all = All { hostname, search, status, planned, foreseen, newest, past };
    beside(move || (all.title(), all.body(&times))).await
}

/// The content of the page.
struct All {
    hostname: Arc<str>,
    search: String,
    status: StatusDocument,
    planned: Vec<Planned>,
    foreseen: Option<Arc<Foreseen>>,
    newest: Vec<RunDocument>,
    past: Option<Arc<Past>>,
}

impl All {
    fn title(&self) -> String {
        let mark = if self.status.phrases.is_empty() { "" } else { "! " };
        format!("{mark}transferd on {}", self.hostname)
    }

    fn body(&self, times: &Times) -> Html {
        let Self { hostname, search, status, planned, foreseen, newest, past } = self;
        let listed = Jobs::of(&status.jobs, search);
        let mut html = Html::new();
        html.add(&head(Root::HERE, times)).raw("<main id=\"main\" tabindex=\"-1\">");
        html.raw("<h1>Transfers of ").text(hostname).raw("</h1>");
        html.add(&problems(status, times)).add(&running(status, times));
        html.add(&filter(search));
        html.add(&jobs(&listed, past.as_deref(), status.pause.as_ref(), times));
        html.raw("<div class=\"beside\">");
        html.add(&coming(planned, foreseen.as_deref(), times));
        html.add(&latest(newest, times)).raw("</div></main>").add(&foot());
        html
    }
}

/// The head of every page.
pub(super) fn head(root: Root, times: &Times) -> Html {
    let mut html = Html::new();
    html.raw("<a class=\"skip\" href=\"#main\">Skip to what there is</a><header>");
    html.raw("<p class=\"name\"><a href=\"").raw(root.front()).raw("\">transferd</a></p>");
    html.raw("<p class=\"as-of\" id=\"as-of\" data-live>As of ");
    html.time(times.now, &times.dated(times.now), times).raw(", times of ");
    html.text(times.zone()).raw("</p><p id=\"link\" role=\"status\"></p>");
    html.raw("<noscript><p>Reload the page to see it anew.</p></noscript></header>");
    html
}

/// The search for jobs. It is not a live part: typed text stays.
fn filter(search: &str) -> Html {
    let mut html = Html::new();
    html.raw("<form class=\"filter\" method=\"get\" role=\"search\"><h2>Jobs</h2>");
    html.raw("<label for=\"q\">Name holds</label> ");
    html.raw("<input type=\"search\" id=\"q\" name=\"q\" maxlength=\"200\" value=\"");
    html.text(search).raw("\"> <button>Show</button></form>");
    html
}

/// Links to more.
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

/// A page that says why there is no other.
pub(super) fn refused(why: &Refused, root: Root) -> Response {
    let mut body = Html::new();
    body.raw("<main id=\"main\"><h1>There is nothing to show</h1><p>").text(why.words());
    body.raw("</p><p><a href=\"").raw(root.front());
    body.raw("\">All jobs</a></p></main>");
    let title = "transferd".to_owned();
    respond(why.status(), Content { title, root, body })
}
