//! The timer of the loop: follows the wall clock, also through suspend and when it is set.
//!
//! tokio's timers stand still while the machine sleeps and know nothing of the wall clock, so
//! this is a timerfd on `CLOCK_REALTIME` that is canceled when somebody sets the clock
//! (timerfd_create(2)). It is always armed, if only far ahead: an unarmed one hears of no change.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::clock;

/// How far ahead the alarm is set when nothing is due: only so that it is armed at all.
const FAR_AHEAD: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The least jump of the wall clock, against the clock that nobody can set, that counts as a step;
/// below, it is drift that the protocol's skew covers.
const STEP_MIN: SignedDuration = SignedDuration::from_secs(1);

/// The delay after an alarm that rings before its time: the kernel's clock and ours may differ for
/// hours (one in a library between them), and a loop that wakes for nothing must not spin.
const EARLY: Duration = Duration::from_millis(20);

/// The alarm.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    armed_for: Option<Timestamp>,
}

impl Alarm {
    /// An alarm that is far ahead.
    ///
    /// # Errors
    /// The kernel's error. Must be called inside a runtime.
    pub(super) fn new() -> io::Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Realtime,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types that change their descriptor; OwnedFd can't"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        let mut alarm = Self { timer, armed_for: None };
        alarm.arm(None, clock::now())?;
        Ok(alarm)
    }

    /// Sets the alarm for `at`, or far ahead of `now`. A time that has passed rings at once.
    ///
    /// # Errors
    /// The kernel's error.
    pub(super) fn set(&mut self, at: Option<Timestamp>, now: Timestamp) -> io::Result<()> {
        if at.is_some() && at == self.armed_for {
            return Ok(());
        }
        if at.is_none() && self.armed_for.is_some_and(|armed| armed > now + FAR_AHEAD / 2) {
            return Ok(());
        }
        self.arm(at, now)
    }

    fn arm(&mut self, at: Option<Timestamp>, now: Timestamp) -> io::Result<()> {
        let at = at.unwrap_or(now + FAR_AHEAD);
        // Zero would disarm it; the wall clock has long passed one nanosecond after 1970.
        let (seconds, nanoseconds) = (at.as_second().max(0), at.subsec_nanosecond().max(0));
        let value = Timespec {
            tv_sec: seconds,
            tv_nsec: if seconds == 0 { nanoseconds.max(1) } else { nanoseconds }.into(),
        };
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            self.timer.get_ref(),
            TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET,
            &Itimerspec { it_interval: once, it_value: value },
        )?;
        self.armed_for = Some(at);
        Ok(())
    }

    /// Waits until the alarm rings or the clock was set. May be dropped and called again. After it
    /// has rung, it must be set anew. One that rings early, by the loop's clock, is delayed for a
    /// moment, so that other events get their turn.
    pub(super) async fn rung(&mut self) {
        loop {
            let Ok(mut ready) = self.timer.readable().await else {
                // The runtime's driver is gone: it is shutting down, and nothing will ring.
                return std::future::pending().await;
            };
            let mut count = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut count)?)) {
                Err(_would_block) => {}
                // Rung; or ECANCELED: the clock was set. Either way it is time to look.
                Ok(Ok(_) | Err(_)) => {
                    let early = self.armed_for.take().is_some_and(|at| clock::now() < at);
                    if early {
                        tokio::time::sleep(EARLY).await;
                    }
                    return;
                }
            }
        }
    }
}

/// Detects that the wall clock was set. Suspends are not steps: both clocks count them.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockWatch {
    offset: SignedDuration,
}

impl ClockWatch {
    /// Starts from two readings taken together: the wall clock, and the time since boot.
    pub(super) fn new(wall: Timestamp, since_boot: SignedDuration) -> Self {
        Self { offset: wall.duration_since(Timestamp::UNIX_EPOCH) - since_boot }
    }

    /// How far the wall clock was set since the last step, if it was.
    pub(super) fn step(
        &mut self,
        wall: Timestamp,
        since_boot: SignedDuration,
    ) -> Option<SignedDuration> {
        let offset = wall.duration_since(Timestamp::UNIX_EPOCH) - since_boot;
        let by = offset - self.offset;
        (by.abs() > STEP_MIN).then(|| {
            self.offset = offset;
            by
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_set_clock_is_told_from_time_that_passes_and_from_a_suspend() {
        let secs = SignedDuration::from_secs;
        let mut watch = ClockWatch::new(at(1_000), secs(10));
        assert_eq!(watch.step(at(1_100), secs(110)), None);
        assert_eq!(watch.step(at(10_000), secs(9_010)), None, "a suspend moves both");
        assert_eq!(watch.step(at(10_060), secs(9_010)), Some(secs(60)));
        assert_eq!(watch.step(at(10_060), secs(9_010)), None, "told once");
        assert_eq!(watch.step(at(6_460), secs(9_010)), Some(secs(-3_600)));
    }

    #[tokio::test]
    async fn an_alarm_for_a_time_that_has_passed_rings_at_once_and_again_when_set_again() {
        let mut alarm = Alarm::new().unwrap();
        for _ in 0..2 {
            alarm.set(Some(at(1)), clock::now()).unwrap();
            alarm.rung().await;
        }
    }

    #[tokio::test]
    async fn an_alarm_that_rings_early_again_and_again_does_not_spin() {
        let mut alarm = Alarm::new().unwrap();
        let began = clock::awake_since_boot();
        for _ in 0..5 {
            alarm.set(Some(at(1)), clock::now()).unwrap();
            // As if the kernel's clock were far ahead of ours.
            alarm.armed_for = Some(clock::now() + FAR_AHEAD);
            alarm.rung().await;
        }
        assert!(clock::awake_since_boot() - began >= SignedDuration::from_millis(100));
    }

    #[tokio::test]
    async fn an_alarm_does_not_ring_early() {
        let mut alarm = Alarm::new().unwrap();
        let due = clock::now() + SignedDuration::from_millis(40);
        alarm.set(Some(due), clock::now()).unwrap();
        alarm.rung().await;
        assert!(clock::now() >= due);
    }
}
