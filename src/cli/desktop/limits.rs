//! Bounds of `desktop`, each with its reason.

use std::time::Duration;

use jiff::SignedDuration;

/// A daemon that is not there is looked for again after this: a restart takes less, and nobody
/// waits for what happened while it was away.
pub(super) const RETRY: Duration = Duration::from_secs(30);

/// So often the daemon is asked how things stand. What is reported by it lasts for longer.
pub(super) const LOOK: Duration = Duration::from_secs(5 * 60);

// What lasts is reported when the daemon's alerts `agent_down`, `stuck` and `token_expiring` are.
pub(super) use crate::core::limits::{AGENT_DOWN_AFTER, STUCK_AFTER, TOKEN_NOTICE};

/// So many notifications within [`SPAN`]; what comes besides is counted, and reported in one.
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

/// Notifications whose buttons are heard: more stand on no screen. The oldest is forgotten.
pub(super) const REMEMBERED: usize = 64;

/// What buttons have asked for that is under way at the same time; more are turned down.
pub(super) const UNDER_WAY: usize = 4;

/// Bytes of the answer to `why`: more than any desktop shows.
pub(super) const ANSWER_MAX: usize = 1_500;
