//! `GET /transferhistory/get_all`: finished transfers of all users, newest first.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use transferd_engine::ids::{TransferId, UserId};
use transferd_engine::transfer::TransferStatus;

use super::api::{Endpoint, Outcome, Reply};
use super::progress::{FileFrame, Notice};
use super::state::World;
use super::transfers::{Ending, SimTransfer};

/// With `history_late`, the time from a transfer's end to its row.
const LATE: SignedDuration = SignedDuration::from_secs(30);

/// Failed objects that are reported once more when their transfer ends.
const LAST_FRAMES_MAX: u64 = 200;

/// Frames that are forged as a transfer fails.
const FORGED: u64 = 20;

/// The message in another user's rows and forged frames: a cause that no other try can change.
const DENIED: &str = "Access Denied";

/// The owner of other users' rows.
const OTHER_USER: UserId = UserId(Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_0099));

/// The query of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// `page`, counted from 1.
    pub page: usize,
    /// `pagesize`.
    pub page_size: usize,
    /// `status`: a mask over statuses; 0 is all.
    pub status: u32,
}

/// A row: its owner, and the facts that are not in [`World::transfer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryFact {
    /// Its id.
    pub id: Uuid,
    /// The transfer.
    pub transfer: TransferId,
    /// `userId`.
    pub user: Option<UserId>,
    /// `errorMessage`.
    pub message: Option<String>,
}

impl SimTransfer {
    /// The error of the object of this number.
    pub fn error_of(&self, number: u64) -> &str {
        let number = usize::try_from(number).unwrap_or_default();
        let error = self.errors.get(number.checked_rem(self.errors.len()).unwrap_or_default());
        error.map_or("checksum mismatch", String::as_str)
    }

    /// `errorMessage` of its row.
    pub fn message(&self) -> Option<String> {
        let failed = match self.status {
            TransferStatus::Error => true,
            TransferStatus::Completed => self.plan.failing > 0,
            TransferStatus::Created
            | TransferStatus::Running
            | TransferStatus::Canceled
            | TransferStatus::Canceling
            | TransferStatus::Pausing
            | TransferStatus::Paused
            | TransferStatus::Unknown => false,
        };
        failed.then(|| self.error_of(0).to_owned())
    }

    /// The key of its object of this number.
    pub(crate) fn key_of(&self, number: u64) -> String {
        format!("{}clip-{number:04}.mov", self.request.source.path)
    }
}

impl World {
    /// A page of the history, sorted by `startDate`.
    pub fn history(
        &mut self,
        token: &str,
        query: HistoryPage,
        now: Timestamp,
    ) -> Reply<(Vec<HistoryFact>, usize)> {
        self.answer_signed_in(Endpoint::History, token, now, |world, _| {
            Outcome::Answer(world.history_page(query, now))
        })
    }

    fn history_page(&self, query: HistoryPage, now: Timestamp) -> (Vec<HistoryFact>, usize) {
        let variants = &self.options.variants;
        let after = if variants.history_late { LATE } else { SignedDuration::ZERO };
        let is_meant = |found: &&SimTransfer| {
            let bit = match found.status {
                TransferStatus::Completed => 4,
                TransferStatus::Canceled => 8,
                TransferStatus::Error => 16,
                TransferStatus::Created
                | TransferStatus::Running
                | TransferStatus::Canceling
                | TransferStatus::Pausing
                | TransferStatus::Paused
                | TransferStatus::Unknown => return false,
            };
            (query.status == 0 || query.status & bit != 0)
                && found.ended_at.is_some_and(|at| at + after <= now)
        };
        let mut all: Vec<&SimTransfer> = self.transfers().filter(is_meant).collect();
        all.sort_by_key(|found| std::cmp::Reverse((found.started_at, found.id)));
        let rows = all.into_iter().flat_map(|found| self.rows_of(found));
        let skipped = (query.page.max(1) - 1).saturating_mul(query.page_size);
        let total = rows.clone().count();
        (rows.skip(skipped).take(query.page_size).collect(), total)
    }

    /// The rows about a transfer, the newest first.
    fn rows_of(&self, found: &SimTransfer) -> impl Iterator<Item = HistoryFact> + Clone + use<> {
        let variants = &self.options.variants;
        let other = variants.history_others.then(|| HistoryFact {
            id: Uuid::new_v5(&found.id.0, b"other"),
            transfer: found.id,
            user: Some(OTHER_USER),
            message: Some(DENIED.to_owned()),
        });
        let own = HistoryFact {
            id: match variants.history_own_ids {
                true => Uuid::new_v5(&found.id.0, b"history"),
                false => found.id.0,
            },
            transfer: found.id,
            user: self.reports_user(found.id).then_some(found.user),
            message: found.message(),
        };
        other.into_iter().chain([own])
    }

    /// Reports the objects of a transfer that failed, as it ends.
    pub(crate) fn report_failed_objects(&mut self, id: TransferId) {
        let Some(transfer) = self.transfers.get(&id) else { return };
        let own = transfer.failed_frames().filter(|_| transfer.plan.ending == Ending::Partial);
        let forged = if self.options.variants.frames_forged { FORGED } else { 0 };
        let forged = (0..forged).map(|number| transfer.denied_frame(id, number));
        let frames: Vec<FileFrame> = own.chain(forged).collect();
        for frame in frames {
            self.notify(Notice::File(frame));
        }
    }
}

impl SimTransfer {
    /// A forged frame: an object was denied.
    pub(crate) fn denied_frame(&self, transfer: TransferId, number: u64) -> FileFrame {
        FileFrame {
            transfer: Some(transfer),
            path: format!("forged-{number}.mov"),
            bytes: 0,
            size: 0,
            status: "Failed",
            error: DENIED.to_owned(),
            started_at: self.started_at.unwrap_or(self.accepted_at),
        }
    }

    /// The frames of its objects that fail.
    pub fn failed_frames(&self) -> impl Iterator<Item = FileFrame> {
        let size = self.plan.bytes / self.plan.objects.max(1);
        let failing = self.plan.failing.min(LAST_FRAMES_MAX);
        (0..failing).map(move |number| FileFrame {
            transfer: Some(self.id),
            path: self.key_of(number),
            bytes: 0,
            size,
            status: "Failed",
            error: self.error_of(number).to_owned(),
            started_at: self.started_at.unwrap_or(self.accepted_at),
        })
    }
}
