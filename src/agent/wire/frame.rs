//! Frames of the notification socket: those that report an object that could not be transferred, or
//! a request that was carried out.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::object::{Element, ElementSeed, Properties, without_mark};
use super::scalar::{Key, Scalar};
use crate::core::ids::TransferId;

/// The properties of `Data` that we read, in lower case.
const NAMES: [&str; 6] = ["status", "path", "name", "error", "transferid", "origin"];

/// `Type` of a Progress frame.
const PROGRESS: i128 = 1;

/// `Type` of an AppNotification, which comes after every call that is no GET.
const APP: i128 = 4;

/// The content of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadFrame {
    /// An object failed.
    Failed(FailedFrame),
    /// A request with this `X-App-Origin` was carried out.
    Called(String),
}

/// An object that failed, in the agent's words, not yet fit for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedFrame {
    /// Its transfer.
    pub(crate) transfer: TransferId,
    /// Its path.
    pub(crate) path: String,
    /// Why.
    pub(crate) error: String,
}

/// The content of a frame; absent for every other frame, for one about an object without a
/// transfer, and for one about a request without an origin.
pub(crate) fn frame(text: &[u8]) -> Option<ReadFrame> {
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(text));
    let found = deserializer.deserialize_map(FrameVisitor).ok()?;
    deserializer.end().ok()?;
    found
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Option<ReadFrame>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut kind, mut failed, mut called) = (None, None, None);
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if key.0.eq_ignore_ascii_case("type") {
                kind = map.next_value::<Scalar<'de>>()?.whole();
            } else if key.0.eq_ignore_ascii_case("data") {
                if let Element::Object(data) = map.next_value_seed(ElementSeed(&NAMES))? {
                    failed = failed_object(&data).map(ReadFrame::Failed);
                    called = origin(&data).map(ReadFrame::Called);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(match kind {
            Some(PROGRESS) => failed,
            Some(APP) => called,
            Some(_) | None => None,
        })
    }
}

fn origin([.., origin]: &Properties<'_, { NAMES.len() }>) -> Option<String> {
    Some(origin.word()?.to_owned())
}

fn failed_object(data: &Properties<'_, { NAMES.len() }>) -> Option<FailedFrame> {
    let [status, path, name, error, transfer, _] = data;
    if !status.word()?.eq_ignore_ascii_case("failed") {
        return None;
    }
    Some(FailedFrame {
        transfer: TransferId(transfer.uuid()?),
        path: path.word().or(name.word())?.to_owned(),
        error: error.word().unwrap_or("no reason given").to_owned(),
    })
}
