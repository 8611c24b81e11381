//! Tests for every store: the answers to queries.

use jiff::Timestamp;

use super::sample::{at, attempt, came_to, event, everything, ids, new_run, put, run, run_id};
use crate::core::ids::JobName;
use crate::core::outcomes::Outcomes;
use crate::core::run::{Phase, RunState};
use crate::store::query::{EVENTS_MAX, SEVERAL_MAX};
use crate::store::{HistoryQuery, Older, RunMatch, Store};

every_store_must! {
    list_history_newest_first_and_page_by_page,
    go_on_behind_a_run_that_was_forgotten,
    filter_history_by_job_state_and_time,
    find_a_run_by_the_beginning_of_its_id,
    keep_events_in_the_order_of_recording,
    list_of_all_runs_what_happened_after_an_event,
    bound_what_it_answers,
    find_the_last_run_of_each_job,
    find_the_runs_of_a_time_however_many_there_were,
    count_how_the_runs_of_each_day_ended,
}

fn list_history_newest_first_and_page_by_page(store: &mut dyn Store) {
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

fn list_of_all_runs_what_happened_after_an_event(store: &mut dyn Store) {
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

fn find_the_last_run_of_each_job(store: &mut dyn Store) {
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

fn find_the_runs_of_a_time_however_many_there_were(store: &mut dyn Store) {
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
