//! Signals, as requests to the daemon.

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

/// Signals that mean nothing here, and would end a process that does not say so: recipes for other
/// daemons send them, and a limit on the size of files is an error of the write that meets it.
const MEANINGLESS: [(&str, rustix::process::Signal); 8] = [
    ("SIGUSR1", rustix::process::Signal::USR1),
    ("SIGUSR2", rustix::process::Signal::USR2),
    ("SIGALRM", rustix::process::Signal::ALARM),
    ("SIGVTALRM", rustix::process::Signal::VTALARM),
    ("SIGPROF", rustix::process::Signal::PROF),
    ("SIGIO", rustix::process::Signal::IO),
    ("SIGPWR", rustix::process::Signal::POWER),
    ("SIGXFSZ", rustix::process::Signal::XFSZ),
];

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

    /// Ignores what means nothing here, with a line for the first of each kind: whoever sends it
    /// expects something. Must be called inside a runtime.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn ignore_the_meaningless() -> io::Result<()> {
        for (name, kind) in MEANINGLESS {
            let mut stream = signal(SignalKind::from_raw(kind.as_raw()))?;
            tokio::spawn(async move {
                if stream.recv().await.is_some() {
                    tracing::warn!(
                        "{name} means nothing here and is ignored; SIGHUP reads the job file again"
                    );
                }
            });
        }
        Ok(())
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
