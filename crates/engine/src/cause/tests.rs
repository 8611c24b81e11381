//! Tests of causes: which class words belong to, and which row of the history is ours.

use jiff::Timestamp;
use rstest::rstest;
use uuid::Uuid;

use super::*;
use crate::ids::{TransferId, UserId};
use crate::place::Fingerprint;

fn object(path: &str, error: &str) -> FailedObject {
    FailedObject { path: path.to_owned(), error: error.to_owned() }
}

fn failed(objects: &[(&str, &str)]) -> FailedObjects {
    let mut failed = FailedObjects::default();
    for (path, error) in objects {
        failed.add(object(path, error));
    }
    failed
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn query() -> CauseQuery {
    CauseQuery {
        transfer: TransferId(uuid(1)),
        places: Fingerprint(uuid(2)),
        user: Some(UserId(uuid(3))),
        ended: (at(100), at(200)),
        listed_end: Some(at(149)),
    }
}

/// A row with an id of its own that otherwise fits.
fn row(message: &str) -> HistoryRow {
    HistoryRow {
        id: Some(TransferId(uuid(99))),
        user: Some(UserId(uuid(3))),
        places: Some(Fingerprint(uuid(2))),
        ended_at: Some(at(150)),
        message: Some(message.to_owned()),
    }
}

#[rstest]
#[case("Access Denied", CauseClass::Access)]
#[case("The remote server returned an error: (403) Forbidden.", CauseClass::Access)]
#[case("The specified key does not exist. (NoSuchKey)", CauseClass::Missing)]
#[case("clip-404.mov: checksum mismatch", CauseClass::Checksum)]
#[case("clip-4041.mov could not be read", CauseClass::Other)]
#[case("NO_SPACE_LEFT_ON_DEVICE", CauseClass::Quota)]
#[case("host not found", CauseClass::Network)]
#[case("access denied after 3 time-outs, 503", CauseClass::Network)]
#[case("", CauseClass::Other)]
fn words_speak_of_a_kind(#[case] words: &str, #[case] class: CauseClass) {
    assert_eq!(CauseClass::of(words), class);
}

#[test]
fn a_class_has_one_word_in_json_and_elsewhere() {
    for class in CauseClass::ALL {
        assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{}\"", class.word()));
    }
}

#[test]
fn objects_are_told_by_kind_and_name_the_most_frequent_first() {
    let objects = [
        ("dailies/c.mov", "NoSuchKey"),
        ("dailies/a.mov", "Access Denied"),
        ("dailies/b.mov", "Access Denied"),
    ];
    let cause = Cause::of(None, failed(&objects)).unwrap();
    assert_eq!(cause.summary(), "2 access denied (a.mov, b.mov), 1 missing (c.mov)");
    assert_eq!((cause.message.as_str(), cause.class), ("Access Denied", CauseClass::Access));
    let row = OurRow { message: "2 of 3 failed".to_owned(), certain: true };
    assert_eq!(Cause::of(Some(&row), failed(&objects)).unwrap().message, "2 of 3 failed");
    let alone = Cause::of(Some(&row), FailedObjects::default()).unwrap();
    assert_eq!((alone.summary(), alone.class), ("2 of 3 failed".to_owned(), CauseClass::Other));
    assert_eq!(Cause::of(None, FailedObjects::default()), None);
}

#[test]
fn of_a_flood_of_frames_some_are_kept_and_the_rest_is_counted() {
    let mut flood = FailedObjects::default();
    for number in 0..10_000 {
        flood.add(object(&format!("{number}"), "Access Denied"));
        flood.add(object("0", "timed out"));
    }
    let cause = Cause::of(None, flood).unwrap();
    assert_eq!((cause.objects.len(), cause.objects_more), (50, 9_950));
    assert_eq!(cause.objects[0].error, "timed out");
    assert!(cause.summary().ends_with(", and 9950 more"), "{}", cause.summary());
}

#[test]
fn a_row_is_ours_by_its_id_else_by_places_user_and_end() {
    let query = query();
    let ours = |rows: &[HistoryRow]| query.pick(rows).map(|row| (row.message, row.certain));
    let said = |words: &str, certain| Some((words.to_owned(), certain));
    let named =
        HistoryRow { id: Some(query.transfer), places: None, ended_at: None, ..row("by its id") };
    assert_eq!(ours(&[row("by places"), named]), said("by its id", true));
    assert_eq!(ours(&[row("by places")]), said("by places", true));
    for ended_at in [at(146), at(152)] {
        let other = HistoryRow { ended_at: Some(ended_at), ..row("of another") };
        assert_eq!(ours(&[other]), said("of another", false), "ours may not be there yet");
    }
    let undated = CauseQuery { listed_end: None, ..query.clone() };
    assert_eq!(undated.pick(&[row("alone")]).map(|row| row.certain), Some(false));
    let later = HistoryRow { ended_at: Some(at(151)), ..row("later") };
    assert_eq!(ours(&[later, row("earlier")]), said("later", false), "which of them, who knows");
    for other in [
        HistoryRow { user: Some(UserId(uuid(4))), ..row("another user's") },
        HistoryRow { user: Some(UserId(uuid(4))), id: Some(query.transfer), ..row("with our id") },
        HistoryRow { places: Some(Fingerprint(uuid(5))), ..row("elsewhere") },
        HistoryRow { ended_at: Some(at(99)), ..row("before we asked") },
        HistoryRow { ended_at: None, ..row("whenever") },
        HistoryRow { message: None, ..row("") },
    ] {
        assert_eq!(ours(std::slice::from_ref(&other)), None, "{other:?}");
    }
}

#[test]
fn no_more_objects_are_named_than_have_failed() {
    let mut frames = FailedObjects::default();
    for turn in 0..2 {
        for number in 0..60 {
            let error = if turn == 0 { "connection reset" } else { "Access Denied" };
            frames.add(FailedObject { path: format!("{number}.mov"), error: error.to_owned() });
        }
    }
    let mut cause = Cause::of(None, frames).unwrap();
    cause.keep_to(60);
    assert_eq!((cause.objects.len(), cause.objects_more), (50, 10));
    assert!(cause.summary().ends_with(", and 10 more"), "{}", cause.summary());
    cause.keep_to(7);
    assert_eq!((cause.objects.len(), cause.objects_more), (7, 0));
    cause.keep_to(0);
    assert_eq!(cause.objects.len(), 7, "a listing that counts none says nothing of them");
}
