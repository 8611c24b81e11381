//! The changes of a new job file, for people: `+` a new job, `-` a removed one, `~` a changed one,
//! with each key's value before and after.

use serde_json::Value;

use super::fit::{hanging, plain, width};
use super::paint::{Paint, Tone};
use super::table::Screen;
use super::words::occurrence;
use crate::control::changes::{ChangesDocument, FieldChange};

/// The indent of fields.
const INDENT: usize = 4;

/// All changes, a line each.
pub fn page(changes: &ChangesDocument, screen: Screen) -> String {
    let ChangesDocument { added, removed, changed, settings, .. } = changes;
    let names = added.iter().chain(removed).map(|one| &one.job);
    let names = names.chain(changed.iter().map(|one| &one.job));
    let longest = names.map(|name| width(name)).max().unwrap_or(0);
    let paint = Paint(screen.color);
    let line = |sign: &str, tone: Tone, job: &str, times: String| {
        let job = format!("{job}{:1$}", "", longest.saturating_sub(width(job)));
        format!("{} {job}  {times}\n", paint.tone(tone, sign))
    };
    let mut text = String::new();
    for one in added {
        text.push_str(&line("+", Tone::Good, &one.job, next(one.after.as_deref(), "next ")));
    }
    for one in changed {
        let times = if one.before == one.after {
            format!("{}, as before", next(one.after.as_deref(), "next "))
        } else {
            let (after, before) = (one.after.as_deref(), one.before.as_deref());
            format!("{}, was {}", next(after, "next "), next(before, ""))
        };
        text.push_str(&line("~", Tone::Doubtful, &one.job, times));
        text.push_str(&fields(&one.fields, INDENT, screen));
    }
    for one in removed {
        text.push_str(&line("-", Tone::Bad, &one.job, next(one.before.as_deref(), "was next ")));
    }
    if !settings.is_empty() {
        text.push_str(&format!("{} settings\n", paint.tone(Tone::Doubtful, "~")));
        text.push_str(&fields(settings, INDENT, screen));
    }
    text
}

fn fields(fields: &[FieldChange], indent: usize, screen: Screen) -> String {
    let longest = fields.iter().map(|one| width(&one.field)).max().unwrap_or(0);
    let mut text = String::new();
    for FieldChange { field, old, new } in fields {
        let values = format!("{} → {}", value(old), value(new));
        let begin = indent + longest + 2;
        let values = hanging(&values, begin, begin, screen.room());
        text.push_str(&format!("{:indent$}{field:longest$}  {values}\n", ""));
    }
    text
}

/// An occurrence, in the zone of its job: `Sat 2026-11-28 02:30 +01:00`.
fn next(at: Option<&str>, begin: &str) -> String {
    let Some(at) = at else { return "no next run".to_owned() };
    let told = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%:z", at);
    let told = told.and_then(|parts| parts.to_zoned_datetime());
    match told {
        Ok(zoned) => format!("{begin}{}", occurrence(&zoned)),
        Err(_) => format!("{begin}{}", plain(at)),
    }
}

/// A value in the notation of the job file.
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => plain(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            plain(&value.to_string())
        }
    }
}
