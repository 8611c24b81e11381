//! `trigger`: starts runs now or for a past time, and waits for them if asked to.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args as ClapArgs;
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ask::{Daemon, done, hint, say, say_error};
use super::event_stream::News;
use super::render::fit;
use super::render::paint::{Paint, Tone};
use super::render::run as words;
use super::render::table::is_dumb;
use super::render::words::{ID_SHOWN, Times};
use super::scheduled_time::time_asked;
use super::{Exit, Global, named_jobs, zone};
use crate::clock;
use crate::control::client::ClientError;
use crate::control::document::RunDocument;
use crate::control::repeats::TriggerQuery;
use crate::control::request::ShowQuery;
use crate::core::ids::RunId;
use crate::core::meant::is_glob;
use crate::core::reason::ReasonCode;
use crate::core::run::{Changes, RunState};
use crate::signals::Interrupts;

/// How long a run is waited for without news before it is asked for.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// The time between two requests while its counters are shown: they are not events.
const COUNTERS: Duration = Duration::from_secs(1);

/// Tries to find a daemon that has gone, as for a restart, a second apart.
const ABSENCE_MAX: u32 = 30;

/// Tries before its absence is reported: a restart takes less.
const ABSENCE_SAID: u32 = 2;

/// Options of `transferd trigger`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The jobs; a glob such as `dailies-*` stands for the enabled ones that it fits
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<String>,
    /// Run for this scheduled time: an instant, or a day that holds one occurrence; dated paths
    /// are those of that time
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true)]
    time: Option<String>,
    /// Even if that time has already succeeded
    #[arg(long, requires = "time")]
    again: bool,
    /// Change this run alone, and what repeats it: `source.path`, `destination.path`,
    /// `allow_skip`, `timeout`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    end: End,
}

/// What is done once runs are recorded.
#[derive(Debug, ClapArgs)]
pub struct End {
    /// Wait for the run's end, and exit 0 only if it succeeded; Ctrl-C ends the waiting, not the
    /// run
    #[arg(short, long)]
    wait: bool,
    /// Print the run as a JSON object; several as an array
    #[arg(long)]
    json: bool,
}

/// Carries out `trigger`.
pub fn run(args: Args, global: &Global, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let Args { jobs, time, again, set, end } = args;
    if let Err(words) = Changes::parse(&set) {
        say(err, &words);
        return Exit::Usage;
    }
    let zone = zone::meant(time.iter(), &jobs, global);
    let several = jobs.len() > 1 || jobs.iter().any(|job| is_glob(job));
    let asked = |text: String| time_asked(("--for", &text), clock::now(), (&zone, several), err);
    let time = match time.map(asked).transpose() {
        Ok(time) => time,
        Err(words) => {
            say(err, &words);
            return Exit::Usage;
        }
    };
    let mut daemon = match Daemon::find_or_say(global, err) {
        Ok(daemon) => daemon,
        Err(exit) => return exit,
    };
    let query = TriggerQuery { jobs, time, again, set };
    match daemon.wait(daemon.client().trigger(&query)) {
        Ok(runs) => {
            if !query.set.is_empty() && !end.wait && !end.json {
                // What was changed is seen before it is too late. Whoever waits is told anyway.
                runs.iter()
                    .filter(|run| run.scheduled_for.is_none())
                    .for_each(|run| tell(run, err));
            }
            end.of(runs, several, &mut daemon, global, (out, err))
        }
        Err(error) => {
            let all = "`transferd trigger '*'` runs all that are enabled";
            let time = "write `--for @` for a run of that scheduled time";
            named_jobs::say_refusal(&daemon, &query.jobs, &error, (all, time), err)
        }
    }
}

impl End {
    /// Prints the ids of runs, waits for their ends if wanted, and prints the runs.
    pub(super) fn of(
        &self,
        mut runs: Vec<RunDocument>,
        several: bool,
        daemon: &mut Daemon,
        global: &Global,
        (out, err): (&mut dyn Write, &mut dyn Write),
    ) -> Exit {
        if !self.json {
            let is_watched = std::io::stdout().is_terminal();
            let mut zones = BTreeMap::new();
            let ids = runs.iter().try_for_each(|run| {
                if let Some(at) = run.scheduled_for {
                    let of_job = || zone::of_job(run.job.as_str(), global);
                    let zone = zones.entry(&run.job).or_insert_with(of_job);
                    print_time(run, at, zone.as_ref(), err);
                }
                match is_watched && several {
                    true => writeln!(out, "{}  {}", run.id, fit::plain(run.job.as_str())),
                    false => writeln!(out, "{}", run.id),
                }
            });
            if let Err(error) = ids.and_then(|()| out.flush()) {
                return done(Err(error), Exit::No);
            }
            if !self.wait && is_watched {
                // There is nobody to tell if standard error is gone.
                let _ = writeln!(err, "{}", how_to_follow(&runs));
            }
        }
        if self.wait {
            let named = runs.len() > 1;
            for run in &mut runs {
                *run = match follow(daemon, global, run.clone(), named, err) {
                    Ok(run) => run,
                    Err(error) => return say_error(&error, err),
                };
            }
        }
        if self.wait && runs.iter().any(is_refused) {
            hint(err, "`transferd check --online` asks the agent about accounts and buckets");
        }
        let good = !self.wait || runs.iter().all(|run| run.state == RunState::Succeeded);
        let exit = if good { Exit::Done } else { Exit::No };
        runs.iter_mut().for_each(RunDocument::leave_out_facts);
        let written = match runs.as_slice() {
            _ if !self.json => Ok(()),
            [one] if !several => super::write_json(out, one),
            runs => super::write_json(out, &runs),
        };
        done(written, exit)
    }
}

/// Whether the agent refused a run's request as one that can't be carried out.
fn is_refused(run: &RunDocument) -> bool {
    run.state == RunState::Failed && run.reason_code == Some(ReasonCode::AgentRefused)
}

/// How to follow runs, for a person who has seen nothing but their ids.
fn how_to_follow(runs: &[RunDocument]) -> String {
    match runs {
        [] => "nothing is to be run".to_owned(),
        [one] => {
            let id = &one.id.to_string()[..ID_SHOWN];
            format!("`transferd show {id}` tells how it goes; `--wait` waits for its end")
        }
        [_, _, ..] => {
            "`transferd status --watch` shows how they go; `--wait` waits for their ends".to_owned()
        }
    }
}

/// The source and destination of a run.
fn places(run: &RunDocument) -> String {
    let line = format!("from {} to {}", run.source, run.destination);
    fit::plain(&line)
}

/// Prints the job, and the source and destination of the run.
fn tell(run: &RunDocument, err: &mut dyn Write) {
    // There is nobody to tell if standard error is gone.
    let _ = writeln!(err, "{}: {}", run.job, places(run));
}

/// Prints the scheduled time, in the job's zone if known, and the source and destination of the
/// run.
fn print_time(run: &RunDocument, at: Timestamp, zone: Option<&TimeZone>, err: &mut dyn Write) {
    let zone = zone.cloned().unwrap_or_else(TimeZone::system);
    let at = at.to_zoned_datetime(zone).strftime("%a %Y-%m-%d %H:%M:%S %:z");
    // There is nobody to tell if standard error is gone.
    let _ = writeln!(err, "{} for {at}, {}", run.job, places(run));
}

/// Waits for the end of a run and prints each change, `named` with its job's name. The daemon may
/// be restarted meanwhile.
///
/// # Errors
/// The daemon stays away, does not know the run, or the user does not want to wait.
pub(super) fn follow(
    daemon: &mut Daemon,
    global: &Global,
    mut run: RunDocument,
    named: bool,
    err: &mut dyn Write,
) -> Result<RunDocument, ClientError> {
    let listen = || Interrupts::listen().map_err(|error| ClientError::Broken(error.to_string()));
    let mut signals = daemon.wait(async { listen() })?;
    if run.scheduled_for.is_none() {
        tell(&run, err);
    }
    let mut teller = Teller::new(global, &run, named);
    let query = ShowQuery { run: Some(run.id.to_string()) };
    let (mut absent, mut news) = (0, News::default());
    loop {
        teller.tell(&run, err);
        if run.state.is_over() {
            return Ok(run);
        }
        let answer = daemon.wait(async {
            tokio::select! {
                biased;
                () = signals.next() => None,
                shown = async {
                    let longest = teller.patience(&run);
                    news.wait(daemon.client(), |happened| happened.run == run.id, longest).await;
                    daemon.client().show(&query).await
                } => Some(shown),
            }
        });
        match answer {
            None => return Err(teller.interrupted(run.id)),
            Some(Ok(shown)) => {
                absent = 0;
                run = shown.run;
            }
            Some(Err(error)) if error.may_pass() && absent < ABSENCE_MAX => {
                absent += 1;
                daemon.reconnect();
                if absent == ABSENCE_SAID {
                    teller.say(&format!("{error}; waiting for it"), err);
                }
            }
            Some(Err(error)) => {
                teller.clear();
                return Err(error);
            }
        }
    }
}

/// Prints the progress of a run: by a line that is kept up to date on a terminal that can redraw
/// it, elsewhere by a line for each state.
struct Teller {
    bar: Option<ProgressBar>,
    paint: Paint,
    zone: TimeZone,
    named: bool,
    told: Option<RunState>,
}

impl Teller {
    fn new(global: &Global, run: &RunDocument, named: bool) -> Self {
        let can_redraw = std::io::stderr().is_terminal() && !is_dumb();
        let zone = zone::of_job(run.job.as_str(), global).unwrap_or_else(TimeZone::system);
        let bar = can_redraw.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, paint: Paint(global.color_err), zone, named, told: None }
    }

    /// How long the printed state may stay.
    fn patience(&self, run: &RunDocument) -> Duration {
        if self.bar.is_some() && run.state.is_transferring() { COUNTERS } else { QUIET_MAX }
    }

    fn tell(&mut self, run: &RunDocument, err: &mut dyn Write) {
        let times = Times { now: clock::now(), zone: self.zone.clone(), absolute: false };
        let mut line = words::line(run, &times);
        if self.named {
            line = format!("{}: {line}", fit::plain(run.job.as_str()));
        }
        let news = self.told != Some(run.state);
        self.told = Some(run.state);
        match &self.bar {
            Some(bar) if !run.state.is_over() => {
                // A line that is wider than the terminal could not be erased. The spinner takes two
                // columns of it.
                let size = rustix::termios::tcgetwinsize(std::io::stderr());
                let room = size.map_or(80, |size| usize::from(size.ws_col.max(20)));
                bar.set_message(fit::cut_end(&line, room - 3));
            }
            // Counters change all the time: a file gets a line for each state only.
            None if !news => {}
            Some(_) | None => {
                self.clear();
                let tone = if run.state.is_over() { Tone::of(run.state) } else { Tone::Plain };
                // There is nobody to tell if standard error itself is gone.
                let _ = writeln!(err, "{}", self.paint.tone(tone, &line));
            }
        }
    }

    fn say(&self, line: &str, err: &mut dyn Write) {
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
            None => say(err, line),
        }
    }

    fn interrupted(&self, run: RunId) -> ClientError {
        self.clear();
        let id = run.to_string();
        let id = id.get(..ID_SHOWN).unwrap_or(&id);
        ClientError::Interrupted(format!("the run goes on; `transferd cancel {id}` ends it"))
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
