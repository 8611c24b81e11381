//! The demo as it goes on: on a terminal a bar for each job and a line for each end; elsewhere
//! the daemon's own log says it all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;

use crate::cli::render::fit;
use crate::cli::render::paint::{Paint, Tone};
use crate::cli::render::run as words;
use crate::cli::render::words::{Times, bytes};
use crate::clock;
use crate::control::client::Client;
use crate::control::document::{JobDocument, RunDocument};
use crate::control::request::{HistoryQuery, StatusQuery};
use crate::core::ids::{JobName, RunId};

/// How often the daemon is asked.
const FRAME: Duration = Duration::from_millis(150);

/// Ends told of are looked for among so many of the newest runs.
const NEWEST: usize = 40;

/// What stands beside a bar's message: its name, the bar, and blanks.
const BESIDE: usize = 12 + 1 + 20 + 1;

/// The terminal's width now.
fn width() -> u16 {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(80, |size| size.ws_col.max(20))
}

/// The live view.
pub(super) struct View {
    terminal: bool,
    paint: Paint,
    bars: MultiProgress,
    by_job: BTreeMap<JobName, ProgressBar>,
    told: BTreeSet<RunId>,
}

impl View {
    /// An empty view.
    pub(super) fn new(terminal: bool, color: bool) -> Self {
        let target = ProgressDrawTarget::stdout();
        let bars = MultiProgress::with_draw_target(target);
        let (by_job, told) = (BTreeMap::new(), BTreeSet::new());
        Self { terminal, paint: Paint(color), bars, by_job, told }
    }

    /// Follows the daemon for as long as it is polled.
    pub(super) async fn follow(&mut self, client: &Client) {
        if !self.terminal {
            return std::future::pending().await;
        }
        let query = StatusQuery { job: None, detail: true, ..StatusQuery::default() };
        let newest = HistoryQuery { limit: Some(NEWEST), ..HistoryQuery::default() };
        loop {
            if let Ok(runs) = client.history(&newest).await {
                self.tell_ends(&runs);
            }
            if let Ok(status) = client.status(&query).await {
                for job in &status.jobs {
                    self.draw(job);
                }
            }
            tokio::time::sleep(FRAME).await;
        }
    }

    /// A line for each run that is over and was not told of yet, oldest first.
    fn tell_ends(&mut self, newest: &[RunDocument]) {
        let times = Times { now: clock::now(), zone: TimeZone::system(), absolute: false };
        for run in newest.iter().rev().filter(|run| run.state.is_over()) {
            if !self.told.insert(run.id) {
                continue;
            }
            let state = self.paint.tone(Tone::of(run.state), &words::state(run.state));
            let tries = match run.attempts.len() {
                0 | 1 => String::new(),
                tries => format!(" at attempt {tries}"),
            };
            let head = format!("{:<12} {}{tries}: ", run.job, words::state(run.state));
            let room = usize::from(width()).saturating_sub(fit::width(&head));
            let reason = fit::cut_end(&fit::plain(&run.told(&times)), room);
            // The terminal is gone: the next frame will tell.
            let _ = self.bars.println(format!("{:<12} {state}{tries}: {reason}", run.job));
        }
    }

    fn draw(&mut self, job: &JobDocument) {
        let bar = self.by_job.entry(job.name.clone()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(100));
            let style = "{prefix:12} {bar:20.cyan/dim} {msg}";
            let style = ProgressStyle::with_template(style);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(job.name.to_string());
            bar
        });
        match &job.active_run {
            Some(run) => {
                let attempt = run.latest_attempt();
                bar.set_position(attempt.and_then(words::percent).unwrap_or(0));
                let mut line = words::state(run.state);
                if let Some(attempt) = attempt.filter(|attempt| attempt.bytes.total > 0) {
                    let (moved, total) = (attempt.bytes.transferred, attempt.bytes.total);
                    line.push_str(&format!(" {} of {}", bytes(moved), bytes(total)));
                } else {
                    line.push_str(&format!(": {}", run.reason));
                }
                let room = usize::from(width()).saturating_sub(BESIDE);
                bar.set_message(fit::cut_end(&line, room));
            }
            None => {
                bar.set_position(0);
                bar.set_message(self.paint.tone(Tone::Faint, "idle"));
            }
        }
    }

    /// Takes the bars away; the lines stay.
    pub(super) fn clear(&self) {
        // A bar that is not finished would draw itself once more when it is dropped.
        for bar in self.by_job.values() {
            bar.finish_and_clear();
        }
        // What can't be cleared is no harm.
        let _ = self.bars.clear();
    }
}
