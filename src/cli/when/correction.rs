//! The message about a text that is not a time: what is wrong with it, and what to write instead.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::time_of_day;
use crate::core::duration;

/// What to write where nothing better can be said.
const FORMS: &str = "write `2026-11-26 02:30`, `2026-11-26`, `02:30`, `yesterday 02:30`, a duration \
                     such as `2d`, or with a zone `2026-11-26 02:30 +01:00`";

/// Words for times, and what to write.
const WORDS: &[(&[&str], &str)] = &[
    (&["noon", "midday"], "write `12:00`"),
    (&["midnight"], "write `00:00`"),
    (&["tonight", "this evening"], "write the time of day, for example `22:00`"),
    (&["last night"], "write for example `yesterday 22:00`"),
    (&["week", "last week", "a week", "weekly"], "write `7d`"),
    (&["month", "last month", "a month"], "write `30d`"),
    (&["year", "last year", "a year"], "write `365d`"),
    (
        &["never", "forever", "always", "none", "no", "off", "unlimited", "indefinitely"],
        "without a limit in time, leave the option out",
    ),
];

/// The message about a text that is not a time.
pub(super) fn of(text: &str) -> String {
    if text.is_empty() {
        return format!("an empty text is not a time: {FORMS}");
    }
    let lower = text.to_lowercase();
    let word = WORDS.iter().find(|(words, _)| words.contains(&lower.as_str()));
    let better = word
        .map(|(_, hint)| (*hint).to_owned())
        .or_else(|| of_half_day(&lower))
        .or_else(|| of_clock(text))
        .or_else(|| of_seconds(text))
        .or_else(|| of_date(text))
        .or_else(|| of_duration(text));
    format!("`{text}` is not a time: {}", better.as_deref().unwrap_or(FORMS))
}

/// `2:30pm`, `2 pm`.
fn of_half_day(lower: &str) -> Option<String> {
    let afternoon = lower.strip_suffix("pm");
    let time = afternoon.or_else(|| lower.strip_suffix("am"))?.trim_end();
    let (hour, minute) = time.split_once(':').unwrap_or((time, "00"));
    let hour: u8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let hour = hour % 12 + if afternoon.is_some() { 12 } else { 0 };
    let time = format!("{hour:02}:{minute}");
    time_of_day(&time).map(|_| format!("write `{time}`"))
}

/// `25:00`, `24:00`, `12:60`.
fn of_clock(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let digits = |text: &&str| text.len() == 2 && text.chars().all(|c| c.is_ascii_digit());
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(digits) {
        return None;
    }
    Some(match (parts[0], parts[1]) {
        ("24", "00") => "a day begins at `00:00`, and ends at the next".to_owned(),
        _ => "a day goes from `00:00` to `23:59`".to_owned(),
    })
}

/// `@1764300000`.
fn of_seconds(text: &str) -> Option<String> {
    let seconds = text.strip_prefix('@')?.parse().ok()?;
    Timestamp::from_second(seconds).ok().map(|at| format!("write `{at}`"))
}

/// `2026-02-30`, `28.11.2026`, `11/28/2026`.
fn of_date(text: &str) -> Option<String> {
    let mark = ['-', '.', '/'].into_iter().find(|mark| text.matches(*mark).count() == 2)?;
    let parts = text.split(mark).map(|part| part.parse::<i16>().ok());
    let parts: Vec<i16> = parts.collect::<Option<_>>()?;
    let [first, second, third] = parts[..] else { return None };
    let date = |year: i16, month: i16, day: i16| {
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    if first > 99 {
        return Some(match date(first, second, third) {
            Some(date) => format!("write `{date}`"),
            None => format!("there is no {text} in the calendar"),
        });
    }
    let (by_day, by_month) = (date(third, second, first), date(third, first, second));
    Some(match (mark, by_day, by_month) {
        ('.', Some(date), _) | (_, Some(date), None) | ('/', None, Some(date)) => {
            format!("write `{date}`")
        }
        _ => "a date is written `2026-11-26`: year, month, day".to_owned(),
    })
}

/// `1w`, `1.5h`, `2h30`.
fn of_duration(text: &str) -> Option<String> {
    let span = text.trim_start_matches(['+', '-']);
    let span = span.strip_prefix("in ").or_else(|| span.strip_suffix(" ago")).unwrap_or(span);
    let is_one = span.starts_with(|c: char| c.is_ascii_digit()) && !span.contains([':', '-', '/']);
    if !is_one || !span.contains(char::is_alphabetic) {
        return None;
    }
    if let Some((hours, minutes)) = span.split_once('h')
        && let (Ok(hours), Ok(minutes)) = (hours.parse::<u32>(), minutes.parse::<u32>())
    {
        return Some(format!("write `{hours}h{minutes}m`"));
    }
    if let Some(months) = span.strip_suffix("mo").and_then(|number| number.parse::<i64>().ok()) {
        let days = SignedDuration::from_hours(24 * 30 * months.clamp(0, 1_000));
        return Some(format!("there is no unit for months: write `{}`", duration::format(days)));
    }
    duration::parse(span).err()?.hint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_time_is_said_and_what_is_meant() {
        for (text, better) in [
            ("1w", "write `7d`"),
            ("1.5h", "write `1h30m`"),
            ("2h30", "write `2h30m`"),
            ("2mo", "write `60d`"),
            ("2:30pm", "write `14:30`"),
            ("12am", "write `00:00`"),
            ("12 pm", "write `12:00`"),
            ("25:00", "from `00:00` to `23:59`"),
            ("24:00", "begins at `00:00`"),
            ("2026-02-30", "there is no 2026-02-30"),
            ("2026-13-01", "there is no 2026-13-01"),
            ("2026/11/28", "write `2026-11-28`"),
            ("28.11.2026", "write `2026-11-28`"),
            ("11/28/2026", "write `2026-11-28`"),
            ("11/12/2026", "year, month, day"),
            ("noon", "write `12:00`"),
            ("Midnight", "write `00:00`"),
            ("last week", "write `7d`"),
            ("last night", "write for example `yesterday 22:00`"),
            ("never", "leave the option out"),
            ("@1764300000", "write `2025-11-28T03:20:00Z`"),
            ("nightly", "write `2026-11-26 02:30`, "),
            ("20261126", "write `2026-11-26 02:30`, "),
            ("", "write `2026-11-26 02:30`, "),
        ] {
            let words = of(text);
            assert!(words.contains("is not a time: ") && words.contains(better), "{words}");
        }
    }
}
