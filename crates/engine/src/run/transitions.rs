//! Legal transitions: the one table of states for runs, and the one for attempts.
//!
//! Each change of a row is checked against them in tests, in the simulation and under the protocol
//! model, and the diagrams of ARCHITECTURE.md are drawn from them.

use super::{Phase, RunState};

/// The legal transitions of a run's state, and their occasions; from nothing, it begins.
const RUN: &[(Option<RunState>, RunState, &str)] = {
    use RunState::{
        BackingOff, Canceled, Canceling, Failed, Queued, Running, Skipped, Submitting, Succeeded,
        TimedOut, Waiting,
    };
    &[
        (None, Waiting, "occurrence, trigger"),
        (None, Skipped, "overlap, missed"),
        (Some(Waiting), Submitting, "complete look < 1 s old, intent committed"),
        (Some(Waiting), Queued, "another run is told DUPLICATE"),
        (Some(Waiting), Running, "a late transfer turns up"),
        (Some(Waiting), Succeeded, "a late transfer turns up, Completed"),
        (Some(Waiting), Skipped, "start_within"),
        (Some(Waiting), Canceled, "cancel, replace"),
        (Some(Submitting), Queued, "200, or the answer is lost"),
        (Some(Submitting), Waiting, "never sent, bad token, DUPLICATE of another run's"),
        (Some(Submitting), Running, "found before the answer came"),
        (Some(Submitting), Succeeded, "a late transfer turns up, Completed"),
        (Some(Submitting), Failed, "ACCESS, NOT_FOUND, …"),
        (Some(Submitting), Canceling, "cancel"),
        (Some(Queued), Running, "found in get_all"),
        (Some(Queued), Succeeded, "a late transfer turns up, Completed"),
        (Some(Queued), BackingOff, "not found, attempts left"),
        (Some(Queued), Waiting, "our own crash, not found"),
        (Some(Queued), TimedOut, "never listed until timeout"),
        (Some(Queued), Failed, "lost, and no attempt left"),
        (Some(Queued), Canceled, "cancel, nothing of it can be at work"),
        (Some(Queued), Canceling, "cancel"),
        (Some(Running), Succeeded, "Completed"),
        (Some(Running), BackingOff, "Error, partial"),
        (Some(Running), Failed, "no attempt left"),
        (Some(Running), TimedOut, "vanished, and past timeout"),
        (Some(Running), Canceled, "canceled by a person"),
        (Some(Running), Canceling, "cancel, timeout, stall"),
        (Some(Running), Submitting, "its transfer is another attempt's"),
        (Some(Running), Queued, "its transfer is another attempt's"),
        (Some(BackingOff), Waiting, "delay over"),
        (Some(BackingOff), Queued, "another run is told DUPLICATE"),
        (Some(BackingOff), Running, "a late transfer turns up"),
        (Some(BackingOff), Succeeded, "a late transfer turns up, Completed"),
        (Some(BackingOff), Canceled, "cancel"),
        (Some(Canceling), Canceled, "Canceled, or gone"),
        (Some(Canceling), TimedOut, "past timeout"),
        (Some(Canceling), BackingOff, "on_timeout"),
        (Some(Canceling), Succeeded, "Completed wins"),
    ]
};

/// The legal transitions of an attempt's phase, and their occasions; from nothing, it begins.
const ATTEMPT: &[(Option<Phase>, Phase, &str)] = {
    use Phase::{Accepted, Closed, GivenUp, Intent, Refused, Uncertain};
    &[
        (None, Intent, "committed before the POST"),
        (Some(Intent), Accepted, "200"),
        (Some(Intent), Refused, "never sent, or refused"),
        (Some(Intent), Uncertain, "the answer is lost, or we died"),
        (Some(Refused), Intent, "sent again: it was never taken"),
        (Some(Uncertain), Accepted, "listed, or told by DUPLICATE"),
        (Some(Uncertain), GivenUp, "complete looks over adopt_window show nothing"),
        (Some(GivenUp), Accepted, "listed after all, or told by DUPLICATE"),
        (Some(GivenUp), Closed, "looked for long enough"),
        (Some(Accepted), GivenUp, "timeout, never listed or gone from the list"),
        (Some(Accepted), Closed, "its transfer is over"),
        (Some(Closed), Accepted, "its transfer is active again"),
    ]
};

/// Whether a run may go from one state to another; to the same state it may for another reason.
pub fn run_may_become(was: Option<RunState>, is: RunState) -> bool {
    was == Some(is) || RUN.iter().any(|(from, to, _)| (*from, *to) == (was, is))
}

/// Whether an attempt may go from one phase to another.
pub fn attempt_may_become(was: Option<Phase>, is: Phase) -> bool {
    was == Some(is) || ATTEMPT.iter().any(|(from, to, _)| (*from, *to) == (was, is))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as a diagram.
    fn diagram<S: Copy>(
        table: &[(Option<S>, S, &str)],
        word: impl Fn(S) -> &'static str,
    ) -> String {
        let mut text = "```mermaid\nstateDiagram-v2\n".to_owned();
        for (from, to, when) in table {
            let from = from.map_or("[*]", &word);
            text.push_str(&format!("    {from} --> {}: {when}\n", word(*to)));
        }
        text + "```\n"
    }

    #[test]
    fn the_diagrams_are_drawn_from_the_tables() {
        let page = include_str!("../../../../ARCHITECTURE.md");
        for wanted in [diagram(RUN, RunState::word), diagram(ATTEMPT, Phase::word)] {
            assert!(page.contains(&wanted), "ARCHITECTURE.md should hold:\n{wanted}");
        }
    }

    #[test]
    fn no_end_is_left_and_each_state_is_reached() {
        for state in RunState::ALL {
            assert!(RUN.iter().any(|(_, to, _)| *to == state), "{state:?} is never reached");
            let leaves = RUN.iter().any(|(from, ..)| *from == Some(state));
            assert_eq!(leaves, !state.is_over(), "{state:?}");
        }
    }
}
