//! Suggestions for command lines that were not understood: the probable intention, and how to type
//! it here.
//!
//! Words that mean the same everywhere are hidden aliases of the commands; this file has those that
//! would do something else here, or that have no equivalent. A suggestion is made only where it is
//! close: commands act.

mod tables;
#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::program::program;
use crate::core::suggest;
use tables::{OF_SYSTEMD, OPTIONS, VALUES, WORDS};

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
    let is_root = rustix::process::geteuid().is_root();
    let is_systems = (is_root || typed.iter().any(|word| word == "--system"))
        && typed.iter().all(|word| word != "--user");
    let guess = guess_of(error, typed)?;
    Some(if is_systems { guess } else { Guess { hint: of_own_service(&guess.hint), ..guess } })
}

/// A hint for an ordinary user, whose service is their own.
fn of_own_service(hint: &str) -> String {
    let own = hint
        .replace("`systemctl ", "`systemctl --user ")
        .replace("`journalctl ", "`journalctl --user ");
    match hint.contains("--user") || own == hint {
        true => hint.to_owned(),
        false => format!("{own}; the system's service is meant without `--user`"),
    }
}

fn guess_of(error: &Error, typed: &[OsString]) -> Option<Guess> {
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
        ErrorKind::ValueValidation => {
            let argument = context(ContextKind::InvalidArg)?;
            let value = context(ContextKind::InvalidValue)?;
            Some(unfit(&argument, &value, &error.source()?.to_string(), typed))
        }
        ErrorKind::ArgumentConflict => {
            let argument = context(ContextKind::InvalidArg)?;
            let other = match error.get(ContextKind::PriorArg)? {
                ContextValue::String(other) => other.clone(),
                ContextValue::Strings(others) => others.first()?.clone(),
                _ => return None,
            };
            let (argument, other) = (bare(&argument), bare(&other));
            let message = format!("`{argument}` and `{other}` can't be given together");
            Some(Guess { message, hint: "leave one of them out".to_owned() })
        }
        ErrorKind::MissingSubcommand => Some(no_command(typed)),
        _ => None,
    }
}

/// A guess for a value that an option or argument can't have.
fn unfit(argument: &str, value: &str, why: &str, typed: &[OsString]) -> Guess {
    let name = typed_command(&program(), typed).map(|(_, name)| name).unwrap_or_default();
    let argument = bare(argument);
    // The message of a library.
    let why = why.replace("invalid digit found in string", "a whole number is expected");
    let (why, hint) = match why.split_once("; ") {
        Some((why, hint)) => (why.to_owned(), hint.to_owned()),
        None => (why, format!("`transferd {name} --help` has its options").replace("  ", " ")),
    };
    Guess { message: format!("`{argument}` can't be `{value}`: {why}"), hint }
}

/// An argument without the brackets that clap puts around it.
fn bare(argument: &str) -> String {
    let name = argument.trim_end_matches('.').trim_start_matches(['[', '<']);
    name.trim_end_matches([']', '>']).replace(" <", " ")
}

/// A guess for a line without a command.
fn no_command(typed: &[OsString]) -> Guess {
    let program = program();
    let taken = typed.windows(2).find_map(|pair| match pair {
        [option, word] if option == "-c" || option == "--config" => word.to_str(),
        _ => None,
    });
    let message = "there is no command".to_owned();
    Guess {
        message,
        hint: match taken.filter(|word| program.find_subcommand(word).is_some()) {
            Some(word) => format!("`-c` names the job file: `transferd -c PATH {word}`"),
            None => "`transferd --help` lists the commands".to_owned(),
        },
    }
}

/// A guess for a word that is not a command, or not one below the command that was typed.
fn command(word: &str, typed: &[OsString]) -> Guess {
    let program = program();
    let end = typed.iter().position(|one| one == word).unwrap_or_default();
    let above = typed_command(&program, &typed[..end]);
    if let Some((above, name)) = above.filter(|(above, _)| above.has_subcommands()) {
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
    let name = typed_command(&program, typed)?.1;
    let name = name.as_str();
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
    let Some((command, name)) = typed_command(&program, typed) else {
        let begin = word.split('=').next().unwrap_or(word);
        let everywhere = OPTIONS.iter().filter(|(commands, ..)| commands.is_empty());
        let (_, _, hint) = everywhere.into_iter().find(|(_, words, _)| words.contains(&begin))?;
        let message = format!("there is no option `{begin}`");
        return Some(Guess { message, hint: (*hint).to_owned() });
    };
    let name = name.as_str();
    if !word.starts_with('-') {
        let hint = match name {
            "reload" if names_a_file(word) => format!(
                "the daemon reads its own job file: `transferd diff -c {word}` compares this one \
                 with it, `transferd check {word}` checks it"
            ),
            _ if names_a_file(word) => {
                format!("`-c` names the job file: `transferd {name} -c {word}`")
            }
            "run" => format!("`transferd trigger {word}` runs a job; `run` is the daemon"),
            "why" => "a time of several words is quoted: `transferd why JOB 'yesterday 02:30'`"
                .to_owned(),
            "login" => "it asks for the user name, or `--username NAME` gives it".to_owned(),
            "status" => "it shows one job, or without a name all of them; `transferd next` and \
                         `transferd history` take several"
                .to_owned(),
            _ => format!("`transferd {name} --help` has its arguments"),
        };
        return Some(Guess { message: format!("`{name}` does not take `{word}`"), hint });
    }
    let begin = word.split('=').next().unwrap_or(word);
    if let Some(guess) = too_early(begin, (command, name), typed) {
        return Some(guess);
    }
    let message = format!("`{name}` has no option `{begin}`");
    if begin.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return Some(number(message, name, begin, typed));
    }
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

/// A guess for a number with a `-` before it: a count, or a time that is past.
fn number(message: String, name: &str, begin: &str, typed: &[OsString]) -> Guess {
    // Clap names the first digit alone.
    let whole = typed.iter().filter_map(|word| word.to_str()).find(|word| word.starts_with(begin));
    let digits = whole.unwrap_or(begin).trim_start_matches('-');
    let message = message.replace(&format!("`{begin}`"), &format!("`-{digits}`"));
    let is_count = digits.chars().all(|c| c.is_ascii_digit());
    let hint = match name {
        "history" | "next" if is_count => format!("`-n {digits}` is how many are listed"),
        "show" => "`transferd history` lists past runs, `transferd show RUN` shows one".to_owned(),
        "why" => format!("a time that is past has no `-`: `transferd why JOB {digits}`"),
        _ => format!("`transferd {name} --help` has its options"),
    };
    Guess { message, hint }
}

/// Whether a word is the path of a file, and no job's name.
pub(super) fn names_a_file(word: &str) -> bool {
    word.contains('/') || [".yaml", ".yml"].iter().any(|ending| word.ends_with(ending))
}

/// A guess for a value that an option or argument does not take.
fn value(error: &Error, argument: &str, value: &str) -> Option<Guess> {
    if value.is_empty() && argument.starts_with('-') {
        let option = argument.split(' ').next().unwrap_or(argument);
        let hint = format!("write `{}`", argument.replace(['<', '>'], ""));
        return Some(Guess { message: format!("`{option}` lacks its value"), hint });
    }
    let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else {
        return None;
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let all = format!("`{}`", known.join("`, `"));
    let lower = value.to_lowercase();
    let same = VALUES
        .iter()
        .find(|(words, meant)| words.contains(&lower.as_str()) && known.contains(meant));
    let near = same.map(|(_, meant)| *meant).or_else(|| near_command(&lower, &known));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`? Possible are {all}"),
        None => format!("possible are {all}"),
    };
    Some(Guess { message: format!("`{argument}` can't be `{value}`"), hint })
}

/// A guess for an option of the command that was typed before it.
fn too_early(option: &str, (command, name): (&Command, &str), typed: &[OsString]) -> Option<Guess> {
    let is_it = |argument: &clap::Arg| {
        let long = option.strip_prefix("--").is_some_and(|long| argument.get_long() == Some(long));
        let short = option.strip_prefix('-').and_then(|rest| rest.chars().next());
        long || (!option.starts_with("--") && short.is_some() && argument.get_short() == short)
    };
    let last = command.get_name();
    let words = typed.iter().skip(1).filter_map(|word| word.to_str());
    let before = words
        .take_while(|word| *word != last && !command.get_all_aliases().any(|alias| alias == *word));
    let is_before = before.into_iter().any(|word| word.split('=').next() == Some(option));
    (is_before && command.get_arguments().any(is_it)).then(|| Guess {
        message: format!("`{option}` is an option of `{name}`, and stands before it"),
        hint: format!("write it behind the command: `transferd {name} {option}`"),
    })
}

/// The command that a line begins with, after any global options, and its whole name: `service
/// install`.
fn typed_command<'a>(program: &'a Command, typed: &[OsString]) -> Option<(&'a Command, String)> {
    let mut words = typed.iter().skip(1);
    let command = words.find_map(|word| program.find_subcommand(word))?;
    let name = command.get_name();
    Some(match words.find_map(|word| command.find_subcommand(word)) {
        Some(below) => (below, format!("{name} {}", below.get_name())),
        None => (command, name.to_owned()),
    })
}
