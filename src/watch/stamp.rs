//! Metadata of files, compared to find changes where the kernel does not report them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::plan::Plan;

/// File system, number, size, and times of the last changes with nanoseconds.
type Stamp = (u64, u64, u64, i64, i64, i64, i64);

/// The metadata of everything that a plan names; absent for missing files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

impl Stamps {
    /// The current metadata.
    pub(super) fn of(plan: &Plan) -> Self {
        let stamps = plan.entries().map(|path| {
            let stamp = look(path).map(|m| {
                let changed = (m.ctime(), m.ctime_nsec());
                (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), changed.0, changed.1)
            });
            (path.clone(), stamp)
        });
        Self(stamps.collect())
    }
}

/// Reads the metadata of an opened file: the cached metadata of a network file system may be a
/// minute old, and is fetched anew when a file is opened (nfs(5), "close-to-open cache
/// consistency").
fn look(path: &Path) -> Option<Metadata> {
    let found = fs::metadata(path).ok()?;
    if !found.is_file() {
        return Some(found);
    }
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(nonblock).open(path);
    match opened.and_then(|file| file.metadata()) {
        Ok(opened) => Some(opened),
        Err(_) => Some(found),
    }
}

/// True when something in a plan was changed after a time. The kernel's stamps lag behind its clock
/// by a tick.
pub(super) fn changed_since(plan: &Plan, time: Timestamp) -> bool {
    const TICK: SignedDuration = SignedDuration::from_millis(20);
    let time = time.saturating_sub(TICK).unwrap_or(time).as_nanosecond();
    plan.entries().any(|path| {
        fs::metadata(path).is_ok_and(|found| {
            i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec()) >= time
        })
    })
}
