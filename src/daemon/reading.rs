//! Reads the job file beside the loop: each time on a short-lived thread, which is waited for at
//! most a minute. A file server that hangs holds up a reading, not the daemon.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::diagnostics::document;
use super::{changes, on_this_machine};
use crate::clock;
use crate::config::{self, Content, Diagnostic, Loaded, Rejected, Sources, Surroundings};
use crate::control::changes::ChangesDocument;
use crate::control::diagnostic::DiagnosticDocument;

/// Columns to which errors are wrapped: they go to logs and sockets, not to one terminal.
const WIDTH: usize = 100;

/// The longest time for a reading: 64 MB take some 15 s on a small machine.
const LONGEST: Duration = Duration::from_secs(60);

/// Hanging readings at once; no more are begun until one of them ends. Each has a thread.
const HANGING_MAX: usize = 4;

/// Readings that are under way.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// The result of reading the job file.
#[derive(Debug)]
pub(super) struct Reading {
    /// When it began.
    pub(super) began: Timestamp,
    pub(super) at: Timestamp,
    pub(super) warnings: Vec<Warning>,
    /// What is worth a look in what the file names on this machine: for whoever asks for a reload.
    /// The log and `status` tell it when it is used.
    pub(super) on_this_machine: Vec<DiagnosticDocument>,
    /// The files to watch for the next change; absent if unknown.
    pub(super) watched: Option<Vec<PathBuf>>,
    pub(super) outcome: Result<Good, Bad>,
}

impl Reading {
    /// The result where nothing could be read: the next change of the file tries again.
    fn nothing(began: Timestamp, words: &str) -> Self {
        let bad = Bad::of(words.to_owned(), None);
        let (warnings, watched) = (Vec::new(), None);
        let on_this_machine = Vec::new();
        Self { began, at: clock::now(), warnings, on_this_machine, watched, outcome: Err(bad) }
    }
}

/// A warning about the job file.
#[derive(Debug)]
pub(super) struct Warning {
    /// The warning in one line.
    pub(super) summary: String,
    /// The whole warning.
    pub(super) document: DiagnosticDocument,
}

/// A job file that may be put in force.
#[derive(Debug)]
pub(super) struct Good {
    /// Its content; that in force if nothing has changed.
    pub(super) content: Content,
    /// The texts, as they are kept in the database.
    pub(super) kept: Kept,
    /// The differences from the jobs before; absent if there are none, or if there were no jobs.
    pub(super) changes: Option<Changes>,
}

/// The differences from the jobs before.
#[derive(Debug)]
pub(super) struct Changes {
    /// The differences in one line, for the log.
    pub(super) summary: String,
    /// All differences. The caller fills in the path.
    pub(super) document: ChangesDocument,
}

/// The texts of a job set, to be kept as the last good ones.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    text: String,
    /// Distinguishes texts without holding them.
    digest: u64,
}

impl Kept {
    fn new(sources: &Sources) -> Self {
        let text = serde_json::to_string(sources).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { text, digest: hasher.finish() }
    }

    /// Distinguishes texts.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// The texts.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Why nothing is put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// The first error in one line.
    pub(super) summary: String,
    /// All errors, formatted for people.
    pub(super) full: String,
    /// All errors, as documents.
    pub(super) errors: Vec<DiagnosticDocument>,
}

impl Bad {
    /// An error that is about no line of the file.
    pub(super) fn of(words: String, file: Option<&Path>) -> Self {
        let mut error = DiagnosticDocument::of_nothing(words.clone());
        error.file = file.map(|file| file.display().to_string());
        Self { summary: words.clone(), full: words, errors: vec![error] }
    }
}

/// Reads the job file; differences are relative to the content in force, if there is one.
pub(super) async fn read(path: PathBuf, in_force: Option<Content>) -> Reading {
    awaited(in_force, move || config::read(&path, &surroundings())).await
}

/// Reads the texts that were kept as the last good ones.
pub(super) async fn last_good(sources: Sources) -> Reading {
    awaited(None, move || config::parse(&sources, &surroundings())).await
}

async fn awaited(
    in_force: Option<Content>,
    read: impl FnOnce() -> Result<Loaded, Rejected> + Send + 'static,
) -> Reading {
    let began = clock::now();
    if UNDER_WAY.load(Ordering::Relaxed) >= HANGING_MAX {
        let words = "it can't be read: earlier readings still hang; does its file system answer?";
        return Reading::nothing(began, words);
    }
    let (reply, answer) = oneshot::channel();
    let work = move || {
        UNDER_WAY.fetch_add(1, Ordering::Relaxed);
        // A diagnostic that can't be formatted must not stop all further readings.
        let reading = catch_unwind(AssertUnwindSafe(|| reading(began, read(), in_force)));
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
        // Nobody waits any more if it took too long.
        let _ = reply.send(reading);
    };
    if thread::Builder::new().name("job file".to_owned()).spawn(work).is_err() {
        return Reading::nothing(began, "it could not be read: the system has no thread for it");
    }
    match tokio::time::timeout(LONGEST, answer).await {
        Ok(Ok(Ok(reading))) => reading,
        Ok(Ok(Err(_)) | Err(_)) => Reading::nothing(
            began,
            "it could not be read, for a fault of transferd's own; the log's lines before this \
             one say more",
        ),
        Err(_) => Reading::nothing(
            began,
            "it could not be read within a minute: does its file system answer?",
        ),
    }
}

fn surroundings() -> Surroundings {
    let zone = clock::machine_zone();
    Surroundings {
        system_zone: (zone.name, zone.zone),
        zone_trouble: zone.trouble,
        now: clock::now(),
    }
}

fn reading(
    began: Timestamp,
    result: Result<Loaded, Rejected>,
    in_force: Option<Content>,
) -> Reading {
    let warning = |d: &Diagnostic| Warning { summary: d.one_line(), document: document(d) };
    let warnings = |list: &[Diagnostic]| list.iter().map(warning).collect();
    let mut on_this_machine = Vec::new();
    let (warnings, watched, outcome) = match result {
        Ok(loaded) => {
            let found = on_this_machine::warnings(&loaded.content, &loaded.sources);
            on_this_machine.extend(found.iter().map(document));
            (warnings(&loaded.warnings), loaded.watched.clone(), Ok(good(loaded, in_force)))
        }
        Err(rejected) => {
            let bad = bad(&rejected.errors);
            (warnings(&rejected.warnings), rejected.watched, Err(bad))
        }
    };
    Reading { began, at: clock::now(), warnings, on_this_machine, watched: Some(watched), outcome }
}

fn good(loaded: Loaded, in_force: Option<Content>) -> Good {
    let kept = Kept::new(&loaded.sources);
    let Some(old) = in_force else {
        return Good { content: loaded.content, kept, changes: None };
    };
    let differs = config::difference(&old, &loaded.content);
    if differs.is_empty() {
        return Good { content: old, kept, changes: None };
    }
    let (summary, content) = (differs.to_string(), loaded.content);
    let (before, after) = (Some(&*old.set), &content.set);
    let document = changes::document(String::new(), differs, before, after, clock::now());
    Good { content, kept, changes: Some(Changes { summary, document }) }
}

fn bad(errors: &[Diagnostic]) -> Bad {
    let first = errors.first().map(Diagnostic::one_line).unwrap_or_default();
    let summary = match errors.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    };
    let full: Vec<_> = errors.iter().map(|error| error.render(false, WIDTH)).collect();
    let errors = errors.iter().map(document).collect();
    Bad { summary, full: full.join("\n"), errors }
}
