//! Turns off the terminal's echo of typed letters: a `^C` behind a bar as wide as the screen would
//! wrap, and the bars could not be erased.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal's settings before; it gets them back at the end.
pub(super) struct NoEcho(Option<Termios>);

impl NoEcho {
    /// Shows no typed letter from now on. Signals are still signals.
    pub(super) fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut settings = before.clone();
            settings.local_modes.remove(LocalModes::ECHO);
            // Where it can't be had, a letter may spoil a line: no harm.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &settings);
        }
        Self(before)
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
