//! Frames of the notification socket, as far as they say that an object could not be transferred.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::object::{Element, ElementSeed, Properties, without_mark};
use super::scalar::{Key, Scalar};
use crate::core::ids::TransferId;

/// The properties of `Data` that we read, in lower case.
const NAMES: [&str; 5] = ["status", "path", "name", "error", "transferid"];

/// `Type` of a Progress frame.
const PROGRESS: i128 = 1;

/// An object that failed, in the agent's words, which are not fit to be shown yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedFrame {
    /// Its transfer.
    pub(crate) transfer: TransferId,
    /// Its path.
    pub(crate) path: String,
    /// Why.
    pub(crate) error: String,
}

/// What a frame says of an object that failed; absent for every other frame, and for one that
/// names no transfer.
pub(crate) fn failed_frame(text: &[u8]) -> Option<FailedFrame> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(text));
    let found = deserializer.deserialize_map(FrameVisitor).ok()?;
    deserializer.end().ok()?;
    found
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Option<FailedFrame>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut is_progress, mut failed) = (false, None);
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if key.0.eq_ignore_ascii_case("type") {
                let kind: Scalar<'de> = map.next_value()?;
                is_progress = kind.whole() == Some(PROGRESS);
            } else if key.0.eq_ignore_ascii_case("data") {
                if let Element::Object(data) = map.next_value_seed(ElementSeed(&NAMES))? {
                    failed = of_data(&data);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(failed.filter(|_| is_progress))
    }
}

fn of_data(data: &Properties<'_, { NAMES.len() }>) -> Option<FailedFrame> {
    let [status, path, name, error, transfer] = data;
    if !status.word()?.eq_ignore_ascii_case("failed") {
        return None;
    }
    Some(FailedFrame {
        transfer: TransferId(transfer.uuid()?),
        path: path.word().or(name.word())?.to_owned(),
        error: error.word().unwrap_or("no reason given").to_owned(),
    })
}
