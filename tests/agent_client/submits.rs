//! Submits and cancels: could it have been accepted?

use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use transferd::agent::{Endpoint, Outcome, RequestCount, TokenKeeper};
use transferd::core::ids::TransferId;
use transferd::core::transfer::{CancelAnswer, Refusal, SubmitAnswer};
use transferd::settings::TokenSource;
use uuid::Uuid;

use crate::looks::look_request;
use crate::scripted::*;

/// The kinds of answers to a submit.
#[derive(Debug, PartialEq)]
enum Kind {
    Accepted,
    NotSent,
    BadToken,
    Final,
    Duplicate,
    Uncertain,
}

fn kind(answer: &SubmitAnswer) -> Kind {
    match answer {
        SubmitAnswer::Accepted => Kind::Accepted,
        SubmitAnswer::Refused(Refusal::NotSent(_) | Refusal::OtherAccess) => Kind::NotSent,
        SubmitAnswer::Refused(Refusal::BadToken(_)) => Kind::BadToken,
        SubmitAnswer::Refused(Refusal::Final(_)) => Kind::Final,
        SubmitAnswer::Refused(Refusal::Duplicate(_)) => Kind::Duplicate,
        SubmitAnswer::Uncertain(_) | SubmitAnswer::Unclear(_) => Kind::Uncertain,
    }
}

/// Submits to an agent that does `act`: it must be asked once, and no word may hold the token.
async fn submit_to(act: Act) -> SubmitAnswer {
    let stalls = !matches!(act, Act::Say(_) | Act::Close | Act::Reset);
    let agent = Agent::play(move |_, _| act.clone()).await;
    let client = if stalls { agent.hasty_client() } else { agent.client() };
    let answer = submit(&client, &request()).await;
    assert_eq!(agent.seen().len(), 1, "one request for each submit");
    assert_secretless(&format!("{answer:?}"));
    answer
}

#[rstest]
#[case(200, Kind::Accepted)]
#[case(201, Kind::Uncertain)]
#[case(202, Kind::Uncertain)]
#[case(204, Kind::Uncertain)]
#[case(301, Kind::Uncertain)]
#[case(307, Kind::Uncertain)]
#[case(400, Kind::Uncertain)]
#[case(401, Kind::BadToken)]
#[case(403, Kind::Uncertain)]
#[case(404, Kind::Uncertain)]
#[case(408, Kind::Uncertain)]
#[case(429, Kind::Uncertain)]
#[case(499, Kind::Uncertain)]
#[case(500, Kind::Uncertain)]
#[case(502, Kind::Uncertain)]
#[case(503, Kind::Uncertain)]
#[tokio::test]
async fn each_status_is_sorted_by_whether_it_could_be_an_acceptance(
    #[case] status: u16,
    #[case] expected: Kind,
) {
    let act = match status {
        204 => Act::Say("HTTP/1.1 204 X\r\n\r\n".to_owned()),
        301 | 307 => answer(status, "Location: /elsewhere\r\n", ""),
        _ => answer(status, "", ""),
    };
    assert_eq!(kind(&submit_to(act).await), expected);
}

const HTML: &str = "<html><body>no</body></html>";

#[rstest]
#[case(answer(404, "", ""), "404 (Not Found)")]
#[case(answer(404, "", r#"{"title":"No such bucket."}"#), "404 (No such bucket)")]
#[case(answer(400, "error-code: PATH\r\n", ""), "400 (PATH)")]
#[case(answer(403, "", HTML), "403 (Forbidden)")]
#[case(answer(302, "Location: /elsewhere\r\n", ""), "302 (a redirect, which is not followed)")]
#[case(answer(500, "", ""), "500 (Internal Server Error)")]
#[case(answer(599, "", ""), "599")]
#[case(
    answer(499, "error-code: TRANSFER\r\n", r#"{"errors":{"TRANSFER":["full"]}}"#),
    "499 (TRANSFER: full)"
)]
#[case(answer(499, "", ""), "499 (an application error without a code)")]
#[tokio::test]
async fn an_answer_that_says_neither_yes_nor_no_is_told_from_a_lost_one(
    #[case] act: Act,
    #[case] told: &str,
) {
    assert_eq!(submit_to(act).await, SubmitAnswer::Unclear(told.to_owned()));
}

#[rstest]
#[case("AUTH", Kind::BadToken)]
#[case("TOKEN", Kind::BadToken)]
#[case("SESSION", Kind::BadToken)]
#[case("SESSION_MAXOUT", Kind::BadToken)]
#[case("DISPOSED", Kind::BadToken)]
#[case("INACTIVE_USER", Kind::Final)]
#[case("SECURITY", Kind::Final)]
#[case("ACCESS", Kind::Final)]
#[case("NOT_FOUND", Kind::Final)]
#[case("DUPLICATE", Kind::Duplicate)]
#[case("INVALID_EMAIL", Kind::Uncertain)]
#[case("TOTP", Kind::Uncertain)]
#[case("COGNITO", Kind::Uncertain)]
#[case("PENDING", Kind::Uncertain)]
#[case("TRANSFER", Kind::Uncertain)]
#[case("TRANSFER_C2C", Kind::Uncertain)]
#[case("SYNC", Kind::Uncertain)]
#[case("COST", Kind::Uncertain)]
#[case("DB_INSERT", Kind::Uncertain)]
#[case("DB_UPDATE", Kind::Uncertain)]
#[case("DB_DELETE", Kind::Uncertain)]
#[case("INTERNAL_ERROR", Kind::Uncertain)]
#[case("DEFAULT", Kind::Uncertain)]
#[case("DOWNLOAD_OBJECT", Kind::Uncertain)]
#[case("CHECKSUM_MISMATCH", Kind::Uncertain)]
#[case("FILESYSTEM_ACCESS", Kind::Uncertain)]
#[case("SOMETHING_NEW", Kind::Uncertain)]
#[tokio::test]
async fn each_code_is_sorted_the_same_from_header_body_or_both(
    #[case] code: &str,
    #[case] expected: Kind,
) {
    let header = format!("Error-Code: {code}\r\n");
    let body = format!(r#"{{"Type":"{}","status":499}}"#, code.to_lowercase());
    for act in [
        answer(499, &header, ""),
        answer(499, "", &body),
        answer(499, &header, &body),
        answer(499, &header, "<not json>"),
    ] {
        assert_eq!(kind(&submit_to(act).await), expected);
    }
}

#[tokio::test]
async fn a_code_with_another_status_says_nothing() {
    let act = answer(500, "error-code: ACCESS\r\n", r#"{"type":"ACCESS"}"#);
    assert_eq!(kind(&submit_to(act).await), Kind::Uncertain);
}

#[tokio::test]
async fn the_agents_words_are_kept_and_a_token_in_them_is_not() {
    let body = format!(r#"{{"type":"ACCESS","errors":{{"X":["no role for {TOKEN}\nhere"]}}}}"#)
        .replace('\n', "\\n");
    let answer = submit_to(answer(499, "", &body)).await;
    assert_eq!(answer, SubmitAnswer::Refused(Refusal::Final("ACCESS: no role for … here".into())));
}

const OK_WITH_BODY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nsome";
const ACCESS_IN_HEADER: &str = "HTTP/1.1 499 X\r\nerror-code: ACCESS\r\nContent-Length: 9\r\n\r\n";
const ACCESS_CUT: &str = "HTTP/1.1 499 X\r\nContent-Length: 99\r\n\r\n{\"type\":\"ACCESS\"";

#[rstest]
#[case("", Kind::Accepted)]
#[case(" \r\n", Kind::Accepted)]
#[case("null", Kind::Accepted)]
#[case("true", Kind::Accepted)]
#[case("{}", Kind::Accepted)]
#[case("OK", Kind::Accepted)]
#[case(r#"{"success":true,"error":null}"#, Kind::Accepted)]
#[case(r#""00000000-0000-0000-0000-00000000000a""#, Kind::Accepted)]
#[case("<!DOCTYPE html><html><body>Welcome</body></html>", Kind::Uncertain)]
#[case("false", Kind::Uncertain)]
#[case(r#"{"success":false}"#, Kind::Uncertain)]
#[case(r#"{"type":"DUPLICATE","status":499,"errors":{"DUPLICATE":["there"]}}"#, Kind::Uncertain)]
#[case(r#"{"error":"not signed in"}"#, Kind::Uncertain)]
#[case(r#"{"data":[{"id":"6f1c"#, Kind::Uncertain)]
#[case("the service is starting", Kind::Uncertain)]
#[case(r#"{"statusCode":401,"message":"Unauthorized"}"#, Kind::Uncertain)]
#[case(r#"{"Message":"An error has occurred."}"#, Kind::Uncertain)]
#[case(r#"{"ExceptionMessage":"x"}"#, Kind::Uncertain)]
#[case(r#"{"code":"ACCESS"}"#, Kind::Uncertain)]
#[case(r#"{"code":500}"#, Kind::Uncertain)]
#[case(r#"{"ok":false}"#, Kind::Uncertain)]
#[case(r#"{"isSuccess":false}"#, Kind::Uncertain)]
#[case(r#"{"status":"failed","reason":"quota"}"#, Kind::Uncertain)]
#[case(r#"{"result":"failed"}"#, Kind::Uncertain)]
#[case(r#"{"detail":"not signed in"}"#, Kind::Uncertain)]
#[case(r#""DUPLICATE""#, Kind::Uncertain)]
#[case(r#"["error"]"#, Kind::Uncertain)]
#[case("-1", Kind::Uncertain)]
#[case("499", Kind::Uncertain)]
#[case(r#"{"id":"00000000-0000-0000-0000-00000000000a","transferStatus":1}"#, Kind::Accepted)]
#[case(r#"{"status":200,"message":"queued"}"#, Kind::Accepted)]
#[case(r#"{"ok":true}"#, Kind::Accepted)]
#[case("[]", Kind::Accepted)]
#[case(r#"[{"id":"a"}]"#, Kind::Accepted)]
#[case(r#""OK""#, Kind::Accepted)]
#[tokio::test]
async fn a_200_whose_body_is_no_success_is_uncertain(#[case] body: &str, #[case] expected: Kind) {
    let judged = submit_to(answer(200, "", body)).await;
    assert_eq!(kind(&judged), expected, "{judged:?}");
    if let SubmitAnswer::Unclear(words) = judged {
        assert!(words.starts_with("200 with "), "{words}");
    }
}

#[rstest]
#[case::reset_after_reading(Act::Reset, Kind::Uncertain)]
#[case::closed_after_reading(Act::Close, Kind::Uncertain)]
#[case::no_answer(Act::Stall, Kind::Uncertain)]
#[case::half_a_head(Act::SayAndStall("HTTP/1.1 200 OK\r\nCont".into()), Kind::Uncertain)]
#[case::half_a_head_then_closed(Act::Say("HTTP/1.1 200".into()), Kind::Uncertain)]
#[case::not_http(Act::Say("SSH-2.0-OpenSSH_9.2\r\n".into()), Kind::Uncertain)]
#[case::accepted_then_stalled(Act::SayAndStall(OK_WITH_BODY.into()), Kind::Accepted)]
#[case::accepted_then_cut(Act::Say(OK_WITH_BODY.into()), Kind::Accepted)]
#[case::refused_in_the_header(Act::SayAndStall(ACCESS_IN_HEADER.into()), Kind::Final)]
#[case::refused_in_half_a_body(Act::SayAndStall(ACCESS_CUT.into()), Kind::Uncertain)]
#[tokio::test]
async fn each_way_to_lose_an_answer_is_sorted(#[case] act: Act, #[case] expected: Kind) {
    assert_eq!(kind(&submit_to(act).await), expected);
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_request_was_read_is_uncertain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_of(listener.local_addr().unwrap(), PATIENT);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_zero_linger().unwrap();
    });
    assert_eq!(kind(&submit(&client, &request()).await), Kind::Uncertain);
}

#[tokio::test]
async fn a_refused_connection_means_not_sent() {
    let client = client_of(closed_port().await, PATIENT);
    let answer = submit(&client, &request()).await;
    assert_eq!(kind(&answer), Kind::NotSent);
    assert!(format!("{answer:?}").contains("refused"), "{answer:?}");
    let outcome = Outcome::Unreachable;
    let count = RequestCount { endpoint: Endpoint::Submit, outcome, count: 1 };
    assert_eq!(client.requests().read(), [count]);
}

#[tokio::test]
async fn a_missing_token_is_a_bad_one_and_nothing_is_sent() {
    let agent = Agent::play(|_, _| ok("")).await;
    let keeper = TokenKeeper::new(TokenSource::File(PathBuf::from("/nowhere/token")), |_| None);
    let client = client_with(agent.address, PATIENT, keeper);
    assert_eq!(kind(&submit(&client, &request()).await), Kind::BadToken);
    assert!(agent.seen().is_empty());
}

#[tokio::test]
async fn a_submit_sends_what_the_vendor_describes() {
    let agent = Agent::play(|_, _| ok("")).await;
    assert_eq!(submit(&agent.client(), &request()).await, SubmitAnswer::Accepted);
    let seen = agent.seen().remove(0);
    assert_eq!(seen.line, "POST /transfer/transfer?token=s3cret%2Ft0ken%2Bplus%3D HTTP/1.1");
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    let expected = serde_json::json!({
        "sourceCloudAccountId": "00000000-0000-0000-0000-000000000001",
        "sourceBucket": "footage", "sourceBucketId": "", "sourcePath": "dailies/", "sourceId": "",
        "destinationCloudAccountId": "00000000-0000-0000-0000-000000000002",
        "destinationBucket": "cold", "destinationBucketId": "", "destinationPath": "x/",
        "destinationId": "", "allowSkip": true, "keepSourceTree": false,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn submits_run_side_by_side() {
    // Neither is answered before both have come.
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_of(listener.local_addr().unwrap(), PATIENT);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                read_request(&mut stream).await;
                barrier.wait().await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            });
        }
    });
    let other = client.clone();
    let (one, two) = (request(), request());
    let answers = tokio::join!(submit(&client, &one), submit(&other, &two));
    assert_eq!(answers, (SubmitAnswer::Accepted, SubmitAnswer::Accepted));
}

#[tokio::test]
async fn a_cancel_is_taken_only_with_a_200() {
    let agent = Agent::play(|_, _| ok("")).await;
    let id = TransferId(Uuid::from_u128(10));
    assert_eq!(agent.client().cancel(id).await, CancelAnswer::Taken);
    assert_eq!(agent.seen()[0].body, r#"{"id":"00000000-0000-0000-0000-00000000000a"}"#);
    for act in [
        answer(401, "", ""),
        answer(499, "error-code: NOT_FOUND\r\n", ""),
        answer(500, "", ""),
        answer(302, "", ""),
        Act::Reset,
        Act::Stall,
    ] {
        let agent = Agent::play(move |_, _| act.clone()).await;
        let answer = agent.hasty_client().cancel(id).await;
        assert!(matches!(answer, CancelAnswer::NotTaken(_)), "{answer:?}");
        assert_secretless(&format!("{answer:?}"));
    }
}

#[tokio::test]
async fn requests_are_counted_by_endpoint_and_outcome() {
    let agent = Agent::play(|line, _| match line {
        line if line.contains("agent_status") => ok("1"),
        line if line.contains("authentication/user") => Act::Stall,
        line if line.contains("cancel") => answer(499, "", ""),
        _ => answer(500, "", ""),
    })
    .await;
    let client = agent.hasty_client();
    let _ = client.agent_status().await;
    let _ = client.user().await;
    let _ = client.cancel(TransferId(Uuid::nil())).await;
    let _ = submit(&client, &request()).await;
    let counts: Vec<_> =
        client.requests().read().iter().map(|c| (c.endpoint, c.outcome, c.count)).collect();
    let expected = [
        (Endpoint::AgentStatus, Outcome::Ok, 1),
        (Endpoint::User, Outcome::Timeout, 1),
        (Endpoint::Submit, Outcome::Error, 1),
        (Endpoint::Cancel, Outcome::Refused, 1),
    ];
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn nothing_is_sent_by_another_token_than_that_of_the_look() {
    let agent = Agent::play(|line, _| match line {
        line if line.contains("agent_status") => ok("1"),
        line if line.contains("get_all") => ok(r#"{"data":[]}"#),
        line if line.contains("authentication/user") => ok("{}"),
        _ => ok(""),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "one-t0ken").unwrap();
    let keeper = || TokenKeeper::new(TokenSource::File(file.clone()), |_| None);
    let client = client_with(agent.address, PATIENT, keeper());
    let look = client.look(&look_request()).await.unwrap();
    assert_eq!(submit_by(&client, look.access, &request()).await, SubmitAnswer::Accepted);
    let refused = SubmitAnswer::Refused(Refusal::OtherAccess);
    // Another client, as after a change of `agent.url`, has looked at nothing yet.
    let other = client_with(agent.address, PATIENT, keeper());
    assert_eq!(submit_by(&other, look.access, &request()).await, refused);
    std::fs::write(&file, "another-t0ken").unwrap();
    client.token().look().await.unwrap();
    assert_eq!(submit_by(&client, look.access, &request()).await, refused);
    assert_eq!(agent.count("transfer/transfer?"), 1);
    let look = client.look(&look_request()).await.unwrap();
    assert_eq!(submit_by(&client, look.access, &request()).await, SubmitAnswer::Accepted);
}
