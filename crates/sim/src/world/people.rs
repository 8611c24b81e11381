//! Actions of others: people at the desktop app, other users, syncs, our own user by hand.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use transferd_engine::ids::{AccountId, TransferId, UserId};
use transferd_engine::place::{Place, TransferRequest};
use transferd_engine::transfer::TransferStatus;

use super::events::Event;
use super::state::World;

/// A user that can't sign in here: another person in the account.
const STRANGER: UserId = UserId(Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_0bad));

/// A transfer that was not requested through this API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignTransfer {
    /// The owner; absent for a stranger.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Its places.
    pub request: TransferRequest,
    /// `transferType`.
    #[serde(default = "plain")]
    pub kind: u32,
    /// It belongs to a sync cycle.
    #[serde(default)]
    pub of_sync: bool,
    /// The agent itself repeats another one.
    #[serde(default)]
    pub of_retry_batch: bool,
}

fn plain() -> u32 {
    1
}

impl World {
    /// Starts a foreign transfer.
    pub fn start_foreign(&mut self, foreign: &ForeignTransfer, now: Timestamp) -> TransferId {
        self.advance(now);
        self.take_in_foreign(foreign, now)
    }

    fn take_in_foreign(&mut self, foreign: &ForeignTransfer, now: Timestamp) -> TransferId {
        let request = Arc::new(foreign.request.clone());
        let user = foreign.user.unwrap_or(STRANGER);
        let mut transfer = self.draw_transfer(&request, user, foreign.kind, now);
        transfer.sync_cycle = foreign.of_sync.then(|| self.chance.uuid());
        transfer.retry_batch = foreign.of_retry_batch.then(|| self.chance.uuid());
        self.create(transfer, now)
    }

    pub(crate) fn foreign_starts(&mut self, now: Timestamp) {
        let people = self.options.people.clone();
        self.arm(people.foreign_every, Event::ForeignStarts, now);
        let same_places =
            !self.recent.is_empty() && self.chance.happens(people.foreign_same_places);
        let (recent_user, request) = if same_places {
            let at = self.chance.below(self.recent.len());
            let (user, request) = &self.recent[at];
            (Some(*user), (**request).clone())
        } else {
            (self.options.users.first().map(|user| user.id), self.elsewhere())
        };
        let same_user = self.chance.happens(people.foreign_same_user);
        let machine = self.chance.happens(people.foreign_sync);
        let of_sync = machine && self.chance.happens(0.6);
        let kinds: &[u32] = if of_sync { &[2, 4] } else { &[1, 8] };
        let kind = kinds[self.chance.below(kinds.len())];
        if machine {
            self.count("foreign_of_machine");
        }
        self.count(match (same_places, same_user) {
            (true, true) => "foreign_same_places_same_user",
            (true, false) => "foreign_same_places",
            (false, true) => "foreign_same_user",
            (false, false) => "foreign_elsewhere",
        });
        let foreign = ForeignTransfer {
            user: recent_user.filter(|_| same_user),
            request,
            kind,
            of_sync,
            of_retry_batch: machine && !of_sync,
        };
        self.take_in_foreign(&foreign, now);
    }

    fn elsewhere(&mut self) -> TransferRequest {
        let mut place = |bucket: &str| Place {
            account: AccountId(Uuid::from_u128(0xe15e)),
            bucket: bucket.to_owned(),
            bucket_id: String::new(),
            path: format!("elsewhere/{}/", self.chance.below(1_000)),
            id: String::new(),
        };
        TransferRequest {
            source: place("in"),
            destination: place("out"),
            allow_skip: true,
            keep_source_tree: false,
        }
    }

    pub(crate) fn person_acts(&mut self, now: Timestamp) {
        self.arm(self.options.people.act_every, Event::PersonActs, now);
        let listed: Vec<TransferId> =
            self.active.iter().copied().filter(|id| self.transfers[id].listed).collect();
        if listed.is_empty() || self.down {
            return;
        }
        let id = listed[self.chance.below(listed.len())];
        if self.chance.happens(self.options.people.cancel_share) {
            if self.cancel_by_person(id, now) {
                self.count("person_cancels");
            }
        } else if self.transfers[&id].status == TransferStatus::Paused {
            if self.resume(id, now) {
                self.count("person_resumes");
            }
        } else if self.pause(id, now) {
            self.count("person_pauses");
        }
    }
}
