//! The command line as clap is given it: commands in groups, examples in each command's help,
//! and the global options folded to one line there.
//!
//! Parser, help, manual pages and completions all take it from here.

use clap::{Arg, Command, CommandFactory};

use super::Cli;
use super::examples;
use super::render::fit::{hanging, lines, width};
use super::render::table::Screen;

/// The longest line of help: longer ones are hard to read.
const WIDEST: usize = 100;

/// The column of the commands' descriptions.
const NAME: usize = 15;

/// The column of the global options' descriptions.
const OPTION: usize = 24;

/// The commands by purpose. One without a group is listed in the last.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    (
        "Daily use",
        &[
            "status", "next", "history", "show", "why", "events", "trigger", "retry", "backfill",
            "cancel", "pause", "resume",
        ],
    ),
    (
        "Job file",
        &["init", "edit", "check", "diff", "reload", "explain", "rehearse", "alert", "schema"],
    ),
    ("Agent", &["login", "accounts", "doctor"]),
    (
        "Service and extras",
        &["run", "service", "backup", "desktop", "demo", "sim", "completions", "man"],
    ),
];

/// The summary of the global options in a command's help.
const FOLDED: &str = "Global options: -c PATH, --state-dir DIR, --system, --user, --log-level, \
                      --log-format, --color\n(`transferd --help` explains them)";

/// The command line.
pub(super) fn program() -> Command {
    let mut program = Cli::command();
    let room = Screen::of_stdout(false).room().unwrap_or(WIDEST).min(WIDEST);
    let help = page(&program, room);
    let names: Vec<_> = program.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let end = |name: &str| match examples::of(name) {
        Some(examples) => format!("Examples:\n{}\n{FOLDED}", listed(examples, room)),
        None => FOLDED.to_owned(),
    };
    for name in names {
        program = program.mut_subcommand(&name, |command| {
            let below: Vec<_> =
                command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
            below.into_iter().fold(command.after_help(end(&name)), |command, below| {
                let end = end(&format!("{name} {below}"));
                command.mut_subcommand(below, |below| below.after_help(end))
            })
        });
    }
    program.override_help(help)
}

/// Examples, a line each, with their effect beside them if it fits and else above.
fn listed(examples: &[examples::Example], room: usize) -> String {
    let widest = |of: fn(&examples::Example) -> &str| {
        examples.iter().map(|example| width(of(example))).max().unwrap_or(0)
    };
    let (longest, does) = (widest(|example| example.line), widest(|example| example.does));
    let beside = 2 + longest + 5 + does <= room;
    let mut text = String::new();
    for example in examples {
        if beside {
            text.push_str(&format!("  {:longest$}   # {}\n", example.line, example.does));
        } else {
            let told = hanging(&format!("# {}", example.does), 2, 4, Some(room));
            text.push_str(&format!("  {told}\n  {}\n", example.line));
        }
    }
    text
}

/// The help of the whole program.
fn page(program: &Command, room: usize) -> String {
    let about = program.get_about().map(ToString::to_string).unwrap_or_default();
    let about = lines(&about, Some(room)).join("\n");
    let mut text = format!("{about}\n\nUsage: transferd [OPTIONS] <COMMAND>\n");
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    for (index, (heading, names)) in GROUPS.iter().enumerate() {
        text.push_str(&format!("\n{heading}:\n"));
        let known = names.iter().filter_map(|name| program.find_subcommand(name));
        let rest = program
            .get_subcommands()
            .filter(|command| index + 1 == GROUPS.len() && !grouped(command.get_name()));
        for command in known.chain(rest).filter(|command| !command.is_hide_set()) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&entry(command.get_name(), &about, NAME, room));
        }
    }
    text.push_str("\nGlobal options:\n");
    for option in program.get_arguments().filter(|option| option.is_global_set()) {
        let words = described(option);
        text.push_str(&entry(&typed(option), &words, OPTION, room));
    }
    text.push_str(&entry("-h, --help", "Print help", OPTION, room));
    text.push_str(&entry("-V, --version", "Print the version", OPTION, room));
    let more = "`transferd COMMAND --help` has options and examples of a command.";
    text.push_str(&format!("\n{}", lines(more, Some(room)).join("\n")));
    text
}

/// A term and its meaning, with further lines of the meaning indented like its first.
fn entry(term: &str, meaning: &str, indent: usize, room: usize) -> String {
    let mut text = String::new();
    let begin = format!("  {term}");
    let wrapped = lines(meaning, Some(room.saturating_sub(indent).max(20)));
    let mut rest = wrapped.iter();
    if width(&begin) < indent {
        let first = rest.next().map_or("", String::as_str);
        text.push_str(&format!("{begin:indent$}{first}\n"));
    } else {
        text.push_str(&format!("{begin}\n"));
    }
    for line in rest {
        text.push_str(&format!("{:indent$}{line}\n", ""));
    }
    text
}

/// How an option is typed: `-c, --config PATH`.
fn typed(option: &Arg) -> String {
    let short = option.get_short().map(|short| format!("-{short}"));
    let long = option.get_long().map(|long| format!("--{long}"));
    let mut text = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if option.get_action().takes_values()
        && let Some(name) = option.get_value_names().and_then(|names| names.first())
    {
        text.push_str(&format!(" {name}"));
    }
    text
}

/// An option's help, with its possible values.
fn described(option: &Arg) -> String {
    let mut words = option.get_help().map(ToString::to_string).unwrap_or_default();
    if option.get_action().takes_values() {
        let values = option.get_possible_values();
        let values: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        if !values.is_empty() {
            words.push_str(&format!(" [{}]", values.join(", ")));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_once_in_the_programs_help() {
        let page = page(&Cli::command(), 100);
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let begin = format!("\n  {} ", command.get_name());
            assert_eq!(page.matches(&begin).count(), 1, "{begin}: {page}");
        }
        for option in ["-c, --config PATH", "--state-dir DIR", "--color WHEN", "-V, --version"] {
            assert!(page.contains(option), "{option}: {page}");
        }
    }

    #[test]
    fn help_fits_sixty_columns_and_more() {
        for room in [60, 80, 100] {
            for line in page(&Cli::command(), room).lines() {
                assert!(width(line) <= room, "{room}: {line}");
            }
        }
    }

    #[test]
    fn examples_stand_above_their_commands_where_there_is_no_room_beside() {
        for name in Cli::command().get_subcommands().map(clap::Command::get_name) {
            let Some(examples) = examples::of(name) else { continue };
            for line in listed(examples, 60).lines() {
                let is_command = line.starts_with("  transferd");
                assert!(width(line) <= 60 || is_command, "{name}: {line}");
                assert!(!is_command || !line.contains('#') || width(line) <= 60, "{line}");
            }
        }
    }

    #[test]
    fn a_commands_help_folds_the_global_options_and_gives_examples() {
        let mut program = program();
        program.build();
        let history = program.find_subcommand_mut("history").expect("it is a command");
        let help = history.render_long_help().to_string();
        assert!(help.contains("Examples:\n  transferd history"), "{help}");
        assert!(help.contains("Global options: -c PATH"), "{help}");
        assert!(!help.contains("--state-dir <DIR>"), "{help}");
    }
}
