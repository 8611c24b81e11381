//! The main pages at the usual terminal widths: columns stay under their headings, and texts to be
//! copied stay whole.

use jiff::Timestamp;

use serde_json::Value;

use super::*;
use crate::cli::render::fit::width;
use crate::cli::render::job;

const WIDTHS: [u16; 4] = [60, 80, 120, 200];

/// The display columns at which the headings of a line begin.
fn begins(headings: &str) -> Vec<usize> {
    let mut begins = vec![0];
    let mut from = 0;
    // Headings are separated by two blanks or more, their words by one.
    while let Some(gap) = headings[from..].find("  ") {
        let blanks = headings[from + gap..].chars().take_while(|c| *c == ' ').count();
        from += gap + blanks;
        if from < headings.len() {
            begins.push(width(&headings[..from]));
        }
    }
    begins
}

/// The character at a display column; none after the line's end or within a wide one.
fn at(line: &str, column: usize) -> Option<char> {
    let mut used = 0;
    line.chars().find(|c| {
        let here = used == column;
        used += width(c.encode_utf8(&mut [0; 4]));
        here
    })
}

/// Checks the rows of a table, which begins with `heading`, against its columns: two blanks precede
/// each. Remarks beneath a row are indented and run across them, and so do names on their own line.
fn assert_aligned(page: &str, heading: &str) {
    let mut lines = page.lines().skip_while(|line| !line.starts_with(heading));
    let headings = lines.next().unwrap_or_else(|| panic!("no `{heading}`: {page}"));
    let begins = begins(headings);
    assert!(begins.len() > 1, "{headings}");
    let mut rows = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        let beneath = line.starts_with("  ") && at(line, 2).is_some_and(|c| c != ' ');
        let named = jobs().iter().any(|job| line.ends_with(job.name.as_str()));
        if beneath || named || !line.trim().contains("  ") {
            continue;
        }
        rows += 1;
        for begin in &begins[1..] {
            let before = [at(line, begin - 1), at(line, begin - 2)];
            let blank = before.iter().all(|c| c.is_none_or(|c| c == ' '));
            assert!(blank, "column {begin} of `{headings}`: {line}");
        }
    }
    assert!(rows > 0, "{page}");
}

#[test]
fn columns_stand_under_their_headings_at_each_width() {
    let status = a_status(jobs());
    for at in WIDTHS {
        for absolute in [false, true] {
            let (times, screen) = (times(absolute), screen(at));
            assert_aligned(&status::page(&status, &times, screen), "JOB ");
            assert_aligned(&run::history(&runs(), &times, &run::Zones::new(), screen), "RUN ");
            let show = run::show(&a_shown(), &times, screen);
            assert_aligned(&show, "ATTEMPT ");
            assert_aligned(&show, "TIME ");
        }
    }
}

#[test]
fn no_name_of_a_job_is_ever_cut() {
    let status = a_status(jobs());
    for at in WIDTHS {
        let page = status::page(&status, &times(false), screen(at));
        for job in jobs() {
            assert!(page.contains(job.name.as_str()), "{at}: {}\n{page}", job.name);
        }
        let page = run::history(&runs(), &times(false), &run::Zones::new(), screen(at));
        for run in runs() {
            assert!(page.contains(run.job.as_str()), "{at}: {}\n{page}", run.job);
        }
    }
}

#[test]
fn a_policy_is_not_parted_from_the_beginning_of_its_value() {
    let mut job = a_job("nightly");
    let fields = [("catch_up", "once"), ("max_age", "1d2h"), ("retry.initial_delay", "30s")];
    detail(&mut job).fields =
        fields.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).into();
    for width in 45..120 {
        let times = times(false);
        let page = job::page(&job, &times, &times.zone, screen(width));
        for (name, value) in fields {
            assert!(page.contains(&format!("{name} {value}")), "{width}: {page}");
        }
    }
}

#[test]
fn dates_are_never_parted_within() {
    for at in WIDTHS {
        let page = run::history(&runs(), &times(true), &run::Zones::new(), screen(at));
        for line in page.lines() {
            for (begin, _) in line.match_indices("2026-") {
                let date = line.get(begin..begin + 10).unwrap_or_default();
                assert!(date.parse::<jiff::civil::Date>().is_ok(), "{at}: {line}");
            }
        }
    }
}

/// Each date with a time of day is followed by an offset.
fn assert_offsets(page: &str) {
    let mut dates = 0;
    for (begin, _) in page.match_indices("2026-") {
        let told = &page[begin..];
        let behind = told.get(10..).and_then(|behind| behind.strip_prefix(' '));
        if let Some((clock, rest)) = behind.and_then(|behind| behind.split_once(' '))
            && clock.starts_with(|c: char| c.is_ascii_digit())
        {
            dates += 1;
            assert!(rest.starts_with('+'), "{}: {page}", told.lines().next().unwrap_or_default());
        }
    }
    assert!(dates > 0, "{page}");
}

#[test]
fn times_within_sentences_carry_their_offset() {
    let status = a_status(jobs());
    let page = status::page(&status, &times(false), screen(200));
    for told in ["late since 11:00:00 +01:00", "paused since 2026-03-01 12:00 +01:00"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let page = status::page(&status, &times(true), screen(200));
    assert!(page.contains("now       2026-03-02 13:00:00 +01:00"), "{page}");
    assert_offsets(&page);
    assert_offsets(&run::history(&runs(), &times(true), &run::Zones::new(), screen(200)));
    assert_offsets(&run::show(&a_shown(), &times(true), screen(200)));
    let history = run::history(&runs(), &times(false), &run::Zones::new(), screen(200));
    assert!(history.contains("scheduled times are of Europe/Berlin (+01:00)"), "{history}");
}

#[test]
fn an_end_that_was_seen_late_is_told_with_both_times() {
    let mut shown = a_shown();
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    shown.run.state = RunState::Succeeded;
    shown.run.created_at = at("2026-03-02T10:56:00Z").unwrap();
    shown.run.ended_at = at("2026-03-02T10:57:14Z");
    let attempt = shown.run.attempts.last_mut().unwrap();
    attempt.state = RunState::Succeeded;
    attempt.submitted_at = shown.run.created_at;
    (attempt.ended_at, attempt.finished_at) = (shown.run.ended_at, at("2026-03-02T10:56:10Z"));
    let page = run::show(&shown, &times(true), screen(200));
    let told = "ended      2026-03-02 11:56:10 +01:00 at the agent, after 10 s; seen \
                2026-03-02 11:57:14 +01:00";
    assert!(page.contains(told), "{page}");
    assert!(page.contains("2        2026-03-02 11:56:00 +01:00  10 s        succeeded"), "{page}");
    shown.run.ended_at = at("2026-03-02T10:56:10Z");
    assert!(!run::show(&shown, &times(true), screen(200)).contains("; seen"));
}
