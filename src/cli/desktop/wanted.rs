//! The events wanted by the job file's entries with `notify: desktop`; where it has none, a default
//! for a person at the desktop.

use crate::control::document::DesktopAlertDocument;
use crate::core::ids::JobName;
use crate::core::job::AlertEvent;
use crate::core::meant::CoveredJobs;

/// The default where no entry of the job file has a wish.
const UNASKED: [AlertEvent; 6] = [
    AlertEvent::Failed,
    AlertEvent::TimedOut,
    AlertEvent::Late,
    AlertEvent::AgentDown,
    AlertEvent::TokenExpiring,
    AlertEvent::ConfigInvalid,
];

/// The wanted notices.
#[derive(Debug)]
pub(super) struct Wanted {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    on: Vec<AlertEvent>,
    jobs: CoveredJobs,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { entries: vec![Entry { on: UNASKED.to_vec(), jobs: CoveredJobs::default() }] }
    }
}

impl Wanted {
    /// The wishes of the entries, as the daemon reports them. Words of a newer daemon are ignored.
    pub(super) fn by(entries: Option<&[DesktopAlertDocument]>) -> Self {
        let Some(entries) = entries else { return Self::default() };
        let entry = |entry: &DesktopAlertDocument| Entry {
            on: entry.on.iter().filter_map(|word| AlertEvent::from_word(word)).collect(),
            jobs: CoveredJobs::of(&entry.jobs),
        };
        Self { entries: entries.iter().map(entry).collect() }
    }

    /// Whether this event of this job is wanted.
    pub(super) fn of(&self, event: AlertEvent, job: &JobName) -> bool {
        self.entries.iter().any(|entry| entry.on.contains(&event) && entry.jobs.cover(job))
    }

    /// Whether this event, which concerns no single job, is wanted.
    pub(super) fn any(&self, event: AlertEvent) -> bool {
        self.entries.iter().any(|entry| entry.on.contains(&event))
    }
}
