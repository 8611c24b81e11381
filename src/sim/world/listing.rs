//! `GET /transfer/get_all`: pages by offset over a list that grows at its head.

use jiff::Timestamp;

use crate::core::ids::TransferId;

use super::api::{Endpoint, Outcome, Reply};
use super::state::World;

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

/// A page: the ids in order; [`World::transfer`] and its `progress` tell the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// The records of this page.
    pub ids: Vec<TransferId>,
    /// How many there are over all pages.
    pub total: usize,
    /// As asked.
    pub page: usize,
    /// As it was applied.
    pub page_size: usize,
}

impl World {
    /// `GET /transfer/get_all`, sorted by `requestDate`.
    pub fn get_all(&mut self, token: &str, query: ListQuery, now: Timestamp) -> Reply<ListPage> {
        self.answer_signed_in(Endpoint::List, token, now, |world, _| {
            Outcome::Answer(world.page(query))
        })
    }

    /// A page as it is, whoever asks.
    pub fn page(&self, query: ListQuery) -> ListPage {
        let page_size = self.options.variants.fixed_page_size.unwrap_or(query.page_size).max(1);
        let page = query.page.max(1);
        let skipped = (page - 1).saturating_mul(page_size);
        let meant = |id: &TransferId| {
            query.types & ALL_TYPES == ALL_TYPES || self.transfers[id].kind & query.types != 0
        };
        let ids = self.listed.iter().map(|(_, id)| *id);
        let total = if query.types & ALL_TYPES == ALL_TYPES {
            self.listed.len()
        } else {
            ids.clone().filter(meant).count()
        };
        let ids = if query.descending {
            ids.rev().filter(meant).skip(skipped).take(page_size).collect()
        } else {
            ids.filter(meant).skip(skipped).take(page_size).collect()
        };
        ListPage { ids, total, page, page_size }
    }
}
