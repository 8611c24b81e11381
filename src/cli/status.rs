//! `status`: daemon, job file, agent, token and each job, once or live.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, say_error};
use super::live::Live;
use super::news::News;
use super::render::fit::hanging;
use super::render::paint::{Paint, Tone};
use super::render::status::page;
use super::render::table::Screen;
use super::render::words::Times;
use super::{Exit, Global};
use crate::clock;
use crate::control::client::{Client, ClientError};
use crate::control::document::StatusDocument;
use crate::control::request::StatusQuery;
use crate::core::ids::{JobName, RunId};
use crate::core::run::RunState;
use crate::signals::{ScreenSignal, ScreenSignals, Signals};

/// How often the live view is drawn: it says how long ago things were.
const FRAME: Duration = Duration::from_secs(1);

/// So long after something has happened the daemon is asked: what happens together is shown
/// together.
const TOGETHER: Duration = Duration::from_millis(150);

/// How often the daemon is asked while transfers are under way: their counters are no events.
const COUNTERS: Duration = Duration::from_secs(2);

/// And how often while none is: neither is what operators, the job file and the agent do.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// What may be typed after `status`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only this job
    job: Option<String>,
    /// Print a JSON object
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Stay and follow; `q` or Ctrl-C ends it
    #[arg(short, long)]
    watch: bool,
    /// As a plain argument, for those who look for an option
    #[arg(long = "job", value_name = "JOB", hide = true, conflicts_with = "job")]
    named: Option<String>,
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
    let query = StatusQuery {
        job: args.job.clone().or(args.named.clone()),
        detail: !args.json,
        ..StatusQuery::default()
    };
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

/// Shows the page again and again until a signal or `q` comes. A daemon that goes away is waited
/// for.
fn watch(
    args: &Args,
    daemon: &Daemon,
    query: &StatusQuery,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let watched = daemon.wait(async {
        let mut signals = Signals::listen().map_err(|e| ClientError::Broken(e.to_string()))?;
        let watching = async {
            if std::io::stdout().is_terminal() {
                watch_on_terminal(args, daemon.client(), query, global, out).await
            } else {
                watch_in_file(daemon.client(), query, global, out).await
            }
        };
        tokio::select! {
            result = watching => result,
            _ = signals.next() => Ok(()),
        }
    });
    match watched {
        Ok(()) => Exit::Done,
        Err(error) => say_error(&error, err),
    }
}

async fn watch_on_terminal(
    args: &Args,
    client: &Client,
    query: &StatusQuery,
    global: &Global,
    out: &mut dyn Write,
) -> Result<(), ClientError> {
    let mut screen_signals =
        ScreenSignals::listen().map_err(|error| ClientError::Broken(error.to_string()))?;
    let mut live = Live::begin(out);
    let mut followed = Followed::default();
    let mut frames = tokio::time::interval(FRAME);
    let mut asking = Box::pin(ask(client.again(), query, News::default(), Duration::ZERO));
    loop {
        tokio::select! {
            biased;
            signal = screen_signals.next() => match signal {
                ScreenSignal::Suspended => live.suspend(),
                ScreenSignal::Resized => {}
            },
            () = live.quit() => return Ok(()),
            answer = &mut asking => {
                let (now, news) = followed.take(answer, client)?;
                asking.set(ask(now, query, news, followed.patience()));
            }
            _ = frames.tick() => {}
        }
        let page = followed.page(&times(args), Screen::of_stdout(global.color));
        // A terminal that is gone has nobody in front of it.
        if live.draw(&page).is_err() {
            return Ok(());
        }
    }
}

/// In a file or a pipe: a page, with dates, whenever more has changed than counters and times.
async fn watch_in_file(
    client: &Client,
    query: &StatusQuery,
    global: &Global,
    out: &mut dyn Write,
) -> Result<(), ClientError> {
    let mut followed = Followed::default();
    let mut written = None;
    let (mut client_now, mut news) = (client.again(), News::default());
    let mut patience = Duration::ZERO;
    loop {
        let answer = ask(client_now, query, news, patience).await;
        (client_now, news) = followed.take(answer, client)?;
        patience = followed.patience();
        let gist = followed.gist();
        if written.as_ref() == Some(&gist) {
            continue;
        }
        written = Some(gist);
        let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: true };
        let page = followed.page(&times, Screen::of_stdout(global.color));
        if writeln!(out, "{page}").and_then(|()| out.flush()).is_err() {
            return Ok(());
        }
    }
}

/// What a question has come to: the client, if there was one, where the stream is, and the answer.
type Answered = (Option<Client>, News, Result<StatusDocument, ClientError>);

/// Asks once, when something has happened or `longest` is over.
async fn ask(
    client: Result<Client, ClientError>,
    query: &StatusQuery,
    mut news: News,
    longest: Duration,
) -> Answered {
    match client {
        Ok(client) => {
            if !longest.is_zero() {
                news.wait(&client, |_| true, longest).await;
                tokio::time::sleep(TOGETHER).await;
            }
            let answer = client.status(query).await;
            (Some(client), news, answer)
        }
        Err(error) => {
            tokio::time::sleep(FRAME).await;
            (None, news, Err(error))
        }
    }
}

/// What is known of the daemon that is followed.
#[derive(Default)]
struct Followed {
    /// What it said last, and when.
    last: Option<(StatusDocument, Timestamp)>,
    /// Why it does not answer.
    away: Option<String>,
}

/// What makes a new page where each page stays: all that is not a counter or a time.
#[derive(PartialEq)]
struct Gist {
    away: bool,
    problems: Vec<String>,
    jobs: Vec<JobGist>,
}

/// The part of one job in it.
#[derive(PartialEq)]
struct JobGist {
    name: JobName,
    paused: bool,
    active: Option<(RunId, RunState, String)>,
    last: Option<RunId>,
}

impl Followed {
    /// Takes an answer in, and gives the client for the next question. A no is for good; a
    /// daemon that does not answer may come back.
    fn take(
        &mut self,
        (client, news, answer): Answered,
        place: &Client,
    ) -> Result<(Result<Client, ClientError>, News), ClientError> {
        match answer {
            Ok(status) => {
                self.last = Some((status, clock::now()));
                self.away = None;
                Ok((client.map_or_else(|| place.again(), Ok), news))
            }
            Err(error) if error.may_pass() => {
                self.away = Some(error.to_string());
                Ok((place.again(), News::default()))
            }
            Err(error) => Err(error),
        }
    }

    /// How long what is known may stand while nothing is told.
    fn patience(&self) -> Duration {
        let moves = |(status, _): &(StatusDocument, Timestamp)| {
            status.jobs.iter().any(|job| job.active_run.is_some())
        };
        match &self.last {
            _ if self.away.is_some() => FRAME,
            Some(last) if moves(last) => COUNTERS,
            Some(_) | None => QUIET_MAX,
        }
    }

    /// The page, headed by why it is old, if it is.
    fn page(&self, times: &Times, screen: Screen) -> String {
        let mut text = String::new();
        if let Some(away) = &self.away {
            let known = match &self.last {
                Some((_, at)) => format!("; what follows is of {}", times.brief(*at)),
                None => String::new(),
            };
            let words = hanging(&format!("{away}; waiting for it{known}"), 2, 2, screen.room());
            text = format!("{} {words}\n\n", Paint(screen.color).tone(Tone::Bad, "!"));
        }
        if let Some((status, _)) = &self.last {
            text.push_str(&page(status, times, screen));
        }
        text
    }

    fn gist(&self) -> Gist {
        let status = self.last.as_ref().map(|(status, _)| status);
        let jobs = status.map(|status| status.jobs.as_slice()).unwrap_or_default().iter();
        Gist {
            away: self.away.is_some(),
            problems: status.map(|status| status.problems.clone()).unwrap_or_default(),
            jobs: jobs
                .map(|job| {
                    let active = job.active_run.as_ref();
                    JobGist {
                        name: job.name.clone(),
                        paused: job.paused,
                        active: active.map(|run| (run.id, run.state, run.reason.clone())),
                        last: job.last_run.as_ref().map(|run| run.id),
                    }
                })
                .collect(),
        }
    }
}
