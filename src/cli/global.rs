//! Shared parts of all commands: global options as typed and as resolved, and exit codes.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a command ends (docs/reference.md, "Commands").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A negative answer: invalid file, run failed, no such job.
    No = 1,
    /// Wrong usage.
    Usage = 2,
    /// The daemon is not running.
    NotRunning = 3,
    /// The user did not want to wait for the answer: the shell's code for Ctrl-C.
    Interrupted = 130,
    /// `run`: the job file is invalid, and there never was a good one. The unit does not restart.
    BadConfig = 78,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Global options as typed.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Job file, or a folder of them [default: /etc/transferd/jobs.yaml for root,
    /// $XDG_CONFIG_HOME/transferd/jobs.yaml for others]
    #[arg(
        short,
        long,
        value_name = "PATH",
        global = true,
        hide_short_help = true,
        hide_long_help = true
    )]
    config: Option<PathBuf>,
    /// State folder [default: $STATE_DIRECTORY, then /var/lib/transferd for root,
    /// $XDG_STATE_HOME/transferd for others]
    #[arg(long, value_name = "DIR", global = true, hide_short_help = true, hide_long_help = true)]
    state_dir: Option<PathBuf>,
    /// Talk to the system service
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        hide_long_help = true,
        conflicts_with = "user"
    )]
    system: bool,
    /// Talk to your user service
    #[arg(long, global = true, hide_short_help = true, hide_long_help = true)]
    user: bool,
    /// Log this level and above
    #[arg(
        long,
        value_name = "LEVEL",
        global = true,
        hide_short_help = true,
        hide_long_help = true,
        value_enum
    )]
    log_level: Option<LogLevel>,
    /// Format of the log
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        hide_short_help = true,
        hide_long_help = true,
        value_enum,
        default_value_t
    )]
    log_format: LogFormat,
    /// When to use color [also: NO_COLOR]
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        hide_short_help = true,
        hide_long_help = true,
        value_enum,
        default_value_t
    )]
    color: ColorChoice,
}

/// Global options, resolved.
#[derive(Clone, Debug)]
pub struct Global {
    /// `--config`, as typed.
    pub config: Option<PathBuf>,
    /// `--state-dir`, as typed.
    pub state_dir: Option<PathBuf>,
    /// The service that is meant.
    pub scope: Scope,
    /// `--log-level`; absent for the command's own default.
    pub log_level: Option<LogLevel>,
    /// `--log-format`.
    pub log_format: LogFormat,
    /// Whether to color standard output.
    pub color: bool,
    /// Whether to color standard error.
    pub color_err: bool,
}

/// The service that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Not given: root's is the system's; others' is their own, or the system's where only that one
    /// runs.
    Unsaid,
    /// `--system`.
    System,
    /// `--user`.
    User,
}

/// `--log-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What an operator should act on
    Error,
    /// Warnings an operator should know
    Warn,
    /// Each step in a run's life
    Info,
    /// Details for debugging
    Debug,
    /// Everything
    Trace,
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// The journal's under systemd, else human
    #[default]
    Auto,
    /// A line for people
    Human,
    /// A JSON object a line
    Json,
    /// To the journal, with fields
    Journal,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// Whether to color a stream, given whether it is a terminal and the environment's wish
    /// (no-color.org: any value but an empty one counts; `TERM=dumb` too).
    pub fn resolve(self, terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Auto => terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Whether to color a stream if the option is missing, or was not understood.
pub(super) fn color_of(stream: &impl IsTerminal) -> bool {
    ColorChoice::Auto.resolve(stream.is_terminal(), is_color_unwanted())
}

fn is_color_unwanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

impl GlobalArgs {
    /// Resolves the typed options.
    pub fn resolve(self) -> Global {
        let no_color = is_color_unwanted();
        Global {
            config: self.config,
            state_dir: self.state_dir,
            scope: match (self.system, self.user) {
                (true, _) => Scope::System,
                (false, true) => Scope::User,
                (false, false) => Scope::Unsaid,
            },
            log_level: self.log_level,
            log_format: self.log_format,
            color: self.color.resolve(std::io::stdout().is_terminal(), no_color),
            color_err: self.color.resolve(std::io::stderr().is_terminal(), no_color),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_for_terminals_unless_forced_or_forbidden() {
        assert!(ColorChoice::Auto.resolve(true, false));
        assert!(!ColorChoice::Auto.resolve(true, true));
        assert!(!ColorChoice::Auto.resolve(false, false));
        assert!(ColorChoice::Always.resolve(false, true));
        assert!(!ColorChoice::Never.resolve(true, false));
    }
}
