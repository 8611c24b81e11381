//! Digests: when the next summary of an entry is due, which part of the history it needs, and that
//! it is queued once.
//!
//! How far an entry's digests have reached is recorded in the step that queues the message. So an
//! outage of the daemon over several digest times leaves one digest that covers all of it, and
//! after a crash before that step the history is read anew. Keeps true: only a digest's schedule
//! wakes the daemon for it.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::alert::{Occasion, QueuedAlert, Reported, id_of};
use crate::digest::{Digest, DigestMark, LateJob, Outage, Reading, cut};
use crate::ids::AlertKey;
use crate::input::{Effect, Level};
use crate::job::{AlertChannel, DigestEntry};
use crate::limits::{DIGEST_LISTED, DIGEST_RETRY, DIGEST_TEXT_MAX, OUTAGES_KEPT};
use crate::meant::CoveredJobs;
use crate::plain::one_line;
use crate::record::Record;
use crate::time::shift;

/// A digest entry of the job file.
#[derive(Debug)]
pub(super) struct Summary {
    key: AlertKey,
    entry: Arc<DigestEntry>,
    jobs: CoveredJobs,
    /// When the next one is due; absent if its schedule has no more times.
    due: Option<Timestamp>,
    /// The history is being read for it.
    gathering: bool,
}

impl Summary {
    /// The key of the job file's entry.
    pub(super) fn key(&self) -> AlertKey {
        self.key
    }

    /// The channel of its delivery.
    pub(super) fn channel(&self) -> &AlertChannel {
        &self.entry.channel
    }
}

impl Engine {
    /// Takes the digests of a new job set. Queries of the history under way go on. One whose channel
    /// alone has changed goes on where it was: returns the old and the new keys of such.
    pub(super) fn take_digests(&mut self) -> Vec<(AlertKey, AlertKey)> {
        let before: Vec<AlertKey> = self.digests.iter().map(|one| one.key).collect();
        let gathering: Vec<AlertKey> =
            self.digests.iter().filter(|one| one.gathering).map(|one| one.key).collect();
        self.digests = self
            .set
            .digests
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                // Two digests of one channel and the same jobs, as a daily and a weekly one, are
                // told apart by their order.
                let alike = self.set.digests[..index].iter();
                let alike =
                    alike.filter(|one| one.channel == entry.channel && one.jobs == entry.jobs);
                let key = entry.key(alike.count());
                let gathering = gathering.contains(&key);
                let jobs = CoveredJobs::of(&entry.jobs);
                Summary { key, entry: Arc::clone(entry), jobs, due: None, gathering }
            })
            .collect();
        let renamed = self.take_marks(&before);
        self.schedule_digests();
        renamed
    }

    /// Hands the marks of digests that are gone to new ones of the same jobs, in their order
    /// `before`, and forgets the others.
    fn take_marks(&mut self, before: &[AlertKey]) -> Vec<(AlertKey, AlertKey)> {
        let is_present = |mark: &DigestMark| self.digests.iter().any(|one| one.key == mark.key);
        let marks = self.state.reported().digests.iter().copied();
        let (mut kept, mut gone): (Vec<_>, Vec<_>) = marks.partition(is_present);
        if gone.is_empty() {
            return Vec::new();
        }
        gone.sort_by_key(|mark| before.iter().position(|key| *key == mark.key));
        let mut renamed = Vec::new();
        for one in &self.digests {
            if kept.iter().any(|mark| mark.key == one.key) {
                continue;
            }
            let coverage = Some(one.entry.coverage());
            let Some(index) = gone.iter().position(|mark| mark.coverage == coverage) else {
                continue;
            };
            let mark = gone.remove(index);
            renamed.push((mark.key, one.key));
            kept.push(DigestMark { key: one.key, ..mark });
        }
        self.change_reported(|reported| reported.digests = kept);
        renamed
    }

    /// Sets when each digest is due.
    pub(super) fn schedule_digests(&mut self) {
        for index in 0..self.digests.len() {
            self.schedule_digest(index);
        }
    }

    fn schedule_digest(&mut self, index: usize) {
        let mark = self.digest_mark(self.digests[index].key);
        let now = self.now;
        let one = &mut self.digests[index];
        one.due = match mark {
            // A clock that was set back must not delay it for as long as that.
            Some(mark) => one.entry.timetable.next_after(mark.at.min(now)),
            // It covers what follows: the present end of the history is queried at once.
            None => Some(now),
        };
    }

    fn digest_mark(&self, key: AlertKey) -> Option<DigestMark> {
        self.state.reported().digests.iter().find(|mark| mark.key == key).copied()
    }

    /// When the next digest is due.
    pub(super) fn next_digest(&self) -> Option<Timestamp> {
        self.digests.iter().filter(|one| !one.gathering).filter_map(|one| one.due).min()
    }

    /// Queries the history for the digests that are due.
    pub(super) fn plan_digests(&mut self) {
        for index in 0..self.digests.len() {
            let one = &self.digests[index];
            if one.gathering || one.due.is_none_or(|due| due > self.now) {
                continue;
            }
            let (digest, entry) = (one.key, Arc::clone(&one.entry));
            let after = self.digest_mark(digest).map(|mark| mark.event);
            self.digests[index].gathering = true;
            self.then(Effect::GatherDigest { digest, jobs: entry.jobs.clone(), after });
        }
    }

    /// Takes in the answer of the history.
    pub(super) fn on_digest_gathered(
        &mut self,
        digest: AlertKey,
        after: Option<u64>,
        answer: Result<Reading, String>,
    ) {
        // A job file that was loaded meanwhile may have no such entry any more.
        let Some(index) = self.digests.iter().position(|one| one.key == digest) else { return };
        self.digests[index].gathering = false;
        let before = self.digest_mark(digest);
        if before.map(|mark| mark.event) != after {
            return;
        }
        match answer {
            Ok(reading) => {
                let mark = DigestMark {
                    key: digest,
                    at: self.now,
                    event: reading.last,
                    coverage: Some(self.digests[index].entry.coverage()),
                };
                if let Some(before) = before {
                    self.queue_digest(index, before, reading);
                }
                self.mark_digest(mark);
                self.schedule_digest(index);
            }
            Err(words) => {
                let line = format!("a digest is put off, as the history can't be read: {words}");
                self.log(Level::Warn, line);
                self.digests[index].due = Some(shift(self.now, DIGEST_RETRY));
            }
        }
    }

    fn mark_digest(&mut self, mark: DigestMark) {
        self.change_reported(|reported| {
            reported.digests.retain(|old| old.key != mark.key);
            reported.digests.push(mark);
            let oldest = reported.digests.iter().map(|mark| mark.at).min();
            // An outage that each digest has covered is not needed again.
            reported.outages.retain(|outage| outage.until >= oldest);
        });
    }

    fn queue_digest(&mut self, index: usize, before: DigestMark, reading: Reading) {
        let key = before.key;
        let id = id_of("", Occasion::Digest, before.at, key);
        let digest = self.digest(index, before.at, reading);
        let timetable = &self.digests[index].entry.timetable;
        let summary = digest.summary(timetable);
        let since = timetable.local(before.at);
        let text = format!("transferd on {} since {since}: {summary}", self.host.hostname);
        self.make_room();
        let row = QueuedAlert {
            number: self.state.outbox().next_number(),
            reason: one_line(&summary, DIGEST_TEXT_MAX),
            text: one_line(&text, DIGEST_TEXT_MAX),
            digest: Some(Box::new(digest)),
            ..QueuedAlert::new(id, key, Occasion::Digest, self.now)
        };
        self.record(Record::AlertQueued(Arc::new(row)));
    }

    /// The digest, made from the history and the engine's own state.
    fn digest(&self, index: usize, since: Timestamp, reading: Reading) -> Digest {
        let jobs = &self.digests[index].jobs;
        let late = self.set.jobs.iter().filter(|(name, _)| jobs.cover(name));
        let late = late.filter_map(|(name, job)| {
            let job_row = self.state.job_row(name);
            let since = self.late_since(job, job_row, self.now)?;
            Some(LateJob { job: name.clone(), since })
        });
        let mut late: Vec<LateJob> = late.collect();
        late.sort_by_key(|one| one.since);
        let late_more = cut(&mut late, DIGEST_LISTED);
        let over = self.state.reported().outages.iter().copied();
        let over = over.filter(|outage| outage.until.is_none_or(|until| until > since));
        let lasts = self.state.reported().agent_down.map(|since| Outage { since, until: None });
        let mut outages: Vec<Outage> = over.chain(lasts).collect();
        outages.reverse();
        let outages_more = cut(&mut outages, DIGEST_LISTED);
        outages.reverse();
        let gathered = reading.gathered;
        Digest { since, until: self.now, gathered, late, late_more, outages, outages_more }
    }

    /// Keeps a reported outage that is over for the next digests.
    pub(super) fn keep_outage(&self, reported: &mut Reported) {
        let Some(since) = reported.agent_down.take().filter(|_| !self.digests.is_empty()) else {
            return;
        };
        reported.outages.push(Outage { since, until: Some(self.now) });
        let beyond = reported.outages.len().saturating_sub(OUTAGES_KEPT);
        reported.outages.drain(..beyond);
    }
}
