//! `/calendar.ics`: coming occurrences, for calendars (RFC 5545).
//!
//! Written a job at a time beside the loop. Keeps true: an occurrence has the same UID in every
//! answer, so that a calendar that subscribes keeps one entry for it.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::front::refused;
use super::html::Root;
use crate::clock;
use crate::core::job::{Job, PlaceTemplate};
use crate::core::plain::plain;
use crate::core::schedule::coming;
use crate::core::template::TemplateValues;
use crate::metrics::snapshot::SLICE;
use crate::serving::Ticket;
use crate::web::ask::Planned;
use crate::web::pages::Pages;
use crate::web::questions::large;

/// How far it looks ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Occurrences of one job: a job that is due each minute would fill every calendar.
const OF_A_JOB_MAX: usize = 50;

/// The longest line, in bytes (RFC 5545, section 3.1).
const LINE_MAX: usize = 75;

/// The namespace of our ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x2a6c_11b4_77d0_4e0f_8f35_0b8e_5f5b_9d01);

const HEAD: &str = concat!(
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//transferd//transferd ",
    env!("CARGO_PKG_VERSION"),
    "//EN\r\nCALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nX-WR-CALNAME:transferd\r\n\
     REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n"
);

const END: &str = "END:VCALENDAR\r\n";

/// The next part to write.
enum Next {
    Head(Vec<Planned>),
    Jobs { planned: Vec<Planned>, done: usize },
    Nothing,
}

/// `/calendar.ics`.
pub(in crate::web) async fn calendar(
    State(pages): State<Pages>,
    turn: Extension<Ticket>,
) -> Response {
    if let Err(busy) = large(&turn).await {
        return refused(&busy, Root::HERE);
    }
    // Requested before anything is sent, so that the answer can still say that the daemon hangs.
    let planned = match pages.questions.planned_after(None).await {
        Ok(planned) => planned,
        Err(why) => return refused(&why, Root::HERE),
    };
    let writer = Writer { pages, now: clock::now(), next: Next::Head(planned) };
    let pieces = stream::unfold(writer, |mut writer| async {
        // The loop has its turn between two pieces, however fast the reader is.
        tokio::task::yield_now().await;
        let piece = writer.piece().await?;
        Some((Ok::<_, Infallible>(piece), writer))
    });
    let kind = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")];
    (kind, Body::from_stream(pieces)).into_response()
}

struct Writer {
    pages: Pages,
    now: Timestamp,
    next: Next,
}

impl Writer {
    /// The next piece; none at the end, and if the daemon is gone: a calendar without an end is
    /// recognized as broken.
    async fn piece(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Head(planned) => {
                self.next = Next::Jobs { planned, done: 0 };
                Some(HEAD.to_owned())
            }
            Next::Jobs { planned, done } => match planned.get(done) {
                Some(one) => {
                    let piece = job(one, &self.pages.hostname, self.now);
                    self.next = Next::Jobs { planned, done: done + 1 };
                    Some(piece)
                }
                None if planned.len() < SLICE => Some(END.to_owned()),
                None => {
                    let last = planned.last().map(|planned| planned.job.name.clone());
                    let planned = self.pages.questions.planned_after(last).await.ok()?;
                    self.next = Next::Jobs { planned, done: 0 };
                    Some(String::new())
                }
            },
            Next::Nothing => None,
        }
    }
}

/// The coming occurrences of a job.
fn job(planned: &Planned, hostname: &str, now: Timestamp) -> String {
    let until = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
    let mut text = String::new();
    for (at, planned) in coming(std::slice::from_ref(planned), now, OF_A_JOB_MAX, Some(until)) {
        event(&planned.job, at, hostname, now, &mut text);
    }
    text
}

fn event(job: &Arc<Job>, at: Timestamp, hostname: &str, now: Timestamp, text: &mut String) {
    let key = format!("{hostname}\n{}\n{}", job.name, at.as_millisecond());
    let uid = Uuid::new_v5(&NAMESPACE, key.as_bytes());
    let zone = job.timetable.zone();
    let values = TemplateValues { at, zone, job: &job.name, run: None, hostname };
    let place = |place: &PlaceTemplate| {
        format!("{}/{}", place.bucket, place.path.render(&values).trim_start_matches('/'))
    };
    let about = format!("{} to {}", place(&job.source), place(&job.destination));
    let description = job.description.iter().chain([&about]).map(String::as_str);
    let description: Vec<_> = description.collect();
    line(text, "BEGIN", "VEVENT");
    line(text, "UID", &format!("{uid}@transferd"));
    line(text, "DTSTAMP", &utc(now));
    line(text, "DTSTART", &utc(at));
    line(text, "SUMMARY", &escaped(job.name.as_str()));
    line(text, "DESCRIPTION", &escaped(&description.join(": ")));
    line(text, "LOCATION", &escaped(hostname));
    line(text, "TRANSP", "TRANSPARENT");
    line(text, "END", "VEVENT");
}

fn utc(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Text as a value (section 3.3.11).
fn escaped(text: &str) -> String {
    let mut value = String::new();
    for letter in plain(text).chars() {
        if matches!(letter, '\\' | ';' | ',') {
            value.push('\\');
        }
        value.push(letter);
    }
    value
}

/// Adds a line, folded if it is too long, never within a letter.
fn line(text: &mut String, name: &str, value: &str) {
    let mut length = 0;
    let mut whole = String::with_capacity(name.len() + 1 + value.len());
    // Writing to a string does not fail.
    let _ = write!(whole, "{name}:{value}");
    for letter in whole.chars() {
        if length + letter.len_utf8() > LINE_MAX {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(letter);
        length += letter.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_letters() {
        let mut text = String::new();
        line(&mut text, "SUMMARY", &"ä".repeat(100));
        assert!(text.split("\r\n").all(|line| line.len() <= LINE_MAX), "{text}");
        assert_eq!(text.replace("\r\n ", ""), format!("SUMMARY:{}\r\n", "ä".repeat(100)));
    }

    #[test]
    fn text_is_no_syntax() {
        assert_eq!(escaped("a;b,c\\d\r\nEND:VEVENT"), "a\\;b\\,c\\\\d  END:VEVENT");
    }
}
