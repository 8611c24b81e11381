//! Reports that something about a set of files may have changed.
//!
//! Knows nothing of their content: the caller looks again and compares. All access to a file system
//! happens on a thread of its own, so that a file server that hangs holds up nobody. Keeps true:
//! watches are armed before a change is reported, so that a change during the look that follows is
//! reported too; and while nothing changes, nothing wakes, except where the kernel can't report
//! changes: there, files are looked at once a minute.

mod burst;
mod limits;
mod listener;
mod own_folders;
mod plan;
mod remote;
mod stamp;
#[cfg(test)]
mod tests;
mod thread;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::Notify;

use self::limits::Pace;

/// A message of a [`Watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something may have changed.
    Change,
    /// Whether changes can be watched has changed: see [`Watch::trouble`].
    Trouble,
}

/// Watches some files and folders.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
}

/// The state shared by the thread and its owner.
#[derive(Debug)]
struct Shared {
    /// Wakes the thread.
    bell: OwnedFd,
    /// Wakes the owner.
    told: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    // For the thread.
    paths: Option<NewPaths>,
    each_minute: bool,
    stop: bool,
    // For the owner.
    armed: u64,
    asked: u64,
    change: bool,
    half_written: bool,
    trouble_news: bool,
    trouble: Option<String>,
}

/// Paths to watch from now on.
#[derive(Debug)]
struct NewPaths {
    paths: Vec<PathBuf>,
    /// When they were last read: changes since then are reported.
    read_at: Option<Timestamp>,
}

impl Watch {
    /// Starts to watch these paths, whether or not they exist.
    ///
    /// # Errors
    /// If the system has no thread or no descriptor left.
    pub fn start(paths: Vec<PathBuf>) -> io::Result<Self> {
        Self::with_pace(paths, Pace::default())
    }

    fn with_pace(paths: Vec<PathBuf>, pace: Pace) -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let shared = Shared { bell, told: Notify::new(), state: Mutex::default() };
        let watch = Self { shared: Arc::new(shared) };
        let thread = thread::Thread::new(Arc::clone(&watch.shared), pace);
        // Not joined at the end: it may hang with the file server that it reads from.
        std::thread::Builder::new().name("files".to_owned()).spawn(move || thread.run())?;
        watch.set_paths(paths, None);
        Ok(watch)
    }

    /// Watches these paths from now on. Changes since `read_at` are reported as well: nothing is
    /// lost between a reading and the watch on its files.
    pub fn set_paths(&self, paths: Vec<PathBuf>, read_at: Option<Timestamp>) {
        let mut state = self.shared.state();
        state.asked += 1;
        state.paths = Some(NewPaths { paths, read_at });
        drop(state);
        self.shared.ring();
    }

    /// Reports a possible change each minute, or stops doing so: for files that could not be read,
    /// since the cause may end without any event.
    pub fn report_each_minute(&self, wanted: bool) {
        let mut state = self.shared.state();
        if state.each_minute != wanted {
            state.each_minute = wanted;
            drop(state);
            self.shared.ring();
        }
    }

    /// Why changes are looked for only once a minute, if that is so.
    pub fn trouble(&self) -> Option<String> {
        self.shared.state().trouble.clone()
    }

    /// True while a file is being written: a change is reported once it is closed, or has been
    /// waited for long enough.
    pub fn is_half_written(&self) -> bool {
        self.shared.state().half_written
    }

    /// Waits for the next message. May be dropped and called again at any time without losing
    /// anything.
    pub async fn heard(&self) -> Heard {
        loop {
            {
                let mut state = self.shared.state();
                if std::mem::take(&mut state.trouble_news) {
                    return Heard::Trouble;
                }
                if std::mem::take(&mut state.change) {
                    return Heard::Change;
                }
            }
            self.shared.told.notified().await;
        }
    }

    /// Waits until the paths that were set last are watched.
    #[cfg(test)]
    async fn armed(&self) {
        loop {
            {
                let state = self.shared.state();
                if state.armed == state.asked {
                    return;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.ring();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread. A counter that is full wakes it as well.
    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn report_change(&self) {
        let mut state = self.state();
        state.half_written = false;
        state.change = true;
        drop(state);
        self.told.notify_one();
    }

    fn report_problem(&self, trouble: Option<String>) {
        let mut state = self.state();
        if state.trouble != trouble {
            state.trouble = trouble;
            state.trouble_news = true;
            drop(state);
            self.told.notify_one();
        }
    }
}
