//! Bounds of `desktop`, each with its reason.

use std::time::Duration;

use jiff::SignedDuration;

/// The delay before a missing daemon is looked for again: a restart takes less, and nobody waits
/// for events from the time it was away.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// The time between two status requests. Conditions reported from them last longer.
pub(super) const LOOK: Duration = Duration::from_secs(5 * 60);

// A lasting condition is reported at the same time as by the daemon's alerts `agent_down`, `stuck`
// and `token_expiring`.
pub(super) use crate::core::limits::{AGENT_DOWN_AFTER, STUCK_AFTER, TOKEN_NOTICE};

/// The most notifications within [`SPAN`]; further ones are counted, and reported in one.
pub(super) const MOST: usize = 5;

/// See [`MOST`].
pub(super) const SPAN: SignedDuration = SignedDuration::from_mins(1);

/// Jobs that one notification names.
pub(super) const NAMES: usize = 3;

/// Bytes of a notification's text: more than any desktop shows.
pub(super) const TEXT_MAX: usize = 500;

/// Notifications that may wait for the desktop; beyond, the daemon's events wait in the daemon.
pub(super) const WAITING: usize = 16;

/// The longest time for the desktop to accept a notification.
pub(super) const DELIVERY: Duration = Duration::from_secs(20);

/// Notifications whose buttons are remembered: no screen shows more. The oldest is forgotten.
pub(super) const REMEMBERED: usize = 64;

/// Actions of buttons under way at once; more are refused.
pub(super) const UNDER_WAY: usize = 4;

/// Bytes of the answer to `why`: more than any desktop shows.
pub(super) const ANSWER_MAX: usize = 1_500;
