//! A process that dies of a signal leaves no memory behind: there are tokens in it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Runs a shell's words with core dumps allowed, in a folder of its own, with the binary as `$0`.
fn start(folder: &std::path::Path, words: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("ulimit -c unlimited; {words}"), env!("CARGO_BIN_EXE_transferd")])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a first line, which says that it is well under way, and aborts it.
fn abort(mut child: Child) -> ExitStatus {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "it never started");
    kill_process(Pid::from_child(&child), Signal::ABORT).unwrap();
    child.wait().unwrap()
}

#[test]
fn no_core_is_dumped_where_any_other_process_would_leave_one() {
    let folder = tempfile::tempdir().unwrap();
    let other = abort(start(folder.path(), "echo ready; exec sleep 60"));
    assert_eq!(other.signal(), Some(Signal::ABORT.as_raw()));
    let ours = abort(start(folder.path(), "exec \"$0\" sim --port 0"));
    assert_eq!(ours.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!ours.core_dumped(), "a core was dumped (and of another process: {other})");
}

#[test]
fn the_kernel_is_reported() {
    transferd::privacy::keep_memory_private().unwrap();
    let told = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(told, rustix::process::DumpableBehavior::NotDumpable);
}
