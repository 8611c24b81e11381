//! What the pages ask of the daemon's loop.
//!
//! Knows nothing of HTTP, nor of how it is answered.

use tokio::sync::oneshot;

use crate::core::ids::JobName;
use crate::metrics::figures::{Figures, JobFigures};

/// A question together with the way back.
#[derive(Debug)]
pub enum Ask {
    /// The figures that concern no single job.
    Figures(oneshot::Sender<Figures>),
    /// Those of the jobs after this one in the order of their names, or from the first: as many as
    /// [`SLICE`](crate::metrics::figures::SLICE), fewer only at the end.
    Jobs {
        /// The last that the asker has.
        after: Option<JobName>,
        /// The way back.
        reply: oneshot::Sender<Vec<JobFigures>>,
    },
    /// Whether the database takes what is to be recorded; if not, why, in words.
    Health(oneshot::Sender<Result<(), String>>),
}
