//! The view of a running demo: on a terminal a bar for each job, and a line for each notable event;
//! on a dumb terminal the lines alone; elsewhere the daemon's own log is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cli::render::fit;
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::run as words;
use crate::cli::render::words::{Times, bytes};
use crate::clock;
use crate::control::client::{Client, ClientError, Following};
use crate::control::document::{AttemptDocument, JobDocument, RunDocument};
use crate::control::events::HappenedDocument;
use crate::control::request::{EventsQuery, ShowQuery, StatusQuery};
use crate::core::event::Happening;
use crate::core::ids::{JobName, RunId};
use crate::core::reason::Wording as _;
use crate::core::run::RunState;

/// How often the bars are drawn.
const FRAME: Duration = Duration::from_millis(150);

/// How long a notable moment stays in its bar, even if it is over sooner.
const HEADLINE: SignedDuration = SignedDuration::from_secs(2);

/// The columns beside a bar's message: its name, the bar, and blanks.
const BESIDE: usize = NAME + 1 + BAR + 1;

/// The width of a bar: narrow enough for the purpose of each job beside it at 80 columns.
const BAR: usize = 14;

/// The width of a job's name.
const NAME: usize = 12;

/// The terminal's width now.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(80)
}

/// The kind of output that the demo is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A terminal that can be redrawn.
    Terminal,
    /// A terminal that shows lines only.
    Dumb,
    /// A file or a pipe.
    File,
}

/// The live view.
pub(super) struct View {
    seen: Seen,
    paint: Paint,
    bars: MultiProgress,
    by_job: BTreeMap<JobName, ProgressBar>,
    /// Runs whose answer was lost, and that are being looked for.
    lost: BTreeSet<RunId>,
    /// The notable moment held in a job's bar, and its end.
    headlines: BTreeMap<JobName, (&'static str, Timestamp)>,
}

impl View {
    /// An empty view.
    pub(super) fn new(seen: Seen, color: bool) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let (by_job, lost, headlines) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { seen, paint: Paint(color), bars, by_job, lost, headlines }
    }

    /// Follows the daemon for as long as it is polled.
    pub(super) async fn follow(&mut self, client: &Client) {
        if self.seen == Seen::File {
            return std::future::pending().await;
        }
        let mut query = EventsQuery { detail: true, ..EventsQuery::default() };
        let mut following = client.events(&query).await.ok();
        loop {
            tokio::select! {
                happened = next(&mut following) => match happened {
                    Ok(happened) => {
                        query.since = Some(happened.id);
                        self.tell(&happened, client).await;
                    }
                    Err(_) => following = None,
                },
                () = tokio::time::sleep(FRAME) => {
                    self.draw_all(client).await;
                    if following.is_none() {
                        following = client.events(&query).await.ok();
                    }
                }
            }
        }
    }

    /// Prints a line for a notable event: each end of a run, and an answer that is lost and found.
    async fn tell(&mut self, happened: &HappenedDocument, client: &Client) {
        let times = times();
        let (tone, headline, line) = match &happened.facts {
            Some(Happening::Uncertain { .. }) => {
                self.lost.insert(happened.run);
                let headline = "answer lost: looking for its transfer";
                (Tone::Doubtful, headline, format!("{headline}, not sent again"))
            }
            Some(Happening::Listed { transfer, .. }) if self.lost.remove(&happened.run) => {
                let transfer = times.transfer(*transfer);
                let line = format!("answer lost → found again as {transfer}, not sent twice");
                (Tone::Good, "answer lost → found again, not sent twice", line)
            }
            Some(Happening::State { state, .. }) if state.is_over() => {
                let query = ShowQuery { run: Some(happened.run.to_string()) };
                let told = client.show(&query).await.map(|shown| end(&shown.run, &times));
                let line = told.unwrap_or_else(|_| words::state(*state));
                return self.line(&happened.job, Tone::of(*state), happened.at, &line);
            }
            Some(_) | None => return,
        };
        self.headlines.insert(happened.job.clone(), (headline, clock::now() + HEADLINE));
        self.line(&happened.job, tone, happened.at, &line);
    }

    fn line(&self, job: &JobName, tone: Tone, at: Timestamp, line: &str) {
        let at = at.to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S").to_string();
        let head = format!("{at}  {job:<NAME$} ");
        let begin = fit::width(&head);
        let line = self.paint.tone(tone, &fit::hanging(line, begin, begin, Some(width().max(40))));
        let head = self.paint.tone(Tone::Faint, &head);
        // The terminal is gone: the next frame will notice.
        let _ = match self.seen {
            Seen::Terminal => self.bars.println(format!("{head}{line}")),
            Seen::Dumb | Seen::File => {
                use std::io::Write as _;
                writeln!(std::io::stdout(), "{head}{line}")
            }
        };
    }

    async fn draw_all(&mut self, client: &Client) {
        if self.seen != Seen::Terminal {
            return;
        }
        let query = StatusQuery { detail: true, ..StatusQuery::default() };
        if let Ok(status) = client.status(&query).await {
            status.jobs.iter().for_each(|job| self.draw(job));
        }
    }

    fn draw(&mut self, job: &JobDocument) {
        let bar = self.by_job.entry(job.name.clone()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(100));
            let style = format!("{{prefix:{NAME}}} {{bar:{BAR}.cyan/dim}} {{msg}}");
            let style = ProgressStyle::with_template(&style);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(job.name.to_string());
            bar
        });
        let room = width().max(20).saturating_sub(BESIDE);
        let headline = self.headlines.get(&job.name).filter(|(_, until)| clock::now() < *until);
        let attempt = job.active_run.as_ref().and_then(RunDocument::latest_attempt);
        bar.set_position(attempt.and_then(AttemptDocument::percent).unwrap_or(0));
        let (tone, line) = match (&job.active_run, headline) {
            (Some(_), Some((line, _))) => (Tone::Doubtful, (*line).to_owned()),
            (Some(run), None) => (Tone::Plain, under_way(run)),
            // The purpose of the job stays visible.
            (None, _) => (Tone::Faint, job.description.clone().unwrap_or_default()),
        };
        bar.set_message(self.paint.tone(tone, &fit::cut_end(&line, room)));
    }

    /// Removes the bars; the lines stay.
    pub(super) fn clear(&self) {
        // A bar that is not finished would be drawn once more when it is dropped.
        for bar in self.by_job.values() {
            bar.finish_and_clear();
        }
        // A bar that can't be cleared does no harm.
        let _ = self.bars.clear();
    }
}

fn times() -> Times {
    Times { now: clock::now(), zone: TimeZone::system(), absolute: false }
}

/// The next event; never if there is no stream.
async fn next(following: &mut Option<Following>) -> Result<HappenedDocument, ClientError> {
    match following {
        Some(following) => following.next().await,
        None => std::future::pending().await,
    }
}

/// The progress of a run.
fn under_way(run: &RunDocument) -> String {
    let state = words::state(run.state);
    match run.latest_attempt().filter(|attempt| attempt.bytes.total > 0) {
        Some(attempt) => {
            let (moved, total) = (attempt.bytes.transferred, attempt.bytes.total);
            format!("{state} {} of {}", bytes(moved), bytes(total))
        }
        None if run.state == RunState::Canceling => format!("{state}: the agent is asked to stop"),
        None => format!("{state}: {}", fit::plain(&run.sentence(&times()))),
    }
}

/// How a run ended.
fn end(run: &RunDocument, times: &Times) -> String {
    let state = words::state(run.state);
    let tries = match run.attempts.len() {
        0 | 1 => String::new(),
        tries => format!(" at attempt {tries}"),
    };
    let done = run.latest_attempt().and_then(words::transferred);
    let told = match run.state {
        RunState::Succeeded => done.unwrap_or_else(|| run.sentence(times)),
        RunState::TimedOut => format!("{}; canceled at the agent", run.sentence(times)),
        RunState::Waiting
        | RunState::Submitting
        | RunState::Queued
        | RunState::Running
        | RunState::BackingOff
        | RunState::Canceling
        | RunState::Failed
        | RunState::Canceled
        | RunState::Skipped => run.sentence(times),
    };
    format!("{state}{tries}: {told}")
}
