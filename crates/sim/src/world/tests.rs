//! The world behaves as the vendor's page says an agent does, and one seed decides everything.

use jiff::{SignedDuration, Timestamp};

use transferd_engine::place::{Place, TransferRequest};
use transferd_engine::transfer::{AgentState, TransferStatus};

use super::*;

const TOKEN: &str = WorldOptions::DEFAULT_TOKEN;

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn seconds(seconds: i64) -> Span {
    Span::exactly(SignedDuration::from_secs(seconds))
}

fn options() -> WorldOptions {
    WorldOptions {
        pick_up: seconds(10),
        duration: seconds(100),
        cancel_takes: seconds(5),
        ..WorldOptions::default()
    }
}

fn request(path: &str) -> TransferRequest {
    let place = |account, path: &str| Place {
        account,
        bucket: "bucket".to_owned(),
        bucket_id: String::new(),
        path: path.to_owned(),
        id: String::new(),
    };
    TransferRequest {
        source: place(WorldOptions::PRODUCTION, "in/"),
        destination: place(WorldOptions::ARCHIVE, path),
        allow_skip: true,
        keep_source_tree: false,
    }
}

fn post(world: &mut World, path: &str, now: Timestamp) -> transferd_engine::ids::TransferId {
    let result = world.post_transfer(TOKEN, &request(path), now);
    assert_eq!(result.reply.outcome, Outcome::Answer(()));
    world.post(result.number).and_then(|fact| fact.transfer).unwrap()
}

fn listed(world: &mut World, now: Timestamp) -> Vec<transferd_engine::ids::TransferId> {
    let page = world.get_all(TOKEN, ListQuery::default(), now).outcome.answer().unwrap();
    page.records.iter().map(|listed| listed.id).collect()
}

#[test]
fn a_transfer_is_not_listed_until_it_is_picked_up() {
    let mut world = World::new(options(), 1, start());
    let id = post(&mut world, "out/", start());
    assert_eq!(listed(&mut world, after(9)), []);
    assert_eq!(listed(&mut world, after(10)), [id]);
    assert_eq!(world.transfer(id).unwrap().status, TransferStatus::Running);
    world.advance(after(60));
    let half = world.transfer(id).unwrap().progress(after(60));
    assert!((half.percent - 50.0).abs() < 0.2, "{half:?}");
    world.advance(after(110));
    assert_eq!(world.transfer(id).unwrap().status, TransferStatus::Completed);
    assert_eq!(world.transfer(id).unwrap().ended_at, Some(after(110)));
    assert_eq!(world.next_event(), None);
}

#[test]
fn only_a_running_transfer_can_be_canceled_by_the_api() {
    let mut world = World::new(options(), 1, start());
    let id = post(&mut world, "out/", start());
    let cancel = |world: &mut World, now| world.cancel(TOKEN, id, now).outcome;
    assert_eq!(cancel(&mut world, after(1)), Outcome::Problem(ProblemCode::NotFound));
    assert!(world.pause(id, after(20)));
    assert_eq!(cancel(&mut world, after(21)), Outcome::Problem(ProblemCode::Transfer));
    assert!(world.resume(id, after(30)));
    assert_eq!(cancel(&mut world, after(31)), Outcome::Answer(()));
    assert_eq!(world.transfer(id).unwrap().status, TransferStatus::Canceling);
    world.advance(after(36));
    assert_eq!(world.transfer(id).unwrap().status, TransferStatus::Canceled);
    assert_eq!(cancel(&mut world, after(40)), Outcome::Problem(ProblemCode::Transfer));
    let by = By::Client(WorldOptions::DEFAULT_USER);
    assert_eq!(world.transfer(id).unwrap().cancels, [CancelFact { at: after(31), by }]);
}

#[test]
fn faults_say_whether_the_agent_acted() {
    for (fault, outcome, acts) in [
        (Fault::LoseBefore, Outcome::Dropped, false),
        (Fault::LoseAfter, Outcome::Dropped, true),
        (Fault::ErrorBefore, Outcome::ServerError, false),
        (Fault::ErrorAfter, Outcome::ServerError, true),
        (Fault::StallAfter, Outcome::Stalled, true),
        (Fault::Unauthorized, Outcome::Unauthorized, false),
        (Fault::Problem(ProblemCode::Access), Outcome::Problem(ProblemCode::Access), false),
        (
            Fault::ProblemAfter(ProblemCode::TransferC2c),
            Outcome::Problem(ProblemCode::TransferC2c),
            true,
        ),
    ] {
        let mut world = World::new(options(), 1, start());
        world.plan_fault(PlannedFault { endpoint: Endpoint::Post, fault, times: 1, skip: 0 });
        let result = world.post_transfer(TOKEN, &request("out/"), start());
        assert_eq!(result.reply.outcome, outcome, "{fault:?}");
        assert_eq!(world.transfers().count(), usize::from(acts), "{fault:?}");
        post(&mut world, "out/", start());
    }
}

#[test]
fn a_late_post_is_accepted_after_its_connection_died() {
    let mut world = World::new(options(), 1, start());
    let fault = Fault::Late(SignedDuration::from_secs(40));
    world.plan_fault(PlannedFault { endpoint: Endpoint::Post, fault, times: 1, skip: 0 });
    let result = world.post_transfer(TOKEN, &request("out/"), start());
    assert_eq!(result.reply.outcome, Outcome::Dropped);
    assert_eq!(world.transfers().count(), 0);
    world.advance(after(40));
    let late = world.post(result.number).and_then(|fact| fact.transfer).unwrap();
    assert_eq!(world.transfer(late).unwrap().requested_at, after(40));
}

#[test]
fn a_restart_loses_created_transfers_and_refuses_connections_meanwhile() {
    let mut options = options();
    options.people.restart_loses_created = 1.0;
    options.people.restart_fails_running = 0.0;
    let mut world = World::new(options, 1, start());
    let running = post(&mut world, "one/", start());
    let created = post(&mut world, "two/", after(15));
    world.go_down(after(16));
    assert_eq!(world.agent_status(after(17)).outcome, Outcome::NotReached);
    world.come_back(after(116));
    assert_eq!(listed(&mut world, after(120)), [running]);
    assert!(world.transfer(created).unwrap().gone);
    // It stood still while the agent was away.
    world.advance(after(209));
    assert_eq!(world.transfer(running).unwrap().status, TransferStatus::Running);
    world.advance(after(210));
    assert_eq!(world.transfer(running).unwrap().status, TransferStatus::Completed);
}

#[test]
fn a_paused_agent_takes_transfers_and_picks_none_up() {
    let mut world = World::new(options(), 1, start());
    world.set_agent_state(AgentState::Paused, start());
    let id = post(&mut world, "out/", start());
    assert_eq!(listed(&mut world, after(3_600)), []);
    world.set_agent_state(AgentState::Started, after(3_600));
    assert_eq!(listed(&mut world, after(3_610)), [id]);
}

#[test]
fn a_signed_out_or_disposed_agent_takes_no_token() {
    let mut world = World::new(options(), 1, start());
    world.set_agent_state(AgentState::Created, start());
    assert_eq!(world.user(TOKEN, start()).outcome, Outcome::Unauthorized);
    world.set_agent_state(AgentState::Disposed, start());
    assert_eq!(world.user(TOKEN, start()).outcome, Outcome::Problem(ProblemCode::Disposed));
    world.set_agent_state(AgentState::Started, start());
    assert_eq!(world.user("other", start()).outcome, Outcome::Unauthorized);
    assert!(matches!(world.user(TOKEN, start()).outcome, Outcome::Answer(_)));
}

#[test]
fn pages_shift_when_the_list_grows_at_its_head() {
    let mut world = World::new(options(), 1, start());
    for number in 0..5 {
        post(&mut world, &format!("{number}/"), after(number));
    }
    let page = |world: &mut World, page, now| {
        let query = ListQuery { page, page_size: 2, ..ListQuery::default() };
        world.get_all(TOKEN, query, now).outcome.answer().unwrap()
    };
    let first = page(&mut world, 1, after(13));
    assert_eq!((first.records.len(), first.total), (2, 4));
    let second = page(&mut world, 2, after(14));
    assert_eq!(second.total, 5);
    assert_eq!(second.records[0], first.records[1], "the same record is read twice");
}

#[test]
fn endings_are_as_scripted() {
    let mut options = options();
    for (name, ending) in
        [("partial", Ending::Partial), ("empty", Ending::Empty), ("stall", Ending::Stall)]
    {
        let script =
            Script { destination: name.to_owned(), ending: Some(ending), ..Script::default() };
        options.scripts.push(script);
    }
    options.scripts.push(Script {
        destination: "second".to_owned(),
        skip: 1,
        times: Some(1),
        ending: Some(Ending::Error),
        ..Script::default()
    });
    let mut world = World::new(options, 1, start());
    let partial = post(&mut world, "partial/", start());
    let empty = post(&mut world, "empty/", start());
    let stall = post(&mut world, "stall/", start());
    let good = post(&mut world, "second/", start());
    let bad = post(&mut world, "second/", start());
    let again = post(&mut world, "second/", start());
    world.advance(after(100_000));
    let state = |id| {
        let found = world.transfer(id).unwrap();
        (found.status, found.progress(after(100_000)))
    };
    assert!(state(partial).1.objects_failed > 0);
    assert_eq!(state(partial).0, TransferStatus::Completed);
    assert_eq!((state(empty).0, state(empty).1.objects_total), (TransferStatus::Completed, 0));
    assert_eq!(state(stall).0, TransferStatus::Running);
    assert_eq!(state(good).0, TransferStatus::Completed);
    assert_eq!(state(bad).0, TransferStatus::Error);
    assert_eq!(state(again).0, TransferStatus::Completed);
}

/// A world with every kind of event.
fn busy() -> WorldOptions {
    let mut options = options();
    options.pick_up = Span::millis(1, 600_000);
    options.duration = Span::millis(10, 7_200_000);
    options.endings = Endings { partial: 0.1, empty: 0.1, error: 0.1, stall: 0.1, vanish: 0.1 };
    options.faults.post_lost_after = 0.2;
    options.faults.post_late = 0.2;
    options.people.act_every = Some(SignedDuration::from_secs(60));
    options.people.foreign_every = Some(SignedDuration::from_secs(60));
    options.people.restart_every = Some(SignedDuration::from_secs(900));
    options.people.status_change_every = Some(SignedDuration::from_secs(900));
    options.people.forget_after = Some(SignedDuration::from_secs(3_600));
    options
}

#[test]
fn one_seed_decides_everything_also_across_a_restart_of_the_simulator() {
    let play = |restart: bool| {
        let mut world = World::new(busy(), 7, start());
        for step in 0..200 {
            let _ =
                world.post_transfer(TOKEN, &request(&format!("{}/", step % 7)), after(step * 30));
            if restart && step == 100 {
                let kept = serde_json::to_vec(&world).unwrap();
                world = serde_json::from_slice(&kept).unwrap();
            }
        }
        world.advance(after(20_000));
        serde_json::to_string(&world).unwrap()
    };
    assert!(play(false) == play(false), "the same seed and calls end alike");
    assert!(play(false) == play(true), "and so they do when the state was kept and taken up");
}

#[test]
fn what_is_listed_is_what_is_known_and_was_picked_up() {
    for seed in 0..20 {
        let mut world = World::new(busy(), seed, start());
        for step in 0..200 {
            let now = after(step * 45);
            let _ = world.post_transfer(TOKEN, &request("out/"), now);
            let shown = world.page(ListQuery { page_size: 10_000, ..ListQuery::default() });
            let known: std::collections::BTreeSet<_> =
                world.transfers().filter(|found| found.listed).map(|found| found.id).collect();
            assert_eq!(
                shown
                    .records
                    .iter()
                    .map(|listed| listed.id)
                    .collect::<std::collections::BTreeSet<_>>(),
                known
            );
            for found in world.transfers() {
                assert!(!found.listed || found.started_at.is_some());
                assert!(!(found.listed && found.gone));
                let fraction = found.fraction(now);
                assert!((0.0..=1.0).contains(&fraction), "{found:?}");
            }
        }
    }
}

#[test]
fn a_quiet_world_ends_all_that_can_end() {
    let mut world = World::new(busy(), 3, start());
    for step in 0..100 {
        let _ = world.post_transfer(TOKEN, &request("out/"), after(step * 30));
    }
    world.quiet(after(3_000));
    world.advance(after(1_000_000));
    assert_eq!(world.next_event(), None);
}

#[test]
fn login_with_a_one_time_code_gives_a_token_that_expires() {
    let mut options = options();
    options.users[0].totp_secret = Some("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
    let mut world = World::new(options, 1, start());
    let name = "operator@example.com";
    assert_eq!(
        world.login(name, "wrong", 32, start()).outcome,
        Outcome::Problem(ProblemCode::Auth)
    );
    let asked = world.login(name, "password", 32, start()).outcome.answer().unwrap();
    assert_eq!((asked.jwt_token.as_str(), asked.challenge), ("", 1));
    assert_eq!(
        world.mfa_respond("000000", &asked.session, start()).outcome,
        Outcome::Problem(ProblemCode::Totp)
    );
    let totp = totp_rs::Builder::new().with_secret(*b"12345678901234567890").build().unwrap();
    let code = totp.generate(start().as_second().unsigned_abs()).to_string();
    let signed_in = world.mfa_respond(&code, &asked.session, start()).outcome.answer().unwrap();
    let jwt = signed_in.jwt_token;
    assert!(matches!(world.user(&jwt, after(3_600)).outcome, Outcome::Answer(_)));
    let minted = world.insert_api_token(&jwt, "daemon", None, after(10)).outcome.answer().unwrap();
    assert_eq!(world.user(&jwt, after(13 * 3_600)).outcome, Outcome::Unauthorized);
    assert!(matches!(world.user(&minted.token, after(13 * 3_600)).outcome, Outcome::Answer(_)));
}

#[test]
fn a_transfer_takes_as_long_as_is_set_before_its_pick_up() {
    let mut world = World::new(options(), 1, start());
    let id = post(&mut world, "out/", start());
    world.set_duration(id, SignedDuration::from_secs(30));
    world.advance(after(15));
    world.set_duration(id, SignedDuration::from_secs(900));
    world.advance(after(39));
    assert!(world.transfer(id).is_some_and(SimTransfer::is_active));
    world.advance(after(40));
    assert_eq!(world.transfer(id).map(|found| found.status), Some(TransferStatus::Completed));
}

#[test]
fn only_what_is_over_is_discarded_and_then_nothing_is_left_of_it() {
    let mut world = World::new(options(), 1, start());
    let id = post(&mut world, "out/", start());
    world.advance(after(20));
    world.discard(id);
    assert_eq!(listed(&mut world, after(20)), [id]);
    world.advance(after(200));
    world.discard(id);
    assert!(listed(&mut world, after(200)).is_empty());
    assert!(world.transfer(id).is_none());
    assert_eq!(world.posts().count(), 0);
}
