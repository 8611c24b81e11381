//! Checks, once a minute at most, that the state and the control socket are still in their places:
//! cleaners and people move files away under a running daemon.
//!
//! It wakes nothing by itself: it goes along with the watchdog and with any other event. Calls that
//! a hanging file system could hold up are made beside the loop.

use std::io;

use jiff::SignedDuration;

use super::doorway::Opened;
use super::driver::Driver;
use super::event::Event;
use crate::clock;
use crate::store::StoreError;

/// The time between two checks.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// The state of the checks.
#[derive(Debug)]
pub(super) struct Standing {
    looked_at: SignedDuration,
    looking: bool,
}

/// The result of a check.
#[derive(Debug)]
pub(super) struct Found {
    state: Result<(), StoreError>,
    socket: io::Result<Option<Opened>>,
}

impl Standing {
    /// The state at the start: all is in its place.
    pub(super) fn new() -> Self {
        Self { looked_at: clock::awake_since_boot(), looking: false }
    }
}

impl Driver {
    /// Checks, unless that was done within the last minute.
    pub(super) fn look_at_standing(&mut self) {
        // The watchdog's tick may come a moment early.
        let due = PAUSE - SignedDuration::from_secs(2);
        if clock::awake_since_boot() - self.standing.looked_at >= due {
            self.look_at_standing_now();
        }
    }

    /// Checks, unless a check is under way.
    pub(super) fn look_at_standing_now(&mut self) {
        if self.standing.looking {
            return;
        }
        self.standing = Standing { looked_at: clock::awake_since_boot(), looking: true };
        let (store, events) = (self.store.clone(), self.events.clone());
        let look = self.doorway.look();
        tokio::spawn(async move {
            let state = store.check_standing().await;
            let socket = tokio::task::spawn_blocking(look).await.unwrap_or(Ok(None));
            // The loop is gone only when the daemon stops.
            let _ = events.send(Event::Standing(Box::new(Found { state, socket })));
        });
    }

    /// Takes in the result of a check.
    pub(super) fn standing_found(&mut self, found: Found) {
        self.standing.looking = false;
        self.doorway.looked(found.socket);
        if let Err(error) = found.state {
            self.end_if_gone(&error);
        }
    }

    /// Ends the daemon if its records would be lost.
    pub(super) fn end_if_gone(&mut self, error: &StoreError) {
        if let StoreError::Gone { .. } = error
            && self.fatal.is_none()
        {
            tracing::error!("{error}");
            self.fatal = Some(error.to_string());
            self.stopping = true;
        }
    }
}
