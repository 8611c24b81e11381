//! What every store must do, store by store.

use jiff::{SignedDuration, Timestamp};

use super::sample::{
    alert, at, attempt, came_to, event, mark, new_run, put, queued, run, run_id, transfer_id, was,
};
use crate::core::alert::{QueuedAlert, Told};
use crate::core::ids::{AttemptId, JobName};
use crate::core::job::HistoryPolicy;
use crate::core::outcomes::Outcomes;
use crate::core::record::{Durable, Learned, Record};
use crate::core::run::{Phase, RunState};
use crate::store::query::{EVENTS_MAX, SEVERAL_MAX};
use crate::store::{HistoryQuery, Older, RunMatch, RunWithAttempts, Store, StoreError};

macro_rules! every_store_must {
    ($($behaviour:ident,)*) => {
        mod in_memory {
            $(#[test]
            fn $behaviour() {
                super::$behaviour(&mut crate::store::memory::MemoryStore::new());
            })*
        }
        mod on_sqlite {
            $(#[test]
            fn $behaviour() {
                let folder = crate::store::tests::sample::folder();
                let path = folder.path().join("transferd.db");
                super::$behaviour(&mut crate::store::sqlite::SqliteStore::open(&path).unwrap());
            })*
        }
    };
}

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
    tell_history_newest_first_and_page_by_page,
    go_on_behind_a_run_that_was_forgotten,
    filter_history_by_job_state_and_time,
    find_a_run_by_the_beginning_of_its_id,
    keep_events_in_the_order_of_recording,
    tell_of_all_runs_what_happened_after_an_event,
    bound_what_it_answers,
    tell_the_last_run_of_each_job,
    tell_the_runs_of_a_time_however_many_there_were,
    count_how_the_runs_of_each_day_ended,
    keep_the_last_mark_and_what_was_learned,
    keep_the_outbox_in_order_until_each_is_gone,
    keep_the_last_job_set,
    keep_who_held_the_agents_port,
    forget_what_is_too_old,
    forget_what_is_too_much,
    never_forget_what_is_unsettled,
    prove_that_it_can_write,
}

fn ids(history: &[RunWithAttempts]) -> Vec<u128> {
    history.iter().map(|found| found.run.id.0.as_u128()).collect()
}

fn everything() -> HistoryQuery {
    HistoryQuery { limit: 1000, ..HistoryQuery::default() }
}

fn conflicts(result: Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict(_)))
}

fn tell_the_runs_of_a_time_however_many_there_were(store: &mut dyn Store) {
    let mut at = |n: u128, time: Option<&str>, job: &str| {
        let mut run = run(n, job, RunState::Failed);
        run.scheduled_for = time.map(|time| time.parse().unwrap());
        store.commit(&[new_run(run)]).unwrap();
    };
    let (one, two) = ("2026-03-01T02:30:00Z", "2026-03-02T02:30:00Z");
    at(3, Some(one), "nightly");
    at(1, Some(two), "nightly");
    at(2, Some(one), "nightly");
    at(4, None, "nightly");
    at(5, Some(one), "hourly");
    let (one, two): (Timestamp, Timestamp) = (one.parse().unwrap(), two.parse().unwrap());
    let job = JobName::new("nightly");
    let found = |from, to, limit| -> Vec<u128> {
        let past = store.runs_of_time(&job, from, to, limit).unwrap();
        past.iter().map(|past| past.run.0.as_u128()).collect()
    };
    assert_eq!(found(one, one, 9), [3, 2]);
    assert_eq!(found(one, two, 9), [3, 1, 2]);
    assert_eq!(found(one, two, 1), [3]);
    assert_eq!(store.runs_of_time(&job, one, one, 1).unwrap()[0].state, RunState::Failed);
}

fn count_how_the_runs_of_each_day_ended(store: &mut dyn Store) {
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    let days = ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"].map(time);
    let mut made = 0;
    let mut create = |job: &str, at: &str, state| {
        made += 1;
        let mut run = run(made, job, state);
        run.created_at = time(at);
        store.commit(&[new_run(run)]).unwrap();
    };
    create("nightly", "2026-02-28T23:59:59Z", RunState::Failed);
    create("nightly", "2026-03-01T00:00:00Z", RunState::TimedOut);
    create("nightly", "2026-03-01T23:59:59Z", RunState::Succeeded);
    create("nightly", "2026-03-02T02:30:00Z", RunState::Running);
    create("nightly", "2026-03-03T00:00:00Z", RunState::Failed);
    create("hourly", "2026-03-02T00:00:00Z", RunState::Skipped);
    let [nightly, hourly, never] = ["nightly", "hourly", "never"].map(JobName::new);
    let none = Outcomes::default();
    let outcomes = store.outcomes(&[nightly, hourly, never], &days).unwrap();
    let first = Outcomes { failed: 1, succeeded: 1, ..none };
    assert_eq!(outcomes[0], [first, Outcomes { active: 1, ..none }]);
    assert_eq!(outcomes[1], [none, Outcomes { skipped: 1, ..none }]);
    assert_eq!(outcomes[2], [none, none]);
    assert_eq!(store.outcomes(&[], &days).unwrap(), Vec::<Vec<Outcomes>>::new());
}

fn be_empty_at_first(store: &mut dyn Store) {
    assert_eq!(store.load().unwrap(), Default::default());
    assert_eq!(store.history(&everything()).unwrap(), []);
    assert_eq!(store.run("0").unwrap(), RunMatch::None);
    assert_eq!(store.events(run_id(1)).unwrap(), []);
    assert_eq!(store.last_runs(&[JobName::new("nightly")]).unwrap(), []);
    assert_eq!(store.marks().unwrap(), []);
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
    let durable = store.load().unwrap();
    let runs: Vec<_> = durable.runs.iter().map(|run| (**run).clone()).collect();
    assert_eq!(runs, [over_with_open_attempt.clone(), unfinished.clone()]);
    let attempts: Vec<_> = durable.attempts.iter().map(|attempt| (**attempt).clone()).collect();
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
    assert_eq!(store.load().unwrap(), Durable { settled, ..Durable::default() });
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
            // What a run needs may be recorded before the run.
            event(1, 0, RunState::Waiting),
            put(attempt(1, 1, Phase::Intent, None)),
            new_run(waiting),
            was(RunState::Waiting, submitting),
            put(attempt(1, 1, Phase::Accepted, None)),
            was(RunState::Submitting, queued.clone()),
        ])
        .unwrap();
    let durable = store.load().unwrap();
    assert_eq!(*durable.runs[0], queued);
    assert_eq!(*durable.attempts[0], attempt(1, 1, Phase::Accepted, None));
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
        Record::Mark(mark("nightly", 5).into()),
        Record::Learned(Learned { longest_listing_delay: SignedDuration::from_secs(9) }),
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
    // Given back, it can be claimed, in the same commit too.
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

fn tell_history_newest_first_and_page_by_page(store: &mut dyn Store) {
    // 5 and 6 are created together; 6 is recorded first. 9 is recorded last, created first.
    for n in [2, 6, 5, 7] {
        let mut run = run(n, "nightly", RunState::Succeeded);
        run.created_at = at(if n == 6 { 5 } else { i64::try_from(n).unwrap() });
        store.commit(&[new_run(run), put(attempt(n, 1, Phase::Closed, Some(n)))]).unwrap();
    }
    let mut early = run(9, "hourly", RunState::Skipped);
    early.created_at = at(1);
    store.commit(&[new_run(early)]).unwrap();
    let all = store.history(&everything()).unwrap();
    assert_eq!(ids(&all), [7, 5, 6, 2, 9]);
    assert_eq!(*all[1].attempts[0], attempt(5, 1, Phase::Closed, Some(5)));
    assert_eq!(all[4].attempts, []);

    let mut query = HistoryQuery { limit: 2, ..HistoryQuery::default() };
    let mut pages = Vec::new();
    loop {
        let page = store.history(&query).unwrap();
        let Some(last) = page.last() else { break };
        query.before = Some(Older::than(&last.run));
        pages.push(ids(&page));
    }
    assert_eq!(pages, [vec![7, 5], vec![6, 2], vec![9]]);
    query = HistoryQuery { limit: 0, ..HistoryQuery::default() };
    assert_eq!(store.history(&query).unwrap(), []);
}

fn go_on_behind_a_run_that_was_forgotten(store: &mut dyn Store) {
    for n in [1, 2, 4] {
        store.commit(&[new_run(run(n, "nightly", RunState::Succeeded))]).unwrap();
    }
    let forgotten = run(3, "nightly", RunState::Succeeded);
    let query = HistoryQuery { before: Some(Older::than(&forgotten)), ..everything() };
    assert_eq!(ids(&store.history(&query).unwrap()), [2, 1]);
}

fn filter_history_by_job_state_and_time(store: &mut dyn Store) {
    let states = [RunState::Succeeded, RunState::Failed, RunState::Skipped, RunState::Waiting];
    for n in 1..=8_u128 {
        let job = if n % 2 == 0 { "even" } else { "odd" };
        let state = states[usize::try_from(n).unwrap() % states.len()];
        store.commit(&[new_run(run(n, job, state))]).unwrap();
    }
    let found = |query: HistoryQuery| ids(&store.history(&query).unwrap());
    let even = Some(JobName::new("even"));
    let failed = vec![RunState::Failed, RunState::Skipped];
    assert_eq!(found(HistoryQuery { job: even.clone(), ..everything() }), [8, 6, 4, 2]);
    assert_eq!(found(HistoryQuery { states: failed.clone(), ..everything() }), [6, 5, 2, 1]);
    assert_eq!(found(HistoryQuery { since: Some(at(7)), ..everything() }), [8, 7]);
    let all = HistoryQuery { job: even, states: failed, since: Some(at(3)), ..everything() };
    assert_eq!(found(all), [6]);
    assert_eq!(found(HistoryQuery { job: Some(JobName::new("none")), ..everything() }), []);
    let mut repeat = run(9, "odd", RunState::Failed);
    repeat.scheduled_for = run(3, "odd", RunState::Failed).scheduled_for;
    let scheduled_for = repeat.scheduled_for;
    assert!(scheduled_for.is_some());
    store.commit(&[new_run(repeat)]).unwrap();
    let of_time = HistoryQuery { scheduled_for, ..everything() };
    assert_eq!(ids(&store.history(&of_time).unwrap()), [9, 3]);
}

fn find_a_run_by_the_beginning_of_its_id(store: &mut dyn Store) {
    let near = |last: u128| 0xabcd_0000_0000_0000_0000_0000_0000_0000 + last;
    for (n, id) in [near(1), near(2), 0x1234 << 112].into_iter().enumerate() {
        let mut run = run(n as u128 + 1, "nightly", RunState::Running);
        run.id = run_id(id);
        store.commit(&[new_run(run)]).unwrap();
    }
    let one = |text: &str| match store.run(text).unwrap() {
        RunMatch::One(found) => Some(found.run.id),
        RunMatch::None | RunMatch::Several(_) => None,
    };
    assert_eq!(one(&run_id(near(2)).to_string()), Some(run_id(near(2))));
    assert_eq!(one("12"), Some(run_id(0x1234 << 112)));
    assert_eq!(one("12340000-0"), Some(run_id(0x1234 << 112)));
    assert_eq!(
        store.run("ABCD").unwrap(),
        RunMatch::Several(vec![run_id(near(1)), run_id(near(2))])
    );
    for unknown in ["abce", "", "nightly", "%", "abcd00000000-0000-0000-000000000000-3"] {
        assert_eq!(store.run(unknown).unwrap(), RunMatch::None, "{unknown}");
    }
}

fn tell_of_all_runs_what_happened_after_an_event(store: &mut dyn Store) {
    assert_eq!((store.last_event().unwrap(), store.happened(0, 10).unwrap()), (0, Vec::new()));
    store
        .commit(&[new_run(run(1, "nightly", RunState::Waiting)), event(1, 9, RunState::Waiting)])
        .unwrap();
    store
        .commit(&[new_run(run(2, "hourly", RunState::Waiting)), event(2, 3, RunState::Waiting)])
        .unwrap();
    store.commit(&[event(1, 4, RunState::Queued)]).unwrap();
    let told = |after, limit| -> Vec<_> {
        let happened = store.happened(after, limit).unwrap();
        let told = happened.into_iter();
        told.map(|one| (one.id, one.job.to_string(), one.event.run, one.event.what)).collect()
    };
    let of = |id, job: &str, run, state| (id, job.to_owned(), run_id(run), came_to(state));
    let all = [
        of(1, "nightly", 1, RunState::Waiting),
        of(2, "hourly", 2, RunState::Waiting),
        of(3, "nightly", 1, RunState::Queued),
    ];
    assert_eq!(told(0, 10), all);
    assert_eq!(told(1, 1), all[1..2]);
    assert_eq!(told(3, 10), []);
    assert_eq!(store.last_event().unwrap(), 3);
}

fn keep_events_in_the_order_of_recording(store: &mut dyn Store) {
    store
        .commit(&[new_run(run(1, "nightly", RunState::Waiting)), event(1, 9, RunState::Waiting)])
        .unwrap();
    // The clock was set back in between.
    store.commit(&[event(1, 3, RunState::Submitting), event(1, 4, RunState::Queued)]).unwrap();
    let events = store.events(run_id(1)).unwrap();
    let told: Vec<_> = events.into_iter().map(|event| (event.at, event.what)).collect();
    assert_eq!(
        told,
        [
            (at(9), came_to(RunState::Waiting)),
            (at(3), came_to(RunState::Submitting)),
            (at(4), came_to(RunState::Queued)),
        ]
    );
}

fn bound_what_it_answers(store: &mut dyn Store) {
    let runs = (1..=SEVERAL_MAX as u128 + 1).map(|n| new_run(run(n, "nightly", RunState::Failed)));
    store.commit(&runs.collect::<Vec<_>>()).unwrap();
    let first: Vec<_> = (1..=SEVERAL_MAX as u128).map(run_id).collect();
    assert_eq!(store.run("0").unwrap(), RunMatch::Several(first));

    let seconds = 0..=i64::try_from(EVENTS_MAX).unwrap();
    let events = seconds.map(|second| event(1, second, RunState::Waiting));
    store.commit(&events.collect::<Vec<_>>()).unwrap();
    let events = store.events(run_id(1)).unwrap();
    assert_eq!((events.len(), events[0].at), (EVENTS_MAX, at(1)), "the latest are told");
}

fn tell_the_last_run_of_each_job(store: &mut dyn Store) {
    // Run 1 is recorded last, by a clock that was set back.
    for (n, job) in [(2, "nightly"), (3, "hourly"), (1, "nightly")] {
        store
            .commit(&[
                new_run(run(n, job, RunState::Failed)),
                put(attempt(n, 1, Phase::Closed, None)),
            ])
            .unwrap();
    }
    let jobs = ["hourly", "never", "nightly"].map(JobName::new);
    let last = store.last_runs(&jobs).unwrap();
    assert_eq!(ids(&last), [3, 1]);
    assert_eq!(last[1].attempts.len(), 1);
}

fn keep_the_last_mark_and_what_was_learned(store: &mut dyn Store) {
    let learned = Learned { longest_listing_delay: SignedDuration::from_millis(1500) };
    store
        .commit(&[
            Record::Mark(mark("nightly", 1).into()),
            Record::Mark(mark("hourly", 2).into()),
            Record::Mark(mark("nightly", 3).into()),
            Record::Learned(Learned::default()),
            Record::Learned(learned),
        ])
        .unwrap();
    let expected = [mark("hourly", 2).into(), mark("nightly", 3).into()];
    assert_eq!(store.marks().unwrap(), expected);
    let durable = store.load().unwrap();
    assert_eq!((durable.marks, durable.learned), (expected.to_vec(), learned));
}

fn keep_the_outbox_in_order_until_each_is_gone(store: &mut dyn Store) {
    store.commit(&[queued(alert(3)), queued(alert(1)), queued(alert(2))]).unwrap();
    let numbers = |store: &mut dyn Store| -> Vec<u64> {
        store.load().unwrap().alerts.iter().map(|alert| alert.number).collect()
    };
    assert_eq!(numbers(store), [1, 2, 3]);
    // A replay doubles none, and a row that is gone may go again.
    let tried = QueuedAlert { tries: 1, last_error: Some("away".to_owned()), ..alert(2) };
    let gone = Record::AlertGone(alert(1).id);
    let told = Told { agent_down: Some(at(1)), config_invalid: true, ..Told::default() };
    store
        .commit(&[queued(tried.clone()), gone.clone(), gone, Record::Told(told), queued(alert(3))])
        .unwrap();
    assert_eq!(numbers(store), [2, 3]);
    let durable = store.load().unwrap();
    assert_eq!((&*durable.alerts[0], durable.told), (&tried, told));
    // In one commit the last word counts.
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
    // What ended exactly `keep` ago stays.
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
