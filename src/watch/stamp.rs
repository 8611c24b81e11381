//! What files look like from outside, where the kernel does not tell of their changes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::plan::Plan;

/// File system, number, size, and time of the last change with nanoseconds.
type Stamp = (u64, u64, u64, i64, i64);

/// The looks of all that a plan names; absent for what is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps(BTreeMap<PathBuf, Option<Stamp>>);

impl Stamps {
    /// The looks now.
    pub(super) fn of(plan: &Plan) -> Self {
        let stamps = plan.entries().map(|path| {
            let found = fs::metadata(path).ok();
            let stamp = found.map(|m| (m.dev(), m.ino(), m.size(), m.ctime(), m.ctime_nsec()));
            (path.clone(), stamp)
        });
        Self(stamps.collect())
    }
}
