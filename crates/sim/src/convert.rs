//! Converts the world's records directly to the engine's, without JSON.

use jiff::{SignedDuration, Timestamp};

use crate::world::{Outcome, ProblemCode, SimTransfer, World};
use transferd_engine::transfer::{
    AgentState, CancelAnswer, LookFailure, Refusal, SubmitAnswer, Transfer,
};

/// A record as the engine gets it.
pub fn transfer(world: &World, found: &SimTransfer, now: Timestamp) -> Transfer {
    Transfer {
        id: found.id,
        user: world.reports_user(found.id).then_some(found.user),
        fingerprint: found.fingerprint,
        if_it_skips: None,
        may_be_of: Vec::new(),
        tells_no_progress: false,
        loose_fingerprint: found.loose_fingerprint,
        of_sync: found.sync_cycle.is_some(),
        of_retry_batch: found.retry_batch.is_some(),
        kind: Some(found.kind),
        requested_at: Some(found.requested_at),
        ended_at: found.ended_at.and_then(|at| at.checked_add(world.options().clock_skew).ok()),
        status: found.status,
        unknown_status: None,
        progress: found.progress(now),
    }
}

/// The meaning of a POST's outcome (protocol, rule 2).
pub fn submit_answer(outcome: &Outcome<()>) -> SubmitAnswer {
    let words = outcome.word().to_owned();
    match outcome {
        // A 200 that could not be read to its end is still a 200.
        Outcome::Answer(()) | Outcome::Oversized => SubmitAnswer::Accepted,
        Outcome::Unauthorized => SubmitAnswer::Refused(Refusal::BadToken(words)),
        Outcome::Problem(ProblemCode::Duplicate) => {
            SubmitAnswer::Refused(Refusal::Duplicate(words))
        }
        Outcome::Problem(code) if ProblemCode::BAD_TOKEN.contains(code) => {
            SubmitAnswer::Refused(Refusal::BadToken(words))
        }
        Outcome::Problem(code) if ProblemCode::FINAL.contains(code) => {
            SubmitAnswer::Refused(Refusal::Final(words))
        }
        Outcome::Problem(_)
        | Outcome::ServerError
        | Outcome::Malformed
        | Outcome::Redirected => SubmitAnswer::Unclear(words),
        Outcome::Dropped
        | Outcome::Stalled
        // The agent was there when the request was sent: the connection broke on the way.
        | Outcome::NotReached => SubmitAnswer::Uncertain(words),
    }
}

/// The meaning of a cancel's outcome.
pub fn cancel_answer(outcome: &Outcome<()>) -> CancelAnswer {
    match outcome {
        Outcome::Answer(()) => CancelAnswer::Taken,
        other => CancelAnswer::NotTaken(other.word().to_owned()),
    }
}

/// The answer within `patience`, or the reason why there is none, and the time at which that is
/// known.
pub fn within<T>(
    outcome: Outcome<T>,
    after: SignedDuration,
    patience: SignedDuration,
) -> (SignedDuration, Result<T, LookFailure>) {
    if after > patience || matches!(outcome, Outcome::Stalled) {
        return (patience, Err(LookFailure::Unreachable("timed out".to_owned())));
    }
    let word = outcome.word().to_owned();
    // Its state is in another answer.
    let bad_token = |words| LookFailure::BadToken { words, agent: AgentState::Unknown };
    let failure: fn(String) -> LookFailure = match outcome {
        Outcome::Answer(answer) => return (after, Ok(answer)),
        Outcome::Unauthorized => bad_token,
        Outcome::Problem(code) if ProblemCode::BAD_TOKEN.contains(&code) => bad_token,
        Outcome::Dropped | Outcome::NotReached | Outcome::Stalled => LookFailure::Unreachable,
        Outcome::Problem(_)
        | Outcome::ServerError
        | Outcome::Malformed
        | Outcome::Oversized
        | Outcome::Redirected => LookFailure::Unusable,
    };
    (after, Err(failure(word)))
}
