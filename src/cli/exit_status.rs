//! The meaning of each command's exit codes, for its manual page.

/// The codes of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExitStatus {
    /// The command.
    command: &'static str,
    /// The meaning of 0.
    done: &'static str,
    /// The meaning of 1.
    no: &'static str,
    /// Whether it exits 3 if no daemon runs.
    pub(super) asks_daemon: bool,
    /// Other codes.
    more: &'static [(&'static str, &'static str)],
}

/// A command that waits can be interrupted.
const INTERRUPTED: (&str, &str) =
    ("130", "Interrupted by Ctrl-C while waiting; what was waited for goes on.");

const NONE: &[(&str, &str)] = &[];

const fn alone(command: &'static str, done: &'static str, no: &'static str) -> ExitStatus {
    ExitStatus { command, done, no, asks_daemon: false, more: NONE }
}

const fn asking(
    command: &'static str,
    done: &'static str,
    no: &'static str,
    more: &'static [(&'static str, &'static str)],
) -> ExitStatus {
    ExitStatus { command, done, no, asks_daemon: true, more }
}

/// Of commands that can wait for the end of a run.
const RUNS: &str = "The runs are recorded; with --wait: they have succeeded.";
const NO_RUNS: &str = "Refused, and nothing is recorded; with --wait: a run did not succeed.";

const ALL: &[ExitStatus] = &[
    asking("status", "The status is shown.", "There is no such job.", &[INTERRUPTED]),
    alone(
        "next",
        "What is coming is shown.",
        "There is no such job, or the job file is invalid and there never was a good one.",
    ),
    alone("history", "The runs are shown; there may be none.", "There is no such job."),
    alone("show", "The run is shown.", "There is no such run."),
    alone("why", "It is explained.", "There is no such job."),
    asking("events", "Its reader is gone.", "There is no such job.", &[INTERRUPTED]),
    asking("trigger", RUNS, NO_RUNS, &[INTERRUPTED]),
    asking("retry", RUNS, NO_RUNS, &[INTERRUPTED]),
    asking(
        "backfill",
        "The runs are recorded; with --dry-run: the plan is shown.",
        "Refused, or the answer to its question was no.",
        &[INTERRUPTED],
    ),
    asking(
        "cancel",
        "The runs are being canceled.",
        "One of them is not active; none is canceled.",
        NONE,
    ),
    asking("pause", "The jobs are paused.", "There is no such job; none is paused.", NONE),
    asking("resume", "The jobs are resumed.", "One of them is not paused; none is resumed.", NONE),
    alone("init", "The job file is written.", "It is there already, or can't be written."),
    alone(
        "edit",
        "The edited job file is in place, or was left as it was.",
        "It is invalid or can't be written: the old one stays.",
    ),
    alone(
        "check",
        "The job file is good; there may be warnings.",
        "It is invalid; with --online: or the agent does not agree.",
    ),
    alone("diff", "What would change is shown; it may be nothing.", "The job file is invalid."),
    asking(
        "reload",
        "The job file is in force; there may be warnings.",
        "It is invalid: the old jobs stay.",
        NONE,
    ),
    alone("explain", "The key is explained.", "The job file has no such key."),
    alone(
        "rehearse",
        "It was played, whatever came of it; with --expect: as expected.",
        "The job file is invalid; with --expect: it came out otherwise.",
    ),
    alone("alert", "The alert was delivered.", "It was not, or the job file has no such alert."),
    alone("schema", "The schema is printed.", "It can't be written."),
    ExitStatus {
        command: "login",
        done: "The token is written.",
        no: "There is none: the agent refuses, or is away.",
        asks_daemon: false,
        more: &[("130", "Interrupted by Ctrl-C at a question; no token is written.")],
    },
    alone("accounts", "The accounts are shown.", "The agent does not tell them."),
    ExitStatus {
        command: "doctor",
        done: "Nothing speaks against unattended use.",
        no: "A check has failed; with --transfer: or the run did not succeed.",
        asks_daemon: false,
        more: &[("3", "With --transfer: the daemon is not running."), INTERRUPTED],
    },
    ExitStatus {
        command: "run",
        done: "Stopped by a signal; transfers go on at the agent.",
        no: "It can't run: another daemon has the state folder, or the disk fails.",
        asks_daemon: false,
        more: &[(
            "78",
            "The job file is invalid, and there never was a good one; the unit does not restart it.",
        )],
    },
    alone(
        "service",
        "Done; of service status: it is installed.",
        "It can't be done; of service status: it is not installed.",
    ),
    alone("backup", "The state is copied.", "It can't be copied, or the file is there already."),
    alone("desktop", "Stopped by a signal.", "Nothing can be followed."),
    alone("demo", "It was played.", "It can't be played."),
    alone("sim", "Stopped by a signal.", "It can't run: its port is taken, for example."),
    alone("completions", "The script is printed.", "It can't be written."),
    alone("man", "The page is printed.", "There is no such page, or it can't be written."),
];

/// The codes of a command.
pub(super) fn of(command: &str) -> Option<ExitStatus> {
    ALL.iter().copied().find(|status| status.command == command)
}

impl ExitStatus {
    /// Each code and its meaning, lowest first.
    pub(super) fn codes(&self) -> Vec<(&'static str, &'static str)> {
        let mut codes = vec![("0", self.done), ("1", self.no), ("2", "Wrong usage.")];
        if self.asks_daemon {
            let words = "The daemon is not running; if the other service is, the message says so.";
            codes.push(("3", words));
        }
        codes.extend(self.more);
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;
    use crate::cli::man::program;

    #[test]
    fn each_command_has_its_codes_and_each_code_its_command() {
        let program = program();
        let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
        let names: Vec<_> = shown.map(clap::Command::get_name).collect();
        for name in &names {
            let codes = of(name).unwrap_or_else(|| panic!("no codes of `{name}`")).codes();
            assert!(codes.is_sorted_by_key(|(code, _)| code.parse::<u8>().unwrap()), "{codes:?}");
        }
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn those_that_ask_the_daemon_exit_3_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().to_str().unwrap();
        let asked: &[&[&str]] = &[
            &["status"],
            &["events"],
            &["trigger", "job"],
            &["retry", "job"],
            &["backfill", "job", "--from", "2d", "--to", "1d"],
            &["cancel", "job"],
            &["pause", "job"],
            &["resume", "job"],
            &["reload"],
        ];
        for line in asked {
            let words = [&["transferd", "--state-dir", state], *line].concat();
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let exit = crate::cli::main(words.iter().map(Into::into), &mut out, &mut err);
            let told = String::from_utf8_lossy(&err);
            assert_eq!(exit, Exit::NotRunning, "{line:?}: {told}");
            assert!(of(line[0]).unwrap().asks_daemon, "{line:?}");
        }
        assert_eq!(ALL.iter().filter(|status| status.asks_daemon).count(), asked.len());
    }
}
