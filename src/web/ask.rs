//! Requests of the pages to the daemon's loop, beside those of the control socket.
//!
//! Knows nothing of HTTP, nor of how they are answered.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::control::occurrences::just_before;
use crate::control::request::Refused;
use crate::core::engine::Host;
use crate::core::ids::JobName;
use crate::core::job::{Job, JobSet};
use crate::core::outcomes::Outcomes;
use crate::core::schedule::Occurring;
use crate::metrics::snapshot::{Figures, JobFigures};

/// A request together with the channel for its answer.
#[derive(Debug)]
pub enum Ask {
    /// The figures about no single job.
    Figures(oneshot::Sender<Figures>),
    /// The figures of the jobs after this one in the order of their names, or from the first: as
    /// many as [`SLICE`](crate::metrics::snapshot::SLICE), fewer only at the end.
    Jobs {
        /// The caller's last job.
        after: Option<JobName>,
        /// The channel for the answer.
        reply: oneshot::Sender<Vec<JobFigures>>,
    },
    /// Whether the database accepts records; if not, the reason.
    Health(oneshot::Sender<Result<(), String>>),
    /// The coming occurrences of the jobs after this one, or from the first; as many as for
    /// [`Ask::Jobs`].
    Planned {
        /// The caller's last job.
        after: Option<JobName>,
        /// The channel for the answer.
        reply: oneshot::Sender<Vec<Planned>>,
    },
    /// The outcomes of some jobs' runs on some days.
    Outcomes {
        /// The jobs.
        jobs: Vec<JobName>,
        /// The start of each day, in order, and the end of the last one.
        days: Arc<[Timestamp]>,
        /// The channel for the answer: for each job, in the order of `jobs`, each day.
        reply: oneshot::Sender<Result<Vec<Vec<Outcomes>>, Refused>>,
    },
    /// The input of a rehearsal.
    Ground(oneshot::Sender<Ground>),
    /// How long the last good transfers of some jobs took.
    Durations {
        /// The jobs.
        jobs: Vec<JobName>,
        /// The channel for the answer: for each job, in the order of `jobs`.
        reply: oneshot::Sender<Result<Vec<Vec<SignedDuration>>, Refused>>,
    },
}

/// The input of a rehearsal.
#[derive(Debug)]
pub struct Ground {
    /// The job file in force.
    pub set: Arc<JobSet>,
    /// The machine.
    pub host: Host,
}

/// A job, as needed for its coming occurrences.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The job.
    pub job: Arc<Job>,
    /// Whether its schedule is in effect: it is enabled, and not paused.
    pub scheduled: bool,
    /// When a pause of it ends, if an end is set.
    pub resumes: Option<Timestamp>,
}

impl Occurring for Planned {
    fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let from = if self.scheduled { t } else { t.max(just_before(self.resumes?)) };
        self.job.timetable.next_after(from)
    }
}
