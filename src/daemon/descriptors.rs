//! Raises this process's limit of open files as far as the system lets it. The usual limit of 1,024
//! is for programs that use select(2), which this one does not.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What all bounds together come to, and as much again.
const ENOUGH: u64 = 256;

/// Raises the limit to what may be had, and warns if that is little.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // A sandbox may not let it be changed; then it stays.
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!("the limit of open files can't be raised: {error}");
        }
    }
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < ENOUGH) {
        tracing::warn!(
            "only {files} files may be open at once; {ENOUGH} are enough for all that is served \
             (`LimitNOFILE=` of the unit, `ulimit -Hn`)"
        );
    }
}
