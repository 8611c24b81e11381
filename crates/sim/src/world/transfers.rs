//! A transfer's life: Created, Running, an end; with pauses, cancels and accidents on the way.
//!
//! How it goes is drawn when it is accepted and only interrupted later, so progress needs no
//! events of its own.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use transferd_engine::ids::{TransferId, UserId};
use transferd_engine::place::{Fingerprint, TransferRequest};
use transferd_engine::transfer::TransferStatus;

use super::events::Event;
use super::listing::Listed;
use super::state::World;

/// How a transfer ends if nobody interferes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Completed.
    Completed,
    /// Completed, with failed objects.
    Partial,
    /// Completed, without any object.
    Empty,
    /// Error.
    Error,
    /// Stops moving, and never ends.
    Stall,
    /// Disappears from the list.
    Vanish,
}

/// The origin of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The POST of this number.
    Post(u64),
    /// Another person or program.
    Foreign,
}

/// The party that acted on a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A client of the API, with this user's token.
    Client(UserId),
    /// A person in the desktop app.
    Person,
}

/// A cancel that the agent has acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelFact {
    /// When.
    pub at: Timestamp,
    /// The party that asked.
    pub by: By,
}

/// The course of a transfer if nobody interferes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) pick_up: SignedDuration,
    pub(crate) duration: SignedDuration,
    pub(crate) ending: Ending,
    /// The share of the work after which it ends or stalls.
    pub(crate) until: f64,
    pub(crate) objects: u64,
    pub(crate) failing: u64,
    pub(crate) skipped: u64,
    pub(crate) bytes: u64,
}

/// A transfer as the agent knows it, including facts that it does not report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimTransfer {
    /// `id`.
    pub id: TransferId,
    /// `userId`.
    pub user: UserId,
    /// `transferType`.
    pub kind: u32,
    /// `syncCycleId`.
    pub sync_cycle: Option<Uuid>,
    /// `retryBatchTransferID`.
    pub retry_batch: Option<Uuid>,
    /// The request.
    pub request: Arc<TransferRequest>,
    /// Its digest.
    pub fingerprint: Fingerprint,
    /// Its digest that ignores differences in spelling.
    pub loose_fingerprint: Fingerprint,
    /// When it was accepted, in true time.
    pub accepted_at: Timestamp,
    /// `requestDate`, by the agent's clock.
    pub requested_at: Timestamp,
    /// When it was picked up, in true time.
    pub started_at: Option<Timestamp>,
    /// When it was over, in true time.
    pub ended_at: Option<Timestamp>,
    /// `transferStatus`.
    pub status: TransferStatus,
    /// It is in the list.
    pub listed: bool,
    /// It was lost or has vanished: the agent no longer knows it, and nothing moves.
    pub gone: bool,
    /// Its origin.
    pub origin: Origin,
    /// Cancels that the agent has acted on.
    pub cancels: Vec<CancelFact>,
    pub(crate) plan: Plan,
    /// Why its objects fail, one after another and over again.
    #[serde(default)]
    pub(crate) errors: Vec<String>,
    pub(crate) worked: SignedDuration,
    pub(crate) working_since: Option<Timestamp>,
    /// The rest of a wait for pick-up or cancellation that the agent's absence interrupted.
    pub(crate) waiting: Option<SignedDuration>,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) turn: u32,
}

impl SimTransfer {
    /// True while it may still write to its destination.
    pub fn is_active(&self) -> bool {
        !self.gone && !self.status.is_terminal()
    }
}

impl World {
    /// Every transfer, listed or not.
    pub fn transfers(&self) -> impl Iterator<Item = &SimTransfer> {
        self.transfers.values().map(AsRef::as_ref)
    }

    /// One transfer, listed or not.
    pub fn transfer(&self, id: TransferId) -> Option<&SimTransfer> {
        self.transfers.get(&id).map(AsRef::as_ref)
    }

    /// Sets the duration of a transfer that is not picked up yet. An active one keeps the duration
    /// that was drawn for it.
    pub fn set_duration(&mut self, id: TransferId, duration: SignedDuration) {
        let waiting =
            self.transfers.get_mut(&id).filter(|found| found.status == TransferStatus::Created);
        if let Some(transfer) = waiting {
            transfer.plan.duration = duration;
        }
    }

    /// Drops all facts about a transfer that is over or lost, and about its POST, so that a world
    /// of years stays as small as one of hours. An active one stays.
    pub fn discard(&mut self, id: TransferId) {
        if self.active.contains(&id) {
            return;
        }
        let Some(transfer) = self.transfers.remove(&id) else { return };
        self.listed.remove(&Listed::of(&transfer));
        if let Origin::Post(number) = transfer.origin {
            self.posts.remove(&number);
        }
    }

    /// True if the record of a transfer names its owner.
    pub fn reports_user(&self, id: TransferId) -> bool {
        self.options.variants.reports_user(id)
    }

    /// Adds a new transfer: Created, not listed.
    pub(crate) fn create(&mut self, mut transfer: SimTransfer, now: Timestamp) -> TransferId {
        let id = transfer.id;
        self.revision += 1;
        transfer.listed = self.options.variants.list_created;
        if transfer.listed {
            self.listed.insert(Listed::of(&transfer));
        }
        transfer.waiting = Some(transfer.plan.pick_up);
        self.active.insert(id);
        self.transfers.insert(id, Box::new(transfer));
        if self.works() {
            self.take_up(id, now);
        }
        id
    }

    /// Goes on with a transfer when the agent works again: waits continue, and so do running
    /// transfers.
    pub(crate) fn take_up(&mut self, id: TransferId, now: Timestamp) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        transfer.turn += 1;
        let turn = transfer.turn;
        match transfer.status {
            TransferStatus::Created | TransferStatus::Canceling => {
                let at = now + transfer.waiting.take().unwrap_or_default();
                transfer.due_at = Some(at);
                let event = if transfer.status == TransferStatus::Created {
                    Event::PickUp { transfer: id, turn }
                } else {
                    Event::Canceled { transfer: id, turn }
                };
                self.plan(at, event);
            }
            TransferStatus::Running => {
                transfer.working_since = Some(now);
                let plan = transfer.plan;
                let left = share(plan.duration, plan.until) - transfer.worked;
                if plan.ending != Ending::Stall {
                    let at = now + left.max(SignedDuration::ZERO);
                    self.plan(at, Event::End { transfer: id, turn });
                }
            }
            TransferStatus::Completed
            | TransferStatus::Canceled
            | TransferStatus::Error
            | TransferStatus::Pausing
            | TransferStatus::Paused
            | TransferStatus::Unknown => {}
        }
    }

    /// Stops a transfer's clocks when the agent stops working.
    pub(crate) fn lay_down(&mut self, id: TransferId, now: Timestamp) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        transfer.turn += 1;
        if let Some(since) = transfer.working_since.take() {
            transfer.worked += now.duration_since(since);
        }
        if let Some(at) = transfer.due_at.take() {
            transfer.waiting = Some(at.duration_since(now).max(SignedDuration::ZERO));
        }
    }

    pub(crate) fn pick_up(&mut self, id: TransferId, turn: u32, now: Timestamp) {
        let Some(transfer) = self.transfers.get_mut(&id).filter(|found| found.turn == turn) else {
            return;
        };
        transfer.status = TransferStatus::Running;
        transfer.started_at = Some(now);
        transfer.due_at = None;
        let stalls = transfer.plan.ending == Ending::Stall;
        if !transfer.listed {
            transfer.listed = true;
            self.listed.insert(Listed::of(transfer));
        }
        if stalls {
            self.count("transfer_stalled");
        }
        self.take_up(id, now);
    }

    pub(crate) fn end(&mut self, id: TransferId, turn: u32, now: Timestamp) {
        let Some(transfer) = self.transfers.get(&id).filter(|found| found.turn == turn) else {
            return;
        };
        let ending = transfer.plan.ending;
        match ending {
            Ending::Completed | Ending::Partial | Ending::Empty => {
                if ending == Ending::Partial {
                    self.count("transfer_partial");
                    self.report_failed_objects(id);
                } else if ending == Ending::Empty {
                    self.count("transfer_empty");
                }
                self.finish(id, TransferStatus::Completed, now);
            }
            Ending::Error => {
                self.count("transfer_failed");
                self.report_failed_objects(id);
                self.finish(id, TransferStatus::Error, now);
            }
            Ending::Vanish => {
                self.count("transfer_vanished");
                self.lose(id, now);
            }
            Ending::Stall => {}
        }
    }

    pub(crate) fn finish_cancel(&mut self, id: TransferId, turn: u32, now: Timestamp) {
        if self.transfers.get(&id).is_some_and(|found| found.turn == turn) {
            let outrun = self.chance.happens(self.options.faults.cancel_outrun);
            let status = if outrun {
                self.count("cancel_outrun");
                TransferStatus::Completed
            } else {
                TransferStatus::Canceled
            };
            self.finish(id, status, now);
        }
    }

    /// Ends a transfer.
    pub(crate) fn finish(&mut self, id: TransferId, status: TransferStatus, now: Timestamp) {
        self.lay_down(id, now);
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        if status == TransferStatus::Completed && transfer.plan.ending != Ending::Empty {
            transfer.worked = transfer.worked.max(share(transfer.plan.duration, 1.0));
            transfer.plan.until = 1.0;
        }
        transfer.status = status;
        transfer.ended_at = Some(now);
        transfer.due_at = None;
        transfer.waiting = None;
        self.active.remove(&id);
        if let Some(mean) = self.options.people.forget_after {
            let after = self.chance.wait(mean);
            self.plan(now + after, Event::Forget { transfer: id });
        }
    }

    /// Makes the agent lose a transfer: it is no longer listed and nothing moves.
    pub(crate) fn lose(&mut self, id: TransferId, now: Timestamp) {
        self.lay_down(id, now);
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        transfer.gone = true;
        transfer.listed = false;
        transfer.ended_at = Some(now);
        self.listed.remove(&Listed::of(transfer));
        self.active.remove(&id);
    }

    /// Makes a transfer disappear, over or not. False if the agent does not know it.
    pub fn vanish(&mut self, id: TransferId, now: Timestamp) -> bool {
        self.advance(now);
        let known = self.transfers.get(&id).is_some_and(|found| !found.gone);
        if known {
            self.revision += 1;
            if self.active.contains(&id) {
                self.lose(id, now);
            } else {
                self.forget(id);
            }
        }
        known
    }

    /// Removes a finished transfer from the list.
    pub(crate) fn forget(&mut self, id: TransferId) {
        let Some(transfer) = self.transfers.get_mut(&id) else { return };
        transfer.listed = false;
        self.listed.remove(&Listed::of(transfer));
        self.count("over_forgotten");
    }

    /// Begins a cancellation. False if the transfer is not Running.
    pub(crate) fn begin_cancel(&mut self, id: TransferId, by: By, now: Timestamp) -> bool {
        let takes = self.chance.span(self.options.cancel_takes);
        let works = self.works();
        let Some(transfer) = self.transfers.get(&id) else { return false };
        if transfer.gone || transfer.status != TransferStatus::Running {
            return false;
        }
        self.revision += 1;
        self.lay_down(id, now);
        let Some(transfer) = self.transfers.get_mut(&id) else { return false };
        transfer.cancels.push(CancelFact { at: now, by });
        transfer.status = TransferStatus::Canceling;
        transfer.waiting = Some(takes);
        if works {
            self.take_up(id, now);
        }
        true
    }

    /// Pauses a Running transfer, as a person does. False if it is not Running.
    pub fn pause(&mut self, id: TransferId, now: Timestamp) -> bool {
        self.advance(now);
        let running = self
            .transfers
            .get(&id)
            .is_some_and(|found| !found.gone && found.status == TransferStatus::Running);
        if running {
            self.revision += 1;
            self.lay_down(id, now);
            if let Some(transfer) = self.transfers.get_mut(&id) {
                transfer.status = TransferStatus::Paused;
            }
        }
        running
    }

    /// Resumes a Paused transfer. False if it is not Paused.
    pub fn resume(&mut self, id: TransferId, now: Timestamp) -> bool {
        self.advance(now);
        let works = self.works();
        let Some(transfer) = self.transfers.get_mut(&id) else { return false };
        if transfer.gone || transfer.status != TransferStatus::Paused {
            return false;
        }
        self.revision += 1;
        transfer.status = TransferStatus::Running;
        if works {
            self.take_up(id, now);
        }
        true
    }

    /// Cancels a transfer as a person does, who can cancel paused ones too.
    pub fn cancel_by_person(&mut self, id: TransferId, now: Timestamp) -> bool {
        self.advance(now);
        let _resumed = self.resume(id, now);
        self.begin_cancel(id, By::Person, now)
    }
}

/// A share of a duration.
pub(crate) fn share(duration: SignedDuration, share: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(duration.as_secs_f64() * share)
}
