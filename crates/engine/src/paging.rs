//! Reads a list that changes while it is read: which page to ask for next, and whether the result
//! may prove absence (docs/protocol.md, "Words").
//!
//! A pure machine: the content of pages goes in, the number of the next page comes out, and at the
//! end all that was read. It knows neither HTTP nor JSON nor how long a look may take: the caller
//! that fetches the pages says when to stop ([`Paging::cut`]). The client and the simulation both
//! use it.
//!
//! # Why growth hides nothing
//!
//! Pages are cut by offset from a list that grows at its head. A record that is added while pages
//! are read pushes all others down: a record that was about to be read is read on a later page, and
//! some are read twice. Only the removal of a record can pull another one past the reader. So the
//! reading ends at the head again, and is complete if `total` never shrank and grew by exactly the
//! records that are new at the head: then none was removed. This needs a `total` and an order;
//! without them any visible change makes the reading incomplete, and a removal from the middle goes
//! unnoticed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::ids::TransferId;
use super::limits::{DEFAULT_PAGE_SIZE, WANTED_MAX};
use super::transfer::{Gap, Transfer};

/// One record of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageRecord {
    /// Its id, if that could be read.
    pub id: Option<TransferId>,
    /// Its `requestDate`, if that could be read.
    pub requested_at: Option<Timestamp>,
    /// The part of it that could not be read, in words, if it may be wanted.
    pub unreadable: Option<String>,
    /// The whole record, if it is wanted.
    pub wanted: Option<Transfer>,
}

/// The facts of a page beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// The length of the whole list, as the agent reports it.
    pub total: Option<u64>,
    /// The page size that the agent reports as applied.
    pub page_size: Option<u64>,
}

/// The result of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// When the answer was requested that the whole result rests on.
    pub as_of: Timestamp,
    /// The agent's clock less ours, from the first page.
    pub clock_offset: Option<SignedDuration>,
    /// The date of the oldest record on the pages; absent if the list was read to its end, or is
    /// not in order.
    pub read_back_to: Option<Timestamp>,
    /// Wanted records, each once, in its last version.
    pub transfers: Vec<Transfer>,
    /// The list has changed while it was read.
    pub moved: bool,
    /// The list ended with fewer records than its `total`, which did not change meanwhile.
    pub short: bool,
    /// The reason why it does not prove absence.
    pub gap: Option<Gap>,
    /// Pages that were read.
    pub pages: u64,
    /// Records that were read, each counted once.
    pub records: u64,
    /// The length of the list, as reported on the last page.
    pub total: Option<u64>,
}

/// The stage of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// On the way down; this page is next.
    Down(u64),
    /// At the head again; this page is next.
    Head(u64),
    /// At its end.
    Done,
}

/// The page that is being read.
#[derive(Debug, Default)]
struct Page {
    count: u64,
    /// Records that were on no page before.
    news: u64,
    /// Records without a readable id.
    nameless: u64,
    /// On the second reading of the head: a record that was read on the way down.
    meets_known: bool,
    last_date: Option<Timestamp>,
    ids: Vec<Option<TransferId>>,
}

/// The values of `total` so far.
#[derive(Debug, Default)]
struct Totals {
    first: Option<u64>,
    last: Option<u64>,
    /// It was on some pages and not on others, or it has shrunk: a record was removed.
    odd: bool,
    /// It has changed.
    moved: bool,
}

/// A reading under way.
#[derive(Debug)]
pub struct Paging {
    since: Timestamp,
    asked_size: u64,
    stage: Stage,
    gap: Option<Gap>,
    as_of: Timestamp,
    clock_offset: Option<SignedDuration>,
    page: Page,
    pages: u64,
    totals: Totals,
    first_ids: Vec<Option<TransferId>>,
    /// Read on the way down.
    seen: BTreeSet<TransferId>,
    /// Read at the head for the first time.
    new_at_head: BTreeSet<TransferId>,
    /// `total` on the first page of the head's second reading.
    head_total: Option<u64>,
    /// That page held the same records as when it was read first.
    head_is_same: bool,
    /// Records read on the way down, each counted once.
    records: u64,
    longest_page: u64,
    /// Nothing follows the last page that was read.
    at_end: bool,
    last_date: Option<Timestamp>,
    descending: bool,
    unreadable: u64,
    first_unreadable: Option<String>,
    wanted: BTreeMap<TransferId, Transfer>,
}

impl Paging {
    /// A reading down to `since`, by the agent's dates, in pages of `asked_size`.
    pub fn new(since: Timestamp, asked_size: u64) -> Self {
        Self {
            since,
            asked_size,
            stage: Stage::Down(1),
            gap: None,
            as_of: since,
            clock_offset: None,
            page: Page::default(),
            pages: 0,
            totals: Totals::default(),
            first_ids: Vec::new(),
            seen: BTreeSet::new(),
            new_at_head: BTreeSet::new(),
            head_total: None,
            head_is_same: false,
            records: 0,
            longest_page: 0,
            at_end: false,
            last_date: None,
            descending: true,
            unreadable: 0,
            first_unreadable: None,
            wanted: BTreeMap::new(),
        }
    }

    /// The next page to request, counted from 1; absent once the reading is over.
    pub fn next_page(&self) -> Option<u64> {
        match self.stage {
            Stage::Down(number) | Stage::Head(number) => Some(number),
            Stage::Done => None,
        }
    }

    /// True while nothing was read: without a first page there is no result.
    pub fn is_at_start(&self) -> bool {
        self.pages == 0
    }

    /// The age, by the agent's clock, beyond which records do not matter. An agent whose clock is
    /// behind dates its records too early.
    pub fn depth(&self) -> Timestamp {
        let behind = self.clock_offset.unwrap_or_default().min(SignedDuration::ZERO);
        self.since.checked_add(behind).unwrap_or(Timestamp::MIN)
    }

    /// Begins a page that was requested at `asked_at`. Its records follow, then [`Self::end`].
    pub fn begin(&mut self, asked_at: Timestamp, clock_offset: Option<SignedDuration>) {
        self.page = Page::default();
        // A head of several pages is as old as its first one: later records are above it.
        match self.stage {
            Stage::Down(_) | Stage::Head(1) => self.as_of = asked_at,
            Stage::Head(_) | Stage::Done => {}
        }
        if self.pages == 0 {
            self.clock_offset = clock_offset;
        }
    }

    /// Adds the next record of the page. Of a record that is read twice the later version counts.
    pub fn record(&mut self, record: PageRecord) {
        let page = &mut self.page;
        page.count += 1;
        if let Some(part) = record.unreadable {
            self.unreadable += 1;
            self.first_unreadable.get_or_insert(part);
        }
        if let Some(date) = record.requested_at {
            self.descending &= page.last_date.is_none_or(|last| date <= last);
            page.last_date = Some(date);
        }
        page.nameless += u64::from(record.id.is_none());
        let known = record.id.is_some_and(|id| self.seen.contains(&id));
        let is_news = match (self.stage, record.id) {
            (Stage::Down(_), Some(id)) => self.seen.insert(id),
            (Stage::Head(_), Some(id)) => !known && self.new_at_head.insert(id),
            (Stage::Down(_) | Stage::Head(_), None) | (Stage::Done, _) => false,
        };
        page.news += u64::from(is_news);
        match self.stage {
            Stage::Down(1) | Stage::Head(1) => page.ids.push(record.id),
            Stage::Down(_) | Stage::Head(_) | Stage::Done => {}
        }
        match self.stage {
            Stage::Down(_) if !known => {
                self.records += 1;
                if let Some(date) = record.requested_at {
                    self.descending &= self.last_date.is_none_or(|last| date <= last);
                    self.last_date = Some(date);
                }
            }
            Stage::Head(_) => page.meets_known |= known,
            Stage::Down(_) | Stage::Done => {}
        }
        if let Some(transfer) = record.wanted
            && (self.wanted.len() < WANTED_MAX || self.wanted.contains_key(&transfer.id))
        {
            self.wanted.insert(transfer.id, transfer);
        }
    }

    /// Ends the page.
    pub fn end(&mut self, facts: PageFacts) {
        let page = std::mem::take(&mut self.page);
        self.pages += 1;
        match self.stage {
            Stage::Down(number) => self.end_on_the_way_down(number, page, facts),
            Stage::Head(number) => self.end_at_the_head(number, page, facts),
            Stage::Done => {}
        }
    }

    /// Stops the reading, because the caller has read enough or can't get the next page. New
    /// records at the head are still read where that takes only one more page: the engine may be
    /// waiting for one.
    pub fn cut(&mut self, why: Gap) {
        let next = match (self.stage, &why) {
            (Stage::Done, _) => return,
            (Stage::Down(number), Gap::TooSlow | Gap::TooLarge) if number > 2 => Stage::Head(1),
            (Stage::Down(_) | Stage::Head(_), _) => Stage::Done,
        };
        self.fail(why);
        self.stage = next;
    }

    /// The result of the reading.
    pub fn finish(self) -> Reading {
        let short = self.is_short();
        let records = self.unreadable;
        let unreadable = self.first_unreadable.map(|first| Gap::Unreadable { records, first });
        Reading {
            as_of: self.as_of,
            clock_offset: self.clock_offset,
            read_back_to: self.last_date.filter(|_| !self.at_end && self.descending),
            transfers: self.wanted.into_values().collect(),
            moved: self.totals.moved || self.gap == Some(Gap::Shifted),
            short,
            gap: self.gap.or(unreadable),
            pages: self.pages,
            records: self.records + self.new_at_head.len() as u64,
            total: self.totals.last,
        }
    }

    fn end_on_the_way_down(&mut self, number: u64, page: Page, facts: PageFacts) {
        let first = number == 1;
        self.totals.take(first, facts.total);
        self.longest_page = self.longest_page.max(page.count);
        let deep_enough = self.descending && self.last_date.is_some_and(|at| at < self.depth());
        self.at_end = page.count == 0
            || !self.may_be_full(page.count, facts.page_size) && self.is_last(first, &page);
        let is_over = self.at_end || deep_enough;
        if first {
            self.first_ids = page.ids;
        }
        if !first && page.news == 0 && !is_over && !self.is_pushed_down(number, page.count) {
            // The agent serves the same page whatever is requested, so that nothing is known of the
            // others.
            self.fail(Gap::Repeating);
        } else if self.wanted.len() >= WANTED_MAX {
            self.fail(Gap::TooMany);
        } else if !is_over {
            self.stage = Stage::Down(number + 1);
            return;
        }
        // The head is read even if the look is incomplete already: new records there count.
        self.stage = if first { Stage::Done } else { Stage::Head(1) };
    }

    fn end_at_the_head(&mut self, number: u64, page: Page, facts: PageFacts) {
        if number == 1 {
            self.head_total = facts.total;
            self.head_is_same = page.ids == self.first_ids;
        }
        self.totals.take(false, facts.total);
        if page.nameless > 0 && !self.head_is_same {
            self.fail(Gap::Shifted);
        }
        // A page of new records only: more of them follow below it.
        if self.gap.is_none() && !page.meets_known && page.news > 0 {
            self.stage = Stage::Head(number + 1);
            return;
        }
        let unchanged = self.head_is_same && !self.totals.moved && !self.totals.odd;
        if !unchanged && !self.has_only_grown() {
            self.fail(Gap::Shifted);
        }
        self.stage = Stage::Done;
    }

    /// True for a page that is as long as was asked for, or as one that ignores `pagesize`, until a
    /// longer one was seen.
    fn may_be_full(&self, count: u64, applied_size: Option<u64>) -> bool {
        count >= self.asked_size
            || (count == DEFAULT_PAGE_SIZE && self.longest_page <= DEFAULT_PAGE_SIZE)
            || applied_size.is_some_and(|size| count >= size)
    }

    /// True if nothing can follow this page, which is not full. Neither `total` alone is trusted nor,
    /// where there is none, the length of a page, as the agent may have a longest one of its own.
    fn is_last(&self, first: bool, page: &Page) -> bool {
        match self.totals.first {
            // Records added at the head since the first page are read there.
            Some(total) => self.records >= total,
            // An agent that ignores the page's number has shown all that it has.
            None => !first && page.news == 0 && page.count == self.first_ids.len() as u64,
        }
    }

    /// True if the list ended before its `total`.
    fn is_short(&self) -> bool {
        let shown = self.records + self.new_at_head.len() as u64;
        self.at_end && !self.totals.moved && self.totals.last.is_some_and(|total| total > shown)
    }

    /// True if so many records were added at the head that this page holds no new one: the list
    /// moves faster than it is read.
    fn is_pushed_down(&self, number: u64, count: u64) -> bool {
        let growth = self.totals.last.zip(self.totals.first);
        let growth = growth.map_or(0, |(now, then)| now.saturating_sub(then));
        let reaches = (number - 1).saturating_mul(self.longest_page).saturating_add(count);
        reaches <= self.records.saturating_add(growth)
    }

    /// True if records were added at the head of the list, and nothing else happened to it.
    fn has_only_grown(&self) -> bool {
        let growth = self.head_total.zip(self.totals.first);
        let growth = growth.and_then(|(now, then)| now.checked_sub(then));
        self.descending && !self.totals.odd && growth == Some(self.new_at_head.len() as u64)
    }

    /// Notes why the reading does not prove absence; the first reason counts.
    fn fail(&mut self, why: Gap) {
        self.gap.get_or_insert(why);
    }
}

impl Totals {
    fn take(&mut self, first: bool, total: Option<u64>) {
        if first {
            self.first = total;
        } else {
            self.moved |= total != self.last;
            self.odd |= match (self.last, total) {
                (Some(before), Some(now)) => now < before,
                (None, None) => false,
                (Some(_), None) | (None, Some(_)) => true,
            };
        }
        self.last = total;
    }
}

#[cfg(test)]
mod tests;
