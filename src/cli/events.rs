//! `events`: prints events as they happen, like `journalctl -f`.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say, say_error};
use super::render::fit::plain;
use super::render::paint::{Paint, Tone};
use super::render::words::{ID_SHOWN, Times};
use super::{Exit, Global, zone};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::events::HappenedDocument;
use crate::control::json;
use crate::control::request::EventsQuery;
use crate::core::meant::JobWord;
use crate::core::run::RunState;
use crate::signals::Interrupts;

/// The pause before a daemon that has gone is looked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Tries before its absence is reported: a connection that is only renewed takes one.
const ABSENCE_SAID: u32 = 3;

/// Tries before the search is given up: a restart takes less.
const ABSENCE_MAX: u32 = 30;

/// Options of `transferd events`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only what happens to these jobs; a glob such as `dailies-*` stands for those that it fits
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    /// As a plain argument, for those who look for an option
    #[arg(long = "job", value_name = "JOB", hide = true)]
    named: Vec<String>,
    /// Begin behind the event of this id, as `--json` shows it [default: only what is new]
    #[arg(long, value_name = "ID", value_parser = event_id)]
    since: Option<u64>,
    /// As other tools have it: this command follows anyway
    #[arg(short, long, hide = true)]
    follow: bool,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

/// The id of an event.
fn event_id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        "not the id of an event, which `events --json` shows; for a time, \
         `transferd history --since` is what is meant"
            .to_owned()
    })
}

/// Carries out `events`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let jobs: Vec<String> = args.jobs.iter().chain(&args.named).cloned().collect();
    if let Some(words) = jobs.iter().find_map(|word| JobWord::parse(word).err()) {
        say(err, &words);
        return Exit::Usage;
    }
    if args.since.is_none() && std::io::stdout().is_terminal() {
        // There is nobody to tell if standard error is gone.
        let _ = writeln!(
            err,
            "following what happens from now on; `transferd history` lists past runs"
        );
    }
    let zone = zone::of_jobs(&jobs, global);
    let paper = Paper { zone, paint: Paint(global.color), json: args.json };
    let mut query = EventsQuery { since: args.since, jobs, detail: !args.json };
    let signals = daemon.wait(async { Interrupts::listen() });
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => {
            say(err, &format!("signals can't be heard: {error}"));
            return Exit::No;
        }
    };
    let mut absent = 0;
    loop {
        let telling = tell(&daemon, &mut query, &paper, out, &mut absent);
        let ended = daemon.wait(async {
            tokio::select! {
                biased;
                () = signals.next() => Ended::ByUser,
                ended = telling => ended,
            }
        });
        let error = match ended {
            Ended::ByUser => return Exit::Interrupted,
            Ended::Unheard(error) => return done(Err(error), Exit::Done),
            Ended::By(error) => error,
        };
        if !error.may_pass() || absent >= ABSENCE_MAX {
            return say_error(&error, err);
        }
        if absent == ABSENCE_SAID && std::io::stderr().is_terminal() {
            say(err, &format!("{error}; waiting for it"));
        }
        absent += 1;
        let waited = daemon.wait(async {
            tokio::select! {
                biased;
                () = signals.next() => false,
                () = tokio::time::sleep(PAUSE) => true,
            }
        });
        if !waited {
            return Exit::Interrupted;
        }
        daemon.reconnect();
    }
}

/// The form in which events are written.
struct Paper {
    /// That of the job, if only one is followed.
    zone: TimeZone,
    paint: Paint,
    json: bool,
}

/// Why the stream has ended.
enum Ended {
    /// Ctrl-C.
    ByUser,
    /// The reader of the output is gone.
    Unheard(std::io::Error),
    /// The daemon's stream ended.
    By(ClientError),
}

/// Prints events until the stream ends. A new daemon continues after the last event.
async fn tell(
    daemon: &Daemon,
    query: &mut EventsQuery,
    paper: &Paper,
    out: &mut dyn Write,
    absent: &mut u32,
) -> Ended {
    let mut following = match daemon.client().events(query).await {
        Ok(following) => following,
        Err(error) => return Ended::By(error),
    };
    loop {
        let happened = match following.next().await {
            Ok(happened) => happened,
            Err(error) => {
                query.since = following.last();
                return Ended::By(error);
            }
        };
        *absent = 0;
        query.since = Some(happened.id);
        let text = if paper.json {
            json::text(&happened).unwrap_or_default()
        } else {
            let times = Times { now: clock::now(), zone: paper.zone.clone(), absolute: false };
            line(&happened, &times, paper.paint)
        };
        if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
            return Ended::Unheard(error);
        }
    }
}

/// An event in a line.
fn line(happened: &HappenedDocument, times: &Times, paint: Paint) -> String {
    let HappenedDocument { id: _, at, event, job, run, .. } = happened;
    let id = run.to_string();
    let tone = RunState::from_word(event).map_or(Tone::Plain, Tone::of);
    let at = paint.tone(Tone::Faint, &times.full(*at));
    let job = paint.tone(Tone::Strong, &plain(job.as_str()));
    let event = paint.tone(tone, &plain(&event.replace('_', " ")));
    let detail = plain(&happened.sentence(times));
    let id = id.get(..ID_SHOWN).unwrap_or(&id);
    let line = format!("{at}  {job}  {id}  {event}");
    if detail.is_empty() { line } else { format!("{line}: {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_that_begins_with_its_time() {
        let document = serde_json::json!({
            "id": 7,
            "at": "2026-11-27T02:30:00Z",
            "event": "timed_out",
            "job": "nightly",
            "run": "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01",
            "detail": "past its `timeout`\u{1b}[31m",
        });
        let happened: HappenedDocument = serde_json::from_value(document).unwrap();
        let times = Times { now: happened.at, zone: TimeZone::UTC, absolute: false };
        assert_eq!(
            line(&happened, &times, Paint(false)),
            "2026-11-27 02:30:00 +00:00  nightly  6d0f6b0e  timed out: past its `timeout` [31m"
        );
    }
}
