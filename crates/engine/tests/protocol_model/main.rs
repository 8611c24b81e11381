//! The protocol of `protocol.md` as a small model, explored in full within its bounds.
//!
//! `daemon`, `looking`, `evidence` and `ends` are the rules, `moves` is all that can happen,
//! `promises` what must hold whatever happens. The first test explores every configuration; the
//! others drop one rule each, and show what then goes wrong. `conforms` leads the real engine, on
//! its `stage`, through the model's events, and checks that the model allows each of its actions.
//! To read the counterexamples: `cargo test --test protocol_model -- --nocapture`.

mod conforms;
mod daemon;
mod ends;
mod evidence;
mod explore;
mod looking;
mod moves;
mod promises;
mod rules;
mod stage;
mod state;

use daemon::Daemon;
use explore::explore;
use rules::Rule;
use state::{Bounds, Faults, Second};

/// An agent that lists at once, and no faults: each configuration states its differences from this.
fn plain(name: &'static str) -> Bounds {
    Bounds {
        name,
        second: Second::None,
        max_attempts: 2,
        hides: 0,
        clock_ahead: 0,
        dates_behind: 0,
        skew: 0,
        window: 2,
        timeout: 4,
        watch: 5,
        faults: Faults::default(),
    }
}

/// The configurations, small enough to be explored in full, each about one thing.
fn configurations() -> Vec<Bounds> {
    let none = Faults::default();
    vec![
        Bounds {
            faults: Faults { answers: 2, crashes: 1, refusals: 1, errors: 1, ..none },
            ..plain("a quick agent, lost answers, a crash")
        },
        Bounds {
            hides: 1,
            faults: Faults { answers: 1, crashes: 1, outages: 1, ..none },
            ..plain("an agent that hides, a crash, an outage")
        },
        Bounds {
            hides: 3,
            faults: Faults { answers: 2, ..none },
            ..plain("an agent that hides for longer than the window")
        },
        Bounds {
            hides: 7,
            watch: 8,
            max_attempts: 1,
            faults: Faults { answers: 1, crashes: 1, ..none },
            ..plain("an agent that hides past the timeout")
        },
        Bounds {
            hides: 1,
            faults: Faults { people: 1, cancels: 1, crashes: 1, operator: 1, ..none },
            ..plain("people who pause and cancel")
        },
        Bounds {
            hides: 1,
            faults: Faults { vanishing: 1, answers: 1, operator: 1, crashes: 1, ..none },
            ..plain("records that vanish")
        },
        Bounds {
            hides: 1,
            skew: 1,
            faults: Faults { others: 1, elsewhere: 1, answers: 1, ..none },
            ..plain("transfers of others between the same places")
        },
        Bounds {
            skew: 1,
            faults: Faults { elsewhere: 1, outages: 1, answers: 1, ..none },
            ..plain("a transfer of our own user's just before ours")
        },
        Bounds {
            hides: 1,
            clock_ahead: 1,
            skew: 1,
            faults: Faults { answers: 1, crashes: 1, elsewhere: 1, ..none },
            ..plain("an agent whose clock is ahead")
        },
        Bounds {
            dates_behind: 1,
            skew: 1,
            window: 1,
            faults: Faults { answers: 1, crashes: 1, ..none },
            ..plain("an agent whose dates are behind")
        },
        Bounds {
            second: Second::SameJob,
            hides: 1,
            faults: Faults { answers: 1, crashes: 1, ..none },
            ..plain("the next run of the same job")
        },
        Bounds {
            second: Second::SameJob,
            max_attempts: 1,
            hides: 7,
            watch: 8,
            faults: Faults { answers: 1, ..none },
            ..plain("the next run, and an agent that hides past the timeout")
        },
        Bounds {
            second: Second::SamePlaces,
            hides: 1,
            faults: Faults { answers: 1, crashes: 1, ..none },
            ..plain("two jobs with the same places")
        },
        Bounds {
            second: Second::Overlapping,
            hides: 1,
            faults: Faults { answers: 1, crashes: 1, ..none },
            ..plain("two jobs with overlapping destinations")
        },
        Bounds {
            hides: 1,
            faults: Faults { answers: 1, receipts: 1, crashes: 1, ..none },
            ..plain("frames about requests, true and forged")
        },
        Bounds {
            hides: 1,
            faults: Faults { answers: 1, crashes: 1, repeats: 1, ..none },
            ..plain("a run that repeats another")
        },
        Bounds {
            max_attempts: 1,
            hides: 3,
            skew: 1,
            faults: Faults { answers: 2, repeats: 1, ..none },
            ..plain("a repeat, and an agent that hides for longer than the window")
        },
        Bounds {
            max_attempts: 1,
            hides: 5,
            watch: 6,
            faults: Faults { answers: 1, repeats: 1, ..none },
            ..plain("a repeat, and an agent that hides past the timeout")
        },
        Bounds {
            max_attempts: 1,
            hides: 1,
            skew: 1,
            clock_ahead: 1,
            faults: Faults { answers: 1, errors: 1, operator: 1, repeats: 1, ..none },
            ..plain("a repeat of what the operator has canceled, and a clock that is ahead")
        },
        Bounds {
            max_attempts: 3,
            hides: 3,
            faults: Faults { answers: 2, duplicates: 1, ..none },
            ..plain("an agent that hides, and refuses doubles")
        },
        Bounds {
            max_attempts: 1,
            hides: 3,
            faults: Faults { answers: 1, duplicates: 2, repeats: 1, operator: 1, ..none },
            ..plain("a repeat, and an agent that hides, and refuses doubles")
        },
        Bounds {
            second: Second::SamePlaces,
            max_attempts: 1,
            hides: 3,
            faults: Faults { answers: 1, duplicates: 1, ..none },
            ..plain("two jobs with the same places, and an agent that hides, and refuses doubles")
        },
        Bounds {
            second: Second::SameJob,
            max_attempts: 1,
            hides: 5,
            timeout: 2,
            watch: 6,
            faults: Faults { answers: 1, outages: 3, ..none },
            ..plain("the next run, and an outage that is longer than the timeout")
        },
    ]
}

#[test]
fn the_protocol_keeps_its_promises_whatever_happens() {
    let mut states = 0;
    let mut moves = 0;
    let all = configurations();
    let count = all.len();
    for bounds in all {
        let name = bounds.name;
        let faults = bounds.faults.total();
        let report = explore(&Daemon { bounds, dropped: None });
        println!(
            "{name}: {} states, {} moves, {} ends, {faults} faults",
            report.states, report.moves, report.ends
        );
        if let Some(found) = report.counterexample {
            panic!("{name}: {}\n{}", found.promise, found.trace);
        }
        assert!(report.ends > 0, "{name} never ends");
        states += report.states;
        moves += report.moves;
    }
    println!("{count} configurations, {states} states, {moves} moves");
}

/// Drops a rule in one configuration, and returns the shortest way to what it prevents.
#[expect(clippy::print_stdout, reason = "the counterexample is read with `--nocapture`")]
fn without(rule: Rule, configuration: &str) -> (&'static str, String) {
    let named = configurations().into_iter().find(|bounds| bounds.name == configuration);
    let bounds = named.expect("a configuration");
    let report = explore(&Daemon { bounds, dropped: Some(rule) });
    let number = rule.number();
    let Some(found) = report.counterexample else {
        panic!("nothing goes wrong without rule {number} ({rule:?}): {} states", report.states);
    };
    println!("without rule {number} ({rule:?}), {configuration}: {}", found.promise);
    println!("{}found after {} states", found.trace, report.states);
    (found.promise, found.trace)
}

macro_rules! necessary {
    ($($test:ident: without $rule:ident, $configuration:literal, $promise:literal;)*) => {$(
        #[test]
        fn $test() {
            let (promise, trace) = without(Rule::$rule, $configuration);
            assert_eq!(promise, $promise, "\n{trace}");
        }
    )*};
}

necessary! {
    rule_1_what_was_listed_before_is_not_ours:
        without BaselineIsForeign,
        "a transfer of our own user's just before ours",
        "a run has succeeded, and none of its transfers was Completed";
    rule_1_the_intent_is_committed_first:
        without RecordThenSend,
        "a quick agent, lost answers, a crash",
        "a job starts while its last transfer is, or may come, to work";
    rule_2_uncertain_is_not_refused:
        without UncertainIsNotRefused,
        "a quick agent, lost answers, a crash",
        "a job starts while its last transfer is, or may come, to work";
    rule_2_a_duplicate_is_the_lost_200_of_whichever_run:
        without DuplicateIsALost200,
        "a repeat, and an agent that hides, and refuses doubles",
        "a run has failed because of a transfer of ours that was thought lost";
    rule_2_and_of_whichever_job:
        without DuplicateIsALost200,
        "two jobs with the same places, and an agent that hides, and refuses doubles",
        "a run has failed because of a transfer of ours that was thought lost";
    rule_3_one_at_a_time_per_fingerprint:
        without OneAtATime,
        "two jobs with the same places",
        "a run has succeeded, and none of its transfers was Completed";
    rule_4_the_user_is_evidence:
        without UserIsEvidence,
        "transfers of others between the same places",
        "a run has succeeded, and none of its transfers was Completed";
    rule_4_the_date_is_evidence:
        without DateIsEvidence,
        "transfers of others between the same places",
        "a foreign transfer is canceled, though evidence could tell";
    rule_4_a_lost_post_may_be_processed_late:
        without LatePostsCount,
        "a quick agent, lost answers, a crash",
        "a job starts while its last transfer is, or may come, to work";
    rule_4_clocks_differ:
        without Skew,
        "an agent whose clock is ahead",
        "a look shows a transfer too many at work, and it is left alone";
    rule_4_an_offset_that_is_learned_widens_it:
        without LearnedOffset,
        "an agent whose clock is ahead",
        "a look shows a transfer too many at work, and it is left alone";
    rule_5_an_accepted_attempt_comes_first:
        without AcceptedFirst,
        "an agent whose dates are behind",
        "a request that never arrived is given the transfer of one that was accepted";
    rule_5_what_no_attempt_can_own_is_left_alone:
        without LeftOverIsForeign,
        "transfers of others between the same places",
        "a foreign transfer is canceled that no attempt could own";
    rule_6_an_uncertain_attempt_is_looked_for:
        without AdoptWindow,
        "an agent that hides, a crash, an outage",
        "a job starts while its last transfer is, or may come, to work";
    rule_6_an_incomplete_look_proves_nothing:
        without IncompleteProvesNothing,
        "an agent that hides, a crash, an outage",
        "a job starts while its last transfer is, or may come, to work";
    rule_6_our_own_crash_uses_up_no_attempt:
        without CrashIsFree,
        "a quick agent, lost answers, a crash",
        "a run has failed for want of attempts that our own crash has used up";
    rule_6_what_is_not_found_is_given_up:
        without GiveUp,
        "a quick agent, lost answers, a crash",
        "a lost POST was not sent again, though attempts were left";
    rule_7_an_accepted_attempt_is_not_repeated:
        without AcceptedIsNotRepeated,
        "an agent that hides for longer than the window",
        "a job starts while its last transfer is, or may come, to work";
    rule_8_a_second_transfer_is_canceled:
        without CancelDoubles,
        "an agent that hides, a crash, an outage",
        "a look shows a transfer too many at work, and it is left alone";
    rule_8_a_late_transfer_is_followed:
        without FollowLateOnes,
        "an agent that hides, a crash, an outage",
        "a look shows a transfer too many at work, and it is left alone";
    rule_8_the_late_transfer_of_a_run_that_is_repeated_is_canceled:
        without CancelDoubles,
        "a repeat, and an agent that hides for longer than the window",
        "a look shows a transfer too many at work, and it is left alone";
    rule_9_a_run_that_is_repeated_closes_no_attempt:
        without WatchOn,
        "a repeat, and an agent that hides for longer than the window",
        "a look shows a transfer too many at work, and it is left alone";
    rule_11_a_repeat_waits_for_what_may_come:
        without HoldWhatMayCome,
        "a repeat, and an agent that hides past the timeout",
        "a job starts while its last transfer is, or may come, to work";
    rule_9_the_end_of_a_run_closes_no_attempt:
        without WatchOn,
        "an agent that hides, a crash, an outage",
        "everything is over, and a transfer of ours is still at work";
    rule_10_the_wish_is_recorded_first:
        without WishFirst,
        "an agent that hides, a crash, an outage",
        "a look shows a transfer too many at work, and it is left alone";
    rule_10_cancel_requests_repeat:
        without RepeatCancels,
        "people who pause and cancel",
        "a run is stuck";
    rule_10_what_has_vanished_ends_the_run:
        without VanishedEnds,
        "records that vanish",
        "a run is stuck";
    rule_10_completed_wins_over_our_cancel:
        without CompletedWins,
        "a quick agent, lost answers, a crash",
        "a transfer was seen Completed, and its run has not succeeded";
    rule_11_job_and_destination_are_held:
        without HoldWhatMayCome,
        "the next run, and an agent that hides past the timeout",
        "a job starts while its last transfer is, or may come, to work";
    rule_11_time_alone_frees_nothing:
        without LookBeforeFreeing,
        "the next run, and an outage that is longer than the timeout",
        "a job starts while its last transfer is, or may come, to work";
    rule_12_timeout_counts_from_the_commit:
        without TimeoutFromCommit,
        "a quick agent, lost answers, a crash",
        "a run is past its `timeout`, and is not being canceled";
    rule_14_a_receipt_is_a_hint:
        without ReceiptIsAHint,
        "frames about requests, true and forged",
        "a lost POST was not sent again, though attempts were left";
}
