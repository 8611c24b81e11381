//! The remedy for a token that is missing or refused, in words for a person at a terminal.

use super::{TokenKeeper, TokenProblem};
use crate::core::job::TokenRenewal;

impl TokenKeeper {
    /// How a command that was refused gets a good token; empty if its problem says that.
    pub fn hint(&self) -> &'static str {
        match (self.renewal(), self.known_problem()) {
            (TokenRenewal::ByItself, _) => "",
            (_, Some(TokenProblem::Locked(_))) => {
                "`chown` gives the file to that user; or be the user that it belongs to"
            }
            (TokenRenewal::ByCommand, _) => "`transferd login` gets a token",
            (TokenRenewal::ByVariable, _) => {
                "a command reads the variable from its own environment: set it there, and where \
                 the daemon is started"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::settings::TokenSource;

    #[test]
    fn a_file_that_may_not_be_read_is_not_mended_by_another_token() {
        let path = PathBuf::from("/nowhere/token");
        let keeper = TokenKeeper::new(TokenSource::File(path), |_| None);
        assert!(keeper.hint().contains("`transferd login`"));
        keeper.state().last = Some(Err(TokenProblem::Locked("locked".to_owned())));
        assert!(keeper.hint().contains("`chown`"));
    }
}
