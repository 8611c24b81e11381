//! Faults of requests: at random by rates, or as planned for a number of the next requests.
//!
//! Decides what a fault means for the answer, and also whether the request still takes effect, so
//! that every endpoint asks the same two questions.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::api::{Endpoint, Outcome, ProblemCode};
use super::chance::Chance;
use super::options::Span;

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection dies before the agent has acted.
    LoseBefore,
    /// The connection dies after the agent has acted.
    LoseAfter,
    /// The connection dies at once; the agent acts this much later.
    Late(SignedDuration),
    /// No answer comes and the agent does not act.
    StallBefore,
    /// The agent acts, and no answer comes.
    StallAfter,
    /// 500, and the agent has not acted.
    ErrorBefore,
    /// 500, and the agent has acted.
    ErrorAfter,
    /// 499 with this code; the agent has not acted.
    Problem(ProblemCode),
    /// 499 with this code, and the agent has acted.
    ProblemAfter(ProblemCode),
    /// 401.
    Unauthorized,
    /// The agent acts, and its answer can't be read.
    Malformed,
    /// The agent acts, and its answer has no end.
    Oversized,
    /// A redirect to somewhere else; the agent does not act.
    Redirect,
    /// The answer is delayed by this much; nothing else is wrong.
    Slow(SignedDuration),
}

impl Fault {
    /// True if the agent still acts on the request at once.
    pub(crate) fn acts(self) -> bool {
        match self {
            Self::LoseAfter
            | Self::StallAfter
            | Self::ErrorAfter
            | Self::ProblemAfter(_)
            | Self::Malformed
            | Self::Oversized
            | Self::Slow(_) => true,
            Self::LoseBefore
            | Self::Late(_)
            | Self::StallBefore
            | Self::ErrorBefore
            | Self::Problem(_)
            | Self::Unauthorized
            | Self::Redirect => false,
        }
    }

    /// The outcome for the client, in place of the `honest` one.
    pub(crate) fn outcome<T>(self, honest: Outcome<T>) -> Outcome<T> {
        match self {
            Self::LoseBefore | Self::LoseAfter | Self::Late(_) => Outcome::Dropped,
            Self::StallBefore | Self::StallAfter => Outcome::Stalled,
            Self::ErrorBefore | Self::ErrorAfter => Outcome::ServerError,
            Self::Problem(code) | Self::ProblemAfter(code) => Outcome::Problem(code),
            Self::Unauthorized => Outcome::Unauthorized,
            Self::Malformed => Outcome::Malformed,
            Self::Oversized => Outcome::Oversized,
            Self::Redirect => Outcome::Redirected,
            Self::Slow(_) => honest,
        }
    }

    /// The delay of the answer.
    pub(crate) fn delay(self) -> SignedDuration {
        match self {
            Self::Slow(by) => by,
            Self::LoseBefore
            | Self::LoseAfter
            | Self::Late(_)
            | Self::StallBefore
            | Self::StallAfter
            | Self::ErrorBefore
            | Self::ErrorAfter
            | Self::Problem(_)
            | Self::ProblemAfter(_)
            | Self::Unauthorized
            | Self::Malformed
            | Self::Oversized
            | Self::Redirect => SignedDuration::ZERO,
        }
    }

    /// One word, for counting and traces.
    pub fn word(self) -> &'static str {
        match self {
            Self::LoseBefore => "lost_before",
            Self::LoseAfter => "lost_after",
            Self::Late(_) => "late",
            Self::StallBefore => "stalled_before",
            Self::StallAfter => "stalled_after",
            Self::ErrorBefore => "error_before",
            Self::ErrorAfter => "error_after",
            Self::Problem(_) => "problem_before",
            Self::ProblemAfter(_) => "problem_after",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::Redirect => "redirected",
            Self::Slow(_) => "slow",
        }
    }
}

/// A fault for a number of the next requests of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The fault.
    pub fault: Fault,
    /// The number of requests left.
    #[serde(default = "once")]
    pub times: u32,
    /// The number of requests before it without a fault.
    #[serde(default)]
    pub skip: u32,
}

fn once() -> u32 {
    1
}

/// How often requests fail, as probabilities for each request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultRates {
    /// A POST's connection dies before acceptance.
    pub post_lost_before: f64,
    /// A POST's connection dies after acceptance.
    pub post_lost_after: f64,
    /// A POST is processed after its connection died.
    pub post_late: f64,
    /// The delay of that.
    pub post_late_by: Span,
    /// A POST is accepted and never answered.
    pub post_stalled: f64,
    /// A POST is answered with 500, unaccepted.
    pub post_error_before: f64,
    /// A POST is answered with 500, accepted.
    pub post_error_after: f64,
    /// A POST is answered with a 499 of the "later" kind, unaccepted.
    pub post_problem_before: f64,
    /// A POST is answered with a 499 of the "later" kind, accepted.
    pub post_problem_after: f64,
    /// A POST is refused for good.
    pub post_refused: f64,
    /// A listing's connection dies, or it is answered with 500, 499 or nonsense.
    pub list_failed: f64,
    /// A listing is never answered.
    pub list_stalled: f64,
    /// A cancel's connection dies before the agent has acted.
    pub cancel_lost_before: f64,
    /// A cancel's connection dies after the agent has acted.
    pub cancel_lost_after: f64,
    /// A cancel is answered with 500 or a 499, not taken.
    pub cancel_failed: f64,
    /// A cancel is taken and forgotten.
    pub cancel_ignored: f64,
    /// A cancel comes too late: the transfer completes.
    pub cancel_outrun: f64,
    /// Any other request's connection dies.
    pub other_lost: f64,
    /// Any request with a token is answered with 401 or a 499 that blames the token.
    pub bad_token: f64,
    /// Any answer is held back.
    pub slow: f64,
    /// The length of that.
    pub slow_by: Span,
}

impl Default for FaultRates {
    fn default() -> Self {
        Self {
            post_lost_before: 0.0,
            post_lost_after: 0.0,
            post_late: 0.0,
            post_late_by: Span::millis(100, 45_000),
            post_stalled: 0.0,
            post_error_before: 0.0,
            post_error_after: 0.0,
            post_problem_before: 0.0,
            post_problem_after: 0.0,
            post_refused: 0.0,
            list_failed: 0.0,
            list_stalled: 0.0,
            cancel_lost_before: 0.0,
            cancel_lost_after: 0.0,
            cancel_failed: 0.0,
            cancel_ignored: 0.0,
            cancel_outrun: 0.0,
            other_lost: 0.0,
            bad_token: 0.0,
            slow: 0.0,
            slow_by: Span::millis(100, 20_000),
        }
    }
}

impl FaultRates {
    /// Draws a fault for a request of this endpoint.
    pub(crate) fn draw(&self, endpoint: Endpoint, chance: &mut Chance) -> Option<Fault> {
        let takes_token =
            ![Endpoint::Status, Endpoint::Update, Endpoint::Login].contains(&endpoint);
        if takes_token && chance.happens(self.bad_token) {
            let code = ProblemCode::BAD_TOKEN[chance.below(ProblemCode::BAD_TOKEN.len())];
            let plain = chance.happens(0.5);
            return Some(if plain { Fault::Unauthorized } else { Fault::Problem(code) });
        }
        let drawn = match endpoint {
            Endpoint::Post => self.draw_post(chance),
            Endpoint::List => self.draw_list(chance),
            Endpoint::Cancel => self.draw_cancel(chance),
            Endpoint::Status
            | Endpoint::Start
            | Endpoint::Update
            | Endpoint::User
            | Endpoint::Login
            | Endpoint::ApiToken
            | Endpoint::Accounts
            | Endpoint::History => chance.happens(self.other_lost).then_some(Fault::LoseBefore),
        };
        if drawn.is_none() && chance.happens(self.slow) {
            return Some(Fault::Slow(chance.span(self.slow_by)));
        }
        drawn
    }

    fn draw_post(&self, chance: &mut Chance) -> Option<Fault> {
        if chance.happens(self.post_lost_before) {
            return Some(Fault::LoseBefore);
        }
        if chance.happens(self.post_lost_after) {
            return Some(Fault::LoseAfter);
        }
        if chance.happens(self.post_late) {
            return Some(Fault::Late(chance.span(self.post_late_by)));
        }
        if chance.happens(self.post_stalled) {
            return Some(Fault::StallAfter);
        }
        if chance.happens(self.post_error_before) {
            return Some(Fault::ErrorBefore);
        }
        if chance.happens(self.post_error_after) {
            return Some(Fault::ErrorAfter);
        }
        if chance.happens(self.post_problem_before) {
            return Some(Fault::Problem(uncertain(chance)));
        }
        if chance.happens(self.post_problem_after) {
            return Some(Fault::ProblemAfter(uncertain(chance)));
        }
        if chance.happens(self.post_refused) {
            let code = ProblemCode::FINAL[chance.below(ProblemCode::FINAL.len())];
            return Some(Fault::Problem(code));
        }
        None
    }

    fn draw_list(&self, chance: &mut Chance) -> Option<Fault> {
        if chance.happens(self.list_stalled) {
            return Some(Fault::StallBefore);
        }
        if !chance.happens(self.list_failed) {
            return None;
        }
        Some(match chance.below(4) {
            0 => Fault::ErrorBefore,
            1 => Fault::Problem(uncertain(chance)),
            2 => Fault::Malformed,
            _ => Fault::LoseBefore,
        })
    }

    fn draw_cancel(&self, chance: &mut Chance) -> Option<Fault> {
        if chance.happens(self.cancel_lost_before) {
            return Some(Fault::LoseBefore);
        }
        if chance.happens(self.cancel_lost_after) {
            return Some(Fault::LoseAfter);
        }
        if chance.happens(self.cancel_failed) {
            let plain = chance.happens(0.5);
            return Some(if plain {
                Fault::ErrorBefore
            } else {
                Fault::Problem(uncertain(chance))
            });
        }
        None
    }
}

fn uncertain(chance: &mut Chance) -> ProblemCode {
    ProblemCode::UNCERTAIN[chance.below(ProblemCode::UNCERTAIN.len())]
}
