//! The load: how many transfers are in flight, and how many more would be if there were slots, at
//! the worst moment and at the worst of each hour of the day.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Hours on a clock.
const HOURS: usize = 24;

/// A maximum, and when it was first reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// How many.
    pub count: usize,
    /// The first time; absent if it is 0.
    pub at: Option<Timestamp>,
}

impl Peak {
    fn raise(&mut self, count: usize, at: Timestamp) {
        if count > self.count {
            *self = Self { count, at: Some(at) };
        }
    }
}

/// The worst moment of one hour of the day, over all days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourLoad {
    /// The most transfers in flight.
    pub in_flight: usize,
    /// The most runs that waited for a slot.
    pub waiting: usize,
}

/// The load over time.
#[derive(Clone, Debug)]
pub struct Load {
    /// The most transfers in flight.
    pub in_flight: Peak,
    /// The most transfers in flight and runs that waited for a slot, together.
    pub wanted: Peak,
    /// The worst of each hour of the day.
    pub hours: [HourLoad; HOURS],
    zone: TimeZone,
    since: Timestamp,
    now: HourLoad,
}

impl Load {
    pub(super) fn new(zone: TimeZone, start: Timestamp) -> Self {
        Self {
            in_flight: Peak::default(),
            wanted: Peak::default(),
            hours: [HourLoad::default(); HOURS],
            zone,
            since: start,
            now: HourLoad::default(),
        }
    }

    /// Notes the load from `at` on.
    pub(super) fn is(&mut self, now: HourLoad, at: Timestamp) {
        if now == self.now {
            return;
        }
        self.settle(at);
        self.now = now;
        self.in_flight.raise(now.in_flight, at);
        self.wanted.raise(now.in_flight + now.waiting, at);
    }

    /// Counts the load from the last change until `at`.
    pub(super) fn settle(&mut self, at: Timestamp) {
        let since = std::mem::replace(&mut self.since, at);
        if self.now == HourLoad::default() {
            return;
        }
        let hours = at.duration_since(since).as_hours();
        if hours >= 24 {
            (0..HOURS).for_each(|hour| self.count(hour));
            return;
        }
        let mut from = since;
        while from < at {
            let wall = self.zone.to_datetime(from);
            self.count(usize::try_from(wall.hour()).unwrap_or(0));
            let passed = i64::from(wall.minute()) * 60 + i64::from(wall.second());
            let rest = SignedDuration::from_secs(3_600 - passed);
            from = from.saturating_add(rest).unwrap_or(Timestamp::MAX);
        }
    }

    fn count(&mut self, hour: usize) {
        let hour = &mut self.hours[hour % HOURS];
        hour.in_flight = hour.in_flight.max(self.now.in_flight);
        hour.waiting = hour.waiting.max(self.now.waiting);
    }
}
