//! Every bound of a rehearsal, each with its reason.

use jiff::SignedDuration;

/// So many occurrences are played at most: a hundred jobs of every quarter of an hour have 288,000
/// in a month, and a million takes about a minute.
pub const OCCURRENCES_MAX: u64 = 1_000_000;

/// So much work is done at most, in steps of the engine and runs that wait at each: where all jobs
/// of a huge file are due at once, it is not the occurrences that take time but the queue of them.
pub const WORK_MAX: u64 = 200_000_000;

/// So many runs are kept one by one; all others are only counted. A few megabytes.
pub const RUNS_KEPT: usize = 10_000;

/// The timeline has at most so many cells: what is left of 80 columns beside a name and counts.
pub const CELLS_MAX: usize = 32;

/// A wait shorter than this is none: each request takes its time on the way.
pub const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// The time that a request or an answer is on its way to an agent on the same machine.
pub const WAY: SignedDuration = SignedDuration::from_millis(10);

/// Transfers are looked at no more often than this unless something has changed: the agent of a
/// rehearsal tells of every change, so that more looks would find nothing and only take time. It
/// is as often as the daemon looks at a transfer of an hour.
pub const LOOKS_APART: SignedDuration = SignedDuration::from_secs(60);

/// So many of a job's last good transfers are drawn from: a month of nights, and enough to hold
/// the odd long one.
pub const MEASURED_MAX: usize = 30;

/// How long a transfer takes where no transfer of its job has been seen.
pub const ASSUMED: SignedDuration = SignedDuration::from_mins(5);

/// The longest rehearsal, in days: ten years.
pub const DAYS_MAX: u32 = 3_660;

/// A wait shorter than this is counted, and is not a finding: nobody plans nights by the second.
pub const WORTH_A_WORD: SignedDuration = SignedDuration::from_secs(60);
