//! The command line: one file per command, and what they share.
//!
//! Each command is a file with `Args` (what may be typed) and `run` (what it does), which writes
//! to the `Write`s that it is given and answers an [`Exit`]. To add one: a `mod` line, a variant
//! of [`Command`], an arm in [`dispatch`].

pub mod accounts;
pub mod agent;
pub mod alert;
pub mod ask;
pub mod backfill;
pub mod backup;
mod bundle;
pub mod cancel;
pub mod check;
pub mod completions;
pub mod demo;
pub mod desktop;
pub mod diff;
pub mod doctor;
pub mod edit;
mod event_stream;
pub mod events;
mod examples;
mod exit_status;
pub mod explain;
pub mod folded;
mod global;
mod guess;
pub mod history;
pub mod init;
pub mod jobfile;
mod json_errors;
pub mod login;
pub mod man;
mod man_jobs;
mod named_jobs;
pub mod next;
mod numbers;
pub mod offline;
pub mod pause;
mod pauses;
pub mod places;
mod program;
pub mod prompt;
mod reason_codes;
pub mod rehearse;
pub mod reload;
pub mod render;
pub mod retry;
pub mod run;
mod scheduled_time;
pub mod schema;
pub mod service;
pub mod show;
pub mod sim;
pub mod status;
#[cfg(test)]
mod tests;
pub mod trigger;
mod watch;
pub mod when;
mod whereabouts;
pub mod why;
mod zone;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{FromArgMatches as _, Parser, Subcommand};
use serde::Serialize;

use folded::Folded;
use render::table::Screen;

use crate::core::plain::escape_unseen;
use crate::words::without_innards;

pub use global::{ColorChoice, Exit, Global, GlobalArgs, LogFormat, LogLevel, Scope};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "transferd", version, about, long_about = None, max_term_width = 100,
          arg_required_else_help = true)]
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
    /// Validate the job file and report every problem
    #[command(aliases = ["validate", "test", "lint"])]
    Check(CheckArgs),
    /// List each job's next run, or the coming runs of one job
    Next(next::Args),
    /// Show what a reload would change, field by field, and each next run before and after
    Diff(diff::Args),
    /// Play the job file in virtual time: what would run, overlap, be skipped or wait
    ///
    /// The daemon's own engine plays it against a simulated agent. Needs no daemon, asks no agent
    /// and writes nothing; exits 0 whatever it finds, and 1 on a bad file. With `--expect FILE` (part
    /// of an earlier `--json` output) it exits 1 if the result differs.
    Rehearse(rehearse::Args),
    /// Print the JSON Schema of the job file, for editors
    Schema(schema::Args),
    /// Write a commented first job file
    Init(init::Args),
    /// Edit the job file, which is checked before it replaces the old one
    ///
    /// Opens a copy in `$VISUAL`, else `$EDITOR`, else vi. After an invalid edit you may edit
    /// again; if you quit, the old file stays and your edit is saved beside it.
    Edit(edit::Args),
    /// Explain a key of the job file: meaning, type, default, example
    Explain(explain::Args),
    /// Show the daemon, the agent and each job; with a job, everything about it
    #[command(aliases = ["list", "ls", "ps", "jobs"])]
    Status(status::Args),
    /// List past runs, newest first; works with the daemon down
    History(history::Args),
    /// Show one run: its attempts, and what happened in order
    #[command(alias = "describe")]
    Show(show::Args),
    /// Follow what happens, as it happens
    #[command(aliases = ["logs", "tail"])]
    Events(events::Args),
    /// Explain why a job did or did not run at a given time, or what it waits for now
    Why(why::Args),
    /// Run jobs now, or for a scheduled time that is past
    #[command(alias = "start")]
    Trigger(trigger::Args),
    /// Repeat runs that did not succeed, for the same scheduled time and to the same places
    #[command(alias = "rerun")]
    Retry(retry::Args),
    /// Run a job for each past occurrence that has no success; shows the plan first
    Backfill(backfill::Args),
    /// Cancel an active run, at the agent too
    #[command(aliases = ["stop", "kill", "abort"])]
    Cancel(cancel::Args),
    /// Stop the scheduling of jobs; survives restarts
    Pause(pause::PauseArgs),
    /// Restart the scheduling of paused jobs
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
    /// Copy the state to a file, whether or not the daemon runs
    Backup(backup::Args),
    /// Install, remove or look at the service of a program that came without a package
    Service(service::Args),
    /// Show a notification on your desktop when a transfer fails or is late
    ///
    /// Follows your own service and the system's, if it may, until it is stopped. The unit
    /// `transferd-desktop` runs it with the desktop.
    Desktop(desktop::Args),
    /// Print completions for a shell
    ///
    /// For bash `source <(transferd completions bash)` in ~/.bashrc, for zsh `source <(transferd
    /// completions zsh)` behind `compinit` in ~/.zshrc, for fish `transferd completions fish | source`
    /// in its config.fish. Packages and `transferd service install` bring them along.
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
    Demo(demo::Args),
    Sim(Box<sim::Args>),
    /// Print the version
    #[command(hide = true)]
    Version(VersionArgs),
}

impl Command {
    /// Whether its answer is for people, line by line; output that is to be pasted, piped or
    /// redrawn is left as it is.
    fn is_prose(&self) -> bool {
        match self {
            Self::Check(_)
            | Self::Next(_)
            | Self::Diff(_)
            | Self::Rehearse(_)
            | Self::Edit(_)
            | Self::Explain(_)
            | Self::History(_)
            | Self::Show(_)
            | Self::Events(_)
            | Self::Why(_)
            | Self::Trigger(_)
            | Self::Retry(_)
            | Self::Backfill(_)
            | Self::Cancel(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Reload(_)
            | Self::Alert(_)
            | Self::Doctor(_)
            | Self::Login(_)
            | Self::Backup(_)
            | Self::Demo(_) => true,
            Self::Init(args) => !args.prints(),
            Self::Run(_)
            | Self::Schema(_)
            | Self::Status(_)
            | Self::Accounts(_)
            | Self::Service(_)
            | Self::Desktop(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Sim(_)
            | Self::Version(_) => false,
        }
    }
}

/// `check`, whose job file may be named without `-c`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// The job file [default: as for `-c`]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    args: check::Args,
}

/// Options of `transferd version`.
#[derive(Debug, clap::Args)]
struct VersionArgs {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out a command line, and returns the exit code.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    let typed = guess::help_behind(&typed).unwrap_or(typed);
    let json = typed.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    json_errors::begin();
    let mut out = json_errors::Watched::new(out);
    let exit = carry_out(&typed, json, &mut out, err);
    let silent = !out.written && matches!(exit, Exit::No | Exit::Usage | Exit::NotRunning);
    if json && silent && json_errors::print(&mut out).is_err() {
        return Exit::No;
    }
    // What is left in a buffer may be the part that finds no room; a command notes the error itself.
    let _ = out.flush();
    match out.failed {
        Some(error) => {
            let words = without_innards(&error.to_string());
            ask::say(err, &format!("standard output can't be written: {words}"));
            Exit::No
        }
        None => exit,
    }
}

fn carry_out(typed: &[OsString], json: bool, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let parsed = program::program()
        .try_get_matches_from(typed)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let is_prose = !json && cli.command.is_prose();
            let room = Screen::room_of(io::stdout()).filter(|_| is_prose);
            let mut out = Folded::new(out, room);
            let exit = dispatch(cli.command, &cli.global.resolve(), &mut out, err);
            crate::log::finish();
            exit
        }
        Err(error) if !error.use_stderr() => {
            // The caller looks at what kept it from being written.
            let _ = write_styled(out, &error.render(), global::color_of(&io::stdout()));
            Exit::Done
        }
        Err(error) => usage(&error, typed, err),
    }
}

fn dispatch(command: Command, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match command {
        Command::Run(args) => run::run(&args, global, out, err),
        Command::Check(CheckArgs { file, args }) => {
            if file.is_some() && global.config.is_some() {
                ask::say(err, "FILE and `-c` both name the job file");
                ask::hint(
                    err,
                    "keep one of them: `transferd check FILE` is `transferd check -c FILE`",
                );
                return Exit::Usage;
            }
            let config = file.or_else(|| global.config.clone());
            let named = Global { config, ..global.clone() };
            check::run(args, &jobfile::as_daemon(&named, err), out, err)
        }
        Command::Next(args) => next::run(args, global, out, err),
        Command::Diff(args) => diff::run(args, global, out, err),
        Command::Rehearse(args) => rehearse::run(args, &jobfile::as_daemon(global, err), out, err),
        Command::Schema(args) => schema::run(args, global, out, err),
        Command::Init(args) => init::run(args, global, out, err),
        Command::Status(args) => status::run(args, global, out, err),
        Command::History(args) => history::run(args, global, out, err),
        Command::Show(args) => show::run(args, global, out, err),
        Command::Edit(args) => edit::run(args, global, out, err),
        Command::Explain(args) => explain::run(args, global, out, err),
        Command::Events(args) => events::run(args, global, out, err),
        Command::Why(args) => why::run(args, global, out, err),
        Command::Trigger(args) => trigger::run(args, global, out, err),
        Command::Retry(args) => retry::run(args, global, out, err),
        Command::Backfill(args) => backfill::run(args, global, out, err),
        Command::Cancel(args) => cancel::run(args, global, out, err),
        Command::Pause(args) => pause::pause(args, global, out, err),
        Command::Resume(args) => pause::resume(args, global, out, err),
        Command::Reload(args) => reload::run(args, global, out, err),
        Command::Alert(args) => alert::run(args, &jobfile::as_daemon(global, err), out, err),
        Command::Accounts(args) => accounts::run(args, &jobfile::as_daemon(global, err), out, err),
        Command::Doctor(args) => doctor::run(args, &jobfile::as_daemon(global, err), out, err),
        Command::Login(args) => login::run(args, &jobfile::as_daemon(global, err), out, err),
        Command::Backup(args) => backup::run(args, global, out, err),
        Command::Service(args) => service::run(args, global, out, err),
        Command::Desktop(args) => desktop::run(args, global, out, err),
        Command::Completions(args) => completions::run(args, global, out, err),
        Command::Man(args) => man::run(args, global, out, err),
        Command::Demo(args) => demo::run(&args, global, out, err),
        Command::Sim(args) => sim::run(&args, global, out, err),
        Command::Version(VersionArgs { json }) => {
            let version = env!("CARGO_PKG_VERSION");
            let told = match json {
                true => write_json(out, &serde_json::json!({ "version": version })),
                false => writeln!(out, "transferd {version}"),
            };
            ask::done(told, Exit::Done)
        }
    }
}

/// Writes a document as JSON, indented as people and line-based tools like it.
fn write_json(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    // In one piece: the output filter searches each piece by itself.
    let mut text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
    text.push('\n');
    out.write_all(escape_unseen(text).as_bytes())?;
    out.flush()
}

fn write_styled(to: &mut dyn Write, text: &StyledStr, color: bool) -> io::Result<()> {
    match color {
        true => write!(to, "{}", text.ansi()),
        false => write!(to, "{text}"),
    }
}

/// Says what is wrong with what was typed, with a suggestion.
fn usage(error: &clap::Error, typed: &[OsString], err: &mut dyn Write) -> Exit {
    match guess::guess(error, typed) {
        Some(guess) => {
            ask::say(err, &guess.message);
            ask::hint(err, &guess.hint);
        }
        None => {
            let told = error.render();
            // There is nobody to tell if standard error is gone.
            let _ = write_styled(err, &told, global::color_of(&io::stderr()));
            let (message, hint) = in_lines(&told.to_string());
            json_errors::keep(&message);
            if let Some(hint) = hint {
                json_errors::keep_hint(&hint);
            }
        }
    }
    Exit::Usage
}

/// Clap's message as an error and a hint, a line each: its first paragraph, which may list missing
/// arguments; its tips, and how the command is typed.
fn in_lines(words: &str) -> (String, Option<String>) {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = words.split("\n\n").map(line).filter(|line| !line.is_empty());
    let message = paragraphs.next().unwrap_or_default();
    let message = message.trim_start_matches("error:").trim().to_owned();
    let hints: Vec<String> = paragraphs
        .filter_map(|line| {
            let usage = line.strip_prefix("Usage: ").map(|usage| format!("usage: `{usage}`"));
            usage.or_else(|| line.strip_prefix("tip: ").map(str::to_owned))
        })
        .collect();
    (message, (!hints.is_empty()).then(|| hints.join("; ")))
}
