//! The command line: one file per command, and what they share.
//!
//! Each command is a file with `Args` (what may be typed) and `run` (what it does), which writes
//! to the `Write`s that it is given and answers an [`Exit`]. To add one: a `mod` line, a variant
//! of [`Command`], an arm in [`dispatch`].

mod global;
pub mod sim;

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, Subcommand};

pub use global::{ColorChoice, Exit, Global, GlobalArgs, LogFormat, LogLevel, Scope};

/// What may be typed.
#[derive(Debug, Parser)]
#[command(name = "transferd", version, about, long_about = None, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    Sim(sim::Args),
}

/// Carries out a command line, and answers the exit code.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let global = cli.global.resolve();
    dispatch(cli.command, &global, out, err)
}

fn dispatch(command: Command, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match command {
        Command::Sim(args) => sim::run(&args, global, out, err),
    }
}

/// Help and version are answers; everything else is wrong usage.
fn usage(error: &clap::Error) -> Exit {
    // Nothing is left to tell it to if the terminal itself is gone.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}
