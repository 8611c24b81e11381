//! Messages that the agent may send: answers over HTTP, frames of the notification socket.

use proptest::prelude::*;
use serde_json::Value;

use crate::cases;
use crate::properties::{agent_answer, notification};

/// Names that the readers look for.
const NAMES: &[&str] = &[
    "id",
    "userId",
    "syncCycleId",
    "retryBatchTransferID",
    "sourceCloudAccountId",
    "sourceBucket",
    "sourcePath",
    "sourceCloudAccount",
    "destinationCloudAccountId",
    "destinationBucket",
    "destinationPath",
    "destinationCloudAccount",
    "requestDate",
    "transferStatus",
    "transferType",
    "allowSkip",
    "total",
    "failed",
    "skipped",
    "transferred",
    "totalSize",
    "transferredSize",
    "percent",
    "averageSpeed",
    "data",
    "Total",
    "options",
    "pageSize",
    "type",
    "title",
    "errors",
    "token",
    "expirationDate",
    "createDate",
    "jwtToken",
    "challenge",
    "session",
    "name",
    "USERNAME",
    "accountName",
    "userType",
    "cloudType",
    "active",
    "deleted",
    "shared",
];

/// JSON of any shape, whose names are often ones that are looked for.
fn any_json() -> impl Strategy<Value = Value> {
    let known = vec![
        "0001-01-01T00:00:00",
        "2026-11-23T20:17:00.1234567",
        "00000000-0000-0000-0000-000000000001",
        "DUPLICATE",
        "SESSION_MAXOUT",
        "t0ken+of/ours=",
        "t0ken%2Bof%2Fours%3D",
        "\u{1b}[31m",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        prop::sample::select(known).prop_map(Into::into),
    ];
    let name = prop_oneof![prop::sample::select(NAMES).prop_map(str::to_owned), ".{0,4}"];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn any_status() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(200), 3 => Just(499), 1 => Just(401), 1 => 100_u16..600]
}

fn any_code() -> impl Strategy<Value = Option<String>> {
    let known = vec!["DUPLICATE", "access", " TOKEN ", "SESSION", "DEFAULT", "NOT_FOUND"];
    let code = prop_oneof![prop::sample::select(known).prop_map(str::to_owned), ".{0,80}"];
    prop::option::of(code)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_bytes_are_an_answer_or_refused(
        status in any_status(),
        code in any_code(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        agent_answer::is_read_or_refused(status, code.as_deref(), &body);
    }

    #[test]
    fn any_json_is_an_answer_or_refused(
        status in any_status(),
        code in any_code(),
        value in any_json(),
        cut in 0_usize..400,
    ) {
        let mut text = value.to_string();
        agent_answer::is_read_or_refused(status, code.as_deref(), text.as_bytes());
        let page = format!(r#"{{"data":[{text}],"total":1}}"#);
        agent_answer::is_read_or_refused(status, code.as_deref(), page.as_bytes());
        text.truncate(text.floor_char_boundary(cut));
        agent_answer::is_read_or_refused(status, code.as_deref(), text.as_bytes());
    }

    #[test]
    fn a_page_is_read_as_it_was_written(
        text in "(.{0,20}\n){0,4}.{0,20}",
        spelling in any::<u32>(),
        seconds in any::<u32>(),
    ) {
        agent_answer::a_listed_transfer_is_read_as_it_was_written(&text, spelling, seconds);
    }
}

/// A frame by its first two bytes: whether its rules are kept is open.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let head = prop::sample::select(vec![0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8a, 0xf1]);
    let length = prop_oneof![Just(0), Just(4), Just(125), Just(126), Just(127), Just(0x84)];
    (head, length, prop::collection::vec(any::<u8>(), 0..140)).prop_map(|(head, length, rest)| {
        let mut frame = vec![head, length];
        frame.extend(rest);
        frame
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn any_frames_are_hints_or_the_sockets_end(
        frames in prop::collection::vec(any_frame(), 0..6),
    ) {
        notification::is_a_hint_or_ends_the_socket(&frames.concat());
    }

    #[test]
    fn any_answer_to_the_handshake_is_survived(
        answer in "(HTTP/1.1 101 (Switching|\n)|HTTP/1.1 [0-9]{3}\r\n|[a-z-]{1,9}: \\PC{0,9}\r\n|\r\n|\\PC){0,9}",
    ) {
        notification::is_a_handshake_or_none(answer.as_bytes());
    }
}
