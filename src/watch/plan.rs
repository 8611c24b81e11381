//! Which folders and files must be watched to hear of every change of some paths, and which names
//! in the folders matter.
//!
//! Keeps true: each folder that the way to a path leads through is in the plan, by a symlink or
//! plainly, and the nearest existing folder where the way breaks off.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::limits::{HOPS, INODES};
use super::remote;

/// The identity of the file at a path: file system and number. Another one there must be watched
/// anew.
type Identity = (u64, u64);

/// The folders and files to watch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Folders whose entries are watched.
    folders: BTreeMap<PathBuf, Identity>,
    /// Folders on the way, which may only be moved or removed themselves.
    ways: BTreeMap<PathBuf, Identity>,
    /// Files that are watched themselves: they may be written through another name or mount.
    files: BTreeMap<PathBuf, Identity>,
    /// Entries of the folders that matter.
    entries: BTreeSet<PathBuf>,
    /// Folders of which every entry matters.
    whole: BTreeSet<PathBuf>,
    /// A folder on a file system that other machines can change without an event, and the name of
    /// that file system.
    remote: Option<(PathBuf, &'static str)>,
    /// A file that was replaced on the other side of a mount, which still shows the old one.
    orphan: Option<PathBuf>,
}

impl Plan {
    /// The plan for these paths, with their current links.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let mut plan = Self::default();
        for path in paths {
            // Only an empty path has no absolute form.
            if let Ok(path) = std::path::absolute(path) {
                plan.follow(&path, 0);
            }
        }
        plan.remote = plan
            .folders
            .keys()
            .chain(plan.files.keys())
            .find_map(|path| remote::file_system(path).map(|kind| (path.clone(), kind)));
        plan
    }

    /// The folders whose entries are watched.
    pub(super) fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.keys()
    }

    /// The folders that are watched for being moved or removed.
    pub(super) fn ways(&self) -> impl Iterator<Item = &PathBuf> {
        self.ways.keys().filter(|way| !self.folders.contains_key(*way))
    }

    /// The files that are watched themselves.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.keys()
    }

    /// The entries whose metadata shows a change.
    pub(super) fn entries(&self) -> impl Iterator<Item = &PathBuf> {
        self.entries.iter().chain(&self.whole)
    }

    /// Why some changes can't be noticed, if that is so.
    pub(super) fn deaf(&self) -> Option<String> {
        if let Some((path, kind)) = &self.remote {
            return Some(format!(
                "`{}` lies on {kind}, where other machines can change it unheard",
                path.display()
            ));
        }
        let orphan = self.orphan.as_ref()?;
        Some(format!(
            "`{}` was replaced on the other side of a mount, which still shows the old file: mount \
             its folder instead",
            orphan.display()
        ))
    }

    /// True when an event at a path matters.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        self.entries.contains(path)
            || path.parent().is_some_and(|folder| self.whole.contains(folder))
    }

    fn follow(&mut self, path: &Path, hops: usize) {
        let components: Vec<Component<'_>> = path.components().collect();
        let mut here = PathBuf::from("/");
        let last = components.len().saturating_sub(1);
        for (i, component) in components.iter().enumerate() {
            let entry = match component {
                Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
                Component::ParentDir => {
                    here.pop();
                    continue;
                }
                Component::Normal(name) => here.join(name),
            };
            let Ok(found) = fs::symlink_metadata(&entry) else {
                // It does not exist: its folder will show when it is created.
                self.watch(&here, &entry);
                return;
            };
            if found.is_symlink() {
                self.watch(&here, &entry);
                if let (true, Ok(target)) = (hops < HOPS, fs::read_link(&entry)) {
                    let mut onward = here.join(target);
                    onward.extend(&components[i + 1..]);
                    self.follow(&onward, hops + 1);
                }
                return;
            }
            if i == last {
                self.watch(&here, &entry);
                if found.is_dir() {
                    self.watch(&entry, &entry);
                    self.whole.insert(entry.clone());
                } else {
                    self.watch_file(&here, &entry, &found);
                }
            } else {
                self.ways.insert(entry.clone(), (found.dev(), found.ino()));
            }
            here = entry;
        }
    }

    fn watch(&mut self, folder: &Path, entry: &Path) {
        if let Ok(found) = fs::metadata(folder) {
            self.folders.insert(folder.to_owned(), (found.dev(), found.ino()));
        }
        self.entries.insert(entry.to_owned());
    }

    fn watch_file(&mut self, folder: &Path, entry: &Path, found: &fs::Metadata) {
        let mounted = || mount(entry) != mount(folder);
        if self.files.len() < INODES || mounted() {
            self.files.insert(entry.to_owned(), (found.dev(), found.ino()));
        }
        if found.nlink() == 0 {
            self.orphan = Some(entry.to_owned());
        }
    }
}

/// The mount that a path lies on; nothing where the kernel does not say.
fn mount(path: &Path) -> Option<u64> {
    let found = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID).ok()?;
    StatxFlags::from_bits_retain(found.stx_mask)
        .contains(StatxFlags::MNT_ID)
        .then_some(found.stx_mnt_id)
}
