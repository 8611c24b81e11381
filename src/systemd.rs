//! Notifications to the service manager (sd_notify(3)). Does nothing where there is none, and never
//! waits for one that does not listen.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::core::plain::plain;

/// Messages that may wait for a service manager that does not read; further ones are dropped. It
/// has missed the watchdog's by then, and the others only report the state.
const WAITING_MAX: usize = 16;

/// A message to the service manager.
enum Message {
    Ready(String),
    /// With the time, as [`NotifyState::monotonic_usec_now`] has it.
    Reloading(Option<NotifyState<'static>>),
    Status(String),
    Alive,
    Stopping,
}

/// Reports that the daemon is ready, or done with reloading.
pub fn ready(status: &str) {
    tell(Message::Ready(one_line(status)));
}

/// Reports that the job file is being read. `Type=notify-reload` wants the time in the same
/// message.
pub fn reloading() {
    tell(Message::Reloading(NotifyState::monotonic_usec_now().ok()));
}

/// Sets the line for `systemctl status`.
pub fn status(line: &str) {
    tell(Message::Status(one_line(line)));
}

/// Reports that the loop is running.
pub fn alive() {
    tell(Message::Alive);
}

/// Reports a requested stop.
pub fn stopping() {
    tell(Message::Stopping);
}

/// The longest time between two calls of [`alive`]; absent without a watchdog.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|period| period / 2)
}

/// Whether standard error goes to the journal (systemd.exec(5), `$JOURNAL_STREAM`).
pub fn logs_to_journal() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
        && Path::new("/run/systemd/journal/socket").exists()
}

/// A message is lines of `KEY=value`: a line break in a value would start a new one.
fn one_line(text: &str) -> String {
    plain(text)
}

/// Hands a message to a thread of its own: a service manager that is stuck blocks the sender.
fn tell(message: Message) {
    static OUT: OnceLock<Option<SyncSender<Message>>> = OnceLock::new();
    let out = OUT.get_or_init(|| {
        std::env::var_os("NOTIFY_SOCKET")?;
        let (out, waiting) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new().name("notify".to_owned());
        let started = thread.spawn(move || waiting.into_iter().for_each(|message| send(&message)));
        match started {
            Ok(_) => Some(out),
            Err(error) => {
                tracing::warn!("the service manager can't be told: {error}");
                None
            }
        }
    });
    if let Some(out) = out {
        // A full queue: see [`WAITING_MAX`].
        let _ = out.try_send(message);
    }
}

fn send(message: &Message) {
    let told = match message {
        Message::Ready(line) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(line)]),
        Message::Reloading(Some(time)) => {
            sd_notify::notify(&[NotifyState::Reloading, time.clone()])
        }
        Message::Reloading(None) => sd_notify::notify(&[NotifyState::Reloading]),
        Message::Status(line) => sd_notify::notify(&[NotifyState::Status(line)]),
        Message::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        Message::Stopping => {
            sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status("stopping")])
        }
    };
    if let Err(error) = told {
        tracing::debug!("the service manager could not be told: {error}");
    }
}
