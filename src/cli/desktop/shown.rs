//! The notifications on the screen, and the target of each one's button.
//!
//! Pure. Holds [`REMEMBERED`] at most: the desktop reports which are closed, and may fail to.

use std::collections::VecDeque;

use super::limits::REMEMBERED;

/// A notification on the screen: the name of the desktop on the bus, and the number there. After
/// the desktop was restarted numbers are reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) owner: String,
    pub(super) number: u32,
}

/// The notifications on the screen, oldest first.
#[derive(Debug)]
pub(super) struct Shown<T>(VecDeque<(Key, T)>);

impl<T> Default for Shown<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Shown<T> {
    /// Remembers the target of its button.
    pub(super) fn remember(&mut self, key: Key, leads_to: T) {
        self.forget(&key);
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((key, leads_to));
    }

    /// The target of its button; none for a notification that is not ours.
    pub(super) fn get(&self, key: &Key) -> Option<&T> {
        self.0.iter().find(|(shown, _)| shown == key).map(|(_, leads_to)| leads_to)
    }

    /// Forgets one that was closed.
    pub(super) fn forget(&mut self, key: &Key) {
        self.0.retain(|(shown, _)| shown != key);
    }

    /// Forgets all: the session's bus is gone, and the screen with it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(owner: &str, number: u32) -> Key {
        Key { owner: owner.to_owned(), number }
    }

    #[test]
    fn a_button_leads_to_what_its_own_notification_was_about() {
        let mut shown = Shown::default();
        shown.remember(key(":1.7", 1), "nightly");
        shown.remember(key(":1.7", 2), "hourly");
        assert_eq!(shown.get(&key(":1.7", 1)), Some(&"nightly"));
        assert_eq!(shown.get(&key(":1.7", 3)), None, "another program's");
        assert_eq!(shown.get(&key(":1.8", 1)), None, "somebody who pretends to be the desktop");
        shown.forget(&key(":1.7", 1));
        assert_eq!((shown.get(&key(":1.7", 1)), shown.0.len()), (None, 1));
        shown.remember(key(":1.7", 2), "weekly");
        assert_eq!((shown.get(&key(":1.7", 2)), shown.0.len()), (Some(&"weekly"), 1));
    }

    #[test]
    fn a_desktop_that_never_tells_what_is_closed_fills_no_memory() {
        let mut shown = Shown::default();
        for number in 0..1_000 {
            shown.remember(key(":1.7", number), number);
        }
        assert_eq!(shown.0.len(), REMEMBERED);
        assert_eq!(shown.get(&key(":1.7", 999)), Some(&999));
        shown.clear();
        assert_eq!(shown.get(&key(":1.7", 999)), None);
    }
}
