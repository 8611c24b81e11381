//! The thread that watches: it waits for the kernel's events, for orders, for changes of mounts,
//! and, where files must be looked at, for the minute to be over.
//!
//! It guards against a race: the way to a file may change between planning and arming. So after
//! arming, the plan is made again, until it is unchanged.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::burst::Burst;
use super::limits::Pace;
use super::listener::{Event, Listener, Unheard};
use super::plan::Plan;
use super::stamp::{Stamps, changed_since};
use super::{NewPaths, Shared};
use crate::clock;

pub(super) struct Thread {
    shared: Arc<Shared>,
    pace: Pace,
    wanted: Vec<PathBuf>,
    each_minute: bool,
    plan: Plan,
    listener: Option<Listener>,
    /// The table of mounts: the kernel reports changes by a poll (proc(5), "mountinfo").
    mounts: Option<File>,
    burst: Option<Burst>,
    /// The metadata of files, where the kernel does not report changes.
    stamps: Option<Stamps>,
    /// When they are looked at next. Only a look delays it.
    look_at: Option<SignedDuration>,
}

/// Why the thread has woken.
#[derive(Debug, Default)]
struct Woken {
    files: bool,
    mounts: bool,
}

impl Thread {
    pub(super) fn new(shared: Arc<Shared>, pace: Pace) -> Self {
        Self {
            shared,
            pace,
            wanted: Vec::new(),
            each_minute: false,
            plan: Plan::default(),
            listener: None,
            mounts: File::open("/proc/self/mountinfo").ok(),
            burst: None,
            stamps: None,
            look_at: None,
        }
    }

    /// Watches until it is told to stop.
    pub(super) fn run(mut self) {
        while self.take_orders() {
            let woken = self.wait();
            if woken.files {
                self.take_events();
            }
            if woken.mounts && Plan::of(&self.wanted) != self.plan {
                self.arm();
                self.begin();
            }
            let now = clock::since_boot();
            if self.look_at.is_some_and(|at| at <= now) {
                self.look(now);
            }
            if self.burst.as_ref().is_some_and(|burst| burst.ends_at(&self.pace) <= now) {
                self.arm();
                self.burst = None;
                // A reader that looks now sees the state of these stamps, or a later one.
                self.stamps = self.stamps.is_some().then(|| Stamps::of(&self.plan));
                self.shared.report_change();
            }
        }
    }

    /// False when it is time to stop.
    fn take_orders(&mut self) -> bool {
        let mut state = self.shared.state();
        if state.stop {
            return false;
        }
        self.each_minute = state.each_minute;
        let (new, asked) = (state.paths.take(), state.asked);
        drop(state);
        if let Some(NewPaths { paths, read_at }) = new {
            self.wanted = paths;
            self.arm();
            if read_at.is_some_and(|time| changed_since(&self.plan, time)) {
                self.begin();
            }
            self.shared.state().armed = asked;
        }
        self.set_look();
        true
    }

    /// Waits for something to do.
    fn wait(&self) -> Woken {
        let now = clock::since_boot();
        let burst = self.burst.as_ref().map(|burst| burst.ends_at(&self.pace));
        let until = [burst, self.look_at].into_iter().flatten().min();
        let timeout = until.map(|until| {
            let left = (until - now).max(SignedDuration::ZERO);
            // A millisecond more, so that the time has been reached once it is over.
            let left = left + SignedDuration::from_millis(1);
            Timespec { tv_sec: left.as_secs(), tv_nsec: i64::from(left.subsec_nanos()) }
        });
        let mut fds = vec![PollFd::new(&self.shared.bell, PollFlags::IN)];
        if let Some(listener) = &self.listener {
            fds.push(PollFd::new(listener, PollFlags::IN));
        }
        if let Some(mounts) = &self.mounts {
            fds.push(PollFd::new(mounts, PollFlags::PRI));
        }
        // A signal that interrupts it only causes another turn.
        let _ = poll(&mut fds, timeout.as_ref());
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut counter = [0; 8];
        let _ = rustix::io::read(&self.shared.bell, &mut counter);
        let mut ready = ready.into_iter().skip(1);
        let heard = self.listener.as_ref().is_some_and(Listener::has_heard);
        let files = self.listener.is_some() && (ready.next().unwrap_or(false) || heard);
        let mounts = self.mounts.is_some() && ready.next().unwrap_or(false);
        Woken { files, mounts }
    }

    fn take_events(&mut self) {
        let Some(listener) = &self.listener else { return };
        for event in listener.events(&self.plan) {
            let burst = self.begin();
            match event {
                Event::Changed => {}
                Event::Written(path) => burst.opens(path),
                Event::Closed(path) => burst.closes(&path),
            }
        }
        let is_half_written = self.burst.as_ref().is_some_and(Burst::is_half_written);
        self.shared.state().half_written = is_half_written;
    }

    /// The current burst, or a new one.
    fn begin(&mut self) -> &mut Burst {
        let now = clock::since_boot();
        let burst = self.burst.get_or_insert_with(|| Burst::new(now));
        burst.goes_on(now);
        burst
    }

    /// Looks at the files whose changes the kernel does not report.
    fn look(&mut self, now: SignedDuration) {
        self.look_at = Some(now + self.pace.look);
        let plan = Plan::of(&self.wanted);
        let moved = plan != self.plan;
        if moved {
            self.arm();
        }
        let differs = self.stamps.as_ref().is_some_and(|before| *before != Stamps::of(&self.plan));
        if moved || differs || self.each_minute {
            self.begin();
        }
    }

    /// Watches the folders and files on the current ways. A listener that already does is kept.
    fn arm(&mut self) {
        const TRIES: usize = 3;
        let mut failure = None;
        for _ in 0..TRIES {
            let plan = Plan::of(&self.wanted);
            if self.plan == plan && self.listener.is_some() {
                break;
            }
            self.plan = plan;
            self.stamps = None;
            match Listener::new(&self.plan, &self.shared) {
                Ok(listener) => {
                    // The old one is dropped only now: there is no moment without a watch.
                    let old = self.listener.replace(listener);
                    if old.is_some_and(|old| !old.events(&self.plan).is_empty()) {
                        self.begin();
                    }
                }
                Err(error) => {
                    self.listener = None;
                    failure = Some(format!("files can't be watched: {error}"));
                    break;
                }
            }
        }
        let unheard = self.listener.as_ref().and_then(|listener| listener.unheard.as_ref());
        let trouble = failure.or_else(|| self.plan.deaf()).or_else(|| match unheard? {
            Unheard::Folder(folder) => {
                Some(format!("the folder `{}` may not be listed by this user", folder.display()))
            }
            Unheard::Way => None,
        });
        let deaf = trouble.is_some() || unheard.is_some() || self.mounts.is_none();
        match (deaf, &self.stamps) {
            (true, None) => self.stamps = Some(Stamps::of(&self.plan)),
            (true, Some(_)) => {}
            (false, _) => self.stamps = None,
        }
        self.shared.report_problem(trouble);
        self.set_look();
    }

    fn set_look(&mut self) {
        if self.stamps.is_none() && !self.each_minute {
            self.look_at = None;
        } else if self.look_at.is_none() {
            self.look_at = Some(clock::since_boot() + self.pace.look);
        }
    }
}
