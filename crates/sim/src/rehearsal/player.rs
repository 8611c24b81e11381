//! Plays a rehearsal: one queue of events, the daemon's loop, the simulated agent.
//!
//! Nothing dies here and no commit fails, so nothing is kept: all records go to the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::findings::{self, Finding};
use super::ledger::Ledger;
use super::limits::WAY;
use super::load::Load;
use super::plan::Rehearsal;
use super::story::{JobStory, RunStory};
use crate::convert;
use crate::world::{Chance, World, WorldOptions};
use transferd_engine::event_loop::{EventLoop, Output, StoreRequest};
use transferd_engine::ids::{AccessId, AttemptId, TransferId};
use transferd_engine::input::{Effect, Input};
use transferd_engine::place::TransferRequest;
use transferd_engine::record::Snapshot;
use transferd_engine::time::shift;
use transferd_engine::transfer::{Look, LookRequest};

/// Why a rehearsal ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As many occurrences as [`Bounds`](super::Bounds) allow were played.
    Occurrences,
    /// As much work as they allow was done: that many runs wait at once.
    Work,
}

/// The result of a rehearsal.
#[derive(Clone, Debug)]
pub struct Played {
    /// The end of the part that was played.
    pub until: Timestamp,
    /// Why it was not played to its end.
    pub cut: Option<Cut>,
    /// Each job of the file, by name.
    pub jobs: Vec<JobStory>,
    /// The load over time.
    pub load: Load,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// Runs kept individually, by occurrence and job.
    pub runs: Vec<RunStory>,
    /// The number of other runs.
    pub runs_left_out: u64,
}

/// Plays a rehearsal to its end, or to its bounds.
pub fn play(rehearsal: &Rehearsal) -> Played {
    let mut player = Player::new(rehearsal);
    let cut = player.play();
    player.ledger.close(player.now);
    let Player { ledger, now, .. } = player;
    let findings = findings::of(&ledger, rehearsal, now);
    Played {
        until: now,
        cut,
        findings,
        jobs: ledger.jobs.into_values().collect(),
        load: ledger.load,
        runs: ledger.runs,
        runs_left_out: ledger.runs_left_out,
    }
}

/// Something on its way, to the agent or from it.
#[derive(Debug)]
enum Event {
    Post { attempt: AttemptId, request: TransferRequest },
    Cancel { transfer: TransferId },
    List { request: LookRequest, began_at: Timestamp },
    Answer(Box<Input>),
}

struct Player<'a> {
    rehearsal: &'a Rehearsal,
    now: Timestamp,
    event_loop: EventLoop,
    world: World,
    chance: Chance,
    ledger: Ledger,
    queue: BTreeMap<(Timestamp, u64), Event>,
    sequence: u64,
    /// The agent has reported a change, and the engine does not know of it yet.
    hinted: bool,
    work: u64,
}

impl<'a> Player<'a> {
    fn new(rehearsal: &'a Rehearsal) -> Self {
        let set = Arc::new(rehearsal.unhurried_set());
        // The first instant is a part of the time that is played.
        let now = shift(rehearsal.from, SignedDuration::from_millis(-1));
        let host = rehearsal.host.clone();
        let mut player = Self {
            rehearsal,
            now,
            event_loop: EventLoop::recover(Snapshot::default(), set, host, now),
            world: World::new(rehearsal.world(), rehearsal.seed.rotate_left(17), now),
            chance: Chance::from(rehearsal.seed),
            ledger: Ledger::new(rehearsal),
            queue: BTreeMap::new(),
            sequence: 0,
            hinted: false,
            work: 0,
        };
        player.turn();
        player
    }

    fn play(&mut self) -> Option<Cut> {
        while let Some(next) = self.next_instant().filter(|next| *next < self.rehearsal.until) {
            if self.ledger.occurrences >= self.rehearsal.bounds.occurrences {
                return Some(Cut::Occurrences);
            }
            if self.work >= self.rehearsal.bounds.work {
                return Some(Cut::Work);
            }
            self.now = self.now.max(next);
            self.step();
        }
        self.now = self.rehearsal.until;
        None
    }

    fn next_instant(&self) -> Option<Timestamp> {
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let woken = self.event_loop.next_wakeup();
        [queued, woken, self.world.next_event()].into_iter().flatten().min()
    }

    /// Plays one event: at the agent, on the way, or because its time has come.
    fn step(&mut self) {
        if self.world.next_event().is_some_and(|at| at <= self.now) {
            self.world.advance(self.now);
            if self.event_loop.wants_notifications() && !std::mem::replace(&mut self.hinted, true) {
                self.send(Event::Answer(Box::new(Input::Notified)));
            }
            return;
        }
        match self.queue.first_entry() {
            Some(entry) if entry.key().0 <= self.now => {
                let event = entry.remove();
                self.happen(event);
            }
            Some(_) | None => self.turn(),
        }
    }

    fn happen(&mut self, event: Event) {
        let answer = match event {
            Event::Post { attempt, request } => self.post(attempt, &request),
            Event::Cancel { transfer } => {
                let reply = self.world.cancel(WorldOptions::DEFAULT_TOKEN, transfer, self.now);
                let answer = convert::cancel_answer(&reply.outcome);
                Input::CancelAnswered { transfer, answer }
            }
            Event::List { request, began_at } => Input::Looked(Ok(self.list(&request, began_at))),
            Event::Answer(input) => {
                self.hinted &= *input != Input::Notified;
                self.event_loop.push(*input);
                self.turn();
                return;
            }
        };
        self.send(Event::Answer(Box::new(answer)));
    }

    fn post(&mut self, attempt: AttemptId, request: &TransferRequest) -> Input {
        let posted = self.world.post_transfer(WorldOptions::DEFAULT_TOKEN, request, self.now);
        let transfer = self.world.post(posted.number).and_then(|fact| fact.transfer);
        if let (Some(transfer), Some(job)) = (transfer, self.ledger.job_of(attempt.run)) {
            let duration = self.rehearsal.pace(job).draw(&mut self.chance);
            self.world.set_duration(transfer, duration);
        }
        Input::Submitted { attempt, answer: convert::submit_answer(&posted.reply.outcome) }
    }

    fn list(&self, request: &LookRequest, began_at: Timestamp) -> Look {
        let listed = self.world.transfers().filter(|found| found.listed);
        let records = listed.map(|found| convert::transfer(&self.world, found, self.now));
        Look {
            began_at,
            as_of: self.now,
            incomplete: None,
            is_short: false,
            access: AccessId::default(),
            agent: self.world.agent_state(),
            user: Some(WorldOptions::DEFAULT_USER),
            clock_offset: Some(self.world.options().clock_skew),
            read_back_to: None,
            transfers: records.filter(|record| request.wants(record)).collect(),
        }
    }

    /// Has the loop decide, and performs the effects.
    fn turn(&mut self) {
        self.work += 1 + u64::try_from(self.ledger.waiting()).unwrap_or(u64::MAX);
        while let Some(request) = self.event_loop.poll_store(self.now) {
            match request {
                StoreRequest::Commit(_) => self.event_loop.committed(Ok(()), self.now),
                StoreRequest::Load => unreachable!("rows are read back after a failed commit"),
            }
        }
        while let Some(output) = self.event_loop.poll_output() {
            match output {
                Output::Recorded(records) => {
                    self.ledger.take(&records, self.event_loop.engine(), self.now);
                }
                Output::Perform { effect, .. } => self.perform(effect),
                Output::Log(_) | Output::Settled(_) => {}
            }
        }
        for transfer in self.ledger.take_settled() {
            self.world.discard(transfer);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Look(request) => self.send(Event::List { request, began_at: self.now }),
            Effect::Submit { attempt, access: _, request } => {
                self.send(Event::Post { attempt, request })
            }
            Effect::Cancel { transfer } => self.send(Event::Cancel { transfer }),
            // The ledger uses ends alone, and nobody needs the cause here.
            Effect::LearnCause { attempt, query } => {
                let transfer = query.transfer;
                let agent_facts = Input::CauseLearned { attempt, transfer, row: None };
                self.send(Event::Answer(Box::new(agent_facts)));
            }
            // There is nobody here to request anything or to be notified.
            Effect::StartAgent
            | Effect::Reply { .. }
            | Effect::Deliver { .. }
            | Effect::GatherDigest { .. } => {}
        }
    }

    fn send(&mut self, event: Event) {
        self.sequence += 1;
        self.queue.insert((shift(self.now, WAY), self.sequence), event);
    }
}
