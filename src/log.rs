//! Where log lines go, and what they look like: for people, as JSON, or to the journal.
//!
//! Other crates are heard from `warn` on only, whatever the level: what they say at their own
//! finer levels may hold request lines, and so the token.

use std::fmt;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{self as lines, FmtContext};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock;
use crate::core::plain::plain;
use crate::privacy::{Masked, mask};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on standard error.
    Human {
        /// With colour.
        color: bool,
    },
    /// A JSON object a line, on standard error.
    Json,
    /// To the journal, with `JOB=` and `RUN=`.
    Journal,
}

/// Starts logging for this process, if it has not started yet.
///
/// # Errors
/// The journal can't be reached.
pub fn start(format: Format, level: Level) -> std::io::Result<()> {
    let targets = Targets::new()
        .with_default(Level::WARN.min(level))
        // It warns of folders that are gone when it is to let go of them.
        .with_target("notify", Level::ERROR)
        .with_target("transferd", level);
    let base = tracing_subscriber::registry().with(targets);
    // Starting twice is no error: the first one stands.
    let _ = match format {
        Format::Human { color } => {
            let layer = lines::layer().with_writer(std::io::stderr).with_ansi(color);
            base.with(layer.event_format(HumanLine)).try_init()
        }
        Format::Json => {
            let layer =
                lines::layer().with_writer(|| Masked(std::io::stderr())).json().with_timer(UtcTime);
            let layer = layer.flatten_event(true).with_target(false);
            base.with(layer.with_current_span(false).with_span_list(false)).try_init()
        }
        Format::Journal => {
            TO_JOURNAL.store(true, Ordering::Relaxed);
            let layer = tracing_journald::layer()?.with_field_prefix(None);
            base.with(layer.with_syslog_identifier("transferd".to_owned())).try_init()
        }
    };
    Ok(())
}

/// Lines go to the journal, which shows their text alone.
static TO_JOURNAL: AtomicBool = AtomicBool::new(false);

/// Whether a line has to name its job and run in its text: `journalctl` shows no fields.
pub fn shows_text_alone() -> bool {
    TO_JOURNAL.load(Ordering::Relaxed)
}

/// Whether standard error is a terminal.
pub fn to_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// RFC 3339, in UTC.
struct UtcTime;

impl FormatTime for UtcTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{}", clock::now())
    }
}

/// `2026-11-23 20:31:48+01:00 info  nightly 6d0f6b0e: queued …`
struct HumanLine;

impl<S, N> FormatEvent<S, N> for HumanLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let ansi = writer.has_ansi_escapes();
        let (word, color) = match *event.metadata().level() {
            Level::ERROR => ("error", "\x1b[1;31m"),
            Level::WARN => ("warn ", "\x1b[1;33m"),
            Level::INFO => ("info ", "\x1b[32m"),
            Level::DEBUG => ("debug", "\x1b[34m"),
            Level::TRACE => ("trace", "\x1b[2m"),
        };
        let (on, off) = if ansi { (color, "\x1b[0m") } else { ("", "") };
        let time = clock::now().to_zoned_datetime(jiff::tz::TimeZone::system());
        write!(writer, "{} {on}{word}{off} ", time.strftime("%Y-%m-%d %H:%M:%S%:z"))?;
        if let Some(job) = &said.job {
            let (on, off) = if ansi { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
            write!(writer, "{on}{job}{off}")?;
            if let Some(run) = &said.run {
                write!(writer, " {}", run.get(..8).unwrap_or(run))?;
            }
            writer.write_str(": ")?;
        }
        write!(writer, "{}", said.message)?;
        for (name, value) in &said.others {
            write!(writer, " {name}={value}")?;
        }
        writeln!(writer)
    }
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    job: Option<String>,
    run: Option<String>,
    others: Vec<(&'static str, String)>,
}

impl Said {
    fn take(&mut self, field: &Field, value: String) {
        // A line break in a message would forge a line of its own.
        let value = plain(&mask(&value));
        match field.name() {
            "message" => self.message = value,
            "job" => self.job = Some(value),
            "run" => self.run = Some(value),
            // `log` records that are bridged bring where they come from along.
            name if name.starts_with("log.") => {}
            name => self.others.push((name, value)),
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}
