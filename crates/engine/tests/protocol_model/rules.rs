//! The rules of the protocol that a test can switch off, to show why they are there.

/// A rule, or a part of one that can be dropped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// 1: a record that the look before the POST listed is never ours.
    BaselineIsForeign,
    /// 1: the intent is committed before the POST is sent.
    RecordThenSend,
    /// 2: an answer that is not certain is not a refusal.
    UncertainIsNotRefused,
    /// 2: a DUPLICATE is the lost 200 of an earlier POST, also of another run's.
    DuplicateIsALost200,
    /// 3: one unanswered or unlisted attempt a fingerprint.
    OneAtATime,
    /// 4: the record's user is ours.
    UserIsEvidence,
    /// 4: the record's date lies within the attempt's time.
    DateIsEvidence,
    /// 4: a lost POST may be processed until `request_timeout` + 30 s after it was sent.
    LatePostsCount,
    /// 4: the agent's clock may differ.
    Skew,
    /// 4: a look's reading of the agent's clock widens the tolerance.
    LearnedOffset,
    /// 5: an accepted attempt goes before one that is uncertain or given up; at an agent that hides its
    /// clock, an uncertain one before one that was given up.
    AcceptedFirst,
    /// 5: a record that no attempt can own is foreign, and left alone.
    LeftOverIsForeign,
    /// 6: an uncertain attempt is looked for during `adopt_window`.
    AdoptWindow,
    /// 6 and "Words": an incomplete look never proves absence.
    IncompleteProvesNothing,
    /// 6: our own crash uses up no attempt.
    CrashIsFree,
    /// 6: an uncertain attempt that is not found is given up, and the next one sent.
    GiveUp,
    /// 7: an accepted attempt is waited for, and never repeated.
    AcceptedIsNotRepeated,
    /// 8: a second transfer of a run is canceled when seen active.
    CancelDoubles,
    /// 8: a late transfer of a run that has no other good one is followed.
    FollowLateOnes,
    /// 9: the end of a run closes no attempt.
    WatchOn,
    /// 10: the wish is recorded before the request.
    WishFirst,
    /// 10: requests repeat until the record is terminal.
    RepeatCancels,
    /// 10: absent for `adopt_window`, the run ends.
    VanishedEnds,
    /// 10: Completed wins over our cancel.
    CompletedWins,
    /// 11: after an uncertain or accepted POST that was never found, job and destination are
    /// held.
    HoldWhatMayCome,
    /// 11: time alone frees nothing: an agent that can't be asked may have it.
    LookBeforeFreeing,
    /// 12: `timeout` counts from the commit before the POST.
    TimeoutFromCommit,
    /// 14: a receipt is not proof that a POST was accepted.
    ReceiptIsAHint,
}

impl Rule {
    /// The number in the protocol.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::BaselineIsForeign | Self::RecordThenSend => 1,
            Self::UncertainIsNotRefused | Self::DuplicateIsALost200 => 2,
            Self::OneAtATime => 3,
            Self::UserIsEvidence
            | Self::DateIsEvidence
            | Self::LatePostsCount
            | Self::Skew
            | Self::LearnedOffset => 4,
            Self::AcceptedFirst | Self::LeftOverIsForeign => 5,
            Self::AdoptWindow
            | Self::IncompleteProvesNothing
            | Self::CrashIsFree
            | Self::GiveUp => 6,
            Self::AcceptedIsNotRepeated => 7,
            Self::CancelDoubles | Self::FollowLateOnes => 8,
            Self::WatchOn => 9,
            Self::WishFirst | Self::RepeatCancels | Self::VanishedEnds | Self::CompletedWins => 10,
            Self::HoldWhatMayCome | Self::LookBeforeFreeing => 11,
            Self::TimeoutFromCommit => 12,
            Self::ReceiptIsAHint => 14,
        }
    }
}
