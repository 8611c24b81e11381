//! Tests of the sentences of reasons.

use jiff::SignedDuration;

use super::*;
use crate::ids::JobName;

fn id(text: &str) -> RunId {
    RunId(text.parse().unwrap())
}

const RUN: &str = "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01";

#[test]
fn words_of_others_are_never_taken_for_facts() {
    let words = format!("see run {RUN} of the other tool; attempt 2 of 3 at 2026-11-27T11:51:50Z");
    let since = "2026-11-27T11:51:50Z".parse().unwrap();
    for reason in [
        Reason::Skipped(SkipReason::Paused { since, words: Some(words.clone()) }),
        Reason::Waits(WaitReason::Agent { words: words.clone() }),
        AttemptEnd::Refused { words: words.clone() }.into(),
    ] {
        assert!(reason.to_string().ends_with(&words), "{reason}");
        assert_eq!((reason.blocked_by(), reason.until(), reason.limit()), (None, None, None));
    }
}

#[test]
fn a_reason_within_another_one_keeps_its_facts() {
    let limit = SignedDuration::from_hours(4);
    let late = Reason::from(AttemptEnd::PastTimeout { limit });
    let gone = Reason::NothingLeft { because: Box::new(late), how: NothingLeft::Gone };
    assert_eq!(gone.code(), Some(ReasonCode::Timeout));
    assert_eq!(
        gone.to_string(),
        "past its `timeout` (4h); its transfer is gone from the agent's list"
    );
    let at = Some("2026-11-27T11:51:50Z".parse().unwrap());
    let off = Reason::BackingOff { because: Box::new(gone), attempt: 2, of: 3, at };
    assert_eq!(off.code(), Some(ReasonCode::BackingOff));
    assert_eq!((off.until(), off.limit().as_deref()), (at, Some("4h")));
    let job = Some(JobName::new("weekly"));
    let wait = Reason::from(WaitReason::Destination { run: id(RUN), job });
    let within = SignedDuration::from_hours(2);
    let skipped = Reason::StartWithin { limit: within, waited: Box::new(wait) };
    assert_eq!(skipped.code(), Some(ReasonCode::StartWithin));
    assert_eq!((skipped.blocked_by(), skipped.limit().as_deref()), (Some(id(RUN)), Some("2h")));
    assert_eq!(
        skipped.to_string(),
        format!(
            "could not be queued within `start_within` (2h): for its destination, which run {RUN} \
             of `weekly` writes to or waits for"
        )
    );
}

#[test]
fn a_reason_is_read_back_as_it_was_written() {
    let reason = Reason::AttemptsExhausted {
        because: Box::new(
            AttemptEnd::ObjectsFailed { failed: 1, total: u64::MAX, accepted: false }.into(),
        ),
        attempts: 3,
    };
    let text = serde_json::to_string(&reason).unwrap();
    assert_eq!(
        text,
        "{\"is\":\"attempts_exhausted\",\"because\":{\"is\":\"ended\",\"how\":\"objects_failed\",\
         \"failed\":1,\"total\":18446744073709551615,\"accepted\":false},\"attempts\":3}"
    );
    assert_eq!(serde_json::from_str::<Reason>(&text).unwrap(), reason);
}
