//! `trigger`: a run now, waited for if wanted.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;

use super::ask::{Daemon, done, say_error};
use super::render::run as words;
use super::{Exit, Global};
use crate::control::client::ClientError;
use crate::control::document::RunDocument;
use crate::control::request::{JobQuery, ShowQuery};
use crate::core::run::RunState;

/// How often a run that is waited for is asked about: fast enough to feel live.
const GLANCE: Duration = Duration::from_millis(200);

/// How long a daemon that has gone, as for a restart, is waited for.
const ABSENCE_MAX: u32 = 150;

/// What may be typed after `trigger`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The job
    job: String,
    /// Wait for the run's end, and exit 0 only if it succeeded
    #[arg(long)]
    wait: bool,
    /// Print the run as a JSON object
    #[arg(long)]
    json: bool,
}

/// Carries out `trigger`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let started = match daemon.wait(daemon.client().trigger(&JobQuery { job: args.job })) {
        Ok(run) => run,
        Err(error) => return say_error(&error, err),
    };
    if !args.json
        && let Err(error) = writeln!(out, "{}", started.id).and_then(|()| out.flush())
    {
        return done(Err(error), Exit::No);
    }
    let mut run = started;
    if args.wait {
        run = match follow(&daemon, global, run, err) {
            Ok(run) => run,
            Err(error) => return say_error(&error, err),
        };
    }
    let good = !args.wait || run.state == RunState::Succeeded;
    let exit = if good { Exit::Done } else { Exit::No };
    let written = if args.json { super::write_json(out, &run) } else { Ok(()) };
    done(written, exit)
}

/// Waits for the end of a run and tells each change. The daemon may be restarted meanwhile.
pub(super) fn follow(
    daemon: &Daemon,
    global: &Global,
    mut run: RunDocument,
    err: &mut dyn Write,
) -> Result<RunDocument, ClientError> {
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = indicatif::ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    let query = ShowQuery { run: run.id.to_string() };
    let mut told = String::new();
    let mut absent = 0;
    loop {
        let line = words::line(&run);
        match &bar {
            Some(bar) => bar.set_message(line.clone()),
            // Counters change all the time: a file gets a line for each state only.
            None if told != run.state.word() => {
                let _ = writeln!(err, "{line}");
                run.state.word().clone_into(&mut told);
            }
            None => {}
        }
        if run.state.is_over() {
            if let Some(bar) = bar {
                bar.finish_and_clear();
                let paint = super::render::paint::Paint(global.color_err);
                let tone = super::render::paint::Tone::of(run.state);
                let _ = writeln!(err, "{}", paint.tone(tone, &line));
            }
            return Ok(run);
        }
        let answer = daemon.wait(async {
            tokio::time::sleep(GLANCE).await;
            daemon.client().show(&query).await
        });
        match answer {
            Ok(shown) => {
                absent = 0;
                run = shown.run;
            }
            Err(ClientError::NotRunning(_) | ClientError::Broken(_)) if absent < ABSENCE_MAX => {
                absent += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
