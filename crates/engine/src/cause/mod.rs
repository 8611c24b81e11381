//! Why a transfer failed, wholly or in part, as the agent reports it: a row of its transfer
//! history, and the notification frames that name objects.
//!
//! A row is evidence once it is known to be ours. Frames are not: any local process can send one.
//! They are shown to people, but only a row can decide that a retry is of no use.

mod class;
mod row;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use class::CauseClass;
pub(crate) use row::END_SLACK;
pub use row::{CauseQuery, HistoryRow, OurRow};

use super::limits::{FAILED_OBJECTS_MAX, NAMED_OBJECTS_MAX, WORDS_MAX};
use super::plain::one_line;

/// An object that could not be transferred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedObject {
    /// Its path.
    pub path: String,
    /// Why, in the agent's words.
    pub error: String,
}

impl FailedObject {
    /// The last part of its path, the name that people know.
    fn name(&self) -> &str {
        self.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&self.path)
    }
}

/// The objects of one transfer that were named in frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedObjects {
    /// The first [`FAILED_OBJECTS_MAX`], each once.
    kept: Vec<FailedObject>,
    /// How often another one was named.
    more: u64,
}

impl FailedObjects {
    /// Adds one. The last report on an object counts.
    pub fn add(&mut self, object: FailedObject) {
        if let Some(known) = self.kept.iter_mut().find(|known| known.path == object.path) {
            known.error = object.error;
        } else if self.kept.len() < FAILED_OBJECTS_MAX {
            self.kept.push(object);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// Why a transfer failed, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// In the agent's words: the row's, else the most frequent of the frames.
    pub message: String,
    /// What kind most of it is of.
    pub class: CauseClass,
    /// Objects that failed, as frames have named them.
    pub objects: Vec<FailedObject>,
    /// How many more were named.
    pub objects_more: u64,
}

impl Cause {
    /// The cause according to a row and frames; absent if neither has one.
    pub fn of(row: Option<&OurRow>, failed: FailedObjects) -> Option<Self> {
        let FailedObjects { kept: objects, more: objects_more } = failed;
        let said = most_frequent(objects.iter().map(|object| object.error.as_str()));
        let message = row.map(|row| row.message.as_str()).or(said)?.to_owned();
        let classes = objects.iter().map(|object| CauseClass::of(&object.error));
        let class = most_frequent(classes).unwrap_or_else(|| CauseClass::of(&message));
        Some(Self { message, class, objects, objects_more })
    }

    /// Names no more objects than have failed according to the listing, which counts: frames may
    /// come twice, and name an object that was copied in the end. If the listing counts none, all
    /// are kept.
    pub fn keep_to(&mut self, failed: u64) {
        if failed == 0 {
            return;
        }
        let most = usize::try_from(failed).unwrap_or(usize::MAX);
        if most < self.objects.len() {
            self.objects.truncate(most);
            // Objects that are not kept decide nothing.
            self.class = most_frequent(self.classes()).unwrap_or(self.class);
        }
        let rest = failed.saturating_sub(self.objects.len() as u64);
        self.objects_more = self.objects_more.min(rest);
    }

    /// In a line: `2 access denied (a.mov, b.mov), 1 missing (c.mov)`, or the message where no
    /// object is named.
    pub fn summary(&self) -> String {
        let mut classes: Vec<(CauseClass, Vec<&str>)> = Vec::new();
        for object in &self.objects {
            let class = CauseClass::of(&object.error);
            match classes.iter_mut().find(|(known, _)| *known == class) {
                Some((_, names)) => names.push(object.name()),
                None => classes.push((class, vec![object.name()])),
            }
        }
        // Stable: of equals, the one that came first.
        classes.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
        let group = |(class, names): &(CauseClass, Vec<&str>)| {
            let shown =
                names.iter().take(NAMED_OBJECTS_MAX).copied().collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMED_OBJECTS_MAX { ", …" } else { "" };
            format!("{} ({shown}{more})", class.summary(names.len()))
        };
        let mut text = classes.iter().map(group).collect::<Vec<_>>().join(", ");
        if text.is_empty() {
            text.clone_from(&self.message);
        } else if self.objects_more > 0 {
            text.push_str(&format!(", and {} more", self.objects_more));
        }
        one_line(&text, WORDS_MAX)
    }

    fn classes(&self) -> impl Iterator<Item = CauseClass> {
        self.objects.iter().map(|object| CauseClass::of(&object.error))
    }

    /// True if a named object failed in a way that another try may fix.
    pub fn may_be_mended(&self) -> bool {
        self.classes().any(|class| !class.outlasts_retries())
    }
}

/// The most frequent item; of equals, the first.
fn most_frequent<T: PartialEq>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for item in items {
        match counts.iter_mut().find(|(known, _)| *known == item) {
            Some((_, count)) => *count += 1,
            None => counts.push((item, 1)),
        }
    }
    counts.reverse();
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(item, _)| item)
}
