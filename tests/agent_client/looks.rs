//! Looks: what they bring, and when they prove absence.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use transferd::core::ids::{TransferId, UserId};
use transferd::core::transfer::{AgentState, LookFailure, LookRequest, Transfer, TransferStatus};
use uuid::Uuid;

use crate::scripted::*;

const START: &str = "2026-11-23T20:00:00Z";

pub(crate) fn look_request() -> LookRequest {
    LookRequest {
        since: START.parse().unwrap(),
        fingerprints: BTreeSet::from([request().fingerprint()]),
        transfers: BTreeSet::new(),
        requests: [request()].into(),
    }
}

/// A record between our places, requested `seconds` after [`START`].
fn record(id: u128, seconds: i64) -> String {
    let at = START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds);
    format!(
        r#"{{"id":"{}","userId":"{}","sourceCloudAccountId":"{}","sourceBucket":"footage",
        "sourcePath":"dailies/","destinationCloudAccountId":"{}","destinationBucket":"cold",
        "destinationPath":"x/","allowSkip":true,"transferStatus":2,"requestDate":"{at}"}}"#,
        Uuid::from_u128(id),
        Uuid::from_u128(77),
        Uuid::from_u128(1),
        Uuid::from_u128(2),
    )
}

fn page_of(records: impl IntoIterator<Item = String>, total: usize) -> String {
    let data: Vec<String> = records.into_iter().collect();
    format!(r#"{{"data":[{}],"total":{total}}}"#, data.join(","))
}

/// The value of a query parameter.
fn parameter(line: &str, name: &str) -> usize {
    let start = line.find(&format!("{name}=")).unwrap() + name.len() + 1;
    line[start..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// An agent whose pages are what `pages` says for a page's number and how often it was read.
async fn listing(pages: impl Fn(usize, usize) -> Act + Send + Sync + 'static) -> Agent {
    let readings: Mutex<Vec<usize>> = Mutex::default();
    Agent::play(move |line, _| {
        if line.contains("/management/agent_status") {
            ok("1")
        } else if line.contains("/authentication/user") {
            ok(&format!(r#"{{"userId":"{}"}}"#, Uuid::from_u128(77)))
        } else {
            assert!(line.contains("sortfield=RequestDate&descending=true&type=15"));
            let page = parameter(line, "page");
            let mut readings = readings.lock().unwrap();
            readings.push(page);
            let times = readings.iter().filter(|read| **read == page).count();
            pages(page, times)
        }
    })
    .await
}

fn ids(transfers: &[Transfer]) -> BTreeSet<u128> {
    transfers.iter().map(|transfer| transfer.id.0.as_u128()).collect()
}

#[tokio::test]
async fn a_single_page_is_complete_by_itself() {
    let agent = listing(|_, _| ok(&page_of([record(2, 20), record(1, 10)], 2))).await;
    let client = agent.client();
    let look = client.look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!(look.agent, AgentState::Started);
    assert_eq!(look.user, Some(UserId(Uuid::from_u128(77))));
    assert_eq!(ids(&look.transfers), BTreeSet::from([1, 2]));
    assert!(look.began_at <= look.as_of);
    assert_eq!(agent.count("get_all"), 1);
    // The user is asked for once for each token.
    client.look(&look_request()).await.unwrap();
    assert_eq!(agent.count("/authentication/user"), 1);
}

#[tokio::test]
async fn an_empty_list_is_complete() {
    let agent = listing(|_, _| ok(r#"{"data":[],"total":0,"options":null}"#)).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete() && look.transfers.is_empty());
}

#[tokio::test]
async fn only_wanted_records_are_kept() {
    let other = record(3, 5).replace("footage", "elsewhere");
    let by_id = record(4, 4).replace("footage", "elsewhere");
    let near_miss = record(5, 3).replace("dailies/", "Dailies");
    let page = page_of([record(1, 10), other, by_id, near_miss], 4);
    let agent = listing(move |_, _| ok(&page)).await;
    let request = LookRequest {
        fingerprints: BTreeSet::from([request().fingerprint(), request().loose_fingerprint()]),
        transfers: BTreeSet::from([TransferId(Uuid::from_u128(4))]),
        ..look_request()
    };
    let look = agent.client().look(&request).await.unwrap();
    assert_eq!(ids(&look.transfers), BTreeSet::from([1, 4, 5]));
}

/// A list of `length` records, the newest (id `length`) first, in pages of `size`.
fn list(length: usize, size: usize) -> impl Fn(usize) -> String {
    move |page| {
        let skipped = (page - 1) * size;
        let records = (skipped..length.min(skipped + size)).map(|index| {
            let id = u32::try_from(length - index).unwrap();
            record(id.into(), id.into())
        });
        page_of(records, length)
    }
}

#[tokio::test]
async fn all_pages_are_read_and_the_first_once_more() {
    let pages = list(450, 200);
    let agent = listing(move |page, _| ok(&pages(page))).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!(look.transfers.len(), 450);
    assert_eq!(agent.count("get_all"), 4);
}

#[rstest]
#[case(450)]
#[case(100)]
#[case(50)]
#[tokio::test]
async fn an_ignored_page_size_hides_nothing(#[case] length: usize) {
    let pages = list(length, 50);
    let agent = listing(move |page, _| ok(&pages(page))).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!(look.transfers.len(), length);
}

#[tokio::test]
async fn a_smaller_page_size_that_the_agent_admits_hides_nothing() {
    let pages = list(30, 10);
    let options = r#""total":10,"options":{"PageSize":10}"#;
    let agent = listing(move |page, _| ok(&pages(page).replace(r#""total":30"#, options))).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete(), "`total` is wrong, but stands still");
    assert_eq!(look.transfers.len(), 30);
}

#[tokio::test]
async fn reading_ends_where_records_are_too_old() {
    // Newest first, from 100 s after the start to 99 s before it, and on.
    let agent = listing(|page, _| {
        let from = i64::try_from(page - 1).unwrap() * 200;
        let records = (from..from + 200).map(|n| record(1 + u128::try_from(n).unwrap(), 100 - n));
        ok(&page_of(records, 5000))
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!(agent.count("get_all"), 1);
}

#[tokio::test]
async fn records_that_are_not_sorted_or_have_no_date_end_nothing() {
    let dateless = |id| record(id, 5).replace("requestDate", "x");
    for odd in [
        // An old record on top: the order can't be trusted.
        [record(1, -9000), record(2, 10), record(3, -9000)],
        [dateless(1), dateless(2), dateless(3)],
    ] {
        let agent = listing(move |page, _| match page {
            1 => ok(&page_of(odd.clone().into_iter().chain((4..=200).map(dateless)), 201)),
            _ => ok(&page_of([record(999, 10)], 201)),
        })
        .await;
        let look = agent.client().look(&look_request()).await.unwrap();
        assert!(look.is_complete() && ids(&look.transfers).contains(&999));
    }
}

/// A `Date` header of a clock that is so many seconds behind.
fn date_behind(seconds: i64) -> String {
    let at = transferd::clock::now() - SignedDuration::from_secs(seconds);
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    format!("Date: {}\r\n", printer.timestamp_to_rfc9110_string(&at).unwrap())
}

#[tokio::test]
async fn an_agent_whose_clock_is_behind_is_read_deeper() {
    let agent = listing(move |page, _| {
        let records = match page {
            1 => (1..=200).map(|id| record(id, -1800)).collect(),
            2 => vec![record(999, -3500)],
            _ => Vec::new(),
        };
        answer(200, &date_behind(3600), &page_of(records, 201))
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(ids(&look.transfers).contains(&999));
    let offset = look.clock_offset.unwrap();
    assert!((offset + SignedDuration::from_secs(3600)).abs() < SignedDuration::from_secs(30));
}

#[tokio::test]
async fn a_clock_that_is_right_has_no_offset_and_without_a_date_there_is_none_to_tell() {
    let agent = listing(|_, _| answer(200, &date_behind(0), &page_of([], 0))).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert_eq!(look.clock_offset, Some(SignedDuration::ZERO));
    let agent = listing(|_, _| ok(&page_of([], 0))).await;
    assert_eq!(agent.client().look(&look_request()).await.unwrap().clock_offset, None);
}

#[tokio::test]
async fn a_list_that_grows_while_it_is_read_proves_absence() {
    // A record comes after page 1 was read: page 2 starts with one that was read already.
    let (before, after) = (list(300, 200), list(301, 200));
    let agent = listing(move |page, times| match (page, times) {
        (1, 1) => ok(&before(1)),
        _ => ok(&after(page)),
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!(look.transfers.len(), 301, "each once, and the new one too");
}

#[tokio::test]
async fn a_list_that_grows_at_each_request_proves_absence() {
    let asked = Mutex::new(0);
    let agent = listing(move |page, _| {
        let mut asked = asked.lock().unwrap();
        *asked += 3;
        ok(&list(500 + *asked, 50)(page))
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete(), "{:?}", look.incomplete);
    assert!(look.transfers.len() >= 503);
}

#[tokio::test]
async fn a_page_that_fails_leaves_what_was_read_before_it() {
    let pages = list(300, 200);
    let agent = listing(move |page, _| match page {
        1 => ok(&pages(1)),
        _ => answer(500, "", ""),
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    let incomplete = look.incomplete.unwrap();
    assert_eq!(look.transfers.len(), 200);
    assert!(incomplete.words().contains("500"), "{}", incomplete.words());
    assert!(incomplete.words().contains("200 of 300 records"), "{}", incomplete.words());
}

#[tokio::test]
async fn a_head_that_changed_under_the_same_total_is_noticed() {
    let pages = list(300, 200);
    let agent = listing(move |page, times| {
        let text = pages(page);
        let moved = page == 1 && times == 2;
        ok(&if moved { text.replacen("00000000012c", "000000009999", 1) } else { text })
    })
    .await;
    assert!(!agent.client().look(&look_request()).await.unwrap().is_complete());
}

#[tokio::test]
async fn of_a_record_read_twice_the_later_reading_counts() {
    let pages = list(300, 200);
    let agent = listing(move |page, times| {
        let text = pages(page);
        let later = page == 1 && times == 2;
        ok(&if later { text.replace("\"transferStatus\":2", "\"transferStatus\":4") } else { text })
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    let newest = look.transfers.iter().find(|t| t.id.0.as_u128() == 300).unwrap();
    assert_eq!(newest.status, TransferStatus::Completed);
}

#[tokio::test]
async fn an_agent_that_serves_the_same_page_for_ever_ends_incomplete() {
    let pages = list(200, 200);
    let agent = listing(move |_, _| ok(&pages(1))).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(!look.is_complete());
    assert_eq!(look.transfers.len(), 200);
}

#[tokio::test]
async fn a_long_list_is_read_to_its_end_however_many_pages_that_takes() {
    let pages = list(6_500, 50);
    let agent = listing(move |page, _| ok(&pages(page))).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!(look.transfers.len(), 6_500);
}

#[tokio::test]
async fn an_unreadable_record_that_may_be_ours_makes_a_look_incomplete() {
    let broken = record(2, 20).replace(&Uuid::from_u128(2).to_string(), "?");
    let page = page_of([broken, record(1, 10)], 2);
    let agent = listing(move |_, _| ok(&page)).await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(!look.is_complete());
    assert_eq!(ids(&look.transfers), BTreeSet::from([1]));
}

#[rstest]
#[case("0", AgentState::Created, false)]
#[case("1", AgentState::Started, true)]
#[case("2", AgentState::Stopped, false)]
#[case("4", AgentState::Paused, false)]
#[case("8", AgentState::Disposed, false)]
#[case("77", AgentState::Unknown, true)]
#[tokio::test]
async fn only_an_agent_at_work_or_one_that_can_not_be_asked_proves_absence(
    #[case] status: &'static str,
    #[case] state: AgentState,
    #[case] complete: bool,
) {
    let agent = Agent::play(move |line, _| {
        ok(if line.contains("agent_status") { status } else { r#"{"data":[]}"# })
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert_eq!((look.agent, look.is_complete()), (state, complete));
}

#[tokio::test]
async fn an_agent_without_a_status_or_a_user_is_looked_at_all_the_same() {
    let agent = Agent::play(|line, _| match line {
        line if line.contains("get_all") => ok(&page_of([record(1, 1)], 1)),
        _ => answer(404, "", ""),
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert!(look.is_complete());
    assert_eq!((look.agent, look.user), (AgentState::Unknown, None));
}

#[rstest]
#[case::broken(answer(500, "", ""))]
#[case::silent(Act::Stall)]
#[case::reset(Act::Reset)]
#[tokio::test]
async fn a_user_that_can_not_be_told_holds_up_looks_only_for_a_while(#[case] act: Act) {
    let agent = Agent::play(move |line, _| match line {
        line if line.contains("authentication/user") => act.clone(),
        line if line.contains("agent_status") => ok("1"),
        _ => ok(&page_of([], 0)),
    })
    .await;
    let client = agent.hasty_client();
    for _ in 0..2 {
        assert!(matches!(client.look(&look_request()).await, Err(LookFailure::Unusable(_))));
    }
    for _ in 0..2 {
        assert_eq!(client.look(&look_request()).await.unwrap().user, None);
    }
}

#[rstest]
#[case::no_such_route(answer(404, "", ""))]
#[case::nobody(ok("{}"))]
#[case::null_id(ok(r#"{"userId":null}"#))]
#[tokio::test]
async fn a_user_that_was_not_told_is_asked_for_again(#[case] first: Act) {
    let asked = AtomicUsize::new(0);
    let agent = Agent::play(move |line, _| match line {
        line if line.contains("authentication/user") => match asked.fetch_add(1, Relaxed) {
            0 => first.clone(),
            // By then the evidence does without: it holds up no look.
            1 => answer(500, "", ""),
            _ => ok(&format!(r#"{{"userId":"{}"}}"#, Uuid::from_u128(77))),
        },
        line if line.contains("agent_status") => ok("1"),
        _ => ok(&page_of([], 0)),
    })
    .await;
    let client = agent.client();
    let user = async || client.look(&look_request()).await.unwrap().user;
    let known = Some(UserId(Uuid::from_u128(77)));
    assert_eq!(
        [user().await, user().await, user().await, user().await],
        [None, None, known, known]
    );
    assert_eq!(agent.count("/authentication/user"), 3, "once it is known, it stays known");
}

#[tokio::test]
async fn an_agent_that_nobody_is_signed_in_at_is_said_to_be_so() {
    let agent = Agent::play(|line, _| match line {
        line if line.contains("agent_status") => ok("0"),
        _ => answer(401, "", ""),
    })
    .await;
    let look = agent.client().look(&look_request()).await.unwrap();
    assert_eq!((look.agent, look.is_complete()), (AgentState::Created, false));
}

const TOO_LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
const STALLED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"data\"";

#[rstest]
#[case::unauthorized(answer(401, "", ""), "BadToken")]
#[case::token(answer(499, "error-code: TOKEN\r\n", ""), "BadToken")]
#[case::session_in_body(answer(499, "", r#"{"type":"session"}"#), "BadToken")]
#[case::other_code(answer(499, "error-code: DEFAULT\r\n", ""), "Unusable")]
#[case::server_error(answer(500, "", ""), "Unusable")]
#[case::redirect(answer(302, "Location: http://127.0.0.1:1/\r\n", ""), "Unusable")]
#[case::html(ok("<html>"), "Unusable")]
#[case::empty(ok(""), "Unusable")]
#[case::no_data(ok("{}"), "Unusable")]
#[case::wrong_type(ok(r#"{"data":"x"}"#), "Unusable")]
#[case::cut(ok(r#"{"data":["#), "Unusable")]
#[case::oversized(Act::SayAndStall(TOO_LONG.into()), "Unusable")]
#[case::stalled_body(Act::SayAndStall(STALLED.into()), "Unusable")]
#[case::reset(Act::Reset, "Unreachable")]
#[case::closed(Act::Close, "Unreachable")]
#[case::stalled(Act::Stall, "Unreachable")]
#[tokio::test]
async fn each_failure_of_a_look_has_its_kind(#[case] act: Act, #[case] expected: &str) {
    let agent = Agent::play(move |line, _| match line {
        line if line.contains("get_all") => act.clone(),
        line if line.contains("agent_status") => ok("1"),
        _ => ok("{}"),
    })
    .await;
    let failure = agent.hasty_client().look(&look_request()).await.unwrap_err();
    assert!(format!("{failure:?}").starts_with(expected), "{failure:?}");
    assert_secretless(&format!("{failure:?}"));
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let endless = format!("{head}{}", chunk.repeat(17 * 16));
    let agent = listing(move |_, _| Act::SayAndStall(endless.clone())).await;
    let failure = agent.client().look(&look_request()).await.unwrap_err();
    assert!(matches!(&failure, LookFailure::Unusable(why) if why.contains("longer than")));
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_unreachable() {
    let client = client_of(closed_port().await, PATIENT);
    let failure = client.look(&look_request()).await.unwrap_err();
    assert!(matches!(failure, LookFailure::Unreachable(_)));
}
