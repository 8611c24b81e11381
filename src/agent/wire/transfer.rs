//! Parses one record of `get_all` into the engine's types.

use jiff::Timestamp;
use uuid::Uuid;

use super::date::instant;
use super::object::Properties;
use super::scalar::Scalar;
use crate::agent::words::fit;
use crate::core::ids::{AccountId, TransferId, UserId};
use crate::core::place::Fingerprint;
use crate::core::transfer::{LookRequest, Progress, Transfer, TransferStatus};

/// The properties that we read, in the order of [`Properties`]; the vendor's in lower case.
pub(super) const NAMES: [&str; 26] = [
    "id",
    "userid",
    "synccycleid",
    "retrybatchtransferid",
    "sourcecloudaccountid",
    "sourcebucket",
    "sourcepath",
    "sourcecloudaccount",
    "destinationcloudaccountid",
    "destinationbucket",
    "destinationpath",
    "destinationcloudaccount",
    "requestdate",
    "enddate",
    "transferstatus",
    "transfertype",
    "allowskip",
    "total",
    "failed",
    "skipped",
    "transferred",
    "totalsize",
    "transferredsize",
    "percent",
    "averagespeed",
    "transferredcost",
];

/// An unknown `transferStatus` is quoted in messages; the vendor's are below ten letters long.
const STATUS_LETTERS_MAX: usize = 32;

/// A record as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReadRecord {
    /// Its id.
    pub(crate) id: Option<TransferId>,
    /// Its `requestDate`.
    pub(crate) requested_at: Option<Timestamp>,
    /// The whole, if id and places could be read.
    pub(crate) transfer: Option<Transfer>,
    /// Exact and loose fingerprint, if the places could be read.
    fingerprints: Option<(Fingerprint, Fingerprint)>,
    /// Its fingerprint if `allowSkip` is true, where the record does not say.
    if_it_skips: Option<Fingerprint>,
    /// It belongs to a sync: such a record is never ours (protocol, rule 4).
    of_sync: bool,
}

impl ReadRecord {
    pub(super) fn of(properties: &Properties<'_, { NAMES.len() }>) -> Self {
        let [
            id,
            user,
            sync_cycle,
            retry_batch,
            source_account,
            source_bucket,
            source_path,
            source_embedded,
            destination_account,
            destination_bucket,
            destination_path,
            destination_embedded,
            request_date,
            end_date,
            status,
            kind,
            allow_skip,
            total,
            failed,
            skipped,
            transferred,
            total_size,
            transferred_size,
            percent,
            average_speed,
            cost,
        ] = properties;
        let id = id.uuid().map(TransferId);
        let requested_at = request_date.word().and_then(instant);
        let kind = transfer_type(kind);
        let known_status = transfer_status(status);
        // A record that names neither itself nor an account may be any transfer.
        let names = [source_account, source_embedded, destination_account, destination_embedded];
        let tells_nothing = id.is_none() && names.iter().all(|name| name.is_none());
        let fingerprints = (|| {
            if tells_nothing {
                return None;
            }
            let source_bucket = source_bucket.text()?;
            let source_path = source_path.text()?;
            let destination_bucket = destination_bucket.text()?;
            let destination_path = destination_path.text()?;
            let source =
                (account(source_account, source_embedded)?, &*source_bucket, &*source_path);
            let destination = (
                account(destination_account, destination_embedded)?,
                &*destination_bucket,
                &*destination_path,
            );
            let exact = |skips| Fingerprint::of(source, destination, skips);
            let loose = Fingerprint::loose(source, destination);
            let if_it_skips = matches!(allow_skip, Scalar::Null).then(|| exact(true));
            Some((exact(allow_skip.flag()?), loose, if_it_skips))
        })();
        let if_it_skips = fingerprints.and_then(|(_, _, if_it_skips)| if_it_skips);
        let fingerprints = fingerprints.map(|(exact, loose, _)| (exact, loose));
        let of_sync = !sync_cycle.is_none();
        let transfer =
            id.zip(fingerprints).map(|(id, (fingerprint, loose_fingerprint))| Transfer {
                id,
                user: user.uuid().map(UserId),
                fingerprint,
                loose_fingerprint,
                of_sync,
                of_retry_batch: !retry_batch.is_none(),
                kind,
                requested_at,
                ended_at: end_date.word().and_then(instant),
                status: known_status.unwrap_or(TransferStatus::Unknown),
                unknown_status: known_status.is_none().then(|| as_written(status)),
                progress: Progress {
                    objects_total: total.count(),
                    objects_transferred: transferred.count(),
                    objects_failed: failed.count(),
                    objects_skipped: skipped.count(),
                    bytes_total: total_size.count(),
                    bytes_transferred: transferred_size.count(),
                    percent: percent.measure().min(100.0),
                    speed: average_speed.measure(),
                    cost_usd: cost.amount(),
                    // Of no objects at all there is nothing more to tell.
                    objects_incomplete: (total.is_none() || total.count() > 0)
                        && [transferred, skipped, failed].iter().any(|it| it.is_none()),
                },
            });
        let of_sync = of_sync || matches!(kind, Some(2 | 4));
        Self { id, requested_at, transfer, fingerprints, if_it_skips, of_sync }
    }

    /// The transfer, if the request wants it. A missing `allowSkip` counts as the one requested:
    /// any field may be missing, and the rest of the evidence decides.
    pub(crate) fn wanted_by(self, request: &LookRequest) -> Option<Transfer> {
        let mut transfer = self.transfer?;
        if let Some(skipping) = self.if_it_skips
            && request.fingerprints.contains(&skipping)
            && !request.fingerprints.contains(&transfer.fingerprint)
        {
            transfer.fingerprint = skipping;
        }
        request.wants(&transfer).then_some(transfer)
    }

    /// True if the record could not be read whole, and the readable part does not rule out that it
    /// is wanted: a look with such a record proves no absence.
    pub(crate) fn is_doubtful(&self, request: &LookRequest, since: Timestamp) -> bool {
        let unwanted_places = self.fingerprints.is_some_and(|(exact, loose)| {
            !request.fingerprints.contains(&exact) && !request.fingerprints.contains(&loose)
        });
        let unwanted_id = self.id.is_none_or(|id| !request.transfers.contains(&id));
        let ruled_out = self.of_sync
            || (unwanted_places && unwanted_id)
            || self.requested_at.is_some_and(|at| at < since);
        self.transfer.is_none() && !ruled_out
    }
}

/// An account's id; from the embedded account where the id itself is missing. The zero id where
/// both are missing, which is nobody's. Absent if it can't be read.
pub(super) fn account(id: &Scalar<'_>, embedded: &Scalar<'_>) -> Option<AccountId> {
    if let Some(id) = id.uuid() {
        return Some(AccountId(id));
    }
    id.is_none().then(|| AccountId(embedded.uuid().unwrap_or(Uuid::nil())))
}

/// `transferStatus`, as a number or a name; absent for one that the vendor's page does not name.
fn transfer_status(status: &Scalar<'_>) -> Option<TransferStatus> {
    const NAMES: [(&str, i128); 10] = [
        ("none", 0),
        ("created", 1),
        ("running", 2),
        ("completed", 4),
        ("canceled", 8),
        ("cancelled", 8),
        ("error", 16),
        ("canceling", 32),
        ("pausing", 64),
        ("paused", 128),
    ];
    match number_or_name(status, &NAMES)? {
        0 | 1 => Some(TransferStatus::Created),
        2 => Some(TransferStatus::Running),
        4 => Some(TransferStatus::Completed),
        8 => Some(TransferStatus::Canceled),
        16 => Some(TransferStatus::Error),
        32 => Some(TransferStatus::Canceling),
        64 => Some(TransferStatus::Pausing),
        128 => Some(TransferStatus::Paused),
        _ => None,
    }
}

/// A value as the agent wrote it, for people: short, and without secrets or characters that control
/// a terminal.
fn as_written(value: &Scalar<'_>) -> String {
    let text = value.text().unwrap_or_default();
    // Masked before it is cut: the beginning of a token is one too.
    let masked = fit(&text, None);
    let plain = masked.chars().filter(|letter| letter.is_ascii_graphic() || *letter == '…');
    plain.take(STATUS_LETTERS_MAX).collect()
}

/// `transferType`, as a number or a name.
fn transfer_type(kind: &Scalar<'_>) -> Option<u32> {
    const NAMES: [(&str, i128); 4] =
        [("transfer", 1), ("sync", 2), ("syncinittransfer", 4), ("manualtransfer", 8)];
    number_or_name(kind, &NAMES).and_then(|number| u32::try_from(number).ok())
}

fn number_or_name(value: &Scalar<'_>, names: &[(&str, i128)]) -> Option<i128> {
    value.whole().or_else(|| {
        let word = value.word()?;
        names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, number)| *number)
    })
}
