//! The verdict: what the end of a transfer means (docs/protocol.md, rule 10; the reference,
//! promises 4 and 5).

use jiff::Timestamp;

use super::{Attempt, Ended, Run, RunMachine};
use crate::job::Verdict;
use crate::reason::{AttemptEnd, CancelReason, Reason};
use crate::transfer::{Progress, TransferStatus};

impl RunMachine {
    /// The end of an attempt whose transfer has its last status, and the reason.
    pub(crate) fn verdict(&self, attempt: &Attempt, now: Timestamp) -> (Ended, Reason) {
        let run = self.row();
        match attempt.status.unwrap_or(TransferStatus::Unknown) {
            TransferStatus::Completed => completed_verdict(run, &attempt.progress),
            TransferStatus::Canceled => match self.request_in_force(attempt) {
                Some(cancel) => (cancel.cause.end(), cancel.reason.clone()),
                // Our own cancel, its request lost with a full disk, must not be taken for a
                // person's.
                None if attempt.deadline <= attempt.finished_at.unwrap_or(now) => {
                    let end = AttemptEnd::CanceledPastTimeout { limit: run.terms.timeout };
                    (Ended::TimedOut, end.into())
                }
                None => (Ended::Canceled, CancelReason::Person.into()),
            },
            TransferStatus::Error
            | TransferStatus::Created
            | TransferStatus::Running
            | TransferStatus::Canceling
            | TransferStatus::Pausing
            | TransferStatus::Paused => (Ended::Failed, AttemptEnd::AgentError.into()),
            TransferStatus::Unknown => {
                let observations = self.observations(attempt.id.number);
                let status = observations.and_then(|observations| observations.unknown_status());
                let status = status.unwrap_or_default().to_owned();
                (Ended::Failed, AttemptEnd::UnknownStatus { status }.into())
            }
        }
    }
}

/// A Completed transfer is not always a success.
fn completed_verdict(run: &Run, progress: &Progress) -> (Ended, Reason) {
    let Progress { objects_total, objects_transferred, objects_failed, objects_skipped, .. } =
        *progress;
    let state = |verdict| match verdict {
        Verdict::Fail => Ended::Failed,
        Verdict::Accept => Ended::Succeeded,
    };
    let accounted =
        objects_transferred.saturating_add(objects_skipped).saturating_add(objects_failed);
    // Where the agent tells no counts, it does not tell that there was nothing.
    if objects_total == 0 && accounted == 0 && !progress.objects_incomplete {
        return (state(run.terms.empty), AttemptEnd::Empty.into());
    }
    // An object that the agent reports neither as transferred, nor skipped, nor failed has not
    // arrived either.
    let missing = objects_total.saturating_sub(accounted);
    let missing = if progress.objects_incomplete { 0 } else { missing };
    let accepted = run.terms.partial == Verdict::Accept;
    let (failed, total) = (objects_failed, objects_total);
    if missing > 0 {
        let transferred = objects_transferred;
        let end = AttemptEnd::ObjectsMissing { missing, failed, transferred, total, accepted };
        return (state(run.terms.partial), end.into());
    }
    if failed > 0 {
        let end = AttemptEnd::ObjectsFailed { failed, total, accepted };
        return (state(run.terms.partial), end.into());
    }
    let end = AttemptEnd::Completed { transferred: objects_transferred, skipped: objects_skipped };
    (Ended::Succeeded, end.into())
}
