//! The newest runs, each with a link to its page.

use super::html::{Html, Root};
use super::jobs::class;
use crate::control::document::RunDocument;
use crate::core::run::RunState;
use crate::words::{Times, span};

/// Runs that are listed; `transferd history` has all of them.
pub(super) const LISTED: usize = 20;

/// The part of the page.
pub(super) fn latest(runs: &[RunDocument], times: &Times) -> Html {
    let mut html = Html::new();
    html.raw(
        "<section id=\"latest\" data-live aria-labelledby=\"latest-h\">\
         <h2 id=\"latest-h\">Latest runs</h2>",
    );
    if runs.is_empty() {
        html.raw("<p class=\"none\">There has been no run.</p></section>");
        return html;
    }
    html.raw("<ol class=\"latest\">");
    for run in runs {
        html.raw("<li><span class=\"state ").raw(class(run.state)).raw("\">");
        html.text(run.state.label()).raw("</span> <strong>").text(&run.job).raw("</strong> ");
        html.run(Root::HERE, run.id, times).raw(" ");
        html.time(run.created_at, &times.at(run.created_at), times);
        if let Some(over) = run.over_at().filter(|_| run.state != RunState::Skipped) {
            html.raw(", took ").text(span(over.duration_since(run.created_at)));
        }
        html.raw("</li>");
    }
    html.raw("</ol></section>");
    html
}
