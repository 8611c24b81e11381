//! Colors, or none.

use crate::core::run::RunState;

/// The beginning of a color code. No other text contains it (`fit`).
const BEGIN: &str = "\x1b[";

/// Colors text, if it is to be colored at all.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

/// The meaning of a text to the reader.
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
        match tone.code() {
            Some(code) if self.0 => format!("{BEGIN}{code}m{text}{BEGIN}0m"),
            Some(_) | None => text.to_owned(),
        }
    }
}

/// A painted text in parts of one tone each.
pub fn parts(painted: &str) -> Vec<(Tone, &str)> {
    let mut parts = painted.split(BEGIN);
    let first = parts.next().map(|text| (Tone::Plain, text));
    let rest = parts.filter_map(|part| part.split_once('m'));
    let rest = rest.map(|(code, text)| (Tone::of_code(code), text));
    first.into_iter().chain(rest).filter(|(_, text)| !text.is_empty()).collect()
}

impl Tone {
    const ALL: [Self; 7] =
        [Self::Plain, Self::Strong, Self::Faint, Self::Good, Self::Busy, Self::Doubtful, Self::Bad];

    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Busy => Some("36"),
            Self::Doubtful => Some("33"),
            Self::Bad => Some("31"),
        }
    }

    fn of_code(code: &str) -> Self {
        let tone = Self::ALL.into_iter().find(|tone| tone.code() == Some(code));
        tone.unwrap_or(Self::Plain)
    }

    /// The meaning of a run's state to the reader.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_painted_text_comes_apart_into_its_tones() {
        for tone in Tone::ALL {
            let painted = format!("a {} c", Paint(true).tone(tone, "b\n b"));
            let apart = parts(&painted);
            let whole: String = apart.iter().map(|(_, text)| *text).collect();
            assert_eq!(whole, "a b\n b c");
            assert!(tone == Tone::Plain || apart.contains(&(tone, "b\n b")), "{apart:?}");
        }
    }
}
