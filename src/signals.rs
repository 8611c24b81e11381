//! Signals, as what they ask of the daemon.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop.
    Stop,
    /// SIGHUP: read the job file.
    Reload,
}

/// The signals that the daemon listens to.
#[derive(Debug)]
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    hang_up: Stream,
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// What the terminal's driver tells a program that fills the screen.
#[derive(Debug)]
pub struct ScreenSignals {
    resized: Stream,
    suspended: Stream,
}

/// What has happened to the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenSignal {
    /// SIGWINCH: it has another size.
    Resized,
    /// SIGTSTP: the user wants the shell back for a while.
    Suspended,
}

impl ScreenSignals {
    /// Starts listening. From now on SIGTSTP stops the process no more: who hears it must.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            resized: signal(SignalKind::window_change())?,
            suspended: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        })
    }

    /// The next signal. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> ScreenSignal {
        tokio::select! {
            biased;
            _ = self.suspended.recv() => ScreenSignal::Suspended,
            _ = self.resized.recv() => ScreenSignal::Resized,
        }
    }
}
