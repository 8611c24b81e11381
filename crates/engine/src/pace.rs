//! The speed of a transfer, measured between our own looks. The agent's own figure is the average
//! over the whole transfer: it says nothing about the last minutes.

use jiff::{SignedDuration, Timestamp};

/// Looks closer together than this measure chance rather than speed.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// Age, in seconds, at which a measurement counts for a third.
const MEMORY: f64 = 60.0;

/// The speed of a transfer, measured from its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    seen: Option<(Timestamp, u64)>,
    speed: Option<f64>,
}

impl Pace {
    /// Adds the bytes that a look has shown.
    pub fn saw(&mut self, at: Timestamp, bytes: u64) {
        let Some((before, had)) = self.seen else {
            self.seen = Some((at, bytes));
            return;
        };
        let span = at.duration_since(before);
        if bytes < had || span.is_negative() {
            *self = Self { seen: Some((at, bytes)), speed: None };
            return;
        }
        if span < APART {
            return;
        }
        self.seen = Some((at, bytes));
        #[expect(clippy::cast_precision_loss, reason = "a speed that is shown")]
        let now = (bytes - had) as f64 / span.as_secs_f64();
        let weight = 1.0 - (-span.as_secs_f64() / MEMORY).exp();
        self.speed = Some(self.speed.map_or(now, |speed| speed + (now - speed) * weight));
    }

    /// Bytes per second; absent until two looks have shown that they move.
    pub fn speed(&self) -> Option<f64> {
        self.speed.filter(|speed| *speed > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(looks: &[(i64, u64)]) -> Option<f64> {
        let mut pace = Pace::default();
        for (second, bytes) in looks {
            pace.saw(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(*second), *bytes);
        }
        pace.speed()
    }

    #[test]
    fn a_speed_needs_two_looks_between_which_bytes_have_moved() {
        assert_eq!(pace(&[]), None);
        assert_eq!(pace(&[(0, 500)]), None);
        assert_eq!(pace(&[(0, 500), (10, 500)]), None);
        assert_eq!(pace(&[(0, 500), (10, 1_500)]), Some(100.0));
    }

    #[test]
    fn the_last_minutes_count_and_what_starts_over_is_forgotten() {
        let mut looks = vec![(0, 0), (3_600, 3_600_000)];
        looks.extend((1..=60).map(|n| (3_600 + n * 5, 3_600_000 + u64::try_from(n).unwrap() * 50)));
        let slow = pace(&looks).unwrap();
        assert!((10.0..20.0).contains(&slow), "a thousand a second, then ten: {slow}");
        assert_eq!(pace(&[(0, 500), (10, 1_500), (20, 0)]), None, "it was begun anew");
    }
}
