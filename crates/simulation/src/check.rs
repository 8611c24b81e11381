//! The checkers: what must be, and what must never be, compared with the world's own record.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::ids::{AttemptId, RunId, TransferId};
use transferd_engine::job::{Terms, Verdict};
use transferd_engine::limits::LOOK_LOST;
use transferd_engine::place::{Fingerprint, Place, TransferRequest};
use transferd_engine::reason::ReasonCode;
use transferd_engine::run::{Attempt, Phase, Run, RunState};
use transferd_engine::transfer::TransferStatus;
use transferd_sim::world::SimTransfer;

use super::plan::Settle;
use super::simulation::{Observer, Simulation};

/// How long after its time a cancel may be sent while nothing prevents it.
const CANCEL_GRACE: SignedDuration = SignedDuration::from_mins(3);

/// The promises that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// Each occurrence of each job has exactly one run or recorded skip, and it ends.
    Occurrences,
    /// Each run belongs to an occurrence that was due, and each skip is justified.
    Decisions,
    /// For each run at most one transfer is active or has succeeded.
    OneTransfer,
    /// No foreign transfer is claimed or canceled where evidence could tell it apart.
    Foreign,
    /// Every timeout is enforced, and every request to cancel is sent.
    Timeouts,
    /// `max_active` and the destination guard hold at every instant.
    Limits,
    /// No request is made without a need, and the engine falls idle.
    Idle,
    /// The intent is durable before the request is sent, and the store never refuses a row.
    Intent,
    /// A run that has succeeded has a transfer that has, and one that is not retried because of its
    /// cause has that cause.
    Truth,
    /// Each end of a run is reported once, in the commit of that end.
    Alerts,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed that shows it.
    pub seed: u64,
    /// The checker that found it.
    pub checker: Checker,
    /// The daemon that did it.
    pub daemon: usize,
    /// When, in true time.
    pub at: Timestamp,
    /// A description.
    pub words: String,
}

/// The facts about one run, by position.
#[derive(Debug, Default)]
pub(super) struct OfRun {
    posts: Vec<usize>,
    pub(super) intents: Vec<usize>,
}

/// An intent that was committed, whether or not its request was ever sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intended {
    pub(super) daemon: usize,
    pub(super) fingerprint: Fingerprint,
    pub(super) at: Timestamp,
    /// When the look before it began.
    pub(super) ground_began: Timestamp,
}

/// A POST of ours, and the world's record of it.
#[derive(Clone, Debug)]
pub(super) struct OwnPost {
    pub(super) daemon: usize,
    pub(super) attempt: AttemptId,
    request: TransferRequest,
    pub(super) sent: Timestamp,
    number: u64,
    pub(super) transfer: Option<TransferId>,
    exclusive: bool,
    terms: Arc<Terms>,
}

impl<O: Observer> Simulation<O> {
    /// How many transfers a run has requested.
    pub(super) fn intents_of(&self, number: usize, run: RunId) -> usize {
        self.of_run.get(&(number, run)).map_or(0, |of_run| of_run.intents.len())
    }

    /// Notes a POST that has reached the agent.
    pub(super) fn posted(
        &mut self,
        daemon: usize,
        attempt: AttemptId,
        request: &TransferRequest,
        sent: Timestamp,
        number: u64,
    ) {
        let Some(run) = self.daemons[daemon].runs.get(&attempt.run) else { return };
        // Checked against the file's own terms, whatever the engine was given.
        let truth = self.daemons[daemon].terms.get(&run.id);
        let terms = Arc::clone(truth.unwrap_or(&run.terms));
        let of_run = self.of_run.entry((daemon, run.id)).or_default();
        of_run.posts.push(self.posts.len());
        self.posts.push(OwnPost {
            daemon,
            attempt,
            request: request.clone(),
            sent,
            number,
            transfer: None,
            exclusive: terms.exclusive,
            terms,
        });
        self.late.push(self.posts.len() - 1);
        self.find_late_acceptances();
    }

    /// Finds the POSTs that have become transfers, now or long after they were sent.
    pub(super) fn find_late_acceptances(&mut self) {
        let mut accepted = Vec::new();
        let (world, posts, now) = (&self.world, &mut self.posts, self.now);
        self.late.retain(|&index| {
            let post = &mut posts[index];
            let transfer = world.post(post.number).and_then(|fact| fact.transfer);
            if let Some(transfer) = transfer {
                post.transfer = Some(transfer);
                accepted.push((index, transfer));
                return false;
            }
            now.duration_since(post.sent) < SignedDuration::from_mins(5)
        });
        for (index, transfer) in accepted {
            self.by_transfer.insert(transfer, index);
            self.active[self.posts[index].daemon].insert(transfer, index);
            self.check_one_transfer(index);
            self.check_limits(index);
        }
    }

    /// The POSTs of a run, in the order in which they were sent.
    pub(super) fn posts_of(
        &self,
        daemon: usize,
        run: RunId,
    ) -> impl DoubleEndedIterator<Item = &OwnPost> {
        let of_run = self.of_run.get(&(daemon, run));
        let posts = of_run.map_or(&[][..], |of_run| &of_run.posts[..]);
        posts.iter().map(|&index| &self.posts[index])
    }

    pub(super) fn is_good(&self, post: &OwnPost, found: &SimTransfer) -> bool {
        if found.is_active() {
            return true;
        }
        if found.gone || found.status != TransferStatus::Completed {
            return false;
        }
        let progress = found.progress(self.now);
        let partial = progress.objects_failed > 0 && post.terms.partial == Verdict::Fail;
        let empty = progress.objects_total == 0 && post.terms.empty == Verdict::Fail;
        !partial && !empty
    }

    /// Checks that at most one transfer of a run is active or has succeeded, except for the
    /// residues.
    fn check_one_transfer(&mut self, index: usize) {
        let post = &self.posts[index];
        let (daemon, run) = (post.daemon, post.attempt.run);
        let rival = self.posts_of(daemon, run).find(|rival| {
            rival.number != post.number
                && rival
                    .transfer
                    .and_then(|id| self.world.transfer(id))
                    .is_some_and(|found| self.is_good(rival, found))
        });
        let Some(rival) = rival else { return };
        let words = format!(
            "run {run}: transfer {:?} (attempt {}) comes while {:?} (attempt {}) is active or good",
            post.transfer, post.attempt.number, rival.transfer, rival.attempt.number
        );
        match self.residue(daemon, run) {
            Some(residue) => *self.report.residues.entry(residue).or_default() += 1,
            None => self.violation(Checker::OneTransfer, daemon, words),
        }
    }

    /// Checks slots and destinations, at the instant at which one more transfer begins.
    fn check_limits(&mut self, index: usize) {
        let daemon = self.posts[index].daemon;
        let world = &self.world;
        self.active[daemon].retain(|id, _| world.transfer(*id).is_some_and(SimTransfer::is_active));
        let active: Vec<usize> = self.active[daemon].values().copied().collect();
        let limit = usize::try_from(self.daemons[daemon].file.agent.max_active).unwrap_or(0);
        // Which ones count is expensive to find out, and asked only where it can matter.
        if active.len() > limit {
            let counted = active.iter().filter(|other| self.counts(**other)).count();
            if counted > limit {
                let words = format!("{counted} transfers are in flight, {limit} may be");
                self.violation(Checker::Limits, daemon, words);
            }
        }
        let post = &self.posts[index];
        let meets = |other: &&usize| {
            let rival = &self.posts[**other];
            **other != index
                && rival.attempt.run != post.attempt.run
                && (post.exclusive || rival.exclusive)
                && overlap(&post.request.destination, &rival.request.destination)
                && self.counts_for_destination(**other)
        };
        if let Some(&rival) = active.iter().find(meets)
            && self.counts(index)
        {
            let rival = &self.posts[rival];
            let words = format!(
                "runs {} and {} write to overlapping destinations at once: `{}` and `{}`",
                post.attempt.run,
                rival.attempt.run,
                post.request.destination.path,
                rival.request.destination.path
            );
            self.violation(Checker::Limits, daemon, words);
        }
    }

    /// True unless the rules let the engine forget about it: given up, stuck in its cancellation,
    /// or a residue.
    fn counts(&self, index: usize) -> bool {
        let post = &self.posts[index];
        let daemon = &self.daemons[post.daemon];
        let window = daemon.fed.agent.adopt_window;
        // One that is not listed yet can't have a request of its own: its run has.
        let of_run = || {
            let run = daemon.runs.get(&post.attempt.run)?;
            run.ended_at.or(run.cancel.as_ref().map(|cancel| cancel.at))
        };
        let since = daemon.attempts.get(&post.attempt).and_then(|row| {
            let own = row.cancel.as_ref().map(|cancel| cancel.at);
            own.or_else(|| of_run().filter(|_| row.transfer.is_none()))
        });
        let stuck =
            since.is_some_and(|since| self.wall(post.daemon).duration_since(since).abs() >= window);
        !stuck && self.counts_for_destination(index)
    }

    fn counts_for_destination(&self, index: usize) -> bool {
        let post = &self.posts[index];
        let row = self.daemons[post.daemon].attempts.get(&post.attempt);
        let forgotten = row.is_none_or(|row| match row.phase {
            Phase::GivenUp => true,
            Phase::Intent | Phase::Accepted | Phase::Uncertain => false,
            // Its POST was refused, or a look has shown its end: a residue, or wrong.
            Phase::Refused | Phase::Closed => false,
        });
        !forgotten && self.residue(post.daemon, post.attempt.run).is_none()
    }

    /// Checks a run's row that is about to take effect.
    pub(super) fn check_run(&mut self, number: usize, was: Option<RunState>, run: &Run) {
        if was.is_some() {
            return;
        }
        let daemon = &mut self.daemons[number];
        if daemon.fed.jobs.contains_key(&run.job)
            && let Some(terms) = daemon.grounds.terms(run)
        {
            daemon.terms.insert(run.id, terms);
        }
        self.check_repeat(number, run);
        let Some(at) = run.scheduled_for.filter(|_| run.trigger.is_of_schedule()) else { return };
        self.check_decision(number, run);
        let key = (run.job.clone(), at);
        let before = self.daemons[number].occurrences.insert(key, run.id);
        // Missed by a clock that was ahead, it really comes once the clock was put right.
        let daemon = &self.daemons[number];
        let missed = |before: &RunId| {
            daemon.runs.get(before).and_then(|run| run.reason.code()).is_some_and(|code| {
                [ReasonCode::CatchUpNone, ReasonCode::CatchUpWindow, ReasonCode::Superseded]
                    .contains(&code)
            })
        };
        if let Some(before) = before.filter(|before| !missed(before)) {
            let words = format!("`{}` has runs {before} and {} for {at}", run.job, run.id);
            self.violation(Checker::Occurrences, number, words);
        }
    }

    /// Checks an attempt's row that is about to take effect: the transfer it claims must be ours.
    pub(super) fn check_claim(&mut self, number: usize, row: &Attempt) {
        if row.phase == Phase::Intent {
            let of_run = self.of_run.entry((number, row.id.run)).or_default();
            of_run.intents.push(self.intended.len());
            self.intended.push(Intended {
                daemon: number,
                fingerprint: row.fingerprint,
                at: self.now,
                ground_began: self.daemons[number].ground_began,
            });
        }
        let known = self.daemons[number].attempts.get(&row.id).and_then(|old| old.transfer);
        let Some(transfer) = row.transfer.filter(|id| known != Some(*id)) else { return };
        if self.is_own(number, transfer) {
            return;
        }
        if !self.is_doubtful(number, transfer) {
            let words = format!(
                "attempt {} of run {} claims foreign transfer {transfer}",
                row.id.number, row.id.run
            );
            self.violation(Checker::Foreign, number, words);
        } else {
            *self.report.residues.entry("a look-alike was claimed").or_default() += 1;
            let now = self.now;
            self.daemons[number].strangers.push((row.fingerprint, now));
        }
    }

    /// Checks a cancel that is about to be sent.
    pub(super) fn check_cancel(&mut self, number: usize, transfer: TransferId) {
        if self.world.transfer(transfer).is_none() || self.is_own(number, transfer) {
            return;
        }
        if self.is_doubtful(number, transfer) {
            *self.report.residues.entry("a look-alike was canceled").or_default() += 1;
        } else {
            let words = format!("foreign transfer {transfer} is canceled");
            self.violation(Checker::Foreign, number, words);
        }
    }

    /// Checks a POST that is about to be sent: its intent must be durable, its run not over.
    pub(super) fn check_submit(&mut self, number: usize, attempt: AttemptId) {
        let daemon = &self.daemons[number];
        let durable = daemon.attempts.get(&attempt).is_some_and(|row| row.phase == Phase::Intent);
        if !durable {
            let words = format!("attempt {} of run {}: no intent", attempt.number, attempt.run);
            self.violation(Checker::Intent, number, words);
        } else if daemon.runs.get(&attempt.run).is_none_or(|run| run.state.is_over()) {
            let words = format!("run {} is over and asks for a transfer", attempt.run);
            self.violation(Checker::OneTransfer, number, words);
        }
    }

    /// Checks that known transfers past their time have been canceled.
    pub(super) fn check_deadlines(&mut self, number: usize) {
        let Some(up_since) = self.daemons[number].up_since else { return };
        let now = self.now;
        if now.duration_since(up_since) < CANCEL_GRACE {
            return;
        }
        // Once a second is enough, as the grace is of minutes.
        let daemon = &mut self.daemons[number];
        if now.duration_since(daemon.deadlines_checked) < SignedDuration::from_secs(1) {
            return;
        }
        daemon.deadlines_checked = now;
        // The engine looks before it declares a timeout past, and waits up to this long for a look.
        let patience = daemon.fed.agent.request_timeout * 2 + LOOK_LOST + CANCEL_GRACE;
        if daemon.look_lost_at.is_some_and(|at| now.duration_since(at) < patience) {
            return;
        }
        let daemon = &self.daemons[number];
        let mut words = None;
        for (id, row) in &daemon.open {
            // A transfer whose end was seen has nothing left to cancel.
            let Some(transfer) = row.transfer.filter(|_| row.is_at_work()) else { continue };
            if daemon.cancel_asked.contains_key(&transfer) {
                continue;
            }
            let run = daemon.runs.get(&id.run);
            let run_over = run.is_none_or(|run| run.state.is_over());
            // A transfer that can't be told apart from another's is canceled only if the run
            // follows it.
            let followed = run.is_some_and(|run| run.follows == Some(id.number));
            let left_alone = row.ambiguous && !followed;
            let requested = row.cancel.as_ref().is_some_and(|cancel| {
                let since = self.wall(number).duration_since(cancel.at);
                since > CANCEL_GRACE + daemon.stepped_since(now - since.abs())
            });
            let late = || {
                let post = self.posts_of(number, id.run).rev().find(|post| post.attempt == *id);
                post.is_some_and(|post| {
                    let since = now.duration_since(post.sent);
                    since > post.terms.timeout + CANCEL_GRACE + daemon.stepped_since(post.sent)
                })
            };
            if requested || (!run_over && !left_alone && row.cancel.is_none() && late()) {
                words = Some(format!(
                    "transfer {transfer} of run {} is {} and no cancel was sent",
                    id.run,
                    if requested { "to be canceled" } else { "past its timeout" }
                ));
            }
        }
        if let Some(words) = words {
            self.violation(Checker::Timeouts, number, words);
        }
    }

    /// Checks that a look that is about to be made is needed.
    pub(super) fn check_look_is_needed(&mut self, number: usize) {
        let daemon = &self.daemons[number];
        // A run that ends in the batch in which the look is requested was a reason to look.
        if !daemon.had_work && daemon.open.is_empty() && daemon.unfinished.is_empty() {
            self.violation(Checker::Idle, number, "a look without need".to_owned());
        }
    }

    /// Checks the promises for the end, when everything has settled.
    pub(super) fn check_end(&mut self, settled: bool) {
        for number in 0..self.daemons.len() {
            let unfinished: Vec<RunId> = self.daemons[number].unfinished.iter().copied().collect();
            for id in &unfinished {
                let run = &self.daemons[number].runs[id];
                if self.is_held_by_ambiguity(number, run) {
                    let residue = "an ambiguous transfer that is left alone holds its job";
                    *self.report.residues.entry(residue).or_default() += 1;
                    continue;
                }
                let words = format!("run {id} never ends: {:?}, {}", run.state, run.reason);
                self.violation(Checker::Occurrences, number, words);
            }
            let idle = self.daemons[number].wakeup().is_none();
            if self.plan.settle == Settle::UntilIdle && unfinished.is_empty() && !(settled && idle)
            {
                let at = self.daemons[number].wakeup();
                let words = format!("does not fall idle: wants to be woken at {at:?}");
                self.violation(Checker::Idle, number, words);
            }
            self.check_occurrences(number);
            self.check_truth(number);
        }
    }

    fn check_occurrences(&mut self, number: usize) {
        let daemon = &mut self.daemons[number];
        let expectations = std::mem::take(&mut daemon.expectations);
        let missing: Vec<_> = expectations
            .finish(daemon.processed)
            .into_iter()
            .filter(|due| !daemon.occurrences.contains_key(due))
            .collect();
        for (job, at) in missing {
            let words = format!("`{job}` has no run and no skip for {at}");
            self.violation(Checker::Occurrences, number, words);
        }
    }

    fn check_truth(&mut self, number: usize) {
        let succeeded: Vec<RunId> = self.daemons[number]
            .runs
            .values()
            .filter(|run| run.state == RunState::Succeeded)
            .map(|run| run.id)
            .collect();
        for run in succeeded {
            let good = self.posts_of(number, run).any(|post| {
                let found = post.transfer.and_then(|id| self.world.transfer(id));
                found.is_some_and(|found| self.is_good(post, found) && !found.is_active())
            });
            if !good && self.residue(number, run).is_none() {
                let words = format!("run {run} has succeeded, and no transfer of it has");
                self.violation(Checker::Truth, number, words);
            }
        }
    }
}

/// True if one of two places lies in the other; written again, apart from the engine's own.
fn overlap(a: &Place, b: &Place) -> bool {
    let normal = |path: &str| {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        format!("/{}/", parts.join("/")).replace("//", "/")
    };
    let (x, y) = (normal(&a.path), normal(&b.path));
    a.account == b.account && a.bucket == b.bucket && (x.starts_with(&y) || y.starts_with(&x))
}
