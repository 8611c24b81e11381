//! A process, as the kernel describes it: proc(5).

use std::fs::{read_dir, read_to_string};
use std::time::Duration;

use crate::failure::{Failure, failed};

/// A tick of the times in `/proc/PID/stat`: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// Memory of a process, in MB of 1,000,000 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) resident: f64,
    /// Of it anonymous: not backed by a file.
    pub(crate) anonymous: f64,
}

/// The memory of a process now.
pub(crate) fn memory(process: u32) -> Result<Memory, Failure> {
    let text = read_to_string(format!("/proc/{process}/status"))?;
    Ok(Memory { resident: megabytes(&text, "VmRSS:")?, anonymous: megabytes(&text, "RssAnon:")? })
}

/// The memory of a process and all its descendants, what they share counted once, in MB.
pub(crate) fn memory_of_tree(process: u32) -> f64 {
    let share = |process: &u32| {
        let text = read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
        megabytes(&text, "Pss:").ok()
    };
    // One that has ended meanwhile has no memory.
    tree(process).iter().filter_map(share).sum()
}

/// How many processes there are of it and its descendants.
pub(crate) fn tree(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        at += 1;
        let Ok(tasks) = read_dir(format!("/proc/{parent}/task")) else { continue };
        for task in tasks.flatten() {
            let children = read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
    }
    found
}

/// CPU time of a process, and of its children that have ended and were waited for.
pub(crate) fn cpu(process: u32) -> Result<Duration, Failure> {
    let text = read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold anything.
    let Some((_, fields)) = text.rsplit_once(')') else { return failed("an odd /proc/PID/stat") };
    let ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<u32>);
    let ticks: u32 = ticks.sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

/// CPU time of a process and of all its descendants, ended or not.
pub(crate) fn cpu_of_tree(process: u32) -> Duration {
    tree(process).into_iter().filter_map(|process| cpu(process).ok()).sum()
}

/// How often a thread of a process has waited for something since it began: each is a wake-up.
pub(crate) fn wakeups(process: u32) -> Result<u64, Failure> {
    let mut sum = 0;
    for task in read_dir(format!("/proc/{process}/task"))? {
        // A thread may end meanwhile.
        let text = read_to_string(task?.path().join("status")).unwrap_or_default();
        sum += value(&text, "voluntary_ctxt_switches:").unwrap_or_default();
    }
    Ok(sum)
}

fn megabytes(text: &str, key: &str) -> Result<f64, Failure> {
    let Some(kilobytes) = value(text, key) else { return failed(format!("no `{key}` in /proc")) };
    #[expect(clippy::cast_precision_loss, reason = "memory of a process in kB")]
    let kilobytes = kilobytes as f64;
    Ok(kilobytes * 1_024.0 / 1_000_000.0)
}

fn value(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
