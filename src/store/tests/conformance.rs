//! Tests for every store: which rows it must keep, and which it must delete.

use jiff::SignedDuration;

use super::sample::{
    alert, at, attempt, came_to, event, everything, ids, job_row, new_run, put, queued, run,
    run_id, transfer_id, was,
};
use crate::core::alert::{QueuedAlert, Reported};
use crate::core::ids::{AttemptId, JobName};
use crate::core::record::{AgentFacts, Record, Snapshot};
use crate::core::run::{Phase, RunState};
use crate::core::store::HistoryPolicy;
use crate::store::{RunMatch, Store, StoreError};

every_store_must! {
    be_empty_at_first,
    give_back_what_is_unsettled_and_nothing_of_the_past,
    replace_a_run_only_in_the_state_it_was_taken_to_be_in,
    carry_a_run_through_several_states_in_one_commit,
    commit_all_or_nothing,
    let_a_transfer_belong_to_one_attempt_only,
    let_two_attempts_exchange_their_transfers,
    want_the_run_of_an_attempt_and_of_an_event,
    commit_a_group_in_order_and_refuse_each_by_itself,
    keep_the_last_mark_and_what_was_learned,
    keep_the_outbox_in_order_until_each_is_gone,
    keep_the_last_job_set,
    keep_who_held_the_agents_port,
    forget_what_is_too_old,
    forget_what_is_too_much,
    never_forget_the_last_run_behind_a_skip,
    never_forget_what_is_unsettled,
    prove_that_it_can_write,
}

fn conflicts(result: Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict(_)))
}

fn be_empty_at_first(store: &mut dyn Store) {
    assert_eq!(store.load().unwrap(), Default::default());
    assert_eq!(store.history(&everything()).unwrap(), []);
    assert_eq!(store.run("0").unwrap(), RunMatch::None);
    assert_eq!(store.events(run_id(1)).unwrap(), []);
    assert_eq!(store.last_runs(&[JobName::new("nightly")]).unwrap(), []);
    assert_eq!(store.job_rows().unwrap(), []);
    assert_eq!(store.last_job_set().unwrap(), None);
}

fn give_back_what_is_unsettled_and_nothing_of_the_past(store: &mut dyn Store) {
    let over_with_open_attempt = run(2, "nightly", RunState::Failed);
    let unfinished = run(1, "hourly", RunState::Running);
    store
        .commit(&[
            new_run(over_with_open_attempt.clone()),
            new_run(run(3, "nightly", RunState::Succeeded)),
            new_run(unfinished.clone()),
            put(attempt(1, 1, Phase::Refused, None)),
            put(attempt(1, 2, Phase::Accepted, Some(1))),
            put(attempt(2, 1, Phase::GivenUp, None)),
            put(attempt(3, 1, Phase::Closed, Some(3))),
        ])
        .unwrap();
    let snapshot = store.load().unwrap();
    let runs: Vec<_> = snapshot.runs.iter().map(|run| (**run).clone()).collect();
    assert_eq!(runs, [over_with_open_attempt.clone(), unfinished.clone()]);
    let attempts: Vec<_> = snapshot.attempts.iter().map(|attempt| (**attempt).clone()).collect();
    assert_eq!(
        attempts,
        [
            attempt(2, 1, Phase::GivenUp, None),
            attempt(1, 1, Phase::Refused, None),
            attempt(1, 2, Phase::Accepted, Some(1)),
        ]
    );
    store
        .commit(&[
            was(RunState::Running, run(1, "hourly", RunState::Succeeded)),
            put(attempt(1, 2, Phase::Closed, Some(1))),
            put(attempt(2, 1, Phase::Closed, None)),
        ])
        .unwrap();
    let settled = vec![transfer_id(1), transfer_id(3)];
    assert_eq!(store.load().unwrap(), Snapshot { settled, ..Snapshot::default() });
}

fn replace_a_run_only_in_the_state_it_was_taken_to_be_in(store: &mut dyn Store) {
    let waiting = run(1, "nightly", RunState::Waiting);
    let submitting = run(1, "nightly", RunState::Submitting);
    assert!(conflicts(store.commit(&[was(RunState::Waiting, submitting.clone())])));
    store.commit(&[new_run(waiting.clone())]).unwrap();
    assert!(conflicts(store.commit(&[new_run(waiting.clone())])));
    assert!(conflicts(store.commit(&[was(RunState::Queued, submitting.clone())])));
    assert_eq!(*store.load().unwrap().runs[0], waiting);
    store.commit(&[was(RunState::Waiting, submitting.clone())]).unwrap();
    assert_eq!(*store.load().unwrap().runs[0], submitting);
    assert!(conflicts(store.commit(&[was(RunState::Waiting, waiting)])));
}

fn carry_a_run_through_several_states_in_one_commit(store: &mut dyn Store) {
    let [waiting, submitting, queued] = [RunState::Waiting, RunState::Submitting, RunState::Queued]
        .map(|state| run(1, "nightly", state));
    store
        .commit(&[
            // Records that need a run may come before the run.
            event(1, 0, RunState::Waiting),
            put(attempt(1, 1, Phase::Intent, None)),
            new_run(waiting),
            was(RunState::Waiting, submitting),
            put(attempt(1, 1, Phase::Accepted, None)),
            was(RunState::Submitting, queued.clone()),
        ])
        .unwrap();
    let snapshot = store.load().unwrap();
    assert_eq!(*snapshot.runs[0], queued);
    assert_eq!(*snapshot.attempts[0], attempt(1, 1, Phase::Accepted, None));
}

fn commit_all_or_nothing(store: &mut dyn Store) {
    store
        .commit(&[new_run(run(1, "nightly", RunState::Waiting)), event(1, 0, RunState::Waiting)])
        .unwrap();
    let before = (store.load().unwrap(), store.events(run_id(1)).unwrap());
    let refused = store.commit(&[
        new_run(run(2, "hourly", RunState::Waiting)),
        was(RunState::Waiting, run(1, "nightly", RunState::Queued)),
        put(attempt(1, 1, Phase::Intent, Some(1))),
        event(1, 1, RunState::Submitting),
        Record::Job(job_row("nightly", 5).into()),
        Record::AgentFacts(AgentFacts { longest_listing_delay: SignedDuration::from_secs(9) }),
        was(RunState::Running, run(2, "hourly", RunState::Succeeded)),
    ]);
    assert!(conflicts(refused));
    assert_eq!((store.load().unwrap(), store.events(run_id(1)).unwrap()), before);
    // The transfer that the refused commit claimed is free.
    store.commit(&[put(attempt(1, 1, Phase::Accepted, Some(1)))]).unwrap();
}

fn let_a_transfer_belong_to_one_attempt_only(store: &mut dyn Store) {
    store
        .commit(&[
            new_run(run(1, "nightly", RunState::Running)),
            new_run(run(2, "hourly", RunState::Queued)),
            put(attempt(1, 1, Phase::Accepted, Some(1))),
        ])
        .unwrap();
    assert!(conflicts(store.commit(&[put(attempt(2, 1, Phase::Accepted, Some(1)))])));
    assert!(conflicts(store.commit(&[
        put(attempt(2, 1, Phase::Accepted, Some(2))),
        put(attempt(2, 2, Phase::Accepted, Some(2))),
    ])));
    store.commit(&[put(attempt(1, 1, Phase::Accepted, Some(1)))]).unwrap();
    // Once released, it can be claimed, in the same commit too.
    store
        .commit(&[
            put(attempt(2, 1, Phase::Accepted, Some(1))),
            put(attempt(1, 1, Phase::Uncertain, None)),
        ])
        .unwrap();
    assert!(conflicts(store.commit(&[put(attempt(1, 1, Phase::Accepted, Some(1)))])));
}

fn let_two_attempts_exchange_their_transfers(store: &mut dyn Store) {
    store
        .commit(&[
            new_run(run(1, "nightly", RunState::Running)),
            new_run(run(2, "hourly", RunState::Running)),
            put(attempt(1, 1, Phase::Accepted, Some(1))),
            put(attempt(2, 1, Phase::Accepted, Some(2))),
        ])
        .unwrap();
    store
        .commit(&[
            put(attempt(1, 1, Phase::Accepted, Some(2))),
            put(attempt(2, 1, Phase::Accepted, Some(1))),
        ])
        .unwrap();
    let owners: Vec<_> = store
        .load()
        .unwrap()
        .attempts
        .iter()
        .map(|attempt| (attempt.id, attempt.transfer))
        .collect();
    let id = |n| AttemptId { run: run_id(n), number: 1 };
    assert_eq!(owners, [(id(1), Some(transfer_id(2))), (id(2), Some(transfer_id(1)))]);
}

fn want_the_run_of_an_attempt_and_of_an_event(store: &mut dyn Store) {
    assert!(conflicts(store.commit(&[put(attempt(1, 1, Phase::Intent, None))])));
    assert!(conflicts(store.commit(&[event(1, 0, RunState::Waiting)])));
}

fn commit_a_group_in_order_and_refuse_each_by_itself(store: &mut dyn Store) {
    let results = store.commit_group(&[
        vec![new_run(run(1, "nightly", RunState::Waiting))],
        vec![event(1, 1, RunState::Failed), new_run(run(1, "nightly", RunState::Waiting))],
        vec![
            was(RunState::Waiting, run(1, "nightly", RunState::Queued)),
            event(1, 2, RunState::Queued),
        ],
        vec![new_run(run(8, "hourly", RunState::Waiting)), put(attempt(9, 1, Phase::Intent, None))],
        vec![new_run(run(2, "hourly", RunState::Waiting))],
    ]);
    let done: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true, false, true]);
    assert!(results.into_iter().filter(Result::is_err).all(conflicts));
    assert_eq!(ids(&store.history(&everything()).unwrap()), [2, 1]);
    let events = store.events(run_id(1)).unwrap();
    let what: Vec<_> = events.iter().map(|event| event.what.clone()).collect();
    assert_eq!(what, [came_to(RunState::Queued)]);
}

fn keep_the_last_mark_and_what_was_learned(store: &mut dyn Store) {
    let agent_facts = AgentFacts { longest_listing_delay: SignedDuration::from_millis(1500) };
    store
        .commit(&[
            Record::Job(job_row("nightly", 1).into()),
            Record::Job(job_row("hourly", 2).into()),
            Record::Job(job_row("nightly", 3).into()),
            Record::AgentFacts(AgentFacts::default()),
            Record::AgentFacts(agent_facts),
        ])
        .unwrap();
    let expected = [job_row("hourly", 2).into(), job_row("nightly", 3).into()];
    assert_eq!(store.job_rows().unwrap(), expected);
    let snapshot = store.load().unwrap();
    assert_eq!((snapshot.job_rows, snapshot.agent_facts), (expected.to_vec(), agent_facts));
}

fn keep_the_outbox_in_order_until_each_is_gone(store: &mut dyn Store) {
    store.commit(&[queued(alert(3)), queued(alert(1)), queued(alert(2))]).unwrap();
    let numbers = |store: &mut dyn Store| -> Vec<u64> {
        store.load().unwrap().alerts.iter().map(|alert| alert.number).collect()
    };
    assert_eq!(numbers(store), [1, 2, 3]);
    // A repeated record changes nothing, and a row that is gone may be removed again.
    let tried = QueuedAlert { tries: 1, last_error: Some("away".to_owned()), ..alert(2) };
    let gone = Record::AlertGone(alert(1).id);
    let told = Reported { agent_down: Some(at(1)), config_invalid: true, ..Reported::default() };
    store
        .commit(&[
            queued(tried.clone()),
            gone.clone(),
            gone,
            Record::Reported(told.clone()),
            queued(alert(3)),
        ])
        .unwrap();
    assert_eq!(numbers(store), [2, 3]);
    let snapshot = store.load().unwrap();
    assert_eq!((&*snapshot.alerts[0], snapshot.reported), (&tried, told));
    // Within one commit the last record counts.
    let gone = Record::AlertGone(alert(2).id);
    store.commit(&[queued(alert(4)), Record::AlertGone(alert(4).id), gone]).unwrap();
    assert_eq!(numbers(store), [3]);
}

fn keep_who_held_the_agents_port(store: &mut dyn Store) {
    assert_eq!(store.agent_user().unwrap(), None);
    for uid in [1000, u32::MAX] {
        store.save_agent_user(uid).unwrap();
        assert_eq!(store.agent_user().unwrap(), Some(uid));
    }
}

fn keep_the_last_job_set(store: &mut dyn Store) {
    for text in ["{\"jobs\":{}}", "{\"jobs\":{\"ä\":\"\\u0000\"}}", "{}", "{}"] {
        store.save_job_set(text).unwrap();
        assert_eq!(store.last_job_set().unwrap().as_deref(), Some(text));
    }
}

fn ended_runs(store: &mut dyn Store) {
    use RunState::{Failed, Skipped, Succeeded};
    let runs = [
        (1, "nightly", Succeeded),
        (2, "nightly", Succeeded), // its last success
        (3, "nightly", Failed),
        (4, "nightly", Failed), // its last run
        (5, "gone", Skipped),   // its only run
        (6, "hourly", Failed),
        (7, "hourly", Succeeded), // its last run and success
    ];
    for (n, job, state) in runs {
        store
            .commit(&[
                new_run(run(n, job, state)),
                put(attempt(n, 1, Phase::Closed, Some(n))),
                event(n, 0, RunState::Succeeded),
            ])
            .unwrap();
    }
}

fn forget_what_is_too_old(store: &mut dyn Store) {
    ended_runs(store);
    let policy = HistoryPolicy { keep: SignedDuration::from_secs(100), max_runs: 1000 };
    assert_eq!(store.prune(policy, at(101), 10).unwrap(), 0);
    // A run that ended exactly `keep` ago stays.
    assert_eq!(store.prune(policy, at(103), 10).unwrap(), 1);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [7, 6, 5, 4, 3, 2]);
    assert_eq!(store.prune(policy, at(9999), 1).unwrap(), 1);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [7, 6, 5, 4, 2]);
    assert_eq!(store.prune(policy, at(9999), 10).unwrap(), 1);
    assert_eq!(store.prune(policy, at(9999), 10).unwrap(), 0);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [7, 5, 4, 2]);
    // Their attempts and events are gone with them, and their transfers free.
    assert_eq!(store.events(run_id(1)).unwrap(), []);
    store.commit(&[put(attempt(2, 2, Phase::Closed, Some(1)))]).unwrap();
}

fn forget_what_is_too_much(store: &mut dyn Store) {
    ended_runs(store);
    let policy = |max_runs| HistoryPolicy { keep: SignedDuration::MAX, max_runs };
    assert_eq!(store.prune(policy(7), at(9999), 10).unwrap(), 0);
    assert_eq!(store.prune(policy(6), at(9999), 10).unwrap(), 1);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [7, 6, 5, 4, 3, 2]);
    assert_eq!(store.prune(policy(1), at(9999), 10).unwrap(), 2);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [7, 5, 4, 2]);
}

fn never_forget_the_last_run_behind_a_skip(store: &mut dyn Store) {
    let mut row = job_row("nightly", 5);
    row.last_run = Some(run_id(1));
    store
        .commit(&[
            new_run(run(1, "nightly", RunState::Failed)),
            new_run(run(2, "nightly", RunState::Skipped)),
            new_run(run(3, "nightly", RunState::Skipped)),
            Record::Job(row.into()),
        ])
        .unwrap();
    let policy = HistoryPolicy { keep: SignedDuration::ZERO, max_runs: 1 };
    assert_eq!(store.prune(policy, at(9999), 10).unwrap(), 1);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [3, 1]);
}

fn never_forget_what_is_unsettled(store: &mut dyn Store) {
    store
        .commit(&[
            new_run(run(1, "nightly", RunState::Running)),
            new_run(run(2, "nightly", RunState::TimedOut)),
            put(attempt(2, 1, Phase::Closed, None)),
            put(attempt(2, 2, Phase::GivenUp, None)),
            new_run(run(3, "nightly", RunState::Failed)),
            new_run(run(4, "nightly", RunState::Succeeded)),
        ])
        .unwrap();
    let policy = HistoryPolicy { keep: SignedDuration::ZERO, max_runs: 1 };
    assert_eq!(store.prune(policy, at(9999), 10).unwrap(), 1);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [4, 2, 1]);
    store.commit(&[put(attempt(2, 2, Phase::Closed, None))]).unwrap();
    assert_eq!(store.prune(policy, at(9999), 10).unwrap(), 1);
    assert_eq!(ids(&store.history(&everything()).unwrap()), [4, 1]);
}

fn prove_that_it_can_write(store: &mut dyn Store) {
    store.check_writable().unwrap();
    store.check_writable().unwrap();
    assert_eq!(store.load().unwrap(), Default::default());
    store.close().unwrap();
}
