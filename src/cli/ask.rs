//! Sends a command's request to the daemon, and explains how to go on where none runs.

use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::places::{Places, Search};
use super::{Exit, Global, json_errors};
use crate::control::client::{Client, ClientError};
use crate::control::request::StatusQuery;
use crate::control::socket;
use crate::store::folder::daemon_at_work;
use crate::words::without_innards;

/// A connected daemon, with a runtime to wait for its answers.
pub struct Daemon {
    client: Client,
    runtime: tokio::runtime::Runtime,
}

/// Why there is none.
pub enum NoDaemon {
    /// None runs at the searched sockets.
    NotRunning(Box<Search>),
    /// It runs, but does not let this user ask.
    NotPermitted(PathBuf),
    /// Our own side failed.
    Broken(String),
}

impl Daemon {
    /// Connects to the daemon that `global` means.
    pub fn find(global: &Global) -> Result<Self, NoDaemon> {
        let search = Places::here(global).search();
        let (mut locked, mut unseen) = (None, None);
        for path in &search.meant {
            match Client::connect(path) {
                Ok(client) => {
                    let client = client.when_slow(say_slow);
                    let runtime = runtime().map_err(|error| NoDaemon::Broken(error.to_string()))?;
                    return Ok(Self { client, runtime });
                }
                // A folder that can't be read may be another user's, and empty.
                Err(ClientError::NotPermitted(path)) if hidden(&path) => unseen = Some(path),
                Err(ClientError::NotPermitted(path)) => locked = Some(path),
                Err(ClientError::NotRunning(_)) => {}
                Err(
                    error @ (ClientError::Refused(_)
                    | ClientError::Unavailable(_)
                    | ClientError::Silent(..)
                    | ClientError::Interrupted(_)
                    | ClientError::Broken(_)),
                ) => {
                    return Err(NoDaemon::Broken(error.to_string()));
                }
            }
        }
        Err(match locked {
            Some(path) => NoDaemon::NotPermitted(path),
            None => {
                let folder = Places::here(global).state_folder().ok();
                let elsewhere = folder
                    .and_then(|folder| daemon_at_work(&folder).map(|pid| Box::new((pid, folder))));
                NoDaemon::NotRunning(Box::new(Search { unseen, elsewhere, ..search }))
            }
        })
    }

    /// As [`Daemon::find`]; prints why there is none.
    pub fn find_or_say(global: &Global, err: &mut dyn Write) -> Result<Self, Exit> {
        let daemon = Self::find(global).map_err(|none| none.say(err))?;
        if let Some(words) = global.config.as_deref().and_then(|typed| daemon.own_file(typed)) {
            // There is nobody to tell if standard error is gone.
            let _ = writeln!(err, "{words}");
        }
        Ok(daemon)
    }

    /// The message that a job file named with `-c` is not used, because the daemon has another.
    fn own_file(&self, typed: &Path) -> Option<String> {
        let own = self.job_file()?;
        let is_another = is_same_file(typed, &own).is_some_and(|is_same| !is_same);
        let (typed, own) = (typed.display(), own.display());
        is_another.then(|| format!("`-c {typed}` is not used: the daemon's job file is `{own}`"))
    }

    /// The daemon's job file, unless the daemon does not answer.
    pub fn job_file(&self) -> Option<PathBuf> {
        // The agent is not needed for this, and may be the one thing that does not answer.
        let query = StatusQuery { known: true, ..StatusQuery::default() };
        let status = self.wait(self.client.soon(self.client.status(&query))).ok()?;
        Some(PathBuf::from(status.config.path))
    }

    /// Connects again to the daemon, which may have been restarted meanwhile. A daemon that does
    /// not answer now may do so later.
    pub fn reconnect(&mut self) {
        if let Ok(client) = self.client.again() {
            self.client = client;
        }
    }

    /// The daemon's socket.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for an answer.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }
}

/// Whether a job file as typed is the daemon's; absent where that can't be told.
pub fn is_same_file(typed: &Path, own: &Path) -> Option<bool> {
    // A path that is relative to the daemon's working folder can't be compared.
    let real = own.canonicalize().ok().filter(|_| own.is_absolute())?;
    Some(typed.canonicalize().ok() == Some(real))
}

/// The daemon's answer about the past, or the database's where none runs or it does not answer.
pub fn daemon_or_database<T>(
    global: &Global,
    err: &mut dyn Write,
    ask: impl AsyncFnOnce(&Client) -> Result<T, ClientError>,
    read: impl FnOnce() -> Result<T, String>,
) -> Result<T, Exit> {
    match Daemon::find(global) {
        Ok(daemon) => {
            let client = daemon.client();
            match daemon.wait(client.soon(ask(client))) {
                Ok(answer) => return Ok(answer),
                Err(silent @ ClientError::Silent(..)) => {
                    say(err, &format!("{silent}; this is read from its database"));
                }
                Err(error) => return Err(say_error(&error, err)),
            }
        }
        Err(NoDaemon::NotRunning(search)) => search.say_if_elsewhere(err),
        Err(none @ (NoDaemon::NotPermitted(_) | NoDaemon::Broken(_))) => return Err(none.say(err)),
    }
    read().map_err(|words| {
        say(err, &words);
        Exit::No
    })
}

/// Says that the daemon takes long, while a command goes on waiting.
fn say_slow(socket: &Path) {
    // There is nobody to tell if standard error is gone.
    let _ = writeln!(
        io::stderr(),
        "transferd: the daemon at `{}` has not answered yet; still waiting",
        socket.display()
    );
}

/// Whether it is invisible if a socket exists at all.
fn hidden(socket: &Path) -> bool {
    std::fs::symlink_metadata(socket)
        .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

impl NoDaemon {
    /// Prints why there is no daemon to ask, and what to do.
    pub fn say(&self, err: &mut dyn Write) -> Exit {
        match self {
            Self::NotRunning(search) => {
                let looked: Vec<_> =
                    search.meant.iter().map(|path| format!("`{}`", path.display())).collect();
                let where_to = match looked.as_slice() {
                    [] => "no place to look at: XDG_RUNTIME_DIR is not set".to_owned(),
                    looked => format!("looked at {}", looked.join(", ")),
                };
                let other =
                    search.other.as_ref().filter(|(_, _, path)| socket::answers(path).is_ok());
                let runs = other
                    .map(|(name, option, _)| format!(", but {name} is: add `{option}` to ask it"));
                let runs_too = runs.as_deref().unwrap_or_default();
                let state = match search.elsewhere {
                    Some(_) => "can't be asked",
                    None => "is not running",
                };
                say(err, &format!("the daemon {state} ({where_to}){runs_too}"));
                if let Some(path) = &search.unseen {
                    let folder = path.parent().unwrap_or(path).display();
                    let words = "can't be looked into: if a daemon runs there, be root, or join \
                                 the service's group (`usermod -aG transferd NAME`)";
                    hint(err, &format!("`{folder}` {words}"));
                }
                if let Some(words) = search.of_elsewhere() {
                    hint(err, &words);
                } else if runs.is_none() {
                    let unit = search.start.map(|unit| format!(", or `{unit}`"));
                    let unit = unit.unwrap_or_default();
                    let folder = search.state_dir.as_ref();
                    let folder = folder.map(|folder| format!(" --state-dir {}", folder.display()));
                    let folder = folder.unwrap_or_default();
                    hint(err, &format!("start it with `transferd run{folder}`{unit}"));
                }
                Exit::NotRunning
            }
            Self::NotPermitted(path) => {
                say(err, &format!("no permission to ask the daemon at `{}`", path.display()));
                hint(err, "be root, or join the service's group (`usermod -aG transferd NAME`)");
                Exit::No
            }
            Self::Broken(words) => {
                say(err, words);
                Exit::No
            }
        }
    }
}

/// Prints why an answer is missing, or the refusal.
pub fn say_error(error: &ClientError, err: &mut dyn Write) -> Exit {
    say(err, &error.to_string());
    match error {
        ClientError::NotRunning(_) => Exit::NotRunning,
        ClientError::Interrupted(_) => Exit::Interrupted,
        ClientError::NotPermitted(_)
        | ClientError::Refused(_)
        | ClientError::Unavailable(_)
        | ClientError::Silent(..)
        | ClientError::Broken(_) => Exit::No,
    }
}

/// Prints an error line. There is nobody to tell if standard error itself is gone.
pub fn say(err: &mut dyn Write, words: &str) {
    let words = &without_innards(words);
    json_errors::keep(words);
    let _ = writeln!(err, "transferd: {words}");
}

/// Prints a line with the next thing to do.
pub fn hint(err: &mut dyn Write, words: &str) {
    json_errors::keep_hint(words);
    let _ = writeln!(err, "  {words}");
}

/// The exit code of a command whose output may have failed: a closed pipe is how `head` says
/// "enough".
pub fn done(written: io::Result<()>, exit: Exit) -> Exit {
    match written {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(_) => Exit::No,
    }
}

/// A runtime for a command: one thread.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message where no daemon answers at the service that is meant.
    fn said(other: PathBuf) -> (Exit, String) {
        let meant = vec![PathBuf::from("/nowhere/control.sock")];
        let other = Some(("the system's service", "--system", other));
        let mut err = Vec::new();
        let start = Some("systemctl --user start transferd");
        let search = Box::new(Search { meant, other, start, ..Search::default() });
        let exit = NoDaemon::NotRunning(search).say(&mut err);
        (exit, String::from_utf8(err).unwrap())
    }

    #[test]
    fn the_start_that_is_advised_is_in_the_folder_that_was_named() {
        let mut err = Vec::new();
        let state_dir = Some(PathBuf::from("/s"));
        NoDaemon::NotRunning(Box::new(Search { state_dir, ..Search::default() })).say(&mut err);
        let words = String::from_utf8(err).unwrap();
        assert!(words.contains("start it with `transferd run --state-dir /s`"), "{words}");
    }

    #[test]
    fn where_there_is_no_place_to_look_at_that_is_said() {
        let mut err = Vec::new();
        NoDaemon::NotRunning(Box::default()).say(&mut err);
        let words = String::from_utf8(err).unwrap();
        assert!(words.contains("(no place to look at: XDG_RUNTIME_DIR is not set)"), "{words}");
    }

    #[test]
    fn the_other_service_is_named_if_that_one_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(socket::NAME);
        let (exit, words) = said(path.clone());
        assert_eq!(exit, Exit::NotRunning);
        assert!(words.contains("/nowhere/control.sock"), "{words}");
        assert!(words.contains("`systemctl --user start transferd`"), "{words}");
        let _bound = socket::Bound::bind(&path, 0o600).unwrap();
        let (exit, words) = said(path);
        assert_eq!(exit, Exit::NotRunning);
        assert!(words.contains("the system's service is: add `--system`"), "{words}");
    }
}
