//! Groups changes into a burst and decides when it is over: files are read once writing to them has
//! stopped.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::SignedDuration;

use super::limits::Pace;

/// Changes that belong together. Times are since the machine started.
#[derive(Debug)]
pub(super) struct Burst {
    began: SignedDuration,
    last: SignedDuration,
    /// Files that were written to and not closed since.
    writing: BTreeSet<PathBuf>,
}

impl Burst {
    /// One that begins now.
    pub(super) fn new(now: SignedDuration) -> Self {
        Self { began: now, last: now, writing: BTreeSet::new() }
    }

    /// Notes a change.
    pub(super) fn goes_on(&mut self, now: SignedDuration) {
        self.last = now;
    }

    /// Notes that a file is being written: half of it must not be read.
    pub(super) fn opens(&mut self, path: PathBuf) {
        self.writing.insert(path);
    }

    /// Notes that the writer has closed the file, or that it is another file now.
    pub(super) fn closes(&mut self, path: &PathBuf) {
        self.writing.remove(path);
    }

    /// True while a file is being written.
    pub(super) fn is_half_written(&self) -> bool {
        !self.writing.is_empty()
    }

    /// When it is over, if no other change comes.
    pub(super) fn ends_at(&self, pace: &Pace) -> SignedDuration {
        if self.writing.is_empty() {
            (self.last + pace.quiet).min(self.began + pace.longest.max(pace.quiet))
        } else {
            self.began + pace.writing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: i64) -> SignedDuration {
        SignedDuration::from_millis(millis)
    }

    #[test]
    fn a_burst_ends_when_it_is_quiet_or_has_lasted_long() {
        let pace = Pace::default();
        let mut burst = Burst::new(ms(0));
        assert_eq!(burst.ends_at(&pace), ms(200));
        burst.goes_on(ms(150));
        assert_eq!(burst.ends_at(&pace), ms(350));
        burst.goes_on(ms(1_990));
        assert_eq!(burst.ends_at(&pace), ms(2_000));
    }

    #[test]
    fn a_file_that_is_being_written_is_waited_for_ten_seconds_at_most() {
        let pace = Pace::default();
        let path = PathBuf::from("/a");
        let mut burst = Burst::new(ms(0));
        burst.opens(path.clone());
        burst.goes_on(ms(5_000));
        assert_eq!(burst.ends_at(&pace), ms(10_000));
        burst.closes(&path);
        assert_eq!(burst.ends_at(&pace), ms(2_000), "it has been long enough");
    }
}
