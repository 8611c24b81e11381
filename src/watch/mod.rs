//! Tells that something about some files may have changed.
//!
//! Knows nothing of what is in them: the one who asked looks again and compares. Keeps true: what
//! is watched is armed before [`Watch::changed`] answers, so that a change during the look that
//! follows is told too; and while nothing changes, nothing wakes, but on network file systems.

mod plan;
mod stamp;
#[cfg(test)]
mod tests;
mod zone;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use plan::Plan;
use stamp::Stamps;

pub use zone::ZoneWatch;

/// A burst of changes is over when nothing has happened for this long.
const QUIET: Duration = Duration::from_millis(200);

/// A flood is told of this long after it began, though it goes on.
const LONGEST: Duration = Duration::from_secs(2);

/// Where the kernel can't tell of changes, they are looked for this often.
const LOOK: Duration = Duration::from_secs(60);

/// Watches some files and folders.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    plan: Arc<Plan>,
    watcher: Option<RecommendedWatcher>,
    trouble: Option<String>,
    signal: Arc<Notify>,
    /// When the burst that is going on began, and when it was last heard of.
    burst: Option<(Instant, Instant)>,
    /// What the files looked like, where the kernel does not tell.
    stamps: Option<Stamps>,
}

impl Watch {
    /// Starts to watch these paths, there or not.
    pub fn start(paths: Vec<PathBuf>) -> Self {
        let mut watch = Self {
            paths: Vec::new(),
            plan: Arc::default(),
            watcher: None,
            trouble: None,
            signal: Arc::default(),
            burst: None,
            stamps: None,
        };
        watch.set_paths(paths);
        watch
    }

    /// Watches these paths from now on.
    pub fn set_paths(&mut self, paths: Vec<PathBuf>) {
        self.paths = paths;
        self.arm();
    }

    /// Why changes are looked for only once a minute, if that is so.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Waits until something may have changed and the burst of changes is over. May be dropped
    /// and called again at any time without losing a change.
    pub async fn changed(&mut self) {
        loop {
            match self.burst {
                Some((began, last)) => {
                    tokio::select! {
                        () = self.signal.notified() => {
                            self.burst = Some((began, Instant::now()));
                        }
                        () = sleep_until((last + QUIET).min(began + LONGEST)) => {
                            self.arm();
                            self.burst = None;
                            return;
                        }
                    }
                }
                None if self.stamps.is_some() => {
                    tokio::select! {
                        () = self.signal.notified() => self.begin(),
                        () = sleep_until(Instant::now() + LOOK) => {
                            if self.looks_different().await {
                                self.begin();
                            }
                        }
                    }
                }
                None => {
                    self.signal.notified().await;
                    self.begin();
                }
            }
        }
    }

    fn begin(&mut self) {
        let now = Instant::now();
        self.burst = Some((now, now));
    }

    /// Compares stamps, off the loop: a network file system may hang.
    async fn looks_different(&mut self) -> bool {
        let plan = Arc::clone(&self.plan);
        let Ok(now) = tokio::task::spawn_blocking(move || Stamps::of(&plan)).await else {
            return true;
        };
        let differs = self.stamps.as_ref() != Some(&now);
        self.stamps = Some(now);
        differs
    }

    /// Watches what the paths lead through now. A watcher that already does is kept.
    fn arm(&mut self) {
        // The way may change between planning and arming; then the next plan is another one.
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            let plan = Plan::of(&self.paths);
            if *self.plan == plan && self.watcher.is_some() {
                return;
            }
            self.plan = Arc::new(plan);
            match self.watcher() {
                Ok(watcher) => {
                    // The old one goes only now: there is no moment without a watch.
                    self.watcher = Some(watcher);
                    self.trouble = None;
                }
                Err(error) => {
                    self.watcher = None;
                    self.trouble = Some(format!("files can't be watched: {error}"));
                    break;
                }
            }
        }
        let deaf = self.watcher.is_none() || self.plan.is_remote();
        self.stamps = deaf.then(|| Stamps::of(&self.plan));
    }

    fn watcher(&self) -> notify::Result<RecommendedWatcher> {
        let (plan, signal) = (Arc::clone(&self.plan), Arc::clone(&self.signal));
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<Event>| match event {
                Ok(event) if !matters(&event, &plan) => {}
                // An error, such as a queue that has overflowed: something may have been missed.
                Ok(_) | Err(_) => signal.notify_one(),
            })?;
        for folder in self.plan.folders() {
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It has gone meanwhile, or may not be read; the next plan will know.
                Err(error) if is_about_folder(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(watcher)
    }
}

fn is_about_folder(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound | notify::ErrorKind::WatchNotFound => true,
        notify::ErrorKind::Io(error) => matches!(
            error.kind(),
            std::io::ErrorKind::NotFound
                | std::io::ErrorKind::PermissionDenied
                | std::io::ErrorKind::NotADirectory
        ),
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::InvalidConfig(_)
        | notify::ErrorKind::MaxFilesWatch => false,
    }
}

/// True when an event may mean a change. Reading is none: else a reload would cause the next.
fn matters(event: &Event, plan: &Plan) -> bool {
    let gone = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => return false,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => false,
    };
    event.need_rescan() || event.paths.iter().any(|path| plan.concerns(path, gone))
}
