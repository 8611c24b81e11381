//! Has the daemon's allocator give back what it no longer needs.
//!
//! Reading 10,000 jobs takes some 60 MB for a moment. glibc would keep that: once a large block
//! was freed, it raises its threshold for giving back to twice that block (mallopt(3),
//! `M_TRIM_THRESHOLD`), unless it was told a threshold when the process began.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The variable that glibc reads before `main`.
const THRESHOLD: &str = "MALLOC_TRIM_THRESHOLD_";

/// glibc's own default, in bytes: only that it is set matters.
const BYTES: &str = "131072";

/// Begins this process anew, with the same id and arguments, if its allocator was told nothing.
/// The systemd unit tells it, so that this is for daemons that are started by hand.
pub(super) fn give_back() {
    if !cfg!(target_env = "gnu") || env::var_os(THRESHOLD).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // This comes back only if it fails; then the daemon needs more memory, and that is all.
    let _ = command.args(arguments).env(THRESHOLD, BYTES).exec();
}
