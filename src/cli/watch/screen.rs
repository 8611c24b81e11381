//! The terminal while it is ours: the second screen, drawn over in place, with keys heard as they
//! are typed; all of it is given back at the end, and while suspended.
//!
//! Does not know what is drawn. A line is always written whole: who reads the stream finds the
//! words of a line together.

use std::collections::VecDeque;
use std::io::{self, Stdin, Write};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::model::Key;
use super::page::Line;

/// The second screen, without a cursor; lines that are too wide are cut, not wrapped.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

/// What undoes [`ENTER`].
const LEAVE: &[u8] = b"\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Bytes of keys that are read at once; more than anyone types between two pages.
const KEYS_MAX: usize = 64;

/// A terminal without a size is taken for a common one.
const HEIGHT: usize = 24;

/// The screen while it is ours.
pub(super) struct Screen<'a> {
    out: &'a mut dyn Write,
    keyboard: Option<Keyboard>,
    /// Typed, and not yet heard.
    typed: VecDeque<Key>,
}

/// Standard input, if it is a terminal: its settings before, and its readiness.
struct Keyboard {
    before: Termios,
    input: AsyncFd<Stdin>,
}

impl<'a> Screen<'a> {
    /// Takes the screen. Must be called where a runtime turns.
    pub(super) fn begin(out: &'a mut dyn Write) -> Self {
        let before = tcgetattr(io::stdin()).ok();
        let keyboard = before.and_then(|before| {
            #[expect(
                deprecated,
                reason = "its successor is unsafe, for types that change their descriptor; Stdin \
                          does not"
            )]
            let input = AsyncFd::with_interest(io::stdin(), Interest::READABLE).ok()?;
            Some(Keyboard { before, input })
        });
        let mut screen = Self { out, keyboard, typed: VecDeque::new() };
        screen.enter();
        screen
    }

    /// Lines of the screen.
    pub(super) fn height() -> usize {
        let rows = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
        if rows == 0 { HEIGHT } else { rows.max(2) }
    }

    /// Draws lines over those before.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(&mut self, lines: &[Line]) -> io::Result<()> {
        self.out.write_all(frame(lines).as_bytes())?;
        self.out.flush()
    }

    /// The next key; never where none can be heard. May be dropped and called again: nothing is
    /// lost.
    pub(super) async fn key(&mut self) -> Key {
        loop {
            if let Some(key) = self.typed.pop_front() {
                return key;
            }
            let Some(keyboard) = &self.keyboard else { return std::future::pending().await };
            let Ok(mut ready) = keyboard.input.readable().await else {
                return std::future::pending().await;
            };
            let mut bytes = [0; KEYS_MAX];
            // Returns at once, be there keys or not: see `enter`.
            match rustix::io::read(keyboard.input.get_ref(), &mut bytes) {
                Ok(count @ 1..) => self.typed.extend(keys(&bytes[..count])),
                // The other end has hung up, and there would be no waiting for more.
                Ok(_) if ready.ready().is_read_closed() => return std::future::pending().await,
                Ok(_) | Err(rustix::io::Errno::INTR) => ready.clear_ready(),
                // The terminal is gone; the next page or a signal will tell.
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
        if let Some(keyboard) = &self.keyboard {
            let mut settings = keyboard.before.clone();
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
        if let Some(keyboard) = &self.keyboard {
            // What was typed into the page is not for the shell.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &keyboard.before);
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Lines as they are drawn over whatever is there. Behind the last one nothing is fed: that would
/// scroll the screen.
fn frame(lines: &[Line]) -> String {
    let mut frame = String::from("\x1b[H");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            frame.push_str("\r\n");
        }
        // Erased before it is written: behind a line as wide as the screen, erasing would take
        // the line's last letter.
        frame.push_str("\x1b[K");
        if line.selected {
            // Each colour ends with a code that ends this too.
            let text = line.text.replace("\x1b[0m", "\x1b[0;7m");
            frame.push_str(&format!("\x1b[7m{text}\x1b[0m"));
        } else {
            frame.push_str(&line.text);
        }
    }
    frame
}

/// What was typed. A sequence comes in one piece, so that an escape without one is the key.
fn keys(bytes: &[u8]) -> Vec<Key> {
    const SEQUENCES: &[(&str, Key)] = &[
        ("\x1b[A", Key::Up),
        ("\x1bOA", Key::Up),
        ("\x1b[B", Key::Down),
        ("\x1bOB", Key::Down),
        ("\x1b[5~", Key::PageUp),
        ("\x1b[6~", Key::PageDown),
        ("\x1b[H", Key::Home),
        ("\x1bOH", Key::Home),
        ("\x1b[1~", Key::Home),
        ("\x1b[F", Key::End),
        ("\x1bOF", Key::End),
        ("\x1b[4~", Key::End),
    ];
    let text = String::from_utf8_lossy(bytes);
    let (mut rest, mut keys) = (text.as_ref(), Vec::new());
    while let Some(letter) = rest.chars().next() {
        let known = SEQUENCES.iter().find(|(sequence, _)| rest.starts_with(sequence));
        if let Some((sequence, key)) = known {
            keys.push(*key);
            rest = &rest[sequence.len()..];
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        keys.push(match letter {
            '\x1b' => {
                // A sequence that means nothing here ends with its first letter.
                let unknown = rest.starts_with(['[', 'O']);
                if unknown {
                    let end = rest[1..].find(|c: char| c.is_ascii_alphabetic() || c == '~');
                    rest = end.map_or("", |end| &rest[end + 2..]);
                }
                if unknown { Key::Other } else { Key::Escape }
            }
            '\r' | '\n' => Key::Enter,
            '\x7f' | '\x08' => Key::Backspace,
            letter if letter.is_control() => Key::Other,
            letter => Key::Letter(letter),
        });
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_in_place_and_scroll_nothing() {
        let line = |text: &str, selected| Line { text: text.to_owned(), selected };
        let lines = [line("a", false), line("\x1b[1mb\x1b[0m c", true), line("", false)];
        assert_eq!(
            frame(&lines),
            "\x1b[H\x1b[Ka\r\n\x1b[K\x1b[7m\x1b[1mb\x1b[0;7m c\x1b[0m\r\n\x1b[K"
        );
    }

    #[test]
    fn keys_are_told_apart() {
        let typed = keys("j\x1b[A\x1b[5~\x1bOF\x1b\r\x7fé\x1b[15;2~q".as_bytes());
        let expected = [
            Key::Letter('j'),
            Key::Up,
            Key::PageUp,
            Key::End,
            Key::Escape,
            Key::Enter,
            Key::Backspace,
            Key::Letter('é'),
            Key::Other,
            Key::Letter('q'),
        ];
        assert_eq!(typed, expected);
        assert_eq!(keys(b"\x1b["), [Key::Other]);
    }
}
