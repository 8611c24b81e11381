//! The control socket while the daemon runs: served, and bound again if somebody has removed its
//! file. Cleaners of `/run` and `/tmp` do that, and a daemon that can't be asked looks as if it
//! were not running.

use std::convert::Infallible;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::control::request::Asked;
use crate::control::server;
use crate::control::socket::{Bound, Mark};

/// A socket that has been bound, and its listener.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) bound: Bound,
    pub(super) listener: std::os::unix::net::UnixListener,
}

/// The control socket.
#[derive(Debug)]
pub(super) struct Doorway {
    path: PathBuf,
    mode: u32,
    requests: Sender<Asked>,
    bound: Bound,
    serving: JoinHandle<Infallible>,
    /// Why it can't be bound again, as last logged.
    said: Option<String>,
}

impl Doorway {
    /// Serves a socket that has been bound. Must be called inside a runtime.
    pub(super) fn open(
        path: PathBuf,
        mode: u32,
        requests: Sender<Asked>,
        opened: Opened,
    ) -> io::Result<Self> {
        let listener = UnixListener::from_std(opened.listener)?;
        let serving = tokio::spawn(server::serve(listener, requests.clone()));
        Ok(Self { path, mode, requests, bound: opened.bound, serving, said: None })
    }

    /// The check of the socket, and if necessary its repair, to be run beside the loop: a file
    /// system that hangs must not hold it up.
    pub(super) fn look(&self) -> impl FnOnce() -> io::Result<Option<Opened>> + Send + use<> {
        let (path, mode, mark) = (self.path.clone(), self.mode, self.bound.mark());
        move || look(&path, mode, mark)
    }

    /// Takes in the outcome of [`Self::look`].
    pub(super) fn looked(&mut self, outcome: io::Result<Option<Opened>>) {
        let opened = match outcome {
            Ok(None) => {
                self.said = None;
                return;
            }
            Ok(Some(opened)) => opened,
            Err(error) => return self.say(&error),
        };
        match UnixListener::from_std(opened.listener) {
            Ok(listener) => {
                // Connected clients are answered anyway.
                self.serving.abort();
                self.serving = tokio::spawn(server::serve(listener, self.requests.clone()));
                self.bound = opened.bound;
                self.said = None;
                tracing::warn!(
                    "the control socket `{}` was gone, and has been made again",
                    self.path.display()
                );
            }
            Err(error) => self.say(&error),
        }
    }

    /// Stops serving, and leaves nothing behind: an empty folder of ours that other users can't
    /// read would make their commands guess. systemd's own folder is for systemd to remove.
    pub(super) fn close(&self) {
        self.serving.abort();
        self.bound.remove();
        let of_unit = std::env::var_os("RUNTIME_DIRECTORY").is_some();
        if let Some(folder) = self.path.parent().filter(|_| !of_unit) {
            // If it holds anything else, it stays.
            let _ = std::fs::remove_dir(folder);
        }
    }

    fn say(&mut self, error: &io::Error) {
        let words = match error.kind() {
            io::ErrorKind::AddrInUse => "another daemon answers there".to_owned(),
            _ => error.to_string(),
        };
        if self.said.as_ref() != Some(&words) {
            tracing::warn!(
                "the control socket `{}` is gone, and can't be made again: {words}",
                self.path.display()
            );
            self.said = Some(words);
        }
    }
}

fn look(path: &Path, mode: u32, mark: Mark) -> io::Result<Option<Opened>> {
    if mark.is_at(path) {
        return Ok(None);
    }
    bind(path, mode).map(Some)
}

/// Binds the control socket; creates its folder if that is missing.
pub(super) fn bind(path: &Path, mode: u32) -> io::Result<Opened> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let (bound, listener) = Bound::bind(path, mode)?;
    Ok(Opened { bound, listener })
}
