//! Keeps secrets private: protects this process's memory, as there are tokens in it, checks that
//! others can't read a file of secrets, and masks secrets in text that leaves the process.

mod address;
mod encoded;
mod escapes;
mod mask;
mod shapes;
mod spelling;
mod writer;

pub use mask::{SecretKind, mask, remember};
pub use writer::Masked;

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior, umask};

/// Keeps this process's memory out of core dumps, including those to a pipe (core(5)), and from
/// debuggers of the same user (ptrace(2)). Threads inherit this; a program that is started from
/// here does not.
///
/// # Errors
/// The kernel refuses (prctl(2), PR_SET_DUMPABLE), as a sandbox may make it.
pub fn keep_memory_private() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Keeps the files and folders that this process makes open to itself: a umask that takes its
/// owner's own rights (umask(2)) would leave it a database that it can't open again. What it takes
/// from others stays taken.
pub fn keep_own_access() {
    let told = umask(Mode::RWXG | Mode::RWXO);
    umask(told - Mode::RWXU);
}

/// True unless the file is its owner's alone, or of the group that this process runs in.
pub fn others_may_read(mode: u32, group: u32) -> bool {
    let by_group = mode & 0o070 != 0 && group != rustix::process::getegid().as_raw();
    mode & 0o007 != 0 || by_group
}
