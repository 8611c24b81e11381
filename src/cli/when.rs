//! Times as people write them on the command line: RFC 3339, `2026-11-26`, `02:30`, `yesterday`,
//! `yesterday 02:30`, `last friday`, `Sat 02:30`, `2d`, `-2h`, `2 hours ago`; and as this program
//! writes them: `Sat 2026-11-28 02:30:00 +01:00`.
//!
//! One parser for all commands. The meaning depends on the option: a day in `--since` is its start
//! and in `--until` its end, `02:30` is the last one past or the next. The command prints how it
//! understood a text, so that nobody has to guess.

mod correction;

use std::io::Write;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, ZonedDateTime};

use crate::core::duration;
use crate::core::schedule::instant_of;

/// The direction in which a duration and a time of day count from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// `2d` is two days ago, `02:30` the last one.
    Past,
    /// `2d` is in two days, `02:30` the next one.
    Future,
}

/// The moment of a day that is meant without a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Its first.
    Start,
    /// The first one after it.
    End,
}

/// The rules for reading a text.
#[derive(Clone, Debug)]
pub struct When {
    /// The present.
    pub now: Timestamp,
    /// The zone of days and times of day.
    pub zone: TimeZone,
    /// The direction of counting.
    pub towards: Towards,
    /// The meaning of a day.
    pub day: Day,
}

/// A time by the calendar and the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Civil {
    /// A moment.
    Moment(DateTime),
    /// A whole day.
    Day(Date),
}

impl When {
    /// The instant that a text means.
    ///
    /// # Errors
    /// A message: the text is not a time, or one that no calendar has.
    pub fn read(&self, text: &str) -> Result<Timestamp, String> {
        let text = text.trim();
        let unknown = || correction::of(text);
        let beyond = || format!("`{text}` is further away than any calendar goes");
        if let Some(time) = instant(text) {
            return Ok(time);
        }
        if text.eq_ignore_ascii_case("now") {
            return Ok(self.now);
        }
        if let Some((distance, towards)) = distance(text) {
            let time = match towards.unwrap_or(self.towards) {
                Towards::Past => self.now.checked_sub(distance),
                Towards::Future => self.now.checked_add(distance),
            };
            return time.map_err(|_| beyond());
        }
        let first = |day: Date| instant_of(day.to_datetime(Time::midnight()), &self.zone);
        match self.civil(text).ok_or_else(unknown)? {
            Civil::Moment(moment) => instant_of(moment, &self.zone).ok_or_else(beyond),
            Civil::Day(day) if self.day == Day::Start => first(day).ok_or_else(beyond),
            // The last day that there is has no next one.
            Civil::Day(day) => Ok(day.tomorrow().ok().and_then(first).unwrap_or(Timestamp::MAX)),
        }
    }

    /// The span of the day that a text names without a time of day, if it does. Prints on `err` which
    /// day that is, unless that is obvious.
    pub fn day_aloud(
        &self,
        option: &str,
        text: &str,
        err: &mut dyn Write,
    ) -> Option<(Timestamp, Timestamp)> {
        let text = text.trim();
        let Civil::Day(day) = self.civil(text)? else { return None };
        say_day(option, text, day, err);
        self.whole_day(text)
    }

    /// As [`When::read`]; prints on `err` how it understood the text, unless that is obvious.
    ///
    /// # Errors
    /// As for [`When::read`].
    pub fn read_aloud(
        &self,
        option: &str,
        text: &str,
        err: &mut dyn Write,
    ) -> Result<Timestamp, String> {
        let time = self.read(text)?;
        if text.trim().parse::<Timestamp>().is_err() {
            let zoned = time.to_zoned_datetime(self.zone.clone());
            let meant = zoned.strftime("%a %Y-%m-%d %H:%M:%S %:z");
            // There is nobody to tell if standard error is gone.
            let _ = writeln!(err, "{option} {}: {meant}", text.trim());
        }
        Ok(time)
    }

    /// The first instant of the day that a text names without a time of day, and the first one
    /// after that day.
    pub fn whole_day(&self, text: &str) -> Option<(Timestamp, Timestamp)> {
        let Civil::Day(day) = self.civil(text.trim())? else { return None };
        let first = |day: Date| instant_of(day.to_datetime(Time::midnight()), &self.zone);
        Some((first(day)?, first(day.tomorrow().ok()?)?))
    }

    /// A day or a moment in the zone; none if the text is neither.
    pub fn civil(&self, text: &str) -> Option<Civil> {
        if instant(text).is_some() {
            return None;
        }
        let text = without_weekday(text);
        if let Ok(moment) = text.parse::<DateTime>()
            && text.contains(':')
        {
            return Some(Civil::Moment(moment));
        }
        let today = self.now.to_zoned_datetime(self.zone.clone());
        if let Some(time) = time_of_day(text) {
            let moment = today.date().to_datetime(time);
            let begun = moment <= today.datetime();
            let moment = match (self.towards, begun) {
                (Towards::Past, true) | (Towards::Future, false) => Some(moment),
                (Towards::Past, false) => moment.checked_sub(1.day()).ok(),
                (Towards::Future, true) => moment.checked_add(1.day()).ok(),
            };
            return moment.map(Civil::Moment);
        }
        let behind = text.rsplit_once(' ').map(|(day, time)| (day, time_of_day(time)));
        let before = text.split_once(' ').map(|(time, day)| (day, time_of_day(time)));
        let with_time = behind.filter(|(_, time)| time.is_some());
        let with_time = with_time.or(before.filter(|(_, time)| time.is_some()));
        let (day, time) = with_time.unwrap_or((text, None));
        let day = day.trim().trim_end_matches(" at");
        let date = self.date(day, today.date())?;
        Some(time.map_or(Civil::Day(date), |time| Civil::Moment(date.to_datetime(time))))
    }

    fn date(&self, text: &str, today: Date) -> Option<Date> {
        match text.to_lowercase().as_str() {
            "today" => return Some(today),
            "yesterday" => return today.yesterday().ok(),
            "tomorrow" => return today.tomorrow().ok(),
            _ => {}
        }
        let text = text.to_lowercase();
        if let Some(weekday) = text.strip_prefix("last ").and_then(weekday) {
            return today.nth_weekday(-1, weekday).ok();
        }
        if let Some(weekday) = text.strip_prefix("next ").and_then(weekday) {
            return today.nth_weekday(1, weekday).ok();
        }
        if let Some(weekday) = weekday(&text) {
            return match self.towards {
                Towards::Past if today.weekday() == weekday => Some(today),
                Towards::Past => today.nth_weekday(-1, weekday).ok(),
                Towards::Future => today.nth_weekday(1, weekday).ok(),
            };
        }
        text.parse::<Date>().ok().filter(|_| text.contains('-'))
    }
}

/// Prints the day that a text means, with its weekday.
pub(super) fn say_day(option: &str, text: &str, day: Date, err: &mut dyn Write) {
    let day = day.strftime("%a %Y-%m-%d").to_string();
    if day != text {
        // There is nobody to tell if standard error is gone.
        let _ = writeln!(err, "{option} {text}: {day}");
    }
}

/// A moment that depends on no zone but the written one: RFC 3339, also with a zone's name in
/// brackets, or with an offset or a zone's name apart.
fn instant(text: &str) -> Option<Timestamp> {
    let text = without_weekday(text);
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Ok(time) = text.parse::<ZonedDateTime>() {
        return Some(time.timestamp());
    }
    let (moment, zone) = text.rsplit_once(' ')?;
    let moment = moment.contains(':').then(|| moment.trim().parse::<DateTime>().ok()).flatten()?;
    if zone.starts_with(['+', '-']) || zone == "Z" {
        return format!("{moment}{zone}").parse().ok();
    }
    // Abbreviations such as `CET` have different meanings in different places.
    let zone = match zone {
        "UTC" | "GMT" => TimeZone::UTC,
        name if name.contains('/') => TimeZone::get(name).ok()?,
        _ => return None,
    };
    instant_of(moment, &zone)
}

/// The text without the weekday before its date, if it is the right one.
fn without_weekday(text: &str) -> &str {
    let Some((day, rest)) = text.split_once(' ') else { return text };
    let date = rest.split([' ', 'T']).next().and_then(|date| date.parse::<Date>().ok());
    match (weekday(day), date) {
        (Some(weekday), Some(date)) if date.weekday() == weekday => rest.trim_start(),
        _ => text,
    }
}

/// `2d`, `-2d`, `2d ago`, `in 2d`, `2 days ago`: the distance, and the direction if it is given.
fn distance(text: &str) -> Option<(SignedDuration, Option<Towards>)> {
    let past = text.strip_suffix(" ago").or_else(|| text.strip_prefix('-'));
    let future = || text.strip_prefix("in ").or_else(|| text.strip_prefix('+'));
    let (text, towards) = match past {
        Some(text) => (text, Some(Towards::Past)),
        None => match future() {
            Some(text) => (text, Some(Towards::Future)),
            None => (text, None),
        },
    };
    let distance = duration::parse(text).ok().or_else(|| spelled(text))?;
    Some((distance, towards))
}

/// `2 days`, `1 h 30 min`, `an hour`.
fn spelled(text: &str) -> Option<SignedDuration> {
    let mut words = text.split_ascii_whitespace();
    let mut total = SignedDuration::ZERO;
    while let Some(number) = words.next() {
        let number: u32 = match number {
            "a" | "an" => 1,
            digits => digits.parse().ok()?,
        };
        let seconds = match words.next()?.to_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            _ => return None,
        };
        total = total.checked_add(SignedDuration::from_secs(i64::from(number) * seconds))?;
    }
    (!total.is_zero()).then_some(total)
}

/// `02:30` or `02:30:15`.
fn time_of_day(text: &str) -> Option<Time> {
    let digits = |text: &str| text.len() <= 2 && text.chars().all(|c| c.is_ascii_digit());
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(|part| digits(part)) {
        return None;
    }
    let mut numbers = parts.iter().map(|part| part.parse::<i8>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    Time::new(hour, minute, second, 0).ok()
}

fn weekday(text: &str) -> Option<Weekday> {
    let text = text.to_lowercase();
    let names = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let named = names
        .iter()
        .find(|(name, _)| *name == text || (text.len() == 3 && name.starts_with(&text)));
    named.map(|(_, weekday)| *weekday)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 2026-11-27, 14:00 in Berlin.
    fn when(towards: Towards, day: Day) -> When {
        let now = "2026-11-27T14:00:00+01:00".parse().unwrap();
        When { now, zone: TimeZone::get("Europe/Berlin").unwrap(), towards, day }
    }

    fn read(when: &When, text: &str) -> String {
        let time = when.read(text).unwrap_or_else(|words| panic!("{words}"));
        time.to_zoned_datetime(when.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    #[test]
    fn the_past_is_written_as_people_write_it() {
        let past = when(Towards::Past, Day::Start);
        for (text, meant) in [
            ("2026-11-26T02:30:00+01:00", "2026-11-26T02:30:00+01:00"),
            ("2026-11-26T01:30:00Z", "2026-11-26T02:30:00+01:00"),
            ("2026-11-26", "2026-11-26T00:00:00+01:00"),
            ("2026-11-26 02:30", "2026-11-26T02:30:00+01:00"),
            ("2026-11-26T02:30", "2026-11-26T02:30:00+01:00"),
            ("02:30", "2026-11-27T02:30:00+01:00"),
            ("2:30", "2026-11-27T02:30:00+01:00"),
            ("15:00", "2026-11-26T15:00:00+01:00"),
            ("14:00", "2026-11-27T14:00:00+01:00"),
            ("yesterday", "2026-11-26T00:00:00+01:00"),
            ("Yesterday 02:30:15", "2026-11-26T02:30:15+01:00"),
            ("today", "2026-11-27T00:00:00+01:00"),
            ("Thu 02:30", "2026-11-26T02:30:00+01:00"),
            ("friday", "2026-11-27T00:00:00+01:00"),
            ("sat", "2026-11-21T00:00:00+01:00"),
            ("last friday", "2026-11-20T00:00:00+01:00"),
            ("last Thu 22:00", "2026-11-26T22:00:00+01:00"),
            ("yesterday at 22:00", "2026-11-26T22:00:00+01:00"),
            ("22:00 yesterday", "2026-11-26T22:00:00+01:00"),
            ("-2h", "2026-11-27T12:00:00+01:00"),
            ("2 hours ago", "2026-11-27T12:00:00+01:00"),
            ("1 h 30 min ago", "2026-11-27T12:30:00+01:00"),
            ("an hour ago", "2026-11-27T13:00:00+01:00"),
            ("2 weeks", "2026-11-13T14:00:00+01:00"),
            ("2d", "2026-11-25T14:00:00+01:00"),
            ("1h30m ago", "2026-11-27T12:30:00+01:00"),
            ("now", "2026-11-27T14:00:00+01:00"),
            ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ] {
            assert_eq!(read(&past, text), meant, "{text}");
        }
    }

    #[test]
    fn a_time_with_a_zone_is_the_same_everywhere() {
        let past = when(Towards::Past, Day::Start);
        for text in [
            "2026-11-28T02:30:00+01:00",
            "2026-11-28 02:30:00+01:00",
            "2026-11-28 02:30:00 +01:00",
            "2026-11-28 02:30 +01:00",
            "Sat 2026-11-28 02:30 +01:00",
            "2026-11-28 02:30 +0100",
            "2026-11-28T01:30:00Z",
            "2026-11-28 01:30Z",
            "2026-11-28 01:30 UTC",
            "2026-11-27 20:30 America/New_York",
            "2026-11-27T20:30:00[America/New_York]",
            "2026-11-28T02:30+01:00[Europe/Berlin]",
        ] {
            assert_eq!(read(&past, text), "2026-11-28T02:30:00+01:00", "{text}");
            assert!(past.civil(text).is_none(), "{text}");
        }
        assert_eq!(read(&past, "Sat 2026-11-28"), "2026-11-28T00:00:00+01:00");
        assert!(past.read("Fri 2026-11-28").is_err(), "it is a Saturday");
    }

    #[test]
    fn the_future_counts_the_other_way_and_a_day_to_its_end() {
        let future = when(Towards::Future, Day::End);
        for (text, meant) in [
            ("2d", "2026-11-29T14:00:00+01:00"),
            ("in 90m", "2026-11-27T15:30:00+01:00"),
            ("+90m", "2026-11-27T15:30:00+01:00"),
            ("in 2 days", "2026-11-29T14:00:00+01:00"),
            ("next Fri 08:00", "2026-12-04T08:00:00+01:00"),
            ("02:30", "2026-11-28T02:30:00+01:00"),
            ("15:00", "2026-11-27T15:00:00+01:00"),
            ("tomorrow", "2026-11-29T00:00:00+01:00"),
            ("tomorrow 08:00", "2026-11-28T08:00:00+01:00"),
            ("2026-12-24", "2026-12-25T00:00:00+01:00"),
            ("Mon 08:00", "2026-11-30T08:00:00+01:00"),
        ] {
            assert_eq!(read(&future, text), meant, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_said_to_be_none() {
        let past = when(Towards::Past, Day::Start);
        for text in [
            "",
            "2",
            "25:00",
            "12:60",
            "2026-13-01",
            "2026-02-30",
            "nightly",
            "-5",
            "- 5m",
            "ago",
            "2 fortnights ago",
            "last",
            "2026-11-26 02:30 CET",
            "2026-11-26 02:30 Europe/Nowhere",
            "11/26/2026",
            "1:2:3:4",
            "yesterday noon",
            "20261126",
        ] {
            let words = past.read(text).unwrap_err();
            assert!(words.contains("is not a time"), "{text}: {words}");
        }
    }

    #[test]
    fn a_day_is_told_with_its_weekday() {
        let past = when(Towards::Past, Day::Start);
        let mut err = Vec::new();
        for text in ["yesterday", "2026-11-26", "Thu 2026-11-26"] {
            let (first, end) = past.day_aloud("at", text, &mut err).unwrap();
            assert_eq!(end.duration_since(first).as_hours(), 24);
        }
        assert_eq!(past.day_aloud("at", "02:30", &mut err), None);
        let said = String::from_utf8(err).unwrap();
        assert_eq!(said, "at yesterday: Thu 2026-11-26\nat 2026-11-26: Thu 2026-11-26\n");
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_is_the_first_after_the_gap_as_for_schedules() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-03-29T12:00:00+02:00".parse().unwrap();
        let when = When { now, zone, towards: Towards::Past, day: Day::Start };
        for text in ["02:30", "02:00", "2026-03-29 02:59:59", "2026-03-29 02:30 Europe/Berlin"] {
            assert_eq!(read(&when, text), "2026-03-29T03:00:00+02:00", "{text}");
        }
        assert_eq!(read(&when, "03:30"), "2026-03-29T03:30:00+02:00");
        assert_eq!(
            read(&when, "2025-10-26 02:30"),
            "2025-10-26T02:30:00+02:00",
            "of two the first"
        );
    }

    #[test]
    fn what_is_meant_is_said_unless_it_is_plain() {
        let past = when(Towards::Past, Day::Start);
        let mut err = Vec::new();
        past.read_aloud("--since", "yesterday", &mut err).unwrap();
        past.read_aloud("--since", "2026-11-26T01:30:00Z", &mut err).unwrap();
        let said = String::from_utf8(err).unwrap();
        assert_eq!(said, "--since yesterday: Thu 2026-11-26 00:00:00 +01:00\n");
    }
}
