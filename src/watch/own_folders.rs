//! The folders of the user's own files, watched by `notify`.
//!
//! Its thread collects events and wakes ours, which takes them and compares them with the plan.
//! Events for opening or reading are dropped at once: otherwise a reload would cause the next one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Shared;
use super::limits::HEARD;
use super::listener::{Event, is_fresh, no_watches_left};
use super::plan::Plan;

#[derive(Debug)]
pub(super) struct OwnFolders {
    watcher: RecommendedWatcher,
    folders: Vec<PathBuf>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// An event of `notify` that may matter.
#[derive(Debug)]
enum Heard {
    Event(notify::Event),
    /// Something may have been missed.
    Gap,
}

impl OwnFolders {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The system has no more instances.
    pub(super) fn new(shared: &Arc<Shared>) -> io::Result<Self> {
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (kept, woken) = (Arc::clone(&heard), Arc::clone(shared));
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let news = match event {
                Ok(event) if event.need_rescan() => Heard::Gap,
                Ok(event) if is_reading(&event.kind) => return,
                Ok(event) => Heard::Event(event),
                Err(_) => Heard::Gap,
            };
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            // A flood: then only that something has changed matters.
            if kept.len() < HEARD {
                kept.push(news);
            } else if !matches!(kept.last(), Some(Heard::Gap)) {
                kept.push(Heard::Gap);
            }
            drop(kept);
            woken.ring();
        });
        let watcher = watcher.map_err(into_io)?;
        Ok(Self { watcher, folders: Vec::new(), heard })
    }

    /// Watches a folder; true if that is not allowed.
    pub(super) fn add(&mut self, folder: &Path) -> io::Result<bool> {
        match self.watcher.watch(folder, RecursiveMode::NonRecursive).map_err(into_io) {
            Ok(()) => {
                self.folders.push(folder.to_owned());
                Ok(false)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => Ok(true),
                // It is gone meanwhile; the next plan will notice.
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// True when there are events that were not taken yet.
    pub(super) fn has_heard(&self) -> bool {
        !self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Takes the events that matter.
    pub(super) fn events(&self, plan: &Plan) -> Vec<Event> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        let meanings = heard.into_iter().flat_map(|heard| match heard {
            Heard::Gap => vec![Event::Changed],
            Heard::Event(event) => {
                let paths = event.paths.iter();
                paths.filter_map(|path| self.meaning(path, &event.kind, plan)).collect()
            }
        });
        meanings.collect()
    }

    fn meaning(&self, path: &Path, kind: &EventKind, plan: &Plan) -> Option<Event> {
        let moved = matches!(kind, EventKind::Modify(ModifyKind::Name(_)));
        let gone = moved || matches!(kind, EventKind::Remove(_));
        if gone && self.folders.iter().any(|folder| folder == path) {
            return Some(Event::Closed(path.to_owned()));
        }
        if !plan.concerns(path) {
            return None;
        }
        let path = path.to_owned();
        Some(match kind {
            EventKind::Access(_) | EventKind::Remove(_) => Event::Closed(path),
            EventKind::Modify(ModifyKind::Name(_)) => Event::Closed(path),
            EventKind::Modify(ModifyKind::Data(_)) => Event::Written(path),
            EventKind::Create(_) if is_fresh(&path) => Event::Written(path),
            EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => {
                Event::Changed
            }
        })
    }
}

/// True for an event that does not change a file.
fn is_reading(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => false,
    }
}

fn into_io(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        notify::ErrorKind::PathNotFound | notify::ErrorKind::WatchNotFound => {
            io::ErrorKind::NotFound.into()
        }
        notify::ErrorKind::MaxFilesWatch => no_watches_left(),
        notify::ErrorKind::Generic(words) => io::Error::other(words),
        notify::ErrorKind::InvalidConfig(_) => io::Error::other("the watcher's settings"),
    }
}
