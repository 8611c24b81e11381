//! Residues that the protocol admits: the causes for which a run may have two transfers, or one
//! that is not its own. Each is looked for in the world's own record.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::ids::{RunId, TransferId};
use transferd_engine::limits::{LATE_PROCESSING, SKEW};
use transferd_engine::run::{Attempt, Run, RunState};
use transferd_engine::transfer::TransferStatus;
use transferd_sim::world::SimTransfer;

use super::check::{Intended, OwnPost};
use super::simulation::{Observer, Simulation};

/// How long before a request a step of a clock, or a mistaken claim, may still affect it.
const CLOCK_MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// The longest search for a request: a day, after the longest timeout of a plan.
const LOOKED_FOR: SignedDuration = SignedDuration::from_hours(48);

impl<O: Observer> Simulation<O> {
    /// The cause, if there is one, for which the protocol admits two transfers of one run.
    pub(super) fn residue(&self, daemon: usize, run: RunId) -> Option<&'static str> {
        if self.posts_of(daemon, run).any(|post| self.is_hidden(post)) {
            return Some("hidden for longer than adopt_window");
        }
        if self.posts_of(daemon, run).any(|post| self.has_taken_hidden(post)) {
            return Some("took another's that was hidden for longer than adopt_window, undated");
        }
        let left = |post: &OwnPost| {
            let found = post.transfer.and_then(|id| self.world.transfer(id));
            let row = self.daemons[daemon].attempts.get(&post.attempt);
            let end_seen = row.is_some_and(|row| {
                row.transfer == post.transfer && row.status.is_some_and(TransferStatus::is_terminal)
            });
            !end_seen && found.is_some_and(|found| found.started_at.is_some() && !found.listed)
        };
        if self.posts_of(daemon, run).any(left) {
            return Some("left the list before its end was seen");
        }
        let began = self.posts_of(daemon, run).map(|post| post.sent).min().unwrap_or(self.now);
        if self.daemons[daemon].stepped_unseen_since(began - CLOCK_MEMORY) >= SKEW / 2 {
            return Some("the clock was set while no daemon was there to see it");
        }
        let of_run = self.of_run.get(&(daemon, run));
        let mut intents = of_run.map_or(&[][..], |of_run| &of_run.intents[..]).iter();
        // An attempt that has taken a stranger leaves its own transfer to the next with the same
        // places.
        let strangers = &self.daemons[daemon].strangers;
        let left_over = intents.clone().any(|&intent| {
            let intended = &self.intended[intent];
            let lately = |at: Timestamp| intended.at.duration_since(at).abs() <= CLOCK_MEMORY;
            strangers.iter().any(|(places, at)| *places == intended.fingerprint && lately(*at))
        });
        if self.plan.doubtful && left_over {
            return Some("an earlier run took a look-alike, and left its own");
        }
        let doubtful = self.plan.doubtful
            && intents.any(|&intent| self.has_look_alike(&self.intended[intent]));
        doubtful.then_some("a transfer of the same user that can't be told apart")
    }

    /// True if a run waits for a transfer that can't be told apart from another's, and so is not
    /// canceled however long it takes (protocol, rule 5): for its job, its place or its slot.
    pub(super) fn is_held_by_ambiguity(&self, daemon: usize, run: &Run) -> bool {
        let rows = &self.daemons[daemon];
        let endless = |row: &&Arc<Attempt>| {
            let found = row.transfer.and_then(|id| self.world.transfer(id));
            row.ambiguous && found.is_some_and(SimTransfer::is_active)
        };
        let of_run = |row: &Arc<Attempt>| rows.runs.get(&row.id.run);
        let holds = |row: &Arc<Attempt>| {
            of_run(row).is_some_and(|of| {
                of.job == run.job || of.request.destination.overlaps(&run.request.destination)
            })
        };
        let all_slots = rows.attempts.values().filter(endless).count() as u64
            >= u64::from(rows.fed.agent.max_active);
        run.state == RunState::Waiting
            && (all_slots || rows.attempts.values().filter(endless).any(holds))
    }

    /// True if the transfer of a POST was not listed for so long that the protocol sends another.
    fn is_hidden(&self, post: &OwnPost) -> bool {
        let Some(found) = post.transfer.and_then(|id| self.world.transfer(id)) else {
            return false;
        };
        let window = self.daemons[post.daemon].fed.agent.adopt_window;
        let listed = found.started_at.unwrap_or(self.now);
        listed.duration_since(post.sent) >= window
    }

    /// True if a POST was given the transfer of an earlier one, which was hidden and appeared
    /// first. With `exclusive_user` dates are not considered where the agent's clock is not known
    /// (rule 5).
    fn has_taken_hidden(&self, post: &OwnPost) -> bool {
        let daemon = &self.daemons[post.daemon];
        let taken = daemon.attempts.get(&post.attempt).and_then(|row| row.transfer);
        daemon.fed.agent.exclusive_user
            && taken.filter(|id| post.transfer != Some(*id)).is_some_and(|id| {
                self.by_transfer.get(&id).is_some_and(|&index| self.is_hidden(&self.posts[index]))
            })
    }

    /// True if it was listed in the end.
    pub(super) fn was_listed_late(&self, post: &OwnPost) -> bool {
        let found = post.transfer.and_then(|id| self.world.transfer(id));
        found.is_some_and(|found| found.started_at.is_some()) && self.is_hidden(post)
    }

    fn has_look_alike(&self, intended: &Intended) -> bool {
        self.world.transfers().any(|found| {
            self.can_be_confused(intended, found) && !self.is_own(intended.daemon, found.id)
        })
    }

    pub(super) fn is_own(&self, daemon: usize, transfer: TransferId) -> bool {
        self.by_transfer.get(&transfer).is_some_and(|&index| self.posts[index].daemon == daemon)
    }

    /// True if the rules of evidence can't tell a foreign transfer apart from the one of this
    /// intent.
    fn can_be_confused(&self, intended: &Intended, found: &SimTransfer) -> bool {
        if found.fingerprint != intended.fingerprint {
            return false;
        }
        let options = self.world.options();
        let daemon = &self.daemons[intended.daemon];
        // The agent may have been another one when it was accepted, and when it was looked for.
        let mut accepting = self.plan.variants_in(found.accepted_at, found.accepted_at);
        let list_created = accepting.any(|variants| variants.list_created);
        let mut looked_for = self.plan.variants_in(intended.at, intended.at + LOOKED_FOR);
        let reports_user = looked_for.all(|variants| variants.reports_user(found.id));
        let kind = found.sync_cycle.is_none()
            && found.retry_batch.is_none()
            && !matches!(found.kind, 2 | 4);
        let user = !reports_user || found.user == daemon.user;
        let listed = if list_created { Some(found.accepted_at) } else { found.started_at };
        let unlisted_before = listed.is_none_or(|at| at >= intended.ground_began);
        let offset = (options.clock_skew - daemon.wall).abs();
        let tolerance = SKEW
            + offset * 2
            + options.date_jitter
            + daemon.stepped_since(intended.at - CLOCK_MEMORY) * 2;
        let late =
            daemon.fed.agent.request_timeout + LATE_PROCESSING + daemon.slept_since(intended.at);
        let in_time = found.accepted_at >= intended.at - tolerance
            && found.accepted_at <= intended.at + late + tolerance;
        kind && user && unlisted_before && in_time
    }

    /// True if some POST of the daemon can be confused with this foreign transfer.
    pub(super) fn is_doubtful(&self, number: usize, transfer: TransferId) -> bool {
        let Some(found) = self.world.transfer(transfer) else { return false };
        self.intended
            .iter()
            .filter(|intended| intended.daemon == number)
            .any(|intended| self.can_be_confused(intended, found))
    }
}
