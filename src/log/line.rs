//! Formats a log event, as a line for people, a JSON object, or an entry of the journal.
//!
//! All three are made of the same clean text: a line break or an escape in a message would forge a
//! line, or color the reader's terminal.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::Format;
use super::limits::LINE_BYTES_MAX;
use crate::core::date_time::with_offset;
use crate::core::plain::{escape_unseen, plain};
use crate::privacy::mask;

/// The content of an event.
pub(super) struct Line {
    at: Timestamp,
    level: Level,
    fields: Fields,
}

#[derive(Default)]
struct Fields {
    message: String,
    job: Option<String>,
    run: Option<String>,
    /// The operator who requested it; the sentence for people names them itself.
    by: Option<String>,
    /// Facts that the sentence also states, for machines, [`FACTS`].
    facts: Vec<(&'static str, String)>,
    others: Vec<(&'static str, String)>,
}

/// Fields that the sentence for people states by itself. The last one is a number.
const FACTS: [&str; 4] = ["state", "event", "reason_code", ATTEMPT];

/// The number of the attempt that an event is about.
const ATTEMPT: &str = "attempt";

impl Line {
    /// The line of an event, now.
    pub(super) fn of(event: &Event<'_>, at: Timestamp) -> Self {
        let mut fields = Fields::default();
        event.record(&mut fields);
        Self { at, level: *event.metadata().level(), fields }
    }

    /// The log's own line about dropped lines.
    pub(super) fn of_dropped(dropped: u64, at: Timestamp) -> Self {
        let lines = if dropped == 1 { "line was" } else { "lines were" };
        let message =
            format!("{dropped} log {lines} dropped here: the log could not be written in time");
        Self { at, level: Level::WARN, fields: Fields { message, ..Fields::default() } }
    }

    /// The bytes to write.
    pub(super) fn bytes(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Human { color } => self.human(color).into_bytes(),
            Format::Json => self.json().into_bytes(),
            Format::Journal => self.journal(),
        }
    }

    /// `2026-11-23 20:31:48 +01:00 info  nightly 6d0f6b0e: queued …`
    fn human(&self, ansi: bool) -> String {
        let (word, color) = match self.level {
            Level::ERROR => ("error", "\x1b[1;31m"),
            Level::WARN => ("warn ", "\x1b[1;33m"),
            Level::INFO => ("info ", "\x1b[32m"),
            Level::DEBUG => ("debug", "\x1b[34m"),
            Level::TRACE => ("trace", "\x1b[2m"),
        };
        let paint = |color| if ansi { (color, "\x1b[0m") } else { ("", "") };
        let (on, off) = paint(color);
        let time = with_offset(self.at, &TimeZone::system());
        let mut line = format!("{time} {on}{word}{off} ");
        let Fields { message, job, run, by: _, facts: _, others } = &self.fields;
        if let Some(job) = job {
            let (on, off) = paint("\x1b[1m");
            line += &format!("{on}{job}{off}");
            if let Some(run) = run {
                line += &format!(" {}", run.get(..8).unwrap_or(run));
            }
            line += ": ";
        }
        line += message;
        for (name, value) in others {
            // Writing to a text does not fail.
            let _ = write!(line, " {name}={value}");
        }
        line.push('\n');
        line
    }

    /// An object with the time, in the zone in which sentences tell theirs, and a member for each
    /// field.
    fn json(&self) -> String {
        let mut object = Map::new();
        let mut put = |name: &str, value: &str| {
            let number = value.parse::<u32>().ok().filter(|_| name == ATTEMPT);
            let value = number.map_or_else(|| Value::from(value), Value::from);
            object.insert(name.to_owned(), value);
        };
        let here = self.at.to_zoned_datetime(TimeZone::system());
        put("timestamp", &here.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string());
        put("level", self.level.as_str());
        for (name, value) in self.named() {
            put(name, value);
        }
        format!("{}\n", escape_unseen(Value::Object(object).to_string()))
    }

    /// Fields as journald accepts them (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>), each with
    /// the length of its value before it, so that no value can add a field.
    fn journal(&self) -> Vec<u8> {
        let priority = match self.level {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            Level::DEBUG | Level::TRACE => "7",
        };
        let mut entry = Vec::new();
        let mut put = |name: &str, value: &str| {
            entry.extend(name.to_ascii_uppercase().bytes().map(field_byte));
            entry.push(b'\n');
            entry.extend((value.len() as u64).to_le_bytes());
            entry.extend(value.as_bytes());
            entry.push(b'\n');
        };
        put("PRIORITY", priority);
        put("SYSLOG_IDENTIFIER", "transferd");
        for (name, value) in self.named() {
            put(name, value);
        }
        entry
    }

    fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let Fields { message, job, run, by, facts, others } = &self.fields;
        let known = [("message", Some(message)), ("job", job.as_ref()), ("run", run.as_ref())];
        let known = known.into_iter().chain([("by", by.as_ref())]);
        let known = known.filter_map(|(name, value)| value.map(|value| (name, value.as_str())));
        known.chain(facts.iter().chain(others).map(|(name, value)| (*name, value.as_str())))
    }
}

/// The journal accepts upper-case letters, digits and `_` in a field's name.
fn field_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte } else { b'_' }
}

impl Fields {
    fn take(&mut self, field: &Field, value: &str) {
        let value = cut(plain(&mask(value)));
        match field.name() {
            "message" => self.message = value,
            "job" => self.job = Some(value),
            "run" => self.run = Some(value),
            "by" => self.by = Some(value),
            // `log` records that are bridged carry their origin.
            name if name.starts_with("log.") => {}
            name if FACTS.contains(&name) => self.facts.push((name, value)),
            name => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, &format!("{value:?}"));
    }
}

/// A text cut to the longest line.
fn cut(mut text: String) -> String {
    if text.len() > LINE_BYTES_MAX {
        let end = (0..=LINE_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Line {
        let fields = Fields {
            message: message.to_owned(),
            job: Some("nightly".to_owned()),
            run: Some("6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01".to_owned()),
            by: Some("alice (uid 1000)".to_owned()),
            facts: vec![("state", "queued".to_owned()), ("attempt", "2".to_owned())],
            others: vec![("step", "1".to_owned())],
        };
        Line { at: Timestamp::UNIX_EPOCH, level: Level::WARN, fields }
    }

    #[test]
    fn a_line_for_people_names_job_and_run() {
        let text = String::from_utf8(line("queued").bytes(Format::Human { color: false })).unwrap();
        assert!(text.ends_with(" warn  nightly 6d0f6b0e: queued step=1\n"), "{text}");
    }

    #[test]
    fn a_json_line_is_one_object_with_each_field() {
        let text = String::from_utf8(line("a \"word\"").bytes(Format::Json)).unwrap();
        let object: Value = serde_json::from_str(&text).unwrap();
        let wanted = serde_json::json!({
            "timestamp": "1970-01-01T00:00:00.000+00:00", "level": "WARN", "message": "a \"word\"",
            "job": "nightly", "run": "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01", "by": "alice (uid 1000)",
            "state": "queued", "attempt": 2, "step": "1",
        });
        assert_eq!(object, wanted);
    }

    #[test]
    fn the_journal_gets_each_field_with_its_length() {
        let entry = line("queued").bytes(Format::Journal);
        let mut fields = Vec::new();
        let mut rest = entry.as_slice();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let (name, behind) = rest.split_at(end);
            let (length, behind) = behind[1..].split_at(8);
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            fields.push(format!("{}={}", text(name), text(&behind[..length])));
            assert_eq!(behind[length], b'\n');
            rest = &behind[length + 1..];
        }
        let run = "RUN=6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01";
        let wanted = ["PRIORITY=4", "SYSLOG_IDENTIFIER=transferd", "MESSAGE=queued", "JOB=nightly"];
        assert_eq!(
            fields,
            wanted
                .into_iter()
                .chain([run, "BY=alice (uid 1000)"])
                .chain(["STATE=queued", "ATTEMPT=2", "STEP=1"])
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_level_is_the_same_in_the_journal() {
        for (level, priority) in [
            (Level::ERROR, "3"),
            (Level::WARN, "4"),
            (Level::INFO, "6"),
            (Level::DEBUG, "7"),
            (Level::TRACE, "7"),
        ] {
            let entry = Line { level, ..line("queued") }.bytes(Format::Journal);
            let mut begin = b"PRIORITY\n".to_vec();
            begin.extend(1_u64.to_le_bytes());
            begin.extend(priority.bytes());
            assert!(entry.starts_with(&begin), "{level}");
        }
    }

    #[test]
    fn a_text_is_cut_between_two_letters() {
        let text = cut("é".repeat(LINE_BYTES_MAX));
        assert!(text.len() <= LINE_BYTES_MAX + '…'.len_utf8() && text.ends_with("é…"));
    }
}
