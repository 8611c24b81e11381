//! A sentence whose times are kept apart, so that each reader sees them in their own zone.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::reason::{Plain, Wording};

/// A sentence with times in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phrase(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Piece {
    Words(String),
    Time(Timestamp),
}

impl Phrase {
    /// A sentence with this beginning.
    pub fn new(words: impl Into<String>) -> Self {
        Self(vec![Piece::Words(words.into())])
    }

    /// Appends words.
    #[must_use]
    pub fn words(mut self, words: impl Into<String>) -> Self {
        self.0.push(Piece::Words(words.into()));
        self
    }

    /// Appends a time.
    #[must_use]
    pub fn time(mut self, at: Timestamp) -> Self {
        self.0.push(Piece::Time(at));
        self
    }

    /// The sentence for this reader.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Time(at) => wording.time(*at),
        };
        self.0.iter().map(piece).collect()
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&Plain))
    }
}
