//! A page that is kept up to date on a terminal: the second screen, drawn over in place, with
//! keys heard as they are typed; all of it is given back at the end, and while suspended.
//!
//! Does not know what is drawn.

use std::io::{self, Stdin, Write};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The second screen, without a cursor; lines that are too wide are cut, not wrapped.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

/// What undoes [`ENTER`].
const LEAVE: &[u8] = b"\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Keys that are read at once; more than anyone types between two frames.
const KEYS_MAX: usize = 64;

/// The screen while it is ours.
pub(super) struct Live<'a> {
    out: &'a mut dyn Write,
    keys: Option<Keys>,
}

/// Standard input, if it is a terminal: its settings before, and its readiness.
struct Keys {
    before: Termios,
    input: AsyncFd<Stdin>,
}

impl<'a> Live<'a> {
    /// Takes the screen. Must be called where a runtime turns.
    pub(super) fn begin(out: &'a mut dyn Write) -> Self {
        let before = tcgetattr(io::stdin()).ok();
        let keys = before.and_then(|before| {
            #[expect(
                deprecated,
                reason = "its successor is unsafe, for types that change their descriptor; Stdin \
                          does not"
            )]
            let input = AsyncFd::with_interest(io::stdin(), Interest::READABLE).ok()?;
            Some(Keys { before, input })
        });
        let mut live = Self { out, keys };
        live.enter();
        live
    }

    /// Draws a page over the one before. What does not fit is counted in the last line.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(&mut self, page: &str) -> io::Result<()> {
        let rows = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        // A terminal without a size is taken for a common one.
        let height = if rows == 0 { 24 } else { rows.max(2) };
        self.out.write_all(frame(page, height).as_bytes())?;
        self.out.flush()
    }

    /// Waits until `q` is typed; for ever where no keys can be heard.
    pub(super) async fn quit(&self) {
        let Some(keys) = &self.keys else { return std::future::pending().await };
        loop {
            let Ok(mut ready) = keys.input.readable().await else {
                return std::future::pending().await;
            };
            let mut typed = [0; KEYS_MAX];
            // Returns at once, be there keys or not: see `enter`.
            match rustix::io::read(keys.input.get_ref(), &mut typed) {
                Ok(count) if typed[..count].iter().any(|key| b"qQ".contains(key)) => return,
                Ok(_) | Err(rustix::io::Errno::INTR) => ready.clear_ready(),
                // The terminal is gone; the next frame or a signal will tell.
                Err(_) => return std::future::pending().await,
            }
        }
    }

    /// Gives the screen back, stops this process, and takes the screen when it goes on.
    pub(super) fn suspend(&mut self) {
        self.leave();
        // Ourselves can always be reached.
        let _ = kill_process(getpid(), Signal::STOP);
        self.enter();
    }

    fn enter(&mut self) {
        if let Some(keys) = &self.keys {
            let mut settings = keys.before.clone();
            // Keys come one by one, are not shown, and reading does not wait for one. Ctrl-C and
            // Ctrl-Z stay signals.
            settings.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            settings.special_codes[SpecialCodeIndex::VMIN] = 0;
            settings.special_codes[SpecialCodeIndex::VTIME] = 0;
            // Without it keys are heard a line late: no harm.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &settings);
        }
        // If it can't be written, drawing tells.
        let _ = self.out.write_all(ENTER);
    }

    fn leave(&mut self) {
        let _ = self.out.write_all(LEAVE);
        let _ = self.out.flush();
        if let Some(keys) = &self.keys {
            // What was typed into the page is not for the shell.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &keys.before);
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A page as it is drawn on a screen of this height, over whatever is there.
fn frame(page: &str, height: usize) -> String {
    let lines: Vec<_> = page.lines().collect();
    // The last line stays free where all fits: nothing may scroll the screen.
    let shown = if lines.len() < height { lines.len() } else { height - 2 };
    let mut frame = String::from("\x1b[H");
    for line in &lines[..shown] {
        // Erased before it is written: behind a line as wide as the screen, erasing would take
        // the line's last letter.
        frame.push_str("\x1b[K");
        frame.push_str(line);
        frame.push_str("\r\n");
    }
    if shown < lines.len() {
        frame.push_str(&format!("\x1b[K… {} more lines", lines.len() - shown));
    } else {
        frame.push_str("\x1b[J");
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_drawn_in_place_and_says_what_did_not_fit() {
        assert_eq!(frame("a\nb\n", 4), "\x1b[H\x1b[Ka\r\n\x1b[Kb\r\n\x1b[J");
        assert_eq!(frame("a\nb\nc\nd\n", 4), "\x1b[H\x1b[Ka\r\n\x1b[Kb\r\n\x1b[K… 2 more lines");
        for height in 2..10 {
            let line_feeds = frame(&"line\n".repeat(5), height).matches('\n').count();
            assert!(line_feeds < height, "{height}: a line feed in the last line scrolls");
        }
    }
}
