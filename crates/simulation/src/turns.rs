//! A turn of a simulated daemon's loop: its requests to the store, its effects, and all the points
//! where it can die between them.

use std::collections::BTreeSet;
use std::sync::Arc;

use transferd_engine::event_loop::{Epoch, Output, StoreRequest};
use transferd_engine::input::Effect;
use transferd_engine::record::{Record, Snapshot};
use transferd_engine::store::Store;
use transferd_engine::transfer::LookRequest;

use super::check::Checker;
use super::mutation::Mutation;
use super::simulation::{Call, Observer, Simulation};
use super::starts::Starts;

/// The result of a batch.
struct Decided {
    /// It is durable, or needed no commit.
    is_durable: bool,
    has_records: bool,
    epoch: Epoch,
    effects: Vec<Effect>,
}

impl<O: Observer> Simulation<O> {
    /// Has the inputs decided, committed and performed.
    pub(super) fn turn(&mut self, number: usize) {
        let wall = self.wall(number);
        let daemon = &mut self.daemons[number];
        daemon.collects = false;
        daemon.grounds.decides(self.now);
        daemon.had_work = !(daemon.open.is_empty() && daemon.unfinished.is_empty());
        daemon.latest_wall = daemon.latest_wall.max(wall);
        loop {
            let Some(event_loop) = self.daemons[number].event_loop.as_mut() else { return };
            match event_loop.poll_store(wall) {
                Some(StoreRequest::Commit(records)) => self.commit(number, records),
                Some(StoreRequest::Load) => self.load(number),
                None => break,
            }
        }
        self.daemons[number].note_wakeup();
        if let Some(decided) = self.take_decided(number) {
            self.carry_out(number, decided);
        }
    }

    /// The committed rows.
    pub(super) fn read_rows(&mut self, number: usize) -> Option<Snapshot> {
        let (wall, now) = (self.wall(number), self.now);
        let daemon = &mut self.daemons[number];
        daemon.expectations.jumped(daemon.processed, wall);
        daemon.latest_wall = daemon.latest_wall.max(wall);
        daemon.starts = Starts::default();
        daemon.look = None;
        daemon.up_since = Some(now);
        match daemon.store.load() {
            Ok(mut rows) => {
                if let Some(mutation) = self.mutation {
                    mutation.durable(&mut rows, wall);
                }
                Some(rows)
            }
            Err(error) => {
                let words = format!("the store can't be read: {error}");
                self.violation(Checker::Intent, number, words);
                None
            }
        }
    }

    /// Carries out the loop's request for the rows.
    fn load(&mut self, number: usize) {
        self.trace.line(self.now, || format!("[{number}] recovers"));
        let rows = self.read_rows(number).ok_or_else(|| "unreadable".to_owned());
        let wall = self.wall(number);
        if let Some(event_loop) = &mut self.daemons[number].event_loop {
            event_loop.loaded(rows, wall);
        }
    }

    /// Carries out the loop's request for a commit.
    fn commit(&mut self, number: usize, mut records: Vec<Record>) {
        if let Some(mutation) = self.mutation {
            mutation.records(&mut records);
        }
        if !records.is_empty() && self.chance.happens(self.hazards.crash_before_commit) {
            self.count("crash_before_commit");
            return self.crash(number);
        }
        if self.mutation == Some(Mutation::ActsBeforeCommit) {
            self.committed(number, Ok(()));
            let Some(Decided { epoch, effects, .. }) = self.take_decided(number) else { return };
            let is_submit = |effect: &Effect| matches!(effect, Effect::Submit { .. });
            let (submits, others) = effects.into_iter().partition(is_submit);
            self.perform_all(number, epoch, submits);
            self.write(number, &records);
            return self.perform_all(number, epoch, others);
        }
        let written = self.write(number, &records);
        let failed = !written && self.mutation != Some(Mutation::ActsOnFailedCommit);
        if failed {
            let daemon = &mut self.daemons[number];
            (daemon.look, daemon.up_since) = (None, None);
        }
        self.committed(number, if failed { Err("no room".to_owned()) } else { Ok(()) });
    }

    fn committed(&mut self, number: usize, result: Result<(), String>) {
        let wall = self.wall(number);
        if let Some(event_loop) = &mut self.daemons[number].event_loop {
            event_loop.committed(result, wall);
        }
    }

    /// True if the records are durable now.
    fn write(&mut self, number: usize, records: &[Record]) -> bool {
        let full = self.daemons[number].disk_full_until.is_some();
        let fails = full || (!records.is_empty() && self.chance.happens(self.hazards.commit_fails));
        if fails {
            self.count(if full { "commit_on_full_disk" } else { "commit_failed" });
            self.trace.line(self.now, || format!("[{number}] commit fails"));
            return false;
        }
        if let Err(error) = self.daemons[number].store.commit(records) {
            self.violation(Checker::Intent, number, format!("a commit was refused: {error}"));
            return false;
        }
        let begins =
            |record: &Record| matches!(record, Record::Run { run, .. } if !run.state.is_over());
        self.daemons[number].had_work |= records.iter().any(begins);
        for row in records {
            self.took_effect(number, row);
        }
        self.check_alerts(number, records);
        self.observer.committed(number, records, self.now);
        true
    }

    /// The outputs of the loop; nothing if it had nothing to decide.
    fn take_decided(&mut self, number: usize) -> Option<Decided> {
        let event_loop = self.daemons[number].event_loop.as_mut()?;
        let (mut has_records, mut is_durable, mut effects) = (false, None, Vec::new());
        while let Some(output) = event_loop.poll_output() {
            match output {
                Output::Recorded(_) => has_records = true,
                Output::Log(line) => {
                    let line = || format!("[{number}]   {:?}: {}", line.level, line.text);
                    self.trace.line(self.now, line);
                }
                // Left out; see `alerts`.
                Output::Perform { effect: Effect::Deliver { .. }, .. } => {}
                Output::Perform { effect, .. } => effects.push(effect),
                Output::Settled(result) => is_durable = Some(result.is_ok()),
            }
        }
        let epoch = event_loop.epoch();
        let wall = self.wall(number);
        if let Some(mutation) = self.mutation {
            mutation.effects(&mut effects);
        }
        if self.mutation == Some(Mutation::LooksWithoutNeed) && effects.is_empty() {
            let (fingerprints, transfers) = (BTreeSet::new(), BTreeSet::new());
            let request =
                LookRequest { since: wall, fingerprints, transfers, requests: Arc::default() };
            effects.push(Effect::Look(request));
        }
        Some(Decided { is_durable: is_durable?, has_records, epoch, effects })
    }

    fn carry_out(&mut self, number: usize, decided: Decided) {
        let Decided { is_durable, has_records, epoch, effects: mut then } = decided;
        if !is_durable {
            return self.perform_all(number, epoch, then);
        }
        let wall = self.wall(number);
        let daemon = &mut self.daemons[number];
        daemon.note_processed(wall);
        daemon.steps.iter_mut().rev().take_while(|step| !step.told).for_each(|it| it.told = true);
        if then.len() > 1 && self.chance.happens(self.hazards.crash_amid_effects) {
            self.count("crash_amid_effects");
            let performed = 1 + self.chance.below(then.len() - 1);
            then.truncate(performed);
            self.perform_all(number, epoch, then);
            self.crash(number);
            return;
        }
        let acts = has_records || !then.is_empty();
        if acts && self.chance.happens(self.hazards.crash_after_commit) {
            let performed = self.chance.below(then.len() + 1);
            self.count(match performed {
                0 => "crash_before_effects",
                all if all == then.len() => "crash_after_effects",
                _ => "crash_amid_effects",
            });
            then.truncate(performed);
            self.perform_all(number, epoch, then);
            self.crash(number);
            return;
        }
        self.perform_all(number, epoch, then);
        self.check_deadlines(number);
    }

    /// Updates the checkers' copy of the rows.
    fn took_effect(&mut self, number: usize, row: &Record) {
        let wall = self.wall(number);
        self.trace.line(self.now, || match row {
            Record::Run { run, .. } => {
                format!("[{number}]   run {} {} {:?}: {}", run.id, run.job, run.state, run.reason)
            }
            Record::Attempt(row) => format!(
                "[{number}]   attempt {}/{} {:?} until {} transfer {:?} cancel {:?} status {:?}",
                row.id.run,
                row.id.number,
                row.phase,
                row.deadline,
                row.transfer,
                row.cancel.as_ref().map(|cancel| cancel.cause),
                row.status
            ),
            other => format!("[{number}]   {other:?}"),
        });
        match row {
            Record::Run { was, run } => {
                self.check_run(number, *was, run);
                let daemon = &mut self.daemons[number];
                if run.state.is_over() {
                    daemon.unfinished.remove(&run.id);
                } else {
                    daemon.unfinished.insert(run.id);
                }
                daemon.runs.insert(run.id, Arc::clone(run));
            }
            Record::Attempt(row) => {
                self.check_claim(number, row);
                self.check_cause(number, row);
                let daemon = &mut self.daemons[number];
                if row.phase.is_open() {
                    daemon.open.insert(row.id, Arc::clone(row));
                } else {
                    daemon.open.remove(&row.id);
                }
                daemon.attempts.insert(row.id, Arc::clone(row));
            }
            Record::Job(job_row) => {
                let daemon = &mut self.daemons[number];
                daemon.grounds.paused(&job_row.job, job_row.pause.as_ref());
                let held = daemon.held_back.get(&job_row.job).copied();
                let until = daemon.processed.min(wall).min(held.unwrap_or(wall));
                // A clock that was set back does not undo the handling of occurrences.
                daemon.expectations.committed(job_row, &daemon.fed, until, daemon.latest_wall);
            }
            Record::Event(_)
            | Record::AgentFacts(_)
            | Record::AlertQueued(_)
            | Record::AlertGone(_)
            | Record::PauseOfAll(_)
            | Record::Reported(_) => {}
        }
    }

    fn perform_all(&mut self, number: usize, epoch: Epoch, effects: Vec<Effect>) {
        for effect in effects {
            self.perform(number, epoch, effect);
        }
    }

    fn perform(&mut self, number: usize, epoch: Epoch, effect: Effect) {
        self.trace.line(self.now, || match &effect {
            Effect::Look(request) => format!("[{number}] > look since {}", request.since),
            other => format!("[{number}] > {other:?}"),
        });
        match effect {
            Effect::Look(request) => self.begin_look(number, epoch, request),
            Effect::Submit { attempt, access: _, request } => {
                self.check_submit(number, attempt);
                let request = Box::new(request);
                let call = Call::Submit { attempt, request, sent: self.now };
                self.send(number, epoch, call);
            }
            Effect::Cancel { transfer } => {
                self.check_cancel(number, transfer);
                let now = self.now;
                self.daemons[number].cancel_asked.entry(transfer).or_insert(now);
                self.send(number, epoch, Call::Cancel { transfer });
            }
            Effect::StartAgent => self.ask_to_start(number, epoch),
            Effect::LearnCause { attempt, query } => self.ask_why(number, epoch, attempt, query),
            Effect::Reply { .. } => self.daemons[number].replies += 1,
            // Left out before; see `alerts`.
            Effect::Deliver { .. } | Effect::GatherDigest { .. } => {}
        }
    }
}
