//! Checks that the files which a daemon has open are still the ones at their paths. A folder that
//! is removed or replaced takes the paths with it: commits then go to files that nobody will find,
//! and a second daemon may be at work on the new ones.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Files and folders in the state in which they were opened.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    places: Vec<(PathBuf, Identity)>,
    /// One of them that is never empty again.
    filled: Option<PathBuf>,
}

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(found: &Metadata) -> Self {
        Self(found.dev(), found.ino())
    }
}

impl Standing {
    /// The open folder.
    pub(super) fn of_folder(path: &Path, open: &File) -> io::Result<Self> {
        let identity = Identity::of(&open.metadata()?);
        Ok(Self { places: vec![(path.to_owned(), identity)], filled: None })
    }

    /// Adds a file in its current state.
    pub(super) fn add(&mut self, path: &Path) -> io::Result<()> {
        let identity = Identity::of(&fs::metadata(path)?);
        self.places.push((path.to_owned(), identity));
        Ok(())
    }

    /// Adds the database, which is never emptied by those that use it.
    pub(super) fn add_database(&mut self, path: &Path) -> io::Result<()> {
        self.add(path)?;
        self.filled = (fs::metadata(path)?.len() > 0).then(|| path.to_owned());
        Ok(())
    }

    /// Checks that all of them are still at their paths.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (path, was) in &self.places {
            let detail = match fs::metadata(path) {
                Ok(found) if found.len() == 0 && self.filled.as_ref() == Some(path) => {
                    "it was emptied"
                }
                Ok(found) if Identity::of(&found) == *was => continue,
                Ok(_) => "another one is in its place",
                Err(error) if error.kind() == io::ErrorKind::NotFound => "it was removed or moved",
                // A file that can't be checked now may be there: the commit itself will show.
                Err(_) => continue,
            };
            return Err(StoreError::Gone { path: path.clone(), detail: detail.to_owned() });
        }
        Ok(())
    }
}
