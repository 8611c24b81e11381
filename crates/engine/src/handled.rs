//! The occurrences of a job that have been handled, recorded so that a clock that jumps back or
//! forth repeats none.
//!
//! Kept as stretches of the clock in which every occurrence has its run or its skip: exact for each
//! instant, and small however dense the schedule is. Keeps true: an occurrence inside a stretch
//! never gets a second run; one outside of all stretches is due when the clock reaches it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::limits::STRETCHES_MAX;

/// A stretch of the clock, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its first occurrence.
    pub from: Timestamp,
    /// Its last one.
    pub to: Timestamp,
}

/// The stretches of a job. The one that is growing ends at its row's `handled`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandledTimes {
    /// The first occurrence of the stretch that ends at `handled`; absent while that has none.
    #[serde(default)]
    since: Option<Timestamp>,
    /// Those before it, in order, none touching another.
    #[serde(default)]
    earlier: Vec<Stretch>,
}

impl HandledTimes {
    /// The stretch that ends at `handled` grows by an occurrence, or begins with it.
    pub fn grow(&mut self, occurrence: Timestamp) {
        self.since.get_or_insert(occurrence);
    }

    /// Closes the stretch that ends at `handled`: the occurrences after it were not handled one by
    /// one.
    pub fn break_off(&mut self, handled: Timestamp) {
        if let Some(from) = self.since.take().filter(|from| *from <= handled) {
            self.keep(Stretch { from, to: handled });
        }
    }

    /// Adds occurrences that others than the schedule ran: all from the first to the last one.
    pub fn add(&mut self, from: Timestamp, to: Timestamp, handled: Timestamp) {
        let is_growing = |at| self.since.is_some_and(|since| since <= at && at <= handled);
        if !is_growing(from) || !is_growing(to) {
            self.keep(Stretch { from, to });
        }
    }

    /// The end of the earlier stretch that an occurrence lies in, if it lies in one.
    pub fn end_of_stretch(&self, occurrence: Timestamp) -> Option<Timestamp> {
        let holds = |stretch: &&Stretch| stretch.from <= occurrence && occurrence <= stretch.to;
        self.earlier.iter().find(holds).map(|stretch| stretch.to)
    }

    /// Goes on from the last stretch that ends after `handled` and is past by `now`, as after a
    /// clock that was behind for a while; returns its end.
    pub fn resume(&mut self, handled: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let past = |stretch: &Stretch| handled < stretch.to && stretch.to <= now;
        let last = self.earlier.iter().copied().rfind(past)?;
        self.break_off(handled);
        self.since = Some(last.from);
        Some(last.to)
    }

    /// Keeps a stretch. Touching stretches are merged; beyond [`STRETCHES_MAX`] the two oldest are,
    /// too: the occurrences between them were missed long ago, and do not run if the clock ever
    /// goes back so far.
    fn keep(&mut self, mut new: Stretch) {
        self.earlier.retain(|old| {
            let apart = old.to < new.from || new.to < old.from;
            if !apart {
                new.from = new.from.min(old.from);
                new.to = new.to.max(old.to);
            }
            apart
        });
        let at = self.earlier.partition_point(|old| old.from < new.from);
        self.earlier.insert(at, new);
        if self.earlier.len() > STRETCHES_MAX {
            let oldest = self.earlier.remove(0);
            self.earlier[0].from = oldest.from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn stretch(handled: &mut HandledTimes, from: i64, to: i64) {
        handled.grow(at(from));
        handled.break_off(at(to));
    }

    #[test]
    fn an_occurrence_is_dealt_with_in_its_stretch_and_not_between_two() {
        let mut handled = HandledTimes::default();
        stretch(&mut handled, 10, 20);
        stretch(&mut handled, 40, 50);
        let ends = [9, 10, 20, 21, 39, 45, 51].map(|second| handled.end_of_stretch(at(second)));
        let (first, second) = (Some(at(20)), Some(at(50)));
        assert_eq!(ends, [None, first, first, None, None, second, None]);
    }

    #[test]
    fn what_others_ran_is_handled_and_nothing_beside_it() {
        let mut handled = HandledTimes::default();
        handled.grow(at(40));
        handled.add(at(10), at(20), at(50));
        handled.add(at(45), at(45), at(50));
        let ends = [9, 10, 20, 21, 45].map(|second| handled.end_of_stretch(at(second)));
        assert_eq!(ends, [None, Some(at(20)), Some(at(20)), None, None], "45 is in what grows");
    }

    #[test]
    fn stretches_that_touch_become_one() {
        let mut handled = HandledTimes::default();
        stretch(&mut handled, 10, 20);
        stretch(&mut handled, 40, 50);
        stretch(&mut handled, 15, 45);
        assert_eq!(handled.earlier, [Stretch { from: at(10), to: at(50) }]);
    }

    #[test]
    fn however_many_there_are_few_are_kept_and_none_is_forgotten() {
        let mut handled = HandledTimes::default();
        for n in 0..100 {
            stretch(&mut handled, n * 100, n * 100 + 10);
        }
        assert_eq!(handled.earlier.len(), STRETCHES_MAX);
        for n in 0..100 {
            assert!(handled.end_of_stretch(at(n * 100 + 5)).is_some(), "{n}");
        }
    }

    #[test]
    fn a_clock_that_was_behind_goes_on_from_the_last_stretch_that_is_past() {
        let mut handled = HandledTimes::default();
        stretch(&mut handled, 100, 200);
        stretch(&mut handled, 900, 990);
        assert_eq!(handled.resume(at(20), at(500)), Some(at(200)));
        assert_eq!(handled.resume(at(200), at(500)), None);
    }
}
