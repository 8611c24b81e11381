//! Signals, as requests to the daemon.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// The request behind a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT or SIGQUIT: stop.
    Stop,
    /// SIGHUP: read the job file.
    Reload,
}

/// Signals that mean nothing here, and would kill a process that does not handle them: recipes for
/// other daemons send them, and a limit on the size of files is an error of the write that meets
/// it.
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

/// The signals that the daemon handles.
#[derive(Debug)]
pub struct Signals {
    terminate: Stream,
    interrupt: Stream,
    quit: Stream,
    hang_up: Stream,
}

impl Signals {
    /// Starts handling them.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Ignores signals that mean nothing here, with a log line for the first of each kind: the
    /// sender expects something. Must be called inside a runtime.
    ///
    /// # Errors
    /// The kernel's error.
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
            _ = self.quit.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// Signals of the terminal's driver to a full-screen program.
#[derive(Debug)]
pub struct ScreenSignals {
    resized: Stream,
    suspended: Stream,
}

/// A change of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenSignal {
    /// SIGWINCH: it has another size.
    Resized,
    /// SIGTSTP: the user wants the shell back for a while.
    Suspended,
}

impl ScreenSignals {
    /// Starts handling them. From now on SIGTSTP no longer stops the process: the caller has to.
    ///
    /// # Errors
    /// The kernel's error.
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
