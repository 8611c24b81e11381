//! Every bound of a rehearsal, each with its reason.

use jiff::SignedDuration;

/// The most occurrences played: a hundred jobs of every quarter of an hour have 288,000 in a month,
/// and a million takes about a minute.
pub const OCCURRENCES_MAX: u64 = 1_000_000;

/// The most work, in steps of the engine and waiting runs at each: where all jobs of a huge file
/// are due at once, it is not the occurrences that take time but the queue of them.
pub const WORK_MAX: u64 = 200_000_000;

/// Runs kept individually; all others are only counted. A few megabytes.
pub const RUNS_KEPT: usize = 10_000;

/// The most cells of a timeline: what is left of 80 columns beside a name and counts.
pub const CELLS_MAX: usize = 32;

/// The shortest time that counts as a wait: each request takes its time on the way.
pub const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// The time that a request or an answer is on its way to an agent on the same machine.
pub const WAY: SignedDuration = SignedDuration::from_millis(10);

/// The shortest time between two looks at transfers unless something has changed: the agent of a
/// rehearsal reports every change, so that more looks would find nothing and only take time. The
/// daemon looks at a transfer of an hour as often.
pub const LOOKS_APART: SignedDuration = SignedDuration::from_secs(60);

/// A job's last good transfers from which durations are drawn: a month of nights, and enough to
/// include the odd long one.
pub const MEASURED_MAX: usize = 30;

/// The duration of a transfer if no transfer of its job has been seen.
pub const ASSUMED: SignedDuration = SignedDuration::from_mins(5);

/// The longest rehearsal, in days: ten years.
pub const DAYS_MAX: u32 = 3_660;

/// The shortest wait that is a finding; shorter ones are only counted: nobody plans nights by the
/// second.
pub const WORTH_A_WORD: SignedDuration = SignedDuration::from_secs(60);
