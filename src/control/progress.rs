//! The progress of a transfer, computed alike for terminal and page.

use jiff::{SignedDuration, Timestamp};

use super::document::{AttemptDocument, JobDocument};
use crate::core::run::RunState;

/// The time without movement, at the agent's last answer, after which a transfer is shown as not
/// moving: looks at a long transfer are up to a minute apart, and others may be asking too.
const STILL: SignedDuration = SignedDuration::from_secs(90);

/// The age at which its speed is no longer meaningful.
const SLOW: SignedDuration = SignedDuration::from_secs(20);

/// The progress of a job's active run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Percent; absent as long as nothing has moved.
    pub percent: Option<u64>,
    /// Bytes per second; absent if unknown or outdated.
    pub speed: Option<u64>,
    /// The remaining time at that speed.
    pub left: Option<SignedDuration>,
    /// How long it has not moved, if that is worth showing.
    pub still: Option<SignedDuration>,
}

impl JobDocument {
    /// The progress of the active run's transfer at `asked_at`, the agent's last answer.
    pub fn progress(&self, asked_at: Timestamp) -> Progress {
        let active = self.active_run.as_ref().filter(|run| run.shows_progress());
        let Some(active) = active else { return Progress::default() };
        let detail = self.detail.as_ref();
        let attempt = active.latest_attempt();
        let counted = attempt.filter(|attempt| attempt.has_moved());
        let percent = counted.and_then(AttemptDocument::percent);
        let mut progress = Progress {
            // The agent's own percentage, where it counts neither bytes nor objects.
            percent: percent.or_else(|| whole(detail?.percent.clamp(0.0, 100.0))),
            ..Progress::default()
        };
        let Some(detail) = detail.filter(|_| active.state == RunState::Running) else {
            return progress;
        };
        let still = detail.moved_at.map_or(SignedDuration::ZERO, |at| asked_at.duration_since(at));
        progress.still = (still >= STILL).then_some(still);
        progress.speed = whole(detail.speed).filter(|_| still < SLOW);
        progress.left = attempt.zip(progress.speed).and_then(|(attempt, speed)| {
            let left = attempt.bytes.total.saturating_sub(attempt.bytes.transferred);
            let seconds = i64::try_from(left.div_ceil(speed)).unwrap_or(i64::MAX);
            // An estimate: whole minutes are enough. The agent reports a speed before a byte has
            // moved.
            let seconds = if seconds < 60 { seconds } else { seconds / 60 * 60 };
            (left > 0 && attempt.bytes.transferred > 0).then(|| SignedDuration::from_secs(seconds))
        });
        progress
    }
}

/// A figure for people, from 1; what is not a number, or beyond u64, is cut.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure for people: what is not a number or beyond u64 is cut"
)]
fn whole(figure: f64) -> Option<u64> {
    (figure >= 1.0).then_some(figure as u64)
}
