//! Bounds of `desktop`, each with its reason.

use std::time::Duration;

use jiff::SignedDuration;

/// A daemon that is not there is looked for again after this: a restart takes less, and nobody
/// waits for what happened while it was away.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// So often the daemon is asked how things stand. What is told of by it lasts for longer.
pub(super) const LOOK: Duration = Duration::from_secs(5 * 60);

/// Runs that have waited for the agent for this long are an outage, as for the alert `agent_down`.
pub(super) const OUTAGE: SignedDuration = SignedDuration::from_mins(10);

/// A run that is seen to be canceled for this long is stuck, as for the alert `stuck`.
pub(super) const STUCK: SignedDuration = SignedDuration::from_mins(15);

/// A token that ends within this is told of, as for the alert `token_expiring`.
pub(super) const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(3 * 24);

/// So many notifications within [`SPAN`]; what comes besides is counted, and told of in one.
pub(super) const MOST: usize = 5;

/// See [`MOST`].
pub(super) const SPAN: SignedDuration = SignedDuration::from_mins(1);

/// Jobs that one notification names.
pub(super) const NAMES: usize = 3;

/// Bytes of a notification's text: more than any desktop shows.
pub(super) const TEXT_MAX: usize = 500;

/// Notifications that may wait for the desktop; then the daemon's events wait in the daemon.
pub(super) const WAITING: usize = 16;

/// The desktop has this long to take a notification.
pub(super) const DELIVERY: Duration = Duration::from_secs(20);
