//! An outage of the database: when it began, how writing is retried, and when the log and people
//! hear of it.
//!
//! A full disk needs a person to free space, and a bug may recur at each try: tries become rare,
//! and an outage that comes and goes for hours is logged only a few times.

use jiff::{SignedDuration, Timestamp};

use crate::limits::{OUTAGE_CALM, OUTAGE_REPORTED, OUTAGE_RETRY};
use crate::time::shift;

/// A time during which nothing can be recorded.
#[derive(Clone, Debug)]
pub struct Outage {
    /// The problem.
    pub words: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again.
    retry_at: Timestamp,
    delay: SignedDuration,
    /// Since when all seems well again. Free space that is used up at once was none: an outage that
    /// comes back within [`OUTAGE_CALM`] goes on where it was.
    over_at: Option<Timestamp>,
    /// How often it has occurred. One that comes and goes for hours is logged the first time, the
    /// second, the fourth, and so on.
    times: u64,
    /// People were notified, without the database.
    is_reported: bool,
}

impl Outage {
    pub(super) fn new(now: Timestamp) -> Self {
        let (words, delay) = (String::new(), SignedDuration::ZERO);
        Self {
            words,
            since: now,
            retry_at: now,
            delay,
            over_at: None,
            times: 1,
            is_reported: false,
        }
    }

    /// Continues it, or begins it again; returns the line for the log, if that is news.
    pub(super) fn goes_on(&mut self, words: &str, now: Timestamp) -> Option<String> {
        let back = self.over_at.take().is_some();
        if back {
            self.since = now;
            self.times += 1;
        }
        let news = self.words != words || (back && self.is_logged());
        words.clone_into(&mut self.words);
        // Operators may ask in between; that does not delay the next try.
        if self.retry_at <= now {
            self.delay = (self.delay * 2).clamp(OUTAGE_RETRY.0, OUTAGE_RETRY.1);
            self.retry_at = now + self.delay;
        }
        let again = match self.times {
            1 => String::new(),
            times => format!(" ({times} times now: it comes and goes)"),
        };
        news.then(|| format!("the state can't be recorded, so nothing is queued: {words}{again}"))
    }

    /// Handles a successful commit. If that ends the outage: the line for the log, if it was
    /// logged.
    pub(super) fn ends(&mut self, now: Timestamp) -> Option<String> {
        if !self.lasts() {
            return None;
        }
        self.over_at = Some(now);
        let lasted = now.duration_since(self.since);
        self.is_logged().then(|| format!("the state can be recorded again, after {lasted:#.0}"))
    }

    /// True once it has stayed away so long that it counts as over for good.
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.over_at.is_some_and(|at| now.duration_since(at) > OUTAGE_CALM)
    }

    /// Takes the duty to notify people: true once, when it has lasted so long.
    pub(super) fn take_report_due(&mut self, now: Timestamp) -> bool {
        let is_due = self.lasts() && now.duration_since(self.since) >= OUTAGE_REPORTED;
        is_due && !std::mem::replace(&mut self.is_reported, true)
    }

    /// Follows a step of the clock: the spans stay as they were, or a clock that is set back by
    /// hours would delay the next try by as much.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.since = shift(self.since, by);
        self.retry_at = shift(self.retry_at, by);
        self.over_at = self.over_at.map(|at| shift(at, by));
    }

    /// True while nothing can be recorded.
    pub fn lasts(&self) -> bool {
        self.over_at.is_none()
    }

    /// When it is tried again.
    pub(super) fn retry_at(&self) -> Timestamp {
        self.retry_at
    }

    fn is_logged(&self) -> bool {
        self.times.is_power_of_two()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays an outage that is over at each try and back at once: when each try is, in seconds from
    /// the first failure, and the lines for the log.
    fn comes_and_goes(times: usize, words: impl Fn(usize) -> String) -> (Vec<i64>, Vec<String>) {
        let begin = Timestamp::UNIX_EPOCH;
        let (mut outage, mut now) = (Outage::new(begin), begin);
        let (mut tries, mut told) = (Vec::new(), Vec::new());
        for time in 0..times {
            told.extend(outage.goes_on(&words(time), now));
            now = outage.retry_at;
            tries.push(now.duration_since(begin).as_secs());
            told.extend(outage.ends(now));
        }
        (tries, told)
    }

    #[test]
    fn what_fails_again_after_each_mending_is_tried_less_and_less_often() {
        let (tries, _) = comes_and_goes(7, |_| "a conflict".to_owned());
        assert_eq!(tries, [1, 3, 7, 15, 30, 45, 60]);
    }

    #[test]
    fn what_comes_and_goes_for_hours_is_told_a_few_times() {
        // A lasting conflict: at each try all seems well until the same records come again.
        let (tries, told) = comes_and_goes(1_000, |_| "a conflict".to_owned());
        assert!(tries[999] > 4 * 3_600, "{} s", tries[999]);
        assert_eq!(told.len(), 20, "{told:#?}");
        assert_eq!(told[0], "the state can't be recorded, so nothing is queued: a conflict");
        assert_eq!(told[1], "the state can be recorded again, after 1s");
        assert!(told[18].ends_with("a conflict (512 times now: it comes and goes)"));
    }

    #[test]
    fn another_cause_is_always_reported() {
        let (_, told) = comes_and_goes(6, |time| format!("trouble {time}"));
        assert_eq!(told.iter().filter(|line| line.contains("trouble")).count(), 6, "{told:#?}");
    }

    #[test]
    fn people_are_told_once_of_an_outage_that_has_lasted_for_five_minutes() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut outage = Outage::new(begin);
        outage.goes_on("full", begin);
        assert!(!outage.take_report_due(begin + OUTAGE_REPORTED - SignedDuration::from_secs(1)));
        assert!(outage.take_report_due(begin + OUTAGE_REPORTED));
        assert!(!outage.take_report_due(begin + OUTAGE_REPORTED * 2));
        let mut over = Outage::new(begin);
        over.ends(begin);
        assert!(!over.take_report_due(begin + OUTAGE_REPORTED));
    }

    #[test]
    fn a_clock_that_is_set_puts_no_try_off() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut outage = Outage::new(begin);
        outage.goes_on("full", begin);
        let hour = SignedDuration::from_hours(1);
        outage.clock_stepped(-hour);
        assert_eq!(outage.retry_at(), begin - hour + OUTAGE_RETRY.0);
        assert!(!outage.take_report_due(begin - hour + OUTAGE_RETRY.0));
        outage.ends(begin);
        outage.clock_stepped(-hour);
        assert!(outage.is_forgotten(begin - hour + OUTAGE_CALM * 2));
    }

    #[test]
    fn its_end_is_told_once_and_not_at_each_commit_after_it() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut outage = Outage::new(begin);
        outage.goes_on("full", begin);
        assert!(outage.ends(begin + OUTAGE_CALM).is_some());
        let later = begin + OUTAGE_CALM * 2;
        assert_eq!(outage.ends(later), None);
        assert!(outage.is_forgotten(later + SignedDuration::from_secs(1)), "it ended long before");
    }

    #[test]
    fn an_outage_that_stays_away_is_forgotten() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut outage = Outage::new(begin);
        outage.goes_on("full", begin);
        assert!(!outage.is_forgotten(begin + OUTAGE_CALM * 9), "it is not over");
        outage.ends(begin);
        assert!(!outage.is_forgotten(begin + OUTAGE_CALM));
        assert!(outage.is_forgotten(begin + OUTAGE_CALM + SignedDuration::from_secs(1)));
    }
}
