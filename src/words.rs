//! Times, durations and sizes in words short enough for a table.
//!
//! A duration, and so how far off a moment is, is told by one rule everywhere ([`span`]). A moment
//! with a date has its offset too.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

pub use crate::core::amount::bytes;
use crate::core::date_time::with_offset;
pub use crate::core::duration::span;
use crate::core::ids::{RunId, TransferId};
use crate::core::reason::Wording;

/// The length of the beginning of a run's id that is enough to name it.
pub const ID_SHOWN: usize = 8;

/// The format of times.
#[derive(Clone, Debug)]
pub struct Times {
    /// The present, which relative times are measured from.
    pub now: Timestamp,
    /// The reader's zone.
    pub zone: TimeZone,
    /// `--absolute`.
    pub absolute: bool,
}

impl Times {
    /// A time, as the reader wants it.
    pub fn at(&self, time: Timestamp) -> String {
        if self.absolute {
            return self.full(time);
        }
        let distance = time.duration_since(self.now);
        if distance.abs() < SignedDuration::from_secs(1) {
            "now".to_owned()
        } else if distance.is_negative() {
            format!("{} ago", span(distance.abs()))
        } else {
            format!("in {}", span(distance))
        }
    }

    /// The same by the clock of another zone, where one is given.
    #[must_use]
    pub fn in_zone(&self, zone: Option<&TimeZone>) -> Self {
        Self { zone: zone.unwrap_or(&self.zone).clone(), ..self.clone() }
    }

    /// How far away a time is that was just written: ` (in 2 d)`; empty with `--absolute`.
    pub fn beside(&self, time: Timestamp) -> String {
        if self.absolute { String::new() } else { format!(" ({})", self.at(time)) }
    }

    /// A time within a sentence, and how far away it is.
    pub fn moment(&self, time: Timestamp) -> String {
        format!("{}{}", self.zoned(time), self.beside(time))
    }

    /// A time with its date and its offset, in the reader's zone.
    pub fn full(&self, time: Timestamp) -> String {
        with_offset(time, &self.zone)
    }

    /// A coming occurrence: `Sat 02:30 (in 13 h)`, in the zone of its job. Today without the day,
    /// beyond six days with the date, and with the offset where that differs from the reader's.
    pub fn next(&self, time: Timestamp, zone: Option<&TimeZone>) -> String {
        let zone = zone.unwrap_or(&self.zone);
        let there = time.to_zoned_datetime(zone.clone());
        let today = self.now.to_zoned_datetime(zone.clone()).date();
        let days = there.date().duration_since(today).as_hours() / 24;
        let day = match days {
            0 => "",
            1..=6 => "%a ",
            _ => "%Y-%m-%d ",
        };
        let clock = if there.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        let here = time.to_zoned_datetime(self.zone.clone());
        let offset = if here.offset() == there.offset() { "" } else { " %:z" };
        let told = there.strftime(&format!("{day}{clock}{offset}")).to_string();
        format!("{told} ({})", Self { absolute: false, ..self.clone() }.at(time))
    }

    /// A time with its date, in the reader's zone, where the zone is shown elsewhere.
    pub fn dated(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A time for a narrow cell: `02:30` of today, `Thu 02:30` of the last six days, else its date;
    /// the zone is told besides. With `--absolute` always the date, and the offset.
    pub fn short(&self, time: Timestamp) -> String {
        let there = |time: Timestamp| time.to_zoned_datetime(self.zone.clone());
        let (time, now) = (there(time), there(self.now));
        let days = now.date().duration_since(time.date()).as_hours() / 24;
        let clock = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        let day = match days {
            0 if !self.absolute => "",
            1..=6 if !self.absolute => "%a ",
            _ => "%Y-%m-%d ",
        };
        let offset = if self.absolute { " %:z" } else { "" };
        time.strftime(&format!("{day}{clock}{offset}")).to_string()
    }

    /// The offset of the reader's zone at a time.
    pub fn offset(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.zone.clone()).strftime("%:z").to_string()
    }

    /// The reader's zone, and its offset at present.
    pub fn zone(&self) -> String {
        let offset = self.offset(self.now);
        match self.zone.iana_name() {
            Some(name) => format!("{name} ({offset})"),
            None => offset,
        }
    }

    /// A time within a sentence, with its offset: today without its date.
    pub fn zoned(&self, time: Timestamp) -> String {
        format!("{} {}", self.brief(time), self.offset(time))
    }

    /// A time whose zone is shown elsewhere: today without its date.
    pub fn brief(&self, time: Timestamp) -> String {
        let there = |time: Timestamp| time.to_zoned_datetime(self.zone.clone());
        let (time, now) = (there(time), there(self.now));
        let form = if time.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
        time.strftime(form).to_string()
    }

    /// A time of day with milliseconds, in the reader's zone.
    pub fn clock(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S.%3f").to_string()
    }

    /// Its date, in the reader's zone.
    pub fn date(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.zone.clone()).strftime("%A, %Y-%m-%d").to_string()
    }
}

/// Ids cut to their beginnings, which every command accepts, and times as they are read within a
/// sentence.
impl Wording for Times {
    fn run(&self, run: RunId) -> String {
        run.to_string()[..ID_SHOWN].to_owned()
    }

    fn transfer(&self, transfer: TransferId) -> String {
        transfer.to_string()[..ID_SHOWN].to_owned()
    }

    fn time(&self, at: Timestamp) -> String {
        self.zoned(at)
    }
}

/// An occurrence with its weekday and its offset: `Sat 2026-11-28 02:30 +01:00`.
pub fn occurrence(at: &ZonedDateTime) -> String {
    let clock = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    at.strftime(&format!("%a %Y-%m-%d {clock} %:z")).to_string()
}

/// A count and its noun, which takes an `s` except for one.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The system's message without its error number, which only programs look up, and without the name
/// of a temporary file.
pub fn without_innards(text: &str) -> String {
    let mut plain = text.to_owned();
    for (begin, end) in [(" (os error ", ')'), (" at path \"", '"')] {
        while let Some(at) = plain.find(begin) {
            let behind = at + begin.len();
            let Some(length) = plain[behind..].find(end) else { break };
            plain.replace_range(at..=behind + length, "");
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::reason::{Reason, SkipReason};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_only_programs_look_up_is_left_out() {
        let text = "`x`: Permission denied (os error 13) at path \"/y/.tokenQ\"; look (os error 2)";
        assert_eq!(without_innards(text), "`x`: Permission denied; look");
        assert_eq!(without_innards("cut (os error 1"), "cut (os error 1");
        assert_eq!(without_innards("at path \"x"), "at path \"x");
    }

    #[test]
    fn times_are_told_from_where_the_reader_stands() {
        let times = Times { now: at(100_000), zone: TimeZone::UTC, absolute: false };
        assert_eq!(times.at(at(100_000)), "now");
        assert_eq!(times.at(at(99_995)), "5 s ago");
        assert_eq!(times.at(at(100_090)), "in 1 min 30 s");
        assert_eq!(times.at(at(100_000 + 5_400)), "in 1 h 30 min");
        assert_eq!(times.at(at(100_000 - 49 * 3_600)), "2 d 1 h ago");
        assert_eq!(times.at(at(100_000 + 11 * 86_400)), "in 11 d");
        let times = Times { absolute: true, ..times };
        assert_eq!(times.at(at(0)), "1970-01-01 00:00:00 +00:00");
        assert_eq!(times.short(at(0)), "1970-01-01 00:00 +00:00");
    }

    #[test]
    fn a_reason_is_told_from_where_the_reader_stands() {
        let times = Times { now: at(100_000), zone: TimeZone::UTC, absolute: false };
        let run = RunId("6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01".parse().unwrap());
        let since = at(99_995);
        let overlap = Reason::from(SkipReason::Overlap { active: run, since, held: None });
        assert_eq!(
            overlap.sentence(&times),
            "run 6d0f6b0e has been active since 03:46:35 +00:00 (`overlap: skip`)"
        );
        // An operator's words are left as they are.
        let words = format!("see run {run} at 1970-01-02T03:46:35Z");
        let paused = Reason::from(SkipReason::Paused { since: at(0), words: Some(words.clone()) });
        let told = paused.sentence(&times);
        assert_eq!(told, format!("the job has been paused since 1970-01-01 00:00 +00:00: {words}"));
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_024), "1.0 KiB");
        assert_eq!(bytes(10 * 1_024 * 1_024), "10 MiB");
        assert_eq!(bytes(1_023 * 1_024), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16 EiB");
    }
}
