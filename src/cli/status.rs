//! `status`: daemon, job file, agent, token and each job, once or live.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say_error};
use super::render::status::page;
use super::render::table::Screen;
use super::render::words::Times;
use super::{Exit, Global};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::request::StatusQuery;
use crate::signals::{Signal, Signals};

/// How often the live view is drawn.
const FRAME: Duration = Duration::from_secs(1);

/// What may be typed after `status`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only this job
    job: Option<String>,
    /// Print a JSON object
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Stay and follow; Ctrl-C ends it
    #[arg(long)]
    watch: bool,
    /// Show dates instead of how long ago
    #[arg(long)]
    absolute: bool,
    /// Print the names of the jobs only
    #[arg(long, hide = true)]
    names: bool,
}

/// Carries out `status`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let query = StatusQuery { job: args.job.clone(), detail: !args.json };
    if args.watch {
        return watch(&args, &daemon, &query, global, out, err);
    }
    let status = match daemon.wait(daemon.client().status(&query)) {
        Ok(status) => status,
        Err(error) => return say_error(&error, err),
    };
    let written = if args.json {
        super::write_json(out, &status)
    } else if args.names {
        status.jobs.iter().try_for_each(|job| writeln!(out, "{}", job.name))
    } else {
        let screen = Screen::of_stdout(global.color);
        out.write_all(page(&status, &times(&args), screen).as_bytes())
    };
    done(written, Exit::Done)
}

fn times(args: &Args) -> Times {
    Times { now: clock::now(), zone: TimeZone::system(), absolute: args.absolute }
}

/// Draws the page again and again until a signal comes. A daemon that goes away is waited for.
fn watch(
    args: &Args,
    daemon: &Daemon,
    query: &StatusQuery,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let terminal = std::io::stdout().is_terminal();
    let answer = daemon.wait(async {
        let mut signals = Signals::listen().map_err(|e| ClientError::Broken(e.to_string()))?;
        let mut drawing = Drawing::begin(terminal, out);
        loop {
            let text = match daemon.client().status(query).await {
                Ok(status) => page(&status, &times(args), Screen::of_stdout(global.color)),
                Err(error @ ClientError::Refused(_)) => return Err(error),
                Err(error) => format!("{error}; waiting for it\n"),
            };
            if drawing.draw(&text).is_err() {
                return Ok(());
            }
            tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Stop | Signal::Reload => return Ok(()),
                },
                () = tokio::time::sleep(FRAME) => {}
            }
        }
    });
    match answer {
        Ok(()) => Exit::Done,
        Err(error) => say_error(&error, err),
    }
}

/// Draws pages over each other on a terminal, and gives the terminal back at the end; elsewhere
/// writes a page whenever it differs.
struct Drawing<'a> {
    terminal: bool,
    out: &'a mut dyn Write,
    drawn: String,
}

impl<'a> Drawing<'a> {
    fn begin(terminal: bool, out: &'a mut dyn Write) -> Self {
        if terminal {
            // The second screen, without a cursor. If it can't be written, drawing tells.
            let _ = out.write_all(b"\x1b[?1049h\x1b[?25l");
        }
        Self { terminal, out, drawn: String::new() }
    }

    fn draw(&mut self, text: &str) -> std::io::Result<()> {
        if !self.terminal {
            if self.drawn != text {
                text.clone_into(&mut self.drawn);
                writeln!(self.out, "{text}")?;
            }
            return self.out.flush();
        }
        // No line may scroll the screen: what does not fit is left out.
        let height = rustix::termios::tcgetwinsize(std::io::stdout())
            .map_or(24, |size| usize::from(size.ws_row.max(2)));
        let mut frame = String::from("\x1b[H");
        for (index, line) in text.lines().take(height - 1).enumerate() {
            if index > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(line);
            frame.push_str("\x1b[K");
        }
        frame.push_str("\x1b[J");
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}

impl Drop for Drawing<'_> {
    fn drop(&mut self) {
        if self.terminal {
            let _ = self.out.write_all(b"\x1b[?25h\x1b[?1049l");
            let _ = self.out.flush();
        }
    }
}
