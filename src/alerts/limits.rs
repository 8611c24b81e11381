//! Bounds of a delivery, each with its reason.

use std::time::Duration;

/// The longest time for connecting to a receiver; beyond it the network is at fault.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The longest time for an answer: chat services take a second or two, and messages of the same
/// entry wait meanwhile.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(20);

/// The longest time for a command: enough to hand over a mail, and no more.
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(30);

/// How long the rest of a command's output is read after it has ended: a process that it left
/// running may hold the pipes open forever.
pub(super) const LAST_WORDS_MAX: Duration = Duration::from_millis(100);

/// The bytes of a command's output that are kept, the last ones: enough for the line with the
/// reason, of which [`SAID_MAX`] are told.
pub(super) const OUTPUT_MAX: usize = 4_096;

/// The largest file with an address, or with headers, in bytes: twice what servers accept as the
/// head of a request.
pub(super) const SECRET_FILE_MAX: u64 = 16 * 1_024;

/// Files that a command may open at once: the kernel's default for a program, and the limit of
/// select(2).
pub(super) const FILES_MAX: u64 = 1_024;

/// The length of what a receiver or a command says about its failure, in `status` and the log:
/// enough for a line with the reason.
pub(super) const SAID_MAX: usize = 200;
