//! The job file in the loop: read beside it, put in force as a whole or not at all, kept as the
//! last good one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::driver::Driver;
use super::event::Event;
use super::reading::{self, Bad, Kept, Reading};
use crate::clock;
use crate::config::Content;
use crate::control::changes::ChangesDocument;
use crate::control::document::ConfigDocument;
use crate::control::request::{Refused, Reply};
use crate::core::ids::JobName;
use crate::core::input::Input;
use crate::systemd;
use crate::web::listener::Wanted;

/// The progress of a reading of the job file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// None is under way.
    Idle,
    /// It is being read.
    Reading,
    /// Its result is being put in force. The next reading waits for that: it would compete with the
    /// loop for the machine.
    Settling,
}

/// The job file's state.
#[derive(Debug)]
pub(super) struct JobFile {
    path: PathBuf,
    bad: Option<Stays>,
    loaded_at: Option<Timestamp>,
    progress: Progress,
    /// It must be read again: it may have changed since the reading began.
    again: bool,
    /// Somebody asked for the reading, and wants a log line even if nothing has changed.
    asked_for: bool,
    /// Requests that wait for the reading under way, and for the one after it.
    waiting: Vec<Reply<ChangesDocument>>,
    waiting_again: Vec<Reply<ChangesDocument>>,
    /// The changes taken up when the file was saved, for a `reload` that comes right after.
    unreported: Option<Unreported>,
    /// Answers to be given once the change is durable.
    settling: Vec<(Reply<ChangesDocument>, ChangesDocument)>,
    /// The last good texts, as long as they are not kept yet.
    unkept: Option<Kept>,
    /// Keeps the texts, or has done so.
    keeping: Option<JoinHandle<()>>,
    /// The digest of the texts that are kept; 0 if unknown.
    kept: Arc<AtomicU64>,
}

/// An invalid job file, left as it is or being edited.
#[derive(Debug)]
struct Stays {
    bad: Bad,
    /// Counts invalid readings, so that a wait is over only if no other came after it.
    serial: u64,
    /// It was left as it is for so long that nobody seems to be editing it: alerts report it.
    judged: bool,
}

/// The changes of a reading that nobody asked for.
#[derive(Debug)]
struct Unreported {
    at: Timestamp,
    changes: ChangesDocument,
}

/// How long a `reload` still reports changes that the daemon had taken up by itself: a person who
/// saves a file and then reloads means that change.
const UNREPORTED_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Larger changes are not kept for that.
const UNREPORTED_MAX: usize = 500;

/// A file that was found invalid is judged after a minute without another change: a moment during
/// an edit is not worth an alert (docs/reference.md, "Job file").
const SETTLED: Duration = Duration::from_secs(60);

impl JobFile {
    /// The state after the first reading. `unkept` is still to be kept.
    pub(super) fn new(
        path: PathBuf,
        bad: Option<Bad>,
        loaded_at: Timestamp,
        unkept: Option<Kept>,
    ) -> Self {
        Self {
            path,
            // Nobody was editing it when the daemon started with the last good one.
            bad: bad.map(|bad| Stays { bad, serial: 0, judged: true }),
            loaded_at: Some(loaded_at),
            progress: Progress::Idle,
            again: false,
            asked_for: false,
            waiting: Vec::new(),
            waiting_again: Vec::new(),
            unreported: None,
            settling: Vec::new(),
            unkept,
            keeping: None,
            kept: Arc::default(),
        }
    }

    /// Keeps the changes for a `reload` that comes soon, if nobody waits for them now.
    fn changed(&mut self, changes: &ChangesDocument, at: Timestamp, unasked: bool) {
        let few = changes.len() <= UNREPORTED_MAX;
        self.unreported = (unasked && few).then(|| Unreported { at, changes: changes.clone() });
    }

    /// The changes made just before a request.
    fn changed_just_now(
        &mut self,
        now: Timestamp,
        waiting: &[Reply<ChangesDocument>],
    ) -> Option<ChangesDocument> {
        if waiting.is_empty() {
            return None;
        }
        let unreported = self.unreported.take()?;
        let recent = now.duration_since(unreported.at) <= UNREPORTED_FOR;
        recent.then_some(unreported.changes)
    }

    /// Whether the file was good when it was read last.
    pub(super) fn is_valid(&self) -> bool {
        self.bad.is_none()
    }

    /// The first error in it, in a line.
    pub(super) fn problem(&self) -> Option<&str> {
        self.bad.as_ref().map(|stays| stays.bad.summary.as_str())
    }

    /// The first error in it, in a line, once it was left so for a while.
    pub(super) fn judged(&self) -> Option<&str> {
        self.bad.as_ref().filter(|stays| stays.judged).map(|stays| stays.bad.summary.as_str())
    }

    /// Its part of `status`. `unwatched` is why its changes can't be watched.
    pub(super) fn document(&self, unwatched: Option<String>) -> ConfigDocument {
        ConfigDocument {
            path: self.path.display().to_string(),
            valid: self.is_valid(),
            error: self.bad.as_ref().map(|stays| stays.bad.summary.clone()),
            errors: self.bad.as_ref().map(|stays| stays.bad.errors.clone()).unwrap_or_default(),
            loaded_at: self.loaded_at,
            unwatched,
        }
    }

    /// Notes an invalid reading; false if it is known already.
    fn note_bad(&mut self, bad: Bad, events: &UnboundedSender<Event>) -> bool {
        let (serial, judged) = match &self.bad {
            Some(known) if known.bad == bad => return false,
            Some(known) => (known.serial + 1, known.judged),
            None => (1, false),
        };
        self.bad = Some(Stays { bad, serial, judged });
        let events = events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SETTLED).await;
            // The loop is gone only when the daemon stops.
            let _ = events.send(Event::JobFileStayedBad(serial));
        });
        true
    }

    /// Ends the wait for an invalid file: judges it if nothing has changed meanwhile.
    pub(super) fn stayed_bad(&mut self, serial: u64) -> Option<Input> {
        self.bad.as_ref().filter(|stays| stays.serial == serial)?;
        self.judge()
    }

    /// Judges an invalid file, unless that was done.
    fn judge(&mut self) -> Option<Input> {
        let stays = self.bad.as_mut().filter(|stays| !stays.judged)?;
        stays.judged = true;
        Some(Input::JobFileChecked(Some(stays.bad.summary.clone())))
    }

    fn start_reading(&mut self, in_force: Content, events: UnboundedSender<Event>) {
        self.progress = Progress::Reading;
        systemd::reloading();
        let path = self.path.clone();
        tokio::spawn(async move {
            let reading = reading::read(path, Some(in_force)).await;
            // The loop is gone only when the daemon stops.
            let _ = events.send(Event::JobFileRead(Box::new(reading)));
        });
    }
}

impl Driver {
    /// Reads the job file for somebody who asks for it; one that is being written is read when the
    /// watch reports that it is not any more.
    pub(super) fn read_job_file_for(&mut self, reply: Option<Reply<ChangesDocument>>) {
        if self.sources.watch.is_half_written() {
            self.job_file.waiting.extend(reply);
        } else {
            self.read_job_file(reply);
        }
    }

    /// Reads the job file; if a reading is under way, again when it is done.
    fn read_job_file(&mut self, reply: Option<Reply<ChangesDocument>>) {
        let file = &mut self.job_file;
        if file.progress != Progress::Idle {
            file.again = true;
            file.waiting_again.extend(reply);
            return;
        }
        file.waiting.extend(reply);
        file.start_reading(self.in_force.clone(), self.events.clone());
    }

    /// SIGHUP: reads the job file, and logs the result.
    pub(super) fn on_hangup(&mut self) {
        self.job_file.asked_for = true;
        self.read_job_file_for(None);
    }

    /// Handles a possible change of a watched file: the job file, the token's, or a zone's.
    pub(super) fn files_changed(&mut self) {
        self.agent.has_token_changed(&self.events);
        self.read_job_file(None);
    }

    /// Puts the result of a reading in force, or logs why not.
    pub(super) fn job_file_read(&mut self, reading: Reading) {
        let waiting = std::mem::take(&mut self.job_file.waiting);
        let asked_for = std::mem::take(&mut self.job_file.asked_for);
        let path = self.job_file.path.display().to_string();
        let mut answer = ChangesDocument::unchanged(path.clone());
        self.job_file.progress = Progress::Settling;
        let outcome = match reading.outcome {
            Ok(good) => self
                .agent
                .change(&good.content.settings.agent, &self.events)
                .map(|()| good)
                .map_err(|error| Bad::of(error.to_string(), Some(&self.job_file.path))),
            Err(bad) => Err(bad),
        };
        match outcome {
            Ok(good) => {
                self.web.listen(Wanted::of(&good.content.settings));
                let mended = self.job_file.bad.take();
                if mended.as_ref().is_some_and(|stays| stays.judged) {
                    self.event_loop.push(Input::JobFileChecked(None));
                }
                let mended = mended.is_some();
                self.job_file.loaded_at = Some(reading.at);
                if good.kept.digest() != self.job_file.kept.load(Ordering::Relaxed) {
                    self.job_file.unkept = Some(good.kept);
                }
                if let Some(mut changes) = good.changes {
                    let (engine, now) = (self.event_loop.engine(), clock::now());
                    let of_all = engine.pause_of_all(now).is_some();
                    changes.document.leave_out_paused(|job| {
                        let view = engine.job_view(&JobName::new(job), now);
                        of_all || view.is_some_and(|view| view.pause.is_some())
                    });
                    tracing::info!("the job file was read: {}", changes.summary);
                    for warning in reading.warnings.iter().filter(|w| !w.document.note) {
                        tracing::warn!("{}", warning.summary);
                    }
                    self.tally.keep_only(&good.content.set);
                    self.event_loop.push(Input::JobsReplaced(Arc::clone(&good.content.set)));
                    let history = self.in_force.settings.history;
                    self.in_force = good.content;
                    if self.in_force.settings.history != history {
                        self.prune();
                    }
                    answer = ChangesDocument { path, ..changes.document };
                    self.job_file.changed(&answer, reading.at, waiting.is_empty());
                } else if let Some(changes) = self.job_file.changed_just_now(reading.at, &waiting) {
                    answer = changes;
                } else if mended {
                    tracing::info!("the job file is valid again; nothing changed");
                } else if asked_for {
                    tracing::info!("the job file was read: nothing changed");
                } else {
                    tracing::debug!("the job file was read: nothing changed");
                }
            }
            Err(bad) => {
                answer.valid = false;
                answer.errors = bad.errors.clone();
                let summary = bad.summary.clone();
                // A file that stays invalid is read every minute; that is logged once.
                if self.job_file.note_bad(bad, &self.events) || asked_for {
                    tracing::error!("the job file is invalid, the old jobs stay: {summary}");
                }
                // A caller who asks for a reading considers the edit done.
                if (asked_for || !waiting.is_empty())
                    && let Some(judged) = self.job_file.judge()
                {
                    self.event_loop.push(judged);
                }
            }
        }
        let warnings = reading.warnings.into_iter().map(|warning| warning.document);
        answer.warnings = warnings.chain(reading.on_this_machine).collect();
        match reading.watched {
            Some(watched) => self.watch(watched, reading.began),
            None => self.sources.watch.report_each_minute(!self.job_file.is_valid()),
        }
        if let Some(ends) = self.agent.new_token_ends() {
            self.event_loop.push(Input::TokenEnds(ends));
        }
        for reply in waiting {
            self.job_file.settling.push((reply, answer.clone()));
        }
        systemd::ready(&self.service_status);
        // Without any change there is no commit to wait for.
        if self.event_loop.is_settled() {
            self.job_file_settled();
        }
    }

    /// Ends a reading: reads again if somebody asked for that meanwhile.
    fn finish_reading(&mut self) {
        let file = &mut self.job_file;
        if file.progress != Progress::Settling {
            return;
        }
        file.progress = Progress::Idle;
        if std::mem::take(&mut file.again) {
            file.waiting = std::mem::take(&mut file.waiting_again);
            file.start_reading(self.in_force.clone(), self.events.clone());
        }
    }

    /// Handles a change that is durable: keeps its texts, and answers waiting callers.
    pub(super) fn job_file_settled(&mut self) {
        for (reply, answer) in self.job_file.settling.drain(..) {
            drop(reply.send(Ok(answer)));
        }
        self.keep_job_file();
        self.finish_reading();
    }

    /// Keeps the texts of the last good set, if that is still to be done.
    fn keep_job_file(&mut self) {
        let Some(kept) = self.job_file.unkept.take() else { return };
        let (store, known) = (self.store.clone(), Arc::clone(&self.job_file.kept));
        let keeping = tokio::spawn(async move {
            let digest = kept.digest();
            match store.save_job_set(kept.into_text()).await {
                Ok(()) => known.store(digest, Ordering::Relaxed),
                Err(error) => {
                    known.store(0, Ordering::Relaxed);
                    tracing::warn!("the job file could not be kept as the last good one: {error}");
                }
            }
        });
        self.job_file.keeping = Some(keeping);
    }

    /// Waits until the texts are kept, also those whose change was not yet durable when the daemon
    /// was stopped: with them the next start has a good set to go on with, whatever has become of
    /// the file.
    pub(super) async fn keep_job_file_at_the_end(&mut self) {
        self.keep_job_file();
        if let Some(keeping) = self.job_file.keeping.take() {
            // It has said itself what went wrong.
            let _ = keeping.await;
        }
    }

    /// Handles a change that could not be made durable.
    pub(super) fn job_file_unsettled(&mut self, words: &str) {
        for (reply, _) in self.job_file.settling.drain(..) {
            drop(reply.send(Err(Refused::Unavailable(words.to_owned()))));
        }
        self.finish_reading();
    }
}
