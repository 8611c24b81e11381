//! Every bound of the log, with its reason.

use std::time::Duration;

/// Bytes of lines that wait to be written: some ten thousand lines, and more than a burst of a busy
/// daemon brings while a journal is restarted. All of it is lost with the process.
pub(super) const WAITING_BYTES_MAX: usize = 1 << 20;

/// Bytes of one line. A datagram to the journal has to fit into a socket's buffer, which is 208 KiB
/// where nobody changed it; a line for people is unreadable long before.
pub(super) const LINE_BYTES_MAX: usize = 16 << 10;

/// How long a process that ends waits for its last lines to be written. A stop must take less than
/// two seconds, whatever hangs.
pub(super) const LAST_LINES_WAIT: Duration = Duration::from_millis(400);
