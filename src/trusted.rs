//! Opens files that this process obeys, so that the file that was checked is the one that is read.
//!
//! A root process obeys a file only if nobody but root can change it, or a folder or link on its
//! way; as sshd's `StrictModes` and systemd's `chase()` do, the way is walked component by
//! component, links included, and the file at its end is checked by its descriptor. Other users
//! need no such check: whoever can change their files can as well change what they run.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, getxattr_query, openat, readlinkat};

/// As many symlinks as Linux follows (path_resolution(7)).
const HOPS: usize = 40;

/// A user other than root can change a file that root is to obey.
#[derive(Debug, thiserror::Error)]
#[error("root obeys only what nobody else can change, and `{}` {why}", path.display())]
pub struct Changeable {
    path: PathBuf,
    why: String,
}

/// The way to fix it.
pub const HINT: &str =
    "let it and its folders belong to root and be writable by root alone, or run as another user";

/// True if this is why a file was not opened.
pub fn is_changeable(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Changeable>())
}

/// Opens a regular file for reading.
///
/// # Errors
/// The system's own; a file that is not a regular one; and, for root, [`Changeable`].
pub fn open(path: &Path) -> io::Result<File> {
    if rustix::process::geteuid().is_root() {
        return open_as_root(path);
    }
    // Checked before it is opened: opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(not_a_file());
    }
    let file = File::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

fn open_as_root(path: &Path) -> io::Result<File> {
    let mut way = Way::new(path)?;
    judge(&way.here, &way.folder, &fstat(&way.folder)?)?;
    while let Some(name) = way.left.pop_front() {
        let Step { path: here, entry, found } = way.step(&name)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                judge(&here, &entry, &found)?;
                way.enter(here, entry);
            }
            FileType::Symlink => {
                judge_owner(&here, &found)?;
                way.follow(&entry)?;
            }
            FileType::RegularFile if way.left.is_empty() => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | CLOEXEC;
                // It may be another one by now: this one is checked, and read.
                let file = openat(&way.folder, &name, flags, none())?;
                let found = fstat(&file)?;
                if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
                    return Err(not_a_file());
                }
                judge(&here, &file, &found)?;
                return Ok(File::from(file));
            }
            FileType::RegularFile => return Err(rustix::io::Errno::NOTDIR.into()),
            FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => return Err(not_a_file()),
        }
    }
    Err(not_a_file())
}

/// The folders and links on the way to a folder, that one left out: whoever may change one of them
/// decides which folder it is.
pub(crate) fn way_to(folder: &Path) -> io::Result<Vec<(PathBuf, Stat)>> {
    let mut way = Way::new(folder)?;
    let mut passed = vec![(way.here.clone(), fstat(&way.folder)?)];
    while let Some(name) = way.left.pop_front() {
        let Step { path, entry, found } = way.step(&name)?;
        passed.push((path.clone(), found));
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => way.follow(&entry)?,
            _ => way.enter(path, entry),
        }
    }
    passed.pop();
    Ok(passed)
}

const CLOEXEC: OFlags = OFlags::CLOEXEC;

fn none() -> Mode {
    Mode::empty()
}

/// One step of a walk.
struct Step {
    path: PathBuf,
    entry: OwnedFd,
    found: Stat,
}

/// A walk to a file or folder.
struct Way {
    /// The current place, as text for people, and by descriptor.
    here: PathBuf,
    folder: OwnedFd,
    /// The rest of the way.
    left: VecDeque<OsString>,
    hops: usize,
}

impl Way {
    fn new(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let (here, folder) = root()?;
        Ok(Self { here, folder, left: names(&path), hops: 0 })
    }

    /// Looks at the next entry, which a link in its place is itself.
    fn step(&self, name: &OsStr) -> io::Result<Step> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | CLOEXEC;
        let entry = openat(&self.folder, name, flags, none())?;
        let found = fstat(&entry)?;
        Ok(Step { path: self.here.join(name), entry, found })
    }

    /// Continues in a folder.
    fn enter(&mut self, path: PathBuf, folder: OwnedFd) {
        (self.here, self.folder) = (path, folder);
    }

    /// Continues at the target of a link.
    fn follow(&mut self, link: &OwnedFd) -> io::Result<()> {
        self.hops += 1;
        if self.hops > HOPS {
            return Err(rustix::io::Errno::LOOP.into());
        }
        let target = readlinkat(link, "", Vec::new())?.into_bytes();
        let target = PathBuf::from(OsString::from_vec(target));
        if target.is_absolute() {
            (self.here, self.folder) = root()?;
        }
        let mut left = names(&target);
        left.append(&mut self.left);
        self.left = left;
        Ok(())
    }
}

fn root() -> io::Result<(PathBuf, OwnedFd)> {
    let here = PathBuf::from("/");
    let folder = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | CLOEXEC, none())?;
    Ok((here, folder))
}

/// The names on a way; `..` is one to the kernel, which knows the folder that is meant.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

/// Refuses a file or folder that a user other than root can change.
fn judge(path: &Path, opened: &impl AsFd, found: &Stat) -> io::Result<()> {
    judge_owner(path, found)?;
    match who_writes(found.st_mode, found.st_gid) {
        Writers::Root => Ok(()),
        // Entries of access control lists hide behind the group's bits (acl(5)).
        Writers::RootsGroup if !has_list(opened) => Ok(()),
        Writers::RootsGroup => Err(refused(path, "can be written by users of an access list")),
        Writers::Group => Err(refused(path, "can be written by its group")),
        Writers::Everybody => Err(refused(path, "can be written by everybody")),
    }
}

fn judge_owner(path: &Path, found: &Stat) -> io::Result<()> {
    match found.st_uid {
        0 => Ok(()),
        uid => Err(refused(path, &format!("belongs to the user with uid {uid}"))),
    }
}

fn refused(path: &Path, why: &str) -> io::Error {
    let (path, why) = (path.to_owned(), why.to_owned());
    io::Error::new(io::ErrorKind::PermissionDenied, Changeable { path, why })
}

/// The users who can change something of root's.
#[derive(Debug, PartialEq, Eq)]
enum Writers {
    Root,
    RootsGroup,
    Group,
    Everybody,
}

/// Entries of a sticky folder belong to their owners (chmod(1)): root's stay as they are.
fn who_writes(mode: u32, group: u32) -> Writers {
    const STICKY: u32 = 0o1000;
    let is_folder = FileType::from_raw_mode(mode) == FileType::Directory;
    if is_folder && mode & STICKY != 0 {
        Writers::Root
    } else if mode & 0o002 != 0 {
        Writers::Everybody
    } else if mode & 0o020 == 0 {
        Writers::Root
    } else if group == 0 {
        Writers::RootsGroup
    } else {
        Writers::Group
    }
}

/// True if an access control list lets others write. Without `/proc` none can be seen, and the mode
/// bits are trusted.
fn has_list(opened: &impl AsFd) -> bool {
    let path = format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd());
    getxattr_query(path, "system.posix_acl_access").is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    #[test]
    fn only_what_root_alone_can_write_is_roots() {
        for (mode, group, writers) in [
            (0o100_644, 0, Writers::Root),
            (0o100_664, 0, Writers::RootsGroup),
            (0o100_664, 1000, Writers::Group),
            (0o100_666, 0, Writers::Everybody),
            (0o040_755, 0, Writers::Root),
            (0o040_777, 0, Writers::Everybody),
            (0o041_777, 0, Writers::Root),
            // That bit does not protect a file.
            (0o101_666, 0, Writers::Everybody),
        ] {
            assert_eq!(who_writes(mode, group), writers, "{group} {mode:o}");
        }
    }

    /// A folder with `real/jobs.yaml`, and a check of the result of opening a path in it.
    struct Stage(tempfile::TempDir);

    impl Stage {
        fn new() -> Self {
            let stage = Self(tempfile::tempdir().unwrap());
            fs::create_dir(stage.at("real")).unwrap();
            fs::create_dir(stage.at("links")).unwrap();
            fs::write(stage.at("real/jobs.yaml"), "mine").unwrap();
            stage
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn read(&self, name: &str) -> Result<String, String> {
            let mut text = String::new();
            let mut file = open(&self.at(name)).map_err(|error| {
                assert_eq!(is_changeable(&error), error.to_string().starts_with("root obeys"));
                error.to_string()
            })?;
            file.read_to_string(&mut text).unwrap();
            Ok(text)
        }
    }

    /// Nobody but root can give a file away.
    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn what_is_roots_all_the_way_is_read_through_links_too() {
        let stage = Stage::new();
        symlink("../real/./jobs.yaml", stage.at("links/a")).unwrap();
        symlink(stage.at("links/a"), stage.at("links/b")).unwrap();
        for name in ["real/jobs.yaml", "real/../real/jobs.yaml", "links/a", "links/b"] {
            assert_eq!(stage.read(name).unwrap(), "mine", "{name}");
        }
        symlink("loop", stage.at("links/loop")).unwrap();
        for name in ["real", "real/jobs.yaml/x", "links/loop", "missing"] {
            assert!(stage.read(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_or_link_of_somebody_elses_anywhere_on_the_way_is_refused() {
        if !is_root() {
            return;
        }
        let stage = Stage::new();
        symlink(stage.at("real/jobs.yaml"), stage.at("links/middle")).unwrap();
        symlink(stage.at("links/middle"), stage.at("first")).unwrap();
        assert_eq!(stage.read("first").unwrap(), "mine");
        std::os::unix::fs::lchown(stage.at("links/middle"), Some(65_534), None).unwrap();
        let refused = stage.read("first").unwrap_err();
        assert!(refused.contains("links/middle` belongs to the user with uid 65534"), "{refused}");
        assert_eq!(stage.read("real/jobs.yaml").unwrap(), "mine", "another way to it is good");
        chown(stage.at("real"), Some(65_534), None).unwrap();
        assert!(stage.read("real/jobs.yaml").unwrap_err().contains("real` belongs"));
    }

    #[test]
    fn what_others_can_write_is_refused_but_not_what_is_roots_in_a_sticky_folder() {
        if !is_root() {
            return;
        }
        let stage = Stage::new();
        let mode = |name: &str, mode| {
            fs::set_permissions(stage.at(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("real", 0o777);
        assert!(stage.read("real/jobs.yaml").unwrap_err().contains("written by everybody"));
        mode("real", 0o1777);
        assert_eq!(stage.read("real/jobs.yaml").unwrap(), "mine");
        chown(stage.at("real/jobs.yaml"), Some(65_534), None).unwrap();
        assert!(stage.read("real/jobs.yaml").unwrap_err().contains("jobs.yaml` belongs"));
        chown(stage.at("real/jobs.yaml"), Some(0), Some(65_534)).unwrap();
        mode("real/jobs.yaml", 0o664);
        assert!(stage.read("real/jobs.yaml").unwrap_err().contains("written by its group"));
    }
}
