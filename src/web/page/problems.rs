//! Problems that an operator should act on, and the state of daemon, job file, agent, token and
//! alerts.

use jiff::Timestamp;

use super::html::Html;
use crate::control::document::{AgentDocument, StatusDocument};
use crate::core::transfer::AgentState;
use crate::words::{Times, count};

/// Errors of the job file that are shown; `transferd check` has all of them.
const ERRORS_MAX: usize = 20;

/// The tone of a fact: the CSS class that it is shown with.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Odd,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Odd => "odd",
            Self::Plain => "plain",
        }
    }
}

/// The part of the page. Jobs that are late or failed last are shown here too, so that every
/// problem is visible without looking further.
pub(super) fn problems(status: &StatusDocument, times: &Times) -> Html {
    let mut html = Html::new();
    let wrong = status.phrases.len();
    html.raw("<section id=\"problems\" data-live aria-labelledby=\"problems-h\" data-wrong=\"");
    html.text(wrong).raw("\"><h2 id=\"problems-h\">");
    if wrong == 0 {
        html.raw("All is well</h2>");
    } else {
        html.text(count(wrong, "problem")).raw("</h2><ul class=\"problems\">");
        for phrase in &status.phrases {
            html.raw("<li>").text(phrase.sentence(times)).raw("</li>");
        }
        html.raw("</ul>");
    }
    errors(status, &mut html);
    facts(status, times, &mut html);
    html.raw("</section>");
    html
}

/// The errors in the job file, each with its place.
fn errors(status: &StatusDocument, html: &mut Html) {
    let errors = &status.config.errors;
    if errors.is_empty() {
        return;
    }
    html.raw("<ul class=\"errors\">");
    for error in errors.iter().take(ERRORS_MAX) {
        html.raw("<li>");
        if let Some(file) = &error.file {
            html.raw("<code>").text(file);
            for number in [error.line, error.column].into_iter().flatten() {
                html.raw(":").text(number);
            }
            html.raw("</code> ");
        }
        html.text(&error.message);
        if let Some(hint) = &error.hint {
            html.raw(" <span class=\"hint\">").text(hint).raw("</span>");
        }
        html.raw("</li>");
    }
    if errors.len() > ERRORS_MAX {
        html.raw("<li>and ").text(errors.len() - ERRORS_MAX).raw(" more</li>");
    }
    html.raw("</ul>");
}

fn facts(status: &StatusDocument, times: &Times, html: &mut Html) {
    html.raw("<dl class=\"facts\">");
    let mut fact = |name: &'static str, tone: Tone, value: Html| {
        html.raw("<div><dt>").raw(name).raw("</dt><dd class=\"").raw(tone.class()).raw("\">");
        html.add(&value).raw("</dd></div>");
    };
    let (tone, value) = agent(&status.agent, times);
    fact("Agent", tone, value);
    let (tone, value) = token(&status.agent, times);
    fact("Token", tone, value);
    let config = &status.config;
    let mut value = Html::new();
    value.text(if config.valid { "good" } else { "invalid, the old jobs stay" });
    since(&mut value, ", read ", config.loaded_at, times);
    value.raw(" <code>").text(&config.path).raw("</code>");
    fact("Job file", if config.valid { Tone::Good } else { Tone::Bad }, value);
    let mut value = Html::new();
    let (waiting, failing) = (status.alerts.waiting, status.alerts.failing.len());
    let tone = match (waiting, failing) {
        (_, 1..) => Tone::Bad,
        (1.., 0) => Tone::Odd,
        (0, 0) => Tone::Good,
    };
    match waiting {
        0 => value.raw("all delivered"),
        waiting => value.text(count(waiting, "alert")).raw(" not delivered yet"),
    };
    fact("Alerts", tone, value);
    if let Some(pause) = &status.pause {
        let mut value = Html::new();
        value.raw("all jobs");
        since(&mut value, " since ", Some(pause.since), times);
        since(&mut value, ", until ", pause.until, times);
        if let Some(reason) = &pause.reason {
            value.raw(": ").text(reason);
        }
        fact("Paused", Tone::Odd, value);
    }
    let mut value = Html::new();
    value.text(&status.daemon.version);
    since(&mut value, ", started ", Some(status.daemon.started_at), times);
    fact("Daemon", Tone::Plain, value);
    html.raw("</dl>");
}

/// Adds a time, if there is one.
fn since(html: &mut Html, words: &'static str, at: Option<Timestamp>, times: &Times) {
    if let Some(at) = at {
        html.raw(words).time(at, &times.at(at), times);
    }
}

fn agent(agent: &AgentDocument, times: &Times) -> (Tone, Html) {
    let (tone, words) = match (agent.reachable, agent.state) {
        (None, _) => (Tone::Plain, "not asked yet"),
        // The reason is among the problems: nobody listens, or the user who holds its port may not
        // be asked.
        (Some(false), _) => (Tone::Bad, "not reachable"),
        (Some(true), AgentState::Started) => (Tone::Good, "started"),
        (Some(true), AgentState::Unknown) => (Tone::Odd, "answers"),
        (Some(true), AgentState::Created) => (Tone::Bad, "nobody is signed in"),
        (Some(true), AgentState::Stopped) => (Tone::Bad, "stopped"),
        (Some(true), AgentState::Paused) => (Tone::Odd, "paused"),
        (Some(true), AgentState::Disposed) => (Tone::Bad, "needs a new login"),
    };
    let mut html = Html::new();
    html.raw(words);
    since(&mut html, ", asked ", agent.asked_at, times);
    html.raw(" <code>").text(&agent.url).raw("</code>");
    (tone, html)
}

fn token(agent: &AgentDocument, times: &Times) -> (Tone, Html) {
    let (tone, words) = match agent.token.valid {
        None => (Tone::Plain, "not tried yet"),
        Some(true) => (Tone::Good, "good"),
        Some(false) => (Tone::Bad, "bad"),
    };
    let mut html = Html::new();
    html.raw(words);
    match agent.token.expires_at {
        Some(at) if at <= times.now => {
            since(&mut html, ", expired ", Some(at), times);
            (Tone::Bad, html)
        }
        expires_at => {
            since(&mut html, ", expires ", expires_at, times);
            (tone, html)
        }
    }
}
