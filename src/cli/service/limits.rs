//! Bounds of `service`, each with its reason.

use std::time::Duration;

/// The longest time for a program of systemd. `systemctl try-restart` waits until the daemon has
/// stopped (15 s, its `TimeoutStopSec`) and is ready again (5 min, its `TimeoutStartSec`).
pub(super) const PROGRAM_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// Bytes of our own program: many times those of a build with all debug information.
pub(super) const PROGRAM_BYTES_MAX: u64 = 512 << 20;

/// Bytes of the list of installed files: some thousand names, where there are about fifty.
pub(super) const LIST_BYTES_MAX: u64 = 256 << 10;

/// Bytes of any other file that is compared with its wanted content: ours are smaller.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Letters of the output of a program of systemd that are shown when it fails.
pub(super) const SAID_MAX: usize = 2_000;
