//! Turns off the terminal's echo of typed letters: a `^C` behind a bar as wide as the screen would
//! wrap, and the bars could not be erased.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal's earlier settings, restored at the end.
pub(super) struct NoEcho(Option<Termios>);

impl NoEcho {
    /// Shows no typed letters from now on. Signals are still signals.
    pub(super) fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut settings = before.clone();
            settings.local_modes.remove(LocalModes::ECHO);
            // Without it, a letter may spoil a line, which does no harm.
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
