//! Bounds of a delivery, each with its reason.

use std::time::Duration;

/// A connection to a receiver is made in this time, or the network is at fault.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A receiver answers within this: chat services take a second or two, and those of the same entry
/// behind it wait meanwhile.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A command ends within this: time for a mail to be handed over, and no more.
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(30);

/// What a command still has in its pipes when it has ended is read for so long: what it left
/// running behind may hold them open forever.
pub(super) const LAST_WORDS_MAX: Duration = Duration::from_millis(100);

/// Of a command's output so much is kept, in bytes: enough for the line that says why.
pub(super) const OUTPUT_MAX: usize = 4_096;

/// A file with an address, or with headers, is no larger than this, in bytes: twice what servers
/// take as the head of a request.
pub(super) const SECRET_FILE_MAX: u64 = 16 * 1_024;

/// Files that a command may open at once: what the kernel gives a program where nobody says
/// otherwise, and what select(2) can take.
pub(super) const FILES_MAX: u64 = 1_024;

/// Of what a receiver says in the body of its answer so much is read, in bytes: enough for the
/// line that says why.
pub(super) const SAID_MAX: usize = 200;
