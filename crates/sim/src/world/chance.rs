//! Random choices, all drawn from one seed whose state can be saved and restored.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::options::Span;

/// A seeded source of random values.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Chance(fastrand::Rng);

impl From<u64> for Chance {
    fn from(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }
}

impl From<Chance> for u64 {
    fn from(chance: Chance) -> Self {
        chance.0.get_seed()
    }
}

impl Chance {
    /// True with this probability. Draws nothing if the answer is certain, so that a fault that is
    /// turned off leaves the other draws of a seed unchanged.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && (probability >= 1.0 || self.0.f64() < probability)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }

    /// A number from a range, both ends included.
    pub fn between(&mut self, range: (u64, u64)) -> u64 {
        if range.1 <= range.0 { range.0 } else { self.0.u64(range.0..=range.1) }
    }

    /// A fraction in [0, 1).
    pub fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    /// A duration from a span, evenly over its orders of magnitude.
    pub fn span(&mut self, span: Span) -> SignedDuration {
        let (min, max) = (span.min.as_secs_f64().max(0.000_001), span.max.as_secs_f64());
        if max <= min {
            return span.min;
        }
        let drawn = min * (max / min).powf(self.0.f64());
        millis(drawn)
    }

    /// The wait for a random event that happens once in `mean`.
    pub fn wait(&mut self, mean: SignedDuration) -> SignedDuration {
        let drawn = -(1.0 - self.0.f64()).ln() * mean.as_secs_f64();
        millis(drawn.clamp(0.001, mean.as_secs_f64() * 20.0))
    }

    /// An instant up to `jitter` before or after `at`.
    pub fn near(&mut self, at: Timestamp, jitter: SignedDuration) -> Timestamp {
        if jitter.is_zero() {
            return at;
        }
        at + millis(jitter.as_secs_f64() * (self.0.f64() * 2.0 - 1.0))
    }

    /// A random id.
    pub fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.0.u128(..).to_be_bytes()).into_uuid()
    }
}

/// Seconds, rounded to the millisecond: finer instants would make traces harder to read and
/// mean nothing.
fn millis(seconds: f64) -> SignedDuration {
    #[expect(clippy::cast_possible_truncation, reason = "spans are at most years")]
    SignedDuration::from_millis((seconds * 1_000.0) as i64)
}
