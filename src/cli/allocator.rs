//! Has the daemon's allocator give back what it no longer needs.
//!
//! Reading 10,000 jobs takes some 60 MB for a moment, and glibc gives memory back from the end of an
//! arena only (mallopt(3), `M_TRIM_THRESHOLD`). What it puts aside for the next to ask, in each
//! thread's cache and in the bins of small blocks, may lie at that end and keep all before it for
//! years; once a large block was freed, it raises its threshold, too. So it is told to put nothing
//! aside and to leave the threshold where it is: before `main`, as it reads that from the environment
//! (ld.so(8), `GLIBC_TUNABLES`; its chapter "Tunables"). A daemon allocates little: that costs nothing
//! noticeable.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The variable that glibc reads.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// What it is told: the threshold is its own default, only that it is set matters.
const WORDS: &str =
    "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=131072";

/// Begins this process anew, with the same id and arguments, if its allocator was told nothing.
/// The systemd units tell it, so that this is for daemons that are started by hand.
pub(super) fn give_back() {
    let told = env::var_os(TUNABLES);
    let Some(words) = words(told) else { return };
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // This comes back only if it fails; then the daemon needs more memory, and that is all.
    let _ = command.args(arguments).env(TUNABLES, words).exec();
}

/// What to add to what it was told; nothing where that speaks of the allocator already.
fn words(told: Option<OsString>) -> Option<OsString> {
    if !cfg!(target_env = "gnu") {
        return None;
    }
    let Some(mut words) = told.filter(|words| !words.is_empty()) else { return Some(WORDS.into()) };
    if words.to_string_lossy().contains("glibc.malloc.") {
        return None;
    }
    words.push(":");
    words.push(WORDS);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_env = "gnu")]
    fn the_units_tell_the_allocator_the_same() {
        for unit in ["systemd/transferd.service", "systemd/user/transferd.service"] {
            let text = std::fs::read_to_string(unit).unwrap();
            assert!(text.contains(&format!("\nEnvironment={TUNABLES}={WORDS}\n")), "{unit}");
        }
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_was_told_stays() {
        assert_eq!(words(None), Some(WORDS.into()));
        assert_eq!(words(Some("glibc.malloc.arena_max=1".into())), None, "somebody knows better");
        assert_eq!(words(Some(WORDS.into())), None, "it is begun anew once");
        let told = words(Some("glibc.rtld.nns=4".into())).unwrap().into_string().unwrap();
        assert_eq!(told, format!("glibc.rtld.nns=4:{WORDS}"));
    }
}
