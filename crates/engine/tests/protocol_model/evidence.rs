//! Matching records: evidence for one attempt (rule 4), and the assignment over all open attempts
//! at once (rule 5).

use super::daemon::Daemon;
use super::rules::Rule;
use super::state::{Attempt, Origin, Phase, State, Status, Transfer};

impl Daemon {
    /// Rule 4: can this record be the transfer of this attempt?
    pub(crate) fn is_evidence(&self, attempt: &Attempt, record: &Transfer, position: u8) -> bool {
        let same_places = self.bounds.place(attempt.run) == record.place;
        let user = record.origin != Origin::OtherUser || !self.keeps(Rule::UserIsEvidence);
        let new = attempt.baseline & (1 << position) == 0;
        same_places && user && new && self.is_in_time(attempt, record)
    }

    /// True for a record that is new, and the attempt's own but for a date up to which the agent
    /// answered nothing.
    pub(crate) fn misses_by_date(&self, attempt: &Attempt, record: &Transfer, at: u8) -> bool {
        let same_places = self.bounds.place(attempt.run) == record.place;
        let new = attempt.baseline & (1 << at) == 0;
        let ours = record.origin != Origin::OtherUser;
        let skew = if self.keeps(Rule::Skew) { self.bounds.skew } else { 0 };
        let learned = if self.keeps(Rule::LearnedOffset) { self.bounds.clock_ahead } else { 0 };
        let is_late = |at| attempt.until.is_some_and(|until| until + skew + learned < at);
        let silent = attempt.answered_look.is_some_and(is_late);
        same_places && ours && new && silent && is_late(record.date)
    }

    /// Rule 4: `requestDate` between `not_before` − skew and `not_after` + skew; each look's `Date`
    /// header shows how far the agent's clock is ahead, and widens that.
    fn is_in_time(&self, attempt: &Attempt, record: &Transfer) -> bool {
        if !self.keeps(Rule::DateIsEvidence) {
            return true;
        }
        let skew = if self.keeps(Rule::Skew) { self.bounds.skew } else { 0 };
        let learned = if self.keeps(Rule::LearnedOffset) { self.bounds.clock_ahead } else { 0 };
        let in_time = attempt.until.is_none_or(|until| record.date <= until + skew + learned);
        attempt.sent - skew <= record.date && in_time
    }

    /// Rule 5: each listed record with these places finds its owner, oldest first, nearest in
    /// time; existing claims stay, but may be exchanged if that lets another record find one.
    pub(crate) fn assign(&self, s: &mut State, place: u8) {
        let owned = |s: &State, record: u8| s.attempts.iter().any(|a| a.transfer == Some(record));
        let is_listed = |s: &State, record: u8| s.records[usize::from(record)].listed.is_some();
        let taking_part: Vec<u8> = positions(s.attempts.len())
            .filter(|&a| {
                let attempt = &s.attempts[usize::from(a)];
                attempt.phase.is_open()
                    && self.bounds.place(attempt.run) == place
                    && attempt.transfer.is_none_or(|record| is_listed(s, record))
            })
            .collect();
        let mut unclaimed: Vec<u8> = positions(s.records.len())
            .filter(|&r| {
                is_listed(s, r) && s.records[usize::from(r)].place == place && !owned(s, r)
            })
            .collect();
        unclaimed.sort_by_key(|&r| (s.records[usize::from(r)].date, r));

        let mut plan: Vec<(u8, Option<u8>)> =
            taking_part.iter().map(|&a| (a, s.attempts[usize::from(a)].transfer)).collect();
        let mut left_over = Vec::new();
        for &record in &unclaimed {
            let mut asked = Vec::new();
            if !self.find_owner(s, record, &mut plan, &mut asked) && !asked.is_empty() {
                left_over.push(record);
            }
        }
        if self.keeps(Rule::AcceptedFirst) {
            for i in 0..plan.len() {
                if plan[i].1.is_none() && self.comes_first(s, plan[i].0) {
                    let may_lose = |a: u8, _: u8| !self.comes_first(s, a);
                    self.take_over(s, i, &mut plan, &mut Vec::new(), &may_lose);
                }
            }
            // If the agent does not report its clock, its dates may be as far off as two requests
            // are apart: an attempt that was given up is then less likely, unless its date is
            // right.
            let clock_known = self.bounds.dates_behind == 0;
            for i in 0..plan.len() {
                let phase = s.attempts[usize::from(plan[i].0)].phase;
                if plan[i].1.is_none() && phase == Phase::Uncertain && !clock_known {
                    let may_lose = |a: u8, record: u8| {
                        let attempt = &s.attempts[usize::from(a)];
                        let date = s.records[usize::from(record)].date;
                        attempt.phase == Phase::GivenUp && attempt.sent != date
                    };
                    self.take_over(s, i, &mut plan, &mut Vec::new(), &may_lose);
                }
            }
        }
        // An attempt whose answer is awaited only reserves its record: it may be refused yet.
        let found: Vec<(u8, u8)> = plan
            .iter()
            .filter_map(|&(a, record)| Some((a, record?)))
            .filter(|&(a, record)| {
                let attempt = &s.attempts[usize::from(a)];
                attempt.phase != Phase::Intent && attempt.transfer != Some(record)
            })
            .collect();
        for &(_, record) in &found {
            for attempt in &mut s.attempts {
                attempt.transfer = attempt.transfer.filter(|&held| held != record);
            }
        }
        let mut found = found;
        found.sort_by_key(|&(_, record)| (s.records[usize::from(record)].date, record));
        for (attempt, record) in found {
            self.claim(s, attempt, record);
        }
        for record in left_over {
            self.left_over(s, &taking_part, record);
        }
    }

    /// Rule 5: the record of an accepted attempt is known to exist; that of one whose answer is
    /// awaited may be in a moment.
    fn comes_first(&self, s: &State, a: u8) -> bool {
        matches!(s.attempts[usize::from(a)].phase, Phase::Intent | Phase::Accepted)
    }

    /// Gives a likelier attempt the record of one that may lose it, directly or in exchange.
    fn take_over(
        &self,
        s: &State,
        i: usize,
        plan: &mut [(u8, Option<u8>)],
        asked: &mut Vec<usize>,
        may_lose: &impl Fn(u8, u8) -> bool,
    ) -> bool {
        asked.push(i);
        let attempt = s.attempts[usize::from(plan[i].0)];
        let holders: Vec<(usize, u8)> = (0..plan.len())
            .filter_map(|holder| Some((holder, plan[holder].1?)))
            .filter(|&(_, record)| {
                self.is_evidence(&attempt, &s.records[usize::from(record)], record)
            })
            .collect();
        let loses = |&&(holder, record): &&(usize, u8)| {
            let a = plan[holder].0;
            s.attempts[usize::from(a)].transfer.is_none() && may_lose(a, record)
        };
        if let Some(&(holder, record)) = holders.iter().find(loses) {
            plan[holder].1 = None;
            plan[i].1 = Some(record);
            return true;
        }
        for (holder, record) in holders {
            if !asked.contains(&holder) && self.take_over(s, holder, plan, asked, may_lose) {
                plan[i].1 = Some(record);
                return true;
            }
        }
        false
    }

    /// Finds an owner for `record`: a free attempt, else one whose own record can move elsewhere.
    fn find_owner(
        &self,
        s: &State,
        record: u8,
        plan: &mut [(u8, Option<u8>)],
        asked: &mut Vec<u8>,
    ) -> bool {
        let facts = s.records[usize::from(record)];
        let mut candidates: Vec<usize> = (0..plan.len())
            .filter(|&i| !asked.contains(&plan[i].0))
            .filter(|&i| self.is_evidence(&s.attempts[usize::from(plan[i].0)], &facts, record))
            .collect();
        candidates.sort_by_key(|&i| s.attempts[usize::from(plan[i].0)].sent.abs_diff(facts.date));
        if let Some(&free) = candidates.iter().find(|&&i| plan[i].1.is_none()) {
            plan[free].1 = Some(record);
            return true;
        }
        for i in candidates {
            asked.push(plan[i].0);
            let Some(held) = plan[i].1 else { continue };
            if self.find_owner(s, held, plan, asked) {
                plan[i].1 = Some(record);
                return true;
            }
        }
        false
    }

    /// Rule 5: more records fit than attempts could own. The attempts are ambiguous, the record
    /// is left alone.
    fn left_over(&self, s: &mut State, taking_part: &[u8], record: u8) {
        let facts = s.records[usize::from(record)];
        for &a in taking_part {
            let attempt = s.attempts[usize::from(a)];
            if attempt.phase != Phase::Intent && self.is_evidence(&attempt, &facts, record) {
                s.attempts[usize::from(a)].ambiguous = true;
            }
        }
        if !self.keeps(Rule::LeftOverIsForeign) && facts.status.is_active() {
            s.records[usize::from(record)].status = Status::CanceledByUs;
        }
    }
}

/// Positions as the small numbers in which they are stored.
pub(crate) fn positions(count: usize) -> std::ops::Range<u8> {
    0..u8::try_from(count).expect("few of each")
}
