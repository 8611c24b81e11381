//! Keeps secrets private: protects this process's memory, as there are tokens in it, checks that
//! others can't read a file of secrets, and masks secrets in text that leaves the process.

mod encoded;
mod mask;
mod spelling;
mod writer;

pub use mask::{SecretKind, mask, remember};
pub use writer::Masked;

use std::io;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Keeps this process's memory out of core dumps, including those to a pipe (core(5)), and from
/// debuggers of the same user (ptrace(2)). Threads inherit this; a program that is started from
/// here does not.
///
/// # Errors
/// The kernel refuses (prctl(2), PR_SET_DUMPABLE), as a sandbox may make it.
pub fn keep_memory_private() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// True unless the file is its owner's alone, or of the group that this process runs in.
pub fn others_may_read(mode: u32, group: u32) -> bool {
    let by_group = mode & 0o070 != 0 && group != rustix::process::getegid().as_raw();
    mode & 0o007 != 0 || by_group
}
