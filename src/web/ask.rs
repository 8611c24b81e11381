//! Requests of the pages to the daemon's loop, beside those of the control socket.
//!
//! Knows nothing of HTTP, nor of how they are answered.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::control::request::Refused;
use crate::core::engine::Host;
use crate::core::ids::JobName;
use crate::core::job::{Job, JobSet};
use crate::core::outcomes::Outcomes;
use crate::core::schedule::Occurring;
use crate::metrics::snapshot::{Figures, JobFigures};

/// A question together with the way back.
#[derive(Debug)]
pub enum Ask {
    /// The figures that concern no single job.
    Figures(oneshot::Sender<Figures>),
    /// Those of the jobs after this one in the order of their names, or from the first: as many as
    /// [`SLICE`](crate::metrics::snapshot::SLICE), fewer only at the end.
    Jobs {
        /// The last that the asker has.
        after: Option<JobName>,
        /// The way back.
        reply: oneshot::Sender<Vec<JobFigures>>,
    },
    /// Whether the database takes what is to be recorded; if not, why, in words.
    Health(oneshot::Sender<Result<(), String>>),
    /// What is coming of the jobs after this one, or from the first; as many as for
    /// [`Ask::Jobs`].
    Planned {
        /// The last that the asker has.
        after: Option<JobName>,
        /// The way back.
        reply: oneshot::Sender<Vec<Planned>>,
    },
    /// How the runs of some jobs have ended on some days.
    Outcomes {
        /// The jobs.
        jobs: Vec<JobName>,
        /// Where each day begins, in order, and where the last one ends.
        days: Arc<[Timestamp]>,
        /// The way back: of each job, in the order of `jobs`, each day.
        reply: oneshot::Sender<Result<Vec<Vec<Outcomes>>, Refused>>,
    },
    /// What a rehearsal is played of.
    Ground(oneshot::Sender<Ground>),
    /// How long the last good transfers of some jobs took.
    Durations {
        /// The jobs.
        jobs: Vec<JobName>,
        /// The way back: of each job, in the order of `jobs`.
        reply: oneshot::Sender<Result<Vec<Vec<SignedDuration>>, Refused>>,
    },
}

/// What a rehearsal is played of.
#[derive(Debug)]
pub struct Ground {
    /// The job file in force.
    pub set: Arc<JobSet>,
    /// The machine.
    pub host: Host,
}

/// A job, as far as its coming occurrences go.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The job.
    pub job: Arc<Job>,
    /// Whether its schedule is obeyed: it is enabled, and not paused.
    pub scheduled: bool,
}

impl Occurring for Planned {
    fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        if self.scheduled { self.job.timetable.next_after(t) } else { None }
    }
}
