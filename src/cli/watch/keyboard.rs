//! Reads keys while the screen is ours, on a thread that does nothing but wait for them: in the
//! middle of a key sequence the library waits for the rest, and nothing else may be held up by
//! that.

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::mpsc::{Receiver, channel};

/// Keys that wait to be handled; more than anyone types between two pages.
const KEYS_MAX: usize = 64;

/// Starts to read keys, until this process ends; without a terminal no key ever comes.
pub(super) fn listen() -> Receiver<KeyCode> {
    let (tell, keys) = channel(KEYS_MAX);
    let listening = std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
        while let Ok(event) = event::read() {
            // The kernel reports a new size by a signal, which is handled elsewhere.
            let Event::Key(key) = event else { continue };
            if meant(key).into_iter().any(|key| tell.blocking_send(key).is_err()) {
                return;
            }
        }
    });
    // The page is readable without a keyboard, and signals end it.
    drop(listening);
    keys
}

/// The keys that a terminal's event stands for.
fn meant(key: KeyEvent) -> Vec<KeyCode> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        // The codes of Enter and of Backspace at some terminals.
        KeyCode::Char('j') if control => vec![KeyCode::Enter],
        KeyCode::Char('h') if control => vec![KeyCode::Backspace],
        KeyCode::Char(_) if control => Vec::new(),
        // A slow line delivers Escape together with the next key.
        code if key.modifiers.contains(KeyModifiers::ALT) => vec![KeyCode::Esc, code],
        code => vec![code],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_sends_is_what_was_typed() {
        let meant = |code, modifiers| meant(KeyEvent::new(code, modifiers));
        let (letter, control) = (KeyCode::Char, KeyModifiers::CONTROL);
        assert_eq!(meant(letter('G'), KeyModifiers::SHIFT), [letter('G')]);
        assert_eq!(meant(letter('j'), control), [KeyCode::Enter]);
        assert_eq!(meant(letter('h'), control), [KeyCode::Backspace]);
        assert_eq!(meant(letter('t'), control), [], "it is not the letter");
        assert_eq!(meant(letter('q'), KeyModifiers::ALT), [KeyCode::Esc, letter('q')]);
    }
}
