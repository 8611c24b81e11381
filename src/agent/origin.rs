//! `X-App-Origin`: the value that the agent returns for a request that it has carried out
//! (protocol, rule 14).
//!
//! It names an attempt, and holds no secret: every local process can read it.

use crate::core::ids::{AttemptId, RunId};

/// The name of this header.
pub(super) const HEADER: &str = "x-app-origin";

pub(super) const PREFIX: &str = "transferd/";

/// The header of an attempt's POST.
pub(super) fn of(attempt: AttemptId) -> String {
    format!("{PREFIX}{}-{}", attempt.run, attempt.number)
}

/// The attempt named in a header; absent if it is not one of ours.
pub(super) fn attempt(origin: &str) -> Option<AttemptId> {
    let (run, number) = origin.strip_prefix(PREFIX)?.rsplit_once('-')?;
    Some(AttemptId { run: RunId(run.parse().ok()?), number: number.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_attempt_and_others_name_none() {
        let id = AttemptId { run: RunId(uuid::Uuid::from_u128(7)), number: 12 };
        assert_eq!(attempt(&of(id)), Some(id));
        let own = of(id);
        for odd in ["", "transferd/", "transferd/doctor-1", &own[..own.len() - 2], &own[1..]] {
            assert_eq!(attempt(odd), None, "{odd}");
        }
    }
}
