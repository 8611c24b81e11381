//! Progress of a transfer, computed when asked for, and the notification socket's reports of it.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use transferd_engine::ids::TransferId;
use transferd_engine::transfer::{Progress, TransferStatus};

use super::state::World;
use super::transfers::{Ending, SimTransfer};

/// The most files of one transfer that are reported individually since the last call; others are
/// left out, as notifications are hints.
const FRAMES_MAX: u64 = 20;

/// Frames of a flood, with each report of files: more per second than anybody should read.
const FLOOD: u64 = 900;

/// The cost of a byte: two cents a gigabyte, as egress of a cold archive.
const USD_A_BYTE: f64 = 0.02 / 1e9;

/// A message of the notification socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Type 4: after every call that is not a GET.
    App {
        /// `EndpointAddress`: its path.
        address: String,
        /// `HttpMethod`.
        method: String,
        /// `Origin`: its `X-App-Origin`, or empty.
        origin: String,
    },
    /// Type 1: a file of a transfer has moved or is done.
    File(FileFrame),
}

/// The `Data` of a Progress frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFrame {
    /// The transfer; absent if the frame does not name it.
    pub transfer: Option<TransferId>,
    /// Key of the file.
    pub path: String,
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes in all.
    pub size: u64,
    /// `InProgress`, `Completed` or `Failed`.
    pub status: &'static str,
    /// Why, of one that failed.
    pub error: String,
    /// When the transfer began.
    pub started_at: Timestamp,
}

impl SimTransfer {
    /// The share of the work that is done at `now`.
    pub fn fraction(&self, now: Timestamp) -> f64 {
        let moving = self.working_since.map_or(SignedDuration::ZERO, |since| {
            now.duration_since(since).max(SignedDuration::ZERO)
        });
        let worked = (self.worked + moving).as_secs_f64();
        let whole = self.plan.duration.as_secs_f64();
        let fraction = if whole > 0.0 { worked / whole } else { 1.0 };
        fraction.min(self.plan.until)
    }

    /// The counters at `now`.
    pub fn progress(&self, now: Timestamp) -> Progress {
        let plan = &self.plan;
        if self.status == TransferStatus::Created || plan.ending == Ending::Empty {
            let done = self.status == TransferStatus::Completed;
            return Progress { percent: if done { 100.0 } else { 0.0 }, ..Progress::default() };
        }
        let fraction = self.fraction(now);
        let objects = portion(plan.objects, fraction);
        let failed = plan.failing.min(objects);
        let skipped = plan.skipped.min(objects - failed);
        let speed = if self.working_since.is_some() && plan.duration > SignedDuration::ZERO {
            precise(plan.bytes) / plan.duration.as_secs_f64()
        } else {
            0.0
        };
        Progress {
            objects_total: plan.objects,
            objects_transferred: objects - failed - skipped,
            objects_failed: failed,
            objects_skipped: skipped,
            bytes_total: plan.bytes,
            bytes_transferred: portion(plan.bytes, fraction),
            percent: (fraction * 1_000.0).round() / 10.0,
            speed,
            cost_usd: Some(cost(portion(plan.bytes, fraction))),
            objects_incomplete: false,
        }
    }
}

impl World {
    /// Frames about files that moved since `since`. Bounded for each transfer.
    pub fn file_frames(&self, since: Timestamp, now: Timestamp) -> Vec<FileFrame> {
        let mut frames = Vec::new();
        for id in &self.active {
            let transfer = &self.transfers[id];
            let Some(started_at) = transfer.started_at else { continue };
            if transfer.working_since.is_none() || transfer.plan.objects == 0 {
                continue;
            }
            let done_before = portion(transfer.plan.objects, transfer.fraction(since));
            let done = portion(transfer.plan.objects, transfer.fraction(now));
            let size = transfer.plan.bytes / transfer.plan.objects;
            let mut tell = |number: u64, bytes: u64, status: &'static str| {
                frames.push(FileFrame {
                    transfer: Some(*id),
                    path: transfer.key_of(number),
                    bytes,
                    size,
                    status,
                    error: match status {
                        "Failed" => transfer.error_of(number).to_owned(),
                        _ => String::new(),
                    },
                    started_at,
                });
            };
            for number in done_before..done.min(done_before + FRAMES_MAX) {
                let failed = number < transfer.plan.failing;
                tell(number, size, if failed { "Failed" } else { "Completed" });
            }
            if done < transfer.plan.objects {
                let within = transfer.fraction(now) * precise(transfer.plan.objects);
                tell(done, portion(size, within.fract()), "InProgress");
            }
            if self.options.variants.frames_flood {
                let stranger = |number: u64| TransferId(Uuid::new_v5(&id.0, &number.to_be_bytes()));
                let flood =
                    (0..FLOOD).map(|number| transfer.denied_frame(stranger(number), number));
                frames.extend(flood);
            }
        }
        frames
    }
}

/// The cost of bytes, to a hundredth of a cent: short decimals come back from JSON unchanged.
fn cost(bytes: u64) -> f64 {
    (precise(bytes) * USD_A_BYTE * 10_000.0).round() / 10_000.0
}

/// A portion of a count, rounded down.
fn portion(of: u64, fraction: f64) -> u64 {
    if fraction >= 1.0 {
        return of;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of it lies between 0 and the count"
    )]
    let portion = (precise(of) * fraction.max(0.0)) as u64;
    portion.min(of)
}

fn precise(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counters are shown, not summed up")]
    let precise = count as f64;
    precise
}
