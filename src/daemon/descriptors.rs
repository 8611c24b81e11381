//! Raises this process's limit of open files as far as the system lets it. The usual limit of 1,024
//! is for programs that use select(2), which this one does not.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The sum of all bounds, doubled.
const ENOUGH: u64 = 256;

/// Raises the limit to its maximum, and warns if that is too low.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // A sandbox may forbid the change; then the limit stays.
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
