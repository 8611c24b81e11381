//! Findings from pages of `get_all` about the assumptions on them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Assumption, Finding, Ours, Verdict, distance};
use crate::agent::transport::RawAnswer;
use crate::agent::wire::{ReadRecord, read_page};
use crate::core::ids::{TransferId, UserId};
use crate::core::limits::SKEW;
use crate::core::transfer::{Transfer, TransferStatus};

const LISTING: Assumption = Assumption {
    name: "listing",
    text: "`get_all` answers with a page of transfers",
    needed: true,
    holds: "completion is read from it",
    otherwise: "runs wait: nothing is queued that could not be followed",
};
const TOTAL: Assumption = Assumption {
    name: "total",
    text: "a page tells the `total`, which is the same on each",
    needed: true,
    holds: "a list whose `total` changes while it is read does not show what is missing",
    otherwise: "only the first page, read again, tells that the list has moved",
};
const NAMES: Assumption = Assumption {
    name: "property_case",
    text: "property names are in camelCase",
    needed: false,
    holds: "nothing",
    otherwise: "they are read in any case",
};
const IDS: Assumption = Assumption {
    name: "records",
    text: "each record has a readable id and places",
    needed: true,
    holds: "nothing is overlooked",
    otherwise: "with an unreadable record no listing proves that a transfer is missing",
};
const DATES: Assumption = Assumption {
    name: "request_date",
    text: "each record has a readable `requestDate`",
    needed: true,
    holds: "it is compared with when we asked",
    otherwise: "a record without one is not evidence unless `agent.exclusive_user` is set",
};
const STATUS: Assumption = Assumption {
    name: "status",
    text: "`transferStatus` is one of the numbers of the Click API page",
    needed: true,
    holds: "nothing",
    otherwise: "names are read too; an unknown status is taken to be active",
};
const CREATED: Assumption = Assumption {
    name: "created_hidden",
    text: "transfers in state Created are left out of the list",
    needed: false,
    holds: "an accepted transfer that is not listed is waited for",
    otherwise: "one that is listed is taken as queued",
};
const COUNTERS: Assumption = Assumption {
    name: "counters",
    text: "each record counts its objects and bytes",
    needed: true,
    holds: "progress is shown, and a transfer that stands still is noticed",
    otherwise: "what is not told counts as 0; `percent` alone may show progress",
};
const END_DATE: Assumption = Assumption {
    name: "end_date",
    text: "a transfer that is over tells its `endDate`",
    needed: true,
    holds: "what came due after it is not skipped for its sake",
    otherwise: "it counts as over when a look has shown it",
};
const RECORD_USER: Assumption = Assumption {
    name: "record_user",
    text: "each record tells its `userId`",
    needed: false,
    holds: "other users' transfers are never taken for ours",
    otherwise: "such a record is judged by places and dates alone",
};
const OWN_DATES: Assumption = Assumption {
    name: "own_dates",
    text: "our transfers are dated when we asked for them, in UTC, within two minutes",
    needed: true,
    holds: "a transfer that was requested at another time is never taken for ours",
    otherwise: "the tolerance is widened by what was learned; `agent.exclusive_user` asks no dates",
};
const OWN_USER: Assumption = Assumption {
    name: "own_user",
    text: "our transfers bear the `userId` that the agent tells of our token",
    needed: true,
    holds: "other users' transfers are never taken for ours",
    otherwise: "an accepted transfer is not known for ours: runs wait until `timeout`, loudly",
};
const OTHERS: Assumption = Assumption {
    name: "exclusive_user",
    text: "nobody else queues transfers as our user (not needed; see `agent.exclusive_user`)",
    needed: false,
    holds: "`agent.exclusive_user: true` may be set",
    otherwise: "without `agent.exclusive_user`, transfers are told apart by when they were requested",
};
const SORTED: Assumption = Assumption {
    name: "sorted",
    text: "the list comes newest first, as asked",
    needed: false,
    holds: "reading ends where records are too old",
    otherwise: "the whole list is read, up to a bound",
};
const PAGE_SIZE: Assumption = Assumption {
    name: "page_size",
    text: "`pagesize` is obeyed",
    needed: false,
    holds: "a look at a busy account is one request",
    otherwise: "pages are read by the size that they have",
};
const PAGING: Assumption = Assumption {
    name: "paging",
    text: "the second page follows the first",
    needed: true,
    holds: "the list is read as deep as it must be",
    otherwise: "a list that does not fit on one page does not show what is missing",
};
const ROLE: Assumption = Assumption {
    name: "role",
    text: "the user may queue transfers",
    needed: true,
    holds: "runs are queued",
    otherwise: "if the agent refuses it, runs fail at once with the agent's words",
};

/// A page, parsed twice: as JSON for its forms, and as transferd reads it.
pub(super) struct Page {
    records: Vec<ReadRecord>,
    raw: Vec<Map<String, Value>>,
    total: Option<u64>,
}

impl Page {
    /// The error is a message.
    pub(super) fn of(answer: &RawAnswer) -> Result<Self, String> {
        if answer.status != 200 {
            return Err(format!("the agent answered {}", answer.status));
        }
        let body = answer.body.as_ref().map_err(Clone::clone)?;
        let mut records = Vec::new();
        let facts = read_page(body, &mut |record| records.push(record))?;
        let list = match serde_json::from_slice(body) {
            Ok(Value::Object(page)) => {
                page.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("data")).map(|e| e.1)
            }
            Ok(list) => Some(list),
            Err(_) => None,
        };
        let raw = match list {
            Some(Value::Array(list)) => list
                .into_iter()
                .filter_map(|record| match record {
                    Value::Object(record) => Some(record),
                    _ => None,
                })
                .collect(),
            Some(_) | None => Vec::new(),
        };
        Ok(Self { records, raw, total: facts.total })
    }

    /// The records that could be read whole.
    pub(super) fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.records.iter().filter_map(|record| record.transfer.as_ref())
    }

    fn ids(&self) -> Vec<Option<TransferId>> {
        self.records.iter().map(|record| record.id).collect()
    }
}

/// The finding if no page can be read at all.
pub(super) fn unread(words: String) -> Finding {
    LISTING.judged(false, words)
}

/// The role that the user's type stands for.
pub(super) fn role(user_type: Option<&str>) -> Finding {
    match user_type {
        // click-api: 16 DesktopAdmin, 32 DesktopCreativeUser, 64 DesktopStandardUser.
        Some("16" | "DesktopAdmin") => ROLE.judged(true, "DesktopAdmin"),
        Some("32" | "DesktopCreativeUser") => ROLE.judged(true, "DesktopCreativeUser"),
        Some("64" | "DesktopStandardUser") => ROLE.judged(false, "DesktopStandardUser"),
        Some(name @ ("ProviderAdmin" | "AccountAdmin")) => ROLE.judged(true, name),
        Some(_) => ROLE.found(Verdict::CantTell, "a user type without a known name"),
        None => ROLE.found(Verdict::CantTell, "no user type is told"),
    }
}

/// Findings from one page about names, dates, states and users.
pub(super) fn forms(page: &Page) -> Vec<Finding> {
    let count = page.records.len();
    let transfers = if count == 1 { "transfer" } else { "transfers" };
    let seen = format!("{count} {transfers} on the first page");
    let mut findings = vec![LISTING.judged(true, seen)];
    if count == 0 {
        let none = |assumption: &Assumption| assumption.found(Verdict::CantTell, "no transfer yet");
        findings.extend([&NAMES, &IDS, &DATES, &STATUS, &CREATED].map(none));
        findings.extend([&COUNTERS, &END_DATE, &RECORD_USER].map(none));
        return findings;
    }
    let of = |number: usize| format!("{number} of {count}");
    let whole = page.records.iter().filter(|record| record.transfer.is_some()).count();
    let transfers: Vec<_> = page.transfers().collect();
    let camel = page.raw.iter().all(|record| record.contains_key("id"));
    findings.push(NAMES.judged(camel, if camel { "camelCase" } else { "another case" }));
    findings.push(IDS.judged(whole == count, format!("{} read", of(whole))));
    let dated = page.records.iter().filter(|record| record.requested_at.is_some()).count();
    findings.push(DATES.judged(dated == count, format!("{} dated; {}", of(dated), dates(page))));
    let known = transfers.iter().filter(|t| t.status != TransferStatus::Unknown).count();
    let numbers = page.raw.iter().filter(|r| value(r, "transferStatus").is_some_and(Value::is_u64));
    let numbers = numbers.count();
    let seen = format!("{} known, {} as numbers", of(known), of(numbers));
    findings.push(STATUS.judged(known == count && numbers == count, seen));
    let created = transfers.iter().filter(|t| t.status == TransferStatus::Created).count();
    findings.push(if created > 0 {
        CREATED.judged(false, format!("{} in state Created", of(created)))
    } else {
        CREATED.found(Verdict::CantTell, "none in state Created is listed now")
    });
    let counted = transfers.iter().filter(|transfer| !transfer.progress.objects_incomplete).count();
    let sized = |record: &&Map<String, Value>| {
        ["totalSize", "transferredSize"].iter().all(|name| value(record, name).is_some())
    };
    let sized = page.raw.iter().filter(sized).count();
    let seen = format!("objects: {}, bytes: {}", of(counted), of(sized));
    findings.push(COUNTERS.judged(counted == count && sized == count, seen));
    let over = transfers.iter().filter(|transfer| transfer.status.is_terminal());
    let (over, ended) = over.fold((0, 0), |(over, ended), transfer| {
        (over + 1, ended + usize::from(transfer.ended_at.is_some()))
    });
    findings.push(match over {
        0 => END_DATE.found(Verdict::CantTell, "none is over"),
        over => END_DATE.judged(ended == over, format!("{ended} of {over} that are over")),
    });
    let told = transfers.iter().filter(|transfer| transfer.user.is_some()).count();
    findings.push(RECORD_USER.judged(told == count, of(told)));
    findings
}

/// Findings from records that are ours, or our user's, according to the database.
pub(super) fn ours(page: &Page, user: Option<UserId>, ours: &Ours) -> Vec<Finding> {
    let Some(ours) = ours else {
        let unknown = |assumption: &Assumption| {
            assumption.found(Verdict::CantTell, "there is no history of ours to compare with")
        };
        return [&OWN_DATES, &OWN_USER, &OTHERS].map(unknown).into();
    };
    let own: Vec<_> = page.transfers().filter_map(|t| Some((t, *ours.get(&t.id)?))).collect();
    vec![own_dates(&own), own_user(&own, user), others(page.transfers(), user, ours)]
}

fn own_dates(own: &[(&Transfer, Timestamp)]) -> Finding {
    let offsets = own.iter().filter_map(|(t, asked)| Some(t.requested_at?.duration_since(*asked)));
    match offsets.max_by_key(|offset| offset.abs()) {
        None => OWN_DATES.found(Verdict::CantTell, "no dated transfer of ours is listed"),
        Some(most) => {
            let seen = format!("{} listed; {} at most", own.len(), distance(most));
            OWN_DATES.judged(most.abs() <= SKEW, seen)
        }
    }
}

fn own_user(own: &[(&Transfer, Timestamp)], user: Option<UserId>) -> Finding {
    let told = own.iter().filter(|(transfer, _)| transfer.user.is_some()).count();
    if user.is_none() || told == 0 {
        return OWN_USER.found(Verdict::CantTell, "no transfer of ours tells its user, or we ours");
    }
    let right = own.iter().filter(|(transfer, _)| transfer.user == user).count();
    OWN_USER.judged(right == told, format!("{right} of {told}"))
}

/// Transfers of our user that are not ours (protocol, rule 4).
fn others<'a>(
    transfers: impl Iterator<Item = &'a Transfer>,
    user: Option<UserId>,
    ours: &BTreeMap<TransferId, Timestamp>,
) -> Finding {
    if user.is_none() {
        return OTHERS.found(Verdict::CantTell, "the agent does not tell who we are");
    }
    let of_user: Vec<_> = transfers.filter(|t| t.user == user && !t.of_sync).collect();
    let strange: Vec<_> = of_user.iter().filter(|t| !ours.contains_key(&t.id)).collect();
    let seen = format!("{} of our user's {} are not transferd's", strange.len(), of_user.len());
    match strange.iter().filter_map(|transfer| transfer.requested_at).max() {
        Some(latest) => OTHERS.judged(false, format!("{seen}; the latest is of {latest:.0}")),
        None if of_user.is_empty() => OTHERS.found(Verdict::CantTell, "no transfer of our user"),
        None => OTHERS.judged(strange.is_empty(), seen),
    }
}

/// How dates are written: their ending, and the number of digits.
fn dates(page: &Page) -> String {
    let (mut utc, mut offset, mut bare, mut digits) = (0, 0, 0, 0);
    for date in page.raw.iter().filter_map(|r| value(r, "requestDate")?.as_str()) {
        let time = date.split_once(['T', ' ']).map_or("", |(_, time)| time);
        match time {
            time if time.ends_with(['Z', 'z']) => utc += 1,
            time if time.contains(['+', '-']) => offset += 1,
            _ => bare += 1,
        }
        let fraction = time.split_once('.').map_or("", |(_, fraction)| fraction);
        digits = digits.max(fraction.bytes().take_while(u8::is_ascii_digit).count());
    }
    format!("{utc} with Z, {offset} with an offset, {bare} with neither, up to {digits} digits")
}

fn value<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    record.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Findings from pages of different sizes about how the list is served.
pub(super) fn paging(long: &Page, short: &[Page]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let dates: Vec<_> = long.records.iter().filter_map(|record| record.requested_at).collect();
    findings.push(if dates.len() < 2 {
        SORTED.found(Verdict::CantTell, "fewer than two dated transfers")
    } else {
        let sorted = dates.is_sorted_by(|earlier, later| earlier >= later);
        SORTED.judged(sorted, if sorted { "newest first" } else { "in another order" })
    });
    let totals: Vec<_> = std::iter::once(long).chain(short).map(|page| page.total).collect();
    let total = match totals.as_slice() {
        [Some(first), rest @ ..] if rest.iter().all(|total| *total == Some(*first)) => {
            TOTAL.judged(true, format!("{first} on each of {} pages", totals.len()))
        }
        _ => TOTAL.judged(false, "missing, or not the same on each page"),
    };
    findings.push(total);
    match short {
        [first, second] if long.records.len() > 2 => {
            let size = first.records.len();
            findings.push(PAGE_SIZE.judged(size == 2, format!("asked for 2, got {size}")));
            let all = long.ids();
            let follows = all.starts_with(&[first.ids(), second.ids()].concat());
            let seen = if follows { "no gap, no repetition" } else { "a gap, or a repetition" };
            findings.push(if size == 2 || follows {
                PAGING.judged(follows, seen)
            } else {
                PAGING.found(Verdict::CantTell, "the pages are longer than was asked for")
            });
        }
        _ => {
            let why = match long.records.len() {
                0..3 => "fewer than three transfers",
                _ => "a page of two could not be read",
            };
            findings.push(PAGE_SIZE.found(Verdict::CantTell, why));
            findings.push(PAGING.found(Verdict::CantTell, why));
        }
    }
    findings
}
