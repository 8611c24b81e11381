//! `status JOB` for people: everything about one job.
//!
//! A function of the document, the present, the zone and the screen alone.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::changes::value;
use super::fit::{hanging, pair, plain, width};
use super::paint::{Paint, Tone};
use super::run;
use super::table::Screen;
use super::words::Times;
use crate::control::document::JobDocument;
use crate::core::run::RunState;

/// The column of values.
const FACT: usize = 15;

/// Fields of a job that are shown elsewhere on the page than among its policies.
const TOLD: [&str; 4] = ["description", "enabled", "schedule", "timezone"];

/// Everything about a job, below the table row with its state. `reader` is the reader's zone, which
/// may differ from that of `times`.
pub fn page(job: &JobDocument, times: &Times, reader: &TimeZone, screen: Screen) -> String {
    let paint = Paint(screen.color);
    let mut text = String::new();
    let mut fact = |name: &str, tone: Tone, words: &str| {
        let name = paint.tone(Tone::Faint, &format!("  {name:<0$}", FACT - 2));
        let words = paint.tone(tone, &hanging(words, FACT, FACT, screen.room()));
        text.push_str(&format!("{name}{words}\n"));
    };
    let fields = job.detail.as_ref().map(|detail| detail.fields.as_slice()).unwrap_or_default();
    let of = |key: &str| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    if let Some(Value::String(description)) = of("description") {
        fact("description", Tone::Plain, &plain(description));
    }
    fact("from", Tone::Plain, &plain(&job.source.to_string()));
    fact("to", Tone::Plain, &plain(&job.destination.to_string()));
    let zone = of("timezone").map(value).unwrap_or_default();
    let schedule = match &job.schedule {
        None => "none: it runs when triggered".to_owned(),
        Some(schedule) => format!("{}  ({zone})", schedule.expressions().join(", ")),
    };
    fact("schedule", Tone::Plain, &schedule);
    if let Some(next) = job.next.as_ref().filter(|next| !next.is_empty()) {
        let zone = job.zone();
        let reader = Times { zone: reader.clone(), ..times.clone() };
        let told: Vec<_> = next.iter().map(|at| reader.next(*at, zone.as_ref())).collect();
        fact("next runs", Tone::Plain, &told.join(", "));
    }
    let recent = job.recent.as_deref().unwrap_or_default();
    let good = recent.iter().find(|run| run.state == RunState::Succeeded);
    if let Some(good) = job.last_success.as_ref().or(good) {
        let ended = good.over_at().unwrap_or(good.created_at);
        fact("last success", Tone::of(good.state), &times.at(ended));
    }
    let policies: Vec<String> = fields
        .iter()
        .filter(|(key, value)| {
            let elsewhere = TOLD.contains(&key.as_str())
                || key.starts_with("source.")
                || key.starts_with("destination.");
            !elsewhere && !value.is_null()
        })
        .map(|(key, told)| pair(key, &value(told)))
        .collect();
    fact("policies", Tone::Plain, &policies.join(", "));
    if !recent.is_empty() {
        text.push('\n');
        text.push_str(&run::history(recent, times, &run::Zones::new(), screen));
    }
    let name = job.name.as_str();
    let quoted = if name.contains(' ') { format!("'{name}'") } else { name.to_owned() };
    let more = format!("`transferd why {quoted}` says why it did or did not run");
    if width(&more) <= screen.room().unwrap_or(usize::MAX) {
        text.push_str(&format!("\n{}\n", paint.tone(Tone::Faint, &more)));
    }
    text
}
