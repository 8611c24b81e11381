//! Looks by themselves, without an engine: which result counts, what a submit may rely on, and what
//! moves when the clock is set.

use uuid::Uuid;

use super::*;
use crate::fixtures::{self, at, record, secs};

const WANTED: Fingerprint = Fingerprint(Uuid::from_u128(1));

fn request() -> LookRequest {
    let fingerprints = BTreeSet::from([WANTED]);
    LookRequest {
        since: at("00:00:00"),
        fingerprints,
        transfers: BTreeSet::new(),
        requests: Arc::default(),
    }
}

fn look(began_at: Timestamp) -> Look {
    Look { clock_offset: None, ..fixtures::look(began_at, Vec::new()) }
}

/// Looks whose last one was complete, and came back then.
fn complete(came_at: Timestamp) -> Looks {
    let mut looks = Looks::default();
    looks.keep_baseline(Baseline::of(look(came_at), request(), 0, came_at));
    looks
}

#[test]
fn a_submit_relies_on_a_look_of_the_second_before_it() {
    let looks = complete(at("01:00:00"));
    let relies = |now| looks.baseline_for(WANTED, now).is_some();
    assert!(relies(at("01:00:00")));
    assert!(relies(at("01:00:00.999")));
    assert!(!relies(at("01:00:01")));
    assert!(!relies(at("00:59:59")), "the clock went back, nobody knows how long ago");
    assert!(looks.baseline_for(Fingerprint(Uuid::from_u128(2)), at("01:00:00")).is_none());
}

#[test]
fn what_any_later_look_has_shown_is_older_than_the_next_request() {
    let mut looks = complete(at("01:00:00"));
    looks.note_records(&[record(7, WANTED, None)]);
    let ground = looks.baseline_for(WANTED, at("01:00:00")).expect("a complete look");
    assert_eq!(ground.listed(WANTED), [TransferId(Uuid::from_u128(7))]);
}

#[test]
fn a_result_counts_if_it_began_with_the_look_under_way_or_after_it() {
    let counts = |began: Timestamp, by: Option<SignedDuration>| {
        let mut looks = Looks::default();
        looks.begin(request(), at("01:00:00"));
        by.into_iter().for_each(|by| looks.clock_stepped(by));
        let mut result = Ok(look(began));
        let counts = looks.come_back(&mut result).is_some();
        assert_eq!(looks.come_back(&mut result), None, "it comes back once");
        (counts, result.is_ok_and(|look| look.is_complete()))
    };
    let asked = at("01:00:00");
    assert_eq!(counts(asked, None), (true, true), "at the very same moment");
    assert_eq!(counts(asked + secs(1), None), (true, true));
    assert!(!counts(asked - secs(1), None).0, "it is of a look that was lost");
    for by in [secs(-60), secs(60)] {
        assert_eq!(counts(asked, Some(by)), (true, false), "it began by the old clock");
        assert_eq!(counts(asked + by, Some(by)), (true, false), "it began by the new clock");
    }
}

#[test]
fn a_clock_that_is_set_under_a_look_makes_no_outage() {
    let mut looks = Looks::default();
    let gaps = [Gap::ClockSet, Gap::TooSlow, Gap::ClockSet, Gap::Shifted];
    assert_eq!(gaps.map(|gap| looks.count_incomplete(&gap)), [0, 1, 1, 2]);
}

#[test]
fn after_a_look_in_vain_the_next_one_comes_after_a_back_off_and_no_later_than_a_poll() {
    let mut looks = Looks::default();
    let now = at("01:00:00");
    let waits: Vec<_> = [60, 60, 5, 60]
        .map(|poll| {
            looks.again_soon(secs(poll), now);
            looks.submit_look_at.map(|at| at.duration_since(now))
        })
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(waits, [secs(2), secs(4), secs(5), AGENT_RETRY_CAP]);
}

#[test]
fn each_time_moves_with_a_clock_that_is_set() {
    for by in [secs(-3_600), secs(3_600)] {
        let was = at("01:00:00");
        let mut looks = complete(was);
        looks.last_began = Some(was);
        looks.last_answered = Some(was);
        looks.last_complete = Some((was, was));
        looks.retry_at = Some(was);
        looks.submit_look_at = Some(was);
        looks.clock_stepped(by);
        let is = Some(was + by);
        assert_eq!(
            [looks.last_began, looks.last_answered, looks.retry_at, looks.submit_look_at],
            [is; 4]
        );
        assert_eq!(looks.last_complete, is.zip(is));
        assert!(looks.fresh.is_none(), "how old it is by the new clock is not known");
    }
}
