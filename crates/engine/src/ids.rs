//! Names and identifiers. Each is a type of its own, so that none can stand in for another.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plain::{composed, is_unseen};

/// The name of a job: its key under `jobs:`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobName(Arc<str>);

impl JobName {
    /// A name from the job file, whose form the config layer has checked, or from a person, in the
    /// form in which names are compared.
    pub fn new(name: &str) -> Self {
        Self(composed(name).as_ref().into())
    }

    /// A name as it was recorded: versions before this one kept names in the form in which the job
    /// file had them.
    pub fn recorded(name: &str) -> Self {
        Self(name.into())
    }

    /// The first character of a text that may not be in a job's name: names are typed into shells
    /// and used in paths, labels, chats and globs, and must be free of special meaning there.
    /// Allowed are letters and digits of any script with their marks, spaces, `.`, `_` and `-`.
    pub fn forbidden_in(text: &str) -> Option<char> {
        let fine =
            |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-') || is_mark(c);
        text.chars().find(|c| !fine(*c) || is_unseen(*c))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A mark that is written over, under or into a letter and takes no room of its own. Marks that
/// take room are letters to `char::is_alphanumeric`.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && textwrap::core::display_width(c.encode_utf8(&mut [0; 4])) == 0
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl std::borrow::Borrow<str> for JobName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

uuid_id!(
    /// One execution of a job.
    RunId
);
uuid_id!(
    /// The agent's own id of a transfer, learned from `get_all`.
    TransferId
);
uuid_id!(
    /// A cloud account of the agent.
    AccountId
);
uuid_id!(
    /// An Amove user.
    UserId
);
uuid_id!(
    /// A message of an alert.
    AlertId
);
uuid_id!(
    /// An entry of `alerts`, by a digest of its channel.
    AlertKey
);

impl RunId {
    /// The id of the run for an occurrence: the same job, occurrence and `generation` always give
    /// the same id, so that an occurrence can have one run only.
    pub fn for_occurrence(job: &JobName, occurrence: jiff::Timestamp, generation: u32) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6d0f_6b0e_93f5_4c0b_9a56_2f6f_33b2_7a01);
        let key = format!("{job}\n{}\n{generation}", occurrence.as_millisecond());
        Self(Uuid::new_v5(&NAMESPACE, key.as_bytes()))
    }
}

/// One attempt of a run: the run, and the attempt's number, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AttemptId {
    /// The run on whose behalf the attempt is made.
    pub run: RunId,
    /// Counted from 1; never reused.
    pub number: u32,
}

/// One agent under one token, as a number that changes with either. A transfer is queued under the
/// access by which the list was read before, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_letters_of_any_script_and_nothing_that_a_shell_or_a_chat_acts_on() {
        for name in [
            "nightly-footage",
            "Tägliche Kopie_2.0",
            "日本",
            "हिन्दी",
            "ที่นี่",
            "cafe\u{301}",
            "Ελλάδα",
        ] {
            assert_eq!(JobName::forbidden_in(name), None, "{name}");
        }
        for odd in "$()`;|&<>*?[]{}'\"\\/!#%^~=+,:@\t\n\u{202e}\u{200b}\u{3164}\u{a0}😀".chars() {
            assert_eq!(JobName::forbidden_in(&format!("a{odd}b")), Some(odd), "{odd:?}");
        }
    }
}
