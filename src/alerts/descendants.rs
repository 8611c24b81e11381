//! Finds and ends the descendants of a command when its time is up, or when this process ends. A
//! process that has left the command's group and session (setsid(2)) can still be identified: by
//! its parent, and by the variable that it has inherited.
//!
//! This process is the reaper of its descendants (PR_SET_CHILD_SUBREAPER(2const)): those whose
//! parent has ended become its children, and can be found, and have to be waited for. As process 1
//! of a container it is the reaper anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// The variable by which a command's descendants are recognized.
pub(super) const MARK: &str = "TRANSFERD_COMMAND";

/// Rounds of looking for processes that were started meanwhile; in each there are fewer that could
/// start one.
const ROUNDS_MAX: usize = 8;

/// The most of an environment that is searched for the mark, which is near its end.
const ENVIRONMENT_MAX: usize = 4 << 20;

/// The commands' own processes, which are waited for where they were started.
static COMMANDS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn commands() -> MutexGuard<'static, BTreeSet<i32>> {
    COMMANDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that this process is waited for elsewhere.
pub(super) fn is_waited_for(child: Pid) {
    commands().insert(child.as_raw_nonzero().get());
}

/// Notes that its end was seen.
pub(super) fn was_waited_for(child: Pid) {
    commands().remove(&child.as_raw_nonzero().get());
}

/// Makes descendants whose parent has ended this process's children.
///
/// # Errors
/// The kernel refuses.
pub(super) fn adopt() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Waits for adopted children that have ended, so that none stays behind as a zombie.
pub(super) fn reap() {
    for child in children() {
        let has_ended = process(child).is_some_and(|process| process.has_ended);
        if has_ended && !commands().contains(&child) {
            // It has ended: this does not block.
            let _ = Pid::from_raw(child).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        }
    }
}

/// This process's own and adopted children (proc_tid_children(5)).
fn children() -> Vec<i32> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let numbers = |list: String| -> Vec<i32> {
        list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
    };
    lists.flat_map(numbers).collect()
}

/// Kills all descendants of a command, wherever they are now.
pub(super) fn kill(command: Pid, mark: &str) {
    for _ in 0..ROUNDS_MAX {
        let found = of_command(&processes(), command.as_raw_nonzero().get(), mark);
        if found.is_empty() {
            return;
        }
        for process in found {
            // If this fails, it has ended by itself meanwhile.
            let _ = Pid::from_raw(process).map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

struct Process {
    parent: i32,
    has_ended: bool,
}

/// The visible processes, by pid.
fn processes() -> BTreeMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(|number| Some((number, process(number)?))).collect()
}

/// proc_pid_stat(5): the name in brackets may hold anything, so the fields after it are used.
fn process(number: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some(Process { parent, has_ended: ["Z", "X"].contains(&state) })
}

/// The processes below the command, and those of our own descendants that carry its mark.
fn of_command(all: &BTreeMap<i32, Process>, command: i32, mark: &str) -> Vec<i32> {
    let us = rustix::process::getpid().as_raw_nonzero().get();
    let living = all.iter().filter(|(_, process)| !process.has_ended).map(|(number, _)| *number);
    living
        .filter(|number| *number != command && descends(all, *number, us))
        .filter(|number| descends(all, *number, command) || bears(*number, mark))
        .collect()
}

fn descends(all: &BTreeMap<i32, Process>, number: i32, from: i32) -> bool {
    let parents = std::iter::successors(all.get(&number), |process| all.get(&process.parent));
    parents.take(all.len()).any(|process| process.parent == from)
}

fn bears(number: i32, mark: &str) -> bool {
    use io::Read as _;
    let Ok(file) = fs::File::open(format!("/proc/{number}/environ")) else { return false };
    let mut environment = Vec::new();
    let limit = u64::try_from(ENVIRONMENT_MAX).unwrap_or(u64::MAX);
    if file.take(limit).read_to_end(&mut environment).is_err() {
        return false;
    }
    let wanted = format!("{MARK}={mark}");
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}
