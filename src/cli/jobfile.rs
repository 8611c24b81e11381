//! Reads the job file for commands, and prints its errors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::ask::{Daemon, say};
use super::guess::names_a_file;
use super::{Exit, Global, json_errors, offline};
use crate::clock;
use crate::config::{self, Diagnostic, Loaded, Rejected, Severity, Surroundings};
use crate::control::client::ClientError;
use crate::control::document::ConfigDocument;
use crate::control::request::StatusQuery;
use crate::core::date_time::with_offset;
use crate::core::job::JobSet;
use crate::core::suggest;

/// The current machine.
pub fn surroundings() -> Surroundings {
    let zone = clock::machine_zone();
    Surroundings {
        system_zone: (zone.name, zone.zone),
        zone_trouble: zone.trouble,
        now: clock::now(),
    }
}

/// The job file that `global` means.
///
/// # Errors
///
/// After printing that there is none.
pub fn path(global: &Global, err: &mut dyn Write) -> Result<PathBuf, Exit> {
    super::places::Places::here(global).config().map_err(|message| {
        say(err, &message);
        Exit::Usage
    })
}

/// The running daemon's own job file; none if `global` names one, or no daemon runs. Of one that
/// hangs the database knows it.
pub fn of_daemon(global: &Global, err: &mut dyn Write) -> Option<PathBuf> {
    if global.config.is_some() {
        return None;
    }
    let daemon = Daemon::find(global).ok()?;
    // The agent is not needed for this, and may be the one thing that does not answer.
    let query = StatusQuery { known: true, ..StatusQuery::default() };
    let client = daemon.client();
    match daemon.wait(client.soon(client.status(&query))) {
        Ok(status) => Some(PathBuf::from(status.config.path)),
        Err(silent @ ClientError::Silent(..)) => {
            let path = offline::kept_job_file(global)?;
            say(err, &format!("{silent}; its job file is `{}`", path.display()));
            Some(path)
        }
        Err(
            ClientError::NotRunning(_)
            | ClientError::NotPermitted(_)
            | ClientError::Refused(_)
            | ClientError::Unavailable(_)
            | ClientError::Interrupted(_)
            | ClientError::Broken(_),
        ) => None,
    }
}

/// The options for a command that needs no daemon: where one runs, with that one's job file.
pub fn as_daemon(global: &Global, err: &mut dyn Write) -> Global {
    let config = of_daemon(global, err).or_else(|| global.config.clone());
    Global { config, ..global.clone() }
}

/// Says that the daemon's job file is invalid, if it is: the command shows the jobs before.
pub fn print_that_old_jobs_run(file: &ConfigDocument, err: &mut dyn Write) {
    if file.valid {
        return;
    }
    let read = file.loaded_at.map(|at| with_offset(at, &TimeZone::system()));
    let read = read.map(|at| format!(", read at {at},")).unwrap_or_default();
    // There is nobody to tell if standard error is gone.
    let _ = writeln!(
        err,
        "the job file `{}` is invalid: the jobs before{read} are in force and shown here; \
         `transferd check` says what is wrong",
        file.path
    );
}

/// Reads a job file, or prints all its errors.
///
/// # Errors
///
/// After printing why it is refused.
pub fn read(path: &Path, global: &Global, err: &mut dyn Write) -> Result<Loaded, Exit> {
    config::read(path, &surroundings()).map_err(|rejected| match tell(&rejected, global, err) {
        Ok(()) | Err(_) => Exit::No,
    })
}

/// Prints that the file has no such job, and which one was probably meant.
pub fn no_job(name: &str, set: &JobSet, err: &mut dyn Write) -> Exit {
    let names: Vec<&str> = set.jobs.keys().map(|name| name.as_str()).collect();
    let meant = match suggest::closest(name, &names) {
        _ if names_a_file(name) => format!("; `-c {name}` names the job file"),
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; `transferd status` lists the jobs".to_owned(),
    };
    say(err, &format!("there is no job `{name}`{meant}"));
    Exit::No
}

/// Prints why a job file is refused.
///
/// # Errors
///
/// The reader of `err` is gone.
pub fn tell(rejected: &Rejected, global: &Global, err: &mut dyn Write) -> io::Result<()> {
    print_warnings(&rejected.warnings, global, err)?;
    diagnostics(&rejected.errors, global, err)
}

/// Prints warnings. Notes, which need no action, are printed by `check` alone.
///
/// # Errors
///
/// The reader of `err` is gone.
pub fn print_warnings(
    warnings: &[Diagnostic],
    global: &Global,
    err: &mut dyn Write,
) -> io::Result<()> {
    let worth = |warning: &&Diagnostic| warning.severity != Severity::Note;
    let warnings: Vec<_> = warnings.iter().filter(worth).cloned().collect();
    diagnostics(&warnings, global, err)
}

/// Writes diagnostics for people.
///
/// # Errors
///
/// The reader of `err` is gone.
pub fn diagnostics(list: &[Diagnostic], global: &Global, err: &mut dyn Write) -> io::Result<()> {
    let width = width();
    for diagnostic in list {
        if diagnostic.severity == Severity::Error {
            json_errors::keep_diagnostic(diagnostic);
        }
        writeln!(err, "{}", diagnostic.render(global.color_err, width))?;
    }
    Ok(())
}

/// Columns of the terminal on standard error, or a default for a file.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    size.map_or(120, |size| usize::from(size.ws_col)).clamp(60, 160)
}
