//! Suggestions for command lines that were not understood: the probable intention, and how to type
//! it here.
//!
//! Words that mean the same everywhere are hidden aliases of the commands; this file has those that
//! would do something else here, or that have no equivalent. A suggestion is made only where it is
//! close: commands act.

mod tables;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::program::program;
use crate::core::suggest;
use tables::{OF_SYSTEMD, OPTIONS, WORDS};

/// The error in a command line, and what to type instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// The error.
    pub(super) message: String,
    /// The suggestion.
    pub(super) hint: String,
}

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
        ErrorKind::InvalidValue => {
            let argument = context(ContextKind::InvalidArg)?;
            value(error, &argument, &context(ContextKind::InvalidValue)?)
        }
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
        let lower = word.to_lowercase();
        let meant = OF_SYSTEMD.iter().filter(|_| name == "service");
        let meant = meant.into_iter().find(|(words, _)| words.contains(&lower.as_str()));
        let hint = match (meant, near_command(&lower, &known)) {
            (Some((_, hint)), _) => hint.replace('@', &lower),
            (None, Some(near)) => format!("did you mean `transferd {name} {near}`?"),
            (None, None) => {
                format!("`transferd {name} --help` lists them: `{}`", known.join("`, `"))
            }
        };
        return Guess { message: format!("`transferd {name}` has no command `{word}`"), hint };
    }
    let message = format!("there is no command `{word}`");
    let lower = word.to_lowercase();
    if let Some((_, hint)) = WORDS.iter().find(|(words, _)| words.contains(&lower.as_str())) {
        return Guess { message, hint: (*hint).to_owned() };
    }
    // Not the hidden aliases: nobody who misspells one gains from reading it.
    let known = program.get_subcommands().filter(|command| !command.is_hide_set());
    let known: Vec<_> = known.map(Command::get_name).collect();
    let hint = match near_command(&lower, &known) {
        Some(near) => format!("did you mean `{near}`? `transferd --help` lists the commands"),
        None => "`transferd --help` lists the commands".to_owned(),
    };
    Guess { message, hint }
}

/// The command that a word was probably meant to be: the only one that begins with it, or one that
/// begins with the same letter and has one letter in four mistyped. Stricter than for keys.
fn near_command<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let begun: Vec<_> = known.iter().filter(|name| name.starts_with(word)).collect();
    if let [one] = begun.as_slice()
        && word.chars().count() > 2
    {
        return Some(one);
    }
    let near = suggest::closest(word, known)?;
    let letters = word.chars().count().max(near.chars().count());
    let mistyped = strsim::damerau_levenshtein(word, near);
    let is_close = word.chars().next() == near.chars().next() && mistyped <= (letters / 4).max(1);
    is_close.then_some(near)
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
            _ if names_a_file(word) => {
                format!("`-c` names the job file: `transferd {name} -c {word}`")
            }
            "run" => format!("`transferd trigger {word}` runs a job; `run` is the daemon"),
            "status" => "it shows one job, or without a name all of them; `transferd next` and \
                         `transferd history` take several"
                .to_owned(),
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

/// Whether a word is the path of a file, and no job's name.
pub(super) fn names_a_file(word: &str) -> bool {
    word.contains('/') || [".yaml", ".yml"].iter().any(|ending| word.ends_with(ending))
}

/// A guess for a value that an option or argument does not take.
fn value(error: &Error, argument: &str, value: &str) -> Option<Guess> {
    let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else {
        return None;
    };
    if value.is_empty() {
        return None;
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let all = format!("`{}`", known.join("`, `"));
    let hint = match near_command(&value.to_lowercase(), &known) {
        Some(near) => format!("did you mean `{near}`? Possible are {all}"),
        None => format!("possible are {all}"),
    };
    Some(Guess { message: format!("`{argument}` can't be `{value}`"), hint })
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
    fn a_value_is_answered_with_those_that_there_are_and_no_absurd_one() {
        let hint = hint("transferd alert test --on suc");
        assert!(hint.starts_with("did you mean `succeeded`? Possible are `succeeded`, "), "{hint}");
        for line in [
            "transferd alert test --on nosuch",
            "transferd completions tcsh",
            "transferd status --log-level notice",
        ] {
            let guess = said(line).unwrap();
            assert!(guess.hint.starts_with("possible are `"), "{line}: {guess:?}");
        }
    }

    #[test]
    fn a_job_file_is_named_by_its_option() {
        for name in ["run", "diff", "reload", "init", "doctor", "login"] {
            let hint = hint(&format!("transferd {name} other/new.yaml"));
            assert!(hint.ends_with(&format!("`transferd {name} -c other/new.yaml`")), "{hint}");
        }
        assert!(hint("transferd run nightly").contains("transferd trigger nightly"));
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
            ("transferd hist", "did you mean `history`?"),
            ("transferd log nightly", "`transferd history`"),
            ("transferd exit", "`systemctl stop transferd`"),
            ("transferd run -d", "`transferd service install`"),
            ("transferd run --daemon", "`transferd service install`"),
            ("transferd pause nightly --for 2d", "`--until 2d`"),
            ("transferd status slow weekly", "`transferd next`"),
            ("transferd events -n 5", "`-n N`"),
            ("transferd logs --tail 3", "`transferd history`"),
            ("transferd service start", "`systemctl start transferd`"),
            ("transferd service restart", "`systemctl --user restart transferd`"),
            ("transferd service logs", "`journalctl -u transferd`"),
            ("transferd service instal", "`transferd service install`"),
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
        for word in [
            "frobnicate",
            "zz",
            "halt",
            "qwerty",
            "stopwatch-now",
            "about",
            "unit",
            "exit",
            "rename",
            "rescue",
            "rest",
        ] {
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
