//! The files on the disk: those that were installed, and those now in their places.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use super::layout::{Layout, WantedFile};
use super::limits::{FILE_BYTES_MAX, LIST_BYTES_MAX};

/// A reader of the disk.
pub(super) struct Disk<'a> {
    layout: &'a Layout,
}

impl<'a> Disk<'a> {
    /// The files at the places of `layout`.
    pub(super) fn of(layout: &'a Layout) -> Self {
        Self { layout }
    }

    /// Whether anything has this name, even a link that leads nowhere.
    pub(super) fn exists(&self, path: &Path) -> bool {
        fs::symlink_metadata(self.layout.on_disk(path)).is_ok()
    }

    /// Whether a file is in its wanted state.
    pub(super) fn holds(&self, wanted: &WantedFile) -> bool {
        let path = self.layout.on_disk(&wanted.path);
        let Ok(found) = fs::symlink_metadata(&path) else { return false };
        found.is_file()
            && found.permissions().mode() & 0o7777 == wanted.mode
            && found.size() == wanted.content.len() as u64
            && read(&path, found.size()).is_ok_and(|content| content == wanted.content)
    }

    /// The files that were installed, according to their list.
    pub(super) fn listed(&self) -> Vec<PathBuf> {
        let path = self.layout.on_disk(&self.layout.list());
        let Ok(text) = read(&path, LIST_BYTES_MAX) else { return Vec::new() };
        let text = String::from_utf8_lossy(&text);
        let paths = text.lines().filter(|line| !line.starts_with('#')).map(PathBuf::from);
        paths.filter(|path| may_be_ours(path)).collect()
    }

    /// Whether the service's user and its folder of job files exist.
    pub(super) fn is_prepared(&self) -> bool {
        let passwd = read(&self.layout.on_disk(Path::new("/etc/passwd")), FILE_BYTES_MAX);
        let known = passwd.is_ok_and(|text| {
            String::from_utf8_lossy(&text).lines().any(|line| line.starts_with("transferd:"))
        });
        known && self.exists(Path::new("/etc/transferd"))
    }

    /// A file's text, if it is a file and can be read.
    pub(super) fn text(&self, path: &Path) -> Option<String> {
        let content = read(&self.layout.on_disk(path), FILE_BYTES_MAX).ok()?;
        Some(String::from_utf8_lossy(&content).into_owned())
    }
}

/// A path that is on the list by mistake is not removed: each file of ours has our name.
fn may_be_ours(path: &Path) -> bool {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().contains("transferd"));
    let plain = path.components().all(|part| !matches!(part, Component::ParentDir));
    named && plain && path.is_absolute()
}

/// The content of a file of at most `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
    }
    Ok(content)
}
