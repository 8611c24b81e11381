//! `docs/commands.md`: each command with its options, from the command line itself.

use clap::Command;

use super::cell;
use crate::cli::examples;
use crate::cli::man::{about, listed_options, program, usage};
use crate::cli::program::GROUPS;

/// The page.
pub(super) fn page() -> String {
    let program = program();
    let mut text = String::from(
        "`transferd COMMAND --help` says the same in the terminal, `transferd man | man -l -` as a \
         manual. Exit codes: 0 done; 1 the answer is no; 2 usage; 3 the daemon is not running; 130 \
         interrupted while waiting; `run` exits 78 on an invalid file at start when there never was \
         a good one.\n",
    );
    for (heading, names) in GROUPS {
        text.push_str(&format!("\n## {heading}\n"));
        for command in names.iter().filter_map(|name| program.find_subcommand(name)) {
            text.push_str(&section(command));
        }
    }
    text.push_str("\n## Global options\n\n");
    text.push_str(&table("option", &listed_options(&program, true)));
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let left = program
        .get_subcommands()
        .find(|command| !command.is_hide_set() && !grouped(command.get_name()));
    assert!(left.is_none(), "in no group: {:?}", left.map(Command::get_name));
    text
}

fn section(command: &Command) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n", command.get_name(), about(command));
    let below: Vec<&Command> =
        command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if below.is_empty() {
        text.push_str(&described(command));
    }
    for below in below {
        text.push_str(&format!("\n{}\n{}", about(below), described(below)));
    }
    if let Some(examples) = examples::of(command.get_name()) {
        text.push_str("\n```sh\n");
        let longest = examples.iter().map(|example| example.line.len()).max().unwrap_or(0);
        for example in examples {
            text.push_str(&format!("{:longest$}   # {}\n", example.line, example.does));
        }
        text.push_str("```\n");
    }
    text
}

/// How a command is typed, and its options.
fn described(command: &Command) -> String {
    let options = listed_options(command, false);
    let table = if options.is_empty() { String::new() } else { table("argument", &options) };
    format!("\n    {}\n\n{table}", usage(command).replace('\n', "\n    "))
}

fn table(heading: &str, options: &[(String, String)]) -> String {
    let mut text = format!("| {heading} | does |\n| --- | --- |\n");
    for (names, words) in options {
        text.push_str(&format!("| `{}` | {} |\n", cell(names), cell(words)));
    }
    text
}
