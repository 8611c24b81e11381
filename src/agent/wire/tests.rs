//! The parsers: valid answers, and damaged ones.

use jiff::SignedDuration;
use rstest::rstest;
use std::collections::BTreeSet;
use uuid::Uuid;

use super::page::PageFacts;
use super::*;
use crate::core::ids::{AccountId, TransferId, UserId};
use crate::core::place::{Place, TransferRequest};
use crate::core::transfer::{AgentState, LookRequest, Progress, Transfer, TransferStatus};

const CAMEL: &str = r#"{"data":[{
    "id":"00000000-0000-0000-0000-00000000000a","userId":"00000000-0000-0000-0000-00000000000b",
    "syncCycleId":null,"retryBatchTransferID":"00000000-0000-0000-0000-000000000000",
    "sourceCloudAccountId":"00000000-0000-0000-0000-000000000001","sourceBucket":"footage",
    "sourceRegion":"eu","sourcePath":"dailies/",
    "destinationCloudAccountId":"00000000-0000-0000-0000-000000000002",
    "destinationBucket":"cold","destinationPath":"/x/",
    "requestDate":"2026-11-23T20:17:00.1234567","startDate":null,"endDate":"0001-01-01T00:00:00",
    "transferStatus":2,"transferType":1,"allowSkip":true,"allowDelete":false,
    "total":10,"failed":1,"deleted":0,"skipped":2,"transferred":3,
    "skippedSize":1,"totalSize":1000,"transferredSize":300,"totalSizeString":"1 kB",
    "percent":30.5,"averageSpeed":12.25,"transferredCost":0.1,
    "sourceCloudAccount":{"id":"x","nested":{"deep":[1,2,{}]}},"destinationCloudAccount":null
    }],"total":1,"options":{"page":1,"pageSize":200,"sort":[{"field":"RequestDate"}]}}"#;

fn request() -> TransferRequest {
    let place = |account, bucket: &str, path: &str| Place {
        account: AccountId(Uuid::from_u128(account)),
        bucket: bucket.to_owned(),
        bucket_id: String::new(),
        path: path.to_owned(),
        id: String::new(),
    };
    TransferRequest {
        source: place(1, "footage", "dailies/"),
        destination: place(2, "cold", "x/"),
        allow_skip: true,
        keep_source_tree: false,
    }
}

fn expected() -> Transfer {
    Transfer {
        id: TransferId(Uuid::from_u128(10)),
        user: Some(UserId(Uuid::from_u128(11))),
        fingerprint: request().fingerprint(),
        if_it_skips: None,
        may_be_of: Vec::new(),
        tells_no_progress: false,
        loose_fingerprint: request().loose_fingerprint(),
        of_sync: false,
        of_retry_batch: false,
        kind: Some(1),
        requested_at: Some("2026-11-23T20:17:00.1234567Z".parse().unwrap()),
        ended_at: None,
        status: TransferStatus::Running,
        unknown_status: None,
        progress: Progress {
            objects_total: 10,
            objects_transferred: 3,
            objects_failed: 1,
            objects_skipped: 2,
            bytes_total: 1000,
            bytes_transferred: 300,
            percent: 30.5,
            speed: 12.25,
            cost_usd: Some(0.1),
            objects_incomplete: false,
        },
    }
}

#[test]
fn a_state_that_no_page_names_tells_no_secret() {
    let token = secrecy::SecretString::from("quite-a-secret-0123456789abcdefghijkl");
    crate::privacy::remember(&token, crate::privacy::SecretKind::Random);
    let said = "\"transferStatus\":\"of quite-a-secret-0123456789abcdefghijkl!\"";
    let record = one(&CAMEL.replace("\"transferStatus\":2", said));
    assert_eq!(record.unknown_status.as_deref(), Some("of…!"));
}

fn read(body: &str) -> (PageFacts, Vec<ReadRecord>) {
    let mut records = Vec::new();
    let facts = read_page(body.as_bytes(), &mut |record| records.push(record)).unwrap();
    (facts, records)
}

fn one(body: &str) -> Transfer {
    read(body).1.remove(0).transfer.expect("a whole record")
}

#[test]
fn a_cost_is_an_amount_or_not_told() {
    for (written, cost) in
        [("0", Some(0.0)), ("\"0.25\"", Some(0.25)), ("null", None), ("-1", None), ("[]", None)]
    {
        let body =
            CAMEL.replace("\"transferredCost\":0.1", &format!("\"transferredCost\":{written}"));
        assert_eq!(one(&body).progress.cost_usd, cost, "{written}");
    }
}

#[test]
fn a_row_of_the_history_is_read_whatever_is_missing_in_it() {
    let body = r#"{"data":[{"Id":"00000000-0000-0000-0000-00000000000a","errorMessage":" Denied ",
        "sourceCloudAccountId":"00000000-0000-0000-0000-000000000001","sourceBucket":"footage",
        "sourcePath":"/dailies","endDate":"2026-11-23T20:17:00",
        "destinationCloudAccountId":"00000000-0000-0000-0000-000000000002",
        "destinationBucket":"cold","destinationPath":"x/"},null,7,{}],"total":4}"#;
    let mut rows = Vec::new();
    assert_eq!(history(body.as_bytes(), &mut |row| rows.push(row)), Ok(4));
    assert_eq!(rows[0].places, Some(request().loose_fingerprint()));
    assert_eq!(rows[0].message.as_deref(), Some("Denied"));
    assert_eq!(rows[0].ended_at, Some("2026-11-23T20:17:00Z".parse().unwrap()));
    assert_eq!(rows.last().unwrap().id, None);
    for broken in ["", "{}", "[", "<html>"] {
        assert!(history(broken.as_bytes(), &mut |_| {}).is_err(), "{broken}");
    }
}

#[test]
fn a_page_in_the_vendors_form_is_read() {
    let (facts, records) = read(CAMEL);
    let expected_facts =
        PageFacts { total: Some(1), page_size: Some(200), count: 1, ..PageFacts::default() };
    assert_eq!(facts, expected_facts);
    assert_eq!(records[0].transfer, Some(expected()));
}

#[test]
fn names_are_read_in_any_case() {
    let pascal = CAMEL
        .replace("\"id\"", "\"Id\"")
        .replace("\"data\"", "\"Data\"")
        .replace("\"userId\"", "\"UserId\"")
        .replace("\"total\"", "\"Total\"")
        .replace("\"sourceBucket\"", "\"SourceBucket\"")
        .replace("\"requestDate\"", "\"RequestDate\"")
        .replace("\"transferStatus\"", "\"TransferStatus\"")
        .replace("\"retryBatchTransferID\"", "\"RetryBatchTransferId\"");
    assert_eq!(one(&pascal), expected());
}

#[test]
fn numbers_may_be_text_or_floats_and_the_status_a_name() {
    let odd = CAMEL
        .replace("\"total\":10", "\"total\":\"10\"")
        .replace("\"transferred\":3", "\"transferred\":3.0")
        .replace("\"percent\":30.5", "\"percent\":\"30.5 %\"")
        .replace("\"transferStatus\":2", "\"transferStatus\":\"Running\"")
        .replace("\"transferType\":1", "\"transferType\":\"Transfer\"")
        .replace("\"allowSkip\":true", "\"allowSkip\":\"True\"");
    assert_eq!(one(&odd), expected());
}

#[rstest]
#[case("0", TransferStatus::Created)]
#[case("1", TransferStatus::Created)]
#[case("4", TransferStatus::Completed)]
#[case("8", TransferStatus::Canceled)]
#[case("\"Cancelled\"", TransferStatus::Canceled)]
#[case("16", TransferStatus::Error)]
#[case("\"32\"", TransferStatus::Canceling)]
#[case("64.0", TransferStatus::Pausing)]
#[case("\"paused\"", TransferStatus::Paused)]
#[case("3", TransferStatus::Unknown)]
#[case("-1", TransferStatus::Unknown)]
#[case("null", TransferStatus::Unknown)]
#[case("{}", TransferStatus::Unknown)]
fn each_status_has_its_meaning(#[case] written: &str, #[case] status: TransferStatus) {
    let body = CAMEL.replace("\"transferStatus\":2", &format!("\"transferStatus\":{written}"));
    assert_eq!(one(&body).status, status);
}

#[test]
fn a_record_that_does_not_tell_allow_skip_is_as_asked() {
    let silent = CAMEL.replace("\"allowSkip\":true,", "");
    for asked in [true, false] {
        let request = TransferRequest { allow_skip: asked, ..request() };
        let look = LookRequest {
            since: jiff::Timestamp::MIN,
            fingerprints: BTreeSet::from([request.fingerprint()]),
            transfers: BTreeSet::new(),
            requests: [request.clone()].into(),
        };
        let found = |body: &str| read(body).1.remove(0).wanted_by(&look);
        assert!(found(&silent).unwrap().fits(request.fingerprint()));
        assert_eq!(found(CAMEL).is_some(), asked, "one that tells is taken at its word");
    }
}

#[test]
fn a_record_that_leaves_out_a_part_of_its_places_is_like_what_was_asked_for_if_no_other_part_differs()
 {
    let look = |request: &TransferRequest| LookRequest {
        since: jiff::Timestamp::MIN,
        fingerprints: BTreeSet::from([request.fingerprint(), request.loose_fingerprint()]),
        transfers: BTreeSet::new(),
        requests: [request.clone()].into(),
    };
    let (asked, found) = (request(), |body: &str, look: &LookRequest| {
        let record = read(body).1.remove(0);
        assert_eq!(record.doubt(look, look.since, None), None, "the list is read whole: {body}");
        record.wanted_by(look)
    });
    for (name, value) in [
        ("sourceCloudAccountId", "00000000-0000-0000-0000-000000000001"),
        ("sourceBucket", "footage"),
        ("sourcePath", "dailies/"),
        ("destinationCloudAccountId", "00000000-0000-0000-0000-000000000002"),
        ("destinationBucket", "cold"),
        ("destinationPath", "/x/"),
    ] {
        let told = format!("\"{name}\":\"{value}\"");
        for untold in [format!("\"{name}\":null"), format!("\"formerly\":\"{value}\"")] {
            let body = CAMEL.replace(&told, &untold);
            let like = found(&body, &look(&asked)).expect(name);
            assert_eq!(like.may_be_of, [asked.loose_fingerprint()], "{body}");
            assert!(!like.fits(asked.fingerprint()), "it is no evidence: {body}");
            let other = body.replace("allowSkip", "allowAll").replace("cold", "warm");
            let is_of_another =
                name == "destinationBucket" || found(&other, &look(&asked)).is_none();
            assert!(is_of_another, "{other}");
        }
    }
    let mut bare = request();
    bare.source.bucket = String::new();
    let body = CAMEL.replace("\"sourceBucket\":\"footage\"", "\"sourceBucket\":null");
    assert!(found(&body, &look(&bare)).unwrap().fits(bare.fingerprint()), "a null bucket is none");
}

#[test]
fn a_sync_or_a_retry_batch_is_told_from_none() {
    let none = CAMEL.replace("\"syncCycleId\":null", "\"syncCycleId\":\"\"");
    assert_eq!(one(&none), expected());
    let id = "00000000-0000-0000-0000-00000000000c";
    let sync = CAMEL.replace("\"syncCycleId\":null", &format!("\"syncCycleId\":\"{id}\""));
    assert!(one(&sync).of_sync);
    let retry =
        CAMEL.replace("ID\":\"00000000-0000-0000-0000-000000000000\"", &format!("ID\":\"{id}\""));
    assert!(one(&retry).of_retry_batch);
    for none in ["0", "false", "{}", "[]", "\"null\"", "\"None\""] {
        let none = CAMEL.replace("\"syncCycleId\":null", &format!("\"syncCycleId\":{none}"));
        assert!(!one(&none).of_sync, "{none}");
    }
    for odd in ["7", "true", "\"cycle\""] {
        let odd = CAMEL.replace("\"syncCycleId\":null", &format!("\"syncCycleId\":{odd}"));
        let record = read(&odd).1.remove(0);
        let look = LookRequest {
            since: jiff::Timestamp::MIN,
            fingerprints: BTreeSet::from([request().fingerprint()]),
            transfers: BTreeSet::new(),
            requests: [request()].into(),
        };
        let doubt = record.doubt(&look, look.since, None).expect(&odd);
        assert!(doubt.contains("`syncCycleId`"), "it may be ours: {doubt}");
    }
}

#[test]
fn a_record_without_counters_tells_no_progress() {
    assert!(!one(CAMEL).tells_no_progress);
    let body = r#"[{"id":"00000000-0000-0000-0000-00000000000a","total":3}]"#;
    assert!(one(body).tells_no_progress);
}

#[test]
fn missing_and_null_fields_leave_the_rest_readable() {
    let body = r#"[{"id":"00000000-0000-0000-0000-00000000000a","allowSkip":null}]"#;
    let transfer = one(body);
    assert_eq!(transfer.user, None);
    assert_eq!(transfer.requested_at, None);
    let untold = Progress { objects_incomplete: true, ..Progress::default() };
    assert_eq!(transfer.progress, untold);
}

#[test]
fn a_total_of_no_objects_needs_no_further_counts() {
    let body = r#"[{"id":"00000000-0000-0000-0000-00000000000a","total":0}]"#;
    assert!(!one(body).progress.objects_incomplete);
    let body = r#"[{"id":"00000000-0000-0000-0000-00000000000a","total":1}]"#;
    assert!(one(body).progress.objects_incomplete);
    let told =
        r#"[{"id":"00000000-0000-0000-0000-00000000000a","total":3,"transferred":1,"skipped":0}]"#;
    assert!(!one(told).progress.objects_incomplete, "two have not arrived, whatever failed");
}

#[test]
fn an_embedded_account_stands_in_for_a_missing_account_id() {
    let body = CAMEL
        .replace("\"sourceCloudAccountId\"", "\"formerly\"")
        .replace("\"id\":\"x\"", "\"id\":\"00000000-0000-0000-0000-000000000001\"");
    assert_eq!(one(&body), expected());
}

#[test]
fn a_bare_list_and_a_null_list_are_pages() {
    let list = &CAMEL[CAMEL.find('[').unwrap()..=CAMEL.find("],\"total\"").unwrap()];
    let (facts, records) = read(list);
    assert!(facts.bare && facts.total.is_none());
    assert_eq!(records[0].transfer, Some(expected()));
    assert_eq!(read(r#"{"data":null,"total":0}"#).0.count, 0);
    assert_eq!(read("\u{feff}[]").0.count, 0);
}

#[rstest]
#[case("{}")]
#[case(r#"{"total":3}"#)]
#[case(r#"{"data":{}}"#)]
#[case(r#"{"data":7}"#)]
#[case("7")]
#[case("null")]
#[case("")]
#[case("<html>")]
#[case(r#"{"data":[]"#)]
#[case(r#"{"data":[]} {}"#)]
fn what_is_no_page_is_not_taken_for_an_empty_one(#[case] body: &str) {
    assert!(read_page(body.as_bytes(), &mut |_| {}).is_err());
}

fn doubt(body: &str) -> Option<String> {
    let request = LookRequest {
        since: "2026-11-23T20:00:00Z".parse().unwrap(),
        fingerprints: BTreeSet::from([request().fingerprint()]),
        transfers: BTreeSet::new(),
        requests: [request()].into(),
    };
    let (_, records) = read(body);
    let ours = expected().user;
    records[0].doubt(&request, request.since - SignedDuration::from_secs(1), ours)
}

#[test]
fn an_unreadable_record_is_doubtful_and_says_by_what() {
    let no_id = CAMEL.replace("00000000a\"", "00000000a!\"");
    assert_eq!(doubt(CAMEL), None, "a readable one is never doubtful");
    assert_eq!(doubt(&no_id).unwrap(), "`id` of a transfer");
    let odd = doubt(&CAMEL.replace("\"footage\"", "{}")).unwrap();
    assert!(odd.starts_with("`sourceBucket` of transfer 0"), "{odd}");
    assert_eq!(doubt("[7]").unwrap(), "it is not an object");
    assert!(doubt("[{}]").is_some(), "one that tells nothing");
}

#[test]
fn what_could_be_read_rules_a_record_out() {
    let no_id = CAMEL.replace("00000000a\"", "00000000a!\"");
    assert_eq!(doubt(&no_id.replace("footage", "other")), None, "other places");
    assert_eq!(doubt(&no_id.replace("2026-11-23", "2026-11-22")), None, "too old");
    let sync = no_id.replace("\"transferType\":1", "\"transferType\":2");
    assert_eq!(doubt(&sync), None, "a sync");
    let batch =
        no_id.replace("ID\":\"00000000-0000-0000-0000-0", "ID\":\"00000000-0000-0000-0000-1");
    assert_eq!(doubt(&batch), None, "the agent's own repetition");
    let ours = expected().user.expect("it tells").to_string();
    let theirs = no_id.replace(&ours, "00000000-0000-0000-0000-0000000000ff");
    assert_eq!(doubt(&theirs), None, "another user's");
    let odd_skip = CAMEL.replace("\"allowSkip\":true", "\"allowSkip\":\"yes\"");
    assert!(doubt(&odd_skip).is_some());
    for (odd, other) in [("\"footage\"", "\"cold\""), ("\"cold\"", "\"footage\"")] {
        let one_part = CAMEL.replace(odd, "{}");
        assert!(doubt(&one_part).is_some(), "{odd}");
        assert_eq!(doubt(&one_part.replace(other, "\"elsewhere\"")), None, "{other}");
        assert_eq!(doubt(&odd_skip.replace(other, "\"elsewhere\"")), None, "{other}");
    }
}

#[rstest]
#[case("0", Some(AgentState::Created))]
#[case("1", Some(AgentState::Started))]
#[case("\"2\"", Some(AgentState::Stopped))]
#[case("4.0", Some(AgentState::Paused))]
#[case("\"Disposed\"", Some(AgentState::Disposed))]
#[case("3", Some(AgentState::Unknown))]
#[case("\"busy\"", None)]
#[case("", None)]
#[case("<html>", None)]
fn the_agents_state_is_read(#[case] body: &str, #[case] state: Option<AgentState>) {
    assert_eq!(agent_state(body.as_bytes()), state);
}

#[test]
fn a_token_in_an_answer_is_masked_from_then_on() {
    user(br#"{"userId":null,"jwtToken":"the-token-of-a-session"}"#).unwrap();
    api_tokens(br#"[{"id":null,"token":"the-token-of-a-script"}]"#).unwrap();
    let said = "no: the-token-of-a-session, the-token-of-a-script";
    assert_eq!(crate::privacy::mask(said), "no: …, …");
}

#[test]
fn accounts_and_users_are_read_in_any_case() {
    let accounts = accounts(
        br#"{"Data":[{"Id":"00000000-0000-0000-0000-000000000001","Name":"prod","CloudType":2,
            "active":false},{"id":"no"},null,
            {"id":"00000000-0000-0000-0000-000000000002","name":null,"cloudType":"9"}]}"#,
    )
    .unwrap();
    assert_eq!(accounts.len(), 2);
    assert_eq!((accounts[0].name.as_str(), accounts[0].provider()), ("prod", "Wasabi".to_owned()));
    assert!(!accounts[0].active && accounts[1].active);
    assert_eq!(accounts[1].provider(), "type 9");

    let profile = user(br#"{"UserId":"00000000-0000-0000-0000-00000000000b","userType":16}"#);
    let profile = profile.unwrap();
    assert_eq!(profile.user, Some(UserId(Uuid::from_u128(11))));
    assert_eq!(profile.user_type.as_deref(), Some("16"));
}

#[test]
fn deep_nesting_is_refused_or_skipped_but_not_followed() {
    let deep = "[".repeat(200_000);
    assert!(read_page(deep.as_bytes(), &mut |_| {}).is_err());
    let inside = format!(r#"[{{"other":{}{}}}]"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&inside).0.count, 1, "an unknown property may hold anything");
    let ids = format!(r#"[{{"id":{}1{}}}]"#, r#"{"id":"#.repeat(5000), "}".repeat(5000));
    assert!(read_page(ids.as_bytes(), &mut |_| {}).is_err());
}

#[test]
fn a_page_of_far_more_than_was_asked_for_is_given_up() {
    let body = format!(r#"{{"data":[{}{{}}],"total":7}}"#, "{},".repeat(100_000));
    let mut read = 0;
    let facts = read_page(body.as_bytes(), &mut |_| read += 1).unwrap();
    assert!(facts.cut && facts.count == 800 && read == 800, "{read}: {facts:?}");
    let body = body.replace(&"{},".repeat(100_000 - 700), "");
    let facts = read_page(body.as_bytes(), &mut |_| {}).unwrap();
    assert_eq!((facts.cut, facts.count, facts.total), (false, 701, Some(7)));
}

#[rstest]
#[case("1", Some(AgentState::Started))]
#[case(r#""Paused""#, Some(AgentState::Paused))]
#[case(r#"{"status":1}"#, Some(AgentState::Started))]
#[case(r#"{"Status":"Disposed","version":"3"}"#, Some(AgentState::Disposed))]
#[case(r#"{"agentStatus":4}"#, Some(AgentState::Paused))]
#[case(r#"{"state":77}"#, Some(AgentState::Unknown))]
#[case(r#"{"hello":"world"}"#, None)]
#[case("[1]", None)]
fn the_agents_state_is_a_number_or_an_object_with_one(
    #[case] body: &str,
    #[case] state: Option<AgentState>,
) {
    assert_eq!(agent_state(body.as_bytes()), state);
}
