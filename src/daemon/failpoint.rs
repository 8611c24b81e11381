//! Places at which a daemon built for it dies: the boundaries of commit and effect.
//!
//! Builds with debug assertions have them, as tests are; builds for users have none. `TRANSFERD_FAILPOINT=after_commit:3` aborts
//! the process when it passes that place for the third time, as a power cut would.

use std::sync::atomic::{AtomicU32, Ordering};

/// A boundary at which a crash must do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failpoint {
    /// The engine has decided, and nothing is durable.
    BeforeCommit,
    /// The records are durable, and no effect has begun.
    AfterCommit,
    /// The agent has been asked, and its answer has reached nobody.
    AfterEffect,
}

/// Aborts the process if this is the chosen point and pass.
pub(super) fn pass(point: Failpoint) {
    static PASSED: AtomicU32 = AtomicU32::new(0);
    // A constant: a build for users keeps nothing of what follows.
    if !cfg!(debug_assertions) {
        return;
    }
    let Ok(wish) = std::env::var("TRANSFERD_FAILPOINT") else { return };
    let name = match point {
        Failpoint::BeforeCommit => "before_commit",
        Failpoint::AfterCommit => "after_commit",
        Failpoint::AfterEffect => "after_effect",
    };
    let times = wish.split_once(':').filter(|(place, _)| *place == name);
    let Some(times) = times.and_then(|(_, times)| times.parse::<u32>().ok()) else { return };
    if PASSED.fetch_add(1, Ordering::Relaxed) + 1 >= times {
        std::process::abort();
    }
}
