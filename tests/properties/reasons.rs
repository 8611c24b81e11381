//! Reasons and events of every kind that their types allow.

use jiff::{SignedDuration, Timestamp};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use transferd::core::cause::CauseClass;
use transferd::core::event::{EventKind, Happening};
use transferd::core::ids::{JobName, RunId, TransferId};
use transferd::core::reason::{
    AttemptEnd, CancelReason, Miss, NearMiss, NothingLeft, Reason, ReasonCode, SkipReason,
    UnderWay, WaitReason,
};
use uuid::Uuid;

use crate::rows::{any_duration, any_instant, any_state, any_uuid};

/// What variants are filled with.
#[derive(Clone, Debug)]
struct Filling {
    run: RunId,
    other: Option<RunId>,
    job: Option<JobName>,
    transfer: TransferId,
    words: String,
    number: u32,
    counts: (u64, u64),
    flag: bool,
    limit: SignedDuration,
    at: Timestamp,
    perhaps: Option<Timestamp>,
}

fn filling() -> impl Strategy<Value = Filling> {
    (
        (any_uuid(), option::of(any_uuid()), any::<Option<String>>(), any::<String>()),
        (any::<u32>(), any::<(u64, u64)>(), any::<bool>()),
        (any_duration(), any_instant(), option::of(any_instant())),
    )
        .prop_map(
            |((run, other, job, words), (number, counts, flag), (limit, at, perhaps))| Filling {
                run: RunId(run),
                other: other.map(RunId),
                job: job.as_deref().map(JobName::new),
                transfer: TransferId(Uuid::from_u128(run.as_u128() ^ 1)),
                words,
                number,
                counts,
                flag,
                limit,
                at,
                perhaps,
            },
        )
}

/// Any code.
pub(crate) fn any_code() -> impl Strategy<Value = ReasonCode> {
    select(ReasonCode::ALL.to_vec())
}

fn simple(filling: Filling) -> Vec<Reason> {
    let waits = waits(&filling).into_iter().map(Reason::from);
    let under_way = under_way(&filling).into_iter().map(Reason::from);
    let ends = ends(&filling).into_iter().map(Reason::from);
    let Filling { run, other, words, limit, at, flag, .. } = filling;
    let by = flag.then(|| words.clone());
    let cancels = [
        CancelReason::Operator { name: flag.then(|| words.clone()) },
        CancelReason::Person,
        CancelReason::NewerOccurrence,
        CancelReason::EndOfRun,
        CancelReason::LateTransfer,
        CancelReason::SecondTransfer,
        CancelReason::ReturnedTransfer,
    ];
    let skips = [
        SkipReason::Overlap { active: run, since: at, held: other },
        SkipReason::Paused { since: at, words: flag.then(|| words.clone()) },
        SkipReason::OverlapOfEnded { active: run, until: at },
        SkipReason::CatchUpNone,
        SkipReason::CatchUpWindow { limit },
        SkipReason::Superseded,
    ];
    let told = Reason::Recorded { code: flag.then_some(ReasonCode::Timeout), words };
    let openings = [
        Reason::Due,
        Reason::CaughtUp,
        Reason::Triggered { by: by.clone() },
        Reason::Retried { of: run, by: by.clone() },
        Reason::Backfilled { by: by.clone() },
        Reason::NextAttempt,
        Reason::SentAgain,
        told,
    ];
    let others = cancels.into_iter().map(Reason::from).chain(skips.into_iter().map(Reason::from));
    openings.into_iter().chain(waits).chain(under_way).chain(ends).chain(others).collect()
}

fn waits(filling: &Filling) -> Vec<WaitReason> {
    let Filling { run, job, words, number, .. } = filling.clone();
    vec![
        WaitReason::Run { run, job: job.clone() },
        WaitReason::LastTransfer { run, job: job.clone() },
        WaitReason::LastRequest,
        WaitReason::Identical { run, job: job.clone() },
        WaitReason::Destination { run, job },
        WaitReason::Slot { limit: number },
        WaitReason::Agent { words: words.clone() },
        WaitReason::Port { words: words.clone() },
        WaitReason::Token { words: words.clone() },
        WaitReason::Listing { words },
        WaitReason::List,
        WaitReason::Look,
    ]
}

fn under_way(filling: &Filling) -> Vec<UnderWay> {
    let Filling { transfer, words, number, flag, at, .. } = filling.clone();
    vec![
        UnderWay::Asking { attempt: number },
        UnderWay::Accepted,
        UnderWay::AnswerLost { words: words.clone() },
        UnderWay::UnclearAnswer { answer: words.clone() },
        UnderWay::AnswerLostInCrash,
        UnderWay::AcceptedAfterAll { attempt: number, words: words.clone() },
        UnderWay::LastAnswerLost { answer: flag.then(|| words.clone()) },
        UnderWay::UnknownStatus { transfer, status: words },
        UnderWay::Listed { transfer },
        UnderWay::Gone { transfer, since: at, until: at },
        UnderWay::Follows { attempt: number, transfer, late: flag },
    ]
}

fn ends(filling: &Filling) -> Vec<AttemptEnd> {
    let Filling { words, counts, flag, limit, .. } = filling.clone();
    vec![
        AttemptEnd::Completed { transferred: counts.0, skipped: counts.1 },
        AttemptEnd::ObjectsFailed { failed: counts.0, total: counts.1, accepted: flag },
        AttemptEnd::ObjectsMissing {
            missing: counts.0,
            failed: counts.1,
            transferred: counts.0,
            total: counts.1,
            accepted: flag,
        },
        AttemptEnd::UnknownStatus { status: words.clone() },
        AttemptEnd::Empty,
        AttemptEnd::AgentError,
        AttemptEnd::Refused { words: words.clone() },
        AttemptEnd::NotSent { words: words.clone() },
        AttemptEnd::TokenRefused { words: words.clone() },
        AttemptEnd::Caused {
            end: Box::new(AttemptEnd::AgentError),
            summary: words.clone(),
            lasting: flag.then_some(CauseClass::Missing),
        },
        AttemptEnd::NotFound { words: flag.then(|| words.clone()), answer: None, searched: flag },
        AttemptEnd::NotFound { words: None, answer: Some(words.clone()), searched: flag },
        AttemptEnd::NeverListed { limit, unseen: false },
        AttemptEnd::NeverListed { limit, unseen: true },
        AttemptEnd::PastTimeout { limit },
        AttemptEnd::UnfoundPastTimeout { limit, answer: flag.then(|| words.clone()), unseen: flag },
        AttemptEnd::CanceledPastTimeout { limit },
        AttemptEnd::Stalled { limit },
        AttemptEnd::RequestLost { answer: flag.then(|| words.clone()) },
        AttemptEnd::LostUntilTimeout { limit, answer: flag.then(|| words.clone()) },
        AttemptEnd::LostUntilNext { answer: flag.then_some(words) },
        AttemptEnd::Vanished { canceling: flag },
    ]
}

fn any_simple() -> impl Strategy<Value = Reason> {
    filling().prop_flat_map(|filling| select(simple(filling)))
}

/// Any reason, with others in it.
pub(crate) fn any_reason() -> impl Strategy<Value = Reason> {
    let within = (any_simple(), filling()).prop_flat_map(|(inner, filling)| {
        let because = Box::new(inner.clone());
        let Filling { number, limit, perhaps, at, .. } = filling;
        select(vec![
            Reason::AnotherUnderWay { attempt: number, because: because.clone(), other: number },
            Reason::BackingOff { because: because.clone(), attempt: number, of: 3, at: perhaps },
            Reason::CanceledOnceListed { because: because.clone(), until: at },
            Reason::ListedLate { because: because.clone() },
            Reason::NothingLeft { because: because.clone(), how: NothingLeft::Gone },
            Reason::NothingLeft { because: because.clone(), how: NothingLeft::NotQueued },
            Reason::NothingLeft { because: because.clone(), how: NothingLeft::Failed },
            Reason::AttemptsExhausted { because: because.clone(), attempts: number },
            Reason::StartWithin { limit, waited: because },
            inner,
        ])
    });
    within.boxed()
}

/// Anything that may happen to a run.
pub(crate) fn any_happening() -> impl Strategy<Value = Happening> {
    let kinds = select(EventKind::all().collect::<Vec<_>>());
    (any_reason(), any_state(), kinds, filling()).prop_flat_map(|(reason, state, kind, filling)| {
        let Filling { transfer, words, number: attempt, limit, flag, at, .. } = filling;
        let differs = Miss::Date;
        select(vec![
            Happening::State { state, reason: reason.clone() },
            Happening::Accepted { attempt },
            Happening::Receipt { attempt },
            Happening::AcceptedAfterAll { attempt, words: words.clone() },
            Happening::Uncertain { attempt, reason: reason.clone() },
            Happening::Refused { attempt, words: words.clone() },
            Happening::Listed { attempt, transfer },
            Happening::TransferEnded { attempt, transfer: Some(transfer), reason: reason.clone() },
            Happening::GivenUp { attempt, reason },
            Happening::Doubled,
            Happening::Ambiguous { transfer },
            Happening::NearMiss(NearMiss { transfer, differs, off: Some(limit), exclusive: flag }),
            Happening::Unrecorded { transfer, requested_at: at },
            Happening::UnknownStatus { transfer, status: words.clone() },
            Happening::CancelRequested { transfer },
            Happening::CancelRefused { words: words.clone() },
            Happening::Paused { attempt },
            Happening::Resumed { attempt },
            Happening::Recorded { kind, words },
        ])
    })
}
