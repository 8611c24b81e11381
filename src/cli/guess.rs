//! Suggestions for command lines that were not understood: the probable intention, and how to type
//! it here.
//!
//! Words that mean the same everywhere are hidden aliases of the commands; this file has those that
//! would do something else here, or that have no equivalent. A suggestion is made only where it is
//! close.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::program::program;
use crate::core::suggest;

/// The error in a command line, and what to type instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// The error.
    pub(super) message: String,
    /// The suggestion.
    pub(super) hint: String,
}

/// The largest difference in length between a word and the command it was meant to be.
const LENGTHS_APART: usize = 3;

/// Words from elsewhere that are not commands here, and what to do instead.
const WORDS: &[(&[&str], &str)] = &[
    (
        &["enable", "unpause", "unsuspend", "unmask"],
        "`transferd resume JOB` ends a pause; `enabled: false` is ended in the job file \
         (`transferd edit`)",
    ),
    (
        &["disable", "suspend", "mask"],
        "`transferd pause JOB` stops its scheduling for a while; for good, write \
         `enabled: false` in the job file (`transferd edit`)",
    ),
    (
        &["delete", "del", "remove", "rm"],
        "take the job out of the job file (`transferd edit`); `transferd cancel RUN` ends a run",
    ),
    (
        &[
            "add", "create", "new", "apply", "set", "config", "crontab", "copy", "sync", "move",
            "patch", "replace", "rollout",
        ],
        "jobs are defined in the job file: `transferd edit`, then `transferd check`",
    ),
    (
        &["get", "info", "top", "inspect", "stats", "stat", "job", "cat", "is-active", "is-failed"],
        "`transferd status` shows all jobs, `transferd status JOB` one, `transferd show RUN` a run",
    ),
    (
        &["restart"],
        "`transferd trigger JOB` runs a job again; `systemctl restart transferd` is for the daemon",
    ),
    (
        &["install", "uninstall"],
        "`transferd service install` puts the service in place, `transferd service uninstall` takes \
         it away",
    ),
    (&["exec", "submit", "queue", "transfer"], "`transferd trigger JOB` runs a job now"),
    (
        &["daemon-reload", "refresh", "reread"],
        "`transferd reload` reads the job file now; a running daemon takes each good change anyway",
    ),
    (&["reset-failed"], "`transferd retry --failed --since 1d` repeats what has failed"),
    (
        &["wait"],
        "`transferd trigger JOB --wait` and `transferd retry JOB --wait` wait for the run's end",
    ),
    (
        &["snapshots", "runs", "last", "results", "report"],
        "`transferd history` lists past runs, `transferd show RUN` shows one",
    ),
    (
        &["forget", "prune", "cleanup", "vacuum"],
        "old runs are forgotten as `history:` in the job file says: `transferd explain history`",
    ),
    (
        &["restore", "export", "import", "migrate"],
        "`transferd backup FILE` copies the state; it is restored by putting the file in its place \
         while the daemon is stopped (docs/operations.md)",
    ),
    (
        &["upgrade", "update", "self-update"],
        "install the new program and restart the daemon: it takes the state over \
         (docs/operations.md)",
    ),
    (
        &["token", "logout", "whoami"],
        "`transferd login` writes a new token, `transferd check --online` says whose it is; without \
         the token file nobody is signed in",
    ),
    (
        &["ping", "health", "healthcheck"],
        "`transferd status` asks the daemon and the agent; `listen:` in the job file serves \
         `/healthz`",
    ),
    (
        &["ui", "tui", "web", "dashboard", "open", "metrics"],
        "`transferd status --watch` is the view in the terminal; `listen:` in the job file serves a \
         page and metrics (`transferd explain listen`)",
    ),
    (&["up", "daemon", "serve", "server"], "`transferd run` is the daemon, in the foreground"),
    (&["down", "quit", "shutdown"], "`systemctl stop transferd` stops the daemon"),
    (&["log", "journal", "follow"], "`transferd events` follows what happens"),
    (
        &["watch", "live"],
        "`transferd status --watch` shows it live, `transferd events` line by line",
    ),
    (&["timers", "list-timers", "upcoming", "schedule"], "`transferd next` lists what is coming"),
    (&["signin", "auth"], "`transferd login` signs in and writes the token file"),
    (&["simulate", "plan", "dry-run"], "`transferd rehearse` plays the job file in virtual time"),
];

/// Options from elsewhere: what to type instead, for the named commands, or for all.
const OPTIONS: &[(&[&str], &[&str], &str)] = &[
    (
        &["status"],
        &["-f", "--follow"],
        "`transferd status --watch` shows it live, `transferd events` line by line",
    ),
    (
        &["trigger", "retry"],
        &["-f", "--force"],
        "`--again` repeats what has succeeded; nothing else is asked about",
    ),
    (
        &["reload"],
        &["--force", "-f"],
        "a reload takes each valid file, and never one with an error",
    ),
    (
        &["trigger", "retry", "cancel", "pause", "resume", "run", "rehearse", "check", "edit"],
        &["-n", "--dry-run"],
        "`transferd rehearse` plays the job file and changes nothing; `backfill` has `--dry-run`",
    ),
    (&["reload"], &["-n", "--dry-run"], "`transferd diff` shows what a reload would change"),
    (&["history"], &["--tail", "--lines", "--count", "--head"], "`-n N` lists the newest N runs"),
    (&["history"], &["-l", "--long", "--wide"], "`transferd show RUN` has all of a run"),
    (&[], &["-l", "--list"], "`transferd status` and `transferd next` list the jobs"),
    (&[], &["-e", "--edit"], "`transferd edit` opens the job file"),
    (&[], &["--version", "-V"], "`transferd --version` prints it"),
    (&["history", "show"], &["-f", "--follow"], "`transferd events` follows what happens"),
    (&[], &["-f", "--file", "--filename"], "the job file is named by `-c PATH`"),
    (&["cancel", "trigger"], &["--all"], "name the jobs, or write `'*'`"),
    (
        &["status", "next", "history", "show"],
        &["--all", "-a", "-A", "--all-namespaces"],
        "without a job, all are listed",
    ),
    (
        &[],
        &["-v", "--verbose", "--debug", "-d"],
        "`--log-level debug` logs more, for `run`, `demo` and `rehearse`",
    ),
    (&[], &["-q", "--quiet"], "`--log-level error` logs less; results are never left out"),
    (&[], &["-o", "--output", "--format"], "`--json` prints JSON"),
    (&["trigger"], &["--follow"], "`--wait` waits for the run's end"),
    (&["history", "next"], &["--days"], "`--since 7d` (history) and `--until 7d` (next) do that"),
];

/// The probable meaning of a command line that clap refused; none where clap's own message is the
/// best there is.
pub(super) fn guess(error: &Error, typed: &[OsString]) -> Option<Guess> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            Some(command(&context(ContextKind::InvalidSubcommand)?, typed))
        }
        ErrorKind::UnknownArgument => {
            let word = context(ContextKind::InvalidArg)?;
            option(&word, typed)
        }
        ErrorKind::MissingRequiredArgument => missing(error, typed),
        _ => None,
    }
}

/// A guess for a word that is not a command, or not one below the command that was typed.
fn command(word: &str, typed: &[OsString]) -> Guess {
    let program = program();
    let end = typed.iter().position(|one| one == word).unwrap_or_default();
    let above = typed_command(&program, &typed[..end]);
    if let Some(above) = above.filter(|above| above.has_subcommands()) {
        let name = above.get_name();
        let known: Vec<_> = above.get_subcommands().map(Command::get_name).collect();
        let hint = match suggest::closest(&word.to_lowercase(), &known) {
            Some(near) => format!("did you mean `transferd {name} {near}`?"),
            None => format!("`transferd {name} --help` lists them: `{}`", known.join("`, `")),
        };
        return Guess { message: format!("`transferd {name}` has no command `{word}`"), hint };
    }
    let message = format!("there is no command `{word}`");
    let lower = word.to_lowercase();
    if let Some((_, hint)) = WORDS.iter().find(|(words, _)| words.contains(&lower.as_str())) {
        return Guess { message, hint: (*hint).to_owned() };
    }
    let known: Vec<_> = program
        .get_subcommands()
        .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_all_aliases()))
        .collect();
    let near = suggest::closest(&lower, &known);
    let hint = match near.filter(|near| lower.len().abs_diff(near.len()) <= LENGTHS_APART) {
        Some(near) => format!("did you mean `{near}`? `transferd --help` lists the commands"),
        None => "`transferd --help` lists the commands".to_owned(),
    };
    Guess { message, hint }
}

/// A guess for a command without its argument.
fn missing(error: &Error, typed: &[OsString]) -> Option<Guess> {
    let Some(ContextValue::Strings(lacking)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let program = program();
    let name = typed_command(&program, typed)?.get_name();
    // A missing option is best named by its own name; a span of time is two of them.
    let is_about = |argument: &String| match argument.strip_prefix("--") {
        Some(_) => name == "backfill",
        None => ["JOB", "FILE"].iter().any(|what| argument.contains(what)),
    };
    if !lacking.iter().any(is_about) {
        return None;
    }
    let (what, hint) = match name {
        "pause" | "resume" => (
            "a job",
            format!("`transferd {name} JOB`, or `transferd {name} --all` for all of them"),
        ),
        "cancel" => (
            "a job or a run",
            "`transferd cancel JOB` ends what it runs; `systemctl stop transferd` stops the daemon"
                .to_owned(),
        ),
        "trigger" => (
            "a job",
            "`transferd trigger JOB` runs it now, and `transferd status` lists the jobs; \
             `systemctl start transferd` starts the daemon"
                .to_owned(),
        ),
        "retry" => (
            "a job or a run",
            "`transferd retry JOB` repeats its last run, `transferd retry --failed --since 1d` all \
             that have failed"
                .to_owned(),
        ),
        "why" => ("a job", "`transferd why JOB`; `transferd status` lists the jobs".to_owned()),
        "backfill" => (
            "a job and a span of time",
            "`transferd backfill JOB --from yesterday --to now --dry-run` shows what it would run"
                .to_owned(),
        ),
        "backup" => ("a file", "`transferd backup FILE` copies the state to it".to_owned()),
        _ => return None,
    };
    Some(Guess { message: format!("`{name}` needs {what}"), hint })
}

/// The line with the request for help after the command, where it was typed before it: `-h status`.
pub(super) fn help_behind(typed: &[OsString]) -> Option<Vec<OsString>> {
    let [own, help, command, ..] = typed else { return None };
    let is_help = help == "-h" || help == "--help";
    let known = is_help && program().find_subcommand(command).is_some();
    known.then(|| vec![own.clone(), command.clone(), help.clone()])
}

/// A guess for an argument that the command does not have.
fn option(word: &str, typed: &[OsString]) -> Option<Guess> {
    let program = program();
    let Some(command) = typed_command(&program, typed) else {
        let begin = word.split('=').next().unwrap_or(word);
        let everywhere = OPTIONS.iter().filter(|(commands, ..)| commands.is_empty());
        let (_, _, hint) = everywhere.into_iter().find(|(_, words, _)| words.contains(&begin))?;
        let message = format!("there is no option `{begin}`");
        return Some(Guess { message, hint: (*hint).to_owned() });
    };
    let name = command.get_name();
    if !word.starts_with('-') {
        let hint = match name {
            "run" => format!("`transferd trigger {word}` runs a job; `run` is the daemon"),
            _ => format!("`transferd {name} --help` has its arguments"),
        };
        return Some(Guess { message: format!("`{name}` does not take `{word}`"), hint });
    }
    let begin = word.split('=').next().unwrap_or(word);
    if let Some(guess) = too_early(begin, command, typed) {
        return Some(guess);
    }
    let message = format!("`{name}` has no option `{begin}`");
    let meant = OPTIONS.iter().find(|(commands, options, _)| {
        (commands.is_empty() || commands.contains(&name)) && options.contains(&begin)
    });
    if let Some((_, _, hint)) = meant {
        return Some(Guess { message, hint: (*hint).to_owned() });
    }
    let all = command.get_arguments().chain(program.get_arguments());
    let longs: Vec<_> = all.filter(|a| !a.is_hide_set()).filter_map(|a| a.get_long()).collect();
    let near = suggest::closest(begin.trim_start_matches('-'), &longs);
    let near = near.map(|near| format!("did you mean `--{near}`? ")).unwrap_or_default();
    Some(Guess { message, hint: format!("{near}`transferd {name} --help` has its options") })
}

/// A guess for an option of the command that was typed before it.
fn too_early(option: &str, command: &Command, typed: &[OsString]) -> Option<Guess> {
    let is_it = |argument: &clap::Arg| {
        let long = option.strip_prefix("--").is_some_and(|long| argument.get_long() == Some(long));
        let short = option.strip_prefix('-').and_then(|rest| rest.chars().next());
        long || (!option.starts_with("--") && short.is_some() && argument.get_short() == short)
    };
    let name = command.get_name();
    let words = typed.iter().skip(1).filter_map(|word| word.to_str());
    let before = words
        .take_while(|word| *word != name && !command.get_all_aliases().any(|alias| alias == *word));
    let is_before = before.into_iter().any(|word| word.split('=').next() == Some(option));
    (is_before && command.get_arguments().any(is_it)).then(|| Guess {
        message: format!("`{option}` is an option of `{name}`, and stands before it"),
        hint: format!("write it behind the command: `transferd {name} {option}`"),
    })
}

/// The command that a line begins with, after any global options.
fn typed_command<'a>(program: &'a Command, typed: &[OsString]) -> Option<&'a Command> {
    typed.iter().skip(1).find_map(|word| program.find_subcommand(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message about a line that is not understood; none if it is.
    fn said(line: &str) -> Option<Guess> {
        let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = program().try_get_matches_from(&typed).err()?;
        guess(&error, &typed)
    }

    fn hint(line: &str) -> String {
        said(line).unwrap_or_else(|| panic!("`{line}` is understood, or left to clap")).hint
    }

    #[test]
    fn words_from_elsewhere_lead_to_what_was_meant() {
        for (line, meant) in [
            ("transferd enable x", "transferd resume JOB"),
            ("transferd disable x", "transferd pause JOB"),
            ("transferd delete x", "the job file"),
            ("transferd run nightly-footage", "`transferd trigger nightly-footage`"),
            ("transferd check -f jobs.yaml", "`-c PATH`"),
            ("transferd history -f", "transferd events"),
            ("transferd status --verbose", "--log-level debug"),
            ("transferd history -o json", "--json"),
            ("transferd --verbose", "--log-level debug"),
            ("transferd watch", "status --watch"),
            ("transferd pause", "`transferd pause --all`"),
            ("transferd statsu", "did you mean `status`?"),
            ("transferd histroy", "did you mean `history`?"),
            ("transferd history --fialed", "did you mean `--failed`?"),
            ("transferd --json status", "behind the command: `transferd status --json`"),
            ("transferd --state-dir x --json ls", "`transferd status --json`"),
            ("transferd -n 5 history", "`transferd history -n`"),
            ("transferd --since=2d history", "`transferd history --since`"),
            ("transferd list-timers", "`transferd next`"),
            ("transferd daemon-reload", "`transferd reload`"),
            ("transferd is-active", "`transferd status`"),
            ("transferd crontab -l", "`transferd edit`"),
            ("transferd job run nightly", "`transferd show RUN`"),
            ("transferd snapshots", "`transferd history`"),
            ("transferd dashboard", "`transferd status --watch`"),
            ("transferd token", "`transferd login`"),
            ("transferd status -f", "--watch"),
            ("transferd status -A", "all are listed"),
            ("transferd status --version", "`transferd --version`"),
            ("transferd history --tail 5", "`-n N`"),
            ("transferd trigger --dry-run nightly", "`transferd rehearse`"),
            ("transferd reload --dry-run", "`transferd diff`"),
            ("transferd retry --force nightly", "`--again`"),
            ("transferd -e", "`transferd edit`"),
            ("transferd -l", "`transferd next`"),
            ("transferd stop", "`systemctl stop transferd`"),
            ("transferd start", "`systemctl start transferd`"),
            ("transferd retry", "`transferd retry --failed --since 1d`"),
            ("transferd why", "`transferd why JOB`"),
            ("transferd backfill nightly", "--dry-run"),
            ("transferd backup", "`transferd backup FILE`"),
        ] {
            assert!(hint(line).contains(meant), "{line}: {}", hint(line));
        }
    }

    #[test]
    fn help_that_is_asked_for_before_the_command_is_the_commands() {
        let behind = |line: &str| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let told = help_behind(&typed)?;
            Some(told.join(std::ffi::OsStr::new(" ")).into_string().unwrap())
        };
        assert_eq!(behind("transferd -h status"), Some("transferd status -h".to_owned()));
        assert_eq!(behind("transferd --help ls"), Some("transferd ls --help".to_owned()));
        assert_eq!(behind("transferd -h"), None);
        assert_eq!(behind("transferd -h nonsense"), None);
    }

    #[test]
    fn a_word_that_is_far_from_all_gets_no_suggestion() {
        for word in ["frobnicate", "zz", "halt", "qwerty", "stopwatch-now"] {
            let hint = hint(&format!("transferd {word}"));
            assert!(!hint.contains("did you mean"), "{word}: {hint}");
        }
    }

    #[test]
    fn words_that_mean_the_same_everywhere_are_understood() {
        for (line, command) in [
            ("transferd list", "status"),
            ("transferd ls", "status"),
            ("transferd ps", "status"),
            ("transferd jobs", "status"),
            ("transferd validate", "check"),
            ("transferd test", "check"),
            ("transferd check jobs.yaml", "check"),
            ("transferd logs", "events"),
            ("transferd tail nightly", "events"),
            ("transferd events -f", "events"),
            ("transferd describe nightly", "show"),
            ("transferd start nightly", "trigger"),
            ("transferd trigger nightly -w", "trigger"),
            ("transferd stop nightly", "cancel"),
            ("transferd kill nightly", "cancel"),
            ("transferd version", "version"),
            ("transferd status -w", "status"),
            ("transferd history --last 5", "history"),
            ("transferd history --job nightly", "history"),
            ("transferd next --job nightly", "next"),
        ] {
            let parsed = program().try_get_matches_from(line.split(' '));
            let parsed = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(parsed.subcommand_name(), Some(command), "{line}");
        }
    }
}
