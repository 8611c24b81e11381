//! Listens to the kernel (inotify(7)): given a plan, it translates events into their meaning for
//! the plan.
//!
//! The folders of the user's own files are left to `notify` (`own_folders`). The system's folders,
//! the ways to them, and files by their inode are watched here, with our own mask that leaves out
//! files being opened or read: each program that starts opens some in `/etc`, and would wake an
//! idle daemon.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::Shared;
use super::own_folders::OwnFolders;
use super::plan::Plan;

/// Room for some dozens of events: the others are read in the next turn.
const BUFFER: usize = 4_096;

/// An event about something in the plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It changed.
    Changed,
    /// This file is being written.
    Written(PathBuf),
    /// This file was closed by its writer, or was put in its place as a whole.
    Closed(PathBuf),
}

/// A listening inotify instance.
#[derive(Debug)]
pub(super) struct Listener {
    inotify: OwnedFd,
    /// The paths of each watch. One inode may have several.
    watches: HashMap<i32, Vec<PathBuf>>,
    own_folders: OwnFolders,
    /// Something in the plan that may not be watched.
    pub(super) unheard: Option<Unheard>,
}

/// Something that could not be watched.
#[derive(Debug)]
pub(super) enum Unheard {
    /// A folder that may not be listed: reported to people.
    Folder(PathBuf),
    /// A folder on the way, of which only a move matters.
    Way,
}

impl Listener {
    /// Listens to everything in the plan; the thread is woken when `notify` has an event.
    ///
    /// # Errors
    /// The system has no more instances or watches.
    pub(super) fn new(plan: &Plan, shared: &Arc<Shared>) -> io::Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let own_folders = OwnFolders::new(shared)?;
        let watches = HashMap::new();
        let mut listener = Self { inotify, watches, own_folders, unheard: None };
        let itself = WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
        let file = itself | WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
        let folder = file | WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        for path in plan.ways() {
            if listener.add(path, itself | WatchFlags::ONLYDIR)? {
                listener.unheard = Some(Unheard::Way);
            }
        }
        for path in plan.files() {
            // A file that may not be read is an invalid file, and reported as such.
            listener.add(path, file | WatchFlags::DONT_FOLLOW)?;
        }
        for path in plan.folders() {
            let refused = if is_of_the_system(path) {
                listener.add(path, folder | WatchFlags::ONLYDIR)?
            } else {
                listener.own_folders.add(path)?
            };
            if refused {
                listener.unheard = Some(Unheard::Folder(path.clone()));
            }
        }
        Ok(listener)
    }

    /// Adds a watch; true if that is not allowed.
    fn add(&mut self, path: &Path, what: WatchFlags) -> io::Result<bool> {
        match add_watch(&self.inotify, path, what | WatchFlags::MASK_ADD) {
            Ok(watch) => {
                self.watches.entry(watch).or_default().push(path.to_owned());
                Ok(false)
            }
            Err(Errno::ACCESS | Errno::PERM) => Ok(true),
            // It is gone meanwhile; the next plan will notice.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(Errno::NOSPC) => Err(no_watches_left()),
            Err(error) => Err(error.into()),
        }
    }

    /// True when `notify` has an event that was not taken yet.
    pub(super) fn has_heard(&self) -> bool {
        self.own_folders.has_heard()
    }

    /// The events that matter.
    pub(super) fn events(&self, plan: &Plan) -> Vec<Event> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut events = self.own_folders.events(plan);
        while let Ok(event) = reader.next() {
            let what = event.events();
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                events.push(Event::Changed);
                continue;
            }
            let Some(paths) = self.watches.get(&event.wd()) else { continue };
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            for path in paths {
                events.extend(match name {
                    Some(name) => meaning(&path.join(name), what, plan),
                    None => meaning_of_itself(path, what, plan),
                });
            }
        }
        events
    }
}

/// The error when the kernel has no more watches for this user.
pub(super) fn no_watches_left() -> io::Error {
    io::Error::other("the user's inotify watches are used up (`fs.inotify.max_user_watches`)")
}

/// True for folders in which each program that starts opens files.
fn is_of_the_system(folder: &Path) -> bool {
    folder == Path::new("/") || folder == Path::new("/etc") || folder.starts_with("/usr")
}

/// The meaning of an event at an entry of a folder.
fn meaning(path: &Path, what: ReadFlags, plan: &Plan) -> Option<Event> {
    if !plan.concerns(path) {
        return None;
    }
    let path = path.to_owned();
    Some(if what.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO | ReadFlags::DELETE) {
        Event::Closed(path)
    } else if what.contains(ReadFlags::MODIFY)
        || (what.contains(ReadFlags::CREATE) && is_fresh(&path))
    {
        Event::Written(path)
    } else {
        Event::Changed
    })
}

/// The meaning of an event at a watched file or folder itself.
fn meaning_of_itself(path: &Path, what: ReadFlags, plan: &Plan) -> Option<Event> {
    let gone = ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF | ReadFlags::UNMOUNT;
    if what.intersects(gone) {
        return Some(Event::Closed(path.to_owned()));
    }
    // The watch's own end, or a change of a file that we may not read.
    if what.contains(ReadFlags::IGNORED) {
        return None;
    }
    meaning(path, what, plan)
}

/// True for a file that was just created and is still to be written: others, links included, appear
/// as a whole.
pub(super) fn is_fresh(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.nlink() == 1)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
