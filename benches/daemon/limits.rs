//! The bounds of a measurement.

use std::time::Duration;

/// Between two looks at a condition: short beside what is waited for, long beside its cost.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// A start, a stop, a command: longer than any takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What a thousand transfers may take to get where they should be, scripts of peers included.
pub(crate) const LATER: Duration = Duration::from_secs(180);

/// How long a client of the agent waits for an answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// After a start or a reload, until memory is looked at: what is freed late is free by then.
pub(crate) const SETTLE: Duration = Duration::from_secs(4);
