//! What the service manager is told (sd_notify(3)). Silent where there is none.

use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::core::plain::plain;

/// Ready, or done with reloading.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// The job file is being read. `Type=notify-reload` wants the time in the same message.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(time) => tell(&[NotifyState::Reloading, time]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// A line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(&one_line(line))]);
}

/// The loop turns.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Going down, as asked.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// How often [`alive`] must be told, at most; absent without a watchdog.
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

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the service manager could not be told: {error}");
    }
}
