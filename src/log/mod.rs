//! Destination and format of log lines: for people, as JSON, or to the journal.
//!
//! [`line`] formats an event, [`queue`] writes lines without holding up the caller. Other crates
//! are logged from `warn` on only, whatever the level: their messages at finer levels may hold
//! request lines, and so the token.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock;

mod limits;
mod line;
mod queue;

use line::Line;
use queue::Queue;

/// Where journald listens (systemd-journald.service(8)).
const JOURNAL: &str = "/run/systemd/journal/socket";

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on standard error.
    Human {
        /// With color.
        color: bool,
    },
    /// A JSON object a line, on standard error.
    Json,
    /// To the journal, with `JOB=` and `RUN=`.
    Journal,
}

/// The log of this process, once it has started.
static LOG: OnceLock<Lines> = OnceLock::new();

/// Turns events into lines.
#[derive(Clone)]
struct Lines {
    format: Format,
    queue: Arc<Queue>,
}

/// Starts logging for this process, if it has not started yet.
///
/// # Errors
/// The journal can't be reached, or no thread be started.
pub fn start(format: Format, level: Level) -> io::Result<()> {
    // Starting twice is not an error: the first one counts.
    if LOG.get().is_some() {
        return Ok(());
    }
    let notice = move |dropped| Line::of_dropped(dropped, clock::now()).bytes(format);
    let queue = match format {
        Format::Human { .. } | Format::Json => Queue::start(notice, to_standard_error)?,
        Format::Journal => Queue::start(notice, to_journal(Path::new(JOURNAL))?)?,
    };
    let lines = Lines { format, queue };
    let targets = Targets::new()
        .with_default(Level::WARN.min(level))
        // It warns of folders that are gone when it should release them.
        .with_target("notify", Level::ERROR)
        .with_target("transferd", level);
    if LOG.set(lines.clone()).is_ok() {
        let base = tracing_subscriber::registry().with(targets);
        // Another subscriber of this process is kept as well.
        let _ = base.with(lines).try_init();
        say_panics();
    }
    Ok(())
}

/// Waits a moment for the last lines to be written: for the end of the process.
pub fn finish() {
    if let Some(lines) = LOG.get() {
        lines.queue.finish(limits::LAST_LINES_WAIT);
    }
}

/// Whether a line must name its job and run in its text: `journalctl` shows no fields.
pub fn shows_text_alone() -> bool {
    LOG.get().is_some_and(|lines| lines.format == Format::Journal)
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.queue.push(Line::of(event, clock::now()).bytes(self.format));
    }
}

/// Logs panics like everything else: standard error may be what hangs.
fn say_panics() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("internal error: {panic}");
        finish();
    }));
}

fn to_standard_error(line: &[u8]) {
    // There is nobody to tell if standard error itself is gone.
    let _ = io::stderr().write_all(line);
}

/// Writes entries to the journal at `path`.
fn to_journal(path: &Path) -> io::Result<impl FnMut(&[u8]) + Send + use<>> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    let path = path.to_owned();
    Ok(move |entry: &[u8]| {
        if socket.send(entry).is_err() {
            // Its socket may have been created anew; an entry that can't be sent then is lost.
            let _ = socket.send_to(entry, &path);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_stuck_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert!(to_journal(&path).is_err());
        let journal = UnixDatagram::bind(&path).unwrap();
        let notice = |dropped| format!("{dropped}").into_bytes();
        let queue = Queue::start(notice, to_journal(&path).unwrap()).unwrap();
        // Many more than fit in a socket's buffer and in the queue.
        for _ in 0..4_000 {
            queue.push(vec![b'x'; 1 << 10]);
        }
        let mut buffer = vec![0; 1 << 11];
        // There may be more than one gap: the writer goes on until the socket is full.
        let (mut whole, mut dropped) = (0, 0);
        while whole + dropped < 4_000 {
            let length = journal.recv(&mut buffer).unwrap();
            let entry = String::from_utf8_lossy(&buffer[..length]).into_owned();
            match entry.starts_with('x') {
                true => whole += 1,
                false => dropped += entry.parse::<u32>().unwrap(),
            }
        }
        assert_eq!(whole + dropped, 4_000);
        assert!(dropped > 1_000, "{dropped}");
    }
}
