//! Notifications to the service manager (sd_notify(3)). Does nothing where there is none, and never
//! waits for one that does not listen.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Once, OnceLock};
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
    static SAID: Once = Once::new();
    if let Err(error) = send_to(std::env::var_os("NOTIFY_SOCKET").as_deref(), message) {
        // Type=notify then ends the service after `TimeoutStartSec`, and nothing else says why.
        SAID.call_once(|| tracing::warn!("the service manager can't be told: {error}"));
        tracing::debug!("the service manager could not be told: {error}");
    }
}

/// Sends a message to the socket of that name: a path, or one of the kernel's own names after `@`.
fn send_to(name: Option<&OsStr>, message: &Message) -> io::Result<()> {
    let Some(name) = name else { return Ok(()) };
    let address = match name.as_bytes() {
        [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            let words = format!("$NOTIFY_SOCKET names no Unix socket: {}", name.display());
            return Err(io::Error::new(io::ErrorKind::Unsupported, words));
        }
    };
    UnixDatagram::unbound()?.send_to_addr(message.text().as_bytes(), &address).map(drop)
}

impl Message {
    /// As the service manager reads it.
    fn text(&self) -> String {
        let states = match self {
            Self::Ready(line) => vec![NotifyState::Ready, NotifyState::Status(line)],
            Self::Reloading(Some(time)) => vec![NotifyState::Reloading, time.clone()],
            Self::Reloading(None) => vec![NotifyState::Reloading],
            Self::Status(line) => vec![NotifyState::Status(line)],
            Self::Alive => vec![NotifyState::Watchdog],
            Self::Stopping => vec![NotifyState::Stopping, NotifyState::Status("stopping")],
        };
        states.iter().map(|state| format!("{state}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn a_socket_is_told_by_its_path_and_by_a_name_of_the_kernels_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let own = format!("transferd-test-{}", std::process::id());
        let at_path = UnixDatagram::bind(&path).unwrap();
        let address = SocketAddr::from_abstract_name(&own).unwrap();
        let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
        let own = OsString::from(format!("@{own}"));
        for (name, socket) in [(path.as_os_str(), at_path), (own.as_os_str(), abstract_one)] {
            send_to(Some(name), &Message::Ready("2 jobs".to_owned())).unwrap();
            let mut text = [0; 64];
            let length = socket.recv(&mut text).unwrap();
            assert_eq!(&text[..length], b"READY=1\nSTATUS=2 jobs\n");
        }
    }

    #[test]
    fn what_is_no_unix_socket_is_refused_in_words() {
        let error = send_to(Some(OsStr::new("vsock:2:1234")), &Message::Alive).unwrap_err();
        assert!(error.to_string().contains("vsock:2:1234"), "{error}");
        assert!(send_to(None, &Message::Alive).is_ok());
    }
}
