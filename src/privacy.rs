//! What the kernel is told of this process's memory: there are tokens in it, so that it is dumped
//! nowhere, and read by nobody.

use std::io;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Keeps this process's memory out of core dumps, those that a pipe takes included (core(5)), and
/// from debuggers of the same user (ptrace(2)). Inherited by threads; a program that is started
/// from here gets its own again.
///
/// # Errors
/// The kernel refuses (prctl(2), PR_SET_DUMPABLE), as a sandbox may make it.
pub fn keep_memory_private() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
