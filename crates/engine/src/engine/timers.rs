//! Timers: at most one time for each thing that time alone brings about, earliest first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

/// Times, each with its subject.
#[derive(Debug)]
pub(super) struct Timers<K> {
    of: BTreeMap<K, Timestamp>,
    in_order: BTreeSet<(Timestamp, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), in_order: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Timers<K> {
    /// Sets, replaces or removes the time of a subject.
    pub(super) fn set(&mut self, of: K, at: Option<Timestamp>) {
        let old = match at {
            Some(at) => self.of.insert(of.clone(), at),
            None => self.of.remove(&of),
        };
        if let Some(old) = old.filter(|old| Some(*old) != at) {
            self.in_order.remove(&(old, of.clone()));
        }
        if let Some(at) = at {
            self.in_order.insert((at, of));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// The subject due first by `now`, if any. It stays due until its time is set.
    pub(super) fn first_due(&self, now: Timestamp) -> Option<K> {
        self.in_order.first().filter(|(at, _)| *at <= now).map(|(_, of)| of.clone())
    }

    /// All subjects due by `now`, the earliest first. They stay due until their time is set.
    pub(super) fn due(&self, now: Timestamp) -> Vec<K> {
        let due = self.in_order.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, of)| of.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    #[test]
    fn each_has_one_time_and_the_earliest_is_due_first() {
        let mut timers = Timers::default();
        timers.set("late", Some(at(30)));
        timers.set("early", Some(at(10)));
        timers.set("early", Some(at(20)));
        assert_eq!(timers.next(), Some(at(20)), "the new time takes the place of the old one");
        assert_eq!(timers.first_due(at(19)), None);
        assert_eq!(timers.first_due(at(20)), Some("early"));
        assert_eq!(timers.due(at(30)), ["early", "late"]);
        timers.set("early", None);
        timers.set("early", None);
        assert_eq!(timers.first_due(at(30)), Some("late"));
        timers.set("late", Some(at(30)));
        assert_eq!(timers.due(at(30)), ["late"], "set again, it stays");
        timers.set("late", None);
        assert_eq!(timers.next(), None);
    }
}
