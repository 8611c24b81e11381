//! The agent's answers: good ones, application errors, and anything else.

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use transferd::agent::{AskError, RawAnswer, Readings};
use transferd::core::ids::AccountId;
use transferd::core::place::{Place, TransferRequest};
use transferd::core::transfer::{Refusal, SubmitAnswer, TransferStatus};
use uuid::Uuid;

/// What no reading may tell.
const TOKEN: &str = "t0ken+of/ours=";

/// Words about an answer: what they may hold of the agent's, and what we say around it.
const WORDS_MAX: usize = 500 + 120;

/// So many elements of a list are kept.
const LISTED_MAX: usize = 10_000;

fn answer(status: u16, code: Option<&str>, body: &[u8]) -> RawAnswer {
    RawAnswer {
        status,
        error_code: code.map(str::to_owned),
        date: None,
        asked_at: Timestamp::UNIX_EPOCH,
        answered_at: Timestamp::UNIX_EPOCH,
        body: Ok(body.to_vec()),
    }
}

/// An answer to anything is read or refused in words that are fit to be shown; nothing but a 200
/// is success, and nothing but a code that says so is a certain refusal.
pub fn is_read_or_refused(status: u16, code: Option<&str>, body: &[u8]) {
    let readings = Readings::of(&answer(status, code, body), &SecretString::from(TOKEN));
    match (&readings.submit, status) {
        (SubmitAnswer::Accepted, 200) | (SubmitAnswer::Refused(Refusal::BadToken(_)), 401) => {}
        (SubmitAnswer::Refused(refusal), 499) => words_are_fit(words_of(refusal)),
        (SubmitAnswer::Unclear(words), _) => {
            // A 200 may hold a web page or an error; an empty one is the vendor's success.
            let vendors = status == 200 && body.trim_ascii().is_empty();
            assert!(!vendors && status != 401, "{status}: {words}");
            words_are_fit(words);
        }
        (judged, _) => panic!("{status} is taken for {judged:?}"),
    }
    assert_eq!(readings.cancel.is_ok(), status == 200);
    for error in [
        readings.cancel.err(),
        readings.page.as_ref().err().cloned(),
        readings.user.as_ref().err().cloned(),
        readings.accounts.as_ref().err().cloned(),
        readings.api_tokens.as_ref().err().cloned(),
        readings.minted.as_ref().err().cloned(),
        readings.login.as_ref().err().cloned(),
    ]
    .into_iter()
    .flatten()
    {
        words_are_fit(&error.to_string());
        if let AskError::Refused { code, .. } = &error {
            words_are_fit(code);
        }
    }
    for transfer in readings.page.iter().flatten() {
        let progress = &transfer.progress;
        assert!((0.0..=100.0).contains(&progress.percent), "{progress:?}");
        assert!(progress.speed.is_finite() && progress.speed >= 0.0, "{progress:?}");
        assert!(transfer.requested_at.is_none_or(|at| at > Timestamp::UNIX_EPOCH));
        assert!(!transfer.id.0.is_nil() && transfer.user.is_none_or(|user| !user.0.is_nil()));
    }
    // What is kept is never more than what came.
    if let Ok(user) = &readings.user {
        let kept = [&user.username, &user.account_name, &user.user_type];
        assert!(kept.into_iter().flatten().map(String::len).sum::<usize>() <= body.len() + 400);
    }
    if let Ok(accounts) = &readings.accounts {
        assert!(accounts.len() <= LISTED_MAX);
        accounts.iter().for_each(|account| assert!(!account.provider().is_empty()));
    }
    if let Ok(tokens) = &readings.api_tokens {
        assert!(tokens.len() <= LISTED_MAX);
    }
}

/// A page that an agent writes of a transfer is read as that transfer, however the agent spells
/// names, numbers, dates and states. The first four lines of `text` are buckets and paths, each
/// bit of `spelling` is a choice.
pub fn a_listed_transfer_is_read_as_it_was_written(text: &str, spelling: u32, seconds: u32) {
    let mut lines = text.splitn(4, '\n').map(str::to_owned);
    let mut place = |account| Place {
        account: AccountId(Uuid::from_u128(account)),
        bucket: lines.next().unwrap_or_default(),
        bucket_id: String::new(),
        path: lines.next().unwrap_or_default(),
        id: String::new(),
    };
    let (source, destination) = (place(1), place(2));
    let is = |bit: u32| spelling & (1 << bit) != 0;
    let request =
        TransferRequest { source, destination, allow_skip: is(0), keep_source_tree: false };
    let number = |number: u32| if is(1) { json!(number.to_string()) } else { json!(number) };
    let requested = Timestamp::from_second(1 + i64::from(seconds)).expect("it is a time");
    let date = requested.to_string();
    let date = if is(2) { date.trim_end_matches('Z').to_owned() } else { date };
    let record = object(
        is(3),
        vec![
            ("id", json!(Uuid::from_u128(10))),
            ("sourceCloudAccountId", json!(request.source.account)),
            ("sourceBucket", json!(request.source.bucket)),
            ("sourcePath", json!(request.source.path)),
            ("destinationCloudAccountId", json!(request.destination.account)),
            ("destinationBucket", json!(request.destination.bucket)),
            ("destinationPath", json!(request.destination.path)),
            ("requestDate", json!(date)),
            ("transferStatus", if is(4) { json!("Completed") } else { number(4) }),
            ("allowSkip", if is(5) { json!(is(0).to_string()) } else { json!(is(0)) }),
            ("transferred", number(seconds)),
            ("unheardOf", json!({"id": [text]})),
        ],
    );
    let list = json!([record]);
    let page = if is(6) { list } else { object(is(3), vec![("data", list), ("total", number(1))]) };
    let body = if is(7) { format!("\u{feff}{page:#}") } else { page.to_string() };
    let readings = Readings::of(&answer(200, None, body.as_bytes()), &SecretString::from(TOKEN));
    let transfers = readings.page.unwrap_or_else(|error| panic!("{error}: {body}"));
    let [transfer] = transfers.as_slice() else { panic!("{transfers:?}: {body}") };
    assert_eq!(transfer.fingerprint, request.fingerprint(), "{body}");
    assert_eq!(transfer.loose_fingerprint, request.loose_fingerprint(), "{body}");
    assert_eq!(transfer.requested_at, Some(requested), "{body}");
    assert_eq!(transfer.status, TransferStatus::Completed, "{body}");
    assert_eq!(transfer.progress.objects_transferred, u64::from(seconds), "{body}");
}

/// An object, its names as a .NET writer spells them that keeps its own case or not.
fn object(pascal: bool, entries: Vec<(&str, Value)>) -> Value {
    let spelled = |name: &str| match name.split_at(1) {
        (first, rest) if pascal => first.to_uppercase() + rest,
        (first, rest) => first.to_owned() + rest,
    };
    Value::Object(entries.into_iter().map(|(name, value)| (spelled(name), value)).collect())
}

fn words_of(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::NotSent(words)
        | Refusal::BadToken(words)
        | Refusal::Final(words)
        | Refusal::Duplicate(words) => words,
        Refusal::OtherAccess => "",
    }
}

/// Words may go to a terminal, a log and the database.
fn words_are_fit(words: &str) {
    assert!(!words.contains(TOKEN), "it tells the token: {words}");
    assert!(!words.chars().any(char::is_control), "{words:?}");
    assert!(words.len() <= WORDS_MAX, "{} bytes: {words}", words.len());
}
