//! What stands on the screen, line by line: a function of the model, the present and the screen.

use super::feed::Followed;
use super::model::{Mode, Model};
use crate::cli::render::fit::{cut_end, hanging, width};
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::status::{head, jobs};
use crate::cli::render::table::Screen;
use crate::cli::render::words::Times;
use crate::control::document::StatusDocument;

/// The jobs get at least so many lines of a screen, whatever stands above them.
const JOBS_MIN: usize = 6;

/// The keys, and what they do.
const KEYS: &[(&str, &str)] = &[
    ("Up, Down, PgUp, PgDn, Home, End", "move; also k, j, g, G"),
    ("Enter", "the run that is active, or the last one, in full"),
    ("d", "everything about the job"),
    ("/", "show only jobs whose names hold what is typed; Esc shows all again"),
    ("t", "trigger: run the job now"),
    ("r", "retry the job's last run"),
    ("c", "cancel the job's active run, and those that wait behind it"),
    ("p", "pause the job, or resume it"),
    ("q, Ctrl-C", "quit; in a run, a job or this list: q or Esc goes back"),
    ("Ctrl-Z", "back to the shell for a while, until `fg`"),
];

/// A line of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Its text, with the codes of colours.
    pub(super) text: String,
    /// It begins the job that keys are about.
    pub(super) selected: bool,
}

impl Line {
    fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), selected: false }
    }
}

/// The lines of the whole screen, no more than its height.
pub(super) fn lines(model: &mut Model, times: &Times, paper: Screen, height: usize) -> Vec<Line> {
    let room = height.saturating_sub(1);
    let mut lines = match &model.mode {
        Mode::Jobs | Mode::Filter | Mode::Question(_) => of_jobs(model, times, paper, room),
        Mode::Text(_, text) => {
            let text: Vec<Line> = text.lines().map(Line::plain).collect();
            scrolled(model, text, room)
        }
        Mode::Keys => {
            let told = KEYS.iter().map(|(keys, does)| {
                let does = hanging(does, 34, 34, paper.room());
                format!("{} {does}", Paint(paper.color).tone(Tone::Strong, &format!("{keys:<33}")))
            });
            let told = told.collect::<Vec<_>>().join("\n");
            let told = told.lines().map(Line::plain).collect();
            scrolled(model, told, room)
        }
    };
    lines.resize(room, Line::default());
    lines.push(Line::plain(&foot(model, times, paper)));
    lines
}

/// What is longer than the screen, from the line on that the model names.
fn scrolled(model: &mut Model, lines: Vec<Line>, room: usize) -> Vec<Line> {
    model.room = room;
    model.top = model.top.min(lines.len().saturating_sub(room));
    lines.into_iter().skip(model.top).take(room).collect()
}

/// That the daemon is away, if it is, and of when the rest is.
pub(super) fn away(followed: &Followed, times: &Times, paper: Screen) -> String {
    let Some(away) = &followed.away else { return String::new() };
    let known = match &followed.last {
        Some((_, at)) => format!("; what follows is of {}", times.zoned(*at)),
        None => String::new(),
    };
    let words = hanging(&format!("{away}; waiting for it{known}"), 2, 2, paper.room());
    format!("{} {words}\n\n", Paint(paper.color).tone(Tone::Bad, "!"))
}

fn of_jobs(model: &mut Model, times: &Times, paper: Screen, room: usize) -> Vec<Line> {
    let mut above: Vec<Line> =
        away(&model.followed, times, paper).lines().map(Line::plain).collect();
    let Some(status) = model.followed.status() else { return above };
    above.extend(head(status, times, paper).lines().map(Line::plain));
    let most = room.saturating_sub(JOBS_MIN);
    if above.len() > most {
        above.truncate(most.saturating_sub(1));
        above.push(Line::plain("…"));
    }
    let shown = filtered(status, &model.filter);
    let (order, rows) = jobs(&shown, times, paper);
    let order: Vec<_> = order.into_iter().map(|job| job.name.clone()).collect();
    if !order.iter().any(|name| Some(name) == model.selected.as_ref()) {
        model.selected = order.first().cloned();
    }
    let (headings, rows) = rows.parts();
    above.extend(headings.lines().map(Line::plain));
    let (mut below, mut from, mut until) = (Vec::new(), 0, 0);
    for (name, row) in order.iter().zip(rows) {
        let selected = Some(name) == model.selected.as_ref();
        if selected {
            (from, until) = (below.len(), below.len() + row.lines().count());
        }
        let row = row.lines().enumerate();
        below.extend(
            row.map(|(index, line)| Line {
                text: line.to_owned(),
                selected: selected && index == 0,
            }),
        );
    }
    if order.is_empty() {
        let none = if status.jobs.is_empty() { "no jobs" } else { "no job's name holds that" };
        below.push(Line::plain(none));
    }
    model.order = order;
    let left = room.saturating_sub(above.len());
    model.top = model.top.max(until.saturating_sub(left)).min(from);
    let jobs = scrolled(model, below, left);
    above.into_iter().chain(jobs).collect()
}

/// The status with those jobs alone whose names hold the filter.
fn filtered(status: &StatusDocument, filter: &str) -> StatusDocument {
    let mut shown = status.clone();
    let filter = filter.to_lowercase();
    shown.jobs.retain(|job| job.name.as_str().to_lowercase().contains(&filter));
    shown
}

/// The keys that the last line names, the most wanted ones first.
const FOOT: [&str; 8] =
    ["q quit", "? keys", "Enter run", "d job", "t trigger", "r retry", "c cancel", "p pause"];

/// The first of these words that fit into a line.
fn as_many_as_fit(words: &[String], room: usize) -> String {
    let mut line = String::new();
    for word in words {
        let gap = if line.is_empty() { "" } else { "  " };
        if width(&line) + gap.len() + width(word) > room {
            break;
        }
        line.push_str(gap);
        line.push_str(word);
    }
    line
}

/// The last line: a question, what came of the last one, the filter, or the keys.
fn foot(model: &Model, times: &Times, paper: Screen) -> String {
    let (tone, words) = match (&model.mode, &model.told) {
        (Mode::Question(action), _) => (Tone::Strong, action.question()),
        (Mode::Filter, _) => {
            (Tone::Strong, format!("/{}_  Enter keeps it, Esc ends it", model.filter))
        }
        (Mode::Jobs | Mode::Text(..) | Mode::Keys, Some((no, words))) => {
            (if *no { Tone::Bad } else { Tone::Good }, words.clone())
        }
        (Mode::Text(..) | Mode::Keys, None) => {
            (Tone::Faint, "Up, Down, PgUp, PgDn scroll   q back".to_owned())
        }
        (Mode::Jobs, None) => {
            // What is left out of the list must not be overlooked.
            let (filter, first) = match model.filter.as_str() {
                "" => ("/ filter".to_owned(), false),
                filter => (format!("/{filter} (Esc: all)"), true),
            };
            let mut keys = FOOT.map(str::to_owned).to_vec();
            keys.insert(if first { 0 } else { keys.len() }, filter);
            let room = paper.room().unwrap_or(80);
            let (keys, clock) = (as_many_as_fit(&keys, room), times.zoned(times.now));
            let left = room.saturating_sub(width(&keys));
            let wanted = width(&clock) + 2;
            (Tone::Faint, if left < wanted { keys } else { format!("{keys}{clock:>left$}") })
        }
    };
    let room = paper.room().unwrap_or(80);
    Paint(paper.color).tone(tone, &cut_end(&words, room))
}
