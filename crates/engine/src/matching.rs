//! Matching: evidence that a transfer belongs to an attempt, and the assignment over all attempts
//! (protocol, rules 4 and 5).
//!
//! Pure functions over rows and records; the engine decides what follows from a match.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

use super::limits::{BASELINE_DEPTH, DATE_IS_RIGHT, EXCLUSIVE_DEPTH, SKEW};
use super::reason::Miss;
use super::run::{Attempt, Phase};
use super::time::shift;
use super::transfer::Transfer;

/// Checks whether `record` can be the transfer of `attempt`. With `exclusive` nobody else queues
/// transfers as this user, and dates are not considered.
///
/// # Errors
/// The first reason why it can't be.
pub fn evidence(attempt: &Attempt, record: &Transfer, exclusive: bool) -> Result<(), Miss> {
    // A record of another user, or of a sync, can't be ours, whatever its places.
    if let (Some(ours), Some(theirs)) = (attempt.user, record.user)
        && ours != theirs
    {
        return Err(Miss::User);
    }
    if record.of_sync || record.of_retry_batch || matches!(record.kind, Some(2 | 4)) {
        return Err(Miss::Kind);
    }
    if !record.fits(attempt.fingerprint) {
        return Err(Miss::Places);
    }
    if attempt.baseline.contains(&record.id) {
        return Err(Miss::Baseline);
    }
    let in_time = match record.requested_at {
        None => exclusive,
        Some(date) => {
            let (earliest, latest) = window(attempt, exclusive);
            earliest <= date && latest.is_none_or(|latest| date <= latest)
        }
    };
    if in_time { Ok(()) } else { Err(Miss::Date) }
}

/// The first and last `requestDate` that a transfer of the attempt can have. Never reaches further
/// back than the look before the POST did ([`baseline_since`]): a record that this look could not
/// see is not known to be new.
pub fn window(attempt: &Attempt, exclusive: bool) -> (Timestamp, Option<Timestamp>) {
    let (before, after) = attempt.slack_ms;
    let was_deep = exclusive && attempt.exclusive.unwrap_or(true);
    let deepest = baseline_since(attempt.not_before, attempt.offset_ms, was_deep);
    let earliest = if exclusive {
        deepest
    } else {
        shift(attempt.not_before, SignedDuration::from_millis(before) - SKEW).max(deepest)
    };
    let latest = match attempt.not_after {
        Some(at) if !exclusive => Some(shift(at, SignedDuration::from_millis(after) + SKEW)),
        Some(_) | None => None,
    };
    (earliest, latest)
}

/// How far back, by the agent's dates, a look must read for a POST at `now`.
pub fn baseline_since(now: Timestamp, offset_ms: i64, exclusive: bool) -> Timestamp {
    let depth = if exclusive { EXCLUSIVE_DEPTH } else { BASELINE_DEPTH };
    shift(now, SignedDuration::from_millis(offset_ms.min(0)) - depth)
}

/// The result of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// For each attempt, by position, the record, by position, that it owns now.
    pub owner_of: Vec<Option<usize>>,
    /// Records that are evidence for an attempt and that no attempt could own.
    pub left_over: Vec<usize>,
}

/// Assigns records to attempts, each attempt at most one: oldest record first, nearest in time; and
/// where there are too few, to the attempts whose record is known to exist, or may be confirmed in
/// a moment, before those that are uncertain or given up. Where the agent's clock is not known
/// (`clock_known`), an attempt that is still looked for comes before one that was given up, unless
/// the date is right for that one ([`DATE_IS_RIGHT`]). `claimed[i]` is the record that attempt `i`
/// owns already, by position in `records`: it keeps owning a record, and two attempts exchange
/// theirs only if that lets a further record find its owner. An attempt that owns a record outside
/// `records` must not be passed in.
///
/// With `exclusive` dates decide nothing, except that an attempt takes no record from another whose
/// date is far from its own, if the agent's clock is known (`clock_known`): that record is older.
pub fn assign(
    attempts: &[&Attempt],
    records: &[&Transfer],
    claimed: &[Option<usize>],
    exclusive: bool,
    clock_known: bool,
) -> Assignment {
    let fits = |attempt: usize, record: usize| {
        evidence(attempts[attempt], records[record], exclusive).is_ok()
    };
    let mut owned: Vec<Option<usize>> = claimed.to_vec();
    let mut order: Vec<usize> =
        (0..records.len()).filter(|record| !claimed.contains(&Some(*record))).collect();
    order.sort_by_key(|&record| {
        (records[record].requested_at.unwrap_or(Timestamp::MAX), records[record].id)
    });
    let mut left_over = Vec::new();
    for record in order {
        let mut candidates: Vec<usize> =
            (0..attempts.len()).filter(|&attempt| fits(attempt, record)).collect();
        // Without a date all are equally near: the request sent last is likeliest.
        candidates.sort_by_key(|&attempt| {
            let row = attempts[attempt];
            (distance(row, records[record]), row.phase == Phase::GivenUp, Reverse(row.not_before))
        });
        if candidates.is_empty() {
            continue;
        }
        let mut visited = vec![false; attempts.len()];
        if !place(record, &candidates, &mut owned, &mut visited, &fits) {
            left_over.push(record);
        }
    }
    let dates_ignored = exclusive && !clock_known;
    let fits_by_date = |attempt: usize, record: usize| {
        evidence(attempts[attempt], records[record], dates_ignored).is_ok()
    };
    let mut prefer = |first: &dyn Fn(usize) -> bool, may_lose: &dyn Fn(usize, usize) -> bool| {
        for attempt in 0..attempts.len() {
            if owned[attempt].is_none() && first(attempt) {
                let mut visited = vec![false; attempts.len()];
                take_over(attempt, &mut owned, &mut visited, &fits_by_date, &|holder, record| {
                    claimed[holder].is_none() && may_lose(holder, record)
                });
            }
        }
    };
    prefer(&|attempt| comes_first(attempts[attempt]), &|holder, _| !comes_first(attempts[holder]));
    if !clock_known {
        // Its dates may be as far off as two requests are apart: of two attempts that one record
        // fits, the one that was looked for in vain is less likely, unless the date is right for
        // it.
        prefer(&|attempt| attempts[attempt].phase == Phase::Uncertain, &|holder, record| {
            attempts[holder].phase == Phase::GivenUp
                && distance(attempts[holder], records[record]) > DATE_IS_RIGHT
        });
    }
    Assignment { owner_of: owned, left_over }
}

/// True for an attempt whose record exists, and for one whose answer is awaited: if the record of
/// the latter were given to a lost request, the 200 that comes next would find none.
fn comes_first(attempt: &Attempt) -> bool {
    match attempt.phase {
        Phase::Accepted | Phase::Intent => true,
        Phase::Uncertain | Phase::GivenUp | Phase::Refused | Phase::Closed => false,
    }
}

/// Finds a record for an attempt that is likelier to have one: that of an attempt which may lose
/// its own, or of one whose record can be had in exchange for such a record.
fn take_over(
    attempt: usize,
    owned: &mut [Option<usize>],
    visited: &mut [bool],
    fits: &impl Fn(usize, usize) -> bool,
    may_lose: &impl Fn(usize, usize) -> bool,
) -> bool {
    visited[attempt] = true;
    let holders: Vec<(usize, usize)> = owned
        .iter()
        .enumerate()
        .filter_map(|(holder, record)| Some((holder, (*record)?)))
        .filter(|&(_, record)| fits(attempt, record))
        .collect();
    let loser = holders.iter().find(|(holder, record)| may_lose(*holder, *record));
    if let Some(&(holder, record)) = loser {
        owned[holder] = None;
        owned[attempt] = Some(record);
        return true;
    }
    for (holder, record) in holders {
        if !visited[holder] && take_over(holder, owned, visited, fits, may_lose) {
            owned[attempt] = Some(record);
            return true;
        }
    }
    false
}

/// Finds an owner for `record`: a free candidate, else one whose record can move elsewhere.
fn place(
    record: usize,
    candidates: &[usize],
    owned: &mut [Option<usize>],
    visited: &mut [bool],
    fits: &impl Fn(usize, usize) -> bool,
) -> bool {
    if let Some(&free) = candidates.iter().find(|&&attempt| owned[attempt].is_none()) {
        owned[free] = Some(record);
        return true;
    }
    for &attempt in candidates {
        if std::mem::replace(&mut visited[attempt], true) {
            continue;
        }
        let Some(held) = owned[attempt] else { continue };
        let others: Vec<usize> = (0..owned.len()).filter(|&other| fits(other, held)).collect();
        if place(held, &others, owned, visited, fits) {
            owned[attempt] = Some(record);
            return true;
        }
    }
    false
}

/// The date, by the agent's clock, that an attempt's transfer should have.
pub fn expected_date(attempt: &Attempt) -> Timestamp {
    shift(attempt.not_before, SignedDuration::from_millis(attempt.offset_ms))
}

/// How far a record's date is from the attempt's commit, both by the agent's clock.
fn distance(attempt: &Attempt, record: &Transfer) -> SignedDuration {
    let expected = expected_date(attempt);
    let date = record.requested_at.unwrap_or(expected);
    date.duration_since(expected).abs()
}
