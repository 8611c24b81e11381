//! Parses one record of `get_all` into the engine's types.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::date::instant;
use super::object::Properties;
use super::scalar::Scalar;
use crate::agent::words::fit;
use crate::core::ids::{AccountId, TransferId, UserId};
use crate::core::place::{Fingerprint, PartialPlace, TransferRequest};
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
    /// The parts of its places that the record has, if some are missing.
    remains: Option<Box<Remains>>,
    /// It belongs to a sync, or is the agent's own repetition: such a record is never ours
    /// (protocol, rule 4).
    of_agent: bool,
    /// Whose it is, if it tells.
    user: Option<UserId>,
}

/// The places of a record that does not tell all of them: parts are null, or could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
struct Remains {
    source: PartialPlace,
    destination: PartialPlace,
    /// The first property that could not be read; absent if all could be, or the record is no
    /// object at all.
    unreadable: Option<&'static str>,
}

impl ReadRecord {
    /// An element of the list that is no object.
    pub(super) fn unreadable() -> Self {
        Self { remains: Some(Box::default()), ..Self::default() }
    }

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
        let is_nameless = id.is_none() && names.iter().all(|name| name.is_none());
        let from = account(source_account, source_embedded);
        let to = account(destination_account, destination_embedded);
        let fingerprints = (|| {
            if is_nameless {
                return None;
            }
            let source_bucket = source_bucket.text()?;
            let source_path = source_path.text()?;
            let destination_bucket = destination_bucket.text()?;
            let destination_path = destination_path.text()?;
            let source = (from?, &*source_bucket, &*source_path);
            let destination = (to?, &*destination_bucket, &*destination_path);
            let exact = |skips| Fingerprint::of(source, destination, skips);
            let loose = Fingerprint::loose(source, destination);
            let if_it_skips = matches!(allow_skip, Scalar::Null).then(|| exact(true));
            Some((exact(allow_skip.flag()?), loose, if_it_skips))
        })();
        let (sync, batch) = (sync_cycle.reference(), retry_batch.reference());
        let transfer = id.zip(fingerprints).zip(sync.zip(batch)).map(
            |((id, (fingerprint, loose_fingerprint, if_it_skips)), (of_sync, of_retry_batch))| {
                Transfer {
                    id,
                    user: user.uuid().map(UserId),
                    fingerprint,
                    if_it_skips,
                    loose_fingerprint,
                    may_be_of: Vec::new(),
                    tells_no_progress: [transferred, skipped, failed, transferred_size, percent]
                        .iter()
                        .all(|counter| counter.is_none()),
                    of_sync,
                    of_retry_batch,
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
                        // Of no objects at all there is nothing more to tell, and what was neither
                        // transferred nor skipped has not arrived, whatever failed.
                        objects_incomplete: (total.is_none() && failed.is_none())
                            || (total.is_none() || total.count() > 0)
                                && [transferred, skipped].iter().any(|it| it.is_none()),
                    },
                }
            },
        );
        let of_agent = [sync, batch].contains(&Some(true)) || matches!(kind, Some(2 | 4));
        let texts = [source_bucket, source_path, destination_bucket, destination_path];
        let is_somebodys = |account: &AccountId| !account.0.is_nil();
        let leaves_out = texts.iter().any(|text| matches!(text, Scalar::Null))
            || [from, to].iter().flatten().any(|account| !is_somebodys(account));
        let remains = (leaves_out || transfer.is_none()).then(|| {
            let place = |account: Option<AccountId>, bucket, path| {
                if is_nameless {
                    return PartialPlace::default();
                }
                let account = account.filter(is_somebodys);
                PartialPlace { account, bucket: told(bucket), path: told(path) }
            };
            let source = place(from, source_bucket, source_path);
            let destination = place(to, destination_bucket, destination_path);
            let parts = [
                (id.is_some(), "id"),
                (from.is_some(), "sourceCloudAccountId"),
                (source_bucket.text().is_some(), "sourceBucket"),
                (source_path.text().is_some(), "sourcePath"),
                (to.is_some(), "destinationCloudAccountId"),
                (destination_bucket.text().is_some(), "destinationBucket"),
                (destination_path.text().is_some(), "destinationPath"),
                (allow_skip.flag().is_some(), "allowSkip"),
                (sync.is_some(), "syncCycleId"),
                (batch.is_some(), "retryBatchTransferID"),
            ];
            let unreadable = parts.iter().find_map(|(is_read, name)| (!is_read).then_some(*name));
            Box::new(Remains { source, destination, unreadable })
        });
        Self { id, requested_at, transfer, remains, of_agent, user: user.uuid().map(UserId) }
    }

    /// The transfer, if the request wants it. One that leaves out parts of its places is like what
    /// was asked for, but for spelling, if no part that it tells differs.
    pub(crate) fn wanted_by(self, request: &LookRequest) -> Option<Transfer> {
        let mut transfer = self.transfer?;
        if let Some(remains) = self.remains
            && !request.wants(&transfer)
        {
            let may_be = request.that_may_be(&remains.source, &remains.destination);
            let loose: BTreeSet<Fingerprint> =
                may_be.map(TransferRequest::loose_fingerprint).collect();
            transfer.may_be_of = loose.intersection(&request.fingerprints).copied().collect();
        }
        request.wants(&transfer).then_some(transfer)
    }

    /// What could not be read of the record, in words, if the rest does not rule out that it is
    /// wanted: a look with such a record proves no absence. `ours` is the user of the token.
    pub(crate) fn doubt(
        &self,
        request: &LookRequest,
        since: Timestamp,
        ours: Option<UserId>,
    ) -> Option<String> {
        let remains = self.remains.as_ref().filter(|_| self.transfer.is_none())?;
        let may_be_wanted = self.id.is_some_and(|id| request.transfers.contains(&id))
            || request.that_may_be(&remains.source, &remains.destination).next().is_some();
        let is_old = self.requested_at.is_some_and(|at| at < since);
        let is_anothers = self.user.zip(ours).is_some_and(|(theirs, ours)| theirs != ours);
        if !may_be_wanted || self.of_agent || is_anothers || is_old {
            return None;
        }
        let of = self.id.map_or_else(|| "a transfer".to_owned(), |id| format!("transfer {id}"));
        let what = remains.unreadable.map(|name| format!("`{name}` of {of}"));
        Some(what.unwrap_or_else(|| "it is not an object".to_owned()))
    }
}

/// The text of a part of a place; absent if it is null or can't be read.
fn told(text: &Scalar<'_>) -> Option<String> {
    if matches!(text, Scalar::Null) { None } else { text.text().map(Cow::into_owned) }
}

/// An account's id; from the embedded account where the id itself is missing. The zero id where
/// both are missing, which is nobody's. Absent if it can't be read.
pub(super) fn account(id: &Scalar<'_>, embedded: &Scalar<'_>) -> Option<AccountId> {
    if let Some(id) = id.uuid() {
        return Some(AccountId(id));
    }
    id.is_none().then(|| AccountId(embedded.uuid().unwrap_or_default()))
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
