//! The command line: one file per command, and what they share.
//!
//! Each command is a file with `Args` (what may be typed) and `run` (what it does), which writes
//! to the `Write`s that it is given and answers an [`Exit`]. To add one: a `mod` line, a variant
//! of [`Command`], an arm in [`dispatch`].

pub mod accounts;
pub mod agent;
pub mod alert;
pub mod ask;
mod asked;
pub mod backfill;
pub mod cancel;
pub mod check;
pub mod completions;
pub mod demo;
pub mod diff;
pub mod doctor;
mod global;
pub mod history;
pub mod init;
pub mod jobfile;
mod live;
pub mod login;
pub mod man;
pub mod next;
pub mod offline;
pub mod pause;
mod pauses;
pub mod places;
pub mod prompt;
pub mod rehearse;
pub mod reload;
pub mod render;
pub mod retry;
pub mod run;
pub mod schema;
pub mod show;
pub mod sim;
pub mod status;
pub mod trigger;
pub mod why;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};
use serde::Serialize;

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
    /// Run the daemon, in the foreground
    Run(run::Args),
    /// Say whether the job file is good, and all that is wrong with it
    Check(check::Args),
    /// List the coming occurrences
    Next(next::Args),
    /// Show what a reload would change, and each next occurrence before and after
    Diff(diff::Args),
    /// Play the job file in virtual time: what would run, overlap, be skipped or wait
    ///
    /// The daemon's own engine plays it against a simulated agent. Needs no daemon, asks no agent
    /// and writes nothing; exits 0 whatever it finds, and 1 on a bad file.
    Rehearse(rehearse::Args),
    /// Print the JSON Schema of the job file, for editors
    Schema(schema::Args),
    /// Write a commented first job file
    Init(init::Args),
    /// Show the daemon, the agent, and each job: state, progress, last run, next run
    Status(status::Args),
    /// List past runs, newest first; works with the daemon down
    History(history::Args),
    /// Show one run: its attempts, and what happened in order
    Show(show::Args),
    /// Say why a job did or did not run then, or what it waits for now
    Why(why::Args),
    /// Run jobs now, or for a scheduled time that is past
    Trigger(trigger::Args),
    /// Repeat runs that did not succeed, for the same scheduled time and to the same places
    #[command(alias = "rerun")]
    Retry(retry::Args),
    /// Run a job for each past occurrence that has no success; shows the plan first
    Backfill(backfill::Args),
    /// Cancel an active run, at the agent too
    Cancel(cancel::Args),
    /// Stop the scheduling of a job; survives restarts
    Pause(pause::PauseArgs),
    /// Restart the scheduling of a job
    Resume(pause::ResumeArgs),
    /// Read the job file now, and say what changed or what is wrong
    Reload(reload::Args),
    /// Try the alerts of the job file
    Alert(alert::Args),
    /// List the agent's cloud accounts: name, id, provider
    Accounts(accounts::Args),
    /// Ask the agent about everything that transferd assumes of it; changes nothing
    Doctor(doctor::Args),
    /// Sign in, mint an API token, and write it to the token file
    Login(login::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
    Demo(demo::Args),
    Sim(Box<sim::Args>),
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
    let exit = dispatch(cli.command, &global, out, err);
    crate::log::finish();
    exit
}

fn dispatch(command: Command, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match command {
        Command::Run(args) => run::run(&args, global, out, err),
        Command::Check(args) => check::run(args, global, out, err),
        Command::Next(args) => next::run(args, global, out, err),
        Command::Diff(args) => diff::run(args, global, out, err),
        Command::Rehearse(args) => rehearse::run(args, global, out, err),
        Command::Schema(args) => schema::run(args, global, out, err),
        Command::Init(args) => init::run(args, global, out, err),
        Command::Status(args) => status::run(args, global, out, err),
        Command::History(args) => history::run(args, global, out, err),
        Command::Show(args) => show::run(args, global, out, err),
        Command::Why(args) => why::run(args, global, out, err),
        Command::Trigger(args) => trigger::run(args, global, out, err),
        Command::Retry(args) => retry::run(args, global, out, err),
        Command::Backfill(args) => backfill::run(args, global, out, err),
        Command::Cancel(args) => cancel::run(args, global, out, err),
        Command::Pause(args) => pause::pause(args, global, out, err),
        Command::Resume(args) => pause::resume(args, global, out, err),
        Command::Reload(args) => reload::run(args, global, out, err),
        Command::Alert(args) => alert::run(args, global, out, err),
        Command::Accounts(args) => accounts::run(args, global, out, err),
        Command::Doctor(args) => doctor::run(args, global, out, err),
        Command::Login(args) => login::run(args, global, out, err),
        Command::Completions(args) => completions::run(args, global, out, err),
        Command::Man(args) => man::run(args, global, out, err),
        Command::Demo(args) => demo::run(&args, global, out, err),
        Command::Sim(args) => sim::run(&args, global, out, err),
    }
}

/// Writes a document as JSON, indented as people and line-based tools like it.
fn write_json(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // In one piece: whatever is masked on the way out is looked for in each piece by itself.
    let mut text = serde_json::to_vec_pretty(document).map_err(io::Error::from)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

/// Help and version are answers; everything else is wrong usage.
fn usage(error: &clap::Error) -> Exit {
    // Nothing is left to tell it to if the terminal itself is gone.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}
