//! Why a request to the agent was not answered. Every text in here has passed `words::fit`.

use super::problem::Problem;
use super::token::TokenProblem;
use super::transport::SendFailure;

/// Why the agent's settings are unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {why}")]
pub struct UnusableSettings {
    /// The wrong key.
    pub(super) key: &'static str,
    /// The problem, to be read after its name or that of an option in its place.
    pub why: String,
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The agent can't be reached: refused, no name, time-out, reset.
    #[error("the agent can't be reached: {0}")]
    Unreachable(String),
    /// The agent's port is held by a user who may not have the token: nothing was sent.
    #[error("{0}")]
    PortHeld(String),
    /// There is no token, or the agent refuses it.
    #[error("{0}")]
    BadToken(String),
    /// The agent refused, with a code of click-api's table.
    #[error("the agent refuses: {words}")]
    Refused {
        /// Its code, in upper case.
        code: String,
        /// Code and message.
        words: String,
    },
    /// The agent has no such route: it is older than the Click API page, or differs from it.
    #[error("the agent does not know `{0}`")]
    NoSuchRoute(&'static str),
    /// An answer that can't be used: other status, oversized, malformed.
    #[error("{0}")]
    Unusable(String),
}

impl From<SendFailure> for AskError {
    fn from(failure: SendFailure) -> Self {
        match failure {
            SendFailure::PortHeld(words) => Self::PortHeld(words),
            SendFailure::NotSent(words)
            | SendFailure::TimedOut(words)
            | SendFailure::Lost(words) => Self::Unreachable(words),
        }
    }
}

impl From<TokenProblem> for AskError {
    fn from(problem: TokenProblem) -> Self {
        match problem {
            TokenProblem::Source(words)
            | TokenProblem::Locked(words)
            | TokenProblem::Refused(words) => Self::BadToken(words),
            TokenProblem::Unreachable(words) => Self::Unreachable(words),
        }
    }
}

impl From<Problem> for AskError {
    fn from(problem: Problem) -> Self {
        if problem.is_about_the_token() {
            Self::BadToken(format!("the agent refuses the token: {}", problem.words))
        } else {
            Self::Refused { code: problem.code.unwrap_or_default(), words: problem.words }
        }
    }
}
