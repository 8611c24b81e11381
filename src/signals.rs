//! Signals, as requests to the daemon, and to a command that waits.

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

/// The signals that ask a process to stop: SIGTERM, SIGINT and SIGQUIT.
#[derive(Debug)]
struct Stops {
    terminate: Stream,
    interrupt: Stream,
    quit: Stream,
}

impl Stops {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}

/// The signals that the daemon handles.
#[derive(Debug)]
pub struct Signals {
    stops: Stops,
    hang_up: Stream,
}

impl Signals {
    /// Starts handling them.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { stops: Stops::listen()?, hang_up: signal(SignalKind::hangup())? })
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
            () = self.stops.next() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// The signals that end a command which waits. SIGHUP is one of them, as its terminal is gone, unless
/// it was ignored when the command began (nohup(1)).
#[derive(Debug)]
pub struct Interrupts {
    stops: Stops,
    hang_up: Option<Stream>,
}

impl Interrupts {
    /// Starts handling them.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn listen() -> io::Result<Self> {
        // Without `/proc` it is handled: a process that stays for good does more harm.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stays = ignores_hang_up(&status);
        let hang_up = if stays { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { stops: Stops::listen()?, hang_up })
    }

    /// Waits for one of them. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) {
        let Self { stops, hang_up } = self;
        let hang_up = async {
            match hang_up {
                Some(stream) => stream.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stops.next() => {}
            _ = hang_up => {}
        }
    }
}

/// True if a process with this `/proc/PID/status` (proc_pid_status(5)) ignores SIGHUP.
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = 1 << (rustix::process::Signal::HUP.as_raw() - 1);
    mask.is_some_and(|mask| mask & bit != 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_is_closed_ends_a_command_unless_it_was_told_to_ignore_that() {
        for (mask, ignored) in [
            ("0000000000000000", false),
            ("0000000000000001", true),
            ("0000000000001000", false),
            ("0000000000001001", true),
            ("", false),
        ] {
            let status = format!("Name:\ttransferd\nSigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\n");
            assert_eq!(ignores_hang_up(&status), ignored, "{mask}");
        }
        assert!(!ignores_hang_up(""));
    }
}
