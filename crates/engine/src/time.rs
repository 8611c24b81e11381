//! Arithmetic on times that can't fail.

use jiff::{SignedDuration, Timestamp};

/// A time moved by a duration, kept within the range of timestamps.
pub fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}
