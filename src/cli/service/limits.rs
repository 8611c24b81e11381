//! Bounds of `service`, each with its reason.

use std::time::Duration;

/// A program of systemd has this long. `systemctl try-restart` waits until the daemon has stopped
/// (15 s, its `TimeoutStopSec`) and is ready again (5 min, its `TimeoutStartSec`).
pub(super) const PROGRAM_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// Bytes of our own program: many times those of a build with all that a debugger wants.
pub(super) const PROGRAM_BYTES_MAX: u64 = 512 << 20;

/// Bytes of the list of installed files: some thousand names, where there are about fifty.
pub(super) const LIST_BYTES_MAX: u64 = 256 << 10;

/// Bytes of any other file that is compared with what it should hold: those of ours are smaller.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Letters that are shown of what a program of systemd says when it fails.
pub(super) const SAID_MAX: usize = 2_000;
