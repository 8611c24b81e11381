//! Objects in buckets. The world stores none: every path holds the same few.

use jiff::Timestamp;

use transferd_engine::ids::AccountId;

use super::api::{Endpoint, Outcome, ProblemCode, Reply};
use super::state::World;

/// Objects under each path.
const OBJECTS: usize = 3;

/// The query of `list_objects`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsQuery {
    /// `bucketName`.
    pub bucket: String,
    /// `path`: the beginning of keys.
    pub path: String,
    /// The number of objects before the page: the meaning of `continuationToken`.
    pub from: usize,
    /// `count`: the most that a page holds.
    pub count: usize,
}

/// One page of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsPage {
    /// The keys of its objects.
    pub keys: Vec<String>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<usize>,
}

impl World {
    /// `POST /cloud/list_objects`, which names the account in its body.
    pub fn objects(
        &mut self,
        token: &str,
        id: AccountId,
        query: &ObjectsQuery,
        now: Timestamp,
    ) -> Reply<ObjectsPage> {
        self.answer_signed_in(Endpoint::Accounts, token, now, |world, _| {
            let account = world.options.accounts.iter().find(|account| account.id == id);
            if !account.is_some_and(|account| account.buckets.contains(&query.bucket)) {
                return Outcome::Problem(ProblemCode::NotFound);
            }
            let end = query.from.saturating_add(query.count).min(OBJECTS);
            let key = |number| format!("{}clip-{:03}.mov", query.path, number + 1);
            let keys = (query.from..end).map(key).collect();
            Outcome::Answer(ObjectsPage { keys, next: (end < OBJECTS).then_some(end) })
        })
    }
}
