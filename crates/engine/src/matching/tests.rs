//! Windows of evidence, and the assignment of records to attempts.

use uuid::Uuid;

use super::*;
use crate::fixtures::{at, attempt, record, secs};
use crate::ids::{AttemptId, RunId};
use crate::place::Fingerprint;

const ALIKE: Fingerprint = Fingerprint(Uuid::from_u128(1));

/// An attempt whose request was sent then, and answered or lost within ten seconds.
fn sent(time: &str, phase: Phase) -> Attempt {
    let id = AttemptId { run: RunId(Uuid::nil()), number: 1 };
    let not_before = at(time);
    Attempt { not_before, not_after: Some(not_before + secs(10)), phase, ..attempt(id, ALIKE) }
}

/// A record that is dated then.
fn dated(id: u128, time: &str) -> Transfer {
    record(id, ALIKE, Some(at(time)))
}

/// The owner of each record, where the agent's clock is known and dates are asked.
fn owners(attempts: &[Attempt], records: &[Transfer], claimed: &[Option<usize>]) -> Assignment {
    assigned(attempts, records, claimed, false, true)
}

fn assigned(
    attempts: &[Attempt],
    records: &[Transfer],
    claimed: &[Option<usize>],
    exclusive: bool,
    clock_known: bool,
) -> Assignment {
    let attempts: Vec<&Attempt> = attempts.iter().collect();
    let records: Vec<&Transfer> = records.iter().collect();
    assign(&attempts, &records, claimed, exclusive, clock_known)
}

#[test]
fn a_date_is_evidence_within_the_skew_of_a_request_and_of_its_answer() {
    let plain = sent("12:00:00", Phase::Accepted);
    let slack = Attempt { slack_ms: (-60_000, 30_000), ..plain.clone() };
    let ahead = Attempt { slack_ms: (0, 60_000), offset_ms: 60_000, ..plain.clone() };
    let far_behind = Attempt { slack_ms: (-86_400_000, 0), offset_ms: -3_600_000, ..plain.clone() };
    let unanswered = Attempt { not_after: None, ..plain.clone() };
    for (attempt, exclusive, earliest, latest) in [
        (&plain, false, "11:58:00", Some("12:02:10")),
        (&slack, false, "11:57:00", Some("12:02:40")),
        (&ahead, false, "11:58:00", Some("12:03:10")),
        // No further back than the look before the request was read.
        (&far_behind, false, "09:00:00", Some("12:02:10")),
        (&unanswered, false, "11:58:00", None),
    ] {
        let expected = (at(earliest), latest.map(at));
        assert_eq!(window(attempt, exclusive), expected, "{attempt:?}");
        let is_evidence = |date| evidence(attempt, &record(1, ALIKE, Some(date)), exclusive);
        assert_eq!(is_evidence(expected.0), Ok(()));
        assert_eq!(is_evidence(expected.0 - secs(1)), Err(Miss::Date));
        let end = expected.1.unwrap_or(at("23:00:00"));
        assert_eq!(is_evidence(end), Ok(()));
        assert_eq!(is_evidence(end + secs(1)).is_ok(), latest.is_none());
    }
    // The look before the POST reached as far back as the setting said then.
    for (then, depth) in [
        (Some(true), EXCLUSIVE_DEPTH),
        (Some(false), BASELINE_DEPTH),
        // A row of a version that did not record it.
        (None, EXCLUSIVE_DEPTH),
    ] {
        let plain = Attempt { exclusive: then, ..plain.clone() };
        assert_eq!(window(&plain, true), (at("12:00:00") - depth, None), "{then:?}");
    }
    for (offset_ms, since) in [(0, "10:00:00"), (60_000, "10:00:00"), (-60_000, "09:59:00")] {
        assert_eq!(baseline_since(at("12:00:00"), offset_ms, false), at(since), "{offset_ms}");
    }
    let undated = record(1, ALIKE, None);
    assert_eq!(evidence(&plain, &undated, true), Ok(()));
    assert_eq!(evidence(&plain, &undated, false), Err(Miss::Date));
}

#[test]
fn each_record_goes_to_the_nearest_request_and_the_oldest_record_first() {
    let attempts = [sent("12:00:00", Phase::Uncertain), sent("12:01:00", Phase::Uncertain)];
    let given = |dates: [&str; 2]| {
        owners(&attempts, &[dated(1, dates[0]), dated(2, dates[1])], &[None, None]).owner_of
    };
    assert_eq!(given(["12:00:05", "12:01:05"]), [Some(0), Some(1)]);
    assert_eq!(given(["12:01:05", "12:00:05"]), [Some(1), Some(0)], "in whatever order");
    assert_eq!(given(["11:59:00", "12:00:50"]), [Some(0), Some(1)]);
    // Both are nearer to the second: it gets the older one.
    assert_eq!(given(["12:00:50", "12:00:40"]), [Some(0), Some(1)]);
    // Before a request is as far from it as behind it.
    assert_eq!(given(["11:59:10", "12:00:20"]), [Some(0), Some(1)]);
    let one = owners(&attempts, &[dated(1, "12:01:40")], &[None, None]);
    assert_eq!(one.owner_of, [None, Some(0)]);
    let one = owners(&attempts, &[dated(1, "11:59:00")], &[None, None]);
    assert_eq!(one.owner_of, [Some(0), None]);
}

#[test]
fn a_date_is_compared_by_the_agents_clock() {
    let by = |offset_ms| {
        let slack_ms = (offset_ms, 0);
        ["12:00:00", "12:01:00"].map(|time| Attempt {
            offset_ms,
            slack_ms,
            ..sent(time, Phase::Uncertain)
        })
    };
    let record = [dated(1, "12:00:00")];
    assert_eq!(owners(&by(0), &record, &[None, None]).owner_of, [Some(0), None]);
    assert_eq!(owners(&by(-60_000), &record, &[None, None]).owner_of, [None, Some(0)]);
}

#[test]
fn without_a_date_the_last_request_that_was_not_given_up_is_the_likeliest() {
    let undated = [record(1, ALIKE, None)];
    for (phases, owner) in [
        ([Phase::Uncertain, Phase::Uncertain], 1),
        ([Phase::Uncertain, Phase::GivenUp], 0),
        ([Phase::GivenUp, Phase::GivenUp], 1),
    ] {
        let attempts = [sent("12:00:00", phases[0]), sent("12:30:00", phases[1])];
        let owners = assigned(&attempts, &undated, &[None, None], true, true).owner_of;
        assert_eq!(owners[owner], Some(0), "{phases:?}");
    }
    // A dated record comes before one that may be any.
    let attempts = [sent("12:00:00", Phase::Uncertain)];
    let records = [record(1, ALIKE, None), dated(2, "12:00:00")];
    let owners = assigned(&attempts, &records, &[None], true, true);
    assert_eq!((owners.owner_of, owners.left_over), (vec![Some(1)], vec![0]));
}

#[test]
fn two_attempts_exchange_their_records_only_for_a_further_one() {
    let attempts = [sent("12:00:00", Phase::Uncertain), sent("12:01:00", Phase::Accepted)];
    let both = dated(1, "12:00:50");
    // The second one owns it, though the first one is nearer.
    let kept = owners(&attempts, std::slice::from_ref(&both), &[None, Some(0)]);
    assert_eq!(kept, Assignment { owner_of: vec![None, Some(0)], left_over: Vec::new() });
    let records = [both.clone(), dated(2, "12:03:00")];
    let exchanged = owners(&attempts, &records, &[None, Some(0)]);
    assert_eq!(exchanged.owner_of, [Some(0), Some(1)]);
    let records = [both, dated(2, "12:03:00"), dated(3, "12:03:05")];
    let too_many = owners(&attempts, &records, &[None, Some(0)]);
    assert_eq!(too_many, Assignment { owner_of: vec![Some(0), Some(1)], left_over: vec![2] });
}

#[test]
fn a_record_that_nobody_can_own_moves_no_other_around() {
    let attempts = [sent("12:00:00", Phase::Uncertain), sent("12:00:30", Phase::Accepted)];
    let records = ["12:00:00", "12:00:30", "12:01:00"];
    let records: Vec<_> = (1..).zip(records).map(|(id, time)| dated(id, time)).collect();
    let two = Assignment { owner_of: vec![Some(0), Some(1)], left_over: vec![2] };
    assert_eq!(owners(&attempts, &records, &[None, None]), two);
    assert_eq!(owners(&attempts, &records, &[Some(0), Some(1)]), two);
}

#[test]
fn records_move_along_a_chain_of_attempts() {
    let attempts = [
        sent("12:00:00", Phase::Uncertain),
        sent("12:03:00", Phase::Uncertain),
        sent("12:06:00", Phase::Uncertain),
    ];
    // Each fits an attempt and the one before it, but for the last, which fits the last alone.
    let records = [dated(1, "12:01:40"), dated(2, "12:04:40"), dated(3, "12:08:00")];
    let moved = owners(&attempts, &records, &[None, None, None]);
    assert_eq!(moved, Assignment { owner_of: vec![Some(0), Some(1), Some(2)], left_over: vec![] });
    let held = [None, Some(0), Some(1)];
    assert_eq!(owners(&attempts, &records, &held).owner_of, [Some(0), Some(1), Some(2)]);
}

#[test]
fn one_that_must_have_a_record_takes_that_of_one_that_may_have_none() {
    let one = [dated(1, "12:00:20")];
    for (phases, claimed, owner) in [
        ([Phase::Uncertain, Phase::Accepted], [None, None], 1),
        ([Phase::GivenUp, Phase::Intent], [None, None], 1),
        ([Phase::Accepted, Phase::Accepted], [None, None], 0),
        ([Phase::Uncertain, Phase::Uncertain], [None, None], 0),
        ([Phase::Uncertain, Phase::Accepted], [Some(0), None], 0),
    ] {
        let attempts = [sent("12:00:00", phases[0]), sent("12:01:00", phases[1])];
        let owners = owners(&attempts, &one, &claimed).owner_of;
        assert_eq!(owners.iter().position(Option::is_some), Some(owner), "{phases:?} {claimed:?}");
    }
    // Through another one that must have one, too.
    let attempts = [
        sent("12:00:00", Phase::Accepted),
        sent("12:02:30", Phase::Accepted),
        sent("12:05:00", Phase::Uncertain),
    ];
    let records = [dated(1, "12:01:40"), dated(2, "12:04:20")];
    assert_eq!(owners(&attempts, &records, &[None; 3]).owner_of, [Some(0), Some(1), None]);
}

#[test]
fn by_a_clock_that_is_not_known_one_that_was_given_up_is_less_likely() {
    let owner = |phases: [Phase; 2], date: &str, clock_known| {
        let attempts = [sent("12:00:00", phases[0]), sent("12:01:00", phases[1])];
        let owners = assigned(&attempts, &[dated(1, date)], &[None, None], false, clock_known);
        owners.owner_of.iter().position(Option::is_some)
    };
    let looked_for = [Phase::GivenUp, Phase::Uncertain];
    assert_eq!(owner(looked_for, "12:00:20", true), Some(0));
    assert_eq!(owner(looked_for, "12:00:20", false), Some(1));
    assert_eq!(owner(looked_for, "12:00:05", false), Some(0), "the date is right");
    assert_eq!(owner([Phase::Uncertain; 2], "12:00:20", false), Some(0));
    assert_eq!(owner([Phase::GivenUp; 2], "12:00:20", false), Some(0));
}

#[test]
fn where_dates_are_not_asked_a_clock_that_is_known_keeps_an_old_record_from_the_next_request() {
    let attempts = [sent("12:00:00", Phase::Uncertain), sent("12:30:00", Phase::Accepted)];
    let old = [dated(1, "12:00:00")];
    let owner = |clock_known| assigned(&attempts, &old, &[None, None], true, clock_known).owner_of;
    assert_eq!(owner(true), [Some(0), None]);
    assert_eq!(owner(false), [None, Some(0)], "that it is old is not known");
}
