//! Takes in the result of a look: the agent's state, the owner of each record, and which requests
//! are proven absent (protocol, rules 4 to 7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;

use super::Engine;
use super::agent_link::Unavailable;
use super::looks::Baseline;
use crate::duration;
use crate::event::Happening;
use crate::ids::{AttemptId, TransferId};
use crate::input::Level;
use crate::limits::{
    ADOPT_WINDOW_CAP, AGENT_CLOCK_FAR, HINTED_LOOK_GAP, INCOMPLETE_LOOKS_MAX, LOOK_DELAY,
    SHORT_LIST_FACTOR, SKEW,
};
use crate::matching::{assign, baseline_since, evidence};
use crate::place::Fingerprint;
use crate::run::{Attempt, Phase};
use crate::time::shift;
use crate::transfer::{Incomplete, Look, LookFailure, LookRequest, Transfer};

impl Engine {
    /// Takes in the result of a look.
    pub(super) fn on_looked(&mut self, mut result: Result<Look, LookFailure>) {
        let Some(request) = self.looks.come_back(&mut result) else { return };
        self.agent_link.asked(self.now);
        self.changed_runs.extend(self.state.in_flight_ids().iter().copied());
        self.admission_due = true;
        match result {
            Ok(look) => {
                self.agent_answered(&look);
                self.apply_look(&look);
                self.report_unrecorded(&look);
                self.looks.note_records(&look.transfers);
                if !look.agent.may_work() {
                    self.state.break_series();
                }
                if look.is_complete() && look.agent.may_work() {
                    self.looks.note_complete(look.began_at, self.now, look.is_short);
                    self.keep_baseline(look, request);
                }
            }
            Err(failure) => self.look_failed(failure),
        }
    }

    /// Handles a failed look: nothing is proven, runs wait.
    fn look_failed(&mut self, failure: LookFailure) {
        let why = match failure {
            LookFailure::Unreachable(words) => {
                self.agent_link.set_away();
                Unavailable::Away(words)
            }
            LookFailure::PortHeld(words) => {
                self.agent_link.set_away();
                Unavailable::PortHeld(words)
            }
            LookFailure::BadToken { words, agent } => {
                self.agent_link.answered(agent, false);
                self.agent_link.refused_token();
                self.token_was_refused();
                Unavailable::BadToken(words)
            }
            LookFailure::Unusable(words) => {
                self.agent_link.answered_badly();
                Unavailable::Away(words)
            }
        };
        self.set_unavailable(why);
        self.state.break_series();
    }

    /// Notes why runs cannot be submitted; a new kind of reason is logged once.
    pub(super) fn set_unavailable(&mut self, why: Unavailable) {
        let same_kind = self
            .agent_link
            .unavailable()
            .is_some_and(|old| std::mem::discriminant(old) == std::mem::discriminant(&why));
        if !same_kind {
            let until = match &why {
                Unavailable::Away(_)
                | Unavailable::PortHeld(_)
                | Unavailable::Idle(_)
                | Unavailable::Listing(_) => "",
                Unavailable::ClockFar(_) => {
                    " until one of them is set right, as a transfer is known by the date of its \
                     request (`agent.exclusive_user` asks no dates)"
                }
                Unavailable::BadToken(_) => " until it is renewed",
            };
            self.log(Level::Warn, format!("{}; runs wait{until}", why.words()));
        }
        self.looks.put_off(&why, self.now);
        self.agent_link.set_unavailable(why, self.now);
        self.admission_due = true;
    }

    /// Takes in the agent's report about itself.
    fn agent_answered(&mut self, look: &Look) {
        let saw_no_page = look.incomplete.as_ref().is_some_and(|incomplete| incomplete.pages == 0);
        self.agent_link.answered(look.agent, !saw_no_page);
        self.starting.found(look.agent);
        self.looks.put_off_no_longer();
        let unfit = if look.agent.may_work() {
            self.clock_far_away(look).map(Unavailable::ClockFar)
        } else {
            Some(Unavailable::Idle(look.agent))
        };
        if let Some(why) = unfit {
            self.set_unavailable(why);
            self.looks.put_off_no_longer();
            self.look_again_soon();
        } else if let Some(incomplete) = &look.incomplete {
            self.look_was_incomplete(incomplete);
        } else {
            self.looks.note_read_to_end();
            self.set_available();
        }
        if look.user.is_none() && self.agent_link.note_no_user() {
            let text = "the agent does not tell whose transfers are whose: a transfer is known by \
                        its places and its time alone";
            self.log(Level::Warn, text.to_owned());
        }
    }

    /// How far the agent's clock is ahead of ours, if that is more than any zone or drift explains:
    /// a window of evidence that spans the difference would hold other people's transfers too.
    /// Where dates are not used, it does not matter.
    fn clock_far_away(&self, look: &Look) -> Option<SignedDuration> {
        let far = look.clock_offset.filter(|ahead| ahead.abs() > AGENT_CLOCK_FAR);
        far.filter(|_| !self.set.agent.exclusive_user)
    }

    /// Handles a list that could not be read to its end. Once is not news: the list changes, or a
    /// page fails. Look after look it is an outage like any other, with its reason, its alert and
    /// its back-off.
    fn look_was_incomplete(&mut self, incomplete: &Incomplete) {
        if self.looks.count_incomplete(&incomplete.gap) < INCOMPLETE_LOOKS_MAX {
            self.set_available();
            self.look_again_soon();
            return;
        }
        // Keep the figures of the first one, or each look would change the reason of every waiting
        // run.
        let same_gap = |old: &&Incomplete| {
            std::mem::discriminant(&old.gap) == std::mem::discriminant(&incomplete.gap)
        };
        let known = match self.agent_link.unavailable() {
            Some(Unavailable::Listing(old)) => Some(old).filter(same_gap),
            Some(
                Unavailable::Away(_)
                | Unavailable::PortHeld(_)
                | Unavailable::Idle(_)
                | Unavailable::ClockFar(_)
                | Unavailable::BadToken(_),
            )
            | None => None,
        };
        let incomplete = known.unwrap_or(incomplete).clone();
        self.set_unavailable(Unavailable::Listing(incomplete));
    }

    /// Notes that no decision may rely on this look; the next one for submits comes a little later.
    fn look_again_soon(&mut self) {
        self.looks.again_soon(self.set.agent.poll_interval, self.now);
    }

    /// Notes that the agent can be used; if it could not be before, that is logged.
    fn set_available(&mut self) {
        if self.agent_link.unavailable().is_none() {
            return;
        }
        self.ask_cancels_again();
        let lasted = self.agent_link.recovered(self.now).map_or_else(String::new, |at| {
            let lasted = self.now.duration_since(at).abs();
            format!(", after {}", duration::span(lasted))
        });
        self.log(Level::Info, format!("the agent can be used again{lasted}"));
    }

    /// Keeps a complete look as the baseline for new submits, if it read deep enough.
    fn keep_baseline(&mut self, look: Look, request: LookRequest) {
        if self.clock_far_away(&look).is_some() {
            return;
        }
        let exclusive = self.set.agent.exclusive_user;
        let offset_ms = self.agent_link.offset_ms();
        let needed = baseline_since(look.as_of, offset_ms, exclusive);
        if request.since > shift(needed, SKEW) {
            return;
        }
        self.looks.keep_baseline(Baseline::of(look, request, offset_ms, self.now));
    }

    /// Reads a look's records: owned ones first, then those without an owner, then the absent ones.
    fn apply_look(&mut self, look: &Look) {
        if let Some(offset) = look.clock_offset {
            self.learn_offset(offset);
        }
        let mut unclaimed: BTreeMap<Fingerprint, Vec<&Transfer>> = BTreeMap::new();
        let mut seen: BTreeSet<TransferId> = BTreeSet::new();
        for record in &look.transfers {
            seen.insert(record.id);
            if !self.state.is_owned(record.id) {
                unclaimed.entry(record.loose_fingerprint).or_default().push(record);
            }
        }
        // This look also judges whether a followed transfer is good (docs/protocol.md, rule 8); but
        // a failure ends its run only once it is known whether a late transfer of the run is shown
        // too.
        let mut failures: Vec<&Transfer> = Vec::new();
        for record in &look.transfers {
            let Some(owner) = self.state.owner(record.id) else { continue };
            if record.status.is_failure() {
                self.change_attempt(owner, |attempt| {
                    if attempt.phase.is_open() {
                        attempt.status = Some(record.status);
                    }
                });
                failures.push(record);
            } else {
                self.saw(owner, record);
            }
        }
        for records in unclaimed.values() {
            self.find_owners(records, &look.transfers);
        }
        for record in failures {
            if let Some(owner) = self.state.owner(record.id) {
                self.saw(owner, record);
            }
        }
        if look.is_complete() {
            self.note_absences(look, &seen);
        }
        self.report_near_misses(&unclaimed);
    }

    /// Learns that the agent's clock differs from ours: the dates of open requests may be off by
    /// that much.
    fn learn_offset(&mut self, offset: SignedDuration) {
        let millis = millis(offset);
        self.agent_link.note_clock(millis);
        let open: Vec<AttemptId> = self
            .state
            .open_attempts()
            .filter(|attempt| attempt.is_unlisted())
            .map(|attempt| attempt.id)
            .collect();
        for id in open {
            self.change_attempt(id, |attempt| {
                attempt.slack_ms.0 = attempt.slack_ms.0.min(millis);
                attempt.slack_ms.1 = attempt.slack_ms.1.max(millis);
            });
        }
    }

    /// Assigns unclaimed records to the open attempts that they may be of: all that one record
    /// may be of take part.
    fn find_owners(&mut self, records: &[&Transfer], all: &[Transfer]) {
        let fingerprints: BTreeSet<Fingerprint> =
            records.iter().flat_map(|record| record.fingerprints()).collect();
        let attempts: Vec<Arc<Attempt>> = fingerprints
            .into_iter()
            .flat_map(|fingerprint| self.state.open_like(fingerprint))
            .map(Arc::clone)
            .collect();
        if attempts.is_empty() {
            return;
        }
        // An attempt whose record is not in this look keeps it, and takes no part.
        let mut taking_part: Vec<&Attempt> = Vec::new();
        let mut claimed = Vec::new();
        let mut pool: Vec<&Transfer> = records.to_vec();
        for attempt in &attempts {
            let held = attempt.transfer.map(|id| all.iter().find(|record| record.id == id));
            match held {
                None => claimed.push(None),
                Some(Some(record)) => {
                    claimed.push(Some(pool.len()));
                    pool.push(record);
                }
                Some(None) => continue,
            }
            taking_part.push(attempt);
        }
        let exclusive = self.set.agent.exclusive_user;
        let clock_known = self.agent_link.knows_clock();
        let assignment = assign(&taking_part, &pool, &claimed, exclusive, clock_known);
        let mut found: Vec<(&Attempt, &Transfer)> = Vec::new();
        for (position, attempt) in taking_part.iter().enumerate() {
            let Some(record) = assignment.owner_of[position].map(|record| pool[record]) else {
                continue;
            };
            // Its answer is still awaited: it may be a refusal. The next look is early enough.
            if attempt.phase != Phase::Intent && attempt.transfer != Some(record.id) {
                found.push((attempt, record));
            }
        }
        found.sort_by_key(|(attempt, record)| (record.requested_at, attempt.id.number));
        let taken: BTreeSet<TransferId> = found.iter().map(|(_, record)| record.id).collect();
        for attempt in &taking_part {
            // First release every record that is exchanged, so that no id has two owners at any
            // time.
            if attempt.transfer.is_some_and(|id| taken.contains(&id)) {
                self.change_attempt(attempt.id, |row| {
                    row.transfer = None;
                    row.status = None;
                });
            }
        }
        for left in assignment.left_over {
            let doubtful: Vec<AttemptId> = taking_part
                .iter()
                .filter(|attempt| attempt.phase != Phase::Intent && !attempt.ambiguous)
                .filter(|attempt| evidence(attempt, pool[left], exclusive).is_ok())
                .map(|attempt| attempt.id)
                .collect();
            for id in doubtful {
                self.report_ambiguous(id, pool[left].id);
            }
        }
        // Only now: a claim may cancel a double, and an ambiguous transfer is not one.
        for (attempt, record) in found {
            if attempt.user.is_some()
                && record.user.is_none()
                && self.agent_link.note_record_without_user()
            {
                let text = "the agent's list does not tell whose transfers are whose: a transfer is \
                            known by its places and its time alone";
                self.log(Level::Warn, text.to_owned());
            }
            self.claim(attempt.id, record);
            self.saw(attempt.id, record);
        }
    }

    /// Reports that more records fit than attempts could own.
    fn report_ambiguous(&mut self, id: AttemptId, other: TransferId) {
        self.change_attempt(id, |attempt| attempt.ambiguous = true);
        let what = Happening::Ambiguous { transfer: other };
        let text = format!("ambiguous: {what}");
        self.report_as(Level::Error, id.run, what, text);
    }

    /// Adds a complete look to the proof that transfers it has not shown do not exist. Made with the
    /// token of another user than a lost request, it proves nothing about that.
    fn note_absences(&mut self, look: &Look, seen: &BTreeSet<TransferId>) {
        let began_at = look.began_at;
        let (absent, of_others): (Vec<&Attempt>, Vec<&Attempt>) = self
            .state
            .open_attempts()
            .filter(|attempt| attempt.phase != Phase::Intent)
            .filter(|attempt| attempt.transfer.is_none_or(|id| !seen.contains(&id)))
            .partition(|attempt| !was_lost_by_another_user(attempt, look));
        let absent: Vec<AttemptId> = absent.into_iter().map(|attempt| attempt.id).collect();
        let hidden = of_others.len();
        if self.agent_link.note_other_user(hidden > 0) && hidden > 0 {
            let text = format!(
                "the token is another user's now, which can't show whether a lost request of the \
                 user before has arrived ({hidden} are looked for); each is waited for until its \
                 `timeout`, or until that user's token is back"
            );
            self.log(Level::Warn, text);
        }
        let took = self.looks.last_complete().map(|(began, came)| came.duration_since(began));
        for id in absent {
            let machine = self.state.run(id.run);
            let attempt = self.state.attempt(id);
            if began_at < machine.asked_at(attempt) {
                continue;
            }
            let interval = self.look_interval(attempt).max(HINTED_LOOK_GAP);
            let apart = interval + took.unwrap_or_default() + LOOK_DELAY;
            self.state.observations(id).note_absence(began_at, apart);
            self.changed_runs.insert(id.run);
        }
    }

    /// How long complete looks must miss a transfer before it counts as absent; longer while the
    /// agent counts transfers that it does not list, as ours may be one of them.
    pub(super) fn adopt_window(&self) -> SignedDuration {
        let slow = self.state.agent_facts().longest_listing_delay.saturating_mul(3);
        let window = self.set.agent.adopt_window.max(slow.min(ADOPT_WINDOW_CAP));
        if self.looks.are_short() { window.saturating_mul(SHORT_LIST_FACTOR) } else { window }
    }
}

/// True for a lost request of another user than that of the token that the look was made with.
fn was_lost_by_another_user(attempt: &Attempt, look: &Look) -> bool {
    let users = attempt.user.zip(look.user);
    attempt.phase == Phase::Uncertain && users.is_some_and(|(theirs, ours)| theirs != ours)
}

/// A duration in milliseconds, within the range of a row.
fn millis(duration: SignedDuration) -> i64 {
    let longest = if duration.is_negative() { i64::MIN } else { i64::MAX };
    i64::try_from(duration.as_millis()).unwrap_or(longest)
}
