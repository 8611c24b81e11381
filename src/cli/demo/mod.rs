//! `demo`: the real daemon on the simulated agent, with sample jobs on schedules of seconds.
//!
//! Agent and view share one thread, the daemon has its own, and all asking goes over the control
//! socket as for any other daemon. With `--state-dir` all of it outlives the process.

mod stage;
mod summary;
mod view;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;

use super::ask::{done, runtime, say};
use super::render::table::Screen;
use super::run::start_log;
use super::{Exit, Global, LogLevel};
use crate::core::duration;
use crate::signals::Signals;
use stage::Stage;
use view::View;

/// Where nobody watches, the demo ends by itself after this: each thing that it shows has
/// happened at least twice.
const UNWATCHED: Duration = Duration::from_secs(30);

/// Run the daemon on a built-in simulated agent, with sample jobs, shown live
///
/// Needs no agent, no token and no job file, and leaves nothing behind, unless `--state-dir` names
/// a folder: then even a demo that was killed carries on where it was.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// End after this long [default: on a terminal at Ctrl-C, else after 30s]
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    length: Option<Duration>,
    /// Random seed of the simulated agent
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn length(text: &str) -> Result<Duration, String> {
    let length = duration::parse(text).map_err(|error| error.to_string())?;
    Duration::try_from(length).map_err(|error| error.to_string())
}

/// Carries out `demo`.
pub fn run(args: &Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let terminal = std::io::stdout().is_terminal();
    if !terminal && let Err(error) = start_log(global, LogLevel::Info) {
        say(err, &format!("the journal can't be reached: {error}"));
        return Exit::No;
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(err, &format!("the demo can't start: {error}"));
            return Exit::No;
        }
    };
    let result = runtime.block_on(play(args, global, terminal, out));
    runtime.shutdown_background();
    match result {
        Ok(written) => done(written, Exit::Done),
        Err(words) => {
            say(err, &words);
            Exit::No
        }
    }
}

/// Sets the stage, shows what happens, clears the stage, and sums up.
async fn play(
    args: &Args,
    global: &Global,
    terminal: bool,
    out: &mut dyn Write,
) -> Result<std::io::Result<()>, String> {
    let mut signals = Signals::listen().map_err(|error| error.to_string())?;
    let mut stage = Stage::set(global.state_dir.as_deref(), args.seed).await?;
    let length = args.length.or((!terminal).then_some(UNWATCHED));
    if let Err(error) = writeln!(out, "{}", stage.words()) {
        return Ok(Err(error));
    }
    let client = stage.client();
    let mut view = View::new(terminal, global.color);
    let end = async {
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let failure = tokio::select! {
        () = end => None,
        _ = signals.next() => None,
        () = view.follow(&client) => None,
        words = stage.fallen() => Some(words),
    };
    view.clear();
    if let Some(words) = failure {
        return Err(words);
    }
    let history = stage.history().await;
    let agent = stage.agent_record();
    stage.clear().await?;
    let screen = Screen::of_stdout(global.color);
    Ok(write!(out, "\n{}", summary::text(&history, &agent, screen)))
}
