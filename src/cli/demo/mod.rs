//! `demo`: runs the real daemon on the simulated agent, with sample jobs on schedules of seconds.
//!
//! Agent and view share one thread, the daemon has its own, and all requests go over the control
//! socket as for any other daemon. With `--state-dir` all of it outlives the process.

mod no_echo;
mod stage;
mod summary;
mod view;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;

use super::ask::{done, runtime, say};
use super::render::table::{Screen, is_dumb};
use super::run::start_log;
use super::{Exit, Global, LogLevel};
use crate::control::client::Client;
use crate::control::document::JobDocument;
use crate::control::request::StatusQuery;
use crate::core::duration;
use crate::signals::Interrupts;
use no_echo::NoEcho;
use stage::Stage;
use view::{Seen, View};

/// How long a demo without a terminal lasts: each of its events has happened at least twice by
/// then.
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
    let seen = match (std::io::stdout().is_terminal(), is_dumb()) {
        (true, false) => Seen::Terminal,
        (true, true) => Seen::Dumb,
        (false, _) => Seen::File,
    };
    if seen == Seen::File
        && let Err(error) = start_log(global, LogLevel::Info)
    {
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
    let result = runtime.block_on(play(args, global, seen, out));
    runtime.shutdown_background();
    match result {
        Ok(written) => done(written, Exit::Done),
        Err(words) => {
            say(err, &words);
            Exit::No
        }
    }
}

/// Sets up the demo, shows it, cleans up, and prints the summary.
async fn play(
    args: &Args,
    global: &Global,
    seen: Seen,
    out: &mut dyn Write,
) -> Result<std::io::Result<()>, String> {
    let mut signals = Interrupts::listen().map_err(|error| error.to_string())?;
    let mut stage = Stage::set(global.state_dir.as_deref(), args.seed).await?;
    let length = args.length.or((seen == Seen::File).then_some(UNWATCHED));
    let client = stage.client();
    let legend = legend(&client).await;
    if let Err(error) = writeln!(out, "{}\n{legend}", stage.words()).and_then(|()| out.flush()) {
        return Ok(Err(error));
    }
    let _no_echo = (seen == Seen::Terminal).then(NoEcho::begin);
    let mut view = View::new(seen, global.color);
    let end = async {
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let failure = tokio::select! {
        () = end => None,
        () = signals.next() => None,
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

/// The purpose of each job, in a line each.
async fn legend(client: &Client) -> String {
    let Ok(status) = client.status(&StatusQuery::default()).await else { return String::new() };
    let line = |job: &JobDocument| {
        format!("  {:<12} {}\n", job.name, job.description.as_deref().unwrap_or_default())
    };
    status.jobs.iter().map(line).collect()
}
