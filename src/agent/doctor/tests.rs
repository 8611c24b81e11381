//! The doctor's findings for given pages.

use super::page::{Page, forms, ours, paging, role};
use super::*;
use crate::agent::transport::RawAnswer;

fn page(body: &str) -> Page {
    let now = clock::now();
    let answer = RawAnswer {
        status: 200,
        error_code: None,
        date: None,
        asked_at: now,
        answered_at: now,
        body: Ok(body.as_bytes().to_vec()),
    };
    Page::of(&answer).expect("a page")
}

fn record(id: u32, second: u32) -> String {
    format!(
        r#"{{"id":"00000000-0000-0000-0000-{id:012}","transferStatus":4,
        "userId":"00000000-0000-0000-0000-000000000009",
        "requestDate":"2026-11-23T20:00:{second:02}.1234567Z"}}"#
    )
}

fn list(ids: &[u32]) -> String {
    let records: Vec<_> = ids.iter().map(|id| record(*id, *id)).collect();
    format!(r#"{{"data":[{}],"total":5}}"#, records.join(","))
}

fn verdict(findings: &[Finding], name: &str) -> Verdict {
    let found = findings.iter().find(|finding| finding.name == name);
    found.unwrap_or_else(|| panic!("no finding `{name}`")).verdict
}

#[test]
fn an_agent_as_described_holds_in_all_that_can_be_known() {
    let long = page(&list(&[5, 4, 3, 2, 1]));
    let findings = forms(&long);
    for name in ["listing", "property_case", "records", "request_date", "status", "record_user"] {
        assert_eq!(verdict(&findings, name), Verdict::Holds, "{name}");
    }
    assert_eq!(verdict(&findings, "created_hidden"), Verdict::CantTell);
    let findings = paging(&long, &[page(&list(&[5, 4])), page(&list(&[3, 2]))]);
    for name in ["sorted", "total", "page_size", "paging"] {
        assert_eq!(verdict(&findings, name), Verdict::Holds, "{name}");
    }
}

#[test]
fn an_agent_that_is_otherwise_is_found_out() {
    let odd = list(&[1, 2, 3])
        .replace("\"id\"", "\"Id\"")
        .replace("\"transferStatus\":4", "\"TransferStatus\":\"Created\"")
        .replace("\"userId\"", "\"owner\"")
        .replacen("requestDate", "asked", 1);
    let long = page(&odd);
    let findings = forms(&long);
    for name in ["property_case", "request_date", "status", "record_user", "created_hidden"] {
        assert_eq!(verdict(&findings, name), Verdict::DoesNotHold, "{name}");
    }
    let again = page(&list(&[1, 2, 3]).replace("\"total\":5", "\"total\":3"));
    let findings = paging(&long, &[page(&odd), again]);
    for name in ["sorted", "total", "page_size"] {
        assert_eq!(verdict(&findings, name), Verdict::DoesNotHold, "{name}");
    }
    assert_eq!(verdict(&findings, "paging"), Verdict::CantTell);
    let repeated = paging(&long, &[page(&list(&[1, 2])), page(&list(&[1, 2]))]);
    assert_eq!(verdict(&repeated, "paging"), Verdict::DoesNotHold);
    let unread = paging(&long, &[page(&list(&[1, 2]))]);
    let seen = unread.iter().find(|finding| finding.name == "paging").map(|found| &*found.seen);
    assert_eq!(seen, Some("a page of two could not be read"));
}

#[test]
fn an_empty_list_tells_nothing() {
    let empty = page(r#"{"data":[],"total":0}"#);
    let findings = [forms(&empty), paging(&empty, &[])].concat();
    for name in ["request_date", "status", "sorted", "page_size", "paging"] {
        assert_eq!(verdict(&findings, name), Verdict::CantTell, "{name}");
    }
}

#[test]
fn the_role_is_told_where_the_type_is_known() {
    assert_eq!(role(Some("32")).verdict, Verdict::Holds);
    assert_eq!(role(Some("64")).verdict, Verdict::DoesNotHold);
    assert_eq!(role(Some("7")).verdict, Verdict::CantTell);
    assert_eq!(role(None).verdict, Verdict::CantTell);
}

#[test]
fn our_own_transfers_are_told_from_our_users_others() {
    let user: UserId = UserId("00000000-0000-0000-0000-000000000009".parse().unwrap());
    let id = |n: u32| TransferId(format!("00000000-0000-0000-0000-{n:012}").parse().unwrap());
    let asked = |second| format!("2026-11-23T20:00:{second:02}Z").parse::<Timestamp>().unwrap();
    let listed = page(&list(&[3, 2, 1]));

    let all: Ours = Some((1..=3).map(|n| (id(n), asked(n))).collect());
    let findings = ours(&listed, Some(user), &all);
    for name in ["own_dates", "own_user", "exclusive_user"] {
        assert_eq!(verdict(&findings, name), Verdict::Holds, "{name}");
    }

    // One is not ours, and the dates of the others are an hour ahead: not in UTC.
    let hour = SignedDuration::from_hours(1);
    let some: Ours = Some((1..=2).map(|n| (id(n), asked(n) - hour)).collect());
    let findings = ours(&listed, Some(user), &some);
    assert_eq!(verdict(&findings, "own_dates"), Verdict::DoesNotHold);
    assert_eq!(verdict(&findings, "exclusive_user"), Verdict::DoesNotHold);
    let seen: Vec<&str> = findings.iter().map(|finding| finding.seen.as_str()).collect();
    assert!(seen[0].contains("1 h ahead of ours"), "{seen:?}");
    assert!(seen[2].contains("1 of our user's 3") && seen[2].contains("20:00:03"), "{seen:?}");

    // Somebody else's id on our transfers; nobody's id.
    let other = UserId("00000000-0000-0000-0000-000000000008".parse().unwrap());
    assert_eq!(verdict(&ours(&listed, Some(other), &all), "own_user"), Verdict::DoesNotHold);
    for findings in [ours(&listed, None, &all), ours(&listed, Some(user), &None)] {
        assert_eq!(verdict(&findings, "own_user"), Verdict::CantTell);
        assert_eq!(verdict(&findings, "exclusive_user"), Verdict::CantTell);
    }
}

#[test]
fn rows_of_the_history_are_known_by_the_ids_of_our_transfers() {
    let id = |number| TransferId(uuid::Uuid::from_u128(number));
    let row = |number| HistoryRow { id: Some(id(number)), ..HistoryRow::default() };
    let ours = |number| Some(BTreeMap::from([(id(number), clock::now())]));
    assert_eq!(row_ids(&[row(1), row(2)], &ours(2)).verdict, Verdict::Holds);
    assert_eq!(row_ids(&[row(1)], &ours(2)).verdict, Verdict::CantTell);
    assert_eq!(row_ids(&[row(1)], &None).verdict, Verdict::CantTell);
}
