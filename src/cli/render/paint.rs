//! Colours, or none.

use crate::core::run::RunState;

/// Colours text, if it is to be coloured at all.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

/// What a text means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Of little weight.
    Faint,
    /// All is well.
    Good,
    /// Under way.
    Busy,
    /// To be looked at.
    Doubtful,
    /// To be acted on.
    Bad,
}

impl Paint {
    /// The text in its tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Busy => "36",
            Tone::Doubtful => "33",
            Tone::Bad => "31",
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Tone {
    /// What a run's state means to the reader.
    pub fn of(state: RunState) -> Self {
        match state {
            RunState::Succeeded => Self::Good,
            RunState::Submitting | RunState::Queued | RunState::Running => Self::Busy,
            RunState::Waiting
            | RunState::BackingOff
            | RunState::Canceling
            | RunState::Canceled
            | RunState::Skipped => Self::Doubtful,
            RunState::Failed | RunState::TimedOut => Self::Bad,
        }
    }
}
