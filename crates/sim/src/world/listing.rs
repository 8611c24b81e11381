//! `GET /transfer/get_all`: pages by offset over a list that grows at its head.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use transferd_engine::ids::TransferId;
use transferd_engine::place::Fingerprint;

use super::api::{Endpoint, Outcome, Reply};
use super::state::World;
use super::transfers::SimTransfer;

/// All transfer types.
const ALL_TYPES: u32 = 15;

/// The query of `get_all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// `page`, counted from 1.
    pub page: usize,
    /// `pagesize`.
    pub page_size: usize,
    /// `descending`.
    pub descending: bool,
    /// `type`: a mask over transfer types.
    pub types: u32,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { page: 1, page_size: 50, descending: true, types: ALL_TYPES }
    }
}

/// A record of the list: its sort key, and its fingerprints, so that a reader of pages need not
/// fetch each transfer. In the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// `requestDate`.
    pub requested_at: Timestamp,
    /// `id`.
    pub id: TransferId,
    /// The digest of its request.
    pub fingerprint: Fingerprint,
    /// Its digest that ignores differences in spelling.
    pub loose_fingerprint: Fingerprint,
}

impl Listed {
    pub(crate) fn of(transfer: &SimTransfer) -> Self {
        let SimTransfer { requested_at, id, fingerprint, loose_fingerprint, .. } = *transfer;
        Self { requested_at, id, fingerprint, loose_fingerprint }
    }
}

/// A page: the records in order; the rest is in [`World::transfer`] and its `progress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// The records of this page.
    pub records: Vec<Listed>,
    /// The number of records on all pages.
    pub total: usize,
    /// The requested page.
    pub page: usize,
    /// The applied size.
    pub page_size: usize,
}

impl World {
    /// `GET /transfer/get_all`, sorted by `requestDate`.
    pub fn get_all(&mut self, token: &str, query: ListQuery, now: Timestamp) -> Reply<ListPage> {
        self.answer_signed_in(Endpoint::List, token, now, |world, _| {
            Outcome::Answer(world.page(query))
        })
    }

    /// A page of the list, whoever asks.
    pub fn page(&self, query: ListQuery) -> ListPage {
        let page_size = self.options.variants.fixed_page_size.unwrap_or(query.page_size).max(1);
        let page = query.page.max(1);
        let skipped = (page - 1).saturating_mul(page_size);
        let all = query.types & ALL_TYPES == ALL_TYPES;
        let meant = |it: &&Listed| all || self.transfers[&it.id].kind & query.types != 0;
        let total = if all { self.listed.len() } else { self.listed.iter().filter(meant).count() };
        let mut records = Vec::with_capacity(page_size.min(total.saturating_sub(skipped)));
        if query.descending {
            records.extend(self.listed.iter().rev().filter(meant).skip(skipped).take(page_size));
        } else {
            records.extend(self.listed.iter().filter(meant).skip(skipped).take(page_size));
        }
        ListPage { records, total: total + self.hidden(), page, page_size }
    }

    /// Transfers that are counted and not listed.
    fn hidden(&self) -> usize {
        if !self.options.variants.total_counts_created {
            return 0;
        }
        self.active.iter().filter(|id| !self.transfers[id].listed).count()
    }
}
