//! Everything that the loop can wake up for, and where it comes from.

use std::future::Future;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::agent::AgentProbe;
use super::reading::Reading;
use super::repeats::Recalled;
use super::standing::Found;
use super::timer::Alarm;
use crate::agent::Frame;
use crate::control::request::Asked;
use crate::core::event_loop::Epoch;
use crate::core::input::Input;
use crate::signals::{Signal, Signals};
use crate::watch::{Heard, Watch};
use crate::web::ask::Ask;

/// An event for the loop.
#[derive(Debug)]
pub(super) enum Event {
    /// The answer to an effect, of the engine of that epoch.
    Answer { epoch: Epoch, input: Input },
    /// The job file has been read.
    JobFileRead(Box<Reading>),
    /// The agent was asked for `status`.
    Glanced(AgentProbe),
    /// The agent was asked for its version, at this time since boot.
    VersionLearned { asked: SignedDuration, version: Option<String> },
    /// The token's source was read: whether it has another one than was used last.
    TokenLookedAt { changed: bool },
    /// A request from the control socket.
    Asked(Asked),
    /// The past of runs that someone requested was read.
    Recalled(Box<Recalled>),
    /// A request of a monitoring client, over TCP.
    Watched(Ask),
    /// The agent's notification socket: something changed.
    Hint,
    /// That socket: an object could not be transferred, or a request was carried out.
    Frame(Frame),
    /// A watched file may have changed.
    FilesChanged,
    /// Whether changes of files can be watched has changed.
    WatchTrouble,
    /// An invalid job file has been left unchanged for a while.
    JobFileStayedBad(u64),
    /// The alarm has rung, or the clock was set.
    Alarm,
    /// The watchdog was petted.
    Tick,
    /// The places of the state and the control socket were checked.
    Standing(Box<Found>),
    /// Read the job file.
    Reload,
    /// Stop.
    Stop,
}

/// The sources of events.
#[derive(Debug)]
pub(super) struct Sources {
    /// Events of our own tasks and threads. Unbounded: each of them sends one answer to one effect
    /// or request, and these are bounded at their source.
    pub(super) events: UnboundedReceiver<Event>,
    pub(super) requests: Receiver<Asked>,
    pub(super) asks: Receiver<Ask>,
    pub(super) hints: Receiver<()>,
    pub(super) frames: Receiver<Frame>,
    pub(super) watch: Watch,
    pub(super) signals: Option<Signals>,
    /// A reload was requested while something else was waited for.
    pub(super) reload_owed: bool,
    pub(super) stop: CancellationToken,
    pub(super) alarm: Alarm,
    pub(super) watchdog: Option<Interval>,
}

impl Sources {
    /// A ticker for the service manager's watchdog.
    pub(super) fn watchdog(period: Option<Duration>) -> Option<Interval> {
        period.map(|period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        })
    }

    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Event {
        if std::mem::take(&mut self.reload_owed) {
            return Event::Reload;
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Event::Stop,
            signal = next_signal(self.signals.as_mut()) => signal,
            // Before answers, one of which may be about the same transfer. The socket bounds them.
            Some(frame) = self.frames.recv() => Event::Frame(frame),
            Some(event) = self.events.recv() => event,
            () = self.alarm.rung() => Event::Alarm,
            Some(request) = self.requests.recv() => Event::Asked(request),
            Some(ask) = self.asks.recv() => Event::Watched(ask),
            Some(()) = self.hints.recv() => Event::Hint,
            heard = self.watch.heard() => match heard {
                Heard::Change => Event::FilesChanged,
                Heard::Trouble => Event::WatchTrouble,
            },
            () = tick(self.watchdog.as_mut()) => {
                crate::systemd::alive();
                Event::Tick
            }
        }
    }

    /// An event that is already there.
    pub(super) fn ready(&mut self) -> Option<Event> {
        if let Ok(frame) = self.frames.try_recv() {
            return Some(Event::Frame(frame));
        }
        if let Ok(event) = self.events.try_recv() {
            return Some(event);
        }
        if let Ok(request) = self.requests.try_recv() {
            return Some(Event::Asked(request));
        }
        self.asks.try_recv().ok().map(Event::Watched)
    }

    /// Waits for `work`, but no longer than `patience` once the daemon is asked to stop.
    pub(super) async fn unless_stopped<T>(
        &mut self,
        work: impl Future<Output = T>,
        patience: Duration,
    ) -> Option<T> {
        let (signals, stop) = (self.signals.as_mut(), &self.stop);
        let owed = &mut self.reload_owed;
        let asked = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = stop_signal(signals, owed) => stop.cancel(),
            }
            tokio::time::sleep(patience).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = asked => None,
        }
    }
}

async fn next_signal(signals: Option<&mut Signals>) -> Event {
    match signals {
        Some(signals) => match signals.next().await {
            Signal::Stop => Event::Stop,
            Signal::Reload => Event::Reload,
        },
        None => std::future::pending().await,
    }
}

/// Waits for a request to stop. A reload that is requested meanwhile is owed.
async fn stop_signal(signals: Option<&mut Signals>, reload_owed: &mut bool) {
    match signals {
        Some(signals) => loop {
            match signals.next().await {
                Signal::Stop => return,
                Signal::Reload => *reload_owed = true,
            }
        },
        None => std::future::pending().await,
    }
}

async fn tick(ticks: Option<&mut Interval>) {
    match ticks {
        Some(ticks) => {
            ticks.tick().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Sent, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_reload_that_is_asked_for_while_a_commit_is_waited_for_is_owed() {
        let mut signals = Signals::listen().unwrap();
        let mut owed = false;
        kill_process(getpid(), Sent::HUP).unwrap();
        for _ in 0..400 {
            let waited = stop_signal(Some(&mut signals), &mut owed);
            // It ends by SIGTERM alone.
            tokio::time::timeout(Duration::from_millis(50), waited).await.unwrap_err();
            if owed {
                return;
            }
        }
        panic!("it is forgotten");
    }
}
