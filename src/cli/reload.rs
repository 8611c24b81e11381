//! `reload`: has the daemon read its job file now, and prints the changes or the errors.

use std::io::Write;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done, say, say_error};
use super::render::changes;
use super::render::table::Screen;
use super::render::words::count;
use super::{Exit, Global, jobfile};
use crate::config::Severity;
use crate::control::diagnostic::DiagnosticDocument;
use crate::daemon::diagnostics::diagnostic;

/// Options of `transferd reload`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `reload`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let answer = match daemon.wait(daemon.client().reload()) {
        Ok(answer) => answer,
        Err(error) => return say_error(&error, err),
    };
    let exit = if answer.valid { Exit::Done } else { Exit::No };
    if args.json {
        return done(super::write_json(out, &answer.without_details()), exit);
    }
    let shown = |list: &[DiagnosticDocument], severity| -> Vec<_> {
        let worth = list.iter().filter(|document| !document.note).cloned();
        worth.map(|document| diagnostic(document, severity)).collect()
    };
    if !answer.is_empty() || !answer.valid {
        // If nothing has changed, they are those that were shown before.
        let _ = jobfile::diagnostics(&shown(&answer.warnings, Severity::Warning), global, err);
    }
    if !answer.valid {
        let _ = jobfile::diagnostics(&shown(&answer.errors, Severity::Error), global, err);
        say(err, &format!("{} is not in force; the old jobs stay", answer.path));
        return exit;
    }
    if answer.is_empty() {
        let warned = answer.warnings.iter().filter(|document| !document.note).count();
        let warned = match warned {
            0 => String::new(),
            number => format!("; {}: see `transferd check`", count(number, "warning")),
        };
        return done(writeln!(out, "nothing changed in `{}`{warned}", answer.path), exit);
    }
    let text = changes::page(&answer, Screen::of_stdout(global.color));
    done(out.write_all(text.as_bytes()), exit)
}
