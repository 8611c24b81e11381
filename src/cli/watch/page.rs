//! The lines on the screen: a function of the model, the present and the screen.

use std::time::Duration;

use jiff::SignedDuration;
use ratatui::text::Line;

use super::feed::Followed;
use super::model::{Mode, Model};
use super::painted;
use crate::cli::render::fit::{cut_end, hanging, lines as lines_of, width};
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::status::{head, jobs, problems, problems_in_short};
use crate::cli::render::table::Screen;
use crate::cli::render::words::Times;
use crate::control::document::StatusDocument;

/// The least number of lines for the jobs, whatever is above them.
const JOBS_MIN: usize = 6;

/// The keys, and their effects.
const KEYS: &[(&str, &str)] = &[
    ("Up, Down, PgUp, PgDn, Home, End", "move; also k, j, g, G"),
    ("Enter", "the run that is active, or the last one, in full"),
    ("d", "everything about the job"),
    ("/", "show only jobs whose names hold what is typed; Esc shows all again"),
    ("t", "trigger: run the job now"),
    ("r", "retry the job's last run"),
    ("c", "cancel the job's active run, and those that wait behind it"),
    ("p", "pause the job, or resume it"),
    ("!", "all problems in full"),
    ("q, Ctrl-C", "quit; in a run, a job or this list: q or Esc goes back"),
    ("Ctrl-Z", "back to the shell for a while, until `fg`"),
];

/// The lines of a page.
pub(super) type Page = Vec<Line<'static>>;

/// The longest time until the page is made anew.
const MINUTE: i64 = 60;

/// The lines of the whole screen, no more than its height.
pub(super) fn lines(model: &mut Model, times: &Times, paper: Screen, height: usize) -> Page {
    let foot = foot(model, times, paper, height);
    let room = height.saturating_sub(foot.len());
    let mut lines = match &model.mode {
        Mode::Jobs | Mode::Filter | Mode::Question(_) => of_jobs(model, times, paper, room),
        Mode::Text(_, text) => {
            let text = painted::lines(text);
            scrolled(model, text, room)
        }
        Mode::Keys => {
            let told = KEYS.iter().map(|(keys, does)| {
                let does = hanging(does, 34, 34, paper.room());
                format!("{} {does}", Paint(paper.color).tone(Tone::Strong, &format!("{keys:<33}")))
            });
            let told = told.collect::<Vec<_>>().join("\n");
            scrolled(model, painted::lines(&told), room)
        }
        Mode::Problems => {
            let told = model.followed.status().map(|status| problems(status, times, paper));
            scrolled(model, painted::lines(&told.unwrap_or_default()), room)
        }
    };
    lines.resize(room, Line::default());
    lines.extend(foot);
    lines
}

/// How long the page stays the same if nothing happens: ages change, each second while they are
/// short. Otherwise nobody has to wake.
pub(super) fn lasts(model: &mut Model, times: &Times, paper: Screen, height: usize) -> Duration {
    let mut after = |seconds: i64| {
        let now = times.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(times.now);
        let times = Times { now, ..times.clone() };
        lines(model, &times, paper, height)
    };
    let now = after(0);
    // The last second at which it is the same, and one at which it is not, or is made anew.
    let (mut same, mut other) = (0, MINUTE);
    let mut half = 1;
    while other - same > 1 {
        if after(half) == now {
            same = half
        } else {
            other = half
        }
        half = i64::midpoint(same, other);
    }
    Duration::from_secs(other.unsigned_abs())
}

/// The visible part of a text longer than the screen, from the model's first line on.
fn scrolled(model: &mut Model, lines: Page, room: usize) -> Page {
    model.room = room;
    model.top = model.top.min(lines.len().saturating_sub(room));
    lines.into_iter().skip(model.top).take(room).collect()
}

/// That the daemon is away, if it is, and the age of the rest.
pub(super) fn away(followed: &Followed, times: &Times, paper: Screen) -> String {
    let Some(away) = &followed.away else { return String::new() };
    let known = match &followed.last {
        Some((_, at)) => format!("; what follows is of {}", times.zoned(*at)),
        None => String::new(),
    };
    let words = hanging(&format!("{away}; waiting for it{known}"), 2, 2, paper.room());
    format!("{} {words}\n\n", Paint(paper.color).tone(Tone::Bad, "!"))
}

fn of_jobs(model: &mut Model, times: &Times, paper: Screen, room: usize) -> Page {
    let mut above = painted::lines(&away(&model.followed, times, paper));
    let Some(status) = model.followed.status() else { return above };
    above.extend(painted::lines(&head(status, times, paper)));
    let most = room.saturating_sub(JOBS_MIN);
    let told = painted::lines(&problems(status, times, paper));
    // On a small screen the jobs go before the ends of sentences.
    above.extend(match above.len() + told.len() <= most {
        true => told,
        false => painted::lines(&problems_in_short(status, times, paper)),
    });
    if above.len() > most {
        above.truncate(most.saturating_sub(1));
        above.push(Line::from("…"));
    }
    let shown = filtered(status, &model.filter);
    let (order, rows) = jobs(&shown, times, paper);
    let order: Vec<_> = order.into_iter().map(|job| job.name.clone()).collect();
    if !order.iter().any(|name| Some(name) == model.selected.as_ref()) {
        model.selected = order.first().cloned();
    }
    let (headings, rows) = rows.parts();
    above.extend(painted::lines(&headings));
    let (mut below, mut from, mut until) = (Vec::new(), 0, 0);
    for (name, row) in order.iter().zip(rows) {
        let mut row = painted::within(painted::lines(&row), paper.room().unwrap_or(usize::MAX));
        if Some(name) == model.selected.as_ref() {
            (from, until) = (below.len(), below.len() + row.len());
            row[..1].iter_mut().for_each(|line| line.style = line.style.reversed());
        }
        below.append(&mut row);
    }
    if order.is_empty() {
        let none = if status.jobs.is_empty() { "no jobs" } else { "no job's name holds that" };
        below.push(Line::from(none));
    }
    model.order = order;
    let left = room.saturating_sub(above.len());
    model.top = model.top.max(until.saturating_sub(left)).min(from);
    let jobs = scrolled(model, below, left);
    above.into_iter().chain(jobs).collect()
}

/// The status with only the jobs whose names contain the filter.
fn filtered(status: &StatusDocument, filter: &str) -> StatusDocument {
    let mut shown = status.clone();
    let filter = filter.to_lowercase();
    shown.jobs.retain(|job| job.name.as_str().to_lowercase().contains(&filter));
    shown
}

/// The keys that the last line lists, the most important ones first.
const FOOT: [&str; 8] =
    ["q quit", "? keys", "Enter run", "t trigger", "r retry", "c cancel", "p pause", "d job"];

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

/// The present time. Without seconds: the page would change with each.
fn clock(times: &Times) -> String {
    times.now.to_zoned_datetime(times.zone.clone()).strftime("%H:%M %:z").to_string()
}

/// The last lines: a question, the result of the last action, the filter, or the keys. Nothing of a
/// message is cut as long as half of the screen is enough for it.
fn foot(model: &Model, times: &Times, paper: Screen, height: usize) -> Page {
    let (tone, words) = match (&model.mode, &model.told) {
        (Mode::Question(action), _) => (Tone::Strong, action.question()),
        (Mode::Filter, _) => {
            (Tone::Strong, format!("/{}_  Enter keeps it, Esc ends it", model.filter))
        }
        (Mode::Jobs | Mode::Text(..) | Mode::Keys | Mode::Problems, Some((no, words))) => {
            (if *no { Tone::Bad } else { Tone::Good }, words.clone())
        }
        (Mode::Text(..) | Mode::Keys | Mode::Problems, None) => {
            (Tone::Faint, "Up, Down, PgUp, PgDn scroll   q back".to_owned())
        }
        (Mode::Jobs, None) => {
            // It must not be overlooked that some jobs are left out.
            let (filter, first) = match model.filter.as_str() {
                "" => ("/ filter".to_owned(), false),
                filter => (format!("/{filter} (Esc: all)"), true),
            };
            let mut keys = FOOT.map(str::to_owned).to_vec();
            if model.followed.status().is_some_and(|status| !status.phrases.is_empty()) {
                keys.insert(2, "! problems".to_owned());
            }
            keys.insert(if first { 0 } else { 2 }, filter);
            let (room, clock) = (paper.room().unwrap_or(80), clock(times));
            let keys = as_many_as_fit(&keys, room.saturating_sub(width(&clock) + 2));
            let left = room.saturating_sub(width(&keys));
            (Tone::Faint, format!("{keys}{clock:>left$}"))
        }
    };
    let most = (height / 2).max(1);
    let room = paper.room().unwrap_or(80);
    let mut told = lines_of(&words, Some(room));
    if told.len() > most {
        told.truncate(most);
        if let Some(last) = told.last_mut() {
            *last = cut_end(&format!("{last} …"), room);
        }
    }
    painted::lines(&Paint(paper.color).tone(tone, &told.join("\n")))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use ratatui::crossterm::event::KeyCode;
    use ratatui::style::Style;

    use super::super::model::tests::model;
    use super::*;
    use crate::control::phrase::Phrase;

    const PAPER: Screen = Screen { width: Some(80), color: true };

    /// This long after the daemon's start.
    fn after(span: SignedDuration) -> Times {
        let began: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        Times { now: began + span, zone: TimeZone::UTC, absolute: false }
    }

    #[test]
    fn nobody_wakes_before_the_page_reads_differently() {
        let lasts = |seconds| {
            lasts(&mut model(), &after(SignedDuration::from_secs(seconds)), PAPER, 24).as_secs()
        };
        assert_eq!(lasts(5), 1, "5 s ago, 6 s ago");
        assert_eq!(lasts(1_205), 25, "20 min ago, 21 min ago");
        assert_eq!(lasts(300_000), 60, "the clock");
    }

    #[test]
    fn problems_leave_room_for_the_jobs_and_are_whole_at_the_press_of_a_key() {
        let mut model = model();
        let words = "an alert could not be delivered ".repeat(6) + "to the very end";
        let (status, _) = model.followed.last.as_mut().unwrap();
        status.phrases = (0..5).map(|_| Phrase::new(words.clone())).collect();
        let times = after(SignedDuration::from_hours(9));
        let page = |model: &mut Model| {
            let lines = lines(model, &times, PAPER, 24);
            lines.iter().map(Line::to_string).collect::<Vec<_>>()
        };
        let short = page(&mut model);
        assert_eq!(short.iter().filter(|line| line.starts_with("! ")).count(), 5, "{short:#?}");
        for job in ["busy", "dailies", "weekly"] {
            assert!(short.iter().any(|line| line.starts_with(job)), "{job}: {short:#?}");
        }
        assert!(short.last().unwrap().contains("! problems"), "{short:#?}");
        model.press(KeyCode::Char('!'));
        let whole = page(&mut model).join(" ");
        assert_eq!(whole.matches("the very end").count(), 5, "{whole}");
        model.press(KeyCode::Char('q'));
        assert_eq!(page(&mut model), short);
    }

    #[test]
    fn a_message_is_whole_and_the_clock_is_on_the_screen_at_eighty_columns() {
        let mut model = model();
        let times = after(SignedDuration::from_hours(9));
        let foot = |model: &mut Model| {
            let page = lines(model, &times, PAPER, 24);
            assert_eq!(page.len(), 24);
            page.iter().rev().take(3).rev().map(Line::to_string).collect::<Vec<_>>()
        };
        let keys = foot(&mut model).pop().unwrap();
        assert!(keys.contains("/ filter") && keys.ends_with("21:00 +00:00"), "{keys}");
        let words = "run 6cf93582-f3f2-4dea-ba90-36c5e23b1d60 of `by-hand` has succeeded; \
                     `--again` repeats it";
        model.note(Err(words.to_owned()));
        let told = foot(&mut model);
        assert!(told.join(" ").ends_with(words), "{told:?}");
        assert!(told.iter().all(|line| width(line) <= 80), "{told:?}");
    }

    #[test]
    fn the_selected_job_is_on_the_screen_and_marked_however_low_that_is() {
        for height in 2..24 {
            let mut model = model();
            for _ in 0..3 {
                let lines = lines(&mut model, &after(SignedDuration::from_hours(9)), PAPER, height);
                assert_eq!(lines.len(), height);
                let marked: Vec<_> =
                    lines.iter().filter(|line| line.style != Style::new()).collect();
                let name = model.selected.clone().unwrap();
                assert!(height < 5 || marked.len() == 1, "{height}: {lines:#?}");
                let whole = marked.iter().all(|line| line.to_string().starts_with(name.as_str()));
                assert!(whole, "{marked:?}");
                model.press(KeyCode::Down);
            }
        }
    }
}
