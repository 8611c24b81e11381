//! `run`: the daemon, in the foreground.

use std::io::Write;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use tokio_util::sync::CancellationToken;
use tracing::Level;

use super::ask::{hint, say};
use super::places::Places;
use super::{Exit, Global, LogFormat, LogLevel};
use crate::daemon::{self, Options, StartError};
use crate::log::{self, Format};
use crate::systemd;

/// Options of `transferd run`.
#[derive(Debug, ClapArgs)]
pub struct Args {}

const NEVER_GOOD: &str = "the job file is invalid, and there never was a good one to go on with";

/// Carries out `run`.
pub fn run(_args: &Args, global: &Global, _out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if let Err(error) = start_log(global, LogLevel::Info) {
        say(err, &format!("the journal can't be reached: {error}"));
        return Exit::No;
    }
    let options = match options(global) {
        Ok(options) => options,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let result = daemon::run(options);
    if let (Err(StartError::BadConfig(words)), LogFormat::Json) = (&result, global.log_format) {
        // Whoever reads JSON reads nothing else there.
        tracing::error!("{NEVER_GOOD}: {}", words.trim_end());
        log::finish();
        return Exit::BadConfig;
    }
    // The messages below come after it.
    log::finish();
    match result {
        Ok(()) => Exit::Done,
        Err(StartError::BadConfig(words)) => {
            let _ = writeln!(err, "{}", words.trim_end());
            say(err, NEVER_GOOD);
            hint(err, "correct it and look with `transferd check`, or begin with `transferd init`");
            Exit::BadConfig
        }
        Err(StartError::Failed(words)) => {
            say(err, &words);
            Exit::No
        }
    }
}

/// The options of the daemon under `global`.
fn options(global: &Global) -> Result<Options, String> {
    let places = Places::here(global);
    let (socket, socket_mode) = places.own_socket()?;
    // The readers of these paths are in another folder.
    let absolute = |path: PathBuf| {
        std::path::absolute(&path)
            .map_err(|error| format!("the path `{}` can't be used: {error}", path.display()))
    };
    Ok(Options {
        config: absolute(places.config()?)?,
        state_folder: absolute(places.state_folder()?)?,
        socket: absolute(socket)?,
        socket_mode,
        signals: true,
        stop: CancellationToken::new(),
    })
}

/// Starts logging as `global` wants it; `level` is the default.
pub fn start_log(global: &Global, level: LogLevel) -> std::io::Result<()> {
    let human = Format::Human { color: global.color_err };
    let format = match global.log_format {
        LogFormat::Auto if systemd::logs_to_journal() => Format::Journal,
        LogFormat::Auto | LogFormat::Human => human,
        LogFormat::Json => Format::Json,
        LogFormat::Journal => Format::Journal,
    };
    log::start(format, level_of(global.log_level.unwrap_or(level)))
}

fn level_of(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}
