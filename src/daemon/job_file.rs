//! The job file as the loop sees it: read on a thread that ends with it, put in force as a whole
//! or not at all, kept as the last good one.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedSender;

use super::driver::Driver;
use super::event::Event;
use crate::clock;
use crate::config::{self, Diagnostic, Loaded, Rejected, Sources, Surroundings};
use crate::control::document::{ConfigDocument, ReloadDocument};
use crate::control::request::{Refused, Reply};
use crate::core::input::Input;
use crate::core::job::JobSet;
use crate::core::schedule::{Schedule, Timetable};
use crate::systemd;

/// Columns that errors are rendered for: they go to logs and sockets, not to one terminal.
const WIDTH: usize = 100;

/// What came of reading the job file.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) at: Timestamp,
    pub(super) warnings: Vec<Warning>,
    /// What to watch for the next change.
    pub(super) watched: Vec<PathBuf>,
    pub(super) outcome: Result<Good, Bad>,
    /// The thread that read holds the old set until this goes, so that it is not the loop that
    /// drops 10,000 jobs.
    hold: Option<Hold>,
}

/// Keeps a thread that reads from its end.
type Hold = std::sync::mpsc::Sender<()>;

/// Something about the job file that is worth a look.
#[derive(Debug)]
pub(super) struct Warning {
    /// In one line.
    pub(super) summary: String,
    /// All of it, as shown to people.
    pub(super) full: String,
}

/// A job set that may be put in force.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) set: Arc<JobSet>,
    /// The texts, as they are kept in the database.
    pub(super) kept: Kept,
    /// What differs from the jobs before, a line each.
    pub(super) changes: Vec<String>,
}

/// The texts of a job set, to be kept as the last good ones.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    text: String,
    /// Tells texts apart without holding them.
    digest: u64,
}

impl Kept {
    fn new(sources: &Sources) -> Self {
        let text = serde_json::to_string(sources).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { text, digest: hasher.finish() }
    }
}

/// Why nothing is put in force.
#[derive(Clone, Debug)]
pub(super) struct Bad {
    /// In one line.
    pub(super) summary: String,
    /// All of it, as shown to people.
    pub(super) full: String,
}

/// Reads the job file. Blocks; leaves its garbage to the thread that it runs on.
pub(super) fn read(path: &Path) -> Reading {
    warm_up();
    apart(&config::read(path, &surroundings()), None, |reading| reading)
}

/// Reads the job set that was kept as the last good one.
pub(super) fn read_kept(kept: &str) -> Reading {
    match serde_json::from_str::<Sources>(kept) {
        Ok(sources) => apart(&config::parse(&sources, &surroundings()), None, |reading| reading),
        Err(error) => Reading {
            at: clock::now(),
            warnings: Vec::new(),
            watched: Vec::new(),
            hold: None,
            outcome: Err(Bad { summary: error.to_string(), full: error.to_string() }),
        },
    }
}

/// Carries out `read` on a thread that ends with it, so that its memory goes back.
pub(super) async fn on_thread<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("job file".to_owned())
        .spawn(move || drop(reply.send(read())))
        .ok()?;
    answer.await.ok()
}

fn surroundings() -> Surroundings {
    Surroundings { system_zone: clock::machine_zone(), now: clock::now() }
}

/// Has made what libraries keep for good, before there is anything else in this thread's memory;
/// in the midst of it they would keep it from going back: the tables of schedules, and what glibc
/// keeps of a thread that has ended for the next one.
fn warm_up() {
    let tables = || {
        let schedule = Schedule::parse("* * * * * *").ok()?;
        Timetable::new(vec![schedule], "UTC", TimeZone::UTC).next_after(clock::now())
    };
    if let Ok(thread) = std::thread::Builder::new().name("warm-up".to_owned()).spawn(tables) {
        // It can't panic; if it did, a reload would just take more memory.
        let _ = thread.join();
    }
}

/// Does something with what came of it, in memory of its own: on a thread that makes nothing else,
/// so that the memory of the thread that read holds nothing that stays, and goes back with it.
fn apart<T: Send>(
    result: &Result<Loaded, Rejected>,
    old: Option<&Arc<JobSet>>,
    then: impl Fn(Reading) -> T + Sync,
) -> T {
    let made = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("job set".to_owned());
        thread.spawn_scoped(scope, || then(reading(result, old))).ok()?.join().ok()
    });
    // Without a thread the daemon needs more memory, and that is all.
    made.unwrap_or_else(|| then(reading(result, old)))
}

fn reading(result: &Result<Loaded, Rejected>, old: Option<&Arc<JobSet>>) -> Reading {
    let warnings = |diagnostics: &[Diagnostic]| -> Vec<Warning> {
        diagnostics
            .iter()
            .map(|d| Warning { summary: d.one_line(), full: d.render(false, WIDTH) })
            .collect()
    };
    let at = clock::now();
    match result {
        Ok(loaded) => {
            let changes = old.map(|old| config::difference(old, &loaded.set));
            let set = match (&changes, old) {
                (Some(changes), Some(old)) if changes.is_empty() => Arc::clone(old),
                (_, old) => Arc::new(config::compact(&loaded.set, old.map(|old| &**old))),
            };
            let changes = changes.filter(|changes| !changes.is_empty());
            let kept = Kept::new(&loaded.sources);
            let changes = changes.map(|changes| changes.to_string());
            let good = Good {
                set,
                kept,
                changes: changes
                    .iter()
                    .flat_map(|line| line.split("; "))
                    .map(str::to_owned)
                    .collect(),
            };
            let warnings = warnings(&loaded.warnings);
            Reading { at, warnings, watched: loaded.watched.clone(), hold: None, outcome: Ok(good) }
        }
        Err(rejected) => {
            let first = rejected.errors.first().map(Diagnostic::one_line).unwrap_or_default();
            let summary = match rejected.errors.len() {
                0 | 1 => first,
                more => format!("{first} (and {} more)", more - 1),
            };
            let full: Vec<_> =
                rejected.errors.iter().map(|error| error.render(false, WIDTH)).collect();
            let full = full.join("\n");
            let bad = Bad { summary, full };
            let warnings = warnings(&rejected.warnings);
            Reading {
                at,
                warnings,
                watched: rejected.watched.clone(),
                hold: None,
                outcome: Err(bad),
            }
        }
    }
}

/// The job file's state.
#[derive(Debug)]
pub(super) struct JobFile {
    path: PathBuf,
    bad: Option<Bad>,
    loaded_at: Option<Timestamp>,
    /// It is being read.
    reading: bool,
    /// It is to be read once more: it may have changed since the reading began.
    again: bool,
    /// Somebody wants to hear of it though nothing may have changed.
    asked_for: bool,
    /// Who waits for the reading that is under way, and for the one after it.
    waiting: Vec<Reply<ReloadDocument>>,
    waiting_again: Vec<Reply<ReloadDocument>>,
    /// Answers that are given once the change is durable.
    settling: Vec<(Reply<ReloadDocument>, ReloadDocument)>,
    /// The last good texts, while they are not kept yet.
    unkept: Option<Kept>,
    /// The digest of the texts that are kept; 0 where that is not known.
    kept: Arc<AtomicU64>,
    /// Sets that were in force, until the engine has let go of them; then the threads that read
    /// drop them.
    replaced: Vec<(Arc<JobSet>, Option<Hold>)>,
}

impl JobFile {
    /// The state after the first reading. `kept` is what is still to be kept.
    pub(super) fn new(
        path: PathBuf,
        bad: Option<Bad>,
        loaded_at: Timestamp,
        unkept: Option<Kept>,
    ) -> Self {
        Self {
            path,
            bad,
            loaded_at: Some(loaded_at),
            reading: false,
            again: false,
            asked_for: false,
            waiting: Vec::new(),
            waiting_again: Vec::new(),
            settling: Vec::new(),
            unkept,
            kept: Arc::default(),
            replaced: Vec::new(),
        }
    }

    /// Whether the file was good when it was read last.
    pub(super) fn is_valid(&self) -> bool {
        self.bad.is_none()
    }

    /// What is wrong with it, in a line.
    pub(super) fn problem(&self) -> Option<&str> {
        self.bad.as_ref().map(|bad| bad.summary.as_str())
    }

    /// What `status` says of it.
    pub(super) fn document(&self) -> ConfigDocument {
        ConfigDocument {
            path: self.path.display().to_string(),
            valid: self.is_valid(),
            error: self.bad.as_ref().map(|bad| bad.full.clone()),
            loaded_at: self.loaded_at,
        }
    }

    fn start_reading(&mut self, old: Arc<JobSet>, events: UnboundedSender<Event>) {
        self.reading = true;
        let path = self.path.clone();
        let thread = std::thread::Builder::new().name("job file".to_owned());
        let spawned = thread.spawn(move || {
            warm_up();
            let (hold, let_go) = std::sync::mpsc::channel();
            let result = config::read(&path, &surroundings());
            apart(&result, Some(&old), |reading| {
                let reading = Reading { hold: Some(hold.clone()), ..reading };
                // The loop is gone only when the daemon stops.
                let _ = events.send(Event::JobFileRead(Box::new(reading)));
            });
            drop((result, hold));
            // Nothing is ever sent: this ends when the loop has let go of the old set.
            let _ = let_go.recv();
        });
        if let Err(error) = spawned {
            tracing::error!("the job file can't be read: no thread: {error}");
            self.reading = false;
            self.waiting.clear();
        }
    }
}

impl Driver {
    /// Reads the job file; if that is under way, once more when it is done.
    pub(super) fn read_job_file(&mut self, reply: Option<Reply<ReloadDocument>>) {
        let file = &mut self.job_file;
        if file.reading {
            file.again = true;
            file.waiting_again.extend(reply);
            return;
        }
        file.waiting.extend(reply);
        systemd::reloading();
        file.start_reading(Arc::clone(&self.set), self.events.clone());
    }

    /// SIGHUP: reads the job file, and says so in the log.
    pub(super) fn hang_up(&mut self) {
        self.job_file.asked_for = true;
        self.read_job_file(None);
    }

    /// A watched file may have changed: the job file, the token's, or the machine's zone.
    pub(super) fn files_changed(&mut self, inputs: &mut Vec<Input>) {
        if self.agent.client().token().has_changed() {
            inputs.push(Input::TokenChanged);
        }
        self.read_job_file(None);
    }

    /// Puts what was read in force, or says why not.
    pub(super) fn job_file_read(&mut self, reading: Reading, inputs: &mut Vec<Input>) {
        let waiting = std::mem::take(&mut self.job_file.waiting);
        let asked_for = std::mem::take(&mut self.job_file.asked_for);
        let mut answer = ReloadDocument {
            path: self.job_file.path.display().to_string(),
            valid: true,
            changes: Vec::new(),
            warnings: reading.warnings.iter().map(|warning| warning.full.clone()).collect(),
            error: None,
        };
        self.job_file.reading = false;
        let outcome = match reading.outcome {
            Ok(good) => self
                .agent
                .change(&good.set.agent)
                .map(|()| good)
                .map_err(|error| Bad { summary: error.to_string(), full: error.to_string() }),
            Err(bad) => Err(bad),
        };
        self.watch(reading.watched);
        match outcome {
            Ok(good) => {
                let mended = self.job_file.bad.take().is_some();
                self.job_file.loaded_at = Some(reading.at);
                if good.kept.digest != self.job_file.kept.load(Ordering::Relaxed) {
                    self.job_file.unkept = Some(good.kept);
                }
                if good.changes.is_empty() {
                    if mended {
                        tracing::info!("the job file is valid again; nothing changed");
                    } else if asked_for {
                        tracing::info!("the job file was read: nothing changed");
                    } else {
                        tracing::debug!("the job file was read: nothing changed");
                    }
                } else {
                    tracing::info!("the job file was read: {}", good.changes.join("; "));
                    for warning in &reading.warnings {
                        tracing::warn!("{}", warning.summary);
                    }
                    let replaced = std::mem::replace(&mut self.set, Arc::clone(&good.set));
                    self.job_file.replaced.push((replaced, reading.hold));
                    inputs.push(Input::JobsReplaced(good.set));
                }
                answer.changes = good.changes;
            }
            Err(bad) => {
                let summary = &bad.summary;
                tracing::error!("the job file is invalid, the old jobs stay: {summary}");
                answer.valid = false;
                answer.error = Some(bad.full.clone());
                self.job_file.bad = Some(bad);
            }
        }
        for reply in waiting {
            self.job_file.settling.push((reply, answer.clone()));
        }
        // Without an input there is nothing to wait for.
        if inputs.is_empty() && self.trouble().is_none() {
            self.job_file_settled();
        }
        systemd::ready(&self.told);
        if std::mem::take(&mut self.job_file.again) {
            self.job_file.waiting = std::mem::take(&mut self.job_file.waiting_again);
            systemd::reloading();
            self.job_file.start_reading(Arc::clone(&self.set), self.events.clone());
        }
    }

    /// What was put in force is durable: keeps its texts, and answers who waited.
    pub(super) fn job_file_settled(&mut self) {
        for (reply, answer) in self.job_file.settling.drain(..) {
            drop(reply.send(Ok(answer)));
        }
        self.job_file.replaced.clear();
        let Some(Kept { text, digest }) = self.job_file.unkept.take() else { return };
        let (store, known) = (self.store.clone(), Arc::clone(&self.job_file.kept));
        tokio::spawn(async move {
            match store.save_job_set(text).await {
                Ok(()) => known.store(digest, Ordering::Relaxed),
                Err(error) => {
                    known.store(0, Ordering::Relaxed);
                    tracing::warn!("the job file could not be kept as the last good one: {error}");
                }
            }
        });
    }

    /// What was put in force could not be made durable.
    pub(super) fn job_file_unsettled(&mut self, words: &str) {
        for (reply, _) in self.job_file.settling.drain(..) {
            drop(reply.send(Err(Refused::Unavailable(words.to_owned()))));
        }
    }
}
