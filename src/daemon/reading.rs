//! The job file, read beside the loop, each time on a thread that ends with it.
//!
//! Keeps true: what reading ten thousand jobs needs for a moment, some 60 MB, goes back to the
//! system. glibc keeps an arena for each thread, gives it back from its end only, and hands that of
//! a thread which has ended to the next one. So nothing that stays may lie among what goes: a set
//! lies on a shelf, the arena of a thread that lives as long as the set does, and nothing else is
//! ever made there.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock;
use crate::config::{self, Diagnostic, Loaded, Rejected, Sources, Surroundings};
use crate::core::job::JobSet;
use crate::core::schedule::{Schedule, Timetable};

/// Columns that errors are rendered for: they go to logs and sockets, not to one terminal.
const WIDTH: usize = 100;

/// What came of reading the job file.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) at: Timestamp,
    pub(super) warnings: Vec<Warning>,
    /// What to watch for the next change; absent where that is not known.
    pub(super) watched: Option<Vec<PathBuf>>,
    pub(super) outcome: Result<Good, Bad>,
}

impl Reading {
    /// What is said where nothing could be read: the next change of the file tries again.
    pub(super) fn nothing() -> Self {
        let words = "it could not be read, for a fault of transferd's own or want of a thread; \
                     the log's lines before this one say more";
        let bad = Bad { summary: words.to_owned(), full: words.to_owned() };
        Self { at: clock::now(), warnings: Vec::new(), watched: None, outcome: Err(bad) }
    }
}

/// Where a job set lies. Once this goes, the set does, unless it is still in use; it is not the loop
/// that has to drop 10,000 jobs.
#[derive(Debug)]
pub(super) struct Shelf(#[expect(dead_code, reason = "its end is what counts")] mpsc::Sender<()>);

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
    /// Where it lies; absent if it is the one that is in force, and without a thread.
    pub(super) shelf: Option<Shelf>,
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

    /// Tells texts apart.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// The texts.
    pub(super) fn into_text(self) -> String {
        self.text
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

/// Reads the job file, to be put in the place of the set that is in force.
///
/// # Errors
/// If the system can start no thread.
pub(super) fn start(
    path: PathBuf,
    in_force: Arc<JobSet>,
    then: impl FnOnce(Reading) + Send + 'static,
) -> io::Result<()> {
    on_thread(move || read(&path), Some(in_force), then)
}

/// Reads the job file, with no set in force. Absent if the system can start no thread.
pub(super) async fn first(path: PathBuf) -> Option<Reading> {
    awaited(move || read(&path)).await
}

/// Reads the texts that were kept as the last good ones. Absent if the system can start no thread.
pub(super) async fn last_good(sources: Sources) -> Option<Reading> {
    awaited(move || config::parse(&sources, &surroundings())).await
}

async fn awaited(
    read: impl FnOnce() -> Result<Loaded, Rejected> + Send + 'static,
) -> Option<Reading> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    on_thread(read, None, |reading| drop(reply.send(reading))).ok()?;
    answer.await.ok()
}

/// Reads beside the asker, gives what came of it to `then`, and keeps a new set on its shelf.
fn on_thread(
    read: impl FnOnce() -> Result<Loaded, Rejected> + Send + 'static,
    in_force: Option<Arc<JobSet>>,
    then: impl FnOnce(Reading) + Send + 'static,
) -> io::Result<()> {
    let shelf = move || {
        let (needed, not_needed) = mpsc::channel();
        let set = aside(read, |result| {
            let old = in_force.as_ref();
            // A diagnostic that can't be shown must not be the last reading that there ever was.
            let reading = AssertUnwindSafe(|| reading(result, old));
            let mut reading = catch_unwind(reading).unwrap_or_else(|_| Reading::nothing());
            let mut set = None;
            if let Ok(good) = &mut reading.outcome
                && in_force.is_none_or(|old| !Arc::ptr_eq(&old, &good.set))
            {
                good.shelf = Some(Shelf(needed));
                set = Some(Arc::clone(&good.set));
            }
            then(reading);
            set
        });
        // Nothing is ever sent: this ends when the shelf is not needed, or not any more.
        let _ = not_needed.recv();
        drop(set);
    };
    thread::Builder::new().name("job set".to_owned()).spawn(shelf)?;
    Ok(())
}

/// Has something read on a thread that ends with it, and what stays of it made on this one: of
/// nothing, if there is no thread or it came to grief.
fn aside<R: Send + Sync, T>(
    read: impl FnOnce() -> R + Send,
    make: impl FnOnce(Option<&R>) -> T,
) -> T {
    thread::scope(|scope| {
        // One that holds what it carries itself: what is made on one thread and dropped on the other
        // would stay in the other one's cache.
        let (lend, lent) = mpsc::sync_channel(1);
        let (busy, done) = mpsc::channel::<()>();
        let reader = move || {
            warm_up();
            let result = Arc::new(read());
            // Who made this thread waits for it.
            let _ = lend.send(Arc::clone(&result));
            // Nothing is ever sent: what was read is dropped here, once it is not needed.
            let _ = done.recv();
        };
        let reader = thread::Builder::new().name("job file".to_owned()).spawn_scoped(scope, reader);
        let result = lent.recv().ok();
        let made = make(result.as_deref());
        drop((result, busy));
        if let Ok(reader) = reader {
            // It has told of its own grief.
            let _ = reader.join();
        }
        made
    })
}

/// Reads the job file from its place. Root takes commands only from where nobody else can write;
/// what was kept as the last good one has been judged before.
fn read(path: &Path) -> Result<Loaded, Rejected> {
    let loaded = config::read(path, &surroundings())?;
    if !rustix::process::geteuid().is_root() {
        return Ok(loaded);
    }
    match config::fit_for_root(&loaded.sources, &loaded.set) {
        Ok(()) => Ok(loaded),
        Err(refused) => Err(Rejected {
            sources: Box::new(loaded.sources),
            errors: vec![*refused],
            warnings: loaded.warnings,
            watched: loaded.watched,
        }),
    }
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
    if let Ok(thread) = thread::Builder::new().name("warm-up".to_owned()).spawn(tables) {
        // It can't panic; if it did, a reload would just take more memory.
        let _ = thread.join();
    }
}

fn reading(result: Option<&Result<Loaded, Rejected>>, in_force: Option<&Arc<JobSet>>) -> Reading {
    let Some(result) = result else { return Reading::nothing() };
    let (warnings, watched, outcome) = match result {
        Ok(loaded) => (&loaded.warnings, &loaded.watched, Ok(good(loaded, in_force))),
        Err(rejected) => (&rejected.warnings, &rejected.watched, Err(bad(rejected))),
    };
    let warning = |d: &Diagnostic| Warning { summary: d.one_line(), full: d.render(false, WIDTH) };
    let warnings = warnings.iter().map(warning).collect();
    Reading { at: clock::now(), warnings, watched: Some(watched.clone()), outcome }
}

fn good(loaded: &Loaded, in_force: Option<&Arc<JobSet>>) -> Good {
    let kept = Kept::new(&loaded.sources);
    let changes = in_force.map(|old| (old, config::difference(old, &loaded.set)));
    match changes {
        Some((old, changes)) if changes.is_empty() => {
            Good { set: Arc::clone(old), shelf: None, kept, changes: Vec::new() }
        }
        changes => {
            let set = Arc::new(config::compact(&loaded.set));
            let changes = changes.map(|(_, changes)| changes.to_string()).unwrap_or_default();
            let changes = changes.split("; ").filter(|change| !change.is_empty());
            Good { set, shelf: None, kept, changes: changes.map(str::to_owned).collect() }
        }
    }
}

fn bad(rejected: &Rejected) -> Bad {
    let first = rejected.errors.first().map(Diagnostic::one_line).unwrap_or_default();
    let summary = match rejected.errors.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    };
    let full: Vec<_> = rejected.errors.iter().map(|error| error.render(false, WIDTH)).collect();
    Bad { summary, full: full.join("\n") }
}
