//! Which folders must be watched to hear of every change of some paths, and which names in them
//! matter.
//!
//! Keeps true: each folder that the way to a path leads through by a symlink is in the plan, and
//! the nearest existing folder where the way breaks off.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// As many symlinks as Linux follows (path_resolution(7)).
const HOPS: usize = 40;

/// Folders in which files are opened all the time: each opening wakes who watches them, and so
/// they are watched only where the way breaks off in them.
const BUSY: [&str; 16] = [
    "/", "/bin", "/dev", "/etc", "/home", "/lib", "/opt", "/proc", "/root", "/run", "/srv", "/sys",
    "/tmp", "/usr", "/var", "/var/lib",
];

/// What to watch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Folders, with what they are: a folder that was replaced must be watched anew.
    folders: BTreeMap<PathBuf, (u64, u64)>,
    /// Entries of these folders that matter.
    entries: BTreeSet<PathBuf>,
    /// Folders of which every entry matters.
    whole: BTreeSet<PathBuf>,
    remote: bool,
}

impl Plan {
    /// The plan for these paths, as they lead now.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let mut plan = Self::default();
        for path in paths {
            // Only an empty path has no absolute form.
            if let Ok(path) = std::path::absolute(path) {
                plan.follow(&path, 0);
            }
        }
        plan.remote = plan.folders.keys().any(|folder| is_remote(folder));
        plan
    }

    /// The folders to watch.
    pub(super) fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.keys()
    }

    /// The entries whose looks tell of a change.
    pub(super) fn entries(&self) -> impl Iterator<Item = &PathBuf> {
        self.entries.iter().chain(&self.whole)
    }

    /// True when a folder lies where other machines can change it unheard.
    pub(super) fn is_remote(&self) -> bool {
        self.remote
    }

    /// True when an event at a path matters; `gone` if it says that the path is no longer there.
    pub(super) fn concerns(&self, path: &Path, gone: bool) -> bool {
        self.entries.contains(path)
            || path.parent().is_some_and(|folder| self.whole.contains(folder))
            || (gone && self.folders.contains_key(path))
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
                // It is not there: its folder will tell when it comes.
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
            let is_its_folder = i + 1 == last && !is_busy(&here);
            if i == last || is_its_folder {
                self.watch(&here, &entry);
            }
            if i == last && found.is_dir() {
                self.watch(&entry, &entry);
                self.whole.insert(entry.clone());
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
}

fn is_busy(folder: &Path) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    BUSY.iter().any(|busy| Path::new(busy) == folder)
        || home.is_some_and(|home| folder == home || folder == home.join(".config"))
}

/// True for file systems whose changes come from elsewhere (statfs(2) has the numbers).
fn is_remote(folder: &Path) -> bool {
    const NFS: u32 = 0x6969;
    const SMB: [u32; 3] = [0x517b, 0xff53_4d42, 0xfe53_4d42];
    const FUSE: u32 = 0x6573_5546;
    const NINE_P: u32 = 0x0102_1997;
    const CEPH: u32 = 0x00c3_6400;
    const AFS: [u32; 2] = [0x5346_414f, 0x6b41_4653];
    const CLUSTER: [u32; 4] = [0x0116_1970, 0x7461_636f, 0x0bd0_0bd0, 0x4750_4653];
    let Ok(found) = rustix::fs::statfs(folder) else { return false };
    // The kernel's number has 32 bits, whatever the width and sign of the field.
    let kind = (i128::from(found.f_type) & 0xffff_ffff) as u32;
    kind == NFS
        || kind == FUSE
        || kind == NINE_P
        || kind == CEPH
        || SMB.contains(&kind)
        || AFS.contains(&kind)
        || CLUSTER.contains(&kind)
}
